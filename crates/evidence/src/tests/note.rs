//! Signed notes and checkpoints: the published example, the form of keys, and what is refused.

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::note::{Note, NoteError, Signer, Verifier};

/// The example of the C2SP signed-note page and of Go's `sumdb/note`.
const KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const EXAMPLE: &str = "If you think cryptography is the answer to your problem,\n\
    then you don't know what your problem is.\n\
    \n\
    \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

#[test]
fn the_published_note_verifies() {
    let key = Verifier::parse(KEY).unwrap();
    assert_eq!(key.to_text(), KEY);
    let note = Note::parse(EXAMPLE.as_bytes()).unwrap();
    assert_eq!(note.verify(&key), Ok(()));
    assert_eq!(note.to_text(), EXAMPLE);
    let altered = Note::parse(EXAMPLE.replace("answer", "Answer").as_bytes()).unwrap();
    assert_eq!(altered.verify(&key), Err(NoteError::Signature));
}

#[test]
fn keys_of_others_are_read_and_damaged_ones_are_not() {
    assert!(
        Verifier::parse("sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8\n").is_ok()
    );
    for bad in [
        "",
        "a+b",
        &KEY.replace("c74f", "c74e"),
        &KEY.replace("ARpc", "AxPc"),
        &KEY.replace("Peter", "Peter "),
    ] {
        assert!(Verifier::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn lines_of_other_keys_are_kept() {
    let signer = Signer::new("example.org/log", &[1; 32]).unwrap();
    let witness = Signer::new("witness.example", &[2; 32]).unwrap();
    let mut note = Checkpoint::new("example.org/log", 7, [9; 32]).sign(&signer).unwrap();
    note.signatures.extend(witness.sign(&note.text).unwrap().signatures);
    let text = note.to_text();
    let (checkpoint, read) = Checkpoint::open(text.as_bytes(), signer.verifier()).unwrap();
    assert_eq!((checkpoint.size, checkpoint.root, read.signatures.len()), (7, [9; 32], 2));
    assert_eq!(read.verify(witness.verifier()), Ok(()));
    assert_eq!(read.to_text(), text);
}

#[test]
fn checkpoints_of_others_and_of_no_form_are_refused() {
    let signer = Signer::new("a.example/t/r/1", &[1; 32]).unwrap();
    let open = |text: &str| Checkpoint::open(text.as_bytes(), signer.verifier()).unwrap_err();
    assert_eq!(Checkpoint::new("b.example/t/r/1", 1, [0; 32]).sign(&signer), Err(CheckpointError::Origin));
    let signed = |text: &str| signer.sign(text).unwrap().to_text();
    let root = "CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=";
    assert_eq!(open(&signed(&format!("b.example/t/r/1\n1\n{root}\n"))), CheckpointError::Origin);
    for text in [
        "a\n1\n",
        &format!("a\n01\n{root}\n"),
        &format!("a\n+1\n{root}\n"),
        "a\n1\nAAAA\n",
        &format!("\n1\n{root}\n"),
    ] {
        assert_eq!(open(&signed(text)), CheckpointError::Malformed, "{text}");
    }
    assert_eq!(open("no note"), CheckpointError::Note(NoteError::Malformed));
    let other = Signer::new("a.example/t/r/1", &[2; 32]).unwrap();
    let by_other = Checkpoint::new("a.example/t/r/1", 1, [0; 32]).sign(&other).unwrap().to_text();
    assert_eq!(open(&by_other), CheckpointError::Note(NoteError::Unsigned));
}
