//! Decides recorded calls again with the policies that were in force, and looks through what is disclosed for values that
//! should have been masked. The only part of this crate that links more than evidence (feature `judge`). The operator's replay
//! asks other policies the same questions.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use carnet_evidence::package::verify::{Again, Judge, StateKind};
use carnet_evidence::package::walk::Record;
use carnet_evidence::verify::Fault;
use carnet_evidence::{Hash, LeafType, field};
use carnet_json::{Kind, Limits, Value};
use carnet_masking::{Country, Detector, DetectorOptions, Findings, Names, Part, PartKind};
use carnet_mcp::Message;
use carnet_mcp::content::{self, PartKind as ContentKind};
use carnet_model::{Action, AuthMethod, Identity, IdentityKind, Principal, Region, Resource, Transform};
use carnet_policy::{Arguments, Context, Direction, NoArguments, PolicySet, PrincipalKey, Request, Scalar};

use crate::approval::Approvals;

const MASKED: &str = "it depends on content that is masked or not disclosed";
const OTHERWISE: &str = "it was not decided by policies alone";
const UNREADABLE: &str = "what is disclosed is not enough";

/// Policies and detectors by the hash that records name.
#[derive(Default)]
pub struct Bench {
    policies: HashMap<Hash, PolicySet>,
    detectors: HashMap<Hash, Detector>,
    approvals: Approvals,
    /// Actions of decisions that are not answered yet.
    asked: HashMap<u64, Action>,
}

impl Judge for Bench {
    fn state(&mut self, kind: StateKind, hash: &Hash, bytes: &[u8]) -> Result<(), String> {
        match kind {
            StateKind::Policies => drop(self.policies.insert(*hash, PolicySet::from_state(bytes)?)),
            StateKind::Configuration => {
                let detector = detector(bytes).ok_or("not the state of a configuration")?;
                self.detectors.insert(*hash, detector);
            }
            StateKind::Build | StateKind::Jurisdictions => {}
        }
        Ok(())
    }

    fn decide(&mut self, record: &Record<'_>) -> Again {
        let Some(set) = self.policies.get(&record.leaf.draft.ep.policy) else {
            return Again::Cannot(UNREADABLE);
        };
        again(set, record).unwrap_or(Again::Cannot(UNREADABLE))
    }

    fn approval(&mut self, record: &Record<'_>) -> Vec<(Fault, String)> {
        self.approvals.look(record)
    }

    fn remarks(&mut self) -> Vec<String> {
        self.approvals.remarks()
    }

    fn shown(&mut self, record: &Record<'_>) -> Option<Vec<String>> {
        self.approvals.pass(record);
        let draft = &record.leaf.draft;
        let answers = match draft.ty {
            LeafType::CallOutcome => Some(self.asked.remove(&draft.of?).unwrap_or(Action::OTHER)),
            LeafType::CallDecision => {
                let action = Action::of_method(&record.text(field::METHOD).unwrap_or_default());
                if !draft.ow {
                    self.asked.insert(record.index, action);
                }
                None
            }
            _ => return None,
        };
        let detector = self.detectors.get(&draft.ep.configuration)?;
        let message = message(record)?;
        let mut findings = Findings::new();
        // What cannot be inspected now could not be inspected then; it would have been withheld.
        if find(detector, &message, answers, &mut findings).is_err() {
            return Some(vec!["uninspectable".to_owned()]);
        }
        let mut shown = match record.list("x_reveal_policies").is_empty() {
            true => Vec::new(),
            false => record.list(field::DATA_CLASSES),
        };
        // Binary content that a rule let through, or that was read, is not looked into again.
        if record.value("x_binary").is_some() {
            shown.push("uninspected".to_owned());
        }
        shown.extend(look_alikes(record));
        let found = findings.classes();
        Some(found.iter().map(|c| c.name().to_owned()).filter(|c| !shown.contains(c)).collect())
    }
}

/// Classes whose values were replaced by others of the same form: what is found may be the stand-in.
fn look_alikes(record: &Record<'_>) -> Vec<String> {
    let places =
        record.value(field::PLACES).and_then(|p| serde_json::from_slice::<serde_json::Value>(p).ok());
    let places = places.as_ref().and_then(|p| p.as_array()).into_iter().flatten();
    let same_form = |place: &&serde_json::Value| {
        let transform = place.get("transform").and_then(|t| t.as_str());
        transform.is_some_and(|t| t == Transform::FormatPreserving.name() || t == Transform::Vault.name())
    };
    places.filter(same_form).filter_map(|p| Some(p.get("class")?.as_str()?.to_owned())).collect()
}

fn detector(state: &[u8]) -> Option<Detector> {
    let state: serde_json::Value = serde_json::from_slice(state).ok()?;
    let masking = state.get("masking")?;
    let countries = masking.get("countries")?.as_array()?;
    let countries = countries.iter().filter_map(|c| Country::new(c.as_str()?)).collect();
    let names = if masking.get("names_in_text")?.as_bool()? { Names::Light } else { Names::Keys };
    Some(Detector::new(&DetectorOptions { countries, names, ..DetectorOptions::default() }))
}

