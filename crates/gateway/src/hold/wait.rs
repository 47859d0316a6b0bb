//! How a caller is kept waiting: as long as real clients of its revision wait, and no longer.
//!
//! | caller | what it gets |
//! |---|---|
//! | offered a progress token | an event stream at once, progress every `approvals.progress`, the result in the stream |
//! | legacy, without one | an event stream at once; before `approvals.pending` a tool error: pending, call again |
//! | 2026-07-28 with the extension for tasks | a task result at once |
//! | 2026-07-28, without token | before `approvals.leg` `input_required` with a bound state, again and again; then a tool error |
//! | in a batch | a tool error at once: the answers of a batch come together |
//!
//! Who calls again with the same call is attached to the request that waits. Nothing here keeps a call from ending while
//! nobody waits for it, and nothing of a call that nobody waits for is in memory but its entry.

use std::sync::Arc;
use std::time::Duration;

use carnet_approvals::{Binding, Ending, Event, Phase, Released};
use carnet_gate::{Delivery, Turned, Waiting};
use carnet_mcp::{Era, Message};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::{Entry, News, Place, Saved, act};
use crate::call::Growing;
use crate::gateway::{Gateway, now};
use crate::load::Runtime;
use crate::stop::reached;

/// What came of waiting.
pub(crate) enum Held {
    /// It may run, once.
    Run(Box<Run>),
    /// It is answered, for now or for good.
    Answer(Turned),
    /// It has run; this is the result that was kept.
    Fetched(Turned, Arc<Entry>),
}

/// A call that is about to run.
pub(crate) struct Run {
    pub(crate) entry: Arc<Entry>,
    pub(crate) released: Released,
    pub(crate) message: Message,
    pub(crate) place: Place,
}

/// What the caller can be kept waiting with.
enum Mode {
    Progress(Vec<u8>),
    Silent,
    Task,
    Legs,
    Now,
}

/// A caller who waits, and its call.
pub(crate) struct Caller<'a> {
    pub(crate) runtime: &'a Runtime,
    pub(crate) caller: &'a carnet_gate::Caller,
    pub(crate) reply: &'a Arc<Growing>,
    pub(crate) gone: &'a mut Option<oneshot::Receiver<()>>,
    /// When this call came.
    pub(crate) began: Instant,
    pub(crate) session: &'a carnet_gate::Session,
    /// How many legs of `input_required` there were before this one.
    pub(crate) leg: u32,
}

fn mode(message: &Message, batch: bool) -> Mode {
    let declares_tasks = || {
        let declared = message.meta()?.get("io.modelcontextprotocol/clientCapabilities")?;
        declared.get("extensions")?.get("io.modelcontextprotocol/tasks").map(|_| ())
    };
    match (message.era(), message.progress_token_raw()) {
        _ if batch => Mode::Now,
        (Era::Modern, _)
            if declares_tasks().is_some() && message.action() == carnet_model::Action::TOOLS_CALL =>
        {
            Mode::Task
        }
        (_, Some(token)) => Mode::Progress(token.to_vec()),
        (Era::Modern, None) => Mode::Legs,
        (Era::Legacy, None) => Mode::Silent,
    }
}

/// Why a wait is over.
enum Over {
    Changed,
    Leg,
    Gone,
    Stop,
}

impl Gateway {
    /// Holds a call until it may run, or for as long as its caller waits.
    pub(crate) async fn hold(&self, mut who: Caller<'_>, waiting: Box<Waiting>) -> Held {
        let message = waiting.message.clone();
        let entry = match self.attach(who.runtime, &waiting).await {
            Ok(entry) => entry,
            Err(text) => return answer(&message, "refused", text),
        };
        who.leg = waiting.leg;
        drop(waiting);
        self.wait_for(who, entry, message).await
    }

