//! Approvals as far as they are disclosed: what was approved is the text that is disclosed, is what each vote was on and what
//! ran; who voted are people, other people than who asked, and each once.

use std::collections::HashMap;

use carnet_approvals::{Account, Binding, Choice, Digest, People, Vote};
use carnet_evidence::package::walk::Record;
use carnet_evidence::verify::Fault;
use carnet_evidence::{Ext, LeafType, field};
use serde_json::Value;

use crate::passkey::{Checked, Passkeys};

/// A request whose text is disclosed.
struct Asked {
    binding: Binding,
    digest: Digest,
    voters: Vec<Account>,
}

/// Requests that are open or were used.
#[derive(Default)]
pub(crate) struct Approvals {
    asked: HashMap<u64, Asked>,
    passkeys: Passkeys,
    counts: Counts,
}

/// Votes, by what could be checked of them.
#[derive(Default)]
struct Counts {
    signed: u64,
    word: u64,
    outside: u64,
    withheld: u64,
    request: u64,
}

type Found = Vec<(Fault, String)>;

fn one(fault: Fault, detail: &str) -> Found {
    vec![(fault, detail.to_owned())]
}

/// Whether a record registers a passkey.
fn registers(record: &Record<'_>) -> bool {
    let adds = |(key, value): &(&str, Ext)| *key == "why" && *value == Ext::Text("passkey-add".to_owned());
    record.leaf.draft.ty == LeafType::AdminRead && record.leaf.draft.ext.iter().any(adds)
}

impl Approvals {
    /// Sees every record, disclosed or not, before [`Approvals::look`] does.
    pub(crate) fn pass(&mut self, record: &Record<'_>) {
        let sealed = registers(record) && record.value(field::DETAIL).is_none();
        self.passkeys.pass(record.index, sealed);
    }

    /// What was checked of votes, and what could not be.
    pub(crate) fn remarks(&mut self) -> Vec<String> {
        let Counts { signed, word, outside, withheld, request } = std::mem::take(&mut self.counts);
        let all = [
            (signed, "votes have a passkey's signature that holds"),
            (word, "votes are the gateway's word: it checked who voted, nothing here checks it again"),
            (
                outside,
                "votes by passkey CANNOT BE CHECKED: the key was registered before the range of this package",
            ),
            (withheld, "votes by passkey CANNOT BE CHECKED: the registration of the key is not disclosed"),
            (request, "votes CANNOT BE CHECKED: what was voted on is before the range, or not disclosed"),
        ];
        all.into_iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect()
    }

    /// What is wrong with a record.
    pub(crate) fn look(&mut self, record: &Record<'_>) -> Found {
        if record.leaf.draft.ty == LeafType::AdminRead {
            let detail = record.text(field::DETAIL).filter(|_| registers(record));
            detail.and_then(|detail| self.passkeys.register(record.index, &detail));
            return Found::new();
        }
        let Some(value) = record.value(field::APPROVAL) else { return Found::new() };
        let Ok(value) = serde_json::from_slice::<Value>(value) else {
            return one(Fault::ApprovalMalformed, "its disclosure is no JSON");
        };
        let found = match record.leaf.draft.ty {
            LeafType::ApprovalRequest => self.request(record, &value),
            LeafType::ApprovalVote => self.vote(record, value),
            LeafType::ApprovalConsume | LeafType::CallDecision => self.used(record, &value),
            LeafType::ApprovalExpire => self.ended(record, &value),
            _ => Some(Found::new()),
        };
        found.unwrap_or_else(|| one(Fault::ApprovalMalformed, "its disclosure lacks something"))
    }

