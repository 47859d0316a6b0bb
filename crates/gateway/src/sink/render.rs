//! Records in the form of a sink, with what may go to its place.

use std::sync::Arc;

use carnet_config::Sink;
use carnet_evidence::Leaf;
use carnet_evidence::disclosure::{self, Disclosure};
use carnet_evidence::package::event::{Event, Party};
use carnet_evidence::package::lines::{Why, Withheld};
use carnet_evidence::package::walk::Record;
use carnet_evidence::seal::{KeyRef, Slot};
use carnet_gate::{Crossing, Places};
use carnet_model::{AuthMethod, ClassSet, DataClass, Identity, IdentityKind, Principal, Region};
use carnet_policy::{Context, Direction, Flow, NoArguments, PrincipalKey};
use carnet_store::{KeyState, Place, StoreError, Stored};

use super::form;
use crate::desk::Cases;
use crate::gateway::Gateway;
use crate::load::Runtime;
use crate::record::Recorder;

/// Bytes of one batch, but for its last record.
const MOST: usize = 1 << 20;

/// Records as they are sent.
pub(super) struct Batch {
    /// Each with when it happened, in Unix microseconds, and what it is.
    pub(super) records: Vec<One>,
    /// Behind the last.
    pub(super) place: Place,
}

/// One record.
pub(super) struct One {
    pub(super) micros: u64,
    pub(super) ty: &'static str,
    pub(super) text: String,
}

impl Batch {
    /// Each on a line, or on its lines.
    pub(super) fn lines(&self) -> String {
        self.records.iter().fold(String::new(), |out, one| out + &one.text + "\n")
    }
}

/// The records from a place to before `end`. Blocks.
pub(super) fn batch(gateway: &Gateway, sink: &Sink, place: Place, end: u64) -> Result<Batch, StoreError> {
    let runtime = gateway.runtime.load_full();
    let recorder = &gateway.recorder;
    let cases = recorder.with_index(|index, _| Ok(Cases::of(&index.acts()?)))?;
    let rendering = Rendering { runtime: &runtime, recorder, sink, cases: &cases };
    let (mut batch, mut bytes, start) = (Batch { records: Vec::new(), place }, 0, place.next);
    let mut beyond = None;
    recorder.reader().follow(&mut batch.place, &mut |stored| {
        if stored.index >= end {
            beyond = Some(stored.index);
            return Ok(false);
        }
        if stored.index >= start {
            let one = rendering.one(&stored)?;
            bytes += one.text.len();
            batch.records.push(one);
        }
        Ok(stored.index + 1 < end && bytes < MOST)
    })?;
    // What lies between was pruned: it is gone on with at the first record that is there.
    if let Some(next) = beyond {
        batch.place = Place { next, ..Place::default() };
    }
    Ok(batch)
}

struct Rendering<'a> {
    runtime: &'a Runtime,
    recorder: &'a Recorder,
    sink: &'a Sink,
    cases: &'a Cases,
}

