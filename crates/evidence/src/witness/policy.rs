//! Which logs and witnesses are trusted, and how many of them it takes: C2SP tlog-policy.

use std::collections::{BTreeMap, BTreeSet};

use super::cosign::CosignerKey;
use crate::note::{Note, NoteError, Verifier};

/// Lines of a policy that are read. Far more than the 32 logs, witnesses and groups that the specification asks for.
const MOST: usize = 4096;

/// A line of a policy that cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct PolicyError {
    /// Its number, from 1; 0 for the policy as a whole.
    pub line: usize,
    /// In words.
    pub why: &'static str,
}

/// A witness.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Witness {
    /// Its name in the policy.
    pub name: String,
    /// Its key.
    pub key: CosignerKey,
    /// Where checkpoints are submitted to.
    pub url: Option<String>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Group {
    threshold: usize,
    members: Vec<String>,
}

/// A policy.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Policy {
    /// Logs, with their URLs.
    pub logs: Vec<(Verifier, Option<String>)>,
    /// Witnesses.
    pub witnesses: Vec<Witness>,
    groups: BTreeMap<String, Group>,
    quorum: Option<String>,
}

/// What the signature lines of a checkpoint are worth under a policy.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Witnessed {
    /// Witnesses of the policy that signed, with their times.
    pub by: Vec<(String, u64)>,
    /// Witnesses of the policy whose line does not verify.
    pub bad: Vec<String>,
    /// Lines that are of nobody in the policy.
    pub unknown: u64,
    /// Whether those who signed are enough.
    pub quorum: bool,
}

impl Witnessed {
    /// The earliest time at which one of them had seen the checkpoint.
    #[must_use]
    pub fn seen(&self) -> Option<u64> {
        self.by.iter().map(|(_, t)| *t).min()
    }
}

impl Policy {
    /// Reads a policy.
    ///
    /// # Errors
    /// [`PolicyError`] for the first line that is wrong.
    pub fn parse(text: &str) -> Result<Policy, PolicyError> {
        let mut policy =
            Policy { logs: Vec::new(), witnesses: Vec::new(), groups: BTreeMap::new(), quorum: None };
        let (mut said, mut members) = (false, BTreeSet::new());
        if text.lines().count() > MOST {
            return Err(PolicyError { line: 0, why: "too many lines" });
        }
        for (number, line) in (1..).zip(text.split('\n')) {
            let fail = |why| PolicyError { line: number, why };
            if line.chars().any(|c| c.is_ascii_control() && c != '\t') {
                return Err(fail("a control character"));
            }
            let words: Vec<&str> = line.split([' ', '\t']).filter(|w| !w.is_empty()).collect();
            match words.as_slice() {
                [] => {}
                [first, ..] if first.starts_with('#') => {}
                ["log", vkey, rest @ ..] => policy.log(vkey, rest).map_err(fail)?,
                ["witness", name, vkey, rest @ ..] => policy.witness(name, vkey, rest).map_err(fail)?,
                ["group", name, k, of @ ..] => policy.group(name, k, of, &mut members).map_err(fail)?,
                ["quorum", name] if !said => {
                    said = true;
                    policy.quorum = policy.named(name).map_err(fail)?;
                }
                ["quorum", ..] => return Err(fail("a quorum has one name, and there is one quorum")),
                _ => return Err(fail("not a line of a policy")),
            }
        }
        if said { Ok(policy) } else { Err(PolicyError { line: 0, why: "there is no quorum line" }) }
    }