/// The recorded message, where it is disclosed.
#[must_use]
pub fn message(record: &Record<'_>) -> Option<Message> {
    let limits = Limits { bytes: usize::MAX, ..Limits::default() };
    Message::parse_one(record.frame?.to_vec(), &limits).ok()
}

/// As the gate finds: `crates/gate/src/mask.rs`.
fn find(
    detector: &Detector,
    message: &Message,
    answers: Option<Action>,
    findings: &mut Findings,
) -> Result<(), ()> {
    let content = content::parts(message, answers);
    let kind = |kind| match kind {
        ContentKind::Json => PartKind::Json,
        ContentKind::Uri => PartKind::Uri,
        ContentKind::Binary => PartKind::Binary,
    };
    let parts: Vec<Part<'_>> = content
        .parts
        .iter()
        .map(|p| Part { node: p.node, kind: kind(p.kind), exclude: &content.exclude })
        .collect();
    detector.find(message.bytes(), message.tape(), &parts, findings).map_err(|_| ())
}

/// What policies say of a recorded call now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Retold {
    /// What they say, by which policies: first with the purpose that the record has as the token's, then without one. The record
    /// does not say whether the purpose was the token's or the server's: either may explain it.
    pub said: [(bool, Vec<String>); 2],
    /// It depends on content that is masked or not disclosed.
    pub uncertain: bool,
}

/// Asks policies what was asked when a call was recorded. `None` where not enough is disclosed for the question.
#[must_use]
pub fn ask(set: &PolicySet, record: &Record<'_>) -> Option<Retold> {
    let action = Action::of_method(&record.text(field::METHOD)?);
    let direction = match record.text(field::DIRECTION)?.as_str() {
        "to_server" => Direction::In,
        _ => Direction::Out,
    };
    let message = message(record);
    let resource = resource(record, message.as_ref(), action, direction)?;
    let purpose = record.text(field::PURPOSE);
    let basis = record.text(field::LEGAL_BASIS);
    let method =
        message.as_ref().and_then(Message::method).map_or(action.as_str().into(), |m| m.into_owned());
    let arguments: &dyn Arguments = match &message {
        Some(message) => &CallArguments(message),
        None => &NoArguments,
    };
    let approvals = approvals(record);
    let counters = counters(record);
    let texts =
        |name: &str| record.list(name).iter().map(|t| Arc::from(t.as_str())).collect::<Vec<Arc<str>>>();
    let (labels, classes) = (texts(field::LABELS), texts("x_classes"));
    let context = Context {
        arguments,
        method: &method,
        direction,
        purpose: purpose.as_deref(),
        legal_basis: basis.as_deref(),
        now: record.value(field::TIME).and_then(number).map_or(0, |micros| micros / 1_000_000),
        approvals: &approvals,
        counters: &counters,
        labels: &labels,
        classes: &classes,
        ..Context::default()
    };
    let incomplete = message.is_none() || record.value(field::MASKING).is_some();
    let mut uncertain = false;
    let mut one = |purpose: Option<&str>| {
        let key = PrincipalKey::new(&principal(record, purpose)?);
        uncertain |= incomplete && set.needs_context(&key, action, &resource);
        let verdict =
            set.decide(&Request { principal: &key, action, resource: &resource, context: &context });
        let mut policies: Vec<String> = verdict.policies.iter().map(|p| p.0.to_string()).collect();
        policies.sort();
        Some((verdict.is_permit(), policies))
    };
    let said = [one(purpose.as_deref())?, one(None)?];
    Some(Retold { said, uncertain })
}

/// Whether a record is a decision that policies alone took.
#[must_use]
pub fn by_policies(record: &Record<'_>) -> bool {
    let decision = record.text(field::DECISION);
    matches!(decision.as_deref(), Some("permit" | "deny")) && record.value(field::POLICIES).is_some()
}

/// Asks the policies what they were asked then. `None` where not enough is disclosed.
fn again(set: &PolicySet, record: &Record<'_>) -> Option<Again> {
    let decision = record.text(field::DECISION)?;
    if !by_policies(record) {
        return Some(Again::Cannot(OTHERWISE));
    }
    let retold = ask(set, record)?;
    let mut recorded = record.list(field::POLICIES);
    recorded.sort();
    let same =
        |(permit, policies): &(bool, Vec<String>)| *permit == (decision == "permit") && *policies == recorded;
    if retold.said.iter().any(same) {
        return Some(Again::Same);
    }
    if retold.uncertain {
        return Some(Again::Cannot(MASKED));
    }
    let [_, (permit, policies)] = &retold.said;
    let now = if *permit { "permit" } else { "deny" };
    let found =
        format!("{decision} by {} was recorded, {now} by {} is found", list(&recorded), list(policies));
    Some(Again::Differs(found))
}

