//! release: a result that may not reach its caller before somebody has approved it. It has run, it is masked and recorded; what is
//! left to decide is whether it goes out. Only `forbid` counts for the action `release`: what no policy speaks of goes.

use std::sync::Arc;

use carnet_approvals::{Binding, Digest, Id, Request, Requirement};
use carnet_evidence::LeafType;
use carnet_json::{Kind, Limits, Tape, Value};
use carnet_mcp::Message;
use carnet_model::{Action, Verdict};
use carnet_policy::{Context, Direction, Holding, Withholding};

use crate::arguments::CallArguments;
use crate::decide::{self, Subject};
use crate::hold::{self, Waiting};
use crate::labels::Row;
use crate::mask::{self, Masked};
use crate::record::{self, Content, Facts, Said};
use crate::shell::Shell;
use crate::tally::{Counters, Portion};
use crate::walk::{Related, Walk};

/// What policies say of a result.
pub(crate) enum Release {
    /// It goes out, once what was counted is durable.
    Goes(Option<Row>),
    /// It waits for an approval.
    Waits(Box<Waiting>, Verdict),
    /// It stays.
    Stays(Verdict),
}

/// What is counted in a result, for policies: `context.counters`.
pub(crate) fn counted(
    message: &Message,
    masked: &Masked,
    names: &carnet_model::ClassNames,
) -> Vec<(Arc<str>, i64)> {
    let number = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    let rows = message.result().map_or(0, |result| rows(result, 0));
    let subjects = masked.about.labels.len() + masked.about.beyond;
    let mut all: Vec<(Arc<str>, i64)> = vec![
        ("result_rows".into(), number(rows)),
        ("result_bytes".into(), number(masked.size)),
        ("result_subjects".into(), number(subjects)),
    ];
    let undeclared = masked.drift.classes.union(masked.drift.foreign).iter().count();
    if undeclared > 0 {
        all.push(("undeclared".into(), number(undeclared)));
    }
    for class in masked.found.iter() {
        all.push((format!("class.{}", names.name(class)).into(), 1));
    }
    all
}

/// The longest list in a value, also of a text that is JSON. Blocks of content are no rows.
pub(crate) fn rows(value: Value<'_>, depth: usize) -> usize {
    if depth > 32 {
        return 0;
    }
    match value.kind() {
        Kind::Array => {
            let inner = value.items().map(|item| rows(item, depth + 1)).max().unwrap_or(0);
            value.items().count().max(inner)
        }
        Kind::Object => {
            let blocks = |key: Value<'_>| depth == 0 && key.is_str("content");
            let of = |(key, member): (Value<'_>, Value<'_>)| match blocks(key) {
                true => member.items().map(|block| rows(block, depth + 1)).max().unwrap_or(0),
                false => rows(member, depth + 1),
            };
            value.entries().map(of).max().unwrap_or(0)
        }
        Kind::String => {
            let text = value.as_str().unwrap_or_default();
            if !text.trim_start().starts_with(['[', '{']) {
                return 0;
            }
            let tape = Tape::parse(text.as_bytes(), &Limits::default());
            tape.map_or(0, |tape| rows(tape.root(text.as_bytes()), depth + 1))
        }
        _ => 0,
    }
}

/// What a held result is kept under: its caller comes again with the same call.
pub(crate) fn key(at_cell: &crate::facts::Cell, plain: &Binding) -> [u8; 16] {
    let call = hold::key(at_cell, plain);
    at_cell.mac.mac("approval_result_key", &call).first_chunk().copied().unwrap_or_default()
}

