//! One rule: from what the configuration says to something that finds.

use carnet_model::DataClass;
use regex_automata::meta::{Config, Regex};
use regex_automata::util::syntax;

use super::validator::Validator;
use super::words::{Beside, ceil, floor};
use super::{entropy, intern};
use crate::scan::Hit;

/// The most bytes that a pattern may match. What is bounded stays linear over a whole text: no match makes the search
/// read the rest of the text for the next one.
pub const MAX_MATCH: usize = 4096;

/// The longest pattern, in bytes.
const MAX_PATTERN: usize = 1024;

/// A compiled pattern takes at most so many bytes.
const MAX_COMPILED: usize = 1 << 20;

/// Longer keys are not looked up.
pub(crate) const MAX_KEY: usize = 64;

/// The longest value that a key alone gives away.
const MAX_VALUE: usize = 512;

/// A rule as the configuration writes it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RuleSpec {
    /// Its name, which records show.
    pub name: String,
    /// The class of what it finds.
    pub class: DataClass,
    /// What that class is called.
    pub class_name: String,
    /// What to look for. Without one the whole value under a key.
    pub pattern: Option<String>,
    /// Small and capital letters are the same to the pattern.
    pub ignore_case: bool,
    /// The check that a match has to pass.
    pub validator: Option<Validator>,
    /// The least entropy of a match, in hundredths of a bit for each byte.
    pub entropy: u32,
    /// Names of keys. With a pattern: the key or a word of `context` has to be there.
    pub keys: Vec<String>,
    /// Words beside the value, one of which has to be there, or a key.
    pub context: Vec<String>,
    /// Words beside the value, none of which may be there.
    pub without: Vec<String>,
}

/// Why a rule cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RuleMistake {
    /// Neither a pattern nor a key.
    #[error("a rule needs `pattern` or `keys`")]
    Nothing,
    /// The pattern is not one.
    #[error("this is not a pattern: {0}")]
    Syntax(String),
    /// The pattern is too long or becomes too large.
    #[error("the pattern is too large")]
    Large,
    /// `*`, `+` or `{n,}`, or too many of something.
    #[error("the pattern may match more than {MAX_MATCH} bytes")]
    Unbounded,
    /// It matches nothing at all, or single characters.
    #[error("the pattern matches less than two characters")]
    Short,
    /// A key that names nothing.
    #[error("`{0}` is not a key")]
    Key(String),
}

impl RuleMistake {
    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> Option<&'static str> {
        match self {
            RuleMistake::Unbounded => Some("give it an end: write `{1,32}` in place of `+`, `{0,32}` of `*`"),
            RuleMistake::Syntax(_) => Some(
                "the syntax is that of the Rust crate `regex`; `\\d`, `\\w` and `\\b` only in a pattern that is ASCII",
            ),
            RuleMistake::Nothing | RuleMistake::Large | RuleMistake::Short | RuleMistake::Key(_) => None,
        }
    }
}

/// A rule, ready to find.
#[derive(Clone)]
pub struct Rule {
    name: &'static str,
    kind: &'static str,
    class: DataClass,
    pattern: Option<Regex>,
    validator: Option<Validator>,
    entropy: u32,
    keys: Vec<String>,
    context: Beside,
    without: Beside,
}

