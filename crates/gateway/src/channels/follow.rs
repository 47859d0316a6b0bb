//! From what happens to held calls to what approvers are told. A call of which they were told has a row in the table until
//! they are told how it ended; so a start after a crash knows what they have not heard.

use std::sync::Arc;

use carnet_approvals::{Ending, Id, Phase, View};
use carnet_config::Occasion;
use tokio::sync::broadcast::error::RecvError;

use super::tell;
use crate::gateway::{Gateway, now};
use crate::hold::{News, view_of};

/// Names of the rows.
pub(super) const TOLD: &str = "told/";

/// Tells approvers, until the gateway stops.
pub(crate) async fn follow(gateway: Arc<Gateway>) {
    let mut news = gateway.holds.listen();
    let mut stopping = gateway.stopping.subscribe();
    let work = async {
        catch_up(&gateway).await;
        loop {
            match news.recv().await {
                Ok(news) => one(&gateway, news).await,
                Err(RecvError::Lagged(_)) => catch_up(&gateway).await,
                Err(RecvError::Closed) => return,
            }
        }
    };
    tokio::select! {
        () = work => {}
        _ = stopping.wait_for(|stop| *stop) => {}
    }
}

async fn one(gateway: &Arc<Gateway>, news: News) {
    let (id, occasion) = match news {
        News::Asked(id) => (id, Occasion::Requested),
        News::Escalated(id) => (id, Occasion::Escalated),
        News::Approved(id) => (id, Occasion::Decided),
        // That it was used follows from its approval: nobody need be told twice.
        News::Ended(_, Ending::Consumed) | News::Voted(_) | News::Reviewed(_) => return,
        News::Ended(id, _) => (id, Occasion::Decided),
        News::BreakGlass(id) => (id, Occasion::BreakGlass),
        News::Overdue(id) => (id, Occasion::Overdue),
    };
    match view(gateway, &id) {
        Some(view) => tell(gateway, &view, occasion).await,
        None => tracing::debug!(%id, "a held call was gone before approvers were told"),
    }
}

fn view(gateway: &Gateway, id: &Id) -> Option<View> {
    let entry = gateway.holds.get(id)?;
    let saved = gateway.holds.saved(&entry).ok()?;
    Some(view_of(&saved, &entry.held(), now().seconds))
}

/// Of what waits and was not told, and of what was told and waits no more.
async fn catch_up(gateway: &Arc<Gateway>) {
    let table = &gateway.approvers.channels.table;
    let told: Vec<String> = table.starting(TOLD).into_iter().map(|(name, _)| name).collect();
    let gone = |row: &&String| {
        let id = row.strip_prefix(TOLD).and_then(|id| id.parse().ok());
        id.is_none_or(|id| gateway.holds.get(&id).is_none())
    };
    for row in told.iter().filter(gone) {
        if let Err(error) = table.remove(row) {
            tracing::error!(%error, "a note of what approvers were told could not be removed");
        }
    }
    for entry in gateway.holds.all() {
        let row = format!("{TOLD}{}", entry.id);
        let (pending, known) = (entry.held().phase == Phase::Pending, told.contains(&row));
        let occasion = match (pending, known) {
            (true, false) => Occasion::Requested,
            (false, true) => Occasion::Decided,
            _ => continue,
        };
        if let Some(view) = view(gateway, &entry.id) {
            tell(gateway, &view, occasion).await;
        }
    }
}
