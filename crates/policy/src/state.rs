//! The state of a policy set as JSON: what a verifier needs to decide again what was decided once.
//!
//! Its SHA-256 is the `p` of every record. Sources are sorted by name and members by name, so one set has one state.

use std::sync::Arc;

use carnet_model::{ClassSet, DataClass, Region};
use serde_json::{Value, json};

use crate::entity::ServerFacts;
use crate::set::Options;

/// Names the form.
const FORMAT: &str = "carnet-policies/1";

pub(crate) fn write(sources: &[(&str, &str)], options: &Options) -> Vec<u8> {
    let mut sources = sources.to_vec();
    sources.sort_unstable();
    let sources: Vec<Value> =
        sources.iter().map(|(name, text)| json!({ "name": name, "text": text })).collect();
    let servers: Vec<Value> = options.servers.iter().map(server).collect();
    let zones: Vec<Value> = options.zones.iter().map(|(inner, of)| zone(inner, of)).collect();
    let classes: Vec<&str> = options.custom_classes.iter().map(AsRef::as_ref).collect();
    let state = json!({
        "cell_region": options.cell_region.as_str(),
        "classes": classes,
        "format": FORMAT,
        "servers": servers,
        "sources": sources,
        "zones": zones,
    });
    state.to_string().into_bytes()
}

fn server(facts: &ServerFacts) -> Value {
    let labels: Vec<&str> = facts.labels.iter().map(AsRef::as_ref).collect();
    let mut json = json!({ "labels": labels, "name": &*facts.name, "region": facts.region.as_str() });
    if let (Some(classes), Some(members)) = (facts.classes, json.as_object_mut()) {
        // By number: a class of the configuration's own has its name in `classes` of the state.
        let numbers: Vec<usize> = classes.iter().map(DataClass::index).collect();
        members.insert("gives".to_owned(), json!(numbers));
    }
    json
}

fn zone(inner: &Region, of: &[Region]) -> Value {
    let of: Vec<&str> = of.iter().map(Region::as_str).collect();
    json!({ "in": of, "region": inner.as_str() })
}

type State = (Vec<(String, String)>, Options);

pub(crate) fn read(state: &[u8]) -> Option<State> {
    let state: Value = serde_json::from_slice(state).ok()?;
    if state.get("format")?.as_str()? != FORMAT {
        return None;
    }
    let list = |name: &str| state.get(name)?.as_array();
    let source = |v: &Value| Some((text(v, "name")?.to_owned(), text(v, "text")?.to_owned()));
    let server = |v: &Value| {
        let labels = texts(v.get("labels")?)?;
        let classes = v.get("gives").map(|v| {
            let class = |n: &Value| DataClass::from_index(usize::try_from(n.as_u64()?).ok()?);
            v.as_array()?.iter().map(class).collect::<Option<ClassSet>>()
        });
        let classes = match classes {
            None => None,
            Some(classes) => Some(classes?),
        };
        let (name, region) = (text(v, "name")?.into(), Region::new(text(v, "region")?));
        Some(ServerFacts { name, region, labels, classes })
    };
    let zone = |v: &Value| {
        let of = texts(v.get("in")?)?.iter().map(|r| Region::new(r)).collect();
        Some((Region::new(text(v, "region")?), of))
    };
    let options = Options {
        servers: list("servers")?.iter().map(server).collect::<Option<_>>()?,
        zones: list("zones")?.iter().map(zone).collect::<Option<_>>()?,
        cell_region: Region::new(text(&state, "cell_region")?),
        custom_classes: texts(state.get("classes")?)?,
        ..Options::default()
    };
    Some((list("sources")?.iter().map(source).collect::<Option<_>>()?, options))
}

fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name)?.as_str()
}

fn texts(value: &Value) -> Option<Vec<Arc<str>>> {
    value.as_array()?.iter().map(|v| v.as_str().map(Arc::from)).collect()
}
