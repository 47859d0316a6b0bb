//! Heartbeats: a run of the gateway that falls silent for longer than two of its intervals must have said so.

use super::report::{Fault, Step};
use crate::leaf::{Draft, Ext, Leaf, LeafType};

/// A silence that is not explained yet.
struct Silence {
    from: u64,
    to: u64,
    index: u64,
    every: u64,
}

pub(crate) struct Alive {
    step: Step,
    every: u64,
    /// Last sign of life of a run that has not stopped.
    last: Option<u64>,
    silence: Option<Silence>,
    explained: Option<(u64, u64)>,
    newest: (u64, u64),
    heartbeats: u64,
    starts: u64,
    gaps: u64,
}

impl Alive {
    pub(crate) fn new() -> Self {
        Alive {
            step: Step::new("heartbeats"),
            every: 0,
            last: None,
            silence: None,
            explained: None,
            newest: (0, 0),
            heartbeats: 0,
            starts: 0,
            gaps: 0,
        }
    }

    pub(crate) fn push(&mut self, index: u64, leaf: &Leaf) {
        let draft = &leaf.draft;
        if draft.t > self.newest.1 {
            self.newest = (index, draft.t);
        }
        match draft.ty {
            LeafType::Gap => self.gap(draft),
            LeafType::GwStart => {
                self.starts += 1;
                if self.last.is_some() {
                    self.step.note(format!("the run before leaf {index} ended without a stop"));
                    if self.step.notes.len() > super::LISTED {
                        self.step.notes.truncate(super::LISTED);
                    }
                }
                self.sign(index, draft.t);
                self.every = int(draft, "every").unwrap_or(0);
                self.last = Some(draft.t);
            }
            LeafType::Heartbeat => {
                self.heartbeats += 1;
                self.sign(index, draft.t);
                self.settle();
                self.every = int(draft, "every").unwrap_or(self.every);
                self.last = Some(draft.t);
            }
            LeafType::GwStop => {
                self.sign(index, draft.t);
                self.settle();
                self.last = None;
            }
            _ => {}
        }
    }

    /// A sign of life: was the time since the last one too long?
    fn sign(&mut self, index: u64, t: u64) {
        self.settle_unless_start();
        let Some(last) = self.last else { return };
        if self.every > 0 && t.saturating_sub(last) > 2 * self.every {
            self.silence = Some(Silence { from: last, to: t, index, every: self.every });
            self.explain();
        }
    }

    fn settle_unless_start(&mut self) {
        if self.silence.is_some() {
            self.settle();
        }
    }

    fn gap(&mut self, draft: &Draft) {
        self.gaps += 1;
        if let (Some(from), Some(to)) = (int(draft, "from"), int(draft, "to")) {
            self.explained = Some((from, to));
            self.explain();
        }
    }

    /// A gap explains a silence when it covers it, up to two intervals at either end.
    fn explain(&mut self) {
        if let (Some(silence), Some((from, to))) = (&self.silence, self.explained) {
            let slack = 2 * silence.every;
            if from <= silence.from + slack && to + slack >= silence.to {
                self.silence = None;
                self.explained = None;
            }
        }
    }

    fn settle(&mut self) {
        if let Some(silence) = self.silence.take() {
            let seconds = silence.to.saturating_sub(silence.from);
            let detail =
                format!("{seconds} s without a sign of life, {} s promised, no gap stated", silence.every);
            self.step.fault(Fault::HeartbeatGap, Some(silence.index), detail);
        }
    }

    pub(crate) fn finish(mut self) -> Step {
        let (index, newest) = self.newest;
        self.sign(index, newest);
        self.settle();
        self.step.count("runs", self.starts);
        self.step.count("heartbeats", self.heartbeats);
        self.step.count("gaps stated", self.gaps);
        if self.starts == 0 {
            self.step.skip("no run of a gateway in this log");
        }
        self.step
    }
}

fn int(draft: &Draft, key: &str) -> Option<u64> {
    draft.ext.iter().find(|(k, _)| *k == key).and_then(|(_, v)| match v {
        Ext::Int(n) => Some(*n),
        Ext::Text(_) => None,
    })
}
