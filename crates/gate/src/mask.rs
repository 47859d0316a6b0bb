//! mask in, mask out: what the principal may not see, or what may not cross the border, is replaced.
//!
//! Finding comes first; policy is asked only about the classes that were found; only then is anything rewritten. A message
//! that cannot be inspected or rewritten is withheld (invariant 4).

use std::collections::HashMap;
use std::sync::Arc;

use carnet_evidence::field;
use carnet_masking::{Detector, Findings, Part, PartKind, Plan, Report, Seam, Transforms};
use carnet_mcp::Message;
use carnet_mcp::content::{self, PartKind as ContentKind};
use carnet_model::{Action, ClassSet, DataClass, PolicyId, Region, Transform};
use carnet_policy::{Choice, Direction, Holding, Stop};

use crate::crossing::{Crossing, Moved, country_of};
use crate::decide::Subject;
use crate::facts::{Caller, Cell};
use crate::look::{Looked, Scanned};
use crate::recipients::{self, Reach};
use crate::restore::{Restored, Restoring};
use crate::reveal::{Stopped, chosen, shown};
use crate::session::Session;
use crate::shell::Moment;
use crate::snapshot::Snapshot;
use crate::subjects::About;
use crate::tally::Short;
use crate::turns;
use crate::vault::{Deposit, Owner, Recall};
use crate::withheld::Withheld;

/// A message after masking, and what was done to it.
#[derive(Debug)]
pub(crate) struct Masked {
    /// The message as the other side gets it.
    pub message: Message,
    /// What was masked and what was shown.
    pub report: Report,
    /// Classes that were found.
    pub found: ClassSet,
    /// Policies that permitted showing or moving a class, or chose how one is hidden.
    pub policies: Vec<PolicyId>,
    /// Keyed MAC of the message as it came.
    pub mac: [u8; 32],
    /// Bytes of the message as it came.
    pub size: usize,
    /// Whom it is about.
    pub about: About,
    /// Whom the question was about that it answers. Its recording is sealed for them too; it does not count as theirs.
    pub asked: About,
    /// What was put back into it for its server, and the message with it.
    pub restored: Restored,
    /// Values to keep before the message is delivered.
    pub deposits: Vec<Deposit>,
    /// What was done with binary content, JSON.
    pub binaries: Vec<String>,
    /// What was decided about the classes found.
    pub moved: Moved,
    /// What the server gives out and is not said to.
    pub drift: Drift,
    /// Policies that let it go only once it is approved. It is masked as it may go then.
    pub held: Vec<Holding>,
    /// Who else gets what of it.
    pub reach: Reach,
}

/// What a server gives out that the configuration does not say it has. Classes and kinds, never a value.
#[derive(Clone, Debug, Default)]
pub(crate) struct Drift {
    /// Classes.
    pub classes: ClassSet,
    /// Kinds of numbers of other countries, such as `FR_NIR`.
    pub kinds: Vec<&'static str>,
    /// The classes of those numbers.
    pub foreign: ClassSet,
}

impl Drift {
    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.classes.is_empty() && self.kinds.is_empty()
    }
}

impl Masked {
    /// What answers something is sealed for the same persons too.
    pub(crate) fn answering(self, question: &About) -> Masked {
        Masked { asked: question.clone(), ..self }
    }

    /// For whom its recording is sealed.
    pub(crate) fn sealed_for(&self) -> About {
        self.about.clone().answering(&self.asked)
    }

    /// What goes on: the recorded message, with values in place of stand-ins where some were put back.
    pub(crate) fn onward(self) -> Message {
        self.restored.message.unwrap_or(self.message)
    }
}

/// A message that is withheld, and what is known of it.
pub(crate) struct Withholding {
    /// The message as it came. It goes nowhere; its id is needed for the answer.
    pub message: Message,
    pub reason: Withheld,
    pub found: ClassSet,
    pub drift: Drift,
    pub mac: [u8; 32],
    pub size: usize,
    /// Whose approval would let it go, where one could.
    pub holding: Vec<Holding>,
}

