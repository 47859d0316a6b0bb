//! On what ground data may go: adequacy by day and framework, what is declared, and what nobody can declare.

use super::{r, table};
use crate::{Crossing, Day, Declared, Ground, Mechanism, Safeguard};

fn found(declared: &[Declared], from: &str, to: &str, day: &str) -> (Mechanism, Option<String>) {
    let at = Crossing { from: &r(from), to: &r(to), server: "crm", day: Day::parse(day).unwrap() };
    let table = table();
    let basis = table.basis(declared, &at);
    (basis.mechanism, basis.reference.map(str::to_owned))
}

fn declared(safeguard: Safeguard, from: Option<&str>, to: &str, until: Option<&str>) -> Declared {
    Declared {
        safeguard,
        reference: "contract 7".into(),
        from: from.map(r),
        to: r(to),
        servers: vec!["crm".into()],
        until: until.and_then(Day::parse),
    }
}

#[test]
fn adequacy_by_day() {
    use Mechanism::{Adequacy, None, NotNeeded};
    let cases = [
        ("de", "de-by", "2026-11-21", NotNeeded),
        ("eu-central-1", "norwayeast", "2026-11-21", NotNeeded),
        ("de", "eea", "2026-11-21", NotNeeded),
        ("is", "re", "2026-11-21", NotNeeded),
        // Decisions have a first day and, some of them, a last.
        ("de", "gb", "2021-06-27", None),
        ("de", "gb", "2021-06-28", Adequacy),
        ("de", "eu-west-2", "2025-12-27", Adequacy),
        ("de", "gb", "2031-12-27", Adequacy),
        ("de", "gb", "2031-12-28", None),
        ("de", "br", "2026-01-26", None),
        ("de", "sa-east-1", "2026-01-27", Adequacy),
        ("de", "ch", "2026-11-21", Adequacy),
        ("de", "gg", "2026-11-21", Adequacy),
        ("de", "fo", "2026-11-21", Adequacy),
        ("de", "gl", "2026-11-21", None),
        ("de", "gi", "2026-11-21", None),
        ("gb", "gi", "2026-11-21", Adequacy),
        ("gb", "de", "2026-11-21", Adequacy),
        ("ch", "de", "2026-11-21", Adequacy),
        ("de", "mc", "2026-11-21", None),
        ("ch", "mc", "2026-11-21", Adequacy),
        ("de", "in", "2026-11-21", None),
        // Adequate for some recipients is not adequate.
        ("de", "us", "2026-11-21", None),
        ("de", "ca", "2026-11-21", None),
        ("de", "jp", "2026-11-21", None),
        // Adequacy has a direction.
        ("ar", "de", "2026-11-21", None),
        ("us", "de", "2026-11-21", None),
        ("de", "unknown", "2026-11-21", None),
        ("unknown", "ch", "2026-11-21", None),
        ("unknown", "unknown", "2026-11-21", None),
    ];
    for (from, to, day, mechanism) in cases {
        assert_eq!(found(&[], from, to, day).0, mechanism, "{from} to {to} on {day}");
    }
}

#[test]
fn certified_organisations_only() {
    let dpf = declared(Safeguard::Framework("dpf".into()), None, "us", Some("2026-12-31"));
    let all = [dpf];
    let adequate = (Mechanism::Adequacy, Some("(EU)2023/1795".to_owned()));
    assert_eq!(found(&all, "de", "us-east-1", "2026-11-21"), adequate);
    // The certificate has ended; the framework had not begun; the one before it has another name.
    assert_eq!(found(&all, "de", "us", "2027-01-01").0, Mechanism::None);
    assert_eq!(found(&all, "de", "us", "2023-07-09").0, Mechanism::None);
    let shield = [declared(Safeguard::Framework("privacy-shield".into()), None, "us", None)];
    assert_eq!(found(&shield, "de", "us", "2020-07-15").0, Mechanism::Adequacy);
    assert_eq!(found(&shield, "de", "us", "2020-07-16").0, Mechanism::None);
    assert_eq!(found(&all, "gb", "us", "2026-11-21").1.as_deref(), Some("SI2023/1028"));
    // A framework is no ground where no law asks for it.
    assert_eq!(
        found(&[declared(Safeguard::Framework("dpf".into()), None, "in", None)], "de", "in", "2026-11-21").0,
        Mechanism::None
    );
}

#[test]
fn what_is_declared() {
    let scc = declared(Safeguard::Scc(2), Some("eea"), "in", Some("2027-06-30"));
    let bcr = declared(Safeguard::Bcr, None, "in", None);
    let consent = declared(Safeguard::Derogation(Ground::Consent), None, "in", None);
    let at = "2026-11-21";
    assert_eq!(
        found(std::slice::from_ref(&scc), "fr", "ap-south-1", at),
        (Mechanism::Scc, Some("contract 7".into()))
    );
    // Of several the strongest, and a derogation last of all.
    assert_eq!(found(&[consent.clone(), scc.clone()], "fr", "in", at).0, Mechanism::Scc);
    assert_eq!(found(&[consent.clone(), scc.clone(), bcr], "fr", "in", at).0, Mechanism::Bcr);
    assert_eq!(found(&[consent.clone(), scc.clone()], "fr", "in", "2027-07-01").0, Mechanism::Derogation);
    // Not from there, not to there, not with this server, not to nowhere.
    for (from, to) in [("gb", "in"), ("fr", "us"), ("fr", "unknown"), ("unknown", "in")] {
        assert_eq!(found(std::slice::from_ref(&scc), from, to, at).0, Mechanism::None, "{from} to {to}");
    }
    let other = Declared { servers: vec!["erp".into()], ..scc.clone() };
    assert_eq!(found(&[other], "fr", "in", at).0, Mechanism::None);
    let anywhere = Declared { to: r("unknown"), ..scc };
    assert_eq!(found(&[anywhere], "fr", "unknown", at).0, Mechanism::None);
    // What needs no ground has none.
    assert_eq!(found(&[consent], "in", "in-mh", at).0, Mechanism::NotNeeded);
    for word in Ground::WORDS {
        assert_eq!(Ground::by_name(word).map(Ground::name), Some(*word));
    }
}
