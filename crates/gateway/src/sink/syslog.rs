//! Syslog: RFC 5424 messages with octet counting (RFC 6587) over TCP, or TLS (RFC 5425). Syslog has no acknowledgement. So each batch
//! has a connection of its own, is ended by half closing it, and counts as taken when the receiver has read to the end and
//! closes in turn: one that dies before gives a reset, and the batch is sent again. Over TLS one that dies after it has read cannot say
//! so that it closes: from a receiver that has once said it (`close_notify`), silence is not taken for an end any more.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use carnet_evidence::package::event::rfc3339;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::NotTaken;
use super::render::Batch;
use crate::tls;

/// For a connection, and for a batch to be read.
const PATIENCE: Duration = Duration::from_secs(10);
/// Facility 13, log audit; severity 6, informational.
const PRIORITY: u8 = 13 * 8 + 6;

/// A receiver.
pub(super) struct Syslog {
    host: String,
    port: u16,
    tls: Option<TlsConnector>,
    /// Over TLS it has said that it closes.
    says: AtomicBool,
}

impl Syslog {
    pub(super) fn new(host: &str, port: u16, over_tls: bool, ca: Option<&Path>) -> Result<Syslog, NotTaken> {
        let client = || tls::client(ca, None).map_err(|e| NotTaken::Unusable(e.to_string()));
        let tls = if over_tls { Some(TlsConnector::from(Arc::new(client()?))) } else { None };
        Ok(Syslog { host: host.to_owned(), port, tls, says: AtomicBool::new(false) })
    }

    pub(super) async fn take(&self, origin: &str, batch: &Batch) -> Result<(), NotTaken> {
        let bytes = frames(origin, batch);
        let whole = async {
            let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
            match &self.tls {
                None => send(stream, &bytes).await.map(|_| ()),
                Some(connector) => {
                    let name = rustls_pki_types::ServerName::try_from(self.host.clone())
                        .map_err(|_| NotTaken::Unusable("its host is no name for TLS".to_owned()))?;
                    let said = send(connector.connect(name, stream).await?, &bytes).await?;
                    if !said && self.says.load(Ordering::Relaxed) {
                        return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
                    }
                    self.says.fetch_or(said, Ordering::Relaxed);
                    Ok(())
                }
            }
        };
        timeout(PATIENCE, whole).await.map_err(|_| NotTaken::Slow)?
    }
}

/// Whether the receiver, when it had read everything, has closed in order: `false` where the connection just ended.
async fn send(mut stream: impl AsyncRead + AsyncWrite + Unpin, bytes: &[u8]) -> Result<bool, NotTaken> {
    stream.write_all(bytes).await?;
    stream.flush().await?;
    stream.shutdown().await?;
    let mut rest = [0; 256];
    loop {
        // A receiver of TLS may close without saying so first; that it closed is what counts.
        match stream.read(&mut rest).await {
            Ok(0) => return Ok(true),
            Ok(_) => {}
            Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(false),
            Err(e) => return Err(e.into()),
        }
    }
}

/// The messages of a batch, each after its length. A record of several lines is several messages.
fn frames(origin: &str, batch: &Batch) -> Vec<u8> {
    let host: String = origin
        .split('/')
        .next()
        .unwrap_or_default()
        .chars()
        .filter(char::is_ascii_graphic)
        .take(255)
        .collect();
    let host = if host.is_empty() { "-".to_owned() } else { host };
    let mut out = Vec::new();
    for one in &batch.records {
        let time = rfc3339(one.micros);
        for line in one.text.lines() {
            // The byte order mark says that what follows is UTF-8 (RFC 5424, 6.4).
            let message = format!("<{PRIORITY}>1 {time} {host} carnet - {} - \u{feff}{line}", one.ty);
            out.extend_from_slice(format!("{} ", message.len()).as_bytes());
            out.extend_from_slice(message.as_bytes());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::render::One;
    use super::*;

    #[test]
    fn messages_are_counted_in_bytes() {
        let one = One { micros: 1_790_000_000_000_001, ty: "call.decision", text: "CEF:0|ä".to_owned() };
        let batch = Batch { records: vec![one], place: carnet_store::Place::default() };
        let text = String::from_utf8(frames("log.example/a/de/1", &batch)).unwrap();
        let (count, message) = text.split_once(' ').unwrap();
        assert_eq!(count.parse::<usize>().unwrap(), message.len());
        assert_eq!(
            message,
            "<110>1 2026-09-21T14:13:20.000001Z log.example carnet - call.decision - \u{feff}CEF:0|ä"
        );
    }

    fn batch() -> Batch {
        let one = One { micros: 1, ty: "heartbeat", text: "CEF:0|x".to_owned() };
        Batch { records: vec![one], place: carnet_store::Place::default() }
    }

    #[tokio::test]
    async fn a_batch_counts_when_it_was_read_over_tls() {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (certificate, other) = (folder.path().join("cert.pem"), folder.path().join("other.pem"));
        std::fs::write(&certificate, made.cert.pem()).unwrap();
        let strange = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        std::fs::write(&other, strange.cert.pem()).unwrap();
        let server = tls::server(&certificate, &made.signing_key.serialize_pem(), "key", None).unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(server));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        // One that closes without a word, one that says it, one that is killed when it has read.
        let receiver = tokio::spawn(async move {
            let mut taken = Vec::new();
            for says in [false, true, false, true] {
                let (stream, _) = listener.accept().await.unwrap();
                // Who does not trust it ends the handshake.
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                stream.read_to_end(&mut taken).await.unwrap();
                if says {
                    stream.shutdown().await.unwrap();
                }
            }
            taken
        });
        let trusting = Syslog::new("localhost", port, true, Some(&certificate)).unwrap();
        trusting.take("log.example", &batch()).await.unwrap();
        trusting.take("log.example", &batch()).await.unwrap();
        assert!(trusting.take("log.example", &batch()).await.is_err(), "it died after it had read");
        let strict = Syslog::new("localhost", port, true, Some(&other)).unwrap();
        assert!(strict.take("log.example", &batch()).await.is_err(), "another certificate");
        let taken = String::from_utf8(receiver.await.unwrap()).unwrap();
        assert!(taken.ends_with("CEF:0|x") && taken.starts_with("7"), "{taken}");
    }

    #[tokio::test]
    async fn a_receiver_that_dies_has_taken_nothing() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let receiver = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            // What came is not read: the system answers with a reset when the socket goes.
            stream.readable().await.unwrap();
            drop(stream);
        });
        let syslog = Syslog::new("127.0.0.1", port, false, None).unwrap();
        assert!(syslog.take("log.example", &batch()).await.is_err());
        receiver.await.unwrap();
        assert!(syslog.take("log.example", &batch()).await.is_err(), "nobody listens");
    }
}
