//! PDF files that real programs made (`tests/make.py`, `tests/make_pdf.py`): what is read of them, what is refused, and what
//! is left when their metadata is gone.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use carnet_documents::{Limits, Text, Unreadable, strip, text};
use proptest::prelude::*;

const FILES: &[(&str, &[u8])] = &[
    ("clean", include_bytes!("data/clean.pdf")),
    ("letter", include_bytes!("data/letter.pdf")),
    ("subset", include_bytes!("data/subset.pdf")),
    ("mute", include_bytes!("data/mute.pdf")),
    ("placed", include_bytes!("data/placed.pdf")),
    ("xmp", include_bytes!("data/xmp.pdf")),
    ("compressed", include_bytes!("data/compressed.pdf")),
    ("linear", include_bytes!("data/linear.pdf")),
    ("encrypted", include_bytes!("data/encrypted.pdf")),
    ("attached", include_bytes!("data/attached.pdf")),
    ("scanned", include_bytes!("data/scanned.pdf")),
    ("revised", include_bytes!("data/revised.pdf")),
    ("bomb", include_bytes!("data/bomb.pdf")),
];

fn file(name: &str) -> &'static [u8] {
    FILES.iter().find(|f| f.0 == name).unwrap().1
}

fn read(name: &str) -> Text {
    text(file(name), &Limits::default()).unwrap()
}

#[test]
fn pages_are_read_with_what_is_said_about_them() {
    let letter = read("letter");
    for part in ["DE89 3704 0044 0532 0130 00\n", "greta.lindqvist@example.org.", "Greta Lindqvist"] {
        assert!(letter.text.contains(part), "{part}: {}", letter.text);
    }
    assert!(!letter.rest && !letter.pictures, "{letter:?}");
    let clean = read("clean");
    assert!(clean.text.contains("The quarterly report is ready."), "{}", clean.text);
    assert!(!clean.rest && !clean.pictures, "{clean:?}");
    for name in ["compressed", "linear", "xmp"] {
        let same = read(name);
        assert!(
            same.text.contains("DE89 3704 0044 0532 0130 00") && same.text.contains("Greta Lindqvist"),
            "{name}"
        );
        assert!(!same.rest, "{name}");
    }
}

#[test]
fn glyphs_are_read_by_the_tables_of_their_fonts() {
    let subset = read("subset");
    assert!(subset.text.contains("Passport C01X00T47 of Jürgen Müller\nIBAN DE89 3704"), "{}", subset.text);
    assert!(!subset.rest, "{subset:?}");
    // Without the table nobody can tell, and it is not guessed.
    assert!(read("mute").rest);
}

#[test]
fn letters_are_joined_where_they_stand_together() {
    let placed = read("placed");
    for part in [
        "4111 1111 1111 1111\n",
        "greta.lindqvist@example.org\n",
        "left  right\n",
        "+49 30 901820",
        "GB82WEST12345698765432",
        "Case of Greta Lindqvist",
    ] {
        assert!(placed.text.contains(part), "{part:?}: {}", placed.text);
    }
}

#[test]
fn what_cannot_be_read_is_refused_or_said_to_be_there() {
    assert_eq!(text(file("encrypted"), &Limits::default()), Err(Unreadable::Encrypted));
    assert_eq!(text(file("bomb"), &Limits::default()), Err(Unreadable::Budget));
    assert!(read("attached").rest);
    assert!(read("revised").rest);
    assert!(read("scanned").pictures);
    assert_eq!(text(b"%PDF-1.7\nnothing", &Limits::default()), Err(Unreadable::Damaged));
    let few = Limits { parts: 0, ..Limits::default() };
    assert_eq!(text(file("letter"), &few), Err(Unreadable::Budget));
    let small = Limits { bytes: 64, ..Limits::default() };
    assert_eq!(text(file("letter"), &small), Err(Unreadable::Budget));
}

#[test]
fn metadata_goes_and_pages_stay() {
    for name in ["letter", "subset", "xmp", "linear"] {
        let less = strip(file(name)).unwrap();
        assert_eq!(less.len(), file(name).len(), "{name}");
        let (before, after) = (read(name).text, text(&less, &Limits::default()).unwrap().text);
        assert!(before.contains("Greta Lindqvist") && !after.contains("Greta Lindqvist"), "{name}: {after}");
        assert!(after.contains("DE89 3704 0044 0532 0130 00"), "{name}");
        assert!(!less.windows(15).any(|w| w == b"Greta Lindqvist"), "{name}");
        assert_eq!(strip(&less).unwrap(), less, "{name}: once is enough");
    }
    // The information is inside a compressed stream, or behind a key.
    for name in ["compressed", "encrypted"] {
        assert!(strip(file(name)).is_err(), "{name}");
    }
}

/// A file of many pages costs what it holds, and one that goes in circles ends.
#[test]
fn circles_and_crowds_end() {
    let circle = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Count 1/Kids[2 0 R 3 0 R]>>endobj\n\
        3 0 obj<</Type/Page/Parent 2 0 R/Contents 4 0 R/Resources<</Font 3 0 R/XObject<</A 4 0 R>>>>>>endobj\n\
        4 0 obj<</Length 9/Type/XObject/Subtype/Form/Resources 3 0 R>>stream\n/A Do /A Do\nendstream endobj\n\
        trailer<</Root 1 0 R/Info 1 0 R>>\nstartxref\n0\n%%EOF";
    let _ = text(circle, &Limits::default());
    let deep = [
        b"%PDF-1.4\n1 0 obj".as_slice(),
        &b"[".repeat(100_000),
        b"endobj trailer<</Root 1 0 R>> startxref 0 %%EOF",
    ]
    .concat();
    assert!(text(&deep, &Limits::default()).is_err());
    let crowd: Vec<u8> =
        (1..30_000).flat_map(|n| format!("{n} 0 obj<</A (b)>>endobj\n").into_bytes()).collect();
    let crowd = [b"%PDF-1.4\n".as_slice(), &crowd, b"trailer<</Root 1 0 R>> startxref 0 %%EOF"].concat();
    assert!(text(&crowd, &Limits { parts: 100, ..Limits::default() }).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    /// Damage is an error or another text, never a panic; and what is stripped names nobody.
    #[test]
    fn damaged_files_do_no_harm(
        which in 0..FILES.len() - 1, cut in any::<prop::sample::Index>(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8), whole in any::<bool>(),
    ) {
        let mut bytes = FILES[which].1.to_vec();
        for (at, byte) in flips {
            let n = at.index(bytes.len());
            bytes[n] = byte;
        }
        if !whole {
            bytes.truncate(cut.index(bytes.len()));
        }
        let _ = text(&bytes, &Limits { bytes: 4 << 20, ..Limits::default() });
        let _ = strip(&bytes);
    }
}
