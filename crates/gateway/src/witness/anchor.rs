//! What runs by itself: checkpoints of this cell go to witnesses and to a time stamp authority, and what they say is kept
//! beside the log. The cell serves calls whatever they do; whether a quorum signed is a record (`witness.change`), at each
//! start and whenever it changes.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use carnet_config::Config;
use carnet_evidence::checkpoint::Checkpoint;
use carnet_evidence::note::{Note, NoteSignature};
use carnet_evidence::witness::Policy;
use carnet_evidence::{Hash, LeafType};
use carnet_store::{Disk, StoreError, anchors};
use sha2::{Digest as _, Sha256};

use super::authority::Authority;
use super::submit::{Said, Witnesses};
use crate::desk::Desk;
use crate::gateway::Gateway;
use crate::outbound::{Outbound, OutboundLimits};
use crate::tls;

/// Of the checkpoints that witnesses signed, one is kept for so long, and the newest.
const KEEP_EVERY: u64 = 3600;
/// When an authority that is down is asked again, at most.
const RETRY: Duration = Duration::from_secs(60);
/// How long others stay beside them.
const AGE: Duration = Duration::from_secs(600);
/// How often a checkpoint that gave way to a newer one is replaced by that one.
const TRIES: usize = 5;

/// What the configuration asks for, read and checked.
pub struct Anchoring {
    witnesses: Option<(Witnesses, Hash, Duration)>,
    authority: Option<Authority>,
    /// Whether a quorum signed last, `None` before the first round.
    quorum: Option<&'static str>,
    kept: Option<Kept>,
    /// Checkpoints that a later one stands for, and since when.
    aging: VecDeque<(u64, Instant)>,
}

/// The newest checkpoint that witnesses signed.
struct Kept {
    size: u64,
    hour: u64,
    /// The first of its hour stays.
    stays: bool,
}

impl Anchoring {
    /// Reads the policy of the witnesses.
    ///
    /// # Errors
    /// A sentence that names the file.
    pub fn read(config: &Config) -> Result<Anchoring, String> {
        let witnesses = match &config.evidence.witness {
            None => None,
            Some(w) => {
                let named = |e: String| format!("{}: {e}", w.policy.display());
                let text = std::fs::read_to_string(&w.policy).map_err(|e| named(e.kind().to_string()))?;
                let policy = Policy::parse(&text).map_err(|e| named(e.to_string()))?;
                if !policy.witnesses.iter().any(|w| w.url.is_some()) {
                    return Err(named("no witness has a URL to submit checkpoints to".to_owned()));
                }
                let (outbound, plain, sizes) =
                    (outbound(w.ca.as_deref())?, w.allow_plaintext, BTreeMap::new());
                let hash = Sha256::digest(&text).into();
                Some((Witnesses { policy, outbound, plain, sizes }, hash, w.every))
            }
        };
        let authority = config.evidence.timestamp.as_ref().map(Authority::read).transpose()?;
        Ok(Anchoring { witnesses, authority, quorum: None, kept: None, aging: VecDeque::new() })
    }
}

pub(super) fn outbound(ca: Option<&Path>) -> Result<Outbound, String> {
    let tls = tls::client(ca, None).map_err(|e| e.to_string())?;
    Ok(Outbound::new(tls, OutboundLimits { body: 64 << 10, ..OutboundLimits::default() }))
}

/// Least time between two rounds.
const PAUSE: Duration = Duration::from_millis(100);

/// Runs until the gateway stops.
pub async fn tend(gateway: Arc<Gateway>, mut anchoring: Anchoring) {
    let witnessed = anchoring.witnesses.as_ref().map(|(_, _, every)| *every);
    let stamped = anchoring.authority.as_ref().map(Authority::every);
    if witnessed.is_none() && stamped.is_none() {
        return;
    }
    let mut stopping = gateway.stopping.subscribe();
    let work = async {
        // Both are due at the start. One task does both, so that what is kept of one checkpoint has one writer.
        let (mut witness_due, mut stamp_due) = (Some(Instant::now()), Some(Instant::now()));
        loop {
            let now = Instant::now();
            if let Some(every) = witnessed.filter(|_| witness_due.is_none_or(|due| due <= now)) {
                if let Err(error) = anchoring.witness(&gateway).await {
                    tracing::error!(%error, "what witnesses signed cannot be kept");
                }
                witness_due = now.checked_add(every.max(PAUSE));
            }
            if let (Some(every), Some(authority)) = (stamped, &mut anchoring.authority)
                && stamp_due.is_none_or(|due| due <= now)
            {
                let done = authority.stamp(&gateway).await.unwrap_or_else(|error| {
                    tracing::error!(%error, "a time stamp cannot be kept");
                    false
                });
                // An authority that is down is asked again sooner.
                stamp_due =
                    now.checked_add(if done { every.max(PAUSE) } else { every.min(RETRY).max(PAUSE) });
            }
            let next = [witnessed.and(witness_due), stamped.and(stamp_due)].into_iter().flatten().min();
            tokio::time::sleep(next.map_or(PAUSE, |at| at.saturating_duration_since(Instant::now()))).await;
        }
    };
    tokio::select! {
        () = work => {}
        _ = stopping.wait_for(|stop| *stop) => {}
    }
}

