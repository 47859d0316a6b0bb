//! Business identifier codes (ISO 9362), where a word or a key announces them: eight capital letters are also a word.

use carnet_model::DataClass;

use super::number::ends;
use super::{Scanner, Text};

/// ISO 3166-1 alpha-2 codes, and XK for Kosovo.
const COUNTRIES: &[u8] = b"ADAEAFAGAIALAMAOAQARASATAUAWAXAZBABBBDBEBFBGBHBIBJBLBMBNBOBQBRBSBTBVBWBYBZCACCCDCFCGCHCICKCLCMCNCOCRCUCVCWCXCYCZDEDJDKDMDODZECEEEGEHERESETFIFJFKFMFOFRGAGBGDGEGFGGGHGIGLGMGNGPGQGRGSGTGUGWGYHKHMHNHRHTHUIDIEILIMINIOIQIRISITJEJMJOJPKEKGKHKIKMKNKPKRKWKYKZLALBLCLILKLRLSLTLULVLYMAMCMDMEMFMGMHMKMLMMMNMOMPMQMRMSMTMUMVMWMXMYMZNANCNENFNGNINLNONPNRNUNZOMPAPEPFPGPHPKPLPMPNPRPSPTPWPYQARERORSRURWSASBSCSDSESGSHSISJSKSLSMSNSOSRSSSTSVSXSYSZTCTDTFTGTHTJTKTLTMTNTOTRTTTVTWTZUAUGUMUSUYUZVAVCVEVGVIVNVUWFWSXKYEYTZAZMZW";

/// Whether a text is such a code, in either case.
pub(crate) fn is(code: &[u8]) -> bool {
    let Some(country) = code.get(4..6) else { return false };
    let country = country.to_ascii_uppercase();
    matches!(code.len(), 8 | 11)
        && code.get(..6).is_some_and(|c| c.iter().all(u8::is_ascii_alphabetic))
        && code.iter().all(u8::is_ascii_alphanumeric)
        && COUNTRIES.as_chunks::<2>().0.iter().any(|c| c.as_slice() == country)
}

/// Looks behind a word for the code: within the next few words. Gives where to go on.
pub(super) fn behind(t: &mut Text<'_>, _: &Scanner, _: usize, from: usize) -> usize {
    let rest = t.bytes.get(from..t.bytes.len().min(from + 40)).unwrap_or_default();
    let mut at = 0;
    for word in rest.split(|b| !b.is_ascii_alphanumeric()).take(6) {
        let (start, end) = (from + at, from + at + word.len());
        at += word.len() + 1;
        let capital = word.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        if capital && is(word) && ends(t.bytes, end) {
            t.hit(start, end, DataClass::BIC, "BIC", "bic", 88);
            return end;
        }
    }
    from
}
