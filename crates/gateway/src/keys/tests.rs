//! The key store against a small provider on loopback, which the test scripts. Time is moved by hand, nothing sleeps.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};

use carnet_identity::{IssuerRules, NoRevocations};
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::sync::Semaphore;

use super::*;
use crate::outbound::OutboundLimits;

/// RFC 8037, A.2, and a second key (RFC 8032, 7.1, test 2).
const FIRST: &str =
    r#"{"kty":"OKP","crv":"Ed25519","kid":"k1","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
const SECOND: &str =
    r#"{"kty":"OKP","crv":"Ed25519","kid":"k2","x":"PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw"}"#;

fn jwks(keys: &[&str]) -> String {
    format!(r#"{{"keys":[{}]}}"#, keys.join(","))
}

/// One answer of the provider to a question for keys.
enum Answer {
    Keys(String),
    Status(u16),
    Redirect,
    /// After a permit was given.
    Held(Arc<Semaphore>, String),
}

/// A provider whose key endpoint gives the scripted answers, the last one again and again.
struct Provider {
    base: String,
    answers: Arc<Mutex<VecDeque<Answer>>>,
    /// Questions for keys that have arrived.
    asked: Arc<AtomicUsize>,
    arrived: Arc<Semaphore>,
}

impl Provider {
    async fn start(answers: Vec<Answer>) -> Provider {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}/realm", listener.local_addr().unwrap());
        let provider = Provider {
            base,
            answers: Arc::new(Mutex::new(answers.into())),
            asked: Arc::default(),
            arrived: Arc::new(Semaphore::new(0)),
        };
        let (base, answers) = (provider.base.clone(), provider.answers.clone());
        let (asked, arrived) = (provider.asked.clone(), provider.arrived.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (base, answers) = (base.clone(), answers.clone());
                let (asked, arrived) = (asked.clone(), arrived.clone());
                let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
                    let (base, answers) = (base.clone(), answers.clone());
                    let (asked, arrived) = (asked.clone(), arrived.clone());
                    async move {
                        let path = request.uri().path();
                        if path == "/realm/.well-known/openid-configuration" {
                            let text = format!(r#"{{"issuer":"{base}","jwks_uri":"{base}/keys"}}"#);
                            return Ok::<_, std::convert::Infallible>(reply(200, text));
                        }
                        asked.fetch_add(1, Ordering::SeqCst);
                        arrived.add_permits(1);
                        Ok(answer(&answers).await)
                    }
                });
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service),
                );
            }
        });
        provider
    }

    fn then(&self, answer: Answer) {
        let mut answers = self.answers.lock().unwrap();
        answers.clear();
        answers.push_back(answer);
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn store(&self, settings: KeySettings) -> Arc<KeyStore> {
        store(&self.base, settings)
    }
}

async fn answer(answers: &Mutex<VecDeque<Answer>>) -> hyper::Response<Full<bytes::Bytes>> {
    let next = {
        let mut answers = answers.lock().unwrap();
        match answers.front() {
            Some(Answer::Held(..)) | None => answers.pop_front(),
            Some(Answer::Keys(text)) => Some(Answer::Keys(text.clone())),
            Some(Answer::Status(code)) => Some(Answer::Status(*code)),
            Some(Answer::Redirect) => Some(Answer::Redirect),
        }
    };
    match next {
        Some(Answer::Keys(text)) => reply(200, text),
        Some(Answer::Held(gate, text)) => {
            gate.acquire().await.unwrap().forget();
            reply(200, text)
        }
        Some(Answer::Redirect) => {
            let mut response = reply(302, String::new());
            response.headers_mut().insert("location", "http://127.0.0.1:1/".parse().unwrap());
            response
        }
        Some(Answer::Status(code)) => reply(code, String::new()),
        None => reply(500, String::new()),
    }
}

fn reply(status: u16, text: String) -> hyper::Response<Full<bytes::Bytes>> {
    hyper::Response::builder().status(status).body(Full::new(text.into())).unwrap()
}

fn outbound() -> Outbound {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    Outbound::new(tls, OutboundLimits { body: 4096, ..OutboundLimits::default() })
}

fn store(issuer: &str, settings: KeySettings) -> Arc<KeyStore> {
    let origin = KeyOrigin { issuer: issuer.into(), jwks_uri: None, outbound: outbound() };
    Arc::new(KeyStore::new(vec![origin], settings))
}

/// Moves the clock. Sockets and time do not mix while it is paused, so it is paused only here.
async fn advance(by: Duration) {
    tokio::time::pause();
    tokio::time::advance(by).await;
    tokio::time::resume();
}

