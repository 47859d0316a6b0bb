//! What lies on disk of a held call, and how it becomes what approvers see.

use std::sync::Arc;

use carnet_approvals::{Ending, Held, Inert, PartView, Phase, Shape, View, VoteView};
use carnet_gate::Waiting;
use carnet_model::{HeldCall, Resource};
use carnet_store::StoreError;
use serde::{Deserialize, Serialize};

use super::{Entry, Holds};
use crate::gateway::{Gateway, now};

/// What a held call is on.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum On {
    /// A tool.
    Tool {
        /// Its server.
        server: String,
        /// Its name.
        name: String,
    },
    /// A prompt.
    Prompt {
        /// Its server.
        server: String,
        /// Its name.
        name: String,
    },
    /// A resource.
    Resource {
        /// Its server.
        server: String,
        /// Its URI.
        uri: String,
    },
    /// A server.
    Server {
        /// Its name.
        server: String,
    },
}

impl On {
    fn of(resource: &Resource) -> On {
        let text = |t: &Arc<str>| t.to_string();
        match resource {
            Resource::Tool { server, name } => On::Tool { server: text(server), name: text(name) },
            Resource::Prompt { server, name } => On::Prompt { server: text(server), name: text(name) },
            Resource::Resource { server, uri } => On::Resource { server: text(server), uri: text(uri) },
            other => On::Server { server: other.server().map(text).unwrap_or_default() },
        }
    }

    fn resource(&self) -> Resource {
        let arc = |t: &str| Arc::from(t);
        match self {
            On::Tool { server, name } => Resource::Tool { server: arc(server), name: arc(name) },
            On::Prompt { server, name } => Resource::Prompt { server: arc(server), name: arc(name) },
            On::Resource { server, uri } => Resource::Resource { server: arc(server), uri: arc(uri) },
            On::Server { server } => Resource::Server(arc(server)),
        }
    }
}

/// Everything about a held call, as it is stored.
#[derive(Clone, Serialize, Deserialize)]
pub struct Saved {
    /// Its state.
    pub held: Held,
    key: String,
    /// What approvers see, but for what changes.
    pub view: View,
    on: On,
    requester: String,
    classes: Vec<String>,
    /// The shape of its arguments.
    pub shape: Option<Shape>,
    /// The call as it came: what runs, or what a task's run is made from.
    pub message: String,
    /// The response that nobody has fetched.
    pub result: Option<String>,
    /// When the record is forgotten, Unix seconds. The same in every version of it.
    pub forget: u64,
}

impl std::fmt::Debug for Saved {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Saved({})", self.held.request.id)
    }
}

impl Saved {
    /// Of a request whose record is durable.
    pub(super) fn new(waiting: &Waiting, held: Held, asked_before: u64, keep: u64) -> Saved {
        let until = u64::try_from(held.request.binding.until).unwrap_or(0);
        let review = held.request.requirement.break_glass.unwrap_or(0);
        Saved {
            key: hex(&waiting.key),
            view: View { asked_before, ..waiting.view.clone() },
            on: On::of(&waiting.held.on),
            requester: waiting.held.requester.to_string(),
            classes: waiting.held.classes.iter().map(ToString::to_string).collect(),
            shape: waiting.shape.clone(),
            message: String::from_utf8_lossy(waiting.message.bytes()).into_owned(),
            result: waiting.result.as_ref().map(|r| String::from_utf8_lossy(r).into_owned()),
            // An emergency that nobody has reviewed stays: at least so long.
            forget: until.saturating_add(keep).saturating_add(review.saturating_mul(10)),
            held,
        }
    }

    pub(super) fn key(&self) -> Option<[u8; 16]> {
        let id: carnet_approvals::Id = self.key.parse().ok()?;
        Some(id.0)
    }

    /// The call as policies of `approve` see it.
    #[must_use]
    pub fn call(&self, hold: &str) -> HeldCall {
        HeldCall {
            on: self.on.resource(),
            method: self.held.request.binding.method.as_str().into(),
            hold: hold.into(),
            requester: self.requester.as_str().into(),
            classes: self.classes.iter().map(|c| c.as_str().into()).collect(),
            escalated: self.held.escalated,
            result: self.held.request.result,
        }
    }
}

fn hex(id: &[u8; 16]) -> String {
    carnet_approvals::Id(*id).to_string()
}

impl Holds {
    /// What is stored of a call, with its state as it is now.
    ///
    /// # Errors
    /// When it cannot be read, or was erased.
    pub fn saved(&self, entry: &Entry) -> Result<Saved, StoreError> {
        let bytes = self.store.get(&entry.id.0)?.ok_or(StoreError::Key("the held call was erased"))?;
        let saved: Saved =
            serde_json::from_slice(&bytes).map_err(|_| StoreError::Key("a held call cannot be read"))?;
        Ok(Saved { held: entry.held(), ..saved })
    }

    /// Stores a call as it is now. Durable when it returns.
    pub(super) async fn save(&self, entry: &Entry, saved: &Saved) -> Result<(), StoreError> {
        let bytes = serde_json::to_vec(saved).map_err(|_| StoreError::TooLarge)?;
        self.store.put(entry.id.0, entry.marks.clone(), saved.forget, bytes).await
    }
}

impl Gateway {
    /// What approvers see of a call.
    ///
    /// # Errors
    /// As [`Holds::saved`].
    pub fn held_view(&self, entry: &Entry) -> Result<View, StoreError> {
        let saved = self.holds.saved(entry)?;
        Ok(view_of(&saved, &saved.held, now().seconds))
    }
}

pub(super) fn view_of(saved: &Saved, held: &Held, now: i64) -> View {
    let parts = held.request.requirement.parts.iter().map(|part| PartView {
        name: Inert::new(&part.name),
        quorum: part.quorum,
        approved: held.approved(part),
        stage: part.stage,
        open: held.open(part),
        assurance: part.assurance,
    });
    let votes = held.votes.iter().map(|v| VoteView {
        voter: Inert::new(&v.voter.text()),
        for_account: v.for_account.as_ref().map(|a| Inert::new(&a.text())),
        choice: v.choice,
        reason: Inert::new(&v.reason),
        channel: Inert::new(&v.channel),
        assurance: v.assurance,
        part: v.part.as_deref().map(Inert::new),
        at: v.at,
        place: v.place.as_deref().map(Inert::new),
    });
    let review = held.to_review();
    let places = saved.shape.iter().flat_map(|s| &s.0).map(|(at, _)| Inert::new(at));
    View {
        state: state(held.phase).to_owned(),
        ended_by: held.why.as_deref().map(Inert::new),
        kind: if held.request.result { "result" } else { "call" }.to_owned(),
        until: held.until(),
        escalated: held.escalated,
        parts: parts.collect(),
        votes: votes.collect(),
        review_until: review.map(|b| b.review_until),
        overdue: review.is_some_and(|b| b.review_until <= now),
        places: places.collect(),
        ..saved.view.clone()
    }
}

/// The word for a phase.
pub(super) fn state(phase: Phase) -> &'static str {
    match phase {
        Phase::Pending => "pending",
        Phase::Approved | Phase::Taken => "approved",
        Phase::Ended(Ending::Consumed) => "consumed",
        Phase::Ended(ending) => ending.word(),
    }
}
