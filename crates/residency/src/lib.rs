//! Where a place is: countries, zones and cloud regions, from a table with a version and a hash.
//!
//! What the table does not say is unknown, and unknown is in no zone and in no same place as anything: a policy
//! that asks for a place then denies. Nothing is guessed from how a name begins: `eu-west-2` is in the United
//! Kingdom, `europe-west6` in Switzerland, `westeurope` in the Netherlands.

use std::collections::HashMap;
use std::fmt;

use carnet_model::Region;
use sha2::{Digest, Sha256};

/// The table that comes with this version.
const BUILT_IN: &str = include_str!("jurisdictions.txt");

/// An ISO 3166-1 alpha-2 country code, lower case.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Country([u8; 2]);

impl Country {
    /// The two letters, lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("??")
    }

    /// Two ASCII letters as a code; whether it is assigned only the table knows.
    fn code(text: &str) -> Option<Country> {
        let letters: [u8; 2] = text.as_bytes().try_into().ok()?;
        letters.iter().all(u8::is_ascii_alphabetic).then(|| Country(letters.map(|b| b.to_ascii_lowercase())))
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A group of countries under common law.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub enum Zone {
    /// The European Union.
    Eu,
    /// The European Economic Area: the Union, Iceland, Liechtenstein and Norway.
    Eea,
}

impl Zone {
    /// Every zone.
    pub const ALL: &'static [Zone] = &[Zone::Eu, Zone::Eea];

    /// The name that policies and configurations use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Zone::Eu => "eu",
            Zone::Eea => "eea",
        }
    }

    /// The zone of this name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Zone> {
        Self::ALL.iter().copied().find(|z| z.name().eq_ignore_ascii_case(name))
    }
}

/// Why a table cannot be used. Lines are counted from 1.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TableError {
    /// The line begins with no known word, or lacks something.
    #[error("line {0} of the table cannot be read")]
    Line(usize),
    /// A code that is no country of the table (which lists its countries first).
    #[error("line {0} of the table names a country that it does not list")]
    Country(usize),
    /// A region that is already placed.
    #[error("line {0} of the table places a region again")]
    Twice(usize),
    /// No `version` line.
    #[error("the table has no version")]
    Version,
}

/// The table. Look-ups allocate nothing.
#[derive(Clone)]
pub struct Jurisdictions {
    version: String,
    hash: [u8; 32],
    /// Countries with the zones they are in, one bit each.
    countries: HashMap<Country, u8>,
    regions: HashMap<String, Country>,
}

impl Jurisdictions {
    /// The table that comes with this version.
    ///
    /// # Errors
    /// None with the table as it is: a test reads it.
    pub fn built_in() -> Result<Self, TableError> {
        Self::parse(BUILT_IN)
    }

