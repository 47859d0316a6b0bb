//! Packages: sound ones hold, and every kind of tampering is named.

mod anchors;
mod container;
pub(crate) mod make;
mod matrix;

use expect_test::expect;

use self::make::{faults, pack, report};
use crate::package::lines::{Why, Withheld};
use crate::package::walk::Record;
use crate::package::{END, verify};
use crate::tree::Hash;
use crate::verify::Fault;

#[test]
fn a_sound_package_holds() {
    let files = pack(3).files();
    let report = report(&files, None, None);
    expect![[r#"
        package gw.example/acme/eu-central-1/1: 13 leaves, 13 under the checkpoint
          manifest     holds    51 files listed
          files        holds    53 files
          checkpoints  holds    0 leaves before, 13 leaves at the end
          history      skipped
              note: no earlier checkpoint to compare with
          completeness holds    13 leaves
          leaves       holds    13 well formed
              note: newest leaf is of 1790000063 (Unix seconds)
          sessions     holds    2 closed, 0 open
          calls        holds    3 decisions, 3 outcomes, 0 orphans, 0 one way
          heartbeats   holds    1 runs, 1 heartbeats, 0 gaps stated
          disclosures  holds    6 slots disclosed
          frames       holds    6 frames
          slots        holds    0 withheld, 0 erased
          state        holds    4 states
          policies     skipped
              note: this program was built without the policy engine
          masking      skipped
              note: this program was built without the detector
          reports      holds    39 computed again
          witnesses    skipped  0 cosignatures
              note: the trust file asks for no witness
          time         skipped  0 time stamps, 0 checkpoints with a time
              note: no time of a trusted witness or time stamp authority
          book         skipped  0 checkpoints seen before
              note: no book of checkpoints was given
          approvals    holds    0 requests, 0 votes, 0 used, 0 ended otherwise, 0 open
        the package holds
    "#]]
    .assert_eq(&without_bytes(&report.to_text()));
}

/// The number of bytes is no promise.
fn without_bytes(text: &str) -> String {
    let lines = text.lines().map(|l| match l.split_once(" files, ") {
        Some((before, rest)) if rest.ends_with(" bytes") => format!("{before} files"),
        _ => l.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n") + "\n"
}

#[test]
fn a_package_may_begin_within_a_session() {
    let files = pack(3).starting(5).files();
    let report = report(&files, None, None);
    assert!(report.holds(), "{}", report.to_text());
    // An outcome whose decision lies before the range is no fault, and one within it must have its own.
    let files = pack(3).starting(4).files();
    assert_eq!(faults(&files), [""; 0]);
}

#[test]
fn what_is_kept_back_is_accounted_for() {
    let mut some = pack(3);
    make::keep_back(&mut some.records[3], Why::OutsidePeriod);
    make::keep_back(&mut some.records[4], Why::OutsideFilter);
    make::keep_back(&mut some.records[5], Why::Restricted);
    // Single disclosures, by name.
    let encoded = some.records[6].encoded.as_mut().unwrap();
    encoded.remove(0);
    some.records[6].withheld = Withheld { names: vec!["actor".to_owned()], ..Withheld::default() };
    assert_eq!(faults(&some.files()), [""; 0]);
}

#[test]
fn a_checkpoint_of_before_is_compared() {
    let all = pack(3);
    let first = all.clone().starting(0).files();
    let last = first.0[END].clone();
    let same = report(&first, Some(&last), None);
    assert!(same.holds(), "{}", same.to_text());
    // It is of before the range, or of a longer log than this one.
    let later = all.clone().starting(5).files();
    let early = pack(3).starting(4).files().0[super::START].clone();
    let names = |files: &make::Map, last: &[u8]| -> Vec<&str> {
        report(files, Some(last), None).faults().iter().map(|f| f.as_str()).collect()
    };
    assert_eq!(names(&later, &early), ["history-short"]);
    assert_eq!(names(&pack(2).files(), &last), ["rolled-back"]);
    // Another history of the same length, signed by the same key.
    let mut other = all.clone();
    other.records[12].leaf =
        other.records[12].leaf.iter().map(|b| if *b == b'k' { b'l' } else { *b }).collect();
    let forked = other.rebuilt().files();
    let names: Vec<&str> = report(&forked, Some(&last), None).faults().iter().map(|f| f.as_str()).collect();
    assert!(names.contains(&"two-checkpoints"), "{names:?}");
}

/// A judge that finds whatever it is told to find.
struct Says(verify::Again, Vec<String>);

impl verify::Judge for Says {
    fn approval(&mut self, _: &Record<'_>) -> Vec<(Fault, String)> {
        Vec::new()
    }

    fn state(&mut self, _: verify::StateKind, _: &Hash, bytes: &[u8]) -> Result<(), String> {
        if bytes.is_empty() { Err("empty".to_owned()) } else { Ok(()) }
    }
    fn decide(&mut self, _: &Record<'_>) -> verify::Again {
        self.0.clone()
    }
    fn shown(&mut self, record: &Record<'_>) -> Option<Vec<String>> {
        record.frame.map(|_| self.1.clone())
    }
}

#[test]
fn a_judge_is_asked_about_every_call() {
    let files = pack(2).files();
    let mut judge = Says(verify::Again::Same, vec![]);
    let report = make::report(&files, None, Some(&mut judge));
    assert!(report.holds());
    let text = report.to_text();
    assert!(text.contains("policies     holds    2 decided again"), "{text}");
    assert!(text.contains("masking      holds    4 looked at"), "{text}");
    let mut judge = Says(verify::Again::Differs("deny".to_owned()), vec!["email".to_owned()]);
    let report = make::report(&files, None, Some(&mut judge));
    let names: Vec<&str> = report.faults().iter().map(|f| f.as_str()).collect();
    assert_eq!(names, ["decision-differs", "value-unmasked"]);
}

#[test]
fn no_text_of_a_record_becomes_markup() {
    let files = pack(2).files();
    let page = String::from_utf8(files.0["index.html"].clone()).unwrap();
    assert!(page.contains("&lt;script&gt;ada") && !page.contains("<script"), "{page}");
    assert!(page.contains("default-src 'none'"));
    assert_eq!(super::view::escape("\u{202e}<a b='c'>&\n"), "\u{fffd}&lt;a b=&#39;c&#39;&gt;&amp;\u{fffd}");
    assert_eq!(super::view::utc(1_790_000_000), "2026-09-21 14:13:20");
    assert_eq!(super::view::utc(951_782_400), "2000-02-29 00:00:00");
}

#[test]
fn the_same_records_give_the_same_package() {
    assert_eq!(pack(3).files(), pack(3).files());
}

/// Packages of `carnet/1`, kept as they were written first: they verify for ever. One begins within a session.
#[test]
fn golden_packages_verify() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/carnet-1");
    for (name, made, leaves) in
        [("package.carnet", pack(3), 13), ("package-later.carnet", pack(3).starting(5), 8)]
    {
        let file = folder.join(name);
        if std::env::var_os("CARNET_WRITE_GOLDEN").is_some() && !file.exists() {
            std::fs::write(&file, make::zip(&made.files())).unwrap();
        }
        let golden = make::Zipped::open(std::fs::read(&file).unwrap()).unwrap();
        let report = report(&golden, None, None);
        assert!(report.holds(), "{}", report.to_text());
        assert_eq!(report.leaves, leaves);
    }
}
