//! What reports, exports and packages have in common on the command line: the period, the filters, and the log they are
//! taken from.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::Context as _;
use carnet_evidence::note::Signer;
use carnet_evidence::package::lines::Why;
use carnet_gateway::desk::Person;
use carnet_store::export::{About, Export, Filter};
use carnet_store::{Index, Query, RealDisk};

use crate::desk::person;
use crate::sessions::{Closed, Place, Recordings};

/// Which records.
#[derive(clap::Args, Debug)]
pub(crate) struct Which {
    #[command(flatten)]
    pub(crate) place: Place,
    /// From this time on: a day such as 2026-11-20, a time such as 2026-11-20T08:00:00Z, or Unix seconds.
    #[arg(long, value_name = "TIME", value_parser = time)]
    from: Option<u64>,
    /// Before this time.
    #[arg(long, value_name = "TIME", value_parser = time)]
    to: Option<u64>,
    /// Disclose this session only: its pseudonym, as `carnet sessions list --json` prints it.
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    session: Option<String>,
    /// Disclose only what this subject did.
    #[arg(long, value_name = "SUBJECT")]
    actor: Option<String>,
    /// Disclose only what concerns this server.
    #[arg(long, value_name = "NAME")]
    server: Option<String>,
    /// Disclose only what concerns this person, as in `carnet subject find KIND=VALUE`.
    #[arg(long, value_name = "KIND=VALUE", value_parser = person)]
    pub(crate) subject: Option<Person>,
    /// Leave these disclosures out everywhere, such as `actor,agent`.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    without: Vec<String>,
}

/// A log that is read, and what is asked of it.
pub(crate) struct Source {
    recordings: Recordings,
    signer: Signer,
    filter: Filter,
}

impl Which {
    /// A period, and perhaps one session.
    pub(crate) fn of(place: Place, from: Option<u64>, to: Option<u64>, session: Option<String>) -> Which {
        Which { place, from, to, session, actor: None, server: None, subject: None, without: Vec::new() }
    }

    /// Opens the log.
    pub(crate) fn open(&self) -> anyhow::Result<Source> {
        let (recordings, index) = self.place.indexed()?;
        let signer = recordings.keys.keys.signer(&recordings.origin)?;
        let subject = self.subject.as_ref().map(|p| about(&recordings, &index, p)).transpose()?;
        let filter = Filter {
            from: self.from,
            to: self.to,
            session: self.session.clone(),
            actor: self.actor.clone(),
            server: self.server.clone(),
            without: self.without.clone(),
            subject,
        };
        Ok(Source { recordings, signer, filter })
    }
}

impl Source {
    /// The name of the log.
    pub(crate) fn origin(&self) -> &str {
        &self.recordings.origin
    }

    /// Does something with the export.
    pub(crate) fn with<T>(&self, exports: Vec<String>, with: impl FnOnce(&Export<'_>) -> T) -> T {
        let Recordings { keys, origin, data, .. } = &self.recordings;
        let open = |reference: &str, bytes: &[u8]| {
            keys.unseal(origin, reference, bytes).map(|(_, clear)| clear).map_err(why)
        };
        let disk = Arc::new(RealDisk::new(data));
        let filter = self.filter.clone();
        with(&Export { disk, signer: &self.signer, open: &open, filter, exports })
    }
}

fn why(closed: Closed) -> Why {
    match closed {
        Closed::Erased => Why::Erased,
        Closed::Restricted => Why::Restricted,
        Closed::NoKey | Closed::Unreadable => Why::KeyMissing,
    }
}

/// The records that concern a person. A decision tells what its outcome answered, so the two go together.
fn about(recordings: &Recordings, index: &Index, person: &Person) -> anyhow::Result<About> {
    let key = crate::subject::key_of(recordings, person)?.context("no record is sealed for this person")?;
    let found: Vec<u64> = index.find(&Query { key: Some(key), ..Query::default() })?.collect();
    let (mut records, mut sessions): (BTreeSet<u64>, BTreeSet<[u8; 16]>) = Default::default();
    recordings.reader.get(&found, &mut |stored| {
        records.insert(stored.index);
        records.extend(stored.leaf.draft.of);
        sessions.insert(stored.leaf.draft.gs);
        Ok(true)
    })?;
    for session in sessions {
        let all: Vec<u64> = index.find(&Query { session: Some(session), ..Query::default() })?.collect();
        let mut answers = Vec::new();
        recordings.reader.get(&all, &mut |stored| {
            if stored.leaf.draft.of.is_some_and(|of| records.contains(&of)) {
                answers.push(stored.index);
            }
            Ok(true)
        })?;
        records.extend(answers);
    }
    Ok(About { key: carnet_evidence::seal::key_text(&key), records })
}

/// A day, a time in UTC, or Unix seconds.
pub(crate) fn time(text: &str) -> Result<u64, String> {
    if let Ok(seconds) = text.parse() {
        return Ok(seconds);
    }
    let bad = || format!("{text} is no day (2026-11-20) and no time in UTC (2026-11-20T08:00:00Z)");
    let (day, clock) = text.split_once('T').unwrap_or((text, "00:00:00Z"));
    let clock = clock.strip_suffix('Z').ok_or_else(bad)?;
    let numbers = |text: &str, between: char| -> Option<[u64; 3]> {
        text.split(between).map(|n| n.parse().ok()).collect::<Option<Vec<u64>>>()?.try_into().ok()
    };
    let ([year, month, date], [h, m, s]) =
        (numbers(day, '-').ok_or_else(bad)?, numbers(clock, ':').ok_or_else(bad)?);
    let fits = (1970..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&date);
    if !(fits && h < 24 && m < 60 && s < 60) {
        return Err(bad());
    }
    // Days since 1970, with years that begin in March.
    let (y, mp) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * mp + 2) / 5 + date - 1 - 719_468;
    Ok(days * 86_400 + h * 3600 + m * 60 + s)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        assert_eq!(time("1790000000"), Ok(1_790_000_000));
        assert_eq!(time("2026-09-21T14:13:20Z"), Ok(1_790_000_000));
        assert_eq!(time("2000-02-29"), Ok(951_782_400));
        for bad in
            ["", "yesterday", "2026-13-01", "2026-11-20T08:00:00", "2026-11-20T24:00:00Z", "1969-12-31"]
        {
            assert!(time(bad).is_err(), "{bad}");
        }
    }
}
