//! What the recognisers of this folder say of themselves, for [`crate::recognisers`].

use carnet_model::DataClass;

use super::{schemes, secret};
use crate::catalog::{Recogniser, Tier};

/// Type, class, country, validation, source.
type Row = (&'static str, DataClass, &'static str, &'static str, &'static str);

const ID: DataClass = DataClass::NATIONAL_ID;
const TAX: DataClass = DataClass::TAX_ID;
const DATED: &str = "word or key";

#[rustfmt::skip]
static ROWS: &[Row] = &[
    ("EMAIL_ADDRESS", DataClass::EMAIL, "", "syntax", "RFC 5321, RFC 6531"),
    ("URL_CREDENTIALS", DataClass::URL_CREDENTIALS, "", "syntax", "RFC 3986, 3.2.1"),
    ("IP_ADDRESS", DataClass::IP, "", "syntax", "RFC 791, RFC 4291"),
    ("MAC_ADDRESS", DataClass::MAC_ADDRESS, "", "syntax", "IEEE 802"),
    ("PHONE_NUMBER", DataClass::PHONE, "", "country code and length, or word", "ITU-T E.164"),
    ("CREDIT_CARD", DataClass::CARD, "", "issuer, length, Luhn", "ISO/IEC 7812"),
    ("IBAN_CODE", DataClass::IBAN, "", "country, length, mod 97", "ISO 13616"),
    ("DATE_OF_BIRTH", DataClass::BIRTH_DATE, "", "calendar, word", "ISO 8601"),
    ("PASSPORT", DataClass::PASSPORT, "", DATED, "ICAO 9303"),
    ("DRIVING_LICENCE", DataClass::DRIVING_LICENCE, "", DATED, "issuers"),
    ("LICENSE_PLATE", DataClass::VEHICLE, "", DATED, "issuers"),
    ("US_SSN", DataClass::US_SSN, "US", "structure", "SSA"),
    ("IT_FISCAL_CODE", TAX, "IT", "check character", "Agenzia delle Entrate"),
    ("ES_NIF", ID, "ES", "check letter", "Ministerio del Interior"),
    ("ES_NIE", ID, "ES", "check letter", "Ministerio del Interior"),
    ("UK_NINO", ID, "GB", "structure", "HMRC NIM39110"),
    ("IE_PPS", ID, "IE", "check letter", "DSP"),
    ("FR_NIR", ID, "FR", "mod 97", "INSEE"),
    ("DE_SOCIAL_SECURITY", ID, "DE", "check digit", "VKVV, 2"),
    ("DE_ID_CARD", ID, "DE", "check digit", "ICAO 9303"),
    ("CY_TIC", TAX, "CY", "check letter", "OECD TIN, CY"),
    ("MT_ID", ID, "MT", "structure", "OECD TIN, MT"),
    ("PT_CC", ID, "PT", "check digit", "IRN"),
    ("PL_ID_CARD", ID, "PL", "check digit", "ICAO 9303"),
    ("FI_PERSONAL_IDENTITY_CODE", ID, "FI", "date, check character", "DVV"),
    ("SECRET_JWT", DataClass::SECRET, "", "decodes", "RFC 7519"),
    ("SECRET_PRIVATE_KEY", DataClass::SECRET, "", "BEGIN to END", "RFC 7468"),
    ("SECRET_SLACK", DataClass::SECRET, "", "host and path", "vendor"),
    ("SECRET_DISCORD", DataClass::SECRET, "", "host and path", "vendor"),
];

/// All of them.
pub(crate) fn recognisers() -> Vec<Recogniser> {
    let fixed = ROWS.iter().map(|(kind, class, country, validation, source)| Recogniser {
        kind,
        class: *class,
        country: (!country.is_empty()).then_some(*country),
        validation,
        source,
        tier: Tier::Pattern,
    });
    let numbers = schemes::SCHEMES.iter().map(|s| Recogniser {
        kind: s.kind,
        class: s.class,
        country: std::str::from_utf8(s.country).ok(),
        validation: if s.alone { "check digits" } else { "check digits, with word, key or enabled country" },
        source: "the issuer, see scan/schemes.rs",
        tier: Tier::Pattern,
    });
    let secrets = secret::kinds().map(|kind| Recogniser {
        kind,
        class: DataClass::SECRET,
        country: None,
        validation: "prefix, alphabet, length",
        source: "vendor",
        tier: Tier::Pattern,
    });
    fixed.chain(numbers).chain(secrets).collect()
}
