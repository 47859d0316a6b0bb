//! The life of a message, phase by phase, in one direction: [`walk`] for what a caller sends, [`back`] for what a server
//! sends, which is the second half of the same way.
//!
//! `accept`, `identify` and `read` have been walked when a message comes here: the shell accepts, the identity crate
//! identifies, the mcp crate reads. A call that only an approval would permit ends its walk as [`Unfinished::Held`]; when it
//! is approved it is walked again from the start, with the approval, under what is in force then.

use std::sync::Arc;

use carnet_approvals::Released;
use carnet_mcp::{IdKey, Kind, Message};
use carnet_model::{Action, Verdict};
use carnet_policy::Direction;

use crate::answered::back;
use crate::decide::{self, Brought, Subject};
use crate::facts::{Caller, Cell};
use crate::hold::{self, Waiting};
use crate::labels::Labels;
use crate::look::{Looked, NOTHING, look};
use crate::mask::{Around, Masked, mask};
use crate::permitted::Permitted;
use crate::record::{self, Facts};
use crate::refused::{self, Unfinished};
use crate::reply::Delivery;
use crate::reveal::may_be_asked;
use crate::session::{Question, Session};
use crate::shell::{NotForwarded, Replies, Shell};
use crate::snapshot::Snapshot;
use crate::state;
use crate::subjects::About;
use crate::tally::Short;
use crate::turns::InTurn;

/// The surroundings of one message.
pub struct Walk<'a, S> {
    /// The effects.
    pub(crate) shell: &'a S,
    /// This gateway.
    pub(crate) cell: &'a Cell,
    /// The configuration that was in force when the message came.
    pub(crate) snapshot: &'a Snapshot,
    /// Its session.
    pub(crate) session: &'a Session,
    /// Who sent it, or who gets it.
    pub(crate) caller: &'a Caller,
    /// The front that it came through, as the disclosure has it.
    pub(crate) front: Option<&'a str>,
    /// What its caller had read when it began.
    pub(crate) labels: &'a [Arc<str>],
}

impl<S> Clone for Walk<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Walk<'_, S> {}

/// A caller's request whose answers are on their way: what [`back`] needs to know of it.
#[derive(Clone, Debug)]
pub struct Related {
    pub(crate) decision: u64,
    pub(crate) subject: Subject,
    pub(crate) verdict: Verdict,
    /// Whom it is about; so are its answers.
    pub(crate) about: About,
    pub(crate) id: Option<IdKey>,
    pub(crate) id_raw: Option<Vec<u8>>,
    /// What a `requestState` of its response is bound to.
    pub(crate) binding: Option<Vec<u8>>,
    /// The call, where its result may have to wait for an approval.
    pub(crate) call: Option<Box<Message>>,
    /// Persons whom it asked for, where a policy counts.
    pub(crate) asked: Vec<Short>,
    /// An event with an id was seen: the stream can be resumed.
    pub(crate) may_resume: bool,
}

impl Related {
    /// Of a question that a server asked.
    pub(crate) fn of(question: Question) -> Related {
        let subject =
            Subject { action: question.action, resource: question.resource, direction: Direction::In };
        let Question { decision, verdict, about, .. } = question;
        Related {
            decision,
            subject,
            verdict,
            about,
            id: None,
            id_raw: None,
            binding: None,
            call: None,
            asked: Vec::new(),
            may_resume: false,
        }
    }

    /// The request's id, to find it again by.
    #[must_use]
    pub fn id(&self) -> Option<&IdKey> {
        self.id.as_ref()
    }
}

/// How a message ended that was not turned back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Walked {
    /// The server's HTTP status, 200 or 202 where there is none.
    pub status: u16,
}

