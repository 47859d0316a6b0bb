//! A key as words: camel, snake, kebab and dots are taken apart, accents taken off, filler words left out.

const MAX_KEY: usize = 72;
const MAX_WORDS: usize = 12;

/// Words that say nothing: `date of birth`, `numero de telefono`, `Name des Kunden`.
const FILLERS: &[&str] = &[
    "of", "the", "de", "du", "des", "del", "della", "dello", "di", "da", "do", "dos", "das", "der", "den",
    "d", "l", "la", "le", "el", "els", "van", "het", "z", "za", "on", "your", "please", "enter", "s", "in",
];

const LONGEST_FILLER: usize = 6;

/// The words of a key in lower case without accents, one behind the other.
pub(super) struct Words {
    text: String,
    /// Where each word begins; the end behind the last.
    starts: [usize; MAX_WORDS + 1],
    pub(super) n: usize,
}

impl Words {
    /// The words; `None` for what is no key.
    pub(super) fn read(key: &str) -> Option<Words> {
        if key.len() > MAX_KEY || key.len() < 2 {
            return None;
        }
        if key.is_ascii() { Words::ascii(key.as_bytes()) } else { Words::any(key) }
    }

    fn any(key: &str) -> Option<Words> {
        let mut words =
            Words { text: String::with_capacity(key.len() + 8), starts: [0; MAX_WORDS + 1], n: 0 };
        let mut last = ' ';
        let mut chars = key.chars().peekable();
        while let Some(c) = chars.next() {
            let next_small = chars.peek().is_some_and(|c| c.is_lowercase());
            let camel = c.is_uppercase()
                && (last.is_lowercase() || last.is_ascii_digit() || last.is_uppercase() && next_small);
            // Invisible characters and the accent of a letter before it.
            if matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}' | '\u{300}'..='\u{36f}')
            {
                continue;
            }
            if !c.is_alphanumeric() {
                last = ' ';
                continue;
            }
            if last == ' ' || camel {
                if words.n == MAX_WORDS {
                    return None;
                }
                *words.starts.get_mut(words.n)? = words.text.len();
                words.n += 1;
            }
            plain(c, &mut words.text);
            last = c;
        }
        *words.starts.get_mut(words.n)? = words.text.len();
        (words.n > 0).then_some(words)
    }

    /// The words of a key in ASCII, as nearly all are.
    fn ascii(key: &[u8]) -> Option<Words> {
        let mut words = Words { text: String::with_capacity(key.len()), starts: [0; MAX_WORDS + 1], n: 0 };
        let mut last = b' ';
        for (i, c) in key.iter().enumerate() {
            if !c.is_ascii_alphanumeric() {
                last = b' ';
                continue;
            }
            let next_small = || key.get(i + 1).is_some_and(u8::is_ascii_lowercase);
            let camel = c.is_ascii_uppercase()
                && (last.is_ascii_lowercase()
                    || last.is_ascii_digit()
                    || last.is_ascii_uppercase() && next_small());
            if last == b' ' || camel {
                if words.n == MAX_WORDS {
                    return None;
                }
                *words.starts.get_mut(words.n)? = words.text.len();
                words.n += 1;
            }
            words.text.push(char::from(c.to_ascii_lowercase()));
            last = *c;
        }
        *words.starts.get_mut(words.n)? = words.text.len();
        (words.n > 0).then_some(words)
    }

    /// Some of the words as one.
    pub(super) fn join(&self, from: usize, to: usize) -> &str {
        let at = |i: usize| self.starts.get(i).copied().unwrap_or(self.text.len());
        self.text.get(at(from)..at(to)).unwrap_or_default()
    }

    /// Whether a word begins at this place of the joined text, or the last one ends there.
    pub(super) fn begins(&self, at: usize) -> bool {
        self.starts.get(..=self.n).is_some_and(|starts| starts.contains(&at))
    }

    /// The same without fillers; `None` if there is none.
    pub(super) fn without_fillers(&self) -> Option<Words> {
        let kept = |i: &usize| {
            let word = self.join(*i, i + 1);
            word.len() > LONGEST_FILLER || !FILLERS.contains(&word)
        };
        let n = (0..self.n).filter(kept).count();
        if n == 0 || n == self.n {
            return None;
        }
        let mut out =
            Words { text: String::with_capacity(self.text.len()), starts: [0; MAX_WORDS + 1], n: 0 };
        for i in (0..self.n).filter(kept) {
            *out.starts.get_mut(out.n)? = out.text.len();
            out.text.push_str(self.join(i, i + 1));
            out.n += 1;
        }
        *out.starts.get_mut(out.n)? = out.text.len();
        Some(out)
    }
}

/// Lower case without accents.
fn plain(c: char, out: &mut String) {
    for c in c.to_lowercase() {
        match c {
            'a'..='z' | '0'..='9' => out.push(c),
            // Full-width letters and digits.
            '\u{ff10}'..='\u{ff5a}' => out.extend(char::from_u32(c as u32 - 0xfee0)),
            'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' | 'ā' | 'ă' | 'ą' => out.push('a'),
            'ç' | 'ć' | 'č' | 'ċ' => out.push('c'),
            'ď' | 'đ' | 'ð' => out.push('d'),
            'è' | 'é' | 'ê' | 'ë' | 'ē' | 'ė' | 'ę' | 'ě' => out.push('e'),
            'ģ' | 'ğ' | 'ġ' => out.push('g'),
            'ħ' => out.push('h'),
            'ì' | 'í' | 'î' | 'ï' | 'ī' | 'į' | 'ı' => out.push('i'),
            'ķ' => out.push('k'),
            'ľ' | 'ļ' | 'ł' | 'ĺ' => out.push('l'),
            'ñ' | 'ń' | 'ň' | 'ņ' => out.push('n'),
            'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' | 'ő' | 'ō' => out.push('o'),
            'ř' | 'ŕ' => out.push('r'),
            'ś' | 'š' | 'ș' | 'ş' => out.push('s'),
            'ß' => out.push_str("ss"),
            'ť' | 'ț' | 'ţ' => out.push('t'),
            'þ' => out.push_str("th"),
            'ù' | 'ú' | 'û' | 'ü' | 'ū' | 'ů' | 'ű' | 'ų' => out.push('u'),
            'ý' | 'ÿ' => out.push('y'),
            'ź' | 'ż' | 'ž' => out.push('z'),
            'æ' => out.push_str("ae"),
            'œ' => out.push_str("oe"),
            'ά' => out.push('α'),
            'έ' => out.push('ε'),
            'ή' => out.push('η'),
            'ί' | 'ϊ' | 'ΐ' => out.push('ι'),
            'ό' => out.push('ο'),
            'ύ' | 'ϋ' | 'ΰ' => out.push('υ'),
            'ώ' => out.push('ω'),
            'ς' => out.push('σ'),
            // The dot that lower-casing the Turkish İ leaves.
            '\u{307}' => {}
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn keys_in_ascii_are_read_as_all_are(key in "([a-z]{1,4}|[A-Z]{1,3}|[0-9]|[_ .-]|[ -~]){1,20}") {
            let all = |words: Option<Words>| words.map(|w| (0..w.n).map(|n| w.join(n, n + 1).to_owned()).collect::<Vec<_>>());
            prop_assert_eq!(all(Words::ascii(key.as_bytes())), all(Words::any(&key)));
        }
    }
}
