//! The issuers' keys: found by discovery, fetched, kept and rotated. A reader never waits: it takes the set that is
//! there (`arc-swap`). A token that names an unknown key starts a fetch, at most one at a time and not sooner than a floor
//! after the last, so that invented key names cannot be used to hammer the provider. While the provider is
//! down the old keys go on for a stated time, then nothing is accepted from that issuer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use carnet_identity::{IdentityError, KeySet, KeySetError, KeySource, Verified, Verifier};
use http::Uri;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::outbound::{Outbound, OutboundError, WrittenBy};

/// How keys are kept.
#[derive(Clone, Copy, Debug)]
pub struct KeySettings {
    /// How often keys are fetched without a cause. A key that the issuer withdraws is refused at most this much later.
    pub refresh: Duration,
    /// Least time between two fetches from one issuer.
    pub floor: Duration,
    /// How long keys are trusted while they cannot be fetched again.
    pub max_stale: Duration,
    /// How long a request waits for a fetch that it caused.
    pub wait: Duration,
}

impl Default for KeySettings {
    /// 5 min, 10 s, 24 h, 5 s.
    fn default() -> Self {
        KeySettings {
            refresh: Duration::from_secs(300),
            floor: Duration::from_secs(10),
            max_stale: Duration::from_secs(24 * 3600),
            wait: Duration::from_secs(5),
        }
    }
}

/// An issuer whose keys are kept.
#[derive(Clone, Debug)]
pub struct KeyOrigin {
    /// `iss`, exactly.
    pub issuer: Arc<str>,
    /// Where the keys are; none: found by discovery.
    pub jwks_uri: Option<Uri>,
    /// The client to ask with (its roots may be the issuer's own).
    pub outbound: Outbound,
}

/// Why keys could not be fetched.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum KeyError {
    /// The issuer is not one of the configured.
    #[error("the issuer is not configured")]
    UnknownIssuer,
    /// The issuer or its `jwks_uri` is not a URL.
    #[error("the issuer's address is not a URL")]
    Url,
    /// No reply.
    #[error(transparent)]
    Outbound(#[from] OutboundError),
    /// A reply that is not 200.
    #[error("the provider answered {0}")]
    Status(u16),
    /// The discovery document is not JSON, lacks `jwks_uri`, or names another issuer (OpenID Connect Discovery, 4.3).
    #[error("the discovery document is not usable: {0}")]
    Discovery(&'static str),
    /// Not a key set.
    #[error(transparent)]
    KeySet(#[from] KeySetError),
    /// The fetch was given up.
    #[error("the fetch was given up")]
    Aborted,
}

/// What a refresh did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refreshed {
    /// Keys were fetched after this call began.
    Fetched,
    /// The last fetch is too recent.
    TooSoon,
    /// The fetch failed or takes longer than the caller may wait; the old keys stay.
    Failed,
}

/// How an issuer's keys stand, for `/readyz`, metrics and evidence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyStatus {
    /// The issuer.
    pub issuer: Arc<str>,
    /// How many usable keys there are.
    pub keys: usize,
    /// How old they are; none: never fetched.
    pub age: Option<Duration>,
    /// Whether they are still trusted.
    pub usable: bool,
    /// Why the last fetch failed, if it did.
    pub last_error: Option<KeyError>,
}

struct Fetched {
    set: Arc<KeySet>,
    at: Instant,
}

/// The state of fetching.
#[derive(Default)]
struct Attempts {
    running: bool,
    begun: Option<Instant>,
    last_error: Option<KeyError>,
}

struct Issuer {
    origin: KeyOrigin,
    current: ArcSwapOption<Fetched>,
    attempts: Mutex<Attempts>,
    /// Counts finished fetches, good and bad, with what the last one came to.
    finished: watch::Sender<(u64, bool)>,
}

/// The keys of all issuers.
pub struct KeyStore {
    issuers: HashMap<Arc<str>, Arc<Issuer>>,
    settings: KeySettings,
}

impl std::fmt::Debug for KeyStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyStore").field("issuers", &self.issuers.keys()).finish_non_exhaustive()
    }
}

impl KeySource for KeyStore {
    fn keys(&self, issuer: &str) -> Option<Arc<KeySet>> {
        let current = self.issuers.get(issuer)?.current.load();
        let fetched = current.as_ref()?;
        (fetched.at.elapsed() <= self.settings.max_stale).then(|| fetched.set.clone())
    }
}

