//! What happens with binary content, and who else is asked about free text.

use std::sync::Arc;
use std::time::Duration;

use carnet_model::{ClassSet, Region};

/// What happens with binary content.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum BinaryAction {
    /// It goes on as it is.
    Pass,
    /// It goes on without metadata.
    Strip,
    /// Its text is inspected; what is found decides.
    Inspect,
    /// It is of the class `uninspected`.
    #[default]
    Withhold,
}

/// What happens with binary content of some types, up to a size.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BinaryRule {
    /// Types, such as `image/png` or `image/*`, lower case.
    pub types: Vec<String>,
    /// The largest that it speaks of.
    pub size: usize,
    /// What happens.
    pub action: BinaryAction,
    /// Documents may hold pictures, which are not looked into.
    pub pictures: bool,
}

/// An analyzer that speaks Presidio's protocol.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AnalyzerConfig {
    /// Its name in messages.
    pub name: Arc<str>,
    /// Where it is: `/analyze` is put behind it.
    pub url: String,
    /// In which place data is there.
    pub region: Region,
    /// The language that it is asked in.
    pub language: Arc<str>,
    /// Classes that it is asked for.
    pub classes: ClassSet,
    /// The least score, in percent.
    pub least: u8,
    /// How long it may take.
    pub timeout: Duration,
    /// Answers that are remembered.
    pub cache: usize,
    /// Without its answer content is withheld; else it goes on.
    pub withhold: bool,
    /// Plain HTTP beyond loopback is allowed.
    pub allow_plaintext: bool,
}