    /// The result of an earlier run of this call that waits for an approval, or is approved and was not fetched.
    pub(crate) fn held_result(&self, key: &[u8; 16], now: &Binding) -> Option<Arc<Entry>> {
        let entry = self.holds.by_key(key)?;
        let held = entry.held();
        let then = &held.request.binding;
        let same = Binding { arguments: then.arguments, ..now.clone() };
        let fits = held.request.result && then.changed(&same).is_none();
        (fits
            && held
                .ending()
                .is_none_or(|e| act::stays(e) || e == Ending::Consumed && self.holds.has_result(&entry)))
        .then_some(entry)
    }

    /// Keeps a caller waiting.
    pub(crate) async fn wait_for(&self, mut who: Caller<'_>, entry: Arc<Entry>, message: Message) -> Held {
        let mode = mode(&message, who.reply.is_batch());
        if matches!(mode, Mode::Progress(_) | Mode::Silent) {
            who.reply.stream();
        }
        let place = Place::of(&entry);
        let _listed = message.id_raw().map(|id| self.holds.list(who.session.gs, id, &entry));
        let leg = match mode {
            Mode::Progress(_) => None,
            Mode::Silent => Some(who.runtime.config.approvals.pending),
            Mode::Legs => Some(who.runtime.config.approvals.leg),
            Mode::Task | Mode::Now => Some(Duration::ZERO),
        };
        let until = leg.map(|leg| who.began + leg);
        loop {
            if let Some(done) = self.look(&who, &entry, &message).await {
                return match done {
                    Done::Take(released) => run(entry, *released, message, place),
                    Done::Say(held) => held,
                };
            }
            match self.pause(&mut who, &entry, until, &mode).await {
                Over::Changed => {}
                Over::Leg => return self.leg_over(&who, &entry, &message, &mode),
                Over::Stop => return pending(&entry, &message),
                Over::Gone => {
                    if !entry.is_shared() {
                        let _ = self.happens(&entry, &Event::Cancel).await;
                    }
                    return Held::Answer(Turned { answer: None, status: 499, decision: "cancelled" });
                }
            }
        }
    }

