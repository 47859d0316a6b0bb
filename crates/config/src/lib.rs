//! Configuration text to a checked configuration, with every error at once.
//!
//! [`load`] takes a file's name and text, the environment, the folder that relative paths start from and the
//! time, and gives a [`Config`] or every mistake with file, line and column. Nothing is read from disk here,
//! and secrets stay references ([`SecretRef`]).

mod check;
mod diagnostic;
mod format;
mod front;
mod policy_tests;
mod positions;
mod report;
mod resolve;
mod resolved;
mod scalar;
mod schema;
mod shape;
mod suggest;
#[cfg(test)]
mod tests;
mod view;
mod yaml;

pub use diagnostic::{Diagnostic, Severity, render};
pub use front::{CellOfFront, FrontConfig, JoinConfig, LoadedFront, load_front};
pub use policy_tests::{PolicyTest, TestCaller, parse_policy_tests};
pub use positions::Positions;
pub use resolve::folder_of;
pub use resolved::*;
pub use schema::schema;

use std::collections::BTreeMap;
use std::path::Path;

/// What the text is read against.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// The file's name, for messages.
    pub file: &'a str,
    /// The text.
    pub text: &'a str,
    /// Folder that relative paths start from.
    pub folder: &'a Path,
    /// The environment: `env:NAME` must name a variable that is in it.
    pub environment: &'a BTreeMap<String, String>,
    /// Seconds since 1970 (UTC), to warn of expired tokens.
    pub now: u64,
}

/// A configuration that may be used, and what to warn of.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// Warnings, in the order of the file.
    pub warnings: Vec<Diagnostic>,
    /// Where its keys stand.
    pub positions: Positions,
}

/// Reads a configuration.
///
/// # Errors
/// Every mistake in the text, in the order of the file.
pub fn load(source: Source<'_>) -> Result<Loaded, Vec<Diagnostic>> {
    read(source, &format::FILE, |resolver, root| Some(resolver.config(root)))
        .map(|(config, warnings, positions)| Loaded { config, warnings, positions })
}

/// Reads a file of one of the two kinds: parsed, checked against its table, resolved. Warnings go with what is read.
fn read<T>(
    source: Source<'_>,
    table: &'static shape::Table,
    resolve: impl FnOnce(&mut resolve::Resolver<'_, '_>, view::View<'_>) -> Option<T>,
) -> Result<(T, Vec<Diagnostic>, Positions), Vec<Diagnostic>> {
    let mut report = report::Report::new();
    let read = yaml::parse(source.text, &mut report).and_then(|root| {
        let positions = Positions::of(source.file, &root);
        check::check(&root, table.name, yaml::Place::START, &shape::Kind::Table(table), &mut report);
        let read = resolve(&mut resolve::Resolver { source, report: &mut report }, view::View::root(&root))?;
        Some((read, positions))
    });
    let found = report.finish(source.file, source.text);
    match read {
        Some((read, positions)) if found.iter().all(|d| d.severity == Severity::Warning) => {
            Ok((read, found, positions))
        }
        _ => Err(found),
    }
}

impl Config {
    /// Every front that this gateway joins.
    pub fn all_fronts(&self) -> impl Iterator<Item = &JoinConfig> {
        self.front.iter().chain(&self.fronts)
    }

    /// The configuration in force as text, every default filled in, secrets only as references: what the caller
    /// hashes for the record. The same configuration gives the same text; another order of servers is another.
    #[must_use]
    pub fn canonical(&self) -> String {
        format!("carnet-config 1\n{self:#?}\n")
    }
}
