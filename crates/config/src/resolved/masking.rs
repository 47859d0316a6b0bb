//! What is looked for, what is never masked, and what replaces what may not be seen.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use carnet_masking::{AllowSpec, RuleSpec};
use carnet_model::{ClassNames, ClassSet, DataClass, Region, Transform};

use super::{AnalyzerConfig, BinaryRule, SecretRef};

/// What happens to values that the policy does not reveal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MaskingConfig {
    /// For classes not named.
    pub default: Transform,
    /// By class.
    pub classes: BTreeMap<DataClass, Transform>,
    /// For classes not named, on the way to servers.
    pub default_in: Transform,
    /// By class, on the way to servers.
    pub classes_in: BTreeMap<DataClass, Transform>,
    /// Countries whose national numbers are masked on their check digits alone, lower-case ISO codes. Numbers of all
    /// others need a key or a word beside them.
    pub countries: Vec<Region>,
    /// Recognisers of one's own; each was compiled and its examples tried.
    pub rules: Vec<RuleSpec>,
    /// What one's own classes are called.
    pub names: ClassNames,
    /// Values that are never masked.
    pub allow: Vec<AllowEntry>,
    /// What is not looked for.
    pub disable: Disabled,
    /// Fingerprints of one's own code and documents.
    pub fingerprints: Vec<FingerprintFile>,
    /// What is kept of values that may come back.
    pub vault: VaultConfig,
    /// What happens with binary content; the first rule that speaks of it holds.
    pub binary: Vec<BinaryRule>,
    /// Who else is asked about free text.
    pub analyzers: Vec<AnalyzerConfig>,
    /// Names of people, places and organisations are looked for in running text too, not only under keys.
    pub names_in_text: bool,
}

/// A file of fingerprints, made by `carnet fingerprint`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FingerprintFile {
    /// What they were made from, for records.
    pub name: Arc<str>,
    /// The file.
    pub file: PathBuf,
    /// The key that they were made with.
    pub key: SecretRef,
    /// The share of a stretch of text, in percent, that has to be in it.
    pub threshold: u32,
}

/// Values that are never masked, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AllowEntry {
    /// Which.
    pub spec: AllowSpec,
    /// Why.
    pub reason: Arc<str>,
}

/// What is not looked for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Disabled {
    /// Classes.
    pub classes: ClassSet,
    /// Types of built-in recognisers, such as `DE_TAX_ID`.
    pub types: Vec<String>,
}

/// What differs for one server.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ServerMasking {
    /// In place of the general countries.
    pub countries: Option<Vec<Region>>,
    /// Besides what is disabled for all.
    pub disable: Disabled,
    /// Besides what is allowed for all.
    pub allow: Vec<AllowEntry>,
}

impl ServerMasking {
    /// Whether nothing differs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == ServerMasking::default()
    }
}

/// What is kept of values whose stand-ins may come back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VaultConfig {
    /// How long.
    pub keep: Duration,
    /// How many at once.
    pub entries: usize,
}
