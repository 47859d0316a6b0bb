//! Who is at the page: visits by cookie, after a login at the provider. They live in memory: after a restart people sign in
//! again, which costs them a click where the provider still knows them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use carnet_gate::Caller;
use http::HeaderMap;
use http::header::COOKIE;
use sha2::{Digest as _, Sha256};

use crate::record::entropy;

/// Visits, and logins that are under way, at once.
const MOST: usize = 10_000;
/// A login that takes longer is begun again, seconds.
const LOGIN: i64 = 600;

/// 32 random bytes as text.
pub(crate) fn random_text() -> String {
    let mut bytes = [0; 32];
    entropy(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Somebody who signed in.
#[derive(Clone)]
pub(crate) struct Visit {
    /// Who.
    pub(crate) caller: Arc<Caller>,
    /// When they showed the provider who they are, Unix seconds.
    pub(crate) auth_time: i64,
    /// The class of it, as the provider says.
    pub(crate) acr: Option<String>,
    /// Whether that class is one of those that a fresh login must have.
    pub(crate) strong: bool,
    /// In every form: a page of somebody else's cannot know it.
    pub(crate) csrf: String,
    /// The challenge of a registration that is under way.
    pub(crate) challenge: [u8; 32],
    /// When it ends.
    pub(crate) until: i64,
}

/// A login that is under way.
pub(crate) struct Begun {
    /// PKCE.
    pub(crate) verifier: String,
    /// Must come back in the ID token.
    pub(crate) nonce: String,
    /// Where to go afterwards, a path of the page.
    pub(crate) next: String,
    /// The login must be of now.
    pub(crate) fresh: bool,
    /// The browser that began it.
    browser: [u8; 32],
    until: i64,
}

impl Begun {
    /// When it was begun.
    pub(crate) fn since(&self) -> i64 {
        self.until - LOGIN
    }
}

/// All of them.
#[derive(Default)]
pub(crate) struct Visits {
    visits: Mutex<HashMap<[u8; 32], Visit>>,
    begun: Mutex<HashMap<String, Begun>>,
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}

impl Visits {
    /// Begins a login: the value of the browser's cookie, and the `state` for the provider.
    pub(crate) fn begin(
        &self,
        next: String,
        fresh: bool,
        now: i64,
    ) -> Option<(String, String, String, String)> {
        let (browser, state, nonce, verifier) = (random_text(), random_text(), random_text(), random_text());
        let mut begun = lock(&self.begun);
        begun.retain(|_, b| b.until > now);
        if begun.len() >= MOST {
            return None;
        }
        let entry = Begun {
            verifier: verifier.clone(),
            nonce: nonce.clone(),
            next,
            fresh,
            browser: hash(&browser),
            until: now + LOGIN,
        };
        begun.insert(state.clone(), entry);
        Some((browser, state, nonce, verifier))
    }

    /// The login that a `state` belongs to, once, and only in the browser that began it: a login that somebody else began
    /// must not become this browser's.
    pub(crate) fn take(&self, state: &str, browser: &str, now: i64) -> Option<Begun> {
        let begun = lock(&self.begun).remove(state)?;
        (begun.until > now && begun.browser == hash(browser)).then_some(begun)
    }

    /// Opens a visit: the value of its cookie.
    pub(crate) fn open(&self, visit: Visit, now: i64) -> Option<String> {
        let name = random_text();
        let mut visits = lock(&self.visits);
        visits.retain(|_, v| v.until > now);
        if visits.len() >= MOST {
            return None;
        }
        visits.insert(hash(&name), visit);
        Some(name)
    }

    /// The visit of a cookie. Only hashes are kept: what is in memory opens nothing.
    pub(crate) fn find(&self, name: &str, now: i64) -> Option<Visit> {
        lock(&self.visits).get(&hash(name)).filter(|v| v.until > now).cloned()
    }

    /// Sets the challenge of a registration.
    pub(crate) fn challenge(&self, name: &str, challenge: [u8; 32]) {
        if let Some(visit) = lock(&self.visits).get_mut(&hash(name)) {
            visit.challenge = challenge;
        }
    }

    /// Ends a visit.
    pub(crate) fn close(&self, name: &str) {
        lock(&self.visits).remove(&hash(name));
    }
}

/// The value of a cookie; `None` where it comes twice.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|v| v.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut found = pairs.filter(|(known, _)| *known == name).map(|(_, value)| value);
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use carnet_model::{AuthMethod, Identity, IdentityKind, Principal};

    fn visit(until: i64) -> Visit {
        let identity = Identity { kind: IdentityKind::User, issuer: "i".into(), subject: "ines".into() };
        Visit {
            caller: Arc::new(Caller::new(Principal::new(identity, AuthMethod::Jwt), None)),
            auth_time: 0,
            acr: None,
            strong: true,
            csrf: random_text(),
            challenge: [0; 32],
            until,
        }
    }

    #[test]
    fn a_login_is_of_one_browser_and_once() {
        let visits = Visits::default();
        let (browser, state, ..) = visits.begin("/".into(), false, 0).unwrap();
        assert!(visits.take(&state, "another", 1).is_none(), "another browser");
        assert!(visits.take(&state, &browser, 1).is_none(), "and then it is gone");
        let (browser, state, ..) = visits.begin("/".into(), false, 0).unwrap();
        assert!(visits.take(&state, &browser, 1).is_some());
        assert!(visits.take(&state, &browser, 1).is_none(), "twice");
        let (browser, state, ..) = visits.begin("/".into(), false, 0).unwrap();
        assert!(visits.take(&state, &browser, LOGIN).is_none(), "too late");
    }

    #[test]
    fn a_visit_ends() {
        let visits = Visits::default();
        let name = visits.open(visit(10), 0).unwrap();
        assert!(visits.find(&name, 9).is_some());
        assert!(visits.find(&name, 10).is_none());
        let name = visits.open(visit(10), 0).unwrap();
        visits.close(&name);
        assert!(visits.find(&name, 0).is_none());
    }

    #[test]
    fn cookies() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, "a=1; b=2".parse().unwrap());
        headers.append(COOKIE, "c=3; b=4".parse().unwrap());
        assert_eq!((cookie(&headers, "a"), cookie(&headers, "c")), (Some("1"), Some("3")));
        assert_eq!((cookie(&headers, "b"), cookie(&headers, "d")), (None, None));
    }
}
