//! The structures of RFC 3161 and RFC 5035 that an answer has, as far as they are looked at.

use cms::content_info::ContentInfo;
use der::asn1::{Any, BitString, GeneralizedTime, Int, ObjectIdentifier, OctetString};
use der::{Sequence, ValueOrd};
use x509_cert::ext::Extensions;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::spki::AlgorithmIdentifierOwned;

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub(super) struct Status {
    pub(super) status: u8,
    #[asn1(optional = "true")]
    pub(super) text: Option<Vec<Any>>,
    #[asn1(optional = "true")]
    pub(super) failure: Option<BitString>,
}

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub(super) struct Response {
    pub(super) status: Status,
    #[asn1(optional = "true")]
    pub(super) token: Option<ContentInfo>,
}

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub(super) struct Imprint {
    pub(super) algorithm: AlgorithmIdentifierOwned,
    pub(super) hash: OctetString,
}

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub(super) struct Accuracy {
    #[asn1(optional = "true")]
    pub(super) seconds: Option<u64>,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    pub(super) millis: Option<u16>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    pub(super) micros: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub(super) struct Info {
    pub(super) version: u8,
    pub(super) policy: ObjectIdentifier,
    pub(super) imprint: Imprint,
    pub(super) serial: Int,
    pub(super) time: GeneralizedTime,
    #[asn1(optional = "true")]
    pub(super) accuracy: Option<Accuracy>,
    #[asn1(default = "Default::default")]
    pub(super) ordering: bool,
    #[asn1(optional = "true")]
    pub(super) nonce: Option<Int>,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    pub(super) tsa: Option<GeneralName>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    pub(super) extensions: Option<Extensions>,
}

/// `ESSCertID`: SHA-1.
#[derive(Clone, Debug, PartialEq, Eq, Sequence, ValueOrd)]
pub(super) struct CertId {
    pub(super) hash: OctetString,
    pub(super) issuer: Option<Any>,
}

/// `SigningCertificate`.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub(super) struct SigningCertificate {
    pub(super) certs: Vec<CertId>,
    pub(super) policies: Option<Any>,
}

/// `ESSCertIDv2`: SHA-256 unless it says otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Sequence, ValueOrd)]
pub(super) struct CertIdV2 {
    #[asn1(optional = "true")]
    pub(super) algorithm: Option<AlgorithmIdentifierOwned>,
    pub(super) hash: OctetString,
    pub(super) issuer: Option<Any>,
}

/// `SigningCertificateV2`.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub(super) struct SigningCertificateV2 {
    pub(super) certs: Vec<CertIdV2>,
    pub(super) policies: Option<Any>,
}
