//! The operator's own listener of a front: `/metrics`, and `/readyz` with the state of each cell.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use http::{Request, Response, StatusCode, header::HeaderValue};
use hyper::body::Incoming;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::Front;
use crate::body::{self, Reply};
use crate::server::{self, Answer, Listener, ListenerLimits, Peer};

struct Admin(Arc<Front>);

impl Answer for Admin {
    async fn answer(self: Arc<Self>, request: Request<Incoming>, _: Peer) -> Response<Reply> {
        match request.uri().path() {
            "/healthz" => body::text(StatusCode::OK, "ok\n"),
            "/readyz" => self.0.ready(true),
            "/metrics" => {
                for cell in self.0.force.load().cells.all() {
                    self.0.metrics.connections(&cell.name, cell.status().0);
                }
                let kind =
                    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
                body::typed(StatusCode::OK, kind, self.0.metrics.render())
            }
            _ => body::empty(StatusCode::NOT_FOUND),
        }
    }
}

impl Front {
    /// Whether calls can be taken. A front without some of its cells still serves the others, so it is ready.
    pub(super) fn ready(&self, details: bool) -> Response<Reply> {
        let stopping = *self.stopping.borrow();
        let status = if stopping { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
        if !details {
            return body::text(status, if stopping { "not ready\n" } else { "ready\n" });
        }
        let force = self.force.load();
        let cells: serde_json::Map<_, _> = force
            .cells
            .all()
            .map(|cell| {
                let (connections, servers, policies) = cell.status();
                let waiting = cell.waiting();
                let state = serde_json::json!({
                    "connections": connections, "servers": servers, "policies": policies, "waiting": waiting
                });
                (cell.name.to_string(), state)
            })
            .collect();
        let errors = self.reload_errors.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let reload = if errors.is_empty() { serde_json::json!("ok") } else { serde_json::json!(errors) };
        let document = serde_json::json!({ "ready": !stopping, "reload": reload, "cells": cells });
        body::json(status, format!("{document:#}\n"))
    }
}

/// Serves operators until the front stops.
pub(super) fn serve(front: &Arc<Front>, socket: TcpListener) -> impl Future<Output = ()> + Send + use<> {
    let limits = ListenerLimits {
        header_bytes: 16 << 10,
        header_timeout: Duration::from_secs(10),
        handshake_timeout: Duration::from_secs(10),
    };
    let listener = Listener { socket, index: usize::MAX, tls: Arc::new(ArcSwapOption::empty()), limits };
    let stop = front.stopping.subscribe();
    let places = Arc::new(Semaphore::new(32));
    server::run(listener, Arc::new(Admin(front.clone())), places, stop, Duration::from_secs(1))
}
