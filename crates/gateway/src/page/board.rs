//! The held calls as the page, the API and the channels ask for them. Every question is decided by the policies for who asks;
//! every act goes to the one place that holds calls, which records it before it counts.

use std::sync::Arc;

use carnet_approvals::{Account, Assurance, Choice, Digest, Id, Proof, Terms, Unmasked, View};
use carnet_evidence::LeafType;
use carnet_gate::Caller;
use carnet_model::{Action, Resource};
use carnet_policy::{Context, Request};
use carnet_store::StoreError;
use carnet_webauthn::WebauthnError;

use super::passkeys::{Answer, Kept};
use crate::channels::Letter;
use crate::desk::{Clerk, Desk, Refused};
use crate::gateway::Gateway;
use crate::hold::{self, Approver, GrantView, NotDone};
use crate::load::Runtime;

/// Why something was not done, for the person who asked.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// There is no such thing, or it is not theirs to see.
    #[error("There is nothing here that you may see")]
    Unknown,
    /// The policies do not let them.
    #[error("No policy permits you this")]
    NotPermitted,
    /// The form is none of ours.
    #[error("This did not come from a page of this gateway, or came too late. Nothing was done")]
    Forged,
    /// Nobody knows who they are.
    #[error("It is not known who you are")]
    NotSignedIn,
    /// Their address contradicts where they are said to be.
    #[error("Your address is in another country than you are said to be")]
    Elsewhere,
    /// It needs a fresh login.
    #[error("This needs a fresh login")]
    NotFresh,
    /// The passkey does not hold.
    #[error("The passkey is not accepted: {0}")]
    Passkey(#[from] WebauthnError),
    /// The rules about votes refuse it.
    #[error("{0}")]
    Rule(String),
    /// The log or the store does not work.
    #[error("It could not be recorded, so it was not done")]
    Store,
}

impl Refusal {
    /// The status of HTTP.
    pub(crate) fn status(&self) -> u16 {
        match self {
            Refusal::Unknown => 404,
            Refusal::NotPermitted
            | Refusal::Forged
            | Refusal::Elsewhere
            | Refusal::NotFresh
            | Refusal::Passkey(_) => 403,
            Refusal::NotSignedIn => 401,
            Refusal::Rule(_) => 409,
            Refusal::Store => 503,
        }
    }

    /// A word for programs.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Refusal::Unknown => "unknown",
            Refusal::NotPermitted => "not-permitted",
            Refusal::Forged => "forged",
            Refusal::NotSignedIn => "not-signed-in",
            Refusal::Elsewhere => "elsewhere",
            Refusal::NotFresh => "not-fresh",
            Refusal::Passkey(_) => "passkey",
            Refusal::Rule(_) => "rule",
            Refusal::Store => "store",
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "an act of an approver could not be kept");
        Refusal::Store
    }
}

impl From<NotDone> for Refusal {
    fn from(why: NotDone) -> Self {
        match why {
            NotDone::Unknown => Refusal::Unknown,
            NotDone::Denied(_) => Refusal::NotPermitted,
            NotDone::Rejected(rule) => Refusal::Rule(sentence(&rule.to_string())),
            NotDone::NotRecorded => Refusal::Store,
        }
    }
}

/// A rule's words as the beginning of a sentence.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Not(why) => Refusal::Rule(why),
            Refused::Store(error) => error.into(),
        }
    }
}

/// A vote as it is cast, before the board says whether it counts.
pub(crate) struct Ballot<'a> {
    pub(crate) id: Id,
    /// What was shown.
    pub(crate) digest: Digest,
    pub(crate) choice: Choice,
    pub(crate) reason: &'a str,
    /// `page`, `api`, `slack`.
    pub(crate) channel: &'static str,
    pub(crate) assurance: Assurance,
    pub(crate) proof: Proof,
    pub(crate) grant: Option<Terms>,
    /// Whose vote it is, where somebody delegated theirs.
    pub(crate) for_account: Option<Account>,
}

