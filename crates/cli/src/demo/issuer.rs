//! The development issuer: an OpenID provider inside this process, so that the demo needs no account anywhere. Whoever reaches it
//! is whoever they say they are; so it listens on loopback only and refuses everything else.
//!
//! Discovery (OpenID Connect and RFC 8414), JWKS, authorization code with PKCE S256 (RFC 7636), a page to choose a persona, dynamic
//! client registration (RFC 7591), refresh tokens, resource indicators (RFC 8707), `iss` in the answer (RFC 9207).

mod authorize;
mod clients;
mod form;
mod grant;
mod key;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL,
};
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode};
use serde_json::{Value, json};

use super::http::{Reply, Site, bind, body, empty, serve};
use super::personas::Persona;
use clients::Clients;
use grant::{Code, Refresh};
use key::SigningKey;

/// How long an access token from a login lives, seconds.
pub(super) const ACCESS_SECONDS: u64 = 3600;
/// Where the personas are, unless the tour says otherwise.
pub(super) const REGION: &str = "de";

/// The issuer.
pub(super) struct Issuer {
    url: String,
    /// What tokens may be for: the endpoints of the gateway. The first is meant where a client names none.
    resources: Vec<String>,
    key: SigningKey,
    clients: Clients,
    codes: Mutex<HashMap<String, Code>>,
    refreshes: Mutex<HashMap<String, Refresh>>,
}

/// Starts it on a socket. Refuses a socket that others could reach.
pub(super) fn start(listener: std::net::TcpListener, resources: Vec<String>) -> anyhow::Result<Arc<Issuer>> {
    let issuer = Arc::new(Issuer::new(listener.local_addr()?, resources)?);
    serve(listener, issuer.clone())?;
    Ok(issuer)
}

/// A socket for it.
pub(super) fn listener(port: u16) -> anyhow::Result<std::net::TcpListener> {
    bind(SocketAddr::from(([127, 0, 0, 1], port)))
}

/// A refusal as OAuth writes it (RFC 6749, 5.2).
struct Refused(StatusCode, &'static str, &'static str);

impl Refused {
    fn new(error: &'static str, why: &'static str) -> Refused {
        Refused(StatusCode::BAD_REQUEST, error, why)
    }

    fn reply(&self) -> Reply {
        json_reply(self.0, &json!({ "error": self.1, "error_description": self.2 }))
    }
}

impl Issuer {
    fn new(address: SocketAddr, resources: Vec<String>) -> anyhow::Result<Issuer> {
        if !address.ip().is_loopback() {
            anyhow::bail!("the development issuer answers on loopback only");
        }
        Ok(Issuer {
            url: format!("http://{address}"),
            resources,
            key: SigningKey::generate()?,
            clients: Clients::default(),
            codes: Mutex::default(),
            refreshes: Mutex::default(),
        })
    }

    /// Its identifier, `iss`.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// A token for a persona, as a login would give it, for the tour and for lines that are printed.
    pub(super) fn mint(&self, persona: Persona, region: &str, seconds: u64) -> anyhow::Result<String> {
        let resource = self.resources.first().map(String::as_str).unwrap_or_default();
        self.access_token(persona, region, resource, "carnet-demo", seconds)
    }

    fn access_token(
        &self,
        persona: Persona,
        region: &str,
        aud: &str,
        client: &str,
        seconds: u64,
    ) -> anyhow::Result<String> {
        let now = now();
        let mut claims = persona.claims(region);
        let token = json!({
            "iss": self.url,
            "aud": aud,
            "client_id": client,
            "scope": "mcp",
            "iat": now,
            "nbf": now,
            "exp": now + seconds,
            "jti": random_text()?,
        });
        merge(&mut claims, token);
        self.key.sign("at+jwt", &claims)
    }

    fn id_token(&self, persona: Persona, client: &str, nonce: Option<&str>) -> anyhow::Result<String> {
        let now = now();
        let mut claims = persona.claims(REGION);
        merge(
            &mut claims,
            json!({ "iss": self.url, "aud": client, "iat": now, "exp": now + ACCESS_SECONDS }),
        );
        if let Some(nonce) = nonce {
            merge(&mut claims, json!({ "nonce": nonce }));
        }
        self.key.sign("JWT", &claims)
    }

    /// The resource that a token is asked for (RFC 8707), if it is one of ours.
    fn resource(&self, asked: Option<&str>) -> Result<&str, Refused> {
        let asked = asked.unwrap_or_default().trim_end_matches('/');
        let known = |r: &&String| asked.is_empty() || r.trim_end_matches('/') == asked;
        let found = self.resources.iter().find(known);
        found.map(String::as_str).ok_or(Refused::new("invalid_target", "no such resource here"))
    }

    fn metadata(&self) -> Value {
        let at = |path: &str| format!("{}{path}", self.url);
        json!({
            "issuer": self.url,
            "authorization_endpoint": at("/authorize"),
            "token_endpoint": at("/token"),
            "registration_endpoint": at("/register"),
            "jwks_uri": at("/jwks"),
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["none"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
            "scopes_supported": ["openid", "mcp", "offline_access"],
            "claims_supported": ["sub", "name", "groups", "region", "act"],
            "authorization_response_iss_parameter_supported": true,
        })
    }

    fn route(&self, head: &Parts, bytes: &[u8]) -> Reply {
        match (&head.method, head.uri.path()) {
            (&Method::OPTIONS, _) => empty(StatusCode::NO_CONTENT),
            (
                &Method::GET,
                "/.well-known/openid-configuration" | "/.well-known/oauth-authorization-server",
            ) => json_reply(StatusCode::OK, &self.metadata()),
            (&Method::GET, "/jwks") => json_reply(StatusCode::OK, &self.key.jwks()),
            (&Method::POST, "/register") => self.clients.register(bytes),
            (&Method::GET, "/authorize") => self.choose(head.uri.query().unwrap_or_default()),
            (&Method::POST, "/authorize") => self.chosen(head, bytes),
            (&Method::POST, "/token") => self.token(head, bytes),
            _ => empty(StatusCode::NOT_FOUND),
        }
    }
}

impl Site for Issuer {
    fn answer(&self, head: &Parts, bytes: &[u8]) -> Reply {
        let mut reply = self.route(head, bytes);
        let headers = reply.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        // The MCP Inspector logs in from a browser. The page to choose a persona is not for other pages to read.
        if head.uri.path() != "/authorize" {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST"));
            let allowed = HeaderValue::from_static("authorization, content-type, mcp-protocol-version");
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, allowed);
        }
        reply
    }
}

/// 256 random bits as text.
fn random_text() -> anyhow::Result<String> {
    let mut bytes = [0u8; 32];
    getrandom::fill(&mut bytes).map_err(|_| anyhow::anyhow!("the system gives no random numbers"))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs())
}

fn merge(into: &mut Value, from: Value) {
    if let (Value::Object(into), Value::Object(from)) = (into, from) {
        into.extend(from);
    }
}

fn json_reply(status: StatusCode, value: &Value) -> Reply {
    body(status, "application/json", value.to_string())
}

/// What stands behind a mutex here is whole after every step, so a panic elsewhere does not spoil it.
fn lock<T>(of: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
