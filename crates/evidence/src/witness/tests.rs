use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::checkpoint::Checkpoint;
use crate::note::{Note, Signer};
use crate::tree::{Tree, consistency, empty_root, hash_from_tiles};

const ORIGIN: &str = "carnet.example/acme/de/1";

fn log() -> Signer {
    Signer::new(ORIGIN, &[1; 32]).unwrap()
}

fn witness(n: u8) -> Cosigner {
    Cosigner::new(&format!("witness.example/w{n}"), &[n; 32]).unwrap()
}

/// A tree of so many leaves: its signed checkpoint, and proofs from smaller ones.
fn tree(size: u64, salt: &str) -> (Tree, std::collections::BTreeMap<String, Vec<u8>>) {
    let mut tree = Tree::new();
    for i in 0..size {
        tree.push(format!("{salt} {i}").as_bytes());
    }
    let files = tree.flush().into_iter().map(|f| (f.path, f.bytes)).collect();
    (tree, files)
}

fn body(old: u64, size: u64, salt: &str) -> String {
    let (tree, files) = tree(size, salt);
    let mut read = |path: &str| files.get(path).cloned();
    let proof = consistency(old.min(size), size, &mut |l, i| hash_from_tiles(l, i, size, &mut read)).unwrap();
    let note = Checkpoint::new(ORIGIN, size, tree.root()).sign(&log()).unwrap();
    Submission::body(old, &proof, &note.to_text())
}

fn last(size: u64, salt: &str) -> Checkpoint {
    Checkpoint::new(ORIGIN, size, tree(size, salt).0.root())
}

#[test]
fn what_a_witness_signs_and_what_not() {
    let (key, other) = (log(), Signer::new(ORIGIN, &[9; 32]).unwrap());
    let keys = [key.verifier()];
    let ask = |body: &str, last: Option<&Checkpoint>| {
        Submission::read(body.as_bytes()).and_then(|s| consider(&s, &keys, last))
    };
    let five = last(5, "a");
    let cases = [
        ("the first", body(0, 5, "a"), None, Ok(())),
        ("it grew", body(5, 12, "a"), Some(&five), Ok(())),
        ("the same", body(5, 5, "a"), Some(&five), Ok(())),
        ("the empty tree", body(0, 0, "a"), None, Ok(())),
        ("another size before", body(4, 12, "a"), Some(&five), Err(Refusal::Stale(5))),
        ("nothing before", body(5, 12, "a"), None, Err(Refusal::Stale(0))),
        ("another history", body(5, 12, "b"), Some(&five), Err(Refusal::Inconsistent)),
        ("another root of one size", body(5, 5, "b"), Some(&five), Err(Refusal::Inconsistent)),
        ("rolled back", body(0, 3, "a"), Some(&five), Err(Refusal::Stale(5))),
        ("smaller than the old size", body(5, 3, "a"), Some(&five), Err(Refusal::Malformed)),
        (
            "a proof from nothing",
            body(5, 12, "a").replace("old 5", "old 0"),
            None,
            Err(Refusal::Inconsistent),
        ),
        (
            "a number in two forms",
            body(5, 12, "a").replace("old 5", "old 05"),
            Some(&five),
            Err(Refusal::Malformed),
        ),
        ("nothing", String::new(), None, Err(Refusal::Malformed)),
        ("no checkpoint", "old 0\n\n".to_owned(), None, Err(Refusal::Malformed)),
    ];
    for (name, body, last, want) in cases {
        assert_eq!(ask(&body, last), want, "{name}");
    }
    let submitted = Submission::read(body(0, 5, "a").as_bytes()).unwrap();
    assert_eq!(consider(&submitted, &[], None), Err(Refusal::UnknownLog));
    assert_eq!(consider(&submitted, &[other.verifier()], None), Err(Refusal::Unsigned));
    let mut forged = submitted.clone();
    forged.note.signatures[0].bytes[3] ^= 1;
    assert_eq!(consider(&forged, &keys, None), Err(Refusal::Unsigned));
    let mut untrue = Submission::read(body(0, 0, "a").as_bytes()).unwrap();
    untrue.checkpoint.root = [1; 32];
    assert_eq!(consider(&untrue, &keys, None), Err(Refusal::Inconsistent));
    let long = Submission::body(1, &[[0; 32]; 64], &submitted.note.to_text());
    assert_eq!(Submission::read(long.as_bytes()), Err(Refusal::Malformed));
    let statuses = [
        Refusal::Malformed,
        Refusal::Unsigned,
        Refusal::UnknownLog,
        Refusal::Stale(1),
        Refusal::Inconsistent,
    ];
    assert_eq!(statuses.map(Refusal::status), [400, 403, 404, 409, 422]);
}

fn policy(quorum: &str) -> Policy {
    let mut text = format!("# ours\nlog {} https://log.example\n\n", log().verifier().to_text());
    for n in 1..=5 {
        text += &format!("\twitness  w{n} {} https://w{n}.example \n", witness(n).public().to_text());
    }
    Policy::parse(&(text + quorum)).unwrap()
}

fn signed(by: &[u8]) -> Note {
    let mut note = last(5, "a").sign(&log()).unwrap();
    for n in by {
        note.signatures.push(witness(*n).cosign(&note.text, 1000 + u64::from(*n)));
    }
    note
}

