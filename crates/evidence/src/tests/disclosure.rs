//! Disclosures: the form of RFC 9901 with its own example, decoys, and values byte for byte.

use proptest::prelude::*;

use crate::disclosure::{Disclosures, PAD, decode, digest, split};
use crate::text::b64url;

fn counting() -> impl FnMut(&mut [u8]) {
    let mut next = 0u8;
    move |out: &mut [u8]| {
        for b in out {
            *b = next;
            next = next.wrapping_mul(5).wrapping_add(17);
        }
    }
}

/// RFC 9901, section 4.2.3: the digest is over the base64url text.
#[test]
fn digest_of_the_rfc_example() {
    let encoded = b"WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0";
    assert_eq!(b64url(&digest(encoded)), "X9yH0Ajrdm1Oij4tWso9UzzKJvPoDxwmuEcO3XAdRC0");
    let read = decode(encoded).unwrap();
    assert_eq!((read.name.as_str(), read.value.as_slice()), ("family_name", "\"Möbius\"".as_bytes()));
}

#[test]
fn every_disclosure_has_its_digest_and_the_rest_are_decoys() {
    for count in 1..=20usize {
        let mut entropy = counting();
        let mut set = Disclosures::new(&mut entropy);
        for i in 0..count {
            set.add(&format!("x_{i}"), b"{\"a\": 1.50}");
        }
        let done = set.finish();
        // One more says how many there are.
        assert_eq!(done.digests.len(), (count + 1).div_ceil(PAD) * PAD);
        assert!(done.digests.is_sorted());
        let encoded = split(&done.encoded).unwrap();
        assert_eq!(encoded.len(), count + 1);
        let said = decode(&encoded[count]).unwrap();
        assert_eq!(
            (said.name.as_str(), said.value),
            (crate::field::COUNT, (count + 1).to_string().into_bytes())
        );
        for (i, one) in encoded.iter().take(count).enumerate() {
            assert!(done.digests.binary_search(&digest(one)).is_ok());
            let read = decode(one).unwrap();
            assert_eq!((read.name, read.value), (format!("x_{i}"), b"{\"a\": 1.50}".to_vec()));
        }
    }
    assert_eq!(Disclosures::new(&mut counting()).finish(), crate::disclosure::Disclosed::default());
}

#[test]
fn what_is_no_disclosure_is_refused() {
    for bad in [
        "",
        "[]",
        "not base64!",
        &b64url(b"[\"a\",\"b\"]"),
        &b64url(b"[\"a\",\"b\",1,2]"),
        &b64url(b"[1,\"b\",1]"),
    ] {
        assert!(decode(bad.as_bytes()).is_none(), "{bad}");
    }
    assert!(split(b"{}").is_none() && split(b"[1]").is_none() && split(b"[[]]").is_none());
}

proptest! {
    #[test]
    fn texts_come_back(text in "\\PC{0,40}", number in any::<u64>()) {
        let mut entropy = counting();
        let mut set = Disclosures::new(&mut entropy);
        set.add_str("reasons", &text);
        set.add_u64("time", number);
        set.add_bytes("result_mac", &[7; 32]);
        let read: Vec<_> = split(&set.finish().encoded).unwrap().iter().map(|e| decode(e).unwrap()).collect();
        prop_assert_eq!(serde_json::from_slice::<String>(&read[0].value).unwrap(), text);
        prop_assert_eq!(serde_json::from_slice::<u64>(&read[1].value).unwrap(), number);
    }
}
