//! Reports, exports and pages are computed again from the records, and must be what the package has.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::package::Files;
use crate::package::manifest::{Facts, Manifest};
use crate::package::produce::{Given, Produce, Sink, table};
use crate::package::walk::Record;
use crate::tree::Hash;
use crate::verify::{Fault, Step};

/// Takes files and keeps their hashes.
#[derive(Default)]
struct Hashes(BTreeMap<String, Sha256>);

impl Sink for Hashes {
    fn write(&mut self, file: &str, bytes: &[u8]) {
        match self.0.get_mut(file) {
            Some(sha) => sha.update(bytes),
            None => drop(self.0.insert(file.to_owned(), Sha256::new_with_prefix(bytes))),
        }
    }
}

pub(super) struct Produced {
    producers: Vec<Box<dyn Produce>>,
    unknown: Vec<String>,
    hashes: Hashes,
}

impl Produced {
    pub(super) fn new(facts: &Facts) -> Self {
        let (mut producers, mut unknown) = (Vec::new(), Vec::new());
        for (name, version) in &facts.producers {
            match table().find(|p| p.name == name && p.version == *version) {
                Some(producer) => producers.push((producer.make)(facts)),
                None => unknown.push(format!("{name} {version}")),
            }
        }
        Produced { producers, unknown, hashes: Hashes::default() }
    }

    pub(super) fn push(&mut self, record: &Record<'_>) {
        for producer in &mut self.producers {
            producer.push(record, &mut self.hashes);
        }
    }

    pub(super) fn finish(mut self, files: &dyn Files, manifest: &Manifest) -> Step {
        let given = Given { facts: &manifest.facts, files };
        let mut step = Step::new("reports");
        for producer in self.producers {
            producer.finish(&given, &mut self.hashes);
        }
        let hashes: BTreeMap<String, Hash> =
            self.hashes.0.into_iter().map(|(name, sha)| (name, sha.finalize().into())).collect();
        for (name, hash) in &hashes {
            match manifest.subjects.get(name) {
                None => step.fault(Fault::ReportMissing, None, name.clone()),
                Some(shipped) if shipped != hash => step.fault(Fault::ReportDiffers, None, name.clone()),
                Some(_) => {}
            }
        }
        let computed =
            |name: &str| name.starts_with("reports/") || name.starts_with("exports/") || !name.contains('/');
        let streams = [crate::package::DISCLOSURES, crate::package::WITHHELD];
        for name in manifest.subjects.keys() {
            let known = hashes.contains_key(name) || streams.contains(&name.as_str());
            if self.unknown.is_empty() && computed(name) && !known {
                step.fault(Fault::ReportUnlisted, None, name.clone());
            }
        }
        for unknown in self.unknown {
            step.note(format!("{unknown} is not known to this program, and was not computed again"));
        }
        step.count("computed again", hashes.len() as u64);
        step
    }
}