impl Rendering<'_> {
    fn one(&self, stored: &Stored) -> Result<One, StoreError> {
        let (mut disclosed, mut withheld) = (Vec::new(), Withheld::default());
        match self.open(stored)? {
            Ok(all) => disclosed = all,
            Err(why) => withheld.d = why,
        }
        let form = form(self.sink.format);
        let leaf: &Leaf = &stored.leaf;
        let whole = Record::new(stored.index, leaf, &disclosed, None, &withheld);
        let origin = &self.recorder.origin;
        let text = if self.may_go(whole.event()) {
            form.record(&whole, origin)
        } else {
            let kept = Withheld { d: Some(Why::OutsideFilter), ..Withheld::default() };
            form.record(&Record::new(stored.index, leaf, &[], None, &kept), origin)
        };
        Ok(One { micros: whole.event().micros, ty: leaf.draft.ty.as_str(), text })
    }

    /// The disclosures of a record; why not, where it has some that are not to be shown.
    fn open(&self, stored: &Stored) -> Result<Result<Vec<Disclosure>, Option<Why>>, StoreError> {
        let draft = &stored.leaf.draft;
        let Some(reference) = draft.bl.iter().find(|b| b.k.ends_with("/d")) else { return Ok(Err(None)) };
        let Ok(at) = KeyRef::parse(&reference.k) else { return Ok(Err(Some(Why::KeyMissing))) };
        if self.cases.restricted(&at.keys) {
            return Ok(Err(Some(Why::Restricted)));
        }
        let keys = &self.recorder.keys;
        match stored.unseal_one(&self.recorder.origin, keys, Slot::Disclosures) {
            Ok(Some(clear)) => {
                let all = disclosure::split(&clear).unwrap_or_default();
                Ok(Ok(all.iter().filter_map(|one| disclosure::decode(one)).collect()))
            }
            Ok(None) => {
                let erased = at.keys.iter().any(|id| keys.state(id) == Ok(KeyState::Destroyed));
                Ok(Err(Some(if erased { Why::Erased } else { Why::KeyMissing })))
            }
            Err(StoreError::Key(_)) => Ok(Err(Some(Why::KeyMissing))),
            Err(e) => Err(e),
        }
    }

    /// Whether policies let what a record says go to the sink's place: who acted is a person's data, and so are the classes
    /// that it names. Within one country nothing is asked, as for calls.
    fn may_go(&self, event: &Event) -> bool {
        let gate = &self.runtime.gate;
        let (from, to) = (&gate.cell_region, &self.sink.region);
        let Some(actor) = &event.actor else { return true };
        if gate.jurisdictions.same_place(from, to) {
            return true;
        }
        // What was decided with the message holds, whatever is permitted now.
        let name = format!("sinks.{}", self.sink.name);
        if event.places.as_ref().is_some_and(|p| p.kept_from.contains(&name)) {
            return false;
        }
        let names = gate.detector.classes();
        let classes: Option<ClassSet> =
            event.classes.iter().map(|c| names.by_name(c)).chain([Some(DataClass::PERSON)]).collect();
        let (Some(classes), Some(key)) = (classes, principal(event, actor)) else { return false };
        let server: Arc<str> = event.server.as_deref().unwrap_or("carnet").into();
        let now = i64::try_from(event.seconds()).unwrap_or(0);
        let facts = self.runtime.servers.get(&server).map(|s| &s.facts);
        let origin = facts.map_or(from, |f| f.origin.as_ref().unwrap_or(&f.region));
        let places = Places { from, to, origin, model: None, cell: from };
        let crossing = Crossing::find(&gate.jurisdictions, &gate.residency.declared, places, &server, now);
        if gate.residency.enforce && crossing.unknown {
            return false;
        }
        let tool: Option<Arc<str>> = event.tool.as_deref().map(Arc::from);
        let flow = Flow { server: &server, tool: tool.as_ref(), direction: Direction::Out };
        let method = event.method.clone().unwrap_or_default();
        let context = Context {
            arguments: &NoArguments,
            method: &method,
            direction: Direction::Out,
            purpose: event.purpose.as_deref(),
            legal_basis: event.basis.as_deref(),
            now,
            crossing: Some(crossing.facts(&[])),
            ..Context::default()
        };
        let moved = gate.policies.transfer(&key, flow, crossing.route(), classes, &context);
        classes.difference(moved.classes).is_empty()
    }
}

/// Whom policies see: as the record tells.
fn principal(event: &Event, actor: &Party) -> Option<PrincipalKey> {
    let identity = |p: &Party| Identity {
        kind: if p.kind == "user" { IdentityKind::User } else { IdentityKind::Workload },
        issuer: p.issuer.as_str().into(),
        subject: p.subject.as_str().into(),
    };
    let method = match actor.authenticated.as_str() {
        "jwt" => AuthMethod::Jwt,
        "static-token" => AuthMethod::StaticToken,
        "certificate" => AuthMethod::Certificate,
        "local" | "os-user" => AuthMethod::Local,
        _ => AuthMethod::Anonymous,
    };
    let recipient =
        event.places.as_ref().map(|p| p.recipient.as_str()).filter(|r| !r.is_empty() && *r != "unknown");
    let principal = Principal {
        agent: event.agent.as_ref().map(identity),
        groups: actor.groups.iter().map(|g| Arc::from(g.as_str())).collect(),
        region: recipient.map(Region::new),
        purpose: event.purpose.as_deref().map(Arc::from),
        ..Principal::new(identity(actor), method)
    };
    Some(PrincipalKey::new(&principal))
}
