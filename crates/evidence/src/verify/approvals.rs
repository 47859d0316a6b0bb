//! Approvals as the leaves alone show them: every vote, use and end belongs to a request; there is one end; a use has its quorum
//! and comes in time; an emergency is reviewed. Who voted on what is sealed: a verifier that can read it looks further.

use std::collections::HashMap;

use super::Item;
use super::report::{Fault, Step};
use crate::leaf::{Draft, Ext, Leaf, LeafType};

/// A request that was seen.
struct Asked {
    quorum: u64,
    until: u64,
    votes: u64,
    /// Somebody lifted it in an emergency: where, and whether that was reviewed.
    broken: Option<(u64, bool)>,
    /// Where it ended, and whether by its use.
    ended: Option<(u64, bool)>,
}

pub(crate) struct Approvals {
    step: Step,
    asked: HashMap<u64, Asked>,
    /// First leaf that is read.
    from: u64,
    earlier: u64,
    counts: [u64; 4],
}

fn int(draft: &Draft, name: &str) -> Option<u64> {
    draft.ext.iter().find_map(|(key, value)| match value {
        Ext::Int(n) if *key == name => Some(*n),
        _ => None,
    })
}

fn approves(draft: &Draft) -> bool {
    draft.ext.iter().any(|(key, value)| *key == "why" && *value == Ext::Text("approve".to_owned()))
}

impl Approvals {
    /// For leaves from an index on.
    pub(crate) fn from(from: u64) -> Self {
        Approvals { step: Step::new("approvals"), asked: HashMap::new(), from, earlier: 0, counts: [0; 4] }
    }

    pub(crate) fn push(&mut self, item: &Item<'_>, leaf: &Leaf) {
        let draft = &leaf.draft;
        match draft.ty {
            LeafType::ApprovalRequest => {
                let quorum = int(draft, "quorum").unwrap_or(1).max(1);
                let until = int(draft, "until").unwrap_or(u64::MAX);
                let asked = Asked { quorum, until, votes: 0, broken: None, ended: None };
                self.asked.insert(item.index, asked);
                self.counts[0] += 1;
            }
            LeafType::ApprovalVote
            | LeafType::ApprovalConsume
            | LeafType::ApprovalExpire
            | LeafType::BreakglassOpen
            | LeafType::BreakglassReview => self.about(item.index, draft),
            _ => {}
        }
    }

    /// A leaf about a request.
    fn about(&mut self, at: u64, draft: &Draft) {
        let of = draft.of.unwrap_or(u64::MAX);
        // A grant is as good as the request that it came from.
        let granted = int(draft, "grant").map(|origin| {
            let known = self.asked.get(&origin);
            origin < self.from || known.is_some_and(|known| known.votes >= known.quorum)
        });
        let Some(asked) = self.asked.get_mut(&of) else {
            if of < self.from {
                self.earlier += 1;
            } else {
                self.step.fault(Fault::ApprovalWithoutRequest, Some(at), format!("{of} is no request"));
            }
            return;
        };
        if draft.ty == LeafType::BreakglassReview {
            match &mut asked.broken {
                Some((_, reviewed)) if !*reviewed => *reviewed = true,
                _ => self.step.fault(
                    Fault::ApprovalWithoutRequest,
                    Some(at),
                    format!("a review of {of}, which was not lifted in an emergency, or is reviewed"),
                ),
            }
            return;
        }
        if let Some((end, used)) = asked.ended {
            let fault = match (used, draft.ty) {
                (true, LeafType::ApprovalConsume) => Fault::ApprovalUsedTwice,
                _ => Fault::ApprovalAfterEnd,
            };
            self.step.fault(fault, Some(at), format!("request {of} ended at {end}"));
            return;
        }
        match draft.ty {
            LeafType::ApprovalVote => {
                asked.votes += u64::from(approves(draft));
                match granted {
                    Some(true) => asked.votes = asked.votes.max(asked.quorum),
                    Some(false) => {
                        let detail = format!("request {of} passed by a grant that nobody gave");
                        self.step.fault(Fault::ApprovalWithoutQuorum, Some(at), detail);
                    }
                    None => {}
                }
                self.counts[1] += 1;
            }
            LeafType::BreakglassOpen => asked.broken = Some((at, false)),
            LeafType::ApprovalConsume => {
                self.counts[2] += 1;
                asked.ended = Some((at, true));
                if asked.votes < asked.quorum && asked.broken.is_none() {
                    let detail = format!("{} of {} votes for request {of}", asked.votes, asked.quorum);
                    self.step.fault(Fault::ApprovalWithoutQuorum, Some(at), detail);
                }
                if draft.t > asked.until {
                    let detail = format!("request {of} was good until {}", asked.until);
                    self.step.fault(Fault::ApprovalExpired, Some(at), detail);
                }
            }
            _ => {
                self.counts[3] += 1;
                asked.ended = Some((at, false));
            }
        }
    }

