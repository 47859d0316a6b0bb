//! Documents and pictures that real programs made (`tests/make.py`): what is read of them, and what is left after stripping.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use carnet_documents::{Kind, Limits, Text, Unreadable, strip, text};
use proptest::prelude::*;

const FILES: &[(&str, &[u8], Kind)] = &[
    ("clean.docx", include_bytes!("data/clean.docx"), Kind::Docx),
    ("letter.docx", include_bytes!("data/letter.docx"), Kind::Docx),
    ("pictured.docx", include_bytes!("data/pictured.docx"), Kind::Docx),
    ("clean.xlsx", include_bytes!("data/clean.xlsx"), Kind::Xlsx),
    ("customers.xlsx", include_bytes!("data/customers.xlsx"), Kind::Xlsx),
    ("clean.pdf", include_bytes!("data/clean.pdf"), Kind::Pdf),
    ("letter.pdf", include_bytes!("data/letter.pdf"), Kind::Pdf),
    ("photo.png", include_bytes!("data/photo.png"), Kind::Png),
    ("photo.jpg", include_bytes!("data/photo.jpg"), Kind::Jpeg),
    ("photo.webp", include_bytes!("data/photo.webp"), Kind::Webp),
    ("bomb.docx", include_bytes!("data/bomb.docx"), Kind::Docx),
];

fn file(name: &str) -> &'static [u8] {
    FILES.iter().find(|f| f.0 == name).unwrap().1
}

fn read(name: &str) -> Text {
    text(file(name), &Limits::default()).unwrap()
}

fn has(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|w| w == text.as_bytes())
}

#[test]
fn kinds_are_told_by_the_bytes() {
    for (name, bytes, kind) in FILES {
        assert_eq!(Kind::of(bytes), *kind, "{name}");
        assert!(kind.fits(kind.media_type()) && kind.fits(""), "{name}");
    }
    assert!(Kind::Wav.fits("audio/x-wav") && Kind::Jpeg.fits("image/JPG; q=1"));
    for (kind, declared) in [
        (Kind::Pdf, "image/png"),
        (Kind::Other, "image/png"),
        (Kind::Png, "text/plain"),
        (Kind::Zip, "application/pdf"),
    ] {
        assert!(!kind.fits(declared), "{kind:?} {declared}");
    }
    assert_eq!(Kind::of(b""), Kind::Other);
}

#[test]
fn office_documents_are_read_with_their_metadata() {
    let letter = read("letter.docx");
    for part in ["DE89 3704 0044 0532 0130 00", "greta.lindqvist@example.org", "author: Greta Lindqvist"] {
        assert!(letter.text.contains(part), "{part}: {}", letter.text);
    }
    assert!(!letter.pictures && !letter.rest, "{letter:?}");
    assert!(read("pictured.docx").pictures);
    let clean = read("clean.docx");
    assert!(clean.text.contains("The quarterly report is ready."), "{}", clean.text);
    assert!(!clean.pictures && !clean.rest, "{clean:?}");
}

#[test]
fn sheets_are_lines_of_cells_and_dates_are_dates() {
    let book = read("customers.xlsx");
    for line in ["name\tbirth date\tcard\tcity", "Greta Lindqvist\t1980-02-03\t4111 1111 1111 1111\tLund"] {
        assert!(book.text.lines().any(|l| l == line), "{line}: {}", book.text);
    }
    assert!(!book.rest && !book.pictures, "{book:?}");
}

#[test]
fn what_would_grow_without_end_is_not_read() {
    let limits = Limits { bytes: 1 << 20, ..Limits::default() };
    assert_eq!(text(file("bomb.docx"), &limits), Err(Unreadable::Budget));
    assert_eq!(text(file("bomb.docx"), &Limits::default()), Err(Unreadable::Budget), "by its ratio");
    let few = Limits { parts: 3, ..Limits::default() };
    assert_eq!(text(file("clean.docx"), &few), Err(Unreadable::Budget));
    for name in ["photo.png", "photo.jpg"] {
        assert_eq!(text(file(name), &Limits::default()), Err(Unreadable::Kind), "{name}");
    }
}

#[test]
fn what_stands_in_front_of_or_twice_in_a_container_is_not_read() {
    let mut bytes = b"%PDF-1.4 ".to_vec();
    bytes.extend_from_slice(file("clean.docx"));
    assert!(text(&bytes, &Limits::default()).is_err());
}

/// The chunks of a picture that are drawn are the same; what names a person is gone, and so is what stands behind the end.
#[test]
fn pictures_lose_their_metadata_and_nothing_else() {
    for name in ["photo.png", "photo.jpg", "photo.webp"] {
        let mut bytes = file(name).to_vec();
        assert!(has(&bytes, "Greta"), "{name}");
        if name != "photo.webp" {
            bytes.extend_from_slice(b"PK\x03\x04 Greta");
        }
        let less = strip(&bytes).unwrap();
        assert!(!has(&less, "Greta") && less.len() < bytes.len(), "{name}");
        assert_eq!(Kind::of(&less), Kind::of(&bytes), "{name}");
        assert_eq!(strip(&less).unwrap(), less, "{name}: once is enough");
    }
    let less = strip(file("photo.png")).unwrap();
    for chunk in ["IHDR", "IDAT", "IEND"] {
        assert!(has(&less, chunk), "{chunk}");
    }
}

#[test]
fn debug_shows_no_text() {
    assert!(!format!("{:?}", read("letter.docx")).contains("Greta"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Damage is an error or another text, never a panic.
    #[test]
    fn damaged_files_do_no_harm(
        which in 0..FILES.len() - 1, cut in any::<prop::sample::Index>(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6), whole in any::<bool>(),
    ) {
        let mut bytes = FILES[which].1.to_vec();
        for (at, byte) in flips {
            let n = at.index(bytes.len());
            bytes[n] = byte;
        }
        if !whole {
            bytes.truncate(cut.index(bytes.len()));
        }
        let limits = Limits { bytes: 4 << 20, ..Limits::default() };
        let _ = text(&bytes, &limits);
        if let Ok(less) = strip(&bytes) {
            prop_assert!(!has(&less, "by Greta"));
        }
    }
}
