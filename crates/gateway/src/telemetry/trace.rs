//! Spans: the caller's trace context (W3C Trace Context, level 1) and one server span for each message.

use std::borrow::Cow;
use std::time::SystemTime;

use carnet_mcp::Message;
use carnet_model::Action;
use http::HeaderMap;
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{SpanEvents, SpanLinks};

pub(super) use opentelemetry_sdk::trace::SpanData;

use super::{Answer, Begun, Done, error_type};

/// The span that a message was sent in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Parent {
    trace: [u8; 16],
    span: [u8; 8],
    /// Whether the sender records its trace.
    pub(super) sampled: bool,
}

impl Parent {
    /// A `traceparent`. Anything that is not exactly one is no parent.
    pub(super) fn parse(text: &str) -> Option<Parent> {
        let mut parts = text.split('-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let [version] = hex::<1>(version)?;
        // Later versions may add parts; this one has none.
        if version == 0xff || (version == 0 && parts.next().is_some()) {
            return None;
        }
        let (trace, span, [flags]) = (hex::<16>(trace)?, hex::<8>(span)?, hex::<1>(flags)?);
        let valid = trace.iter().any(|b| *b != 0) && span.iter().any(|b| *b != 0);
        valid.then_some(Parent { trace, span, sampled: flags & 1 == 1 })
    }
}

/// Lower-case hex of exactly N bytes.
fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |b: u8| match b {
        b'0'..=b'9' => Some(b - b'0'),
        b'a'..=b'f' => Some(b - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    let mut out = [0; N];
    for (out, [high, low]) in out.iter_mut().zip(pairs) {
        *out = digit(*high)? << 4 | digit(*low)?;
    }
    Some(out)
}

/// The parent that the request's header names, if it is there once.
pub(super) fn of_headers(headers: &HeaderMap) -> Option<Parent> {
    let mut all = headers.get_all("traceparent").iter();
    let (first, None) = (all.next()?, all.next()) else { return None };
    Parent::parse(first.to_str().ok()?)
}

/// The parent that the message itself names (`params._meta.traceparent`).
pub(super) fn of_meta(message: &Message) -> Option<Parent> {
    Parent::parse(&message.meta()?.get("traceparent")?.as_str()?)
}

/// Who says so.
pub(super) fn scope() -> InstrumentationScope {
    InstrumentationScope::builder("carnet").with_version(env!("CARGO_PKG_VERSION")).build()
}

/// The server span of a message.
pub(super) fn span(begun: &Begun, done: &Done<'_>) -> SpanData {
    let parent = begun.origin.parent;
    let trace = parent.map_or_else(random, |p| p.trace);
    let end_time = SystemTime::now();
    let context = SpanContext::new(
        TraceId::from_bytes(trace),
        SpanId::from_bytes(random()),
        TraceFlags::SAMPLED,
        false,
        TraceState::NONE,
    );
    SpanData {
        span_context: context,
        parent_span_id: parent.map_or(SpanId::INVALID, |p| SpanId::from_bytes(p.span)),
        parent_span_is_remote: parent.is_some(),
        span_kind: SpanKind::Server,
        name: name(begun, done.action),
        start_time: end_time.checked_sub(done.elapsed).unwrap_or(end_time),
        end_time,
        attributes: span_attributes(begun, done),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: error_type(done).map_or(Status::Unset, Status::error),
        instrumentation_scope: scope(),
    }
}

fn random<const N: usize>() -> [u8; N] {
    let mut out = [0; N];
    crate::record::entropy(&mut out);
    out
}

/// The method, and the tool where it is known.
fn name(begun: &Begun, action: Action) -> Cow<'static, str> {
    match &begun.tool {
        Some(tool) => Cow::Owned(format!("{} {tool}", action.as_str())),
        None => Cow::Borrowed(action.as_str()),
    }
}

/// What span and measurement say alike.
pub(super) fn attributes(begun: &Begun, done: &Done<'_>) -> Vec<KeyValue> {
    let mut all = Vec::with_capacity(13);
    all.extend([
        KeyValue::new("mcp.method.name", done.action.as_str()),
        KeyValue::new("network.transport", begun.origin.transport),
        KeyValue::new("carnet.server", done.server.clone()),
        KeyValue::new("carnet.decision", done.decision),
    ]);
    if let Some(revision) = begun.origin.revision {
        all.push(KeyValue::new("mcp.protocol.version", revision.as_str()));
    }
    if done.action == Action::TOOLS_CALL {
        all.push(KeyValue::new("gen_ai.operation.name", "execute_tool"));
    }
    if let Some(tool) = &begun.tool {
        all.push(KeyValue::new("gen_ai.tool.name", tool.clone()));
    }
    if let Some(error) = error_type(done) {
        all.push(KeyValue::new("error.type", error));
    }
    if let Answer::Error(Some(code)) = done.answer {
        all.push(KeyValue::new("rpc.response.status_code", code.to_string()));
    }
    all
}

fn span_attributes(begun: &Begun, done: &Done<'_>) -> Vec<KeyValue> {
    let mut all = attributes(begun, done);
    all.push(KeyValue::new("rpc.system", "jsonrpc"));
    if begun.origin.transport == "tcp" {
        all.push(KeyValue::new("network.protocol.name", "http"));
        all.push(KeyValue::new("http.response.status_code", i64::from(done.status)));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_parent() {
        let (trace, span) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
        let cases = [
            (format!("00-{trace}-{span}-01"), Some(true)),
            (format!("00-{trace}-{span}-00"), Some(false)),
            (format!("cc-{trace}-{span}-01-more"), Some(true)),
            (format!("00-{trace}-{span}-01-more"), None),
            (format!("ff-{trace}-{span}-01"), None),
            (format!("00-{}-{span}-01", "0".repeat(32)), None),
            (format!("00-{trace}-{}-01", "0".repeat(16)), None),
            (format!("00-{}-{span}-01", trace.to_uppercase()), None),
            (format!("00-{trace}-{span}"), None),
            (format!("00-{trace}0-{span}-01"), None),
            ("anna@example.com".to_owned(), None),
            (String::new(), None),
        ];
        for (text, expected) in cases {
            assert_eq!(Parent::parse(&text).map(|p| p.sampled), expected, "{text}");
        }
        let twice = [("traceparent", "00-a"), ("traceparent", "00-b")];
        let twice = twice.iter().map(|(n, v)| (n.parse::<http::HeaderName>().unwrap(), v.parse().unwrap()));
        assert_eq!(of_headers(&twice.collect()), None);
    }
}
