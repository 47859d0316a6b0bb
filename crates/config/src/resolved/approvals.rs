//! Approvals: how long who waits for what, and who is who.

use std::time::Duration;

use super::{ChannelConfig, PageConfig};

/// How calls wait for an approval.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ApprovalsConfig {
    /// How long a request waits for approvers.
    pub expires: Duration,
    /// How long an approval can be used.
    pub valid: Duration,
    /// Time between signs of progress to a caller who waits.
    pub progress: Duration,
    /// When a legacy caller without a progress token is told to call again.
    pub pending: Duration,
    /// When a caller of 2026-07-28 without one is told to come again.
    pub leg: Duration,
    /// How often it is.
    pub legs: u32,
    /// How long results and denials are kept for a retry.
    pub keep: Duration,
    /// Most calls that wait at once.
    pub most: usize,
    /// How long a dry run may take.
    pub estimate: Duration,
    /// Over how long what an actor was given is counted.
    pub window: Duration,
    /// How long what somebody has read is remembered.
    pub labels: Duration,
    /// Who is who.
    pub people: Vec<PersonConfig>,
    /// The page and the API; `None`: neither is served.
    pub page: Option<PageConfig>,
    /// Who is told, in the order of the file.
    pub channels: Vec<ChannelConfig>,
    /// The pause before a message is sent again; it grows.
    pub retry: Duration,
    /// How often a message is tried.
    pub attempts: u32,
}

/// A person by their accounts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PersonConfig {
    /// For errors.
    pub name: String,
    /// `ISSUER|SUBJECT`, the agents that they own among them.
    pub accounts: Vec<String>,
}
