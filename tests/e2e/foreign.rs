//! The golden packages, read and checked by programs that know nothing of Carnet: Python's zipfile, securesystemslib and
//! in-toto-attestation (manifest), scitt-cose (tree), sd-jwt (disclosures). Each check holds, and fails once what it
//! checks is damaged.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};
use carnet_tests::peers;

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
