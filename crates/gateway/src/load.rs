//! From a configuration file to a [`Runtime`]: everything that a reload replaces, made ready as a whole or not at all.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use carnet_approvals::{Requirement, Rule};
use carnet_config::{Config, Diagnostic, Loaded, LoadedFront, Source};
use carnet_gate::{AnalyzerFacts, ApprovalRules, BinaryAction, BinaryRule, Epochs, MaskingRules, Snapshot};
use carnet_masking::{Numbers, TokenKey, Transforms};
use carnet_model::Region;
use carnet_policy::{Holding, Options, PolicySet};
use carnet_residency::Jurisdictions;
use sha2::{Digest, Sha256};

use crate::analyzers::Analyzers;
use crate::detectors::Detectors;
use crate::identity::Identities;
use crate::limits::Rates;
use crate::observed::Observed;
use crate::residency;
use crate::servers::Server;
use crate::state;

/// A configuration in force. A call keeps the one it began with.
pub struct Runtime {
    /// The configuration.
    pub config: Config,
    /// What decisions depend on.
    pub gate: Snapshot,
    /// Who may call.
    pub identities: Arc<Identities>,
    /// The servers by name.
    pub servers: BTreeMap<Arc<str>, Arc<Server>>,
    /// Who else is asked about free text.
    pub analyzers: Analyzers,
    /// In which countries addresses are.
    pub observed: Option<Arc<Observed>>,
    /// Rate of one principal.
    pub per_principal: Option<Rates<[u8; 32]>>,
    /// Rate of one principal at one tool: principal, and a hash of server and tool.
    pub per_tool: Option<Rates<([u8; 32], u64)>>,
    /// What the hashes in `gate.epochs` are of. It is kept before any record names them.
    pub state: Vec<Vec<u8>>,
    /// Version of the policies that came by a front; 0: none.
    pub distributed: u64,
    /// Warnings, rendered.
    pub warnings: Vec<String>,
    /// Every file it was made from.
    pub files: Vec<PathBuf>,
}

/// A policy file: its name as shown, and its text.
pub type PolicySource = (String, String);

/// Reads the configuration file.
///
/// # Errors
/// Every mistake, rendered with its place.
pub fn read_config(path: &Path) -> Result<Loaded, Vec<String>> {
    read_file(path, carnet_config::load)
}

/// Reads the configuration file of a front.
///
/// # Errors
/// Every mistake, rendered with its place.
pub fn read_front(path: &Path) -> Result<LoadedFront, Vec<String>> {
    read_file(path, carnet_config::load_front)
}

fn read_file<T>(
    path: &Path,
    read: impl FnOnce(Source<'_>) -> Result<T, Vec<Diagnostic>>,
) -> Result<T, Vec<String>> {
    let text =
        std::fs::read_to_string(path).map_err(|e| vec![format!("{}: {}", path.display(), e.kind())])?;
    let environment: BTreeMap<String, String> = std::env::vars_os()
        .filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)))
        .collect();
    let file = path.display().to_string();
    let folder = carnet_config::folder_of(path);
    read(Source { file: &file, text: &text, folder, environment: &environment, now: unix_now() })
        .map_err(|all| all.iter().map(ToString::to_string).collect())
}

/// Reads all policy files of a configuration, sorted by name.
///
/// # Errors
/// A sentence for each file or folder that cannot be read.
pub fn read_policies(paths: &[PathBuf]) -> Result<(Vec<PolicySource>, Vec<PathBuf>), Vec<String>> {
    let (mut sources, mut files, mut errors) = (Vec::new(), Vec::new(), Vec::new());
    for path in paths {
        let found = if path.is_dir() { cedar_files(path) } else { Ok(vec![path.clone()]) };
        match found {
            Ok(found) => files.extend(found),
            Err(kind) => errors.push(format!("{}: {kind}", path.display())),
        }
    }
    for file in &files {
        match std::fs::read_to_string(file) {
            Ok(text) => sources.push((file.display().to_string(), text)),
            Err(e) => errors.push(format!("{}: {}", file.display(), e.kind())),
        }
    }
    if errors.is_empty() { Ok((sources, files)) } else { Err(errors) }
}

fn cedar_files(folder: &Path) -> Result<Vec<PathBuf>, std::io::ErrorKind> {
    let entries = std::fs::read_dir(folder).map_err(|e| e.kind())?;
    let mut files: Vec<_> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|e| e == "cedar"))
        .collect();
    files.sort();
    Ok(files)
}

