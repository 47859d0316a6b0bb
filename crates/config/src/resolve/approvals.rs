//! Approvals: defaults, and accounts that are none.

use super::{Resolver, seconds};
use crate::resolved::{ApprovalsConfig, IdentityConfig, PersonConfig};
use crate::view::View;

impl Resolver<'_, '_> {
    pub(super) fn approvals(&mut self, view: View<'_>, identity: &IdentityConfig) -> ApprovalsConfig {
        ApprovalsConfig {
            expires: view.get("expires").duration(seconds(30 * 60)),
            valid: view.get("valid").duration(seconds(10 * 60)),
            progress: view.get("progress").duration(seconds(12)),
            pending: view.get("pending").duration(seconds(45)),
            leg: view.get("leg").duration(seconds(40)),
            legs: u32::try_from(view.get("legs").count(9)).unwrap_or(u32::MAX),
            keep: view.get("keep").duration(seconds(10 * 60)),
            most: view.get("most").count(20_000),
            estimate: view.get("estimate").duration(seconds(2)),
            window: view.get("window").duration(seconds(3600)),
            labels: view.get("labels").duration(seconds(8 * 3600)),
            page: self.page(view, identity),
            channels: self.channels(view.get("channels"), identity),
            retry: view.get("retry").duration(seconds(5)),
            attempts: u32::try_from(view.get("attempts").count(9)).unwrap_or(9),
            people: view.get("people").items().filter_map(|v| self.person(v)).collect(),
        }
    }

    fn person(&mut self, view: View<'_>) -> Option<PersonConfig> {
        let name = view.get("name").text()?.to_owned();
        for account in view.get("accounts").items() {
            let is_one = account
                .text()
                .is_none_or(|t| t.split_once('|').is_some_and(|(i, s)| !i.is_empty() && !s.is_empty()));
            if !is_one {
                let help = Some("an account is written ISSUER|SUBJECT".to_owned());
                self.report.error(account.at(), "no account", help);
            }
        }
        let accounts = view.get("accounts").items().filter_map(|v| Some(v.text()?.to_owned())).collect();
        Some(PersonConfig { name, accounts })
    }
}
