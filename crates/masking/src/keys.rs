//! Key hints: what a member's name says about its value. Names are read as words (camel, snake, kebab, accents) and
//! compared with terms of schema.org, vCard and FHIR in the larger languages of the EU.

use std::collections::{HashMap, HashSet};

use carnet_model::DataClass;

use crate::catalog::{Recogniser, Tier};
use crate::context::{self, Bits};

/// How much a key says by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Strength {
    /// The value has to look like it too.
    Weak,
    /// The key is enough.
    Strong,
}

/// What a key says about the value under it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Hint {
    /// The class of the whole value; `None` when the key only speaks for or against recognisers.
    pub(crate) class: Option<DataClass>,
    pub(crate) kind: &'static str,
    pub(crate) bits: Bits,
    pub(crate) strength: Strength,
}

/// Class, type, meaning for the recognisers, strength, country, and the terms without accents and separators.
type Row = (Option<DataClass>, &'static str, Bits, Strength, &'static str, &'static str);

use Strength::{Strong, Weak};

const fn some(c: DataClass) -> Option<DataClass> {
    Some(c)
}

static TERMS: &[Row] = &[
    (
        some(DataClass::EMAIL),
        "EMAIL_ADDRESS",
        0,
        Strong,
        "",
        "email emailaddress emailaddr mail mailaddress emails correo correoelectronico courriel adressemail adresseemail emailadresse mailadresse postaelettronica indirizzoemail epost epostadresse sahkoposti adresemail",
    ),
    (
        some(DataClass::PHONE),
        "PHONE_NUMBER",
        context::PHONE,
        Strong,
        "",
        "phone phonenumber phoneno telephone telephonenumber tel mobile mobilenumber mobilephone cell cellphone cellnumber fax faxnumber msisdn whatsapp whatsappnumber telefon telefonnummer telefonnr rufnummer handy handynummer mobilnummer mobil mobiltelefon telefono numerotelefono numerodetelefono movil celular telefone telemovel numerodetelephone numerotelephone telephoneportable cellulare telefoonnummer telefoon mobiel puhelin puhelinnumero matkapuhelin numertelefonu telefonkomorkowy komorka tlf tlfnr mobilnr homephone workphone daytimephone eveningphone contactnumber callerid callernumber phones landline",
    ),
    (
        some(DataClass::CARD),
        "CREDIT_CARD",
        context::CARD,
        Strong,
        "",
        "card cardnumber cardno creditcard creditcardnumber ccnumber ccnum debitcard debitcardnumber paymentcard pan primaryaccountnumber kreditkarte kreditkartennummer kartennummer cartebancaire numerocarte numerodecarte cartebleue tarjeta numerotarjeta numerodetarjeta tarjetadecredito cartadicredito numerocarta cartaodecredito creditcardno numerkarty kortnummer",
    ),
    (
        some(DataClass::CARD),
        "CARD_CVV",
        0,
        Strong,
        "",
        "cvv cvc cvv2 cvc2 cardsecuritycode cardverificationvalue kartenprufnummer",
    ),
    (
        some(DataClass::IBAN),
        "IBAN_CODE",
        context::ACCOUNT,
        Strong,
        "",
        "iban ibannumber ibancode ibannr bankiban",
    ),
    (
        some(DataClass::BANK_ACCOUNT),
        "BANK_ACCOUNT",
        context::ACCOUNT,
        Strong,
        "",
        "bankaccount bankaccountnumber accountnumber accountno acctnumber acctno kontonummer kontonr bankkonto bankverbindung numerodecompte numerocompte comptebancaire cuentabancaria numerodecuenta numerocuenta contobancario numeroconto rekeningnummer numerkonta bankrekening tilinumero contabancaria routingnumber sortcode bban",
    ),
    (
        some(DataClass::US_SSN),
        "US_SSN",
        context::SSN,
        Strong,
        "US",
        "ssn socialsecurity socialsecuritynumber socialsecurityno usssn ssnlast4",
    ),
    (
        some(DataClass::NATIONAL_ID),
        "NATIONAL_ID",
        context::ID,
        Strong,
        "",
        "nationalid nationalidnumber nationalidentifier nationalidentitynumber nationalidentificationnumber nationalnumber idnumber idcardnumber identitynumber identitycard identitycardnumber identitydocument personalid personalidnumber personalnumber personnumber personalcode personalidentitycode personalidentificationnumber citizenid citizenservicenumber identificationnumber documentnumber idcard govid governmentid ausweisnummer personalausweis personalausweisnummer ausweisnr numeroidentite carteidentite numerocarteidentite documentoidentidad cartaidentita numerodocumento socialinsurancenumber sozialversicherungsnummer svnummer rentenversicherungsnummer versicherungsnummer",
    ),
    (
        some(DataClass::NATIONAL_ID),
        "FR_NIR",
        context::ID,
        Strong,
        "FR",
        "nir numerosecu numerosecuritesociale numerodesecuritesociale securitesociale insee numeroinsee",
    ),
    (some(DataClass::NATIONAL_ID), "ES_NIF", context::ID, Strong, "ES", "dni nie dninie numerodni nifnie"),
    (
        some(DataClass::NATIONAL_ID),
        "NL_BSN",
        context::ID,
        Strong,
        "NL",
        "bsn burgerservicenummer sofinummer bsnnummer",
    ),
    (
        some(DataClass::NATIONAL_ID),
        "BE_NRN",
        context::ID,
        Strong,
        "BE",
        "rijksregisternummer nrn niss insz numeronational registrenational numeroderegistrenational nationaalnummer",
    ),
    (some(DataClass::NATIONAL_ID), "PL_PESEL", context::ID, Strong, "PL", "pesel numerpesel nrpesel"),
    (
        some(DataClass::NATIONAL_ID),
        "SE_PERSONNUMMER",
        context::ID,
        Strong,
        "SE",
        "personnummer personnr samordningsnummer",
    ),
    (some(DataClass::NATIONAL_ID), "DK_CPR", context::ID, Strong, "DK", "cpr cprnummer cprnr cprnumber"),
    (
        some(DataClass::NATIONAL_ID),
        "FI_PERSONAL_IDENTITY_CODE",
        context::ID,
        Strong,
        "FI",
        "hetu henkilotunnus henkilotunniste",
    ),
    (
        some(DataClass::NATIONAL_ID),
        "NO_FODSELSNUMMER",
        context::ID,
        Strong,
        "NO",
        "fodselsnummer fnr dnummer",
    ),
    (some(DataClass::NATIONAL_ID), "AT_SVNR", context::ID, Strong, "AT", "svnr svnummerat"),
    (some(DataClass::NATIONAL_ID), "IE_PPS", context::ID, Strong, "IE", "pps ppsn ppsnumber"),
    (some(DataClass::NATIONAL_ID), "CZ_RODNE_CISLO", context::ID, Strong, "CZ", "rodnecislo rc rodnec"),
    (some(DataClass::NATIONAL_ID), "RO_CNP", context::ID, Strong, "RO", "cnp codnumericpersonal"),
    (some(DataClass::NATIONAL_ID), "BG_EGN", context::ID, Strong, "BG", "egn егн"),
    (some(DataClass::NATIONAL_ID), "HR_OIB", context::ID, Strong, "HR", "oib"),
    (some(DataClass::NATIONAL_ID), "SI_EMSO", context::ID, Strong, "SI", "emso jmbg"),
    (some(DataClass::NATIONAL_ID), "LT_ASMENS_KODAS", context::ID, Strong, "LT", "asmenskodas"),
    (some(DataClass::NATIONAL_ID), "EE_ISIKUKOOD", context::ID, Strong, "EE", "isikukood"),
    (some(DataClass::NATIONAL_ID), "LV_PERSONAS_KODS", context::ID, Strong, "LV", "personaskods"),
    (some(DataClass::NATIONAL_ID), "LU_MATRICULE", context::ID, Strong, "LU", "matricule"),
    (
        some(DataClass::NATIONAL_ID),
        "CH_AHV",
        context::ID,
        Strong,
        "CH",
        "ahv ahvnummer ahvnr avs numeroavs ahvn13",
    ),
    (
        some(DataClass::NATIONAL_ID),
        "UK_NINO",
        context::ID,
        Strong,
        "GB",
        "nino nationalinsurance nationalinsurancenumber ninumber",
    ),
    (some(DataClass::NATIONAL_ID), "PT_CC", context::ID, Strong, "PT", "cartaocidadao cartaodecidadao"),
    (
        some(DataClass::TAX_ID),
        "TAX_ID",
        context::TAX,
        Strong,
        "",
        "taxid taxidnumber taxnumber taxidentifier taxidentificationnumber taxpayerid taxpayernumber taxpayeridentificationnumber taxcode fiscalcode fiscalnumber fiscalid numerofiscal identifiantfiscal numerofiscale",
    ),
    (
        some(DataClass::TAX_ID),
        "DE_TAX_ID",
        context::TAX,
        Strong,
        "DE",
        "steuerid steueridentifikationsnummer steuernummer steuernr identifikationsnummer idnr steueridnr",
    ),
    (
        some(DataClass::TAX_ID),
        "IT_FISCAL_CODE",
        context::TAX,
        Strong,
        "IT",
        "codicefiscale codfiscale codfisc",
    ),
    (
        some(DataClass::TAX_ID),
        "PT_NIF",
        context::TAX,
        Strong,
        "",
        "nif numerocontribuinte contribuinte numerodecontribuinte",
    ),
    (some(DataClass::TAX_ID), "PL_NIP", context::TAX, Strong, "PL", "nip"),
    (some(DataClass::TAX_ID), "GR_AFM", context::TAX, Strong, "GR", "afm αφμ"),
    (some(DataClass::TAX_ID), "HU_TAX_ID", context::TAX, Strong, "HU", "adoazonosito adoazonositojel"),
    (some(DataClass::TAX_ID), "US_ITIN", context::TAX, Strong, "US", "itin"),
    (some(DataClass::TAX_ID), "TIN", context::TAX, Strong, "", "tin"),
    (
        some(DataClass::HEALTH_ID),
        "HEALTH_ID",
        context::HEALTH,
        Strong,
        "",
        "healthid healthinsurancenumber healthinsuranceid insurancenumber insuranceid medicalrecordnumber mrn patientid patientnumber healthcardnumber krankenversicherungsnummer krankenkassennummer kvnr versichertennummer numeroassure medicare medicarenumber",
    ),
    (some(DataClass::HEALTH_ID), "UK_NHS", context::HEALTH, Strong, "GB", "nhs nhsnumber nhsno"),
    (some(DataClass::HEALTH_ID), "GR_AMKA", context::HEALTH, Strong, "GR", "amka αμκα"),
    (some(DataClass::HEALTH_ID), "HU_TAJ", context::HEALTH, Strong, "HU", "taj tajszam"),
    (
        some(DataClass::PASSPORT),
        "PASSPORT",
        context::PASSPORT,
        Strong,
        "",
        "passport passportnumber passportno passportid passportnum reisepass reisepassnummer passnummer passnr passeport numeropasseport numerodepasseport pasaporte numeropasaporte numerodepasaporte passaporto numeropassaporto paspoort paspoortnummer paszport numerpaszportu passaporte pass passinumero pas",
    ),
    (
        some(DataClass::DRIVING_LICENCE),
        "DRIVING_LICENCE",
        context::LICENCE,
        Strong,
        "",
        "drivinglicence drivinglicense drivinglicencenumber drivinglicensenumber driverslicense driverslicence driverlicense driverlicence driverslicensenumber driverlicensenumber dlnumber fuhrerschein fuhrerscheinnummer permisdeconduire numeropermis permisoconducir permisodeconducir carnetdeconducir patente patentediguida rijbewijs rijbewijsnummer prawojazdy korkort",
    ),
    (
        some(DataClass::VEHICLE),
        "LICENSE_PLATE",
        0,
        Strong,
        "",
        "licenseplate licenceplate platenumber numberplate registrationplate kennzeichen plaqueimmatriculation immatriculation matriculacoche targa kenteken vin vehicleidentificationnumber fahrgestellnummer",
    ),
    (
        some(DataClass::BIRTH_DATE),
        "DATE_OF_BIRTH",
        context::BIRTH,
        Strong,
        "",
        "birthdate dateofbirth dob birthday birthdt borndate born bday birthyear yearofbirth geburtsdatum geburtstag gebdatum gebdat geborenam datedenaissance datenaissance naissance fechadenacimiento fechanacimiento nacimiento datadinascita datanascita datadenascimento datanascimento geboortedatum dataurodzenia fodelsedatum fodselsdato fodselsdag syntymaaika datumnarozeni datumrodjenja datanasterii szuletesidatum gimimodata patientbirthdate",
    ),
    (
        some(DataClass::PERSON),
        "PERSON",
        0,
        Strong,
        "",
        "fullname firstname lastname middlename givenname familyname surname forename maidenname displayname personname customername clientname patientname employeename contactname ownername accountholder accountholdername cardholder cardholdername holdername beneficiary beneficiaryname recipientname sendername authorname legalname birthname nameoncard username guestname passengername tenantname studentname teachername doctorname physicianname emergencycontact nextofkin spouse spousename mothersmaidenname mothername fathername vorname nachname familienname vollername geburtsname kundenname ansprechpartner prenom nom nomdefamille nomcomplet nombre nombrecompleto apellido apellidos primerapellido segundoapellido cognome nomecognome nomecompleto sobrenome apelido voornaam achternaam volledigenaam imie nazwisko imienazwisko imieinazwisko fornamn efternamn fornavn etternavn efternavn etunimi sukunimi jmeno prijmeni meno priezvisko nume prenume vezeteknev keresztnev ime prezime priimek vardas pavarde eesnimi perekonnanimi vards uzvards attn payeename payername inventorname signatory",
    ),
    (
        some(DataClass::PERSON),
        "PERSON",
        0,
        Weak,
        "",
        "name author owner contact customer client patient employee recipient sender assignee reporter manager person member guest passenger insured applicant candidate doctor physician attendee attendees participant participants creator createdby updatedby approver reviewer requester nome naam navn namn nimi jmenoaprijmeni first last given family middle",
    ),
    (
        some(DataClass::ADDRESS),
        "STREET_ADDRESS",
        0,
        Strong,
        "",
        "address streetaddress street streetname street1 street2 addressline addressline1 addressline2 addressline3 address1 address2 line1 line2 homeaddress postaladdress mailingaddress billingaddress shippingaddress deliveryaddress residentialaddress residence fulladdress formattedaddress strasse strassehausnummer hausnummer adresse anschrift wohnanschrift lieferadresse rechnungsadresse rue adressepostale adressecomplete direccion domicilio calle indirizzo via residenza endereco morada rua straat straatnaam adres ulica gatuadress adress gateadresse katuosoite osoite lakcim utca postaddress housenumber",
    ),
    (
        some(DataClass::ADDRESS),
        "POSTAL_CODE",
        0,
        Strong,
        "",
        "postalcode postcode zipcode zip plz postleitzahl codepostal codigopostal cap codicepostale kodpocztowy postnummer postinumero psc",
    ),
    (
        some(DataClass::SECRET),
        "SECRET",
        0,
        Strong,
        "",
        "password passwd pwd passphrase passwort kennwort motdepasse contrasena clave parola senha wachtwoord haslo losenord adgangskode passord salasana secret secretkey clientsecret apisecret appsecret sharedsecret apikey apitoken accesstoken refreshtoken authtoken bearertoken idtoken sessiontoken privatekey secretaccesskey awssecretaccesskey accesskey accesskeyid accountkey storagekey connectionstring encryptionkey signingkey signingsecret webhooksecret masterkey userpassword dbpassword databasepassword adminpassword rootpassword pgpassword mysqlpassword credential credentials authorization proxyauthorization xapikey sessionid sessioncookie setcookie cookie otp totp pin pincode recoverycode",
    ),
    (
        some(DataClass::SECRET),
        "SECRET",
        0,
        Weak,
        "",
        "token key auth bearer hmac seed salt signature sas pass",
    ),
    (
        None,
        "",
        context::VERSION | context::OTHER,
        Weak,
        "",
        "version ver release build revision firmware semver",
    ),
    (
        None,
        "",
        context::OTHER,
        Weak,
        "",
        "order orderid ordernumber orderno sku ean gtin isbn upc tracking trackingnumber invoice invoiceid invoicenumber uuid guid sha hash checksum commit timestamp epoch createdat updatedat size length count serial serialnumber etag digest bytes duration offset productid itemid articleid barcode transactionid requestid traceid spanid eventid messageid",
    ),
];

/// Last words that say the value is about the thing, not the thing.
const ABOUT: &str = " verified enabled type types count status format template optin consent required valid validated isvalid provider at date updated sent length limit policy preference preferences id ids index hint label schema regex pattern error errors message max min expires expiry expiration expirydate expiresin changed change reset hash hashed algorithm url uri link path file filename size tokens usage country countrycode region domain kind name2 placeholder example description title lang language encoding mode visible hidden version count2 ";

/// First words that say the same.
const ABOUTFIRST: &str = " is has max min num total next page continuation cursor prompt completion input output public csrf file tool function class method module package host event table column server process thread branch domain field variable param parameter product project company organization organisation department job role group team brand store city country state currency language service app application model device node cluster namespace image container ";

/// What the terms name, for [`crate::recognisers`].
pub(crate) fn recognisers() -> Vec<Recogniser> {
    let named = TERMS.iter().filter_map(|(class, kind, _, strength, country, _)| {
        Some(Recogniser {
            kind,
            class: (*class)?,
            country: (!country.is_empty()).then_some(*country),
            validation: if *strength == Strong { "key" } else { "key, and the value looks like it" },
            source: "schema.org, vCard, FHIR, and the words of each language",
            tier: Tier::Key,
        })
    });
    named.collect()
}

/// The terms, ready to be asked.
pub(crate) struct Keys {
    terms: HashMap<&'static str, Hint>,
    about: HashSet<&'static str>,
    about_first: HashSet<&'static str>,
}

impl Keys {
    pub(crate) fn new() -> Self {
        let mut terms = HashMap::new();
        for (class, kind, bits, strength, code, words) in TERMS {
            let bits = bits | <&[u8; 2]>::try_from(code.as_bytes()).map_or(0, context::country);
            for word in words.split(' ') {
                terms.entry(word).or_insert(Hint { class: *class, kind, bits, strength: *strength });
            }
        }
        for (class, kind, bits, code, words) in crate::scan::terms::KEYS {
            let bits = bits | <&[u8; 2]>::try_from(code.as_bytes()).map_or(0, context::country);
            for word in words.split(' ') {
                terms.entry(word).or_insert(Hint { class: Some(*class), kind, bits, strength: Strong });
            }
        }
        let set = |list: &'static str| list.split_whitespace().collect();
        Keys { terms, about: set(ABOUT), about_first: set(ABOUTFIRST) }
    }

    /// The hint of a key, if it has one. The words at the end of the key count most: `customer_phone_number`.
    pub(crate) fn hint(&self, key: &str) -> Option<Hint> {
        let words = Words::read(key)?;
        if words.n > 1
            && self.about.contains(words.join(words.n - 1, words.n))
            && !self.terms.contains_key(words.join(0, words.n))
        {
            return None;
        }
        for from in 0..words.n {
            if let Some(hint) = self.terms.get(words.join(from, words.n)) {
                if from > 0
                    && hint.strength == Strength::Weak
                    && self.about_first.contains(words.join(from - 1, from))
                {
                    return None;
                }
                return Some(*hint);
            }
        }
        // `phone_home`, `email2`, `iban_customer`: the words in front, if more than one letter stands behind them.
        (1..words.n).rev().find_map(|to| {
            self.terms
                .get(words.join(0, to))
                .filter(|h| h.strength == Strength::Strong && h.class != some(DataClass::SECRET))
                .copied()
        })
    }
}

const MAX_KEY: usize = 64;
const MAX_WORDS: usize = 10;

/// The words of a key in lower case without accents, one behind the other.
struct Words {
    text: String,
    /// Where each word begins; the end behind the last.
    starts: [usize; MAX_WORDS + 1],
    n: usize,
}

impl Words {
    fn read(key: &str) -> Option<Words> {
        if key.len() > MAX_KEY || key.len() < 2 {
            return None;
        }
        let mut words =
            Words { text: String::with_capacity(key.len() + 8), starts: [0; MAX_WORDS + 1], n: 0 };
        let mut last = ' ';
        let mut chars = key.chars().peekable();
        while let Some(c) = chars.next() {
            let next_small = chars.peek().is_some_and(|c| c.is_lowercase());
            let camel = c.is_uppercase()
                && (last.is_lowercase() || last.is_ascii_digit() || last.is_uppercase() && next_small);
            if matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}') {
                continue;
            }
            if !c.is_alphanumeric() {
                last = ' ';
                continue;
            }
            if last == ' ' || camel {
                if words.n == MAX_WORDS {
                    return None;
                }
                *words.starts.get_mut(words.n)? = words.text.len();
                words.n += 1;
            }
            plain(c, &mut words.text);
            last = c;
        }
        *words.starts.get_mut(words.n)? = words.text.len();
        (words.n > 0).then_some(words)
    }

    fn join(&self, from: usize, to: usize) -> &str {
        let at = |i: usize| self.starts.get(i).copied().unwrap_or(self.text.len());
        self.text.get(at(from)..at(to)).unwrap_or_default()
    }
}

