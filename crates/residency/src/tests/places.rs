//! Where places are, which zones hold them, and what holds where sources disagree.

use super::{r, table};
use crate::{Country, Day, Known, Place, ZoneError};

#[test]
fn country_traps() {
    // Region, its country, whether it is in the EU, whether it is in the EEA.
    let traps = [
        ("eu-west-2", Some("gb"), false, false),
        ("eu-central-2", Some("ch"), false, false),
        ("europe-west2", Some("gb"), false, false),
        ("europe-west6", Some("ch"), false, false),
        ("uksouth", Some("gb"), false, false),
        ("switzerlandnorth", Some("ch"), false, false),
        ("westeurope", Some("nl"), true, true),
        ("northeurope", Some("ie"), true, true),
        ("norwayeast", Some("no"), false, true),
        ("eu-north-1", Some("se"), true, true),
        ("EU-Central-1", Some("de"), true, true),
        ("eusc-de-east-1", Some("de"), true, true),
        ("de", Some("de"), true, true),
        ("DE-BW", Some("de"), true, true),
        ("gr", Some("gr"), true, true),
        ("is", Some("is"), false, true),
        ("li", Some("li"), false, true),
        // The Channel Islands and Man were never in it; nor is Gibraltar any more.
        ("gg", Some("gg"), false, false),
        ("je", Some("je"), false, false),
        ("im", Some("im"), false, false),
        ("gi", Some("gi"), false, false),
        ("gb-sct", Some("gb"), false, false),
        // Outermost regions and the Aland islands are in; overseas countries and territories are not.
        ("ax", Some("ax"), true, true),
        ("fi-01", Some("ax"), true, true),
        ("re", Some("re"), true, true),
        ("yt", Some("yt"), true, true),
        ("mf", Some("mf"), true, true),
        ("bl", Some("bl"), false, false),
        ("pm", Some("pm"), false, false),
        ("nc", Some("nc"), false, false),
        ("gl", Some("gl"), false, false),
        ("fo", Some("fo"), false, false),
        ("nl-aw", Some("aw"), false, false),
        ("fr-pf", Some("pf"), false, false),
        // Svalbard is not in the agreement on the Economic Area.
        ("no-21", Some("sj"), false, false),
        ("nl-nh", Some("nl"), true, true),
        ("mc", Some("mc"), false, false),
        ("sm", Some("sm"), false, false),
        ("va", Some("va"), false, false),
        ("us-ca", Some("us"), false, false),
        ("us-pr", Some("pr"), false, false),
        ("ca", Some("ca"), false, false),
        ("cn-hk", Some("hk"), false, false),
        ("cn-hongkong", Some("hk"), false, false),
        ("me-south-1", Some("bh"), false, false),
        ("me-central1", Some("qa"), false, false),
        ("me-central-1", Some("ae"), false, false),
        ("sa-east-1", Some("br"), false, false),
        ("ca-central-1", Some("ca"), false, false),
        ("il-central-1", Some("il"), false, false),
        ("af-south-1", Some("za"), false, false),
        ("eastasia", Some("hk"), false, false),
        ("eu-zurich-1", Some("ch"), false, false),
        ("eu-jovanovac-1", Some("rs"), false, false),
        ("uk-london-1", Some("gb"), false, false),
        ("eu-ch2", Some("ch"), false, false),
        ("eu-gb", Some("gb"), false, false),
        ("hel1", Some("fi"), true, true),
        ("fr-par-2", Some("fr"), true, true),
        // One name, two providers, two countries: the bare name is the older one's.
        ("eu-west-1", Some("ie"), true, true),
        ("aws:eu-west-1", Some("ie"), true, true),
        ("alibaba:eu-west-1", Some("gb"), false, false),
        ("ap-southeast-3", Some("id"), false, false),
        ("alibaba:ap-southeast-3", Some("my"), false, false),
        // Codes that look like countries and are not assigned: the United Kingdom is `gb`, Greece `gr`.
        ("uk", None, false, false),
        ("el", None, false, false),
        ("xx", None, false, false),
        // A region that does not exist (yet) is not guessed from its beginning.
        ("eu-west-9", None, false, false),
        ("de-central-1", None, false, false),
        ("europe-west99", None, false, false),
        ("gcp:eu-west-1", None, false, false),
        ("unknown", None, false, false),
        ("", None, false, false),
        ("de-", None, false, false),
        // Zones have no country; they are in themselves.
        ("eu", None, true, true),
        ("eea", None, false, true),
    ];
    let table = table();
    for (name, country, eu, eea) in traps {
        let region = r(name);
        let found = table.resolve(&region);
        assert_eq!(found.as_ref().map(Country::as_str), country, "{name}");
        assert_eq!(table.in_zone(&region, "eu"), eu, "{name} in the EU");
        assert_eq!(table.in_zone(&region, "eea"), eea, "{name} in the EEA");
    }
}

