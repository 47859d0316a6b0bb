//! Who is asked about: a subject on the command line or in a test becomes the principal that the gateway would make of it.

use std::sync::Arc;

use carnet_config::{Config, TestCaller};
use carnet_model::{AuthMethod, Identity, IdentityKind, Principal, Region};

/// Issuer of static tokens and of callers without one.
const TOKENS: &str = "carnet:tokens";
const LOCAL: &str = "carnet:local";
/// Issuer in tests where neither the case nor the configuration names one.
const ANY: &str = "carnet:test";

/// A caller as the command line gives it.
#[derive(clap::Args, Debug, Clone)]
pub(super) struct WhoArgs {
    /// Subject of the caller, or ISSUER|SUBJECT as policies write it.
    #[arg(long = "as", value_name = "USER")]
    pub(super) user: String,
    /// The caller is a program with an identity of its own.
    #[arg(long)]
    pub(super) workload: bool,
    /// A group of the caller; may be given several times.
    #[arg(long = "group", value_name = "G")]
    pub(super) groups: Vec<String>,
    /// The program that acts for the caller.
    #[arg(long, value_name = "NAME")]
    pub(super) agent: Option<String>,
    /// The issuer of the subject. Default: the only one that is configured.
    #[arg(long, value_name = "I")]
    pub(super) issuer: Option<String>,
    /// What the call is for, as the caller's token would say.
    #[arg(long, value_name = "TEXT")]
    pub(super) purpose: Option<String>,
    /// Where the caller is, as the caller's token would say.
    #[arg(long, value_name = "REGION")]
    pub(super) region: Option<String>,
}

/// The principal of the command line. A configured token or anonymous caller of that subject lends its groups.
pub(super) fn of_args(config: &Config, who: &WhoArgs) -> anyhow::Result<Principal> {
    let (issuer, subject) = split(&who.user);
    let issuer = issuer.or_else(|| who.issuer.clone());
    let known = known(config, issuer.as_deref(), subject);
    let mut principal = match (known, issuer) {
        (Some(known), _) => known,
        (None, Some(issuer)) => make(&issuer, subject, IdentityKind::User),
        (None, None) => make(&only_issuer(config)?, subject, IdentityKind::User),
    };
    if who.workload {
        principal.identity.kind = IdentityKind::Workload;
    }
    principal.groups.extend(who.groups.iter().map(|g| Arc::from(g.as_str())));
    principal.groups.sort();
    principal.groups.dedup();
    if let Some(agent) = &who.agent {
        principal.agent = Some(acting(&principal, agent));
    }
    principal.purpose = who.purpose.as_deref().map(Arc::from).or(principal.purpose);
    principal.region = who.region.as_deref().map(Region::new).or(principal.region);
    Ok(principal)
}

/// The principal of a test case. A case says all that matters, so nothing is taken from the configuration but the issuer.
pub(super) fn of_test(config: &Config, caller: &TestCaller) -> Principal {
    let issuer = match &caller.issuer {
        Some(issuer) => issuer.to_string(),
        None => only_issuer(config).unwrap_or_else(|_| ANY.to_owned()),
    };
    let mut principal = make(&issuer, &caller.subject, caller.kind);
    principal.groups.clone_from(&caller.groups);
    principal.agent = caller.agent.as_deref().map(|agent| acting(&principal, agent));
    principal.region.clone_from(&caller.region);
    principal.purpose.clone_from(&caller.purpose);
    principal
}

/// One line for people: `user ada at https://idp.example, groups analysts`.
pub(super) fn describe(principal: &Principal) -> String {
    let kind = |k| match k {
        IdentityKind::User => "user",
        IdentityKind::Workload => "workload",
    };
    let identity = &principal.identity;
    let mut out = format!("{} {} at {}", kind(identity.kind), identity.subject, identity.issuer);
    if principal.groups.is_empty() {
        out.push_str(", in no group");
    } else {
        out.push_str(&format!(", groups {}", principal.groups.join(", ")));
    }
    if let Some(agent) = &principal.agent {
        out.push_str(&format!(", through the agent {}", agent.subject));
    }
    if let Some(region) = &principal.region {
        out.push_str(&format!(", in {}", region.as_str()));
    }
    if let Some(purpose) = &principal.purpose {
        out.push_str(&format!(", for {purpose:?}"));
    }
    out
}

/// `ISSUER|SUBJECT` as policies write it, or a subject alone.
fn split(user: &str) -> (Option<String>, &str) {
    match user.split_once('|') {
        Some((issuer, subject)) => (Some(issuer.replace("%7C", "|").replace("%25", "%")), subject),
        None => (None, user),
    }
}

fn make(issuer: &str, subject: &str, kind: IdentityKind) -> Principal {
    let method = match issuer {
        TOKENS => AuthMethod::StaticToken,
        LOCAL => AuthMethod::Anonymous,
        _ => AuthMethod::Jwt,
    };
    Principal::new(Identity { kind, issuer: issuer.into(), subject: subject.into() }, method)
}

fn acting(principal: &Principal, agent: &str) -> Identity {
    let issuer = principal.identity.issuer.clone();
    Identity { kind: IdentityKind::Workload, issuer, subject: agent.into() }
}

/// A caller whom the configuration itself describes.
fn known(config: &Config, issuer: Option<&str>, subject: &str) -> Option<Principal> {
    let asked = |of: &str| issuer.is_none_or(|i| i == of);
    if asked(TOKENS)
        && let Some(token) = config.identity.tokens.iter().find(|t| &*t.subject == subject)
    {
        let mut principal = make(TOKENS, subject, token.kind);
        principal.groups.clone_from(&token.groups);
        principal.purpose.clone_from(&token.purpose);
        principal.region.clone_from(&token.region);
        return Some(principal);
    }
    let anonymous = config.identity.anonymous.as_ref().filter(|a| asked(LOCAL) && &*a.subject == subject)?;
    let mut principal = make(LOCAL, subject, anonymous.kind);
    principal.groups.clone_from(&anonymous.groups);
    Some(principal)
}

/// The one issuer that a bare subject can be of.
fn only_issuer(config: &Config) -> anyhow::Result<String> {
    let issuers: Vec<&str> = config.identity.issuers.iter().map(|i| &*i.issuer).collect();
    match issuers.as_slice() {
        [one] => Ok((*one).to_owned()),
        [] if !config.identity.tokens.is_empty() => Ok(TOKENS.to_owned()),
        [] => Ok(LOCAL.to_owned()),
        several => anyhow::bail!(
            "a subject belongs to an issuer, and several are configured; say which with --issuer:\n  {}",
            several.join("\n  ")
        ),
    }
}
