//! Tables of places: traps of names and territories, zones, grounds, and tables that are refused.

mod addresses;
mod attest;
mod basis;
mod clouds;
mod places;

use carnet_model::Region;

use crate::{Jurisdictions, TableError};

fn table() -> Jurisdictions {
    Jurisdictions::built_in().unwrap()
}

fn r(name: &str) -> Region {
    Region::new(name)
}

#[test]
fn the_table_counts_up() {
    let table = table();
    let members = |zone| table.countries().filter(|c| table.in_zone(&r(c.as_str()), zone)).count();
    // 27 members and 7 territories of members with codes of their own; three more in the EEA.
    assert_eq!((table.countries().count(), members("eu"), members("eea")), (249, 34, 37));
    assert!(table.regions().count() > 400);
    assert_eq!(table.version(), "2026-11");
    let hex: String = table.hash().iter().map(|b| format!("{b:02x}")).collect();
    expect_test::expect!["6d4f3083026312eccca4fc4f0af5e210202c08501a713088c2556b8942b0ad36"].assert_eq(&hex);
}

#[test]
fn a_bad_table_is_refused() {
    let cases = [
        ("countries de", TableError::Version),
        ("version 1\nplaces de", TableError::Line(2)),
        ("version 1\ncountries deu", TableError::Line(2)),
        ("version 1\ncountries de\nzone eu fr", TableError::Country(3)),
        ("version 1\ncountries de\nfree eu", TableError::Country(3)),
        ("version 1\ncountries de\nzone eu de\nzone eu de", TableError::Line(4)),
        ("version 1\ncountries de\nregion x fr a", TableError::Country(3)),
        ("version 1\ncountries de\nregion x de a a", TableError::Twice(3)),
        ("version 1\ncountries de fr\nregion x de a\nregion y fr a", TableError::Twice(4)),
        ("version 1\ncountries de\nadequacy de fr 2020-01-01 - all x", TableError::Country(3)),
        ("version 1\ncountries de fr\nadequacy eu fr 2020-01-01 - all x", TableError::Country(3)),
        ("version 1\ncountries de fr\nadequacy de fr 2020-02-30 - all x", TableError::Line(3)),
        ("version 1\ncountries de fr\nadequacy de fr 2020-01-01 - all", TableError::Line(3)),
    ];
    for (text, error) in cases {
        assert_eq!(Jurisdictions::parse(text).unwrap_err(), error, "{text}");
    }
    // One name of two providers in one country is one place.
    assert!(Jurisdictions::parse("version 1\ncountries de\nregion x de a\nregion y de a").is_ok());
}
