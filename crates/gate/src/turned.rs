//! The ends of a walk that is turned back: recorded, and answered by the gate itself. And what is recorded around messages: how
//! a session begins and ends, and what could not be read.

use carnet_evidence::seal::NewKey;
use carnet_mcp::{Message, code};
use carnet_model::{Action, Verdict};
use carnet_policy::Direction;

use crate::decide::{Brought, Denied, Subject};
use crate::look::Looked;
use crate::mask::{Around, Masked, Withholding, mask};
use crate::record::{self, Content, Facts, Said};
use crate::refused::{self, Turned};
use crate::restore::Restored;
use crate::shell::{NotForwarded, NotRecorded, Shell};
use crate::walk::{Related, Walk};
impl<S: Shell> Walk<'_, S> {
    /// A `requestState` that was not given to this caller for this request.
    pub(crate) async fn not_its_state(&self, subject: &Subject, message: &Message) -> Turned {
        let text = "Refused by Carnet: requestState was not given for this request, or has expired.";
        let answer = refused::answer(message, Action::OTHER, code::INVALID_PARAMS, text);
        let said = Said { decision: "refuse", verdict: None, error: Some("request-state") };
        let content = Content::Unread(message.bytes().len());
        match record::stopped(self.shell, self.facts(subject), said, content, answer).await {
            Ok(recorded) => Turned::new(recorded.into_inner(), 400, "refused"),
            Err(_) => refused::not_recorded(message.id_raw()),
        }
    }

    pub(crate) async fn denied(
        &self,
        subject: &Subject,
        denied: Denied,
        looked: &Looked,
        brought: Brought<'_>,
    ) -> Turned {
        let said = Said { decision: "deny", verdict: Some(&denied.verdict), error: None };
        let answer =
            refused::answer(&denied.message, subject.action, code::DENIED, &refused::denial(&denied.verdict));
        // What was asked is recorded as it would have been sent: masked.
        let around = Around { looked, ..self.around(subject, None) };
        // Nothing goes on, so nothing was put back.
        let masked = mask(&around, denied.message.clone());
        let masked = masked.map(|masked| Masked { restored: Restored::default(), ..masked });
        let content = match &masked {
            Ok(masked) => Content::Masked(masked),
            Err(withheld) => Content::Withheld(withheld),
        };
        let facts = Facts { brought, ..self.facts(subject) };
        match record::stopped(self.shell, facts, said, content, answer).await {
            Ok(recorded) => Turned::new(recorded.into_inner(), 202, "deny"),
            Err(_) => refused::not_recorded(denied.message.id_raw()),
        }
    }

    pub(crate) async fn withheld(
        &self,
        subject: &Subject,
        verdict: &Verdict,
        withheld: &Withholding,
    ) -> Turned {
        let message = &withheld.message;
        let said = Said { decision: "withhold", verdict: Some(verdict), error: Some(withheld.reason.name()) };
        let text = format!("Withheld by Carnet: {}.", withheld.reason.reason());
        let answer = refused::answer(message, subject.action, code::WITHHELD, &text);
        match record::stopped(self.shell, self.facts(subject), said, Content::Withheld(withheld), answer)
            .await
        {
            Ok(recorded) => Turned::new(recorded.into_inner(), 202, "withheld"),
            Err(_) => refused::not_recorded(message.id_raw()),
        }
    }

    /// The outcome of a call whose answer did not come.
    pub(crate) async fn failed(&self, related: &Related, reason: NotForwarded) -> Turned {
        let said = Said { decision: "permit", verdict: Some(&related.verdict), error: Some(reason.name()) };
        let turned = refused::failure(related.id_raw.as_deref(), &reason);
        let facts = self.facts(&related.subject);
        match record::outcome(self.shell, facts, related.decision, said, Content::Unread(0), turned).await {
            Ok(recorded) => recorded.into_inner(),
            Err(_) => refused::not_recorded(related.id_raw.as_deref()),
        }
    }
}

/// A new session's first record, and with it the keys that it is among the first to use.
///
/// # Errors
/// When it cannot be made durable: the session does not begin.
pub async fn open<S: Shell>(at: Walk<'_, S>, keys: Vec<NewKey>) -> Result<(), NotRecorded> {
    record::session_open(at.shell, at.cell, at.snapshot, at.session, at.caller, keys).await
}

/// The end of a session: what is still open gets its outcome, and the session its last record.
///
/// # Errors
/// When a record cannot be made durable.
pub async fn close<S: Shell>(at: Walk<'_, S>, why: &str) -> Result<(), NotRecorded> {
    let mut done = Ok(());
    for related in at.session.take_open() {
        let said = Said { decision: "permit", verdict: Some(&related.verdict), error: Some("unanswered") };
        let facts = at.facts(&related.subject);
        // One that is not taken is the shell's to make good; the others are still tried.
        done = done.and(
            record::outcome(at.shell, facts, related.decision, said, Content::Unread(0), ())
                .await
                .map(|_| ()),
        );
    }
    done?;
    record::session_close(at.shell, at.snapshot, at.session, why).await
}

/// The record of something that could not be read as a message, and was refused.
///
/// # Errors
/// When it cannot be made durable.
pub async fn refuse<S: Shell>(at: Walk<'_, S>, size: usize, error: &'static str) -> Result<(), NotRecorded> {
    let subject = Subject {
        action: Action::OTHER,
        resource: carnet_model::Resource::Server(at.session.server.name.clone()),
        direction: Direction::In,
    };
    let said = Said { decision: "refuse", verdict: None, error: Some(error) };
    record::stopped(at.shell, at.facts(&subject), said, Content::Unread(size), ()).await.map(|_| ())
}
