//! What was found: class, place and rule of each sensitive value, never the value in any printed form.

use std::fmt;
use std::ops::Range;

use carnet_model::{ClassSet, DataClass};

/// How the bytes of a finding have to be written when they are replaced.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Form {
    /// Text inside a JSON string, or plain text.
    #[default]
    Text,
    /// A whole JSON number.
    Number,
    /// Text inside a member's name.
    Key,
    /// A whole run of base64; what replaces it is base64 again.
    Base64,
    /// Text inside a URI; what replaces it is percent-encoded.
    Uri,
}

/// One sensitive value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// Its class, which policy speaks of.
    pub class: DataClass,
    /// Its type, finer than the class: Presidio's name where it has one (`EMAIL_ADDRESS`), else `DE_TAX_ID` or a plain term.
    pub kind: &'static str,
    /// The rule that found it.
    pub rule: &'static str,
    /// Bytes in the outer buffer. The quotes of a JSON string are never part of it.
    pub span: Range<u32>,
    /// How sure the rule is, 0 to 100.
    pub score: u8,
    /// How its bytes are to be written.
    pub form: Form,
    /// JSON documents inside strings around it; 0 in the outer buffer itself.
    pub depth: u8,
    /// Which path of [`Findings::path`].
    pub(crate) place: u32,
    /// The object whose key it lies in, counted over all nested documents.
    pub(crate) object: u32,
    /// Its decoded text in the arena; empty when the outer bytes are the text.
    pub(crate) value: Range<u32>,
}

/// More distinct places than this are counted but not named.
pub const MAX_PLACES: usize = 128;

/// The place of findings beyond [`MAX_PLACES`].
pub(crate) const NO_PLACE: u32 = u32::MAX;

/// Everything found in one buffer. It holds decoded values where the buffer spells them differently, so its
/// `Debug` prints counts only.
#[derive(Clone, Default)]
pub struct Findings {
    pub(crate) list: Vec<Finding>,
    pub(crate) values: String,
    pub(crate) paths: Vec<String>,
    pub(crate) objects: u32,
}

impl Findings {
    /// Nothing found yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets everything and keeps the memory.
    pub fn clear(&mut self) {
        self.list.clear();
        self.values.clear();
        self.paths.clear();
        self.objects = 0;
    }

    /// Each finding, in the order it was found. They may overlap.
    pub fn iter(&self) -> impl Iterator<Item = &Finding> {
        self.list.iter()
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether nothing was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Keeps only the findings that are wanted, by their text.
    pub fn retain(&mut self, bytes: &[u8], mut keep: impl FnMut(&Finding, &str) -> bool) {
        let mut list = std::mem::take(&mut self.list);
        list.retain(|f| keep(f, self.text(bytes, f)));
        self.list = list;
    }

    /// The classes that occur.
    #[must_use]
    pub fn classes(&self) -> ClassSet {
        self.list.iter().map(|f| f.class).collect()
    }

    /// How often each class occurs, in the order of class numbers.
    #[must_use]
    pub fn counts(&self) -> Vec<(DataClass, u32)> {
        count(self.list.iter().map(|f| f.class))
    }

    /// The JSON path of a finding, such as `customers[3].email`. Keys that are personal data, or that do not look
    /// like names of fields, read `*`. Empty for plain text and for a value at the root; `…` beyond [`MAX_PLACES`].
    #[must_use]
    pub fn path(&self, finding: &Finding) -> &str {
        if finding.place == NO_PLACE {
            return "…";
        }
        self.paths.get(finding.place as usize).map_or("", String::as_str)
    }

    /// Notes a path and gives its number.
    pub(crate) fn place(&mut self, path: impl FnOnce() -> String) -> u32 {
        if self.paths.len() >= MAX_PLACES {
            return NO_PLACE;
        }
        self.paths.push(path());
        self.paths.len() as u32 - 1
    }

    /// Gives the text of each finding of these classes to `sink`: to whom it is told is the caller's answer. The gate blinds
    /// it to know whom a message is about.
    pub fn each(&self, bytes: &[u8], classes: ClassSet, sink: &mut dyn FnMut(DataClass, &str)) {
        for finding in self.list.iter().filter(|f| classes.contains(f.class)) {
            sink(finding.class, self.text(bytes, finding));
        }
    }

    /// The text of a finding: the outer bytes, or what they decode to.
    pub(crate) fn text<'a>(&'a self, bytes: &'a [u8], finding: &Finding) -> &'a str {
        if finding.value.is_empty() {
            let span = finding.span.start as usize..finding.span.end as usize;
            return std::str::from_utf8(bytes.get(span).unwrap_or_default()).unwrap_or_default();
        }
        self.values.get(finding.value.start as usize..finding.value.end as usize).unwrap_or_default()
    }
}

/// Counts classes.
pub(crate) fn count(classes: impl Iterator<Item = DataClass>) -> Vec<(DataClass, u32)> {
    let mut counts = [0u32; 128];
    let mut set = ClassSet::EMPTY;
    for c in classes {
        set.insert(c);
        if let Some(n) = counts.get_mut(c.index()) {
            *n += 1;
        }
    }
    set.iter().map(|c| (c, counts.get(c.index()).copied().unwrap_or(0))).collect()
}

impl fmt::Debug for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.counts()).finish()
    }
}