#[test]
fn quorums() {
    let two_levels = "group x 2 w1 w2 w3\ngroup y any w4 w5\ngroup both all x y\nquorum both\n";
    for (quorum, by, met) in [
        ("quorum none\n", &[][..], true),
        ("quorum w2\n", &[2], true),
        ("quorum w2\n", &[1, 3], false),
        (two_levels, &[1, 3, 5], true),
        (two_levels, &[1, 2, 3], false),
        (two_levels, &[1, 4, 5], false),
    ] {
        let note = Note::parse(signed(by).to_text().as_bytes()).unwrap();
        let found = policy(quorum).judge(&note);
        assert_eq!((found.quorum, found.unknown, found.bad.len()), (met, 0, 0), "{quorum} {by:?}");
        assert_eq!(found.seen(), by.iter().min().map(|n| 1000 + u64::from(*n)), "{quorum} {by:?}");
    }
}

#[test]
fn lines_that_do_not_count() {
    let policy = policy("group two 2 w1 w2\nquorum two\n");
    // By somebody else; by a witness over another checkpoint; by one twice.
    let mut note = signed(&[1, 9]);
    assert_eq!((policy.judge(&note).quorum, policy.judge(&note).unknown), (false, 1));
    note.signatures.push(witness(2).cosign(&last(6, "a").to_text(), 1));
    assert_eq!(policy.judge(&note).bad, ["w2"]);
    assert!(!policy.judge(&signed(&[1, 1])).quorum);
    let mut moved = signed(&[1, 2]);
    moved.signatures[2].bytes[7] ^= 1;
    assert_eq!(policy.judge(&moved).bad, ["w2"], "another time");
    let mut timeless = signed(&[1]);
    timeless.signatures.push(witness(2).cosign(&timeless.text, 0));
    assert_eq!(policy.judge(&timeless).bad, ["w2"], "no time");
}

#[test]
fn policies_that_are_refused() {
    let (log, w) = (log().verifier().to_text(), |n| witness(n).public().to_text());
    let (a, b) = (w(1), w(2));
    for (text, line) in [
        (String::new(), 0),
        ("quorum none\nquorum none\n".to_owned(), 2),
        ("quorum w1\n".to_owned(), 1),
        (format!("witness w1 {log}\nquorum none\n"), 1),
        (format!("log {a}\nquorum none\n"), 1),
        (format!("witness w1 {a}\nwitness w2 {a}\nquorum none\n"), 2),
        (format!("witness w1 {a}\nwitness w1 {b}\nquorum none\n"), 2),
        (format!("witness none {a}\nquorum none\n"), 1),
        (format!("witness w1 {a}\ngroup g 2 w1\nquorum g\n"), 2),
        (format!("witness w1 {a}\ngroup g 0 w1\nquorum g\n"), 2),
        (format!("witness w1 {a}\ngroup g 01 w1\nquorum g\n"), 2),
        (format!("witness w1 {a}\ngroup g any w1 w1\nquorum g\n"), 2),
        (format!("witness w1 {a}\ngroup g any w1\ngroup h any w1\nquorum g\n"), 3),
        (format!("witness w1 {a}\ngroup g any w1 none\nquorum g\n"), 2),
        (format!("log {log}\nlog {log}\nquorum none\n"), 2),
        ("quorum none\r\n".to_owned(), 1),
        ("frob\nquorum none\n".to_owned(), 1),
    ] {
        assert_eq!(Policy::parse(&text).map_err(|e| e.line), Err(line), "{text}");
    }
}

#[test]
fn a_key_of_another_algorithm_is_kept_and_does_not_count() {
    use crate::note::key_id;
    use crate::text::b64;
    let public = [7u8; 1312];
    let id = u32::from_be_bytes(key_id("w", 0x06, &public));
    let vkey = format!("w+{id:08x}+{}", b64(&[&[0x06], public.as_slice()].concat()));
    let policy = Policy::parse(&format!("witness w {vkey}\nquorum w\n")).unwrap();
    let mut note = signed(&[]);
    let mut line = witness(1).cosign(&note.text, 1);
    (line.name, line.id) = ("w".to_owned(), id.to_be_bytes());
    note.signatures.push(line);
    let found = policy.judge(&note);
    assert_eq!((found.quorum, found.bad.len()), (false, 0));
    assert_eq!(policy.witnesses[0].key.to_text(), vkey);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever is asked in whatever order, what a witness signs is one history.
    #[test]
    fn a_witness_signs_one_history(asked in prop::collection::vec((0u64..40, 0u64..40, 0u8..2), 1..30)) {
        let key = log();
        let (mut latest, mut sizes): (Option<Checkpoint>, Vec<u64>) = (None, Vec::new());
        let mut histories = BTreeSet::new();
        for (old, size, which) in asked {
            let salt = if which == 0 { "a" } else { "b" };
            let submitted = Submission::read(body(old, size, salt).as_bytes()).unwrap();
            if consider(&submitted, &[key.verifier()], latest.as_ref()).is_ok() {
                if size > 0 {
                    histories.insert(salt);
                }
                sizes.push(size);
                latest = Some(submitted.checkpoint);
            }
        }
        prop_assert!(sizes.is_sorted());
        prop_assert!(histories.len() < 2);
    }

    #[test]
    fn what_is_no_request_does_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Submission::read(&bytes);
        let _ = Policy::parse(&String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn the_empty_tree_has_its_root() {
    assert_eq!(last(0, "a").root, empty_root());
}
