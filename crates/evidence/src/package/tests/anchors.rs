//! What witnesses, time stamps and the auditor's book find in a package that holds by itself: the operator has the key, and
//! signs whatever is asked.

use super::make::{Map, Pack, facts, pack, resign};
use crate::checkpoint::Checkpoint;
use crate::leaf::{Draft, Leaf, LeafType};
use crate::note::Note;
use crate::package::END;
use crate::package::verify::{Options, verify};
use crate::tests::log::{ORIGIN, T0, signer};
use crate::tree::{Hash, Tree};
use crate::verify::{Fault, Report, StampError, Stamps, Trust};
use crate::witness::{Cosigner, Policy};

fn witness(n: u8) -> Cosigner {
    Cosigner::new(&format!("witness.example/w{n}"), &[n; 32]).unwrap()
}

fn policy(quorum: &str) -> Policy {
    let key = |n| witness(n).public().to_text();
    let text =
        format!("log {}\nwitness w1 {}\nwitness w2 {}\n", signer().verifier().to_text(), key(1), key(2));
    Policy::parse(&(text + quorum)).unwrap()
}

/// The checkpoint of the first leaves of a pack.
fn checkpoint(pack: &Pack, size: u64) -> Note {
    let mut tree = Tree::new();
    pack.signed.iter().take(size as usize).for_each(|leaf| {
        tree.push(leaf);
    });
    Checkpoint::new(ORIGIN, size, tree.root()).sign(&signer()).unwrap()
}

fn name(size: u64) -> String {
    format!("log/anchors/{size:020}")
}

fn put(files: &mut Map, file: String, bytes: Vec<u8>) {
    files.0.insert(file, bytes);
    let facts = facts(files);
    resign(files, facts);
}

/// The package of a pack, with cosignatures on checkpoints of another: by whom, on how many leaves, when.
fn witnessed(shown: &Pack, seen: &Pack, by: &[(u8, u64, u64)]) -> Map {
    let mut files = shown.files();
    let mut notes = std::collections::BTreeMap::new();
    for (n, size, t) in by {
        let note = notes.entry(*size).or_insert_with(|| checkpoint(seen, *size));
        let line = witness(*n).cosign(&note.text, *t);
        note.signatures.push(line);
    }
    for (size, note) in notes {
        put(&mut files, name(size), note.to_text().into_bytes());
    }
    files
}

/// Stands for an authority: the response is the hash and the time.
struct Clock;

impl Stamps for Clock {
    fn time(&self, imprint: &Hash, response: &[u8]) -> Result<u64, StampError> {
        let (hash, t) = response.split_first_chunk::<32>().ok_or(StampError::Bad("short"))?;
        let t: [u8; 8] = t.try_into().map_err(|_| StampError::Unknown)?;
        if hash == imprint { Ok(u64::from_be_bytes(t)) } else { Err(StampError::Bad("of something else")) }
    }
}

fn report(files: &Map, policy: Option<&Policy>, book: &[Vec<u8>]) -> Report {
    let signer = signer();
    let trust = Trust { policy, stamps: Some(&Clock), book };
    let options = Options { key: Some(signer.verifier()), trust, ..Options::default() };
    verify(files, &options, None).unwrap()
}

fn faults(files: &Map, policy: Option<&Policy>, book: &[Vec<u8>]) -> Vec<&'static str> {
    report(files, policy, book).faults().into_iter().map(Fault::as_str).collect()
}

/// The leaves of a pack with other times, links and all that is signed made anew.
fn at_other_times(mut pack: Pack, shift: impl Fn(u64) -> u64) -> Pack {
    let mut last: std::collections::HashMap<[u8; 16], Hash> = Default::default();
    for one in &mut pack.records {
        let mut leaf = Leaf::parse(&one.leaf).unwrap();
        leaf.draft.t = shift(leaf.draft.t);
        let gs = leaf.draft.gs;
        one.leaf = Draft::finish(&leaf.draft, leaf.n, last.get(&gs)).unwrap();
        last.insert(gs, crate::tree::leaf_hash(&one.leaf));
    }
    pack.rebuilt()
}