impl std::fmt::Debug for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rule").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Rule {
    /// Compiles a rule.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(spec: &RuleSpec) -> Result<Rule, RuleMistake> {
        if spec.pattern.is_none() && spec.keys.is_empty() {
            return Err(RuleMistake::Nothing);
        }
        let pattern = spec.pattern.as_deref().map(|p| compile(p, spec.ignore_case)).transpose()?;
        let keys: Vec<String> = spec.keys.iter().map(|k| plain_key(k)).collect();
        if let Some(bad) = spec.keys.iter().find(|k| k.len() > MAX_KEY || plain_key(k).is_empty()) {
            return Err(RuleMistake::Key(bad.clone()));
        }
        Ok(Rule {
            name: intern(&spec.name),
            kind: intern(&spec.class_name.to_ascii_uppercase()),
            class: spec.class,
            pattern,
            validator: spec.validator,
            entropy: spec.entropy,
            keys,
            context: Beside::new(&spec.context),
            without: Beside::new(&spec.without),
        })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The class of what it finds.
    #[must_use]
    pub fn class(&self) -> DataClass {
        self.class
    }

    /// The type of what it finds: the class's name in capitals.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// The check that a match has to pass.
    #[must_use]
    pub fn validator(&self) -> Option<Validator> {
        self.validator
    }

    pub(crate) fn keys(&self) -> &[String] {
        &self.keys
    }

    pub(crate) fn has_pattern(&self) -> bool {
        self.pattern.is_some()
    }

    pub(crate) fn occurs(&self, text: &str) -> bool {
        self.pattern.as_ref().is_some_and(|p| p.is_match(text))
    }

    /// Adds what it finds in a text. `keyed`: the text stands under one of its keys.
    pub(crate) fn scan(&self, text: &str, keyed: bool, hits: &mut Vec<Hit>) {
        match &self.pattern {
            Some(pattern) => {
                for m in pattern.find_iter(text) {
                    let (start, end) = (floor(text, m.start()), ceil(text, m.end()));
                    self.judge(text, start, end, keyed, hits);
                }
            }
            None if keyed => {
                let value = text.trim();
                let start = text.len() - text.trim_start().len();
                if (2..=MAX_VALUE).contains(&value.len()) && !crate::value::says_nothing(value) {
                    self.judge(text, start, start + value.len(), keyed, hits);
                }
            }
            None => {}
        }
    }

    fn judge(&self, text: &str, start: usize, end: usize, keyed: bool, hits: &mut Vec<Hit>) {
        let value = text.get(start..end).unwrap_or_default();
        let asks = !self.keys.is_empty() || !self.context.is_empty();
        let fits = self.validator.is_none_or(|v| v.accepts(value))
            && (self.entropy == 0 || entropy::centibits(value) >= self.entropy)
            && (!asks || keyed || self.context.near(text, start, end))
            && !self.without.near(text, start, end);
        if fits {
            let (start, end) = (start as u32, end as u32);
            hits.push(Hit { start, end, class: self.class, kind: self.kind, rule: self.name, score: 96 });
        }
    }
}

/// A key in small letters without separators, as two spellings of it have it in common.
pub(crate) fn plain_key(key: &str) -> String {
    key.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Of a size to be read, and without classes of all of Unicode: they would be slow, and mean more than was meant.
fn readable(pattern: &str) -> Result<(), RuleMistake> {
    if pattern.len() > MAX_PATTERN {
        return Err(RuleMistake::Large);
    }
    let class = |w: &[u8]| w.first() == Some(&b'\\') && w.get(1).is_some_and(|b| b"dDwWsSbBpP".contains(b));
    if !pattern.is_ascii() && pattern.as_bytes().windows(2).any(class) {
        return Err(RuleMistake::Syntax("a class of characters in a pattern that is not ASCII".to_owned()));
    }
    Ok(())
}

/// Bytes, so that `\b` and `\d` stay fast and mean ASCII; characters where the pattern itself is not ASCII.
fn syntax_of(pattern: &str, ignore_case: bool) -> syntax::Config {
    let unicode = !pattern.is_ascii();
    syntax::Config::new().unicode(unicode).utf8(unicode).case_insensitive(ignore_case).nest_limit(50)
}

fn engine() -> Config {
    Config::new().nfa_size_limit(Some(MAX_COMPILED)).hybrid_cache_capacity(MAX_COMPILED)
}

fn compile(pattern: &str, ignore_case: bool) -> Result<Regex, RuleMistake> {
    readable(pattern)?;
    let hir = syntax::parse_with(pattern, &syntax_of(pattern, ignore_case))
        .map_err(|e| RuleMistake::Syntax(last_line(&e.to_string())))?;
    if hir.properties().maximum_len().is_none_or(|n| n > MAX_MATCH) {
        return Err(RuleMistake::Unbounded);
    }
    if hir.properties().minimum_len().is_none_or(|n| n < 2) {
        return Err(RuleMistake::Short);
    }
    Regex::builder().configure(engine()).build_from_hir(&hir).map_err(|_| RuleMistake::Large)
}

/// A pattern that the whole text has to match. It is asked once for a value, so it may be without an end.
pub(crate) fn compile_whole(pattern: &str) -> Result<Regex, RuleMistake> {
    readable(pattern)?;
    let config = syntax_of(pattern, true);
    // Parsed alone first: `a)|(b` would otherwise mean something else inside.
    syntax::parse_with(pattern, &config).map_err(|e| RuleMistake::Syntax(last_line(&e.to_string())))?;
    let whole = format!("\\A(?:{pattern})\\z");
    Regex::builder().configure(engine()).syntax(config).build(&whole).map_err(|_| RuleMistake::Large)
}

/// The parser draws a picture; its last line says what is wrong.
fn last_line(text: &str) -> String {
    let line = text.lines().last().unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}
