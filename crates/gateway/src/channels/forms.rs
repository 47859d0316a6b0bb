//! The forms of the other channels: a card for Teams, a mail, a webhook's document, an event for PagerDuty.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::notice::Notice;

/// A message with an Adaptive Card (1.4), as the webhook of a Teams workflow takes it. The card opens the page; it has no
/// button that votes, since such a webhook says nothing about who pressed.
pub(crate) fn card(notice: &Notice) -> Value {
    let facts: Vec<Value> =
        notice.facts().iter().map(|(label, text)| json!({ "title": label, "value": still(text) })).collect();
    let mut body = vec![
        json!({ "type": "TextBlock", "size": "Large", "weight": "Bolder", "wrap": true, "text": still(&notice.title()) }),
        json!({ "type": "FactSet", "facts": facts }),
    ];
    if let Some(arguments) = notice.arguments() {
        let text = json!({ "type": "TextRun", "text": arguments, "fontType": "Monospace" });
        body.push(json!({ "type": "RichTextBlock", "inlines": [text] }));
    }
    let open =
        notice.link.iter().map(|link| json!({ "type": "Action.OpenUrl", "title": "Open", "url": link }));
    let content = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
        "actions": open.collect::<Vec<_>>(),
    });
    json!({
        "type": "message",
        "attachments": [{ "contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": null, "content": content }],
    })
}

/// Text in which an Adaptive Card sees no Markdown: links, marks and lists become letters.
fn still(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if "\\`*_{}[]()#+-.!|<>~&".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// Subject and text of a mail. Its link opens the page and does nothing else.
pub(crate) fn mail(notice: &Notice) -> (String, String) {
    let mut text = format!("{}\n\n", notice.title());
    for (label, fact) in notice.facts() {
        text.push_str(&format!("{label}: {fact}\n"));
    }
    if let Some(arguments) = notice.arguments() {
        text.push_str("\nArguments:\n");
        // Quoted, so that nothing in them stands where the mail's own words stand.
        arguments.lines().for_each(|line| text.push_str(&format!("> {line}\n")));
    }
    if let Some(link) = &notice.link {
        text.push_str(&format!("\nLook at it and decide: {link}\nOpening the link decides nothing.\n"));
    }
    (notice.title().chars().take(200).collect(), text)
}

/// The document of a webhook.
pub(crate) fn document(notice: &Notice) -> Value {
    json!({
        "type": format!("approval.{}", notice.occasion),
        "timestamp": rfc3339(notice.at),
        "data": {
            "id": notice.id,
            "digest": notice.digest,
            "state": notice.state,
            "link": notice.link,
            "view": notice.view,
        },
    })
}

fn rfc3339(unix: i64) -> String {
    let minute = crate::page::time(unix);
    let minute = minute.trim_end_matches(" UTC").replace(' ', "T");
    format!("{minute}:{:02}Z", unix.rem_euclid(60))
}

/// An event of PagerDuty's Events API, version 2. One incident for each call: it ends when the call is decided.
pub(crate) fn event(notice: &Notice, routing_key: &str, source: &str) -> Value {
    let action = if notice.occasion == "decided" { "resolve" } else { "trigger" };
    let severity = if notice.occasion == "requested" { "warning" } else { "critical" };
    let facts: serde_json::Map<String, Value> =
        notice.facts().into_iter().map(|(label, text)| (label.to_owned(), Value::String(text))).collect();
    let links: Vec<Value> = notice.link.iter().map(|link| json!({ "href": link, "text": "Open" })).collect();
    json!({
        "routing_key": routing_key,
        "event_action": action,
        "dedup_key": format!("carnet-{}", notice.id),
        "payload": {
            "summary": notice.title().chars().take(1000).collect::<String>(),
            "source": source,
            "severity": severity,
            "custom_details": facts,
        },
        "links": links,
    })
}

/// The key of a Standard Webhooks secret, `whsec_` and base64 of 24 to 64 bytes.
pub(crate) fn webhook_key(secret: &str) -> Option<Vec<u8>> {
    let key = STANDARD.decode(secret.strip_prefix("whsec_")?).ok()?;
    (24..=64).contains(&key.len()).then_some(key)
}

/// The header `webhook-signature` of Standard Webhooks.
pub(crate) fn sign(key: &[u8], id: &str, timestamp: i64, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    let signed = [format!("{id}.{timestamp}.").as_bytes(), body].concat();
    format!("v1,{}", STANDARD.encode(hmac::sign(&key, &signed)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_standard_webhooks() {
        let key = webhook_key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let body = br#"{"test": 2432232314}"#;
        let signature = sign(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        for bad in ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_c2hvcnQ=", "whsec_???"] {
            assert!(webhook_key(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn no_markdown_in_a_card() {
        assert_eq!(still("[x](https://evil)"), r"\[x\]\(https://evil\)");
        assert_eq!(still("**bold**"), r"\*\*bold\*\*");
    }

    #[test]
    fn times() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(1_795_277_161), "2026-11-21T16:06:01Z");
    }
}
