//! The token endpoint: a code or a refresh token becomes an access token.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use http::request::Parts;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{ACCESS_SECONDS, Issuer, REGION, Refused, form, json_reply, lock, merge, now, random_text};
use crate::demo::http::Reply;
use crate::demo::personas::Persona;

/// More refresh tokens than this are not kept.
const MOST: usize = 1000;

/// What a code stands for.
pub(super) struct Code {
    pub(super) persona: Persona,
    pub(super) client: String,
    pub(super) redirect: String,
    pub(super) challenge: String,
    pub(super) resource: String,
    pub(super) nonce: Option<String>,
    pub(super) openid: bool,
    /// Seconds since 1970 from which it is worth nothing.
    pub(super) until: u64,
}

/// What a refresh token stands for.
pub(super) struct Refresh {
    persona: Persona,
    client: String,
    resource: String,
}

impl Issuer {
    pub(super) fn token(&self, head: &Parts, bytes: &[u8]) -> Reply {
        let kind =
            head.headers.get(http::header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
        if !kind.starts_with("application/x-www-form-urlencoded") {
            return Refused::new("invalid_request", "the request is not a form").reply();
        }
        let fields = form::parse(&String::from_utf8_lossy(bytes));
        let granted = match fields.get("grant_type").map(String::as_str) {
            Some("authorization_code") => self.by_code(&fields),
            Some("refresh_token") => self.by_refresh(&fields),
            _ => Err(Refused::new("unsupported_grant_type", "authorization_code or refresh_token")),
        };
        match granted {
            Ok(answer) => json_reply(StatusCode::OK, &answer),
            Err(refused) => refused.reply(),
        }
    }

    fn by_code(&self, fields: &BTreeMap<String, String>) -> Result<Value, Refused> {
        let field = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
        // Taken out before anything is checked: a code is tried once.
        let code = lock(&self.codes).remove(field("code"));
        let code =
            code.filter(|c| c.until > now()).ok_or(Refused::new("invalid_grant", "this code is not good"))?;
        if code.client != field("client_id") || code.redirect != field("redirect_uri") {
            return Err(Refused::new("invalid_grant", "the code was given to another client or address"));
        }
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(field("code_verifier")));
        if challenge != code.challenge {
            return Err(Refused::new("invalid_grant", "the code_verifier does not fit"));
        }
        if fields.contains_key("resource")
            && self.resource(fields.get("resource").map(String::as_str))? != code.resource
        {
            return Err(Refused::new("invalid_target", "the code was given for another resource"));
        }
        let mut answer = self.grant(code.persona, &code.client, &code.resource)?;
        if code.openid {
            let id_token =
                self.id_token(code.persona, &code.client, code.nonce.as_deref()).map_err(broken)?;
            merge(&mut answer, json!({ "id_token": id_token }));
        }
        Ok(answer)
    }

    fn by_refresh(&self, fields: &BTreeMap<String, String>) -> Result<Value, Refused> {
        let field = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
        // Used once: the answer brings the next one.
        let refresh = lock(&self.refreshes).remove(field("refresh_token"));
        let refresh = refresh
            .filter(|r| r.client == field("client_id"))
            .ok_or(Refused::new("invalid_grant", "this refresh token is not good"))?;
        self.grant(refresh.persona, &refresh.client, &refresh.resource)
    }

    fn grant(&self, persona: Persona, client: &str, resource: &str) -> Result<Value, Refused> {
        let token = self.access_token(persona, REGION, resource, client, ACCESS_SECONDS).map_err(broken)?;
        let refresh = random_text().map_err(broken)?;
        let mut refreshes = lock(&self.refreshes);
        if refreshes.len() >= MOST {
            refreshes.clear();
        }
        let kept = Refresh { persona, client: client.to_owned(), resource: resource.to_owned() };
        refreshes.insert(refresh.clone(), kept);
        Ok(json!({
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": ACCESS_SECONDS,
            "refresh_token": refresh,
            "scope": "mcp",
        }))
    }
}

fn broken(_: anyhow::Error) -> Refused {
    Refused(StatusCode::INTERNAL_SERVER_ERROR, "server_error", "no random numbers or no key")
}
