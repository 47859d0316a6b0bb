//! What other policies would show and hide of recorded messages. The classes that were found are recorded, and the places; the
//! policies are asked about those. They are also asked as they were then: where that does not give what the record says was
//! shown and hidden, the question cannot be put again, and is counted so.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;

use carnet_evidence::package::walk::Record;
use carnet_evidence::{LeafType, field};
use carnet_mcp::Message;
use carnet_model::{Action, ClassNames, ClassSet, DataClass, Region, Transform};
use carnet_policy::{
    Arguments, Choice, Context, Crossing, Direction, Flow, PolicySet, PrincipalKey, Route, Scalar, Stop,
};
use carnet_residency::Jurisdictions;
use carnet_verify::judge;
use serde_json::Value;

/// What is known of a call while its answer is awaited.
pub(super) struct Asked {
    tool: Option<Arc<str>>,
    method: String,
    inward: bool,
    purpose: Option<String>,
    basis: Option<String>,
    categories: Vec<Arc<str>>,
}

impl Asked {
    /// Of a decision.
    pub(super) fn of(record: &Record<'_>) -> Option<Asked> {
        let inward = record.text(field::DIRECTION)? == "to_server";
        let is_call = Action::of_method(&record.text(field::METHOD)?) == Action::TOOLS_CALL;
        let tool = record.text(field::TOOL).filter(|_| inward && is_call);
        Some(Asked {
            tool: tool.map(Arc::from),
            method: record.text(field::METHOD)?,
            inward,
            purpose: record.text(field::PURPOSE),
            basis: record.text(field::LEGAL_BASIS),
            categories: record.list(field::SUBJECT_CATEGORIES).into_iter().map(Arc::from).collect(),
        })
    }
}

/// What becomes of a class.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    /// It is shown.
    Shown,
    /// It is hidden in this way.
    Hidden(String),
}

impl Fate {
    pub(super) fn word(&self) -> &str {
        match self {
            Fate::Shown => "shown",
            Fate::Hidden(how) => how,
        }
    }
}

/// One class that would be treated otherwise.
pub(super) struct Change {
    pub(super) class: String,
    /// How many values; known where they were hidden.
    pub(super) count: Option<u64>,
    pub(super) was: Fate,
    pub(super) now: Fate,
    pub(super) by: Vec<String>,
}

/// What other policies make of one recorded message.
pub(super) enum Remasked {
    /// Nothing was found in it.
    Nothing,
    /// It cannot be asked again.
    Cannot,
    Same,
    /// The whole message would be kept back: `hold` or `block`, by which policies.
    KeptBack(&'static str, Vec<String>),
    Otherwise {
        changes: Vec<Change>,
        /// No policy asked for content that is masked or erased.
        certain: bool,
    },
}

/// Both sets of policies in the world of then, and what that world says of places and transforms.
pub(super) struct World {
    pub(super) then: PolicySet,
    pub(super) now: PolicySet,
    pub(super) names: ClassNames,
}

/// The table of jurisdictions and the configured transforms that a record names.
pub(super) struct Around<'a> {
    pub(super) table: Option<&'a Jurisdictions>,
    pub(super) masking: Option<&'a Value>,
}

/// What policies say of the classes of one message.
struct Answer {
    stop: Option<Stop>,
    shown: ClassSet,
    chosen: Vec<Choice>,
    by: HashMap<DataClass, Vec<String>>,
    looked: bool,
}

/// Notes whether arguments were looked at.
struct Watched<'a>(Option<judge::CallArguments<'a>>, Cell<bool>);

impl Arguments for Watched<'_> {
    fn visit(&self, each: &mut dyn FnMut(&str, Scalar<'_>)) {
        self.1.set(true);
        if let Some(arguments) = &self.0 {
            arguments.visit(each);
        }
    }
}

/// One message and how it is asked about.
struct Question<'a> {
    record: &'a Record<'a>,
    asked: &'a Asked,
    message: Option<Message>,
    direction: Direction,
    found: ClassSet,
    server: Arc<str>,
    places: Option<Places>,
}

