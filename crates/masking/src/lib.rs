//! Finds personal data and secrets in JSON and text, and rewrites them.
//!
//! Two steps, so that policy can decide between them: [`Detector::find`] says which classes occur and where;
//! [`Detector::rewrite`] replaces all but those that the [`Plan`] shows. Only the masked bytes change; a document
//! stays a document of the same shape. Reports and errors name classes, places and rules, never a value.
//!
//! What cannot be inspected in full is an error ([`Uninspectable`]), and the caller withholds it (invariant 4).
//!
//! Floor 1, pure: no clock, no input or output, no randomness.

mod catalog;
mod columns;
mod context;
mod custom;
mod deflate;
mod detect;
mod document;
mod encoded;
mod ff1;
mod finding;
mod fingerprint;
mod generalise;
mod inflate;
mod key_cache;
mod keys;
mod known;
mod layer;
mod names;
mod options;
mod periodic;
mod plan;
mod preserve;
mod rewrite;
mod scan;
mod schema;
mod spread;
mod stand_in;
mod stream;
mod token;
mod value;
mod view;
mod walk;

pub use carnet_model::Transform;
pub use catalog::{Recogniser, Tier, recognisers, type_of};
pub use custom::{Allow, AllowSpec, MAX_MATCH, MAX_RULES, Rule, RuleMistake, RuleSpec, Validator};
pub use detect::{Detector, Part, PartKind};
pub use finding::{Finding, Findings, Form, MAX_PLACES};
pub use fingerprint::{DEFAULT_THRESHOLD, FingerprintMistake, Fingerprints, Gathered, Identifiers};
pub use known::{Known, KnownValue};
pub use options::{Budget, Country, DetectorOptions, Names};
pub use plan::{Numbers, Place, Plan, Report, TokenKey, Transforms, Uninspectable, Withheld};
pub use schema::SchemaHints;
pub use stand_in::{Deposit, Deposits, MAX_KEPT, StandIn, StandInId, whole_stand_in};
pub use stream::{Flow, Seam, Stream};
pub use walk::Noted;
