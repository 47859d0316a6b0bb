//! Tampering, kind by kind: a log is built in memory, damaged, and the report names the damage.

use std::fmt::Write as _;

use expect_test::{Expect, expect};

use super::{Fault, Options, Report, verify};
use crate::checkpoint::Checkpoint;
use crate::leaf::Draft;
use crate::note::Signer;
use crate::tests::log::{Files, Log, ORIGIN, RUN, T0, decision, epochs, outcome, sample, session, signer};

fn report_of(files: &Files, last: Option<&[u8]>) -> Report {
    let signer = signer();
    let options = Options::new(Some(signer.verifier()), last);
    verify(files, &options).unwrap()
}

/// Steps that fail and what they name; nothing for a log that holds.
fn named(report: &Report) -> String {
    let mut out = String::new();
    for step in &report.steps {
        for finding in step.findings.iter().take(3) {
            let at = finding.at.map_or(String::new(), |at| format!(" at {at}"));
            let _ = writeln!(out, "{}: {}{at}: {}", step.name, finding.fault.as_str(), finding.detail);
        }
        if step.found > 3 {
            let _ = writeln!(out, "{}: and {} more", step.name, step.found - 3);
        }
    }
    out
}

fn check(files: &Files, want: &Expect) {
    let report = report_of(files, None);
    want.assert_eq(&named(&report));
    assert_eq!(report.holds(), named(&report).is_empty());
}

/// The sample with some of its files changed.
fn with(change: impl FnOnce(&mut Files)) -> Files {
    let log = sample();
    let mut files = log.files(log.entries.len() as u64);
    change(&mut files);
    files
}

/// The sample with entries changed by one who holds the key and rebuilds the tree.
fn rebuilt(change: impl FnOnce(&mut Log)) -> Files {
    let mut log = sample();
    change(&mut log);
    log.files(log.entries.len() as u64)
}

const FIRST: &str = "segments/00000000000000000000.seg";
const SECOND: &str = "segments/00000000000000000146.seg";

/// Changes one byte of a file, at the first place where `text` stands.
fn flip(files: &mut Files, path: &str, text: &str) {
    let bytes = files.0.get_mut(path).unwrap();
    let at = bytes.windows(text.len()).position(|w| w == text.as_bytes()).unwrap();
    bytes[at] ^= 1;
}

