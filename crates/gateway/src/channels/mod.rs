//! Channels: where approvers are told that something waits, and how it ended. What is told lies in the outbox before the
//! caller goes on; a task sends it. Slack can answer with a vote, and with nothing stronger than a button in a chat.

mod follow;
mod forms;
mod notice;
mod outbox;
mod send;
mod slack;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use carnet_approvals::{Assurance, Choice, Proof, View};
use carnet_config::{ChannelConfig, ChannelKind, ChatPerson, Occasion, SlackConfig};
use carnet_gate::Caller;
use carnet_model::{AuthMethod, Identity, IdentityKind, Principal};
use carnet_policy::PrincipalKey;
use carnet_store::{StoreError, Table};
use http::{Response, StatusCode};
use serde_json::json;
use tokio::sync::Notify;

use crate::body::{self, Reply};
use crate::credentials::resolve;
use crate::gateway::{Gateway, now};
use crate::load::Runtime;
use crate::outbound::WrittenBy;
use crate::page::{Asked, site};
use crate::residency;

pub(crate) use follow::follow;
use notice::Notice;
pub(crate) use outbox::Letter;
use outbox::{Failure, Outbox, Rules};
use send::Sender;
use slack::{Pressed, Seen};

/// Who channels are in the eyes of policies that decide on `transfer`.
const ISSUER: &str = "carnet:channels";
/// Their group.
const GROUP: &str = "approval-channels";
/// Letters that are sent at once.
const AT_ONCE: usize = 64;

/// What the channels keep.
pub(crate) struct Channels {
    outbox: Outbox,
    table: Arc<Table>,
    seen: Seen,
    wake: Notify,
}

impl Channels {
    /// Over the store's table.
    pub(crate) fn new(table: Arc<Table>) -> Channels {
        let outbox = Outbox::new(Arc::clone(&table));
        Channels { outbox, table, seen: Seen::default(), wake: Notify::new() }
    }

    /// Messages that could not be sent.
    pub(crate) fn dead(&self) -> Vec<(u64, Letter)> {
        self.outbox.dead()
    }

    /// Sends one of them again; whether there was one. It waits for the disk.
    pub(crate) fn revive(&self, number: u64) -> Result<bool, StoreError> {
        let revived = self.outbox.revive(number)?;
        self.wake.notify_one();
        Ok(revived)
    }
}

fn millis() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Tells every channel that wants to know. What cannot be kept is logged: the call waits for a vote all the same, and the
/// page shows it.
async fn tell(gateway: &Arc<Gateway>, view: &View, occasion: Occasion) {
    let runtime = gateway.runtime.load_full();
    let at = now().seconds;
    let page = runtime.config.approvals.page.as_ref().filter(|p| p.login.is_some());
    let link = page.map(|page| format!("{}{}/c/{}", site(gateway, &runtime).origin, page.path, view.id));
    let wanted = runtime.config.approvals.channels.iter().filter(|c| c.on.contains(&occasion));
    let letters: Vec<Letter> = wanted
        .flat_map(|channel| {
            let permitted = may_go(&runtime, channel, view, at);
            let notice = Notice::of(view, occasion, link.clone(), permitted, at);
            let letter = |to: Option<String>| Letter {
                channel: channel.name.to_string(),
                to,
                notice: notice.clone(),
                tries: 0,
                next: 0,
                error: None,
            };
            match &channel.kind {
                // One mail each: of two recipients, one may be refused.
                ChannelKind::Email(email) => {
                    email.to.iter().map(|to| letter(Some(to.to_string()))).collect::<Vec<_>>()
                }
                _ => vec![letter(None)],
            }
        })
        .collect();
    if letters.is_empty() && occasion != Occasion::Decided {
        return;
    }
    let keeper = Arc::clone(gateway);
    let (row, word) = (format!("{}{}", follow::TOLD, view.id), occasion.word());
    let kept = tokio::task::spawn_blocking(move || {
        let channels = &keeper.approvers.channels;
        if !letters.is_empty() {
            channels.outbox.post(&letters, (&row, word.as_bytes()))?;
        }
        if occasion == Occasion::Decided { channels.table.remove(&row) } else { Ok(()) }
    })
    .await;
    if !matches!(kept, Ok(Ok(()))) {
        tracing::error!("approvers could not be told: the message could not be kept");
    }
    gateway.approvers.channels.wake.notify_one();
}

/// Whether what an approver sees may go where a channel is.
fn may_go(runtime: &Runtime, channel: &ChannelConfig, view: &View, at: i64) -> bool {
    let identity =
        Identity { kind: IdentityKind::Workload, issuer: ISSUER.into(), subject: channel.name.clone() };
    let mut principal = Principal::new(identity, AuthMethod::Local);
    principal.groups = vec![GROUP.into()];
    principal.region = Some(channel.region.clone());
    residency::may_be_seen(runtime, &PrincipalKey::new(&principal), &channel.region, view, at)
}

/// Sends what waits, until the gateway stops. Each channel in its order, the channels beside each other.
pub(crate) async fn deliver(gateway: Arc<Gateway>) {
    let mut stopping = gateway.stopping.subscribe();
    loop {
        let (due, next) = gateway.approvers.channels.outbox.due(millis(), AT_ONCE);
        let idle = due.is_empty();
        let mut by_channel: HashMap<String, Vec<(u64, Letter)>> = HashMap::new();
        for (number, letter) in due {
            by_channel.entry(letter.channel.clone()).or_default().push((number, letter));
        }
        let each = by_channel.into_values().map(|letters| async {
            for (number, letter) in letters {
                one(&gateway, number, letter).await;
            }
        });
        let sent = futures_util::future::join_all(each);
        let pause =
            next.map_or(Duration::from_secs(60), |at| Duration::from_millis(at.saturating_sub(millis())));
        tokio::select! {
            _ = sent => {}
            _ = stopping.wait_for(|stop| *stop) => return,
        }
        if !idle {
            continue;
        }
        tokio::select! {
            () = gateway.approvers.channels.wake.notified() => {}
            () = tokio::time::sleep(pause) => {}
            _ = stopping.wait_for(|stop| *stop) => return,
        }
    }
}

