//! The table and what can be asked of it. Look-ups of countries and zones allocate nothing.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use carnet_model::Region;
use sha2::{Digest, Sha256};

use crate::country::Country;
use crate::day::Day;
use crate::parse::TableError;

/// The table that comes with this version.
const BUILT_IN: &str = include_str!("jurisdictions.txt");

/// Zones that a table and a configuration may have together: one bit each.
const MOST_ZONES: usize = 64;

/// What the law of one place says of another: that data is protected there well enough.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Adequacy {
    /// Whose law: a country or a zone.
    pub by: Region,
    /// Of which country.
    pub of: Country,
    /// First day.
    pub from: Day,
    /// Last day, where it has ended or will.
    pub until: Option<Day>,
    /// `None`: for every recipient there. Else only for those under this framework, such as `dpf`.
    pub framework: Option<Arc<str>>,
    /// Where it is written.
    pub reference: Arc<str>,
}

impl Adequacy {
    /// Whether it is in force on a day, the first and the last included.
    #[must_use]
    pub fn holds(&self, day: Day) -> bool {
        self.from <= day && self.until.is_none_or(|until| day <= until)
    }
}

/// Why a zone of a configuration's own cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ZoneError {
    /// The name already means something.
    #[error("`{0}` is already a country, a zone or a region")]
    Name(String),
    /// A member that is no country, zone or region of the table.
    #[error("`{1}` in zone `{0}` is no country, zone or region that is known")]
    Member(String, String),
    /// More than 64 together.
    #[error("too many zones")]
    Many,
}

/// The table.
#[derive(Clone)]
pub struct Jurisdictions {
    pub(crate) version: String,
    pub(crate) hash: [u8; 32],
    /// Countries with the zones they are in, one bit each.
    pub(crate) countries: HashMap<Country, u64>,
    pub(crate) zones: Vec<Arc<str>>,
    /// Zones within which data moves as within one country.
    pub(crate) free: u64,
    pub(crate) regions: HashMap<String, Country>,
    /// Zones of a configuration's own that hold a region and not its country.
    places: HashMap<String, u64>,
    pub(crate) adequacy: Vec<Adequacy>,
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

    pub(crate) fn empty(text: &str) -> Self {
        Jurisdictions {
            version: String::new(),
            hash: Sha256::digest(text.as_bytes()).into(),
            countries: HashMap::new(),
            zones: Vec::new(),
            free: 0,
            regions: HashMap::new(),
            places: HashMap::new(),
            adequacy: Vec::new(),
        }
    }

    /// The table with zones of a configuration's own: names, and what is in each (countries, regions, zones before it).
    ///
    /// # Errors
    /// The first zone that cannot be used.
    pub fn with_zones(mut self, own: &[(String, Vec<Region>)]) -> Result<Self, ZoneError> {
        for (name, members) in own {
            let name = name.to_ascii_lowercase();
            if self.is_known(&Region::new(&name)) || name == "unknown" {
                return Err(ZoneError::Name(name));
            }
            let bit = self.new_zone(&name).ok_or(ZoneError::Many)?;
            for member in members {
                self.join(member, bit)
                    .ok_or_else(|| ZoneError::Member(name.clone(), member.as_str().to_owned()))?;
            }
        }
        Ok(self)
    }

    fn join(&mut self, member: &Region, bit: u64) -> Option<()> {
        if let Some(inner) = self.zone_bit(member.as_str()) {
            self.countries.values_mut().filter(|bits| **bits & inner != 0).for_each(|bits| *bits |= bit);
            self.places.values_mut().filter(|bits| **bits & inner != 0).for_each(|bits| *bits |= bit);
        } else if let Some(bits) = Country::code(member.as_str()).and_then(|c| self.countries.get_mut(&c)) {
            *bits |= bit;
        } else {
            self.resolve(member)?;
            *self.places.entry(member.as_str().to_owned()).or_default() |= bit;
        }
        Some(())
    }

    /// The bit of a new zone.
    pub(crate) fn new_zone(&mut self, name: &str) -> Option<u64> {
        let n = self.zones.len();
        if n >= MOST_ZONES || self.zone_bit(name).is_some() {
            return None;
        }
        self.zones.push(name.into());
        Some(1 << n)
    }

