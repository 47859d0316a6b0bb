//! What the recognisers of this folder say of themselves, for [`crate::recognisers`].

use carnet_model::DataClass;

use super::schemes::Needs;
use super::{letters, schemes, secret};
use crate::catalog::{Recogniser, Tier};

/// Type, class, country, validation, source.
type Row = (&'static str, DataClass, &'static str, &'static str, &'static str);

const ID: DataClass = DataClass::NATIONAL_ID;
const DATED: &str = "word or key";

#[rustfmt::skip]
static ROWS: &[Row] = &[
    ("EMAIL_ADDRESS", DataClass::EMAIL, "", "syntax", "RFC 5321, RFC 6531"),
    ("URL_CREDENTIALS", DataClass::URL_CREDENTIALS, "", "syntax", "RFC 3986, 3.2.1"),
    ("IP_ADDRESS", DataClass::IP, "", "syntax", "RFC 791, RFC 4291"),
    ("MAC_ADDRESS", DataClass::MAC_ADDRESS, "", "syntax", "IEEE 802"),
    ("PHONE_NUMBER", DataClass::PHONE, "", "numbering plan of each country, or word or key", "ITU-T E.164, libphonenumber"),
    ("CREDIT_CARD", DataClass::CARD, "", "issuer, length, Luhn", "ISO/IEC 7812"),
    ("IBAN_CODE", DataClass::IBAN, "", "country, length, structure, mod 97", "ISO 13616"),
    ("DATE_OF_BIRTH", DataClass::BIRTH_DATE, "", "calendar or month in 27 languages, word or key", "ISO 8601"),
    ("PASSPORT", DataClass::PASSPORT, "", "check digits of the machine-readable zone, else word or key", "ICAO 9303"),
    ("BIC", DataClass::BIC, "", "country, word or key", "ISO 9362"),
    ("VIN", DataClass::VEHICLE, "", "check digit, or word or key", "ISO 3779, 49 CFR 565"),
    ("BANK_ACCOUNT", DataClass::BANK_ACCOUNT, "", "word or key", "issuers"),
    ("CRYPTO_BTC", DataClass::CRYPTO, "", "base58check, bech32, bech32m", "BIP 13, 173, 350"),
    ("CRYPTO_LTC", DataClass::CRYPTO, "", "base58check, bech32", "Litecoin Core"),
    ("CRYPTO_DOGE", DataClass::CRYPTO, "", "base58check", "Dogecoin Core"),
    ("CRYPTO_TRX", DataClass::CRYPTO, "", "base58check", "TRON"),
    ("CRYPTO_XRP", DataClass::CRYPTO, "", "base58check", "XRP Ledger"),
    ("CRYPTO_ADA", DataClass::CRYPTO, "", "bech32", "CIP 19"),
    ("CRYPTO_ETH", DataClass::CRYPTO, "", "length, checksum where it has one", "EIP-55"),
    ("CRYPTO_XMR", DataClass::CRYPTO, "", "alphabet, length", "Monero"),
    ("CRYPTO_SOL", DataClass::CRYPTO, "", "alphabet, length, word or key", "Solana"),
    ("DRIVING_LICENCE", DataClass::DRIVING_LICENCE, "", DATED, "issuers"),
    ("LICENSE_PLATE", DataClass::VEHICLE, "", DATED, "issuers"),
    ("US_SSN", DataClass::US_SSN, "US", "structure", "SSA"),
    ("FI_PERSONAL_IDENTITY_CODE", ID, "FI", "date, check character", "DVV"),
    ("SECRET_JWT", DataClass::SECRET, "", "decodes", "RFC 7519"),
    ("SECRET_PRIVATE_KEY", DataClass::SECRET, "", "BEGIN to END", "RFC 7468"),
    ("SECRET_SLACK", DataClass::SECRET, "", "host and path", "vendor"),
    ("SECRET_TEAMS", DataClass::SECRET, "", "host and path", "vendor"),
    ("SECRET_BEARER", DataClass::SECRET, "", "Bearer, entropy", "RFC 6750"),
    ("SECRET_BASIC_AUTH", DataClass::SECRET, "", "decodes to user and password", "RFC 7617"),
    ("SECRET_PASSWORD", DataClass::SECRET, "", "place in a command or sentence", "-"),
    ("SECRET_KUBERNETES", DataClass::SECRET, "", "data of a Secret", "Kubernetes API"),
    ("SECRET_AZURE", DataClass::SECRET, "", "shape, entropy", "vendor"),
    ("SECRET_TERRAFORM", DataClass::SECRET, "", "shape, entropy", "vendor"),
    ("SECRET_AUTHRESS", DataClass::SECRET, "", "shape, entropy", "vendor"),
    ("SECRET_MAXMIND", DataClass::SECRET, "", "shape, entropy", "vendor"),
    ("SECRET_AIRTABLE", DataClass::SECRET, "", "shape", "vendor"),
    ("SECRET_TELEGRAM", DataClass::SECRET, "", "shape, entropy", "vendor"),
    ("SECRET_FACEBOOK", DataClass::SECRET, "", "shape, entropy", "vendor"),
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
    let numbers = schemes::SCHEMES.iter().map(|s| number(s.kind, s.class, s.country, s.needs));
    let formats = letters::FORMATS.iter().map(|f| number(f.2, f.3, f.4, f.5));
    let secrets = secret::kinds().map(|kind| Recogniser {
        kind,
        class: DataClass::SECRET,
        country: None,
        validation: "prefix or name of the vendor, alphabet, length, entropy",
        source: "vendor, gitleaks",
        tier: Tier::Pattern,
    });
    fixed.chain(numbers).chain(formats).chain(secrets).collect()
}

