//! `application/x-www-form-urlencoded`: forms of the page, answers of a provider, callbacks of a chat. A field that comes
//! twice is refused: which one counts, two readers could see differently.

use std::collections::BTreeMap;

/// No form has more fields.
const MOST: usize = 64;

/// Fields by name.
#[derive(Clone, Default)]
pub(crate) struct Form(BTreeMap<String, String>);

impl Form {
    /// `None` for what is no form.
    pub(crate) fn parse(text: &str) -> Option<Form> {
        let mut fields = BTreeMap::new();
        for pair in text.split('&').filter(|p| !p.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            if fields.len() >= MOST || fields.insert(decode(name)?, decode(value)?).is_some() {
                return None;
            }
        }
        Some(Form(fields))
    }

    /// A field; empty where there is none.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// Names of the fields that begin so, without that beginning.
    pub(crate) fn starting<'a>(&'a self, with: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.keys().filter_map(move |name| name.strip_prefix(with))
    }
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&b, after)) = rest.split_first() {
        rest = after;
        match b {
            b'+' => bytes.push(b' '),
            b'%' => {
                let (pair, after) = rest.split_at_checked(2)?;
                let digits =
                    std::str::from_utf8(pair).ok().filter(|p| p.bytes().all(|b| b.is_ascii_hexdigit()))?;
                bytes.push(u8::from_str_radix(digits, 16).ok()?);
                rest = after;
            }
            b => bytes.push(b),
        }
    }
    String::from_utf8(bytes).ok()
}

/// A value for a query or a form.
pub(crate) fn encode(text: &str) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |n: u8| DIGITS.get(usize::from(n)).copied().map_or('0', char::from);
    let mut out = String::with_capacity(text.len());
    for b in text.bytes() {
        if b.is_ascii_alphanumeric() || b"-._~".contains(&b) {
            out.push(char::from(b));
        } else {
            out.extend(['%', digit(b >> 4), digit(b & 15)]);
        }
    }
    out
}

/// Names and values as a query or a form.
pub(crate) fn join(fields: &[(&str, &str)]) -> String {
    fields
        .iter()
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
        .collect::<Vec<_>>()
        .join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields() {
        let form = Form::parse("a=1+2&b=%C3%BC%26&c&free.x=on").unwrap();
        assert_eq!((form.get("a"), form.get("b"), form.get("c"), form.get("d")), ("1 2", "ü&", "", ""));
        assert_eq!(form.starting("free.").collect::<Vec<_>>(), ["x"]);
        for bad in ["a=1&a=2", "a=%", "a=%zz", "a=%+1", "a=%ff"] {
            assert!(Form::parse(bad).is_none(), "{bad}");
        }
        assert!(Form::parse(&"a=1&".repeat(2)).is_none());
    }

    proptest::proptest! {
        #[test]
        fn round_trip(name in "\\PC{1,9}", value in "\\PC{0,20}") {
            let form = Form::parse(&join(&[(&name, &value)])).unwrap();
            proptest::prop_assert_eq!(form.get(&name), value);
        }
    }
}
