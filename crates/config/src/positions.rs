//! Where each key of a configuration stands, for what is found wrong only after it was read.

use std::collections::BTreeMap;

use crate::yaml::{Node, Value};

/// Keys by their path (`sinks.siem.region`, `identity.issuers[0]`) with line and column.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Positions {
    file: String,
    at: BTreeMap<String, (usize, usize)>,
}

impl Positions {
    pub(crate) fn of(file: &str, root: &Node) -> Positions {
        let mut all = Positions { file: file.to_owned(), at: BTreeMap::new() };
        all.walk(root, "");
        all
    }

    fn walk(&mut self, node: &Node, path: &str) {
        match &node.value {
            Value::Map(entries) => {
                for entry in entries {
                    let path =
                        if path.is_empty() { entry.key.clone() } else { format!("{path}.{}", entry.key) };
                    let at = if matches!(entry.node.value, Value::Scalar { .. }) {
                        entry.node.at
                    } else {
                        entry.key_at
                    };
                    self.walk(&entry.node, &path);
                    self.at.insert(path, (at.line, at.col));
                }
            }
            Value::List(items) => {
                for (n, item) in items.iter().enumerate() {
                    let path = format!("{path}[{n}]");
                    self.walk(item, &path);
                    self.at.insert(path, (item.at.line, item.at.col));
                }
            }
            Value::Null | Value::Refused | Value::Scalar { .. } => {}
        }
    }

    /// `FILE:LINE:COL` of a key; of what it would stand in, where it is not written.
    #[must_use]
    pub fn find(&self, path: &str) -> String {
        let mut path = path;
        loop {
            if let Some((line, col)) = self.at.get(path) {
                return format!("{}:{line}:{col}", self.file);
            }
            match path.rfind(['.', '[']) {
                Some(end) => path = path.get(..end).unwrap_or_default(),
                None => return format!("{}:1:1", self.file),
            }
        }
    }
}
