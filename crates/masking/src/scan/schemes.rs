//! National, tax and health numbers made of digits only: length, structure and check digits from the public
//! specifications of each issuer.

use carnet_model::DataClass;

use super::checks::{day_month, gs1, luhn, mod_11_10, number, two, uniform, weighted};
use crate::context::{self, Bits};

/// One kind of number.
pub(crate) struct Scheme {
    pub(crate) country: &'static [u8; 2],
    pub(crate) kind: &'static str,
    pub(crate) class: DataClass,
    pub(crate) len: usize,
    pub(crate) check: fn(&[u8]) -> bool,
    /// Structure and check digits together are rare enough to need no word, key or enabled country.
    pub(crate) alone: bool,
    /// How it is written with separators: lengths of groups. Others are accepted only with a word or key.
    pub(crate) shape: &'static [usize],
    /// Which general words speak for it.
    pub(crate) words: Bits,
}

const ID: DataClass = DataClass::NATIONAL_ID;
const TAX: DataClass = DataClass::TAX_ID;
const HEALTH: DataClass = DataClass::HEALTH_ID;

macro_rules! schemes {
    ($($country:literal $kind:literal $class:ident $len:literal $check:ident $alone:literal [$($shape:literal),*] $words:ident);* $(;)?) => {
        /// Every scheme; the first that fits is reported.
        pub(crate) static SCHEMES: &[Scheme] = &[$(Scheme {
            country: $country, kind: $kind, class: $class, len: $len, check: $check, alone: $alone,
            shape: &[$($shape),*], words: context::$words,
        }),*];
    };
}

schemes! {
    b"FR" "FR_NIR" ID 15 fr_nir true [1, 2, 2, 2, 3, 3, 2] ID;
    b"CH" "CH_AHV" ID 13 ch_ahv true [3, 4, 4, 2] ID;
    b"RO" "RO_CNP" ID 13 ro_cnp true [] ID;
    b"SI" "SI_EMSO" ID 13 si_emso true [] ID;
    b"LU" "LU_MATRICULE" ID 13 lu_matricule true [4, 4, 5] ID;
    b"SE" "SE_PERSONNUMMER" ID 12 se_long true [8, 4] ID;
    b"DE" "DE_TAX_ID" TAX 11 de_tax false [2, 3, 3, 3] TAX;
    b"PL" "PL_PESEL" ID 11 pl_pesel false [] ID;
    b"BE" "BE_NRN" ID 11 be_nrn false [2, 2, 2, 3, 2] ID;
    b"NO" "NO_FODSELSNUMMER" ID 11 no_fnr false [6, 5] ID;
    b"EE" "EE_ISIKUKOOD" ID 11 baltic false [] ID;
    b"LT" "LT_ASMENS_KODAS" ID 11 baltic false [] ID;
    b"GR" "GR_AMKA" HEALTH 11 gr_amka false [] HEALTH;
    b"LV" "LV_PERSONAS_KODS" ID 11 lv_pk false [6, 5] ID;
    b"HR" "HR_OIB" ID 11 hr_oib false [] ID;
    b"HU" "HU_PERSONAL_ID" ID 11 hu_personal false [1, 6, 4] ID;
    b"SE" "SE_PERSONNUMMER" ID 10 se_short false [6, 4] ID;
    b"CZ" "CZ_RODNE_CISLO" ID 10 cz_rc false [6, 4] ID;
    b"SK" "SK_RODNE_CISLO" ID 10 cz_rc false [6, 4] ID;
    b"BG" "BG_EGN" ID 10 bg_egn false [] ID;
    b"GB" "UK_NHS" HEALTH 10 uk_nhs false [3, 3, 4] HEALTH;
    b"AT" "AT_SVNR" ID 10 at_svnr false [4, 6] ID;
    b"DK" "DK_CPR" ID 10 dk_cpr false [6, 4] ID;
    b"HU" "HU_TAX_ID" TAX 10 hu_tax false [] TAX;
    b"PL" "PL_NIP" TAX 10 pl_nip false [3, 3, 2, 2] TAX;
    b"FR" "FR_TAX_ID" TAX 13 fr_spi false [2, 2, 3, 3, 3] TAX;
    b"NL" "NL_BSN" ID 9 nl_bsn false [] ID;
    b"PT" "PT_NIF" TAX 9 pt_nif false [3, 3, 3] TAX;
    b"GR" "GR_AFM" TAX 9 gr_afm false [] TAX;
    b"HU" "HU_TAJ" HEALTH 9 hu_taj false [3, 3, 3] HEALTH;
    b"AT" "AT_TAX_ID" TAX 9 at_tax false [2, 3, 4] TAX;
    b"CZ" "CZ_RODNE_CISLO" ID 9 cz_rc_old false [6, 3] ID;
    b"SI" "SI_TAX_ID" TAX 8 si_tax false [] TAX;
}

