//! Values that are of a simple form as a whole, as most in records are: an e-mail address, a name of a few words, the digits of
//! a card, an account or a telephone. A look at each byte tells that nothing else can be in them, so that the recognisers of
//! other things, other readings and the search for encodings are left out. What is found is what the long way finds: a test
//! compares them.

use carnet_model::DataClass;

use super::{Hit, Scanner, Text, email, number, secret, whole_value, word};
use crate::keys::Hint;
use crate::options::Names;
use crate::{names, value};

/// Longer texts are looked at the long way.
const LONGEST: usize = 64;
/// So many characters of a token in a row may be a key.
const TOKEN: u32 = 16;
/// And of base64, may encode something.
const CODED: u32 = 10;

/// What is left to do with a text whose values are noted.
pub(crate) enum Direct {
    /// Nothing, if its one value proves itself.
    Figures,
    /// Runs that begin at these places, the first and the last, may encode something.
    Plain(Option<(u32, u32)>),
}

/// How often each kind of byte occurs, and rows of them.
#[derive(Default)]
struct Shape {
    /// A byte each for the kinds below.
    counts: u64,
    longest: u32,
    coded: Option<(u32, u32)>,
}

/// Kinds that are counted. Small letters are not, nor the second bytes of characters.
#[derive(Clone, Copy)]
#[repr(u8)]
enum Kind {
    Digit,
    Blank,
    Hyphen,
    Dot,
    Capital,
    At,
    /// The first byte of a Latin letter with a sign, which stands for nothing but itself.
    Latin,
    Other,
}

/// The kind of a byte.
const fn kind(b: u8) -> Option<Kind> {
    Some(match b {
        b'a'..=b'z' | 0x80..=0xBF => return None,
        b'A'..=b'Z' => Kind::Capital,
        b'0'..=b'9' => Kind::Digit,
        b' ' => Kind::Blank,
        b'-' => Kind::Hyphen,
        b'.' => Kind::Dot,
        b'@' => Kind::At,
        0xC3..=0xC5 => Kind::Latin,
        _ => Kind::Other,
    })
}

// Evaluated by the compiler: an index out of bounds would not build.
#[allow(clippy::indexing_slicing)]
const fn table() -> [u64; 256] {
    let mut table = [0; 256];
    let mut b = 0;
    while b < 256 {
        if let Some(kind) = kind(b as u8) {
            table[b] = 1 << (8 * kind as u32);
        }
        b += 1;
    }
    table
}

static COUNTS: [u64; 256] = table();

impl Shape {
    /// Looks at a text no longer than [`LONGEST`].
    fn of(bytes: &[u8]) -> Shape {
        let mut shape = Shape::default();
        let mut run = 0;
        for (i, b) in bytes.iter().enumerate() {
            shape.counts += COUNTS.get(usize::from(*b)).copied().unwrap_or(0);
            run = if b.is_ascii_alphanumeric() || *b == b'-' { run + 1 } else { 0 };
            shape.longest = shape.longest.max(run);
            if run == CODED {
                let at = i as u32 + 1 - CODED;
                shape.coded = Some((shape.coded.map_or(at, |c| c.0), at));
            }
        }
        shape
    }

    fn count(&self, kind: Kind) -> u8 {
        (self.counts >> (8 * kind as u32)) as u8
    }
}

impl Scanner {
    /// Notes what is in a text of a simple form; `None`, and nothing noted, for all others. It may hold none of the words of
    /// [`super::survey`].
    pub(crate) fn direct(&self, text: &str, hint: Option<Hint>, hits: &mut Vec<Hit>) -> Option<Direct> {
        let bytes = text.as_bytes();
        let class = hint.and_then(|h| h.class);
        if !(2..=LONGEST).contains(&bytes.len()) || !self.own.is_empty() {
            return None;
        }
        let from = hits.len();
        let done = match class {
            None | Some(DataClass::EMAIL) if memchr::memchr(b'@', bytes).is_some() => {
                self.address(text, hint, hits)
            }
            Some(
                DataClass::CARD
                | DataClass::IBAN
                | DataClass::PHONE
                | DataClass::IP
                | DataClass::US_SSN
                | DataClass::NATIONAL_ID
                | DataClass::TAX_ID
                | DataClass::HEALTH_ID,
            ) => self.figures(text, hint, hits),
            Some(DataClass::PERSON | DataClass::LOCATION | DataClass::ADDRESS) => {
                self.words(text, hint?, hits)
            }
            _ => None,
        };
        if done.is_none() {
            hits.truncate(from);
        }
        done
    }

