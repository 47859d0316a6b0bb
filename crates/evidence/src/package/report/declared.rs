//! What the configuration declares of the processing: the members `processing` and `servers` of the state that records name by
//! hash. A configuration that declares nothing gives what its servers say.

use carnet_json::{Limits, Tape, Value};

use crate::package::produce::Given;
use crate::package::verify::StateKind;
use crate::tree::Hash;

/// One processing activity.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct Activity {
    pub(super) name: String,
    pub(super) servers: Vec<String>,
    pub(super) purposes: Vec<String>,
    pub(super) bases: Vec<String>,
    pub(super) subjects: Vec<String>,
    pub(super) classes: Vec<String>,
    pub(super) recipients: Vec<String>,
    pub(super) countries: Vec<String>,
    pub(super) mechanism: Option<String>,
    pub(super) keep: Option<String>,
    pub(super) clients: Vec<String>,
}

/// What is declared.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct Declared {
    pub(super) is_processor: bool,
    pub(super) organisation: Option<String>,
    pub(super) contact: Option<String>,
    pub(super) representative: Option<String>,
    pub(super) officer: Option<String>,
    pub(super) authority: Option<String>,
    pub(super) measures: Vec<String>,
    pub(super) activities: Vec<Activity>,
}

fn text(value: &Value<'_>, name: &str) -> Option<String> {
    Some(value.get(name)?.as_str()?.into_owned())
}

fn texts(value: &Value<'_>, name: &str) -> Vec<String> {
    let items = value.get(name);
    items.iter().flat_map(Value::items).filter_map(|v| Some(v.as_str()?.into_owned())).collect()
}

/// What the configuration of this hash declares; nothing where its state is not there or cannot be read, which the
/// verifier reports elsewhere.
pub(super) fn declared(given: &Given<'_>, hash: Option<Hash>) -> Declared {
    let file = hash.map(|hash| StateKind::Configuration.file(&hash));
    let bytes = file.and_then(|file| crate::package::whole(given.files, &file).ok().flatten());
    let limits = Limits { bytes: usize::MAX, ..Limits::default() };
    let Some(bytes) = bytes else { return Declared::default() };
    let Ok(tape) = Tape::parse(&bytes, &limits) else { return Declared::default() };
    let root = tape.root(&bytes);
    let mut out = root.get("processing").map(|p| general(&p)).unwrap_or_default();
    if out.activities.is_empty()
        && let Some(servers) = root.get("servers")
    {
        out.activities = servers.items().map(|s| of_server(&s)).collect();
    }
    out
}

fn general(p: &Value<'_>) -> Declared {
    Declared {
        is_processor: text(p, "role").as_deref() == Some("processor"),
        organisation: text(p, "organisation"),
        contact: text(p, "contact"),
        representative: text(p, "representative"),
        officer: text(p, "officer"),
        authority: text(p, "authority"),
        measures: texts(p, "measures"),
        activities: p.get("activities").iter().flat_map(Value::items).map(|a| activity(&a)).collect(),
    }
}

fn activity(a: &Value<'_>) -> Activity {
    Activity {
        name: text(a, "name").unwrap_or_default(),
        servers: texts(a, "servers"),
        purposes: texts(a, "purposes"),
        bases: text(a, "legal_basis").into_iter().collect(),
        subjects: texts(a, "subjects"),
        classes: texts(a, "classes"),
        recipients: texts(a, "recipients"),
        countries: texts(a, "countries"),
        mechanism: text(a, "mechanism"),
        keep: text(a, "keep"),
        clients: texts(a, "clients"),
    }
}

fn of_server(s: &Value<'_>) -> Activity {
    let name = text(s, "name").unwrap_or_default();
    Activity {
        servers: vec![name.clone()],
        name,
        purposes: text(s, "purpose").into_iter().collect(),
        bases: text(s, "legal_basis").into_iter().collect(),
        countries: text(s, "region").into_iter().collect(),
        keep: text(s, "keep"),
        ..Activity::default()
    }
}
