//! What commands ask about held calls, over the control socket.

use carnet_approvals::{Account, Choice, Digest, Id, Terms, Unmasked, View};
use serde::{Deserialize, Serialize};

use super::{Approver, Ballot, GrantView, NotDone};
use crate::gateway::Gateway;

/// A question.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "held", rename_all = "snake_case", deny_unknown_fields)]
pub enum Ask {
    /// What waits, as far as it is the asker's to know.
    List,
    /// One of them.
    Show {
        /// Its name.
        id: Id,
    },
    /// The arguments of one as they are.
    Unmask {
        /// Of which.
        id: Id,
        /// Why.
        reason: String,
    },
    /// A vote.
    Vote {
        /// On which.
        id: Id,
        /// Yes or no.
        choice: Choice,
        /// Why.
        reason: String,
        /// What was shown.
        digest: Option<Digest>,
        /// Not only this call.
        grant: Option<Terms>,
        /// For whom, where a vote was delegated: `issuer|subject`.
        delegate_of: Option<Account>,
    },
    /// Take an approval back.
    Revoke {
        /// Of which.
        id: Id,
        /// Why.
        reason: String,
    },
    /// Lift it in an emergency.
    BreakGlass {
        /// Which.
        id: Id,
        /// Why.
        reason: String,
    },
    /// The grants that stand.
    Grants,
    /// Take a grant back.
    RevokeGrant {
        /// Which.
        id: Id,
        /// Why.
        reason: String,
    },
    /// Let somebody cast one's vote for a while.
    Delegate {
        /// Whom.
        to: Account,
        /// For how long.
        seconds: u64,
        /// Why.
        reason: String,
    },
    /// Review an emergency.
    Review {
        /// Which.
        id: Id,
        /// What was found.
        reason: String,
    },
}

/// The answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Reply {
    /// The calls.
    pub held: Vec<View>,
    /// The grants.
    #[serde(default)]
    pub grants: Vec<GrantView>,
    /// What was asked to be shown as it is.
    #[serde(default)]
    pub unmasked: Option<Unmasked>,
}

impl Gateway {
    /// Answers, as JSON.
    ///
    /// # Errors
    /// Why not.
    pub(crate) async fn asked_of_held(&self, who: &Approver, ask: Ask) -> Result<String, NotDone> {
        let (mut grants, mut unmasked) = (Vec::new(), None);
        let held = match ask {
            Ask::Grants => {
                grants = self.grants_for(who);
                Vec::new()
            }
            Ask::RevokeGrant { id, reason } => {
                self.revoke_grant(who, &id, &reason).await?;
                Vec::new()
            }
            Ask::Delegate { to, seconds, reason } => {
                self.delegate(who, to, seconds, &reason).await?;
                Vec::new()
            }
            Ask::Unmask { id, reason } => {
                let view = self.show_held(who, &id)?;
                unmasked = Some(self.unmask_held(who, &id, &reason).await?);
                vec![view]
            }
            Ask::List => {
                let views = self.held_for(who);
                self.shown_to(who, &views).await?;
                views
            }
            Ask::Show { id } => {
                let views = vec![self.show_held(who, &id)?];
                self.shown_to(who, &views).await?;
                views
            }
            Ask::Vote { id, choice, reason, digest, grant, delegate_of } => {
                let ballot = Ballot { choice, reason, digest, for_account: delegate_of, grant };
                vec![self.vote(who, &id, ballot).await?]
            }
            Ask::Revoke { id, reason } => vec![self.revoke_held(who, &id, &reason).await?],
            Ask::BreakGlass { id, reason } => vec![self.break_glass(who, &id, &reason).await?],
            Ask::Review { id, reason } => vec![self.review_held(who, &id, &reason).await?],
        };
        Ok(serde_json::to_string(&Reply { held, grants, unmasked }).unwrap_or_default())
    }
}
