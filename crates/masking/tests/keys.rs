//! What keys, siblings, headers and schemas say about values, as whole documents: each value that must be masked is in angle
//! brackets, which the test takes away first.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use carnet_json::{Limits, Tape};
use carnet_masking::{Detector, Findings, Part, PartKind};

/// The spans that are found, without what others lie in, and those that are marked.
fn compare(detector: &Detector, marked: &str, schema: Option<&str>) -> (Vec<String>, Vec<String>) {
    let (mut text, mut want) = (String::new(), Vec::new());
    for (n, piece) in marked.split(['⟨', '⟩']).enumerate() {
        if n % 2 == 1 {
            want.push(piece.to_owned());
        }
        text.push_str(piece);
    }
    let tape = Tape::parse(text.as_bytes(), &Limits::default()).unwrap();
    let mut findings = Findings::new();
    let parts = [Part { node: 0, kind: PartKind::Json, exclude: &[] }];
    let hints = schema.and_then(|s| detector.schema_hints(s.as_bytes()));
    detector.find_described(text.as_bytes(), &tape, &parts, hints.as_ref(), &mut findings).unwrap();
    let got = findings.resolved();
    (got.iter().map(|f| text[f.span.start as usize..f.span.end as usize].to_owned()).collect(), want)
}

fn check(cases: &[&str]) {
    let detector = Detector::default();
    let mut wrong = Vec::new();
    for case in cases {
        let (got, want) = compare(&detector, case, None);
        if got != want {
            wrong.push(format!("{case}\n  found {got:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn names_under_the_keys_of_many_languages() {
    check(&[
        r#"{"first_name": "⟨Jane⟩", "lastName": "⟨Doe⟩", "middle-name": "⟨Quentin⟩"}"#,
        r#"{"Vorname": "⟨Jürgen⟩", "Nachname": "⟨Groß⟩", "Geburtsname": "⟨Weiß⟩"}"#,
        r#"{"prénom": "⟨Zoé⟩", "nom_de_famille": "⟨Lefèvre⟩"}"#,
        r#"{"nombre completo": "⟨Lucía Pérez⟩", "apellidos": "⟨Gil⟩"}"#,
        r#"{"cognome": "⟨Rossi⟩", "imię": "⟨Zofia⟩", "nazwisko": "⟨Lis⟩"}"#,
        r#"{"etunimi": "⟨Aino⟩", "sukunimi": "⟨Laine⟩", "förnamn": "⟨Åsa⟩", "efternavn": "⟨Krogh⟩"}"#,
        r#"{"vezetéknév": "⟨Kiss⟩", "keresztnév": "⟨Éva⟩", "příjmení": "⟨Malá⟩", "priezvisko": "⟨Malá⟩"}"#,
        r#"{"prezime": "⟨Babić⟩", "priimek": "⟨Zupan⟩", "prenume": "⟨Ana⟩", "pavardė": "⟨Petraitis⟩", "uzvārds": "⟨Ozols⟩", "perekonnanimi": "⟨Tamm⟩"}"#,
        r#"{"επώνυμο": "⟨Παππάς⟩", "фамилия": "⟨Петров⟩", "sloinne": "⟨Byrne⟩", "kunjom": "⟨Borg⟩", "soyadı": "⟨Kaya⟩"}"#,
        r#"{"billing_first_name": "⟨Jo⟩", "custFirstName": "⟨Jo⟩", "ContactPersonFullName": "⟨Jo Li⟩", "emergencyContact.name": "⟨Jo Li⟩"}"#,
    ]);
}

#[test]
fn labels_that_stand_beside_or_deeper() {
    check(&[
        r#"{"docType": "passport", "docNumber": "⟨C01X00T47⟩", "issued": "2019"}"#,
        r#"{"type": "mobile", "number": "⟨0151 2345678⟩"}"#,
        r#"{"identifier": [{"type": {"coding": [{"code": "PPN", "display": "Passport number"}]}, "value": "⟨C01X00T47⟩"}]}"#,
        r#"{"identifier": [{"type": {"text": "PESEL"}, "value": "⟨02070803628⟩"}]}"#,
        r#"{"type": "button", "number": "12345678", "id": "C01X00T47"}"#,
    ]);
}

#[test]
fn passports_and_birth_dates_under_keys_as_strangers_write_them() {
    check(&[
        r#"{"holder_passport_serial": "⟨C01X00T47⟩", "passport_valid_until": "2031-05-06", "passport_issued_on": "2021-05-06"}"#,
        r#"{"passportDocumentNo": "⟨C01X00T47⟩", "passport_status": "valid", "passport_pages": 32}"#,
        r#"{"n° passeport": "⟨12AB34567⟩", "documento di viaggio": "⟨YA1234567⟩"}"#,
        r#"{"id_type": "passport", "id_number": "⟨C01X00T47⟩"}"#,
        r#"{"id": "C01X00T47", "document_type": "passport", "document_number": "⟨X12345678⟩"}"#,
        r#"{"scheme": "PPN", "value": "⟨X12345678⟩"}"#,
        r#"{"type": "P", "number": "⟨X12345678⟩", "expires": "2031-01-01"}"#,
        r#"{"type": "P", "number": "X12345678"}"#,
        r#"{"name": "Passport", "number": "X12345678", "price": 12}"#,
        r#"{"name": "passport_no", "value": "⟨X12345678⟩"}"#,
        r#"{"birth_weight": "12.03.1980", "dob_verified_on": "2024-03-04", "birthday_discount": "2024-03-04"}"#,
        r#"{"passports": ["⟨X12345678⟩"], "identity": {"passport": {"serial": "⟨X12345679⟩"}}}"#,
        r#"{"dobFormatted": "⟨14-Mar-1980⟩", "birth_full_date": "⟨1980-03-14T00:00:00Z⟩", "yob": "⟨1980⟩"}"#,
        r#"{"birth": {"date": "⟨14.03.1980⟩"}, "birth_date_format": "DD.MM.YYYY"}"#,
        r#"{"datum narodenia": "⟨14.3.1980⟩", "δατα": "14.3.1980", "γέννηση": "⟨14/3/1980⟩"}"#,
    ]);
}

#[test]
fn names_under_keys_that_nobody_knows() {
    check(&[
        r#"{"quux": "⟨Margaret Holloway⟩", "email": "⟨m@example.org⟩"}"#,
        r#"{"patient": {"quux": "⟨Margaret Holloway⟩"}}"#,
        r#"{"quux": "Wireless Mouse", "email": "⟨m@example.org⟩"}"#,
        r#"{"member_birth_date": "⟨14/03/1980⟩", "phone2": "⟨0151 2345678⟩", "電話番号": "⟨0151 2345678⟩"}"#,
    ]);
}

#[test]
fn keys_together_with_those_above() {
    check(&[
        r#"{"customer": {"name": "⟨Madonna⟩", "plan": {"name": "Gold"}}}"#,
        r#"{"resourceType": "Patient", "name": [{"use": "official", "family": "⟨Chalmers⟩", "given": ["⟨Peter⟩", "⟨James⟩"]}]}"#,
        r#"{"address": {"line": ["⟨534 Erewhon St⟩"], "city": "⟨PleasantVille⟩", "postalCode": "⟨3999⟩", "country": "AU"}}"#,
        r#"{"passport": {"number": "⟨X1234567⟩", "country": "DE"}}"#,
        r#"{"patients": [{"name": "⟨Ngozi⟩"}], "products": [{"name": "Chair"}]}"#,
        r#"{"employee": {"details": {"name": "⟨Ngozi⟩"}}}"#,
        r#"{"telecom": [{"system": "phone", "value": "⟨(03) 5555 6473⟩", "use": "work"}]}"#,
    ]);
}

#[test]
fn keys_together_with_their_siblings() {
    check(&[
        r#"{"type": "email", "value": "⟨a@example.org⟩"}"#,
        r#"{"label": "Phone", "value": "⟨030 1234567⟩"}"#,
        r#"{"value": "⟨Jane Doe⟩", "key": "full_name"}"#,
        r#"{"type": "color", "value": "Dark Blue"}"#,
        r#"{"name": "⟨Jane⟩", "birthDate": "⟨1990-02-03⟩"}"#,
        r#"{"name": "⟨Ngozi Okafor⟩", "email": "⟨n@example.org⟩", "city": "⟨Lagos⟩"}"#,
        r#"{"city": "Berlin", "temperature": 21}"#,
        r#"{"street": "⟨Main Street 5⟩", "city": "⟨Springfield⟩", "state": "⟨IL⟩", "zip": "⟨62701⟩"}"#,
    ]);
}

#[test]
fn names_of_things_stay() {
    check(&[
        r#"{"name": "Visual Studio", "version": "1.2"}"#,
        r#"{"tools": [{"name": "get_weather", "title": "Get Weather"}]}"#,
        r#"{"name": "Acme Holding GmbH", "industry": "Steel"}"#,
        r#"{"hostname": "db-1", "filename": "report.pdf", "table_name": "Users", "column_name": "First"}"#,
        r#"{"project": {"name": "Blue Moon"}, "company": {"name": "Rolls Royce"}, "product_name": "Jane Doe Chair"}"#,
        r#"{"state": "Open", "region": "Europe", "number": 12345, "title": "New Report"}"#,
        r#"{"name": "Main Warehouse", "country": "Germany"}"#,
        r#"{"via": "email", "line1": "foo", "card": "backlog", "from": "Monday"}"#,
        r#"{"email_verified": true, "phone_type": "mobile", "ip_address_family": "v4"}"#,
    ]);
}

#[test]
fn columns_of_tables_in_text() {
    check(&[
        r#"["id,name,email\n1,⟨Jane Roe⟩,⟨j@example.org⟩\n2,⟨Ngozi⟩,⟨n@example.org⟩\n"]"#,
        r#"["first_name\tlast_name\tage\n⟨Jane⟩\t⟨Roe⟩\t33\n"]"#,
        r#"["| Vorname | Nachname | Ort |\n|---|---|---|\n| ⟨Jana⟩ | ⟨Klug⟩ | ⟨Ulm⟩ |\n\nEnd"]"#,
        r#"[" id | surname | dob\n----+-------+----\n  1 | ⟨Roe⟩ | ⟨1980-01-02⟩\n(1 row)\n"]"#,
        r#"["+----+---------+\n| id | surname |\n+----+---------+\n|  1 | ⟨Roe⟩     |\n+----+---------+\n"]"#,
        r#"["[{'id': 1, 'name': '⟨Ngozi⟩', 'birth_date': '⟨1980-01-02⟩', 'vip': True}]"]"#,
        r#"["sku;name;price\nA1;Office Chair;12\n"]"#,
        r#"["Dear all, first\nlook here, then there\n"]"#,
    ]);
}

#[test]
fn columns_of_tables_in_arrays() {
    check(&[
        r#"{"columns": ["id", "last_name"], "rows": [[1, "⟨Roe⟩"], [2, "⟨Poe⟩"]]}"#,
        r#"{"fields": [{"name": "id"}, {"name": "surname"}], "values": [[1, "⟨Roe⟩"]]}"#,
        r#"[["surname", "age"], ["⟨Roe⟩", 3]]"#,
        r#"{"columns": ["id", "title"], "rows": [[1, "Roe"]]}"#,
    ]);
}

#[test]
fn what_a_schema_describes() {
    let detector = Detector::default();
    let schema = r#"{"type": "object", "properties": {
        "c1": {"type": "string", "description": "The customer's full name, as printed."},
        "c2": {"type": "string", "description": "Whether the full name is verified"},
        "sub": {"type": "object", "properties": {"x": {"type": "string", "title": "Date of birth"}}},
        "list": {"type": "array", "items": {"type": "object", "properties": {"y": {"type": "string", "description": "Mobile phone number"}}}}
    }}"#;
    for case in [
        r#"{"structuredContent": {"c1": "⟨Ngozi Okafor⟩", "c2": "Yes Sir", "sub": {"x": "⟨3 May 1980⟩"}, "list": [{"y": "⟨030 1234567⟩"}]}}"#,
        r#"{"content": [{"type": "text", "text": "{\"c1\": \"⟨Ngozi Okafor⟩\", \"sub\": {\"x\": \"⟨3 May 1980⟩\"}}"}]}"#,
        r#"{"other": {"x": "3 May 1980"}}"#,
    ] {
        let (got, want) = compare(&detector, case, Some(schema));
        assert_eq!(got, want, "{case}");
    }
    assert!(detector.schema_hints(b"{}").is_none());
    assert!(detector.schema_hints(b"no schema").is_none());
}
