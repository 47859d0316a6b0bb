//! Where approvers act: the page with its login, and the channels that tell them.

use std::sync::Arc;
use std::time::Duration;

use carnet_model::Region;

use super::SecretRef;

/// The page and the API of approvals.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PageConfig {
    /// The path that it is served at, such as `/approvals`.
    pub path: Arc<str>,
    /// How people sign in; `None`: only the API is served, for tokens.
    pub login: Option<LoginConfig>,
}

/// How people sign in at the page.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LoginConfig {
    /// One of `identity.issuers`.
    pub issuer: Arc<str>,
    /// This gateway, as the provider knows it.
    pub client_id: Arc<str>,
    /// Its secret; `None`: a public client.
    pub client_secret: Option<SecretRef>,
    /// Scopes to ask for besides `openid`.
    pub scopes: Vec<Arc<str>>,
    /// How old a login may be that counts as fresh.
    pub fresh: Duration,
    /// Classes of authentication (`acr`) that count for a fresh login; none: any.
    pub acr: Vec<Arc<str>>,
}

/// What a channel is told of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Occasion {
    /// A call waits.
    Requested,
    /// Nobody answered in time.
    Escalated,
    /// It is decided, or has ended otherwise.
    Decided,
    /// A call was lifted in an emergency.
    BreakGlass,
    /// The review of that is overdue.
    Overdue,
}

impl Occasion {
    /// The words of the configuration.
    pub const WORDS: &'static [&'static str] =
        &["requested", "escalated", "decided", "break-glass", "overdue"];

    /// All of them, in the order of the words.
    pub const ALL: [Occasion; 5] = [
        Occasion::Requested,
        Occasion::Escalated,
        Occasion::Decided,
        Occasion::BreakGlass,
        Occasion::Overdue,
    ];

    /// The word.
    #[must_use]
    pub fn word(self) -> &'static str {
        let words = Self::ALL.iter().zip(Self::WORDS);
        words.into_iter().find(|(o, _)| **o == self).map_or("", |(_, word)| word)
    }

    /// By its word.
    #[must_use]
    pub fn by_word(word: &str) -> Option<Occasion> {
        Self::ALL.into_iter().find(|o| o.word() == word)
    }
}

/// A channel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChannelConfig {
    /// Its name.
    pub name: Arc<str>,
    /// Where what is sent ends up.
    pub region: Region,
    /// What it is told of.
    pub on: Vec<Occasion>,
    /// What it is.
    pub kind: ChannelKind,
}

/// What a channel is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ChannelKind {
    /// Slack: a message with buttons.
    Slack(SlackConfig),
    /// Microsoft Teams: a card by the webhook of a workflow.
    Teams {
        /// The webhook's address, a secret.
        url: SecretRef,
    },
    /// E-mail.
    Email(EmailConfig),
    /// A webhook signed as in Standard Webhooks.
    Webhook {
        /// The address.
        url: String,
        /// `whsec_` and base64.
        secret: SecretRef,
    },
    /// PagerDuty's Events API, version 2, or what speaks as it does.
    PagerDuty {
        /// The address.
        url: String,
        /// The integration's key.
        routing_key: SecretRef,
    },
}

/// Slack.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SlackConfig {
    /// Where its methods are.
    pub api: String,
    /// The bot's token.
    pub token: SecretRef,
    /// What requests from Slack are signed with.
    pub signing_secret: SecretRef,
    /// The conversation's id.
    pub channel: Arc<str>,
    /// Who is who.
    pub people: Vec<ChatPerson>,
}

/// An account in a chat, and the identity at the provider that it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChatPerson {
    /// The account in the chat.
    pub user: Arc<str>,
    /// The issuer.
    pub issuer: Arc<str>,
    /// The subject there.
    pub subject: Arc<str>,
    /// Groups, sorted.
    pub groups: Vec<Arc<str>>,
}

/// How the connection to a mail server is protected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MailSecurity {
    /// TLS from the first byte.
    Tls,
    /// STARTTLS, required.
    StartTls,
    /// None; on loopback only.
    Plain,
}

/// E-mail.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EmailConfig {
    /// The server's name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub security: MailSecurity,
    /// Who signs in there.
    pub username: Option<Arc<str>>,
    /// With what.
    pub password: Option<SecretRef>,
    /// The sender.
    pub from: Arc<str>,
    /// The recipients, each gets a mail of their own.
    pub to: Vec<Arc<str>>,
}
