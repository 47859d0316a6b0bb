//! Whether an RFC 3161 answer is by an authority that the auditor trusts: the token is signed (CMS) by a certificate that may
//! sign time stamps, was valid then, and is one of the auditor's or issued by one of them. Nothing is fetched: revocation
//! is not looked at.

use aws_lc_rs::{digest, signature};
use cms::cert::CertificateChoices;
use cms::content_info::ContentInfo;
use cms::signed_data::{SignedData, SignerIdentifier, SignerInfo};
use der::asn1::{Any, ObjectIdentifier, OctetString};
use der::{Decode, DecodePem, Encode};
use x509_cert::Certificate;
use x509_cert::attr::Attribute;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage};
use x509_cert::spki::SubjectPublicKeyInfoOwned;

use super::tsp::{Info, Response, SigningCertificate, SigningCertificateV2};
use crate::tree::Hash;
use crate::verify::{StampError, Stamps};

const fn oid(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(text)
}

const SIGNED_DATA: ObjectIdentifier = oid("1.2.840.113549.1.7.2");
const TST_INFO: ObjectIdentifier = oid("1.2.840.113549.1.9.16.1.4");
const CONTENT_TYPE: ObjectIdentifier = oid("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = oid("1.2.840.113549.1.9.4");
const SIGNING_CERTIFICATE: ObjectIdentifier = oid("1.2.840.113549.1.9.16.2.12");
const SIGNING_CERTIFICATE_V2: ObjectIdentifier = oid("1.2.840.113549.1.9.16.2.47");
const TIME_STAMPING: ObjectIdentifier = oid("1.3.6.1.5.5.7.3.8");
const SHA256: ObjectIdentifier = oid("2.16.840.1.101.3.4.2.1");
const SHA384: ObjectIdentifier = oid("2.16.840.1.101.3.4.2.2");
const SHA512: ObjectIdentifier = oid("2.16.840.1.101.3.4.2.3");
const RSA: ObjectIdentifier = oid("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = oid("1.2.840.10045.2.1");
const P256: ObjectIdentifier = oid("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = oid("1.3.132.0.34");

const fn bad<T>(why: &'static str) -> Result<T, StampError> {
    Err(StampError::Bad(why))
}

/// The certificates of time stamp authorities, or of who issues theirs, that an auditor trusts.
#[derive(Clone, Debug)]
pub struct Authorities(Vec<Certificate>);

impl Authorities {
    /// Reads PEM certificates.
    ///
    /// # Errors
    /// In words, if one is none, or there is none.
    pub fn from_pem(text: &str) -> Result<Authorities, &'static str> {
        const END: &str = "-----END CERTIFICATE-----";
        let mut found = Vec::new();
        for part in text.split_inclusive(END).filter(|part| part.contains(END)) {
            let at = part.find("-----BEGIN CERTIFICATE-----").ok_or("not a PEM certificate")?;
            let pem = part.get(at..).unwrap_or_default();
            found.push(Certificate::from_pem(pem).map_err(|_| "not a PEM certificate")?);
        }
        if found.is_empty() { Err("no PEM certificate") } else { Ok(Authorities(found)) }
    }

    /// Whether a certificate is one of these, or issued by one of these.
    fn trusts(&self, certificate: &Certificate, t: u64) -> bool {
        self.0.iter().any(|ours| {
            ours == certificate || (is_authority(ours) && issued(ours, certificate) && valid(ours, t))
        })
    }
}

impl Stamps for Authorities {
    fn time(&self, imprint: &Hash, response: &[u8]) -> Result<u64, StampError> {
        let Ok(response) = Response::from_der(response) else { return bad("not a time stamp response") };
        let token = match (response.status.status, response.token) {
            (0 | 1, Some(token)) => token,
            _ => return bad("the authority did not grant it"),
        };
        let (signed, content) = opened(&token)?;
        let Ok(info) = Info::from_der(&content) else { return bad("no time stamp in the token") };
        if info.imprint.algorithm.oid != SHA256 || info.imprint.hash.as_bytes() != imprint {
            return bad("of another checkpoint");
        }
        let t = info.time.to_unix_duration().as_secs();
        let mut signers = signed.signer_infos.0.iter();
        let (Some(signer), None) = (signers.next(), signers.next()) else { return bad("not one signer") };
        let certificate = self.certificate(&signed, signer)?;
        attributes(signer, &content, &certificate)?;
        verified(signer, &certificate)?;
        if !may_stamp(&certificate) || !valid(&certificate, t) {
            return bad("its certificate may not sign time stamps, or not then");
        }
        if self.trusts(&certificate, t) { Ok(t) } else { Err(StampError::Unknown) }
    }
}

impl Authorities {
    /// The certificate of the signer, from the token or from the auditor.
    fn certificate(&self, signed: &SignedData, signer: &SignerInfo) -> Result<Certificate, StampError> {
        let SignerIdentifier::IssuerAndSerialNumber(id) = &signer.sid else {
            return bad("the signer is not named by issuer and serial number");
        };
        let is = |c: &Certificate| {
            c.tbs_certificate.issuer == id.issuer && c.tbs_certificate.serial_number == id.serial_number
        };
        let carried =
            signed.certificates.iter().flat_map(|set| set.0.iter()).filter_map(|choice| match choice {
                CertificateChoices::Certificate(certificate) => Some(certificate),
                CertificateChoices::Other(_) => None,
            });
        self.0.iter().chain(carried).find(|c| is(c)).cloned().ok_or(StampError::Unknown)
    }
}

/// The signed data of a token and the content that was signed.
fn opened(token: &ContentInfo) -> Result<(SignedData, Vec<u8>), StampError> {
    if token.content_type != SIGNED_DATA {
        return bad("the token is not signed data");
    }
    let Ok(signed) = token.content.decode_as::<SignedData>() else {
        return bad("the token is not signed data");
    };
    let inner = &signed.encap_content_info;
    let content = inner.econtent.as_ref().and_then(|any| any.decode_as::<OctetString>().ok());
    match content {
        Some(content) if inner.econtent_type == TST_INFO => Ok((signed, content.into_bytes())),
        _ => bad("the token is about something else"),
    }
}

fn hash(algorithm: ObjectIdentifier, bytes: &[u8]) -> Option<Vec<u8>> {
    let algorithm = match algorithm {
        SHA256 => &digest::SHA256,
        SHA384 => &digest::SHA384,
        SHA512 => &digest::SHA512,
        _ => return None,
    };
    Some(digest::digest(algorithm, bytes).as_ref().to_vec())
}

fn value(signer: &SignerInfo, oid: ObjectIdentifier) -> Option<&Any> {
    let all = signer.signed_attrs.as_ref()?;
    let mut of: Vec<&Attribute> = all.iter().filter(|a| a.oid == oid).collect();
    let one = of.pop().filter(|_| of.is_empty())?;
    if one.values.len() == 1 { one.values.get(0) } else { None }
}

/// The signed attributes are of this content and of this certificate.
fn attributes(signer: &SignerInfo, content: &[u8], certificate: &Certificate) -> Result<(), StampError> {
    let kind = value(signer, CONTENT_TYPE).and_then(|v| v.decode_as::<ObjectIdentifier>().ok());
    if kind != Some(TST_INFO) {
        return bad("the signature is about something else");
    }
    let stated = value(signer, MESSAGE_DIGEST).and_then(|v| v.decode_as::<OctetString>().ok());
    let computed = hash(signer.digest_alg.oid, content);
    match (stated, computed) {
        (Some(stated), Some(computed)) if stated.as_bytes() == computed => {}
        _ => return bad("the signature is of another content"),
    }
    if names(signer, certificate) == Some(true) {
        Ok(())
    } else {
        bad("the signature names another certificate")
    }
}

/// Whether the signing-certificate attribute names this certificate.
fn names(signer: &SignerInfo, certificate: &Certificate) -> Option<bool> {
    let bytes = certificate.to_der().ok()?;
    if let Some(any) = value(signer, SIGNING_CERTIFICATE_V2) {
        let read = any.decode_as::<SigningCertificateV2>().ok()?;
        let first = read.certs.first()?;
        let algorithm = first.algorithm.as_ref().map_or(SHA256, |a| a.oid);
        return Some(hash(algorithm, &bytes)? == first.hash.as_bytes());
    }
    let read = value(signer, SIGNING_CERTIFICATE)?.decode_as::<SigningCertificate>().ok()?;
    let sha1 = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &bytes);
    Some(sha1.as_ref() == read.certs.first()?.hash.as_bytes())
}

/// The signature over the signed attributes.
fn verified(signer: &SignerInfo, certificate: &Certificate) -> Result<(), StampError> {
    let attributes = signer.signed_attrs.as_ref().and_then(|a| a.to_der().ok());
    let Some(attributes) = attributes else { return bad("nothing is signed") };
    let key = &certificate.tbs_certificate.subject_public_key_info;
    let hash = match hash_of(signer.signature_algorithm.oid) {
        Some(of) => of,
        None => signer.digest_alg.oid,
    };
    if signed_by(key, hash, &attributes, signer.signature.as_bytes()) {
        Ok(())
    } else {
        bad("its signature does not verify, or is of an algorithm that is not known here")
    }
}

/// The hash in the name of a signature algorithm; `None` for one that leaves it open.
fn hash_of(algorithm: ObjectIdentifier) -> Option<ObjectIdentifier> {
    match algorithm.to_string().as_str() {
        "1.2.840.113549.1.1.11" | "1.2.840.10045.4.3.2" => Some(SHA256),
        "1.2.840.113549.1.1.12" | "1.2.840.10045.4.3.3" => Some(SHA384),
        "1.2.840.113549.1.1.13" | "1.2.840.10045.4.3.4" => Some(SHA512),
        _ => None,
    }
}

fn signed_by(key: &SubjectPublicKeyInfoOwned, hash: ObjectIdentifier, message: &[u8], signed: &[u8]) -> bool {
    let curve = key.algorithm.parameters.as_ref().and_then(|p| p.decode_as::<ObjectIdentifier>().ok());
    let algorithm: &dyn signature::VerificationAlgorithm = match (key.algorithm.oid, curve, hash) {
        (RSA, _, SHA256) => &signature::RSA_PKCS1_2048_8192_SHA256,
        (RSA, _, SHA384) => &signature::RSA_PKCS1_2048_8192_SHA384,
        (RSA, _, SHA512) => &signature::RSA_PKCS1_2048_8192_SHA512,
        (EC, Some(P256), SHA256) => &signature::ECDSA_P256_SHA256_ASN1,
        (EC, Some(P256), SHA384) => &signature::ECDSA_P256_SHA384_ASN1,
        (EC, Some(P384), SHA256) => &signature::ECDSA_P384_SHA256_ASN1,
        (EC, Some(P384), SHA384) => &signature::ECDSA_P384_SHA384_ASN1,
        (EC, Some(P384), SHA512) => &signature::ECDSA_P384_SHA512_ASN1,
        _ => return false,
    };
    let bytes = key.subject_public_key.raw_bytes();
    signature::UnparsedPublicKey::new(algorithm, bytes).verify(message, signed).is_ok()
}

/// Whether one certificate is issued by another.
fn issued(issuer: &Certificate, certificate: &Certificate) -> bool {
    let (above, below) = (&issuer.tbs_certificate, &certificate.tbs_certificate);
    let Some(hash) = hash_of(certificate.signature_algorithm.oid) else { return false };
    let (Ok(message), signed) = (below.to_der(), certificate.signature.raw_bytes()) else { return false };
    above.subject == below.issuer && signed_by(&above.subject_public_key_info, hash, &message, signed)
}

fn is_authority(certificate: &Certificate) -> bool {
    let constraints = certificate.tbs_certificate.get::<BasicConstraints>();
    matches!(constraints, Ok(Some((_, constraints))) if constraints.ca)
}

/// Time stamping, critical, and nothing else (RFC 3161, section 2.3).
fn may_stamp(certificate: &Certificate) -> bool {
    match certificate.tbs_certificate.get::<ExtendedKeyUsage>() {
        Ok(Some((critical, usage))) => critical && usage.0 == [TIME_STAMPING],
        _ => false,
    }
}

fn valid(certificate: &Certificate, t: u64) -> bool {
    let validity = &certificate.tbs_certificate.validity;
    let (from, to) = (validity.not_before.to_unix_duration(), validity.not_after.to_unix_duration());
    (from.as_secs()..=to.as_secs()).contains(&t)
}
