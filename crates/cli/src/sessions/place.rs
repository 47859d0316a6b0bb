//! Where recordings are read from: the data folder of a configuration or one that is named, and the key of the cell.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use carnet_config::SecretRef;
use carnet_gateway::credentials::resolve;
use carnet_gateway::load;
use carnet_store::{Reader, RealDisk};
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
}

impl Place {
    /// Opens the data folder for reading.
    pub(crate) fn open(&self) -> anyhow::Result<Recordings> {
        let default = (self.config.is_none() && self.data.is_none()).then(|| PathBuf::from("carnet.yaml"));
        let (mut data, mut reference) = (self.data.clone(), None);
        if let Some(file) = self.config.as_ref().or(default.as_ref()) {
            let loaded = load::read_config(file).map_err(|errors| {
                anyhow::anyhow!("{}\n(or name a data folder with --data DIR)", errors.join("\n\n"))
            })?;
            reference = loaded.config.evidence.kek;
            data = data.or(Some(loaded.config.data));
        }
        let data = data.unwrap_or_default();
        if !data.join("log").join("segments").is_dir() {
            anyhow::bail!("there are no recordings in {}: it has no log/segments", data.display());
        }
        let keys = KeyRing::open(&data, kek(&data, reference.as_ref())?)?;
        Ok(Recordings { reader: Reader::new(Arc::new(RealDisk::new(&data))), keys })
    }
}

/// The key of the cell: the configured one, else the one beside the log.
pub(crate) fn kek(data: &Path, reference: Option<&SecretRef>) -> anyhow::Result<Zeroizing<[u8; 32]>> {
    let Some(reference) = reference else {
        let file = data.join("keys").join("kek");
        let bytes = Zeroizing::new(std::fs::read(&file).map_err(|e| {
            anyhow::anyhow!(
                "{}: {}. The recordings are encrypted; if their key is elsewhere, name the configuration that \
                 refers to it with --config FILE",
                file.display(),
                e.kind()
            )
        })?);
        return exactly(&bytes).ok_or_else(|| anyhow::anyhow!("{} is not 32 bytes", file.display()));
    };
    let secret = resolve(reference)?;
    let text = secret.expose().trim();
    let bytes = Zeroizing::new(from_hex(text).unwrap_or_else(|| text.as_bytes().to_vec()));
    exactly(&bytes)
        .ok_or_else(|| anyhow::anyhow!("{reference}: the key of the cell is 32 bytes, or 64 hex digits"))
}

fn exactly(bytes: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
    bytes.try_into().ok().map(Zeroizing::new)
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    (0..32).map(|i| u8::from_str_radix(text.get(2 * i..2 * i + 2)?, 16).ok()).collect()
}
