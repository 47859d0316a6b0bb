//! JSON lines: the clear part of each record and its disclosures as they are, under the names of `evidence-format.md`.

use super::object::Object;
use crate::leaf::Ext;
use crate::package::walk::Record;
use crate::text::b64url;

/// What stands openly in a leaf, as an object.
pub(super) fn stated(record: &Record<'_>) -> Object {
    record.leaf.draft.ext.iter().fold(Object::new(), |object, (name, value)| match value {
        Ext::Int(n) => object.number(name, *n),
        Ext::Text(text) => object.text(name, text),
    })
}

pub(super) fn line(record: &Record<'_>, origin: &str) -> String {
    let draft = &record.leaf.draft;
    let disclosed = record
        .disclosed
        .iter()
        .fold(Object::new(), |object, one| object.raw(&one.name, &String::from_utf8_lossy(&one.value)));
    let mut object = Object::new()
        .text("log", origin)
        .number("index", record.index)
        .text("type", draft.ty.as_str())
        .text("time", &record.event().time())
        .text("session", &b64url(&draft.gs))
        .number("sequence", record.leaf.n);
    if let Some(of) = draft.of {
        object = object.number("of", of);
    }
    object
        .object("stated", stated(record))
        .object("disclosed", disclosed)
        .some("withheld", record.closed().map(|why| why.as_str()))
        .end()
}
