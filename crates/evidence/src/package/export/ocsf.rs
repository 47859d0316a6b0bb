//! OCSF 1.8: API Activity (6003) for every record; beside it a Data Security Finding (2006) where classes of data were found, and a
//! Compliance Finding (2003) where evidence has a hole or a change was refused.

use super::object::Object;
use crate::leaf::{Ext, LeafType};
use crate::package::event::{Event, Party};
use crate::package::walk::Record;

/// Classes of the category that OCSF calls financial.
const FINANCIAL: &[&str] = &["card", "iban", "bic", "bank_account", "crypto_address"];
/// Classes of the category that OCSF calls security.
const SECURITY: &[&str] = &["secret", "password", "credential"];

/// What the class, the activity and its weight are.
struct Head {
    class: u64,
    activity: u64,
    severity: u64,
}

fn event(record: &Record<'_>, origin: &str, head: &Head) -> Object {
    let draft = &record.leaf.draft;
    let of = draft.of.unwrap_or(record.index);
    let metadata = Object::new()
        .text("version", "1.8.0")
        .object("product", Object::new().text("name", "Carnet").text("vendor_name", "Carnet"))
        .text("uid", &format!("{origin}#{}", record.index))
        .text("correlation_uid", &format!("{origin}#{of}"))
        .text("event_code", draft.ty.as_str())
        .text("log_name", origin)
        .number("sequence", record.index)
        .raw("profiles", "[\"security_control\"]");
    Object::new()
        .object("metadata", metadata)
        .number("time", record.event().micros / 1000)
        .number("category_uid", head.class / 1000)
        .number("class_uid", head.class)
        .number("activity_id", head.activity)
        .number("type_uid", head.class * 100 + head.activity)
        .number("severity_id", head.severity)
}

fn why<'a>(record: &'a Record<'_>) -> Option<&'a str> {
    record.leaf.draft.ext.iter().find_map(|(name, value)| match value {
        Ext::Text(text) if matches!(*name, "why" | "result") => Some(text.as_str()),
        _ => None,
    })
}

fn user(party: &Party) -> Object {
    let groups = party.groups.iter().map(|g| Object::new().text("name", g));
    Object::new()
        .text("uid", &party.subject)
        .text("name", &party.subject)
        .number("type_id", if party.kind == "user" { 1 } else { 4 })
        .objects("groups", groups)
}

fn actor(event: &Event) -> Object {
    let Some(party) = &event.actor else {
        return Object::new().text("app_name", "carnet");
    };
    let session = Object::new().text("uid", &event.session).text("issuer", &party.issuer);
    Object::new()
        .object("user", user(party))
        .object("idp", Object::new().text("name", &party.issuer))
        .object("session", session)
        .some("app_name", event.agent.as_ref().map(|a| a.subject.as_str()))
}

/// Read where the method only reads, else other: what a tool does to the world is not known.
fn activity(event: &Event) -> u64 {
    let method = event.method.as_deref().unwrap_or_default();
    let reads = method.ends_with("/list") || method.ends_with("/get") || method.ends_with("/read");
    if reads { 2 } else { 99 }
}

/// Action and disposition of the profile Security Control.
fn control(event: &Event) -> Option<(u64, u64)> {
    match event.decision.as_deref()? {
        "permit" if !event.masking.is_empty() => Some((4, 11)),
        "permit" => Some((1, 1)),
        "deny" | "refuse" | "withhold" => Some((2, 2)),
        "hold" => Some((3, 14)),
        _ => None,
    }
}

fn api(record: &Record<'_>, origin: &str) -> String {
    let e = record.event();
    let draft = &record.leaf.draft;
    let code = activity(e);
    let refused = e.decision.as_deref().is_some_and(|d| d != "permit" && d != "hold");
    let failed = refused || e.error.is_some() || draft.ty == LeafType::CallOrphan;
    let head = Head { class: 6003, activity: code, severity: if failed { 3 } else { 1 } };
    let operation = e.method.as_deref().unwrap_or(draft.ty.as_str());
    let api = Object::new()
        .text("operation", operation)
        .object("service", Object::new().some("name", e.server.as_deref()))
        .object("request", Object::new().text("uid", &draft.of.unwrap_or(record.index).to_string()));
    let recipient = e.places.as_ref().map(|p| p.recipient.as_str()).filter(|p| !p.is_empty());
    let source = Object::new().text("name", "caller").some("zone", recipient);
    let processing = e.places.as_ref().map(|p| p.processing.as_str()).filter(|p| !p.is_empty());
    let target = Object::new().some("name", e.server.as_deref()).some("zone", processing);
    let tool = e.tool.as_deref().map(|tool| {
        Object::new().text("name", tool).text("type", operation).some("namespace", e.server.as_deref())
    });
    let policies = e.policies.iter().map(|p| {
        let policy = Object::new().text("uid", p);
        Object::new().some("decision", e.decision.as_deref()).object("policy", policy)
    });
    let mut out = event(record, origin, &head)
        .text("activity_name", operation)
        .number("status_id", if failed { 2 } else { 1 })
        .some("status_detail", e.error.as_deref().or_else(|| why(record)))
        .object("actor", actor(e))
        .object("api", api)
        .object("src_endpoint", source)
        .object("dst_endpoint", target)
        .objects("resources", tool.into_iter())
        .objects("authorizations", policies);
    if let Some((action, disposition)) = control(e) {
        out = out.number("action_id", action).number("disposition_id", disposition);
    }
    out.object("unmapped", unmapped(record)).end()
}