    fn log(&mut self, vkey: &str, rest: &[&str]) -> Result<(), &'static str> {
        let key = Verifier::parse(vkey).map_err(|_| "not the verifier key of a log")?;
        if self.logs.iter().any(|(other, _)| other.public() == key.public()) {
            return Err("the key of this log is there twice");
        }
        self.logs.push((key, url(rest)?));
        Ok(())
    }

    fn witness(&mut self, name: &str, vkey: &str, rest: &[&str]) -> Result<(), &'static str> {
        self.free(name)?;
        let key = CosignerKey::parse(vkey).map_err(|_| "not the verifier key of a witness")?;
        if self.witnesses.iter().any(|w| w.key.public() == key.public()) {
            return Err("the key of this witness is there twice");
        }
        self.witnesses.push(Witness { name: name.to_owned(), key, url: url(rest)? });
        Ok(())
    }

    fn group(
        &mut self,
        name: &str,
        k: &str,
        of: &[&str],
        taken: &mut BTreeSet<String>,
    ) -> Result<(), &'static str> {
        self.free(name)?;
        let mut members = Vec::new();
        for member in of {
            let known = self.named(member)?.ok_or("none is no member of a group")?;
            // A witness that counted twice would be two.
            if !taken.insert(known.clone()) {
                return Err("a name is a member of one group, once");
            }
            members.push(known);
        }
        let threshold = match k {
            "all" => members.len(),
            "any" => 1,
            k if k.starts_with('0') || !k.bytes().all(|b| b.is_ascii_digit()) => 0,
            k => k.parse().unwrap_or(0),
        };
        if threshold == 0 || threshold > members.len() {
            return Err("a group is of all, any or a number of its members, from 1");
        }
        self.groups.insert(name.to_owned(), Group { threshold, members });
        Ok(())
    }

    fn free(&self, name: &str) -> Result<(), &'static str> {
        let there =
            name == "none" || self.groups.contains_key(name) || self.witnesses.iter().any(|w| w.name == name);
        if there { Err("this name is taken") } else { Ok(()) }
    }

    /// A name that was defined before, `None` for `none`.
    fn named(&self, name: &str) -> Result<Option<String>, &'static str> {
        match name {
            "none" => Ok(None),
            name if self.free(name).is_err() => Ok(Some(name.to_owned())),
            _ => Err("this name is not defined above"),
        }
    }

    /// Whether any cosignature is asked for.
    #[must_use]
    pub fn asks(&self) -> bool {
        self.quorum.is_some()
    }

    /// Whether these witnesses are enough.
    #[must_use]
    pub fn met(&self, by: &BTreeSet<&str>) -> bool {
        self.quorum.as_deref().is_none_or(|name| self.holds(name, by))
    }

    /// A group refers to names above it only, so this ends.
    fn holds(&self, name: &str, by: &BTreeSet<&str>) -> bool {
        match self.groups.get(name) {
            Some(group) => group.members.iter().filter(|m| self.holds(m, by)).count() >= group.threshold,
            None => by.contains(name),
        }
    }

    /// What the lines of a checkpoint are worth. The log's own line is not looked at.
    #[must_use]
    pub fn judge(&self, note: &Note) -> Witnessed {
        let mut out = Witnessed::default();
        for witness in &self.witnesses {
            match witness.key.verify(note) {
                Ok(t) => out.by.push((witness.name.clone(), t)),
                Err(NoteError::Unsigned) => {}
                // A signature of an algorithm that is not known here is not wrong, and does not count.
                Err(_) if !witness.key.is_known() => {}
                Err(_) => out.bad.push(witness.name.clone()),
            }
        }
        let of_log =
            |line: &crate::note::NoteSignature| self.logs.iter().any(|(log, _)| log.name() == line.name);
        let of_witness =
            |line: &crate::note::NoteSignature| self.witnesses.iter().any(|w| w.key.claims(line));
        out.unknown = note.signatures.iter().filter(|l| !of_log(l) && !of_witness(l)).count() as u64;
        let by = out.by.iter().map(|(name, _)| name.as_str()).collect();
        out.quorum = self.met(&by);
        out
    }
}

fn url(rest: &[&str]) -> Result<Option<String>, &'static str> {
    match rest {
        [] => Ok(None),
        [url] => Ok(Some((*url).to_owned())),
        _ => Err("too many words"),
    }
}
