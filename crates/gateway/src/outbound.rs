//! The gateway's own small requests: discovery, keys, tokens for upstreams. One client, because the limits on where it
//! may go must be in one place: HTTPS except on loopback, no redirect followed, whole time and size bounded, and
//! no private address reached through a URL that somebody else wrote (MCP's rules against SSRF).
//! The addresses are checked where they are resolved and the connection goes to just those, so a name that
//! changes its address between check and use gains nothing.

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::HeaderMap;
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;
use tower_service::Service;

/// What a request may cost.
#[derive(Clone, Copy, Debug)]
pub struct OutboundLimits {
    /// Until the connection stands.
    pub connect: Duration,
    /// Until the last byte of the reply.
    pub total: Duration,
    /// Bytes of the reply's body.
    pub body: usize,
}

impl Default for OutboundLimits {
    /// 3 s, 10 s, 512 KiB.
    fn default() -> Self {
        OutboundLimits { connect: Duration::from_secs(3), total: Duration::from_secs(10), body: 512 << 10 }
    }
}

/// Who wrote the URL.
#[derive(Clone, Copy, Debug)]
pub enum WrittenBy<'a> {
    /// The operator, in the configuration. It may name a host inside the company; link-local addresses (cloud metadata) must be
    /// written as such.
    Configuration,
    /// The operator, who allowed plain HTTP to this host in so many words.
    ConfigurationPlain,
    /// A document fetched from a configured URL. Its own host stays allowed; any other must be public.
    Document {
        /// The configured URL that led to it.
        fetched_from: &'a Uri,
    },
}

/// Why there is no reply. Holds no header and no body.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum OutboundError {
    /// Not an absolute http or https URL with a host and without user information.
    #[error("the URL is not an absolute https URL")]
    Url,
    /// Plain HTTP beyond loopback.
    #[error("plain HTTP is allowed on loopback only")]
    NotHttps,
    /// The address is one that this URL may not lead to.
    #[error("the host's address is private, link-local or reserved, and the URL may not lead there")]
    Address,
    /// No connection, or it broke.
    #[error("the request failed: {0}")]
    Failed(String),
    /// Took too long.
    #[error("no whole reply within {0:?}")]
    Timeout(Duration),
    /// The body is longer than allowed.
    #[error("the reply is longer than {0} bytes")]
    TooLarge(usize),
    /// A redirect; it is not followed.
    #[error("the reply is a redirect ({0}), which is not followed")]
    Redirect(u16),
}

/// A whole reply.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Its status, never a redirect.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

type Https = Client<HttpsConnector<HttpConnector<Resolver>>, Full<Bytes>>;

/// The client.
#[derive(Clone, Debug)]
pub struct Outbound {
    configured: Https,
    public: Https,
    limits: OutboundLimits,
}

impl Outbound {
    /// A client with these roots and limits.
    #[must_use]
    pub fn new(tls: ClientConfig, limits: OutboundLimits) -> Self {
        let client = |reach| build(tls.clone(), limits, reach);
        Outbound { configured: client(Reach::NotLinkLocal), public: client(Reach::Public), limits }
    }

    /// Sends a GET for a JSON document.
    ///
    /// # Errors
    /// Where the URL may not lead, or there is no whole reply.
    pub async fn get_json(&self, url: &Uri, by: WrittenBy<'_>) -> Result<Reply, OutboundError> {
        let request = Request::get(url.clone())
            .header(http::header::ACCEPT, "application/json")
            .body(Full::default())
            .map_err(|_| OutboundError::Url)?;
        self.send(request, by).await
    }