/// The places of a crossing, as they were recorded.
struct Places {
    from: Region,
    to: Region,
    origin: Region,
    model: Option<Region>,
    mechanism: String,
    within: Vec<Region>,
}

impl Places {
    fn of(record: &Record<'_>, table: Option<&Jurisdictions>) -> Option<Places> {
        let place = |name: &str| record.member(field::RESIDENCY, name).map(|r| Region::new(&r));
        let (from, to) = (place("from")?, place("to")?);
        let origin = place("origin").unwrap_or_else(|| from.clone());
        let (model, storage) = (place("model"), place("storage"));
        let all: Vec<&Region> = [&from, &to, &origin].into_iter().chain(&model).chain(&storage).collect();
        let within = table.map(|t| t.common(&all)).unwrap_or_default();
        let mechanism = record.member(field::RESIDENCY, "mechanism")?;
        Some(Places { from, to, origin, model, mechanism, within })
    }
}

/// Asks what would be shown and hidden of a recorded message.
pub(super) fn again(world: &World, around: &Around<'_>, record: &Record<'_>, asked: &Asked) -> Remasked {
    let Some(masking) = object(record, field::MASKING) else { return Remasked::Nothing };
    let found = record.list(field::DATA_CLASSES);
    let found: Option<ClassSet> = found.iter().map(|name| world.names.by_name(name)).collect();
    let (Some(found), Some(server)) = (found, record.text(field::SERVER)) else { return Remasked::Cannot };
    let answers = record.leaf.draft.ty == LeafType::CallOutcome;
    let direction = if asked.inward == answers { Direction::Out } else { Direction::In };
    let hidden: ClassSet = found.iter().filter(|c| masking.contains_key(world.names.name(*c))).collect();
    let question = Question {
        record,
        asked,
        message: judge::message(record),
        direction,
        found,
        server: server.into(),
        places: Places::of(record, around.table),
    };
    // The record does not say whether the purpose was the token's or the server's, nor whether unknown places held data back.
    for (purpose, enforced) in [(true, false), (false, false), (true, true), (false, true)] {
        let Some(then) = question.ask(&world.then, purpose, enforced) else { return Remasked::Cannot };
        if then.stop.is_some() || then.shown != found.difference(hidden) {
            continue;
        }
        let Some(now) = question.ask(&world.now, purpose, enforced) else { return Remasked::Cannot };
        return compare(world, around, &question, (&then, &now), &masking);
    }
    Remasked::Cannot
}

impl Question<'_> {
    /// As the gate asks: `crates/gate/src/reveal.rs`, but for other recipients and drift, which records do not say enough of.
    fn ask(&self, set: &PolicySet, own_purpose: bool, enforced: bool) -> Option<Answer> {
        let purpose = self.asked.purpose.as_deref();
        let key = PrincipalKey::new(&judge::principal(self.record, purpose.filter(|_| own_purpose))?);
        let answers = self.record.leaf.draft.ty == LeafType::CallOutcome;
        let arguments = self.message.as_ref().filter(|_| !answers).map(judge::CallArguments);
        let watched = Watched(arguments, Cell::new(false));
        let seconds = record_seconds(self.record);
        let context = Context {
            arguments: &watched,
            method: if answers { "" } else { &self.asked.method },
            direction: self.direction,
            purpose,
            legal_basis: self.asked.basis.as_deref(),
            now: seconds,
            ..Context::default()
        };
        let flow = Flow { server: &self.server, tool: self.asked.tool.as_ref(), direction: self.direction };
        let mut answer = self.shown(set, &key, flow, &context, enforced);
        let hidden = self.found.difference(answer.shown);
        answer.chosen = set.mask(&key, flow, hidden, &context);
        answer.looked = watched.1.get();
        Some(answer)
    }

    fn shown(
        &self,
        set: &PolicySet,
        key: &PrincipalKey,
        flow: Flow<'_>,
        context: &Context<'_>,
        enforced: bool,
    ) -> Answer {
        let revealed = set.reveal(key, flow, self.found, context);
        let mut answer = Answer {
            stop: revealed.stop,
            shown: revealed.classes,
            chosen: Vec::new(),
            by: HashMap::new(),
            looked: false,
        };
        let mut note = |verdicts: &[(DataClass, carnet_model::Verdict)]| {
            for (class, verdict) in verdicts {
                answer.by.entry(*class).or_default().extend(verdict.policies.iter().map(|p| p.0.to_string()));
            }
        };
        note(&revealed.verdicts);
        let asked = if set.stops_transfers() { self.found } else { revealed.classes };
        let Some(places) = self.places.as_ref().filter(|_| answer.stop.is_none() && !asked.is_empty()) else {
            return answer;
        };
        let route = Route {
            from: &places.from,
            to: &places.to,
            origin: &places.origin,
            model: places.model.as_ref(),
        };
        let (mechanism, within) = (places.mechanism.as_str(), places.within.as_slice());
        let crossing = Crossing { mechanism, within, categories: &self.asked.categories };
        let moved = set.transfer(key, flow, route, asked, &Context { crossing: Some(crossing), ..*context });
        note(&moved.verdicts);
        answer.stop = moved.stop;
        answer.shown = if enforced { ClassSet::EMPTY } else { moved.classes.intersection(revealed.classes) };
        answer
    }
}

