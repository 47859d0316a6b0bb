//! How a place is known, and what holds where several sources speak of one thing.

use carnet_model::Region;

use crate::table::Jurisdictions;

/// How a place is known, the weakest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Known {
    /// Nobody says, or what is said does not agree.
    Unknown,
    /// The configuration, or a token, says so.
    Asserted,
    /// The address it comes from says so.
    Observed,
    /// A signature of the cloud provider says so.
    Attested,
}

impl Known {
    /// The word in records.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Known::Unknown => "unknown",
            Known::Asserted => "asserted",
            Known::Observed => "observed",
            Known::Attested => "attested",
        }
    }
}

/// A place, and how it is known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// The place.
    pub region: Region,
    /// How it is known.
    pub known: Known,
}

impl Place {
    /// A place that somebody states; the unknown one is known by nobody.
    #[must_use]
    pub fn asserted(region: Region) -> Place {
        let known = if region == Region::unknown() { Known::Unknown } else { Known::Asserted };
        Place { region, known }
    }

    /// The place that nobody states.
    #[must_use]
    pub fn unknown() -> Place {
        Place { region: Region::unknown(), known: Known::Unknown }
    }
}

impl Jurisdictions {
    /// The one place that several sources speak of: the best known, if no two of them disagree, else unknown. Two agree that
    /// name one country, or of which one is a zone that holds the other.
    #[must_use]
    pub fn settle(&self, claims: &[Place]) -> Place {
        let claims: Vec<&Place> = claims.iter().filter(|c| c.known != Known::Unknown).collect();
        let agree = |a: &Region, b: &Region| {
            self.same_place(a, b) || self.in_zone(a, b.as_str()) || self.in_zone(b, a.as_str()) || a == b
        };
        let all = claims.iter().all(|a| claims.iter().all(|b| agree(&a.region, &b.region)));
        // Of two that are known as well as each other the narrower one counts: a country says more than a zone.
        let best = claims.iter().max_by_key(|c| (self.resolve(&c.region).is_some(), c.known));
        match best {
            Some(best) if all => {
                let known = claims.iter().map(|c| c.known).max().unwrap_or(Known::Unknown);
                let backs =
                    claims.iter().any(|c| c.known == known && self.same_place(&c.region, &best.region));
                Place { region: best.region.clone(), known: if backs { known } else { best.known } }
            }
            _ => Place::unknown(),
        }
    }
}
