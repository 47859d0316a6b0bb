//! The log read back: what was recorded, and whether it holds.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use carnet_evidence::verify::{LogSource, Options, Report, SourceError, verify};
use carnet_evidence::{LeafType, disclosure};
use carnet_store::{Disk, KeyStore, Keys, Reader, RealDisk};
use serde_json::Value;

/// How long the checkpoint may be behind.
const PATIENCE: Duration = Duration::from_secs(10);

/// A record, opened.
pub(super) struct Record {
    pub(super) index: u64,
    pub(super) ty: LeafType,
    /// What was disclosed, by name.
    disclosed: BTreeMap<String, Value>,
    /// Everything in it that can be read, to look for what must not be there.
    pub(super) readable: String,
}

impl Record {
    /// A disclosed text.
    pub(super) fn text(&self, name: &str) -> &str {
        self.disclosed.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// A disclosed list of texts.
    pub(super) fn list(&self, name: &str) -> Vec<&str> {
        let list = self.disclosed.get(name).and_then(Value::as_array);
        list.map(|l| l.iter().filter_map(Value::as_str).collect()).unwrap_or_default()
    }

    /// Who acted: `ana`, or `agent for ana`.
    pub(super) fn who(&self) -> String {
        let subject =
            |name: &str| self.disclosed.get(name).and_then(|v| v.get("subject")).and_then(Value::as_str);
        let person = subject("actor").unwrap_or_default();
        if subject("agent").is_some() { format!("agent for {person}") } else { person.to_owned() }
    }

    /// Masked values by class.
    pub(super) fn masked(&self) -> Vec<(&str, u64)> {
        let counts = self.disclosed.get("masking").and_then(Value::as_object);
        counts
            .map(|c| c.iter().filter_map(|(k, v)| Some((k.as_str(), v.as_u64()?))).collect())
            .unwrap_or_default()
    }
}

/// All records of a data folder, with the keys that lie beside them.
pub(super) fn records(data: &Path) -> anyhow::Result<Vec<Record>> {
    let disk: Arc<dyn Disk> = Arc::new(RealDisk::new(data));
    let keys = Keys::open(Arc::clone(&disk), None)?;
    let origin = origin(data)?;
    let mut stored = Vec::new();
    Reader::new(disk).read(0, &mut |record| {
        stored.push(record);
        Ok(true)
    })?;
    stored.iter().map(|s| open(s, &origin, &keys)).collect()
}

/// The log's name, from its verifier key: there from the start, as the first checkpoint is not.
fn origin(data: &Path) -> anyhow::Result<String> {
    let key = std::fs::read_to_string(data.join("log/vkey")).context("the log has no verifier key")?;
    Ok(key.split('+').next().unwrap_or_default().to_owned())
}

fn open(stored: &carnet_store::Stored, origin: &str, keys: &dyn KeyStore) -> anyhow::Result<Record> {
    let draft = &stored.leaf.draft;
    let mut disclosed = BTreeMap::new();
    let mut readable = String::new();
    for (reference, clear) in draft.bl.iter().zip(stored.unseal(origin, keys)?) {
        let clear = clear.context("a session key is not there")?;
        if !reference.k.ends_with("/d") {
            readable.push_str(&String::from_utf8_lossy(&clear));
            continue;
        }
        let encoded = disclosure::split(&clear).context("a record's disclosures cannot be read")?;
        for one in encoded.iter().filter_map(|one| disclosure::decode(one)) {
            readable.push_str(&String::from_utf8_lossy(&one.value));
            disclosed.insert(one.name, serde_json::from_slice(&one.value).unwrap_or_default());
        }
    }
    Ok(Record { index: stored.index, ty: draft.ty, disclosed, readable })
}

/// Verifies the log once its checkpoint covers so many records.
pub(super) async fn verified(data: &Path, records: u64) -> anyhow::Result<Report> {
    let until = tokio::time::Instant::now() + PATIENCE;
    loop {
        let report = check(data, &Copy::read(&data.join("log"))?)?;
        if report.size >= records {
            return Ok(report);
        }
        if tokio::time::Instant::now() >= until {
            bail!(
                "the checkpoint covers {} of {records} records after {} s",
                report.size,
                PATIENCE.as_secs()
            );
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Runs every step of the verification. `data` has the keys to open disclosures with.
pub(super) fn check(data: &Path, log: &Copy) -> anyhow::Result<Report> {
    let keys = Keys::open(Arc::new(RealDisk::new(data)), None)?;
    let lookup = |id: &[u8; 16]| keys.key(id).ok().flatten();
    let options = Options { keys: Some(&lookup), ..Options::new(None, None) };
    Ok(verify(log, &options)?)
}

/// A log, copied.
#[derive(Clone)]
pub(super) struct Copy {
    /// Bytes by path below `log/`.
    pub(super) files: BTreeMap<String, Vec<u8>>,
}

impl Copy {
    /// Reads a log folder. Checkpoint first: what it covers is then in what is read after it.
    pub(super) fn read(log: &Path) -> anyhow::Result<Copy> {
        let mut files = BTreeMap::new();
        if let Ok(checkpoint) = std::fs::read(log.join("checkpoint")) {
            files.insert("checkpoint".to_owned(), checkpoint);
        }
        collect(log, "", &mut files)?;
        Ok(Copy { files })
    }

    /// Writes it to a folder.
    pub(super) fn write(&self, log: &Path) -> anyhow::Result<()> {
        for (path, bytes) in &self.files {
            let path = log.join(path);
            std::fs::create_dir_all(path.parent().unwrap_or(log))?;
            std::fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(())
    }
}

fn collect(folder: &Path, below: &str, files: &mut BTreeMap<String, Vec<u8>>) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let path = format!("{below}{name}");
        // `state` and `spare.seg` are short cuts of the writer and no part of the log; files being replaced come and go.
        let passing =
            path == "state" || path == "spare.seg" || name.contains(".tmp") || files.contains_key(&path);
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &format!("{path}/"), files)?;
        } else if !passing && let Ok(mut bytes) = std::fs::read(entry.path()) {
            // Segments are laid out ahead with zeros.
            if name.ends_with(".seg") {
                let used = bytes.iter().rposition(|b| *b != 0).map_or(0, |last| last + 1);
                bytes.truncate(used);
            }
            files.insert(path, bytes);
        }
    }
    Ok(())
}

impl LogSource for Copy {
    fn file(&self, path: &str) -> Result<Option<Vec<u8>>, SourceError> {
        Ok(self.files.get(path).cloned())
    }

    fn segments(&self) -> Result<Vec<String>, SourceError> {
        Ok(self.files.keys().filter_map(|path| path.strip_prefix("segments/")).map(str::to_owned).collect())
    }
}
