//! record: the leaf and its disclosures for one message, sealed, and made durable before the message goes on.
//!
//! A crash before `append` resolves loses a message that nobody has seen; a crash after it leaves a decision without an
//! outcome, which recovery marks as an orphan. Nothing here is written from a `Drop` or a log event.

use std::sync::Arc;

use carnet_evidence::seal::{NewKey, Slot};
use carnet_evidence::{Disclosures, Draft, LeafType, field};
use carnet_mcp::Message;
use carnet_model::{ClassNames, ClassSet, Verdict};
use sha2::{Digest as _, Sha256};

use crate::crossing::{self, Crossing, Moved};
use crate::decide::{Brought, Subject, purpose};
use crate::facts::{Caller, Cell};
use crate::mask::{Masked, Withholding};
use crate::permitted::{Permitted, Recorded};
use crate::recipients;
use crate::session::Session;
use crate::shell::{Moment, NotRecorded, Shell};
use crate::snapshot::Snapshot;
use crate::subjects::About;
use crate::withheld::Withheld;

/// A leaf that waits for its place in the log, and the sealed slots that belong to it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The leaf without its counter and link, which the log assigns.
    pub draft: Draft,
    /// Ciphertexts in the order of the leaf's `bl`: disclosures, then the frame if there is one.
    pub blobs: Vec<Vec<u8>>,
    /// New keys that this record is among the first to use: they are durable before the record.
    pub keys: Vec<NewKey>,
}

/// What every record of a message needs.
#[derive(Clone, Copy)]
pub(crate) struct Facts<'a> {
    pub cell: &'a Cell,
    pub snapshot: &'a Snapshot,
    pub session: &'a Session,
    pub caller: &'a Caller,
    pub subject: &'a Subject,
    pub now: Moment,
    /// By which approval, as the disclosure has it.
    pub approval: Option<&'a str>,
    /// What the decision was made with.
    pub brought: Brought<'a>,
    /// Through which front, as the disclosure has it.
    pub front: Option<&'a str>,
}

/// What is said about a decision.
pub(crate) struct Said<'a> {
    /// `permit`, `deny`, `withhold` or `refuse`.
    pub decision: &'static str,
    /// The verdict, where policy was asked.
    pub verdict: Option<&'a Verdict>,
    /// The name of what went wrong, where something did.
    pub error: Option<&'static str>,
}

/// The record of a permitted, masked message. What it returns may be forwarded.
pub(crate) async fn decision<S: Shell>(
    shell: &S,
    facts: Facts<'_>,
    permitted: Permitted<Masked>,
    one_way: bool,
) -> Result<Recorded<Permitted<Message>>, NotRecorded> {
    let said = Said { decision: "permit", verdict: Some(permitted.verdict()), error: None };
    let mut draft = draft(&facts, LeafType::CallDecision);
    draft.ow = one_way;
    let receipt = shell.append(entry(shell, &facts, draft, &said, Content::Masked(permitted.get()))?).await?;
    Ok(Recorded::new(permitted.map(Masked::onward), receipt))
}

/// The record of a message that goes no further. What it returns, the answer to it, may be delivered.
pub(crate) async fn stopped<S: Shell, T>(
    shell: &S,
    facts: Facts<'_>,
    said: Said<'_>,
    content: Content<'_>,
    answer: T,
) -> Result<Recorded<T>, NotRecorded> {
    let mut draft = draft(&facts, LeafType::CallDecision);
    draft.ow = true;
    let receipt = shell.append(entry(shell, &facts, draft, &said, content)?).await?;
    Ok(Recorded::new(answer, receipt))
}

/// The record of the answer to decision `of`.
pub(crate) async fn outcome<S: Shell, T>(
    shell: &S,
    facts: Facts<'_>,
    of: u64,
    said: Said<'_>,
    content: Content<'_>,
    answer: T,
) -> Result<Recorded<T>, NotRecorded> {
    let mut draft = draft(&facts, LeafType::CallOutcome);
    draft.of = Some(of);
    let receipt = shell.append(entry(shell, &facts, draft, &said, content)?).await?;
    Ok(Recorded::new(answer, receipt))
}

/// A record of an approval in its caller's session. `of` is the log index of the request.
pub(crate) fn approval<S: Shell>(
    shell: &S,
    facts: &Facts<'_>,
    ty: LeafType,
    said: &Said<'_>,
    content: Content<'_>,
    of: Option<u64>,
    change: impl FnOnce(Draft) -> Draft,
) -> Result<Entry, NotRecorded> {
    let mut draft = change(draft(facts, ty));
    draft.of = of;
    entry(shell, facts, draft, said, content)
}

