//! Restoring: a stand-in that a caller sends becomes its value again, for the server alone.
//!
//! The record keeps the message with the stand-in; what is forwarded has the value. Policy decides (`restore`), and where the
//! value would leave the place that it came from, `transfer` as well. A token that the vault knows and that may not be
//! restored stops the message; one that it does not know, forged, foreign or expired, is text like any other. Digits that
//! happen to be somebody else's stand-in are only digits.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use carnet_json::{Edits, Kind, Limits, Tape, Value};
use carnet_masking::{Findings, KnownValue, StandIn, StandInId, whole_stand_in};
use carnet_mcp::Message;
use carnet_mcp::content::{self, PartKind};
use carnet_model::{Action, ClassSet, DataClass, PolicyId};
use carnet_policy::{Context, Flow, Given};

use crate::arguments::CallArguments;
use crate::crossing::{Crossing, Places};
use crate::decide::{self, purpose};
use crate::mask::Around;
use crate::vault::{Owner, who};
use crate::withheld::Withheld;

/// Documents in strings are followed so deep.
const DEPTH: u8 = 3;
/// Places named in a record; the rest is counted.
const MOST_PLACES: usize = 128;

/// What was put back. No value in any printed form.
#[derive(Debug, Default)]
pub(crate) struct Restored {
    /// The message for the server; `None` where nothing was put back.
    pub message: Option<Message>,
    /// Class and place of each stand-in.
    pub places: Vec<(DataClass, String)>,
    /// Places that are not in `places`.
    pub more: u32,
    /// Policies that permitted it.
    pub policies: Vec<PolicyId>,
    /// The values, to be masked again wherever they come back.
    pub values: Vec<KnownValue>,
}

/// What may become of a stand-in.
#[derive(Clone)]
enum Answer {
    Unknown,
    Refused,
    Value(Arc<KnownValue>, Arc<[PolicyId]>),
}

/// Asks for each stand-in of a message once.
pub(crate) struct Restoring<'a> {
    around: &'a Around<'a>,
    message: &'a Message,
    answers: HashMap<StandInId, Answer>,
}

impl<'a> Restoring<'a> {
    pub(crate) fn new(around: &'a Around<'a>, message: &'a Message) -> Self {
        Restoring { around, message, answers: HashMap::new() }
    }

    /// Whether a text is a stand-in that will be put back: it is no value that need be masked.
    pub(crate) fn will_restore(&mut self, text: &str) -> bool {
        whole_stand_in(text).is_some_and(|s| matches!(self.ask(&s), Answer::Value(..)))
    }

    fn ask(&mut self, stand_in: &StandIn) -> Answer {
        if let Some(known) = self.answers.get(&stand_in.id) {
            return known.clone();
        }
        let answer = self.decide(stand_in);
        self.answers.insert(stand_in.id, answer.clone());
        answer
    }

    fn decide(&self, stand_in: &StandIn) -> Answer {
        let kept = self.around.vault.kept(&stand_in.id);
        let mut answer = if kept.is_empty() || !stand_in.token { Answer::Unknown } else { Answer::Refused };
        for kept in kept {
            let Some(owner) = Owner::decode(&kept.owner) else { continue };
            let Some(policies) = self.permitted(&owner) else { continue };
            match self.around.vault.value(&kept) {
                Some(value) => {
                    let real = KnownValue { class: owner.class, kind: owner.kind, value };
                    return Answer::Value(Arc::new(real), policies.into());
                }
                // Erased a moment ago, or not to be read: it is not known any more.
                None => answer = Answer::Unknown,
            }
        }
        answer
    }

