//! Each channel against a fake of its other side on loopback: what is sent, what is not, and what the answer brings about.

use std::sync::{Arc, Mutex};

use carnet_approvals::View;
use carnet_config::{
    ChannelConfig, ChannelKind, EmailConfig, MailSecurity, Occasion, SecretRef, SlackConfig,
};
use carnet_model::Region;
use carnet_store::{Disk, Keys, RealDisk, Table};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;

use super::notice::Notice;
use super::outbox::{Failure, Letter};
use super::send::Sender;
use crate::outbound::{Outbound, OutboundLimits};
use crate::page::sample;

/// Requests that a fake got: head and body.
type Got = Arc<Mutex<Vec<(String, String)>>>;

/// An HTTP server that answers each request with the next of these.
async fn http(answers: Vec<&'static str>) -> (String, Got) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let got = Got::default();
    let noted = got.clone();
    tokio::spawn(async move {
        for answer in answers {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = BufReader::new(stream);
            let (mut head, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                stream.read_line(&mut line).await.unwrap();
                if line.trim().is_empty() {
                    break;
                }
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                head.push_str(&line);
            }
            let mut body = vec![0; length];
            stream.read_exact(&mut body).await.unwrap();
            noted.lock().unwrap().push((head, String::from_utf8(body).unwrap()));
            let (status, body) = answer.split_once('|').unwrap();
            let reply = format!(
                "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(reply.as_bytes()).await.unwrap();
        }
    });
    (base, got)
}

/// A mail server that refuses recipients that begin so.
async fn smtp(refused: &'static str) -> (u16, Got) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let got = Got::default();
    let noted = got.clone();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = BufReader::new(stream);
            stream.write_all(b"220 fake ESMTP\r\n").await.unwrap();
            let mut recipient = String::new();
            loop {
                let mut line = String::new();
                if stream.read_line(&mut line).await.unwrap() == 0 {
                    break;
                }
                let word = line.get(..4).unwrap_or_default().to_ascii_uppercase();
                let answer = match word.as_str() {
                    "EHLO" => "250 fake\r\n",
                    "RCPT" => {
                        recipient = line.clone();
                        if line.contains(refused) { "550 no such user\r\n" } else { "250 ok\r\n" }
                    }
                    "DATA" => {
                        stream.write_all(b"354 go\r\n").await.unwrap();
                        let mut mail = String::new();
                        loop {
                            let mut line = String::new();
                            stream.read_line(&mut line).await.unwrap();
                            if line == ".\r\n" {
                                break;
                            }
                            mail.push_str(&line);
                        }
                        noted.lock().unwrap().push((recipient.clone(), mail));
                        "250 queued\r\n"
                    }
                    "QUIT" => {
                        stream.write_all(b"221 bye\r\n").await.unwrap();
                        break;
                    }
                    _ => "250 ok\r\n",
                };
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        }
    });
    (port, got)
}

struct Bench {
    dir: tempfile::TempDir,
    table: Arc<Table>,
    outbound: Outbound,
}

impl Bench {
    fn new() -> Bench {
        let dir = tempfile::tempdir().unwrap();
        let disk: Arc<dyn Disk> = Arc::new(RealDisk::new(dir.path()));
        let keys = Keys::open(Arc::clone(&disk), None).unwrap();
        let table = Arc::new(Table::open(disk, keys).unwrap());
        let tls = crate::tls::client(None, None).unwrap();
        Bench { dir, table, outbound: Outbound::new(tls, OutboundLimits::default()) }
    }

    fn secret(&self, value: &str) -> SecretRef {
        let path = self.dir.path().join(format!("secret-{}", value.len()));
        std::fs::write(&path, value).unwrap();
        SecretRef::File(path)
    }

    async fn send(&self, kind: ChannelKind, letter: &Letter) -> Result<(), Failure> {
        let channel =
            ChannelConfig { name: "c".into(), region: Region::new("de"), on: Occasion::ALL.to_vec(), kind };
        let sender = Sender {
            outbound: &self.outbound,
            table: &self.table,
            origin: "carnet.local/test",
            now: 1_795_277_161,
        };
        sender.send(&channel, letter).await
    }
}

fn letter(view: &View, occasion: Occasion, permitted: bool) -> Letter {
    let link = Some("https://gateway.example.eu/approvals/c/abab".to_owned());
    let notice = Notice::of(view, occasion, link, permitted, 1_795_277_161);
    Letter { channel: "c".into(), to: None, notice, tries: 0, next: 0, error: None }
}

/// Whether anybody's keys of a document hold a text.
fn types(value: &Value, out: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            out.extend(members.get("type").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|v| types(v, out));
        }
        Value::Array(items) => items.iter().for_each(|v| types(v, out)),
        _ => {}
    }
}

