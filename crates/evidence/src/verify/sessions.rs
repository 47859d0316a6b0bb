//! Sessions: counters and links without holes, counts as stated at the close, and every decision answered.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::Item;
use super::report::{Fault, Step};
use crate::leaf::{Draft, Ext, Leaf, LeafType};
use crate::tree::Hash;

/// A session that is not closed.
struct Open {
    next: u64,
    last: Hash,
    calls: u64,
    /// Decisions not answered, by index.
    waiting: BTreeSet<u64>,
    /// It began before the first leaf that was read.
    before: bool,
}

pub(crate) struct Sessions {
    links: Step,
    calls: Step,
    open: HashMap<[u8; 16], Open>,
    closed: u64,
    decisions: u64,
    one_way: u64,
    outcomes: u64,
    orphans: u64,
    /// First leaf that is read: 0 but for packages, which may begin within sessions.
    from: u64,
    /// Sessions that were closed, where some may have begun before `from`: they are not begun again.
    over: HashSet<[u8; 16]>,
    /// Outcomes of decisions before `from`.
    earlier: u64,
}

impl Sessions {
    /// For leaves from an index on.
    pub(crate) fn from(from: u64) -> Self {
        Sessions {
            from,
            over: HashSet::new(),
            earlier: 0,
            links: Step::new("sessions"),
            calls: Step::new("calls"),
            open: HashMap::new(),
            closed: 0,
            decisions: 0,
            one_way: 0,
            outcomes: 0,
            orphans: 0,
        }
    }

    pub(crate) fn push(&mut self, item: &Item<'_>, leaf: &Leaf) {
        self.link(item, leaf);
        self.call(item.index, &leaf.draft);
        if matches!(leaf.draft.ty, LeafType::SessionClose | LeafType::GwStop) {
            self.close(item.index, leaf);
        }
    }

    fn link(&mut self, item: &Item<'_>, leaf: &Leaf) {
        let gs = leaf.draft.gs;
        let before = self.from > 0 && leaf.n > 0 && !self.open.contains_key(&gs) && !self.over.contains(&gs);
        let (next, last) = match self.open.get(&gs) {
            Some(open) => (open.next, Some(open.last)),
            // Its counter and link are checked in the package before this one.
            None if before => (leaf.n, leaf.ps),
            None => (0, None),
        };
        if leaf.n != next {
            let detail = format!("number {} where {next} is due", leaf.n);
            self.links.fault(Fault::SessionCounterGap, Some(item.index), detail);
        } else if leaf.ps != last {
            self.links.fault(
                Fault::SessionLinkBroken,
                Some(item.index),
                "`ps` is not the hash of the leaf before",
            );
        }
        let begin = || Open { next: 0, last: item.hash, calls: 0, waiting: BTreeSet::new(), before };
        let open = self.open.entry(gs).or_insert_with(begin);
        open.next = leaf.n + 1;
        open.last = item.hash;
        open.calls += u64::from(leaf.draft.ty == LeafType::CallDecision);
    }

    fn call(&mut self, index: u64, draft: &Draft) {
        match draft.ty {
            LeafType::CallDecision => {
                self.decisions += 1;
                if draft.ow {
                    self.one_way += 1;
                } else if let Some(open) = self.open.get_mut(&draft.gs) {
                    open.waiting.insert(index);
                }
            }
            LeafType::CallOutcome => self.outcomes += 1,
            LeafType::CallOrphan => self.orphans += 1,
            _ => {}
        }
        if !draft.ty.answers() {
            return;
        }
        let of = draft.of.unwrap_or(u64::MAX);
        if of < self.from && self.open.get(&draft.gs).is_some_and(|open| open.before) {
            self.earlier += 1;
            return;
        }
        if !self.open.get_mut(&draft.gs).is_some_and(|open| open.waiting.remove(&of)) {
            let detail = format!("{of} is no unanswered decision of this session");
            self.calls.fault(Fault::OutcomeWithoutDecision, Some(index), detail);
        }
    }

    fn close(&mut self, index: u64, leaf: &Leaf) {
        let Some(open) = self.open.remove(&leaf.draft.gs) else { return };
        self.closed += 1;
        if self.from > 0 {
            self.over.insert(leaf.draft.gs);
        }
        for (key, there) in [("leaves", open.next), ("calls", open.calls)] {
            let stated = leaf.draft.ext.iter().find(|(k, _)| *k == key);
            // The calls before the first leaf are not seen here; the counter knows of all leaves.
            let known = key == "leaves" || !open.before;
            if let Some((_, Ext::Int(stated))) = stated
                && known
                && *stated != there
            {
                let detail = format!("states {stated} {key}, there are {there}");
                self.links.fault(Fault::SessionCountWrong, Some(index), detail);
            }
        }
        for at in open.waiting {
            self.calls.fault(
                Fault::DecisionWithoutOutcome,
                Some(at),
                format!("its session was closed at {index}"),
            );
        }
    }

    /// `last_start`: the last `gw.start`. What was open before it must have been answered by the recovery.
    pub(crate) fn finish(mut self, last_start: Option<u64>, stopped: bool) -> (Step, Step) {
        let waiting: BTreeSet<u64> =
            self.open.values().flat_map(|open| open.waiting.iter().copied()).collect();
        let mut under_way = 0u64;
        for at in waiting {
            let detail = match last_start {
                _ if stopped => "the gateway has stopped since",
                Some(start) if at < start => "the gateway has started again since",
                _ => {
                    under_way += 1;
                    continue;
                }
            };
            self.calls.fault(Fault::DecisionWithoutOutcome, Some(at), detail);
        }
        if self.earlier > 0 {
            self.calls.note(format!("{} outcomes of calls that were decided before the range", self.earlier));
        }
        if under_way > 0 {
            self.calls.note(format!("{under_way} calls are under way"));
        }
        self.links.count("closed", self.closed);
        self.links.count("open", self.open.len() as u64);
        self.calls.count("decisions", self.decisions);
        self.calls.count("outcomes", self.outcomes);
        self.calls.count("orphans", self.orphans);
        self.calls.count("one way", self.one_way);
        (self.links, self.calls)
    }
}
