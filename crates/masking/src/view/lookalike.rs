//! Characters that look like ASCII letters and digits: the table of UTS #39 ("confusables.txt", Unicode License v3), the
//! entries for single letters and digits that no compatibility form covers; and the decimal digits of all scripts.

use std::sync::LazyLock;

/// ASCII character and its look-alikes.
static TABLE: &[(char, &str)] = &[
    ('2', "ƧϨᒿꙄꛯꝚ"),
    ('3', "ƷȜЗӠⳌꝪꞫ𑣊𖼻"),
    ('4', "Ꮞ𑢯"),
    ('5', "Ƽ𑢻"),
    ('6', "бᏮⳒ𑣕"),
    ('7', "𐓒𑣆"),
    ('8', "Ȣȣ𐌚"),
    ('9', "ⳊꝮ𑢬𑣌𑣖"),
    ('A', "ΑАᎪᗅꓮ𐊠𖽀𝚨𝛢𝜜𝝖𝞐"),
    ('B', "ΒВᏴᗷꓐꞴ𐊂𐊡𐌁𝚩𝛣𝜝𝝗𝞑"),
    ('C', "ϹСᏟⲤꓚ𐊢𐌂𐐕𐔜𑣲"),
    ('D', "Ꭰᗞᗪꓓ"),
    ('E', "ΕЕᎬⴹꓰ𐊆𑢦𑢮𝚬𝛦𝜠𝝚𝞔"),
    ('F', "ϜᖴꓝꞘ𐊇𐊥𐔥𑢢𑣂𝟊"),
    ('G', "ԌᏀᏳꓖ"),
    ('H', "ΗНᎻᕼⲎꓧ𐋏𝚮𝛨𝜢𝝜𝞖"),
    ('I', "ƖΙІӀⲒ𝚰𝛪𝜤𝝞𝞘"),
    ('J', "ͿЈᎫᒍꓙꞲ"),
    ('K', "ΚКᏦᛕⲔꓗ𐔘𝚱𝛫𝜥𝝟𝞙"),
    ('L', "ᏞᒪⳐꓡ𐐛𐔦𑢣𑢲𖼖"),
    ('M', "ΜϺМᎷᗰᛖⲘꓟ𐊰𐌑𝚳𝛭𝜧𝝡𝞛"),
    ('N', "ΝⲚꓠ𐔓𝚴𝛮𝜨𝝢𝞜"),
    ('O', "ΟОՕଠዐⲞⵔ〇ꓳ𐊒𐊫𐐄𐓂𐔖𑢵𝚶𝛰𝜪𝝤𝞞"),
    ('P', "ΡРᏢᑭⲢꓑ𐊕𝚸𝛲𝜬𝝦𝞠"),
    ('Q', "ⵕ"),
    ('R', "ƦᎡᏒᖇꓣ𐒴𖼵"),
    ('S', "ЅՏᏕᏚꓢ𐊖𐐠𖼺"),
    ('T', "ΤТᎢⲦꓔ𐊗𐊱𐌕𑢼𖼊𝚻𝛵𝜯𝝩𝞣"),
    ('U', "Սሀᑌꓴ𐓎𑢸𖽂"),
    ('V', "ѴᏙᐯⴸꓦꛟ𐔝𑢠𖼈"),
    ('W', "ԜᎳᏔꓪ𑣯"),
    ('X', "ΧХᚷⲬⵝꓫꞳ𐊐𐊴𐌗𐌢𐔧𑣬𝚾𝛸𝜲𝝬𝞦"),
    ('Y', "ΥϒУҮᎩᎽⲨꓬ𐊲𑢤𖽃𝚼𝛶𝜰𝝪𝞤"),
    ('Z', "ΖᏃꓜ𐋵𑢩𝚭𝛧𝜡𝝛𝞕"),
    ('a', "ɑαа𝛂𝛼𝜶𝝰𝞪"),
    ('b', "ƄЬᏏᑲᖯ"),
    ('c', "ϲсᴄⲥꮯ𐐽"),
    ('d', "ԁᏧᑯꓒ"),
    ('e', "еҽꬲ"),
    ('f', "քẝꞙꬵ"),
    ('g', "ƍɡցᶃ"),
    ('h', "һհᏂ"),
    ('i', "ıɩɪͺιіӏᎥιꙇꭵ𑣃𝚤𝛊𝜄𝜾𝝸𝞲"),
    ('j', "ϳј"),
    ('l', "ǀᛁⵏꓲ𐊊𐌉𐌠𖼨"),
    ('n', "ոռ"),
    ('o', "οσоօഠဝჿᴏᴑⲟꬽ𐐬𐓪𑣈𑣗𝛐𝛔𝜊𝜎𝝄𝝈𝝾𝞂𝞸𝞼"),
    ('p', "ρϱрⲣ𝛒𝛠𝜌𝜚𝝆𝝔𝞀𝞎𝞺𝟈"),
    ('q', "ԛգզ"),
    ('r', "гᴦⲅꭇꭈꮁ"),
    ('s', "ƽѕꜱꮪ𐑈𑣁"),
    ('u', "ʋυսᴜꞟꭎꭒ𐓶𑣘𝛖𝜐𝝊𝞄𝞾"),
    ('v', "νѵᴠꮩ𑜆𑣀𝛎𝜈𝝂𝝼𝞶"),
    ('w', "ɯѡԝաᴡꮃ𑜊𑜎𑜏"),
    ('x', "хᕁᕽ"),
    ('y', "ɣʏγуүყᶌỿℽꭚ𑣜𝛄𝛾𝜸𝝲𝞬"),
    ('z', "ᴢꮓ𑣄"),
];

