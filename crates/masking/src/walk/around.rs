//! What a key says beside its siblings and under the keys above it.

use carnet_json::{Kind, Node, Value};
use carnet_model::DataClass;

use super::{Doc, Frame, Walk, inner};
use crate::columns;
use crate::custom::with_own;
use crate::keys::{self, Company, Hint, Loose, Role, Said, Strength, Tells};
use crate::token::without_masks;

/// More siblings than this are not asked.
const SIBLINGS: usize = 48;
/// Tables in arrays that are noted in one call, and columns of one.
const TABLES: usize = 4096;
const COLUMNS: usize = 256;
/// A label is no longer than this.
const LABEL: usize = 64;
/// Arrays and objects inside one that names a value, and members of each that are looked at.
const LABELS: usize = 3;
const LABEL_MEMBERS: usize = 4;

impl Frame {
    /// An array or object at `index`, under what `outer` says.
    pub(super) fn new(index: u32, node: &Node, id: u32, hint: Option<Hint>, outer: Option<&Frame>) -> Frame {
        Frame {
            after: node.after,
            object: node.kind == Kind::Object,
            key: 0,
            hide: false,
            index: u32::MAX,
            id,
            hint,
            node: index,
            role: outer.map_or(Role::Unknown, |f| keys::inside(f.role, f.below)),
            below: Role::Neutral,
            above: hint,
            company: None,
            rows: 0,
            cells: outer.filter(|f| !(f.headed && f.index == 0)).map_or(0, |f| f.rows),
            headed: false,
            found: 0,
            last: None,
            meets: false,
        }
    }
}

