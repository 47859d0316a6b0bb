//! A log that is not there at all: whoever kept one of its checkpoints, an auditor's book or the memory of a witness, can show that
//! it was, and how large.

use super::report::{Fault, Report, Step};
use crate::checkpoint::Checkpoint;
use crate::note::Verifier;
use crate::text::b64;

/// The report on a log that is missing, where what was kept has a checkpoint that its key signed: the largest is named.
#[must_use]
pub fn vanished(key: &Verifier, kept: &[Vec<u8>]) -> Option<Report> {
    let signed = kept.iter().filter_map(|note| Checkpoint::open(note, key).ok());
    let known: Vec<Checkpoint> = signed.map(|(checkpoint, _)| checkpoint).collect();
    let largest = known.iter().max_by_key(|c| c.size)?;
    let Checkpoint { origin, size, root, .. } = largest;
    let mut step = Step::new("book");
    step.count("checkpoints seen before", known.len() as u64);
    let detail =
        format!("there is no log; one of {size} leaves with the root {} was signed as {origin}", b64(root));
    step.fault(Fault::Vanished, None, detail);
    Some(Report { subject: "log", origin: Some(origin.clone()), size: *size, leaves: 0, steps: vec![step] })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::note::Signer;

    #[test]
    fn only_what_the_key_signed_shows_that_there_was_a_log() {
        let (ours, other) = (
            Signer::new("log.example/a", &[1; 32]).unwrap(),
            Signer::new("log.example/b", &[2; 32]).unwrap(),
        );
        let note = |signer: &Signer, origin: &str, size| {
            Checkpoint::new(origin, size, [7; 32]).sign(signer).unwrap().to_text().into_bytes()
        };
        let kept = vec![
            note(&ours, "log.example/a", 3),
            note(&ours, "log.example/a", 9),
            note(&other, "log.example/b", 20),
            b"noise".to_vec(),
        ];
        let report = vanished(ours.verifier(), &kept).unwrap();
        assert_eq!(
            (report.size, report.holds(), report.steps[0].findings[0].fault),
            (9, false, Fault::Vanished)
        );
        assert!(vanished(ours.verifier(), &kept[2..]).is_none());
        assert!(vanished(ours.verifier(), &[]).is_none());
    }
}
