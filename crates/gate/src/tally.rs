//! What one session, and one actor over a window, has been given: calls, rows, bytes and distinct persons, for policies about
//! bulk. Many small exports count as the large one that they are. No clock: the time comes with each question. Persons are
//! the first bytes of their blind index, so that nobody is named here.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::labels::Row;

/// The beginning of a person's label.
pub(crate) type Short = [u8; 8];

/// A window has so many steps: what leaves it leaves by steps.
const STEPS: i64 = 60;
/// Persons that are told apart. More are counted each time.
const PERSONS: usize = 20_000;

/// What one result gives out.
#[derive(Clone, Default, Debug)]
pub(crate) struct Portion {
    pub rows: i64,
    pub bytes: i64,
    pub persons: Vec<Short>,
    /// Persons beyond those that are told apart.
    pub over: i64,
}

/// Sums.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Totals {
    /// Results.
    pub calls: i64,
    /// Rows in them.
    pub rows: i64,
    /// Bytes.
    pub bytes: i64,
    /// Persons asked for or returned.
    pub subjects: i64,
}

#[derive(Clone, Default, Debug)]
struct Step {
    at: i64,
    sums: Totals,
}

/// See the module.
#[derive(Clone, Default, Debug)]
pub struct Tally {
    steps: VecDeque<Step>,
    seen: HashMap<Short, i64>,
    changed: bool,
    /// How many results were added. What is stored of single results is numbered so.
    number: u64,
}

/// What [`Tally::add`] did, to be taken back.
pub(crate) struct Added {
    at: i64,
    new: Vec<Short>,
    number: u64,
}

impl Tally {
    /// What is in the window at this time, with these persons too.
    pub(crate) fn totals(&mut self, now: i64, window: i64, with: &[Short]) -> Totals {
        self.forget(now, window);
        let add = |sum: Totals, step: &Step| Totals {
            calls: sum.calls.saturating_add(step.sums.calls),
            rows: sum.rows.saturating_add(step.sums.rows),
            bytes: sum.bytes.saturating_add(step.sums.bytes),
            subjects: sum.subjects.saturating_add(step.sums.subjects),
        };
        let sum = self.steps.iter().fold(Totals::default(), add);
        let new = with.iter().filter(|person| !self.seen.contains_key(*person)).count();
        let persons = i64::try_from(self.seen.len().saturating_add(new)).unwrap_or(i64::MAX);
        Totals { subjects: sum.subjects.saturating_add(persons), ..sum }
    }

    pub(crate) fn add(&mut self, portion: &Portion, now: i64, window: i64) -> Added {
        self.forget(now, window);
        let at = now - now.rem_euclid(width(window));
        if self.steps.back().is_none_or(|step| step.at < at) {
            self.steps.push_back(Step { at, ..Step::default() });
        }
        let mut new = Vec::new();
        let mut over = portion.over;
        for person in &portion.persons {
            if let Some(last) = self.seen.get_mut(person) {
                *last = (*last).max(now);
            } else if self.seen.len() < PERSONS {
                self.seen.insert(*person, now);
                new.push(*person);
            } else {
                over = over.saturating_add(1);
            }
        }
        if let Some(Step { sums, .. }) = self.steps.back_mut() {
            sums.calls = sums.calls.saturating_add(1);
            sums.rows = sums.rows.saturating_add(portion.rows);
            sums.bytes = sums.bytes.saturating_add(portion.bytes);
            sums.subjects = sums.subjects.saturating_add(over);
        }
        self.changed = true;
        self.number = self.number.saturating_add(1);
        let at = self.steps.back().map_or(at, |step| step.at);
        Added { at, new, number: self.number }
    }

    /// It was not given out after all. Persons whom another result brought meanwhile, and who were new with this one, are
    /// forgotten too: they come again with the next.
    pub(crate) fn take_back(&mut self, portion: &Portion, added: &Added) {
        let Some(step) = self.steps.iter_mut().find(|step| step.at == added.at) else { return };
        let sums = &mut step.sums;
        sums.calls = sums.calls.saturating_sub(1);
        sums.rows = sums.rows.saturating_sub(portion.rows);
        sums.bytes = sums.bytes.saturating_sub(portion.bytes);
        sums.subjects = sums.subjects.saturating_sub(portion.over);
        for person in &added.new {
            self.seen.remove(person);
        }
        self.changed = true;
    }

    fn forget(&mut self, now: i64, window: i64) {
        let over = now.saturating_sub(window);
        if self.steps.front().is_none_or(|step| step.at >= over) {
            return;
        }
        while self.steps.front().is_some_and(|step| step.at < over) {
            self.steps.pop_front();
        }
        self.seen.retain(|_, last| *last >= over);
        self.changed = true;
    }

    /// Whether nothing is in it at this time.
    pub fn is_empty(&mut self, now: i64, window: i64) -> bool {
        self.forget(now, window);
        self.steps.is_empty()
    }