#[test]
fn a_sound_log_holds() {
    let log = sample();
    let report = report_of(&log.files(log.entries.len() as u64), None);
    expect![[r#"
        log gw.example/acme/eu-central-1/1: 292 leaves, 292 under the checkpoint
          checkpoint   holds    1 signature lines, 292 leaves covered
          history      skipped
              note: no earlier checkpoint to compare with
          segments     holds    2 segments, 292 leaves
          tree         holds    292 leaves
          tiles        holds    3 tiles, 2 entry bundles
          retention    skipped
              note: nothing was pruned
          leaves       holds    292 well formed
              note: newest leaf is of 1790000283 (Unix seconds)
          sessions     holds    3 closed, 0 open
          calls        holds    141 decisions, 139 outcomes, 1 orphans, 1 one way
          heartbeats   holds    1 runs, 4 heartbeats, 0 gaps stated
          approvals    holds    0 requests, 0 votes, 0 used, 0 ended otherwise, 0 open
          witnesses    skipped  0 cosignatures
              note: the trust file asks for no witness
          time         skipped  0 time stamps, 0 checkpoints with a time
              note: no time of a trusted witness or time stamp authority
          book         skipped  0 checkpoints seen before
              note: no book of checkpoints was given
          blobs        holds    141 whole
          disclosures  skipped
              note: no keys at hand
          slots        holds    0 erased, 141 others
              note: there is no key store beside the log: what is missing cannot be told from what is there
        the log holds
    "#]]
    .assert_eq(&report.to_text());
    assert!(report.holds());
}

#[test]
fn a_log_that_is_being_written_holds() {
    let mut log = sample();
    log.entries.truncate(250);
    let report = report_of(&log.files(240), None);
    expect![[r#"
        log gw.example/acme/eu-central-1/1: 250 leaves, 240 under the checkpoint
          checkpoint   holds    1 signature lines, 240 leaves covered
          history      skipped
              note: no earlier checkpoint to compare with
          segments     holds    2 segments, 250 leaves
              note: 10 leaves are newer than the checkpoint and not yet covered by it
          tree         holds    240 leaves
          tiles        holds    1 tiles, 1 entry bundles
          retention    skipped
              note: nothing was pruned
          leaves       holds    250 well formed
              note: newest leaf is of 1790000240 (Unix seconds)
          sessions     holds    0 closed, 3 open
          calls        holds    121 decisions, 121 outcomes, 0 orphans, 0 one way
          heartbeats   holds    1 runs, 4 heartbeats, 0 gaps stated
          approvals    holds    0 requests, 0 votes, 0 used, 0 ended otherwise, 0 open
          witnesses    skipped  0 cosignatures
              note: the trust file asks for no witness
          time         skipped  0 time stamps, 0 checkpoints with a time
              note: no time of a trusted witness or time stamp authority
          book         skipped  0 checkpoints seen before
              note: no book of checkpoints was given
          blobs        holds    121 whole
          disclosures  skipped
              note: no keys at hand
          slots        holds    0 erased, 121 others
              note: there is no key store beside the log: what is missing cannot be told from what is there
        the log holds
    "#]]
    .assert_eq(&report.to_text());
    assert!(report.holds());
}

#[test]
fn damage_to_files() {
    let cases: Vec<(&str, Files, Expect)> = vec![
        (
            "leaf byte",
            with(|f| flip(f, FIRST, "call.outcome")),
            expect![[r#"
            segments: leaf-altered at 5: in 00000000000000000000.seg at byte 2277
            tree: leaf-altered at 5: differs from tile/entries/000
            tree: leaf-altered at 5: differs from tile/0/000
            tree: root-mismatch: the leaves give another root than the checkpoint's
            tiles: tile-altered: tile/1/000.p/1
            leaves: leaf-malformed at 5: leaf is of a type that is not on the list
            sessions: session-counter-gap at 8: number 3 where 2 is due
            calls: decision-without-outcome at 4: its session was closed at 289
        "#]],
        ),
        (
            "blob byte",
            with(|f| flip(f, FIRST, "sealed 1790000002")),
            expect![[r#"
            blobs: blob-altered at 6: blob 0 has another hash than the leaf states
        "#]],
        ),
        (
            "entry header",
            with(|f| flip(f, FIRST, "CARE")),
            expect![[r#"
            segments: segment-corrupt at 0: 00000000000000000000.seg at byte 32
        "#]],
        ),
        (
            "segment header",
            with(|f| flip(f, SECOND, "CARNETSG")),
            expect![[r#"
            segments: segment-corrupt at 146: 00000000000000000146.seg: segment header is damaged
        "#]],
        ),
        (
            "segment gone",
            with(|f| drop(f.0.remove(FIRST))),
            expect![[r#"
            segments: segment-missing at 0: 00000000000000000146.seg follows leaf 0: a segment between them is not there
        "#]],
        ),
        (
            "last segment gone",
            with(|f| drop(f.0.remove(SECOND))),
            expect![[r#"
            segments: truncated at 146: the checkpoint covers 292 leaves, 146 are there
        "#]],
        ),
        (
            "segment cut",
            with(|f| f.0.get_mut(SECOND).unwrap().truncate(9_000)),
            expect![[r#"
            segments: segment-torn at 162: 00000000000000000146.seg at byte 8704
        "#]],
        ),
        (
            "segments swapped",
            with(swap_segments),
            expect![[r#"
            segments: segment-corrupt at 146: 00000000000000000000.seg holds leaves from 146
        "#]],
        ),
        (
            "checkpoint gone",
            with(|f| drop(f.0.remove("checkpoint"))),
            expect![[r#"
            checkpoint: checkpoint-missing: there is no file checkpoint
        "#]],
        ),
        (
            "checkpoint size",
            with(|f| flip(f, "checkpoint", "\n292\n")),
            expect![[r#"
            checkpoint: checkpoint-malformed: not a signed note
        "#]],
        ),
        (
            "checkpoint root",
            with(change_root),
            expect![[r#"
            tree: root-mismatch: the leaves give another root than the checkpoint's
        "#]],
        ),
        (
            "checkpoint of another key",
            with(|f| sign_by(f, ORIGIN, 7)),
            expect![[r#"
            checkpoint: checkpoint-signature: note is not signed by this key
        "#]],
        ),
        (
            "checkpoint of another log",
            with(|f| sign_by(f, "other.example/log", 7)),
            expect![[r#"
            checkpoint: checkpoint-signature: note is not signed by this key
        "#]],
        ),
        (
            "checkpoint with another origin",
            with(other_origin),
            expect![[r#"
            checkpoint: checkpoint-origin: checkpoint is of another origin than the key
        "#]],
        ),
        (
            "tile byte",
            with(|f| f.0.get_mut("tile/0/000").unwrap()[32 * 17] ^= 1),
            expect![[r#"
            tiles: tile-altered at 17: tile/0/000
        "#]],
        ),
        (
            "upper tile byte",
            with(|f| f.0.get_mut("tile/1/000.p/1").unwrap()[3] ^= 1),
            expect![[r#"
            tiles: tile-altered: tile/1/000.p/1
        "#]],
        ),
        (
            "tile gone",
            with(|f| drop(f.0.remove("tile/0/000"))),
            expect![[r#"
            tiles: tile-missing: tile/0/000 is not there
        "#]],
        ),
        (
            "bundle byte",
            with(|f| flip(f, "tile/entries/000", "session.open")),
            expect![[r#"
            tiles: bundle-altered at 2: tile/entries/000
        "#]],
        ),
        (
            "bundle gone",
            with(|f| drop(f.0.remove("tile/entries/000"))),
            expect![[r#"
            tiles: bundle-missing: tile/entries/000 is not there
        "#]],
        ),
        (
            "nothing there",
            Files::default(),
            expect![[r#"
            checkpoint: checkpoint-missing: there is no file checkpoint
        "#]],
        ),
    ];
    for (name, files, want) in cases {
        eprintln!("case: {name}");
        check(&files, &want);
    }
}

fn swap_segments(files: &mut Files) {
    let (a, b) = (files.0.remove(FIRST).unwrap(), files.0.remove(SECOND).unwrap());
    files.0.insert(FIRST.into(), b);
    files.0.insert(SECOND.into(), a);
}

fn change_root(files: &mut Files) {
    let signed = Checkpoint::new(ORIGIN, 292, [5; 32]).sign(&signer()).unwrap();
    files.0.insert("checkpoint".into(), signed.to_text().into_bytes());
}

fn sign_by(files: &mut Files, name: &str, seed: u8) {
    let signer = Signer::new(name, &[seed; 32]).unwrap();
    let note = Checkpoint::new(name, 292, [5; 32]).sign(&signer).unwrap();
    files.0.insert("checkpoint".into(), note.to_text().into_bytes());
}

fn other_origin(files: &mut Files) {
    let text = Checkpoint::new("other.example/log", 292, [5; 32]).to_text();
    files.0.insert("checkpoint".into(), signer().sign(&text).unwrap().to_text().into_bytes());
}

/// Segment and bundle rewritten with valid checks, by one who has no key: the tiles or the root tell.
#[test]
fn rewriting_without_the_key() {
    let rewritten = |keep: &[&str]| {
        let forged = rebuilt(|log| {
            let at = log.entries.len() - 1;
            let text = String::from_utf8(log.entries[at].leaf.clone()).unwrap();
            log.entries[at].leaf = text.replace("asked", "crash").into_bytes();
        });
        with(|f| {
            for (path, bytes) in forged.0 {
                if path != "checkpoint" && !keep.iter().any(|k| path.starts_with(k)) {
                    f.0.insert(path, bytes);
                }
            }
        })
    };
    check(
        &rewritten(&["tile/"]),
        &expect![[r#"
        tree: leaf-altered at 291: differs from tile/entries/001.p/36
        tree: leaf-altered at 291: differs from tile/0/001.p/36
        tree: root-mismatch: the leaves give another root than the checkpoint's
    "#]],
    );
    check(
        &rewritten(&["tile/0/"]),
        &expect![[r#"
        tree: leaf-altered at 291: differs from tile/0/001.p/36
        tree: root-mismatch: the leaves give another root than the checkpoint's
    "#]],
    );
    check(
        &rewritten(&[]),
        &expect![[r#"
        tree: root-mismatch: the leaves give another root than the checkpoint's
    "#]],
    );
}

#[test]
fn cheating_with_the_key() {
    let cases: Vec<(&str, Files, Expect)> = vec![
        (
            "leaf left out",
            rebuilt(|l| drop(l.entries.remove(9))),
            expect![[r#"
            sessions: session-counter-gap at 11: number 5 where 4 is due
            calls: outcome-without-decision at 10: 10 is no unanswered decision of this session
            calls: outcome-without-decision at 12: 12 is no unanswered decision of this session
            calls: outcome-without-decision at 14: 14 is no unanswered decision of this session
            calls: and 272 more
        "#]],
        ),
        (
            "leaves swapped",
            rebuilt(|l| l.entries.swap(8, 10)),
            expect![[r#"
            sessions: session-counter-gap at 9: number 4 where 3 is due
            sessions: session-counter-gap at 10: number 3 where 5 is due
            sessions: session-counter-gap at 12: number 5 where 4 is due
            calls: outcome-without-decision at 9: 8 is no unanswered decision of this session
            calls: outcome-without-decision at 11: 10 is no unanswered decision of this session
            calls: decision-without-outcome at 10: its session was closed at 289
            calls: and 1 more
        "#]],
        ),
        (
            "leaf twice",
            rebuilt(|l| l.entries.insert(10, l.entries[9].clone())),
            expect![[r#"
            sessions: session-counter-gap at 10: number 4 where 5 is due
            calls: outcome-without-decision at 10: 8 is no unanswered decision of this session
            calls: outcome-without-decision at 12: 10 is no unanswered decision of this session
            calls: outcome-without-decision at 14: 12 is no unanswered decision of this session
            calls: and 272 more
        "#]],
        ),
        (
            "no genesis",
            rebuilt(|l| drop(l.entries.remove(0))),
            expect![[r#"
            leaves: genesis-missing at 0: the first leaf is no genesis
            sessions: session-counter-gap at 0: number 1 where 0 is due
            calls: outcome-without-decision at 4: 4 is no unanswered decision of this session
            calls: outcome-without-decision at 6: 6 is no unanswered decision of this session
            calls: outcome-without-decision at 8: 8 is no unanswered decision of this session
            calls: and 277 more
        "#]],
        ),
        (
            "not a leaf",
            rebuilt(|l| l.entries[20].leaf = b"{}".to_vec()),
            expect![[r#"
            leaves: leaf-malformed at 20: leaf member `v` is missing or has a wrong shape
            sessions: session-counter-gap at 21: number 10 where 9 is due
            sessions: session-count-wrong at 289: states 71 calls, there are 70
            calls: outcome-without-decision at 21: 20 is no unanswered decision of this session
        "#]],
        ),
        (
            "link replaced",
            rebuilt(break_link),
            expect![[r#"
            sessions: session-link-broken at 291: `ps` is not the hash of the leaf before
        "#]],
        ),
        (
            "blob left out",
            rebuilt(|l| l.entries[4].blobs.clear()),
            expect![[r#"
            blobs: blob-missing at 4: blob 0
        "#]],
        ),
        (
            "blob put in",
            rebuilt(|l| l.entries[5].blobs.push(b"more".to_vec())),
            expect![[r#"
            blobs: blob-unreferenced at 5: blob 0
        "#]],
        ),
        (
            "blob replaced",
            rebuilt(|l| l.entries[4].blobs[0] = b"other".to_vec()),
            expect![[r#"
            blobs: blob-altered at 4: blob 0 has another hash than the leaf states
        "#]],
        ),
    ];
    for (name, files, want) in cases {
        eprintln!("case: {name}");
        check(&files, &want);
    }
}

fn break_link(log: &mut Log) {
    // The last leaf of its session, so that nothing else breaks.
    let at = log.entries.len() - 1;
    let text = String::from_utf8(log.entries[at].leaf.clone()).unwrap();
    let (before, after) = text.split_once("\"ps\":\"").unwrap();
    let first = if after.starts_with('A') { "B" } else { "A" };
    log.entries[at].leaf = format!("{before}\"ps\":\"{first}{}", &after[1..]).into_bytes();
}

/// A log by a gateway that misbehaves: built from drafts, each case after genesis, start and an open session.
fn misbehaving(more: impl FnOnce(&mut Log)) -> Files {
    let mut log = Log::default();
    log.add(Draft::genesis(T0, RUN, epochs(), &signer().verifier().to_text(), "eu-central-1", "configured"));
    log.add(Draft::gateway_start(T0, RUN, epochs(), 60, "0.1.0"));
    log.add(Draft::session_open(T0, session(1), epochs()));
    more(&mut log);
    log.files(log.entries.len() as u64)
}

fn call(log: &mut Log, at: u64) -> u64 {
    let (draft, blobs) = decision(session(1), at);
    log.add_with(draft, blobs)
}

fn restart(log: &mut Log, at: u64) {
    log.add(Draft::gateway_start(at, [0xdd; 16], epochs(), 60, "0.1.0"));
}

#[test]
fn a_gateway_that_misbehaves() {
    let cases: Vec<(&str, Files, Expect)> = vec![
        (
            "call under way",
            misbehaving(|l| {
                call(l, T0);
            }),
            expect![[""]],
        ),
        (
            "close with an open call",
            misbehaving(|l| {
                call(l, T0);
                l.add(Draft::session_close(T0, session(1), epochs(), Some(1), "idle"));
            }),
            expect![[r#"
                calls: decision-without-outcome at 3: its session was closed at 4
            "#]],
        ),
        (
            "restart with an open call",
            misbehaving(|l| {
                call(l, T0);
                restart(l, T0 + 1);
            }),
            expect![[r#"
                calls: decision-without-outcome at 3: the gateway has started again since
            "#]],
        ),
        (
            "stop with an open call",
            misbehaving(|l| {
                call(l, T0);
                l.add(Draft::gateway_stop(T0, RUN, epochs(), "asked"));
            }),
            expect![[r#"
                calls: decision-without-outcome at 3: the gateway has stopped since
            "#]],
        ),
        (
            "restart with an orphan",
            misbehaving(|l| {
                let of = call(l, T0);
                restart(l, T0 + 1);
                l.add(Draft::orphan(T0 + 1, session(1), epochs(), of, "crash"));
            }),
            expect![[""]],
        ),
        (
            "outcome of nothing",
            misbehaving(|l| {
                l.add(outcome(session(1), T0, 2));
            }),
            expect![[r#"
            calls: outcome-without-decision at 3: 2 is no unanswered decision of this session
        "#]],
        ),
        (
            "outcome of another session",
            misbehaving(|l| {
                let of = call(l, T0);
                l.add(outcome(session(2), T0, of));
            }),
            expect![[r#"
                calls: outcome-without-decision at 4: 3 is no unanswered decision of this session
            "#]],
        ),
        (
            "two outcomes",
            misbehaving(|l| {
                let of = call(l, T0);
                l.add(outcome(session(1), T0, of));
                l.add(outcome(session(1), T0, of));
            }),
            expect![[r#"
                calls: outcome-without-decision at 5: 3 is no unanswered decision of this session
            "#]],
        ),
        (
            "wrong count",
            misbehaving(|l| {
                l.add(Draft::session_close(T0, session(1), epochs(), Some(3), "idle"));
            }),
            expect![[r#"
                sessions: session-count-wrong at 3: states 3 calls, there are 0
            "#]],
        ),
        (
            "silent between heartbeats",
            misbehaving(|l| {
                l.add(Draft::heartbeat(T0 + 121, RUN, epochs(), 60));
            }),
            expect![[r#"
                heartbeats: heartbeat-gap at 3: 121 s without a sign of life, 60 s promised, no gap stated
            "#]],
        ),
        (
            "silent and said so",
            misbehaving(|l| {
                l.add(Draft::gap(T0 + 500, RUN, epochs(), T0, T0 + 500, "suspended"));
                l.add(Draft::heartbeat(T0 + 500, RUN, epochs(), 60));
            }),
            expect![[""]],
        ),
        (
            "silent across a crash",
            misbehaving(|l| restart(l, T0 + 500)),
            expect![[r#"
            heartbeats: heartbeat-gap at 3: 500 s without a sign of life, 60 s promised, no gap stated
        "#]],
        ),
        (
            "crash, then a gap is stated",
            misbehaving(|l| {
                restart(l, T0 + 500);
                l.add(Draft::gap(T0 + 500, [0xdd; 16], epochs(), T0, T0 + 500, "crash"));
                l.add(Draft::heartbeat(T0 + 560, [0xdd; 16], epochs(), 60));
            }),
            expect![[""]],
        ),
        (
            "calls go on without heartbeats",
            misbehaving(|l| {
                let of = call(l, T0 + 300);
                l.add(outcome(session(1), T0 + 300, of));
            }),
            expect![[r#"
                heartbeats: heartbeat-gap at 3: 300 s without a sign of life, 60 s promised, no gap stated
            "#]],
        ),
        (
            "genesis of another key",
            {
                let mut log = Log::default();
                log.add(Draft::genesis(T0, RUN, epochs(), "other+00000000+AA", "eu-central-1", "configured"));
                log.files(1)
            },
            expect![[r#"
                leaves: genesis-key at 0: the genesis names another key than the one used here
            "#]],
        ),
    ];
    for (name, files, want) in cases {
        eprintln!("case: {name}");
        check(&files, &want);
    }
}

#[test]
fn against_an_earlier_checkpoint() {
    let log = sample();
    let all = log.entries.len() as u64;
    let checkpoint = |files: &Files| files.0.get("checkpoint").unwrap().clone();
    let (now, then) = (log.files(all), checkpoint(&log.files(100)));
    assert!(report_of(&now, Some(&then)).holds());
    assert!(report_of(&now, Some(&checkpoint(&now))).holds());

    let faults = |files: &Files, last: &[u8]| report_of(files, Some(last)).faults();
    let mut shorter = log.clone();
    shorter.entries.truncate(90);
    assert_eq!(faults(&shorter.files(90), &then), [Fault::RolledBack]);
    // Another history with the same key.
    let forked = misbehaving(|l| {
        (0..120).for_each(|_| {
            l.add(Draft::heartbeat(T0, RUN, epochs(), 60));
        })
    });
    assert_eq!(faults(&forked, &then), [Fault::Forked]);
    let other = Checkpoint::new(ORIGIN, all, [1; 32]).sign(&signer()).unwrap().to_text();
    assert_eq!(faults(&now, other.as_bytes()), [Fault::TwoCheckpoints]);
    assert_eq!(faults(&now, b"no note"), [Fault::CheckpointMalformed]);
    let foreign = Signer::new(ORIGIN, &[9; 32]).unwrap();
    let foreign = Checkpoint::new(ORIGIN, 100, [1; 32]).sign(&foreign).unwrap().to_text();
    assert_eq!(faults(&now, foreign.as_bytes()), [Fault::CheckpointSignature]);
}

/// A gateway that goes on while it is verified: the checkpoint is read, then everything is newer.
#[test]
fn a_log_that_moves_on_meanwhile_holds() {
    struct Moving {
        now: std::cell::Cell<usize>,
        stages: Vec<Files>,
    }
    impl super::LogSource for Moving {
        fn file(&self, path: &str) -> Result<Option<Vec<u8>>, super::SourceError> {
            let found = self.stages[self.now.get()].file(path);
            self.now.set((self.now.get() + 1).min(self.stages.len() - 1));
            found
        }
        fn segments(&self) -> Result<Vec<String>, super::SourceError> {
            self.stages[self.now.get()].segments()
        }
    }
    let log = sample();
    // A segment read while an entry before its end is not yet there, although a later group is.
    let mut half = log.files(292);
    half.0.get_mut(SECOND).unwrap()[1000..1100].fill(0);
    let then = log.files(120);
    let stages = vec![then.clone(), half.clone(), half, log.files(250), log.files(250)];
    let source = Moving { now: 0.into(), stages };
    let signer = signer();
    let report = verify(&source, &Options::new(Some(signer.verifier()), None)).unwrap();
    assert_eq!(named(&report), "");
    assert_eq!((report.size, report.leaves), (120, 292));
}

/// One flipped bit in any file under the checkpoint is found.
#[test]
fn no_flipped_bit_goes_unseen() {
    let whole = misbehaving(|l| {
        let of = call(l, T0);
        l.add(outcome(session(1), T0, of));
    });
    assert!(report_of(&whole, None).holds());
    for (path, bytes) in &whole.0 {
        // Padding of a segment, and the key's file, which is not read when a key is given.
        let used = bytes.iter().rposition(|b| *b != 0).map_or(0, |at| at + 1);
        for at in (0..used).filter(|_| path != "vkey") {
            let mut files = whole.clone();
            files.0.get_mut(path).unwrap()[at] ^= 1 << (at % 8);
            assert!(!report_of(&files, None).holds(), "{path} byte {at}");
        }
    }
}

#[test]
fn names_of_faults_are_unique_and_plain() {
    let mut names: Vec<&str> = Fault::ALL.iter().map(|f| f.as_str()).collect();
    assert!(names.iter().all(|n| n.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')));
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
}

#[test]
fn the_report_as_json_is_json() {
    let report = report_of(&with(|f| flip(f, FIRST, "call.outcome")), None);
    let value: serde_json::Value = serde_json::from_str(&report.to_json()).unwrap();
    assert_eq!(value["holds"], false);
    assert_eq!(value["steps"].as_array().unwrap().len(), report.steps.len());
}

/// Disclosures as the operator checks them, with the keys at hand.
#[cfg(feature = "seal")]
#[test]
fn disclosures_match_their_digests() {
    use crate::disclosure::Disclosures;
    use crate::leaf::LeafType;
    use crate::seal::{DataKey, Slot, SlotKey};

    let sealed = |forget: bool| {
        misbehaving(|l| {
            let mut set_entropy = |out: &mut [u8]| out.fill(3);
            let mut set = Disclosures::new(&mut set_entropy);
            set.add_str("tool", "crm.search");
            set.add_u64("time", 5);
            let mut done = set.finish();
            let key = SlotKey::of(&[&DataKey::new([1; 16], &[2; 32])]);
            let seal = |kind, clear| key.seal(ORIGIN, [9; 16], kind, clear).unwrap();
            let blobs = [seal(Slot::Disclosures, done.encoded), seal(Slot::Frames, b"{}".to_vec())];
            if forget {
                done.digests.pop();
                done.digests.remove(0);
                done.digests.remove(0);
            }
            let mut draft = Draft::new(LeafType::CallDecision, T0, session(1), epochs());
            draft.ow = true;
            draft.sd = done.digests;
            draft.bl = blobs.iter().map(|b| b.reference.clone()).collect();
            l.add_with(draft, blobs.into_iter().map(|b| b.bytes).collect());
        })
    };
    let signer = signer();
    let last_step = |files: &Files, key: Option<u8>| {
        let keys = |id: &[u8; 16]| key.map(|k| DataKey::new(*id, &[k; 32]));
        let options = Options { keys: Some(&keys), ..Options::new(Some(signer.verifier()), None) };
        let report = verify(files, &options).unwrap();
        let step = report.steps.iter().find(|s| s.name == "disclosures").unwrap().clone();
        (report.faults(), step.counts.iter().map(|(_, n)| *n).collect::<Vec<_>>())
    };
    // The third says how many there are.
    assert_eq!(last_step(&sealed(false), Some(2)), (vec![], vec![2, 3, 0]));
    assert_eq!(last_step(&sealed(false), None), (vec![], vec![0, 0, 2]));
    assert_eq!(last_step(&sealed(false), Some(3)).0, [Fault::DisclosureUnreadable]);
    assert_eq!(last_step(&sealed(true), Some(2)).0, [Fault::DisclosureUnreferenced]);
}

/// Logs written by earlier versions of this program verify for ever. `CARNET_WRITE_GOLDEN=1` writes a missing one.
#[test]
fn golden_logs_verify() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/carnet-1/log");
    let log = sample();
    let made = log.files(log.entries.len() as u64);
    if std::env::var_os("CARNET_WRITE_GOLDEN").is_some() && !folder.exists() {
        for (path, bytes) in &made.0 {
            std::fs::create_dir_all(folder.join(path).parent().unwrap()).unwrap();
            std::fs::write(folder.join(path), bytes).unwrap();
        }
    }
    let mut golden = Files::default();
    for path in made.0.keys() {
        golden.0.insert(path.clone(), std::fs::read(folder.join(path)).unwrap());
    }
    let report = report_of(&golden, None);
    assert!(report.holds(), "{}", report.to_text());
    assert_eq!(report.leaves, 292);
    // And what is written today is the same, byte for byte.
    assert_eq!(golden.0, made.0);
}