    /// The request that this call belongs to: the one that waits for the same, or a new one.
    async fn attach(&self, runtime: &Runtime, waiting: &Waiting) -> Result<Arc<Entry>, &'static str> {
        let _lane = match self.holds.lane(&waiting.key) {
            Some(lane) => Some(lane.lock().await),
            None => None,
        };
        if let Some(entry) = self.holds.by_key(&waiting.key) {
            let held = entry.held();
            // The last result of a call takes the place of an earlier one.
            let changed = match held.request.result {
                true => Some("the result"),
                false => held.request.binding.changed(&waiting.request.binding),
            };
            match (held.ending(), changed) {
                (None, None) => return Ok(entry),
                (None, Some(why)) => self.void(&entry, why).await,
                (Some(Ending::Consumed), None) if self.holds.has_result(&entry) => return Ok(entry),
                (Some(ending), None) if act::stays(ending) => return Ok(entry),
                (Some(_), _) => {}
            }
        }
        if self.holds.pending() >= runtime.config.approvals.most {
            return Err("Refused by Carnet: too many calls wait for an approval.");
        }
        self.ask(runtime, waiting).await.map_err(
            |()| "Refused by Carnet: this call needs an approval, and the request could not be made durable.",
        )
    }

    /// A new request: recorded, stored, and only then told of.
    async fn ask(&self, runtime: &Runtime, waiting: &Waiting) -> Result<Arc<Entry>, ()> {
        let before = self.holds.asked_before(waiting);
        let receipt = self.append(waiting.entry.clone()).await.map_err(|_| ())?;
        let held = carnet_approvals::Held::new(waiting.request.clone(), receipt.index);
        let entry = Entry::new(waiting.key, waiting.marks.clone(), held.clone());
        let keep = runtime.config.approvals.keep.as_secs();
        let saved = Saved::new(waiting, held, before, keep);
        if self.holds.save(&entry, &saved).await.is_err() {
            // The log has a request that nobody can answer: its end is recorded too.
            self.void(&entry, "what could be stored").await;
            return Err(());
        }
        self.holds.put(&entry);
        self.by_grant(&entry, waiting).await;
        if entry.lock().phase == Phase::Pending {
            self.holds.tell(News::Asked(entry.id));
        }
        Ok(entry)
    }

    /// Whether waiting is over for what the state says.
    async fn look(&self, who: &Caller<'_>, entry: &Arc<Entry>, message: &Message) -> Option<Done> {
        let held = entry.held();
        match held.phase {
            Phase::Pending | Phase::Taken => None,
            Phase::Approved if who.caller.has_expired(now()) => Some(Done::Say(answer(
                message,
                "unidentified",
                "Refused by Carnet: the token of this call has expired; call again with a new one.",
            ))),
            Phase::Approved if held.request.result => {
                if self.take_result(entry).await {
                    return None;
                }
                let text = "Refused by Carnet: the use of the approval could not be made durable.";
                Some(Done::Say(answer(message, "unrecorded", text)))
            }
            Phase::Approved => match self.happens(entry, &Event::Take).await {
                // Between the look and the taking it may have ended: then it is looked at again.
                Ok(_) => entry.held().released().map(|released| Done::Take(Box::new(released))),
                Err(_) => None,
            },
            Phase::Ended(Ending::Consumed) => Some(Done::Say(self.fetched(entry, message).await)),
            Phase::Ended(ending) => Some(Done::Say(ended(&held, ending, message))),
        }
    }

    /// A result that another caller's run, or an earlier one, has left.
    async fn fetched(&self, entry: &Arc<Entry>, message: &Message) -> Held {
        match self.holds.result(entry, message).await {
            Some(bytes) => {
                let delivery = Delivery { bytes, event_id: None, status: 200, last: true };
                Held::Fetched(
                    Turned { answer: Some(delivery), status: 200, decision: "permit" },
                    entry.clone(),
                )
            }
            None => answer(
                message,
                "held",
                "Carnet: this call was approved and has run; its result was delivered, or is not kept any more.",
            ),
        }
    }

    /// Uses the approval of a result. `false` when that could not be recorded; it may be tried again then.
    pub(super) async fn take_result(&self, entry: &Arc<Entry>) -> bool {
        if self.happens(entry, &Event::Take).await.is_err() {
            // Somebody else has it, or it has just ended: the state says which.
            return true;
        }
        let digest = entry.held().request.digest();
        let used = self.happens(entry, &Event::Consume { digest }).await.is_ok();
        if !used {
            let _ = self.happens(entry, &Event::GiveBack).await;
        }
        used
    }

    async fn pause(
        &self,
        who: &mut Caller<'_>,
        entry: &Arc<Entry>,
        until: Option<Instant>,
        mode: &Mode,
    ) -> Over {
        let changed = entry.changed.notified();
        tokio::pin!(changed);
        changed.as_mut().enable();
        // What has changed before this was asked is seen by the next look.
        if !matches!(entry.lock().phase, Phase::Pending | Phase::Taken) {
            return Over::Changed;
        }
        let mut stopping = self.stopping.subscribe();
        let every = who.runtime.config.approvals.progress.max(Duration::from_millis(10));
        let mut beat = tokio::time::interval_at(Instant::now() + every, every);
        loop {
            let gone = async {
                match who.gone.as_mut() {
                    // Whoever holds the other end drops it when the caller is gone.
                    Some(gone) => drop(gone.await),
                    None => std::future::pending().await,
                }
            };
            let leg = async {
                match until {
                    Some(until) => tokio::time::sleep_until(until).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = &mut changed => return Over::Changed,
                () = gone => { *who.gone = None; return Over::Gone }
                () = reached(Some(&mut stopping)) => return Over::Stop,
                () = leg => return Over::Leg,
                _ = beat.tick() => {}
            }
            if let Mode::Progress(token) = mode {
                // A caller that is gone is noticed where that cancels; elsewhere it keeps its hold.
                let seconds = who.began.elapsed().as_millis();
                who.reply.message(progress(token, seconds)).await;
            }
        }
    }

    /// What a caller gets whose client would not wait longer.
    fn leg_over(&self, who: &Caller<'_>, entry: &Arc<Entry>, message: &Message, mode: &Mode) -> Held {
        match mode {
            Mode::Task => super::tasks::created(entry, message),
            Mode::Legs if who.leg < who.runtime.config.approvals.legs => {
                input_required(self, who, entry, message)
            }
            _ => pending(entry, message),
        }
    }
}

