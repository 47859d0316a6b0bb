//! HTTP to the gateway: where it may lead, with which token, and what went wrong in words that help.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use carnet_config::SecretRef;
use carnet_gateway::credentials::resolve;
use carnet_gateway::tls;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, USER_AGENT};
use http::{Method, Request, Response, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};

/// How often a connection that was refused is tried again; nothing was sent then, so nothing can happen twice.
const TRIES: u32 = 5;
/// Before the second try; doubled for each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// Where the token is read from, and the one that is in use.
pub(super) struct Token {
    reference: SecretRef,
    header: Mutex<HeaderValue>,
}

impl Token {
    /// Reads `env:NAME` or `file:PATH`.
    pub(super) fn parse(given: &str) -> anyhow::Result<Token> {
        let reference = match given.split_once(':') {
            Some(("env", name)) if !name.is_empty() => SecretRef::Env(name.to_owned()),
            Some(("file", path)) if !path.is_empty() => SecretRef::File(PathBuf::from(path)),
            // What was given may be the token itself, so it is not repeated.
            _ => bail!("--token takes a reference, env:NAME or file:PATH, never the token itself"),
        };
        let header = Mutex::new(bearer(&reference)?);
        Ok(Token { reference, header })
    }

    fn header(&self) -> HeaderValue {
        self.header.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads it again. Whether it is another one than before.
    fn renew(&self) -> bool {
        let Ok(now) = bearer(&self.reference) else { return false };
        let mut header = self.header.lock().unwrap_or_else(PoisonError::into_inner);
        let other = *header != now;
        *header = now;
        other
    }
}

fn bearer(reference: &SecretRef) -> anyhow::Result<HeaderValue> {
    let secret = resolve(reference)?;
    let mut value = HeaderValue::from_str(&format!("Bearer {}", secret.expose().trim()))
        .map_err(|_| anyhow::anyhow!("{reference}: the value cannot stand in a header"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// The way to one address.
pub(super) struct Http {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    url: Uri,
    token: Option<Token>,
}

impl Http {
    /// Prepares a client for an address. Nothing is sent yet.
    pub(super) fn new(
        url: &str,
        token: Option<Token>,
        ca: Option<&Path>,
        allow_plaintext: bool,
    ) -> anyhow::Result<Http> {
        let url: Uri = url.parse().with_context(|| format!("{url:?} is not a URL"))?;
        let host = url.host().unwrap_or_default();
        match url.scheme_str() {
            Some("https") => {}
            Some("http") if is_loopback(host) || allow_plaintext => {}
            Some("http") => bail!(
                "{host} is another machine and http:// is readable on the way; use https://, or --allow-plaintext"
            ),
            _ => bail!("the address must begin with https:// (or http:// on this machine)"),
        }
        if url.authority().is_some_and(|a| a.as_str().contains('@')) {
            bail!("the address must not contain a user or password; use --token");
        }
        let mut config = tls::client(ca, None)?;
        // The connector sets the protocols itself.
        config.alpn_protocols.clear();
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.enforce_http(false);
        connector.set_connect_timeout(Some(Duration::from_secs(10)));
        // An answer may take minutes, while somebody decides about a call; a dead connection must be noticed all the same.
        connector.set_keepalive(Some(Duration::from_secs(30)));
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(config)
            .https_or_http()
            .enable_all_versions()
            .wrap_connector(connector);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(30))
            .build(https);
        Ok(Http { client, url, token })
    }

    /// The host, for messages.
    pub(super) fn host(&self) -> &str {
        self.url.authority().map_or("", |a| a.as_str())
    }

    /// Sends a request. With a token that is not accepted, reads the token again and tries once more if it has changed.
    pub(super) async fn send(
        &self,
        method: &Method,
        headers: &[(HeaderName, HeaderValue)],
        body: &Bytes,
    ) -> Result<Response<Incoming>, Trouble> {
        let response = self.once(method, headers, body).await?;
        if response.status() == http::StatusCode::UNAUTHORIZED
            && self.token.as_ref().is_some_and(Token::renew)
        {
            return self.once(method, headers, body).await;
        }
        Ok(response)
    }

    async fn once(
        &self,
        method: &Method,
        headers: &[(HeaderName, HeaderValue)],
        body: &Bytes,
    ) -> Result<Response<Incoming>, Trouble> {
        let mut pause = FIRST_PAUSE;
        for _ in 1..TRIES {
            match self.client.request(self.request(method, headers, body)).await {
                Err(error) if error.is_connect() && may_pass(&error) => {}
                other => return other.map_err(|e| self.trouble(&e)),
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        self.client.request(self.request(method, headers, body)).await.map_err(|e| self.trouble(&e))
    }

    fn request(
        &self,
        method: &Method,
        headers: &[(HeaderName, HeaderValue)],
        body: &Bytes,
    ) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(body.clone()));
        *request.method_mut() = method.clone();
        *request.uri_mut() = self.url.clone();
        let all = request.headers_mut();
        all.insert(
            USER_AGENT,
            HeaderValue::from_static(concat!("carnet-connect/", env!("CARGO_PKG_VERSION"))),
        );
        let accept =
            if method == Method::POST { "application/json, text/event-stream" } else { "text/event-stream" };
        all.insert(ACCEPT, HeaderValue::from_static(accept));
        if method == Method::POST {
            all.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        if let Some(token) = &self.token {
            all.insert(AUTHORIZATION, token.header());
        }
        for (name, value) in headers {
            all.append(name, value.clone());
        }
        request
    }

    fn trouble(&self, error: &Error) -> Trouble {
        let word = if error.is_connect() { "cannot be reached" } else { "broke the connection" };
        Trouble::new(format!("{} {word}: {}", self.host(), last_cause(error)))
    }

    /// What a refusal means, and what to do about it.
    pub(super) fn refused(&self, response: &Response<Incoming>) -> Trouble {
        let host = self.host();
        let header = |name: &str| response.headers().get(name).and_then(|v| v.to_str().ok());
        let text = match (response.status().as_u16(), &self.token) {
            (401, None) => {
                let login = header("www-authenticate").and_then(|v| parameter(v, "resource_metadata"));
                let login = login.map_or_else(String::new, |at| format!(" Where to get one: {at}"));
                format!(
                    "{host} asks for a token; give one with --token env:NAME or --token file:PATH.{login}"
                )
            }
            (401, Some(token)) => {
                let why = header("www-authenticate").and_then(|v| parameter(v, "error_description"));
                let why = why.map_or_else(String::new, |w| format!(" ({w})"));
                format!(
                    "{host} does not accept the token of {}{why}: it has expired, or it is not for this server. \
                     Put a new one there; it is read again at the next message",
                    token.reference
                )
            }
            (403, _) => format!("{host} knows this caller and does not let it in (403)"),
            (429, _) => {
                let wait =
                    header("retry-after").map_or_else(String::new, |s| format!("; try again in {s} s"));
                format!("{host} has had too many requests of this caller (429){wait}")
            }
            (status @ 300..=399, _) => {
                format!("{host} redirects ({status}), which is not followed; use the address it moved to")
            }
            (status, _) => format!("{host} answered with HTTP status {status}"),
        };
        Trouble { text, told: response.status() == http::StatusCode::UNAUTHORIZED }
    }
}

/// Why there is no answer.
#[derive(Clone, Debug)]
pub(super) struct Trouble {
    /// A sentence for the person and for the client.
    pub(super) text: String,
    /// Whether the person must be told, because only they can do something about it.
    pub(super) told: bool,
}

impl Trouble {
    pub(super) fn new(text: impl Into<String>) -> Trouble {
        Trouble { text: text.into(), told: false }
    }
}

/// A parameter of a `WWW-Authenticate` challenge, without quotes.
fn parameter<'v>(challenge: &'v str, name: &str) -> Option<&'v str> {
    let (_, rest) = challenge.split_once(&format!("{name}=\""))?;
    rest.split_once('"').map(|(value, _)| value)
}

fn is_loopback(host: &str) -> bool {
    let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host.eq_ignore_ascii_case("localhost") || literal.is_ok_and(|ip| ip.to_canonical().is_loopback())
}

/// Whether a connection may stand in a moment: the gateway is starting, or the network changes.
fn may_pass(error: &Error) -> bool {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(at) = source {
        if let Some(io) = at.downcast_ref::<std::io::Error>() {
            return matches!(
                io.kind(),
                ErrorKind::ConnectionRefused
                    | ErrorKind::ConnectionReset
                    | ErrorKind::NetworkUnreachable
                    | ErrorKind::HostUnreachable
            );
        }
        source = at.source();
    }
    false
}

/// The innermost cause, which is the system's or the TLS library's own word.
fn last_cause(error: &Error) -> String {
    let mut last: &dyn std::error::Error = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_it_may_lead() {
        for (url, fine) in [
            ("https://gw.example/crm/mcp", true),
            ("http://127.0.0.1:7300/crm/mcp", true),
            ("http://localhost/x", true),
            ("http://[::1]:1/x", true),
            ("http://gw.example/x", false),
            ("https://ada:pw@gw.example/x", false),
            ("ftp://gw.example/x", false),
            ("gw.example", false),
        ] {
            assert_eq!(Http::new(url, None, None, false).is_ok(), fine, "{url}");
        }
    }

    #[test]
    fn a_token_is_never_written_out() {
        let error = Token::parse("carnet_sesame").err().map(|e| e.to_string()).unwrap();
        assert!(!error.contains("sesame"), "{error}");
    }
}
