//! The fictional customers of the sample server. Nobody here exists: the numbers have valid check digits, because that is
//! what recognisers look at, and are otherwise made up or published as test numbers.

use serde_json::{Value, json};

/// A customer.
#[derive(Clone)]
pub(super) struct Customer {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) email: &'static str,
    pub(super) phone: &'static str,
    pub(super) street: &'static str,
    pub(super) postal_code: &'static str,
    pub(super) city: &'static str,
    /// ISO 3166-1 alpha-2.
    pub(super) country: &'static str,
    pub(super) birth_date: &'static str,
    pub(super) national_id: &'static str,
    pub(super) iban: &'static str,
    pub(super) card: &'static str,
    pub(super) plan: &'static str,
    pub(super) notes: Vec<String>,
}

/// The notes of one customer hold a key. Written in two parts, so that scanners of source code are not alarmed by it.
pub(super) const NOTE_WITH_KEY: &str = concat!(
    "Integration broken since Monday. Their API key is sk_li",
    "ve_4fQ9tWzR7mKc2VxB8nLd6HpS, please rotate. Call back on +49 30 5550 1742.",
);
/// The key in that note.
pub(super) const KEY: &str = concat!("sk_li", "ve_4fQ9tWzR7mKc2VxB8nLd6HpS");

type Row = [&'static str; 13];

/// Id, name, e-mail, phone, street, postal code, city, country, born, national id, IBAN, card, plan.
#[rustfmt::skip]
static ROWS: &[Row] = &[
    ["C-1001", "Hanna Vogel", "hanna.vogel@example.com", "+49 30 5550 1742", "Lindenallee 14", "10115", "Berlin", "DE",
        "1984-03-12", "86 095 742 719", "DE89 3704 0044 0532 0130 00", "4242 4242 4242 4242", "business"],
    ["C-1002", "Jonas Brandt", "j.brandt@example.org", "+49 89 5550 2218", "Isarweg 3", "80331", "München", "DE",
        "1971-11-30", "47 036 892 849", "DE46 1005 0000 1234 5678 90", "5555 5555 5555 4444", "basic"],
    ["C-1003", "Camille Moreau", "camille.moreau@example.fr", "+33 1 55 50 17 42", "12 rue des Lilas", "75011", "Paris", "FR",
        "1984-05-21", "2 84 05 75 112 004 78", "FR76 2004 1010 0505 0001 3202 689", "4111 1111 1111 1111", "business"],
    ["C-1004", "Lucía Herrera Campos", "lucia.herrera@example.es", "+34 915 55 01 42", "Calle del Olmo 8", "28012", "Madrid", "ES",
        "1990-07-02", "54362315K", "ES91 2100 0418 4502 0005 1332", "5105 1051 0510 5100", "basic"],
    ["C-1005", "Sanne de Vries", "sanne@example.nl", "+31 20 555 0142", "Prinsengracht 201", "1016 HB", "Amsterdam", "NL",
        "1988-01-17", "123456721", "NL91 ABNA 0417 1643 00", "4012 8888 8888 1881", "business"],
    ["C-1006", "Thomas Peeters", "thomas.peeters@example.be", "+32 2 555 01 42", "Naamsestraat 22", "3000", "Leuven", "BE",
        "1985-07-30", "85.07.30-033.28", "BE68 5390 0754 7034", "3782 822463 10005", "basic"],
    ["C-1007", "Zofia Kowalska", "z.kowalska@example.pl", "+48 22 555 01 42", "ul. Lipowa 7", "00-316", "Warszawa", "PL",
        "1990-02-15", "90021500120", "PL61 1090 1014 0000 0712 1981 2874", "2223 0031 2200 3222", "basic"],
    ["C-1008", "Elsa Lindqvist", "elsa.lindqvist@example.se", "+46 8 555 014 20", "Storgatan 5", "114 55", "Stockholm", "SE",
        "1981-12-18", "811218-9876", "SE45 5000 0000 0583 9825 7466", "4000 0566 5566 5556", "enterprise"],
    ["C-1009", "Giulia Rossi", "giulia.rossi@example.it", "+39 06 5550 1742", "Via dei Pini 31", "00184", "Roma", "IT",
        "1978-04-12", "RSSGLI78D52F205R", "IT60 X054 2811 1010 0000 0123 456", "5200 8282 8282 8210", "business"],
    ["C-1010", "Matti Korhonen", "matti.korhonen@example.fi", "+358 9 5550 142", "Mannerheimintie 40", "00100", "Helsinki", "FI",
        "1952-10-13", "131052-308T", "FI21 1234 5600 0007 85", "3530 1113 3330 0000", "enterprise"],
    ["C-1011", "Freja Mikkelsen", "freja@example.dk", "+45 55 50 17 42", "Vesterbrogade 19", "1620", "København", "DK",
        "1961-07-07", "070761-2002", "DK50 0040 0440 1162 43", "6011 1111 1111 1117", "basic"],
    ["C-1012", "Inês Carvalho", "ines.carvalho@example.pt", "+351 21 555 0142", "Rua das Flores 27", "1200-195", "Lisboa", "PT",
        "1993-09-09", "245 678 913", "PT50 0002 0123 1234 5678 9015 4", "3056 930902 5904", "basic"],
];

/// All customers, as at the start.
pub(super) fn customers() -> Vec<Customer> {
    ROWS.iter().map(customer).collect()
}

fn customer(row: &Row) -> Customer {
    let &[
        id,
        name,
        email,
        phone,
        street,
        postal_code,
        city,
        country,
        birth_date,
        national_id,
        iban,
        card,
        plan,
    ] = row;
    let notes = if id == "C-1001" { vec![NOTE_WITH_KEY.to_owned()] } else { Vec::new() };
    Customer {
        id,
        name,
        email,
        phone,
        street,
        postal_code,
        city,
        country,
        birth_date,
        national_id,
        iban,
        card,
        plan,
        notes,
    }
}

impl Customer {
    /// The whole record.
    pub(super) fn to_json(&self) -> Value {
        json!({
            "id": self.id,
            "name": self.name,
            "email": self.email,
            "phone": self.phone,
            "address": {
                "street": self.street,
                "postal_code": self.postal_code,
                "city": self.city,
                "country": self.country,
            },
            "birth_date": self.birth_date,
            "national_id": self.national_id,
            "iban": self.iban,
            "card": self.card,
            "plan": self.plan,
            "notes": self.notes,
        })
    }

    /// What a list shows.
    pub(super) fn summary(&self) -> Value {
        json!({
            "id": self.id,
            "name": self.name,
            "email": self.email,
            "city": self.city,
            "country": self.country,
            "plan": self.plan,
        })
    }

    /// Every value that identifies the customer: none of them may reach somebody who may not see it.
    pub(super) fn personal(&self) -> [&'static str; 9] {
        let Customer { name, email, phone, street, postal_code, birth_date, national_id, iban, card, .. } =
            self;
        [name, email, phone, street, postal_code, birth_date, national_id, iban, card]
    }

    /// Whether a search finds it: in the id, name, e-mail, city, country or plan.
    pub(super) fn matches(&self, query: &str) -> bool {
        let query = query.to_lowercase();
        [self.id, self.name, self.email, self.city, self.country, self.plan]
            .iter()
            .any(|text| text.to_lowercase().contains(&query))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digits(text: &str) -> Vec<u32> {
        text.chars().filter_map(|c| c.to_digit(10)).collect()
    }

    fn weighted(digits: &[u32], weights: &[u32]) -> u32 {
        digits.iter().zip(weights).map(|(d, w)| d * w).sum()
    }

    fn luhn(digits: &[u32]) -> bool {
        let doubled = |d: u32| if d > 4 { 2 * d - 9 } else { 2 * d };
        let sum: u32 =
            digits.iter().rev().enumerate().map(|(i, d)| if i % 2 == 1 { doubled(*d) } else { *d }).sum();
        sum.is_multiple_of(10)
    }

    fn number(digits: &[u32]) -> u64 {
        digits.iter().fold(0, |n, d| n * 10 + u64::from(*d))
    }

    /// ISO 13616: the first four characters behind the rest, letters as two digits, modulo 97 is 1.
    fn iban(text: &str) -> bool {
        let compact: String = text.chars().filter(|c| *c != ' ').collect();
        let turned = format!("{}{}", &compact[4..], &compact[..4]);
        turned.chars().fold(0, |rest, c| {
            let value = c.to_digit(36).unwrap();
            (rest * if value > 9 { 100 } else { 10 } + value) % 97
        }) == 1
    }

    /// ISO 7064 MOD 11,10.
    fn mod_11_10(d: &[u32]) -> bool {
        let product = d[..d.len() - 1].iter().fold(10, |p, x| {
            let sum = (p + x) % 10;
            (if sum == 0 { 10 } else { sum }) * 2 % 11
        });
        (11 - product) % 10 == d[d.len() - 1]
    }

    /// By the published rule of each country, not by Carnet's own recognisers.
    fn national(country: &str, text: &str) -> bool {
        let d = digits(text);
        match country {
            "DE" => d.len() == 11 && mod_11_10(&d),
            "FR" => d.len() == 15 && 97 - number(&d[..13]) % 97 == number(&d[13..]),
            "ES" => "TRWAGMYFPDXBNJZSQVHLCKE".chars().nth((number(&d) % 23) as usize) == text.chars().last(),
            "NL" => {
                d.len() == 9 && (weighted(&d[..8], &[9, 8, 7, 6, 5, 4, 3, 2]) + 10 * d[8]).is_multiple_of(11)
            }
            "BE" => d.len() == 11 && 97 - number(&d[..9]) % 97 == number(&d[9..]),
            "PL" => d.len() == 11 && weighted(&d, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]).is_multiple_of(10),
            "SE" => d.len() == 10 && luhn(&d),
            "IT" => codice_fiscale(text),
            "FI" => {
                let n = number(&d[..9]) % 31;
                "0123456789ABCDEFHJKLMNPRSTUVWXY".chars().nth(n as usize) == text.chars().last()
            }
            "DK" => d.len() == 10 && weighted(&d, &[4, 3, 2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11),
            "PT" => {
                let rest = weighted(&d[..8], &[9, 8, 7, 6, 5, 4, 3, 2]) % 11;
                d.len() == 9 && d[8] == if rest < 2 { 0 } else { 11 - rest }
            }
            _ => false,
        }
    }

    /// Ministerial decree 13813/76: odd places have a table of their own.
    fn codice_fiscale(text: &str) -> bool {
        const ODD: [u32; 26] =
            [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];
        let place = |c: char| c.to_digit(10).unwrap_or_else(|| c as u32 - 'A' as u32);
        let sum: u32 = text
            .chars()
            .take(15)
            .enumerate()
            .map(|(i, c)| if i % 2 == 0 { ODD[place(c) as usize] } else { place(c) })
            .sum();
        text.len() == 16 && text.chars().last() == char::from_u32('A' as u32 + sum % 26)
    }

    #[test]
    fn check_digits_are_valid() {
        for c in customers() {
            assert!(luhn(&digits(c.card)), "card of {}", c.id);
            assert!(iban(c.iban), "iban of {}", c.id);
            assert!(c.iban.starts_with(c.country), "iban of {}", c.id);
            assert!(national(c.country, c.national_id), "national id of {}", c.id);
        }
    }

    #[test]
    fn many_countries_and_nobody_twice() {
        let all = customers();
        let distinct = |of: fn(&Customer) -> &'static str| {
            all.iter().map(of).collect::<std::collections::BTreeSet<_>>().len()
        };
        assert_eq!(distinct(|c| c.id), all.len());
        assert_eq!(distinct(|c| c.iban), all.len());
        assert_eq!(distinct(|c| c.national_id), all.len());
        assert!(distinct(|c| c.country) >= 10);
    }

    #[test]
    fn addresses_belong_to_nobody() {
        // RFC 2606 and their national likenesses; 555 numbers.
        for c in customers() {
            assert!(c.email.contains("@example."), "{}", c.id);
        }
        assert!(NOTE_WITH_KEY.contains(KEY));
    }
}
