//! Keys of approvals: who decides, where, and how they are told.

use crate::shape::Kind::{Count, Duration, List, Map, Name, Region, Secret, Table as T, Text, Url, Words};
use crate::shape::{Table, key, need};

pub(crate) const OCCASIONS: &[&str] = crate::resolved::Occasion::WORDS;

pub(crate) static APPROVALS: Table = Table {
    name: "approvals",
    keys: &[
        key(
            "expires",
            Duration,
            "How long a request waits for approvers, unless @expires says. Default: 30m",
        ),
        key("valid", Duration, "How long an approval can be used, unless @valid says. Default: 10m"),
        key("progress", Duration, "Time between signs of progress to a caller who waits. Default: 12s"),
        key(
            "pending",
            Duration,
            "When a caller without a progress token is told to call again (before 2026-07-28). Default: 45s",
        ),
        key("leg", Duration, "As pending, for one leg of input_required (2026-07-28). Default: 40s"),
        key("legs", Count, "Legs before the caller is told to call again later. Default: 9"),
        key("keep", Duration, "How long a result that was not fetched, or a denial, is kept. Default: 10m"),
        key("most", Count, "Most calls that wait at once. Default: 20000"),
        key("estimate", Duration, "How long a dry run may take (servers.NAME.dry_run). Default: 2s"),
        key(
            "window",
            Duration,
            "Over how long policies see what an actor was given (context.counters). Default: 1h",
        ),
        key(
            "labels",
            Duration,
            "How long what somebody has read is remembered (context.labels). Default: 8h",
        ),
        key(
            "people",
            List(&T(&PERSON)),
            "Accounts of one person, and agents that they own: they count as one.",
        ),
        key("page", Text, "Path of the page and the API, such as /approvals. Default: neither is served"),
        key("login", T(&LOGIN), "How people sign in at the page. Default: only the API is served"),
        key("channels", Map(&Name, &T(&CHANNEL)), "Who is told, by name."),
        key("retry", Duration, "Pause before a message is sent again; it grows. Default: 5s"),
        key("attempts", Count, "How often a message is tried. Default: 9"),
    ],
};

pub(crate) static PERSON: Table = Table {
    name: "a person",
    keys: &[
        need("name", Text, "A name for errors."),
        need("accounts", List(&Text), "Accounts, as ISSUER|SUBJECT: os|uid:1000 for a user of the system."),
    ],
};

pub(crate) static LOGIN: Table = Table {
    name: "the login of the page",
    keys: &[
        need("issuer", Url, "The provider: one of identity.issuers."),
        need("client_id", Text, "This gateway, as the provider knows it."),
        key("client_secret", Secret, "Its secret, as env:NAME or file:PATH. Default: a public client"),
        key("scopes", List(&Text), "Scopes to ask for besides openid."),
        key("fresh", Duration, "How old a login may be that counts as fresh. Default: 5m"),
        key("acr", List(&Text), "Classes of authentication that count as fresh. Default: any"),
    ],
};

pub(crate) static CHANNEL: Table = Table {
    name: "a channel",
    keys: &[
        need("region", Region, "Where what is sent ends up. `transfer` decides whether content goes there."),
        key(
            "on",
            List(&Words(OCCASIONS)),
            "What it is told of. Default: everything; for pagerduty what is urgent.",
        ),
        key("slack", T(&SLACK), "Slack: a message with buttons."),
        key("teams", T(&TEAMS), "Microsoft Teams: a card by the webhook of a workflow."),
        key("email", T(&EMAIL), "E-mail with a link to the page."),
        key("webhook", T(&WEBHOOK), "A webhook signed as in Standard Webhooks."),
        key("pagerduty", T(&PAGERDUTY), "PagerDuty's Events API, or what speaks as it does."),
    ],
};

pub(crate) static SLACK: Table = Table {
    name: "a Slack channel",
    keys: &[
        need("token", Secret, "The bot's token, as env:NAME or file:PATH."),
        need("signing_secret", Secret, "What Slack signs its requests with, as env:NAME or file:PATH."),
        need("channel", Text, "The conversation's id, such as C0123456789."),
        key("people", List(&T(&CHAT_PERSON)), "Which account is who. Others have no vote."),
        key("api", Url, "Where Slack's methods are. Default: https://slack.com/api"),
    ],
};

pub(crate) static CHAT_PERSON: Table = Table {
    name: "a person in a chat",
    keys: &[
        need("user", Text, "Their account in the chat, such as U0123456789."),
        need("subject", Text, "Their stable subject at the provider."),
        key("issuer", Url, "The provider. Default: the only one of identity.issuers"),
        key("groups", List(&Text), "Groups: a chat brings no token that could say."),
    ],
};

pub(crate) static TEAMS: Table = Table {
    name: "a Teams channel",
    keys: &[need(
        "url",
        Secret,
        "The workflow's webhook, as env:NAME or file:PATH: its address is a secret.",
    )],
};

pub(crate) static EMAIL: Table = Table {
    name: "e-mail",
    keys: &[
        need("server", Text, "HOST:PORT of the mail server."),
        key("security", Words(&["tls", "starttls", "plain"]), "plain on loopback only. Default: tls"),
        key("username", Text, "Who signs in there."),
        key("password", Secret, "With what, as env:NAME or file:PATH."),
        need("from", Text, "The sender."),
        need("to", List(&Text), "The recipients; each gets a mail of their own."),
    ],
};

pub(crate) static WEBHOOK: Table = Table {
    name: "a webhook",
    keys: &[
        need("url", Url, "Where it is sent."),
        need("secret", Secret, "whsec_BASE64, as env:NAME or file:PATH."),
    ],
};

pub(crate) static PAGERDUTY: Table = Table {
    name: "a PagerDuty channel",
    keys: &[
        need("routing_key", Secret, "The integration's key, as env:NAME or file:PATH."),
        key("url", Url, "Default: https://events.pagerduty.com/v2/enqueue"),
    ],
};