fn count(store: &KeyStore, issuer: &str) -> Option<usize> {
    store.keys(issuer).map(|set| set.keys().len())
}

fn last_error(store: &KeyStore) -> String {
    store.status()[0].last_error.as_ref().map(ToString::to_string).unwrap_or_default()
}

#[tokio::test]
async fn keys_are_found_and_rotated_with_a_floor_between() {
    let provider = Provider::start(vec![Answer::Keys(jwks(&[FIRST]))]).await;
    let store = provider.store(KeySettings::default());
    assert_eq!(count(&store, &provider.base), None);
    assert_eq!(store.refresh(&provider.base).await, Refreshed::Fetched);
    let before = store.keys(&provider.base).unwrap();
    let first = before.keys()[0].id();

    provider.then(Answer::Keys(jwks(&[SECOND])));
    for _ in 0..50 {
        assert_eq!(store.refresh(&provider.base).await, Refreshed::TooSoon);
    }
    assert_eq!(provider.asked(), 1);
    advance(Duration::from_secs(10)).await;
    assert_eq!(store.refresh(&provider.base).await, Refreshed::Fetched);
    // The old key is gone at once, for cached tokens too, which look for its fingerprint.
    assert!(!store.keys(&provider.base).unwrap().contains(first));
    assert_eq!(provider.asked(), 2);
}