impl KeyStore {
    /// A store without keys yet; [`KeyStore::refresh_all`] fetches them.
    #[must_use]
    pub fn new(origins: Vec<KeyOrigin>, settings: KeySettings) -> Self {
        let issuer = |origin: KeyOrigin| {
            let name = origin.issuer.clone();
            let issuer = Issuer {
                origin,
                current: ArcSwapOption::empty(),
                attempts: Mutex::default(),
                finished: watch::channel((0, false)).0,
            };
            (name, Arc::new(issuer))
        };
        KeyStore { issuers: origins.into_iter().map(issuer).collect(), settings }
    }

    /// Takes over what an older store knows of the same issuers, so that a reload of the configuration neither forgets keys
    /// nor asks the providers sooner than the floor allows.
    #[must_use]
    pub fn adopting(self, older: &KeyStore) -> Self {
        for (name, issuer) in &self.issuers {
            let Some(old) = older.issuers.get(name).filter(|o| o.origin.jwks_uri == issuer.origin.jwks_uri)
            else {
                continue;
            };
            issuer.current.store(old.current.load_full());
            let (begun, last_error) = {
                let old = old.attempts();
                (old.begun, old.last_error.clone())
            };
            let mut attempts = issuer.attempts();
            attempts.begun = begun;
            attempts.last_error = last_error;
        }
        self
    }

    /// Checks a token (and the actor's, if there is one), fetching keys once where that may help.
    ///
    /// # Errors
    /// The rule that failed.
    pub async fn verify(
        &self,
        verifier: &Verifier<'_>,
        token: &str,
        actor_token: Option<&str>,
        now_unix: i64,
    ) -> Result<Arc<Verified>, IdentityError> {
        let check = || match actor_token {
            None => verifier.verify(token, now_unix),
            Some(actor) => verifier.verify_delegated(token, actor, now_unix),
        };
        // Twice, because token and actor's token may come from two issuers that both changed their keys.
        let mut outcome = check();
        for _ in 0..2 {
            let Some(issuer) = outcome.as_ref().err().and_then(IdentityError::wants_keys_of) else { break };
            // Too soon may mean that another caller's fetch ended just now, so it is looked at again too.
            if self.refresh(issuer).await == Refreshed::Failed {
                break;
            }
            outcome = check();
        }
        outcome
    }

    /// Fetches an issuer's keys, unless the last fetch is too recent. Calls at the same time share one fetch. A caller
    /// that goes away does not stop it.
    pub async fn refresh(&self, issuer: &str) -> Refreshed {
        let Some(issuer) = self.issuers.get(issuer) else { return Refreshed::Failed };
        let mut finished = issuer.finished.subscribe();
        let before = finished.borrow_and_update().0;
        match issuer.begin(self.settings.floor) {
            Begin::TooSoon => return Refreshed::TooSoon,
            Begin::Running => {}
            Begin::Now => drop(tokio::spawn(fetch_once(issuer.clone()))),
        }
        let done = finished.wait_for(|(count, _)| *count > before);
        match tokio::time::timeout(self.settings.wait, done).await {
            Ok(Ok(outcome)) if outcome.1 => Refreshed::Fetched,
            _ => Refreshed::Failed,
        }
    }

    /// Fetches the keys of all issuers, all at once.
    pub async fn refresh_all(&self) {
        let all = self.issuers.keys().map(|issuer| self.refresh(issuer));
        futures_util::future::join_all(all).await;
    }

    /// Keeps all keys fresh for as long as what it returns lives.
    pub fn tend(self: &Arc<Self>) -> Tended {
        Tended(tokio::spawn(self.clone().keep_fresh()).abort_handle())
    }

    /// Keeps all keys fresh, for ever. An issuer that fails is asked again after the floor.
    async fn keep_fresh(self: Arc<Self>) {
        let each = self.issuers.values().map(|issuer| async {
            loop {
                let fetched = self.refresh(&issuer.origin.issuer).await;
                let pause = match fetched {
                    Refreshed::Fetched => self.settings.refresh,
                    Refreshed::TooSoon | Refreshed::Failed => self.settings.floor,
                };
                tokio::time::sleep(pause).await;
            }
        });
        futures_util::future::join_all(each).await;
    }

    /// How the keys stand, by issuer.
    pub fn status(&self) -> Vec<KeyStatus> {
        let mut all = Vec::with_capacity(self.issuers.len());
        for issuer in self.issuers.values() {
            let last_error = issuer.attempts().last_error.clone();
            let current = issuer.current.load();
            let age = current.as_ref().map(|f| f.at.elapsed());
            all.push(KeyStatus {
                issuer: issuer.origin.issuer.clone(),
                keys: current.as_ref().map_or(0, |f| f.set.keys().len()),
                age,
                usable: age.is_some_and(|a| a <= self.settings.max_stale),
                last_error,
            });
        }
        all.sort_by(|a, b| a.issuer.cmp(&b.issuer));
        all
    }
}