/// What masking needs to know around a message.
pub(crate) struct Around<'a> {
    pub snapshot: &'a Snapshot,
    pub session: &'a Session,
    pub caller: &'a Caller,
    pub subject: &'a Subject,
    pub cell: &'a Cell,
    pub vault: &'a dyn Recall,
    pub now: Moment,
    /// For a response: the action of its request.
    pub answers: Option<Action>,
    /// What stands around its pieces in its stream.
    pub seams: &'a [(usize, Seam)],
    /// What was seen in it before.
    pub looked: &'a Looked,
    /// What was approved for it.
    pub approvals: &'a [Arc<str>],
    /// What its caller has read.
    pub labels: &'a [Arc<str>],
}

impl Around<'_> {
    /// A message that is withheld before anything in it was looked for.
    pub(crate) fn withhold(&self, message: Message, reason: Withheld) -> Box<Withholding> {
        let mac = self.cell.mac.mac(self.mac_field(), message.bytes());
        let size = message.bytes().len();
        let drift = Drift::default();
        let (found, holding) = (ClassSet::EMPTY, Vec::new());
        Box::new(Withholding { message, reason, found, drift, mac, size, holding })
    }

    fn detector(&self) -> &Detector {
        self.snapshot.detector(&self.session.server.name)
    }

    fn mac_field(&self) -> &'static str {
        if self.answers.is_some() { field::RESULT_MAC } else { field::ARGUMENTS_MAC }
    }

    /// Whom a message is about, before it is masked.
    fn about(&self, message: &Message, findings: &Findings) -> About {
        let rules = &self.session.server.subjects;
        let tool = self.subject.tool().map(|t| &**t);
        About::of(&self.cell.mac, rules, tool, message, (self.snapshot.persons, findings))
    }

    /// For questions about recipients.
    fn asking(&self) -> recipients::Asking<'_> {
        let Around { snapshot, session, caller, subject, now, approvals, labels, .. } = *self;
        recipients::Asking { snapshot, session, caller, subject, now, approvals, labels }
    }

    /// Where the content comes from and where it goes.
    pub(crate) fn crossing(&self) -> Crossing {
        Crossing::of(self.snapshot, &self.session.server, self.caller, self.subject.direction, self.now)
    }

    /// What is found and is not said to be there. Only what the server sends can drift.
    fn drift(&self, findings: &Findings) -> Drift {
        let server = &self.session.server;
        if self.subject.direction == Direction::In {
            return Drift::default();
        }
        let classes = server.classes.map_or(ClassSet::EMPTY, |said| findings.classes().difference(said));
        let (mut kinds, mut foreign_classes): (Vec<&'static str>, _) = (Vec::new(), ClassSet::EMPTY);
        if let Some(countries) = &server.countries {
            let table = &self.snapshot.jurisdictions;
            let foreign = |kind: &str| {
                country_of(table, kind).is_some_and(|c| {
                    !countries.iter().any(|said| table.covers(said, &Region::new(c.as_str())))
                })
            };
            for finding in findings.iter().filter(|f| foreign(f.kind)) {
                kinds.push(finding.kind);
                foreign_classes.insert(finding.class);
            }
            kinds.sort_unstable();
            kinds.dedup();
        }
        Drift { classes, kinds, foreign: foreign_classes }
    }
}

/// Replaces what may not pass.
pub(crate) fn mask(around: &Around<'_>, message: Message) -> Result<Masked, Box<Withholding>> {
    let mac = around.cell.mac.mac(around.mac_field(), message.bytes());
    let size = message.bytes().len();
    let withhold = |reason, found, drift, message| {
        Box::new(Withholding { message, reason, found, drift, mac, size, holding: Vec::new() })
    };
    let mut findings = Findings::new();
    if around.looked.unanalyzed {
        return Err(withhold(Withheld::Analyzer, ClassSet::EMPTY, Drift::default(), message));
    }
    if find(around, &message, &mut findings).is_err() {
        let drift = around.drift(&findings);
        return Err(withhold(Withheld::Uninspectable, findings.classes(), drift, message));
    }
    let inward = around.subject.direction == Direction::In;
    let restores = inward && !around.vault.keeps_nothing();
    if restores {
        // What will become a value again is none, whatever it looks like.
        let mut restoring = Restoring::new(around, &message);
        findings.retain(message.bytes(), |_, text| !restoring.will_restore(text));
    }
    let found = findings.classes();
    let about = around.about(&message, &findings);
    let masked = hide(around, message, &findings, about, (mac, size))?;
    if !restores {
        return Ok(masked);
    }
    match Restoring::new(around, &masked.message).restore(&masked.message, around.answers) {
        Ok(restored) => Ok(Masked { restored, ..masked }),
        Err(reason) => Err(withhold(reason, found, Drift::default(), masked.message)),
    }
}

