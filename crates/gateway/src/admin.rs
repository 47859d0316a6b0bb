//! The operator's own listener: `/metrics`, `/readyz` with details, `/healthz`. It serves no calls.

use std::sync::Arc;

use http::{Request, Response, StatusCode, header::HeaderValue};
use hyper::body::Incoming;

use crate::body::{self, Reply};
use crate::gateway::Gateway;
use crate::server::{Answer, Peer};

/// Answers operators.
pub struct Admin(pub Arc<Gateway>);

impl Answer for Admin {
    async fn answer(self: Arc<Self>, request: Request<Incoming>, _: Peer) -> Response<Reply> {
        let gateway = &self.0;
        match request.uri().path() {
            "/healthz" => body::text(StatusCode::OK, "ok\n"),
            "/readyz" => gateway.ready(true),
            "/metrics" => {
                gateway.metrics.records.set(gateway.recorder.metrics().records);
                gateway.metrics.store_healthy.set(i64::from(gateway.recorder.healthy().is_ok()));
                let kind =
                    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
                body::typed(StatusCode::OK, kind, gateway.metrics.render())
            }
            _ => body::empty(StatusCode::NOT_FOUND),
        }
    }
}