enum Done {
    Take(Box<Released>),
    Say(Held),
}

fn run(entry: Arc<Entry>, released: Released, message: Message, place: Place) -> Held {
    Held::Run(Box::new(Run { entry, released, message, place }))
}

/// A tool error that the model can read, or an error of the protocol.
pub(super) fn answer(message: &Message, decision: &'static str, text: &str) -> Held {
    Held::Answer(Turned { answer: carnet_gate::held_answer(message, text), status: 202, decision })
}

pub(super) fn pending(entry: &Entry, message: &Message) -> Held {
    let text = format!(
        "Held by Carnet: this call waits for an approval (ID {}). Call again with the same arguments to get its result.",
        entry.id
    );
    answer(message, "held", &text)
}

pub(super) fn ended(held: &carnet_approvals::Held, ending: Ending, message: &Message) -> Held {
    let id = held.request.id;
    let denial = held.votes.iter().rfind(|v| v.choice == carnet_approvals::Choice::Deny);
    let reason = carnet_approvals::Inert::new(denial.map_or("", |v| v.reason.as_str()));
    let why = carnet_approvals::Inert::new(held.why.as_deref().unwrap_or_default());
    let text = match ending {
        Ending::Denied => format!("Denied by an approver (ID {id}): {reason}"),
        Ending::Expired => format!("Denied by Carnet: nobody approved this call in time (ID {id})."),
        Ending::Cancelled => format!("Cancelled (ID {id})."),
        Ending::Revoked => format!("Denied: the approval was taken back (ID {id}): {why}"),
        Ending::Void => format!(
            "Denied by Carnet: {why} since the approval was asked for (ID {id}). Call again to ask anew."
        ),
        Ending::Consumed => format!("Carnet: this approval was used (ID {id})."),
    };
    answer(message, "deny", &text)
}

/// Milliseconds only ever grow, and a total is not known.
fn progress(token: &[u8], value: u128) -> Delivery {
    let mut bytes =
        br#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"#.to_vec();
    bytes.extend_from_slice(token);
    bytes.extend_from_slice(
        format!(r#","progress":{value},"message":"Carnet: waiting for an approval"}}}}"#).as_bytes(),
    );
    Delivery { bytes, event_id: None, status: 200, last: false }
}

fn input_required(gateway: &Gateway, who: &Caller<'_>, entry: &Entry, message: &Message) -> Held {
    let state = carnet_gate::hold_state(&gateway.cell, who.session, who.caller, message, now(), who.leg + 1);
    let (Some(id), Some(state)) = (message.id_raw(), state) else { return pending(entry, message) };
    let mut bytes = br#"{"jsonrpc":"2.0","id":"#.to_vec();
    bytes.extend_from_slice(id);
    bytes.extend_from_slice(
        format!(
            r#","result":{{"resultType":"input_required","inputRequests":{{}},"requestState":{}}}}}"#,
            carnet_json::quote(&state)
        )
        .as_bytes(),
    );
    let delivery = Delivery { bytes, event_id: None, status: 200, last: true };
    Held::Answer(Turned { answer: Some(delivery), status: 200, decision: "held" })
}
