//! The answers that the gate gives itself: denied, withheld, not forwarded, not recorded.

use carnet_mcp::{Message, Refusal, code, error_response, tool_error};
use carnet_model::{Action, Decided, Verdict};

use crate::hold::Waiting;
use crate::reply::Delivery;
use crate::shell::NotForwarded;

/// A message that was turned back, with the answer to its sender.
#[derive(Clone, Debug)]
pub struct Turned {
    /// The answer; `None` where the message was a notification or a response, which nobody answers.
    pub answer: Option<Delivery>,
    /// The HTTP status where there is no answer.
    pub status: u16,
    /// The word for the metric.
    pub decision: &'static str,
}

impl Turned {
    pub(crate) fn new(answer: Option<Delivery>, status: u16, decision: &'static str) -> Turned {
        Turned { answer, status, decision }
    }
}

/// Why a walk did not come to its end.
#[derive(Debug)]
pub enum Unfinished {
    /// The message was turned back.
    Turned(Turned),
    /// It waits for an approval.
    Held(Box<Waiting>),
    /// It is not the call any more that was approved; what has changed.
    Void(&'static str),
}

impl From<Turned> for Unfinished {
    fn from(turned: Turned) -> Unfinished {
        Unfinished::Turned(turned)
    }
}

/// The answer to a call that is held: a tool error, which the model can read, for a tool call; else a protocol error.
#[must_use]
pub fn held_answer(request: &Message, text: &str) -> Option<Delivery> {
    answer(request, request.action(), code::HELD, text)
}

/// The sentence about a denial: which policy, and its reason. No value of the call is in it.
pub(crate) fn denial(verdict: &Verdict) -> String {
    let ids: Vec<_> = verdict.policies.iter().map(|p| &*p.0).collect();
    let mut text = match verdict.decided {
        Decided::NoMatch => "Denied by Carnet: no policy permits this.".to_owned(),
        Decided::ByPolicy => format!("Denied by Carnet: policy {}.", ids.join(", ")),
        Decided::EvaluationError => {
            format!("Denied by Carnet: policy {} could not be evaluated.", ids.join(", "))
        }
    };
    for reason in verdict.reasons.iter() {
        text.push(' ');
        text.push_str(reason);
    }
    text
}

/// An answer of the gate's own to a request: a tool error, which the model can read, for a tool call; else a protocol error.
pub(crate) fn answer(request: &Message, action: Action, code: i64, text: &str) -> Option<Delivery> {
    let id = request.id_raw()?;
    let bytes = if action == Action::TOOLS_CALL {
        tool_error(id, text, request.era())
    } else {
        error(id, code, text)
    };
    Some(Delivery::new(bytes, 200))
}

/// What stands in place of a server's response that is withheld.
pub(crate) fn in_place_of(response: &Message, action: Action, text: &str) -> Vec<u8> {
    let Some(id) = response.id_raw() else {
        return error_response(None, &Refusal::new(200, code::WITHHELD, text.to_owned()));
    };
    let modern = response.result().is_some_and(|r| r.get("resultType").is_some());
    let era = if modern { carnet_mcp::Era::Modern } else { carnet_mcp::Era::Legacy };
    if action == Action::TOOLS_CALL { tool_error(id, text, era) } else { error(id, code::WITHHELD, text) }
}

/// What a server gets in place of an answer to its request.
pub(crate) fn answer_for_server(message: &Message, text: &str) -> Option<Message> {
    let bytes = error(message.id_raw()?, code::DENIED, text);
    Message::parse_one(bytes, &carnet_json::Limits::default()).ok()
}

/// The answer to a request whose own answer did not come.
pub(crate) fn failure(id: Option<&[u8]>, reason: &NotForwarded) -> Turned {
    match reason {
        NotForwarded::Cancelled => Turned::new(None, 499, "cancelled"),
        NotForwarded::Upstream { reason, status } => {
            let text = format!("Carnet: {reason}.");
            let answer = id.map(|id| Delivery::new(error(id, code::UPSTREAM, &text), *status));
            Turned::new(answer, *status, "unforwarded")
        }
    }
}

/// The answer to a message whose record could not be made durable.
pub(crate) fn not_recorded(id: Option<&[u8]>) -> Turned {
    let text = "Refused by Carnet: the record of this message could not be made durable.";
    Turned::new(id.map(|id| Delivery::new(error(id, code::NOT_RECORDED, text), 503)), 503, "unrecorded")
}

fn error(id: &[u8], code: i64, text: &str) -> Vec<u8> {
    error_response(Some(id), &Refusal::new(200, code, text.to_owned()))
}
