//! HTTP on this machine only: the sample server and the development issuer listen with it, the tour calls with it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::request::Parts;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

/// No request or reply of the demo is longer.
const LARGEST: usize = 4 << 20;
/// No exchange of the demo takes longer, a first `npx` download included.
const LONGEST: Duration = Duration::from_secs(180);

/// A whole reply.
pub(crate) type Reply = Response<Full<Bytes>>;

/// What answers on an address.
pub(crate) trait Site: Send + Sync + 'static {
    /// The reply to a whole request.
    fn answer(&self, head: &Parts, body: &[u8]) -> Reply;
}

/// A socket of this machine. Anything else is refused here, whoever asks for it.
pub(crate) fn bind(address: SocketAddr) -> anyhow::Result<std::net::TcpListener> {
    if !address.ip().is_loopback() {
        bail!("the demo listens on loopback only, not on {}", address.ip());
    }
    let listener =
        std::net::TcpListener::bind(address).with_context(|| format!("cannot listen on {address}"))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Answers on a socket until the process ends.
pub(crate) fn serve(listener: std::net::TcpListener, site: Arc<impl Site>) -> anyhow::Result<()> {
    if !listener.local_addr()?.ip().is_loopback() {
        bail!("the demo answers on loopback only");
    }
    let listener = TcpListener::from_std(listener)?;
    tokio::spawn(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else { continue };
            tokio::spawn(connection(stream, site.clone()));
        }
    });
    Ok(())
}

async fn connection(stream: TcpStream, site: Arc<impl Site>) {
    let service = service_fn(move |request: Request<Incoming>| {
        let site = site.clone();
        async move { Ok::<_, std::convert::Infallible>(whole(&*site, request).await) }
    });
    let timer = hyper_util::rt::TokioTimer::new();
    // How a connection ended is of no interest: what mattered was answered.
    let _ = hyper::server::conn::http1::Builder::new()
        .timer(timer)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn whole(site: &impl Site, request: Request<Incoming>) -> Reply {
    let (head, body) = request.into_parts();
    // A page that a browser loaded under another name must not reach this (DNS rebinding).
    if !head.headers.get(HOST).is_some_and(is_loopback_name) {
        return empty(StatusCode::FORBIDDEN);
    }
    match Limited::new(body, LARGEST).collect().await {
        Ok(body) => site.answer(&head, &body.to_bytes()),
        Err(_) => empty(StatusCode::PAYLOAD_TOO_LARGE),
    }
}

fn is_loopback_name(host: &HeaderValue) -> bool {
    let Ok(authority) = host.to_str().unwrap_or_default().parse::<http::uri::Authority>() else {
        return false;
    };
    let name = authority.host().trim_matches(['[', ']']);
    name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// A reply without a body.
pub(crate) fn empty(status: StatusCode) -> Reply {
    let mut reply = Response::new(Full::default());
    *reply.status_mut() = status;
    reply
}

/// A reply with a body.
pub(crate) fn body(status: StatusCode, kind: &'static str, text: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(Full::new(text.into()));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    reply
}

/// Sends a request to an address of this machine and waits for the whole reply.
pub(crate) async fn send(
    to: SocketAddr,
    mut request: Request<Full<Bytes>>,
) -> anyhow::Result<Response<Bytes>> {
    let exchange = async {
        let stream = TcpStream::connect(to).await.with_context(|| format!("cannot connect to {to}"))?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        request.headers_mut().insert(HOST, HeaderValue::from_str(&to.to_string())?);
        let (head, body) = sender.send_request(request).await?.into_parts();
        let body = Limited::new(body, LARGEST)
            .collect()
            .await
            .map_err(|e| anyhow::anyhow!("reading a reply: {e}"))?;
        Ok(Response::from_parts(head, body.to_bytes()))
    };
    tokio::time::timeout(LONGEST, exchange).await.context("no reply in three minutes")?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listens_on_loopback_only() {
        assert!(bind("127.0.0.1:0".parse().unwrap()).is_ok());
        for beyond in ["0.0.0.0:0", "192.0.2.1:0", "[::]:0"] {
            let error = bind(beyond.parse().unwrap()).unwrap_err().to_string();
            assert!(error.contains("loopback only"), "{error}");
        }
    }

    #[test]
    fn other_names_of_this_machine_are_refused() {
        for (host, good) in [
            ("127.0.0.1:7301", true),
            ("localhost", true),
            ("[::1]:80", true),
            ("evil.example", false),
            ("127.0.0.1.evil.example:80", false),
            ("", false),
        ] {
            assert_eq!(is_loopback_name(&HeaderValue::from_str(host).unwrap()), good, "{host}");
        }
    }
}