impl<S: Shell> Walk<'_, S> {
    /// The key of the result that a call may have left, and what the call is bound to now.
    #[must_use]
    pub fn result_key(&self, message: &Message) -> Option<([u8; 16], Binding)> {
        let policies = &self.snapshot.policies;
        if !hold::can_wait(message, Direction::In) || !(policies.releases() || policies.holds_content()) {
            return None;
        }
        let subject = Subject::of(message, self.session, Direction::In);
        let plain = hold::binding(self.cell, self.snapshot, self.session, self.caller, &subject, message);
        Some((key(self.cell, &plain), plain))
    }

    /// Whether the call is kept until its result has come.
    pub(crate) fn keeps_results(&self, message: &Message) -> bool {
        let policies = &self.snapshot.policies;
        hold::can_wait(message, Direction::In)
            && (policies.releases() || policies.holds_content() || policies.counts())
    }

    /// What a result adds to what was given out.
    fn portion(&self, related: &Related, masked: &Masked) -> Portion {
        let (mut persons, over) = masked.about.persons();
        persons.extend(related.asked.iter().copied());
        persons.sort_unstable();
        persons.dedup();
        let number = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        let rows = masked.message.result().map_or(0, |result| rows(result, 0));
        Portion { rows: number(rows), bytes: number(masked.size), persons, over: number(over) }
    }

    /// Whether a masked result may go out. What goes is counted, where a policy counts.
    pub(crate) fn release(&self, subject: &Subject, related: &Related, masked: &Masked) -> Release {
        let policies = &self.snapshot.policies;
        let asked =
            matches!(subject.action, Action::TOOLS_CALL | Action::RESOURCES_READ | Action::PROMPTS_GET);
        if !asked || !(policies.releases() || policies.counts() || !masked.held.is_empty()) {
            return Release::Goes(None);
        }
        if !policies.counts() {
            return self.releasable(subject, related.call.as_deref(), masked, Vec::new());
        }
        let (now, window) = (self.shell.now().seconds, self.snapshot.approvals.window);
        let (tallies, portion) = (&self.session.tallies, self.portion(related, masked));
        // Counted before it is decided: two at once see each other.
        let added = tallies.add(&portion, now, window);
        let counters = tallies.counters(now, window, &[]);
        let release = self.releasable(subject, related.call.as_deref(), masked, counters);
        match release {
            Release::Goes(_) => Release::Goes(tallies.row(&portion, &added, now)),
            kept => {
                tallies.take_back(&portion, &added, window);
                kept
            }
        }
    }

    fn releasable(
        &self,
        subject: &Subject,
        call: Option<&Message>,
        masked: &Masked,
        mut counters: Counters,
    ) -> Release {
        counters.extend(counted(&masked.message, masked, self.snapshot.detector.classes()));
        let none = carnet_policy::NoArguments;
        let arguments = call.map(CallArguments);
        let (method, now) = (subject.action.as_str(), self.shell.now());
        let plain = match &arguments {
            Some(arguments) => decide::context(
                arguments,
                method,
                self.caller,
                self.session,
                Direction::Out,
                now,
                self.labels,
            ),
            None => Context {
                arguments: &none,
                method,
                direction: Direction::Out,
                labels: self.labels,
                ..Context::default()
            },
        };
        let names = self.snapshot.detector.classes();
        let classes: Vec<Arc<str>> = masked.found.iter().map(|class| names.name(class).into()).collect();
        let context = Context { counters: &counters, classes: &classes, ..plain };
        let request = carnet_policy::Request {
            principal: &self.caller.key,
            action: Action::RELEASE,
            resource: &subject.resource,
            context: &context,
        };
        let said = match self.snapshot.policies.releases() {
            true => self.snapshot.policies.withholding(&request),
            false => Withholding::Free,
        };
        // What keeps the content back, and what keeps the result back, is asked for at once.
        let (holding, verdict) = match said {
            Withholding::Never(verdict) => return Release::Stays(verdict),
            Withholding::Free if masked.held.is_empty() => return Release::Goes(None),
            Withholding::Free => (masked.held.clone(), hold::forbidden_by(&masked.held)),
            Withholding::Held(mut holding, _) => {
                holding.extend(masked.held.iter().cloned());
                let verdict = hold::forbidden_by(&holding);
                (holding, verdict)
            }
        };
        match call.and_then(|call| self.waiting_result(subject, call, masked, &holding, &verdict)) {
            Some(waiting) => Release::Waits(waiting, verdict),
            None => Release::Stays(verdict),
        }
    }

    fn waiting_result(
        &self,
        subject: &Subject,
        call: &Message,
        masked: &Masked,
        holding: &[Holding],
        verdict: &Verdict,
    ) -> Option<Box<Waiting>> {
        let inward = Subject { direction: Direction::In, ..subject.clone() };
        let times = &self.snapshot.approvals;
        let requirement = Requirement::of(&hold::rules(holding), times.expires, times.valid).ok()?;
        // A result that was granted once is not the next one: results have no grants.
        let requirement = Requirement { grants: None, ..requirement };
        let now = self.shell.now();
        let (mut id, mut nonce) = ([0; 16], [0; 32]);
        self.shell.entropy(&mut id);
        self.shell.entropy(&mut nonce);
        let plain = hold::binding(self.cell, self.snapshot, self.session, self.caller, &inward, call);
        let key = key(self.cell, &plain);
        let bound = [plain.arguments.0.as_slice(), masked.message.bytes()].concat();
        let arguments = Digest(self.cell.mac.mac("approval_result", &bound));
        let lasts = requirement.expires.saturating_add(requirement.valid);
        let until = now.seconds.saturating_add(i64::try_from(lasts).ok()?);
        let binding = Binding { arguments, from: now.seconds, until, nonce: Digest(nonce), ..plain };
        let request = Request { id: Id(id), binding, requirement, result: true };
        let around = self.around(&inward, None);
        let seen = mask::for_approvers(&around, call).ok()?;
        let mut view = self.view(&inward, &request, holding, &seen);
        view.kind = "result".to_owned();
        view.estimate =
            Some(carnet_approvals::Inert::new(&summary(masked, self.snapshot.detector.classes())));
        let approval = hold::request_json(&request);
        let facts = Facts { approval: Some(&approval), ..self.facts(&inward) };
        let said = Said { decision: "hold", verdict: Some(verdict), error: None };
        let content = Content::Unread(masked.size);
        let entry = record::approval(
            self.shell,
            &facts,
            LeafType::ApprovalRequest,
            &said,
            content,
            None,
            hold::stated(&request),
        );
        let mut marks: Vec<[u8; 16]> = self.session.keys.iter().map(|key| key.id()).collect();
        for label in &masked.sealed_for().labels {
            marks.push(self.shell.subject_key(*label).ok()?.0.id());
        }
        let held = self.held_call(&inward, &request, &seen);
        Some(Box::new(Waiting {
            message: call.clone(),
            request,
            view,
            held,
            key,
            shape: None,
            entry: entry.ok()?,
            leg: 0,
            marks,
            result: Some(masked.message.bytes().to_vec()),
        }))
    }
}

/// What is in a result, in numbers.
fn summary(masked: &Masked, names: &carnet_model::ClassNames) -> String {
    let counts = counted(&masked.message, masked, names);
    let texts: Vec<String> = counts.iter().map(|(name, n)| format!("{name} {n}")).collect();
    texts.join(", ")
}
