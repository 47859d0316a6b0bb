//! Analyzers beside the gateway: Presidio's `POST /analyze`, or whatever speaks it. Each has a time, and a memory of answers by a keyed
//! hash of the text, so that neither a text nor a value is kept.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use carnet_config::AnalyzerConfig;
use carnet_gate::{Analyzed, NotAnalyzed};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{Request, Uri};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::outbound::{Outbound, OutboundLimits, WrittenBy};
use crate::tls;

/// Bytes of an answer.
const LARGEST: usize = 4 << 20;
/// Texts asked about at once.
const AT_ONCE: usize = 8;

/// The analyzers of a configuration, by name.
#[derive(Debug, Default)]
pub struct Analyzers(BTreeMap<Arc<str>, Arc<Analyzer>>);

/// One of them.
#[derive(Debug)]
struct Analyzer {
    url: Uri,
    by: WrittenBy<'static>,
    language: Arc<str>,
    least: u8,
    outbound: Outbound,
    cache: Mutex<Cache>,
}

/// Answers by the keyed hash of their text; the oldest make room.
struct Cache {
    key: [u8; 32],
    most: usize,
    known: HashMap<[u8; 32], Arc<Vec<Analyzed>>>,
    order: VecDeque<[u8; 32]>,
}

#[derive(Serialize)]
struct Question<'a> {
    text: &'a str,
    language: &'a str,
}

#[derive(Deserialize)]
struct Answer {
    entity_type: String,
    start: usize,
    end: usize,
    score: f64,
}

impl Analyzers {
    /// Makes the clients ready; connects to nothing.
    ///
    /// # Errors
    /// A sentence for each that cannot be used.
    pub fn load(configured: &[AnalyzerConfig]) -> Result<Analyzers, Vec<String>> {
        let (mut all, mut errors) = (BTreeMap::new(), Vec::new());
        for one in configured {
            match Analyzer::new(one) {
                Ok(ready) => drop(all.insert(one.name.clone(), Arc::new(ready))),
                Err(e) => errors.push(format!("masking.analyzers {}: {e}", one.name)),
            }
        }
        if errors.is_empty() { Ok(Analyzers(all)) } else { Err(errors) }
    }

    /// What an analyzer finds in each text.
    ///
    /// # Errors
    /// If it did not answer for all of them in time.
    pub async fn ask(&self, name: &str, texts: &[String]) -> Result<Vec<Arc<Vec<Analyzed>>>, NotAnalyzed> {
        let analyzer = self.0.get(name).ok_or(NotAnalyzed)?;
        let mut out = Vec::with_capacity(texts.len());
        for some in texts.chunks(AT_ONCE) {
            let asked = some.iter().map(|text| analyzer.ask(text));
            out.extend(futures_util::future::try_join_all(asked).await?);
        }
        Ok(out)
    }
}

impl Analyzer {
    fn new(config: &AnalyzerConfig) -> Result<Analyzer, String> {
        let url: Uri = format!("{}/analyze", config.url.trim_end_matches('/'))
            .parse()
            .map_err(|_| "url is not a URL".to_owned())?;
        let client = tls::client(None, None).map_err(|e| e.to_string())?;
        let limits = OutboundLimits { connect: config.timeout, total: config.timeout, body: LARGEST };
        let by =
            if config.allow_plaintext { WrittenBy::ConfigurationPlain } else { WrittenBy::Configuration };
        let mut key = [0; 32];
        crate::record::entropy(&mut key);
        let cache = Cache { key, most: config.cache, known: HashMap::new(), order: VecDeque::new() };
        Ok(Analyzer {
            url,
            by,
            language: config.language.clone(),
            least: config.least,
            outbound: Outbound::new(client, limits),
            cache: Mutex::new(cache),
        })
    }

    async fn ask(&self, text: &str) -> Result<Arc<Vec<Analyzed>>, NotAnalyzed> {
        let name = self.cache().name(text);
        if let Some(known) = self.cache().known.get(&name).cloned() {
            return Ok(known);
        }
        let question = Question { text, language: &self.language };
        let body = serde_json::to_vec(&question).map_err(|_| NotAnalyzed)?;
        let request = Request::post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json")
            .body(Bytes::from(body).into())
            .map_err(|_| NotAnalyzed)?;
        let reply = self.outbound.send(request, self.by).await.map_err(|_| NotAnalyzed)?;
        if !reply.status.is_success() {
            return Err(NotAnalyzed);
        }
        let answers: Vec<Answer> = serde_json::from_slice(&reply.body).map_err(|_| NotAnalyzed)?;
        let found: Vec<Analyzed> = answers.into_iter().filter_map(|a| self.found(a)).collect();
        let found = Arc::new(found);
        self.cache().put(name, found.clone());
        Ok(found)
    }

    fn found(&self, answer: Answer) -> Option<Analyzed> {
        let score = (answer.score.clamp(0.0, 1.0) * 100.0) as u8;
        let Answer { entity_type, start, end, .. } = answer;
        (score >= self.least).then_some(Analyzed { kind: entity_type, start, end, score })
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Cache({} answers)", self.known.len())
    }
}

impl Cache {
    fn name(&self, text: &str) -> [u8; 32] {
        // The key is as long as a block of its own would be: nothing can be put in front of a text.
        Sha256::new().chain_update(self.key).chain_update(text.as_bytes()).finalize().into()
    }

    fn put(&mut self, name: [u8; 32], found: Arc<Vec<Analyzed>>) {
        if self.known.insert(name, found).is_none() {
            self.order.push_back(name);
        }
        while self.order.len() > self.most.max(1) {
            if let Some(oldest) = self.order.pop_front() {
                self.known.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_oldest_answers_make_room_and_no_text_is_kept() {
        let mut cache = Cache { key: [7; 32], most: 2, known: HashMap::new(), order: VecDeque::new() };
        for text in ["one", "two", "three", "three"] {
            let name = cache.name(text);
            cache.put(name, Arc::new(Vec::new()));
        }
        assert!(!cache.known.contains_key(&cache.name("one")));
        assert!(cache.known.contains_key(&cache.name("three")));
        assert_eq!((cache.known.len(), cache.order.len()), (2, 2));
        assert!(!format!("{cache:?}").contains("three"));
    }
}
