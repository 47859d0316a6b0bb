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