    /// Sends a request.
    ///
    /// # Errors
    /// Where the URL may not lead, or there is no whole reply.
    pub async fn send(
        &self,
        request: Request<Full<Bytes>>,
        by: WrittenBy<'_>,
    ) -> Result<Reply, OutboundError> {
        let client = match reach(request.uri(), by)? {
            Reach::NotLinkLocal => &self.configured,
            Reach::Public => &self.public,
        };
        let exchange = async {
            let response = client.request(request).await.map_err(|e| failed(&e))?;
            let (parts, body) = response.into_parts();
            if parts.status.is_redirection() && parts.status != StatusCode::NOT_MODIFIED {
                return Err(OutboundError::Redirect(parts.status.as_u16()));
            }
            let body = Limited::new(body, self.limits.body).collect().await.map_err(|e| {
                if e.is::<LengthLimitError>() {
                    OutboundError::TooLarge(self.limits.body)
                } else {
                    OutboundError::Failed("the body broke off".to_owned())
                }
            })?;
            Ok(Reply { status: parts.status, headers: parts.headers, body: body.to_bytes() })
        };
        tokio::time::timeout(self.limits.total, exchange)
            .await
            .unwrap_or(Err(OutboundError::Timeout(self.limits.total)))
    }
}

fn build(mut tls: ClientConfig, limits: OutboundLimits, reach: Reach) -> Https {
    // hyper-rustls sets the protocols itself.
    tls.alpn_protocols.clear();
    let mut http = HttpConnector::new_with_resolver(Resolver { system: GaiResolver::new(), reach });
    http.set_nodelay(true);
    http.enforce_http(false);
    http.set_connect_timeout(Some(limits.connect));
    let https = hyper_rustls::HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_http1()
        .wrap_connector(http);
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(Duration::from_secs(30))
        .pool_max_idle_per_host(4)
        .build(https)
}

/// The kind of failure and the system's word for it; never a URL's query or a header.
fn failed(error: &hyper_util::client::legacy::Error) -> OutboundError {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    let mut last = String::new();
    while let Some(at) = source {
        if at.is::<Refused>() {
            return OutboundError::Address;
        }
        last = at.to_string();
        source = at.source();
    }
    OutboundError::Failed(last)
}

/// Which addresses a connection may go to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Reach {
    NotLinkLocal,
    Public,
}

/// Checks the URL, and an address that is written in it, before anything is resolved.
fn reach(url: &Uri, by: WrittenBy<'_>) -> Result<Reach, OutboundError> {
    let authority = url.authority().ok_or(OutboundError::Url)?;
    if authority.as_str().contains('@') || authority.host().is_empty() {
        return Err(OutboundError::Url);
    }
    match url.scheme_str() {
        Some("https") => {}
        Some("http") if is_loopback(authority.host()) || matches!(by, WrittenBy::ConfigurationPlain) => {}
        Some("http") => return Err(OutboundError::NotHttps),
        _ => return Err(OutboundError::Url),
    }
    let same_host = |other: &Uri| other.host().is_some_and(|h| h.eq_ignore_ascii_case(authority.host()));
    match by {
        WrittenBy::Configuration | WrittenBy::ConfigurationPlain => Ok(Reach::NotLinkLocal),
        WrittenBy::Document { fetched_from } if same_host(fetched_from) => Ok(Reach::NotLinkLocal),
        WrittenBy::Document { .. } => match literal(authority.host()) {
            Some(ip) if !is_public(ip) => Err(OutboundError::Address),
            _ => Ok(Reach::Public),
        },
    }
}

fn literal(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || literal(host).is_some_and(|ip| ip.to_canonical().is_loopback())
}

/// Neither loopback, private, shared (RFC 6598), link-local, reserved, documentation nor multicast. An IPv4 address inside
/// an IPv6 one (mapped, 6to4, NAT64) counts as what it carries.
#[must_use]
pub fn is_public(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => public_v4(ip),
        IpAddr::V6(ip) => public_v6(ip),
    }
}

fn public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let special = ip.is_loopback()
        || ip.is_private()
        || ip.is_link_local()
        || ip.is_documentation()
        || ip.is_multicast()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (18..20).contains(&b));
    !special
}

fn public_v6(ip: Ipv6Addr) -> bool {
    let [s0, s1, s2, .., s6, s7] = ip.segments();
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    match (s0, s1) {
        (0x64, 0xff9b) => public_v4(v4(s6, s7)),
        (0x2002, _) => public_v4(v4(s1, s2)),
        // Teredo and the rest of 2001::/23, documentation, and all that is not global unicast.
        (0x2001, 0..0x200 | 0xdb8) => false,
        _ => (0x2000..0x4000).contains(&s0),
    }
}

