//! National, tax and health numbers made of digits only: length, structure and check digits from the public
//! specifications of each issuer.

mod eu;
mod world;

use carnet_model::DataClass;

use crate::context::{self, Bits};

/// What a number needs besides its check.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Needs {
    /// Nothing: structure and check digits together are rare enough.
    Nothing,
    /// To be written in its groups, or a word, a key or an enabled country.
    Shape,
    /// A word, a key or an enabled country.
    Word,
    /// A word or key of its own: it has no check digit, or a weak one.
    Own,
}

/// One kind of number.
pub(crate) struct Scheme {
    pub(crate) country: &'static [u8; 2],
    pub(crate) kind: &'static str,
    pub(crate) class: DataClass,
    pub(crate) len: usize,
    pub(crate) check: fn(&[u8]) -> bool,
    pub(crate) needs: Needs,
    /// How it is written with separators: lengths of groups. Others are accepted only with a word or key.
    pub(crate) shape: &'static [usize],
    /// Which general words speak for it.
    pub(crate) words: Bits,
}

const ID: DataClass = DataClass::NATIONAL_ID;
const TAX: DataClass = DataClass::TAX_ID;
const HEALTH: DataClass = DataClass::HEALTH_ID;
const ACCOUNT: DataClass = DataClass::BANK_ACCOUNT;

macro_rules! schemes {
    ($($module:ident $country:literal $kind:literal $class:ident $len:literal $check:ident $needs:ident [$($shape:literal),*] $words:ident);* $(;)?) => {
        /// Every scheme; the first that fits is reported.
        pub(crate) static SCHEMES: &[Scheme] = &[$(Scheme {
            country: $country, kind: $kind, class: $class, len: $len, check: $module::$check, needs: Needs::$needs,
            shape: &[$($shape),*], words: context::$words,
        }),*];
    };
}