/// The newest checkpoint, if it is of more than nothing.
pub(super) async fn newest(disk: &Arc<dyn Disk>) -> Result<Option<(Note, Checkpoint)>, StoreError> {
    let disk = Arc::clone(disk);
    let read = tokio::task::spawn_blocking(move || anchors::newest(&*disk)).await;
    Ok(read.map_err(|_| StoreError::Closed)??.filter(|(_, checkpoint)| checkpoint.size > 0))
}

impl Anchoring {
    /// One round.
    async fn witness(&mut self, gateway: &Gateway) -> Result<(), StoreError> {
        let disk = gateway.recorder.disk();
        let Some((witnesses, policy, _)) = &mut self.witnesses else { return Ok(()) };
        let mut round = None;
        for _ in 0..TRIES {
            let Some((note, checkpoint)) = newest(&disk).await? else { return Ok(()) };
            if self.kept.as_ref().is_some_and(|kept| kept.size == checkpoint.size)
                && self.quorum == Some("quorum")
            {
                return Ok(());
            }
            let (note, said) = witnesses.round(&disk, note, &checkpoint).await;
            let late = said.iter().any(|(_, said)| *said == Said::Late);
            round = Some((note, checkpoint, said));
            if !late {
                break;
            }
        }
        let Some((note, checkpoint, said)) = round else { return Ok(()) };
        let quorum = witnesses.policy.judge(&note).quorum;
        let refused = said.iter().any(|(_, said)| *said == Said::Refused);
        let (state, policy) = (
            if refused {
                "refused"
            } else if quorum {
                "quorum"
            } else {
                "no-quorum"
            },
            *policy,
        );
        if said.iter().any(|(_, said)| *said == Said::Signed) {
            self.keep(&disk, &note, &checkpoint).await?;
        }
        if self.quorum != Some(state) {
            self.record(gateway, state, policy, &said).await?;
        }
        Ok(())
    }

    /// Keeps a checkpoint that was signed, and lets go of the one before unless it was the first of its hour.
    async fn keep(
        &mut self,
        disk: &Arc<dyn Disk>,
        note: &Note,
        checkpoint: &Checkpoint,
    ) -> Result<(), StoreError> {
        let (size, hour) = (checkpoint.size, crate::record::seconds() / KEEP_EVERY);
        let (at, note) = (Arc::clone(disk), note.clone());
        let before = self.kept.take();
        let stays = before.as_ref().is_none_or(|before| before.hour != hour);
        if let Some(before) = before.filter(|before| !before.stays && before.size != size) {
            self.aging.push_back((before.size, Instant::now()));
        }
        // Not at once: an export that began before has looked for it.
        let old = self.aging.front().is_some_and(|(_, since)| since.elapsed() >= AGE);
        let gone = if old { self.aging.pop_front().map(|(size, _)| size) } else { None };
        let done = tokio::task::spawn_blocking(move || {
            let mut note = note;
            // Of those who signed this one before, some may be down now.
            if let Some(before) = anchors::kept(&*at, size)?.filter(|before| before.text == note.text) {
                let there = |s: &NoteSignature, of: &Note| {
                    of.signatures.iter().any(|o| (&o.name, o.id) == (&s.name, s.id))
                };
                let lost: Vec<_> = before.signatures.into_iter().filter(|s| !there(s, &note)).collect();
                note.signatures.extend(lost);
            }
            anchors::keep(&*at, size, &note, None)?;
            gone.map_or(Ok(()), |gone| anchors::drop_unstamped(&*at, gone))
        });
        done.await.map_err(|_| StoreError::Closed)??;
        self.kept = Some(Kept { size, hour, stays });
        Ok(())
    }

    /// Says in the evidence whether a quorum signs.
    async fn record(
        &mut self,
        gateway: &Gateway,
        state: &'static str,
        policy: Hash,
        said: &[(String, Said)],
    ) -> Result<(), StoreError> {
        let each: Vec<String> = said.iter().map(|(name, said)| format!("{name} {}", said.as_str())).collect();
        let each = each.join(", ");
        match state {
            "quorum" => tracing::info!(witnesses = each, "a quorum of witnesses signs"),
            "refused" => {
                tracing::error!(witnesses = each, "a witness has signed another history than this log's")
            }
            _ => tracing::warn!(witnesses = each, "too few witnesses sign; calls go on"),
        }
        let runtime = gateway.runtime.load_full();
        let clerk = Desk::itself();
        let desk = Desk {
            recorder: &gateway.recorder,
            epochs: runtime.gate.epochs,
            clerk: &clerk,
            config: Some(&runtime.config),
        };
        let hash = text(&policy);
        let recorded = desk.record(
            LeafType::WitnessChange,
            state,
            |d| {
                d.ext.push(("hash", carnet_evidence::Ext::Text(hash)));
            },
            Some(&each),
        );
        match recorded.await {
            Ok(_) => self.quorum = Some(state),
            Err(error) => tracing::error!(%error, "what witnesses do is not recorded"),
        }
        Ok(())
    }
}

/// A hash as leaves have it.
pub(super) fn text(hash: &Hash) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(hash)
}
