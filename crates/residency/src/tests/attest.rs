//! Signed identity documents: what fits attests a region, and any change attests nothing. Keys and signatures are made by OpenSSL.

use super::{r, table};
use crate::attest::{AttestError, amazon};
use crate::{Known, Place};

const DOCUMENT: &[u8] = include_bytes!("data/instance.json");
const KEY: &str = include_str!("data/key-1024.pub");
const SIGNATURE: &str = include_str!("data/signature-1024");

#[test]
fn a_signed_document_attests_its_region() {
    let place = amazon(DOCUMENT, SIGNATURE, KEY).unwrap();
    assert_eq!(place, Place { region: r("aws:eu-central-1"), known: Known::Attested });
    let longer = amazon(DOCUMENT, include_str!("data/signature-2048"), include_str!("data/key-2048.pub"));
    assert_eq!(longer.unwrap(), place);
    // What the configuration says must agree with it.
    let settled = |said: &str| table().settle(&[Place::asserted(r(said)), place.clone()]).known;
    assert_eq!(settled("de"), Known::Attested);
    assert_eq!(settled("eu-central-1"), Known::Attested);
    assert_eq!(settled("fr"), Known::Unknown);
    assert_eq!(settled("eu-central-2"), Known::Unknown);
}

#[test]
fn any_change_attests_nothing() {
    for at in 0..DOCUMENT.len() {
        let mut changed = DOCUMENT.to_vec();
        changed[at] ^= 1;
        assert_eq!(amazon(&changed, SIGNATURE, KEY), Err(AttestError::Signature), "byte {at}");
    }
    for at in 0..SIGNATURE.trim().len() {
        let mut changed = SIGNATURE.as_bytes().to_vec();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        assert_eq!(amazon(DOCUMENT, &changed, KEY), Err(AttestError::Signature), "letter {at}");
    }
    let other = include_str!("data/key-2048.pub");
    assert_eq!(amazon(DOCUMENT, SIGNATURE, other), Err(AttestError::Signature));
    assert_eq!(amazon(DOCUMENT, "", KEY), Err(AttestError::Signature));
    for key in ["", "-----BEGIN PUBLIC KEY-----", "-----BEGIN PUBLIC KEY-----\n!\n-----END PUBLIC KEY-----"] {
        assert_eq!(amazon(DOCUMENT, SIGNATURE, key), Err(AttestError::Key), "{key}");
    }
}