/// A request or notification of a caller, from decision to reply.
///
/// # Errors
/// The gate's own answer where the message did not go on, or its reply did not come back.
pub async fn walk<S: Shell, R: Replies>(
    at: Walk<'_, S>,
    message: Message,
    released: Option<&Released>,
    replies: &mut R,
) -> Result<Walked, Unfinished> {
    let labels = at.labels();
    let at = Walk { labels: &labels, ..at };
    let subject = Subject::of(&message, at.session, Direction::In);
    let id_raw = message.id_raw().map(<[u8]>::to_vec);
    let one_way = message.kind() != Kind::Request;
    let binding = state::binding(at.session, at.caller, &message);
    let message = match state::unbind(&at.cell.mac, binding.as_deref(), at.shell.now(), message) {
        Ok(message) => message,
        Err(message) => return Err(at.not_its_state(&subject, &message).await.into()),
    };
    let (message, leg) = state::taken(message);
    if let Some(changed) = at.changed(&subject, &message, released) {
        return Err(Unfinished::Void(changed));
    }
    let (id, call) = (message.id_key(), at.keeps_results(&message).then(|| Box::new(message.clone())));
    // look, where content decides
    let mut ahead = at.ahead(&subject, &message).await;
    let approvals: Vec<Arc<str>> =
        released.iter().flat_map(|r| r.names()).map(|n| n.as_str().into()).collect();
    let (looked, asked) = (ahead.looked.take(), std::mem::take(&mut ahead.asked));
    let brought = Brought {
        approvals: &approvals,
        counters: &ahead.counters,
        labels: &labels,
        classes: &ahead.classes,
    };
    // decide, hold
    let (permitted, looked) = at.decided(&subject, message, looked, brought, leg).await?;
    let verdict = permitted.verdict().clone();
    // mask in
    let holds = released.is_none().then_some(leg);
    let masked = at.masked_in(&subject, permitted, &looked, brought, holds).await?;
    // record
    let approval = released.map(hold::used_json);
    let facts = Facts { approval: approval.as_deref(), brought, ..at.facts(&subject) };
    if let Some(released) = released
        && at.consume(facts, &verdict, released).await.is_err()
    {
        return Err(refused::not_recorded(id_raw.as_deref()).into());
    }
    let about = masked.get().about.clone();
    let Ok(recorded) = record::decision(at.shell, facts, masked, one_way).await else {
        return Err(refused::not_recorded(id_raw.as_deref()).into());
    };
    let related = Related {
        decision: recorded.receipt().index,
        subject,
        verdict,
        about,
        id,
        id_raw,
        binding,
        call,
        asked,
        may_resume: false,
    };
    // forward
    match at.shell.forward(recorded).await {
        Ok(answers) => at.replied(related, InTurn::new(at.shell, answers), one_way, replies).await,
        Err(reason) if one_way => Err(refused::failure(None, &reason).into()),
        Err(reason) => Err(at.failed(&related, reason).await.into()),
    }
}

impl<'a, S: Shell> Walk<'a, S> {
    /// A message of this session. `front`: the front that it came through, as the disclosure has it.
    #[must_use]
    pub fn new(
        shell: &'a S,
        cell: &'a Cell,
        snapshot: &'a Snapshot,
        session: &'a Session,
        caller: &'a Caller,
        front: Option<&'a str>,
    ) -> Self {
        Walk { shell, cell, snapshot, session, caller, front, labels: &[] }
    }

    /// What the caller has read until now, where a policy asks.
    pub(crate) fn labels(&self) -> Labels {
        if !self.snapshot.policies.remembers() {
            return Labels::new();
        }
        self.session.readings.labels(self.shell.now().seconds, self.snapshot.approvals.labels)
    }

    /// decide, and hold: what policies say of a call, with what was looked at. What they do not permit ends here.
    async fn decided(
        &self,
        subject: &Subject,
        message: Message,
        looked: Option<Looked>,
        brought: Brought<'_>,
        leg: u32,
    ) -> Result<(Permitted<Message>, Looked), Unfinished> {
        let now = self.shell.now();
        match decide::decide(self.snapshot, self.session, self.caller, subject, message, now, brought) {
            Ok(permitted) => {
                let looked = self.looked(looked, subject, permitted.get()).await;
                Ok((permitted, looked))
            }
            Err(denied) => {
                let looked = self.looked(looked, subject, &denied.message).await;
                match self.hold(subject, denied, &looked, brought) {
                    Ok(waiting) => Err(Unfinished::Held(Box::new(Waiting { leg, ..*waiting }))),
                    Err(denied) => Err(self.denied(subject, denied, &looked, brought).await.into()),
                }
            }
        }
    }

