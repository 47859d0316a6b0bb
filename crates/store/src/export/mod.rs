//! Makes packages (`carnet_evidence::package`) from a log that may be written to at the same time. It only reads there.
//!
//! First the streams go into a folder beside the package, record by record; what was done is noted from time to time, so
//! that an export that was cut off goes on where it was. Then everything that follows from the streams is computed,
//! listed, signed and put into one archive. The same range and the same questions give the same bytes. One record is
//! in memory at a time, and what the reports keep.

mod archive;
mod proof;
mod range;
mod spool;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use carnet_evidence::disclosure::{self, Disclosure};
use carnet_evidence::note::Signer;
use carnet_evidence::package::lines::{Why, Withheld};
use carnet_evidence::package::manifest::{Asked, Facts, Manifest, sign};
use carnet_evidence::package::produce::{Given, Producer, Sink};
use carnet_evidence::package::verify::StateKind;
use carnet_evidence::package::walk::Record;
use carnet_evidence::package::{ENVELOPE, Files, MANIFEST, VKEY, assemble, produce};
use carnet_evidence::verify::SourceError;
use carnet_evidence::{LeafType, field};

use crate::disk::Disk;
use crate::error::StoreError;
use crate::reader::{Reader, Stored};
use crate::state::read_state;

pub use archive::Done;
pub use proof::{Complete, Ran};
use range::Range;
use spool::Spool;

/// Clear text of a slot, or why there is none.
pub type Slot = Result<Vec<u8>, Why>;

/// Opens a slot from its key reference and ciphertext.
pub type Open<'a> = dyn Fn(&str, &[u8]) -> Slot + 'a;

/// What is disclosed of the records in a range.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Filter {
    /// Records from this time on, Unix seconds.
    pub from: Option<u64>,
    /// Records before this time.
    pub to: Option<u64>,
    /// Of the session with this pseudonym, base64url.
    pub session: Option<String>,
    /// Of this subject as actor.
    pub actor: Option<String>,
    /// Of this server.
    pub server: Option<String>,
    /// Disclosures that are left out everywhere.
    pub without: Vec<String>,
    /// Only what concerns one person.
    pub subject: Option<About>,
}

/// The records that concern a person, and their key: a pseudonym, by which the package names whom it is about.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct About {
    /// Id of the person's key.
    pub key: String,
    /// Log indexes of the records, and of the decisions and outcomes that belong to them.
    pub records: BTreeSet<u64>,
}

impl Filter {
    fn asked(&self) -> Asked {
        let key = self.subject.as_ref().map(|about| about.key.clone());
        let texts =
            [("session", &self.session), ("actor", &self.actor), ("server", &self.server), ("subject", &key)];
        let mut filters: BTreeMap<String, String> =
            texts.into_iter().filter_map(|(name, v)| Some((name.to_owned(), v.clone()?))).collect();
        if !self.without.is_empty() {
            filters.insert("without".to_owned(), self.without.join(","));
        }
        Asked { from: self.from, to: self.to, filters }
    }

    fn in_period(&self, t: u64) -> bool {
        self.from.is_none_or(|from| t >= from) && self.to.is_none_or(|to| t < to)
    }
}

/// An export.
pub struct Export<'a> {
    /// The data folder.
    pub disk: Arc<dyn Disk>,
    /// Signs the manifest: the key of the log.
    pub signer: &'a Signer,
    /// Opens slots.
    pub open: &'a Open<'a>,
    /// What is disclosed.
    pub filter: Filter,
    /// Exports that the package has beside the reports, by name.
    pub exports: Vec<String>,
}

impl std::fmt::Debug for Export<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Export")
    }
}

/// Told how far it is: records done and records in all, of this stage.
pub type Progress<'a> = dyn FnMut(&'static str, u64, u64) + 'a;

