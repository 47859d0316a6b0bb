//! hold: a call that only approvals are missing for waits until they are there. This phase says what is asked of whom
//! ([`Waiting`]) and, when the call comes again with an approval, that it still is the call that was approved. Waiting itself
//! is the shell's: nothing here outlives the walk.

use std::sync::Arc;

use carnet_approvals::{
    Account, Binding, Digest, Id, Inert, Jurisdictions, Released, Request, Requirement, Residency, Rule,
    Shape, ShapeOf, View, Why, canonical_without,
};
use carnet_evidence::{Draft, LeafType};
use carnet_mcp::{Kind, Message};
use carnet_model::{Action, HeldCall, Verdict};
use carnet_policy::{Direction, Holding, identity_id};

use crate::arguments::CallArguments;
use crate::decide::{self, Brought, Denied, Subject};
use crate::facts::{Caller, Cell};
use crate::look::Looked;
use crate::mask;
use crate::record::{self, Entry, Facts, Said};
use crate::session::Session;
use crate::shell::{NotRecorded, Shell};
use crate::snapshot::Snapshot;
use crate::walk::Walk;

/// Members of `params` that are of one attempt, not of the call.
const OF_THE_ATTEMPT: [&str; 3] = ["_meta", "requestState", "inputResponses"];

/// A call that waits: what is asked, what approvers see, and what is needed to go on.
pub struct Waiting {
    /// The call, as it came.
    pub message: Message,
    /// What is asked for.
    pub request: Request,
    /// What approvers see.
    pub view: View,
    /// What policies of `approve` see; `hold` is left to be filled.
    pub held: HeldCall,
    /// The same call by the same caller has the same key.
    pub key: [u8; 16],
    /// The shape of its arguments, for a grant.
    pub shape: Option<Shape>,
    /// The record of the request, to be made durable before anybody is asked.
    pub entry: Entry,
    /// How many legs of `input_required` there were before this one.
    pub leg: u32,
    /// What its record is erased with: the ids of the keys of its session, its actor and those whom it is about.
    pub marks: Vec<[u8; 16]>,
    /// The call has run: its masked response, which waits.
    pub result: Option<Vec<u8>>,
}

impl std::fmt::Debug for Waiting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Waiting({})", self.request.id)
    }
}

/// Whether a message can wait: a request of a caller whose answer is a result that can say so.
pub(crate) fn can_wait(message: &Message, direction: Direction) -> bool {
    direction == Direction::In
        && message.kind() == Kind::Request
        && matches!(message.action(), Action::TOOLS_CALL | Action::PROMPTS_GET | Action::RESOURCES_READ)
}

/// What a message is bound to, but for time and nonce.
pub(crate) fn binding(
    cell: &Cell,
    snapshot: &Snapshot,
    session: &Session,
    caller: &Caller,
    subject: &Subject,
    message: &Message,
) -> Binding {
    let (actor, agent) = Account::both(&caller.principal);
    let arguments = message.params().map_or_else(String::new, |p| canonical_without(p, &OF_THE_ATTEMPT));
    let fingerprint = subject.tool().and_then(|tool| session.tools.get(tool)).map(|t| Digest(t.fingerprint));
    let recipient = caller.principal.region.as_ref().map_or("unknown", |r| r.as_str());
    Binding {
        method: message.method().unwrap_or_default().into_owned(),
        tool: message.target().text().map(|name| name.to_string()),
        fingerprint,
        arguments: Digest(cell.mac.mac("approval_arguments", arguments.as_bytes())),
        actor,
        agent,
        behind: caller.behind.iter().map(Account::of).collect(),
        server: session.server.name.to_string(),
        policy: Digest(snapshot.epochs.policy),
        residency: Residency {
            processing: session.server.region.as_str().to_owned(),
            recipient: recipient.to_owned(),
            storage: snapshot.cell_region.as_str().to_owned(),
        },
        from: 0,
        until: 0,
        nonce: Digest([0; 32]),
    }
}

