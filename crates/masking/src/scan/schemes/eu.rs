//! Checks of numbers of the EU, the EEA, the United Kingdom and Switzerland.

use crate::scan::checks::{day_month, gs1, luhn, mod_11_10, number, two, uniform, verhoeff, weighted};

/// INSEE: sex, year, month, department, commune, order, key = 97 - n mod 97.
pub(super) fn fr_nir(d: &[u8]) -> bool {
    let month = two(d, 3);
    let sex = d.first().is_some_and(|s| matches!(s, 1..=4 | 7 | 8));
    let key = number(d.get(13..).unwrap_or_default());
    sex && ((1..=12).contains(&month) || (20..=42).contains(&month) || month >= 50)
        && 97 - number(d.get(..13).unwrap_or_default()) % 97 == key
}

/// DGFiP "numéro fiscal de référence": the last three digits are the first ten modulo 511.
pub(super) fn fr_spi(d: &[u8]) -> bool {
    d.first().is_some_and(|x| *x <= 3)
        && number(d.get(..10).unwrap_or_default()) % 511 == number(d.get(10..).unwrap_or_default())
}

/// AHVN13: country code 756 and a GS1 check digit.
pub(super) fn ch_ahv(d: &[u8]) -> bool {
    d.starts_with(&[7, 5, 6]) && gs1(d)
}

/// CNP: sex and century, birth date, county, order, control from 279146358279.
pub(super) fn ro_cnp(d: &[u8]) -> bool {
    let county = two(d, 7);
    let c = weighted(d.get(..12).unwrap_or_default(), &[2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9]) % 11;
    d.first().is_some_and(|s| (1..=9).contains(s))
        && day_month(two(d, 5), two(d, 3))
        && ((1..=52).contains(&county) || county == 70 || (80..=83).contains(&county))
        && d.get(12).is_some_and(|x| u32::from(*x) == if c == 10 { 1 } else { c })
}

