//! What keys say.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use super::*;

#[test]
fn no_term_is_two_words_by_mistake() {
    let keys = Keys::new();
    // A list with a blank inside a term would make short words strong hints.
    for (word, hint) in &keys.terms {
        let short = word.is_ascii() && word.len() < 3;
        assert!(!short || hint.strength == Weak, "{word}");
    }
}

#[test]
fn every_term_is_written_as_keys_are_read() {
    let keys = Keys::new();
    let unread = |word: &&&str| Words::read(word).is_some_and(|words| words.join(0, words.n) != **word);
    let wrong: Vec<_> = keys.terms.keys().chain(keys.loose.keys()).filter(unread).collect();
    assert!(wrong.is_empty(), "no key is ever read as {wrong:?}");
}

#[test]
fn keys_with_what_people_add_to_them() {
    let keys = Keys::new();
    for (key, class) in [
        ("member_birth_date", DataClass::BIRTH_DATE),
        ("phone2", DataClass::PHONE),
        ("GIVENNAME1", DataClass::PERSON),
        ("lastName2", DataClass::PERSON),
        ("customer_email_id", DataClass::EMAIL),
        ("travelDocNumber", DataClass::PASSPORT),
        ("αριθμός_ταυτότητας", DataClass::NATIONAL_ID),
        ("生年月日", DataClass::BIRTH_DATE),
    ] {
        let hint = keys.read(key).hint.map(|h| h.class);
        assert_eq!(hint, Some(Some(class)), "{key}");
    }
}

/// Keys that speak of a birth or a passport and hold something else. The list only grows.
#[test]
fn keys_about_something_else() {
    let keys = Keys::new();
    for key in [
        "birth_date_format",
        "sha256",
        "phone_type",
        "passport_issued_at",
        "document_type",
        "birth_weight",
        "birthWeightGrams",
        "weight_at_birth",
        "birth_order",
        "birth_rate",
        "birth_length_cm",
        "dob_verified_on",
        "dobVerifiedAt",
        "date_of_birth_verified",
        "date_of_birth_verified_on",
        "dob_updated_on",
        "birthdate_source",
        "birthday_discount",
        "birthday_discount_until",
        "birthday_reminder_on",
        "birthday_gift_sent_on",
        "birthday_campaign_date",
        "geburtstag_rabatt",
        "birth_certificate_issued_on",
        "birth_control_since",
        "passport_office_number",
        "passport_number_check",
        "passport_review_date",
        "passport_photo_id",
    ] {
        let hint = keys.read(key).hint.and_then(|h| h.class);
        assert!(!matches!(hint, Some(DataClass::BIRTH_DATE | DataClass::PASSPORT)), "{key}: {hint:?}");
    }
    for key in ["birth_place", "city_of_birth", "Geburtsort"] {
        let hint = keys.read(key).hint.and_then(|h| h.class);
        assert_eq!(hint, Some(DataClass::LOCATION), "{key}");
    }
    for (key, class) in [
        ("verified_date_of_birth", DataClass::BIRTH_DATE),
        ("source_dob", DataClass::BIRTH_DATE),
        ("dob_text", DataClass::BIRTH_DATE),
        ("valid_passport_number", DataClass::PASSPORT),
    ] {
        let hint = keys.read(key).hint.and_then(|h| h.class);
        assert_eq!(hint, Some(class), "{key}");
    }
}

#[test]
fn no_term_for_a_birth_says_otherwise() {
    let keys = Keys::new();
    for (word, hint) in &keys.terms {
        if matches!(hint.class, Some(DataClass::BIRTH_DATE | DataClass::PASSPORT)) {
            let words = Words::read(word).unwrap();
            assert_eq!(keys.term(&words), Some(Some(*hint)), "{word}");
        }
    }
}
