//! Credentials against a small token endpoint on loopback. Time is moved by hand, nothing sleeps.

use std::collections::VecDeque;
use std::path::PathBuf;

use http_body_util::BodyExt;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;

use super::*;
use crate::outbound::OutboundLimits;

/// A token endpoint: gives the scripted replies (status, body) and keeps what it was asked.
struct Endpoint {
    url: String,
    replies: Arc<Mutex<VecDeque<(u16, String)>>>,
    /// `Authorization` and body of each question.
    asked: Arc<Mutex<Vec<(String, String)>>>,
}

impl Endpoint {
    async fn start() -> Endpoint {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/token", listener.local_addr().unwrap());
        let endpoint = Endpoint { url, replies: Arc::default(), asked: Arc::default() };
        let (replies, asked) = (endpoint.replies.clone(), endpoint.asked.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (replies, asked) = (replies.clone(), asked.clone());
                let service = service_fn(move |request: Request<hyper::body::Incoming>| {
                    let (replies, asked) = (replies.clone(), asked.clone());
                    async move {
                        let header = request.headers().get(AUTHORIZATION);
                        let header = header.map(|h| h.to_str().unwrap().to_owned()).unwrap_or_default();
                        let body = request.into_body().collect().await?.to_bytes();
                        asked.lock().unwrap().push((header, String::from_utf8(body.to_vec()).unwrap()));
                        let (status, text) =
                            replies.lock().unwrap().pop_front().unwrap_or((500, String::new()));
                        let reply = hyper::Response::builder().status(status);
                        Ok::<_, hyper::Error>(reply.body(Full::new(Bytes::from(text))).unwrap())
                    }
                });
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service),
                );
            }
        });
        endpoint
    }

    fn will_say(&self, status: u16, text: &str) {
        self.replies.lock().unwrap().push_back((status, text.to_owned()));
    }

    fn will_give(&self, token: &str, seconds: u32) {
        self.will_say(
            200,
            &format!(r#"{{"access_token":"{token}","token_type":"Bearer","expires_in":{seconds}}}"#),
        );
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    fn credentials(&self, secret: &SecretRef, auth: ClientAuth) -> UpstreamCredentials {
        let client = OAuthClient {
            region: None,
            token_url: self.url.clone(),
            client_id: "carnet:eu".into(),
            client_secret: secret.clone(),
            scope: Some("read write".into()),
            resource: Some("https://up.example/mcp".into()),
            audience: None,
            auth,
        };
        UpstreamCredentials::load(&Credentials::OAuth(Box::new(client)), &outbound()).unwrap()
    }
}

fn outbound() -> Outbound {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    Outbound::new(tls, OutboundLimits::default())
}

/// A secret in a file; the folder must live as long as it is read.
fn secret(text: &[u8]) -> (tempfile::TempDir, SecretRef) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    std::fs::write(&path, text).unwrap();
    (folder, SecretRef::File(path))
}

async fn advance(by: Duration) {
    tokio::time::pause();
    tokio::time::advance(by).await;
    tokio::time::resume();
}

async fn shown(credentials: &UpstreamCredentials) -> Result<String, CredentialError> {
    Ok(credentials.header().await?.unwrap().1.to_str().unwrap().to_owned())
}

fn tokens(credentials: &UpstreamCredentials) -> &Arc<OAuthTokens> {
    match credentials {
        UpstreamCredentials::OAuth(tokens) => tokens,
        other => panic!("{other:?}"),
    }
}

#[test]
fn secrets_are_read_from_references() {
    let cases: [(&[u8], Option<&str>); 7] = [
        (b"abc", Some("abc")),
        (b"abc\n", Some("abc")),
        (b"abc\r\n", Some("abc")),
        (b"abc\n\n", Some("abc\n")),
        (b"", None),
        (b"\n", None),
        (b"\xff", None),
    ];
    for (text, expected) in cases {
        let (_folder, reference) = secret(text);
        assert_eq!(resolve(&reference).ok().map(|s| s.expose().clone()).as_deref(), expected, "{text:?}");
    }
    let (_folder, long) = secret(&vec![b'a'; 70_000]);
    assert!(matches!(resolve(&long), Err(SecretError::Value(_))));
    let absent = resolve(&SecretRef::File(PathBuf::from("/nonexistent/secret"))).unwrap_err();
    assert_eq!(absent.to_string(), "file:/nonexistent/secret: entity not found");
    let unset = resolve(&SecretRef::Env("CARNET_TEST_UNSET_VARIABLE".into())).unwrap_err();
    assert_eq!(unset.to_string(), "env:CARNET_TEST_UNSET_VARIABLE: the environment has no such variable");
}

#[tokio::test]
async fn static_credentials_do_not_print() {
    let (_folder, reference) = secret(b"s3cr3t\n");
    let bearer = UpstreamCredentials::load(&Credentials::Bearer(reference.clone()), &outbound()).unwrap();
    assert_eq!(shown(&bearer).await.unwrap(), "Bearer s3cr3t");
    let named = Credentials::Header { name: "x-api-key".into(), value: reference };
    let header = UpstreamCredentials::load(&named, &outbound()).unwrap();
    assert_eq!(shown(&header).await.unwrap(), "s3cr3t");
    assert!(!format!("{bearer:?} {header:?}").contains("s3cr3t"));
    let (_folder, two_lines) = secret(b"a\r\nx-evil: 1");
    assert!(UpstreamCredentials::load(&Credentials::Bearer(two_lines), &outbound()).is_err());
    assert!(UpstreamCredentials::None.header().await.unwrap().is_none());
}

