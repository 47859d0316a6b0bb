//! What a verifier later needs to know of a configuration and a build. Records name these texts by hash; the store keeps
//! them in full.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use carnet_config::{Activity, Config, Processing, ServerConfig};
use carnet_json::quote;
use carnet_model::{DataClass, Transform};
use carnet_store::{RealDisk, StoreError, keep_state};
use sha2::{Digest as _, Sha256};

use crate::load::Runtime;

/// Keeps the state of a runtime in the data folder. Nothing of it may be in force before.
///
/// # Errors
/// When it cannot be made durable.
pub(crate) fn keep(runtime: &Runtime) -> Result<(), StoreError> {
    let objects: Vec<&[u8]> = runtime.state.iter().map(Vec::as_slice).collect();
    keep_state(&RealDisk::new(&runtime.config.data), &objects)
}

/// The configuration in force as JSON: the whole as text, with secrets only as references, and the rules of masking as
/// members, because a verifier looks for what should have been masked.
pub(crate) fn configuration(config: &Config, addresses: Option<&[u8; 32]>) -> Vec<u8> {
    let hex = |hash: &[u8; 32]| hash.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let masking = &config.masking;
    let countries: Vec<String> = masking.countries.iter().map(|c| quote(c.as_str())).collect();
    let transforms = |all: &BTreeMap<DataClass, Transform>| {
        let one =
            |(class, how): (&DataClass, &Transform)| format!("{}:\"{}\"", quote(class.name()), how.name());
        all.iter().map(one).collect::<Vec<_>>().join(",")
    };
    format!(
        r#"{{{}"configuration":{},"format":"carnet-configuration/1","masking":{{"classes":{{{}}},"classes_in":{{{}}},"countries":[{}],"default":"{}","default_in":"{}","names_in_text":{}}}{},"retention":{{{}}},"servers":[{}]}}"#,
        addresses.map(|hash| format!("\"addresses\":\"{}\",", hex(hash))).unwrap_or_default(),
        quote(&config.canonical()),
        transforms(&masking.classes),
        transforms(&masking.classes_in),
        countries.join(","),
        masking.default.name(),
        masking.default_in.name(),
        masking.names_in_text,
        config.processing.as_ref().map(processing).unwrap_or_default(),
        retention(config),
        config.servers.iter().map(|s| server(config, s)).collect::<Vec<_>>().join(","),
    )
    .into_bytes()
}

/// How long records are kept that are no server's recordings, by class. What is kept for ever is not in it.
fn retention(config: &Config) -> String {
    let evidence = &config.evidence;
    let all = [
        ("acts", evidence.retention_acts),
        ("approvals", evidence.retention_approvals),
        ("general", evidence.retention),
    ];
    let days = |(name, keep): (&str, Option<std::time::Duration>)| {
        Some(format!("\"{name}\":\"{} days\"", keep?.as_secs() / 86_400))
    };
    all.into_iter().filter_map(days).collect::<Vec<_>>().join(",")
}

fn list(texts: &[String]) -> String {
    format!("[{}]", texts.iter().map(|t| quote(t)).collect::<Vec<_>>().join(","))
}

/// Members whose value is there, each with a comma before it.
fn members(all: &[(&str, Option<&str>)]) -> String {
    let some = all.iter().filter_map(|(name, value)| Some(format!(",\"{name}\":{}", quote((*value)?))));
    some.collect()
}

/// What reports declare of a server.
fn server(config: &Config, s: &ServerConfig) -> String {
    let keep = s.retention.or(config.evidence.retention).map(|d| format!("{} days", d.as_secs() / 86_400));
    let more = [
        ("purpose", s.purpose.as_deref()),
        ("legal_basis", s.legal_basis.as_deref()),
        ("region", Some(s.region.as_str())),
        ("keep", keep.as_deref()),
    ];
    format!("{{\"name\":{}{}}}", quote(&s.name), members(&more))
}

/// The member `processing`, for the records of processing.
fn processing(p: &Processing) -> String {
    let activities: Vec<String> = p.activities.iter().map(activity).collect();
    let more = [
        ("organisation", p.organisation.as_deref()),
        ("contact", p.contact.as_deref()),
        ("representative", p.representative.as_deref()),
        ("officer", p.officer.as_deref()),
        ("authority", p.authority.as_deref()),
    ];
    format!(
        r#","processing":{{"role":"{}","measures":{},"activities":[{}]{}}}"#,
        if p.is_processor { "processor" } else { "controller" },
        list(&p.measures),
        activities.join(","),
        members(&more)
    )
}

fn activity(a: &Activity) -> String {
    let more = [
        ("legal_basis", a.legal_basis.as_deref()),
        ("mechanism", a.mechanism.as_deref()),
        ("keep", a.keep.as_deref()),
    ];
    let lists = [
        ("servers", &a.servers),
        ("purposes", &a.purposes),
        ("subjects", &a.subjects),
        ("classes", &a.classes),
        ("recipients", &a.recipients),
        ("countries", &a.countries),
        ("clients", &a.clients),
    ];
    let lists: String = lists.iter().map(|(name, texts)| format!(",\"{name}\":{}", list(texts))).collect();
    format!("{{\"name\":{}{lists}{}}}", quote(&a.name), members(&more))
}

/// Version and hash of the running binary.
pub(crate) fn build() -> &'static [u8] {
    static BUILD: OnceLock<Arc<[u8]>> = OnceLock::new();
    BUILD.get_or_init(|| {
        let binary = binary().unwrap_or_else(|| "unknown".to_owned());
        let version = env!("CARGO_PKG_VERSION");
        format!(r#"{{"binary":"{binary}","format":"carnet-build/1","version":"{version}"}}"#)
            .into_bytes()
            .into()
    })
}

/// SHA-256 of the file that runs, in hex. The link leads to it also after an update has replaced the name.
fn binary() -> Option<String> {
    let proc = Path::new("/proc/self/exe");
    let mut file = File::open(proc).or_else(|_| File::open(std::env::current_exe()?)).ok()?;
    let (mut sha, mut buffer) = (Sha256::new(), vec![0; 1 << 18]);
    loop {
        match file.read(&mut buffer).ok()? {
            0 => break,
            n => sha.update(buffer.get(..n)?),
        }
    }
    let hash: [u8; 32] = sha.finalize().into();
    Some(hash.iter().fold(String::new(), |mut out, b| {
        let _ = write!(out, "{b:02x}");
        out
    }))
}