/// The table by look-alike.
static BY_CHAR: LazyLock<Vec<(char, char)>> = LazyLock::new(|| {
    let mut all: Vec<(char, char)> =
        TABLE.iter().flat_map(|(ascii, alike)| alike.chars().map(|c| (c, *ascii))).collect();
    all.sort_unstable();
    all
});

/// The zeros of all decimal digits (general category Nd, Unicode 16), but for the mathematical ones.
static ZEROS: &[u32] = &[
    0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66, 0x0DE6,
    0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0,
    0x1C40, 0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10, 0x104A0, 0x10D30,
    0x10D40, 0x11066, 0x110F0, 0x11136, 0x111D0, 0x112F0, 0x11450, 0x114D0, 0x11650, 0x116C0, 0x116D0,
    0x116DA, 0x11730, 0x118E0, 0x11950, 0x11BF0, 0x11C50, 0x11D50, 0x11DA0, 0x11F50, 0x16130, 0x16A60,
    0x16AC0, 0x16B50, 0x16D70, 0x1CCF0, 0x1E140, 0x1E2F0, 0x1E4F0, 0x1E5F1, 0x1E950, 0x1FBF0,
];

/// The value of a digit of another script, a mathematical or a circled one.
pub(super) fn digit(n: u32) -> Option<u8> {
    match n {
        0x1D7CE..=0x1D7FF => return Some(((n - 0x1D7CE) % 10) as u8),
        0xB9 => return Some(1),
        0xB2 | 0xB3 => return Some((n - 0xB0) as u8),
        0x2070 | 0x2074..=0x2079 => return Some((n - 0x2070) as u8),
        0x2080..=0x2089 => return Some((n - 0x2080) as u8),
        0x24EA | 0x24FF => return Some(0),
        0x2460..=0x2468 => return Some((n - 0x245F) as u8),
        0x2776..=0x277E => return Some((n - 0x2775) as u8),
        0x2780..=0x2788 => return Some((n - 0x277F) as u8),
        0x278A..=0x2792 => return Some((n - 0x2789) as u8),
        0x24F5..=0x24FD => return Some((n - 0x24F4) as u8),
        _ => {}
    }
    let before = ZEROS.partition_point(|zero| *zero <= n).checked_sub(1)?;
    let value = n - ZEROS.get(before)?;
    (value < 10).then_some(value as u8)
}

