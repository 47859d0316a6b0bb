//! RFC 3161 time stamps on checkpoints of this cell: asked of the configured authority, kept beside the log, and named in it
//! by hash (`anchor`). The cell does not judge them; an auditor does, with certificates of their own choice.

use std::time::Duration;

use bytes::Bytes;
use carnet_config::TimestampConfig;
use carnet_evidence::stamp::{answers, request};
use carnet_evidence::{Ext, Hash, LeafType};
use carnet_store::{StoreError, anchors};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{Request, StatusCode, Uri};
use http_body_util::Full;
use sha2::{Digest as _, Sha256};

use super::anchor::{newest, outbound, text};
use crate::desk::Desk;
use crate::gateway::Gateway;
use crate::outbound::{Outbound, WrittenBy};

/// A time stamp authority.
pub(super) struct Authority {
    url: Uri,
    outbound: Outbound,
    plain: bool,
    every: Duration,
    /// Size of the checkpoint that was stamped last.
    last: Option<u64>,
    down: bool,
}

impl Authority {
    pub(super) fn read(config: &TimestampConfig) -> Result<Authority, String> {
        let url = config.url.parse().map_err(|_| "evidence.timestamp.url is no URL".to_owned())?;
        let outbound = outbound(config.ca.as_deref())?;
        let (plain, every) = (config.allow_plaintext, config.every);
        Ok(Authority { url, outbound, plain, every, last: None, down: false })
    }

    pub(super) fn every(&self) -> Duration {
        self.every
    }

    /// Has the newest checkpoint stamped. Whether that is done, or there is nothing new.
    pub(super) async fn stamp(&mut self, gateway: &Gateway) -> Result<bool, StoreError> {
        let disk = gateway.recorder.disk();
        let Some((note, checkpoint)) = newest(&disk).await? else { return Ok(false) };
        let size = checkpoint.size;
        if self.last == Some(size) {
            return Ok(true);
        }
        let imprint: Hash = Sha256::digest(&note.text).into();
        let Some(response) = self.ask(&imprint).await else {
            if !std::mem::replace(&mut self.down, true) {
                tracing::warn!("the time stamp authority does not answer; it is asked again");
            }
            return Ok(false);
        };
        self.down = false;
        let (hash, kept) = (Sha256::digest(&response).into(), response.clone());
        let done = tokio::task::spawn_blocking(move || {
            // What witnesses said of the same checkpoint stays.
            let note = anchors::kept(&*disk, size)?.filter(|there| there.text == note.text).unwrap_or(note);
            anchors::keep(&*disk, size, &note, Some(&kept))
        });
        done.await.map_err(|_| StoreError::Closed)??;
        self.record(gateway, &hash, size).await;
        self.last = Some(size);
        Ok(true)
    }

    async fn ask(&self, imprint: &Hash) -> Option<Bytes> {
        let mut nonce = [0; 8];
        crate::record::entropy(&mut nonce);
        let nonce = u64::from_be_bytes(nonce);
        let request = Request::post(self.url.clone())
            .header(CONTENT_TYPE, "application/timestamp-query")
            .header(ACCEPT, "application/timestamp-reply")
            .body(Full::new(Bytes::from(request(imprint, nonce))));
        let by = if self.plain { WrittenBy::ConfigurationPlain } else { WrittenBy::Configuration };
        let reply = match self.outbound.send(request.ok()?, by).await {
            Ok(reply) => reply,
            Err(error) => {
                tracing::debug!(%error, "the time stamp authority is not reached");
                return None;
            }
        };
        (reply.status == StatusCode::OK && answers(&reply.body, imprint, nonce)).then_some(reply.body)
    }

    /// The record comes after the stamp is durable: one that names what is not there would be a fault. A crash in between
    /// leaves a stamp that no record names, which is worth no less.
    async fn record(&self, gateway: &Gateway, hash: &Hash, size: u64) {
        let runtime = gateway.runtime.load_full();
        let clerk = Desk::itself();
        let desk = Desk {
            recorder: &gateway.recorder,
            epochs: runtime.gate.epochs,
            clerk: &clerk,
            config: Some(&runtime.config),
        };
        let hash = text(hash);
        let change = |d: &mut carnet_evidence::Draft| {
            d.ext.push(("hash", Ext::Text(hash)));
            d.ext.push(("to", Ext::Int(size)));
        };
        if let Err(error) = desk.record(LeafType::Anchor, "time-stamp", change, None).await {
            tracing::error!(%error, "a time stamp is not recorded");
        }
    }
}
