//! The light tier on sentences that nobody trained on.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use super::*;

fn found(text: &str) -> Vec<(&'static str, &str)> {
    let mut hits = Vec::new();
    if possible(text.as_bytes(), !text.is_ascii()) {
        scan(text, None, &mut hits, 0, &mut Scratch::default());
    }
    hits.sort_by_key(|h| h.start);
    hits.iter().map(|h| (h.kind, &text[h.start as usize..h.end as usize])).collect()
}

#[test]
fn people_in_sentences() {
    for (text, name) in [
        ("Yesterday I spoke with Margaret Holloway about the invoice.", "Margaret Holloway"),
        ("Please ask Dr. Sandhu to call the patient back.", "Sandhu"),
        ("My name is Oluwaseun Adeyemi and I cannot log in.", "Oluwaseun Adeyemi"),
        ("The contract was signed by Thomas O'Leary in March.", "Thomas O'Leary"),
        ("Best regards, Katarzyna Nowak from the support team", "Katarzyna Nowak"),
    ] {
        let got = found(text);
        assert!(got.iter().any(|(k, v)| *k == "PERSON" && v.contains(name)), "{text}: {got:?}");
    }
}

#[test]
fn people_by_their_place() {
    for (text, name) in [
        ("Dear Ms. Okonkwo, your claim is closed.", "Okonkwo"),
        ("Hi Margaret, thanks for the quick answer.", "Margaret"),
        ("Sehr geehrte Frau Lindner, anbei der Vertrag.", "Lindner"),
        ("> Margaret Holloway\n> 14 Rosewood Lane\n> Leeds", "Margaret Holloway"),
        ("What is your name? Margaret Holloway", "Margaret Holloway"),
        ("Hello, my name is margaret and I need help", "margaret"),
        ("We spoke to Dr. Sandhu yesterday about it", "Sandhu"),
        ("Renee,\nthe papers are in the mail.", "Renee"),
        ("Attendees: Pam Butler, Thomas Martin, Greg Neal", "Thomas Martin"),
        ("Margaret Holloway", "Margaret Holloway"),
        ("To Grace Hopper <grace@example.org>, not yet", "Grace Hopper"),
        ("President Obama and his wife spoke to everybody.", "Obama"),
        ("Me llamo Lucía Pérez y no puedo entrar", "Lucía Pérez"),
    ] {
        let got = found(text);
        assert!(got.contains(&("PERSON", name)), "{text}: {got:?}");
    }
    for text in [
        "Dear Customer, your parcel is on its way.",
        "Hello World! This is the first page.",
        "Hi Team, the build is red again today.",
        "Dear Sir or Madam, please find it here.",
        "Getting Started\nRead the guide first and then begin.",
        "This is Rust code and it is fast.",
    ] {
        assert!(!found(text).iter().any(|(k, _)| *k == "PERSON"), "{text}: {:?}", found(text));
    }
}

#[test]
fn what_names_nobody_stays() {
    for text in [
        "Returns the list of open pull requests for the given branch.",
        "The request failed with status 500 because the server was restarted.",
        "Use the search tool to look up a file by its path.",
        "Run cargo build and then start the server on port 8080.",
        "Wireless mouse with USB receiver and two batteries",
        "The meeting is on Monday in March, not in April.",
        "let x = foo(Bar::new(), Baz { a: 1 });",
    ] {
        assert!(found(text).is_empty(), "{text}: {:?}", found(text));
    }
}

#[test]
fn a_full_name_beyond_doubt() {
    for yes in ["Jane Doe", "Hans Müller", "Maria Garcia Lopez"] {
        assert!(surely(yes), "{yes}");
    }
    for no in
        ["Visual Studio", "Blue Widget", "Main Warehouse", "Production Server", "Berlin", "Quarterly Report"]
    {
        assert!(!surely(no), "{no}");
    }
}

#[test]
fn addresses_in_sentences() {
    for (text, address) in [
        ("Please send it to 221 Baker Street, London NW1 6XE as before.", "221 Baker Street, London NW1 6XE"),
        (
            "I live at 1600 Pennsylvania Ave NW, Washington, DC 20500 now",
            "1600 Pennsylvania Ave NW, Washington, DC 20500",
        ),
        ("Ich wohne in der Lindenstraße 14a, 10969 Berlin und ziehe um.", "Lindenstraße 14a, 10969 Berlin"),
        ("Elle habite 12 rue de la Paix, 75002 Paris depuis mai.", "12 rue de la Paix, 75002 Paris"),
        ("Vivo en la Calle Mayor 5, 28013 Madrid desde hace un año.", "Calle Mayor 5, 28013 Madrid"),
        ("Abito in via Garibaldi 22, 00153 Roma con mia moglie.", "via Garibaldi 22, 00153 Roma"),
        (
            "Hij woont op de Keizersgracht 241, 1016 EA Amsterdam en werkt daar.",
            "Keizersgracht 241, 1016 EA Amsterdam",
        ),
        ("Mieszkam przy ul. Długa 7, 00-238 Warszawa od roku.", "ul. Długa 7, 00-238 Warszawa"),
        ("Our box is P.O. Box 1234 for letters.", "P.O. Box 1234"),
    ] {
        let got = found(text);
        assert!(got.iter().any(|(k, v)| *k == "STREET_ADDRESS" && *v == address), "{text}: {got:?}");
    }
    for text in [
        "Step 5 of the Main Plan is 12 days away.",
        "We sold 20 Blue Chairs in Room 5 today.",
        "Version 3 of the Way Forward was released",
    ] {
        assert!(!found(text).iter().any(|(k, _)| *k == "STREET_ADDRESS"), "{text}: {:?}", found(text));
    }
}
