//! The golden packages, read and checked by programs that know nothing of Carnet: Python's zipfile, securesystemslib and
//! in-toto-attestation (manifest), scitt-cose (tree), sd-jwt (disclosures), Go's sumdb (notes, tiles, proofs), Debian's age.
//! Each check holds, and fails once what it checks is damaged.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};
use carnet_tests::gateway::{ALLOW_ALL_MASKED, Setup, binary};
use carnet_tests::peers;
use carnet_tests::records;
use carnet_tests::upstream::Upstream;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/evidence/testdata/carnet-1").join(name)
}

/// What the checks print for a package, with one thing in it damaged or none.
fn checked(package: &Path, change: &str) -> Result<String> {
    let mut command = Command::new(peers::folder()?.join("py/evidence/bin/python"));
    let run = command.arg(peers::source("peers/clients/package.py")).arg(package).arg(change).output()?;
    let said = String::from_utf8_lossy(&run.stdout).trim().replace('\n', ", ");
    ensure!(!said.is_empty(), "{}", String::from_utf8_lossy(&run.stderr));
    ensure!(run.status.success() != said.contains("not "), "{said}: {}", run.status);
    Ok(said)
}

#[test]
fn foreign_programs_accept_a_package_and_refuse_a_damaged_one() -> Result<()> {
    let (whole, later) = (golden("package.carnet"), golden("package-later.carnet"));
    for (package, change, want) in [
        (&whole, "", "manifest, disclosures, inclusion"),
        (&later, "", "manifest, disclosures, consistency"),
        (&whole, "manifest", "not manifest: VerificationError, disclosures, inclusion"),
        (&whole, "file", "not manifest: AssertionError, disclosures, inclusion"),
        (&whole, "disclosure", "manifest, not disclosures: AssertionError, inclusion"),
        (&whole, "inclusion", "manifest, disclosures, not inclusion: AssertionError"),
        (&later, "consistency", "manifest, disclosures, not consistency: AssertionError"),
    ] {
        let said = checked(package, change)?;
        ensure!(said == want, "{} with {change:?} damaged: {said}", package.display());
    }
    Ok(())
}

/// The check of a log by Go's sumdb, `None` where it could not be built.
pub(crate) fn sumdb(log: &Path, witness: &str, change: &str) -> Result<Option<(bool, String)>> {
    let program = peers::folder()?.join("go/tlog");
    if !program.is_file() {
        eprintln!("skipped: Go's sumdb is not installed (apt-get install golang-go golang-golang-x-mod-dev)");
        return Ok(None);
    }
    let run = Command::new(program).arg(log).args([witness, change]).output()?;
    Ok(Some((run.status.success(), String::from_utf8_lossy(&run.stdout).trim().to_owned())))
}

#[test]
fn go_sumdb_accepts_a_log_and_refuses_a_damaged_one() -> Result<()> {
    let log = golden("log");
    let Some(said) = sumdb(&log, "", "")? else { return Ok(()) };
    ensure!(said == (true, "note, inclusion, consistency".to_owned()), "{said:?}");
    for change in ["checkpoint", "tile", "entry", "consistency"] {
        let said = sumdb(&log, "", change)?.context("as before")?;
        ensure!(!said.0 && said.1.starts_with("not:"), "{change}: {said:?}");
    }
    Ok(())
}

fn run(folder: &Path, program: &str, words: &[&str]) -> Result<Output> {
    Ok(Command::new(program).current_dir(folder).args(words).output()?)
}

#[test]
fn debian_age_decrypts_a_package_for_its_recipient_alone() -> Result<()> {
    let upstream = Upstream::echo()?;
    let setup = Setup::with_token(&upstream.server("light"), ALLOW_ALL_MASKED)?;
    let folder = setup.path();
    if run(folder, "age", &["--version"]).is_err() {
        eprintln!("skipped: age is not installed (apt-get install age)");
        return Ok(());
    }
    setup.start()?.process.terminate(std::time::Duration::from_secs(30))?;
    for name in ["key", "other"] {
        ensure!(run(folder, "age-keygen", &["-o", name])?.status.success(), "age-keygen");
    }
    let key = fs::read_to_string(folder.join("key"))?;
    let recipient =
        key.lines().find_map(|l| l.strip_prefix("# public key: ")).context("a recipient")?.to_owned();
    let data = setup.data().display().to_string();
    let program = binary()?.display().to_string();
    let export = ["evidence", "export", "--data", &data, "-o", "p.age", "--for", &recipient];
    let made = run(folder, &program, &export)?;
    ensure!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let opened = run(folder, "age", &["-d", "-i", "key", "-o", "p.carnet", "p.age"])?;
    ensure!(opened.status.success(), "{}", String::from_utf8_lossy(&opened.stderr));
    let checked = Command::new(records::verifier()?).arg(folder.join("p.carnet")).output()?;
    ensure!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
    ensure!(!run(folder, "age", &["-d", "-i", "other", "-o", "q", "p.age"])?.status.success(), "another key");
    let mut bytes = fs::read(folder.join("p.age"))?;
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(folder.join("p.age"), bytes)?;
    ensure!(
        !run(folder, "age", &["-d", "-i", "key", "-o", "r", "p.age"])?.status.success(),
        "a changed byte"
    );
    Ok(())
}
