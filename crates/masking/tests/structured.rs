//! Vehicles, wallets, bank codes, travel documents, birth dates, telephones by plan, and secrets by their place.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use carnet_masking::{Country, Detector, DetectorOptions};
use common::{check, found};

#[test]
fn structured_values() {
    check(
        "VIN",
        &[
            ("VIN 1M8GDM9AXKP042788", "1M8GDM9AXKP042788"),
            ("x 1HGCM82633A004352 y", "1HGCM82633A004352"),
            ("chassis WVWZZZ1JZXW000001", "WVWZZZ1JZXW000001"),
        ],
        &["x 1M8GDM9A1KP042788 y", "x WVWZZZ1JZXW000001 y", "order 1HGCM82633A004352"],
    );
    check(
        "LICENSE_PLATE",
        &[
            ("Kennzeichen: B-AB 1234", "B-AB 1234"),
            ("license plate 7ABC123", "7ABC123"),
            ("plaque AB-123-CD", "AB-123-CD"),
        ],
        &["part AB-123-CD", "the plate was hot"],
    );
    check(
        "BIC",
        &[
            ("BIC DEUTDEFF500", "DEUTDEFF500"),
            ("SWIFT code: COBADEFFXXX", "COBADEFFXXX"),
            ("bic: NWBKGB2L", "NWBKGB2L"),
        ],
        &["ABSOLUTE DEUTDEFF", "SWIFT is a language", "swift: 5.9"],
    );
    check(
        "CRYPTO_BTC",
        &[
            ("x 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa y", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"),
            ("x 3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy y", "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy"),
            ("x bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4 y", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"),
            (
                "x bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0 y",
                "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
            ),
        ],
        &["x 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb y", "x bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5 y"],
    );
    check(
        "CRYPTO_ETH",
        &[
            ("x 0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed y", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"),
            ("x 0xde709f2102306220921060314715629080e2fb77 y", "0xde709f2102306220921060314715629080e2fb77"),
        ],
        &["x 0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD y", "0x0000000000000000000000000000000000000000"],
    );
    check(
        "CRYPTO_XRP",
        &[("x rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh y", "rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh")],
        &["x rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTi y"],
    );
    check(
        "CRYPTO_LTC",
        &[("x LaMT348PWRnrqeeWArpwQPbuanpXDZGEUz y", "LaMT348PWRnrqeeWArpwQPbuanpXDZGEUz")],
        &[],
    );
    check(
        "MAC_ADDRESS",
        &[
            ("x 00:1a:2B:3c:4d:5e y", "00:1a:2B:3c:4d:5e"),
            ("x 00-1A-2B-3C-4D-5E y", "00-1A-2B-3C-4D-5E"),
            ("x a01b.2233.4455 y", "a01b.2233.4455"),
        ],
        &["a01b.2233.4455.6677"],
    );
    check(
        "IBAN_CODE",
        &[
            ("de89370400440532013000", "de89370400440532013000"),
            ("DE89 3704 0044\n0532 0130 00", "DE89 3704 0044\n0532 0130 00"),
            ("GB82-WEST-1234-5698-7654-32", "GB82-WEST-1234-5698-7654-32"),
        ],
        &["DE89370400440532013001"],
    );
}

#[test]
fn travel_documents() {
    let d = Detector::default();
    for zone in [
        "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10",
        "I<UTOD231458907<<<<<<<<<<<<<<<\n7408122F1204159UTO<<<<<<<<<<<6\nERIKSSON<<ANNA<MARIA<<<<<<<<<<",
        "I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<\nD231458907UTO7408122F1204159<<<<<<<6",
        "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<L898902C36UTO7408122F1204159ZE184226B<<<<<10",
    ] {
        let text = format!("scan: {zone} end");
        assert!(found(&d, &text).contains(&("PASSPORT", zone.to_owned())), "{zone} {:?}", found(&d, &text));
        let wrong = zone.replace("740812", "740813");
        assert!(!found(&d, &wrong).iter().any(|(k, v)| *k == "PASSPORT" && v.len() > 40), "{wrong}");
    }
}

#[test]
fn birth_dates() {
    check(
        "DATE_OF_BIRTH",
        &[
            ("born 12 March 1980", "12 March 1980"),
            ("born on 12th of March 1980 in", "12th of March 1980"),
            ("Date of birth: March 12, 1980", "March 12, 1980"),
            ("geboren am 12. März 1980", "12. März 1980"),
            ("né le 1er avril 1980", "1er avril 1980"),
            ("nacido el 12 de marzo de 1980", "12 de marzo de 1980"),
            ("nato il 3 luglio 1971", "3 luglio 1971"),
            ("urodzony 5 października 1980 r.", "5 października 1980"),
            ("született: 1980. március 12.", "1980. március 12"),
            ("narozen 12. května 1980", "12. května 1980"),
            ("γεννήθηκε 12 Μαρτίου 1980", "12 Μαρτίου 1980"),
            ("DOB 12-Mar-1980", "12-Mar-1980"),
            ("gimė 1980 m. kovo 12 d.", "1980 m. kovo 12"),
            ("DOB 12/03/80", "12/03/80"),
        ],
        &["on 12 March 2024 we met", "due March 12, 2024", "born 12 may follow"],
    );
}

#[test]
fn telephones_by_plan() {
    check(
        "PHONE_NUMBER",
        &[
            ("+44 (0)20 7946 0958", "+44 (0)20 7946 0958"),
            ("tel:+33-1-42-68-53-00", "+33-1-42-68-53-00"),
            ("0041 44 668 18 00", "0041 44 668 18 00"),
            ("call 020 7946 0958 ext. 12", "020 7946 0958 ext. 12"),
            ("06 12 34 56 78", "06 12 34 56 78"),
            ("+372 5123 4567", "+372 5123 4567"),
            ("+81-3-1234-5678", "+81-3-1234-5678"),
            ("+1 (415) 555-2671;ext=42", "+1 (415) 555-2671;ext=42"),
        ],
        &[
            "020 7946 0958",
            "invoice 06 12 34 56 78",
            "+3 12",
            "2024 01 15 10 00",
            "v1.2.3.4",
            "1 234 567 890",
        ],
    );
    let options =
        DetectorOptions { countries: vec![Country::new("GB").unwrap()], ..DetectorOptions::default() };
    let d = Detector::new(&options);
    assert_eq!(found(&d, "x 020 7946 0958 y"), [("PHONE_NUMBER", "020 7946 0958".to_owned())]);
    assert!(found(&d, "x 090 1234 567 y").is_empty(), "no such range");
    assert!(found(&d, "order 020 7946 0958").is_empty());
}

#[test]
fn secrets_by_place() {
    let word = "q8Zr1Lk92MfoP0xTs7Vb3Nd5";
    let d = Detector::default();
    for (text, secret) in [
        (format!("Authorization: Bearer {word}"), word.to_owned()),
        (format!("curl -H 'Authorization: Token {word}' https://x.example"), word.to_owned()),
        ("Authorization: Basic dXNlcjpzM2NyM3QtcHc=".to_owned(), "dXNlcjpzM2NyM3QtcHc=".to_owned()),
        ("curl -u elastic:P4ss-w0rd https://x.example".to_owned(), "elastic:P4ss-w0rd".to_owned()),
        ("deploy --password Tr0ub4dor --force".to_owned(), "Tr0ub4dor".to_owned()),
        ("mysql -uroot -pTr0ub4dor shop".to_owned(), "Tr0ub4dor".to_owned()),
        ("CREATE USER x IDENTIFIED BY 'Tr0ub4dor'".to_owned(), "Tr0ub4dor".to_owned()),
        ("machine x.example login joe password Tr0ub4dor".to_owned(), "Tr0ub4dor".to_owned()),
        ("your password is Tr0ub4dor, keep it".to_owned(), "Tr0ub4dor".to_owned()),
        ("<password>Tr0ub4dor</password>".to_owned(), "Tr0ub4dor".to_owned()),
        (format!("<add key=\"ApiToken\" value=\"{word}\"/>"), word.to_owned()),
        (format!("- name: DB_PASSWORD\n  value: {word}"), word.to_owned()),
        (format!("System.setProperty(\"API_TOKEN\", \"{word}\")"), word.to_owned()),
        (format!("const token: string = '{word}'"), word.to_owned()),
        (format!("token := \"{word}\""), word.to_owned()),
        ("Server=db;User Id=sa;Password=Tr0ub4dor;".to_owned(), "Tr0ub4dor".to_owned()),
        (
            "AccountName=x;AccountKey=Zm9vYmFyMTIzNDU2Nzg5MGFiY2RlZg==;EndpointSuffix=y".to_owned(),
            "Zm9vYmFyMTIzNDU2Nzg5MGFiY2RlZg==".to_owned(),
        ),
        ("kind: Secret\ndata:\n  user: YWRtaW4=\n".to_owned(), "YWRtaW4=".to_owned()),
        (
            "herokuToken = 07cf5859-8d62-c8c0-8933-ce9f9d52e8bc".to_owned(),
            "07cf5859-8d62-c8c0-8933-ce9f9d52e8bc".to_owned(),
        ),
        (
            "bP88Q~rcBcYjzzOhg1Hnn76Wm3jGgakZiZ.8vMgR".to_owned(),
            "bP88Q~rcBcYjzzOhg1Hnn76Wm3jGgakZiZ.8vMgR".to_owned(),
        ),
    ] {
        let got = found(&d, &text);
        assert!(got.iter().any(|(k, v)| k.starts_with("SECRET") && *v == secret), "{text:?} {got:?}");
    }
    for text in [
        "Authorization: Bearer $TOKEN",
        "Authorization: Bearer <token>",
        "curl -u \"$USER:$PASS\" https://x.example",
        "--password $PW",
        "primaryKey=ty2AQtv.I77p5WRSfxiutlZ.t0n5Co",
        "key_length = XSalsa20.key_length",
        "\"integrity\": \"sha512-Zm9vYmFyMTIzNDU2Nzg5MGFiY2RlZg==\"",
        "commit 43fc912ef59a83054ea7f6706df4d53a7dea4d80",
        "id: 07cf5859-8d62-c8c0-8933-ce9f9d52e8bc",
        "tokens: 4096",
        "AKIAIOSFODNN7EXAMPLE",
        "the password is required",
        "<password>${PW}</password>",
        "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "session cookie: http.cookies",
    ] {
        let got = found(&d, text);
        assert!(!got.iter().any(|(k, _)| k.starts_with("SECRET")), "{text:?} {got:?}");
    }
}
