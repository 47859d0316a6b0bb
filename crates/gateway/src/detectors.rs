//! From a configuration to detectors: one for all servers, and one for each server with masking of its own.

use std::collections::BTreeMap;
use std::sync::Arc;

use carnet_config::{AllowEntry, Config, FingerprintFile, ServerMasking};
use carnet_masking::{Allow, Country, Detector, DetectorOptions, Fingerprints, Names, Rule};
use carnet_model::ClassSet;

use crate::credentials::resolve;

/// What a configuration looks for.
#[derive(Debug)]
pub struct Detectors {
    /// In general.
    pub general: Detector,
    /// At servers with masking of their own, by name.
    pub servers: BTreeMap<Arc<str>, Detector>,
}

impl Detectors {
    /// Compiles rules and reads fingerprints.
    ///
    /// # Errors
    /// A sentence for each file of fingerprints that cannot be used.
    pub fn load(config: &Config) -> Result<Detectors, Vec<String>> {
        let (mut sets, mut errors) = (Vec::new(), Vec::new());
        for file in &config.masking.fingerprints {
            match fingerprints(file) {
                Ok(set) => sets.push(set),
                Err(e) => errors.push(format!("masking.fingerprints {}: {e}", file.name)),
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let own = config.servers.iter().filter(|s| !s.masking.is_empty());
        let server = |s: &carnet_config::ServerConfig| {
            Ok((s.name.clone(), detector(config, Some(&s.masking), &sets)?))
        };
        let general = detector(config, None, &sets).map_err(|e| vec![e])?;
        let servers: Result<_, String> = own.map(server).collect();
        Ok(Detectors { general, servers: servers.map_err(|e| vec![e])? })
    }
}

/// Reads a file of fingerprints.
///
/// # Errors
/// If the file or its key cannot be read or do not fit.
pub fn fingerprints(file: &FingerprintFile) -> Result<Fingerprints, String> {
    let bytes = std::fs::read(&file.file).map_err(|e| format!("{}: {}", file.file.display(), e.kind()))?;
    let key = resolve(&file.key).map_err(|e| e.to_string())?;
    Fingerprints::read(&bytes, key.expose().as_bytes(), &file.name, file.threshold)
        .map_err(|e| format!("{}: {e}", file.file.display()))
}

fn detector(
    config: &Config,
    server: Option<&ServerMasking>,
    fingerprints: &[Fingerprints],
) -> Result<Detector, String> {
    let general = &config.masking;
    let countries = server.and_then(|s| s.countries.as_ref()).unwrap_or(&general.countries);
    let disabled = [Some(&general.disable), server.map(|s| &s.disable)].into_iter().flatten();
    let allow = [Some(&general.allow), server.map(|s| &s.allow)].into_iter().flatten().flatten();
    // Reading the configuration compiled both, so this cannot fail.
    let rule = |r| Rule::new(r).map_err(|e| format!("masking.rules {}: {e}", r.name));
    let entry = |AllowEntry { spec, .. }: &_| Allow::new(spec).map_err(|e| format!("masking.allow: {e}"));
    Ok(Detector::new(&DetectorOptions {
        countries: countries.iter().filter_map(|r| Country::new(r.as_str())).collect(),
        disabled: disabled.clone().fold(ClassSet::EMPTY, |all, d| all.union(d.classes)),
        disabled_types: disabled.flat_map(|d| d.types.iter().cloned()).collect(),
        rules: general.rules.iter().map(rule).collect::<Result<_, _>>()?,
        allow: allow.map(entry).collect::<Result<_, _>>()?,
        fingerprints: fingerprints.to_vec(),
        classes: general.names.clone(),
        names: if general.names_in_text { Names::Light } else { Names::Keys },
        ..DetectorOptions::default()
    }))
}
