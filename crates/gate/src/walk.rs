//! The life of a message, phase by phase, in one direction: [`walk`] for what a caller sends, [`back`] for what a server
//! sends, which is the second half of the same way.
//!
//! `accept`, `identify` and `read` have been walked when a message comes here: the shell accepts, the identity crate
//! identifies, the mcp crate reads. A call that only an approval would permit ends its walk as [`Unfinished::Held`]; when it
//! is approved it is walked again from the start, with the approval, under what is in force then.

use std::sync::Arc;

use carnet_approvals::Released;
use carnet_evidence::seal::NewKey;
use carnet_mcp::{IdKey, Kind, Message, code};
use carnet_model::Action;
use carnet_model::Verdict;
use carnet_policy::Direction;

use crate::decide::{self, Brought, Denied, Subject};
use crate::facts::{Caller, Cell};
use crate::hold::{self, Waiting};
use crate::inspect::{self, inspect};
use crate::look::{Looked, NOTHING, look};
use crate::mask::{Around, Drift, Masked, Withholding, lift, mask};
use crate::permitted::{Permitted, Recorded};
use crate::record::{self, Content, Facts, Said};
use crate::refused::{self, Turned, Unfinished};
use crate::release::Release;
use crate::reply::Delivery;
use crate::restore::Restored;
use crate::reveal::may_be_asked;
use crate::session::{Question, Session};
use crate::shell::{Answers as _, NotForwarded, NotRecorded, Replies, Shell};
use crate::snapshot::Snapshot;
use crate::state;
use crate::subjects::About;
use crate::tally::Short;
use crate::turns::{Coming, InTurn};
use crate::vault::Deposit;
use crate::withheld::Withheld;

/// The surroundings of one message.
pub struct Walk<'a, S> {
    /// The effects.
    pub shell: &'a S,
    /// This gateway.
    pub cell: &'a Cell,
    /// The configuration that was in force when the message came.
    pub snapshot: &'a Snapshot,
    /// Its session.
    pub session: &'a Session,
    /// Who sent it, or who gets it.
    pub caller: &'a Caller,
    /// The front that it came through, as the disclosure has it.
    pub front: Option<&'a str>,
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
    decision: u64,
    subject: Subject,
    verdict: Verdict,
    /// Whom it is about; so are its answers.
    about: About,
    id: Option<IdKey>,
    id_raw: Option<Vec<u8>>,
    /// What a `requestState` of its response is bound to.
    binding: Option<Vec<u8>>,
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
    let subject = Subject::of(&message, at.session, Direction::In);
    let (id, id_raw) = (message.id_key(), message.id_raw().map(<[u8]>::to_vec));
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
    let call = at.keeps_results(&message).then(|| Box::new(message.clone()));
    // decide
    let approvals: Vec<Arc<str>> =
        released.iter().flat_map(|r| r.names()).map(|n| n.as_str().into()).collect();
    let (asked, counters) = at.counted_before(&subject, &message);
    let brought = Brought { approvals: &approvals, counters: &counters };
    let now = at.shell.now();
    let permitted = match decide::decide(at.snapshot, at.session, at.caller, &subject, message, now, brought)
    {
        Ok(permitted) => permitted,
        // hold
        Err(denied) => {
            let looked = at.look(&subject, None, &denied.message).await;
            return match at.hold(&subject, denied, &looked, &counters) {
                Ok(waiting) => Err(Unfinished::Held(Box::new(Waiting { leg, ..*waiting }))),
                Err(denied) => Err(at.denied(&subject, denied, &looked, &counters).await.into()),
            };
        }
    };
    let verdict = permitted.verdict().clone();
    // mask in
    let masked = match at.mask_in(&subject, permitted, &approvals).await {
        Ok(masked) => masked,
        Err(withheld) => {
            if released.is_none() && !withheld.holding.is_empty() {
                let looked = at.look(&subject, None, &withheld.message).await;
                if let Some(waiting) = at.hold_content(&subject, &withheld, &looked) {
                    return Err(Unfinished::Held(Box::new(Waiting { leg, ..*waiting })));
                }
            }
            return Err(at.withheld(&subject, &verdict, &withheld).await.into());
        }
    };
    // record
    let approval = released.map(hold::used_json);
    let facts = Facts { approval: approval.as_deref(), counters: &counters, ..at.facts(&subject) };
    if let Some(released) = released
        && at.consume(facts, &verdict, released).await.is_err()
    {
        return Err(refused::not_recorded(id_raw.as_deref()).into());
    }
    let about = masked.get().about.clone();
    let Ok(recorded) = record::decision(at.shell, facts, masked, one_way).await else {
        return Err(refused::not_recorded(id_raw.as_deref()).into());
    };
    let mut related = Related {
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
    let mut answers = match at.shell.forward(recorded).await {
        Ok(answers) => InTurn::new(at.shell, answers),
        Err(reason) if one_way => return Err(refused::failure(None, &reason).into()),
        Err(reason) => return Err(at.failed(&related, reason).await.into()),
    };
    // inspect, mask out, record, reply: for each message that comes back
    let mut answered = one_way;
    while let Some(next) = answers.next().await {
        if at.caller.has_expired(at.shell.now()) && !one_way {
            return Err(at
                .failed(
                    &related,
                    NotForwarded::Upstream { reason: "the caller's token has expired", status: 401 },
                )
                .await
                .into());
        }
        let coming = match next {
            Ok(coming) => coming,
            Err(reason) if !answered => return Err(at.failed(&related, reason).await.into()),
            Err(_) => break,
        };
        if one_way && matches!(coming.message.kind(), Kind::Result | Kind::Error) {
            // Nobody answers a notification: what came says only that it was not taken, which the status says too.
            continue;
        }
        related.may_resume |= coming.event_id.is_some();
        let Some(reply) = back(at, Some(&related), coming).await? else { continue };
        let last = reply.get().last;
        answered |= last;
        replies.deliver(reply.map(|reply| Delivery { status: answers.status(), ..reply })).await;
        if last {
            break;
        }
    }
    if !answered && !at.session.resumable(&related) {
        // A status of the server's own says more than ours would: 404 ends a session, 400 sends a client to another era.
        let reason = match answers.status() {
            status @ 400..=599 => {
                NotForwarded::Upstream { reason: "the server answered with an error status", status }
            }
            _ => NotForwarded::Upstream { reason: "the server ended its answer early", status: 502 },
        };
        return Err(at.failed(&related, reason).await.into());
    }
    Ok(Walked { status: answers.status() })
}

