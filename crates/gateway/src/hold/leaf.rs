//! The records of approvals that are not a caller's own: votes, endings, emergencies. They are written like an operator's
//! acts, under the run, and name their request in `of`.

use carnet_approvals::{Account, Ending, Held, Leaf};
use carnet_evidence::LeafType;

use crate::desk::{Clerk, Desk, Refused};
use crate::gateway::Gateway;

impl Gateway {
    /// Makes a record durable. `held` is the state that it is about to make true.
    pub(super) async fn approval_leaf(&self, leaf: Leaf, held: &Held) -> Result<u64, Refused> {
        let (ty, why, by, said) = content(leaf, held);
        let clerk = by.map_or_else(Desk::itself, |(account, how)| clerk(account, how));
        let runtime = self.runtime.load_full();
        let desk = Desk {
            recorder: &self.recorder,
            epochs: runtime.gate.epochs,
            clerk: &clerk,
            config: Some(&runtime.config),
        };
        let change = |draft: &mut carnet_evidence::Draft| {
            draft.of = Some(held.index);
            if let (Leaf::Granted, Some((_, request))) = (leaf, held.granted) {
                draft.ext.push(("grant", carnet_evidence::Ext::Int(request)));
            }
        };
        desk.approval(ty, why, change, &said).await
    }
}

pub(super) fn clerk(account: &Account, authenticated: &str) -> Clerk {
    Clerk {
        kind: account.kind.clone(),
        issuer: account.issuer.clone(),
        subject: account.subject.clone(),
        authenticated: authenticated.to_owned(),
    }
}

type Content<'a> = (LeafType, &'static str, Option<(&'a Account, &'static str)>, String);

fn content(leaf: Leaf, held: &Held) -> Content<'_> {
    match leaf {
        Leaf::Vote => {
            let vote = held.votes.last();
            let why = vote.map_or("approve", |v| v.choice.word());
            let by = vote.map(|v| (&v.voter, v.assurance.word()));
            (LeafType::ApprovalVote, why, by, vote.map_or_else(String::new, json))
        }
        Leaf::Granted => {
            let said = held.granted.map_or_else(String::new, |(id, request)| {
                format!(r#"{{"digest":"{}","grant":"{id}","request":{request}}}"#, held.request.digest())
            });
            (LeafType::ApprovalVote, "granted", None, said)
        }
        // For a result. For a call the gate writes it, in the caller's session.
        Leaf::Consume => {
            let names = serde_json::json!(held.request.requirement.names());
            let said = format!(
                r#"{{"digest":"{}","names":{names},"request":{}}}"#,
                held.request.digest(),
                held.index
            );
            (LeafType::ApprovalConsume, "used", None, said)
        }
        Leaf::End(ending) => (LeafType::ApprovalExpire, ending.word(), None, ended(held, ending)),
        Leaf::BreakGlass => {
            let broken = held.broken.as_deref();
            let by = broken.map(|b| (&b.by, "token"));
            (LeafType::BreakglassOpen, "emergency", by, broken.map_or_else(String::new, json))
        }
        Leaf::Review => {
            let broken = held.broken.as_deref();
            let review = broken.and_then(|b| b.reviewed.as_ref());
            let by = review.map(|r| (&r.by, "token"));
            (LeafType::BreakglassReview, "reviewed", by, broken.map_or_else(String::new, json))
        }
    }
}

fn ended(held: &Held, ending: Ending) -> String {
    let why = held.why.as_deref().map_or_else(|| "null".to_owned(), carnet_json::quote);
    format!(r#"{{"digest":"{}","ending":"{}","why":{why}}}"#, held.request.digest(), ending.word())
}

fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