fn number(kind: &'static str, class: DataClass, country: &'static [u8; 2], needs: Needs) -> Recogniser {
    Recogniser {
        kind,
        class,
        country: std::str::from_utf8(country).ok(),
        validation: match needs {
            Needs::Nothing => "structure and check digits",
            Needs::Shape => "check digits, and its groups, a word, key or enabled country",
            Needs::Word => "check digits, and a word, key or enabled country",
            Needs::Own => "structure, and its own word or key",
        },
        source: ISSUERS.iter().find(|i| i.0 == kind).map_or("the issuer", |i| i.1),
        tier: Tier::Pattern,
    }
}

/// Who gives the numbers out, or the text that defines them.
#[rustfmt::skip]
static ISSUERS: &[(&str, &str)] = &[
    ("FR_NIR", "INSEE"),
    ("CH_AHV", "ZAS/CCO"),
    ("RO_CNP", "Legea 105/1996"),
    ("SI_EMSO", "Zakon o CRP"),
    ("LU_MATRICULE", "CTIE"),
    ("SE_PERSONNUMMER", "Skatteverket SKV 704"),
    ("DE_TAX_ID", "BZSt, AO 139b"),
    ("PL_PESEL", "Ministerstwo Cyfryzacji"),
    ("BE_NRN", "IBZ"),
    ("NO_FODSELSNUMMER", "Skatteetaten"),
    ("EE_ISIKUKOOD", "EVS 585"),
    ("LT_ASMENS_KODAS", "Registrų centras"),
    ("GR_AMKA", "IDIKA"),
    ("LV_PERSONAS_KODS", "PMLP"),
    ("HR_OIB", "Porezna uprava"),
    ("HU_PERSONAL_ID", "1996. évi XX. törvény"),
    ("IT_VAT_CODE", "DPR 633/1972"),
    ("PT_NISS", "Segurança Social"),
    ("ES_NUSS", "TGSS"),
    ("CZ_RODNE_CISLO", "133/2000 Sb."),
    ("SK_RODNE_CISLO", "301/1995 Z. z."),
    ("IS_KENNITALA", "Þjóðskrá"),
    ("BG_EGN", "GRAO"),
    ("BG_LNCH", "MVR"),
    ("UK_NHS", "NHS Data Dictionary"),
    ("UK_CHI", "NHS Scotland"),
    ("UK_UTR", "HMRC"),
    ("AT_SVNR", "ASVG 31"),
    ("DK_CPR", "CPR-kontoret"),
    ("HU_TAX_ID", "2003. évi XCII. törvény"),
    ("PL_NIP", "Ministerstwo Finansów"),
    ("FR_TAX_ID", "DGFiP"),
    ("NL_BSN", "RvIG"),
    ("PT_NIF", "Portaria 271/99"),
    ("PT_SNS", "SPMS"),
    ("GR_AFM", "AADE"),
    ("HU_TAJ", "NEAK"),
    ("AT_TAX_ID", "BMF"),
    ("SI_TAX_ID", "FURS"),
    ("US_ITIN", "IRS"),
    ("US_EIN", "IRS"),
    ("US_NPI", "CMS, 45 CFR 162"),
    ("ABA_ROUTING_NUMBER", "ABA"),
    ("CA_SIN", "ESDC"),
    ("AU_TFN", "ATO"),
    ("AU_ABN", "ABR"),
    ("AU_ACN", "ASIC"),
    ("AU_MEDICARE", "Services Australia"),
    ("IN_AADHAAR", "UIDAI"),
    ("BR_CPF", "Receita Federal"),
    ("BR_CNPJ", "Receita Federal"),
    ("JP_MY_NUMBER", "総務省令第八十五号"),
    ("KR_RRN", "MOIS"),
    ("TR_TCKN", "NVI"),
    ("ZA_ID", "DHA"),
    ("TH_PIN", "BORA"),
    ("CN_RIC", "GB 11643"),
    ("IL_ID", "PIBA"),
    ("IT_FISCAL_CODE", "D.M. 23/12/1976"),
    ("DRIVING_LICENCE", "DVLA"),
    ("ES_NIF", "Ministerio del Interior"),
    ("ES_NIE", "Ministerio del Interior"),
    ("UK_NINO", "HMRC NIM39110"),
    ("IE_PPS", "DSP"),
    ("PT_CC", "IRN"),
    ("DE_SOCIAL_SECURITY", "VKVV 2"),
    ("DE_KVNR", "SGB V 290"),
    ("DE_ID_CARD", "ICAO 9303"),
    ("CY_TIC", "OECD TIN, CY"),
    ("MT_ID", "OECD TIN, MT"),
    ("IT_IDENTITY_CARD", "Ministero dell'Interno"),
    ("PL_ID_CARD", "ICAO 9303"),
    ("ES_CIF", "Orden EHA/451/2008"),
    ("SG_NRIC_FIN", "ICA"),
    ("US_DEA", "DEA, 21 CFR 1301"),
    ("GR_ID_CARD", "Hellenic Police"),
    ("IN_PAN", "Income Tax Department"),
    ("IN_GSTIN", "GSTN"),
    ("IN_VOTER", "ECI"),
    ("MX_CURP", "RENAPO"),
    ("US_MBI", "CMS"),
];