/// Replaces what was found and may not be seen.
fn hide(
    around: &Around<'_>,
    message: Message,
    findings: &Findings,
    about: About,
    (mac, size): ([u8; 32], usize),
) -> Result<Masked, Box<Withholding>> {
    let found = findings.classes();
    let looked = around.looked;
    let binaries = looked.account(around.detector(), &message);
    let drift = around.drift(findings);
    let withhold = |message, Stopped { stop, holding }, drift| {
        let reason = if stop == Stop::Hold { Withheld::Held } else { Withheld::Blocked };
        Err(Box::new(Withholding { message, reason, found, drift, mac, size, holding }))
    };
    let reach = match recipients::ask(around.asking(), &message, found) {
        Ok(reach) => reach,
        Err(stopped) => return withhold(message, stopped, drift),
    };
    let through = reach.content;
    let done = |message, report: Report, policies, moved, drift| {
        let deposits = deposits(around, &report);
        let restored = Restored::default();
        Masked {
            message,
            report,
            found,
            policies,
            mac,
            size,
            about,
            asked: About::default(),
            restored,
            deposits,
            binaries,
            moved,
            drift,
            reach,
            held: Vec::new(),
        }
    };
    if found.is_empty() && looked.binaries.iter().all(|b| b.stripped.is_none()) {
        return Ok(done(message, Report::default(), Vec::new(), Moved::default(), drift));
    }
    let (shown, mut policies) = match shown(around, &message, found, drift.foreign) {
        Ok((shown, policies)) => (shown.intersection(through), policies),
        Err(stopped) => return withhold(message, stopped, drift),
    };
    let moved = Moved { found, moved: shown, kept_back: None };
    let chosen = chosen(around, &message, found.difference(shown));
    policies.extend(chosen.iter().flat_map(|c| c.policies.iter().cloned()));
    policies.sort_unstable();
    policies.dedup();
    match rewrite(around, &message, findings, shown, &chosen) {
        Ok((Some(masked), report)) => Ok(done(masked, report, policies, moved, drift)),
        Ok((None, report)) => Ok(done(message, report, policies, moved, drift)),
        Err(reason) => {
            let holding = Vec::new();
            Err(Box::new(Withholding { message, reason, found, drift, mac, size, holding }))
        }
    }
}

/// What is kept back until an approval, masked as it would go then; `masked` as it is where no approval helps.
pub(crate) fn lift(
    around: &Around<'_>,
    masked: Result<Masked, Box<Withholding>>,
) -> Result<Masked, Box<Withholding>> {
    let withheld = match masked {
        Err(withheld) if withheld.reason == Withheld::Held && !withheld.holding.is_empty() => withheld,
        other => return other,
    };
    let approvals: Vec<Arc<str>> =
        around.approvals.iter().cloned().chain(withheld.holding.iter().map(|h| h.hold.clone())).collect();
    let Ok(masked) = mask(&Around { approvals: &approvals, ..*around }, withheld.message.clone()) else {
        return Err(withheld);
    };
    let moved = Moved { kept_back: Some("hold"), ..masked.moved };
    Ok(Masked { held: withheld.holding, moved, ..masked })
}

/// Looks through a message before anything is decided about it.
pub(crate) fn scan(around: &Around<'_>, message: &Message) -> Scanned {
    let mut found = Findings::new();
    let complete = find(around, message, &mut found).is_ok();
    Scanned { found, complete }
}

