//! The second half of making a package: when the streams, the checkpoints and the state are there, everything that is computed
//! from them. It depends on nothing else, so it can be done again after a failure and gives the same bytes.

use std::collections::BTreeMap;

use super::Files;
use super::lines::Why;
use super::manifest::Facts;
use super::produce::{Given, Produce, Sink, table};
use super::walk::Walk;
use crate::verify::{Fault, SourceError};

/// Runs the producers that `facts` names over the records, and counts what is disclosed. `step` is told how many records
/// are done.
///
/// # Errors
/// [`SourceError`]; also for a line that cannot be read: then the streams are not as they were written.
pub fn produce(
    files: &dyn Files,
    facts: &Facts,
    out: &mut dyn Sink,
    step: &mut dyn FnMut(u64),
) -> Result<BTreeMap<String, u64>, SourceError> {
    let mut counts: BTreeMap<String, u64> =
        ["disclosed", "erased", "frames", "leaves", "withheld"].map(|n| (n.to_owned(), 0)).into();
    let mut add = |what: &str, n: u64| {
        if let Some(count) = counts.get_mut(what) {
            *count += n;
        }
    };
    let wanted = table().filter(|p| facts.producers.get(p.name) == Some(&p.version));
    let mut producers: Vec<Box<dyn Produce>> = wanted.map(|p| (p.make)(facts)).collect();
    let mut walk = Walk::new(files)?;
    while let Some(seen) = walk.next_record()? {
        let Ok(leaf) = &seen.leaf else { return Err(broken(Fault::LeafMalformed)) };
        add("leaves", 1);
        add("disclosed", u64::from(seen.encoded.is_some()));
        add("frames", u64::from(seen.frame.is_some()));
        for why in [seen.withheld.d, seen.withheld.f].into_iter().flatten() {
            match why {
                Why::KeyMissing => {}
                Why::Erased => add("erased", 1),
                _ => add("withheld", 1),
            }
        }
        let disclosed = seen.disclosed();
        let record = seen.record(leaf, &disclosed);
        for producer in &mut producers {
            producer.push(&record, out);
        }
        step(seen.index);
    }
    if let Some((fault, _, _)) = walk.found.first() {
        return Err(broken(*fault));
    }
    for producer in producers {
        producer.finish(&Given { facts, files }, out);
    }
    Ok(counts)
}

fn broken(fault: Fault) -> SourceError {
    SourceError { path: "the streams".to_owned(), why: fault.as_str().to_owned() }
}
