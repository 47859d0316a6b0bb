//! The authorization endpoint: checks what a client asks, shows the page to choose a persona, and sends the code back.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use http::header::{CONTENT_SECURITY_POLICY, LOCATION, ORIGIN, X_FRAME_OPTIONS};
use http::request::Parts;
use http::{HeaderValue, StatusCode};

use super::clients::Client;
use super::grant::Code;
use super::{Issuer, form, lock, now, random_text};
use crate::demo::http::{Reply, body, empty};
use crate::demo::personas::{self, Persona};

/// How long a code may be redeemed, seconds.
const CODE_SECONDS: u64 = 120;
/// More open logins than this are not kept.
const MOST: usize = 1000;

/// What a client asks, checked as far as it can be without knowing who signs in.
struct Asked {
    client: Client,
    fields: BTreeMap<String, String>,
}

impl Asked {
    fn field(&self, name: &str) -> &str {
        self.fields.get(name).map(String::as_str).unwrap_or_default()
    }
}

impl Issuer {
    /// GET: the page.
    pub(super) fn choose(&self, query: &str) -> Reply {
        match self.asked(query) {
            Ok(asked) => page(&asked),
            Err(reply) => *reply,
        }
    }

    /// POST: the choice.
    pub(super) fn chosen(&self, head: &Parts, bytes: &[u8]) -> Reply {
        // Only our own page may post this, not any page that is open in the browser.
        let origin = head.headers.get(ORIGIN).and_then(|v| v.to_str().ok());
        if origin.is_some_and(|o| o != self.url && o != self.url.replace("127.0.0.1", "localhost")) {
            return empty(StatusCode::FORBIDDEN);
        }
        let asked = match self.asked(&String::from_utf8_lossy(bytes)) {
            Ok(asked) => asked,
            Err(reply) => return *reply,
        };
        let Some(persona) = Persona::by_key(asked.field("persona")) else {
            return self.back(&asked, &[("error", "access_denied")]);
        };
        match self.new_code(&asked, persona) {
            Some(code) => self.back(&asked, &[("code", &code)]),
            None => self.back(&asked, &[("error", "temporarily_unavailable")]),
        }
    }

    /// Without a known client and an address of its own, nothing is sent anywhere (RFC 6749, 4.1.2.1).
    fn asked(&self, text: &str) -> Result<Asked, Box<Reply>> {
        let fields = form::parse(text);
        let field = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
        let plain = |why: &'static str| Box::new(body(StatusCode::BAD_REQUEST, "text/plain", why));
        let client =
            self.clients.get(field("client_id")).ok_or_else(|| plain("This client is not registered.\n"))?;
        if !client.may_redirect_to(field("redirect_uri")) {
            return Err(plain("This client did not register that redirect_uri.\n"));
        }
        let asked = Asked { client, fields };
        let error = if asked.field("response_type") != "code" {
            Some("unsupported_response_type")
        } else if asked.field("code_challenge_method") != "S256" || asked.field("code_challenge").len() != 43
        {
            // PKCE with S256 is required, as MCP requires it of clients.
            Some("invalid_request")
        } else if self.resource(asked.fields.get("resource").map(String::as_str)).is_err() {
            Some("invalid_target")
        } else {
            None
        };
        match error {
            Some(error) => Err(Box::new(self.back(&asked, &[("error", error)]))),
            None => Ok(asked),
        }
    }

    fn new_code(&self, asked: &Asked, persona: Persona) -> Option<String> {
        let code = random_text().ok()?;
        let owned = |name: &str| asked.fields.get(name).cloned();
        let grant = Code {
            persona,
            client: owned("client_id")?,
            redirect: owned("redirect_uri")?,
            challenge: owned("code_challenge")?,
            resource: self.resource(asked.fields.get("resource").map(String::as_str)).ok()?.to_owned(),
            nonce: owned("nonce"),
            openid: asked.field("scope").split(' ').any(|s| s == "openid"),
            until: now() + CODE_SECONDS,
        };
        let mut codes = lock(&self.codes);
        codes.retain(|_, code| code.until > now());
        if codes.len() >= MOST {
            return None;
        }
        codes.insert(code.clone(), grant);
        Some(code)
    }

    fn back(&self, asked: &Asked, answer: &[(&str, &str)]) -> Reply {
        let mut to = asked.field("redirect_uri").to_owned();
        let iss = ("iss", self.url.as_str());
        let state = Some(("state", asked.field("state"))).filter(|(_, s)| !s.is_empty());
        for (name, value) in answer.iter().copied().chain([iss]).chain(state) {
            to.push(if to.contains('?') { '&' } else { '?' });
            let _infallible = write!(to, "{name}={}", form::encode(value));
        }
        let mut reply = empty(StatusCode::FOUND);
        match HeaderValue::from_str(&to) {
            Ok(to) => drop(reply.headers_mut().insert(LOCATION, to)),
            Err(_) => return empty(StatusCode::BAD_REQUEST),
        }
        reply
    }
}

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:4rem auto;padding:0 1rem;color:#1a1a1a}\
    button{display:block;width:100%;margin:.6rem 0;padding:.8rem 1rem;font:inherit;text-align:left;border:1px solid #999;\
    border-radius:.4rem;background:#fff;cursor:pointer}button:hover,button:focus{border-color:#06c;outline:1px solid #06c}\
    small{color:#555}@media(prefers-color-scheme:dark){body{background:#111;color:#eee}button{background:#1c1c1c;color:#eee}\
    small{color:#aaa}}";

fn page(asked: &Asked) -> Reply {
    let mut fields = String::new();
    for (name, value) in asked.fields.iter().filter(|(name, _)| *name != "persona") {
        let _infallible = write!(
            fields,
            r#"<input type="hidden" name="{}" value="{}">"#,
            form::html(name),
            form::html(value)
        );
    }
    let mut buttons = String::new();
    for persona in personas::ALL {
        let _infallible =
            write!(buttons, r#"<button name="persona" value="{}">{}</button>"#, persona.key, persona.title);
    }
    let html = format!(
        concat!(
            r#"<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">"#,
            "<title>Carnet demo: sign in</title><style>{}</style><h1>Who are you?</h1>",
            "<p><b>{}</b> wants to use the demo gateway. Choose whom it acts for.</p>",
            r#"<form method="post" action="/authorize">{}{}</form>"#,
            "<p><small>A development issuer on this machine. It asks for no password and must never be used for anything real.",
            "</small></p></html>"
        ),
        STYLE,
        form::html(&asked.client.name),
        fields,
        buttons,
    );
    let mut reply = body(StatusCode::OK, "text/html; charset=utf-8", html);
    let headers = reply.headers_mut();
    let policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'";
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    reply
}
