//! Reads the table's text.

use std::sync::Arc;

use carnet_model::Region;

use crate::country::Country;
use crate::day::Day;
use crate::table::{Adequacy, Jurisdictions};

/// Why a table cannot be used. Lines are counted from 1.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TableError {
    /// The line begins with no known word, or lacks something.
    #[error("line {0} of the table cannot be read")]
    Line(usize),
    /// A code that is no country of the table (which lists its countries first), or a zone that it does not have.
    #[error("line {0} of the table names a country or zone that it does not list")]
    Country(usize),
    /// A region that is already placed in another country, or twice by one provider.
    #[error("line {0} of the table places a region again")]
    Twice(usize),
    /// No `version` line.
    #[error("the table has no version")]
    Version,
}

type Words<'a> = std::str::SplitAsciiWhitespace<'a>;

impl Jurisdictions {
    /// Reads a table: lines of `version`, `countries`, `zone NAME`, `free`, `region PROVIDER COUNTRY`, `qualified PROVIDER
    /// COUNTRY` and `adequacy`, each followed by names; `#` starts a comment.
    ///
    /// # Errors
    /// The first line that cannot be used.
    pub fn parse(text: &str) -> Result<Self, TableError> {
        let mut table = Jurisdictions::empty(text);
        for (line, number) in text.lines().zip(1..) {
            let mut words = line.split('#').next().unwrap_or("").split_ascii_whitespace();
            match words.next() {
                None => {}
                Some("version") => table.version = words.next().ok_or(TableError::Line(number))?.to_owned(),
                Some("countries") => table.add_countries(words, number)?,
                Some("zone") => table.add_zone(words, number)?,
                Some("free") => table.add_free(words, number)?,
                Some("region") => table.add_regions(words, true, number)?,
                Some("qualified") => table.add_regions(words, false, number)?,
                Some("adequacy") => table.add_adequacy(words, number)?,
                Some(_) => return Err(TableError::Line(number)),
            }
        }
        if table.version.is_empty() { Err(TableError::Version) } else { Ok(table) }
    }

    fn add_countries(&mut self, codes: Words<'_>, line: usize) -> Result<(), TableError> {
        for code in codes {
            self.countries.insert(Country::code(code).ok_or(TableError::Line(line))?, 0);
        }
        Ok(())
    }

    fn listed(&self, word: Option<&str>, line: usize) -> Result<Country, TableError> {
        let country = word.and_then(Country::code).ok_or(TableError::Line(line))?;
        if self.countries.contains_key(&country) { Ok(country) } else { Err(TableError::Country(line)) }
    }

    fn add_zone(&mut self, mut words: Words<'_>, line: usize) -> Result<(), TableError> {
        let name = words.next().ok_or(TableError::Line(line))?;
        let bit = self.new_zone(name).ok_or(TableError::Line(line))?;
        for code in words {
            let country = self.listed(Some(code), line)?;
            *self.countries.get_mut(&country).ok_or(TableError::Country(line))? |= bit;
        }
        Ok(())
    }

    fn add_free(&mut self, words: Words<'_>, line: usize) -> Result<(), TableError> {
        for zone in words {
            self.free |= self.zone_bit(zone).ok_or(TableError::Country(line))?;
        }
        Ok(())
    }

    /// Every region is known as `provider:name`; where the bare name is this provider's, by that too.
    fn add_regions(&mut self, mut words: Words<'_>, bare: bool, line: usize) -> Result<(), TableError> {
        let provider = words.next().ok_or(TableError::Line(line))?;
        let country = self.listed(words.next(), line)?;
        for name in words {
            let name = name.to_ascii_lowercase();
            if self.regions.insert(format!("{provider}:{name}"), country).is_some() {
                return Err(TableError::Twice(line));
            }
            if bare && self.regions.insert(name, country).is_some_and(|other| other != country) {
                return Err(TableError::Twice(line));
            }
        }
        Ok(())
    }

    /// `adequacy BY OF FROM UNTIL FRAMEWORK REFERENCE`: `-` for no end, `all` for every recipient.
    fn add_adequacy(&mut self, mut words: Words<'_>, line: usize) -> Result<(), TableError> {
        let mut next = || words.next().ok_or(TableError::Line(line));
        let (by, of, from, until, framework, reference) =
            (next()?, next()?, next()?, next()?, next()?, next()?);
        let by = Region::new(by);
        if !self.is_known(&by) {
            return Err(TableError::Country(line));
        }
        let day = |text: &str| Day::parse(text).ok_or(TableError::Line(line));
        let adequacy = Adequacy {
            by,
            of: self.listed(Some(of), line)?,
            from: day(from)?,
            until: if until == "-" { None } else { Some(day(until)?) },
            framework: (framework != "all").then(|| Arc::from(framework)),
            reference: reference.into(),
        };
        self.adequacy.push(adequacy);
        Ok(())
    }
}