#[tokio::test]
async fn the_client_shows_its_secret_as_configured() {
    let (_folder, reference) = secret("p&ss wörd".as_bytes());
    let form = "grant_type=client_credentials&scope=read%20write&resource=https%3A%2F%2Fup.example%2Fmcp";
    let post = "&client_id=carnet%3Aeu&client_secret=p%26ss%20w%C3%B6rd";
    let basic = format!("Basic {}", STANDARD.encode("carnet%3Aeu:p%26ss%20w%C3%B6rd"));
    for (auth, header, body) in [
        (ClientAuth::Basic, basic.as_str(), form.to_owned()),
        (ClientAuth::Post, "", format!("{form}{post}")),
    ] {
        let endpoint = Endpoint::start().await;
        endpoint.will_give("t1", 100);
        let credentials = endpoint.credentials(&reference, auth);
        assert_eq!(shown(&credentials).await.unwrap(), "Bearer t1");
        assert_eq!(*endpoint.asked.lock().unwrap(), [(header.to_owned(), body)]);
        assert!(!format!("{credentials:?}").contains("t1"));
    }
}

#[tokio::test]
async fn a_token_is_shared_renewed_before_its_end_and_waited_for_after_it() {
    let (_folder, reference) = secret(b"s");
    let endpoint = Endpoint::start().await;
    let credentials = endpoint.credentials(&reference, ClientAuth::Basic);
    let mut finished = tokens(&credentials).finished.subscribe();
    endpoint.will_give("t1", 100);
    let calls = futures_util::future::join_all((0..20).map(|_| shown(&credentials))).await;
    assert!(calls.iter().all(|c| c.as_deref() == Ok("Bearer t1")));
    assert_eq!(endpoint.asked(), 1);

    // Four fifths of its life have passed: still used, while the next one is fetched beside.
    endpoint.will_give("t2", 100);
    advance(Duration::from_secs(81)).await;
    assert_eq!(shown(&credentials).await.unwrap(), "Bearer t1");
    finished.wait_for(|count| *count == 2).await.unwrap();
    assert_eq!(shown(&credentials).await.unwrap(), "Bearer t2");

    // All of its life has passed.
    endpoint.will_give("t3", 100);
    advance(Duration::from_secs(101)).await;
    assert_eq!(shown(&credentials).await.unwrap(), "Bearer t3");

    // The upstream refused it; a header of before does no harm.
    endpoint.will_give("t4", 100);
    credentials.rejected(&HeaderValue::from_static("Bearer t1"));
    assert_eq!(shown(&credentials).await.unwrap(), "Bearer t3");
    credentials.rejected(&HeaderValue::from_static("Bearer t3"));
    assert_eq!(shown(&credentials).await.unwrap(), "Bearer t4");
    assert_eq!(endpoint.asked(), 4);
}

#[tokio::test]
async fn a_failure_is_told_without_the_endpoints_text_and_not_repeated_at_once() {
    let (_folder, reference) = secret(b"s");
    let endpoint = Endpoint::start().await;
    let credentials = endpoint.credentials(&reference, ClientAuth::Basic);
    let cases = [
        (
            401,
            r#"{"error":"invalid_client","error_description":"s3cr3t"}"#,
            "the token endpoint answered 401 (invalid_client)",
        ),
        (400, r#"{"error":"s3cr3t"}"#, "the token endpoint answered 400 (other)"),
        (503, "s3cr3t", "the token endpoint answered 503 (other)"),
        (200, "s3cr3t", "the token endpoint's reply is not usable: it is not strict JSON"),
        (200, "{}", "the token endpoint's reply is not usable: there is no access_token"),
        (
            200,
            r#"{"access_token":"s3cr3t","token_type":"DPoP"}"#,
            "the token endpoint's reply is not usable: the token is not a bearer token",
        ),
        (
            200,
            r#"{"access_token":"s3cr3t","token_type":"bearer","expires_in":-5}"#,
            "the token endpoint's reply is not usable: expires_in is not a number of seconds",
        ),
        (
            200,
            r#"{"access_token":"a\nb","token_type":"bearer"}"#,
            "the credential cannot stand in the header authorization",
        ),
    ];
    for (n, (status, text, expected)) in cases.into_iter().enumerate() {
        endpoint.will_say(status, text);
        advance(RETRY_FLOOR).await;
        for _ in 0..5 {
            assert_eq!(shown(&credentials).await.unwrap_err().to_string(), expected);
        }
        assert_eq!(endpoint.asked(), n + 1);
    }
    endpoint.will_say(200, r#"{"access_token":"t1","token_type":"bearer","expires_in":"60"}"#);
    advance(RETRY_FLOOR).await;
    assert_eq!(shown(&credentials).await.unwrap(), "Bearer t1");
}