/// The name that the same call by the same caller has again.
pub(crate) fn key(cell: &Cell, binding: &Binding) -> [u8; 16] {
    let agents: String = binding.agent.iter().chain(&binding.behind).map(Account::canonical).collect();
    let parts = [
        binding.actor.canonical(),
        agents,
        binding.server.clone(),
        binding.method.clone(),
        binding.tool.clone().unwrap_or_default(),
        binding.arguments.to_string(),
    ];
    let text: String = parts.iter().map(|part| format!("{}:{part}", part.len())).collect();
    cell.mac.mac("approval_key", text.as_bytes()).first_chunk().copied().unwrap_or_default()
}

/// What has changed since the approval, if anything.
pub(crate) fn changed(now: Binding, released: &Released) -> Option<&'static str> {
    let then = released.binding();
    let now = Binding { from: then.from, until: then.until, nonce: then.nonce, ..now };
    then.changed(&now).or((then.digest() != now.digest()).then_some("the call"))
}

/// The verdict of policies that keep content back until an approval.
pub(crate) fn forbidden_by(holding: &[Holding]) -> Verdict {
    Verdict {
        effect: carnet_model::Effect::Forbid,
        decided: carnet_model::Decided::ByPolicy,
        policies: holding.iter().map(|h| h.id.clone()).collect(),
        reasons: holding.iter().filter_map(|h| h.reason.clone()).collect(),
    }
}

pub(crate) fn rules(holding: &[Holding]) -> Vec<Rule> {
    let text = |text: &Arc<str>| text.to_string();
    let rule = |h: &Holding| Rule {
        policy: h.id.0.to_string(),
        hold: h.hold.to_string(),
        annotations: h.terms.iter().map(|(k, v)| (text(k), text(v))).collect(),
    };
    holding.iter().map(rule).collect()
}