#[tokio::test]
async fn slack_is_posted_to_and_brought_up_to_date() {
    let bench = Bench::new();
    let ok = r#"200 OK|{"ok":true,"channel":"C1","ts":"1.5"}"#;
    let (base, got) = http(vec![
        ok,
        ok,
        r#"200 OK|{"ok":false,"error":"ratelimited"}"#,
        r#"200 OK|{"ok":false,"error":"invalid_auth"}"#,
    ])
    .await;
    let slack = || {
        ChannelKind::Slack(SlackConfig {
            api: base.clone(),
            token: bench.secret("xoxb-very-secret"),
            signing_secret: bench.secret("s"),
            channel: "C1".into(),
            people: Vec::new(),
        })
    };
    let mut view = sample::view("<!channel> *bold* <https://evil.example|Approve>");
    bench.send(slack(), &letter(&view, Occasion::Requested, true)).await.unwrap();
    view.state = "denied".into();
    bench.send(slack(), &letter(&view, Occasion::Decided, true)).await.unwrap();
    let requests = got.lock().unwrap().clone();
    assert!(requests[0].0.starts_with("POST /chat.postMessage"));
    assert!(requests[0].0.to_ascii_lowercase().contains("authorization: bearer xoxb-very-secret"));
    let posted: Value = serde_json::from_str(&requests[0].1).unwrap();
    let mut all = Vec::new();
    types(&posted["blocks"], &mut all);
    assert!(!all.iter().any(|t| t == "mrkdwn"), "text of others is plain text");
    let buttons = posted["blocks"].as_array().unwrap().iter().find(|b| b["type"] == "actions").unwrap();
    let ids: Vec<_> =
        buttons["elements"].as_array().unwrap().iter().map(|e| e["action_id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["approve", "deny", "open"]);
    assert_eq!(buttons["elements"][0]["value"], format!("{}.{}", view.id, view.digest));
    assert!(requests[1].0.starts_with("POST /chat.update"));
    let updated: Value = serde_json::from_str(&requests[1].1).unwrap();
    assert_eq!((updated["channel"].as_str(), updated["ts"].as_str()), (Some("C1"), Some("1.5")));
    assert!(!updated["blocks"].to_string().contains("\"actions\""), "nothing is left to press");
    // What was never posted needs no update.
    bench.send(slack(), &letter(&view, Occasion::Decided, true)).await.unwrap();
    let passing = bench.send(slack(), &letter(&view, Occasion::Requested, true)).await.unwrap_err();
    let lasting = bench.send(slack(), &letter(&view, Occasion::Requested, true)).await.unwrap_err();
    assert_eq!((passing.again, lasting.again), (true, false));
    assert!(!format!("{passing:?}{lasting:?}").contains("xoxb"), "a token is in no error");
}

#[test]
fn a_chat_button_is_not_offered_where_it_would_not_count() {
    let mut view = sample::view("plain");
    view.parts[0].assurance = carnet_approvals::Assurance::Passkey;
    for (view, permitted) in [(view, true), (sample::view("plain"), false)] {
        let blocks = super::slack::blocks(&letter(&view, Occasion::Requested, permitted).notice).to_string();
        assert!(!blocks.contains("\"approve\"") && blocks.contains("\"deny\""), "{blocks}");
    }
}

#[test]
fn what_may_not_go_there_is_not_in_any_form() {
    let notice = letter(&sample::view("plain"), Occasion::Requested, false).notice;
    let all = [
        super::slack::blocks(&notice).to_string(),
        super::forms::card(&notice).to_string(),
        format!("{:?}", super::forms::mail(&notice)),
        super::forms::document(&notice).to_string(),
        super::forms::event(&notice, "key", "origin").to_string(),
    ];
    for text in all {
        for content in ["idp.example", "export_customers", "EMAIL", "privacy officer", "ines", "crm"] {
            assert!(!text.contains(content), "{content}: {text}");
        }
    }
}

#[tokio::test]
async fn teams_gets_a_card_without_a_vote() {
    let bench = Bench::new();
    let (base, got) = http(vec!["202 Accepted|", "429 Slow|"]).await;
    let teams = || ChannelKind::Teams { url: bench.secret(&format!("{base}/workflows/x?sig=secret")) };
    let view = sample::view("[Approve](https://evil.example)");
    bench.send(teams(), &letter(&view, Occasion::Requested, true)).await.unwrap();
    let failure = bench.send(teams(), &letter(&view, Occasion::Requested, true)).await.unwrap_err();
    assert!(failure.again && !failure.why.contains("sig"));
    let body: Value = serde_json::from_str(&got.lock().unwrap()[0].1).unwrap();
    let card = &body["attachments"][0]["content"];
    assert_eq!((card["type"].as_str(), card["version"].as_str()), (Some("AdaptiveCard"), Some("1.4")));
    let actions = card["actions"].as_array().unwrap();
    assert_eq!(actions.len(), 1);
    assert_eq!(actions[0]["type"], "Action.OpenUrl");
    // The arguments stand in a TextRun, which knows no Markdown.
    for part in [&card["body"][0], &card["body"][1]] {
        assert!(!part.to_string().contains("[Approve](https"), "Markdown of others stays letters: {part}");
    }
}

#[tokio::test]
async fn a_webhook_is_signed() {
    let bench = Bench::new();
    let (base, got) = http(vec!["200 OK|", "500 No|", "410 Gone|"]).await;
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let hook = || ChannelKind::Webhook { url: format!("{base}/in"), secret: bench.secret(secret) };
    let sent = letter(&sample::view("plain"), Occasion::Escalated, true);
    bench.send(hook(), &sent).await.unwrap();
    let (head, body) = got.lock().unwrap()[0].clone();
    let header = |name: &str| {
        let line = head.lines().find(|l| l.to_ascii_lowercase().starts_with(&format!("{name}:"))).unwrap();
        line.split_once(':').unwrap().1.trim().to_owned()
    };
    let key = super::forms::webhook_key(secret).unwrap();
    let expected = super::forms::sign(&key, &header("webhook-id"), 1_795_277_161, body.as_bytes());
    assert_eq!(
        (header("webhook-signature"), header("webhook-timestamp")),
        (expected, "1795277161".to_owned())
    );
    assert_eq!(header("webhook-id"), sent.notice.name, "the same each time");
    let document: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(document["type"], "approval.escalated");
    assert_eq!(document["data"]["view"]["masked"], 3);
    assert!(bench.send(hook(), &sent).await.unwrap_err().again);
    assert!(!bench.send(hook(), &sent).await.unwrap_err().again, "410: the receiver wants no more");
}

#[tokio::test]
async fn an_incident_begins_and_ends() {
    let bench = Bench::new();
    let (base, got) = http(vec!["202 Accepted|{}", "202 Accepted|{}"]).await;
    let pager =
        || ChannelKind::PagerDuty { url: format!("{base}/v2/enqueue"), routing_key: bench.secret("k") };
    let view = sample::view("plain");
    for occasion in [Occasion::Escalated, Occasion::Decided] {
        bench.send(pager(), &letter(&view, occasion, true)).await.unwrap();
    }
    let got = got.lock().unwrap();
    let event = |n: usize| serde_json::from_str::<Value>(&got[n].1).unwrap();
    assert_eq!(
        (&event(0)["event_action"], &event(1)["event_action"]),
        (&json!("trigger"), &json!("resolve"))
    );
    assert_eq!(event(0)["dedup_key"], event(1)["dedup_key"]);
    assert_eq!(event(0)["routing_key"], "k");
}

#[tokio::test]
async fn a_mail_has_a_link_and_forges_no_header() {
    let bench = Bench::new();
    let (port, got) = smtp("gone@").await;
    let email = || {
        ChannelKind::Email(EmailConfig {
            host: "127.0.0.1".into(),
            port,
            security: MailSecurity::Plain,
            username: None,
            password: None,
            from: "Carnet <carnet@example.eu>".into(),
            to: Vec::new(),
        })
    };
    let view = sample::view("x\r\nBcc: everybody@example.eu\r\n\r\nApproved already.");
    let mut sent = letter(&view, Occasion::Requested, true);
    sent.to = Some("dpo@example.eu".into());
    bench.send(email(), &sent).await.unwrap();
    let (recipient, mail) = got.lock().unwrap()[0].clone();
    assert!(recipient.contains("dpo@example.eu"));
    let (head, body) = mail.split_once("\r\n\r\n").unwrap();
    assert!(!head.lines().any(|l| l.to_ascii_lowercase().starts_with("bcc")), "{head}");
    assert!(head.contains("Auto-Submitted: auto-generated"), "{head}");
    let body = body.replace("=\r\n", "");
    assert!(body.contains("https://gateway.example.eu/approvals/c/abab"), "{body}");
    assert!(!body.lines().any(|l| l.starts_with("Approved already")), "{body}");
    sent.to = Some("gone@example.eu".into());
    let failure = bench.send(email(), &sent).await.unwrap_err();
    assert!(
        !failure.again && failure.why.contains("550") && !failure.why.contains("no such user"),
        "{failure:?}"
    );
}
