//! What reports and exports read of a record, taken from its disclosures once. A record that is not disclosed gives an event of
//! its leaf alone.

use carnet_json::{Limits, Tape, Value};

use super::walk::Record;
use crate::field;
use crate::text::b64url;

/// Who acts.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Party {
    /// `user` or `workload`.
    pub kind: String,
    /// Who says so.
    pub issuer: String,
    /// Who it is there.
    pub subject: String,
    /// Groups.
    pub groups: Vec<String>,
    /// How that is known.
    pub authenticated: String,
}

/// Where data was and went. What is not recorded is empty.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Places {
    /// How the places are known.
    pub known: String,
    /// Where the server processes.
    pub processing: String,
    /// Where the caller is.
    pub recipient: String,
    /// Where the log lies.
    pub storage: String,
    /// What a transfer rests on.
    pub mechanism: String,
    /// Recipients that the record does not go to, by the keys that name them.
    pub kept_from: Vec<String>,
    /// Of content that does not stay in one country: where it was.
    pub from: String,
    /// Where it went.
    pub to: String,
    /// Whose law it is under, where that is another place.
    pub origin: String,
    /// What was decided about it: `allow`, `mask`, `hold`, `block`.
    pub verdict: String,
}

/// A record as reports see it.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Event {
    /// Unix microseconds; whole seconds where the exact time is not disclosed.
    pub micros: u64,
    /// The session's pseudonym.
    pub session: String,
    /// Who.
    pub actor: Option<Party>,
    /// What acts for them.
    pub agent: Option<Party>,
    /// Server.
    pub server: Option<String>,
    /// Method.
    pub method: Option<String>,
    /// Tool, or another name.
    pub tool: Option<String>,
    /// `to_server` or `to_client`.
    pub direction: Option<String>,
    /// What the gate did.
    pub decision: Option<String>,
    /// By which policies.
    pub policies: Vec<String>,
    /// Why, in words.
    pub reasons: Vec<String>,
    /// Classes of data.
    pub classes: Vec<String>,
    /// Masked values by class.
    pub masking: Vec<(String, u64)>,
    /// Class and transform of places that were masked.
    pub transforms: Vec<(String, String)>,
    /// Purpose.
    pub purpose: Option<String>,
    /// Legal basis.
    pub basis: Option<String>,
    /// Where.
    pub places: Option<Places>,
    /// What went wrong.
    pub error: Option<String>,
    /// Bytes of the message.
    pub size: Option<u64>,
    /// Detail of an operator's act.
    pub detail: Option<String>,
    /// What a server gave out and is not said to: classes, and kinds of numbers.
    pub drift: Vec<String>,
}

impl Event {
    pub(super) fn of(record: &Record<'_>) -> Event {
        let draft = &record.leaf.draft;
        let mut event = Event { micros: draft.t * 1_000_000, session: b64url(&draft.gs), ..Event::default() };
        for one in record.disclosed {
            if let Ok(tape) = Tape::parse(&one.value, &Limits::default()) {
                event.take(&one.name, &tape.root(&one.value));
            }
        }
        event
    }

    fn take(&mut self, name: &str, value: &Value<'_>) {
        match name {
            field::TIME => self.micros = number(value).unwrap_or(self.micros),
            field::ACTOR => self.actor = Some(party(value)),
            field::AGENT => self.agent = Some(party(value)),
            field::SERVER => self.server = text(value),
            field::METHOD => self.method = text(value),
            field::TOOL => self.tool = text(value),
            field::DIRECTION => self.direction = text(value),
            field::DECISION => self.decision = text(value),
            field::POLICIES => self.policies = texts(value),
            field::REASONS => self.reasons = texts(value),
            field::DATA_CLASSES => self.classes = texts(value),
            field::MASKING => {
                self.masking = value.entries().filter_map(|(k, v)| Some((text(&k)?, number(&v)?))).collect();
            }
            field::PLACES => {
                let place = |v: Value<'_>| Some((member(&v, "class"), member(&v, "transform")));
                self.transforms = value.items().filter_map(place).collect();
            }
            field::PURPOSE => self.purpose = text(value),
            field::LEGAL_BASIS => self.basis = text(value),
            field::RESIDENCY => self.places = Some(places(value)),
            field::ERROR => self.error = text(value),
            field::SIZES => self.size = number(value),
            field::DETAIL => self.detail = text(value),
            "x_drift" => self.drift = texts(value),
            _ => {}
        }
    }

    /// Whole seconds.
    #[must_use]
    pub fn seconds(&self) -> u64 {
        self.micros / 1_000_000
    }

    /// `2026-11-20T08:15:00.123456Z`.
    #[must_use]
    pub fn time(&self) -> String {
        rfc3339(self.micros)
    }
}

/// `2026-11-20T08:15:00.123456Z` of Unix microseconds.
#[must_use]
pub fn rfc3339(micros: u64) -> String {
    format!("{}.{:06}Z", super::view::utc(micros / 1_000_000).replacen(' ', "T", 1), micros % 1_000_000)
}

fn text(value: &Value<'_>) -> Option<String> {
    Some(value.as_str()?.into_owned())
}

fn texts(value: &Value<'_>) -> Vec<String> {
    value.items().filter_map(|v| text(&v)).collect()
}

fn number(value: &Value<'_>) -> Option<u64> {
    u64::try_from(value.as_i64()?).ok()
}

fn member(value: &Value<'_>, name: &str) -> String {
    value.get(name).and_then(|v| text(&v)).unwrap_or_default()
}

fn party(value: &Value<'_>) -> Party {
    Party {
        kind: member(value, "kind"),
        issuer: member(value, "issuer"),
        subject: member(value, "subject"),
        groups: value.get("groups").map(|v| texts(&v)).unwrap_or_default(),
        authenticated: member(value, "authenticated"),
    }
}

fn places(value: &Value<'_>) -> Places {
    // A mechanism may be told in more than a word.
    let mechanism = value.get("mechanism").map(|v| text(&v).unwrap_or_else(|| v.raw_str().to_owned()));
    let kept_from = |r: &Value<'_>| member(r, "verdict") == "mask" && member(r, "gets") == "records";
    let recipients = value.get("recipients").into_iter().flat_map(|all| all.items().collect::<Vec<_>>());
    Places {
        known: member(value, "known"),
        processing: member(value, "processing"),
        recipient: member(value, "recipient"),
        storage: member(value, "storage"),
        mechanism: mechanism.unwrap_or_default(),
        kept_from: recipients.filter(kept_from).map(|r| member(&r, "at")).collect(),
        from: member(value, "from"),
        to: member(value, "to"),
        origin: member(value, "origin"),
        verdict: member(value, "verdict"),
    }
}