    /// The text of the table that comes with this version. Its SHA-256 is the hash.
    #[must_use]
    pub fn built_in_text() -> &'static str {
        BUILT_IN
    }

    /// Reads a table: lines of `version`, `countries`, `zone NAME`, `region PROVIDER COUNTRY`, each followed by names;
    /// `#` starts a comment.
    ///
    /// # Errors
    /// The first line that cannot be used.
    pub fn parse(text: &str) -> Result<Self, TableError> {
        let mut table = Jurisdictions {
            version: String::new(),
            hash: Sha256::digest(text.as_bytes()).into(),
            countries: HashMap::new(),
            regions: HashMap::new(),
        };
        for (line, number) in text.lines().zip(1..) {
            let mut words = line.split('#').next().unwrap_or("").split_ascii_whitespace();
            match words.next() {
                None => {}
                Some("version") => table.version = words.next().ok_or(TableError::Line(number))?.to_owned(),
                Some("countries") => table.add_countries(words, number)?,
                Some("zone") => table.add_zone(words, number)?,
                Some("region") => table.add_regions(words, number)?,
                Some(_) => return Err(TableError::Line(number)),
            }
        }
        if table.version.is_empty() { Err(TableError::Version) } else { Ok(table) }
    }

    /// The table's own version, such as `2026-11`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// SHA-256 of the table's text, for the record.
    #[must_use]
    pub fn hash(&self) -> &[u8; 32] {
        &self.hash
    }

    /// The country of a place: an assigned country code, a subdivision of one (`us-ca`), or a cloud region of the
    /// table. Zones and unknown names have no country.
    #[must_use]
    pub fn resolve(&self, region: &Region) -> Option<Country> {
        let name = region.as_str();
        if let Some(country) = self.regions.get(name) {
            return Some(*country);
        }
        let code = match name.split_once('-') {
            None => name,
            Some((code, rest)) if subdivision(rest) => code,
            Some(_) => return None,
        };
        Country::code(code).filter(|c| self.countries.contains_key(c))
    }

    /// Every assigned country.
    pub fn countries(&self) -> impl Iterator<Item = Country> {
        self.countries.keys().copied()
    }

    /// Whether a country is in a zone.
    #[must_use]
    pub fn in_zone(&self, country: Country, zone: Zone) -> bool {
        self.countries.get(&country).is_some_and(|bits| bits & bit(zone) != 0)
    }

    /// Whether a place is surely inside a zone: its country is, or it is a zone that lies in that one (`eu` in `eea`).
    #[must_use]
    pub fn region_in_zone(&self, region: &Region, zone: Zone) -> bool {
        match Zone::by_name(region.as_str()) {
            Some(named) => named == zone || (named == Zone::Eu && zone == Zone::Eea),
            None => self.resolve(region).is_some_and(|c| self.in_zone(c, zone)),
        }
    }

    /// Whether two places are surely in one country. An unknown place is in none, not even the same as itself.
    #[must_use]
    pub fn same_place(&self, a: &Region, b: &Region) -> bool {
        matches!((self.resolve(a), self.resolve(b)), (Some(a), Some(b)) if a == b)
    }

    fn add_countries<'a>(
        &mut self,
        codes: impl Iterator<Item = &'a str>,
        line: usize,
    ) -> Result<(), TableError> {
        for code in codes {
            self.countries.insert(Country::code(code).ok_or(TableError::Line(line))?, 0);
        }
        Ok(())
    }

    fn add_zone<'a>(
        &mut self,
        mut words: impl Iterator<Item = &'a str>,
        line: usize,
    ) -> Result<(), TableError> {
        let zone = words.next().and_then(Zone::by_name).ok_or(TableError::Line(line))?;
        for code in words {
            let country = Country::code(code).ok_or(TableError::Line(line))?;
            *self.countries.get_mut(&country).ok_or(TableError::Country(line))? |= bit(zone);
        }
        Ok(())
    }

    fn add_regions<'a>(
        &mut self,
        mut words: impl Iterator<Item = &'a str>,
        line: usize,
    ) -> Result<(), TableError> {
        let _provider = words.next().ok_or(TableError::Line(line))?;
        let country = words.next().and_then(Country::code).ok_or(TableError::Line(line))?;
        if !self.countries.contains_key(&country) {
            return Err(TableError::Country(line));
        }
        for name in words {
            if self.regions.insert(name.to_ascii_lowercase(), country).is_some() {
                return Err(TableError::Twice(line));
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Jurisdictions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jurisdictions").field("version", &self.version).finish_non_exhaustive()
    }
}

fn bit(zone: Zone) -> u8 {
    match zone {
        Zone::Eu => 1,
        Zone::Eea => 2,
    }
}

/// One to three letters or digits, as ISO 3166-2 has them: `ca` in `us-ca`, `bw` in `de-bw`, `75c` in `fr-75c`.
fn subdivision(text: &str) -> bool {
    (1..=3).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Jurisdictions {
        Jurisdictions::built_in().unwrap()
    }

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
            ("re", Some("re"), true, true),
            ("gl", Some("gl"), false, false),
            ("nl-aw", Some("aw"), false, false),
            ("fr-pf", Some("pf"), false, false),
            ("nl-nh", Some("nl"), true, true),
            ("us-ca", Some("us"), false, false),
            ("ca", Some("ca"), false, false),
            ("me-south-1", Some("bh"), false, false),
            ("me-central1", Some("qa"), false, false),
            ("me-central-1", Some("ae"), false, false),
            ("sa-east-1", Some("br"), false, false),
            ("ca-central-1", Some("ca"), false, false),
            ("il-central-1", Some("il"), false, false),
            ("af-south-1", Some("za"), false, false),
            ("eastasia", Some("hk"), false, false),
            // Codes that look like countries and are not assigned: the United Kingdom is `gb`, Greece `gr`.
            ("uk", None, false, false),
            ("el", None, false, false),
            ("xx", None, false, false),
            // A region that does not exist (yet) is not guessed from its beginning.
            ("eu-west-9", None, false, false),
            ("de-central-1", None, false, false),
            ("europe-west99", None, false, false),
            ("unknown", None, false, false),
            ("", None, false, false),
            ("de-", None, false, false),
            // Zones have no country; they are in themselves.
            ("eu", None, true, true),
            ("eea", None, false, true),
        ];
        let table = table();
        for (name, country, eu, eea) in traps {
            let region = Region::new(name);
            let found = table.resolve(&region);
            assert_eq!(found.as_ref().map(Country::as_str), country, "{name}");
            assert_eq!(table.region_in_zone(&region, Zone::Eu), eu, "{name} in the EU");
            assert_eq!(table.region_in_zone(&region, Zone::Eea), eea, "{name} in the EEA");
        }
    }

    #[test]
    fn the_same_place_must_be_known() {
        let (table, r) = (table(), Region::new);
        assert!(table.same_place(&r("eu-central-1"), &r("germanywestcentral")));
        assert!(!table.same_place(&r("eu-west-1"), &r("eu-west-2")));
        assert!(!table.same_place(&Region::unknown(), &Region::unknown()));
        assert!(!table.same_place(&r("eu"), &r("eu")));
    }

    #[test]
    fn the_table_counts_up() {
        let table = table();
        let members = |zone| table.countries.keys().filter(|c| table.in_zone(**c, zone)).count();
        // 27 members and 7 territories of members with codes of their own; three more in the EEA.
        assert_eq!((table.countries.len(), members(Zone::Eu), members(Zone::Eea)), (249, 34, 37));
        assert_eq!(table.version(), "2026-11");
        let hex: String = table.hash().iter().map(|b| format!("{b:02x}")).collect();
        expect_test::expect!["3aed088828f79716a5c369fb3f0a808ddbd207a0edce4ef0d03bd96f5d055509"]
            .assert_eq(&hex);
    }

    #[test]
    fn a_bad_table_is_refused() {
        let cases = [
            ("countries de", TableError::Version),
            ("version 1\nplaces de", TableError::Line(2)),
            ("version 1\ncountries deu", TableError::Line(2)),
            ("version 1\ncountries de\nzone eu fr", TableError::Country(3)),
            ("version 1\ncountries de\nregion x fr a", TableError::Country(3)),
            ("version 1\ncountries de\nregion x de a a", TableError::Twice(3)),
        ];
        for (text, error) in cases {
            assert_eq!(Jurisdictions::parse(text).unwrap_err(), error, "{text}");
        }
    }
}