    /// mask in. What a policy lets go only with an approval waits, where it `holds`: with the legs that it has waited.
    async fn masked_in(
        &self,
        subject: &Subject,
        permitted: Permitted<Message>,
        looked: &Looked,
        brought: Brought<'_>,
        holds: Option<u32>,
    ) -> Result<Permitted<Masked>, Unfinished> {
        let verdict = permitted.verdict().clone();
        let around = Around { looked, approvals: brought.approvals, ..self.around(subject, None) };
        match permitted.try_map(|message| mask(&around, message)) {
            Ok(masked) => {
                self.shell.masked(&masked.get().report, self.snapshot.detector.classes());
                self.session.note_restored(&masked.get().restored.values);
                Ok(masked)
            }
            Err(withheld) => {
                let waiting =
                    holds.and_then(|leg| Some((leg, self.hold_content(subject, &withheld, looked)?)));
                match waiting {
                    Some((leg, waiting)) => Err(Unfinished::Held(Box::new(Waiting { leg, ..*waiting }))),
                    None => Err(self.withheld(subject, &verdict, &withheld).await.into()),
                }
            }
        }
    }

    /// inspect, mask out, record, reply: for each message that comes back.
    async fn replied<R: Replies>(
        &self,
        mut related: Related,
        mut answers: InTurn<'_, S, S::Answers>,
        one_way: bool,
        replies: &mut R,
    ) -> Result<Walked, Unfinished> {
        let mut answered = one_way;
        while let Some(next) = answers.next().await {
            if self.caller.has_expired(self.shell.now()) && !one_way {
                let reason = "the caller's token has expired";
                let reason = NotForwarded::Upstream { reason, status: 401 };
                return Err(self.failed(&related, reason).await.into());
            }
            let coming = match next {
                Ok(coming) => coming,
                Err(reason) if !answered => return Err(self.failed(&related, reason).await.into()),
                Err(_) => break,
            };
            if one_way && matches!(coming.message.kind(), Kind::Result | Kind::Error) {
                // Nobody answers a notification: what came says only that it was not taken, which the status says too.
                continue;
            }
            related.may_resume |= coming.event_id.is_some();
            let Some(reply) = back(*self, Some(&related), coming).await? else { continue };
            let last = reply.get().last;
            answered |= last;
            replies.deliver(reply.map(|reply| Delivery { status: answers.status(), ..reply })).await;
            if last {
                break;
            }
        }
        if !answered && !self.session.resumable(&related) {
            // A status of the server's own says more than ours would: 404 ends a session, 400 sends a client to another era.
            let reason = match answers.status() {
                status @ 400..=599 => {
                    NotForwarded::Upstream { reason: "the server answered with an error status", status }
                }
                _ => NotForwarded::Upstream { reason: "the server ended its answer early", status: 502 },
            };
            return Err(self.failed(&related, reason).await.into());
        }
        Ok(Walked { status: answers.status() })
    }

    pub(crate) fn facts<'b>(&'b self, subject: &'b Subject) -> Facts<'b> {
        let now = self.shell.now();
        Facts {
            cell: self.cell,
            snapshot: self.snapshot,
            session: self.session,
            caller: self.caller,
            subject,
            now,
            approval: None,
            brought: Brought { labels: self.labels, ..Brought::default() },
            front: self.front,
        }
    }

    pub(crate) fn around<'b>(&'b self, subject: &'b Subject, answers: Option<Action>) -> Around<'b> {
        let now = self.shell.now();
        let Walk { cell, snapshot, session, caller, .. } = *self;
        Around {
            cell,
            snapshot,
            session,
            caller,
            subject,
            vault: self.shell,
            now,
            answers,
            seams: &[],
            looked: &NOTHING,
            approvals: &[],
            labels: self.labels,
        }
    }

    /// What the detector cannot see by itself.
    pub(crate) async fn look(&self, subject: &Subject, answers: Option<Action>, message: &Message) -> Looked {
        let snapshot = self.snapshot;
        if snapshot.binary.is_empty() && snapshot.analyzers.is_empty() {
            return Looked::default();
        }
        let may: Vec<bool> = {
            let around = self.around(subject, answers);
            snapshot.analyzers.iter().map(|a| may_be_asked(&around, message, a)).collect()
        };
        let detector = snapshot.detector(&self.session.server.name);
        look(self.shell, snapshot, detector, message, answers, &may).await
    }
}