#[test]
fn what_witnesses_find() {
    let (whole, both) = (pack(3), policy("group both all w1 w2\nquorum both\n"));
    let size = whole.signed.len() as u64;
    let other = at_other_times(pack(3), |t| t + 1);
    let late = at_other_times(pack(3), |t| t - 4000);
    let half = Pack { records: whole.records[..6].to_vec(), signed: whole.signed[..6].to_vec(), ..pack(3) };
    let now = T0 + 70;
    let rows: [(&str, Map, &[&str]); 9] = [
        ("two signed the end", witnessed(&whole, &whole, &[(1, size, now), (2, size, now)]), &[]),
        ("two signed the middle", witnessed(&whole, &whole, &[(1, 6, now), (2, 6, now)]), &[]),
        ("one signed", witnessed(&whole, &whole, &[(1, size, now)]), &["quorum-missing"]),
        ("nobody signed", whole.files(), &["quorum-missing"]),
        (
            "each signed another size",
            witnessed(&whole, &whole, &[(1, 6, now), (2, 7, now)]),
            &["quorum-missing"],
        ),
        (
            "strangers signed",
            witnessed(&whole, &whole, &[(7, size, now), (8, size, now)]),
            &["quorum-missing", "witness-unknown"],
        ),
        (
            "they signed another history",
            witnessed(&other, &whole, &[(1, 6, now), (2, 6, now)]),
            &["forked", "quorum-missing"],
        ),
        (
            "they signed more than is there",
            witnessed(&half, &whole, &[(1, 9, now), (2, 9, now)]),
            &["rolled-back", "quorum-missing", "decision-without-outcome"],
        ),
        (
            "written later, and dated back",
            witnessed(&late, &late, &[(1, 2, T0 - 60), (2, 2, T0 - 60)]),
            &["back-dated"],
        ),
    ];
    for (what, files, want) in rows {
        let mut found = faults(&files, Some(&both), &[]);
        // The half ends with calls under way; that is no matter of witnesses.
        found.retain(|f| *f != "decision-without-outcome");
        let want: Vec<&str> = want.iter().copied().filter(|f| *f != "decision-without-outcome").collect();
        assert_eq!(
            found.iter().collect::<std::collections::BTreeSet<_>>(),
            want.iter().collect::<std::collections::BTreeSet<_>>(),
            "{what}"
        );
        // Who trusts no witness sees a fork and a rollback all the same.
        let alone = faults(&files, None, &[]);
        assert!(!alone.contains(&"quorum-missing") && !alone.contains(&"back-dated"), "{what}");
        assert_eq!(alone.contains(&"forked"), want.contains(&"forked"), "{what}");
        assert_eq!(alone.contains(&"rolled-back"), want.contains(&"rolled-back"), "{what}");
    }
    let ahead = witnessed(&whole, &whole, &[(1, size, T0 - 400), (2, size, T0 - 400)]);
    assert_eq!(faults(&ahead, Some(&both), &[]), ["time-ahead"]);
}

