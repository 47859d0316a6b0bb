//! What the gateway shows upstreams. Secrets come from references (`env:NAME`, `file:PATH`), never from the configuration
//! itself, and are unprintable. OAuth tokens (client credentials, RFC 6749, 4.4) are fetched before they expire, one
//! fetch at a time; a call waits only when there is no valid token at all.

use std::io::Read;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use carnet_config::{ClientAuth, Credentials, OAuthClient, SecretRef};
use carnet_json::{Limits, Tape, Value};
use carnet_model::Sensitive;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Request, Uri};
use http_body_util::Full;
use tokio::sync::watch;
use tokio::time::Instant;
use zeroize::Zeroizing;

use crate::outbound::{Outbound, OutboundError, WrittenBy};

/// Longest secret, in bytes.
const MAX_SECRET: u64 = 64 << 10;
/// Life of a token whose issuer does not state one.
const DEFAULT_LIFE: Duration = Duration::from_secs(300);
/// Least time between two fetches after one failed.
const RETRY_FLOOR: Duration = Duration::from_secs(2);

/// Why a secret cannot be read. Names the reference, never the value.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SecretError {
    /// The variable is not set, or not text.
    #[error("{0}: the environment has no such variable")]
    NoVariable(String),
    /// The file cannot be read.
    #[error("{reference}: {kind}")]
    File {
        /// The reference.
        reference: String,
        /// What the system says.
        kind: std::io::ErrorKind,
    },
    /// Empty, longer than 64 KiB, or not UTF-8.
    #[error("{0}: the value is empty, too long or not text")]
    Value(String),
}

/// Why there is no credential for an upstream. Names no value.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CredentialError {
    /// The secret cannot be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The header's name or value cannot stand in a header.
    #[error("the credential cannot stand in the header {0}")]
    Header(String),
    /// The token endpoint is not a URL.
    #[error("the token endpoint is not a URL")]
    Url,
    /// The token endpoint gave no reply.
    #[error("token endpoint: {0}")]
    Outbound(#[from] OutboundError),
    /// The token endpoint refused; RFC 6749's code, where it gave a known one.
    #[error("the token endpoint answered {status} ({code})")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// One of RFC 6749's and RFC 8707's codes, or `other`.
        code: &'static str,
    },
    /// The reply is not a usable token response.
    #[error("the token endpoint's reply is not usable: {0}")]
    Reply(&'static str),
}

/// Reads a secret. One trailing line break is cut off.
///
/// # Errors
/// [`SecretError`], which names the reference only.
pub fn resolve(reference: &SecretRef) -> Result<Sensitive<String>, SecretError> {
    let mut value = match reference {
        SecretRef::Env(name) => {
            std::env::var(name).map_err(|_| SecretError::NoVariable(reference.to_string()))?
        }
        SecretRef::File(path) => read_file(path, reference)?,
    };
    let end = value.strip_suffix('\n').map(|v| v.strip_suffix('\r').unwrap_or(v).len());
    if let Some(end) = end {
        value.truncate(end);
    }
    let secret = Sensitive::new(value);
    if secret.expose().is_empty() { Err(SecretError::Value(reference.to_string())) } else { Ok(secret) }
}

fn read_file(path: &Path, reference: &SecretRef) -> Result<String, SecretError> {
    let fail = |e: &std::io::Error| SecretError::File { reference: reference.to_string(), kind: e.kind() };
    let file = std::fs::File::open(path).map_err(|e| fail(&e))?;
    // Room for all of it at once: growing would leave copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(MAX_SECRET).unwrap_or_default() + 1));
    file.take(MAX_SECRET + 1).read_to_end(&mut bytes).map_err(|e| fail(&e))?;
    let text = std::str::from_utf8(&bytes).ok().filter(|t| t.len() as u64 <= MAX_SECRET);
    text.map(str::to_owned).ok_or_else(|| SecretError::Value(reference.to_string()))
}

/// A server's credentials, ready for use. Prints without values.
#[derive(Clone, Debug)]
pub enum UpstreamCredentials {
    /// Nothing is shown.
    None,
    /// A header that stays the same until the next reload.
    Static(HeaderName, HeaderValue),
    /// A bearer token that is fetched.
    OAuth(Arc<OAuthTokens>),
}

