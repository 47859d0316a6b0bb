//! Where data may be and go: the zones, grounds and places that a configuration states.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use carnet_model::Region;
use carnet_residency::Declared;

/// What the configuration says of places.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ResidencyConfig {
    /// Unknown places are refused: at the start for whatever the configuration names, and for callers in each message.
    pub enforce: bool,
    /// A table of jurisdictions in place of the one that is built in.
    pub table: Option<PathBuf>,
    /// Zones of one's own, in the order of the file.
    pub zones: Vec<(String, Vec<Region>)>,
    /// Grounds on which data may go.
    pub mechanisms: Vec<Declared>,
    /// Where the models run of agents, by the agent's subject.
    pub models: BTreeMap<Arc<str>, Region>,
    /// In which countries addresses are.
    pub addresses: Option<AddressConfig>,
}

/// Addresses by country, to compare with what is said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AddressConfig {
    /// The file.
    pub file: PathBuf,
    /// Whoever is elsewhere than is said is refused; else that is told, and the place counts as unknown.
    pub refuse: bool,
}

/// Files that attest where the cell runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Attestation {
    /// The identity document of an Amazon EC2 instance.
    Amazon {
        /// The document.
        document: PathBuf,
        /// Its signature in base64.
        signature: PathBuf,
        /// The key, PEM.
        key: PathBuf,
    },
    /// The identity token of a Google Compute Engine instance.
    Google {
        /// The token.
        document: PathBuf,
        /// Google's key set.
        keys: PathBuf,
        /// Whom it was made for.
        audience: Arc<str>,
    },
    /// The attested document of an Azure virtual machine.
    Azure {
        /// The document.
        document: PathBuf,
        /// Who may issue the certificate of its signature, PEM.
        roots: PathBuf,
        /// What it was asked for with.
        nonce: Option<Arc<str>>,
    },
}
