//! One request from its first walk to its answer: walked, perhaps held, and when it is approved walked again under what is
//! in force then, once.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use carnet_approvals::{Ending, Event};
use carnet_gate::{Turned, Unfinished, Walk, Walked};
use carnet_json::Edits;
use carnet_mcp::Message;
use carnet_model::Action;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::beside::Beside;
use super::{Asked, Caller, Entry, OnHold, Place, Run, wait};
use crate::call::{CallShell, Outbox};
use crate::downstream::post::Task;
use crate::gateway::Gateway;
use crate::load::Runtime;
use crate::telemetry::Watched;

impl Task {
    /// Walks a request or notification of a caller to its end.
    pub(crate) async fn walk_through(
        &self,
        shell: &CallShell,
        message: Message,
        outbox: &mut Watched<Outbox>,
        places: &mut Vec<OwnedSemaphorePermit>,
    ) -> Result<Walked, Turned> {
        let (gateway, caller) = (&self.gateway, &*self.arrived.caller);
        if message.action() == Action::CANCELLED {
            gateway.cancelled(self.open.gate.gs, &message).await;
        }
        match gateway.asked_of_task(caller, &message).await {
            Some(Asked::Said(said)) => return self.said(said, None),
            Some(Asked::Run(entry, turned)) => {
                self.run_task(entry).await;
                return Err(turned);
            }
            None => {}
        }
        let runtime = &self.arrived.runtime;
        if let Some((key, now)) = self.at(shell, runtime).result_key(&message)
            && let Some(entry) = gateway.held_result(&key, &now)
        {
            places.clear();
            let mut gone = shell.gone();
            let who = self.who(runtime, &mut gone);
            let held = Box::pin(gateway.wait_for(who, entry, message)).await;
            return self.said(held, None);
        }
        let mut waiting =
            match Box::pin(carnet_gate::walk(self.at(shell, runtime), message, None, outbox)).await {
                Ok(walked) => return Ok(walked),
                Err(Unfinished::Turned(turned)) => return Err(turned),
                Err(Unfinished::Held(waiting)) => waiting,
                // Nothing was approved that could have changed.
                Err(Unfinished::Void(_)) => {
                    return Err(Turned { answer: None, status: 500, decision: "refused" });
                }
            };
        self.estimated(&mut waiting).await;
        // Whoever waits for people takes no place of those who work.
        places.clear();
        let mut gone = shell.gone();
        let who = self.who(runtime, &mut gone);
        let held = Box::pin(gateway.hold(who, waiting)).await;
        shell.give_gone(gone);
        match held {
            OnHold::Run(run) => Box::pin(self.run(shell, *run, outbox, places)).await,
            said => self.said(said, None),
        }
    }