/// INSEE: sex, year, month, department, commune, order, key = 97 - n mod 97.
fn fr_nir(d: &[u8]) -> bool {
    let month = two(d, 3);
    let sex = d.first().is_some_and(|s| matches!(s, 1..=4 | 7 | 8));
    let key = number(d.get(13..).unwrap_or_default());
    sex && ((1..=12).contains(&month) || (20..=42).contains(&month) || month >= 50)
        && 97 - number(d.get(..13).unwrap_or_default()) % 97 == key
}

/// DGFiP "numéro fiscal de référence": the last three digits are the first ten modulo 511.
fn fr_spi(d: &[u8]) -> bool {
    d.first().is_some_and(|x| *x <= 3)
        && number(d.get(..10).unwrap_or_default()) % 511 == number(d.get(10..).unwrap_or_default())
}

/// AHVN13: country code 756 and a GS1 check digit.
fn ch_ahv(d: &[u8]) -> bool {
    d.starts_with(&[7, 5, 6]) && gs1(d)
}

/// CNP: sex and century, birth date, county, order, control from 279146358279.
fn ro_cnp(d: &[u8]) -> bool {
    let county = two(d, 7);
    let c = weighted(d.get(..12).unwrap_or_default(), &[2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9]) % 11;
    d.first().is_some_and(|s| (1..=9).contains(s))
        && day_month(two(d, 5), two(d, 3))
        && ((1..=52).contains(&county) || county == 70 || (80..=83).contains(&county))
        && d.get(12).is_some_and(|x| u32::from(*x) == if c == 10 { 1 } else { c })
}