/// EMŠO (former JMBG): DDMMYYY, region, order, mod 11.
pub(super) fn si_emso(d: &[u8]) -> bool {
    let sum = weighted(d.get(..12).unwrap_or_default(), &[7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11;
    let year = number(d.get(4..7).unwrap_or_default());
    day_month(two(d, 0), two(d, 2))
        && !(100..880).contains(&year)
        && d.get(12).is_some_and(|x| (11 - sum) % 11 % 10 == u32::from(*x))
}

/// Luxembourg: YYYYMMDD, order, Luhn digit, Verhoeff digit.
pub(super) fn lu_matricule(d: &[u8]) -> bool {
    let year = number(d.get(..4).unwrap_or_default());
    // The last digit checks the first eleven, as the Luhn digit does.
    let mut verhoeff_body = d.get(..11).unwrap_or_default().to_vec();
    verhoeff_body.extend(d.get(12));
    (1880..2100).contains(&year)
        && day_month(two(d, 6), two(d, 4))
        && luhn(d.get(..12).unwrap_or_default())
        && verhoeff(&verhoeff_body)
}

pub(super) fn se_long(d: &[u8]) -> bool {
    let century = two(d, 0);
    (18..=20).contains(&century) && se_short(d.get(2..).unwrap_or_default())
}

/// Personnummer and samordningsnummer (day plus 60): Luhn.
pub(super) fn se_short(d: &[u8]) -> bool {
    let day = two(d, 4);
    day_month(if day > 60 { day - 60 } else { day }, two(d, 2)) && luhn(d)
}

/// Steuer-ID: no leading zero, exactly one digit repeated among the first ten, MOD 11,10.
pub(super) fn de_tax(d: &[u8]) -> bool {
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
pub(super) fn pl_pesel(d: &[u8]) -> bool {
    let sum = weighted(d.get(..10).unwrap_or_default(), &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3]);
    day_month(two(d, 4), two(d, 2) % 20) && d.get(10).is_some_and(|x| (10 - sum % 10) % 10 == u32::from(*x))
}

/// Rijksregisternummer: 97 minus the first nine digits mod 97, with a 2 in front for births from 2000 on.
pub(super) fn be_nrn(d: &[u8]) -> bool {
    let body = number(d.get(..9).unwrap_or_default());
    let key = number(d.get(9..).unwrap_or_default());
    let month = two(d, 2) % 20;
    month <= 12
        && two(d, 4) <= 31
        && (97 - body % 97 == key || 97 - (2_000_000_000 + body) % 97 == key)
        && body != 0
}

/// Fødselsnummer and D-nummer (day plus 40): two mod 11 digits.
pub(super) fn no_fnr(d: &[u8]) -> bool {
    let day = two(d, 0);
    let month = two(d, 2) % 40;
    let k1 = (11 - weighted(d.get(..9).unwrap_or_default(), &[3, 7, 6, 1, 8, 9, 4, 5, 2]) % 11) % 11;
    let k2 = (11 - weighted(d.get(..10).unwrap_or_default(), &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11) % 11;
    day_month(if day > 40 { day - 40 } else { day }, month)
        && d.get(9).is_some_and(|x| u32::from(*x) == k1)
        && d.get(10).is_some_and(|x| u32::from(*x) == k2)
}

/// Estonia and Lithuania: sex and century, YYMMDD, two-stage mod 11.
pub(super) fn baltic(d: &[u8]) -> bool {
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
pub(super) fn gr_amka(d: &[u8]) -> bool {
    day_month(two(d, 0), two(d, 2)) && luhn(d)
}

/// Personas kods: DDMMYY-CNNNZ with a check digit, or the undated numbers that begin with 32.
pub(super) fn lv_pk(d: &[u8]) -> bool {
    if d.starts_with(&[3, 2]) {
        return true;
    }
    let sum = weighted(d.get(..10).unwrap_or_default(), &[10, 5, 8, 4, 2, 1, 6, 3, 7, 9]);
    day_month(two(d, 0), two(d, 2))
        && d.get(10).is_some_and(|x| (1 + sum) % 11 % 10 == u32::from(*x))
        && d.get(6).is_some_and(|c| *c <= 2)
}

pub(super) fn hr_oib(d: &[u8]) -> bool {
    mod_11_10(d)
}

/// Személyi azonosító: sex, YYMMDD, order, mod 11 with weights 1 to 10 (10 to 1 from 1997 on).
pub(super) fn hu_personal(d: &[u8]) -> bool {
    let body = d.get(..10).unwrap_or_default();
    let old = weighted(body, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]) % 11;
    let new = weighted(body, &[10, 9, 8, 7, 6, 5, 4, 3, 2, 1]) % 11;
    d.first().is_some_and(|s| (1..=8).contains(s))
        && day_month(two(d, 5), two(d, 3))
        && d.get(10).is_some_and(|x| u32::from(*x) == old || u32::from(*x) == new)
}

/// Rodné číslo from 1954 on: YYMMDD (women plus 50, overflow plus 20), divisible by 11.
pub(super) fn cz_rc(d: &[u8]) -> bool {
    let n = number(d);
    let nine = number(d.get(..9).unwrap_or_default()) % 11;
    cz_date(d) && (n.is_multiple_of(11) || nine == 10 && d.get(9) == Some(&0))
}

/// Rodné číslo up to 1953: no check digit.
pub(super) fn cz_rc_old(d: &[u8]) -> bool {
    cz_date(d) && two(d, 0) <= 53
}

fn cz_date(d: &[u8]) -> bool {
    let m = two(d, 2) % 50;
    day_month(two(d, 4), if m > 20 { m - 20 } else { m })
}

/// EGN: YYMMDD with the century in the month, mod 11.
pub(super) fn bg_egn(d: &[u8]) -> bool {
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
pub(super) fn uk_nhs(d: &[u8]) -> bool {
    let c = (11 - weighted(d.get(..9).unwrap_or_default(), &[10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11) % 11;
    d.get(9).is_some_and(|x| u32::from(*x) == c) && !uniform(d)
}

/// Sozialversicherungsnummer: the fourth digit checks the others; then DDMMYY.
pub(super) fn at_svnr(d: &[u8]) -> bool {
    let c = weighted(d, &[3, 7, 9, 0, 5, 8, 4, 2, 1, 6]) % 11;
    let month = two(d, 6);
    d.first() != Some(&0)
        && two(d, 4) <= 31
        && (1..=15).contains(&month)
        && d.get(3).is_some_and(|x| u32::from(*x) == c)
}

/// CPR: DDMMYY-NNNN. Numbers given since 2007 need not satisfy the mod 11 check, so only the date counts.
pub(super) fn dk_cpr(d: &[u8]) -> bool {
    let day = two(d, 0);
    day_month(if day > 60 { day - 60 } else { day }, two(d, 2))
}

/// Adóazonosító jel: begins with 8, mod 11 with weights 1 to 9.
pub(super) fn hu_tax(d: &[u8]) -> bool {
    d.first() == Some(&8)
        && weighted(d.get(..9).unwrap_or_default(), &[1, 2, 3, 4, 5, 6, 7, 8, 9]) % 11
            == d.get(9).copied().map_or(99, u32::from)
}

pub(super) fn pl_nip(d: &[u8]) -> bool {
    let c = weighted(d.get(..9).unwrap_or_default(), &[6, 5, 7, 2, 3, 4, 5, 6, 7]) % 11;
    d.get(9).is_some_and(|x| u32::from(*x) == c) && !uniform(d)
}

/// BSN: the "elfproef", last weight minus one.
pub(super) fn nl_bsn(d: &[u8]) -> bool {
    let sum = weighted(d.get(..8).unwrap_or_default(), &[9, 8, 7, 6, 5, 4, 3, 2]);
    d.get(8).is_some_and(|x| sum % 11 == u32::from(*x)) && !uniform(d)
}

pub(super) fn pt_nif(d: &[u8]) -> bool {
    let r = weighted(d.get(..8).unwrap_or_default(), &[9, 8, 7, 6, 5, 4, 3, 2]) % 11;
    let c = if r < 2 { 0 } else { 11 - r };
    d.first().is_some_and(|x| matches!(x, 1..=3 | 5..=9))
        && d.get(8).is_some_and(|x| u32::from(*x) == c)
        && !uniform(d)
}

pub(super) fn gr_afm(d: &[u8]) -> bool {
    let sum = weighted(d.get(..8).unwrap_or_default(), &[0, 128, 64, 32, 16, 8, 4, 2])
        + d.first().map_or(0, |x| u32::from(*x) * 256);
    d.get(8).is_some_and(|x| sum % 11 % 10 == u32::from(*x)) && !uniform(d)
}

/// TAJ: weights 3 and 7 in turn, mod 10.
pub(super) fn hu_taj(d: &[u8]) -> bool {
    let sum = weighted(d.get(..8).unwrap_or_default(), &[3, 7, 3, 7, 3, 7, 3, 7]);
    d.get(8).is_some_and(|x| sum % 10 == u32::from(*x)) && !uniform(d)
}

/// Abgabenkontonummer: Luhn over nine digits.
pub(super) fn at_tax(d: &[u8]) -> bool {
    luhn(d) && !uniform(d)
}

pub(super) fn si_tax(d: &[u8]) -> bool {
    let c = 11 - weighted(d.get(..7).unwrap_or_default(), &[8, 7, 6, 5, 4, 3, 2]) % 11;
    d.first() != Some(&0) && d.get(7).is_some_and(|x| u32::from(*x) == if c == 10 { 0 } else { c })
}

/// LNCh of foreigners: weights 21, 19, 17, 13, 11, 9, 7, 3, 1, mod 10.
pub(super) fn bg_lnch(d: &[u8]) -> bool {
    let sum = weighted(d.get(..9).unwrap_or_default(), &[21, 19, 17, 13, 11, 9, 7, 3, 1]) % 10;
    d.get(9).is_some_and(|x| u32::from(*x) == sum) && !uniform(d)
}

/// Número de la Seguridad Social: province, number, and the rest of both by 97.
pub(super) fn es_nuss(d: &[u8]) -> bool {
    let (province, serial) = (two(d, 0), number(d.get(2..10).unwrap_or_default()));
    // A serial below ten million is taken with seven digits.
    let n =
        if serial < 10_000_000 { province * 10_000_000 + serial } else { province * 100_000_000 + serial };
    (1..=66).contains(&province) && n % 97 == number(d.get(10..).unwrap_or_default())
}

/// Partita IVA: Luhn; the province is 1 to 121 or one of four others.
pub(super) fn it_iva(d: &[u8]) -> bool {
    let office = number(d.get(7..10).unwrap_or_default());
    luhn(d) && !uniform(d) && ((1..=121).contains(&office) || matches!(office, 888 | 999))
}

/// NISS: weights 29 to 2 over the primes, 9 minus the sum mod 10.
pub(super) fn pt_niss(d: &[u8]) -> bool {
    let sum = weighted(d.get(..10).unwrap_or_default(), &[29, 23, 19, 17, 13, 11, 7, 5, 3, 2]);
    d.first().is_some_and(|x| matches!(x, 1 | 2)) && d.get(10).is_some_and(|x| 9 - sum % 10 == u32::from(*x))
}

/// Número de utente: nine digits.
pub(super) fn pt_sns(d: &[u8]) -> bool {
    !uniform(d) && d.first() != Some(&0)
}

/// Kennitala: DDMMYY, serial, mod 11 with weights 3, 2, 7, 6, 5, 4, 3, 2, and the century.
pub(super) fn is_kennitala(d: &[u8]) -> bool {
    let c = (11 - weighted(d.get(..8).unwrap_or_default(), &[3, 2, 7, 6, 5, 4, 3, 2]) % 11) % 11;
    let day = two(d, 0);
    day_month(if day > 40 { day - 40 } else { day }, two(d, 2))
        && d.get(8).is_some_and(|x| u32::from(*x) == c)
        && d.get(9).is_some_and(|x| matches!(x, 0 | 8 | 9))
}

/// Unique Taxpayer Reference: the first digit checks the others.
pub(super) fn uk_utr(d: &[u8]) -> bool {
    let sum = weighted(d.get(1..).unwrap_or_default(), &[6, 7, 8, 9, 10, 5, 4, 3, 2]) % 11;
    let want = [2u8, 1, 9, 8, 7, 6, 5, 4, 3, 2, 1].get(sum as usize).copied();
    d.first().copied() == want && !uniform(d)
}

/// CHI number of Scotland: DDMMYY, then as the NHS number.
pub(super) fn uk_chi(d: &[u8]) -> bool {
    day_month(two(d, 0), two(d, 2)) && uk_nhs(d)
}
