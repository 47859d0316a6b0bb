//! Sealing: what is sealed opens with the same key in the same place, and with nothing else.

use sha2::{Digest as _, Sha256};

use crate::seal::{CellKey, DataKey, KeyKind, KeyRef, MacKey, SealError, Slot, SlotKey, WrappedKey};

#[test]
fn slots_open_only_with_their_keys_and_place() {
    let (session, actor, person) =
        (DataKey::new([1; 16], &[2; 32]), DataKey::new([4; 16], &[5; 32]), DataKey::new([6; 16], &[7; 32]));
    let (for_d, for_f) = (SlotKey::of(&[&session]), SlotKey::of(&[&session, &actor, &person]));
    let d = for_d.seal("a/b/c/1", [3; 16], Slot::Disclosures, b"[]".to_vec()).unwrap();
    let f = for_f.seal("a/b/c/1", [3; 16], Slot::Frames, b"frames".to_vec()).unwrap();
    assert_eq!(d.reference.k, "AQEBAQEBAQEBAQEBAQEBAQ/AwMDAwMDAwMDAwMDAwMDAw/d");
    assert_eq!(
        f.reference.k,
        "AQEBAQEBAQEBAQEBAQEBAQ.BAQEBAQEBAQEBAQEBAQEBA.BgYGBgYGBgYGBgYGBgYGBg/AwMDAwMDAwMDAwMDAwMDAw/f"
    );
    assert_eq!(f.reference.h, <[u8; 32]>::from(Sha256::digest(&f.bytes)));
    let place = KeyRef::parse(&f.reference.k).unwrap();
    assert_eq!(
        (place.keys.clone(), place.slot, place.kind),
        (vec![[1; 16], [4; 16], [6; 16]], [3; 16], Slot::Frames)
    );

    let open = |key: &SlotKey, origin, slot, kind, bytes: &[u8]| key.open(origin, slot, kind, bytes.to_vec());
    assert_eq!(open(&for_d, "a/b/c/1", [3; 16], Slot::Disclosures, &d.bytes), Ok(b"[]".to_vec()));
    assert_eq!(open(&for_f, "a/b/c/1", [3; 16], Slot::Frames, &f.bytes), Ok(b"frames".to_vec()));
    let mut altered = f.bytes.clone();
    altered[0] ^= 1;
    let other = SlotKey::of(&[&session, &actor, &DataKey::new([6; 16], &[9; 32])]);
    for wrong in [
        // Without any one of them, and in another order, it stays closed.
        open(&SlotKey::of(&[&session, &actor]), "a/b/c/1", [3; 16], Slot::Frames, &f.bytes),
        open(&SlotKey::of(&[&session, &person]), "a/b/c/1", [3; 16], Slot::Frames, &f.bytes),
        open(&SlotKey::of(&[&actor, &person]), "a/b/c/1", [3; 16], Slot::Frames, &f.bytes),
        open(&SlotKey::of(&[&session, &person, &actor]), "a/b/c/1", [3; 16], Slot::Frames, &f.bytes),
        open(&other, "a/b/c/1", [3; 16], Slot::Frames, &f.bytes),
        open(&for_f, "a/b/c/2", [3; 16], Slot::Frames, &f.bytes),
        open(&for_f, "a/b/c/1", [4; 16], Slot::Frames, &f.bytes),
        open(&for_f, "a/b/c/1", [3; 16], Slot::Disclosures, &f.bytes),
        open(&for_f, "a/b/c/1", [3; 16], Slot::Frames, &altered),
        open(&for_f, "a/b/c/1", [3; 16], Slot::Frames, b""),
    ] {
        assert_eq!(wrong, Err(SealError::Decrypt));
    }
    // By reference: as soon as one key is gone, there is nothing to open.
    for gone in [None, Some([1; 16]), Some([4; 16]), Some([6; 16])] {
        let mut find = |id: &[u8; 16]| {
            let there = [&session, &actor, &person].into_iter().find(|k| k.id() == *id).cloned();
            Ok::<_, SealError>(there.filter(|_| gone != Some(*id)))
        };
        let clear = place.open("a/b/c/1", f.bytes.clone(), &mut find).unwrap();
        assert_eq!(clear.is_some(), gone.is_none());
    }
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
        "AQEBAQEBAQEBAQEBAQEBAQ./AwMDAwMDAwMDAwMDAwMDAw/d",
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
    let key = DataKey::new([1; 16], &[0xab; 32]);
    let all = format!(
        "{key:?} {:?} {:?} {:?}",
        SlotKey::of(&[&key, &key]),
        CellKey::new(&[0xab; 32]).unwrap(),
        MacKey::new(&[0xab; 32]).unwrap()
    );
    let id = "AQEBAQEBAQEBAQEBAQEBAQ";
    assert_eq!(all, format!("DataKey({id}) SlotKey({id}.{id}) CellKey MacKey"));
}
