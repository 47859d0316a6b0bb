//! Reload of a front: on SIGHUP and when a file changes, the whole configuration anew or not at all. A cell that is taken out
//! of the file, or gets another certificate there, loses its connections at once; the others keep theirs.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError};

use carnet_config::{FrontConfig, SecretRef};

use super::Front;
use super::force::InForce;
use crate::load;
use crate::reload::on_change;

/// Reloads on SIGHUP and on changes until the front stops.
///
/// # Errors
/// When signals or files cannot be watched.
pub async fn watch(front: Arc<Front>) -> std::io::Result<()> {
    let stopping = front.stopping.subscribe();
    on_change(|| folders(&front), stopping, |_| async { reload(&front) }).await
}

/// The folders of all files of the configuration in force.
fn folders(front: &Front) -> Vec<PathBuf> {
    let force = front.force.load();
    let config = &force.config;
    let secret = |secret: &SecretRef| match secret {
        SecretRef::File(path) => Some(path.clone()),
        SecretRef::Env(_) => None,
    };
    let tls = config.listeners.iter().filter_map(|l| l.tls.as_ref()).chain([&config.tunnel_tls]);
    let tls = tls.flat_map(|tls| {
        [Some(tls.certificate.clone()), secret(&tls.key), tls.client_ca.clone()].into_iter().flatten()
    });
    let files = tls.chain(secret(&config.assertions)).chain(config.policies.clone());
    let files = files.chain(front.file.clone());
    files.filter_map(|file| file.parent().map(PathBuf::from)).collect()
}

/// Reads everything anew and swaps it in, or keeps what is there.
fn reload(front: &Front) {
    let Some(file) = &front.file else { return };
    let previous = front.force.load_full();
    let read = load::read_front(file).and_then(|loaded| {
        let kept = unchangeable(&previous.config, &loaded.config);
        if !kept.is_empty() {
            return Err(kept);
        }
        let warnings = loaded.warnings;
        InForce::load(loaded.config, Some(&previous)).map(|(force, tls)| (force, tls, warnings))
    });
    let mut said = front.reload_errors.lock().unwrap_or_else(PoisonError::into_inner);
    match read {
        Ok((force, tls, warnings)) => {
            let changed = force.config != previous.config || force.policies != previous.policies;
            front.force.store(Arc::new(force));
            for (slot, tls) in front.tls.iter().zip(tls.listeners) {
                slot.store(tls.map(Arc::new));
            }
            front.tunnel_tls.store(Arc::new(tls.tunnel));
            if changed || !said.is_empty() {
                warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
                tracing::info!("configuration reloaded");
            }
            said.clear();
            front.metrics.stale(false);
            front.changed.send_modify(|n| *n = n.wrapping_add(1));
        }
        // Any write in a watched folder leads here; the same mistakes are said once.
        Err(errors) if *said == errors => {}
        Err(errors) => {
            for error in &errors {
                tracing::error!("reload refused, the old configuration stays in force: {error}");
            }
            front.metrics.stale(true);
            *said = errors;
        }
    }
}

/// What only a restart can change.
fn unchangeable(old: &FrontConfig, new: &FrontConfig) -> Vec<String> {
    let addresses =
        |c: &FrontConfig| c.listeners.iter().map(|l| (l.address, l.tls.is_some())).collect::<Vec<_>>();
    let fixed = |c: &FrontConfig| {
        let l = &c.limits;
        (l.connections, l.concurrency, l.headers, l.header_timeout, c.drain)
    };
    let changes = [
        ("name", old.name != new.name),
        ("data", old.data != new.data),
        ("a listener's address", addresses(old) != addresses(new)),
        ("tunnel.address", old.tunnel != new.tunnel),
        ("telemetry", old.telemetry != new.telemetry),
        ("admin", old.admin != new.admin),
        ("drain, or of limits.connections, concurrency, headers or header_timeout", fixed(old) != fixed(new)),
    ];
    let changed = changes.into_iter().filter(|(_, changed)| *changed);
    changed.map(|(what, _)| format!("a change of {what} needs a restart")).collect()
}
