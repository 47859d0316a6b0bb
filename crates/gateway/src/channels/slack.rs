//! Slack: what is posted (Block Kit), and what comes back when somebody presses a button. What comes back counts only with
//! Slack's signature (v0) over exactly these bytes, at most five minutes old, and once.
//!
//! All text from outside is `plain_text`, in which Slack sees no links, mentions or marks.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::hmac;
use carnet_approvals::{Choice, Digest, Id};
use http::HeaderMap;
use serde_json::{Value, json};

use super::notice::Notice;
use crate::page::Form;

/// How far the time of a request may be from now, seconds.
const WINDOW: i64 = 300;
/// Requests are remembered for the window. More than this in it are refused.
const MOST: usize = 10_000;

/// Why a request is not Slack's.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum NotSlack {
    /// A header is missing or malformed.
    #[error("it is not signed")]
    Unsigned,
    /// Its time is not now.
    #[error("it is too old, or from the future")]
    Late,
    /// The signature does not hold.
    #[error("the signature does not hold")]
    Signature,
    /// It was seen before.
    #[error("it came before")]
    Replay,
}

/// Requests that were seen, by their signature.
#[derive(Default)]
pub(crate) struct Seen(Mutex<BTreeMap<Vec<u8>, i64>>);

impl Seen {
    /// Checks a request: time, signature, and that it is new.
    pub(crate) fn check(
        &self,
        secret: &str,
        headers: &HeaderMap,
        body: &[u8],
        now: i64,
    ) -> Result<(), NotSlack> {
        let one = |name: &str| {
            let mut all = headers.get_all(name).iter();
            let first = all.next().and_then(|v| v.to_str().ok())?;
            all.next().is_none().then_some(first)
        };
        let time = one("x-slack-request-timestamp").ok_or(NotSlack::Unsigned)?;
        let signature =
            one("x-slack-signature").and_then(|s| s.strip_prefix("v0=")).ok_or(NotSlack::Unsigned)?;
        let digits = !time.is_empty() && time.bytes().all(|b| b.is_ascii_digit());
        let at = time.parse::<i64>().ok().filter(|_| digits).ok_or(NotSlack::Unsigned)?;
        if at.abs_diff(now) > WINDOW.unsigned_abs() {
            return Err(NotSlack::Late);
        }
        let signature = hex(signature).ok_or(NotSlack::Unsigned)?;
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let base = [format!("v0:{time}:").as_bytes(), body].concat();
        // Compares in constant time.
        hmac::verify(&key, &base, &signature).map_err(|_| NotSlack::Signature)?;
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.retain(|_, at| at.abs_diff(now) <= WINDOW.unsigned_abs());
        if seen.len() >= MOST || seen.insert(signature, at).is_some() {
            return Err(NotSlack::Replay);
        }
        Ok(())
    }
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    let byte = |pair: &[u8]| {
        let text = std::str::from_utf8(pair)
            .ok()
            .filter(|p| p.len() == 2 && p.bytes().all(|b| b.is_ascii_hexdigit()))?;
        u8::from_str_radix(text, 16).ok()
    };
    pairs.map(byte).collect()
}

/// A button that was pressed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Pressed {
    /// The account that pressed it.
    pub(crate) user: String,
    /// The call.
    pub(crate) id: Id,
    /// What was shown.
    pub(crate) digest: Digest,
    /// Which.
    pub(crate) choice: Choice,
    /// Why.
    pub(crate) reason: String,
    /// Where to answer whom.
    pub(crate) response_url: String,
}

impl Pressed {
    /// From the body of an interaction. `None` for one that is not ours.
    pub(crate) fn parse(body: &[u8]) -> Option<Pressed> {
        let form = Form::parse(std::str::from_utf8(body).ok()?)?;
        let payload: Value = serde_json::from_str(form.get("payload")).ok()?;
        let text = |at: &str| payload.pointer(at).and_then(Value::as_str);
        if text("/type") != Some("block_actions") {
            return None;
        }
        let actions = payload.get("actions")?.as_array()?;
        let [action] = actions.as_slice() else { return None };
        let choice = match action.get("action_id")?.as_str()? {
            "approve" => Choice::Approve,
            "deny" => Choice::Deny,
            _ => return None,
        };
        let (id, digest) = action.get("value")?.as_str()?.split_once('.')?;
        let reason = text("/state/values/reason/reason/value").unwrap_or_default();
        Some(Pressed {
            user: text("/user/id")?.to_owned(),
            id: id.parse().ok()?,
            digest: digest.parse().ok()?,
            choice,
            reason: reason.trim().chars().take(2000).collect(),
            response_url: text("/response_url").unwrap_or_default().to_owned(),
        })
    }
}

fn plain(text: &str, most: usize) -> Value {
    let text: String = text.chars().take(most).collect();
    let text = if text.is_empty() { "-".to_owned() } else { text };
    json!({ "type": "plain_text", "text": text, "emoji": false })
}