/// Compiles the policies of a configuration.
///
/// # Errors
/// Every mistake, rendered with its place.
pub fn policies(
    config: &Config,
    table: &Jurisdictions,
    sources: &[PolicySource],
) -> Result<PolicySet, Vec<String>> {
    let sources: Vec<(&str, &str)> =
        sources.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let servers = config.servers.iter().map(|s| carnet_policy::ServerFacts {
        name: s.name.clone(),
        region: s.region.clone(),
        labels: s.labels.clone(),
        classes: s.classes,
    });
    let options = Options {
        servers: servers.collect(),
        zones: zones(config, table),
        cell_region: config.cell.region.clone(),
        custom_classes: config.masking.names.own().map(|(_, name)| name.clone()).collect(),
        ..Options::default()
    };
    let set = PolicySet::load(&sources, &options)
        .map_err(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    let mistakes: Vec<String> = set.holdings().iter().filter_map(mistake).collect();
    if mistakes.is_empty() { Ok(set) } else { Err(mistakes) }
}

/// What is wrong with how a policy asks for approvals.
fn mistake(holding: &Holding) -> Option<String> {
    let annotations = holding.terms.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
    let (policy, hold) = (holding.id.0.to_string(), holding.hold.to_string());
    Requirement::of(&[Rule { policy, hold, annotations }], 1, 1).err().map(|e| e.to_string())
}

/// The zones of every place: countries, regions, zones, and what the configuration names besides.
fn zones(config: &Config, table: &Jurisdictions) -> Vec<(Region, Vec<Region>)> {
    let mut regions: Vec<Region> = config.servers.iter().map(|s| s.region.clone()).collect();
    regions.extend(config.servers.iter().filter_map(|s| s.origin.clone()));
    regions.extend(config.residency.models.values().cloned());
    regions.extend(config.residency.zones.iter().flat_map(|(_, members)| members.iter().cloned()));
    regions.push(config.cell.region.clone());
    regions.extend(table.countries().map(|c| Region::new(c.as_str())));
    regions.extend(table.regions().map(|(name, _)| Region::new(name)));
    regions.extend(table.zones().map(Region::new));
    regions.sort();
    regions.dedup();
    let zones_of = |region: &Region| {
        let mut zones: Vec<Region> = table.zones_of(region).map(Region::new).collect();
        if let Some(country) = table.resolve(region) {
            zones.push(Region::new(country.as_str()));
        }
        zones.retain(|zone| zone != region);
        zones
    };
    regions.into_iter().map(|r| (r.clone(), zones_of(&r))).collect()
}

/// Makes a configuration ready. `previous` lends what did not change: servers with their connections, keys of issuers.
///
/// # Errors
/// Every mistake, rendered. Nothing of the previous runtime was touched then.
pub fn runtime(
    loaded: Loaded,
    sources: &[PolicySource],
    token_key: [u8; 32],
    previous: Option<&Runtime>,
) -> Result<Runtime, Vec<String>> {
    let Loaded { config, warnings, positions } = loaded;
    let mut errors = Vec::new();
    let (table, table_text) = residency::table(&config)?;
    let (front, distributed) = crate::join::policies::kept(&config).map_err(|e| vec![e])?;
    let sources = &[sources, &front].concat();
    let policies = policies(&config, &table, sources).map_err(|e| errors.extend(e));
    // What a cloud signed is looked at when the cell starts: it does not move while it runs, and what was signed ends soon.
    let cell_known = match previous.filter(|p| p.config.cell == config.cell) {
        Some(previous) => previous.gate.residency.cell_known,
        None => residency::cell(&config, &table).map_err(|e| vec![e])?.known,
    };
    let observed = config.residency.addresses.as_ref().map(|a| Observed::load(a, &table)).transpose();
    let observed = observed.map_err(|e| errors.push(e)).ok().flatten().map(Arc::new);
    if let Ok(policies) = &policies {
        errors.extend(residency::refused(&config, &positions, &table, policies));
    }
    let identities = match previous.filter(|p| p.config.identity == config.identity) {
        Some(previous) => Ok(previous.identities.clone()),
        None => Identities::load(&config.identity).map(Arc::new).map_err(|e| errors.extend(e)),
    };
    let analyzers = Analyzers::load(&config.masking.analyzers).map_err(|e| errors.extend(e));
    let detectors = Detectors::load(&config).map_err(|e| errors.extend(e));
    let mut servers = BTreeMap::new();
    for server in &config.servers {
        let kept = previous.and_then(|p| p.servers.get(&server.name)).filter(|s| s.config == *server);
        match kept.map_or_else(|| Server::load(server).map(Arc::new), |s| Ok(s.clone())) {
            Ok(ready) => drop(servers.insert(server.name.clone(), ready)),
            Err(e) => errors.push(format!("server {}: {e}", server.name)),
        }
    }
    let (Ok(policies), Ok(identities), true) = (policies, identities, errors.is_empty()) else {
        return Err(errors);
    };
    let (Ok(Detectors { general: detector, servers: server_detectors }), Ok(analyzers)) =
        (detectors, analyzers)
    else {
        return Err(errors);
    };
    let mut all_warnings: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    all_warnings.extend(policies.warnings().iter().map(ToString::to_string));
    let limits = carnet_json::Limits {
        bytes: usize::try_from(config.limits.request_body.max(config.limits.response_body))
            .unwrap_or(usize::MAX),
        ..carnet_json::Limits::default()
    };
    let configuration = state::configuration(&config, observed.as_ref().map(|o| o.hash()));
    let state = vec![
        policies.state().to_vec(),
        configuration.clone(),
        state::build().to_vec(),
        table_text.into_bytes(),
    ];
    // Nothing can fail any more.
    servers.values().for_each(|server| server.sight.watch(observed.as_ref()));
    let residency = residency::rules(&config, &table, cell_known);
    let gate = Snapshot {
        epochs: Epochs {
            policy: policies.hash(),
            configuration: Sha256::digest(&configuration).into(),
            build: Sha256::digest(state::build()).into(),
            jurisdiction: *table.hash(),
        },
        policies,
        detector,
        server_detectors,
        masking: masking(&config, token_key),
        cell_region: config.cell.region.clone(),
        approvals: ApprovalRules {
            expires: config.approvals.expires.as_secs().max(1),
            valid: config.approvals.valid.as_secs().max(1),
            labels: i64::try_from(config.approvals.labels.as_secs()).unwrap_or(i64::MAX).max(1),
            window: i64::try_from(config.approvals.window.as_secs()).unwrap_or(i64::MAX).max(1),
        },
        persons: config.evidence.persons,
        jurisdictions: table,
        residency,
        binary: config.masking.binary.iter().map(binary).collect(),
        analyzers: config.masking.analyzers.iter().map(analyzer).collect(),
        limits,
    };
    Ok(Runtime {
        per_principal: config.limits.per_principal.and_then(Rates::new),
        per_tool: config.limits.per_tool.and_then(Rates::new),
        analyzers,
        observed,
        gate,
        state,
        distributed,
        identities,
        servers,
        warnings: all_warnings,
        files: Vec::new(),
        config,
    })
}

/// Reads and prepares everything that a configuration file names.
///
/// # Errors
/// Every mistake, rendered.
pub fn from_file(
    path: &Path,
    token_key: [u8; 32],
    previous: Option<&Runtime>,
) -> Result<Runtime, Vec<String>> {
    let loaded = read_config(path)?;
    let (sources, mut files) = read_policies(&loaded.config.policies)?;
    let mut runtime = runtime(loaded, &sources, token_key, previous)?;
    files.push(path.to_owned());
    files.extend(runtime.config.residency.table.clone());
    files.extend(runtime.config.residency.addresses.as_ref().map(|a| a.file.clone()));
    files.extend(runtime.config.masking.fingerprints.iter().map(|f| f.file.clone()));
    runtime.files = files;
    Ok(runtime)
}

fn binary(rule: &carnet_config::BinaryRule) -> BinaryRule {
    let action = match rule.action {
        carnet_config::BinaryAction::Pass => BinaryAction::Pass,
        carnet_config::BinaryAction::Strip => BinaryAction::Strip,
        carnet_config::BinaryAction::Inspect => BinaryAction::Inspect,
        carnet_config::BinaryAction::Withhold => BinaryAction::Withhold,
    };
    BinaryRule { types: rule.types.clone(), size: rule.size, action, pictures: rule.pictures }
}

fn analyzer(config: &carnet_config::AnalyzerConfig) -> AnalyzerFacts {
    AnalyzerFacts {
        name: config.name.clone(),
        region: config.region.clone(),
        classes: config.classes,
        withhold: config.withhold,
    }
}

/// What a configuration does with what was found.
#[must_use]
pub fn masking(config: &Config, token_key: [u8; 32]) -> MaskingRules {
    let table = |default, classes: &BTreeMap<_, _>| {
        let mut transforms = Transforms::all(default);
        classes.iter().for_each(|(class, transform)| transforms.set(*class, *transform));
        transforms
    };
    let masking = &config.masking;
    let transforms = table(masking.default, &masking.classes);
    let transforms_in = table(masking.default_in, &masking.classes_in);
    MaskingRules { transforms, transforms_in, numbers: Numbers::default(), token_key: TokenKey(token_key) }
}

/// Seconds since 1970.
#[must_use]
pub fn unix_now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_secs())
}
