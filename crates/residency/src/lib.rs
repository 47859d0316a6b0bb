//! Where a place is, and on what ground data may go from one to another: countries, zones, adequacy decisions and cloud
//! regions, from a table with a version and a hash.
//!
//! What the table does not say is unknown, and unknown is in no zone and in no same place as anything: a policy
//! that asks for a place then denies. Nothing is guessed from how a name begins: `eu-west-2` is in the United
//! Kingdom, `europe-west6` in Switzerland, `westeurope` in the Netherlands.

mod addresses;
pub mod attest;
mod basis;
mod country;
mod day;
mod known;
mod parse;
mod table;
#[cfg(test)]
mod tests;

pub use addresses::{AddressError, Addresses};
pub use basis::{Basis, Crossing, Declared, Ground, Mechanism, Safeguard};
pub use country::Country;
pub use day::Day;
pub use known::{Known, Place};
pub use parse::TableError;
pub use table::{Adequacy, Jurisdictions, ZoneError};