    /// The policies that let this value go to this server for this caller.
    fn permitted(&self, owner: &Owner) -> Option<Vec<PolicyId>> {
        let Around { snapshot, session, caller, subject, now, labels, .. } = *self.around;
        let arguments = CallArguments(self.message);
        let method = self.message.method().unwrap_or_default();
        let context = decide::context(&arguments, &method, caller, session, subject.direction, now, labels);
        let server = &session.server.name;
        let flow = Flow { server, tool: subject.tool(), direction: subject.direction };
        let given = Given {
            same_principal: owner.who == who(caller),
            same_purpose: owner.purpose.as_deref() == purpose(caller, session),
            same_server: owner.server == *server,
            origin: &owner.server,
            owner_groups: &owner.groups,
        };
        let verdict = snapshot.policies.restore(&caller.key, flow, owner.class, given, &context);
        if !verdict.is_permit() {
            return None;
        }
        let mut policies = verdict.policies.to_vec();
        let to = &session.server.region;
        let (table, rules) = (&snapshot.jurisdictions, &snapshot.residency);
        let at = Places {
            from: &owner.region,
            to,
            origin: &owner.region,
            model: None,
            cell: &snapshot.cell_region,
        };
        let crossing = Crossing::find(table, &rules.declared, at, server, now.seconds);
        if owner.server != *server && !crossing.stays {
            if rules.enforce && crossing.unknown {
                return None;
            }
            let class: ClassSet = [owner.class].into_iter().collect();
            let facts = Some(crossing.facts(&session.server.categories));
            let context = Context { crossing: facts, ..context };
            let moved = snapshot.policies.transfer(&caller.key, flow, crossing.route(), class, &context);
            if moved.classes.is_empty() {
                return None;
            }
            policies.extend(moved.policies());
        }
        Some(policies)
    }

    /// The message with every stand-in put back, `masked` being what the record keeps.
    pub(crate) fn restore(mut self, masked: &Message, answers: Option<Action>) -> Result<Restored, Withheld> {
        let content = content::parts(masked, answers);
        let uris = content.parts.iter().filter(|p| p.kind == PartKind::Uri).map(|p| p.node);
        let (skip, uris): (Vec<u32>, Vec<u32>) = (content.exclude.clone(), uris.collect());
        let mut walk = Put { restoring: &mut self, restored: Restored::default(), edits: Edits::new() };
        walk.value(
            masked.root(),
            &|i| skip.binary_search(&i).is_ok() && !uris.contains(&i),
            &mut String::new(),
            0,
        )?;
        let Put { mut restored, edits, .. } = walk;
        if !edits.is_empty() {
            restored.message = Some(masked.edited(&edits).map_err(|_| Withheld::Unmaskable)?);
        }
        restored.policies.sort_unstable();
        restored.policies.dedup();
        Ok(restored)
    }
}

/// One document on its way.
struct Put<'p, 'a> {
    restoring: &'p mut Restoring<'a>,
    restored: Restored,
    edits: Edits,
}

impl Put<'_, '_> {
    fn value(
        &mut self,
        value: Value<'_>,
        skip: &dyn Fn(u32) -> bool,
        path: &mut String,
        depth: u8,
    ) -> Result<(), Withheld> {
        if skip(value.index()) {
            return Ok(());
        }
        let base = path.len();
        match value.kind() {
            Kind::Object => {
                for (key, child) in value.entries() {
                    step(path, &key.as_str().unwrap_or_default());
                    self.value(child, skip, path, depth)?;
                    path.truncate(base);
                }
            }
            Kind::Array => {
                for (i, child) in value.items().enumerate() {
                    path.push_str(&format!("[{i}]"));
                    self.value(child, skip, path, depth)?;
                    path.truncate(base);
                }
            }
            Kind::String => {
                let text = value.as_str().unwrap_or_default();
                if let Some(new) = self.text(&text, path, depth)? {
                    self.edits.replace(value.span(), carnet_json::quote(&new).as_bytes());
                }
            }
            Kind::Number => self.number(value, path),
            _ => {}
        }
        Ok(())
    }

    /// A number becomes the number that it stands for; a value that is none would not fit in its place.
    fn number(&mut self, value: Value<'_>, path: &str) {
        let Some(stand_in) = whole_stand_in(value.raw_str()) else { return };
        let Answer::Value(real, policies) = self.restoring.ask(&stand_in) else { return };
        let text = real.value.expose();
        let digits = text.strip_prefix('-').unwrap_or(text);
        let number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        if number && (digits == "0" || !digits.starts_with('0')) {
            self.edits.replace(value.span(), text.as_bytes());
            self.note(path, &real, &policies);
        }
    }

