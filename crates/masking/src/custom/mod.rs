//! A configuration's own rules: what it looks for besides the built-in recognisers, what it never masks, and which
//! recognisers it switches off. Fingerprints of its own code and documents are asked here too.
//!
//! A rule is a pattern, names of keys, or both. Patterns match in linear time and have a greatest length, so no input
//! makes them slow. What a rule finds is a [`Hit`] like any other.

mod allow;
mod entropy;
mod rule;
mod validator;
mod words;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

pub use allow::{Allow, AllowSpec};
pub use rule::{MAX_MATCH, Rule, RuleMistake, RuleSpec};
pub use validator::Validator;

use carnet_model::ClassSet;

use crate::fingerprint::Fingerprints;
use crate::keys::{Hint, Strength};
use crate::options::DetectorOptions;
use crate::scan::Hit;

/// More rules are not accepted: each that has a pattern reads every text.
pub const MAX_RULES: usize = 64;

/// Which rules a key speaks for: bit n for the n-th rule.
pub(crate) type Own = u64;

/// Everything of a configuration's own, ready to be asked.
#[derive(Default)]
pub(crate) struct Custom {
    rules: Vec<Rule>,
    /// Keys in small letters without separators, and the rules they speak for.
    keys: HashMap<String, Own>,
    allow: Vec<Allow>,
    /// Types and classes that are not looked for.
    off: BTreeSet<String>,
    disabled: ClassSet,
    patterns: bool,
    fingerprints: Vec<Fingerprints>,
}

impl Custom {
    pub(crate) fn new(options: &DetectorOptions) -> Self {
        let rules: Vec<Rule> = options.rules.iter().take(MAX_RULES).cloned().collect();
        let mut keys: HashMap<String, Own> = HashMap::new();
        for (n, rule) in rules.iter().enumerate() {
            for key in rule.keys() {
                *keys.entry(key.clone()).or_default() |= 1 << n;
            }
        }
        let patterns = rules.iter().any(Rule::has_pattern);
        let off = options.disabled_types.iter().cloned().collect();
        Custom {
            rules,
            keys,
            allow: options.allow.clone(),
            off,
            disabled: options.disabled,
            fingerprints: options.fingerprints.clone(),
            patterns,
        }
    }

    /// Whether any rule has a pattern, so that short numbers count too.
    pub(crate) fn has_patterns(&self) -> bool {
        self.patterns
    }

    /// Whether a configuration adds nothing and takes nothing away.
    pub(crate) fn is_empty(&self) -> bool {
        !self.has_rules() && self.allow.is_empty() && self.off.is_empty() && self.disabled.is_empty()
    }

    /// Whether a configuration adds something to look for.
    pub(crate) fn has_rules(&self) -> bool {
        !self.rules.is_empty() || !self.fingerprints.is_empty()
    }

    /// Whether a rule speaks of a text that the built-in recognisers need not look at.
    pub(crate) fn wakes(&self, text: &str) -> bool {
        self.fingerprints.iter().any(|f| f.may_read(text))
            || self.patterns && self.rules.iter().any(|r| r.occurs(text))
    }

    /// Which rules a key speaks for.
    pub(crate) fn of_key(&self, key: &str) -> Own {
        if self.keys.is_empty() || key.len() > rule::MAX_KEY * 2 {
            return 0;
        }
        self.keys.get(&rule::plain_key(key)).copied().unwrap_or(0)
    }

    /// Adds what the rules find in one text.
    pub(crate) fn scan(&self, text: &str, hint: Option<Hint>, hits: &mut Vec<Hit>) {
        for set in &self.fingerprints {
            set.scan(text, hits);
        }
        if self.rules.is_empty() {
            return;
        }
        let own = hint.map_or(0, |h| h.own);
        if !self.patterns && own == 0 {
            return;
        }
        for (n, rule) in self.rules.iter().enumerate() {
            rule.scan(text, own >> n & 1 == 1, hits);
        }
    }

    /// Drops hits, from `first` on, of recognisers that are switched off and of values that are never masked.
    pub(crate) fn filter(&self, text: &str, first: usize, hits: &mut Vec<Hit>) {
        let idle = self.off.is_empty() && self.allow.is_empty() && self.disabled.is_empty();
        if idle || hits.len() <= first {
            return;
        }
        let mut n = 0;
        hits.retain(|h| {
            n += 1;
            let off = |h: &Hit| self.disabled.contains(h.class) || self.off.contains(h.kind);
            n <= first || !off(h) && !self.allows(text, h)
        });
    }

    fn allows(&self, text: &str, hit: &Hit) -> bool {
        let value = text.get(hit.start as usize..hit.end as usize).unwrap_or_default();
        self.allow.iter().any(|a| a.allows(hit.class, value))
    }
}

/// A hint with what the own rules know of its key.
pub(crate) fn with_own(own: Own, hint: Option<Hint>) -> Option<Hint> {
    let none = Hint { class: None, kind: "", bits: 0, strength: Strength::Weak, own: 0 };
    if own == 0 { hint } else { Some(Hint { own, ..hint.unwrap_or(none) }) }
}

/// One text for equal names, kept for good: findings carry the names of rules as they carry those of built-in ones.
/// It grows with the number of different names that this process ever read from a configuration, and with nothing else.
pub(crate) fn intern(name: &str) -> &'static str {
    static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    match names.get(name) {
        Some(kept) => kept,
        None => {
            let kept: &'static str = Box::leak(name.into());
            names.insert(kept);
            kept
        }
    }
}
