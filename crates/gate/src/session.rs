//! A session in Carnet's sense: same identity, agent, client and server within an idle window.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use carnet_evidence::seal::{DataKey, SlotKey};
use carnet_masking::{Known, KnownValue};
use carnet_mcp::IdKey;
use carnet_model::{Action, Resource, Verdict};

use crate::facts::ServerFacts;
use crate::labels::Readings;
use crate::subjects::About;
use crate::tally::Tallies;
use crate::tools::ToolTable;
use crate::walk::Related;

/// A request that one side has put to the other and that is not answered yet.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub decision: u64,
    pub action: Action,
    pub resource: Resource,
    pub verdict: Verdict,
    /// Whom it is about.
    pub about: About,
}

/// Requests of a server that a caller has not answered; more than this at once is refused.
const OPEN_QUESTIONS: usize = 256;

/// Values that went to the server in place of stand-ins and are looked for in what comes back; the oldest make room.
const RESTORED: usize = 256;

/// See [`RESTORED`].
#[derive(Debug, Default)]
struct Restored {
    values: VecDeque<KnownValue>,
    known: Option<Arc<Known>>,
}

/// What the gate keeps for a session.
#[derive(Debug)]
pub struct Session {
    /// The random pseudonym in the log.
    pub gs: [u8; 16],
    /// The server it is with.
    pub server: Arc<ServerFacts>,
    /// The keys of the session and its actor, which every record of it is sealed with.
    pub(crate) keys: [DataKey; 2],
    /// The two as one.
    pub(crate) sealing: SlotKey,
    /// What is known of the server's tools.
    pub tools: Arc<ToolTable>,
    questions: Mutex<HashMap<IdKey, Question>>,
    /// Calls whose stream ended before the response, to be resumed by a GET with `Last-Event-ID`.
    broken: Mutex<HashMap<IdKey, Related>>,
    restored: Mutex<Restored>,
    /// What it, and its actor, were given.
    pub(crate) tallies: Tallies,
    /// What it, and its actor with this agent, have read.
    pub(crate) readings: Readings,
}

impl Session {
    /// A new session, with its own key and its actor's.
    #[must_use]
    pub fn new(gs: [u8; 16], server: Arc<ServerFacts>, keys: [DataKey; 2], tools: Arc<ToolTable>) -> Self {
        let sealing = SlotKey::of(&keys.each_ref());
        let (questions, broken, restored) = (Mutex::default(), Mutex::default(), Mutex::default());
        let (tallies, readings) = (Tallies::default(), Readings::default());
        Session { gs, server, keys, sealing, tools, questions, broken, restored, tallies, readings }
    }

    /// The same, of an actor who has a tally already.
    #[must_use]
    pub fn counting(self, tallies: Tallies) -> Self {
        Session { tallies, ..self }
    }

    /// The same, of somebody who may have read something already.
    #[must_use]
    pub fn remembering(self, readings: Readings) -> Self {
        Session { readings, ..self }
    }

    /// What seals a frame about these persons, in the order of the ids.
    pub(crate) fn sealing_with(&self, persons: &mut [DataKey]) -> SlotKey {
        persons.sort_unstable_by_key(DataKey::id);
        SlotKey::of(&self.keys.iter().chain(persons.iter()).collect::<Vec<_>>())
    }

    /// Notes values that are about to go to the server, before they do.
    pub(crate) fn note_restored(&self, values: &[KnownValue]) {
        let mut restored = self.restored.lock().unwrap_or_else(PoisonError::into_inner);
        let before = restored.values.len();
        for new in values {
            if !restored.values.iter().any(|known| known.value.expose() == new.value.expose()) {
                restored.values.push_back(new.clone());
            }
        }
        if restored.values.len() > before {
            let over = restored.values.len().saturating_sub(RESTORED);
            restored.values.drain(..over);
            restored.known = Known::new(restored.values.iter().cloned()).map(Arc::new);
        }
    }

    /// What must not come back unmasked.
    pub(crate) fn restored(&self) -> Option<Arc<Known>> {
        self.restored.lock().unwrap_or_else(PoisonError::into_inner).known.clone()
    }

    /// Notes a server's request that is about to be delivered. Gives it back when too many are open or the id is taken.
    pub(crate) fn ask(&self, id: IdKey, question: Question) -> Result<(), Question> {
        let mut questions = self.questions.lock().unwrap_or_else(PoisonError::into_inner);
        if questions.len() >= OPEN_QUESTIONS || questions.contains_key(&id) {
            return Err(question);
        }
        questions.insert(id, question);
        Ok(())
    }

    /// The server's request that a response of the caller answers. It can be answered once.
    pub(crate) fn answer(&self, id: &IdKey) -> Option<Question> {
        self.questions.lock().unwrap_or_else(PoisonError::into_inner).remove(id)
    }

    /// Keeps a call whose stream ended without a response, where its outcome may still come by another stream. `false`
    /// where it cannot.
    pub(crate) fn resumable(&self, related: &Related) -> bool {
        let Some(id) = related.id().cloned() else { return false };
        let mut broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
        // An id that is taken is another program's call of the same principal: each keeps its own outcome.
        if !related.may_resume || broken.len() >= OPEN_QUESTIONS || broken.contains_key(&id) {
            return false;
        }
        // Its result cannot wait for an approval: nobody is there whom it could be kept for.
        let mut kept = related.clone();
        kept.call = None;
        broken.insert(id, kept);
        true
    }

    /// The call that a response on a resumed stream answers.
    pub fn resumed(&self, id: &IdKey) -> Option<Related> {
        self.broken.lock().unwrap_or_else(PoisonError::into_inner).remove(id)
    }

    /// Takes out what is still open: calls that were never resumed, and questions that were never answered.
    pub(crate) fn take_open(&self) -> Vec<Related> {
        let mut broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
        let mut questions = self.questions.lock().unwrap_or_else(PoisonError::into_inner);
        let calls = broken.drain().map(|(_, related)| related);
        calls.chain(questions.drain().map(|(_, question)| Related::of(question))).collect()
    }
}
