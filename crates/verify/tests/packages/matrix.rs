//! The matrix of the ways to cheat with a package, each with the error that is its own. Who changes it holds the log's key, and signs
//! anew what they changed: what the signature alone would show is left out.

use carnet_approvals::Digest;
use carnet_evidence::package::{END, FRAMES, LEAVES};
use carnet_evidence::verify::Report;

use super::make::{Case, Map, T, account, changed, check, check_since, package};

/// A package as it should be.
fn sound() -> Map {
    package(|_| {})
}

/// The report on one whose lines in a file are changed.
fn lines(file: &str, change: impl FnOnce(&mut Vec<String>)) -> Report {
    check(&changed(sound(), |files| {
        let text = String::from_utf8(files.0[file].clone()).unwrap();
        let mut all: Vec<String> = text.lines().map(str::to_owned).collect();
        change(&mut all);
        let text = all.iter().fold(String::new(), |out, line| out + line + "\n");
        files.0.insert(file.to_owned(), text.into_bytes());
    }))
}

fn case(change: impl FnOnce(&mut Case)) -> Report {
    check(&package(change))
}

/// The checkpoint that an auditor keeps of a package.
fn kept(files: &Map) -> Vec<u8> {
    files.0[END].clone()
}

/// A package of another history: its call was another one. It has as many records, or two more.
fn other(longer: bool) -> Map {
    package(|c| {
        c.frame.push(' ');
        c.uses += 2 * usize::from(longer);
    })
}

/// Two facts, each in the record of the other.
fn swap_disclosures() -> Report {
    lines(carnet_evidence::package::DISCLOSURES, |all| {
        let of = |line: &str| {
            line.split_once("\"i\":").map(|(facts, i)| (facts.to_owned(), i.to_owned())).unwrap()
        };
        let ((first, i), (second, k)) = (of(&all[0]), of(&all[1]));
        all[0] = format!("{second}\"i\":{i}");
        all[1] = format!("{first}\"i\":{k}");
    })
}

type Row = (&'static str, fn() -> Report, &'static str);

const ROWS: &[Row] = &[
    ("omit", || lines(LEAVES, |all| drop(all.remove(4))), "leaf-omitted"),
    ("truncate", || lines(LEAVES, |all| drop(all.pop())), "truncated"),
    ("reorder", || lines(LEAVES, |all| all.swap(4, 5)), "leaf-reordered"),
    (
        "replace",
        || lines(LEAVES, |all| all[7] = all[7].replace("call.outcome", "call.orphan")),
        "leaf-altered",
    ),
    ("insert", || lines(LEAVES, |all| all.insert(4, all[3].clone())), "leaf-inserted"),
    ("fork", || check_since(&other(true), Some(&kept(&sound()))), "forked"),
    ("two checkpoints of one size", || check_since(&other(false), Some(&kept(&sound()))), "two-checkpoints"),
    ("roll back", || check_since(&sound(), Some(&kept(&package(|c| c.uses = 2)))), "rolled-back"),
    ("back-date", || case(|c| c.times.0 = T - 86_400), "time-backwards"),
    ("swap a disclosure", swap_disclosures, "disclosure-unreferenced"),
    ("forge an approval", || case(|c| c.voters[0].digest = Digest([8; 32])), "approval-digest"),
    ("replay an approval", || case(|c| c.uses = 2), "approval-used-twice"),
    ("self-give an approval", || case(|c| c.voters[0].voter = account("ada")), "approval-own-call"),
    ("erase without key.destroy", || case(|c| c.erased = true), "erased-without-key-destroy"),
    ("wrong policy hash", || case(|c| c.policy = Some([9; 32])), "state-missing"),
    (
        "changed report",
        || check(&changed(sound(), |f| f.0.get_mut("reports/summary.json").unwrap()[2] = b'x')),
        "report-differs",
    ),
    ("changed frame", || lines(FRAMES, |all| all[0] = all[0].replace("delete", "create")), "frame-altered"),
    ("missing heartbeat", || case(|c| c.times.1 = T + 600), "heartbeat-gap"),
    (
        "one flipped bit",
        || {
            // As it is shipped: nobody signs anew. `no_flipped_bit_of_a_package_goes_unseen` turns one at every byte of an archive.
            let mut files = sound();
            files.0.get_mut(LEAVES).unwrap()[300] ^= 1;
            check(&files)
        },
        "file-altered",
    ),
];

#[test]
fn every_way_to_cheat_has_an_error_of_its_own() {
    let report = check_since(&sound(), Some(&kept(&sound())));
    assert!(report.holds(), "{}", report.to_text());
    let mut names = std::collections::BTreeSet::new();
    for (what, cheat, own) in ROWS {
        let report = cheat();
        let found: Vec<&str> = report.faults().into_iter().map(|f| f.as_str()).collect();
        assert!(!report.holds() && found.contains(own), "{what}: {own} is not among {found:?}");
        assert!(names.insert(own), "{what}: {own} is of another row");
    }
}

/// One bit of a byte here and there in each file, nobody signing anew: it is always named, and the listed file with it.
#[test]
fn a_flipped_bit_is_named() {
    let files = sound();
    for (name, bytes) in &files.0 {
        for at in (0..bytes.len()).step_by(bytes.len() / 3 + 1) {
            let mut damaged = files.clone();
            damaged.0.get_mut(name).unwrap()[at] ^= 1 << (at % 8);
            let found: Vec<&str> = check(&damaged).faults().into_iter().map(|f| f.as_str()).collect();
            let of_the_list = found.iter().any(|f| f.starts_with("manifest-") || *f == "file-altered");
            assert!(of_the_list, "byte {at} of {name}: {found:?}");
        }
    }
}