/// Classes of data in a message, those of stand-ins that will be put back too. What cannot be inspected goes nowhere.
pub(crate) fn classes(around: &Around<'_>, message: &Message, found: &Findings) -> ClassSet {
    let inward = around.subject.direction == Direction::In;
    if !inward || around.vault.keeps_nothing() {
        return found.classes();
    }
    let mut restoring = Restoring::new(around, message);
    let mut values = found.clone();
    values.retain(message.bytes(), |_, text| !restoring.will_restore(text));
    let restored = Restoring::new(around, message).restore(message, around.answers);
    let restored = restored.map(|r| r.values.iter().map(|v| v.class).collect()).unwrap_or_default();
    values.classes().union(restored)
}

/// Whom a message is about, as counters take them: persons told apart, and how many more.
pub(crate) fn persons(around: &Around<'_>, message: &Message, found: &Findings) -> (Vec<Short>, usize) {
    around.about(message, found).persons()
}

/// What approvers see of a call.
pub(crate) struct Seen {
    /// The parameters, masked, without those of the attempt.
    pub arguments: String,
    /// The tool's, prompt's or resource's name, masked.
    pub name: Option<String>,
    /// How many values are masked.
    pub masked: u64,
    /// Their classes.
    pub classes: Vec<String>,
}

/// A call as approvers see it: everything that is found is masked, whoever may see it elsewhere, in a way that nobody can
/// turn back.
pub(crate) fn for_approvers(around: &Around<'_>, message: &Message) -> Result<Seen, ()> {
    let (masked, count, classes) = redact(around, message)?;
    let params = masked.params();
    let arguments = params.and_then(|p| p.get("arguments").or_else(|| p.get("uri")));
    Ok(Seen {
        arguments: arguments.map_or_else(|| "{}".to_owned(), |a| a.raw_str().to_owned()),
        name: masked.target().text().map(str::to_owned),
        masked: count,
        classes,
    })
}

/// A message with everything masked that is found, and the classes of that.
pub(crate) fn redacted(around: &Around<'_>, message: &Message) -> Result<(Message, Vec<String>), ()> {
    redact(around, message).map(|(masked, _, classes)| (masked, classes))
}

fn redact(around: &Around<'_>, message: &Message) -> Result<(Message, u64, Vec<String>), ()> {
    let mut findings = Findings::new();
    find(around, message, &mut findings)?;
    let rules = &around.snapshot.masking;
    let transforms = Transforms::all(Transform::Redact);
    let (shown, numbers, token_key) = (ClassSet::EMPTY, rules.numbers, &rules.token_key);
    let plan = Plan { shown, transforms: &transforms, numbers, token_key };
    let mut edits = carnet_json::Edits::new();
    let detector = around.detector();
    let report =
        detector.rewrite(message.bytes(), message.tape(), &findings, &plan, &mut edits).map_err(|_| ())?;
    let masked = message.edited(&edits).map_err(|_| ())?;
    let names = detector.classes();
    let count = report.masked.iter().map(|(_, count)| u64::from(*count)).sum();
    Ok((masked, count, findings.classes().iter().map(|c| names.name(c).to_owned()).collect()))
}

/// What is to be kept of what a caller does not see. What does not reach a server is not kept for it.
fn deposits(around: &Around<'_>, report: &Report) -> Vec<Deposit> {
    let (caller, session) = (around.caller, around.session);
    if around.subject.direction == Direction::In || report.deposits.0.is_empty() {
        return Vec::new();
    }
    let mut owners: HashMap<(DataClass, &str), Arc<[u8]>> = HashMap::new();
    let mut one = |d: &carnet_masking::Deposit| {
        let owner = owners
            .entry((d.class, d.kind))
            .or_insert_with(|| Owner::of(d.class, d.kind, caller, session).encode().into())
            .clone();
        Deposit { id: d.id, value: d.value.clone(), owner, marks: Vec::new() }
    };
    report.deposits.0.iter().map(&mut one).collect()
}