impl Export<'_> {
    /// Writes the package. `folder` is for the streams; it is made, and what is left in it by the same export that was cut off
    /// is gone on with. Remove it when this has returned `Ok`.
    ///
    /// # Errors
    /// [`StoreError`]: the log cannot be read, a file cannot be written, there is no checkpoint yet.
    pub fn write(
        &self,
        folder: &Path,
        out: &mut dyn Write,
        progress: &mut Progress<'_>,
    ) -> Result<Done, StoreError> {
        let mut range = range::find(&self.disk, &self.filter)?;
        let mut spool = Spool::open(folder, &self.parameters(&range))?;
        let states = self.streams(&mut spool, &mut range, progress)?;
        spool.finish()?;
        self.rest(&spool, &range, &states)?;
        let facts = self.produce(&spool, &range, progress)?;
        archive::write(&spool, facts, out, progress)
    }

    /// What must be the same for a cut-off export to be gone on with.
    fn parameters(&self, range: &Range) -> String {
        // The records of a person grow with the log; their key says whom it is about.
        let filter = Filter { subject: None, ..self.filter.clone() };
        let key = self.filter.subject.as_ref().map(|about| &about.key);
        format!(
            "{filter:?} {key:?} {:?} {} {} {}",
            self.exports,
            range.from,
            range.to,
            self.signer.verifier().to_text()
        )
    }

    /// Every record of the range into the streams. Gives the states that they name.
    fn streams(
        &self,
        spool: &mut Spool,
        range: &mut Range,
        progress: &mut Progress<'_>,
    ) -> Result<BTreeSet<(StateKind, [u8; 32])>, StoreError> {
        let reader = Reader::new(Arc::clone(&self.disk));
        let mut states = BTreeSet::new();
        let (mut erased, mut destroyed) = (HashSet::new(), HashSet::new());
        let mut from = range.from;
        // What was streamed before is read again for what is kept beside it: leaves only, nothing is opened.
        loop {
            let to = range.to;
            let next = reader.read(from, &mut |stored| {
                if stored.index >= to {
                    return Ok(false);
                }
                for kind in StateKind::ALL {
                    states.insert((kind, kind.of(&stored.leaf.draft.ep)));
                }
                if stored.leaf.draft.ty == LeafType::KeyDestroy {
                    destroyed.extend(stored.leaf.draft.kr.iter().cloned());
                }
                if stored.index >= spool.next(range.from) {
                    let closed = self.record(spool, &stored)?;
                    erased.extend(closed);
                    progress("records", stored.index + 1 - range.from, to - range.from);
                }
                Ok(stored.index + 1 < to)
            })?;
            if next < to {
                return Err(StoreError::Damaged {
                    what: "leaf",
                    path: "log/segments".to_owned(),
                    index: next,
                });
            }
            // What is erased must be explained: if its `key.destroy` comes later, the range reaches up to it.
            let explained = |key: &String| key.split(['/', '.']).any(|part| destroyed.contains(part));
            if erased.iter().all(explained) || (range.newest.0 == range.to && !range.follow(&self.disk)?) {
                return Ok(states);
            }
            from = range.to;
            range.extend();
        }
    }

    /// One record; gives the key references of slots that are erased.
    fn record(&self, spool: &mut Spool, stored: &Stored) -> Result<Vec<String>, StoreError> {
        let leaf = &stored.leaf;
        let damaged =
            || StoreError::Damaged { what: "leaf", path: "log/segments".to_owned(), index: stored.index };
        let bytes = leaf.draft.finish(leaf.n, leaf.ps.as_ref()).map_err(|_| damaged())?;
        if carnet_evidence::leaf_hash(&bytes) != stored.leaf_hash {
            return Err(damaged());
        }
        let (found, erased) = self.sealed(stored)?;
        spool.record(stored.index, &stored.leaf_hash, &bytes, &found)?;
        Ok(erased)
    }

    /// What is shown of a record, and the key references of slots that are erased.
    fn sealed(&self, stored: &Stored) -> Result<(Sealed, Vec<String>), StoreError> {
        let leaf = &stored.leaf;
        let damaged =
            || StoreError::Damaged { what: "leaf", path: "log/segments".to_owned(), index: stored.index };
        let mut erased = Vec::new();
        let mut found = Sealed::default();
        let outside = (!self.filter.in_period(leaf.draft.t)).then_some(Why::OutsidePeriod).or_else(|| {
            let about = self.filter.subject.as_ref()?;
            (!about.records.contains(&stored.index)).then_some(Why::OutsideFilter)
        });
        for (reference, blob) in leaf.draft.bl.iter().zip(&stored.blobs) {
            let is_frame = reference.k.ends_with("/f");
            // A frame is opened only where its disclosures are shown: they hold its hash.
            let refused = outside.or(if is_frame { found.withheld.d } else { None });
            let slot = refused.map_or_else(|| (self.open)(&reference.k, blob), Err);
            if slot == Err(Why::Erased) {
                erased.push(reference.k.clone());
            }
            match (is_frame, slot) {
                (false, Ok(clear)) => self.disclose(&mut found, leaf.draft.gs, &clear).ok_or_else(damaged)?,
                (false, Err(why)) => found.withheld.d = Some(why),
                (true, Ok(clear)) => found.frame = Some(String::from_utf8(clear).map_err(|_| damaged())?),
                (true, Err(why)) => found.withheld.f = Some(why),
            }
        }
        Ok((found, erased))
    }

    /// Gives every record of the period as producers see it, without making a package. Records of another time are left
    /// out. How many there were.
    ///
    /// # Errors
    /// As [`Export::write`], and whatever `each` returns.
    pub fn records(
        &self,
        each: &mut dyn FnMut(&Record<'_>) -> Result<(), StoreError>,
    ) -> Result<u64, StoreError> {
        let from = range::find(&self.disk, &self.filter).map_or(0, |range| range.from);
        self.records_from(from, &mut |_| Ok(()), each)
    }

    /// As [`Export::records`], from an index on; `seen` is given every record, those of another time too.
    fn records_from(
        &self,
        from: u64,
        seen: &mut dyn FnMut(&Stored) -> Result<(), StoreError>,
        each: &mut dyn FnMut(&Record<'_>) -> Result<(), StoreError>,
    ) -> Result<u64, StoreError> {
        let mut given = 0;
        Reader::new(Arc::clone(&self.disk)).read(from, &mut |stored| {
            seen(&stored)?;
            if !self.filter.in_period(stored.leaf.draft.t) {
                return Ok(true);
            }
            let (found, _) = self.sealed(&stored)?;
            let disclosed: Vec<Disclosure> =
                found.encoded.iter().flatten().filter_map(|one| disclosure::decode(one)).collect();
            let frame = found.frame.as_deref().map(str::as_bytes);
            let carnet_evidence::Leaf { draft, n, ps } = &stored.leaf;
            let size = draft.finish(*n, ps.as_ref()).map_or(0, |bytes| bytes.len());
            let record = Record::new(stored.index, &stored.leaf, &disclosed, frame, &found.withheld);
            each(&record.of_size(size))?;
            given += 1;
            Ok(true)
        })?;
        Ok(given)
    }

    /// Runs one producer over the log, without making a package: what it writes goes to `out`. Every leaf that is under the
    /// checkpoint goes into the tree that it signs, so that what was written is complete or this fails.
    ///
    /// # Errors
    /// As [`Export::records`]; [`StoreError::Damaged`] where the leaves do not give the signed root: what was written is worth
    /// nothing then.
    pub fn run(&self, producer: &Producer, out: &mut dyn Sink) -> Result<Ran, StoreError> {
        let facts = self.facts(0, 0);
        let mut produce = (producer.make)(&facts);
        let mut proof = proof::Proof::begin(&self.disk, &self.filter, self.signer.verifier())?;
        let records = self.records_from(
            proof.from(),
            &mut |stored| {
                proof.push(stored, self.filter.in_period(stored.leaf.draft.t));
                Ok(())
            },
            &mut |record| {
                produce.push(record, out);
                Ok(())
            },
        )?;
        produce.finish(&Given { facts: &facts, files: &Kept(&*self.disk) }, out);
        Ok(Ran { records, complete: proof.finish()? })
    }

    fn facts(&self, from: u64, to: u64) -> Facts {
        Facts {
            origin: self.signer.verifier().name().to_owned(),
            key: self.signer.verifier().to_text(),
            from,
            to,
            asked: self.filter.asked(),
            counts: BTreeMap::new(),
            producers: produce::current(&self.exports),
        }
    }

    /// The disclosures of a record, if it is one that was asked for. `None` for a slot that is no list of disclosures.
    fn disclose(&self, found: &mut Sealed, gs: [u8; 16], clear: &[u8]) -> Option<()> {
        let encoded = disclosure::split(clear)?;
        let mut kept = Vec::with_capacity(encoded.len());
        let (mut actor, mut server) = (self.filter.actor.is_none(), self.filter.server.is_none());
        let narrow = !(actor && server && self.filter.without.is_empty());
        for one in encoded {
            if narrow {
                let read = disclosure::decode(&one)?;
                let value = || String::from_utf8_lossy(&read.value).into_owned();
                match read.name.as_str() {
                    field::ACTOR => {
                        actor |= self.filter.actor.as_deref().is_some_and(|a| is_subject(&value(), a))
                    }
                    field::SERVER => {
                        server |=
                            self.filter.server.as_deref().is_some_and(|s| value() == carnet_json::quote(s));
                    }
                    _ => {}
                }
                if self.filter.without.contains(&read.name) {
                    found.withheld.names.push(read.name);
                    continue;
                }
            }
            kept.push(one);
        }
        let session = self.filter.session.as_ref().is_none_or(|s| *s == pseudonym(&gs));
        if actor && server && session {
            found.encoded = Some(kept);
        } else {
            found.withheld = Withheld { d: Some(Why::OutsideFilter), ..Withheld::default() };
        }
        Some(())
    }

    /// Checkpoints, frontier, proof, key, and the states that records name.
    fn rest(
        &self,
        spool: &Spool,
        range: &Range,
        states: &BTreeSet<(StateKind, [u8; 32])>,
    ) -> Result<(), StoreError> {
        for (name, bytes) in range.files(&self.disk)? {
            spool.put(&name, &bytes)?;
        }
        spool.put(VKEY, format!("{}\n", self.signer.verifier().to_text()).as_bytes())?;
        for (kind, hash) in states {
            // A log of before states were kept has none. The verifier says so; an export does not hide it.
            if let Some(bytes) = read_state(&*self.disk, hash)? {
                spool.put(&kind.file(hash), &bytes)?;
            }
        }
        Ok(())
    }

    fn produce(
        &self,
        spool: &Spool,
        range: &Range,
        progress: &mut Progress<'_>,
    ) -> Result<Facts, StoreError> {
        let mut facts = self.facts(range.from, range.to);
        spool.clear_computed()?;
        let mut sink = spool.sink();
        let all = range.to - range.from;
        let mut step = |index| progress("reports", index + 1 - range.from, all);
        let counts =
            assemble::produce(spool, &facts, &mut sink, &mut step).map_err(|e| other(&e.path, &e.why))?;
        sink.finish()?;
        facts.counts = counts;
        let manifest = Manifest { facts: facts.clone(), subjects: spool.hashes()? }.to_json();
        spool.put(ENVELOPE, sign(manifest.as_bytes(), self.signer).as_bytes())?;
        spool.put(MANIFEST, manifest.as_bytes())?;
        Ok(facts)
    }
}

/// The states of a data folder as the files of a package that would have them.
struct Kept<'a>(&'a dyn Disk);

