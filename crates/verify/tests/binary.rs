//! The binary as an auditor runs it, over the golden log: its answer, its exit status, and no trust in the log's own key.

#![allow(clippy::unwrap_used, reason = "a test may stop at anything odd")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../evidence/testdata/carnet-1")
}

fn run(arguments: &[&Path]) -> (i32, String) {
    let Output { status, stdout, stderr } =
        Command::new(env!("CARGO_BIN_EXE_carnet-verify")).args(arguments).output().unwrap();
    let text = String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap();
    (status.code().unwrap(), text)
}

/// A copy of the golden log that may be damaged, removed when dropped.
struct Copy(PathBuf);

impl Copy {
    fn new(name: &str) -> Copy {
        let to = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        copy(&golden(), &to);
        Copy(to)
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

#[test]
fn a_sound_log_ends_with_0() {
    let key = golden().join("log/vkey");
    for folder in [golden(), golden().join("log")] {
        let (status, text) = run(&[&folder, Path::new("--key"), &key]);
        assert_eq!((status, text.lines().last()), (0, Some("the log holds")), "{text}");
        assert!(!text.contains("log's own"), "{text}");
    }
    let (status, text) = run(&[&golden()]);
    assert!(status == 0 && text.contains("the key is the log's own"), "{text}");
    let checkpoint = golden().join("log/checkpoint");
    let (status, text) = run(&[&golden(), Path::new("--last-checkpoint"), &checkpoint, Path::new("--json")]);
    assert!(
        status == 0
            && text.starts_with("{\"format\":\"carnet-verify/1\",\"subject\":\"log\",\"holds\":true,"),
        "{text}"
    );
}

#[test]
fn damage_ends_with_1_and_is_named() {
    let log = Copy::new("damage");
    let path = log.0.join("log/segments/00000000000000000000.seg");
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.windows(7).position(|w| w == b"outcome").unwrap();
    bytes[at] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let (status, text) = run(&[&log.0]);
    assert!(
        status == 1 && text.contains("leaf-altered at 5") && text.ends_with("THE LOG DOES NOT HOLD\n"),
        "{text}"
    );
}

#[test]
fn another_key_ends_with_1() {
    let other = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";
    let (status, text) = run(&[&golden(), Path::new("--key"), Path::new(other)]);
    assert!(status == 1 && text.contains("checkpoint-signature"), "{text}");
}

#[test]
fn what_cannot_be_checked_ends_with_2() {
    let nowhere = golden().join("nowhere");
    for arguments in [vec![nowhere.as_path()], vec![], vec![Path::new("--frob")]] {
        assert_eq!(run(&arguments).0, 2);
    }
    let key = golden().join("log/checkpoint");
    let (status, text) = run(&[&golden(), Path::new("--key"), &key]);
    assert!(status == 2 && text.contains("holds no verifier key"), "{text}");
}

/// A package that a gateway made, with policies that are decided again. What verified once verifies for ever.
#[test]
fn a_package_of_a_gateway_holds() {
    let made = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/carnet-1");
    let (status, text) = run(&[&made.join("demo.carnet"), Path::new("--trust"), &made.join("demo.vkey")]);
    assert_eq!(status, 0, "{text}");
    assert!(text.contains("10 decided again"), "{text}");
}