/// The message with everything replaced that is not shown; `None` where that is nothing.
fn rewrite(
    around: &Around<'_>,
    message: &Message,
    findings: &Findings,
    shown: ClassSet,
    chosen: &[Choice],
) -> Result<(Option<Message>, Report), Withheld> {
    let rules = &around.snapshot.masking;
    let mut transforms = match around.subject.direction {
        Direction::In => rules.transforms_in.clone(),
        Direction::Out => rules.transforms.clone(),
    };
    for choice in chosen {
        transforms.set(choice.class, choice.transform);
    }
    let plan = Plan { shown, transforms: &transforms, numbers: rules.numbers, token_key: &rules.token_key };
    let mut edits = carnet_json::Edits::new();
    let detector = around.detector();
    let report = detector
        .rewrite(message.bytes(), message.tape(), findings, &plan, &mut edits)
        .map_err(|_| Withheld::Unmaskable)?;
    around.looked.strip(message, &mut edits);
    if edits.is_empty() {
        return Ok((None, report));
    }
    let masked = message.edited(&edits).map_err(|_| Withheld::Unmaskable)?;
    if satisfies_schema(around, &masked) { Ok((Some(masked), report)) } else { Err(Withheld::Schema) }
}

fn find(around: &Around<'_>, message: &Message, findings: &mut Findings) -> Result<(), ()> {
    if around.looked.unanalyzed {
        return Err(());
    }
    if let Some(Scanned { found, complete }) = &around.looked.scanned {
        findings.clone_from(found);
        return complete.then_some(()).ok_or(());
    }
    let mut content = content::parts(message, around.answers);
    if let Some(name) = words_of_the_caller(around, message) {
        content.exclude.retain(|node| *node != name);
    }
    let parts: Vec<Part<'_>> = content
        .parts
        .iter()
        .filter(|p| p.kind != ContentKind::Binary || !around.looked.dealt_with(p.node))
        .map(|p| Part {
            node: p.node,
            kind: match p.kind {
                ContentKind::Json => PartKind::Json,
                ContentKind::Uri => PartKind::Uri,
                ContentKind::Binary => PartKind::Binary,
            },
            exclude: &content.exclude,
        })
        .collect();
    let tool = around.subject.tool().filter(|_| around.answers == Some(Action::TOOLS_CALL));
    let facts = tool.and_then(|tool| around.session.tools.get(tool));
    let described = facts.as_ref().and_then(|f| f.described.as_ref());
    let detector = around.detector();
    let (bytes, tape) = (message.bytes(), message.tape());
    detector.find_described(bytes, tape, &parts, described, findings).map_err(|_| ())?;
    find_seams(around, message, findings)?;
    around.looked.note(detector, message, findings)?;
    if around.subject.direction == Direction::Out
        && let Some(known) = around.session.restored()
    {
        detector.find_known(bytes, tape, &parts, &known, findings);
    }
    Ok(())
}

/// What crosses the borders of a message's pieces.
fn find_seams(around: &Around<'_>, message: &Message, findings: &mut Findings) -> Result<(), ()> {
    if around.seams.is_empty() {
        return Ok(());
    }
    let nodes = turns::nodes(message);
    let (detector, bytes, tape) = (around.detector(), message.bytes(), message.tape());
    around.seams.iter().try_for_each(|(piece, seam)| {
        let node = *nodes.get(*piece).ok_or(())?;
        detector.find_seam(bytes, tape, node, seam, findings).map_err(|_| ())
    })
}

/// The node of a tool's or prompt's name that the server has not told of: it may be anything the caller likes to say.
fn words_of_the_caller(around: &Around<'_>, message: &Message) -> Option<u32> {
    if around.answers.is_some() {
        return None;
    }
    let name = around.subject.named()?;
    let known = around.session.tools.get(name).is_some();
    if known { None } else { message.params()?.get("name").map(|name| name.index()) }
}

/// Whether the masked `structuredContent` still is what the tool promised. A tool without a known schema promised nothing.
fn satisfies_schema(around: &Around<'_>, masked: &Message) -> bool {
    let (Some(Action::TOOLS_CALL), Some(tool)) = (around.answers, around.subject.tool()) else { return true };
    let Some(structured) = masked.result().and_then(|r| r.get("structuredContent")) else { return true };
    let Some(facts) = around.session.tools.get(tool) else { return true };
    match &facts.output {
        None => true,
        Some(Err(())) => false,
        Some(Ok(validator)) => {
            serde_json::from_slice(structured.raw()).is_ok_and(|value| validator.is_valid(&value))
        }
    }
}