impl<S: Shell> Walk<'_, S> {
    /// Whether a call that was denied waits for an approval instead, and for whose.
    pub(crate) fn hold(
        &self,
        subject: &Subject,
        denied: Denied,
        looked: &Looked,
        brought: Brought<'_>,
    ) -> Result<Box<Waiting>, Denied> {
        if !can_wait(&denied.message, subject.direction) {
            return Err(denied);
        }
        let Some(mut holding) = self.holding(subject, &denied, brought) else { return Err(denied) };
        // What its content needs is asked for with it: one request, not one after the other.
        let around = mask::Around { looked, ..self.around(subject, None) };
        if self.snapshot.policies.holds_content()
            && let Ok(lifted) = mask::lift(&around, mask::mask(&around, denied.message.clone()))
        {
            holding.extend(lifted.held);
        }
        let rules_of_it = &self.snapshot.approvals;
        let requirement = Requirement::of(&rules(&holding), rules_of_it.expires, rules_of_it.valid);
        // A policy whose annotations say nothing is not loaded; if it were, it holds for good.
        let Ok(requirement) = requirement else { return Err(denied) };
        self.waiting(subject, &denied, &holding, requirement, looked).ok_or(denied)
    }

    /// A call that is permitted, and has content that may go only once that is approved.
    pub(crate) fn hold_content(
        &self,
        subject: &Subject,
        withheld: &mask::Withholding,
        looked: &Looked,
    ) -> Option<Box<Waiting>> {
        let message = &withheld.message;
        if withheld.holding.is_empty() || !can_wait(message, subject.direction) {
            return None;
        }
        let around = mask::Around { looked, ..self.around(subject, None) };
        let lifted = mask::lift(&around, mask::mask(&around, message.clone())).ok()?;
        let times = &self.snapshot.approvals;
        let requirement = Requirement::of(&rules(&lifted.held), times.expires, times.valid).ok()?;
        let verdict = forbidden_by(&lifted.held);
        let denied = Denied { message: message.clone(), verdict };
        self.waiting(subject, &denied, &lifted.held, requirement, looked)
    }

    fn holding(&self, subject: &Subject, denied: &Denied, brought: Brought<'_>) -> Option<Vec<Holding>> {
        let arguments = CallArguments(&denied.message);
        let method = denied.message.method().unwrap_or_default();
        let now = self.shell.now();
        let (session, labels) = (self.session, brought.labels);
        let context =
            decide::context(&arguments, &method, self.caller, session, subject.direction, now, labels);
        let Brought { counters, classes, .. } = brought;
        let context = carnet_policy::Context { counters, classes, ..context };
        let request = carnet_policy::Request {
            principal: &self.caller.key,
            action: subject.action,
            resource: &subject.resource,
            context: &context,
        };
        self.snapshot.policies.holding(&request, &denied.verdict)
    }

    /// `None` where it cannot be masked for approvers to see, or not be sealed: then it is denied as it was.
    fn waiting(
        &self,
        subject: &Subject,
        denied: &Denied,
        holding: &[Holding],
        requirement: Requirement,
        looked: &Looked,
    ) -> Option<Box<Waiting>> {
        let message = &denied.message;
        let now = self.shell.now();
        let (mut id, mut nonce) = ([0; 16], [0; 32]);
        self.shell.entropy(&mut id);
        self.shell.entropy(&mut nonce);
        let plain = binding(self.cell, self.snapshot, self.session, self.caller, subject, message);
        let key = key(self.cell, &plain);
        let lasts = requirement.expires.saturating_add(requirement.valid);
        let until = now.seconds.saturating_add(i64::try_from(lasts).ok()?);
        let binding = Binding { from: now.seconds, until, nonce: Digest(nonce), ..plain };
        let request = Request { id: Id(id), binding, requirement, result: false };
        let plainly = looked.without_binaries();
        let around = mask::Around { looked: &plainly, ..self.around(subject, None) };
        let seen = mask::for_approvers(&around, message).ok()?;
        let view = self.view(subject, &request, holding, &seen);
        let (entry, marks) = self.request_entry(subject, denied, &request, looked).ok()?;
        let mac = |bytes: &[u8]| {
            self.cell.mac.mac("approval_value", bytes).first_chunk().copied().unwrap_or_default()
        };
        let arguments = message.params().and_then(|p| p.get("arguments"));
        let shape = match arguments {
            Some(arguments) => ShapeOf(&mac).of(arguments),
            None => Some(Shape::default()),
        };
        let held = self.held_call(subject, &request, &seen);
        let message = message.clone();
        Some(Box::new(Waiting {
            message,
            request,
            view,
            held,
            key,
            shape,
            entry,
            leg: 0,
            marks,
            result: None,
        }))
    }

    /// The call as policies of `approve` see it.
    pub(crate) fn held_call(&self, subject: &Subject, request: &Request, seen: &mask::Seen) -> HeldCall {
        HeldCall {
            on: subject.resource.clone(),
            method: request.binding.method.as_str().into(),
            hold: Arc::from(""),
            requester: identity_id(&self.caller.principal.identity).into(),
            classes: seen.classes.iter().map(|c| Arc::from(c.as_str())).collect(),
            escalated: false,
            result: request.result,
        }
    }

    pub(crate) fn view(
        &self,
        subject: &Subject,
        request: &Request,
        holding: &[Holding],
        seen: &mask::Seen,
    ) -> View {
        let binding = &request.binding;
        let tool = subject.tool().and_then(|tool| self.session.tools.get(tool));
        let described = tool.as_ref().and_then(|t| t.description.as_deref());
        let why = holding.iter().map(|h| Why {
            policy: Inert::new(&h.id.0),
            hold: Inert::new(&h.hold),
            reason: h.reason.as_deref().map(Inert::new),
            text: Inert::lines(&h.text),
        });
        View {
            id: request.id,
            digest: request.digest(),
            state: "pending".to_owned(),
            ended_by: None,
            kind: "call".to_owned(),
            requester: Inert::new(&binding.actor.text()),
            agent: binding.agent.as_ref().map(|a| Inert::new(&a.text())),
            behind: binding.behind.iter().map(|a| Inert::new(&a.text())).collect(),
            server: Inert::new(&binding.server),
            method: Inert::new(&binding.method),
            tool: seen.name.as_deref().map(Inert::new),
            description: described.map(Inert::lines),
            definition_changed: tool.as_ref().map(|t| t.changed()),
            arguments: Inert::lines(&seen.arguments),
            masked: seen.masked,
            classes: seen.classes.iter().map(|c| Inert::new(c)).collect(),
            labels: self.labels.iter().map(|l| Inert::new(l)).collect(),
            why: why.collect(),
            jurisdictions: Jurisdictions {
                processing: Inert::new(&binding.residency.processing),
                recipient: Inert::new(&binding.residency.recipient),
                storage: Inert::new(&binding.residency.storage),
            },
            asked_before: 0,
            estimate: None,
            asked_at: binding.from,
            until: binding.until,
            escalated: false,
            parts: Vec::new(),
            votes: Vec::new(),
            review_until: None,
            overdue: false,
            grants: request.requirement.grants,
            places: Vec::new(),
            break_glass: request.requirement.break_glass.is_some(),
        }
    }

    /// `approval.request`: what is asked, with the masked message.
    fn request_entry(
        &self,
        subject: &Subject,
        denied: &Denied,
        request: &Request,
        looked: &Looked,
    ) -> Result<(Entry, Vec<[u8; 16]>), NotRecorded> {
        let around = mask::Around { looked, ..self.around(subject, None) };
        let masked = mask::mask(&around, denied.message.clone());
        let masked = masked.map(|masked| mask::Masked { restored: Default::default(), ..masked });
        let content = match &masked {
            Ok(masked) => record::Content::Masked(masked),
            Err(withheld) => record::Content::Withheld(withheld),
        };
        let said = Said { decision: "hold", verdict: Some(&denied.verdict), error: None };
        let approval = request_json(request);
        let facts = Facts { approval: Some(&approval), ..self.facts(subject) };
        let mut marks: Vec<[u8; 16]> = self.session.keys.iter().map(|key| key.id()).collect();
        for label in masked.iter().flat_map(|m| &m.about.labels) {
            marks.push(self.shell.subject_key(*label)?.0.id());
        }
        let entry = record::approval(
            self.shell,
            &facts,
            LeafType::ApprovalRequest,
            &said,
            content,
            None,
            stated(request),
        )?;
        Ok((entry, marks))
    }

    /// What has changed since the approval that a call is walked by, if anything.
    pub(crate) fn changed(
        &self,
        subject: &Subject,
        message: &Message,
        released: Option<&Released>,
    ) -> Option<&'static str> {
        let released = released?;
        changed(binding(self.cell, self.snapshot, self.session, self.caller, subject, message), released)
    }

    /// `approval.consume`: durable before the call goes on.
    pub(crate) async fn consume(
        &self,
        facts: Facts<'_>,
        verdict: &Verdict,
        released: &Released,
    ) -> Result<(), NotRecorded> {
        let said = Said { decision: "permit", verdict: Some(verdict), error: None };
        let content = record::Content::Unread(0);
        let used = |draft: Draft| draft.text("why", "used");
        let of = Some(released.request());
        let entry =
            record::approval(self.shell, &facts, LeafType::ApprovalConsume, &said, content, of, used)?;
        self.shell.append(entry).await?;
        self.shell.consumed();
        Ok(())
    }
}

/// What the leaf of a request states in clear.
pub(crate) fn stated(request: &Request) -> impl FnOnce(Draft) -> Draft + use<> {
    let quorum = u64::from(request.requirement.quorum());
    let until = u64::try_from(request.binding.until).unwrap_or(0);
    move |draft| draft.text("why", "hold").int("quorum", quorum).int("until", until)
}

/// The disclosure `approval` of a request: the text whose SHA-256 approvers sign, and who must.
pub(crate) fn request_json(request: &Request) -> String {
    let requirement = serde_json::to_string(&request.requirement).unwrap_or_default();
    format!(
        r#"{{"binding":{},"digest":"{}","id":"{}","requirement":{requirement}}}"#,
        carnet_json::quote(&request.binding.text()),
        request.digest(),
        request.id,
    )
}

/// The disclosure `approval` of what runs by one.
pub(crate) fn used_json(released: &Released) -> String {
    let names: Vec<String> = released.names().iter().map(|n| carnet_json::quote(n)).collect();
    format!(
        r#"{{"digest":"{}","names":[{}],"request":{}}}"#,
        released.binding().digest(),
        names.join(","),
        released.request(),
    )
}
