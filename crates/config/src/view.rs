//! Reads a checked tree. What is absent or was found wrong gives `None`; the check has said why, so resolving
//! can go on to find what else is wrong.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use carnet_model::Region;

use crate::resolved::{Rate, SecretRef};
use crate::scalar;
use crate::yaml::{Entry, Node, Place, Value};

/// A place in the tree, which may not exist.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    node: Option<&'a Node>,
    /// Where to point: the value if it is a single one, else its key.
    at: Place,
}

impl<'a> View<'a> {
    pub(crate) fn root(node: &'a Node) -> View<'a> {
        View { node: Some(node), at: Place::START }
    }

    fn of(entry: &'a Entry) -> View<'a> {
        let scalar = matches!(entry.node.value, Value::Scalar { .. });
        View { node: Some(&entry.node), at: if scalar { entry.node.at } else { entry.key_at } }
    }

    pub(crate) fn at(&self) -> Place {
        self.at
    }

    pub(crate) fn given(&self) -> bool {
        self.node.is_some()
    }

    pub(crate) fn node(&self) -> Option<&'a Node> {
        self.node
    }

    pub(crate) fn entries(&self) -> &'a [Entry] {
        match self.node.map(|n| &n.value) {
            Some(Value::Map(entries)) => entries,
            _ => &[],
        }
    }

    /// The value at a key; absent: it points where this one points.
    pub(crate) fn get(&self, key: &str) -> View<'a> {
        let entry = self.entries().iter().find(|e| e.key == key);
        entry.map_or(View { node: None, at: self.at }, View::of)
    }

    /// Where a key stands.
    pub(crate) fn key_at(&self, key: &str) -> Place {
        self.entries().iter().find(|e| e.key == key).map_or(self.at, |e| e.key_at)
    }

    /// A mapping's keys and values.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&'a str, Place, View<'a>)> + use<'a> {
        self.entries().iter().map(|e| (e.key.as_str(), e.key_at, View::of(e)))
    }

    pub(crate) fn items(&self) -> impl Iterator<Item = View<'a>> + use<'a> {
        let items: &'a [Node] = match self.node.map(|n| &n.value) {
            Some(Value::List(items)) => items,
            _ => &[],
        };
        items.iter().map(|n| View { node: Some(n), at: n.at })
    }

    pub(crate) fn text(&self) -> Option<&'a str> {
        match self.node.map(|n| &n.value) {
            Some(Value::Scalar { text, .. }) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn string(&self) -> Option<String> {
        self.text().map(str::to_owned)
    }

    pub(crate) fn shared(&self) -> Option<Arc<str>> {
        self.text().map(Arc::from)
    }

    pub(crate) fn flag(&self) -> bool {
        self.text().and_then(scalar::flag).unwrap_or(false)
    }

    pub(crate) fn count(&self, default: usize) -> usize {
        self.text().and_then(scalar::digits::<u32>).and_then(|n| usize::try_from(n).ok()).unwrap_or(default)
    }

    pub(crate) fn size(&self, default: u64) -> u64 {
        self.text().and_then(scalar::size).unwrap_or(default)
    }

    pub(crate) fn duration(&self, default: Duration) -> Duration {
        self.text().and_then(scalar::duration).unwrap_or(default)
    }

    pub(crate) fn rate(&self) -> Option<Rate> {
        self.text().and_then(scalar::rate)
    }

    pub(crate) fn region(&self) -> Option<Region> {
        self.text().map(Region::new)
    }

    pub(crate) fn path(&self, folder: &Path) -> Option<PathBuf> {
        self.text().map(|t| scalar::path(t, folder))
    }

    pub(crate) fn secret(&self, folder: &Path) -> Option<SecretRef> {
        self.text().and_then(|t| scalar::secret(t, folder))
    }

    pub(crate) fn strings(&self) -> Vec<String> {
        self.items().filter_map(|v| v.string()).collect()
    }

    pub(crate) fn texts(&self) -> Vec<Arc<str>> {
        self.items().filter_map(|v| v.shared()).collect()
    }

    /// A claim path: names joined by dots, one name that is a URL, or a list of names.
    pub(crate) fn claim(&self) -> Option<Vec<String>> {
        match self.text() {
            Some(text) if text.contains("://") => Some(vec![text.to_owned()]),
            Some(text) => Some(text.split('.').map(str::to_owned).collect()),
            None => Some(self.strings()).filter(|names| !names.is_empty()),
        }
    }
}