/// What OCSF has no place for.
fn unmapped(record: &Record<'_>) -> Object {
    let e = record.event();
    let masked = e.masking.iter().fold(Object::new(), |o, (class, n)| o.number(class, *n));
    let mut out = Object::new()
        .texts("data_classes", &e.classes)
        .object("masked", masked)
        .some("purpose", e.purpose.as_deref())
        .some("legal_basis", e.basis.as_deref())
        .some("direction", e.direction.as_deref())
        .some("withheld", record.closed().map(|w| w.as_str()))
        .object("stated", super::jsonl::stated(record));
    if let Some(p) = &e.places {
        let places = Object::new()
            .text("processing", &p.processing)
            .text("recipient", &p.recipient)
            .text("storage", &p.storage)
            .text("known", &p.known)
            .text("mechanism", &p.mechanism);
        out = out.object("residency", places);
    }
    out
}

fn info(record: &Record<'_>, origin: &str, what: &str, title: &str) -> Object {
    Object::new()
        .text("uid", &format!("{origin}#{}/{what}", record.index))
        .text("title", title)
        .number("created_time", record.event().micros / 1000)
}

fn category(classes: &[String]) -> u64 {
    let all = |of: &[&str]| classes.iter().all(|c| of.contains(&c.as_str()));
    match classes {
        classes if all(FINANCIAL) && !classes.is_empty() => 3,
        classes if all(SECURITY) && !classes.is_empty() => 6,
        _ => 1,
    }
}

fn data(record: &Record<'_>, origin: &str) -> String {
    let e = record.event();
    let masked: u64 = e.masking.iter().map(|(_, n)| n).sum();
    let data = Object::new()
        .number("category_id", category(&e.classes))
        .text("category", &e.classes.join(", "))
        .text("detection_system", "DLP Gateway")
        .number("detection_system_id", 2)
        .number("total", masked);
    let head = Head { class: 2006, activity: 1, severity: 1 };
    let title = if masked > 0 { "Values were masked in a message" } else { "A message has classified data" };
    let mut out = event(record, origin, &head)
        .object("finding_info", info(record, origin, "data", title))
        .object("data_security", data)
        .object("actor", actor(e))
        .objects("resources", e.server.iter().map(|s| Object::new().text("name", s).text("type", "server")));
    if let Some((action, disposition)) = control(e) {
        out = out.number("action_id", action).number("disposition_id", disposition);
    }
    out.end()
}

/// What a hole in the evidence, or a refused change, is about.
fn finding(record: &Record<'_>) -> Option<&'static str> {
    match record.leaf.draft.ty {
        LeafType::Gap => Some("A time without records"),
        LeafType::CallOrphan => Some("A decision whose outcome was lost"),
        LeafType::ConfigChange if why(record) == Some("refused") => Some("A configuration was refused"),
        LeafType::PolicyActivate if why(record) == Some("refused") => Some("A policy set was refused"),
        _ => None,
    }
}

fn compliance(record: &Record<'_>, origin: &str, title: &str) -> String {
    let compliance = Object::new()
        .raw("standards", "[\"Carnet evidence\"]")
        .text("control", record.leaf.draft.ty.as_str())
        .number("status_id", 2)
        .some("status_detail", why(record));
    event(record, origin, &Head { class: 2003, activity: 1, severity: 3 })
        .object("finding_info", info(record, origin, "compliance", title))
        .object("compliance", compliance)
        .end()
}

/// The events of a record, each on a line.
pub(super) fn lines(record: &Record<'_>, origin: &str) -> String {
    let mut out = api(record, origin);
    out.push('\n');
    if !record.event().classes.is_empty() || !record.event().masking.is_empty() {
        out.push_str(&data(record, origin));
        out.push('\n');
    }
    if let Some(title) = finding(record) {
        out.push_str(&compliance(record, origin, title));
        out.push('\n');
    }
    out
}
