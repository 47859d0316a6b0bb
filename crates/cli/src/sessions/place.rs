//! Where recordings are read from: the data folder of a configuration or one that is named, and the key of the cell.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use carnet_config::EvidenceConfig;
use carnet_evidence::LeafType;
use carnet_gateway::desk::Cases;
use carnet_gateway::load;
use carnet_store::{Disk, Index, Kek, LocalKek, Reader, RealDisk};
use zeroize::Zeroizing;

use super::keyring::KeyRing;

/// Which data folder.
#[derive(clap::Args, Debug, Clone)]
pub(crate) struct Place {
    /// The configuration, for its data folder and key. Default: carnet.yaml.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The data folder, instead of the configuration's.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
}

/// A data folder, ready to read.
pub(crate) struct Recordings {
    pub(crate) reader: Reader,
    pub(crate) keys: KeyRing,
    /// Origin of the log.
    pub(crate) origin: String,
    /// The data folder.
    pub(crate) data: PathBuf,
}

impl Recordings {
    /// Also what is restricted.
    pub(crate) fn with_restricted(mut self) -> Recordings {
        self.keys.restricted.clear();
        self
    }
}

impl Place {
    /// Opens the data folder for reading, with its index, which follows the log first.
    pub(crate) fn indexed(&self) -> anyhow::Result<(Recordings, Index)> {
        let default = (self.config.is_none() && self.data.is_none()).then(|| PathBuf::from("carnet.yaml"));
        let (mut data, mut evidence) = (self.data.clone(), None);
        if let Some(file) = self.config.as_ref().or(default.as_ref()) {
            let loaded = load::read_config(file).map_err(|errors| {
                anyhow::anyhow!("{}\n(or name a data folder with --data DIR)", errors.join("\n\n"))
            })?;
            evidence = Some(loaded.config.evidence);
            data = data.or(Some(loaded.config.data));
        }
        let data = data.unwrap_or_default();
        if !data.join("log").join("segments").is_dir() {
            anyhow::bail!("there are no recordings in {}: it has no log/segments", data.display());
        }
        let mut keys = KeyRing::open(&data, &*kek(&data, evidence.as_ref())?)?;
        let vkey = std::fs::read_to_string(data.join("log/vkey")).context("the log has no verifier key")?;
        let origin = vkey.split('+').next().unwrap_or_default().to_owned();
        let reader = Reader::new(Arc::new(RealDisk::new(&data)));
        let mut index = index(&data, &keys, &origin)?;
        index.follow(&reader, &keys.keys)?;
        let cases = Cases::of(&index.acts()?);
        keys.restricted = cases.open(LeafType::RestrictSet).flat_map(|c| c.keys.iter().copied()).collect();
        Ok((Recordings { reader, keys, origin, data }, index))
    }
}

/// The index of a data folder; of one that cannot be written to, one of its own that goes with the process.
fn index(data: &Path, keys: &KeyRing, origin: &str) -> anyhow::Result<Index> {
    let mac = keys.keys.mac()?;
    match Index::open(data, mac.clone(), origin) {
        Ok(index) => Ok(index),
        Err(_) => {
            let folder = tempfile::tempdir()?;
            // SQLite has the file open: what is removed now is gone when it is closed.
            Ok(Index::open(folder.path(), mac, origin)?)
        }
    }
}

/// The time of the newest record of a log.
pub(crate) fn newest(disk: &Arc<dyn Disk>) -> anyhow::Result<Option<u64>> {
    let mut newest = None;
    Reader::new(Arc::clone(disk)).read(0, &mut |stored| {
        newest = newest.max(Some(stored.leaf.draft.t));
        Ok(true)
    })?;
    Ok(newest)
}

/// The KEK: the configured one, else the one beside the log.
pub(crate) fn kek(data: &Path, evidence: Option<&EvidenceConfig>) -> anyhow::Result<Box<dyn Kek>> {
    let named = evidence.map(carnet_gateway::kek::of).transpose().map_err(anyhow::Error::msg)?.flatten();
    if let Some(kek) = named {
        return Ok(kek);
    }
    let file = data.join("keys").join("kek");
    let bytes = Zeroizing::new(std::fs::read(&file).map_err(|e| {
        anyhow::anyhow!(
            "{}: {}. The recordings are encrypted; if their key is elsewhere, name the configuration that \
             refers to it with --config FILE",
            file.display(),
            e.kind()
        )
    })?);
    let exactly: Option<&[u8; 32]> = bytes.as_slice().try_into().ok();
    let exactly = exactly.ok_or_else(|| anyhow::anyhow!("{} is not 32 bytes", file.display()))?;
    Ok(Box::new(LocalKek::new(exactly)?))
}