impl UpstreamCredentials {
    /// Reads the secrets that the configuration refers to.
    ///
    /// # Errors
    /// A secret that cannot be read or cannot stand in a header, or a token endpoint that is no URL.
    pub fn load(credentials: &Credentials, outbound: &Outbound) -> Result<Self, CredentialError> {
        match credentials {
            Credentials::None => Ok(UpstreamCredentials::None),
            Credentials::Bearer(secret) => {
                Ok(UpstreamCredentials::Static(AUTHORIZATION, bearer(resolve(secret)?.expose())?))
            }
            Credentials::Header { name, value } => {
                let header = || CredentialError::Header(name.clone());
                let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| header())?;
                let mut value = HeaderValue::from_str(resolve(value)?.expose()).map_err(|_| header())?;
                value.set_sensitive(true);
                Ok(UpstreamCredentials::Static(name, value))
            }
            Credentials::OAuth(client) => {
                Ok(UpstreamCredentials::OAuth(Arc::new(OAuthTokens::new(client, outbound.clone())?)))
            }
        }
    }

    /// The header for a request made now.
    ///
    /// # Errors
    /// No valid token, and none could be fetched.
    pub async fn header(&self) -> Result<Option<(HeaderName, HeaderValue)>, CredentialError> {
        match self {
            UpstreamCredentials::None => Ok(None),
            UpstreamCredentials::Static(name, value) => Ok(Some((name.clone(), value.clone()))),
            UpstreamCredentials::OAuth(tokens) => Ok(Some((AUTHORIZATION, tokens.bearer().await?))),
        }
    }

    /// The upstream answered 401 to this header: a fetched token is not used again.
    pub fn rejected(&self, used: &HeaderValue) {
        if let UpstreamCredentials::OAuth(tokens) = self {
            tokens.forget(used);
        }
    }
}

