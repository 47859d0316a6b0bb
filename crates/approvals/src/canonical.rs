//! Canonical JSON (RFC 8785) of a value that was parsed: one text for all spellings of the same value. A number that a
//! double does not hold exactly keeps its own digits: two numbers that a server could tell apart never share a text.

use std::borrow::Cow;

use carnet_json::{Kind, Value};

/// The canonical text of a value.
#[must_use]
pub fn canonical(value: Value<'_>) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

/// The canonical text of an object without some of its members.
#[must_use]
pub fn canonical_without(value: Value<'_>, skip: &[&str]) -> String {
    let mut out = String::new();
    if value.kind() == Kind::Object {
        object(value, skip, &mut out)
    } else {
        write(value, &mut out)
    }
    out
}

fn write(value: Value<'_>, out: &mut String) {
    match value.kind() {
        Kind::Object => object(value, &[], out),
        Kind::Array => {
            out.push('[');
            for (n, item) in value.items().enumerate() {
                if n > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        Kind::String | Kind::Key => out.push_str(&quote(&value.as_str().unwrap_or_default())),
        Kind::Number => out.push_str(&number(value.raw_str())),
        Kind::True | Kind::False | Kind::Null => out.push_str(value.raw_str()),
    }
}

/// Members in the order of the UTF-16 units of their names.
fn object(value: Value<'_>, skip: &[&str], out: &mut String) {
    let mut members: Vec<(Cow<'_, str>, Value<'_>)> =
        value.entries().map(|(key, member)| (key.as_str().unwrap_or_default(), member)).collect();
    members.retain(|(key, _)| !skip.contains(&&**key));
    members.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
    out.push('{');
    for (n, (key, member)) in members.iter().enumerate() {
        if n > 0 {
            out.push(',');
        }
        out.push_str(&quote(key));
        out.push(':');
        write(*member, out);
    }
    out.push('}');
}

/// A string as RFC 8785 has it: short escapes where there are any, `\u00xx` for the other control characters.
pub(crate) fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A number as ECMAScript prints it, where that keeps its value.
fn number(raw: &str) -> String {
    let Ok(value) = raw.parse::<f64>() else { return raw.to_owned() };
    if !value.is_finite() || digits_of(raw) != digits_of(&format!("{value:e}")) {
        return raw.to_owned();
    }
    ecmascript(value)
}

/// Digits without zeros at the ends, and the power of ten of the last: what tells whether two texts are the same number.
fn digits_of(raw: &str) -> (String, i64) {
    let (mantissa, exponent) = raw.split_once(['e', 'E']).unwrap_or((raw, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{}{fraction}", whole.trim_start_matches('-'));
    let trimmed = all.trim_end_matches('0');
    let zeros = i64::try_from(all.len() - trimmed.len()).unwrap_or(0);
    let fraction = i64::try_from(fraction.len()).unwrap_or(0);
    let exponent = exponent.parse::<i64>().unwrap_or(i64::MAX / 4);
    let digits = trimmed.trim_start_matches('0').to_owned();
    let power = if digits.is_empty() { 0 } else { exponent - fraction + zeros };
    (digits, power)
}

/// `Number.prototype.toString` of a finite double (ECMA-262, Number::toString).
fn ecmascript(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let shortest = format!("{:e}", value.abs());
    let (mantissa, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    let digits = mantissa.replace('.', "");
    let count = i32::try_from(digits.len()).unwrap_or(0);
    let point = exponent.parse::<i32>().unwrap_or(0) + 1;
    let zeros = |n: i32| "0".repeat(usize::try_from(n).unwrap_or(0));
    let text = if count <= point && point <= 21 {
        format!("{digits}{}", zeros(point - count))
    } else if 0 < point && point <= 21 {
        let (whole, fraction) = digits.split_at(usize::try_from(point).unwrap_or(0));
        format!("{whole}.{fraction}")
    } else if -6 < point && point <= 0 {
        format!("0.{}{digits}", zeros(-point))
    } else {
        let sign = if point > 0 { '+' } else { '-' };
        let (first, rest) = digits.split_at(1);
        let dot = if rest.is_empty() { "" } else { "." };
        format!("{first}{dot}{rest}e{sign}{}", (point - 1).abs())
    };
    if value < 0.0 { format!("-{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use carnet_json::{Limits, Tape};

    fn of(text: &str) -> String {
        let tape = Tape::parse(text.as_bytes(), &Limits::default()).expect("JSON");
        canonical(tape.root(text.as_bytes()))
    }

    #[test]
    fn texts_of_the_specification() {
        // RFC 8785, 3.2.2 to 3.2.4 and appendix B.
        assert_eq!(
            of(
                r#"{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],"string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]}"#
            ),
            r#"{"literals":[null,true,false],"numbers":[333333333.33333329,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}"#
        );
        assert_eq!(
            of(r#"{"\u20ac":1,"\r":2,"\ufb33":3,"1":4,"\ud83d\ude02":5,"\u0080":6,"\u00f6":7}"#),
            "{\"\\r\":2,\"1\":4,\"\u{80}\":6,\"ö\":7,\"€\":1,\"😂\":5,\"\u{fb33}\":3}"
        );
    }

    #[test]
    fn numbers_are_one_text_or_their_own_digits() {
        for (raw, text) in [
            ("0", "0"),
            ("-0", "0"),
            ("1.0", "1"),
            ("1e2", "100"),
            ("10E-1", "1"),
            ("1e21", "1e+21"),
            ("123456789012345680000", "123456789012345680000"),
            ("1.5e-7", "1.5e-7"),
            ("-0.00001", "-0.00001"),
            // A double would not keep these: two of them must not become one.
            ("9007199254740993", "9007199254740993"),
            ("9007199254740992", "9007199254740992"),
            ("1e400", "1e400"),
            ("0.1000000000000000055511151231257827", "0.1000000000000000055511151231257827"),
        ] {
            assert_eq!(of(raw), text, "{raw}");
        }
    }

    proptest::proptest! {
        #[test]
        fn canonical_text_is_its_own(value in "[0-9]{1,18}(\\.[0-9]{1,9})?([eE][+-]?[0-9]{1,3})?") {
            let value = value.trim_start_matches('0');
            let value = if value.starts_with(|c: char| c.is_ascii_digit()) { value.to_owned() } else { format!("0{value}") };
            if Tape::parse(value.as_bytes(), &Limits::default()).is_ok() {
                let once = of(&value);
                proptest::prop_assert_eq!(of(&once), once);
            }
        }
    }
}
