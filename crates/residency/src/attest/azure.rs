//! The attested document of an Azure virtual machine: JSON signed as CMS (PKCS #7) by a certificate of the machine's region.
//!
//! The machine asks its metadata service for it (`/metadata/attested/document?nonce=...`). The document names no region; the certificate does:
//! `westeurope.metadata.azure.com`. Certificates of the national clouds say at least their country: `metadata.azure.cn`. A nonce
//! that was chosen for this start keeps an older document from being shown again.

use aws_lc_rs::{digest, signature};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use carnet_model::Region;
use cms::cert::CertificateChoices;
use cms::content_info::ContentInfo;
use cms::signed_data::{SignedData, SignerIdentifier, SignerInfo};
use der::asn1::{ObjectIdentifier, OctetString};
use der::{Decode, DecodePem, Encode};
use x509_cert::Certificate;
use x509_cert::ext::pkix::BasicConstraints;

use super::AttestError;
use super::google::Json;
use crate::day::Day;
use crate::known::{Known, Place};

const fn oid(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(text)
}

const SIGNED_DATA: ObjectIdentifier = oid("1.2.840.113549.1.7.2");
const CONTENT_TYPE: ObjectIdentifier = oid("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = oid("1.2.840.113549.1.9.4");
const COMMON_NAME: ObjectIdentifier = oid("2.5.4.3");
const SHA256: ObjectIdentifier = oid("2.16.840.1.101.3.4.2.1");
const RSA: ObjectIdentifier = oid("1.2.840.113549.1.1.1");
const RSA_SHA256: ObjectIdentifier = oid("1.2.840.113549.1.1.11");
const RSA_SHA384: ObjectIdentifier = oid("1.2.840.113549.1.1.12");

/// Certificates between the machine's and one that is trusted, at most.
const DEPTH: usize = 4;

/// The region of the certificate that signed a document. `document` is the answer of the metadata service, or the text of its `signature`;
/// `roots` are PEM certificates of who may issue such certificates.
///
/// # Errors
/// When anything does not fit.
pub fn azure(document: &str, roots: &str, nonce: Option<&str>, now: i64) -> Result<Place, AttestError> {
    let trusted = certificates(roots)?;
    let token = opened(document)?;
    let signed = token.content.decode_as::<SignedData>().map_err(|_| AttestError::Document)?;
    let content = signed.encap_content_info.econtent.as_ref();
    let content = content.and_then(|any| any.decode_as::<OctetString>().ok()).ok_or(AttestError::Document)?;
    let mut signers = signed.signer_infos.0.iter();
    let (Some(signer), None) = (signers.next(), signers.next()) else { return Err(AttestError::Signature) };
    let carried: Vec<&Certificate> =
        signed.certificates.iter().flat_map(|set| set.0.iter()).filter_map(of).collect();
    let certificate = carried.iter().find(|c| is_signer(c, signer)).ok_or(AttestError::Signature)?;
    if !is_signed(&signed, signer, content.as_bytes(), certificate) {
        return Err(AttestError::Signature);
    }
    if !trusts(&trusted, &carried, certificate, now, DEPTH) {
        return Err(AttestError::Untrusted);
    }
    said(content.into_bytes(), nonce, now)?;
    let region = place(certificate).ok_or(AttestError::Document)?;
    Ok(Place { region, known: Known::Attested })
}

fn certificates(pem: &str) -> Result<Vec<Certificate>, AttestError> {
    const END: &str = "-----END CERTIFICATE-----";
    let one = |part: &str| {
        let at = part.find("-----BEGIN CERTIFICATE-----").ok_or(AttestError::Key)?;
        Certificate::from_pem(part.get(at..).unwrap_or_default()).map_err(|_| AttestError::Key)
    };
    let all: Result<Vec<_>, _> =
        pem.split_inclusive(END).filter(|part| part.contains(END)).map(one).collect();
    all.and_then(|all| if all.is_empty() { Err(AttestError::Key) } else { Ok(all) })
}

/// From `{"encoding": "pkcs7", "signature": "..."}`, or base64 alone.
fn opened(document: &str) -> Result<ContentInfo, AttestError> {
    let document = document.trim();
    let text = if document.starts_with('{') {
        Json::read(document.as_bytes().to_vec())?.text("signature").ok_or(AttestError::Document)?
    } else {
        document.to_owned()
    };
    let compact: String = text.split_ascii_whitespace().collect();
    let bytes = STANDARD.decode(compact).map_err(|_| AttestError::Document)?;
    let token = ContentInfo::from_der(&bytes).map_err(|_| AttestError::Document)?;
    if token.content_type == SIGNED_DATA { Ok(token) } else { Err(AttestError::Document) }
}

fn of(choice: &CertificateChoices) -> Option<&Certificate> {
    match choice {
        CertificateChoices::Certificate(certificate) => Some(certificate),
        CertificateChoices::Other(_) => None,
    }
}

fn is_signer(certificate: &Certificate, signer: &SignerInfo) -> bool {
    match &signer.sid {
        SignerIdentifier::IssuerAndSerialNumber(id) => {
            let its = &certificate.tbs_certificate;
            its.issuer == id.issuer && its.serial_number == id.serial_number
        }
        SignerIdentifier::SubjectKeyIdentifier(_) => false,
    }
}

/// The signature over the content, or over attributes that state its digest.
fn is_signed(signed: &SignedData, signer: &SignerInfo, content: &[u8], by: &Certificate) -> bool {
    if signer.digest_alg.oid != SHA256 {
        return false;
    }
    let message = match &signer.signed_attrs {
        None => content.to_vec(),
        Some(attributes) => {
            let mut kinds = attributes.iter().filter(|a| a.oid == CONTENT_TYPE);
            let mut digests = attributes.iter().filter(|a| a.oid == MESSAGE_DIGEST);
            let (Some(kind), None, Some(stated), None) =
                (kinds.next(), kinds.next(), digests.next(), digests.next())
            else {
                return false;
            };
            let kind = kind.values.get(0).and_then(|v| v.decode_as::<ObjectIdentifier>().ok());
            let stated = stated.values.get(0).and_then(|v| v.decode_as::<OctetString>().ok());
            let computed = digest::digest(&digest::SHA256, content);
            if kind != Some(signed.encap_content_info.econtent_type)
                || stated.is_none_or(|s| s.as_bytes() != computed.as_ref())
            {
                return false;
            }
            let Ok(message) = attributes.to_der() else { return false };
            message
        }
    };
    matches!(signer.signature_algorithm.oid, RSA | RSA_SHA256)
        && verifies(by, &signature::RSA_PKCS1_2048_8192_SHA256, &message, signer.signature.as_bytes())
}

fn verifies(
    by: &Certificate,
    algorithm: &'static dyn signature::VerificationAlgorithm,
    message: &[u8],
    signed: &[u8],
) -> bool {
    let key = &by.tbs_certificate.subject_public_key_info;
    key.algorithm.oid == RSA
        && signature::UnparsedPublicKey::new(algorithm, key.subject_public_key.raw_bytes())
            .verify(message, signed)
            .is_ok()
}

/// Whether a certificate is valid, and issued by one that is trusted, perhaps through others that came with the document.
fn trusts(
    trusted: &[Certificate],
    carried: &[&Certificate],
    certificate: &Certificate,
    now: i64,
    depth: usize,
) -> bool {
    if !valid(certificate, now) {
        return false;
    }
    let by =
        |issuer: &&Certificate| is_authority(issuer) && valid(issuer, now) && issued(issuer, certificate);
    if trusted.iter().any(|issuer| by(&issuer)) {
        return true;
    }
    depth > 0
        && carried.iter().filter(|c| by(c)).any(|issuer| trusts(trusted, carried, issuer, now, depth - 1))
}

fn is_authority(certificate: &Certificate) -> bool {
    let constraints = certificate.tbs_certificate.get::<BasicConstraints>();
    matches!(constraints, Ok(Some((_, constraints))) if constraints.ca)
}

fn issued(issuer: &Certificate, certificate: &Certificate) -> bool {
    let (above, below) = (&issuer.tbs_certificate, &certificate.tbs_certificate);
    let algorithm: &dyn signature::VerificationAlgorithm = match certificate.signature_algorithm.oid {
        RSA_SHA256 => &signature::RSA_PKCS1_2048_8192_SHA256,
        RSA_SHA384 => &signature::RSA_PKCS1_2048_8192_SHA384,
        _ => return false,
    };
    let Ok(message) = below.to_der() else { return false };
    above.subject == below.issuer && verifies(issuer, algorithm, &message, certificate.signature.raw_bytes())
}

fn valid(certificate: &Certificate, now: i64) -> bool {
    let validity = &certificate.tbs_certificate.validity;
    let (from, to) = (validity.not_before.to_unix_duration(), validity.not_after.to_unix_duration());
    u64::try_from(now).is_ok_and(|now| (from.as_secs()..=to.as_secs()).contains(&now))
}

/// What the document says: the nonce that was asked with, and until when it holds.
fn said(content: Vec<u8>, nonce: Option<&str>, now: i64) -> Result<(), AttestError> {
    let document = Json::read(content)?;
    if nonce.is_some_and(|nonce| document.text("nonce").as_deref() != Some(nonce)) {
        return Err(AttestError::Other);
    }
    let root = document.root();
    let until = root.get("timeStamp").and_then(|t| t.get("expiresOn")?.as_str().map(|t| t.into_owned()));
    let until = until.and_then(|text| time(&text)).ok_or(AttestError::Document)?;
    if now <= until { Ok(()) } else { Err(AttestError::Time) }
}

/// `11/28/26 00:16:17 -0000`.
fn time(text: &str) -> Option<i64> {
    let (date, rest) = text.split_once(' ')?;
    let (clock, zone) = rest.split_once(' ')?;
    if !matches!(zone, "-0000" | "+0000") {
        return None;
    }
    let two = |text: &str| if text.len() == 2 { text.parse::<u32>().ok() } else { None };
    let mut parts = date.split('/').map(two);
    let (month, day, year) = (parts.next()??, parts.next()??, parts.next()??);
    let mut parts = clock.split(':').map(two);
    let (h, m, s) = (parts.next()??, parts.next()??, parts.next()??);
    let start = Day::parse(&format!("20{year:02}-{month:02}-{day:02}"))?.seconds();
    (h < 24 && m < 60 && s < 61).then(|| start + i64::from(h * 3600 + m * 60 + s))
}

/// The region in the name of a certificate.
fn place(certificate: &Certificate) -> Option<Region> {
    let names = certificate.tbs_certificate.subject.0.iter().flat_map(|set| set.0.iter());
    let mut common = names.filter(|part| part.oid == COMMON_NAME);
    let (Some(name), None) = (common.next(), common.next()) else { return None };
    let name = std::str::from_utf8(name.value.value()).ok()?.to_ascii_lowercase();
    let label = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric());
    for (domain, country) in [("azure.com", None), ("azure.us", Some("us")), ("azure.cn", Some("cn"))] {
        let Some(before) = name.strip_suffix(domain).and_then(|n| n.strip_suffix("metadata.")) else {
            continue;
        };
        return match before.strip_suffix('.') {
            Some(region) if label(region) => Some(Region::new(&format!("azure:{region}"))),
            None if before.is_empty() => country.map(Region::new),
            _ => None,
        };
    }
    None
}