fn is_link_local(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

/// The system's resolver, without the addresses that may not be reached.
#[derive(Clone, Debug)]
struct Resolver {
    system: GaiResolver,
    reach: Reach,
}

#[derive(Debug, thiserror::Error)]
#[error("no address of the host may be reached")]
struct Refused;

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = Box<dyn std::error::Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.system.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let found = self.system.call(name);
        let reach = self.reach;
        Box::pin(async move {
            let allowed: Vec<_> = found.await?.filter(|a| reach.allows(a.ip())).collect();
            if allowed.is_empty() { Err(Refused.into()) } else { Ok(allowed.into_iter()) }
        })
    }
}

impl Reach {
    fn allows(self, ip: IpAddr) -> bool {
        match self {
            Reach::NotLinkLocal => !is_link_local(ip),
            Reach::Public => is_public(ip),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_url_may_lead() {
        let configured: Uri = "https://idp.example/realm".parse().unwrap();
        let by_document = WrittenBy::Document { fetched_from: &configured };
        let by_configuration = WrittenBy::Configuration;
        let cases = [
            ("https://idp.example/x", by_configuration, Ok(Reach::NotLinkLocal)),
            ("https://10.0.0.1/x", by_configuration, Ok(Reach::NotLinkLocal)),
            ("http://127.0.0.1:80/x", by_configuration, Ok(Reach::NotLinkLocal)),
            ("http://[::1]:80/x", by_configuration, Ok(Reach::NotLinkLocal)),
            ("http://10.0.0.1/x", by_configuration, Err(OutboundError::NotHttps)),
            ("http://idp.example/x", by_configuration, Err(OutboundError::NotHttps)),
            ("http://collector.example/x", WrittenBy::ConfigurationPlain, Ok(Reach::NotLinkLocal)),
            ("ftp://idp.example/x", by_configuration, Err(OutboundError::Url)),
            ("https://a@idp.example/x", by_configuration, Err(OutboundError::Url)),
            ("/x", by_configuration, Err(OutboundError::Url)),
            ("https://IDP.example/keys", by_document, Ok(Reach::NotLinkLocal)),
            ("https://keys.example/x", by_document, Ok(Reach::Public)),
            ("https://8.8.8.8/x", by_document, Ok(Reach::Public)),
            ("https://10.0.0.1/x", by_document, Err(OutboundError::Address)),
            ("https://[::ffff:10.0.0.1]/x", by_document, Err(OutboundError::Address)),
            ("http://127.0.0.1/x", by_document, Err(OutboundError::Address)),
            ("https://169.254.169.254/x", by_document, Err(OutboundError::Address)),
        ];
        for (url, by, expected) in cases {
            assert_eq!(reach(&url.parse().unwrap(), by), expected, "{url} {by:?}");
        }
    }

    #[test]
    fn public_addresses() {
        for ip in ["8.8.8.8", "192.0.1.1", "2606:4700::1111", "2a00::1", "64:ff9b::808:808", "2002:808:808::"]
        {
            assert!(is_public(ip.parse().unwrap()), "{ip}");
        }
        let special = "0.0.0.0 10.1.1.1 127.0.0.1 100.64.0.1 169.254.169.254 172.16.0.1 192.168.1.1 198.18.0.1 \
            224.0.0.1 255.255.255.255 :: ::1 fe80::1 fd00::1 ff02::1 2001:db8::1 2001::1 ::ffff:127.0.0.1 \
            64:ff9b::a00:1 2002:a00:1::";
        for ip in special.split_ascii_whitespace() {
            assert!(!is_public(ip.parse().unwrap()), "{ip}");
        }
    }

    #[test]
    fn a_configured_name_does_not_lead_to_link_local() {
        assert!(!Reach::NotLinkLocal.allows("169.254.169.254".parse().unwrap()));
        assert!(Reach::NotLinkLocal.allows("10.0.0.1".parse().unwrap()));
    }
}