/// Keys that are kept fresh. Dropped, they are no longer asked for.
#[derive(Debug)]
pub struct Tended(tokio::task::AbortHandle);

impl Drop for Tended {
    fn drop(&mut self) {
        self.0.abort();
    }
}

enum Begin {
    Now,
    Running,
    TooSoon,
}

impl Issuer {
    fn attempts(&self) -> MutexGuard<'_, Attempts> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Decides whether a fetch begins now, and if so notes it.
    fn begin(&self, floor: Duration) -> Begin {
        let mut attempts = self.attempts();
        if attempts.running {
            return Begin::Running;
        }
        if attempts.begun.is_some_and(|at| at.elapsed() < floor) {
            return Begin::TooSoon;
        }
        attempts.running = true;
        attempts.begun = Some(Instant::now());
        Begin::Now
    }
}

async fn fetch_once(issuer: Arc<Issuer>) {
    // The age counts from the question: a key withdrawn while the answer travels must not live longer.
    let at = Instant::now();
    let outcome = fetch(&issuer.origin).await;
    let good = outcome.is_ok();
    let last_error = match outcome {
        Ok(set) => {
            tracing::debug!(issuer = %issuer.origin.issuer, keys = set.keys().len(), "keys fetched");
            issuer.current.store(Some(Arc::new(Fetched { set: Arc::new(set), at })));
            None
        }
        Err(error) => {
            tracing::warn!(issuer = %issuer.origin.issuer, %error, "keys could not be fetched");
            Some(error)
        }
    };
    {
        let mut attempts = issuer.attempts();
        attempts.running = false;
        attempts.last_error = last_error;
    }
    // After `running` is off: whoever still saw it on has subscribed before and is woken.
    issuer.finished.send_modify(|(count, last)| {
        *count += 1;
        *last = good;
    });
}

async fn fetch(origin: &KeyOrigin) -> Result<KeySet, KeyError> {
    let body = match &origin.jwks_uri {
        Some(url) => document(origin, url, WrittenBy::Configuration).await?,
        None => {
            let issuer: Uri = origin.issuer.parse().map_err(|_| KeyError::Url)?;
            let url = discover(origin).await?;
            document(origin, &url, WrittenBy::Document { fetched_from: &issuer }).await?
        }
    };
    Ok(KeySet::parse(&body)?)
}

async fn document(origin: &KeyOrigin, url: &Uri, by: WrittenBy<'_>) -> Result<bytes::Bytes, KeyError> {
    let reply = origin.outbound.get_json(url, by).await?;
    if reply.status != http::StatusCode::OK {
        return Err(KeyError::Status(reply.status.as_u16()));
    }
    Ok(reply.body)
}

/// OpenID Connect Discovery, 4, and where there is no such document, RFC 8414, 3.
async fn discover(origin: &KeyOrigin) -> Result<Uri, KeyError> {
    let [openid, oauth] = well_known(&origin.issuer)?;
    let body = match document(origin, &openid, WrittenBy::Configuration).await {
        Err(KeyError::Status(404)) => document(origin, &oauth, WrittenBy::Configuration).await?,
        other => other?,
    };
    let tape = carnet_json::Tape::parse(&body, &carnet_json::Limits { bytes: body.len(), depth: 16 })
        .map_err(|_| KeyError::Discovery("it is not strict JSON"))?;
    let root = tape.root(&body);
    if !root.get("issuer").is_some_and(|v| v.is_str(&origin.issuer)) {
        return Err(KeyError::Discovery("it names another issuer"));
    }
    let url = root.get("jwks_uri").and_then(|v| v.as_str());
    url.and_then(|u| u.parse().ok()).ok_or(KeyError::Discovery("it has no usable jwks_uri"))
}

fn well_known(issuer: &str) -> Result<[Uri; 2], KeyError> {
    let base = issuer.trim_end_matches('/');
    let uri: Uri = base.parse().map_err(|_| KeyError::Url)?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(KeyError::Url);
    };
    if uri.query().is_some() {
        return Err(KeyError::Url);
    }
    let path = uri.path().trim_end_matches('/');
    let openid = format!("{base}/.well-known/openid-configuration");
    let oauth = format!("{scheme}://{authority}/.well-known/oauth-authorization-server{path}");
    Ok([openid.parse().map_err(|_| KeyError::Url)?, oauth.parse().map_err(|_| KeyError::Url)?])
}

#[cfg(test)]
mod tests;