impl Walk<'_> {
    /// What the key or the column says about the value at hand.
    pub(super) fn cell(&self, f: &Frame) -> Option<Hint> {
        if f.object || f.cells == 0 {
            return f.hint;
        }
        let columns = self.tables.get(usize::from(f.cells) - 1);
        columns.and_then(|c| c.get(f.index as usize).copied().flatten()).or(f.hint)
    }

    /// Notes the columns of an array of rows: `{"columns": ["name", "email"], "rows": [["Jane", ...]]}`, or with the
    /// names in the first row.
    pub(super) fn table(&mut self, doc: &Doc<'_>, frame: &mut Frame, outer: Option<&Frame>) {
        let first = doc.tape.nodes().get(frame.node as usize + 1);
        let rows = frame.node + 1 < frame.after && first.is_some_and(|n| n.kind == Kind::Array);
        if frame.object || frame.cells > 0 || self.tables.len() >= TABLES || !rows {
            return;
        }
        let beside = outer.filter(|f| f.object).and_then(|f| columns_beside(doc, f.node));
        frame.headed = beside.is_none();
        let names = beside.or_else(|| names(doc.tape.value(doc.bytes, frame.node + 1)));
        let Some(names) = names else { return };
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut hints = columns::hints(&names, self.detector.scanner.keys);
        for (hint, name) in hints.iter_mut().zip(&names) {
            *hint = with_own(self.detector.scanner.own_of(name), *hint);
        }
        if hints.iter().any(Option::is_some) {
            self.tables.push(hints);
            frame.rows = self.tables.len() as u16;
        }
    }

    /// Notes what the key at `index` says about the value behind it.
    pub(super) fn say(&mut self, doc: &Doc<'_>, frames: &mut [Frame], index: u32, said: &Said) {
        self.settle(doc, frames, index, said);
        if let Some(f) = frames.last_mut().filter(|_| said.own != 0) {
            f.hint = with_own(said.own, f.hint);
        }
    }

    fn settle(&mut self, doc: &Doc<'_>, frames: &mut [Frame], index: u32, said: &Said) {
        let Some(f) = frames.last_mut() else { return };
        f.below = said.role;
        f.hint = said.hint;
        if let Some(hint) = self.described(doc, frames, index) {
            if let Some(f) = frames.last_mut().filter(|f| f.hint.is_none_or(|h| !h.is_strong())) {
                f.hint = Some(hint);
            }
            return;
        }
        let Some(f) = frames.last_mut() else { return };
        // `{"id_type": "passport", "id_number": ...}`
        if said.hint.is_some_and(|h| h.is_strong() && h.class.is_some() && h.is_general())
            && let Some(hint) = self.labelled(doc, f, Loose::Number)
        {
            f.hint = hint.class.filter(|c| numbered(*c)).map(|_| hint).or(said.hint);
            return;
        }
        let Some(loose) = said.loose else {
            if said.open && named(doc, index + 1) {
                let mut company = f.company;
                f.hint = keys::unknown(f.role, || *company.get_or_insert_with(|| self.company(doc, f.node)));
                f.company = company;
            }
            return;
        };
        if said.hint.is_some_and(|h| h.is_strong()) || !worth(doc, index + 1, loose) {
            return;
        }
        if matches!(loose, Loose::Value | Loose::Number)
            && let Some(hint) = self.labelled(doc, f, loose)
            && !(loose == Loose::Number && self.is_of_record(doc, f, index))
            && (loose == Loose::Value || hint.class.is_some_and(numbered))
        {
            f.hint = Some(hint);
            return;
        }
        let mut company = f.company;
        let together = keys::together(said, f.role, f.above, || {
            *company.get_or_insert_with(|| self.company(doc, f.node))
        });
        f.company = company;
        // A word that says something by itself is not weakened by what is around it.
        f.hint = match together {
            Some(hint) if said.hint.is_none() || hint.strength == Strength::Strong => Some(hint),
            _ => said.hint,
        };
    }

    /// What the tool's schema says about the key at `index`.
    fn described(&self, doc: &Doc<'_>, frames: &[Frame], index: u32) -> Option<Hint> {
        let schema = self.schema?;
        let name = |key: u32| doc.tape.value(doc.bytes, key).as_str();
        let above = frames.iter().rev().skip(1).find(|f| f.object).and_then(|f| name(f.key));
        schema.get(&name(index)?, above.as_deref())
    }

    /// What the keys of the object say together.
    fn company(&self, doc: &Doc<'_>, object: u32) -> Company {
        let mut company = Company::default();
        for (key, _) in doc.tape.value(doc.bytes, object).entries().take(SIBLINGS) {
            let raw = inner(doc.bytes, &key.node());
            let beside = match self.keys.get(raw) {
                Some(known) => known.said.beside,
                None => {
                    self.detector.scanner.keys.read(&without_masks(&key.as_str().unwrap_or_default())).beside
                }
            };
            company.join(beside);
        }
        company
    }

    /// The hint of a sibling that names the value: `{"type": "email", "value": ...}`, also one that holds the name
    /// deeper, as in FHIR's `type: {coding: [{code}], text}`.
    fn labelled(&mut self, doc: &Doc<'_>, f: &Frame, loose: Loose) -> Option<Hint> {
        let object = doc.tape.value(doc.bytes, f.node);
        object.entries().take(SIBLINGS).find_map(|(key, value)| {
            if !matches!(value.kind(), Kind::String | Kind::Object) {
                return None;
            }
            let tells = match self.keys.get(inner(doc.bytes, &key.node())) {
                Some(known) => known.tells,
                None => self.detector.scanner.keys.tells(&key.as_str().unwrap_or_default()),
            };
            match tells {
                // A thing with a number of its own has a name too.
                Tells::Title if loose == Loose::Value || !self.company(doc, f.node).thing => {
                    self.label(doc, value, 0).or_else(|| travels(object, value))
                }
                Tells::Nothing | Tells::Title => None,
                Tells::Kind => self.label(doc, value, 0).filter(|h| h.class.is_some_and(document)),
                Tells::Label => self.label(doc, value, 0).or_else(|| travels(object, value)),
            }
        })
    }

    /// Whether the key at `index` is the record's own `id` beside the number that a label speaks of.
    fn is_of_record(&self, doc: &Doc<'_>, f: &Frame, index: u32) -> bool {
        let keys = &self.detector.scanner.keys;
        let reference = doc.tape.value(doc.bytes, index).as_str().is_some_and(|k| keys::is_reference(&k));
        let mut siblings = doc.tape.value(doc.bytes, f.node).entries().take(SIBLINGS);
        reference && siblings.any(|(k, _)| k.as_str().is_some_and(|k| keys.names_number(&k)))
    }

    /// What a label says, or the first of those inside it that says something.
    fn label(&mut self, doc: &Doc<'_>, value: Value<'_>, depth: usize) -> Option<Hint> {
        match value.kind() {
            Kind::String => self.word(doc, value),
            Kind::Object if depth < LABELS => {
                value.entries().take(LABEL_MEMBERS).find_map(|(_, v)| self.label(doc, v, depth + 1))
            }
            Kind::Array if depth < LABELS => {
                value.items().take(LABEL_MEMBERS).find_map(|v| self.label(doc, v, depth + 1))
            }
            _ => None,
        }
    }

    /// What a label of text says. The same few words come again in every row, and are known then.
    fn word(&mut self, doc: &Doc<'_>, value: Value<'_>) -> Option<Hint> {
        let raw = inner(doc.bytes, &value.node());
        let plain = raw.iter().all(|b| b.is_ascii_lowercase() || *b == b'_');
        if let Some(hint) = self.labels.get(raw).filter(|_| plain) {
            return *hint;
        }
        let text = value.as_str().filter(|t| (2..=LABEL).contains(&t.len()))?;
        let hint = self.detector.scanner.keys.label(&text).filter(|h| h.class.is_some());
        if plain {
            self.labels.put(raw, hint);
        }
        hint
    }
}