/// Reads look-alikes by the word they stand in: letters of another alphabet are plain among their own.
pub(super) struct Words<'a> {
    text: &'a str,
    /// End of the word that was looked at last, and whether it holds ASCII letters or digits.
    end: usize,
    mixed: bool,
    /// It holds nothing but what may stand for digits, and stands beside digits.
    figures: bool,
}

/// Words are looked at this far to both sides.
const REACH: usize = 48;

impl<'a> Words<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Words { text, end: 0, mixed: false, figures: false }
    }

    /// The ASCII letter or digit that the character at `at` is a look-alike of, in a word that has others of them.
    pub(super) fn letter(&mut self, c: char, at: usize) -> Option<char> {
        let found = BY_CHAR.binary_search_by_key(&c, |pair| pair.0).ok()?;
        let ascii = BY_CHAR.get(found)?.1;
        if at >= self.end {
            self.look(at);
        }
        if !self.mixed {
            return None;
        }
        Some(if self.figures || self.among_digits(at, c) {
            digit_alike(ascii).unwrap_or(ascii)
        } else {
            ascii
        })
    }

    fn look(&mut self, at: usize) {
        let part = |c: &char| c.is_alphanumeric();
        let (before, after) = self.text.split_at_checked(at).unwrap_or_default();
        let plain = |c: char| c.is_ascii_alphanumeric();
        let word = || after.chars().take(REACH).take_while(part);
        self.end = at + word().map(char::len_utf8).sum::<usize>().max(1);
        let lead = || before.chars().rev().take(REACH).take_while(part);
        let behind = after.get(self.end - at..).unwrap_or_default();
        // A word of look-alikes only, beside a word with digits, is one of its groups.
        let beside = || {
            let near = |c: &mut dyn Iterator<Item = char>| {
                let group = c.skip_while(|c| matches!(c, ' ' | '-' | '.')).take(4);
                group.take_while(part).any(|c| c.is_ascii_digit())
            };
            let first = lead().map(char::len_utf8).sum::<usize>();
            let front = before.get(..before.len() - first).unwrap_or_default();
            word().chain(lead()).all(known) && (near(&mut behind.chars()) || near(&mut front.chars().rev()))
        };
        let ascii = word().any(plain) || lead().any(plain);
        let group = !ascii && beside();
        self.mixed = ascii || group;
        self.figures = group && word().chain(lead()).all(figure);
    }

    /// Whether what stands beside the character is digits, not letters.
    fn among_digits(&self, at: usize, c: char) -> bool {
        let (before, after) = self.text.split_at_checked(at).unwrap_or_default();
        let side = |c: Option<char>| c.filter(|c| c.is_alphanumeric()).map(figure);
        let left = side(before.chars().next_back());
        let right = side(after.get(c.len_utf8()..).and_then(|rest| rest.chars().next()));
        (left == Some(true) || right == Some(true)) && left != Some(false) && right != Some(false)
    }
}

/// Is in the table.
fn known(c: char) -> bool {
    BY_CHAR.binary_search_by_key(&c, |pair| pair.0).is_ok()
}

/// Is a digit or may stand for one.
fn figure(c: char) -> bool {
    c.is_ascii_digit()
        || BY_CHAR
            .binary_search_by_key(&c, |pair| pair.0)
            .ok()
            .and_then(|n| BY_CHAR.get(n))
            .is_some_and(|pair| pair.1.is_ascii_digit() || digit_alike(pair.1).is_some())
}

/// The digit that a letter is taken for.
fn digit_alike(ascii: char) -> Option<char> {
    match ascii {
        'O' | 'o' => Some('0'),
        'I' | 'l' | 'i' => Some('1'),
        _ => None,
    }
}