/// A caller's response to a request of the server.
///
/// # Errors
/// When nothing was asked, or the answer may not or cannot go on.
pub async fn respond<S: Shell>(at: Walk<'_, S>, message: Message) -> Result<Walked, Turned> {
    let question = message.id_key().and_then(|id| at.session.answer(&id));
    let Some(question) = question else {
        // Nobody asked: a response that fits no request is not forwarded (it could answer somebody else's).
        return Err(Turned::new(None, 400, "refused"));
    };
    let subject =
        Subject { action: question.action, resource: question.resource.clone(), direction: Direction::In };
    let looked = at.look(&subject, Some(question.action), &message).await;
    let around = Around { looked: &looked, ..at.around(&subject, Some(question.action)) };
    let said = Said { decision: "permit", verdict: Some(&question.verdict), error: None };
    let facts = at.facts(&subject);
    let recorded = match mask(&around, message) {
        Ok(masked) => {
            let masked = masked.answering(&question.about);
            let content = Content::Masked(&masked);
            at.session.note_restored(&masked.restored.values);
            let onward = masked.restored.message.as_ref().unwrap_or(&masked.message).clone();
            let permitted = decide::answering(&question, onward);
            record::outcome(at.shell, facts, question.decision, said, content, permitted).await
        }
        Err(withheld) => {
            // The server waits for an answer: it gets one that says so, and the record says why.
            let Some(answer) = refused::answer_for_server(&withheld.message, withheld.reason.reason()) else {
                return Err(Turned::new(None, 400, "withheld"));
            };
            let permitted = decide::answering(&question, answer);
            let said = Said { decision: "withhold", error: Some(withheld.reason.name()), ..said };
            record::outcome(at.shell, facts, question.decision, said, Content::Withheld(&withheld), permitted)
                .await
        }
    };
    let recorded = recorded.map_err(|_| refused::not_recorded(None))?;
    match at.shell.forward(recorded).await {
        Ok(answers) => Ok(Walked { status: answers.status() }),
        Err(reason) => Err(refused::failure(None, &reason)),
    }
}

