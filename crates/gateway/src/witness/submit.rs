//! Submits a checkpoint of this cell to the witnesses of its policy, all at once, and collects what they sign.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use carnet_evidence::checkpoint::Checkpoint;
use carnet_evidence::note::{Note, NoteSignature};
use carnet_evidence::witness::{Policy, Submission, Witness};
use carnet_store::{Disk, anchors};
use futures_util::future::join_all;
use http::{Request, StatusCode, Uri};
use http_body_util::Full;

use crate::outbound::{Outbound, WrittenBy};

/// What a witness said.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Said {
    /// It signed.
    Signed,
    /// It could not be reached, or did not answer as a witness does.
    Down,
    /// It has signed another history, or a larger tree than there is now.
    Refused,
    /// The checkpoint gave way to a newer one meanwhile.
    Late,
}

impl Said {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Said::Signed => "signed",
            Said::Down => "down",
            Said::Refused => "refused",
            Said::Late => "late",
        }
    }
}

/// The witnesses of a policy.
pub(super) struct Witnesses {
    pub(super) policy: Policy,
    pub(super) outbound: Outbound,
    pub(super) plain: bool,
    /// Size that each signed last, as far as is known.
    pub(super) sizes: BTreeMap<String, u64>,
}

impl Witnesses {
    /// One round: the note with the cosignatures that came, and what each witness said.
    pub(super) async fn round(
        &mut self,
        disk: &Arc<dyn Disk>,
        note: Note,
        checkpoint: &Checkpoint,
    ) -> (Note, Vec<(String, Said)>) {
        let asked = self.policy.witnesses.iter().filter(|w| w.url.is_some());
        let asks = asked.map(|w| {
            let old = self.sizes.get(&w.name).copied().unwrap_or(0);
            self.ask(disk, w, &note, checkpoint, old)
        });
        let answers = join_all(asks).await;
        let (mut out, mut said) = (note.clone(), Vec::new());
        for (name, answer) in answers {
            match answer {
                Ok(line) => {
                    self.sizes.insert(name.clone(), checkpoint.size);
                    out.signatures.push(line);
                    said.push((name, Said::Signed));
                }
                Err(why) => said.push((name, why)),
            }
        }
        (out, said)
    }

    /// Asks one, and once more with the size that it says it has.
    async fn ask(
        &self,
        disk: &Arc<dyn Disk>,
        witness: &Witness,
        note: &Note,
        checkpoint: &Checkpoint,
        old: u64,
    ) -> (String, Result<NoteSignature, Said>) {
        let mut answer = self.post(disk, witness, note, checkpoint, old).await;
        if let Err(Turned::Size(size)) = answer {
            answer = if size > checkpoint.size {
                Err(Turned::Said(Said::Refused))
            } else {
                self.post(disk, witness, note, checkpoint, size).await
            };
        }
        let answer = answer.map_err(|turned| match turned {
            Turned::Said(said) => said,
            // Somebody else submitted in between: the next round will do.
            Turned::Size(_) => Said::Late,
        });
        (witness.name.clone(), answer)
    }

    async fn post(
        &self,
        disk: &Arc<dyn Disk>,
        witness: &Witness,
        note: &Note,
        checkpoint: &Checkpoint,
        old: u64,
    ) -> Result<NoteSignature, Turned> {
        let down = Turned::Said(Said::Down);
        let at = Arc::clone(disk);
        let size = checkpoint.size;
        let proof = tokio::task::spawn_blocking(move || anchors::proof(&*at, old, size)).await;
        let proof = proof.ok().flatten().ok_or(Turned::Said(Said::Late))?;
        let url = witness.url.as_deref().unwrap_or_default().trim_end_matches('/');
        let uri: Uri = format!("{url}/add-checkpoint").parse().map_err(|_| down)?;
        let body = Submission::body(old, &proof, &note.to_text());
        let request = Request::post(uri).body(Full::new(Bytes::from(body))).map_err(|_| down)?;
        let by = if self.plain { WrittenBy::ConfigurationPlain } else { WrittenBy::Configuration };
        let reply = match self.outbound.send(request, by).await {
            Ok(reply) => reply,
            Err(error) => {
                tracing::warn!(witness = witness.name, %error, "a witness is not reached");
                return Err(down);
            }
        };
        let text = std::str::from_utf8(&reply.body).map_err(|_| down)?;
        match reply.status {
            StatusCode::OK => signed(witness, note, text).ok_or(down),
            StatusCode::CONFLICT => Err(text.trim_end().parse().map_or(down, Turned::Size)),
            StatusCode::UNPROCESSABLE_ENTITY => Err(Turned::Said(Said::Refused)),
            status => {
                tracing::warn!(witness = witness.name, status = status.as_u16(), "a witness does not sign");
                Err(down)
            }
        }
    }
}

/// How an answer that is no cosignature goes on.
#[derive(Clone, Copy)]
enum Turned {
    Said(Said),
    Size(u64),
}

/// The line by this witness, if it is one on this checkpoint. Lines of others are ignored, as the specification asks.
fn signed(witness: &Witness, note: &Note, text: &str) -> Option<NoteSignature> {
    let lines = NoteSignature::read_lines(text).ok()?;
    let line = lines.into_iter().find(|line| witness.key.claims(line))?;
    let with = Note { text: note.text.clone(), signatures: vec![line.clone()] };
    witness.key.verify(&with).ok().map(|_| line)
}
