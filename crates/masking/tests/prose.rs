//! Names and addresses in texts of their own, as people write them. What has to be found is in angle brackets, which the test takes
//! away first; places and organisations are not asked about.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use carnet_masking::Detector;

/// The spans of these types, and those that are marked.
fn compare(detector: &Detector, marked: &str) -> (Vec<String>, Vec<String>) {
    let (mut text, mut want) = (String::new(), Vec::new());
    for (n, piece) in marked.split(['⟨', '⟩']).enumerate() {
        if n % 2 == 1 {
            want.push(piece.to_owned());
        }
        text.push_str(piece);
    }
    let asked = |kind: &str| matches!(kind, "PERSON" | "STREET_ADDRESS");
    let got = detector.scan(&text).unwrap();
    let got = got.iter().filter(|f| asked(f.type_name().0));
    (got.map(|f| text[f.span.start as usize..f.span.end as usize].to_owned()).collect(), want)
}

fn check(cases: &[&str]) {
    let detector = Detector::default();
    let wrong: Vec<String> = cases
        .iter()
        .map(|case| (case, compare(&detector, case)))
        .filter(|(_, (got, want))| got != want)
        .map(|(case, (got, _))| format!("{case}\n  found {got:?}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn names_that_stand_alone_or_are_called() {
    check(&[
        "⟨Phillip⟩",
        "⟨Renee⟩,",
        "Hey ⟨Vladi⟩,\nthe papers are in the mail.",
        "Thanks ⟨Josh⟩!",
        "Welcome ⟨Darin⟩!",
        "Drs. ⟨Ali⟩ and her team",
        "Posted by ⟨Margaret Holloway⟩",
        "i spoke with dr. ⟨freeman⟩ about it",
    ]);
}

#[test]
fn names_shown_of_addresses_of_mail() {
    let detector = Detector::default();
    for (text, name) in [
        ("From: \"Townsend, George\" <gtownsend@example.org>", "Townsend, George"),
        ("Margaret Holloway <m.holloway@example.org> wrote:", "Margaret Holloway"),
    ] {
        let (got, _) = compare(&detector, text);
        assert_eq!(got, [name], "{text}");
    }
}

#[test]
fn parts_of_names_that_were_found() {
    check(&["The report was written by ⟨Margaret Holloway⟩ in 2019. Two years later ⟨Holloway⟩ left."]);
}

#[test]
fn what_is_no_name() {
    check(&[
        "Summary",
        "Table of Contents",
        "Getting Started",
        "Thank You",
        "Good Morning",
        "Hi Team,",
        "Hello World!",
        "entity Resource in [Server] = { server: Server, name: String, level: Long };",
        "key(\"hosts\", List(Text)), key(\"inherit\", List(Text)), key(\"level\", Long), key(\"name\", Text)",
    ]);
}

#[test]
fn addresses_by_what_stands_around_them() {
    check(&[
        "Please change the delivery address to ⟨138 Courtois Falls, 02377 Lyon⟩ soon.",
        "My address is ⟨12 Mill Bank⟩.",
        "She lives at ⟨7450 Adams Knoll Suite 332⟩ now.",
        "The parcel for ⟨Flat 3, 139 Queen's Road, Luton, G4 7BA⟩ came back.",
        "The parcel for ⟨Studio 4, Paul Lake, Exeter HS8W 9QE⟩ came back.",
        "i live at ⟨12 high street⟩ now",
        "Mijn adres is ⟨Molenstraat 138, 5532ZR Utrecht⟩.",
        "Mieszkam przy ⟨ul. Długa 5/7, 00-238 Warszawa⟩ od roku.",
        "Bitte liefern Sie an ⟨Heinstr. 13/25, 22072 Bonn⟩ bis Freitag.",
        "Mi dirección es ⟨Calle Mayor 5, 3º B, 28013 Madrid⟩.",
        "Send it to ⟨Unit 9456 Box 8731, DPO AA 74226⟩ please.",
        "my zip code is ⟨37773⟩ by the way",
        "Our box is ⟨P.O. Box 1234⟩ for letters.",
    ]);
}

#[test]
fn what_is_no_address() {
    check(&[
        "On May 5, 2024 Apple opened 12 stores.",
        "We will address this in Sprint 12 of the plan.",
        "Invoice 4711, 12500 Euro, is due on Monday.",
        "Please send 12 Red Boxes per pallet.",
        "Version 3 Build 20240512 of Windows 11 crashed.",
        "The IP address 10 in row 15 is wrong.",
        "Step 5 of the Main Plan takes 12 days.",
        "Chapter 7, Page 120 explains it.",
    ]);
}
