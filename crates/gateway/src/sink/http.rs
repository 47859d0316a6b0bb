//! Batches by HTTP POST: JSON lines, or OTLP logs as JSON. A batch is taken when the answer's status says so.

use std::time::Duration;

use carnet_config::{Sink, SinkFormat};
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::{Request, Uri};
use http_body_util::Full;

use super::render::Batch;
use super::{NotTaken, form};
use crate::credentials::resolve;
use crate::outbound::{Outbound, OutboundLimits, WrittenBy};
use crate::tls;

const LIMITS: OutboundLimits =
    OutboundLimits { connect: Duration::from_secs(5), total: Duration::from_secs(30), body: 64 << 10 };

/// An endpoint.
pub(super) struct Http {
    outbound: Outbound,
    url: Uri,
    by: WrittenBy<'static>,
}

impl Http {
    pub(super) fn new(url: &str, sink: &Sink) -> Result<Http, NotTaken> {
        let unusable = |why: String| NotTaken::Unusable(why);
        let tls = tls::client(sink.ca.as_deref(), None).map_err(|e| unusable(e.to_string()))?;
        let url: Uri = url.parse().map_err(|_| unusable("its url is not a URL".to_owned()))?;
        // The configuration was checked: http:// is here only where it is allowed.
        let plain = url.scheme_str() == Some("http");
        let by = if plain { WrittenBy::ConfigurationPlain } else { WrittenBy::Configuration };
        headers(sink)?;
        Ok(Http { outbound: Outbound::new(tls, LIMITS), url, by })
    }

    pub(super) async fn take(&self, sink: &Sink, origin: &str, batch: &Batch) -> Result<(), NotTaken> {
        let is_otlp = sink.format == SinkFormat::Otlp;
        let body = if is_otlp {
            let (begin, between, end) = form(sink.format).around(origin);
            let all: Vec<&str> = batch.records.iter().map(|one| one.text.as_str()).collect();
            format!("{begin}{}{end}", all.join(between))
        } else {
            batch.lines()
        };
        let mut request = Request::new(Full::from(body));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = self.url.clone();
        // Read each time: a secret in a file may be renewed.
        *request.headers_mut() = headers(sink)?;
        let kind = if is_otlp { "application/json" } else { "application/x-ndjson" };
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        let reply = self.outbound.send(request, self.by).await?;
        if reply.status.is_success() { Ok(()) } else { Err(NotTaken::Status(reply.status.as_u16())) }
    }
}

fn headers(sink: &Sink) -> Result<HeaderMap, NotTaken> {
    let mut headers = HeaderMap::new();
    for (name, reference) in &sink.headers {
        let secret = resolve(reference).map_err(|e| NotTaken::Unusable(e.to_string()))?;
        let unusable = || NotTaken::Unusable(format!("its header {name} cannot be sent"));
        let mut value = HeaderValue::from_str(secret.expose()).map_err(|_| unusable())?;
        value.set_sensitive(true);
        headers.insert(HeaderName::try_from(name).map_err(|_| unusable())?, value);
    }
    Ok(headers)
}
