//! Elastic Common Schema 8.17.

use super::object::Object;
use crate::leaf::LeafType;
use crate::package::walk::Record;
use crate::text::b64url;

/// Kind, category and type of ECS.
fn kinds(ty: LeafType) -> (&'static str, &'static str, &'static str) {
    match ty {
        LeafType::SessionOpen => ("event", "session", "start"),
        LeafType::SessionClose => ("event", "session", "end"),
        LeafType::CallDecision | LeafType::CallOutcome | LeafType::CallOrphan => ("event", "api", "access"),
        LeafType::ConfigChange | LeafType::PolicyActivate => ("event", "configuration", "change"),
        LeafType::Heartbeat => ("metric", "process", "info"),
        LeafType::GwStart => ("event", "process", "start"),
        LeafType::GwStop => ("event", "process", "end"),
        LeafType::Gap => ("alert", "process", "error"),
        LeafType::KeyDestroy | LeafType::RetentionPrune => ("event", "database", "deletion"),
        _ => ("event", "database", "access"),
    }
}

pub(super) fn line(record: &Record<'_>, origin: &str) -> String {
    let (e, draft) = (record.event(), &record.leaf.draft);
    let (kind, category, ty) = kinds(draft.ty);
    let outcome = match (e.decision.as_deref(), e.error.is_some()) {
        (Some("permit"), false) => "success",
        (None, false) => "unknown",
        _ => "failure",
    };
    let what = Object::new()
        .text("kind", kind)
        .raw("category", &format!("[\"{category}\"]"))
        .raw("type", &format!("[\"{ty}\"]"))
        .text("action", e.method.as_deref().unwrap_or(draft.ty.as_str()))
        .text("code", draft.ty.as_str())
        .text("outcome", outcome)
        .text("provider", "carnet")
        .text("dataset", "carnet.record")
        .text("id", &format!("{origin}#{}", record.index))
        .number("sequence", record.index)
        .some("reason", e.error.as_deref());
    let actor = e.actor.as_ref().map_or_else(Object::new, |a| {
        let groups = Object::new().texts("name", &a.groups);
        Object::new()
            .text("id", &a.subject)
            .text("name", &a.subject)
            .text("domain", &a.issuer)
            .object("group", groups)
    });
    let rules = Object::new().texts("id", &e.policies);
    Object::new()
        .text("@timestamp", &e.time())
        .object("ecs", Object::new().text("version", "8.17.0"))
        .object("event", what)
        .object("user", actor)
        .object("service", Object::new().some("name", e.server.as_deref()).text("type", "mcp"))
        .object(
            "observer",
            Object::new().text("vendor", "Carnet").text("product", "Carnet").text("name", origin),
        )
        .object("carnet", own(record).object("rules", rules))
        .end()
}

/// What ECS has no field for, under a name of Carnet's own.
fn own(record: &Record<'_>) -> Object {
    let (e, draft) = (record.event(), &record.leaf.draft);
    let masked = e.masking.iter().fold(Object::new(), |o, (class, n)| o.number(class, *n));
    let places = e.places.as_ref().map_or_else(Object::new, |p| {
        Object::new()
            .text("processing", &p.processing)
            .text("recipient", &p.recipient)
            .text("storage", &p.storage)
    });
    let mut out = Object::new()
        .text("session", &b64url(&draft.gs))
        .some("tool", e.tool.as_deref())
        .some("agent", e.agent.as_ref().map(|a| a.subject.as_str()))
        .some("decision", e.decision.as_deref())
        .texts("data_classes", &e.classes)
        .object("masked", masked)
        .object("residency", places)
        .some("purpose", e.purpose.as_deref())
        .some("legal_basis", e.basis.as_deref())
        .some("withheld", record.closed().map(|w| w.as_str()))
        .object("stated", super::jsonl::stated(record));
    if let Some(of) = draft.of {
        out = out.number("of", of);
    }
    out
}