/// `session.open`: who it is is disclosed, and no more.
pub(crate) async fn session_open<S: Shell>(
    shell: &S,
    cell: &Cell,
    snapshot: &Snapshot,
    session: &Session,
    caller: &Caller,
    keys: Vec<NewKey>,
) -> Result<(), NotRecorded> {
    let entry = opening(shell, cell, snapshot, session, caller)?;
    shell.append(Entry { keys, ..entry }).await.map(|_| ())
}

fn opening<S: Shell>(
    shell: &S,
    cell: &Cell,
    snapshot: &Snapshot,
    session: &Session,
    caller: &Caller,
) -> Result<Entry, NotRecorded> {
    let now = shell.now();
    let mut fill = |out: &mut [u8]| shell.entropy(out);
    let mut disclosures = Disclosures::new(&mut fill);
    who(&mut disclosures, caller, session);
    disclosures.add_u64(field::TIME, micros(now));
    let disclosed = disclosures.finish();
    let mut draft = Draft::session_open(seconds(now), session.gs, snapshot.epochs);
    draft.sd = disclosed.digests;
    seal(shell, cell, session, draft, disclosed.encoded, None)
}

/// `session.close`. The log adds how many records the session has.
pub(crate) async fn session_close<S: Shell>(
    shell: &S,
    snapshot: &Snapshot,
    session: &Session,
    why: &str,
) -> Result<(), NotRecorded> {
    let draft = Draft::session_close(seconds(shell.now()), session.gs, snapshot.epochs, None, why);
    shell.append(Entry { draft, blobs: Vec::new(), keys: Vec::new() }).await.map(|_| ())
}

