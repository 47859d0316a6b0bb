//! OpenTelemetry logs in the JSON of OTLP 1.x: one log record for each record of the log.

use super::object::Object;
use crate::package::walk::Record;
use crate::text::b64url;

fn attribute(name: &str, value: Object) -> Object {
    Object::new().text("key", name).object("value", value)
}

fn text(name: &str, text: &str) -> Option<Object> {
    (!text.is_empty()).then(|| attribute(name, Object::new().text("stringValue", text)))
}

fn texts(name: &str, all: &[String]) -> Option<Object> {
    let values = all.iter().map(|t| Object::new().text("stringValue", t));
    let array = Object::new().objects("values", values);
    (!all.is_empty()).then(|| attribute(name, Object::new().object("arrayValue", array)))
}

/// What stands before the log records.
pub(super) fn begin(origin: &str) -> String {
    let resource = [text("service.name", "carnet"), text("service.instance.id", origin)];
    let resource = Object::new().objects("attributes", resource.into_iter().flatten()).end();
    format!(
        "{{\"resourceLogs\":[{{\"resource\":{resource},\"scopeLogs\":[{{\"scope\":{{\"name\":\"carnet.evidence\",\"version\":\"1\"}},\"logRecords\":["
    )
}

/// What stands behind them.
pub(super) const END: &str = "]}]}]}";

pub(super) fn one(record: &Record<'_>, origin: &str) -> String {
    let (e, draft) = (record.event(), &record.leaf.draft);
    let refused = e.decision.as_deref().is_some_and(|d| d != "permit");
    let nanos = format!("{}000", e.micros);
    let of = draft.of.map(|of| of.to_string()).unwrap_or_default();
    let stated = super::jsonl::stated(record).end();
    let masked: Vec<String> = e.masking.iter().map(|(class, n)| format!("{class}={n}")).collect();
    let own = |s: &Option<String>| s.clone().unwrap_or_default();
    let places = e.places.clone().unwrap_or_default();
    let actor = e.actor.clone().unwrap_or_default();
    let attributes = [
        text("log.record.uid", &format!("{origin}#{}", record.index)),
        text("carnet.record.index", &record.index.to_string()),
        text("carnet.record.of", &of),
        text("session.id", &b64url(&draft.gs)),
        text("user.id", &actor.subject),
        text("carnet.user.issuer", &actor.issuer),
        texts("user.roles", &actor.groups),
        text("carnet.agent.id", &e.agent.as_ref().map(|a| a.subject.clone()).unwrap_or_default()),
        text("mcp.method.name", &own(&e.method)),
        text("gen_ai.tool.name", &own(&e.tool)),
        text("carnet.server", &own(&e.server)),
        text("carnet.decision", &own(&e.decision)),
        texts("carnet.policies", &e.policies),
        texts("carnet.data_classes", &e.classes),
        texts("carnet.masked", &masked),
        text("carnet.place.processing", &places.processing),
        text("carnet.place.recipient", &places.recipient),
        text("carnet.place.storage", &places.storage),
        text("carnet.purpose", &own(&e.purpose)),
        text("error.type", &own(&e.error)),
        text("carnet.stated", if stated == "{}" { "" } else { &stated }),
        text("carnet.withheld", record.closed().map_or("", |w| w.as_str())),
    ];
    let (number, word) = if refused || e.error.is_some() { (13, "WARN") } else { (9, "INFO") };
    Object::new()
        .text("timeUnixNano", &nanos)
        .text("observedTimeUnixNano", &nanos)
        .number("severityNumber", number)
        .text("severityText", word)
        .text("eventName", &format!("carnet.{}", draft.ty.as_str()))
        .object("body", Object::new().text("stringValue", draft.ty.as_str()))
        .objects("attributes", attributes.into_iter().flatten())
        .end()
}
