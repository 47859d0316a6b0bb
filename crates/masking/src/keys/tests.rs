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
    for key in ["birth_date_format", "sha256", "phone_type", "passport_issued_at", "document_type"] {
        assert!(keys.read(key).hint.is_none_or(|h| h.class.is_none()), "{key}");
    }
}