/// What is known of a message's content.
pub(crate) enum Content<'a> {
    /// It was masked: the frame is kept.
    Masked(&'a Masked),
    /// It is withheld: a MAC and classes are kept, no frame.
    Withheld(&'a Withholding),
    /// There is none that could be read: its size is kept.
    Unread(usize),
}

fn draft(facts: &Facts<'_>, ty: LeafType) -> Draft {
    Draft::new(ty, seconds(facts.now), facts.session.gs, facts.snapshot.epochs)
}

fn entry<S: Shell>(
    shell: &S,
    facts: &Facts<'_>,
    mut draft: Draft,
    said: &Said<'_>,
    content: Content<'_>,
) -> Result<Entry, NotRecorded> {
    let outcome = draft.ty == LeafType::CallOutcome;
    let mut fill = |out: &mut [u8]| shell.entropy(out);
    let mut d = Disclosures::new(&mut fill);
    who(&mut d, facts.caller, facts.session);
    what(&mut d, facts, outcome, &content);
    d.add_str(field::DECISION, said.decision);
    if let Some(verdict) = said.verdict {
        d.add(field::POLICIES, &list(verdict.policies.iter().map(|p| &*p.0)));
        if !verdict.reasons.is_empty() {
            d.add(field::REASONS, &list(verdict.reasons.iter().map(|r| &**r)));
        }
    }
    if let Some(error) = said.error {
        d.add_str(field::ERROR, error);
    }
    if let Some(approval) = facts.approval {
        d.add(field::APPROVAL, approval.as_bytes());
    }
    let mac_field = if outcome { field::RESULT_MAC } else { field::ARGUMENTS_MAC };
    let frame = match content {
        Content::Masked(masked) => {
            d.add_bytes(mac_field, &masked.mac);
            d.add_u64(field::SIZES, masked.size as u64);
            masking(&mut d, facts.snapshot.detector.classes(), masked);
            let frame: [u8; 32] = Sha256::digest(masked.message.bytes()).into();
            d.add_bytes(field::FRAME, &frame);
            let about = masked.sealed_for();
            if about.beyond > 0 {
                d.add_u64("x_subjects_beyond", about.beyond as u64);
            }
            restored(&mut d, facts.snapshot.detector.classes(), masked);
            Some((masked.message.bytes().to_vec(), about))
        }
        Content::Withheld(withheld) => {
            d.add_bytes(mac_field, &withheld.mac);
            d.add_u64(field::SIZES, withheld.size as u64);
            d.add(
                field::DATA_CLASSES,
                &list(withheld.found.iter().map(|c| facts.snapshot.detector.classes().name(c))),
            );
            None
        }
        Content::Unread(size) => {
            d.add_u64(field::SIZES, size as u64);
            None
        }
    };
    let disclosed = d.finish();
    draft.sd = disclosed.digests;
    seal(shell, facts.cell, facts.session, draft, disclosed.encoded, frame)
}

/// Both identities: the actor, and the agent where one acts for it.
fn who(d: &mut Disclosures<'_>, caller: &Caller, session: &Session) {
    d.add(field::ACTOR, caller.actor.as_bytes());
    if let Some(agent) = &caller.agent {
        d.add(field::AGENT, agent.as_bytes());
    }
    d.add_str(field::SERVER, &session.server.name);
}

/// The name of the tool or prompt as it went on. One that the server has not told of may hold anything, so where content
/// was kept back it is too.
fn named(facts: &Facts<'_>, content: &Content<'_>) -> Option<String> {
    let name = facts.subject.named()?;
    match content {
        Content::Masked(masked) if masked.report.masked.is_empty() => Some(name.to_owned()),
        Content::Masked(masked) => masked.message.target().text().map(|name| name.to_string()),
        Content::Withheld(withheld) if !withheld.found.is_empty() => {
            facts.session.tools.get(name).map(|_| name.to_owned())
        }
        Content::Withheld(_) | Content::Unread(_) => Some(name.to_owned()),
    }
}

fn what(d: &mut Disclosures<'_>, facts: &Facts<'_>, outcome: bool, content: &Content<'_>) {
    d.add_u64(field::TIME, micros(facts.now));
    // An outcome names its decision; what was asked stands there.
    if !outcome {
        let subject = facts.subject;
        d.add_str(field::METHOD, subject.action.as_str());
        d.add_str(
            field::DIRECTION,
            if subject.direction == carnet_policy::Direction::In { "to_server" } else { "to_client" },
        );
        if let Some(front) = facts.front.filter(|_| subject.direction == carnet_policy::Direction::In) {
            d.add(field::FRONT, front.as_bytes());
        }
        if let Some(tool) = named(facts, content) {
            d.add_str(field::TOOL, &tool);
        }
        if let Some(tool) = subject.tool().and_then(|t| facts.session.tools.get(t)) {
            d.add_bytes(field::TOOL_FINGERPRINT, &tool.fingerprint);
        }
        if let Some(purpose) = purpose(facts.caller, facts.session) {
            d.add_str(field::PURPOSE, purpose);
        }
        if let Some(basis) = &facts.session.server.legal_basis {
            d.add_str(field::LEGAL_BASIS, basis);
        }
    }
    residency(d, facts, content);
    if !outcome {
        brought(d, facts.brought);
    }
    if !outcome && !facts.session.server.categories.is_empty() {
        d.add(field::SUBJECT_CATEGORIES, &list(facts.session.server.categories.iter().map(|c| &**c)));
    }
}

/// What policies knew besides: what was given out and read before, and what is in the message.
fn brought(d: &mut Disclosures<'_>, brought: Brought<'_>) {
    if !brought.counters.is_empty() {
        let counter = |(name, n): &(Arc<str>, i64)| format!("{}:{n}", carnet_json::quote(name));
        let counters: Vec<String> = brought.counters.iter().map(counter).collect();
        d.add("x_counters", format!("{{{}}}", counters.join(",")).as_bytes());
    }
    if !brought.labels.is_empty() {
        d.add(field::LABELS, &list(brought.labels.iter().map(|l| &**l)));
    }
    if !brought.classes.is_empty() {
        d.add("x_classes", &list(brought.classes.iter().map(|c| &**c)));
    }
}

/// Where the data was and went, and what was decided of it.
fn residency(d: &mut Disclosures<'_>, facts: &Facts<'_>, content: &Content<'_>) {
    let Facts { snapshot, session, caller, subject, now, .. } = *facts;
    let crossing = Crossing::of(snapshot, &session.server, caller, subject.direction, now);
    let kept_back = match content {
        Content::Withheld(w) => {
            Moved { found: w.found, kept_back: Some(kept_back(w.reason)), ..Moved::default() }
        }
        _ => Moved::default(),
    };
    let moved = match content {
        Content::Masked(masked) => Some(&masked.moved),
        Content::Withheld(_) => Some(&kept_back),
        Content::Unread(_) => None,
    };
    let names = snapshot.detector.classes();
    let moved = moved.map(|moved| (moved, names));
    let labels = facts.brought.labels;
    let asking = recipients::Asking { snapshot, session, caller, subject, now, approvals: &[], labels };
    let reach = match content {
        Content::Masked(masked) => masked.reach.clone(),
        Content::Withheld(withheld) => recipients::of_record(asking, withheld.found),
        Content::Unread(_) => recipients::of_record(asking, ClassSet::EMPTY),
    };
    let text = crossing::disclosed(snapshot, &session.server, caller, &crossing, moved, &reach);
    d.add(field::RESIDENCY, text.as_bytes());
    let drift = match content {
        Content::Masked(masked) => &masked.drift,
        Content::Withheld(withheld) => &withheld.drift,
        Content::Unread(_) => return,
    };
    if !drift.is_empty() {
        let found = drift.classes.iter().map(|c| names.name(c)).chain(drift.kinds.iter().copied());
        d.add("x_drift", &list(found));
    }
}

/// The verdict on a message that goes nowhere.
fn kept_back(reason: Withheld) -> &'static str {
    if reason == Withheld::Held { "hold" } else { "block" }
}