#[test]
fn the_same_place_must_be_known() {
    let table = table();
    assert!(table.same_place(&r("eu-central-1"), &r("germanywestcentral")));
    assert!(!table.same_place(&r("eu-west-1"), &r("eu-west-2")));
    assert!(!table.same_place(&r("unknown"), &r("unknown")));
    assert!(!table.same_place(&r("eu"), &r("eu")));
    assert!(table.in_one_country(&[&r("de"), &r("de-by"), &r("fsn1")]));
    assert!(!table.in_one_country(&[&r("de"), &r("de"), &r("nowhere")]));
    assert!(!table.in_one_country(&[]));
}

#[test]
fn zones_of_ones_own() {
    let zones = [
        ("dach".to_owned(), vec![r("de"), r("at"), r("ch")]),
        ("home".to_owned(), vec![r("dach"), r("eu-west-1")]),
    ];
    let table = table().with_zones(&zones).unwrap();
    for (place, dach, home) in [
        ("de-by", true, true),
        ("eu-central-2", true, true),
        ("eu-west-1", false, true),
        // The region was named, its country was not.
        ("ie", false, false),
        ("fr", false, false),
        ("unknown", false, false),
    ] {
        assert_eq!(table.in_zone(&r(place), "dach"), dach, "{place}");
        assert_eq!(table.in_zone(&r(place), "home"), home, "{place}");
    }
    // `dach` is in `home` and, for Switzerland's sake, not in the EEA. `world` holds whatever is known.
    assert_eq!(table.zones_of(&r("dach")).collect::<Vec<_>>(), ["world", "dach", "home"]);
    assert_eq!(table.common(&[&r("de"), &r("at")]), ["eu", "eea", "world", "dach", "home"].map(r));
    assert_eq!(
        table.common(&[&r("de"), &r("eu-central-1")]),
        ["de", "eu", "eea", "world", "dach", "home"].map(r)
    );
    assert_eq!(table.common(&[&r("de"), &r("ch"), &r("eu-west-1")]), ["world", "home"].map(r));
    assert_eq!(table.common(&[&r("de"), &r("mars")]), []);
}

#[test]
fn zones_that_cannot_be() {
    for (name, members, error) in [
        ("eu", vec!["de"], ZoneError::Name("eu".into())),
        ("de", vec!["de"], ZoneError::Name("de".into())),
        ("eu-west-1", vec!["de"], ZoneError::Name("eu-west-1".into())),
        ("unknown", vec!["de"], ZoneError::Name("unknown".into())),
        ("home", vec!["uk"], ZoneError::Member("home".into(), "uk".into())),
    ] {
        let zones = [(name.to_owned(), members.into_iter().map(r).collect())];
        assert_eq!(table().with_zones(&zones).unwrap_err(), error);
    }
    let many: Vec<_> = (0..64).map(|n| (format!("zone{n}"), vec![r("de")])).collect();
    assert_eq!(table().with_zones(&many).unwrap_err(), ZoneError::Many);
}

#[test]
fn what_holds_where_sources_disagree() {
    let place = |name: &str, known| Place { region: r(name), known };
    use Known::{Asserted, Attested, Observed, Unknown};
    let cases = [
        (vec![], "unknown", Unknown),
        (vec![place("de", Asserted)], "de", Asserted),
        (vec![place("de", Asserted), place("eu-central-1", Attested)], "eu-central-1", Attested),
        (vec![place("de-by", Asserted), place("de", Observed)], "de", Observed),
        // The narrower one counts, and is known no better than it is.
        (vec![place("eu", Attested), place("de", Asserted)], "de", Asserted),
        (vec![place("de", Asserted), place("unknown", Unknown)], "de", Asserted),
        // They disagree: nobody knows.
        (vec![place("de", Asserted), place("us", Observed)], "unknown", Unknown),
        (vec![place("eu", Asserted), place("eu-west-2", Attested)], "unknown", Unknown),
        (vec![place("de", Asserted), place("mars", Asserted)], "unknown", Unknown),
        (vec![place("de", Asserted), place("de", Asserted), place("fr", Asserted)], "unknown", Unknown),
    ];
    for (claims, region, known) in cases {
        assert_eq!(table().settle(&claims), place(region, known), "{claims:?}");
    }
}

#[test]
fn days() {
    for (text, seconds) in [
        ("1970-01-01", 0),
        ("1969-12-31", -1),
        ("2000-02-29", 951_782_400),
        ("2021-06-28", 1_624_838_400),
        ("2026-11-21", 1_795_219_200 + 86_399),
    ] {
        assert_eq!(Day::parse(text), Some(Day::of(seconds)), "{text}");
        assert_eq!(Day::of(seconds).to_string(), text);
    }
    for text in
        ["2021-02-29", "2021-13-01", "2021-00-10", "2021-1-1", "21-01-01", "2021/01/01", "", "2021-01-01x"]
    {
        assert_eq!(Day::parse(text), None, "{text}");
    }
}
