//! Characters of the encodings that PDF names, names of glyphs, and strings outside of pages (ISO 32000-1, annex D).

/// 0x80 to 0x9F.
const WIN: &str = "€•‚ƒ„…†‡ˆ‰Š‹Œ•Ž••‘’“”•–—˜™š›œ•žŸ";
/// 0x80 to 0xFF.
const MAC: &str = "ÄÅÇÉÑÖÜáàâäãåçéèêëíìîïñóòôöõúùûü†°¢£§•¶ß®©™´¨≠ÆØ∞±≤≥¥µ∂∑∏π∫ªºΩæø¿¡¬√ƒ≈∆«»…\u{a0}ÀÃÕŒœ–—“”‘’÷◊ÿŸ⁄€‹›ﬁﬂ‡·‚„‰ÂÊÁËÈÍÎÏÌÓÔ\u{f8ff}ÒÚÛÙıˆ˜¯˘˙˚¸˝˛ˇ";
/// 0xA1 to 0xFB; a space where there is none.
const STANDARD: &str =
    "¡¢£⁄¥ƒ§¤'“«‹›ﬁﬂ –†‡· ¶•‚„”»…‰ ¿ `´ˆ˜¯˘˙¨ ˚¸ ˝˛ˇ—                Æ ª    ŁØŒº     æ   ı  łøœß";
/// 0x80 to 0xA0 of strings.
const DOCUMENT: &str = "•†‡…—–ƒ⁄‹›−‰„“”‘’‚™ﬁﬂŁŒŠŸŽıłœšž\u{fffd}€";

/// An encoding that PDF names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Base {
    Standard,
    Win,
    Mac,
}

impl Base {
    pub(super) fn char(self, code: u8) -> Option<char> {
        let high = |list: &str, from: u8| list.chars().nth(usize::from(code - from));
        match (self, code) {
            (_, 0..0x20) => None,
            (Base::Standard, b'\'') => Some('’'),
            (Base::Standard, b'`') => Some('‘'),
            (_, 0x20..=0x7E) => Some(char::from(code)),
            (Base::Win, 0x80..=0x9F) => high(WIN, 0x80),
            (Base::Win, 0xA0..) => Some(char::from(code)),
            (Base::Mac, 0x80..) => high(MAC, 0x80),
            (Base::Standard, 0xA1..=0xFB) => high(STANDARD, 0xA1).filter(|c| *c != ' '),
            _ => None,
        }
    }
}

/// Names that say nothing of their character by themselves.
const NAMES: &[(&str, &str)] = &[
    ("space", " "),
    ("exclam", "!"),
    ("quotedbl", "\""),
    ("numbersign", "#"),
    ("dollar", "$"),
    ("percent", "%"),
    ("ampersand", "&"),
    ("quotesingle", "'"),
    ("parenleft", "("),
    ("parenright", ")"),
    ("asterisk", "*"),
    ("plus", "+"),
    ("comma", ","),
    ("hyphen", "-"),
    ("minus", "-"),
    ("period", "."),
    ("slash", "/"),
    ("zero", "0"),
    ("one", "1"),
    ("two", "2"),
    ("three", "3"),
    ("four", "4"),
    ("five", "5"),
    ("six", "6"),
    ("seven", "7"),
    ("eight", "8"),
    ("nine", "9"),
    ("colon", ":"),
    ("semicolon", ";"),
    ("less", "<"),
    ("equal", "="),
    ("greater", ">"),
    ("question", "?"),
    ("at", "@"),
    ("bracketleft", "["),
    ("backslash", "\\"),
    ("bracketright", "]"),
    ("asciicircum", "^"),
    ("underscore", "_"),
    ("grave", "`"),
    ("braceleft", "{"),
    ("bar", "|"),
    ("braceright", "}"),
    ("asciitilde", "~"),
    ("fi", "fi"),
    ("fl", "fl"),
    ("ff", "ff"),
    ("ffi", "ffi"),
    ("ffl", "ffl"),
    ("endash", "–"),
    ("emdash", "—"),
    ("quoteright", "’"),
    ("quoteleft", "‘"),
    ("quotedblleft", "“"),
    ("quotedblright", "”"),
    ("quotesinglbase", "‚"),
    ("quotedblbase", "„"),
    ("bullet", "•"),
    ("ellipsis", "…"),
    ("germandbls", "ß"),
    ("ae", "æ"),
    ("AE", "Æ"),
    ("oe", "œ"),
    ("OE", "Œ"),
    ("oslash", "ø"),
    ("Oslash", "Ø"),
    ("lslash", "ł"),
    ("Lslash", "Ł"),
    ("eth", "ð"),
    ("Eth", "Ð"),
    ("thorn", "þ"),
    ("Thorn", "Þ"),
    ("dcroat", "đ"),
    ("Dcroat", "Đ"),
    ("dotlessi", "ı"),
    ("sterling", "£"),
    ("Euro", "€"),
    ("yen", "¥"),
    ("cent", "¢"),
    ("currency", "¤"),
    ("section", "§"),
    ("paragraph", "¶"),
    ("degree", "°"),
    ("copyright", "©"),
    ("registered", "®"),
    ("trademark", "™"),
    ("guillemotleft", "«"),
    ("guillemotright", "»"),
    ("guilsinglleft", "‹"),
    ("guilsinglright", "›"),
    ("nbspace", " "),
    ("nonbreakingspace", " "),
    ("sfthyphen", "-"),
    ("periodcentered", "·"),
    ("middot", "·"),
    ("exclamdown", "¡"),
    ("questiondown", "¿"),
    ("ordmasculine", "º"),
    ("ordfeminine", "ª"),
    ("multiply", "×"),
    ("divide", "÷"),
    ("plusminus", "±"),
    ("mu", "µ"),
    ("dagger", "†"),
    ("daggerdbl", "‡"),
    ("perthousand", "‰"),
    ("fraction", "/"),
    ("acute", "´"),
    ("dieresis", "¨"),
    ("cedilla", "¸"),
    ("circumflex", "ˆ"),
    ("tilde", "˜"),
    ("caron", "ˇ"),
    ("brokenbar", "¦"),
    ("logicalnot", "¬"),
    ("onesuperior", "¹"),
    ("twosuperior", "²"),
    ("threesuperior", "³"),
];