async fn one(gateway: &Arc<Gateway>, number: u64, letter: Letter) {
    let runtime = gateway.runtime.load_full();
    let channel = runtime.config.approvals.channels.iter().find(|c| *c.name == *letter.channel);
    let approvers = &gateway.approvers;
    let outcome = match channel {
        None => Err(Failure::never("there is no such channel any more")),
        Some(channel) => {
            let sender = Sender {
                outbound: &approvers.outbound,
                table: &approvers.channels.table,
                origin: &gateway.cell.origin,
                now: now().seconds,
            };
            sender.send(channel, &letter).await
        }
    };
    let (first, attempts) = (runtime.config.approvals.retry, runtime.config.approvals.attempts);
    let jitter = {
        let mut byte = [0; 1];
        crate::record::entropy(&mut byte);
        0.9 + f64::from(byte[0]) / 255.0 * 0.2
    };
    let keeper = Arc::clone(gateway);
    let kept = tokio::task::spawn_blocking(move || {
        let outbox = &keeper.approvers.channels.outbox;
        match outcome {
            Ok(()) => outbox.done(number),
            Err(failure) => {
                outbox.failed(number, letter, &failure, &Rules { first, attempts, jitter }, millis())
            }
        }
    });
    if !matches!(kept.await, Ok(Ok(()))) {
        tracing::error!("what became of a message could not be kept; it is sent again");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Slack's request after somebody pressed a button: `/slack/CHANNEL`.
pub(crate) async fn interaction(asked: &Asked<'_>) -> Response<Reply> {
    let name = asked.path().strip_prefix("/slack/").unwrap_or_default();
    let found = asked.runtime.config.approvals.channels.iter().find(|c| *c.name == *name);
    let Some(ChannelKind::Slack(slack)) = found.map(|c| &c.kind) else {
        return body::empty(StatusCode::NOT_FOUND);
    };
    let Ok(secret) = resolve(&slack.signing_secret) else {
        tracing::error!(channel = name, "the signing secret cannot be read");
        return body::empty(StatusCode::SERVICE_UNAVAILABLE);
    };
    let seen = &asked.gateway.approvers.channels.seen;
    if let Err(error) = seen.check(secret.expose(), &asked.head.headers, &asked.body, asked.now) {
        tracing::warn!(channel = name, %error, "a request that says it is Slack's is refused");
        return body::text(StatusCode::UNAUTHORIZED, format!("{error}\n"));
    }
    // A button that only opens the page says so too.
    let Some(pressed) = Pressed::parse(&asked.body) else { return body::empty(StatusCode::OK) };
    let answer = match slack.people.iter().find(|p| *p.user == *pressed.user) {
        None => {
            Some("Nobody knows who you are at the identity provider. Your vote does not count.".to_owned())
        }
        Some(person) => vote(asked, person, &pressed).await.err(),
    };
    if let Some(text) = answer {
        let (gateway, slack) = (Arc::clone(asked.gateway), slack.clone());
        tokio::spawn(async move { whisper(&gateway, &slack, &pressed.response_url, &text).await });
    }
    body::empty(StatusCode::OK)
}

async fn vote(asked: &Asked<'_>, person: &ChatPerson, pressed: &Pressed) -> Result<(), String> {
    let identity =
        Identity { kind: IdentityKind::User, issuer: person.issuer.clone(), subject: person.subject.clone() };
    let mut principal = Principal::new(identity, AuthMethod::Chat);
    principal.groups.clone_from(&person.groups);
    let caller = Caller::new(principal, None);
    if pressed.reason.is_empty() {
        return Err("A reason is needed. Nothing was done.".to_owned());
    }
    let ballot = crate::page::Ballot {
        id: pressed.id,
        digest: pressed.digest,
        choice: pressed.choice,
        reason: &pressed.reason,
        channel: "slack",
        assurance: Assurance::Chat,
        proof: Proof::Chat { provider: "slack".to_owned(), user: pressed.user.clone() },
        grant: None,
        for_account: None,
    };
    let done = asked.board().vote(&caller, ballot).await;
    let word = if pressed.choice == Choice::Approve { "approved" } else { "denied" };
    done.map_err(|refusal| format!("It is not {word}. {refusal}."))
}

/// Tells one person something, where they pressed the button.
async fn whisper(gateway: &Gateway, slack: &SlackConfig, url: &str, text: &str) {
    let (Ok(url), Ok(api)) = (url.parse::<http::Uri>(), slack.api.parse::<http::Uri>()) else { return };
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let body = json!({ "response_type": "ephemeral", "replace_original": false, "text": text }).to_string();
    let request = http::Request::post(url)
        .header(http::header::CONTENT_TYPE, "application/json")
        .body(http_body_util::Full::new(bytes::Bytes::from(body)));
    let Ok(request) = request else { return };
    // Slack wrote the address and signed it; all the same it leads to no private one.
    let by = WrittenBy::Document { fetched_from: &api };
    if let Err(error) = gateway.approvers.outbound.send(request, by).await {
        tracing::debug!(%error, "an answer in a chat was not delivered");
    }
}