    /// The text of the call hashes to the digest, and is of who and what the record says.
    fn request(&mut self, record: &Record<'_>, value: &Value) -> Option<Found> {
        let text = value.get("binding")?.as_str()?;
        let digest: Digest = value.get("digest")?.as_str()?.parse().ok()?;
        let Some(binding) = Binding::parse(text) else {
            return Some(one(Fault::ApprovalMalformed, "the text that was approved is not canonical"));
        };
        let mut found = Found::new();
        if binding.digest() != digest {
            found.extend(one(Fault::ApprovalDigest, "the text that was approved has another digest"));
        }
        let actor: Value = serde_json::from_slice(record.value(field::ACTOR)?).ok()?;
        let said = |name: &str| actor.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let same = binding.actor.issuer == said("issuer")
            && binding.actor.subject == said("subject")
            && record.text(field::SERVER).as_deref() == Some(&*binding.server)
            && record.text(field::METHOD).as_deref() == Some(&*binding.method)
            && record.leaf.draft.ep.policy == binding.policy.0;
        if !same {
            found.extend(one(Fault::ApprovalDigest, "what was approved is another call than the record's"));
        }
        self.asked.insert(record.index, Asked { binding, digest, voters: Vec::new() });
        Some(found)
    }

    fn vote(&mut self, record: &Record<'_>, value: Value) -> Option<Found> {
        // By a grant: the leaf says of which request.
        if value.get("grant").is_some_and(Value::is_string) && value.get("voter").is_none() {
            return Some(Found::new());
        }
        let vote: Vote = serde_json::from_value(value).ok()?;
        let mut found = Found::new();
        match self.passkeys.check(&vote, record.index) {
            Checked::Holds => self.counts.signed += 1,
            Checked::Word => self.counts.word += 1,
            Checked::Outside => self.counts.outside += 1,
            Checked::Withheld => self.counts.withheld += 1,
            Checked::Wrong(wrong) => found.extend(one(Fault::ApprovalSignature, &wrong)),
        }
        let Some(asked) = record.leaf.draft.of.and_then(|of| self.asked.get_mut(&of)) else {
            self.counts.request += 1;
            return Some(found);
        };
        if vote.digest != asked.digest {
            found.extend(one(Fault::ApprovalDigest, "a vote on another call"));
        }
        if vote.choice == Choice::Deny {
            return Some(found);
        }
        // Which accounts are one person is in the configuration, which packages do not have: subjects alone are compared.
        let people = People::default();
        let who = [Some(&vote.voter), vote.for_account.as_ref()];
        for account in who.into_iter().flatten() {
            let binding = &asked.binding;
            let mut behind = binding.agent.iter().chain(&binding.behind);
            let own = people.same(account, &binding.actor) || behind.any(|agent| people.same(account, agent));
            if own || !account.is_person() {
                found
                    .extend(one(Fault::ApprovalOwn, "who asked for the call, or a program, has approved it"));
            }
            if asked.voters.iter().any(|other| people.same(other, account)) {
                found.extend(one(Fault::ApprovalSamePerson, "one person has approved twice"));
            }
        }
        asked.voters.extend([Some(vote.voter), vote.for_account].into_iter().flatten());
        Some(found)
    }

    /// A use, or the decision about the call that ran: of the same call by the same.
    fn used(&mut self, record: &Record<'_>, value: &Value) -> Option<Found> {
        let digest: Digest = value.get("digest")?.as_str()?.parse().ok()?;
        let request = value.get("request")?.as_u64()?;
        let Some(asked) = self.asked.get(&request) else { return Some(Found::new()) };
        let mut found = Found::new();
        if digest != asked.digest {
            found.extend(one(Fault::ApprovalDigest, "another call ran than was approved"));
        }
        let tool = |name: &str| record.text(name);
        let same = tool(field::SERVER).is_none_or(|s| *s == *asked.binding.server)
            && tool(field::METHOD).is_none_or(|m| *m == *asked.binding.method)
            && record.leaf.draft.ep.policy == asked.binding.policy.0;
        let print = tool(field::TOOL_FINGERPRINT).and_then(|f| f.parse::<Digest>().ok());
        if !same || print != asked.binding.fingerprint && print.is_some() {
            found.extend(one(Fault::ApprovalDigest, "what ran is another call than was approved"));
        }
        Some(found)
    }

    fn ended(&mut self, record: &Record<'_>, value: &Value) -> Option<Found> {
        let digest: Digest = value.get("digest")?.as_str()?.parse().ok()?;
        let asked = record.leaf.draft.of.and_then(|of| self.asked.get(&of));
        let same = asked.is_none_or(|asked| asked.digest == digest);
        Some(if same { Found::new() } else { one(Fault::ApprovalDigest, "the end of another call") })
    }
}