    pub(crate) fn zone_bit(&self, name: &str) -> Option<u64> {
        self.zones.iter().position(|z| **z == *name).map(|n| 1 << n)
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

    /// Whether it is a country, a region or a zone.
    #[must_use]
    pub fn is_known(&self, region: &Region) -> bool {
        self.resolve(region).is_some() || self.zone_bit(region.as_str()).is_some()
    }

    /// Every assigned country.
    pub fn countries(&self) -> impl Iterator<Item = Country> {
        self.countries.keys().copied()
    }

    /// Every region that the table names, with its country.
    pub fn regions(&self) -> impl Iterator<Item = (&str, Country)> {
        self.regions.iter().map(|(name, country)| (name.as_str(), *country))
    }

    /// Every zone, those of the configuration last.
    pub fn zones(&self) -> impl Iterator<Item = &str> {
        self.zones.iter().map(AsRef::as_ref)
    }

    /// The zones that a place is surely in, one bit each; for a zone those that hold all of it, itself included.
    pub(crate) fn bits(&self, region: &Region) -> u64 {
        if let Some(zone) = self.zone_bit(region.as_str()) {
            let members =
                self.countries.values().chain(self.places.values()).filter(|bits| **bits & zone != 0);
            // A zone without members is in no other.
            return members.copied().reduce(|all, bits| all & bits).unwrap_or(zone) | zone;
        }
        let Some(country) = self.resolve(region) else { return 0 };
        let of_country = self.countries.get(&country).copied().unwrap_or(0);
        of_country | self.places.get(region.as_str()).copied().unwrap_or(0)
    }

    fn every_bit(&self) -> u64 {
        (0..self.zones.len()).fold(0, |all, n| all | 1 << n)
    }

    fn named(&self, bits: u64) -> impl Iterator<Item = &str> {
        self.zones.iter().enumerate().filter(move |(n, _)| bits & (1 << n) != 0).map(|(_, z)| &**z)
    }

    /// The zones that a place is surely in. A zone lies in those that hold all its members (`eu` in `eea`), and in itself.
    pub fn zones_of(&self, region: &Region) -> impl Iterator<Item = &str> {
        self.named(self.bits(region))
    }

    /// Whether a place is surely inside a zone.
    #[must_use]
    pub fn in_zone(&self, region: &Region, zone: &str) -> bool {
        self.zone_bit(zone).is_some_and(|bit| self.bits(region) & bit != 0)
    }

    /// Whether all places are surely in one country. An unknown place is in none, not even the same as itself.
    #[must_use]
    pub fn in_one_country(&self, places: &[&Region]) -> bool {
        let mut countries = places.iter().map(|p| self.resolve(p));
        match countries.next() {
            Some(Some(first)) => countries.all(|c| c == Some(first)),
            _ => false,
        }
    }

    /// Whether two places are surely in one country.
    #[must_use]
    pub fn same_place(&self, a: &Region, b: &Region) -> bool {
        self.in_one_country(&[a, b])
    }

    /// The country and the zones that surely hold every one of these places.
    #[must_use]
    pub fn common(&self, places: &[&Region]) -> Vec<Region> {
        let bits = places.iter().fold(u64::MAX, |all, place| all & self.bits(place));
        let country = places.first().filter(|_| self.in_one_country(places)).and_then(|p| self.resolve(p));
        let zones = self.named(bits & self.every_bit()).map(Region::new);
        country.map(|c| Region::new(c.as_str())).into_iter().chain(zones).collect()
    }

    /// Whether a place is surely inside what a selector names: itself, its country, or a zone it is in.
    #[must_use]
    pub fn covers(&self, selector: &Region, place: &Region) -> bool {
        if selector == place {
            return self.is_known(place);
        }
        if self.zone_bit(selector.as_str()).is_some() {
            return self.in_zone(place, selector.as_str());
        }
        let country = Country::code(selector.as_str());
        country.is_some() && country == self.resolve(place)
    }

    /// What the law of one place says of another on a day.
    pub fn adequacy(&self, from: &Region, to: Country, day: Day) -> impl Iterator<Item = &Adequacy> {
        self.adequacy.iter().filter(move |a| a.of == to && a.holds(day) && self.covers(&a.by, from))
    }

    /// Whether data moves between two places as within one country: both are in the European Economic Area, say.
    #[must_use]
    pub fn moves_freely(&self, from: &Region, to: &Region) -> bool {
        self.bits(from) & self.bits(to) & self.free != 0
    }
}

impl fmt::Debug for Jurisdictions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jurisdictions").field("version", &self.version).finish_non_exhaustive()
    }
}

/// One to three letters or digits, as ISO 3166-2 has them: `ca` in `us-ca`, `bw` in `de-bw`, `75c` in `fr-75c`.
fn subdivision(text: &str) -> bool {
    (1..=3).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric())
}