    fn who<'a>(
        &'a self,
        runtime: &'a Runtime,
        gone: &'a mut Option<tokio::sync::oneshot::Receiver<()>>,
    ) -> Caller<'a> {
        let (caller, session) = (&*self.arrived.caller, &self.open.gate);
        Caller { runtime, caller, reply: &self.reply, gone, session, began: Instant::now(), leg: 0 }
    }

    pub(super) fn at<'a>(&'a self, shell: &'a CallShell, runtime: &'a Runtime) -> Walk<'a, CallShell> {
        let (session, caller) = (&self.open.gate, &*self.arrived.caller);
        let front = self.arrived.front.as_deref();
        Walk::new(shell, &self.gateway.cell, &runtime.gate, session, caller, front)
    }

    fn said(&self, said: OnHold, entry: Option<&Arc<Entry>>) -> Result<Walked, Turned> {
        match said {
            OnHold::Answer(turned) => Err(turned),
            OnHold::Fetched(turned, from) => {
                let _ = self.fetched.set(from);
                Err(turned)
            }
            OnHold::Run(_) => {
                let _ = entry;
                Err(Turned { answer: None, status: 500, decision: "refused" })
            }
        }
    }

    /// Runs an approved call: it is decided again, its approval is used, and nobody runs it after that.
    async fn run(
        &self,
        shell: &CallShell,
        run: Run,
        outbox: &mut Watched<Outbox>,
        places: &mut Vec<OwnedSemaphorePermit>,
    ) -> Result<Walked, Turned> {
        let Run { entry, released, message, place } = run;
        let gateway = &self.gateway;
        let runtime = gateway.runtime.load_full();
        *places = self.places(&runtime).await;
        let message = gateway.holds.stored_arguments(&entry, message);
        let request = message.clone();
        outbox.inner().keeps = true;
        let walk = carnet_gate::walk(self.at(shell, &runtime), message, Some(&released), outbox);
        let walked = Box::pin(walk).await;
        if shell.consumed.load(Ordering::Acquire) {
            if let Some((bytes, there)) = outbox.inner().kept.take()
                && (!there || entry.is_shared())
            {
                gateway.holds.keep_result(&entry, &bytes).await;
            }
            let digest = released.binding().digest();
            if let Err(error) = gateway.happens(&entry, &Event::Consume { digest }).await {
                tracing::error!(%error, "the use of an approval could not be stored; the log has it");
            }
        }
        drop(place);
        match walked {
            Ok(walked) => Ok(walked),
            Err(Unfinished::Turned(turned)) => {
                if !shell.consumed.load(Ordering::Acquire) {
                    gateway.not_run(&entry, turned.decision).await;
                }
                Err(turned)
            }
            Err(Unfinished::Void(why)) => self.voided(&entry, &request, why).await,
            // It has run, and its result waits.
            Err(Unfinished::Held(waiting)) if waiting.result.is_some() => {
                let mut gone = shell.gone();
                let held = Box::pin(gateway.hold(self.who(&runtime, &mut gone), waiting)).await;
                self.said(held, None)
            }
            Err(Unfinished::Held(_)) => self.voided(&entry, &request, "what must be approved").await,
        }
    }

    async fn voided(&self, entry: &Arc<Entry>, request: &Message, why: &str) -> Result<Walked, Turned> {
        self.gateway.void(entry, why).await;
        self.said(wait::ended(&entry.held(), Ending::Void, request), None)
    }

    /// The places of a call that works again.
    async fn places(&self, runtime: &Runtime) -> Vec<OwnedSemaphorePermit> {
        let server = runtime.servers.get(&*self.open.gate.server.name);
        let mut places = Vec::with_capacity(2);
        places.extend(self.gateway.places.clone().acquire_owned().await.ok());
        if let Some(server) = server {
            places.extend(server.places.clone().acquire_owned().await.ok());
        }
        places
    }
}

impl Beside {
    /// Runs an approved call that nobody waits for, and keeps what comes of it.
    pub(super) async fn walk_taken(&self, message: Message, entry: Arc<Entry>) {
        let gateway = &self.task.gateway;
        let place = Place::of(&entry);
        if gateway.happens(&entry, &Event::Take).await.is_err() {
            return;
        }
        let Some(released) = entry.held().released() else { return };
        let mut outbox = self.outbox();
        let run = Run { entry: entry.clone(), released, message, place };
        let walked = Box::pin(self.task.run(&self.shell, run, &mut outbox, &mut Vec::new())).await;
        if let (Err(Turned { answer: Some(answer), .. }), true) =
            (walked, self.shell.consumed.load(Ordering::Acquire))
        {
            gateway.holds.keep_result(&entry, &answer.bytes).await;
        }
    }
}

impl Gateway {
    /// The approval was not used: the call may be tried again where the log did not take it, and not where it was denied.
    async fn not_run(&self, entry: &Arc<Entry>, decision: &str) {
        if decision == "unrecorded" {
            let _ = self.happens(entry, &Event::GiveBack).await;
        } else {
            self.void(entry, "what the policies say of it").await;
        }
    }

    /// A caller of an older revision cancels: what that request waits for is not asked any more.
    async fn cancelled(&self, gs: [u8; 16], message: &Message) {
        let id = message.params().and_then(|p| p.get("requestId")).map(|id| id.raw().to_vec());
        let Some(entry) = id.and_then(|id| self.holds.waits_for(gs, &id)) else { return };
        if !entry.is_shared() {
            let _ = self.happens(&entry, &Event::Cancel).await;
        }
    }
}

impl super::Holds {
    /// The call with its arguments as they were stored. They are the same up to spelling, or it would not be this call.
    fn stored_arguments(&self, entry: &Entry, message: Message) -> Message {
        let limits = carnet_json::Limits { bytes: usize::MAX, ..carnet_json::Limits::default() };
        let stored = self.saved(entry).ok();
        let stored = stored.and_then(|s| Message::parse_one(s.message.into_bytes(), &limits).ok());
        let arguments = stored.as_ref().and_then(|m| m.params()?.get("arguments"));
        let here = message.params().and_then(|p| p.get("arguments"));
        let (Some(arguments), Some(here)) = (arguments, here) else { return message };
        let mut edits = Edits::new();
        edits.replace(here.span(), arguments.raw());
        message.edited(&edits).unwrap_or(message)
    }
}
