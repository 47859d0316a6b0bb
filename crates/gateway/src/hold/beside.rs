//! A walk beside the one that a caller waits for: nobody reads its reply. A dry run is one, and the run of a task.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock};

use carnet_gate::Walk;
use carnet_mcp::Message;
use http::header::{ACCEPT, HeaderMap, HeaderValue};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::call::{CallShell, Growing, Outbox};
use crate::downstream::Arrived;
use crate::downstream::post::Task;
use crate::downstream::way::{most_bytes, way};
use crate::load::Runtime;
use crate::telemetry::Watched;

/// See the module. As long as it lives its session does.
pub(super) struct Beside {
    pub(super) task: Task,
    pub(super) shell: CallShell,
    _inside: OwnedSemaphorePermit,
}

impl Task {
    /// A walk for a message in this session, under this configuration. `None` when there is no way to the server.
    pub(super) fn beside(&self, runtime: Arc<Runtime>, message: &Message) -> Option<Beside> {
        let server = runtime.servers.get(&*self.open.gate.server.name).cloned()?;
        let inside = self.open.enter()?;
        let Arrived { caller, front, .. } = &self.arrived;
        let arrived = Arrived { runtime, caller: caller.clone(), front: front.clone() };
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
        let link = way(&arrived, &server, &headers, &self.open, message);
        let (respond, _) = oneshot::channel();
        let reply = Growing::new(respond, None, false);
        let shell = CallShell {
            gateway: self.gateway.clone(),
            open: self.open.clone(),
            most: 0,
            initialize: false,
            until: self.gateway.ending.cut(),
            most_bytes: most_bytes(&arrived, &self.open, message.action()),
            link,
            reply: reply.clone(),
            gone: Mutex::new(None),
            consumed: AtomicBool::new(false),
        };
        let (gateway, open) = (self.gateway.clone(), self.open.clone());
        let (origin, fetched) = (self.origin, OnceLock::new());
        let task = Task { gateway, arrived, open, reply, origin, fetched };
        Some(Beside { task, shell, _inside: inside })
    }
}

impl Beside {
    /// Where its reply is kept.
    pub(super) fn outbox(&self) -> Watched<Outbox> {
        let (reply, until) = (self.task.reply.clone(), self.shell.until.clone());
        Watched::new(Outbox { reply, kept: None, keeps: true, until }, false)
    }

    /// The walk, under the configuration that it was made for.
    pub(super) fn at(&self) -> Walk<'_, CallShell> {
        self.task.at(&self.shell, &self.task.arrived.runtime)
    }
}