    /// What a look into the sealed parts has found.
    pub(crate) fn found(&mut self, fault: Fault, at: u64, detail: String) {
        self.step.fault(fault, Some(at), detail);
    }

    /// What is worth knowing of it.
    pub(crate) fn note(&mut self, remark: String) {
        self.step.note(remark);
    }

    pub(crate) fn finish(mut self) -> Step {
        let open = self.asked.values().filter(|a| a.ended.is_none()).count() as u64;
        let unreviewed = self.asked.values().filter(|a| matches!(a.broken, Some((_, false)))).count();
        let [asked, votes, used, ended] = self.counts;
        for (what, n) in [
            ("requests", asked),
            ("votes", votes),
            ("used", used),
            ("ended otherwise", ended),
            ("open", open),
        ] {
            self.step.count(what, n);
        }
        if unreviewed > 0 {
            self.step.note(format!("{unreviewed} emergencies are not reviewed"));
        }
        if self.earlier > 0 {
            self.step.note(format!("{} records of requests from before the range", self.earlier));
        }
        self.step
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::log::{T0, epochs, session};

    type Row = (LeafType, Option<u64>, &'static str, u64);

    const REQUEST: Row = (LeafType::ApprovalRequest, None, "hold", 0);
    const YES: Row = (LeafType::ApprovalVote, Some(0), "approve", 1);
    const NO: Row = (LeafType::ApprovalVote, Some(0), "deny", 1);
    const USED: Row = (LeafType::ApprovalConsume, Some(0), "used", 5);
    const DENIED: Row = (LeafType::ApprovalExpire, Some(0), "denied", 6);
    const OPEN: Row = (LeafType::BreakglassOpen, Some(0), "emergency", 2);
    const REVIEW: Row = (LeafType::BreakglassReview, Some(0), "reviewed", 9);

    fn faults(rows: &[Row], from: u64) -> Vec<Fault> {
        let mut approvals = Approvals::from(from);
        for (n, (ty, of, why, after)) in rows.iter().enumerate() {
            let mut draft = Draft::new(*ty, T0 + after, session(1), epochs()).text("why", why);
            draft.of = *of;
            if *ty == LeafType::ApprovalRequest {
                draft = draft.int("quorum", 2).int("until", T0 + 10);
            }
            let leaf = Leaf { draft, n: n as u64, ps: None };
            let item = Item { index: from + n as u64, bytes: &[], hash: [0; 32], blobs: [None, None] };
            approvals.push(&item, &leaf);
        }
        approvals.finish().findings.iter().map(|f| f.fault).collect()
    }

    #[test]
    fn approvals_that_were_forged() {
        use Fault::{
            ApprovalAfterEnd as After, ApprovalExpired as Expired, ApprovalUsedTwice as Twice,
            ApprovalWithoutQuorum as NoQuorum, ApprovalWithoutRequest as NoRequest,
        };
        let late = (LeafType::ApprovalConsume, Some(0), "used", 11);
        let stray = (LeafType::ApprovalConsume, Some(77), "used", 1);
        let cases: Vec<(&str, Vec<Row>, Vec<Fault>)> = vec![
            ("as it should be", vec![REQUEST, YES, YES, USED], vec![]),
            ("denied", vec![REQUEST, NO, DENIED], vec![]),
            ("nobody", vec![REQUEST, USED], vec![NoQuorum]),
            ("too few", vec![REQUEST, YES, USED], vec![NoQuorum]),
            ("a no is no vote for it", vec![REQUEST, YES, NO, USED], vec![NoQuorum]),
            ("used again", vec![REQUEST, YES, YES, USED, USED], vec![Twice]),
            ("used after its end", vec![REQUEST, YES, YES, DENIED, USED], vec![After]),
            ("a vote after the end", vec![REQUEST, NO, DENIED, YES], vec![After]),
            ("two ends", vec![REQUEST, DENIED, DENIED], vec![After]),
            ("too late", vec![REQUEST, YES, YES, late], vec![Expired]),
            ("of nothing", vec![stray], vec![NoRequest]),
            ("an emergency", vec![REQUEST, OPEN, USED, REVIEW], vec![]),
            ("reviewed twice", vec![REQUEST, OPEN, USED, REVIEW, REVIEW], vec![NoRequest]),
        ];
        for (what, rows, want) in cases {
            assert_eq!(faults(&rows, 0), want, "{what}");
        }
        assert_eq!(
            faults(&[(LeafType::ApprovalConsume, Some(3), "used", 1)], 9),
            [],
            "from before the range"
        );
    }
}
