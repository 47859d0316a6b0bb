//! What a server sends back: inspect, mask out, release, record. And what a caller answers to a server's own question, which
//! walks the same way in the other direction.

use carnet_mcp::{Kind, Message};
use carnet_policy::Direction;

use crate::decide::{self, Subject};
use crate::inspect::{self, inspect};
use crate::labels::{self, Labels, Row};
use crate::mask::{Around, Drift, Masked, Withholding, lift, mask};
use crate::permitted::Recorded;
use crate::record::{self, Content, Facts, Said};
use crate::refused::{self, Turned, Unfinished};
use crate::release::Release;
use crate::reply::Delivery;
use crate::shell::{Answers as _, NotRecorded, Shell};
use crate::state;
use crate::subjects::About;
use crate::turns::Coming;
use crate::vault::Deposit;
use crate::walk::{Related, Walk, Walked};
use crate::withheld::Withheld;
/// A message of a server, from inspection to what may be delivered. `None` when nothing is.
///
/// # Errors
/// The gate's own answer when the response to `related` cannot be recorded.
pub async fn back<S: Shell>(
    at: Walk<'_, S>,
    related: Option<&Related>,
    coming: Coming,
) -> Result<Option<Recorded<Delivery>>, Unfinished> {
    let labels = at.labels();
    let at = Walk { labels: &labels, ..at };
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

/// A caller's response to a request of the server.
///
/// # Errors
/// When nothing was asked, or the answer may not or cannot go on.
pub async fn respond<S: Shell>(at: Walk<'_, S>, message: Message) -> Result<Walked, Turned> {
    let labels = at.labels();
    let at = Walk { labels: &labels, ..at };
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

impl<S: Shell> Walk<'_, S> {
    /// Says that a server gives out what it is not said to have.
    pub(crate) fn alert(&self, drift: &Drift) {
        if !drift.is_empty() {
            let names = self.snapshot.detector.classes();
            let classes = drift.classes.iter().map(|c| names.name(c));
            let what: Vec<&str> = classes.chain(drift.kinds.iter().copied()).collect();
            self.shell.drifted(&self.session.server.name, &what);
        }
    }

    /// The values behind the stand-ins of a message are durable before it is delivered.
    pub(crate) async fn keep(&self, mut masked: Masked) -> Result<Masked, Box<Withholding>> {
        let deposits = std::mem::take(&mut masked.deposits);
        if self.kept(deposits, &masked.sealed_for()).await.is_ok() {
            return Ok(masked);
        }
        let Masked { message, found, drift, mac, size, .. } = masked;
        let (reason, holding) = (Withheld::Vault, Vec::new());
        Err(Box::new(Withholding { message, reason, found, drift, mac, size, holding }))
    }

    /// Keeps values under the marks of the keys that seal the message's recording: they are erased with it.
    pub(crate) async fn kept(&self, mut deposits: Vec<Deposit>, about: &About) -> Result<(), NotRecorded> {
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
    pub(crate) async fn response(
        &self,
        related: &Related,
        coming: Coming,
    ) -> Result<Recorded<Delivery>, Unfinished> {
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
                let released = self.release(&subject, related, &masked);
                if !matches!(released, Release::Stays(_))
                    && self.remember(&subject, &masked, &released).await.is_err()
                {
                    let why = Withheld::Unremembered;
                    let said = Said { decision: "withhold", error: Some(why.name()), ..said };
                    let text = format!("Withheld by Carnet: {}.", why.reason());
                    return self.kept_back(related, facts, &masked, said, &text, event_id).await;
                }
                let said = match released {
                    Release::Goes(_) => said,
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
                        let said = Said {
                            decision: "withhold",
                            verdict: Some(&verdict),
                            error: Some("result-denied"),
                        };
                        let text = refused::denial(&verdict);
                        return self.kept_back(related, facts, &masked, said, &text, event_id).await;
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

    /// What is about to be given out is counted, and what its caller reads by it is remembered, before it is.
    async fn remember(
        &self,
        subject: &Subject,
        masked: &Masked,
        released: &Release,
    ) -> Result<(), NotRecorded> {
        let counted = match released {
            Release::Goes(row) => row.clone(),
            Release::Waits(..) | Release::Stays(_) => None,
        };
        self.remembered(subject, masked, counted).await
    }

    /// See [`Walk::remember`]. A result that waits for an approval is read when it goes out; it counts as read from now on.
    pub(crate) async fn remembered(
        &self,
        subject: &Subject,
        masked: &Masked,
        counted: Option<Row>,
    ) -> Result<(), NotRecorded> {
        let (now, lasts) = (self.shell.now().seconds, self.snapshot.approvals.labels);
        let mut rows: Vec<Row> = counted.into_iter().collect();
        let mut read = Labels::new();
        if self.snapshot.policies.remembers() {
            read = labels::of_message(self.session, subject, masked, self.snapshot.detector.classes());
            rows.extend(self.session.readings.note(&read, now, lasts));
        }
        if !rows.is_empty() {
            self.shell.remember(rows).await?;
            self.session.readings.stored(&read, now);
        }
        Ok(())
    }

    /// A result that is kept back for good.
    async fn kept_back(
        &self,
        related: &Related,
        facts: Facts<'_>,
        masked: &Masked,
        said: Said<'_>,
        text: &str,
        event_id: Option<String>,
    ) -> Result<Recorded<Delivery>, Unfinished> {
        let answer = refused::in_place_of(&masked.message, related.subject.action, text);
        let delivery = Delivery::response(answer, event_id);
        let content = Content::Masked(masked);
        let recorded = record::outcome(self.shell, facts, related.decision, said, content, delivery).await;
        recorded.map_err(|_| refused::not_recorded(related.id_raw.as_deref()).into())
    }

    /// A result may ask the caller for something (`input_required`): each request in it is decided like one of its own.
    pub(crate) fn permitted_input(&self, message: Message) -> Result<Message, (Message, Withheld)> {
        let resource = carnet_model::Resource::Server(self.session.server.name.clone());
        let permitted = inspect::asked(&message).into_iter().all(|(action, method)| {
            let context = carnet_policy::Context {
                method: &method,
                direction: Direction::Out,
                now: self.shell.now().seconds,
                labels: self.labels,
                ..carnet_policy::Context::default()
            };
            let principal = &self.caller.key;
            let request =
                carnet_policy::Request { principal, action, resource: &resource, context: &context };
            self.snapshot.policies.decide(&request).is_permit()
        });
        if permitted { Ok(message) } else { Err((message, Withheld::Input)) }
    }
}
