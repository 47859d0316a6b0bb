//! A text as tokens: words and signs, without white space and case.

/// Whether names count.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Identifiers {
    /// They do.
    #[default]
    Kept,
    /// All words but those of programming languages are the same, so that renamed variables change nothing. Numbers too.
    /// For code only: prose becomes the same everywhere.
    Ignored,
}

/// One token: its hash and where it stands.
#[derive(Clone, Copy, Default)]
pub(super) struct Token {
    pub(super) hash: u64,
    pub(super) start: u32,
    pub(super) end: u32,
}

/// Words of programming languages that stay themselves where names are ignored.
const KEYWORDS: &str = " abstract and as assert async await bool boolean break byte case catch char class const continue def default defer del delete do double dyn elif else end enum except export extends extern false final finally float fn for foreach from func function go goto if impl implements import in include inline instanceof int interface is lambda let local long loop match mod module mut namespace new nil none not null object of operator or override package pass print private protected pub public raise ref repeat require return self select short signed sizeof static string struct super switch then this throw throws trait true try type typedef typeof union unless unsafe unsigned until use using val var virtual void volatile when where while with yield ";

/// Calls `each` for every token of a text.
pub(super) fn each_token(text: &str, names: Identifiers, mut each: impl FnMut(Token)) {
    let b = text.as_bytes();
    let mut i = 0;
    while let Some(c) = b.get(i).copied() {
        if c.is_ascii_whitespace() {
            i += 1;
            continue;
        }
        let start = i;
        let mut hash = 0xcbf2_9ce4_8422_2325u64;
        let part = |c: u8| c.is_ascii_alphanumeric() || c == b'_' || c >= 0x80;
        if part(c) {
            while let Some(c) = b.get(i).copied().filter(|c| part(*c)) {
                hash = step(hash, c.to_ascii_lowercase());
                i += 1;
            }
            if names == Identifiers::Ignored && !is_keyword(b.get(start..i).unwrap_or_default()) {
                hash = u64::from(!c.is_ascii_digit());
            }
        } else {
            hash = step(hash, c);
            i += 1;
        }
        each(Token { hash, start: start as u32, end: i as u32 });
    }
}

/// FNV-1a.
fn step(hash: u64, byte: u8) -> u64 {
    (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
}

fn is_keyword(word: &[u8]) -> bool {
    let Some(word) = std::str::from_utf8(word).ok().filter(|w| w.len() <= 10) else { return false };
    KEYWORDS.split(' ').any(|k| k.eq_ignore_ascii_case(word))
}
