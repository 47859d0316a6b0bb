//! Held calls as tasks (extension `io.modelcontextprotocol/tasks` of 2026-07-28): the call is answered with a task at once, and
//! the caller asks how it goes. The gateway answers for its own tasks; those of servers go on to them.
//!
//! A task whose call was approved runs when its caller asks next: then the caller is identified anew and the call is decided
//! under what is in force then.

use std::sync::Arc;

use carnet_approvals::{Ending, Event, Id, Phase};
use carnet_gate::{Delivery, Turned};
use carnet_mcp::Message;
use carnet_model::Action;

use super::wait::Held as OnHold;
use super::{Entry, wait};
use crate::downstream::post::Task;
use crate::gateway::{Gateway, now};

/// How often callers are asked to look, milliseconds.
const POLL: u64 = 2000;

/// The result that makes a call a task.
pub(super) fn created(entry: &Entry, message: &Message) -> OnHold {
    let Some(id) = message.id_raw() else { return wait::pending(entry, message) };
    let body = format!("\"resultType\":\"task\",{}", state(entry, "working", "waiting for an approval"));
    say(id, &body)
}

fn say(id: &[u8], body: &str) -> OnHold {
    let mut bytes = br#"{"jsonrpc":"2.0","id":"#.to_vec();
    bytes.extend_from_slice(id);
    bytes.extend_from_slice(format!(r#","result":{{{body}}}}}"#).as_bytes());
    let delivery = Delivery { bytes, event_id: None, status: 200, last: true };
    OnHold::Answer(Turned { answer: Some(delivery), status: 200, decision: "held" })
}

/// The members of a task.
fn state(entry: &Entry, status: &str, text: &str) -> String {
    let held = entry.held();
    let (created, updated) = (held.request.binding.from, now().seconds);
    let ttl = held.until().saturating_sub(created).max(0).saturating_mul(1000);
    format!(
        r#""taskId":"{}","status":"{status}","statusMessage":{},"createdAt":"{}","lastUpdatedAt":"{}","ttlMs":{ttl},"pollIntervalMs":{POLL}"#,
        entry.id,
        carnet_json::quote(text),
        utc(created),
        utc(updated),
    )
}

/// ISO 8601 in UTC.
fn utc(seconds: i64) -> String {
    let days = seconds.div_euclid(86_400);
    let rest = seconds.rem_euclid(86_400);
    // Howard Hinnant, chrono-compatible low-level date algorithms: days to civil.
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let (d, m) = (doy - (153 * mp + 2) / 5 + 1, if mp < 10 { mp + 3 } else { mp - 9 });
    let y = yoe + era * 400 + i64::from(m <= 2);
    format!("{y:04}-{m:02}-{d:02}T{:02}:{:02}:{:02}Z", rest / 3600, rest / 60 % 60, rest % 60)
}

/// What a caller asks of a task of the gateway's own.
pub(crate) enum Asked {
    /// It is answered.
    Said(OnHold),
    /// It may run now: the caller is told that it works, and the call is walked beside.
    Run(Arc<Entry>, Turned),
}

impl Gateway {
    /// The answer to a question about a task, if the task is a held call of this caller. `None`: it is a server's.
    pub(crate) async fn asked_of_task(
        &self,
        caller: &carnet_gate::Caller,
        message: &Message,
    ) -> Option<Asked> {
        let action = message.action();
        if !matches!(action, Action::TASKS_GET | Action::TASKS_CANCEL | Action::TASKS_UPDATE) {
            return None;
        }
        let id: Id = message.params()?.get("taskId")?.as_str()?.parse().ok()?;
        let entry = self.holds.get(&id).filter(|entry| entry.is_of(caller))?;
        let raw = message.id_raw()?;
        if action == Action::TASKS_CANCEL {
            let _ = self.happens(&entry, &Event::Cancel).await;
        }
        let held = entry.held();
        let complete = |status: &str, text: &str| {
            say(raw, &format!("\"resultType\":\"complete\",{}", state(&entry, status, text)))
        };
        Some(Asked::Said(match held.phase {
            Phase::Pending => complete("working", "waiting for an approval"),
            Phase::Taken => complete("working", "approved, running"),
            Phase::Approved if held.request.result => {
                self.take_result(&entry).await;
                self.task_result(&entry, raw).await
            }
            Phase::Approved => match complete("working", "approved, running") {
                OnHold::Answer(turned) => return Some(Asked::Run(entry.clone(), turned)),
                run => run,
            },
            Phase::Ended(Ending::Cancelled) => complete("cancelled", "cancelled"),
            Phase::Ended(Ending::Consumed) => self.task_result(&entry, raw).await,
            Phase::Ended(ending) => finished(&entry, raw, &wait::ended(&held, ending, message)),
        }))
    }

    async fn task_result(&self, entry: &Arc<Entry>, raw: &[u8]) -> OnHold {
        let result = self.holds.result_of(entry).await;
        match result.as_deref().and_then(result_member) {
            Some((member, value)) => {
                let status = if member == "error" { "failed" } else { "completed" };
                let body = format!(
                    "\"resultType\":\"complete\",{},\"{member}\":{value}",
                    state(entry, status, "done")
                );
                say(raw, &body)
            }
            None => {
                let text = "its result is not kept any more";
                say(raw, &format!("\"resultType\":\"complete\",{}", state(entry, "failed", text)))
            }
        }
    }
}

/// A call that was not permitted to run is a task that completed with a result that says so: the model reads it.
fn finished(entry: &Entry, raw: &[u8], answer: &OnHold) -> OnHold {
    let bytes = match answer {
        OnHold::Answer(Turned { answer: Some(answer), .. }) => answer.bytes.clone(),
        _ => Vec::new(),
    };
    let (member, value) = result_member(&bytes).unwrap_or_else(|| ("result".to_owned(), "{}".to_owned()));
    let body =
        format!("\"resultType\":\"complete\",{},\"{member}\":{value}", state(entry, "completed", "denied"));
    say(raw, &body)
}

/// `result` or `error` of a response.
fn result_member(bytes: &[u8]) -> Option<(String, String)> {
    let message = Message::parse_one(bytes.to_vec(), &carnet_json::Limits::default()).ok()?;
    let (name, value) = match (message.result(), message.error()) {
        (Some(result), _) => ("result", result),
        (None, Some(error)) => ("error", error),
        (None, None) => return None,
    };
    Some((name.to_owned(), value.raw_str().to_owned()))
}

impl Task {
    /// Runs an approved call whose caller asks how it goes, in a task of its own. Its result is kept for the next question.
    pub(super) async fn run_task(&self, entry: Arc<Entry>) {
        let Ok(saved) = self.gateway.holds.saved(&entry) else { return };
        let limits = carnet_json::Limits { bytes: usize::MAX, ..carnet_json::Limits::default() };
        let Ok(message) = Message::parse_one(saved.message.into_bytes(), &limits) else { return };
        let runtime = self.gateway.runtime.load_full();
        let Some(beside) = self.beside(runtime, &message) else { return };
        tokio::spawn(async move { Box::pin(beside.walk_taken(message, entry)).await });
    }
}