/// EMŠO (former JMBG): DDMMYYY, region, order, mod 11.
fn si_emso(d: &[u8]) -> bool {
    let sum = weighted(d.get(..12).unwrap_or_default(), &[7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11;
    let year = number(d.get(4..7).unwrap_or_default());
    day_month(two(d, 0), two(d, 2))
        && !(100..880).contains(&year)
        && d.get(12).is_some_and(|x| (11 - sum) % 11 % 10 == u32::from(*x))
}

/// Luxembourg: YYYYMMDD, order, Luhn digit, Verhoeff digit (the latter is not checked here).
fn lu_matricule(d: &[u8]) -> bool {
    let year = number(d.get(..4).unwrap_or_default());
    (1880..2100).contains(&year) && day_month(two(d, 6), two(d, 4)) && luhn(d.get(..12).unwrap_or_default())
}

fn se_long(d: &[u8]) -> bool {
    let century = two(d, 0);
    (18..=20).contains(&century) && se_short(d.get(2..).unwrap_or_default())
}

/// Personnummer and samordningsnummer (day plus 60): Luhn.
fn se_short(d: &[u8]) -> bool {
    let day = two(d, 4);
    day_month(if day > 60 { day - 60 } else { day }, two(d, 2)) && luhn(d)
}

/// Steuer-ID: no leading zero, exactly one digit repeated among the first ten, MOD 11,10.
fn de_tax(d: &[u8]) -> bool {
    let mut counts = [0u8; 10];
    for x in d.iter().take(10) {
        if let Some(c) = counts.get_mut(usize::from(*x)) {
            *c += 1;
        }
    }
    let doubles = counts.iter().filter(|c| **c == 2).count();
    let triples = counts.iter().filter(|c| **c == 3).count();
    let more = counts.iter().any(|c| *c > 3);
    d.first() != Some(&0) && !more && doubles + triples == 1 && mod_11_10(d)
}

/// PESEL: YYMMDD with the century in the month, weights 1379.
fn pl_pesel(d: &[u8]) -> bool {
    let sum = weighted(d.get(..10).unwrap_or_default(), &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3]);
    day_month(two(d, 4), two(d, 2) % 20) && d.get(10).is_some_and(|x| (10 - sum % 10) % 10 == u32::from(*x))
}

/// Rijksregisternummer: 97 minus the first nine digits mod 97, with a 2 in front for births from 2000 on.
fn be_nrn(d: &[u8]) -> bool {
    let body = number(d.get(..9).unwrap_or_default());
    let key = number(d.get(9..).unwrap_or_default());
    let month = two(d, 2) % 20;
    month <= 12
        && two(d, 4) <= 31
        && (97 - body % 97 == key || 97 - (2_000_000_000 + body) % 97 == key)
        && body != 0
}

/// Fødselsnummer and D-nummer (day plus 40): two mod 11 digits.
fn no_fnr(d: &[u8]) -> bool {
    let day = two(d, 0);
    let month = two(d, 2) % 40;
    let k1 = (11 - weighted(d.get(..9).unwrap_or_default(), &[3, 7, 6, 1, 8, 9, 4, 5, 2]) % 11) % 11;
    let k2 = (11 - weighted(d.get(..10).unwrap_or_default(), &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11) % 11;
    day_month(if day > 40 { day - 40 } else { day }, month)
        && d.get(9).is_some_and(|x| u32::from(*x) == k1)
        && d.get(10).is_some_and(|x| u32::from(*x) == k2)
}

/// Estonia and Lithuania: sex and century, YYMMDD, two-stage mod 11.
fn baltic(d: &[u8]) -> bool {
    let body = d.get(..10).unwrap_or_default();
    let mut c = weighted(body, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 1]) % 11;
    if c == 10 {
        c = weighted(body, &[3, 4, 5, 6, 7, 8, 9, 1, 2, 3]) % 11 % 10;
    }
    d.first().is_some_and(|s| (1..=8).contains(s))
        && day_month(two(d, 5), two(d, 3))
        && d.get(10).is_some_and(|x| u32::from(*x) == c)
}

/// AMKA: DDMMYY, order, Luhn.
fn gr_amka(d: &[u8]) -> bool {
    day_month(two(d, 0), two(d, 2)) && luhn(d)
}

/// Personas kods: DDMMYY-CNNNZ with a check digit, or the undated numbers that begin with 32.
fn lv_pk(d: &[u8]) -> bool {
    if d.starts_with(&[3, 2]) {
        return true;
    }
    let sum = weighted(d.get(..10).unwrap_or_default(), &[10, 5, 8, 4, 2, 1, 6, 3, 7, 9]);
    day_month(two(d, 0), two(d, 2))
        && d.get(10).is_some_and(|x| (1 + sum) % 11 % 10 == u32::from(*x))
        && d.get(6).is_some_and(|c| *c <= 2)
}

fn hr_oib(d: &[u8]) -> bool {
    mod_11_10(d)
}

/// Személyi azonosító: sex, YYMMDD, order, mod 11 with weights 1 to 10 (10 to 1 from 1997 on).
fn hu_personal(d: &[u8]) -> bool {
    let body = d.get(..10).unwrap_or_default();
    let old = weighted(body, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]) % 11;
    let new = weighted(body, &[10, 9, 8, 7, 6, 5, 4, 3, 2, 1]) % 11;
    d.first().is_some_and(|s| (1..=8).contains(s))
        && day_month(two(d, 5), two(d, 3))
        && d.get(10).is_some_and(|x| u32::from(*x) == old || u32::from(*x) == new)
}

/// Rodné číslo from 1954 on: YYMMDD (women plus 50, overflow plus 20), divisible by 11.
fn cz_rc(d: &[u8]) -> bool {
    let n = number(d);
    let nine = number(d.get(..9).unwrap_or_default()) % 11;
    cz_date(d) && (n.is_multiple_of(11) || nine == 10 && d.get(9) == Some(&0))
}

/// Rodné číslo up to 1953: no check digit.
fn cz_rc_old(d: &[u8]) -> bool {
    cz_date(d) && two(d, 0) <= 53
}

fn cz_date(d: &[u8]) -> bool {
    let m = two(d, 2) % 50;
    day_month(two(d, 4), if m > 20 { m - 20 } else { m })
}

