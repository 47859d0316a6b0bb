//! A JSON object, written member by member. What is not there is left out.

use std::fmt::Write as _;

use carnet_json::quote;

/// An object that is being written.
#[derive(Default)]
pub(super) struct Object(String);

impl Object {
    pub(super) fn new() -> Object {
        Object::default()
    }

    /// A member whose value is JSON.
    pub(super) fn raw(mut self, name: &str, json: &str) -> Object {
        let _ = write!(self.0, "{}{}:{json}", if self.0.is_empty() { "" } else { "," }, quote(name));
        self
    }

    pub(super) fn text(self, name: &str, text: &str) -> Object {
        if text.is_empty() { self } else { self.raw(name, &quote(text)) }
    }

    pub(super) fn some(self, name: &str, text: Option<&str>) -> Object {
        self.text(name, text.unwrap_or_default())
    }

    pub(super) fn number(self, name: &str, n: u64) -> Object {
        self.raw(name, &n.to_string())
    }

    pub(super) fn texts(self, name: &str, texts: &[String]) -> Object {
        if texts.is_empty() {
            return self;
        }
        let all: Vec<String> = texts.iter().map(|t| quote(t)).collect();
        self.raw(name, &format!("[{}]", all.join(",")))
    }

    /// A member that is an object; one without members is left out.
    pub(super) fn object(self, name: &str, inner: Object) -> Object {
        if inner.0.is_empty() { self } else { self.raw(name, &inner.end()) }
    }

    /// A member that is a list of objects; an empty list is left out.
    pub(super) fn objects(self, name: &str, all: impl Iterator<Item = Object>) -> Object {
        let all: Vec<String> = all.filter(|o| !o.0.is_empty()).map(Object::end).collect();
        if all.is_empty() { self } else { self.raw(name, &format!("[{}]", all.join(","))) }
    }

    pub(super) fn end(self) -> String {
        format!("{{{}}}", self.0)
    }
}