/// See the module.
pub(crate) struct Board<'a> {
    pub(crate) gateway: &'a Arc<Gateway>,
    pub(crate) runtime: &'a Arc<Runtime>,
    /// Now, Unix seconds.
    pub(crate) now: i64,
}

/// Runs what waits for the disk where waiting hurts nobody.
async fn on_disk<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Refusal> {
    let done = tokio::task::spawn_blocking(work).await.map_err(|_| Refusal::Store)?;
    Ok(done?)
}

impl Board<'_> {
    /// Checks a signature over a digest, and keeps the key's new counter: an assertion counts once.
    pub(crate) async fn signed(
        &self,
        account: &Account,
        digest: &Digest,
        answer: &Answer<'_>,
    ) -> Result<Proof, Refusal> {
        let site = super::site(self.gateway, self.runtime);
        let (proof, kept) = self.gateway.approvers.passkeys.signed(&site, account, digest, answer)?;
        let gateway = Arc::clone(self.gateway);
        on_disk(move || gateway.approvers.passkeys.keep(&kept)).await?;
        Ok(proof)
    }

    /// Registers a key: in the log first, with all that is needed to check its signatures later.
    pub(crate) async fn add_key(&self, caller: &Caller, mut kept: Kept) -> Result<(), Refusal> {
        let detail = serde_json::to_string(&kept).map_err(|_| Refusal::Store)?;
        let index = self.note(caller, "passkey-add", &detail).await?;
        kept.registered = Some(index);
        let gateway = Arc::clone(self.gateway);
        on_disk(move || gateway.approvers.passkeys.keep(&kept)).await
    }

    /// Forgets a key.
    pub(crate) async fn remove_key(&self, caller: &Caller, kept: Kept) -> Result<(), Refusal> {
        self.note(caller, "passkey-remove", &kept.credential).await?;
        let gateway = Arc::clone(self.gateway);
        on_disk(move || gateway.approvers.passkeys.remove(&kept)).await
    }

    async fn note(&self, caller: &Caller, why: &str, detail: &str) -> Result<u64, Refusal> {
        let clerk = Clerk::of(&caller.principal);
        let desk = Desk {
            recorder: &self.gateway.recorder,
            epochs: self.runtime.gate.epochs,
            clerk: &clerk,
            config: Some(&self.runtime.config),
        };
        Ok(desk.record(LeafType::AdminRead, why, |_| {}, Some(detail)).await?)
    }
}