fn compare(
    world: &World,
    around: &Around<'_>,
    question: &Question<'_>,
    (then, now): (&Answer, &Answer),
    masking: &serde_json::Map<String, Value>,
) -> Remasked {
    if let Some(stop) = now.stop {
        let mut by: Vec<String> = now.by.values().flatten().cloned().collect();
        by.sort();
        by.dedup();
        return Remasked::KeptBack(stop.name(), by);
    }
    let incomplete = question.message.is_none() || !masking.is_empty();
    let mut changes = Vec::new();
    for class in question.found.iter() {
        let name = world.names.name(class);
        let configured = || configured(around, &[name, class.name()], question.direction);
        let fate = |answer: &Answer| {
            let chosen = answer.chosen.iter().find(|c| c.class == class);
            match (answer.shown.contains(class), chosen) {
                (true, _) => Fate::Shown,
                (false, Some(choice)) => Fate::Hidden(choice.transform.name().to_owned()),
                (false, None) => Fate::Hidden(configured()),
            }
        };
        let (was, would) = (fate(then), fate(now));
        if was == would {
            continue;
        }
        let chosen = now.chosen.iter().filter(|c| c.class == class).flat_map(|c| c.policies.iter());
        let mut by: Vec<String> = chosen.map(|p| p.0.to_string()).collect();
        if by.is_empty() {
            by = now.by.get(&class).cloned().unwrap_or_default();
        }
        by.sort();
        by.dedup();
        let count = masking.get(name).and_then(Value::as_u64);
        changes.push(Change { class: name.to_owned(), count, was, now: would, by });
    }
    if changes.is_empty() {
        return Remasked::Same;
    }
    Remasked::Otherwise { changes, certain: !(incomplete && (then.looked || now.looked)) }
}

/// How the configuration of then hides a class where no policy says so.
fn configured(around: &Around<'_>, class: &[&str], direction: Direction) -> String {
    let (own, default) = match direction {
        Direction::In => ("classes_in", "default_in"),
        Direction::Out => ("classes", "default"),
    };
    let word = |masking: &Value| {
        // A state of before these two members were written has the others only.
        let all = masking.get(own).or_else(|| masking.get("classes"))?;
        let of_class = class.iter().find_map(|name| all.get(name));
        let general = || masking.get(default).or_else(|| masking.get("default"));
        of_class.or_else(general)?.as_str().map(str::to_owned)
    };
    around.masking.and_then(word).unwrap_or_else(|| Transform::default().name().to_owned())
}

fn object(record: &Record<'_>, name: &str) -> Option<serde_json::Map<String, Value>> {
    match serde_json::from_slice(record.value(name)?).ok()? {
        Value::Object(members) => Some(members),
        _ => None,
    }
}

fn record_seconds(record: &Record<'_>) -> i64 {
    i64::try_from(record.leaf.draft.t).unwrap_or(i64::MAX)
}
