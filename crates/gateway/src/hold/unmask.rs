//! What an approver may see of a call that is masked: its arguments as they are. It is a permission of its own (`unmask`), for
//! a person who has a vote, while the call waits; who looked, and why, is recorded before anything is shown. What is shown
//! goes to who asked and nowhere else: it is kept nowhere and is in no message to a channel.

use carnet_approvals::{Id, Inert, Rejected, Unmasked};
use carnet_mcp::Message;
use carnet_model::Action;

use super::act::{Approver, NotDone};
use super::{Entry, Saved};
use crate::gateway::{Gateway, now};

impl Gateway {
    /// Whether somebody may see the arguments of a call as they are.
    #[must_use]
    pub fn may_unmask(&self, who: &Approver, id: &Id) -> bool {
        let found = self.entry_for(who, id);
        found.is_ok_and(|(entry, saved)| self.unmaskable(who, &entry, &saved).is_ok())
    }

    fn unmaskable(&self, who: &Approver, entry: &Entry, saved: &Saved) -> Result<(), NotDone> {
        if !self.may(&who.key, Action::UNMASK, saved, "") {
            return Err(NotDone::Denied("unmask"));
        }
        if !self.reaches(who, &super::view_of(saved, &saved.held, now().seconds)) {
            return Err(NotDone::Denied("transfer"));
        }
        let people = super::people(&self.runtime.load().config);
        let held = entry.held();
        if held.ending().is_some() {
            return Err(Rejected::Ended.into());
        }
        if !who.account.is_person() {
            return Err(Rejected::NotAPerson.into());
        }
        if held.asked(&people, &who.account) {
            return Err(Rejected::Requester.into());
        }
        Ok(())
    }

    /// Shows somebody the arguments of a call as they are.
    ///
    /// # Errors
    /// Why not. Then nothing is shown.
    pub async fn unmask_held(&self, who: &Approver, id: &Id, reason: &str) -> Result<Unmasked, NotDone> {
        let (entry, saved) = self.entry_for(who, id)?;
        self.unmaskable(who, &entry, &saved)?;
        if reason.trim().is_empty() {
            return Err(Rejected::NoReason.into());
        }
        let limits = carnet_json::Limits { bytes: usize::MAX, ..carnet_json::Limits::default() };
        let message =
            Message::parse_one(saved.message.into_bytes(), &limits).map_err(|_| NotDone::Unknown)?;
        let params = message.params();
        let arguments = params.and_then(|p| p.get("arguments").or_else(|| p.get("uri")));
        let arguments = Inert::lines(arguments.map_or("{}", |a| a.raw_str()));
        let digest = saved.held.request.digest();
        let place = self.place_of(who);
        let said = format!(
            r#"{{"channel":{},"digest":"{digest}","id":"{id}","place":{},"reason":{}}}"#,
            carnet_json::quote(who.channel),
            carnet_json::quote(place.as_str()),
            carnet_json::quote(reason)
        );
        self.noted(who, "unmask", Some(saved.held.index), &said).await?;
        Ok(Unmasked { id: *id, digest, arguments })
    }
}
