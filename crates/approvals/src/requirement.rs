//! Who must approve, as the policies that hold a call say in their annotations.
//!
//! | annotation | meaning |
//! |---|---|
//! | `@hold("dpo")` | the name of the approval; without it the policy cannot be lifted |
//! | `@quorum("2")` | so many people, 1 without it |
//! | `@stage("2")` | asked only when every earlier stage is complete, 1 without it |
//! | `@expires("30m")` | nobody answered until then: denied |
//! | `@valid("10m")` | an approval that is not used until then is none |
//! | `@assurance("passkey")` | the least that counts: `chat`, `token`, `login`, `passkey` |
//! | `@escalate("10m")` | nobody answered until then: asked again, louder, `resource.escalated` turns true |
//! | `@breakglass("15m")` | may be lifted in an emergency, to be reviewed until then |
//! | `@grants("30m")` | approvers may grant calls like it for up to so long |

use serde::{Deserialize, Serialize};

use crate::time::duration;
use crate::vote::Assurance;

/// The annotations that speak of approvals, besides `@hold`.
pub type Terms = Vec<(String, String)>;

/// A policy that holds a call: its id, what `@hold` says, and the other annotations.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rule {
    /// The policy's id.
    pub policy: String,
    /// The name of the approval.
    pub hold: String,
    /// The others.
    pub annotations: Terms,
}

/// One approval that is needed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Part {
    /// Its name, as policies ask for it in `context.approvals`.
    pub name: String,
    /// How many people.
    pub quorum: u32,
    /// In which order.
    pub stage: u32,
    /// The least assurance of a vote.
    pub assurance: Assurance,
}

/// Everything that is needed for a call.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Requirement {
    /// In the order of stages, each name once.
    pub parts: Vec<Part>,
    /// Seconds until a request is denied by silence.
    pub expires: u64,
    /// Seconds until an approval that was not used is none.
    pub valid: u64,
    /// Seconds until it is asked again, louder.
    pub escalate: Option<u64>,
    /// It may be lifted in an emergency, which is to be reviewed within so many seconds.
    pub break_glass: Option<u64>,
    /// Approvers may grant calls like it for up to so many seconds.
    pub grants: Option<u64>,
}

/// What is wrong with an annotation.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("policy {policy}: @{annotation}({value:?}): {expected}")]
pub struct Mistake {
    /// The policy.
    pub policy: String,
    /// The annotation.
    pub annotation: String,
    /// Its value.
    pub value: String,
    /// What it should be.
    pub expected: &'static str,
}

/// Most people that a policy can ask for.
const MOST_PEOPLE: u32 = 100;

/// What one policy says.
struct Said {
    part: Part,
    expires: Option<u64>,
    valid: Option<u64>,
    escalate: Option<u64>,
    break_glass: Option<u64>,
    grants: Option<u64>,
}

fn said(rule: &Rule) -> Result<Said, Mistake> {
    let mut said = Said {
        part: Part { name: rule.hold.clone(), quorum: 1, stage: 1, assurance: Assurance::Chat },
        expires: None,
        valid: None,
        escalate: None,
        break_glass: None,
        grants: None,
    };
    let mistake = |annotation: &str, value: &str, expected| Mistake {
        policy: rule.policy.clone(),
        annotation: annotation.to_owned(),
        value: value.to_owned(),
        expected,
    };
    if rule.hold.trim().is_empty() {
        return Err(mistake("hold", &rule.hold, "the name of an approval"));
    }
    for (name, value) in &rule.annotations {
        let time = || duration(value).ok_or_else(|| mistake(name, value, "a time such as 30m"));
        let number = || {
            let number = value.parse::<u32>().ok().filter(|n| (1..=MOST_PEOPLE).contains(n));
            number.ok_or_else(|| mistake(name, value, "a number from 1 to 100"))
        };
        match name.as_str() {
            "quorum" => said.part.quorum = number()?,
            "stage" => said.part.stage = number()?,
            "assurance" => {
                let known = Assurance::by_word(value);
                said.part.assurance =
                    known.ok_or_else(|| mistake(name, value, "chat, token, login or passkey"))?;
            }
            "expires" => said.expires = Some(time()?),
            "valid" => said.valid = Some(time()?),
            "escalate" => said.escalate = Some(time()?),
            "breakglass" => said.break_glass = Some(time()?),
            "grants" => said.grants = Some(time()?),
            _ => {}
        }
    }
    Ok(said)
}

