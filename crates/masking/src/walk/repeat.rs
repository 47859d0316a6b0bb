//! Values that come again in a document, as a status, a town or a description does in rows: what was found in one is known
//! the next time it stands under a key that says the same. Only places in the document at hand are kept, no value.

use carnet_model::DataClass;

use crate::finding::{Finding, Form};
use crate::keys::Hint;
use crate::scan::Hit;

/// Longer values are looked at each time.
const LONGEST: usize = 256;
const SLOTS: usize = 512;

/// What was found in a text.
#[derive(Clone, Copy)]
pub(super) enum Outcome {
    Nothing,
    /// The whole of it, and nothing else.
    Whole {
        class: DataClass,
        kind: &'static str,
        rule: &'static str,
        score: u8,
    },
}

impl Outcome {
    /// Of a text that is at `span` in the outer buffer; `None` for what is not as simple.
    pub(super) fn of(
        found: &[Finding],
        span: impl FnOnce() -> std::ops::Range<u32>,
        depth: u8,
    ) -> Option<Outcome> {
        match found {
            [] => Some(Outcome::Nothing),
            [f] if f.form == Form::Text && f.depth == depth && f.span == span() => {
                Some(Outcome::Whole { class: f.class, kind: f.kind, rule: f.rule, score: f.score })
            }
            _ => None,
        }
    }

    /// The hit in a text of this length.
    pub(super) fn hit(self, len: usize) -> Option<Hit> {
        let Outcome::Whole { class, kind, rule, score } = self else { return None };
        Some(Hit { start: 0, end: len as u32, class, kind, rule, score })
    }
}

struct Slot {
    /// Of which document it tells.
    stamp: u32,
    start: u32,
    len: u32,
    hint: Option<Hint>,
    outcome: Outcome,
}

/// What is known of the values of one document.
#[derive(Default)]
pub(super) struct Repeats {
    slots: Vec<Option<Slot>>,
    /// The document at hand, and the last number that was given to one.
    stamp: u32,
    last: u32,
}

impl Repeats {
    /// Begins a document; gives what [`Repeats::leave`] takes.
    pub(super) fn enter(&mut self) -> u32 {
        if self.last == u32::MAX {
            self.slots.clear();
            self.last = 0;
        }
        self.last += 1;
        std::mem::replace(&mut self.stamp, self.last)
    }

    /// Goes back to the document around it.
    pub(super) fn leave(&mut self, outer: u32) {
        self.stamp = outer;
    }

    /// What was found in the same text of this document under the same hint.
    pub(super) fn get(&self, document: &[u8], text: &[u8], hint: Option<Hint>) -> Option<Outcome> {
        #[cfg(test)]
        if crate::scan::OPEN.get() {
            return None;
        }
        let slot = self.slots.get(place(text)?)?.as_ref()?;
        let known = slot.stamp == self.stamp
            && slot.len as usize == text.len()
            && slot.hint == hint
            && document.get(slot.start as usize..).is_some_and(|rest| rest.starts_with(text));
        known.then_some(slot.outcome)
    }

    /// Notes what was found in the text at `start` of the document.
    pub(super) fn put(&mut self, start: u32, text: &[u8], hint: Option<Hint>, outcome: Outcome) {
        let Some(place) = place(text) else { return };
        if self.slots.is_empty() {
            self.slots.resize_with(SLOTS, || None);
        }
        if let Some(slot) = self.slots.get_mut(place) {
            *slot = Some(Slot { stamp: self.stamp, start, len: text.len() as u32, hint, outcome });
        }
    }
}

/// The slot of a text, by both its ends and its middle.
fn place(text: &[u8]) -> Option<usize> {
    if text.len() > LONGEST {
        return None;
    }
    let word =
        |at: usize| text.get(at..).and_then(|rest| rest.first_chunk::<8>()).map(|b| u64::from_le_bytes(*b));
    let h = match word(0).zip(word(text.len().wrapping_sub(8))) {
        Some((head, tail)) => {
            head ^ tail.rotate_left(29) ^ word(text.len() / 2 - 4).unwrap_or(0).rotate_left(13)
        }
        None => text.iter().fold(0u64, |h, b| h << 8 | u64::from(*b)),
    };
    let h = (h ^ text.len() as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    Some((h >> 40) as usize % SLOTS)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use carnet_json::{Limits, Tape};

    use super::*;
    use crate::{Detector, Findings, Part, PartKind};

    #[test]
    fn nothing_is_known_of_another_buffer() {
        let detector = Detector::default();
        for (text, found) in [
            (r#""nothing in here""#, false),
            (r#""bob@example.org""#, true),
            (r#""nothing in here""#, false),
            (r#"["nothing in here"]"#, false),
            (r#"["bob@example.org"]"#, true),
            (r#"["[\"bob@example.org\"]", "nothing in here"]"#, true),
        ] {
            let tape = Tape::parse(text.as_bytes(), &Limits::default()).unwrap();
            let mut findings = Findings::new();
            let part = [Part { node: 0, kind: PartKind::Json, exclude: &[] }];
            detector.find(text.as_bytes(), &tape, &part, &mut findings).unwrap();
            assert_eq!(!findings.is_empty(), found, "{text}");
        }
    }

    #[test]
    fn a_value_is_known_in_its_document_and_under_its_hint_only() {
        let document = b"Berlin, Berlin, Porto, a long value that comes again, a long value that comes again";
        let mut repeats = Repeats::default();
        let outer = repeats.enter();
        let long = document.get(23..52).unwrap_or_default();
        repeats.put(0, b"Berlin", None, Outcome::Nothing);
        repeats.put(23, long, None, Outcome::Nothing);
        assert!(repeats.get(document, b"Berlin", None).is_some());
        assert!(repeats.get(document, long, None).is_some());
        assert!(repeats.get(document, b"Porto", None).is_none());
        assert!(repeats.get(document, b"Berlin", Some(crate::keys::A_PASSPORT)).is_none());
        let inner = repeats.enter();
        assert!(repeats.get(document, b"Berlin", None).is_none());
        repeats.leave(inner);
        assert!(repeats.get(document, b"Berlin", None).is_some());
        repeats.leave(outer);
        repeats.enter();
        assert!(repeats.get(document, b"Berlin", None).is_none());
    }
}