impl Board<'_> {
    /// Somebody who has brought a token, or signed in a while ago.
    fn reader(caller: &Caller) -> Approver {
        Self::by(caller, "api")
    }

    fn by(caller: &Caller, channel: &'static str) -> Approver {
        let method = caller.principal.method.as_str().to_owned();
        Approver::new(&caller.principal, Assurance::Token, Proof::Token { method }, channel)
    }

    /// The calls that the caller may approve, newest first. Those that have just ended are among them.
    pub(crate) async fn list(&self, caller: &Caller) -> Result<Vec<View>, Refusal> {
        let who = Self::reader(caller);
        let (gateway, asks) = (Arc::clone(self.gateway), who.clone());
        // Each is opened from the store.
        let listed = tokio::task::spawn_blocking(move || gateway.held_for(&asks)).await;
        let mut views = listed.map_err(|_| Refusal::Store)?;
        self.gateway.shown_to(&who, &views).await?;
        views.reverse();
        Ok(views)
    }

    /// One of them.
    pub(crate) async fn show(&self, caller: &Caller, id: Id) -> Result<View, Refusal> {
        let who = Self::reader(caller);
        let view = self.gateway.show_held(&who, &id)?;
        self.gateway.shown_to(&who, std::slice::from_ref(&view)).await?;
        Ok(view)
    }

    /// Whether the caller may see the arguments of a call as they are.
    pub(crate) fn may_unmask(&self, caller: &Caller, id: Id) -> bool {
        self.gateway.may_unmask(&Self::reader(caller), &id)
    }

    /// The arguments of a call as they are.
    pub(crate) async fn unmask(
        &self,
        caller: &Caller,
        id: Id,
        reason: &str,
        channel: &'static str,
    ) -> Result<Unmasked, Refusal> {
        Ok(self.gateway.unmask_held(&Self::by(caller, channel), &id, reason).await?)
    }

    /// Casts a vote.
    pub(crate) async fn vote(&self, caller: &Caller, ballot: Ballot<'_>) -> Result<(), Refusal> {
        let who = Approver::new(&caller.principal, ballot.assurance, ballot.proof, ballot.channel);
        let cast = hold::Ballot {
            choice: ballot.choice,
            reason: ballot.reason.to_owned(),
            digest: Some(ballot.digest),
            for_account: ballot.for_account,
            grant: ballot.grant,
        };
        self.gateway.vote(&who, &ballot.id, cast).await?;
        Ok(())
    }

    /// Takes an approval back.
    pub(crate) async fn revoke(&self, caller: &Caller, id: Id, reason: &str) -> Result<(), Refusal> {
        self.gateway.revoke_held(&Self::reader(caller), &id, reason).await?;
        Ok(())
    }

    /// Lifts a call in an emergency.
    pub(crate) async fn break_glass(&self, caller: &Caller, id: Id, reason: &str) -> Result<(), Refusal> {
        self.gateway.break_glass(&Self::reader(caller), &id, reason).await?;
        Ok(())
    }

    /// Closes the review of that.
    pub(crate) async fn review(&self, caller: &Caller, id: Id, reason: &str) -> Result<(), Refusal> {
        self.gateway.review_held(&Self::reader(caller), &id, reason).await?;
        Ok(())
    }

    /// Grants that the caller could have given.
    pub(crate) fn grants(&self, caller: &Caller) -> Vec<GrantView> {
        self.gateway.grants_for(&Self::reader(caller))
    }

    /// Takes one of them back.
    pub(crate) async fn revoke_grant(&self, caller: &Caller, id: Id, reason: &str) -> Result<(), Refusal> {
        Ok(self.gateway.revoke_grant(&Self::reader(caller), &id, reason).await?)
    }

    /// Lets somebody vote for the caller, for so many seconds.
    pub(crate) async fn delegate(
        &self,
        caller: &Caller,
        to: Account,
        seconds: u64,
        reason: &str,
    ) -> Result<Id, Refusal> {
        Ok(self.gateway.delegate(&Self::reader(caller), to, seconds, reason).await?)
    }

    /// Messages that could not be sent, for those who may read evidence.
    pub(crate) async fn dead_letters(&self, caller: &Caller) -> Result<Vec<(u64, Letter)>, Refusal> {
        self.may_read(caller).await?;
        self.note(caller, "read", "messages to approvers that could not be sent").await?;
        Ok(self.gateway.approvers.channels.dead())
    }

    /// Sends one of them again.
    pub(crate) async fn revive(&self, caller: &Caller, number: u64) -> Result<(), Refusal> {
        self.may_read(caller).await?;
        self.note(caller, "resend", "a message to approvers that could not be sent").await?;
        let gateway = Arc::clone(self.gateway);
        let found = on_disk(move || gateway.approvers.channels.revive(number)).await?;
        if found { Ok(()) } else { Err(Refusal::Unknown) }
    }

    /// Whether the policies let them read evidence. That they tried is recorded where not.
    async fn may_read(&self, caller: &Caller) -> Result<(), Refusal> {
        let action = Action::EVIDENCE_READ;
        let permitted = {
            let context = Context { now: self.now, ..Context::default() };
            let (principal, resource) = (&caller.key, &Resource::Evidence);
            let request = Request { principal, action, resource, context: &context };
            self.runtime.gate.policies.decide(&request).is_permit()
        };
        if permitted {
            return Ok(());
        }
        self.note(caller, "refused", action.as_str()).await?;
        Err(Refusal::NotPermitted)
    }
}