/// Lower case without accents.
fn plain(c: char, out: &mut String) {
    for c in c.to_lowercase() {
        match c {
            'a'..='z' | '0'..='9' => out.push(c),
            // Full-width letters and digits.
            '\u{ff10}'..='\u{ff5a}' => out.extend(char::from_u32(c as u32 - 0xfee0)),
            'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' | 'ā' | 'ă' | 'ą' => out.push('a'),
            'ç' | 'ć' | 'č' => out.push('c'),
            'ď' | 'đ' => out.push('d'),
            'è' | 'é' | 'ê' | 'ë' | 'ē' | 'ė' | 'ę' | 'ě' => out.push('e'),
            'ģ' => out.push('g'),
            'ì' | 'í' | 'î' | 'ï' | 'ī' | 'į' => out.push('i'),
            'ķ' => out.push('k'),
            'ľ' | 'ļ' | 'ł' => out.push('l'),
            'ñ' | 'ń' | 'ň' | 'ņ' => out.push('n'),
            'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' | 'ő' => out.push('o'),
            'ř' | 'ŕ' => out.push('r'),
            'ś' | 'š' | 'ș' | 'ş' => out.push('s'),
            'ß' => out.push_str("ss"),
            'ť' | 'ț' | 'ţ' => out.push('t'),
            'ù' | 'ú' | 'û' | 'ü' | 'ū' | 'ů' | 'ű' | 'ų' => out.push('u'),
            'ý' | 'ÿ' => out.push('y'),
            'ź' | 'ż' | 'ž' => out.push('z'),
            'æ' => out.push_str("ae"),
            'œ' => out.push_str("oe"),
            c => out.push(c),
        }
    }
}

/// Whether a key looks like the name of a field, which may be printed in a path, and not like a value.
pub(crate) fn is_field(key: &str) -> bool {
    let b = key.as_bytes();
    !b.is_empty()
        && b.len() <= 48
        && b.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'$' | b'.' | b'/'))
        && b.iter().filter(|b| b.is_ascii_digit()).count() < 5
}
