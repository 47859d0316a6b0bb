//! Less exact values: the year of a date, the network of an address, the beginning of a postcode. Never more than that; what
//! does not read as one of them is redacted.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use carnet_model::DataClass;

/// Writes what remains of a value; `false`, and nothing written, where nothing may.
pub(crate) fn generalise(class: DataClass, value: &str, out: &mut Vec<u8>) -> bool {
    let less = match class {
        DataClass::BIRTH_DATE => year(value),
        DataClass::IP => network(value),
        DataClass::ADDRESS => postcode(value),
        _ => None,
    };
    out.extend_from_slice(less.as_deref().unwrap_or_default().as_bytes());
    less.is_some()
}

/// The one number of four digits that can be a year of birth. A date with two of them has none.
fn year(value: &str) -> Option<String> {
    let mut years = value
        .split(|c: char| !c.is_ascii_digit())
        .filter(|run| run.len() == 4)
        .filter(|run| matches!(run.get(..2), Some("18" | "19" | "20")));
    let year = years.next()?;
    // Eight digits in a row (19800312) are a date too, but one that says not where its year stands.
    (years.next().is_none() && value.len() <= 40).then(|| year.to_owned())
}

/// A /24 of IPv4 or a /48 of IPv6.
fn network(value: &str) -> Option<String> {
    match value.trim().parse().ok()? {
        IpAddr::V4(ip) => {
            let [a, b, c, _] = ip.octets();
            Some(format!("{}/24", Ipv4Addr::new(a, b, c, 0)))
        }
        IpAddr::V6(ip) => match ip.to_ipv4_mapped() {
            Some(v4) => network(&v4.to_string()),
            None => {
                let [a, b, c, ..] = ip.segments();
                Some(format!("{}/48", Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0)))
            }
        },
    }
}

/// The first two characters of what is a postcode and nothing else: four to eight letters and digits, two of them digits.
fn postcode(value: &str) -> Option<String> {
    let value = value.trim();
    let plain = |c: char| c.is_ascii_digit() || c.is_ascii_uppercase() || c == ' ' || c == '-';
    let count = value.chars().filter(char::is_ascii_alphanumeric).count();
    let digits = value.chars().filter(char::is_ascii_digit).count();
    if !value.chars().all(plain) || !(4..=8).contains(&count) || digits < 2 || value.len() > 10 {
        return None;
    }
    let mut kept = 0;
    let masked = value.chars().map(|c| {
        if !c.is_ascii_alphanumeric() {
            return c;
        }
        kept += 1;
        if kept <= 2 { c } else { '*' }
    });
    Some(masked.collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(class: DataClass, value: &str) -> String {
        let mut out = Vec::new();
        if generalise(class, value, &mut out) { String::from_utf8(out).unwrap() } else { "-".into() }
    }

    #[test]
    fn what_remains() {
        for (class, value, rest) in [
            (DataClass::BIRTH_DATE, "1980-03-12", "1980"),
            (DataClass::BIRTH_DATE, "12.03.1980", "1980"),
            (DataClass::BIRTH_DATE, "12 March 1980, 04:30", "1980"),
            (DataClass::BIRTH_DATE, "19800312", "-"),
            (DataClass::BIRTH_DATE, "12.03.80", "-"),
            (DataClass::BIRTH_DATE, "1980 or 1981", "-"),
            (DataClass::IP, "203.0.113.77", "203.0.113.0/24"),
            (DataClass::IP, "2001:db8:1:2::3", "2001:db8:1::/48"),
            (DataClass::IP, "::ffff:203.0.113.77", "203.0.113.0/24"),
            (DataClass::IP, "203.0.113.77:443", "-"),
            (DataClass::ADDRESS, "80331", "80***"),
            (DataClass::ADDRESS, "SW1A 1AA", "SW** ***"),
            (DataClass::ADDRESS, "D-80331", "D-8****"),
            (DataClass::ADDRESS, "Hauptstr. 5, 80331 München", "-"),
            (DataClass::ADDRESS, "MAIN 5", "-"),
            (DataClass::PERSON, "Erika Mustermann", "-"),
            (DataClass::IBAN, "DE89370400440532013000", "-"),
        ] {
            assert_eq!(of(class, value), rest, "{value}");
        }
    }

    proptest! {
        /// Values that differ only in what is taken away come out the same.
        #[test]
        fn never_more_than_was_asked_for(y in 1900u32..2030, m in 1u32..13, d in 1u32..29, a: [u8; 4], v6: [u16; 8]) {
            prop_assert_eq!(of(DataClass::BIRTH_DATE, &format!("{y}-{m:02}-{d:02}")), y.to_string());
            let v4 = Ipv4Addr::from(a);
            let first = Ipv4Addr::new(a[0], a[1], a[2], 1);
            prop_assert_eq!(of(DataClass::IP, &v4.to_string()), of(DataClass::IP, &first.to_string()));
            let other = Ipv6Addr::new(v6[0], v6[1], v6[2], 9, 9, 9, 9, 9);
            if Ipv6Addr::from(v6).to_ipv4_mapped().is_none() {
                prop_assert_eq!(of(DataClass::IP, &Ipv6Addr::from(v6).to_string()), of(DataClass::IP, &other.to_string()));
            }
        }

        #[test]
        fn at_most_two_characters_of_anything_else(text in "[ -~]{0,40}") {
            for class in DataClass::BUILT_IN {
                if matches!(*class, DataClass::IP | DataClass::BIRTH_DATE) {
                    continue;
                }
                let out = of(*class, &text);
                prop_assert!(out.chars().filter(char::is_ascii_alphanumeric).count() <= 2, "{}", out);
            }
        }
    }
}
