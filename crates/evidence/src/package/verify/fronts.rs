//! Calls that came through a front, as far as they are disclosed: how many by which, and that no assertion of a front stands in
//! two sessions. That the front made it shows in the front's own lines (`routes.jsonl`), which have the same hash.

use std::collections::{BTreeMap, HashMap};

use carnet_json::{Kind, Limits, Tape};

use crate::field;
use crate::package::walk::Record;
use crate::text::from_b64url;
use crate::verify::{Fault, Step};

/// No cell takes an assertion that is older, and no package has times further apart than that in its order.
const REMEMBERED: u64 = 600;

/// What is checked, and what was seen.
pub(super) struct Fronts {
    step: Step,
    by: BTreeMap<(String, String), u64>,
    /// Sessions by assertion, of this period and the one before.
    seen: [HashMap<[u8; 32], [u8; 16]>; 2],
    since: u64,
}

impl Default for Fronts {
    fn default() -> Fronts {
        Fronts { step: Step::new("fronts"), by: BTreeMap::new(), seen: Default::default(), since: 0 }
    }
}

impl Fronts {
    pub(super) fn push(&mut self, record: &Record<'_>) {
        let Some(value) = record.value(field::FRONT) else { return };
        let at = Some(record.index);
        let Some((assertion, by)) = read(value) else {
            self.step.fault(Fault::FrontMalformed, at, "what is disclosed of its front is not of its form");
            return;
        };
        *self.by.entry(by).or_default() += 1;
        let draft = &record.leaf.draft;
        if draft.t.saturating_sub(self.since) > REMEMBERED {
            let [current, previous] = &mut self.seen;
            *previous = std::mem::take(current);
            self.since = draft.t;
        }
        let [current, previous] = &mut self.seen;
        let earlier = current.get(&assertion).or_else(|| previous.get(&assertion));
        // Several messages of one request have one assertion, and one session.
        if earlier.is_some_and(|gs| *gs != draft.gs) {
            self.step.fault(Fault::AssertionUsedTwice, at, "another session has a call with this assertion");
        }
        current.insert(assertion, draft.gs);
    }

    /// `None` where no call came through a front.
    pub(super) fn finish(mut self) -> Option<Step> {
        for ((name, key), n) in &self.by {
            self.step.note(format!("{n} through the front {name}, by the key {key}"));
        }
        self.step.count("through a front", self.by.values().sum());
        (!self.by.is_empty() || self.step.found > 0).then_some(self.step)
    }
}

/// The assertion, and the front with its key: `{assertion, key, name}` and nothing else.
fn read(value: &[u8]) -> Option<([u8; 32], (String, String))> {
    let tape = Tape::parse(value, &Limits::default()).ok()?;
    let root = tape.root(value);
    if root.kind() != Kind::Object || root.entries().count() != 3 {
        return None;
    }
    let text = |name: &str| Some(root.get(name)?.as_str()?.into_owned());
    let (name, key) = (text("name")?, text("key")?);
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let named = (1..=63).contains(&name.len()) && name.bytes().all(plain);
    from_b64url::<32>(&key).filter(|_| named)?;
    Some((from_b64url(&text("assertion")?)?, (name, key)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disclosure::Disclosure;
    use crate::leaf::{Draft, Epochs, Leaf, LeafType};
    use crate::package::lines::Withheld;

    fn value(assertion: u8, name: &str) -> String {
        let hash = |n| crate::text::b64url(&[n; 32]);
        format!(r#"{{"assertion":"{}","key":"{}","name":"{name}"}}"#, hash(assertion), hash(9))
    }

    fn pushed(rows: &[(String, u8, u64)]) -> Option<Step> {
        let mut fronts = Fronts::default();
        for (value, session, t) in rows {
            let draft = Draft::new(LeafType::CallDecision, *t, [*session; 16], Epochs::default());
            let leaf = Leaf { draft, n: 0, ps: None };
            let disclosed = [Disclosure { name: field::FRONT.to_owned(), value: value.clone().into_bytes() }];
            fronts.push(&Record::new(0, &leaf, &disclosed, None, &Withheld::default()));
        }
        fronts.finish()
    }

    #[test]
    fn an_assertion_belongs_to_one_session() {
        let same = [(value(1, "front"), 1, 1000), (value(1, "front"), 1, 1000), (value(2, "front"), 2, 1000)];
        let step = pushed(&same).unwrap();
        assert_eq!((step.found, step.counts.as_slice()), (0, [("through a front", 3)].as_slice()));
        for later in [0, 90, REMEMBERED] {
            let twice = [(value(1, "front"), 1, 1000), (value(1, "front"), 2, 1000 + later)];
            let step = pushed(&twice).unwrap();
            assert_eq!(step.findings[0].fault, Fault::AssertionUsedTwice, "{later}");
        }
        assert!(pushed(&[]).is_none());
    }

    #[test]
    fn what_is_not_of_its_form_is_said() {
        let good = value(1, "front");
        let bad = [
            "null".to_owned(),
            "{}".to_owned(),
            value(1, ""),
            value(1, "Front\\n"),
            good.replace("assertion", "other"),
            good.replace('}', ",\"more\":1}"),
            good.replacen("AQ", "A", 1),
        ];
        for bad in bad {
            let step = pushed(&[(bad.clone(), 1, 1)]).unwrap();
            assert_eq!(step.findings[0].fault, Fault::FrontMalformed, "{bad}");
        }
    }
}