impl Files for Kept<'_> {
    fn names(&self) -> Result<Vec<String>, SourceError> {
        Ok(Vec::new())
    }

    fn open<'s>(&'s self, name: &str) -> Result<Option<Box<dyn std::io::BufRead + 's>>, SourceError> {
        let hex = name.strip_prefix("state/").and_then(|n| n.split('/').nth(1)).and_then(|n| n.get(..64));
        let byte = |hex: &str, i: usize| u8::from_str_radix(hex.get(2 * i..2 * i + 2)?, 16).ok();
        let hash: Option<Vec<u8>> = hex.and_then(|hex| (0..32).map(|i| byte(hex, i)).collect());
        let Some(hash) = hash.and_then(|h| <[u8; 32]>::try_from(h).ok()) else { return Ok(None) };
        let bytes = read_state(self.0, &hash)
            .map_err(|e| SourceError { path: name.to_owned(), why: e.to_string() })?;
        Ok(bytes.map(|b| Box::new(std::io::Cursor::new(b)) as Box<dyn std::io::BufRead>))
    }
}

/// What is shown and kept back of one record.
#[derive(Default)]
struct Sealed {
    encoded: Option<Vec<Vec<u8>>>,
    frame: Option<String>,
    withheld: Withheld,
}

fn other(path: &str, why: &str) -> StoreError {
    StoreError::Export { path: path.to_owned(), why: why.to_owned() }
}

/// Whether the JSON of an actor has this subject.
fn is_subject(actor: &str, subject: &str) -> bool {
    let Ok(tape) = carnet_json::Tape::parse(actor.as_bytes(), &carnet_json::Limits::default()) else {
        return false;
    };
    tape.root(actor.as_bytes()).get("subject").is_some_and(|v| v.is_str(subject))
}

/// The pseudonym of a session: base64url of its 16 bytes.
fn pseudonym(gs: &[u8; 16]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(gs)
}
