//! The part of a configuration that decisions depend on. A call keeps the snapshot it began with.

use std::collections::BTreeMap;
use std::sync::Arc;

use carnet_json::Limits;
use carnet_masking::{Detector, Numbers, TokenKey, Transforms};
use carnet_model::{ClassSet, Region};
use carnet_policy::PolicySet;
use carnet_residency::Jurisdictions;

pub use carnet_evidence::Epochs;

use crate::crossing::ResidencyRules;

/// How values that may not be seen are replaced.
#[derive(Debug)]
pub struct MaskingRules {
    /// One transform for each class.
    pub transforms: Transforms,
    /// The same for what goes to servers.
    pub transforms_in: Transforms,
    /// What masked numbers become.
    pub numbers: Numbers,
    /// The tenant's key for tokens.
    pub token_key: TokenKey,
}

/// How long approvals are asked for and good for, where the policies that ask do not say. Seconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ApprovalRules {
    /// Until nobody's answer is a no.
    pub expires: u64,
    /// Until an approval that was not used is none.
    pub valid: u64,
    /// Over how long an actor's calls are counted.
    pub window: i64,
    /// How long what somebody has read is remembered.
    pub labels: i64,
}

/// What happens with binary content.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BinaryAction {
    /// It goes on as it is.
    Pass,
    /// It goes on without metadata.
    Strip,
    /// Its text is inspected; what is found decides.
    Inspect,
    /// It is of the class `uninspected`.
    Withhold,
}

/// What happens with binary content of some types, up to a size.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BinaryRule {
    /// Types, such as `image/png` or `image/*`.
    pub types: Vec<String>,
    /// The largest that it speaks of.
    pub size: usize,
    /// What happens.
    pub action: BinaryAction,
    /// Documents may hold pictures, which are not looked into.
    pub pictures: bool,
}

impl BinaryRule {
    /// Whether it speaks of content of this type and size.
    pub(crate) fn covers(&self, media_type: &str, size: usize) -> bool {
        let one = |pattern: &String| match pattern.strip_suffix("/*") {
            Some("*") => true,
            Some(family) => media_type.split('/').next() == Some(family),
            None => pattern == media_type,
        };
        size <= self.size && self.types.iter().any(one)
    }
}

/// An analyzer beside the gateway, as far as the gate needs to know it.
#[derive(Clone, Debug)]
pub struct AnalyzerFacts {
    /// Its name, which the shell knows it by.
    pub name: Arc<str>,
    /// Where it is.
    pub region: Region,
    /// What it is asked for.
    pub classes: ClassSet,
    /// Without its answer content is withheld.
    pub withhold: bool,
}

/// A configuration in force.
pub struct Snapshot {
    /// The policies.
    pub policies: PolicySet,
    /// What is looked for.
    pub detector: Detector,
    /// What is looked for at servers with masking of their own.
    pub server_detectors: BTreeMap<Arc<str>, Detector>,
    /// How it is replaced.
    pub masking: MaskingRules,
    /// Hashes of what is in force, for every record.
    pub epochs: Epochs,
    /// Where this cell is.
    pub cell_region: Region,
    /// Countries and zones.
    pub jurisdictions: Jurisdictions,
    /// What the configuration says of places and grounds.
    pub residency: ResidencyRules,
    /// Classes whose findings name a data subject.
    pub persons: ClassSet,
    /// Times of approvals where policies do not say.
    pub approvals: ApprovalRules,
    /// What happens with binary content; the first that speaks of it holds.
    pub binary: Vec<BinaryRule>,
    /// Who else is asked about free text.
    pub analyzers: Vec<AnalyzerFacts>,
    /// Size and depth of a message.
    pub limits: Limits,
}

impl Snapshot {
    /// What is looked for in what goes to and comes from a server.
    #[must_use]
    pub fn detector(&self, server: &str) -> &Detector {
        self.server_detectors.get(server).unwrap_or(&self.detector)
    }
}
