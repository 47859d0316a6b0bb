//! decide: the policy's answer for one message. What it permits becomes [`Permitted`]; there is no other way to become so.

use std::sync::Arc;

use carnet_mcp::Message;
use carnet_model::{Action, Resource, Verdict};
use carnet_policy::{Context, Direction, Request};

use crate::arguments::CallArguments;
use crate::facts::Caller;
use crate::permitted::Permitted;
use crate::session::{Question, Session};
use crate::shell::Moment;
use crate::snapshot::Snapshot;

/// A message that may not pass.
#[derive(Debug)]
pub(crate) struct Denied {
    /// The message, to be recorded.
    pub(crate) message: Message,
    /// Why.
    pub(crate) verdict: Verdict,
}

/// What one message is about.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    /// The method, or that of the request which a response answers.
    pub action: Action,
    /// What it is done on.
    pub resource: Resource,
    /// Which way it goes.
    pub direction: Direction,
}

impl Subject {
    /// Of a request or notification.
    pub(crate) fn of(message: &Message, session: &Session, direction: Direction) -> Subject {
        let server: &Arc<str> = &session.server.name;
        let resource = match direction {
            Direction::In => message.target().to_resource(server),
            // What a server asks or tells concerns the server; the names in it are its own claims.
            Direction::Out => Resource::Server(server.clone()),
        };
        Subject { action: message.action(), resource, direction }
    }

    /// The name of the tool or prompt. A resource's URI is content: it stands in the masked frame.
    pub(crate) fn named(&self) -> Option<&str> {
        match &self.resource {
            Resource::Tool { name, .. } | Resource::Prompt { name, .. } => Some(name),
            Resource::Resource { .. }
            | Resource::Server(_)
            | Resource::Class(_)
            | Resource::Held(_)
            | Resource::Evidence => None,
        }
    }

    /// The tool, where it is one.
    pub(crate) fn tool(&self) -> Option<&Arc<str>> {
        match &self.resource {
            Resource::Tool { name, .. } => Some(name),
            _ => None,
        }
    }
}

/// The context of a decision about a message.
pub(crate) fn context<'a>(
    arguments: &'a CallArguments<'a>,
    method: &'a str,
    caller: &'a Caller,
    session: &'a Session,
    direction: Direction,
    now: Moment,
    labels: &'a [Arc<str>],
) -> Context<'a> {
    Context {
        labels,
        arguments,
        method,
        direction,
        purpose: purpose(caller, session),
        legal_basis: session.server.legal_basis.as_deref(),
        now: now.seconds,
        ..Context::default()
    }
}

/// The purpose that holds: the token's, else the server's.
pub(crate) fn purpose<'a>(caller: &'a Caller, session: &'a Session) -> Option<&'a str> {
    caller.principal.purpose.as_deref().or(session.server.purpose.as_deref())
}

/// What a call brings with it besides what it says.
#[derive(Clone, Copy, Default)]
pub(crate) struct Brought<'a> {
    /// What was approved.
    pub approvals: &'a [Arc<str>],
    /// What its session and its actor were given, where a policy asks.
    pub counters: &'a [(Arc<str>, i64)],
    /// What its caller has read, where a policy asks.
    pub labels: &'a [Arc<str>],
    /// Classes of data in it, where a policy asks.
    pub classes: &'a [Arc<str>],
}

/// Decides about a request or notification.
pub(crate) fn decide(
    snapshot: &Snapshot,
    session: &Session,
    caller: &Caller,
    subject: &Subject,
    message: Message,
    now: Moment,
    brought: Brought<'_>,
) -> Result<Permitted<Message>, Denied> {
    let arguments = CallArguments(&message);
    let method = message.method().unwrap_or_default();
    let verdict = snapshot.policies.decide(&Request {
        principal: &caller.key,
        action: subject.action,
        resource: &subject.resource,
        context: &Context {
            approvals: brought.approvals,
            counters: brought.counters,
            classes: brought.classes,
            ..context(&arguments, &method, caller, session, subject.direction, now, brought.labels)
        },
    });
    if verdict.is_permit() { Ok(Permitted::new(message, verdict)) } else { Err(Denied { message, verdict }) }
}

/// A response walks under the verdict of its request: asking was permitted, so answering is.
pub(crate) fn answering(question: &Question, message: Message) -> Permitted<Message> {
    Permitted::new(message, question.verdict.clone())
}
