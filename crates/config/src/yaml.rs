//! YAML text to a tree of nodes with places. Scalars stay as written: nothing is taken for a number or a truth
//! value here, so `no` and `010` mean what they say. Aliases, tags and second documents are refused, which also
//! bounds what a small text can unfold to; duplicate keys are refused where they stand.

use granit_parser::{Event, Options, Parser, ScalarStyle, Span};

use crate::report::Report;

/// Larger texts are refused unread.
const MAX_TEXT: usize = 4 << 20;
/// Deeper nesting is refused.
const MAX_DEPTH: usize = 32;

/// A stretch of one line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord)]
pub(crate) struct Place {
    /// Line, from 1.
    pub(crate) line: usize,
    /// Column in characters, from 1.
    pub(crate) col: usize,
    /// Characters; what goes on over the line's end is cut when printed.
    pub(crate) len: usize,
    /// The line in which it ends.
    pub(crate) last_line: usize,
}

impl Place {
    /// The start of a text.
    pub(crate) const START: Place = Place { line: 1, col: 1, len: 1, last_line: 1 };

    fn of(span: Span) -> Place {
        let line = span.start.line().max(1);
        Place {
            line,
            col: span.start.col() + 1,
            len: span.len().max(1),
            last_line: span.end.line().max(line),
        }
    }

    fn point(span: Span) -> Place {
        Place { len: 1, ..Place::of(span) }
    }
}

/// A value with its place.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) at: Place,
    pub(crate) value: Value,
}

/// One key and its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_at: Place,
    pub(crate) node: Node,
}

/// What a node holds.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// Nothing, `~` or `null`.
    Null,
    /// Something that YAML knows and this format does not; reported already.
    Refused,
    /// Text as written; `plain` if without quotes.
    Scalar { text: String, plain: bool },
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in the order of the text, without duplicates.
    Map(Vec<Entry>),
}

impl Value {
    /// What it is, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Value::Null | Value::Refused => "nothing",
            Value::Scalar { .. } => "a single value",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }
}

/// A collection that is still open.
enum Open {
    List(Place, Vec<Node>),
    Map(Place, Vec<Entry>, Option<(String, Place)>),
}

/// Reads a text. `None` if it is empty or cannot be read at all; the report then says why.
pub(crate) fn parse(text: &str, report: &mut Report) -> Option<Node> {
    if text.len() > MAX_TEXT {
        report.error(Place::START, "the text is larger than 4 MiB", None);
        return None;
    }
    let mut builder = Builder { open: Vec::new(), root: None, documents: 0 };
    let mut options = Options::default();
    options.emit_anchor_events = true;
    options.flow_nesting_limit = MAX_DEPTH;
    options.block_nesting_limit = MAX_DEPTH;
    for event in Parser::new_from_str_with_options(text, options) {
        match event {
            Ok((event, span)) => {
                if !builder.take(event, span, report) {
                    return None;
                }
            }
            Err(error) => {
                let at = error.marker();
                let line = at.line().max(1);
                let place = Place { line, col: at.col() + 1, len: 1, last_line: line };
                report.syntax(place);
                return None;
            }
        }
    }
    if builder.root.is_none() {
        report.error(Place::START, "the file is empty", Some("it starts with `version: 1`".into()));
    }
    builder.root
}

struct Builder {
    open: Vec<Open>,
    root: Option<Node>,
    documents: usize,
}

impl Builder {
    /// Takes one event; false if reading must stop.
    fn take(&mut self, event: Event<'_>, span: Span, report: &mut Report) -> bool {
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    report.error(
                        Place::point(span),
                        "a second document",
                        Some("one file, one document".into()),
                    );
                    return false;
                }
            }
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                let help = "write the value out".to_owned();
                report.hide_place(Place::of(span));
                report.error(Place::of(span), "aliases are not accepted", Some(help));
                self.put(Node { at: Place::of(span), value: Value::Refused }, report);
            }
            Event::Anchor(..) => {
                let help = "a value that begins with `&` needs quotes".to_owned();
                report.hide_place(Place::of(span));
                report.error(Place::of(span), "anchors are not accepted", Some(help));
            }
            Event::Scalar(text, style, _, tag) => {
                let plain = style == ScalarStyle::Plain;
                let value = if tag.is_some() {
                    refuse_tag(true, span, report);
                    Value::Refused
                } else if plain && matches!(&*text, "" | "~" | "null") {
                    Value::Null
                } else {
                    Value::Scalar { text: text.into_owned(), plain }
                };
                self.put(Node { at: Place::of(span), value }, report);
            }
            Event::SequenceStart(_, _, tag) => {
                refuse_tag(tag.is_some(), span, report);
                self.open.push(Open::List(Place::point(span), Vec::new()));
            }
            Event::MappingStart(_, _, tag) => {
                refuse_tag(tag.is_some(), span, report);
                self.open.push(Open::Map(Place::point(span), Vec::new(), None));
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(report),
            _ => {}
        }
        true
    }

    fn close(&mut self, report: &mut Report) {
        let node = match self.open.pop() {
            Some(Open::List(at, items)) => Node { at, value: Value::List(items) },
            Some(Open::Map(at, entries, _)) => Node { at, value: Value::Map(entries) },
            None => return,
        };
        self.put(node, report);
    }

    /// Puts a finished node where it belongs.
    fn put(&mut self, node: Node, report: &mut Report) {
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::List(_, items)) => items.push(node),
            Some(Open::Map(_, entries, pending)) => match pending.take() {
                None => *pending = Some(key_of(node, report)),
                Some((key, key_at)) => {
                    if let Some(first) = entries.iter().find(|e| e.key == key) {
                        let help = format!("it is already given in line {}", first.key_at.line);
                        report.hide(&node);
                        report.error(key_at, format!("duplicate key `{key}`"), Some(help));
                    } else {
                        entries.push(Entry { key, key_at, node });
                    }
                }
            },
        }
    }
}

/// A tag, which may be a secret that begins with `!` and lacks its quotes.
fn refuse_tag(tagged: bool, span: Span, report: &mut Report) {
    if tagged {
        let at = span.tag_span().map_or(Place::point(span), Place::of);
        report.hide_place(at);
        let help = "a value that begins with `!` needs quotes".to_owned();
        report.error(at, "tags are not accepted", Some(help));
    }
}

/// A mapping's key as text.
fn key_of(node: Node, report: &mut Report) -> (String, Place) {
    match node.value {
        Value::Scalar { text, .. } => (text, node.at),
        other => {
            report.error(node.at, format!("a key must be a single value, found {}", other.kind()), None);
            (String::new(), node.at)
        }
    }
}
