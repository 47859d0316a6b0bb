//! Sealing: what is sealed opens with the same key in the same place, and with nothing else.

use sha2::{Digest as _, Sha256};

use crate::seal::{CellKey, KeyKind, KeyRef, MacKey, SealError, SessionKey, Slot, WrappedKey};

#[test]
fn slots_open_only_with_their_key_and_place() {
    let key = SessionKey::new([1; 16], &[2; 32]);
    let blobs = key
        .slot("a/b/c/1", [3; 16])
        .unwrap()
        .seal_both(Some(b"[]".to_vec()), Some(b"frames".to_vec()))
        .unwrap();
    let [d, f] = blobs.as_slice() else { panic!("two blobs") };
    assert_eq!(d.reference.k, "AQEBAQEBAQEBAQEBAQEBAQ/AwMDAwMDAwMDAwMDAwMDAw/d");
    assert_eq!(f.reference.h, <[u8; 32]>::from(Sha256::digest(&f.bytes)));
    let place = KeyRef::parse(&f.reference.k).unwrap();
    assert_eq!((place.session_key, place.slot, place.kind), ([1; 16], [3; 16], Slot::Frames));

    let open = |key: &SessionKey, origin, slot, kind, bytes: &[u8]| {
        key.slot(origin, slot).unwrap().open(kind, bytes.to_vec())
    };
    assert_eq!(open(&key, "a/b/c/1", [3; 16], Slot::Disclosures, &d.bytes), Ok(b"[]".to_vec()));
    assert_eq!(open(&key, "a/b/c/1", [3; 16], Slot::Frames, &f.bytes), Ok(b"frames".to_vec()));
    let other = SessionKey::new([1; 16], &[9; 32]);
    let mut altered = f.bytes.clone();
    altered[0] ^= 1;
    for wrong in [
        open(&other, "a/b/c/1", [3; 16], Slot::Frames, &f.bytes),
        open(&key, "a/b/c/2", [3; 16], Slot::Frames, &f.bytes),
        open(&key, "a/b/c/1", [4; 16], Slot::Frames, &f.bytes),
        open(&key, "a/b/c/1", [3; 16], Slot::Disclosures, &f.bytes),
        open(&key, "a/b/c/1", [3; 16], Slot::Frames, &altered),
        open(&key, "a/b/c/1", [3; 16], Slot::Frames, b""),
    ] {
        assert_eq!(wrong, Err(SealError::Decrypt));
    }
    let one = key.slot("a", [5; 16]).unwrap().seal_both(None, Some(vec![1])).unwrap();
    assert!(one.len() == 1 && one[0].reference.k.ends_with("/f"));
}

#[test]
fn keys_unwrap_only_as_what_they_are() {
    let cell = CellKey::new(&[1; 32]).unwrap();
    let wrapped = cell.wrap([2; 16], KeyKind::Session, &[3; 32], [4; 12]).unwrap();
    let read = WrappedKey::from_bytes(&wrapped.to_bytes()).unwrap();
    assert_eq!(read, wrapped);
    assert_eq!(*cell.unwrap_key(&read).unwrap(), [3; 32]);
    assert_eq!(CellKey::new(&[9; 32]).unwrap().unwrap_key(&read), Err(SealError::Decrypt));
    assert_eq!(cell.unwrap_key(&WrappedKey { kind: KeyKind::Mac, ..read.clone() }), Err(SealError::Decrypt));
    assert_eq!(cell.unwrap_key(&WrappedKey { id: [0; 16], ..read }), Err(SealError::Decrypt));
    for bad in [&[][..], &[b's'; 20], &[b'?'; 77]] {
        assert_eq!(WrappedKey::from_bytes(bad), Err(SealError::Malformed));
    }
}

#[test]
fn key_references_of_no_form() {
    for bad in [
        "",
        "a/b/d",
        "AQEBAQEBAQEBAQEBAQEBAQ/AwMDAwMDAwMDAwMDAwMDAw/x",
        "AQEBAQEBAQEBAQEBAQEBAQ/AwMDAwMDAwMDAwMDAwMDAw/d/",
    ] {
        assert_eq!(KeyRef::parse(bad), Err(SealError::Malformed), "{bad}");
    }
}

#[test]
fn macs_differ_by_key_and_purpose() {
    let mac = |key: u8, what, bytes: &[u8]| MacKey::new(&[key; 32]).unwrap().mac(what, bytes);
    assert_eq!(mac(1, "arguments_mac", b"{}"), mac(1, "arguments_mac", b"{}"));
    assert_ne!(mac(1, "arguments_mac", b"{}"), mac(2, "arguments_mac", b"{}"));
    assert_ne!(mac(1, "arguments_mac", b"{}"), mac(1, "result_mac", b"{}"));
    assert_ne!(mac(1, "arguments_mac", b"{}"), mac(1, "arguments_mac", b"{ }"));
}

#[test]
fn debug_shows_no_key() {
    let key = SessionKey::new([1; 16], &[0xab; 32]);
    let all = format!(
        "{key:?} {:?} {:?} {:?}",
        key.slot("o", [2; 16]).unwrap(),
        CellKey::new(&[0xab; 32]).unwrap(),
        MacKey::new(&[0xab; 32]).unwrap()
    );
    assert_eq!(all, "SessionKey(AQEBAQEBAQEBAQEBAQEBAQ) SlotKeys CellKey MacKey");
}