    /// What is to be stored, where it has changed since it was last asked.
    pub fn changed(&mut self) -> Option<Vec<u8>> {
        if !std::mem::take(&mut self.changed) {
            return None;
        }
        let steps: Vec<Value> = self
            .steps
            .iter()
            .map(|Step { at, sums }| json!([at, sums.calls, sums.rows, sums.bytes, sums.subjects]))
            .collect();
        let mut seen = Vec::with_capacity(self.seen.len() * 16);
        for (person, last) in &self.seen {
            seen.extend_from_slice(person);
            seen.extend_from_slice(&last.to_be_bytes());
        }
        let all = json!({ "number": self.number, "seen": STANDARD.encode(seen), "steps": steps });
        Some(all.to_string().into_bytes())
    }

    /// It could not be stored.
    pub fn unstored(&mut self) {
        self.changed = true;
    }

    /// What was stored.
    #[must_use]
    pub fn restore(bytes: &[u8]) -> Option<Tally> {
        let value: Value = serde_json::from_slice(bytes).ok()?;
        let step = |step: &Value| {
            let n = |at: usize| step.get(at)?.as_i64();
            let sums = Totals { calls: n(1)?, rows: n(2)?, bytes: n(3)?, subjects: n(4)? };
            Some(Step { at: n(0)?, sums })
        };
        let steps = value.get("steps")?.as_array()?.iter().map(step).collect::<Option<VecDeque<_>>>()?;
        let seen = STANDARD.decode(value.get("seen")?.as_str()?).ok()?;
        let (pairs, []) = seen.as_chunks::<16>() else { return None };
        let pair = |pair: &[u8; 16]| {
            let (person, last) = (pair.first_chunk::<8>()?, pair.last_chunk::<8>()?);
            Some((*person, i64::from_be_bytes(*last)))
        };
        let seen = pairs.iter().map(pair).collect::<Option<HashMap<_, _>>>()?;
        // Versions before numbered nothing.
        let number = value.get("number").and_then(Value::as_u64).unwrap_or(0);
        Some(Tally { steps, seen, changed: false, number })
    }

    /// How many results are in what [`Tally::changed`] gave out last: rows of these and earlier numbers are not needed any more.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// A single result that was stored beside it, by its number; one that is in it already is passed over.
    pub fn replay(&mut self, number: u64, row: &[u8], now: i64, window: i64) -> Option<()> {
        if number <= self.number {
            return Some(());
        }
        let value: Value = serde_json::from_slice(row).ok()?;
        let n = |name: &str| value.get(name)?.as_i64();
        let persons = STANDARD.decode(value.get("persons")?.as_str()?).ok()?;
        let (persons, []) = persons.as_chunks::<8>() else { return None };
        let (at, persons) = (n("at")?, persons.to_vec());
        let portion = Portion { rows: n("rows")?, bytes: n("bytes")?, over: n("over")?, persons };
        if at >= now.saturating_sub(window) {
            self.add(&portion, at, window);
        }
        self.number = number;
        Some(())
    }
}

impl Portion {
    /// As it is stored until the tally is.
    fn encode(&self, at: i64) -> Vec<u8> {
        let persons = STANDARD.encode(self.persons.as_flattened());
        json!({ "at": at, "bytes": self.bytes, "over": self.over, "persons": persons, "rows": self.rows })
            .to_string()
            .into_bytes()
    }
}

fn width(window: i64) -> i64 {
    (window / STEPS).max(1)
}

/// The two that a call counts in.
#[derive(Clone, Default, Debug)]
pub struct Tallies {
    session: Arc<Mutex<Tally>>,
    actor: Arc<Mutex<Tally>>,
    /// Rows of the actor's results are named after it; a session's are not kept.
    name: Arc<str>,
}

/// A session counts from its beginning.
const ALWAYS: i64 = i64::MAX / 4;

pub(crate) type Counters = Vec<(Arc<str>, i64)>;

impl Tallies {
    /// Of a new session of this actor. `name` and the number of a result name its row.
    #[must_use]
    pub fn of(name: &str, actor: Arc<Mutex<Tally>>) -> Tallies {
        Tallies { session: Arc::default(), actor, name: name.into() }
    }

    /// The row of a result that was added. A restart finds it where the tally was not stored since.
    pub(crate) fn row(&self, portion: &Portion, [_, actor]: &[Added; 2], now: i64) -> Option<Row> {
        let name = format!("{}{:016x}", self.name, actor.number);
        (!self.name.is_empty()).then(|| Row { name, value: portion.encode(now) })
    }

    fn each(&self, window: i64) -> [(&'static str, MutexGuard<'_, Tally>, i64); 2] {
        [
            ("session", self.session.lock().unwrap_or_else(PoisonError::into_inner), ALWAYS),
            ("actor", self.actor.lock().unwrap_or_else(PoisonError::into_inner), window),
        ]
    }

