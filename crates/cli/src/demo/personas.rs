//! The three people of the demo, as the development issuer knows them.

use serde_json::{Value, json};

/// Somebody who can sign in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Persona {
    /// Short name, for files, forms and lines on the terminal.
    pub(super) key: &'static str,
    /// What they are, for people.
    pub(super) title: &'static str,
    subject: &'static str,
    name: &'static str,
    groups: &'static [&'static str],
    agent: Option<&'static str>,
}

/// Ana, who analyses.
pub(super) const ANALYST: Persona = Persona {
    key: "analyst",
    title: "Ana, analyst",
    subject: "ana",
    name: "Ana Lindgren",
    groups: &["analysts"],
    agent: None,
};
/// A program that works for Ana: both are in its token.
pub(super) const AGENT: Persona = Persona {
    key: "agent",
    title: "Support agent, working for Ana",
    subject: "ana",
    name: "Ana Lindgren",
    groups: &["analysts"],
    agent: Some("support-agent"),
};
/// Paul, who looks after personal data.
pub(super) const PRIVACY: Persona = Persona {
    key: "privacy",
    title: "Paul, privacy officer",
    subject: "paul",
    name: "Paul Okafor",
    groups: &["privacy"],
    agent: None,
};

/// All of them.
pub(super) const ALL: [Persona; 3] = [ANALYST, AGENT, PRIVACY];

impl Persona {
    /// By short name.
    pub(super) fn by_key(key: &str) -> Option<Persona> {
        ALL.into_iter().find(|p| p.key == key)
    }

    /// What a token says of them. `region` is where they are.
    pub(super) fn claims(&self, region: &str) -> Value {
        let mut claims = json!({
            "sub": self.subject,
            "name": self.name,
            "groups": self.groups,
            "region": region,
        });
        if let (Some(agent), Some(members)) = (self.agent, claims.as_object_mut()) {
            // RFC 8693, 4.1: the subject stays Ana, the actor is the program.
            members.insert("act".to_owned(), json!({ "sub": agent }));
        }
        claims
    }
}
