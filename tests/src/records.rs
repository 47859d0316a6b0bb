//! The log as the operator can read it: every record with its disclosures and its masked frame. And the auditor's check.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use carnet_evidence::LeafType;
use carnet_evidence::seal::{KeyRef, Slot};
use carnet_store::{Keys, Reader, RealDisk, Stored};
use serde_json::Value;

use crate::gateway::target_folder;

/// Where the test's gateways say that their logs come from.
const ORIGIN: &str = "carnet.local/test";

/// One record.
#[derive(Debug, Clone)]
pub struct Record {
    /// Index in the log.
    pub index: u64,
    /// What it records.
    pub ty: LeafType,
    /// The session.
    pub gs: [u8; 16],
    /// The decision it answers.
    pub of: Option<u64>,
    /// Nothing answers it.
    pub one_way: bool,
    /// Its disclosures.
    pub disclosed: BTreeMap<String, Value>,
    /// The masked message.
    pub frame: Option<String>,
}

impl Record {
    /// A disclosure that is a text.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        self.disclosed.get(name).and_then(Value::as_str).unwrap_or_default()
    }
}

/// Every record in a data folder, also one that is written to.
///
/// # Errors
/// When it cannot be read or a slot does not open.
pub fn read(data: &Path) -> Result<Vec<Record>> {
    let disk: Arc<dyn carnet_store::Disk> = Arc::new(RealDisk::new(data));
    let keys = Keys::open(disk.clone(), None)?;
    let mut stored = Vec::new();
    Reader::new(disk).read(0, &mut |record| {
        stored.push(record);
        Ok(true)
    })?;
    stored.iter().map(|record| open(record, &keys)).collect()
}

fn open(stored: &Stored, keys: &Keys) -> Result<Record> {
    let draft = &stored.leaf.draft;
    let mut record = Record {
        index: stored.index,
        ty: draft.ty,
        gs: draft.gs,
        of: draft.of,
        one_way: draft.ow,
        disclosed: BTreeMap::new(),
        frame: None,
    };
    for (reference, clear) in draft.bl.iter().zip(stored.unseal(ORIGIN, keys)?) {
        let clear = clear.context("a key is missing")?;
        match KeyRef::parse(&reference.k)?.kind {
            Slot::Frames => record.frame = Some(String::from_utf8(clear)?),
            Slot::Disclosures => {
                for encoded in carnet_evidence::disclosure::split(&clear).context("disclosures")? {
                    let one = carnet_evidence::disclosure::decode(&encoded).context("a disclosure")?;
                    record.disclosed.insert(one.name, serde_json::from_slice(&one.value)?);
                }
            }
        }
    }
    Ok(record)
}

/// The clear part of every record, as text.
///
/// # Errors
/// When it cannot be read.
pub fn clear(data: &Path) -> Result<Vec<String>> {
    let disk: Arc<dyn carnet_store::Disk> = Arc::new(RealDisk::new(data));
    let mut all = Vec::new();
    Reader::new(disk).read(0, &mut |record| {
        all.push(format!("{} {:?}", record.leaf.draft.ty.as_str(), record.leaf));
        Ok(true)
    })?;
    Ok(all)
}

/// The auditor's binary: `CARNET_VERIFY_BIN`, or the one beside the gateway's, built now if it is not there.
///
/// # Errors
/// When it does not build.
pub fn verifier() -> Result<PathBuf> {
    if let Some(file) = std::env::var_os("CARNET_VERIFY_BIN") {
        return Ok(PathBuf::from(file));
    }
    let file = target_folder()?.join("carnet-verify");
    if !file.is_file() {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut build = Command::new(cargo);
        build.current_dir(env!("CARGO_MANIFEST_DIR")).args(["build", "--quiet", "-p", "carnet-verify"]);
        anyhow::ensure!(build.status()?.success(), "the verifier does not build");
    }
    Ok(file)
}

/// Lets the auditor's binary check a data folder.
///
/// # Errors
/// When anything does not hold: with what it printed.
pub fn verify(data: &Path) -> Result<String> {
    let run = Command::new(verifier()?).arg(data).output()?;
    let said = String::from_utf8_lossy(&run.stdout).into_owned();
    if !run.status.success() {
        bail!("carnet-verify: {}\n{said}{}", run.status, String::from_utf8_lossy(&run.stderr));
    }
    Ok(said)
}