/// EGN: YYMMDD with the century in the month, mod 11.
fn bg_egn(d: &[u8]) -> bool {
    let month = two(d, 2);
    let m = if month > 40 {
        month - 40
    } else if month > 20 {
        month - 20
    } else {
        month
    };
    let c = weighted(d.get(..9).unwrap_or_default(), &[2, 4, 8, 5, 10, 9, 7, 3, 6]) % 11 % 10;
    day_month(two(d, 4), m) && d.get(9).is_some_and(|x| u32::from(*x) == c)
}

/// NHS number: mod 11 with weights 10 to 2; 10 is never issued.
fn uk_nhs(d: &[u8]) -> bool {
    let c = (11 - weighted(d.get(..9).unwrap_or_default(), &[10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11) % 11;
    d.get(9).is_some_and(|x| u32::from(*x) == c) && !uniform(d)
}

/// Sozialversicherungsnummer: the fourth digit checks the others; then DDMMYY.
fn at_svnr(d: &[u8]) -> bool {
    let c = weighted(d, &[3, 7, 9, 0, 5, 8, 4, 2, 1, 6]) % 11;
    let month = two(d, 6);
    d.first() != Some(&0)
        && two(d, 4) <= 31
        && (1..=15).contains(&month)
        && d.get(3).is_some_and(|x| u32::from(*x) == c)
}

/// CPR: DDMMYY-NNNN. Numbers given since 2007 need not satisfy the mod 11 check, so only the date counts.
fn dk_cpr(d: &[u8]) -> bool {
    let day = two(d, 0);
    day_month(if day > 60 { day - 60 } else { day }, two(d, 2))
}

/// Adóazonosító jel: begins with 8, mod 11 with weights 1 to 9.
fn hu_tax(d: &[u8]) -> bool {
    d.first() == Some(&8)
        && weighted(d.get(..9).unwrap_or_default(), &[1, 2, 3, 4, 5, 6, 7, 8, 9]) % 11
            == d.get(9).copied().map_or(99, u32::from)
}

fn pl_nip(d: &[u8]) -> bool {
    let c = weighted(d.get(..9).unwrap_or_default(), &[6, 5, 7, 2, 3, 4, 5, 6, 7]) % 11;
    d.get(9).is_some_and(|x| u32::from(*x) == c) && !uniform(d)
}

/// BSN: the "elfproef", last weight minus one.
fn nl_bsn(d: &[u8]) -> bool {
    let sum = weighted(d.get(..8).unwrap_or_default(), &[9, 8, 7, 6, 5, 4, 3, 2]);
    d.get(8).is_some_and(|x| sum % 11 == u32::from(*x)) && !uniform(d)
}

fn pt_nif(d: &[u8]) -> bool {
    let r = weighted(d.get(..8).unwrap_or_default(), &[9, 8, 7, 6, 5, 4, 3, 2]) % 11;
    let c = if r < 2 { 0 } else { 11 - r };
    d.first().is_some_and(|x| matches!(x, 1..=3 | 5..=9))
        && d.get(8).is_some_and(|x| u32::from(*x) == c)
        && !uniform(d)
}

fn gr_afm(d: &[u8]) -> bool {
    let sum = weighted(d.get(..8).unwrap_or_default(), &[0, 128, 64, 32, 16, 8, 4, 2])
        + d.first().map_or(0, |x| u32::from(*x) * 256);
    d.get(8).is_some_and(|x| sum % 11 % 10 == u32::from(*x)) && !uniform(d)
}

/// TAJ: weights 3 and 7 in turn, mod 10.
fn hu_taj(d: &[u8]) -> bool {
    let sum = weighted(d.get(..8).unwrap_or_default(), &[3, 7, 3, 7, 3, 7, 3, 7]);
    d.get(8).is_some_and(|x| sum % 10 == u32::from(*x)) && !uniform(d)
}

/// Abgabenkontonummer: Luhn over nine digits.
fn at_tax(d: &[u8]) -> bool {
    luhn(d) && !uniform(d)
}

fn si_tax(d: &[u8]) -> bool {
    let c = 11 - weighted(d.get(..7).unwrap_or_default(), &[8, 7, 6, 5, 4, 3, 2]) % 11;
    d.first() != Some(&0) && d.get(7).is_some_and(|x| u32::from(*x) == if c == 10 { 0 } else { c })
}