/// `{"type": "P", "number": ..., "expires": ...}`: the code of ICAO 9303, beside what documents have.
fn travels(object: Value<'_>, label: Value<'_>) -> Option<Hint> {
    let code = label.as_str().is_some_and(|t| t.eq_ignore_ascii_case("p"));
    let of_document = |key: &str| ["xpir", "ssu", "doc", "travel", "ident"].iter().any(|w| key.contains(w));
    (code && object.entries().take(SIBLINGS).any(|(k, _)| k.as_str().is_some_and(|k| of_document(&k))))
        .then_some(keys::A_PASSPORT)
}

/// Classes of documents that people carry.
fn document(class: DataClass) -> bool {
    [DataClass::PASSPORT, DataClass::DRIVING_LICENCE, DataClass::NATIONAL_ID, DataClass::TAX_ID]
        .contains(&class)
}

/// Classes of numbers that a label and a number tell together: `{"type": "passport", "number": ...}`.
fn numbered(class: DataClass) -> bool {
    [
        DataClass::PHONE,
        DataClass::CARD,
        DataClass::IBAN,
        DataClass::BANK_ACCOUNT,
        DataClass::US_SSN,
        DataClass::NATIONAL_ID,
        DataClass::TAX_ID,
        DataClass::HEALTH_ID,
        DataClass::PASSPORT,
        DataClass::DRIVING_LICENCE,
        DataClass::VEHICLE,
    ]
    .contains(&class)
}

/// Whether a value is a person's full name beyond doubt; a few bytes tell of most that it is not.
fn named(doc: &Doc<'_>, value: u32) -> bool {
    let Some(node) = doc.tape.nodes().get(value as usize).filter(|n| n.kind == Kind::String && !n.escaped)
    else {
        return false;
    };
    let text = inner(doc.bytes, node);
    let capital = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_uppercase() || *b >= 0x80);
    (5..=48).contains(&text.len())
        && capital(text.first())
        && memchr::memchr(b' ', text).is_some_and(|n| capital(text.get(n + 1)))
        && std::str::from_utf8(text).is_ok_and(crate::names::surely)
}

/// The names of the columns in a member beside the rows.
fn columns_beside(doc: &Doc<'_>, object: u32) -> Option<Vec<String>> {
    let is_columns = |key: &str| {
        ["columns", "fields", "headers", "header", "cols", "columnnames", "column_names", "names", "schema"]
            .iter()
            .any(|c| c.eq_ignore_ascii_case(key))
    };
    let object = doc.tape.value(doc.bytes, object);
    let (_, columns) =
        object.entries().take(SIBLINGS).find(|(k, _)| k.as_str().is_some_and(|k| is_columns(&k)))?;
    names(columns)
}

/// The strings of an array, or the names of its objects.
fn names(array: Value<'_>) -> Option<Vec<String>> {
    let mut out = Vec::new();
    for item in array.items() {
        let name = if item.kind() == Kind::Object { item.get("name")?.as_str()? } else { item.as_str()? };
        if name.len() > LABEL || out.len() >= COLUMNS {
            return None;
        }
        out.push(name.into_owned());
    }
    (out.len() >= 2).then_some(out)
}

/// Whether the value can be what a loose word needs, so that asking its siblings is worth it.
fn worth(doc: &Doc<'_>, value: u32, loose: Loose) -> bool {
    let Some(node) = doc.tape.nodes().get(value as usize) else { return false };
    match node.kind {
        Kind::Array | Kind::Object => true,
        Kind::Number => matches!(loose, Loose::Number | Loose::Value | Loose::Line | Loose::When),
        Kind::String => {
            let capital = |b: &u8| b.is_ascii_uppercase() || *b >= 0x80 || *b == b'\\';
            matches!(loose, Loose::Number | Loose::Value | Loose::Line | Loose::When)
                || inner(doc.bytes, node).first().is_some_and(capital)
        }
        _ => false,
    }
}
