//! What Google and Azure sign: what fits attests a region, and a copy, another's key, another time or any change attests nothing. Google's
//! tokens are made here; Azure's documents were made by OpenSSL, with a root, one certificate between and one of the region.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use der::asn1::UintRef;
use der::{Decode as _, Sequence};

use super::r;
use crate::attest::{AttestError, azure, google};
use crate::{Known, Place};

const AUDIENCE: &str = "log.example/cell-de";
const NOW: i64 = 1_795_000_000;

#[derive(Sequence)]
struct PublicKey<'a> {
    n: UintRef<'a>,
    e: UintRef<'a>,
}

fn jwks(kid: &str, pair: &RsaKeyPair) -> String {
    let key = PublicKey::from_der(pair.public_key().as_ref()).unwrap();
    let part = |n: UintRef<'_>| URL_SAFE_NO_PAD.encode(n.as_bytes());
    format!(
        r#"{{"keys":[{{"kid":"{kid}","kty":"RSA","alg":"RS256","use":"sig","n":"{}","e":"{}"}}]}}"#,
        part(key.n),
        part(key.e)
    )
}

fn token(pair: &RsaKeyPair, header: &str, claims: &str) -> String {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

const HEADER: &str = r#"{"alg":"RS256","kid":"k1","typ":"JWT"}"#;

fn claims(audience: &str, issuer: &str, from: i64, zone: &str) -> String {
    format!(
        r#"{{"aud":"{audience}","iss":"{issuer}","iat":{from},"exp":{},"sub":"1","google":{{"compute_engine":{{"zone":"{zone}"}}}}}}"#,
        from + 3600
    )
}

#[test]
fn a_token_of_google_attests_its_zone() {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let other = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let keys = jwks("k1", &pair);
    const GOOGLE: &str = "https://accounts.google.com";
    let ask = |text: &str| google(text, &keys, AUDIENCE, NOW);
    let good = token(&pair, HEADER, &claims(AUDIENCE, GOOGLE, NOW - 60, "europe-west3-a"));
    assert_eq!(ask(&good), Ok(Place { region: r("gcp:europe-west3"), known: Known::Attested }));
    assert_eq!(ask(&format!("{good}\n")).map(|p| p.region), Ok(r("gcp:europe-west3")));
    let made = |claims: &str| ask(&token(&pair, HEADER, claims));
    use AttestError as E;
    for (claims, error) in [
        // Made for somebody else: a copied token does not fit another cell.
        (claims("log.example/cell-us", GOOGLE, NOW, "europe-west3-a"), E::Other),
        (claims(AUDIENCE, "https://accounts.google.com.evil.example", NOW, "europe-west3-a"), E::Other),
        (claims(AUDIENCE, GOOGLE, NOW - 4000, "europe-west3-a"), E::Time),
        (claims(AUDIENCE, GOOGLE, NOW + 4000, "europe-west3-a"), E::Time),
        (claims(AUDIENCE, GOOGLE, NOW, "europe-west3"), E::Document),
        (claims(AUDIENCE, GOOGLE, NOW, ""), E::Document),
        (r#"{"aud":"log.example/cell-de","iss":"accounts.google.com"}"#.to_owned(), E::Time),
        (
            format!(r#"{{"aud":"{AUDIENCE}","iss":"accounts.google.com","iat":{NOW},"exp":{NOW}}}"#),
            E::Document,
        ),
        ("[]".to_owned(), E::Other),
    ] {
        assert_eq!(made(&claims), Err(error), "{claims}");
    }
    let fits = claims(AUDIENCE, GOOGLE, NOW, "europe-west3-a");
    for (pair, header) in [
        (&other, HEADER),
        (&pair, r#"{"alg":"none","kid":"k1"}"#),
        (&pair, r#"{"alg":"HS256","kid":"k1"}"#),
        (&pair, r#"{"alg":"RS256","kid":"k2"}"#),
        (&pair, r#"{"alg":"RS256"}"#),
    ] {
        assert_eq!(ask(&token(pair, header, &fits)), Err(E::Signature), "{header}");
    }
    for keys in ["", "{}", r#"{"keys":[{"kid":"k1","kty":"RSA"}]}"#, r#"{"keys":[{"kid":"k1","kty":"EC"}]}"#]
    {
        assert_eq!(google(&good, keys, AUDIENCE, NOW), Err(E::Key), "{keys}");
    }
    for at in 0..good.len() {
        let mut changed = good.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        // The last letters of base64 have bits that mean nothing; the decoder refuses those that are set.
        assert!(ask(&changed).is_err(), "letter {at}");
    }
    for text in ["", ".", "..", "a.b", "a.b.c", "e30.e30.e30"] {
        assert!(ask(text).is_err(), "{text}");
    }
}

const ROOT: &str = include_str!("data/azure/root.pem");
const MIDDLE: &str = include_str!("data/azure/middle.pem");
const OTHER: &str = include_str!("data/azure/other.pem");
const WEST: &str = include_str!("data/azure/west");
/// 2026-11-22 12:30 UTC, within the time of the documents.
const THEN: i64 = 1_795_350_600;

#[test]
fn a_document_of_azure_attests_the_region_of_its_certificate() {
    let ask = |document: &str| azure(document, ROOT, Some("20261122"), THEN).map(|p| p.region);
    use AttestError as E;
    for (document, expected) in [
        (WEST, Ok(r("azure:westeurope"))),
        (include_str!("data/azure/west-plain"), Ok(r("azure:westeurope"))),
        (include_str!("data/azure/cn"), Ok(r("azure:chinaeast2"))),
        // A national cloud's own name says its country, that of the world's nothing.
        (include_str!("data/azure/us"), Ok(r("us"))),
        (include_str!("data/azure/bare"), Err(E::Document)),
        (include_str!("data/azure/evil"), Err(E::Document)),
        (include_str!("data/azure/deep"), Err(E::Document)),
        // Issued by a certificate that may not issue any; without the one between.
        (include_str!("data/azure/forged"), Err(E::Untrusted)),
        (include_str!("data/azure/alone"), Err(E::Untrusted)),
    ] {
        assert_eq!(ask(document), expected);
    }
    let wrapped = format!(r#"{{"encoding":"pkcs7","signature":"{WEST}"}}"#);
    assert_eq!(ask(&wrapped), Ok(r("azure:westeurope")));
    let alone = azure(include_str!("data/azure/alone"), &format!("{ROOT}{MIDDLE}"), None, THEN);
    assert_eq!(alone.map(|p| p.region), Ok(r("azure:westeurope")));
    assert_eq!(azure(WEST, ROOT, None, THEN).map(|p| p.known), Ok(Known::Attested));
    // A copy of an older answer has another nonce, and ends.
    assert_eq!(azure(WEST, ROOT, Some("20261123"), THEN), Err(E::Other));
    assert_eq!(azure(WEST, ROOT, None, THEN + 86_400), Err(E::Time));
    assert_eq!(azure(WEST, ROOT, None, THEN - 86_400), Err(E::Untrusted));
    assert_eq!(azure(WEST, OTHER, None, THEN), Err(E::Untrusted));
    for roots in ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        assert_eq!(azure(WEST, roots, None, THEN), Err(E::Key), "{roots}");
    }
}

#[test]
fn any_change_of_azures_document_attests_nothing() {
    let bytes = STANDARD.decode(WEST).unwrap();
    let region = |bytes: &[u8]| azure(&STANDARD.encode(bytes), ROOT, Some("20261122"), THEN);
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        // Attributes beside what is signed may change; the place may not.
        if let Ok(place) = region(&changed) {
            assert_eq!(place.region, r("azure:westeurope"), "byte {at}");
        }
        assert!(region(&bytes[..at]).is_err(), "cut at {at}");
    }
}