#[test]
fn lines_and_files_that_are_damaged() {
    let (whole, one) = (pack(3), policy("quorum w1\n"));
    let good = witnessed(&whole, &whole, &[(1, 6, T0 + 5)]);
    assert_eq!(faults(&good, Some(&one), &[]), Vec::<&str>::new());
    let change = |change: &dyn Fn(&mut Note)| {
        let mut note = checkpoint(&whole, 6);
        note.signatures.push(witness(1).cosign(&note.text, T0 + 5));
        change(&mut note);
        let mut files = whole.files();
        put(&mut files, name(6), note.to_text().into_bytes());
        faults(&files, Some(&one), &[])
    };
    assert_eq!(change(&|n| n.signatures[1].bytes[20] ^= 1), ["quorum-missing", "cosignature-bad"]);
    assert_eq!(change(&|n| n.signatures[1].bytes[7] ^= 1), ["quorum-missing", "cosignature-bad"]);
    assert_eq!(change(&|n| n.signatures[0].bytes[9] ^= 1), ["checkpoint-signature", "quorum-missing"]);
    let mut files = good.clone();
    let bytes = files.0.remove(&name(6)).unwrap();
    put(&mut files, name(5), bytes);
    assert_eq!(faults(&files, Some(&one), &[]), ["checkpoint-malformed"]);
    put(&mut files, name(6), b"nothing".to_vec());
    assert_eq!(faults(&files, Some(&one), &[]), ["checkpoint-malformed"]);
}

#[test]
fn what_time_stamps_find() {
    let whole = pack(3);
    let stamped = |shown: &Pack, size: u64, t: u64| {
        let (note, mut files) = (checkpoint(shown, size), shown.files());
        let imprint = <Hash as From<_>>::from(<sha2::Sha256 as sha2::Digest>::digest(&note.text));
        put(&mut files, name(size), note.to_text().into_bytes());
        put(&mut files, name(size) + ".tsr", [imprint.as_slice(), &t.to_be_bytes()].concat());
        files
    };
    assert_eq!(faults(&stamped(&whole, 6, T0 + 5), None, &[]), Vec::<&str>::new());
    let late = at_other_times(pack(3), |t| t - 4000);
    assert_eq!(faults(&stamped(&late, 2, T0), None, &[]), ["back-dated"]);
    assert_eq!(faults(&stamped(&whole, 6, T0 - 400), None, &[]), ["time-ahead"]);
    let mut bad = stamped(&whole, 6, T0);
    bad.0.get_mut(&(name(6) + ".tsr")).unwrap()[3] ^= 1;
    put(&mut bad, "state/policies/x".to_owned(), Vec::new());
    bad.0.remove("state/policies/x");
    let facts = facts(&bad);
    resign(&mut bad, facts);
    assert_eq!(faults(&bad, None, &[]), ["time-stamp-bad"]);
}

#[test]
fn a_record_names_its_time_stamp() {
    let mut pack = pack(1);
    let anchor = |hash: &Hash| {
        let text = crate::text::b64url(hash);
        Draft::new(LeafType::Anchor, T0 + 64, [9; 16], Default::default()).text("hash", &text).int("to", 4)
    };
    let mut one = pack.records[0].clone();
    one.leaf = anchor(&[7; 32]).finish(0, None).unwrap();
    pack.records.push(one);
    let pack = pack.rebuilt();
    let found = faults(&pack.files(), None, &[]);
    assert!(found.contains(&"anchor-missing"), "{found:?}");
}

#[test]
fn the_book_knows_what_was_seen() {
    let whole = pack(3);
    let size = whole.signed.len() as u64;
    let book = |pack: &Pack, sizes: &[u64]| -> Vec<Vec<u8>> {
        sizes.iter().map(|size| checkpoint(pack, *size).to_text().into_bytes()).collect()
    };
    let other = at_other_times(pack(3), |t| t + 1);
    let half = Pack { records: whole.records[..8].to_vec(), signed: whole.signed[..8].to_vec(), ..pack(3) };
    assert_eq!(faults(&whole.files(), None, &book(&whole, &[3, 5, size])), Vec::<&str>::new());
    assert_eq!(faults(&other.files(), None, &book(&whole, &[5])), ["forked"]);
    assert!(faults(&half.files(), None, &book(&whole, &[3, size])).contains(&"rolled-back"));
    let mut forged = book(&whole, &[5]);
    forged[0][10] ^= 1;
    assert_eq!(faults(&whole.files(), None, &forged).len(), 1);
    assert!(whole.files().0.contains_key(END));
}
