//! Whom a message is about: references that the configuration points at, and identifiers that were found. What leaves this
//! file is a blind index of each, so that neither the log nor the key store holds the person.

use carnet_evidence::seal::MacKey;
use carnet_json::{Kind, Value};
use carnet_masking::Findings;
use carnet_mcp::Message;
use carnet_model::{ClassSet, DataClass};

use crate::tally::Short;

/// Data subjects whose keys seal one frame. Of more than these a frame is about, the rest is only counted.
pub const MOST_SUBJECTS: usize = 32;

/// Where a server's messages name a person.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SubjectRule {
    /// Tools it holds for; empty for all messages.
    pub tools: Vec<String>,
    /// Names of members from `params` or `result` on; lists on the way are walked.
    pub path: Vec<String>,
    /// What the reference is called, such as `customer`.
    pub kind: String,
}

/// The label of a person's key: a keyed blind index of the reference.
#[must_use]
pub fn subject_label(mac: &MacKey, kind: &str, value: &str) -> [u8; 16] {
    let text = format!("{kind}\0{}", canonical(kind, value));
    mac.mac("subject", text.as_bytes()).first_chunk().copied().unwrap_or_default()
}

/// The label of an actor's key.
#[must_use]
pub fn actor_label(mac: &MacKey, issuer: &str, subject: &str) -> [u8; 16] {
    mac.mac("actor", format!("{issuer}\0{subject}").as_bytes()).first_chunk().copied().unwrap_or_default()
}

/// One spelling for one identifier: case of an e-mail address, spaces and dashes of numbers do not tell persons apart.
fn canonical(kind: &str, value: &str) -> String {
    let value = value.trim();
    match DataClass::by_name(kind) {
        Some(DataClass::EMAIL) => value.to_lowercase(),
        Some(DataClass::PHONE) => {
            let digits: String = value.chars().filter(char::is_ascii_digit).collect();
            let international = value.starts_with('+') || value.starts_with("00");
            if international { format!("+{}", digits.trim_start_matches('0')) } else { digits }
        }
        Some(_) => value.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase).collect(),
        None => value.to_owned(),
    }
}

/// Of more persons than these in one message the rest is counted as if each were new.
const TOLD_APART: usize = 4096;

fn short(label: &[u8; 16]) -> Short {
    label.first_chunk().copied().unwrap_or_default()
}

/// Labels of those a message is about, each once, and how many more there were.
#[derive(Clone, Default, Debug)]
pub(crate) struct About {
    /// At most [`MOST_SUBJECTS`].
    pub labels: Vec<[u8; 16]>,
    /// More than that.
    pub beyond: usize,
    /// Beginnings of the labels of those beyond, as far as they are told apart.
    others: std::collections::HashSet<Short>,
}

impl About {
    fn add(&mut self, label: [u8; 16]) {
        if self.labels.contains(&label) {
            return;
        }
        if self.labels.len() < MOST_SUBJECTS {
            self.labels.push(label);
        } else if self.others.len() < TOLD_APART {
            self.beyond += usize::from(self.others.insert(short(&label)));
        } else if !self.others.contains(&short(&label)) {
            self.beyond += 1;
        }
    }

    /// As counters take them: persons told apart, and how many more.
    pub(crate) fn persons(&self) -> (Vec<Short>, usize) {
        let told = self.labels.iter().map(short).chain(self.others.iter().copied()).collect();
        (told, self.beyond - self.others.len())
    }

    /// An answer is about those whom the question was about, whatever it names itself: they come first.
    pub(crate) fn answering(self, question: &About) -> About {
        let mut about = question.clone();
        about.beyond += self.beyond - self.others.len();
        self.labels.into_iter().for_each(|label| about.add(label));
        for other in self.others {
            about.beyond += usize::from(about.others.insert(other));
        }
        about
    }

    /// What the configuration points at comes first: it is what the operator means by a person.
    pub(crate) fn of(
        mac: &MacKey,
        rules: &[SubjectRule],
        tool: Option<&str>,
        message: &Message,
        (detected, findings): (ClassSet, &Findings),
    ) -> About {
        let mut about = About::default();
        for rule in rules {
            if !rule.tools.is_empty() && !rule.tools.iter().any(|t| Some(t.as_str()) == tool) {
                continue;
            }
            let (start, path) = match rule.path.split_first() {
                Some((root, path)) if root == "result" => (message.result(), path),
                Some((root, path)) if root == "params" => (message.params(), path),
                _ => (message.params(), rule.path.as_slice()),
            };
            if let Some(start) = start {
                values(start, path, &mut |value| about.add(subject_label(mac, &rule.kind, value)));
            }
        }
        findings.each(message.bytes(), detected, &mut |class, value| {
            about.add(subject_label(mac, class.name(), value));
        });
        about
    }
}

/// Texts and numbers at a path.
fn values(at: Value<'_>, path: &[String], sink: &mut dyn FnMut(&str)) {
    match (at.kind(), path.split_first()) {
        (Kind::Array, _) => at.items().for_each(|item| values(item, path, sink)),
        (_, Some((name, rest))) => {
            if let Some(next) = at.get(name) {
                values(next, rest, sink);
            }
        }
        (Kind::String, None) => {
            if let Some(text) = at.as_str() {
                sink(&text);
            }
        }
        (Kind::Number, None) => sink(at.raw_str()),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn an_answer_is_about_whom_the_question_was_about() {
        let about =
            |labels: &[u8]| About { labels: labels.iter().map(|n| [*n; 16]).collect(), ..About::default() };
        let both = about(&[3, 1]).answering(&about(&[1, 2]));
        assert_eq!(both.labels, [[1; 16], [2; 16], [3; 16]]);
        let many: Vec<u8> = (0..40).collect();
        let full = about(&[77]).answering(&about(&many[..MOST_SUBJECTS]));
        assert_eq!((full.labels.len(), full.beyond), (MOST_SUBJECTS, 1));
    }

    #[test]
    fn one_person_has_one_label_however_it_is_written() {
        let mac = MacKey::new(&[1; 32]).unwrap();
        let same =
            |kind: &str, a: &str, b: &str| subject_label(&mac, kind, a) == subject_label(&mac, kind, b);
        for (kind, a, b, expected) in [
            ("email", "Ada@Example.com", " ada@example.com ", true),
            ("email", "ada@example.com", "bob@example.com", false),
            ("phone", "+49 30 123456", "0049-30-123456", true),
            ("phone", "030 123456", "030/123456", true),
            ("iban", "DE89 3704 0044", "de8937040044", true),
            ("customer", "4711", "4711", true),
            ("customer", "a", "A", false),
        ] {
            assert_eq!(same(kind, a, b), expected, "{kind} {a} {b}");
        }
        assert_ne!(subject_label(&mac, "customer", "1"), subject_label(&mac, "patient", "1"));
        assert_ne!(
            subject_label(&mac, "customer", "1"),
            subject_label(&MacKey::new(&[2; 32]).unwrap(), "customer", "1")
        );
    }
}