fn bearer(token: &str) -> Result<HeaderValue, CredentialError> {
    let text = Zeroizing::new(format!("Bearer {token}"));
    let mut value = HeaderValue::from_str(&text)
        .map_err(|_| CredentialError::Header(AUTHORIZATION.as_str().to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

struct Token {
    header: HeaderValue,
    /// From then on a new one is fetched beside the calls.
    renew: Instant,
    /// From then on calls wait for a new one.
    expires: Instant,
}

#[derive(Default)]
struct State {
    running: bool,
    /// When the last fetch failed, and why.
    failed: Option<(Instant, CredentialError)>,
}

/// The token of one OAuth client, shared by all calls to its server.
pub struct OAuthTokens {
    client: OAuthClient,
    endpoint: Uri,
    secret: Sensitive<String>,
    outbound: Outbound,
    current: ArcSwapOption<Token>,
    state: Mutex<State>,
    finished: watch::Sender<u64>,
}

impl std::fmt::Debug for OAuthTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OAuthTokens").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

impl OAuthTokens {
    /// Reads the client's secret. Nothing is fetched yet.
    ///
    /// # Errors
    /// The secret cannot be read, or the endpoint is not a URL.
    pub fn new(client: &OAuthClient, outbound: Outbound) -> Result<Self, CredentialError> {
        Ok(OAuthTokens {
            endpoint: client.token_url.parse().map_err(|_| CredentialError::Url)?,
            secret: resolve(&client.client_secret)?,
            client: client.clone(),
            outbound,
            current: ArcSwapOption::empty(),
            state: Mutex::default(),
            finished: watch::channel(0).0,
        })
    }

    /// The header value of a valid token.
    ///
    /// # Errors
    /// None is valid and none could be fetched.
    pub async fn bearer(self: &Arc<Self>) -> Result<HeaderValue, CredentialError> {
        let now = Instant::now();
        if let Some(token) = self.current.load().as_ref().filter(|t| now < t.expires) {
            if now >= token.renew {
                self.begin();
            }
            return Ok(token.header.clone());
        }
        let mut finished = self.finished.subscribe();
        let before = *finished.borrow_and_update();
        if self.begin() {
            // The sender lives in `self`, so this ends.
            let _ = finished.wait_for(|count| *count > before).await;
        }
        if let Some(token) = self.current.load().as_ref().filter(|t| Instant::now() < t.expires) {
            return Ok(token.header.clone());
        }
        let failed = self.state().failed.as_ref().map(|(_, error)| error.clone());
        Err(failed.unwrap_or(CredentialError::Reply("its token has expired already")))
    }

    /// Drops the current token if it is this one.
    fn forget(&self, used: &HeaderValue) {
        let current = self.current.load();
        if current.as_ref().is_some_and(|t| t.header == *used) {
            self.current.compare_and_swap(&current, None);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a fetch unless one is running. False where the last one failed just now.
    fn begin(self: &Arc<Self>) -> bool {
        let mut state = self.state();
        if state.running {
            return true;
        }
        if state.failed.as_ref().is_some_and(|(at, _)| at.elapsed() < RETRY_FLOOR) {
            return false;
        }
        state.running = true;
        drop(state);
        tokio::spawn(self.clone().fetch_once());
        true
    }

    async fn fetch_once(self: Arc<Self>) {
        let outcome = self.fetch().await;
        let failed = match outcome {
            Ok(token) => {
                self.current.store(Some(Arc::new(token)));
                None
            }
            Err(error) => {
                tracing::warn!(client = "oauth", %error, "no token for an upstream");
                Some((Instant::now(), error))
            }
        };
        {
            let mut state = self.state();
            state.running = false;
            state.failed = failed;
        }
        self.finished.send_modify(|count| *count += 1);
    }

    async fn fetch(&self) -> Result<Token, CredentialError> {
        // Life counts from the question, not the answer.
        let asked = Instant::now();
        let reply = self.outbound.send(self.request()?, WrittenBy::Configuration).await?;
        let body = Zeroizing::new(reply.body.to_vec());
        let tape = Tape::parse(&body, &Limits { bytes: body.len(), depth: 16 });
        let root = tape.as_ref().ok().map(|t| t.root(&body));
        if !reply.status.is_success() {
            let code = root.map_or("other", error_code);
            return Err(CredentialError::Refused { status: reply.status.as_u16(), code });
        }
        read_token(root.ok_or(CredentialError::Reply("it is not strict JSON"))?, asked)
    }

    fn request(&self) -> Result<Request<Full<Bytes>>, CredentialError> {
        let mut form = Zeroizing::new(String::from("grant_type=client_credentials"));
        let client = &self.client;
        for (name, value) in
            [("scope", &client.scope), ("resource", &client.resource), ("audience", &client.audience)]
        {
            if let Some(value) = value {
                form.push_str(&format!("&{name}={}", *encode(value)));
            }
        }
        let mut request = Request::post(self.endpoint.clone())
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(ACCEPT, "application/json");
        match client.auth {
            ClientAuth::Basic => request = request.header(AUTHORIZATION, self.basic()?),
            ClientAuth::Post => {
                form.push_str(&format!("&client_id={}", *encode(&client.client_id)));
                form.push_str("&client_secret=");
                form.push_str(&encode(self.secret.expose()));
            }
        }
        request.body(Full::new(Bytes::copy_from_slice(form.as_bytes()))).map_err(|_| CredentialError::Url)
    }

    /// RFC 6749, 2.3.1: both are form-encoded before they are joined.
    fn basic(&self) -> Result<HeaderValue, CredentialError> {
        let id = encode(&self.client.client_id);
        let secret = encode(self.secret.expose());
        let pair = Zeroizing::new(format!("{}:{}", *id, *secret));
        let text = Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())));
        let mut value = HeaderValue::from_str(&text)
            .map_err(|_| CredentialError::Header(AUTHORIZATION.as_str().to_owned()))?;
        value.set_sensitive(true);
        Ok(value)
    }
}

/// RFC 6749, 5.1.
fn read_token(root: Value<'_>, asked: Instant) -> Result<Token, CredentialError> {
    let text = |member: &str| root.get(member).and_then(|v| v.as_str());
    let token = text("access_token").filter(|t| !t.is_empty());
    let token = token.ok_or(CredentialError::Reply("there is no access_token"))?;
    if !text("token_type").is_some_and(|t| t.eq_ignore_ascii_case("bearer")) {
        return Err(CredentialError::Reply("the token is not a bearer token"));
    }
    let life = match root.get("expires_in") {
        None => DEFAULT_LIFE,
        // Some providers write the number as text.
        Some(v) => {
            let seconds = v.as_i64().or_else(|| v.as_str().and_then(|t| t.parse().ok()));
            let seconds = seconds.and_then(|s| u64::try_from(s).ok()).filter(|s| *s > 0);
            let seconds = seconds.ok_or(CredentialError::Reply("expires_in is not a number of seconds"))?;
            Duration::from_secs(seconds.min(7 * 24 * 3600))
        }
    };
    let margin = (life / 5).min(Duration::from_secs(60));
    Ok(Token { header: bearer(&token)?, renew: asked + (life - margin), expires: asked + life })
}

/// The code, if it is one of the known: anything else is the endpoint's own text.
fn error_code(root: Value<'_>) -> &'static str {
    const KNOWN: [&str; 7] = [
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
        "invalid_target",
    ];
    let code = root.get("error").and_then(|v| v.as_str());
    KNOWN.into_iter().find(|k| code.as_deref() == Some(*k)).unwrap_or("other")
}

/// `application/x-www-form-urlencoded`, everything but unreserved characters escaped.
fn encode(text: &str) -> Zeroizing<String> {
    // Three bytes at most for each, so it never grows.
    let mut out = Zeroizing::new(String::with_capacity(text.len() * 3));
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests;
