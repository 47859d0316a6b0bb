//! Reading is evidence too: that somebody was shown a held call is a record, once for each person and call since the start. A page
//! that looks again every few seconds must not fill the log.

use std::collections::HashSet;
use std::sync::PoisonError;

use carnet_approvals::{Account, Id, View};
use carnet_evidence::LeafType;

use super::leaf::clerk;
use super::{Approver, NotDone};
use crate::desk::Desk;
use crate::gateway::Gateway;

/// Pairs that are remembered. What is forgotten is recorded once more.
const MOST: usize = 65_536;
/// Names in one record.
const AT_ONCE: usize = 100;

/// Who was shown which call.
pub(super) type Shown = HashSet<(Account, Id)>;

impl Gateway {
    /// Records that somebody is about to see these calls. What cannot be recorded is not shown.
    ///
    /// # Errors
    /// [`NotDone::NotRecorded`].
    pub(crate) async fn shown_to(&self, who: &Approver, views: &[View]) -> Result<(), NotDone> {
        let new: Vec<Id> = {
            let shown = self.holds.shown.lock().unwrap_or_else(PoisonError::into_inner);
            let is_new = |id: &Id| !shown.contains(&(who.account.clone(), *id));
            views.iter().map(|view| view.id).filter(is_new).collect()
        };
        let runtime = self.runtime.load_full();
        let clerk = clerk(&who.account, who.assurance.word());
        let epochs = runtime.gate.epochs;
        let desk = Desk { recorder: &self.recorder, epochs, clerk: &clerk, config: Some(&runtime.config) };
        for some in new.chunks(AT_ONCE) {
            let names: Vec<String> = some.iter().map(Id::to_string).collect();
            let detail = format!("held calls {}, by {}", names.join(", "), who.channel);
            let recorded = desk.record(LeafType::AdminRead, "read", |_| {}, Some(&detail)).await;
            recorded.map_err(|_| NotDone::NotRecorded)?;
            let mut shown = self.holds.shown.lock().unwrap_or_else(PoisonError::into_inner);
            if shown.len() > MOST {
                shown.clear();
            }
            shown.extend(some.iter().map(|id| (who.account.clone(), *id)));
        }
        Ok(())
    }
}
