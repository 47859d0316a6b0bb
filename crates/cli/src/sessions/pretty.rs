//! JSON for people: indented, every number and text as it was recorded, short lists and objects on one line.

use carnet_json::{Kind, Limits, Tape, Value};

/// Objects and lists up to this many bytes stay on one line.
const SHORT: usize = 72;

/// The document, every line begun with `margin`; the bytes as they are if it is no JSON.
pub(super) fn pretty(bytes: &[u8], margin: &str) -> String {
    let limits = Limits { bytes: usize::MAX, ..Limits::default() };
    let mut out = margin.to_owned();
    match Tape::parse(bytes, &limits) {
        Ok(tape) => write(&mut out, tape.root(bytes), margin),
        Err(_) => out.push_str(&String::from_utf8_lossy(bytes).replace('\n', &format!("\n{margin}"))),
    }
    out
}

fn write(out: &mut String, value: Value<'_>, margin: &str) {
    let (open, close) = match value.kind() {
        Kind::Object => ('{', '}'),
        Kind::Array => ('[', ']'),
        _ => return out.push_str(value.raw_str()),
    };
    if value.raw().len() <= SHORT && !value.raw().contains(&b'\n') {
        return out.push_str(value.raw_str());
    }
    let inner = format!("{margin}  ");
    out.push(open);
    let mut first = true;
    let mut next = |out: &mut String| {
        out.push_str(if std::mem::take(&mut first) { "\n" } else { ",\n" });
        out.push_str(&inner);
    };
    if value.kind() == Kind::Object {
        for (key, child) in value.entries() {
            next(out);
            out.push_str(key.raw_str());
            out.push_str(": ");
            write(out, child, &inner);
        }
    } else {
        for child in value.items() {
            next(out);
            write(out, child, &inner);
        }
    }
    out.push('\n');
    out.push_str(margin);
    out.push(close);
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn numbers_and_order_stay() {
        let text = br#"{"z":1.0,"a":{"content":[{"type":"text","text":"Ada Lovelace <[EMAIL]> lives here \u00e9 and there"}],"n":12345678901234567890}}"#;
        expect![[r#"
            > {
            >   "z": 1.0,
            >   "a": {
            >     "content": [
            >       {
            >         "type": "text",
            >         "text": "Ada Lovelace <[EMAIL]> lives here \u00e9 and there"
            >       }
            >     ],
            >     "n": 12345678901234567890
            >   }
            > }"#]]
        .assert_eq(&pretty(text, "> "));
        assert_eq!(pretty(b"not json", "> "), "> not json");
    }
}