schemes! {
    eu b"FR" "FR_NIR" ID 15 fr_nir Nothing [1, 2, 2, 2, 3, 3, 2] ID;
    eu b"CH" "CH_AHV" ID 13 ch_ahv Nothing [3, 4, 4, 2] ID;
    eu b"LI" "CH_AHV" ID 13 ch_ahv Nothing [3, 4, 4, 2] ID;
    eu b"RO" "RO_CNP" ID 13 ro_cnp Nothing [] ID;
    eu b"SI" "SI_EMSO" ID 13 si_emso Nothing [] ID;
    eu b"LU" "LU_MATRICULE" ID 13 lu_matricule Nothing [4, 4, 5] ID;
    eu b"SE" "SE_PERSONNUMMER" ID 12 se_long Nothing [8, 4] ID;
    eu b"DE" "DE_TAX_ID" TAX 11 de_tax Shape [2, 3, 3, 3] TAX;
    eu b"PL" "PL_PESEL" ID 11 pl_pesel Word [] ID;
    eu b"BE" "BE_NRN" ID 11 be_nrn Shape [2, 2, 2, 3, 2] ID;
    eu b"NO" "NO_FODSELSNUMMER" ID 11 no_fnr Shape [6, 5] ID;
    eu b"EE" "EE_ISIKUKOOD" ID 11 baltic Word [] ID;
    eu b"LT" "LT_ASMENS_KODAS" ID 11 baltic Word [] ID;
    eu b"GR" "GR_AMKA" HEALTH 11 gr_amka Word [] HEALTH;
    eu b"LV" "LV_PERSONAS_KODS" ID 11 lv_pk Word [6, 5] ID;
    eu b"HR" "HR_OIB" ID 11 hr_oib Word [] ID;
    eu b"HU" "HU_PERSONAL_ID" ID 11 hu_personal Shape [1, 6, 4] ID;
    eu b"IT" "IT_VAT_CODE" TAX 11 it_iva Word [] TAX;
    eu b"PT" "PT_NISS" ID 11 pt_niss Word [] ID;
    eu b"ES" "ES_NUSS" ID 12 es_nuss Shape [2, 8, 2] ID;
    eu b"SE" "SE_PERSONNUMMER" ID 10 se_short Shape [6, 4] ID;
    eu b"CZ" "CZ_RODNE_CISLO" ID 10 cz_rc Shape [6, 4] ID;
    eu b"SK" "SK_RODNE_CISLO" ID 10 cz_rc Shape [6, 4] ID;
    eu b"IS" "IS_KENNITALA" ID 10 is_kennitala Shape [6, 4] ID;
    eu b"BG" "BG_EGN" ID 10 bg_egn Word [] ID;
    eu b"BG" "BG_LNCH" ID 10 bg_lnch Own [] ID;
    eu b"GB" "UK_NHS" HEALTH 10 uk_nhs Word [3, 3, 4] HEALTH;
    eu b"GB" "UK_CHI" HEALTH 10 uk_chi Own [6, 4] HEALTH;
    eu b"GB" "UK_UTR" TAX 10 uk_utr Word [5, 5] TAX;
    eu b"AT" "AT_SVNR" ID 10 at_svnr Shape [4, 6] ID;
    eu b"DK" "DK_CPR" ID 10 dk_cpr Word [6, 4] ID;
    eu b"HU" "HU_TAX_ID" TAX 10 hu_tax Word [] TAX;
    eu b"PL" "PL_NIP" TAX 10 pl_nip Shape [3, 3, 2, 2] TAX;
    eu b"FR" "FR_TAX_ID" TAX 13 fr_spi Shape [2, 2, 3, 3, 3] TAX;
    eu b"NL" "NL_BSN" ID 9 nl_bsn Word [] ID;
    eu b"PT" "PT_NIF" TAX 9 pt_nif Word [3, 3, 3] TAX;
    eu b"PT" "PT_SNS" HEALTH 9 pt_sns Own [3, 3, 3] HEALTH;
    eu b"GR" "GR_AFM" TAX 9 gr_afm Word [] TAX;
    eu b"HU" "HU_TAJ" HEALTH 9 hu_taj Word [3, 3, 3] HEALTH;
    eu b"AT" "AT_TAX_ID" TAX 9 at_tax Word [2, 3, 4] TAX;
    eu b"CZ" "CZ_RODNE_CISLO" ID 9 cz_rc_old Word [6, 3] ID;
    eu b"SI" "SI_TAX_ID" TAX 8 si_tax Word [] TAX;
    world b"US" "US_ITIN" TAX 9 us_itin Shape [3, 2, 4] TAX;
    world b"US" "US_EIN" TAX 9 us_ein Own [2, 7] TAX;
    world b"US" "US_NPI" HEALTH 10 us_npi Own [] HEALTH;
    world b"US" "ABA_ROUTING_NUMBER" ACCOUNT 9 us_aba Own [] ACCOUNT;
    world b"CA" "CA_SIN" ID 9 ca_sin Word [3, 3, 3] ID;
    world b"AU" "AU_TFN" TAX 9 au_tfn Word [3, 3, 3] TAX;
    world b"AU" "AU_ABN" TAX 11 au_abn Shape [2, 3, 3, 3] TAX;
    world b"AU" "AU_ACN" TAX 9 au_acn Own [3, 3, 3] TAX;
    world b"AU" "AU_MEDICARE" HEALTH 10 au_medicare Shape [4, 5, 1] HEALTH;
    world b"IN" "IN_AADHAAR" ID 12 in_aadhaar Shape [4, 4, 4] ID;
    world b"BR" "BR_CPF" ID 11 br_cpf Shape [3, 3, 3, 2] ID;
    world b"BR" "BR_CNPJ" TAX 14 br_cnpj Shape [2, 3, 3, 4, 2] TAX;
    world b"JP" "JP_MY_NUMBER" ID 12 jp_my_number Word [4, 4, 4] ID;
    world b"KR" "KR_RRN" ID 13 kr_rrn Shape [6, 7] ID;
    world b"KR" "KR_RRN" ID 13 kr_rrn_new Own [6, 7] ID;
    world b"TR" "TR_TCKN" ID 11 tr_tckn Word [] ID;
    world b"ZA" "ZA_ID" ID 13 za_id Word [] ID;
    world b"TH" "TH_PIN" ID 13 th_pin Shape [1, 4, 5, 2, 1] ID;
    world b"CN" "CN_RIC" ID 18 cn_ric Nothing [] ID;
    world b"IL" "IL_ID" ID 9 il_id Own [] ID;
}

/// The schemes by their length, made once.
pub(crate) struct Schemes {
    by_length: Vec<Vec<&'static Scheme>>,
}

impl Schemes {
    pub(crate) fn new() -> Self {
        let mut by_length: Vec<Vec<&'static Scheme>> = (0..=18).map(|_| Vec::new()).collect();
        for scheme in SCHEMES {
            if let Some(list) = by_length.get_mut(scheme.len) {
                list.push(scheme);
            }
        }
        Schemes { by_length }
    }

    /// The schemes of this length.
    pub(crate) fn of(&self, len: usize) -> &[&'static Scheme] {
        self.by_length.get(len).map_or(&[], Vec::as_slice)
    }
}

/// Whether digits with a last X for ten are a resident identity number.
pub(crate) fn cn_with_x(d: &[u8]) -> bool {
    world::cn_ric(d)
}
