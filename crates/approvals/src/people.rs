//! Who is who: an account is an identity at an issuer, a person may have several. Two accounts are taken for one person when
//! their subjects are spelled alike, whatever the issuer, or when the configuration lists them together. It errs on that
//! side: taken for one, two people are one vote too few; taken for two, one person could approve their own call.

use carnet_model::{Identity, IdentityKind, Principal};
use serde::{Deserialize, Serialize};

/// An identity at an issuer.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Account {
    /// `user` or `workload`.
    pub kind: String,
    /// The issuer, `carnet:tokens` for static tokens, `os` for a user of the operating system.
    pub issuer: String,
    /// The stable subject.
    pub subject: String,
}

impl Account {
    /// Of an identity.
    #[must_use]
    pub fn of(identity: &Identity) -> Account {
        let kind = match identity.kind {
            IdentityKind::User => "user",
            IdentityKind::Workload => "workload",
        };
        let (issuer, subject) = (identity.issuer.to_string(), identity.subject.to_string());
        Account { kind: kind.to_owned(), issuer, subject }
    }

    /// The actor of a call, and the agent that acts for it.
    #[must_use]
    pub fn both(principal: &Principal) -> (Account, Option<Account>) {
        (Account::of(&principal.identity), principal.agent.as_ref().map(Account::of))
    }

    /// Whether it is a person's. Programs have no vote.
    #[must_use]
    pub fn is_person(&self) -> bool {
        self.kind == "user"
    }

    /// `issuer|subject`, for people to read.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}|{}", self.issuer, self.subject)
    }

    /// As canonical JSON.
    #[must_use]
    pub fn canonical(&self) -> String {
        let q = crate::canonical::quote;
        format!(r#"{{"issuer":{},"kind":{},"subject":{}}}"#, q(&self.issuer), q(&self.kind), q(&self.subject))
    }
}

impl std::fmt::Debug for Account {
    /// The subject identifies a person, so it is not printed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}(at {})", self.kind, self.issuer)
    }
}

/// What the configuration says about who is who: each entry lists the accounts of one person, the agents that they own among
/// them, as `issuer|subject`.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct People(pub Vec<Vec<String>>);

impl People {
    /// Whether two accounts are, or may be, one person: or a person and an agent of theirs. What two entries share joins
    /// them, however long the way.
    #[must_use]
    pub fn same(&self, a: &Account, b: &Account) -> bool {
        let (one, other) = (a.subject.as_str(), b.subject.as_str());
        if one.eq_ignore_ascii_case(other) {
            return true;
        }
        let mut left: Vec<&Vec<String>> = self.0.iter().collect();
        let mut known = vec![one];
        while let Some(at) = left.iter().position(|person| names(person, &known)) {
            known.extend(left.swap_remove(at).iter().map(|account| subject(account)));
            if names(&[b.text()], &known) {
                return true;
            }
        }
        false
    }
}

/// Whether an entry names one of these subjects. What is spelled alike but for case is one: providers differ in whether it
/// matters.
fn names(person: &[String], known: &[&str]) -> bool {
    person.iter().any(|account| known.iter().any(|one| one.eq_ignore_ascii_case(subject(account))))
}

/// The subject of `issuer|subject`: subjects may have the mark, as those of some providers do.
fn subject(account: &str) -> &str {
    account.split_once('|').map_or(account, |(_, subject)| subject)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(issuer: &str, subject: &str) -> Account {
        Account { kind: "user".into(), issuer: issuer.into(), subject: subject.into() }
    }

    #[test]
    fn one_person_by_subject_or_by_list() {
        let entry = |accounts: &[&str]| accounts.iter().map(ToString::to_string).collect();
        let people = People(vec![
            entry(&["idp|night-bot", "idp|build-bot"]),
            entry(&["idp|ada", "os|uid:7", "idp|agent"]),
            entry(&["idp|build-bot", "idp|agent"]),
            entry(&["idp|auth0|7", "os|uid:9"]),
        ]);
        for (a, b, same) in [
            (account("idp", "ada"), account("carnet:tokens", "ada"), true),
            (account("idp", "ada"), account("idp", "Ada"), true),
            (account("idp", "ada"), account("os", "uid:7"), true),
            (account("idp", "agent"), account("idp", "ada"), true),
            (account("idp", "ada"), account("idp", "bob"), false),
            (account("other", "agent2"), account("idp", "ada"), false),
            // By way of another entry, and of the same subject elsewhere.
            (account("idp", "build-bot"), account("os", "uid:7"), true),
            (account("idp", "build-bot"), account("other", "ada"), true),
            (account("idp", "night-bot"), account("other", "ADA"), true),
            (account("idp", "night-bot"), account("idp", "bob"), false),
            (account("idp", "auth0|7"), account("os", "uid:9"), true),
        ] {
            assert_eq!(people.same(&a, &b), same, "{} {}", a.text(), b.text());
            assert_eq!(people.same(&b, &a), same);
        }
    }
}