/// What session and actor had been given when it was decided. That it was so is the gateway's word.
fn counters(record: &Record<'_>) -> Vec<(Arc<str>, i64)> {
    let counters: Option<BTreeMap<String, i64>> =
        record.value("x_counters").and_then(|value| serde_json::from_slice(value).ok());
    counters.unwrap_or_default().into_iter().map(|(name, n)| (name.into(), n)).collect()
}

/// The approvals that a call ran by. Whether they were given is another step.
fn approvals(record: &Record<'_>) -> Vec<Arc<str>> {
    let value = record.value(field::APPROVAL);
    let value = value.and_then(|v| serde_json::from_slice::<serde_json::Value>(v).ok());
    let names = value.as_ref().and_then(|v| v.get("names")?.as_array());
    names.into_iter().flatten().filter_map(|n| n.as_str().map(Arc::from)).collect()
}

fn list(policies: &[String]) -> String {
    if policies.is_empty() { "none".to_owned() } else { policies.join(", ") }
}

fn number(bytes: &[u8]) -> Option<i64> {
    std::str::from_utf8(bytes).ok()?.parse().ok()
}

fn resource(
    record: &Record<'_>,
    message: Option<&Message>,
    action: Action,
    direction: Direction,
) -> Option<Resource> {
    let server: Arc<str> = record.text(field::SERVER)?.into();
    if direction == Direction::Out {
        return Some(Resource::Server(server));
    }
    if let Some(message) = message {
        return Some(message.target().to_resource(&server));
    }
    match (action, record.text(field::TOOL)) {
        (Action::TOOLS_CALL, Some(name)) => Some(Resource::Tool { server, name: name.into() }),
        (Action::PROMPTS_GET, Some(name)) => Some(Resource::Prompt { server, name: name.into() }),
        // What was named is content, and is not here.
        _ => None,
    }
}

/// Who acted, with this purpose as the token's. `None` where that is not disclosed.
#[must_use]
pub fn principal(record: &Record<'_>, purpose: Option<&str>) -> Option<Principal> {
    let actor: serde_json::Value = serde_json::from_slice(record.value(field::ACTOR)?).ok()?;
    let agent = match record.value(field::AGENT) {
        None => None,
        Some(agent) => Some(identity(&serde_json::from_slice(agent).ok()?)?),
    };
    let texts = |name: &str| -> Vec<Arc<str>> {
        let list = actor.get(name).and_then(|v| v.as_array());
        list.into_iter().flatten().filter_map(|v| v.as_str().map(Arc::from)).collect()
    };
    let method = match actor.get("authenticated")?.as_str()? {
        "jwt" => AuthMethod::Jwt,
        "static-token" => AuthMethod::StaticToken,
        "certificate" => AuthMethod::Certificate,
        "local" => AuthMethod::Local,
        _ => AuthMethod::Anonymous,
    };
    let region = record.member(field::RESIDENCY, "recipient").filter(|r| r != "unknown");
    Some(Principal {
        agent,
        groups: texts("groups"),
        scopes: texts("scopes"),
        region: region.map(|r| Region::new(&r)),
        purpose: purpose.map(Arc::from),
        ..Principal::new(identity(&actor)?, method)
    })
}

fn identity(value: &serde_json::Value) -> Option<Identity> {
    let text = |name: &str| value.get(name)?.as_str().map(Arc::from);
    let kind = match value.get("kind")?.as_str()? {
        "user" => IdentityKind::User,
        _ => IdentityKind::Workload,
    };
    Some(Identity { kind, issuer: text("issuer")?, subject: text("subject")? })
}

/// A message's arguments as the gate gives them to policies: `crates/gate/src/arguments.rs`.
#[derive(Debug)]
pub struct CallArguments<'a>(pub &'a Message);

impl Arguments for CallArguments<'_> {
    fn visit(&self, each: &mut dyn FnMut(&str, Scalar<'_>)) {
        if let Some(arguments) = self.0.params().and_then(|p| p.get("arguments")) {
            walk(arguments, &mut String::new(), each);
        }
    }
}

fn walk(value: Value<'_>, path: &mut String, each: &mut dyn FnMut(&str, Scalar<'_>)) {
    match value.kind() {
        Kind::Object => {
            for (key, child) in value.entries() {
                step(&key.as_str().unwrap_or_default(), child, path, each);
            }
        }
        Kind::Array => {
            for (i, child) in value.items().enumerate() {
                step(&i.to_string(), child, path, each);
            }
        }
        Kind::String | Kind::Key => each(path, Scalar::Text(&value.as_str().unwrap_or_default())),
        Kind::Number => match value.as_i64() {
            Some(n) => each(path, Scalar::Int(n)),
            None => each(path, Scalar::Text(value.raw_str())),
        },
        Kind::True => each(path, Scalar::Bool(true)),
        Kind::False => each(path, Scalar::Bool(false)),
        Kind::Null => each(path, Scalar::Null),
    }
}

fn step(name: &str, child: Value<'_>, path: &mut String, each: &mut dyn FnMut(&str, Scalar<'_>)) {
    let base = path.len();
    if base > 0 {
        path.push('.');
    }
    path.push_str(name);
    walk(child, path, each);
    path.truncate(base);
}
