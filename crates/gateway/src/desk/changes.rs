//! What comes into force, as records with identity. Who asks for a reload over the control socket is named. The gateway does not see
//! who writes a file, or sends a signal: then the record names the user of the system whom the newest of the files belongs to,
//! and says that this is how it is known (`file-owner`).

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use carnet_evidence::{Draft, Epochs};

use super::{Clerk, Desk, Refused};
use crate::gateway::Gateway;
use crate::load::Runtime;
use crate::record::seconds;
use crate::reload::Cause;

/// The newest file: its owner and its name.
fn newest(files: impl Iterator<Item = PathBuf>) -> Option<(u32, String)> {
    let seen = files.filter_map(|file| {
        let meta = std::fs::metadata(&file).ok().filter(std::fs::Metadata::is_file)?;
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Some(((meta.mtime(), meta.mtime_nsec()), (meta.uid(), name)))
    });
    seen.max_by_key(|(time, _)| *time).map(|(_, found)| found)
}

/// The files that a runtime came from.
fn files(gateway: &Gateway, runtime: &Runtime) -> Vec<PathBuf> {
    let inside = |path: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect()
    };
    let mut all: Vec<PathBuf> = runtime.files.iter().chain(&gateway.file).cloned().collect();
    for policies in &runtime.config.policies {
        all.push(policies.clone());
        all.extend(inside(policies));
    }
    all
}

/// Who has changed something, as far as it is known, and what it came from.
fn clerk(gateway: &Gateway, runtime: &Runtime, cause: &Cause) -> (Clerk, Option<String>) {
    let newest = newest(files(gateway, runtime).into_iter());
    let what = match cause {
        Cause::Asked(_) => "carnet reload",
        Cause::Signal => "SIGHUP",
        Cause::Change => "a file has changed",
        Cause::Start => "found at the start",
        Cause::Front => return (Desk::itself(), Some("policies that the front distributes".to_owned())),
    };
    let detail =
        newest.as_ref().map(|(uid, name)| format!("{what}; the newest file is {name}, of uid:{uid}"));
    let clerk = match (cause, newest) {
        (Cause::Asked(clerk), _) => clerk.clone(),
        (_, Some((uid, _))) => Clerk { authenticated: "file-owner".to_owned(), ..Clerk::os(uid) },
        (_, None) => Desk::itself(),
    };
    (clerk, detail)
}

/// Records that something comes into force. Both records are durable before it does.
pub(crate) async fn activated(gateway: &Gateway, next: &Runtime, cause: &Cause) -> Result<(), Refused> {
    let epochs = next.gate.epochs;
    let (clerk, detail) = clerk(gateway, next, cause);
    let desk = Desk { recorder: &gateway.recorder, epochs, clerk: &clerk, config: Some(&next.config) };
    let run = gateway.recorder.run;
    let policies = Draft::policy_activate(seconds(), run, epochs, &epochs.policy, "active");
    desk.put(policies, detail.as_deref()).await?;
    let configuration = Draft::config_change(seconds(), run, epochs, &epochs.configuration, "active");
    desk.put(configuration, detail.as_deref()).await.map(drop)
}

/// Records that a change was refused. What was refused has no hash of its own where it could not be read: the one in force is named.
pub(crate) async fn refused(gateway: &Gateway, stays: &Runtime, cause: &Cause) -> Result<(), Refused> {
    let epochs = stays.gate.epochs;
    let (clerk, detail) = clerk(gateway, stays, cause);
    let desk = Desk { recorder: &gateway.recorder, epochs, clerk: &clerk, config: Some(&stays.config) };
    let draft =
        Draft::config_change(seconds(), gateway.recorder.run, epochs, &epochs.configuration, "refused");
    desk.put(draft, detail.as_deref()).await.map(drop)
}

/// At a start: what is in force may be other than when the log was written last.
pub(crate) async fn started(gateway: &Gateway, before: Option<Epochs>) -> Result<(), Refused> {
    let runtime = gateway.runtime.load_full();
    let now = runtime.gate.epochs;
    match before {
        Some(before) if (before.policy, before.configuration) != (now.policy, now.configuration) => {
            activated(gateway, &runtime, &Cause::Start).await
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_file_says_whose_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        std::fs::write(&one, "1").unwrap();
        std::fs::write(&two, "2").unwrap();
        let old = std::time::SystemTime::now() - std::time::Duration::from_secs(100);
        std::fs::File::options().append(true).open(&two).unwrap().set_modified(old).unwrap();
        let uid = std::fs::metadata(&one).unwrap().uid();
        let found = newest([one, two, folder.path().to_owned(), "nowhere".into()].into_iter());
        assert_eq!(found, Some((uid, "one".to_owned())));
        assert_eq!(newest(std::iter::empty()), None);
    }
}