/// The blocks of a message.
pub(crate) fn blocks(notice: &Notice) -> Value {
    let mut blocks = vec![json!({ "type": "header", "text": plain(&notice.title(), 150) })];
    for (label, text) in notice.facts() {
        blocks.push(json!({ "type": "section", "text": plain(&format!("{label}: {text}"), 2900) }));
    }
    if let Some(arguments) = notice.arguments() {
        blocks.push(json!({ "type": "section", "text": plain(&format!("Arguments:\n{arguments}"), 2900) }));
    }
    // A message has at most 50 blocks; the page has all of it.
    blocks.truncate(44);
    if notice.state == "pending" {
        let reason = json!({ "type": "plain_text_input", "action_id": "reason", "max_length": 2000 });
        blocks.push(json!({
            "type": "input", "block_id": "reason", "optional": true, "label": plain("Reason", 20), "element": reason,
        }));
        blocks.push(json!({ "type": "actions", "block_id": "vote", "elements": buttons(notice) }));
    }
    Value::Array(blocks)
}

fn buttons(notice: &Notice) -> Vec<Value> {
    let value = format!("{}.{}", notice.id, notice.digest);
    let button = |id: &str, style: &str, text: &str| json!({ "type": "button", "action_id": id, "style": style, "value": value, "text": plain(text, 75) });
    let mut buttons = Vec::new();
    // A button that could not count is not shown: the page takes what it needs.
    if notice.by_chat && notice.view.is_some() {
        buttons.push(button("approve", "primary", "Approve"));
    }
    buttons.push(button("deny", "danger", "Deny"));
    if let Some(link) = &notice.link {
        buttons
            .push(json!({ "type": "button", "action_id": "open", "url": link, "text": plain("Open", 75) }));
    }
    buttons
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
    const BODY: &[u8] = b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    const SIGNATURE: &str = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";
    const AT: i64 = 1_531_420_618;

    fn headers(time: &str, signature: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("x-slack-request-timestamp", HeaderValue::from_str(time).unwrap());
        headers.insert("x-slack-signature", HeaderValue::from_str(signature).unwrap());
        headers
    }

    #[test]
    fn the_example_of_slacks_own_page() {
        let good = headers("1531420618", SIGNATURE);
        assert_eq!(Seen::default().check(SECRET, &good, BODY, AT), Ok(()));
        assert_eq!(Seen::default().check(SECRET, &good, BODY, AT + 300), Ok(()));
    }

    #[test]
    fn everything_else_is_not_slacks() {
        let seen = Seen::default();
        let good = headers("1531420618", SIGNATURE);
        let twice = {
            let mut twice = good.clone();
            twice.append("x-slack-signature", HeaderValue::from_static(SIGNATURE));
            twice
        };
        let cases = [
            (HeaderMap::new(), BODY, SECRET, AT, NotSlack::Unsigned),
            (twice, BODY, SECRET, AT, NotSlack::Unsigned),
            (headers("1531420618", "v1=00"), BODY, SECRET, AT, NotSlack::Unsigned),
            (headers("1531420618", "v0=zz"), BODY, SECRET, AT, NotSlack::Unsigned),
            (headers("+1531420618", SIGNATURE), BODY, SECRET, AT, NotSlack::Unsigned),
            (good.clone(), BODY, SECRET, AT + 301, NotSlack::Late),
            (good.clone(), BODY, SECRET, AT - 301, NotSlack::Late),
            (headers("1531420619", SIGNATURE), BODY, SECRET, AT, NotSlack::Signature),
            (good.clone(), &BODY[1..], SECRET, AT, NotSlack::Signature),
            (good.clone(), BODY, "another", AT, NotSlack::Signature),
            (headers("1531420618", "v0="), BODY, SECRET, AT, NotSlack::Signature),
        ];
        for (headers, body, secret, now, error) in cases {
            assert_eq!(seen.check(secret, &headers, body, now), Err(error));
        }
        assert_eq!(seen.check(SECRET, &good, BODY, AT), Ok(()));
        assert_eq!(seen.check(SECRET, &good, BODY, AT + 1), Err(NotSlack::Replay));
    }

    #[test]
    fn a_press_is_read_or_is_nothing() {
        let id = "00112233445566778899aabbccddeeff";
        let digest = Digest([7; 32]).to_string();
        let payload = |action: &str, value: &str| {
            let payload = json!({
                "type": "block_actions", "user": { "id": "U1" }, "response_url": "https://hooks.slack.com/x",
                "state": { "values": { "reason": { "reason": { "type": "plain_text_input", "value": " because " } } } },
                "actions": [{ "action_id": action, "value": value }],
            });
            crate::page::join(&[("payload", &payload.to_string())])
        };
        let good = Pressed::parse(payload("approve", &format!("{id}.{digest}")).as_bytes()).unwrap();
        assert_eq!(
            (good.user.as_str(), good.choice, good.reason.as_str()),
            ("U1", Choice::Approve, "because")
        );
        assert_eq!(good.id.to_string(), id);
        for bad in [
            payload("open", "x"),
            payload("approve", id),
            payload("approve", ""),
            "payload={}".to_owned(),
            String::new(),
        ] {
            assert_eq!(Pressed::parse(bad.as_bytes()), None, "{bad}");
        }
    }
}
