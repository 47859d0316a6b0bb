//! Addresses to countries: ranges in ranges, both families, the registries' form, files that are refused. And a
//! property: the look-up says what a search through all lines says.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::{r, table};
use crate::{AddressError, Addresses, Known, Place};

const TABLE: &str = "\
# documentation prefixes
192.0.2.0/24, de
192.0.2.128/25 fr
192.0.2.200 us
198.51.100.0/24\tgb
2001:db8::/32 se
\"2001:db8:1::/48\",\"NO\"
ripencc|EU|ipv4|203.0.113.0|256|20240101|allocated|x
";

const DELEGATED: &str = "\
2|ripencc|20261101|3|19830705|20261031|+0100
ripencc|*|ipv4|*|2|summary
ripencc|*|asn|*|1|summary
ripencc|FR|ipv4|192.0.2.0|192|20240101|allocated|6a1b
ripencc|NL|ipv4|192.0.2.192|64|20240101|assigned|6a1c
ripencc||ipv4|198.51.100.0|256||available
ripencc|SE|ipv6|2001:db8::|32|20240101|allocated|6a1d
ripencc|DE|asn|64496|1|20240101|allocated|6a1e
";

fn country(addresses: &Addresses, address: &str) -> Option<String> {
    addresses.country(address.parse().unwrap()).map(|c| c.to_string())
}

#[test]
fn where_an_address_is() {
    let plain = Addresses::parse(&table(), TABLE).unwrap();
    for (address, expected) in [
        ("192.0.1.255", None),
        ("192.0.2.0", Some("de")),
        ("192.0.2.127", Some("de")),
        ("192.0.2.128", Some("fr")),
        ("192.0.2.199", Some("fr")),
        ("192.0.2.200", Some("us")),
        ("192.0.2.201", Some("fr")),
        ("192.0.2.255", Some("fr")),
        ("192.0.3.0", None),
        ("198.51.100.7", Some("gb")),
        // `EU` is no place.
        ("203.0.113.1", None),
        ("::ffff:192.0.2.1", Some("de")),
        ("2001:db8::1", Some("se")),
        ("2001:db8:1::1", Some("no")),
        ("2001:db8:2::", Some("se")),
        ("2001:db9::", None),
        ("::1", None),
        ("127.0.0.1", None),
        ("255.255.255.255", None),
    ] {
        assert_eq!(country(&plain, address).as_deref(), expected, "{address}");
    }
    let registry = Addresses::parse(&table(), DELEGATED).unwrap();
    for (address, expected) in [
        ("192.0.2.191", Some("fr")),
        ("192.0.2.192", Some("nl")),
        ("198.51.100.1", None),
        ("2001:db8:ffff::1", Some("se")),
    ] {
        assert_eq!(country(&registry, address).as_deref(), expected, "{address}");
    }
    assert_eq!(
        plain.place("198.51.100.1".parse().unwrap()),
        Some(Place { region: r("gb"), known: Known::Observed })
    );
    assert_ne!(plain.hash(), registry.hash());
}

#[test]
fn a_conflict_is_nowhere() {
    let seen = Place { region: r("gb"), known: Known::Observed };
    for (said, place, known) in [
        ("eu-west-2", "gb", Known::Observed),
        ("gb", "gb", Known::Observed),
        ("fr", "unknown", Known::Unknown),
        ("eea", "unknown", Known::Unknown),
        ("world", "gb", Known::Observed),
        ("unknown", "gb", Known::Observed),
        ("moon", "unknown", Known::Unknown),
    ] {
        let settled = table().settle(&[Place::asserted(r(said)), seen.clone()]);
        assert_eq!(settled, Place { region: r(place), known }, "{said}");
    }
}

#[test]
fn a_file_that_says_two_things_is_refused() {
    for (text, error) in [
        ("192.0.2.0/24", AddressError::Line(1)),
        ("192.0.2.0/33 de", AddressError::Line(1)),
        ("192.0.2.1/24 de", AddressError::Line(1)),
        ("192.0.2.0/24 germany", AddressError::Line(1)),
        ("192.0.2.0/24 de fr", AddressError::Line(1)),
        ("\n\n192.0.2/24 de", AddressError::Line(3)),
        ("2001:db8::/129 de", AddressError::Line(1)),
        ("2001:db8::1/64 de", AddressError::Line(1)),
        ("192.0.2.0/24 de\n192.0.2.0/24 fr", AddressError::Overlap(2)),
        (
            "x|de|ipv4|192.0.2.0|200|1|allocated\nx|fr|ipv4|192.0.2.100|200|1|allocated",
            AddressError::Overlap(2),
        ),
        ("x|de|ipv4|255.255.255.0|257|1|allocated", AddressError::Line(1)),
        ("x|de|ipv4|192.0.2.0|0|1|allocated", AddressError::Line(1)),
        ("x|de|ipv6|2001:db8::|999|1|allocated", AddressError::Line(1)),
        ("x|de", AddressError::Line(1)),
    ] {
        assert_eq!(Addresses::parse(&table(), text).unwrap_err(), error, "{text}");
    }
    let twice = "192.0.2.0/24 de\n192.0.2.0/24 DE\n0.0.0.0/0 us\n::/0 fr\n255.255.255.255/32 gb";
    let addresses = Addresses::parse(&table(), twice).unwrap();
    assert_eq!(country(&addresses, "192.0.2.9").as_deref(), Some("de"));
    assert_eq!(country(&addresses, "192.0.3.9").as_deref(), Some("us"));
    assert_eq!(country(&addresses, "255.255.255.255").as_deref(), Some("gb"));
    assert_eq!(country(&addresses, "::1").as_deref(), Some("fr"));
    assert_eq!(country(&addresses, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff").as_deref(), Some("fr"));
}

proptest! {
    #[test]
    fn a_search_through_all_lines_finds_the_same(
        lines in proptest::collection::vec((0u32..64, 26u32..=32, 0usize..4), 0..12),
        asked in proptest::collection::vec(0u32..80, 32),
    ) {
        const NAMES: [&str; 4] = ["de", "fr", "gb", "us"];
        let base = u32::from(Ipv4Addr::new(192, 0, 2, 0));
        let mut ranges: Vec<(u32, u32, &str)> = Vec::new();
        let mut text = String::new();
        for (at, bits, name) in lines {
            let size = 1u32 << (32 - bits);
            let first = base + at / size * size;
            if ranges.iter().any(|r| (r.0, r.1) == (first, first + size - 1)) {
                continue;
            }
            ranges.push((first, first + size - 1, NAMES[name]));
            text.push_str(&format!("{}/{bits} {}\n", Ipv4Addr::from(first), NAMES[name]));
        }
        let addresses = Addresses::parse(&table(), &text).unwrap();
        for n in asked {
            let address = base + n;
            let narrowest = ranges.iter().filter(|r| r.0 <= address && address <= r.1).min_by_key(|r| r.1 - r.0);
            let found = addresses.country(IpAddr::V4(Ipv4Addr::from(address))).map(|c| c.to_string());
            prop_assert_eq!(found.as_deref(), narrowest.map(|r| r.2));
        }
    }

    #[test]
    fn no_text_breaks_it(text in "[0-9a-fx:|./, \n*-]{0,200}", address: u128) {
        if let Ok(addresses) = Addresses::parse(&table(), &text) {
            let _ = addresses.country(IpAddr::V6(Ipv6Addr::from(address)));
        }
    }
}