    /// A text with its stand-ins put back; `None` where there are none.
    fn text(&mut self, text: &str, path: &mut String, depth: u8) -> Result<Option<String>, Withheld> {
        if depth < DEPTH
            && text.trim_start().starts_with(['{', '['])
            && let Ok(tape) = Tape::parse(text.as_bytes(), &Limits { bytes: usize::MAX >> 1, depth: 64 })
        {
            return self.document(text, &tape, path, depth + 1);
        }
        let mut places: Vec<(Range<usize>, String)> = Vec::new();
        for stand_in in self.candidates(text) {
            if places.last().is_some_and(|(span, _)| stand_in.span.start < span.end) {
                continue;
            }
            match self.restoring.ask(&stand_in) {
                Answer::Unknown => {}
                Answer::Refused => return Err(Withheld::Restore),
                Answer::Value(real, policies) => {
                    self.note(path, &real, &policies);
                    let text = real.value.expose();
                    let value = if stand_in.percent { percent(text) } else { text.clone() };
                    places.push((stand_in.span, value));
                }
            }
        }
        let mut out = text.to_owned();
        for (span, value) in places.iter().rev() {
            out.replace_range(span.clone(), value);
        }
        Ok((!places.is_empty()).then_some(out))
    }

    fn document(
        &mut self,
        text: &str,
        tape: &Tape,
        path: &mut String,
        depth: u8,
    ) -> Result<Option<String>, Withheld> {
        let outer = std::mem::take(&mut self.edits);
        let base = path.len();
        path.push('>');
        let done = self.value(tape.root(text.as_bytes()), &|_| false, path, depth);
        path.truncate(base);
        let inner = std::mem::replace(&mut self.edits, outer);
        done?;
        if inner.is_empty() {
            return Ok(None);
        }
        let new = inner.apply(text.as_bytes()).map_err(|_| Withheld::Unmaskable)?;
        String::from_utf8(new).map(Some).map_err(|_| Withheld::Unmaskable)
    }

    /// What may be a stand-in, in order: tokens; the whole text, its words and what recognisers find, for those of a value's
    /// own form.
    fn candidates(&self, text: &str) -> Vec<StandIn> {
        let mut all: Vec<StandIn> = StandIn::tokens(text).collect();
        if text.bytes().filter(u8::is_ascii_digit).take(4).count() == 4 {
            let mut add = |span: Range<usize>| {
                let found = text.get(span.clone()).and_then(whole_stand_in);
                all.extend(
                    found.map(|s| StandIn { span: span.start + s.span.start..span.start + s.span.end, ..s }),
                );
            };
            add(0..text.len());
            let mut start = 0;
            for word in text.split(|c: char| !c.is_ascii_alphanumeric()) {
                add(start..start + word.len());
                // Every separator is one character, of however many bytes.
                start += word.len();
                start += text.get(start..).and_then(|r| r.chars().next()).map_or(0, char::len_utf8);
            }
            let mut findings = Findings::new();
            if self.restoring.around.snapshot.detector.find_text(text, &mut findings).is_ok() {
                findings.iter().for_each(|f| add(f.span.start as usize..f.span.end as usize));
            }
        }
        all.sort_by_key(|s| (s.span.start, std::cmp::Reverse(s.span.end)));
        all
    }

    fn note(&mut self, path: &str, real: &KnownValue, policies: &[PolicyId]) {
        if self.restored.places.len() < MOST_PLACES {
            self.restored.places.push((real.class, path.to_owned()));
        } else {
            self.restored.more += 1;
        }
        let same = |v: &KnownValue| v.class == real.class && v.value.expose() == real.value.expose();
        if !self.restored.values.iter().any(same) {
            self.restored.values.push(real.clone());
        }
        self.restored.policies.extend_from_slice(policies);
    }
}

/// Keys that do not look like names of fields read `*`.
fn step(path: &mut String, key: &str) {
    let plain = |b: u8| b.is_ascii_alphabetic() || matches!(b, b'_' | b'-');
    if !path.is_empty() && !path.ends_with('>') {
        path.push('.');
    }
    path.push_str(if !key.is_empty() && key.len() <= 40 && key.bytes().all(plain) { key } else { "*" });
}

/// RFC 3986: all but the unreserved characters.
fn percent(text: &str) -> String {
    text.bytes()
        .map(|b| match b {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(b).to_string(),
            b => format!("%{b:02X}"),
        })
        .collect()
}
