//! A vote: who, what, why, through which channel, and how sure it is that it was them.

use serde::{Deserialize, Serialize};

use crate::grant::Terms;
use crate::people::Account;

/// How an approver showed who they are, weakest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Assurance {
    /// A button in a chat.
    Chat,
    /// A token that a command or a program brought, or the user of the operating system.
    Token,
    /// A fresh login at the provider.
    Login,
    /// A passkey, with user verification, over the call's digest.
    Passkey,
}

impl Assurance {
    /// The words that policies use.
    pub const WORDS: [(&'static str, Assurance); 4] = [
        ("chat", Assurance::Chat),
        ("token", Assurance::Token),
        ("login", Assurance::Login),
        ("passkey", Assurance::Passkey),
    ];

    /// By its word.
    #[must_use]
    pub fn by_word(word: &str) -> Option<Assurance> {
        Self::WORDS.iter().find(|(known, _)| *known == word).map(|(_, assurance)| *assurance)
    }

    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, a)| *a == self).map_or("", |(word, _)| word)
    }
}

/// Yes or no.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Choice {
    /// The call may go on.
    Approve,
    /// It may not. One is enough.
    Deny,
}

impl Choice {
    /// The word in evidence.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Choice::Approve => "approve",
            Choice::Deny => "deny",
        }
    }
}

/// What an auditor can check about a vote later. Binary values are base64url.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "kebab-case")]
pub enum Proof {
    /// The operating system said who asked.
    OsUser,
    /// A token that the gateway checked.
    Token {
        /// How it was checked: `jwt`, `static-token`.
        method: String,
    },
    /// A fresh login.
    Login {
        /// When they logged in, Unix seconds.
        auth_time: i64,
        /// The class of it, as the provider says.
        acr: Option<String>,
    },
    /// A WebAuthn assertion; its challenge is the digest.
    Passkey {
        /// The credential.
        credential: String,
        /// `authenticatorData`.
        authenticator_data: String,
        /// `clientDataJSON`.
        client_data: String,
        /// The signature over both.
        signature: String,
        /// The log index of the record that registered the key.
        registered: Option<u64>,
    },
    /// A button in a chat whose request was signed by the provider.
    Chat {
        /// `slack`, `teams`.
        provider: String,
        /// The account there.
        user: String,
    },
}

/// One vote.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Vote {
    /// Who votes.
    pub voter: Account,
    /// Whose vote it is, where somebody delegated theirs.
    pub for_account: Option<Account>,
    /// Yes or no.
    pub choice: Choice,
    /// Why. Never empty.
    pub reason: String,
    /// `cli`, `api`, `page`, `slack`, ...
    pub channel: String,
    /// How sure it is that it was them.
    pub assurance: Assurance,
    /// What shows it.
    pub proof: Proof,
    /// What was voted on: the digest that the approver was shown.
    pub digest: crate::Digest,
    /// Names of the parts that a policy lets this voter vote for.
    pub permitted: Vec<String>,
    /// Not only this call, but those like it for a while.
    pub grant: Option<Terms>,
    /// When, Unix seconds.
    pub at: i64,
    /// The part it counts for; set when it is taken.
    pub part: Option<String>,
    /// Where they were, as far as that is known: a country or a region, or `unknown`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
}
