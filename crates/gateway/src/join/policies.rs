//! Policies that come by the front, signed by the operator of all cells. They only forbid: what is permitted in a cell its
//! own policies say, so the stricter side wins. They are kept in the data folder, so that a cell which does not reach its
//! front goes on under the last valid ones.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use carnet_config::Config;
use carnet_tunnel::{Bundle, Policies, PublicKey};

use super::public_key;
use crate::gateway::Gateway;
use crate::load::PolicySource;
use crate::reload;

const FILE: &str = "front-policies.json";
/// Largest file that is read.
const MOST: u64 = 8 << 20;

fn path(data: &Path) -> PathBuf {
    data.join(FILE)
}

/// The policies kept from earlier, with their version; none and 0 where the configuration takes none.
///
/// # Errors
/// When there are some and they are not what the configured key signed, or would permit something.
pub fn kept(config: &Config) -> Result<(Vec<PolicySource>, u64), String> {
    let Some(key) = config.all_fronts().find_map(|f| f.policies.as_deref()) else {
        return Ok((Vec::new(), 0));
    };
    let path = path(&config.data);
    let text = match read(&path) {
        Ok(text) => text,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), 0)),
        Err(e) => return Err(format!("{}: {}", path.display(), e.kind())),
    };
    let named = |e: String| format!("{}: {e}", path.display());
    let bundle = Bundle::parse(&text).map_err(|e| named(e.to_string()))?;
    let policies = bundle.open(&public_key(key)?).map_err(|e| named(e.to_string()))?;
    let version = policies.version;
    Ok((sources(policies).map_err(named)?, version))
}

fn read(path: &Path) -> io::Result<String> {
    if std::fs::metadata(path)?.len() > MOST {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    std::fs::read_to_string(path)
}

/// As sources of the policy set. A policy that permits is refused with all others of its bundle.
fn sources(policies: Policies) -> Result<Vec<PolicySource>, String> {
    let version = policies.version;
    policies
        .policies
        .into_iter()
        .map(|file| match carnet_policy::only_forbids(&file.text) {
            true => Ok((format!("front/{version}/{}", file.name), file.text)),
            false => Err(format!("{}: distributed policies may only forbid", file.name)),
        })
        .collect()
}

/// Takes a bundle if it is newer than what is in force: kept first, then in force by a reload. What does not hold together
/// with the cell's own configuration is not taken, and the last valid one stays.
///
/// # Errors
/// Why it is not in force.
pub async fn take(gateway: &Arc<Gateway>, key: Option<&PublicKey>, bundle: &Bundle) -> Result<(), String> {
    let Some(key) = key else {
        return Err("this cell takes no policies: `front.policies` is not set".to_owned());
    };
    let policies = bundle.open(key).map_err(|e| e.to_string())?;
    let runtime = gateway.runtime.load_full();
    let version = policies.version;
    if version == runtime.distributed {
        return Ok(());
    }
    if version < runtime.distributed {
        return Err(format!("version {} is in force, this is {version}", runtime.distributed));
    }
    sources(policies)?;
    let path = path(&runtime.config.data);
    let before = read(&path).ok();
    write(&path, &bundle.to_text()).map_err(|e| format!("it could not be kept: {}", e.kind()))?;
    Box::pin(reload::reload(gateway, &reload::Cause::Front)).await;
    if gateway.runtime.load().distributed == version {
        return Ok(());
    }
    let restored = match before {
        Some(text) => write(&path, &text),
        None => std::fs::remove_file(&path),
    };
    restored.map_err(|e| format!("the last valid policies could not be kept: {}", e.kind()))?;
    // What is in force has not changed; this makes the state of the reload say so.
    Box::pin(reload::reload(gateway, &reload::Cause::Front)).await;
    Err("they do not hold together with the cell's own configuration; its log says why".to_owned())
}

/// Whole and durable, or not at all.
fn write(path: &Path, text: &str) -> io::Result<()> {
    use std::io::Write as _;
    let new = path.with_extension("new");
    let mut file = std::fs::File::create(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&new, path)?;
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::File::open(folder)?.sync_all()
}
