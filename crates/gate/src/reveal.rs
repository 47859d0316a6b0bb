//! What of a message's content may be seen and may cross: the questions to policies about the classes that were found.

use std::sync::Arc;

use carnet_mcp::Message;
use carnet_model::{ClassSet, PolicyId, Region};
use carnet_policy::{Allowed, Choice, Context, Direction, Flow, Holding, Stop};

use crate::arguments::CallArguments;
use crate::crossing::{Crossing, Places};
use crate::decide;
use crate::mask::Around;
use crate::snapshot::{AnalyzerFacts, Snapshot};

/// Policies keep back the whole message, and whose approval would let it go, where all of them name one.
pub(crate) struct Stopped {
    pub(crate) stop: Stop,
    pub(crate) holding: Vec<Holding>,
}

impl Stopped {
    pub(crate) fn by(snapshot: &Snapshot, allowed: &Allowed) -> Option<Stopped> {
        let stop = allowed.stop?;
        let holding = snapshot.policies.stopped_by(allowed).unwrap_or_default();
        Some(Stopped { stop, holding })
    }

    /// Both hold: who would have to approve both, where that is possible.
    pub(crate) fn and(self, other: Stopped) -> Stopped {
        let possible = !self.holding.is_empty() && !other.holding.is_empty();
        let mut holding = self.holding;
        holding.extend(other.holding);
        holding.sort_by(|a, b| a.id.cmp(&b.id));
        holding.dedup_by(|a, b| a.id == b.id);
        if !possible {
            holding.clear();
        }
        Stopped { stop: self.stop.max(other.stop), holding }
    }
}

/// The classes that may be seen and, where the content leaves its region, may also go there.
pub(crate) fn shown(
    around: &Around<'_>,
    message: &Message,
    found: ClassSet,
    foreign: ClassSet,
) -> Result<(ClassSet, Vec<PolicyId>), Stopped> {
    let Around { snapshot, session, caller, subject, .. } = around;
    let arguments = CallArguments(message);
    let method = message.method().unwrap_or_default();
    let context =
        decide::context(&arguments, &method, caller, session, subject.direction, around.now, around.labels);
    let context = Context { foreign, approvals: around.approvals, ..context };
    let server: &Arc<str> = &session.server.name;
    let flow = Flow { server, tool: subject.tool(), direction: subject.direction };
    let revealed = snapshot.policies.reveal(&caller.key, flow, found, &context);
    if let Some(stopped) = Stopped::by(snapshot, &revealed) {
        return Err(stopped);
    }
    // A policy that keeps whole messages back is asked about what is hidden too.
    let asked = if snapshot.policies.stops_transfers() { found } else { revealed.classes };
    if asked.is_empty() {
        return Ok((ClassSet::EMPTY, Vec::new()));
    }
    let mut policies = revealed.policies();
    let crossing = around.crossing();
    if crossing.stays {
        return Ok((revealed.classes, policies));
    }
    let facts = Some(crossing.facts(&session.server.categories));
    let context = Context { crossing: facts, ..context };
    let moved = snapshot.policies.transfer(&caller.key, flow, crossing.route(), asked, &context);
    if let Some(stopped) = Stopped::by(snapshot, &moved) {
        return Err(stopped);
    }
    if snapshot.residency.enforce && crossing.unknown {
        return Ok((ClassSet::EMPTY, Vec::new()));
    }
    policies.extend(moved.policies());
    policies.sort_unstable();
    policies.dedup();
    Ok((moved.classes.intersection(revealed.classes), policies))
}

/// Whether what is in a message may go to an analyzer: it is where the content is, or every class that it is asked for may go there.
pub(crate) fn may_be_asked(around: &Around<'_>, message: &Message, analyzer: &AnalyzerFacts) -> bool {
    let Around { snapshot, session, caller, subject, .. } = around;
    let (unknown, out) = (Region::unknown(), subject.direction == Direction::Out);
    let place = caller.principal.region.as_ref().unwrap_or(&unknown);
    let its = session.server.place();
    let from = if out { &its } else { place };
    let at = Places {
        from,
        to: &analyzer.region,
        origin: session.server.origin.as_ref().filter(|_| out).unwrap_or(from),
        model: None,
        cell: &snapshot.cell_region,
    };
    let (table, declared, now) = (&snapshot.jurisdictions, &snapshot.residency.declared, around.now.seconds);
    let crossing = Crossing::find(table, declared, at, &session.server.name, now);
    if crossing.stays {
        return true;
    }
    if snapshot.residency.enforce && crossing.unknown {
        return false;
    }
    let arguments = CallArguments(message);
    let method = message.method().unwrap_or_default();
    let context =
        decide::context(&arguments, &method, caller, session, subject.direction, around.now, around.labels);
    let context = Context { crossing: Some(crossing.facts(&session.server.categories)), ..context };
    let flow = Flow { server: &session.server.name, tool: subject.tool(), direction: subject.direction };
    let moved = snapshot.policies.transfer(&caller.key, flow, crossing.route(), analyzer.classes, &context);
    moved.stop.is_none() && analyzer.classes.difference(moved.classes).is_empty()
}

/// How policies hide the classes that may not be seen.
pub(crate) fn chosen(around: &Around<'_>, message: &Message, hidden: ClassSet) -> Vec<Choice> {
    let Around { snapshot, session, caller, subject, .. } = around;
    let arguments = CallArguments(message);
    let method = message.method().unwrap_or_default();
    let context =
        decide::context(&arguments, &method, caller, session, subject.direction, around.now, around.labels);
    let flow = Flow { server: &session.server.name, tool: subject.tool(), direction: subject.direction };
    snapshot.policies.mask(&caller.key, flow, hidden, &context)
}