/// What was put back for the server: classes and places, and the policies that permitted it. Never a value.
fn restored(d: &mut Disclosures<'_>, classes: &ClassNames, masked: &Masked) {
    let restored = &masked.restored;
    if restored.places.is_empty() {
        return;
    }
    let place = |(class, at): &(carnet_model::DataClass, String)| {
        format!(r#"{{"at":{},"class":"{}"}}"#, carnet_json::quote(at), classes.name(*class))
    };
    let places: Vec<String> = restored.places.iter().map(place).collect();
    d.add("x_restored", format!("[{}]", places.join(",")).as_bytes());
    if restored.more > 0 {
        d.add_u64("x_restored_more", u64::from(restored.more));
    }
    d.add("x_restore_policies", &list(restored.policies.iter().map(|p| &*p.0)));
}

fn masking(d: &mut Disclosures<'_>, classes: &ClassNames, masked: &Masked) {
    if !masked.binaries.is_empty() {
        d.add("x_binary", format!("[{}]", masked.binaries.join(",")).as_bytes());
    }
    if masked.found.is_empty() {
        return;
    }
    d.add(field::DATA_CLASSES, &list(masked.found.iter().map(|c| classes.name(c))));
    let mut counts = String::from("{");
    for (class, count) in &masked.report.masked {
        if counts.len() > 1 {
            counts.push(',');
        }
        counts.push_str(&format!("\"{}\":{count}", classes.name(*class)));
    }
    counts.push('}');
    d.add(field::MASKING, counts.as_bytes());
    let mut places = String::from("[");
    for place in &masked.report.places {
        if places.len() > 1 {
            places.push(',');
        }
        let at = carnet_json::quote(&place.path);
        places.push_str(&format!(
            r#"{{"at":{at},"class":"{}","rule":"{}","transform":"{}"}}"#,
            classes.name(place.class),
            place.rule,
            place.transform
        ));
    }
    places.push(']');
    d.add(field::PLACES, places.as_bytes());
    if !masked.policies.is_empty() {
        d.add("x_reveal_policies", &list(masked.policies.iter().map(|p| &*p.0)));
    }
}

/// The disclosures are sealed with the keys of session and actor, the frame also with those of whom it is about: when they
/// ask to be erased, what was said of them goes, and that somebody did something stays.
fn seal<S: Shell>(
    shell: &S,
    cell: &Cell,
    session: &Session,
    mut draft: Draft,
    disclosures: Vec<u8>,
    frame: Option<(Vec<u8>, About)>,
) -> Result<Entry, NotRecorded> {
    let mut slot = [0; 16];
    shell.entropy(&mut slot);
    let sealed = session.sealing.seal(&cell.origin, slot, Slot::Disclosures, disclosures);
    let mut sealed = vec![sealed.map_err(|_| NotRecorded)?];
    let mut keys = Vec::new();
    if let Some((frame, about)) = frame {
        let mut persons = Vec::with_capacity(about.labels.len());
        for label in &about.labels {
            let (key, new) = shell.subject_key(*label)?;
            persons.push(key);
            keys.extend(new);
        }
        let blob = if persons.is_empty() {
            session.sealing.seal(&cell.origin, slot, Slot::Frames, frame)
        } else {
            session.sealing_with(&mut persons).seal(&cell.origin, slot, Slot::Frames, frame)
        };
        sealed.push(blob.map_err(|_| NotRecorded)?);
    }
    let mut blobs = Vec::with_capacity(2);
    for blob in sealed {
        draft.bl.push(blob.reference);
        blobs.push(blob.bytes);
    }
    Ok(Entry { draft, blobs, keys })
}

/// A JSON list of texts.
fn list<'a>(items: impl Iterator<Item = &'a str>) -> Vec<u8> {
    let mut out = vec![b'['];
    for item in items {
        if out.len() > 1 {
            out.push(b',');
        }
        out.push(b'"');
        carnet_json::escape_into(&mut out, item);
        out.push(b'"');
    }
    out.push(b']');
    out
}

fn seconds(now: Moment) -> u64 {
    u64::try_from(now.seconds).unwrap_or(0)
}

fn micros(now: Moment) -> u64 {
    seconds(now) * 1_000_000 + u64::from(now.micros)
}