#[tokio::test]
async fn an_unknown_key_fetches_once_and_is_tried_again() {
    let provider = Provider::start(vec![Answer::Keys(jwks(&[FIRST]))]).await;
    let store = provider.store(KeySettings::default());
    store.refresh_all().await;
    provider.then(Answer::Keys(jwks(&[FIRST, SECOND])));
    advance(Duration::from_secs(11)).await;
    let rules = [IssuerRules::new(&provider.base, &["carnet"])];
    let verifier = Verifier { rules: &rules, keys: &*store, revocations: &NoRevocations, cache: None };
    let b64 = |text: &str| {
        use base64::Engine;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text)
    };
    let claims = format!(r#"{{"iss":"{}","sub":"u","aud":"carnet","exp":2000000000}}"#, provider.base);
    let token = format!("{}.{}.AAAA", b64(r#"{"alg":"EdDSA","kid":"k2"}"#), b64(&claims));
    // The new key was found: the next thing that fails is the signature.
    let outcome = store.verify(&verifier, &token, None, 1_800_000_000).await;
    assert_eq!(outcome.unwrap_err(), IdentityError::Signature);
    assert_eq!(provider.asked(), 2);
    // A name that nobody has asks no more within the floor.
    let invented = format!("{}.{}.AAAA", b64(r#"{"alg":"EdDSA","kid":"k3"}"#), b64(&claims));
    for _ in 0..20 {
        let outcome = store.verify(&verifier, &invented, None, 1_800_000_000).await;
        assert_eq!(outcome.unwrap_err().rule(), "unknown-key");
    }
    assert_eq!(provider.asked(), 2);
}

#[tokio::test]
async fn old_keys_go_on_while_the_provider_is_down_but_not_for_ever() {
    let provider = Provider::start(vec![Answer::Keys(jwks(&[FIRST]))]).await;
    let store =
        provider.store(KeySettings { max_stale: Duration::from_secs(3600), ..KeySettings::default() });
    store.refresh_all().await;
    for (answer, error) in [
        (Answer::Status(503), "the provider answered 503"),
        (Answer::Keys("<html>".into()), "key set: not valid JSON at byte 0"),
        (Answer::Keys(" ".repeat(5000)), "the reply is longer than 4096 bytes"),
        (Answer::Redirect, "the reply is a redirect (302), which is not followed"),
    ] {
        provider.then(answer);
        advance(Duration::from_secs(600)).await;
        assert_eq!(store.refresh(&provider.base).await, Refreshed::Failed);
        assert_eq!(last_error(&store), error);
        assert_eq!(count(&store, &provider.base), Some(1));
    }
    advance(Duration::from_secs(1201)).await;
    assert_eq!(count(&store, &provider.base), None);
    assert!(!store.status()[0].usable);
    provider.then(Answer::Keys(jwks(&[SECOND])));
    assert_eq!(store.refresh(&provider.base).await, Refreshed::Fetched);
    assert_eq!(count(&store, &provider.base), Some(1));
    assert_eq!(last_error(&store), "");
}

#[tokio::test]
async fn fetches_at_the_same_time_are_one_and_readers_do_not_wait() {
    let gate = Arc::new(Semaphore::new(0));
    let provider = Provider::start(vec![Answer::Keys(jwks(&[FIRST]))]).await;
    let store = provider.store(KeySettings::default());
    store.refresh_all().await;
    provider.arrived.acquire().await.unwrap().forget();
    provider.then(Answer::Held(gate.clone(), jwks(&[FIRST, SECOND])));
    advance(Duration::from_secs(11)).await;
    let all: Vec<_> = (0..20)
        .map(|_| {
            let (store, issuer) = (store.clone(), provider.base.clone());
            tokio::spawn(async move { store.refresh(&issuer).await })
        })
        .collect();
    // The provider has the question and does not answer: the old keys are there meanwhile.
    provider.arrived.acquire().await.unwrap().forget();
    assert_eq!(count(&store, &provider.base), Some(1));
    gate.add_permits(1);
    for one in all {
        assert_eq!(one.await.unwrap(), Refreshed::Fetched);
    }
    assert_eq!((provider.asked(), count(&store, &provider.base)), (2, Some(2)));
}

#[tokio::test]
async fn a_caller_that_leaves_or_waits_too_long_does_not_stop_the_fetch() {
    let gate = Arc::new(Semaphore::new(0));
    let provider = Provider::start(vec![Answer::Held(gate.clone(), jwks(&[FIRST]))]).await;
    let store = provider.store(KeySettings { wait: Duration::ZERO, ..KeySettings::default() });
    assert_eq!(store.refresh(&provider.base).await, Refreshed::Failed);
    provider.arrived.acquire().await.unwrap().forget();
    let mut finished = store.issuers.get(&*provider.base).unwrap().finished.subscribe();
    gate.add_permits(1);
    finished.wait_for(|(count, _)| *count == 1).await.unwrap();
    assert_eq!((provider.asked(), count(&store, &provider.base)), (1, Some(1)));
}

#[tokio::test]
async fn a_reload_keeps_the_keys_and_the_floor() {
    let provider = Provider::start(vec![Answer::Keys(jwks(&[FIRST]))]).await;
    let old = provider.store(KeySettings::default());
    old.refresh_all().await;
    let origin = |jwks_uri: Option<Uri>| KeyOrigin {
        issuer: provider.base.as_str().into(),
        jwks_uri,
        outbound: outbound(),
    };
    let new = KeyStore::new(vec![origin(None)], KeySettings::default()).adopting(&old);
    assert_eq!(count(&new, &provider.base), Some(1));
    assert_eq!(new.refresh(&provider.base).await, Refreshed::TooSoon);
    // Keys from another address are not the same keys.
    let elsewhere = format!("{}/other", provider.base).parse().ok();
    let moved = KeyStore::new(vec![origin(elsewhere)], KeySettings::default()).adopting(&old);
    assert_eq!(count(&moved, &provider.base), None);
}

#[tokio::test]
async fn keys_are_kept_fresh_without_a_cause() {
    let provider = Provider::start(vec![Answer::Keys(jwks(&[FIRST]))]).await;
    let store = provider.store(KeySettings::default());
    let mut finished = store.issuers.get(&*provider.base).unwrap().finished.subscribe();
    let running = store.tend();
    finished.wait_for(|(count, _)| *count == 1).await.unwrap();
    provider.then(Answer::Status(500));
    // One interval later it is asked again, and after a failure the floor later.
    for (n, by) in [(2, 300), (3, 10)] {
        // The loop has to be asleep before the clock moves.
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
        advance(Duration::from_secs(by)).await;
        finished.wait_for(|(count, _)| *count == n).await.unwrap();
    }
    drop(running);
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
    advance(Duration::from_secs(1_000)).await;
    assert_eq!((provider.asked(), count(&store, &provider.base)), (3, Some(1)));
}

#[tokio::test]
async fn nobody_listening_is_an_error_and_not_a_wait() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let store = store(&issuer, KeySettings::default());
    assert_eq!(store.refresh(&issuer).await, Refreshed::Failed);
    assert!(last_error(&store).contains("the request failed"), "{}", last_error(&store));
    assert_eq!(store.refresh("https://another.example").await, Refreshed::Failed);
}

#[test]
fn where_discovery_is_looked_for() {
    let shown = |issuer: &str| well_known(issuer).map(|urls| urls.map(|u| u.to_string()).join(" ")).ok();
    assert_eq!(
        shown("https://idp.example/realms/a/").as_deref(),
        Some(
            "https://idp.example/realms/a/.well-known/openid-configuration \
             https://idp.example/.well-known/oauth-authorization-server/realms/a"
        )
    );
    assert_eq!(shown("https://idp.example?x=1"), None);
    assert_eq!(shown("not a url"), None);
}