    /// An e-mail address in small letters with few digits, all of them in front of the sign.
    fn address(&self, text: &str, hint: Option<Hint>, hits: &mut Vec<Hit>) -> Option<Direct> {
        let bytes = text.as_bytes();
        let shape = Shape::of(bytes);
        let digits = usize::from(shape.count(Kind::Digit));
        let none = [Kind::Blank, Kind::Capital, Kind::Latin, Kind::Other];
        // Three equal signs may stand at equal distances with digits behind them, four without.
        let signs = shape.count(Kind::Dot) <= 3 - u8::from(digits > 0) && shape.count(Kind::Hyphen) <= 2;
        if digits > 8
            || shape.count(Kind::At) != 1
            || none.into_iter().any(|k| shape.count(k) > 0)
            || !signs
            || shape.longest >= TOKEN
        {
            return None;
        }
        let at = memchr::memchr(b'@', bytes)?;
        let (local, host) = (bytes.get(..at)?, bytes.get(at + 1..)?);
        let letters = local.get(..at.checked_sub(digits)?)?;
        let behind = local.get(letters.len()..)?.iter().all(u8::is_ascii_digit);
        let framed = [letters.first(), letters.last()].iter().all(|b| b.is_some_and(u8::is_ascii_lowercase));
        if !behind || !framed || email::plain_host(host) != Some(host.len()) {
            return None;
        }
        let first = hits.len();
        let mut t = Text { bytes, hint, hits };
        if digits > 0 {
            // Letters that stand for digits would make a number of it.
            if digits > 3
                && letters
                    .iter()
                    .rev()
                    .take_while(|b| b.is_ascii_lowercase())
                    .all(|b| matches!(b, b'o' | b'l'))
            {
                return None;
            }
            let word = letters.iter().rev().take_while(|b| b.is_ascii_lowercase()).count();
            if word::scan(&mut t, self, letters.len() - word, at) > at || t.hits.len() > first {
                return None;
            }
        }
        let (rule, score) = if hint.is_some_and(|h| h.class.is_some()) { ("key", 98) } else { ("email", 95) };
        t.hit(0, bytes.len(), DataClass::EMAIL, "EMAIL_ADDRESS", rule, score);
        Some(Direct::Plain(shape.coded.filter(|_| digits > 0)))
    }

    /// Digits and what stands between them, behind the country for an account.
    fn figures(&self, text: &str, hint: Option<Hint>, hits: &mut Vec<Hit>) -> Option<Direct> {
        let bytes = text.as_bytes();
        let account = hint.is_some_and(|h| h.class == Some(DataClass::IBAN));
        let part = |b: &u8| match b {
            b'0'..=b'9' | b' ' | b'-' => true,
            b'A'..=b'Z' => account,
            _ => !account && matches!(b, b'+' | b'.' | b'/' | b'(' | b')'),
        };
        if !bytes.iter().all(part) || account && secret::begins(bytes) || bytes.first() == Some(&b' ') {
            return None;
        }
        let first = hits.len();
        let mut t = Text { bytes, hint, hits };
        number::scan(&mut t, self);
        let all = |h: &Hit| h.start == 0 && h.end as usize == bytes.len();
        if !matches!(t.hits.get(first..), Some([hit]) if all(hit)) {
            return None;
        }
        match hint.filter(|h| value::fits(*h, text)) {
            Some(hint) => whole_value(&mut t, hint, first),
            None if self.names == Names::Light && names::possible(bytes, false) => return None,
            None => {}
        }
        Some(Direct::Figures)
    }

    /// Words of letters under a key that says what they are.
    fn words(&self, text: &str, hint: Hint, hits: &mut Vec<Hit>) -> Option<Direct> {
        let bytes = text.as_bytes();
        let shape = Shape::of(bytes);
        let none = [Kind::Digit, Kind::At, Kind::Other];
        let few = [Kind::Blank, Kind::Hyphen, Kind::Dot, Kind::Latin];
        let edge = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_alphabetic() || *b >= 0x80);
        if none.into_iter().any(|k| shape.count(k) > 0)
            || few.into_iter().any(|k| shape.count(k) > 3)
            || shape.longest >= TOKEN
            || !edge(bytes.first())
            || !edge(bytes.last())
            || !value::fits(hint, text)
        {
            return None;
        }
        let first = hits.len();
        whole_value(&mut Text { bytes, hint: Some(hint), hits }, hint, first);
        Some(Direct::Plain(shape.coded.filter(|_| shape.count(Kind::Capital) > 0)))
    }
}
