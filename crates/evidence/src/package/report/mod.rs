//! The reports of a package: tables over its records. Each is in `reports/` as JSON, CSV and Markdown, and is computed again by
//! the verifier. `carnet report` prints the same over the log itself.

mod acts;
mod breach;
mod calls;
pub(crate) mod controls;
mod crossings;
mod declared;
mod drift;
mod inventory;
mod masking;
pub(crate) mod measure;
mod ropa;
mod sessions;
pub(crate) mod table;
mod transfers;

use super::produce::Producer;

/// Every report, in the order in which they are listed.
pub(super) const REPORTS: &[Producer] = &[
    Producer { name: "sessions", version: 1, make: sessions::make, asked: false },
    Producer { name: "calls", version: 1, make: calls::make, asked: false },
    Producer { name: "acts", version: 1, make: acts::acts, asked: false },
    Producer { name: "approvals", version: 1, make: acts::approvals, asked: false },
    Producer { name: "masking", version: 1, make: masking::make, asked: false },
    Producer { name: "transfers", version: 1, make: transfers::make, asked: false },
    Producer { name: "drift", version: 1, make: drift::make, asked: false },
    Producer { name: "crossings", version: 1, make: crossings::make, asked: false },
    Producer { name: "inventory", version: 1, make: inventory::make, asked: false },
    Producer { name: "ropa", version: 1, make: ropa::make, asked: false },
    Producer { name: "breach", version: 1, make: breach::make, asked: false },
    Producer { name: "controls", version: 1, make: controls::make, asked: false },
];

/// Names of the reports.
#[must_use]
pub fn names() -> Vec<&'static str> {
    REPORTS.iter().map(|p| p.name).collect()
}

/// Names that are told apart in a report; what comes after them is counted together.
const MOST: usize = 2000;
/// What they are counted as.
const OTHERS: &str = "(others)";