/// Accents in names such as `Aacute`, as marks behind the letter.
const ACCENTS: &[(&str, char)] = &[
    ("acute", '\u{301}'),
    ("grave", '\u{300}'),
    ("circumflex", '\u{302}'),
    ("dieresis", '\u{308}'),
    ("tilde", '\u{303}'),
    ("ring", '\u{30a}'),
    ("cedilla", '\u{327}'),
    ("caron", '\u{30c}'),
    ("ogonek", '\u{328}'),
    ("macron", '\u{304}'),
    ("breve", '\u{306}'),
    ("dotaccent", '\u{307}'),
    ("hungarumlaut", '\u{30b}'),
    ("commaaccent", '\u{326}'),
    ("slash", '\u{338}'),
];

/// The text of a glyph by its name.
pub(super) fn named(name: &str) -> Option<String> {
    let name = name.split('.').next().filter(|n| !n.is_empty())?;
    if let Some((_, text)) = NAMES.iter().find(|(n, _)| *n == name) {
        return Some((*text).to_owned());
    }
    let mut chars = name.chars();
    let first = chars.next().filter(char::is_ascii_alphabetic)?;
    let rest = chars.as_str();
    if rest.is_empty() {
        return Some(first.to_string());
    }
    if let Some((_, mark)) = ACCENTS.iter().find(|(n, _)| *n == rest) {
        return Some(format!("{first}{mark}"));
    }
    let hex = name.strip_prefix("uni").or_else(|| name.strip_prefix('u')).filter(|h| h.len() >= 4)?;
    let code = |h: &str| u32::from_str_radix(h, 16).ok().and_then(char::from_u32);
    if hex.len() <= 6 { code(hex).map(String::from) } else { code(hex.get(..4)?).map(String::from) }
}

/// A string outside of pages: UTF-16, UTF-8, or the encoding of documents.
pub(super) fn document_text(bytes: &[u8]) -> String {
    if let Some(rest) = bytes.strip_prefix(b"\xFE\xFF") {
        let units: Vec<u16> = rest.as_chunks::<2>().0.iter().map(|p| u16::from_be_bytes(*p)).collect();
        return String::from_utf16_lossy(&units);
    }
    if let Some(rest) = bytes.strip_prefix(b"\xFF\xFE") {
        let units: Vec<u16> = rest.as_chunks::<2>().0.iter().map(|p| u16::from_le_bytes(*p)).collect();
        return String::from_utf16_lossy(&units);
    }
    if let Ok(text) = std::str::from_utf8(bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes)) {
        return text.to_owned();
    }
    let char = |b: &u8| match b {
        0x80..=0xA0 => DOCUMENT.chars().nth(usize::from(b - 0x80)).unwrap_or('\u{fffd}'),
        b => char::from(*b),
    };
    bytes.iter().map(char).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_and_names() {
        assert_eq!(Base::Win.char(0x80), Some('€'));
        assert_eq!(Base::Win.char(0xFC), Some('ü'));
        assert_eq!(Base::Mac.char(0x9F), Some('ü'));
        assert_eq!(Base::Mac.char(0xFF), Some('ˇ'));
        assert_eq!(Base::Standard.char(0xFB), Some('ß'));
        assert_eq!(Base::Standard.char(0xE8), Some('Ł'));
        assert_eq!(named("Aacute").as_deref(), Some("A\u{301}"));
        assert_eq!(named("uni00E9").as_deref(), Some("é"));
        assert_eq!(named("seven.oldstyle").as_deref(), Some("7"));
        assert_eq!(named("g123"), None);
        assert_eq!(document_text(b"\xFE\xFF\x00J\x00\xFC"), "Jü");
        assert_eq!(document_text(b"caf\x8a"), "caf−");
    }
}