    /// Counters as policies see them, with these persons asked for.
    pub(crate) fn counters(&self, now: i64, window: i64, with: &[Short]) -> Counters {
        let mut all = Vec::with_capacity(9);
        for (name, mut tally, window) in self.each(window) {
            let totals = tally.totals(now, window, with);
            for (what, n) in [
                ("calls", totals.calls),
                ("rows", totals.rows),
                ("bytes", totals.bytes),
                ("subjects", totals.subjects),
            ] {
                all.push((format!("{name}_{what}").into(), n));
            }
        }
        all
    }

    /// Counts a result before it goes out: two at once see each other.
    pub(crate) fn add(&self, portion: &Portion, now: i64, window: i64) -> [Added; 2] {
        self.each(window).map(|(_, mut tally, window)| tally.add(portion, now, window))
    }

    pub(crate) fn take_back(&self, portion: &Portion, added: &[Added; 2], window: i64) {
        for ((_, mut tally, _), added) in self.each(window).into_iter().zip(added) {
            tally.take_back(portion, added);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn portion(rows: i64, persons: &[u8]) -> Portion {
        Portion { rows, bytes: rows * 10, persons: persons.iter().map(|p| [*p; 8]).collect(), over: 0 }
    }

    #[test]
    fn persons_are_counted_once_and_time_takes_them_out() {
        let mut tally = Tally::default();
        tally.add(&portion(3, &[1, 2, 3]), 1000, 60);
        tally.add(&portion(3, &[3, 4]), 1030, 60);
        let now = tally.totals(1031, 60, &[[4; 8], [9; 8]]);
        assert_eq!(now, Totals { calls: 2, rows: 6, bytes: 60, subjects: 5 });
        let later = tally.totals(1061, 60, &[]);
        assert_eq!(later, Totals { calls: 1, rows: 3, bytes: 30, subjects: 2 });
        assert!(tally.is_empty(1091, 60));
    }

    #[test]
    fn what_was_not_given_out_is_taken_back_and_a_restart_forgets_nothing() {
        let mut tally = Tally::default();
        tally.add(&portion(1, &[1]), 5, 60);
        let held = portion(50, &[1, 7]);
        let added = tally.add(&held, 5, 60);
        assert_eq!(tally.totals(5, 60, &[]).rows, 51);
        tally.take_back(&held, &added);
        assert_eq!(tally.totals(5, 60, &[]), Totals { calls: 1, rows: 1, bytes: 10, subjects: 1 });
        let stored = tally.changed().unwrap();
        assert!(tally.changed().is_none());
        let mut again = Tally::restore(&stored).unwrap();
        assert_eq!(again.totals(5, 60, &[]), tally.totals(5, 60, &[]));
        for bad in ["", "{}", r#"{"seen":"AA==","steps":[]}"#, r#"{"seen":"","steps":[[1]]}"#] {
            assert!(Tally::restore(bad.as_bytes()).is_none(), "{bad}");
        }
    }

    #[test]
    fn results_that_were_stored_alone_are_counted_once_after_a_crash() {
        let mut tally = Tally::default();
        let (first, second, held) = (portion(1, &[1]), portion(2, &[1, 2]), portion(9, &[9]));
        tally.add(&first, 10, 60);
        let stored = tally.changed().unwrap();
        let added = tally.add(&held, 11, 60);
        tally.take_back(&held, &added);
        let added = tally.add(&second, 12, 60);
        assert_eq!((tally.number(), added.number), (3, 3));
        let rows = [(1, first.encode(10)), (3, second.encode(12))];
        let mut again = Tally::restore(&stored).unwrap();
        for _ in 0..2 {
            for (number, row) in &rows {
                again.replay(*number, row, 12, 60).unwrap();
            }
            assert_eq!(again.totals(12, 60, &[]), tally.totals(12, 60, &[]));
        }
        // What is too old to count is not counted, and its number is taken.
        let mut late = Tally::restore(&stored).unwrap();
        late.replay(3, &rows[1].1, 500, 60).unwrap();
        assert_eq!((late.totals(500, 60, &[]), late.number()), (Totals::default(), 3));
        for bad in ["", "{}", r#"{"at":1,"bytes":1,"over":0,"persons":"AA==","rows":1}"#] {
            assert!(late.replay(9, bad.as_bytes(), 1, 60).is_none(), "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn sums_are_those_of_the_window(portions in proptest::collection::vec((0_i64..100, 0_u8..9, 0_i64..9), 0..40)) {
            let (mut tally, mut now, mut all) = (Tally::default(), 0, Vec::new());
            for (rows, person, pause) in portions {
                now += pause;
                tally.add(&portion(rows, &[person]), now, 60);
                all.push((now, rows, person));
            }
            let inside: Vec<_> = all.iter().filter(|(at, ..)| *at >= now - 60).collect();
            let persons: std::collections::HashSet<u8> = inside.iter().map(|(_, _, p)| *p).collect();
            let totals = tally.totals(now, 60, &[]);
            proptest::prop_assert_eq!(totals.rows, inside.iter().map(|(_, rows, _)| rows).sum::<i64>());
            proptest::prop_assert_eq!(totals.subjects, i64::try_from(persons.len()).unwrap());
        }
    }
}