/// A message of a server, from inspection to what may be delivered. `None` when nothing is.
///
/// # Errors
/// The gate's own answer when the response to `related` cannot be recorded.
pub async fn back<S: Shell>(
    at: Walk<'_, S>,
    related: Option<&Related>,
    coming: Coming,
) -> Result<Option<Recorded<Delivery>>, Unfinished> {
    let message = &coming.message;
    match (message.kind(), related) {
        (Kind::Request | Kind::Notification, _) => {
            Ok(at.asked_by_server(related.map(|r| &r.about), coming).await)
        }
        (Kind::Result | Kind::Error, Some(related))
            if message.id_key().is_none() || message.id_key() == related.id =>
        {
            at.response(related, coming).await.map(Some)
        }
        // A response to nothing that was asked.
        (Kind::Result | Kind::Error, _) => {
            at.shell.unexpected();
            Ok(None)
        }
    }
}

impl<S: Shell> Walk<'_, S> {
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
            counters: &[],
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
        }
    }

    /// What the detector cannot see by itself.
    async fn look(&self, subject: &Subject, answers: Option<Action>, message: &Message) -> Looked {
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

    async fn mask_in(
        &self,
        subject: &Subject,
        permitted: Permitted<Message>,
        approvals: &[Arc<str>],
    ) -> Result<Permitted<Masked>, Box<Withholding>> {
        let looked = self.look(subject, None, permitted.get()).await;
        let around = Around { looked: &looked, approvals, ..self.around(subject, None) };
        let masked = permitted.try_map(|message| mask(&around, message))?;
        self.shell.masked(&masked.get().report, self.snapshot.detector.classes());
        self.session.note_restored(&masked.get().restored.values);
        Ok(masked)
    }

    /// Says that a server gives out what it is not said to have.
    fn alert(&self, drift: &Drift) {
        if !drift.is_empty() {
            let names = self.snapshot.detector.classes();
            let classes = drift.classes.iter().map(|c| names.name(c));
            let what: Vec<&str> = classes.chain(drift.kinds.iter().copied()).collect();
            self.shell.drifted(&self.session.server.name, &what);
        }
    }

    /// The values behind the stand-ins of a message are durable before it is delivered.
    async fn keep(&self, mut masked: Masked) -> Result<Masked, Box<Withholding>> {
        let deposits = std::mem::take(&mut masked.deposits);
        if self.kept(deposits, &masked.sealed_for()).await.is_ok() {
            return Ok(masked);
        }
        let Masked { message, found, drift, mac, size, .. } = masked;
        let (reason, holding) = (Withheld::Vault, Vec::new());
        Err(Box::new(Withholding { message, reason, found, drift, mac, size, holding }))
    }

    /// Keeps values under the marks of the keys that seal the message's recording: they are erased with it.
    async fn kept(&self, mut deposits: Vec<Deposit>, about: &About) -> Result<(), NotRecorded> {
        if deposits.is_empty() {
            return Ok(());
        }
        let mut marks: Vec<[u8; 16]> = self.session.keys.iter().map(|key| key.id()).collect();
        for label in &about.labels {
            marks.push(self.shell.subject_key(*label)?.0.id());
        }
        deposits.iter_mut().for_each(|d| d.marks.clone_from(&marks));
        self.shell.keep(deposits).await
    }

    /// The response to a caller's request: inspect, mask out, record.
    async fn response(&self, related: &Related, coming: Coming) -> Result<Recorded<Delivery>, Unfinished> {
        let Coming { message, event_id, seams } = coming;
        let subject = Subject { direction: Direction::Out, ..related.subject.clone() };
        let facts = self.facts(&subject);
        let around = Around { seams: &seams, ..self.around(&subject, Some(subject.action)) };
        let said = Said { decision: "permit", verdict: Some(&related.verdict), error: None };
        let inspected = inspect(self.snapshot, self.session, self.caller, subject.action, message)
            .and_then(|message| self.permitted_input(message));
        let masked = match inspected {
            Ok(message) => {
                let message = state::bind(&self.cell.mac, related.binding.as_deref(), facts.now, message);
                let looked = self.look(&subject, Some(subject.action), &message).await;
                let around = Around { looked: &looked, ..around };
                let masked = mask(&around, message);
                if related.call.is_some() { lift(&around, masked) } else { masked }
            }
            Err((message, reason)) => Err(around.withhold(message, reason)),
        };
        self.alert(match &masked {
            Ok(masked) => &masked.drift,
            Err(withheld) => &withheld.drift,
        });
        let masked = match masked {
            Ok(masked) => self.keep(masked.answering(&related.about)).await,
            Err(withheld) => Err(withheld),
        };
        let recorded = match masked {
            Ok(masked) => {
                self.shell.masked(&masked.report, self.snapshot.detector.classes());
                // release
                let said = match self.release(&subject, related, &masked) {
                    Release::Goes => said,
                    Release::Waits(waiting, verdict) => {
                        let said = Said {
                            decision: "withhold",
                            verdict: Some(&verdict),
                            error: Some("result-held"),
                        };
                        let content = Content::Masked(&masked);
                        let of = related.decision;
                        return match record::outcome(self.shell, facts, of, said, content, ()).await {
                            Ok(_) => Err(Unfinished::Held(waiting)),
                            Err(_) => Err(refused::not_recorded(related.id_raw.as_deref()).into()),
                        };
                    }
                    Release::Stays(verdict) => {
                        return self.stays(related, facts, &masked, &verdict, event_id).await;
                    }
                };
                let delivery = Delivery::response(masked.message.bytes().to_vec(), event_id);
                record::outcome(self.shell, facts, related.decision, said, Content::Masked(&masked), delivery)
                    .await
            }
            Err(withheld) => {
                let text = format!("Withheld by Carnet: {}.", withheld.reason.reason());
                let answer = refused::in_place_of(&withheld.message, subject.action, &text);
                let delivery = Delivery::response(answer, event_id);
                let said = Said { decision: "withhold", error: Some(withheld.reason.name()), ..said };
                record::outcome(
                    self.shell,
                    facts,
                    related.decision,
                    said,
                    Content::Withheld(&withheld),
                    delivery,
                )
                .await
            }
        };
        recorded.map_err(|_| refused::not_recorded(related.id_raw.as_deref()).into())
    }

    /// A result that policies keep back for good.
    async fn stays(
        &self,
        related: &Related,
        facts: Facts<'_>,
        masked: &Masked,
        verdict: &Verdict,
        event_id: Option<String>,
    ) -> Result<Recorded<Delivery>, Unfinished> {
        let said = Said { decision: "withhold", verdict: Some(verdict), error: Some("result-denied") };
        let answer = refused::in_place_of(&masked.message, related.subject.action, &refused::denial(verdict));
        let delivery = Delivery::response(answer, event_id);
        let content = Content::Masked(masked);
        let recorded = record::outcome(self.shell, facts, related.decision, said, content, delivery).await;
        recorded.map_err(|_| refused::not_recorded(related.id_raw.as_deref()).into())
    }

    /// A request or notification of the server, perhaps while it answers a call: decide, mask out, record.
    async fn asked_by_server(&self, call: Option<&About>, coming: Coming) -> Option<Recorded<Delivery>> {
        let Coming { message, event_id, seams } = coming;
        let subject = Subject::of(&message, self.session, Direction::Out);
        let (id, asks) = (message.id_key(), message.kind() == Kind::Request);
        let now = self.shell.now();
        let decided = decide::decide(
            self.snapshot,
            self.session,
            self.caller,
            &subject,
            message,
            now,
            Brought::default(),
        );
        let permitted = match decided {
            Ok(permitted) => permitted,
            Err(denied) => {
                let said = Said { decision: "deny", verdict: Some(&denied.verdict), error: None };
                self.refuse_server(&subject, &denied.message, said, &refused::denial(&denied.verdict)).await;
                return None;
            }
        };
        let verdict = permitted.verdict().clone();
        let looked = self.look(&subject, None, permitted.get()).await;
        let around = Around { seams: &seams, looked: &looked, ..self.around(&subject, None) };
        let mut deposits = Vec::new();
        let masked = permitted.try_map(|message| {
            let mut masked = mask(&around, message)?;
            if let Some(call) = call {
                masked = masked.answering(call);
            }
            deposits = std::mem::take(&mut masked.deposits);
            Ok::<_, Box<Withholding>>(masked)
        });
        self.alert(match &masked {
            Ok(masked) => &masked.get().drift,
            Err(withheld) => &withheld.drift,
        });
        let masked = match masked {
            Ok(masked) => masked,
            Err(withheld) => {
                let said = Said {
                    decision: "withhold",
                    verdict: Some(&verdict),
                    error: Some(withheld.reason.name()),
                };
                self.refuse_server(&subject, &withheld.message, said, withheld.reason.reason()).await;
                return None;
            }
        };
        self.shell.masked(&masked.get().report, self.snapshot.detector.classes());
        if self.kept(deposits, &masked.get().sealed_for()).await.is_err() {
            let why = Withheld::Vault;
            let said = Said { decision: "withhold", verdict: Some(&verdict), error: Some(why.name()) };
            self.refuse_server(&subject, &masked.get().message, said, why.reason()).await;
            return None;
        }
        let about = masked.get().sealed_for();
        let recorded = record::decision(self.shell, self.facts(&subject), masked, !asks).await.ok()?;
        if let (true, Some(id)) = (asks, id) {
            let decision = recorded.receipt().index;
            let resource = subject.resource.clone();
            let question = Question { decision, action: subject.action, resource, verdict, about };
            if let Err(question) = self.session.ask(id, question) {
                self.unanswerable(&subject, question, recorded).await;
                return None;
            }
        }
        Some(recorded.map(|permitted| Delivery::message(permitted.into_inner().into_bytes(), event_id)))
    }

    /// A server's question under an id that is open already, or one too many: its answer could not be told from
    /// another's. It ends here, and the server is told.
    async fn unanswerable(&self, subject: &Subject, question: Question, asked: Recorded<Permitted<Message>>) {
        let said =
            Said { decision: "refuse", verdict: Some(&question.verdict), error: Some("too-many-questions") };
        let asked = asked.into_inner();
        let facts = self.facts(subject);
        let content = Content::Unread(asked.get().bytes().len());
        let recorded = record::outcome(self.shell, facts, question.decision, said, content, ()).await;
        let answer = refused::answer_for_server(asked.get(), "too many questions are open, or this id is");
        if let (Ok(recorded), Some(answer)) = (recorded, answer) {
            let answer = asked.map(|_| answer);
            let _ = self.shell.forward(recorded.map(|()| answer)).await;
        }
    }

    /// Records that a server's message goes no further and, if it was a request, tells the server so.
    async fn refuse_server(&self, subject: &Subject, message: &Message, said: Said<'_>, text: &str) {
        let verdict = said.verdict.cloned();
        let size = message.bytes().len();
        let recorded =
            record::stopped(self.shell, self.facts(subject), said, Content::Unread(size), ()).await;
        let (Ok(recorded), Some(verdict), Kind::Request) = (recorded, verdict, message.kind()) else {
            return;
        };
        let Some(answer) = refused::answer_for_server(message, text) else { return };
        let answer = Permitted::new(answer, verdict);
        let _ = self.shell.forward(recorded.map(|()| answer)).await;
    }

    /// A result may ask the caller for something (`input_required`): each request in it is decided like one of its own.
    fn permitted_input(&self, message: Message) -> Result<Message, (Message, Withheld)> {
        let resource = carnet_model::Resource::Server(self.session.server.name.clone());
        let permitted = inspect::asked(&message).into_iter().all(|(action, method)| {
            let context = carnet_policy::Context {
                method: &method,
                direction: Direction::Out,
                now: self.shell.now().seconds,
                ..carnet_policy::Context::default()
            };
            let principal = &self.caller.key;
            let request =
                carnet_policy::Request { principal, action, resource: &resource, context: &context };
            self.snapshot.policies.decide(&request).is_permit()
        });
        if permitted { Ok(message) } else { Err((message, Withheld::Input)) }
    }

    /// A `requestState` that was not given to this caller for this request.
    async fn not_its_state(&self, subject: &Subject, message: &Message) -> Turned {
        let text = "Refused by Carnet: requestState was not given for this request, or has expired.";
        let answer = refused::answer(message, Action::OTHER, code::INVALID_PARAMS, text);
        let said = Said { decision: "refuse", verdict: None, error: Some("request-state") };
        let content = Content::Unread(message.bytes().len());
        match record::stopped(self.shell, self.facts(subject), said, content, answer).await {
            Ok(recorded) => Turned::new(recorded.into_inner(), 400, "refused"),
            Err(_) => refused::not_recorded(message.id_raw()),
        }
    }

    async fn denied(
        &self,
        subject: &Subject,
        denied: Denied,
        looked: &Looked,
        counters: &[(Arc<str>, i64)],
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
        let facts = Facts { counters, ..self.facts(subject) };
        match record::stopped(self.shell, facts, said, content, answer).await {
            Ok(recorded) => Turned::new(recorded.into_inner(), 202, "deny"),
            Err(_) => refused::not_recorded(denied.message.id_raw()),
        }
    }

    async fn withheld(&self, subject: &Subject, verdict: &Verdict, withheld: &Withholding) -> Turned {
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
    async fn failed(&self, related: &Related, reason: NotForwarded) -> Turned {
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
