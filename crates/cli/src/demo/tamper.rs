//! What somebody does who can write to the disk and wants a record to say something else: changes it, and mends the check of the
//! segment around it, so that the file is whole again.

use anyhow::Context as _;
use carnet_evidence::{leaf_hash, segment};

use super::evidence::Copy;

/// The time in a leaf before and after, Unix seconds.
pub(super) struct Change {
    pub(super) before: u64,
    pub(super) after: u64,
}

/// By how much, seconds.
const MINUTE: u64 = 60;

/// Changes the time of record `index` in a copy of a log.
pub(super) fn change_time(copy: &mut Copy, index: u64) -> anyhow::Result<Change> {
    for (path, bytes) in &mut copy.files {
        if !path.starts_with("segments/") {
            continue;
        }
        if let Some((rewritten, change)) = rewrite(bytes, index)? {
            *bytes = rewritten;
            return Ok(change);
        }
    }
    anyhow::bail!("record {index} is in no segment")
}

fn rewrite(bytes: &[u8], index: u64) -> anyhow::Result<Option<(Vec<u8>, Change)>> {
    let mut out = segment::header(segment::read_header(bytes)?).to_vec();
    let mut change = None;
    for entry in segment::entries(bytes)? {
        let mut leaf = entry.leaf.to_vec();
        if entry.index == index {
            change = Some(other_time(&mut leaf).context("the record states no time")?);
        }
        let blobs: Vec<_> = entry.blobs.iter().flatten().map(|(hash, bytes)| (hash, *bytes)).collect();
        segment::encode(&mut out, entry.index, entry.back, &leaf, &leaf_hash(&leaf), &blobs);
    }
    Ok(change.map(|change| (out, change)))
}

fn other_time(leaf: &mut [u8]) -> Option<Change> {
    const MARK: &[u8] = b",\"t\":";
    let from = leaf.windows(MARK.len()).position(|w| w == MARK)? + MARK.len();
    let digits = leaf.get_mut(from..)?;
    let len = digits.iter().position(|b| !b.is_ascii_digit())?;
    let digits = digits.get_mut(..len)?;
    let before: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    let after = before + MINUTE;
    let written = after.to_string();
    if written.len() != len {
        return None;
    }
    digits.copy_from_slice(written.as_bytes());
    Some(Change { before, after })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_time_changes() {
        let mut leaf = br#"{"n":1,"t":1795264349,"ty":"call.decision"}"#.to_vec();
        let change = other_time(&mut leaf).unwrap();
        assert_eq!((change.before, change.after), (1_795_264_349, 1_795_264_409));
        assert_eq!(leaf, br#"{"n":1,"t":1795264409,"ty":"call.decision"}"#);
        assert!(other_time(&mut b"{}".to_vec()).is_none());
    }
}
