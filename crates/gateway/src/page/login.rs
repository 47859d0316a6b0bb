//! Signing in at the provider: OpenID Connect's authorization code with PKCE (RFC 7636), `iss` in the answer (RFC 9207), a
//! `nonce`, and where a fresh login is needed `max_age=0`, whose `auth_time` is checked and not believed to be now. Who comes
//! back is who the provider's ID token says, read by the same rules as every token of that provider.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use carnet_config::LoginConfig;
use carnet_gate::Caller;
use carnet_model::IdentityKind;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{Request, Uri};
use http_body_util::Full;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;

use super::form::{Form, encode, join};
use super::visits::{Begun, Visit, Visits, random_text};
use crate::credentials::resolve;
use crate::identity::Identities;
use crate::outbound::{Outbound, OutboundError, WrittenBy};

/// A visit lasts so long, seconds.
const VISIT: i64 = 8 * 3600;
/// Clocks may differ so much, seconds.
const SKEW: i64 = 60;

/// Why nobody is signed in. For the log and the page: nothing of what was sent.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum LoginError {
    /// Too many at once.
    #[error("too many logins are under way")]
    TooMany,
    /// The configuration's issuer cannot be asked.
    #[error("the provider cannot be asked: {0}")]
    Provider(&'static str),
    /// No reply.
    #[error("the provider cannot be asked: {0}")]
    Outbound(#[from] OutboundError),
    /// The browser brought an answer that it did not ask for.
    #[error("this login was not begun here, or took too long")]
    State,
    /// The provider refused.
    #[error("the provider refused the login")]
    Refused,
    /// The answer is of another provider (RFC 9207).
    #[error("another provider answered")]
    Issuer,
    /// The ID token does not hold: the rule.
    #[error("the provider's token is not accepted: {0}")]
    Token(&'static str),
    /// The login is older than was asked for.
    #[error("the provider gave an old login where a fresh one was asked for")]
    Stale,
    /// A program signed in.
    #[error("only people approve")]
    NoPerson,
}

/// The provider's addresses.
struct Endpoints {
    authorization: String,
    token: Uri,
    /// It says who answers.
    says_issuer: bool,
}

/// One page and its provider.
pub(crate) struct Login<'a> {
    /// The configuration.
    pub(crate) config: &'a LoginConfig,
    /// Who checks tokens.
    pub(crate) identities: &'a Identities,
    /// The client to ask with.
    pub(crate) outbound: &'a Outbound,
    /// Where the browser comes back to.
    pub(crate) back: &'a str,
}

impl Login<'_> {
    /// Where to send the browser, and the value of the cookie that it must bring back.
    pub(crate) async fn begin(
        &self,
        visits: &Visits,
        next: String,
        fresh: bool,
        now: i64,
    ) -> Result<(String, String), LoginError> {
        let endpoints = self.endpoints().await?;
        let begun = visits.begin(next, fresh, now).ok_or(LoginError::TooMany)?;
        let (browser, state, nonce, verifier) = begun;
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&verifier));
        let scope = std::iter::once("openid")
            .chain(self.config.scopes.iter().map(AsRef::as_ref))
            .collect::<Vec<_>>()
            .join(" ");
        let acr = self.config.acr.join(" ");
        let mut fields = vec![
            ("response_type", "code"),
            ("client_id", &*self.config.client_id),
            ("redirect_uri", self.back),
            ("scope", &scope),
            ("state", &state),
            ("nonce", &nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        if fresh {
            fields.extend([("max_age", "0"), ("prompt", "login")]);
        }
        if !acr.is_empty() {
            fields.push(("acr_values", &acr));
        }
        let and = if endpoints.authorization.contains('?') { '&' } else { '?' };
        Ok((format!("{}{and}{}", endpoints.authorization, join(&fields)), browser))
    }

    /// What the browser brought back becomes a visit, and where to go.
    pub(crate) async fn finish(
        &self,
        visits: &Visits,
        answer: &Form,
        browser: &str,
        now: i64,
    ) -> Result<(Visit, String), LoginError> {
        let begun = visits.take(answer.get("state"), browser, now).ok_or(LoginError::State)?;
        let endpoints = self.endpoints().await?;
        let iss = answer.get("iss");
        if (endpoints.says_issuer || !iss.is_empty()) && iss != &*self.config.issuer {
            return Err(LoginError::Issuer);
        }
        if !answer.get("error").is_empty() || answer.get("code").is_empty() {
            return Err(LoginError::Refused);
        }
        let token = self.exchange(&endpoints, answer.get("code"), &begun.verifier).await?;
        let caller = self
            .identities
            .id_token(&token, &self.config.issuer, &self.config.client_id, now)
            .await
            .map_err(|e| LoginError::Token(e.rule()))?;
        let visit = self.visit(&claims(&token)?, &begun, caller, now)?;
        Ok((visit, begun.next))
    }

    fn visit(
        &self,
        claims: &Value,
        begun: &Begun,
        caller: Arc<Caller>,
        now: i64,
    ) -> Result<Visit, LoginError> {
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        let time = |name: &str| claims.get(name).and_then(Value::as_i64);
        if text("nonce") != Some(&*begun.nonce) {
            return Err(LoginError::Token("nonce"));
        }
        if caller.principal.identity.kind != IdentityKind::User || caller.principal.agent.is_some() {
            return Err(LoginError::NoPerson);
        }
        // Without `auth_time` nobody knows how old the login is: it is as old as can be.
        let auth_time = time("auth_time").unwrap_or(0).min(now);
        if begun.fresh && auth_time < begun.since() - SKEW {
            return Err(LoginError::Stale);
        }
        let acr = text("acr").map(str::to_owned);
        let strong = self.config.acr.is_empty()
            || acr.as_deref().is_some_and(|acr| self.config.acr.iter().any(|known| &**known == acr));
        let until = now + VISIT;
        Ok(Visit { caller, auth_time, acr, strong, csrf: random_text(), challenge: [0; 32], until })
    }

    /// OpenID Connect Discovery.
    async fn endpoints(&self) -> Result<Endpoints, LoginError> {
        let issuer = self.config.issuer.trim_end_matches('/');
        let url: Uri = format!("{issuer}/.well-known/openid-configuration")
            .parse()
            .map_err(|_| LoginError::Provider("its address is no URL"))?;
        let reply = self.outbound.get_json(&url, WrittenBy::Configuration).await?;
        let document: Value = serde_json::from_slice(&reply.body)
            .map_err(|_| LoginError::Provider("its discovery document is no JSON"))?;
        let text = |name: &str| document.get(name).and_then(Value::as_str);
        if text("issuer") != Some(&*self.config.issuer) {
            return Err(LoginError::Provider("its discovery document names another issuer"));
        }
        let authorization = text("authorization_endpoint")
            .filter(|url| url.parse::<Uri>().is_ok_and(|u| matches!(u.scheme_str(), Some("https" | "http"))));
        let token = text("token_endpoint").and_then(|url| url.parse().ok());
        let (Some(authorization), Some(token)) = (authorization, token) else {
            return Err(LoginError::Provider("its discovery document lacks an endpoint"));
        };
        let says = "authorization_response_iss_parameter_supported";
        let says_issuer = document.get(says).and_then(Value::as_bool) == Some(true);
        Ok(Endpoints { authorization: authorization.to_owned(), token, says_issuer })
    }

    /// The ID token for a code.
    async fn exchange(&self, at: &Endpoints, code: &str, verifier: &str) -> Result<String, LoginError> {
        let client = &*self.config.client_id;
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", self.back),
            ("code_verifier", verifier),
        ];
        let mut request = Request::post(at.token.clone())
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(ACCEPT, "application/json");
        match &self.config.client_secret {
            // RFC 6749, 2.3.1: both are encoded as in a form.
            Some(secret) => {
                let secret = resolve(secret).map_err(|_| LoginError::Provider("the client's secret"))?;
                let both = STANDARD.encode(format!("{}:{}", encode(client), encode(secret.expose())));
                request = request.header(AUTHORIZATION, format!("Basic {both}"));
            }
            None => fields.push(("client_id", client)),
        }
        let request = request
            .body(Full::new(Bytes::from(join(&fields))))
            .map_err(|_| LoginError::Provider("its address is no URL"))?;
        let issuer: Uri =
            self.config.issuer.parse().map_err(|_| LoginError::Provider("its address is no URL"))?;
        let by = WrittenBy::Document { fetched_from: &issuer };
        let reply = self.outbound.send(request, by).await?;
        if !reply.status.is_success() {
            return Err(LoginError::Refused);
        }
        let answer: Value = serde_json::from_slice(&reply.body).map_err(|_| LoginError::Refused)?;
        let token = answer.get("id_token").and_then(Value::as_str);
        token.map(str::to_owned).ok_or(LoginError::Token("there is none"))
    }
}

/// The claims of a token that was checked just now.
fn claims(token: &str) -> Result<Value, LoginError> {
    let payload = token.split('.').nth(1).and_then(|p| URL_SAFE_NO_PAD.decode(p).ok());
    let claims = payload.and_then(|p| serde_json::from_slice(&p).ok());
    claims.ok_or(LoginError::Token("it has no claims"))
}