impl Requirement {
    /// What all policies that hold a call ask for together. Where two differ, the stricter holds: the larger quorum, the higher
    /// assurance, the later stage, the shorter time; and what one of them does not allow, all of them do not.
    ///
    /// # Errors
    /// The first annotation that says nothing.
    pub fn of(rules: &[Rule], expires: u64, valid: u64) -> Result<Requirement, Mistake> {
        let all = rules.iter().map(said).collect::<Result<Vec<_>, _>>()?;
        let mut parts: Vec<Part> = Vec::new();
        for Said { part, .. } in &all {
            match parts.iter_mut().find(|known| known.name == part.name) {
                Some(known) => {
                    known.quorum = known.quorum.max(part.quorum);
                    known.stage = known.stage.max(part.stage);
                    known.assurance = known.assurance.max(part.assurance);
                }
                None => parts.push(part.clone()),
            }
        }
        parts.sort_by(|a, b| (a.stage, &a.name).cmp(&(b.stage, &b.name)));
        let least =
            |of: fn(&Said) -> Option<u64>, default| all.iter().filter_map(of).min().unwrap_or(default);
        let agreed = |of: fn(&Said) -> Option<u64>| {
            let times: Option<Vec<u64>> = all.iter().map(of).collect();
            times.and_then(|times| times.into_iter().min())
        };
        Ok(Requirement {
            parts,
            expires: least(|s| s.expires, expires),
            valid: least(|s| s.valid, valid),
            escalate: all.iter().filter_map(|s| s.escalate).min(),
            break_glass: agreed(|s| s.break_glass),
            grants: agreed(|s| s.grants),
        })
    }

    /// The names of the approvals.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.parts.iter().map(|part| part.name.clone()).collect()
    }

    /// How many votes it takes in all.
    #[must_use]
    pub fn quorum(&self) -> u32 {
        self.parts.iter().map(|part| part.quorum).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(hold: &str, annotations: &[(&str, &str)]) -> Rule {
        let annotations = annotations.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Rule { policy: "p".into(), hold: hold.into(), annotations }
    }

    #[test]
    fn the_stricter_holds() {
        let rules = [
            rule("dpo", &[("quorum", "2"), ("expires", "30m"), ("breakglass", "1h"), ("stage", "2")]),
            rule("dpo", &[("assurance", "passkey"), ("expires", "10m")]),
            rule("manager", &[("valid", "5m")]),
        ];
        let all = Requirement::of(&rules, 3600, 900).expect("right");
        let names: Vec<_> =
            all.parts.iter().map(|p| (p.name.as_str(), p.quorum, p.stage, p.assurance)).collect();
        assert_eq!(names, [("manager", 1, 1, Assurance::Chat), ("dpo", 2, 2, Assurance::Passkey)]);
        assert_eq!((all.expires, all.valid, all.break_glass, all.quorum()), (600, 300, None, 3));
    }

    #[test]
    fn what_says_nothing_is_a_mistake() {
        for (name, value) in [
            ("quorum", "0"),
            ("quorum", "two"),
            ("quorum", "101"),
            ("expires", "soon"),
            ("assurance", "strong"),
            ("stage", "-1"),
            ("grants", ""),
        ] {
            assert!(Requirement::of(&[rule("dpo", &[(name, value)])], 60, 60).is_err(), "{name} {value}");
        }
        assert!(Requirement::of(&[rule(" ", &[])], 60, 60).is_err());
    }
}
