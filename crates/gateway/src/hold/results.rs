//! Results that nobody has fetched: kept sealed until their caller comes again, or until they expire. And callers who wait,
//! by the id of their request: an older revision cancels with a notification.

use std::sync::Arc;

use carnet_mcp::Message;

use super::{Entry, Holds, Listed};

impl Holds {
    /// Whether a result waits for its caller.
    pub(crate) fn has_result(&self, entry: &Entry) -> bool {
        self.saved(entry).is_ok_and(|saved| saved.result.is_some())
    }

    /// Keeps the response to a call whose caller may not have got it. One that is too large is not kept.
    pub(crate) async fn keep_result(&self, entry: &Arc<Entry>, response: &[u8]) {
        let _turn = entry.turn.lock().await;
        let Ok(mut saved) = self.saved(entry) else { return };
        saved.result = String::from_utf8(response.to_vec()).ok();
        if let Err(error) = self.save(entry, &saved).await {
            tracing::warn!(%error, "the result of an approved call could not be kept for its caller");
        }
        entry.changed.notify_waiters();
    }

    /// The response that is kept.
    pub(crate) async fn result_of(&self, entry: &Arc<Entry>) -> Option<Vec<u8>> {
        let _turn = entry.turn.lock().await;
        self.saved(entry).ok()?.result.map(String::into_bytes)
    }

    /// The response that is kept, under the id of this request.
    pub(crate) async fn result(&self, entry: &Arc<Entry>, request: &Message) -> Option<Vec<u8>> {
        let bytes = self.result_of(entry).await?;
        let response = Message::parse_one(bytes, &carnet_json::Limits::default()).ok()?;
        response.with_id(request.id_raw()?).ok().map(Message::into_bytes)
    }

    /// The result was delivered: it is forgotten.
    pub(crate) async fn fetched(&self, entry: &Arc<Entry>) {
        // Others who wait for it have not seen it yet.
        if entry.waiting.load(std::sync::atomic::Ordering::Relaxed) > 0 {
            return;
        }
        let _turn = entry.turn.lock().await;
        let Ok(mut saved) = self.saved(entry) else { return };
        if saved.result.take().is_some()
            && let Err(error) = self.save(entry, &saved).await
        {
            tracing::warn!(%error, "a result that was fetched could not be forgotten");
        }
    }

    /// Lists a caller who waits under the id of its request, until what is returned is dropped.
    pub(crate) fn list(self: &Arc<Self>, gs: [u8; 16], id: &[u8], entry: &Arc<Entry>) -> Listed {
        let key = (gs, id.to_vec());
        self.callers().insert(key.clone(), entry.clone());
        Listed { holds: self.clone(), key }
    }

    /// What the request with this id waits for.
    pub(crate) fn waits_for(&self, gs: [u8; 16], id: &[u8]) -> Option<Arc<Entry>> {
        self.callers().get(&(gs, id.to_vec())).cloned()
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.holds.callers().remove(&self.key);
    }
}
