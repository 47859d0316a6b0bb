//! Sending one letter by its channel. HTTP goes by the gateway's own client with its rules; secrets are read when they are
//! needed and are in no error.

use std::time::Duration;

use bytes::Bytes;
use carnet_config::{ChannelConfig, ChannelKind, EmailConfig, MailSecurity, SlackConfig};
use carnet_model::Sensitive;
use carnet_store::Table;
use http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use http::{Request, Uri};
use http_body_util::Full;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use serde_json::{Value, json};

use super::outbox::{Failure, Letter};
use super::{forms, slack};
use crate::credentials::resolve;
use crate::outbound::{Outbound, Reply, WrittenBy};

/// A mail server may think so long.
const MAIL: Duration = Duration::from_secs(30);

/// What sending needs besides the letter.
pub(crate) struct Sender<'a> {
    pub(crate) outbound: &'a Outbound,
    pub(crate) table: &'a Table,
    /// The log's origin: who sends.
    pub(crate) origin: &'a str,
    /// Now, Unix seconds.
    pub(crate) now: i64,
}

impl Sender<'_> {
    /// Sends it.
    pub(crate) async fn send(&self, channel: &ChannelConfig, letter: &Letter) -> Result<(), Failure> {
        let notice = &letter.notice;
        match &channel.kind {
            ChannelKind::Slack(slack) => self.slack(&channel.name, slack, letter).await,
            ChannelKind::Teams { url } => {
                let url = secret(url)?;
                self.post(url.expose(), &forms::card(notice), &[]).await.map(|_| ())
            }
            ChannelKind::Email(email) => self.mail(email, letter).await,
            ChannelKind::Webhook { url, secret: reference } => {
                let key = forms::webhook_key(secret(reference)?.expose());
                let key =
                    key.ok_or_else(|| Failure::later("the webhook's secret is not whsec_ and base64"))?;
                let body = forms::document(notice).to_string();
                let signature = forms::sign(&key, &notice.name, self.now, body.as_bytes());
                let headers = [
                    ("webhook-id", notice.name.clone()),
                    ("webhook-timestamp", self.now.to_string()),
                    ("webhook-signature", signature),
                ];
                self.post_bytes(url, body, &headers).await.map(|_| ())
            }
            ChannelKind::PagerDuty { url, routing_key } => {
                let key = secret(routing_key)?;
                self.post(url, &forms::event(notice, key.expose(), self.origin), &[]).await.map(|_| ())
            }
        }
    }

    async fn post(&self, url: &str, body: &Value, headers: &[(&str, String)]) -> Result<Reply, Failure> {
        self.post_bytes(url, body.to_string(), headers).await
    }

    async fn post_bytes(
        &self,
        url: &str,
        body: String,
        headers: &[(&str, String)],
    ) -> Result<Reply, Failure> {
        let uri: Uri = url.parse().map_err(|_| Failure::never("the address is no URL"))?;
        let mut request = Request::post(uri)
            .header(CONTENT_TYPE, "application/json; charset=utf-8")
            .header(USER_AGENT, concat!("carnet/", env!("CARGO_PKG_VERSION")));
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let request = request.body(Full::new(Bytes::from(body)));
        let request = request.map_err(|_| Failure::never("the request cannot be written"))?;
        let reply = self.outbound.send(request, WrittenBy::Configuration).await;
        let reply = reply.map_err(|e| Failure::later(e.to_string()))?;
        if reply.status.is_success() {
            return Ok(reply);
        }
        let seconds =
            reply.headers.get(RETRY_AFTER).and_then(|v| v.to_str().ok()).and_then(|v| v.parse().ok());
        Err(Failure {
            why: format!("status {}", reply.status.as_u16()),
            // Gone (Standard Webhooks): the receiver wants no more.
            again: reply.status.as_u16() != 410,
            not_before: seconds.map(Duration::from_secs),
        })
    }

    async fn slack(&self, name: &str, slack: &SlackConfig, letter: &Letter) -> Result<(), Failure> {
        let notice = &letter.notice;
        let row = format!("slack/{name}/{}", notice.id);
        let posted = self.table.get(&row).and_then(|v| serde_json::from_slice::<Value>(&v).ok());
        let blocks = slack::blocks(notice);
        // What was posted is brought up to date, so that nobody presses a button of yesterday.
        let (method, mut body) = match (&posted, notice.occasion.as_str()) {
            (Some(posted), "decided") => {
                ("chat.update", json!({ "channel": posted.get("channel"), "ts": posted.get("ts") }))
            }
            (None, "decided") => return Ok(()),
            _ => ("chat.postMessage", json!({ "channel": slack.channel })),
        };
        if let Some(body) = body.as_object_mut() {
            body.insert("text".to_owned(), Value::String(notice.title()));
            body.insert("blocks".to_owned(), blocks);
            body.insert("unfurl_links".to_owned(), Value::Bool(false));
        }
        let answer = self.slack_call(slack, method, &body).await?;
        if method == "chat.update" {
            let _forgotten = self.table.remove(&row);
        } else {
            let place = json!({ "channel": answer.get("channel"), "ts": answer.get("ts") });
            let kept = self.table.put(&row, place.to_string().as_bytes());
            kept.map_err(|e| Failure::later(e.to_string()))?;
        }
        Ok(())
    }

    async fn slack_call(&self, slack: &SlackConfig, method: &str, body: &Value) -> Result<Value, Failure> {
        let token = secret(&slack.token)?;
        let headers = [(AUTHORIZATION.as_str(), format!("Bearer {}", token.expose()))];
        let reply = self.post(&format!("{}/{method}", slack.api), body, &headers).await?;
        let answer: Value =
            serde_json::from_slice(&reply.body).map_err(|_| Failure::later("Slack answered no JSON"))?;
        if answer.get("ok").and_then(Value::as_bool) == Some(true) {
            return Ok(answer);
        }
        let error = answer.get("error").and_then(Value::as_str).unwrap_or("unknown");
        let passing = [
            "ratelimited",
            "rate_limited",
            "internal_error",
            "fatal_error",
            "service_unavailable",
            "request_timeout",
        ];
        let word = |c: char| c.is_ascii_lowercase() || c == '_';
        let shown = if error.len() < 60 && error.chars().all(word) { error } else { "unknown" };
        Err(Failure { again: passing.contains(&error), ..Failure::later(format!("Slack refused: {shown}")) })
    }

    async fn mail(&self, email: &EmailConfig, letter: &Letter) -> Result<(), Failure> {
        let to = letter.to.as_deref().unwrap_or_default();
        let message = self.message(email, to, letter)?;
        let tls = || {
            let parameters = TlsParameters::new(email.host.clone());
            parameters.map_err(|_| Failure::later("TLS cannot be set up"))
        };
        let tls = match email.security {
            MailSecurity::Tls => Tls::Wrapper(tls()?),
            MailSecurity::StartTls => Tls::Required(tls()?),
            MailSecurity::Plain => Tls::None,
        };
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&email.host)
            .port(email.port)
            .tls(tls)
            .timeout(Some(MAIL));
        if let (Some(username), Some(password)) = (&email.username, &email.password) {
            let password = secret(password)?;
            transport =
                transport.credentials(Credentials::new(username.to_string(), password.expose().clone()));
        }
        let sent = tokio::time::timeout(MAIL * 2, transport.build().send(message)).await;
        let sent = sent.map_err(|_| Failure::later("the mail server took too long"))?;
        sent.map(|_| ()).map_err(|error| {
            // The server's own words could quote the mail.
            let code = error.status().map_or_else(String::new, |code| format!(" with {code}"));
            let why = format!("the mail server did not take it{code}");
            if error.is_permanent() { Failure::never(why) } else { Failure::later(why) }
        })
    }

    fn message(&self, email: &EmailConfig, to: &str, letter: &Letter) -> Result<Message, Failure> {
        let mailbox =
            |text: &str| text.parse::<Mailbox>().map_err(|_| Failure::never("an address is no mail address"));
        let (subject, text) = forms::mail(&letter.notice);
        let from = mailbox(&email.from)?;
        let domain = from.email.domain().to_owned();
        let automatic =
            HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".into());
        let mut message = Message::builder()
            .from(from)
            .to(mailbox(to)?)
            .subject(subject)
            // The same each time it is sent, so that a mail that came twice is one.
            .message_id(Some(format!("<{}@{domain}>", letter.notice.name)))
            .singlepart(SinglePart::builder().header(ContentType::TEXT_PLAIN).body(text))
            .map_err(|_| Failure::never("the mail cannot be written"))?;
        message.headers_mut().insert_raw(automatic);
        Ok(message)
    }
}

fn secret(reference: &carnet_config::SecretRef) -> Result<Sensitive<String>, Failure> {
    // It may be there again after the operator has put it right.
    resolve(reference).map_err(|e| Failure::later(e.to_string()))
}
