//! The golden packages, read and checked by programs that know nothing of Carnet: Python's zipfile, securesystemslib and
//! in-toto-attestation (manifest), scitt-cose (tree), sd-jwt (disclosures), Go's sumdb (notes, tiles, proofs), Debian's age; and by a
//! second verifier in Python, which was written from `docs/evidence-format.md` alone. Each check holds, and fails once what it checks
//! is damaged.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};
use carnet_tests::gateway::{ALLOW_ALL_MASKED, Setup, binary};
use carnet_tests::peers;
use carnet_tests::records;
use carnet_tests::upstream::Upstream;
use serde_json::Value;

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

fn python(script: &str, words: &[&Path]) -> Result<Output> {
    let mut command = Command::new(peers::folder()?.join("py/evidence/bin/python"));
    command.env("PYTHONDONTWRITEBYTECODE", "1").arg(peers::source(&format!("peers/clients/{script}")));
    Ok(command.args(words).output()?)
}

/// What the second verifier finds in each package.
pub(crate) fn second(key: &Path, packages: &[&Path]) -> Result<BTreeMap<String, BTreeSet<String>>> {
    let words: Vec<&Path> = [key].into_iter().chain(packages.iter().copied()).collect();
    let run = python("second.py", &words)?;
    let said = String::from_utf8_lossy(&run.stdout);
    let lines = said.lines().filter_map(|l| l.rsplit_once(':'));
    let found: BTreeMap<_, _> = lines
        .map(|(name, faults)| (name.to_owned(), faults.split_whitespace().map(str::to_owned).collect()))
        .collect();
    ensure!(found.len() == packages.len(), "{said}{}", String::from_utf8_lossy(&run.stderr));
    Ok(found)
}

/// What `carnet-verify` finds in one.
fn first(key: &Path, package: &Path) -> Result<BTreeSet<String>> {
    let run =
        Command::new(records::verifier()?).arg(package).arg("--trust").arg(key).arg("--json").output()?;
    let said: Value = serde_json::from_slice(&run.stdout)?;
    let steps = said["steps"].as_array().map(Vec::as_slice).unwrap_or_default();
    let findings = steps.iter().filter_map(|s| s["findings"].as_array()).flatten();
    Ok(findings.filter_map(|f| f["fault"].as_str()).map(str::to_owned).collect())
}

#[test]
fn a_second_verifier_written_from_the_page_alone_finds_the_same() -> Result<()> {
    let (key, folder) = (golden("log/vkey"), tempfile::tempdir()?);
    // The key of the golden log: whoever holds it signs whatever they changed.
    let seed = "2a".repeat(32);
    let forged = python("forge.py", &[golden("package.carnet").as_path(), Path::new(&seed), folder.path()])?;
    ensure!(forged.status.success(), "{}", String::from_utf8_lossy(&forged.stderr));
    let mut packages = vec![golden("package.carnet"), golden("package-later.carnet")];
    for entry in fs::read_dir(folder.path())? {
        packages.push(entry?.path());
    }
    ensure!(packages.len() > 20, "{packages:?}");
    let found = second(&key, &packages.iter().map(PathBuf::as_path).collect::<Vec<_>>())?;
    for (name, second) in found {
        let sound =
            ["/package.carnet", "/package-later.carnet", "/nothing.carnet"].iter().any(|n| name.ends_with(n));
        let mut first = first(&key, Path::new(&name))?;
        // Its policies are only a name: `carnet-verify` cannot decide by them.
        first.remove("state-unusable");
        ensure!(second.is_empty() == sound && first.is_empty() == sound, "{name}: {first:?}, {second:?}");
        ensure!(second.is_subset(&first), "{name}: {first:?}, {second:?}");
    }
    Ok(())
}

#[test]
fn a_second_verifier_misses_no_bit_of_what_is_recorded() -> Result<()> {
    let (package, seed, key) = (golden("package.carnet"), "2a".repeat(32), golden("log/vkey"));
    let words = [package.as_path(), Path::new(&seed), key.as_path(), Path::new("--bits"), Path::new("13")];
    let run = python("forge.py", &words)?;
    let said = [run.stdout, run.stderr].concat();
    ensure!(run.status.success(), "{}", String::from_utf8_lossy(&said));
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
    let found = second(&setup.data().join("log/vkey"), &[&folder.join("p.carnet")])?;
    ensure!(found.values().all(BTreeSet::is_empty), "{found:?}");
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
