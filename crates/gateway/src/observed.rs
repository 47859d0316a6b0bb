//! Addresses against what is said of places: of callers when their request comes, of servers when a connection is made. An address that
//! contradicts what is said is refused, or told and then believed neither way.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwapOption;
use carnet_config::AddressConfig;
use carnet_gate::{Caller, Seen, Sighting};
use carnet_model::Region;
use carnet_residency::{Addresses, Jurisdictions, Known, Place};

/// The largest file of addresses.
const LARGEST: u64 = 256 << 20;

/// Addresses by country, and what becomes of a conflict.
pub struct Observed {
    addresses: Addresses,
    table: Jurisdictions,
    refuse: bool,
}

impl Observed {
    /// Reads the file of a configuration.
    ///
    /// # Errors
    /// A sentence that says why it cannot be used.
    pub fn load(config: &AddressConfig, table: &Jurisdictions) -> Result<Observed, String> {
        let at = |why: String| format!("residency.addresses.file: {}: {why}", config.file.display());
        let text = read(&config.file).map_err(|e| at(e.kind().to_string()))?;
        let addresses = Addresses::parse(table, &text).map_err(|e| at(e.to_string()))?;
        Ok(Observed { addresses, table: table.clone(), refuse: config.refuse })
    }

    /// SHA-256 of the file.
    pub(crate) fn hash(&self) -> &[u8; 32] {
        self.addresses.hash()
    }

    /// The place that is sure where somebody is said to be here and has this address; the unknown one where the two contradict each
    /// other. `None`: the address says nothing.
    fn settle(&self, said: Option<&Region>, address: IpAddr) -> Option<Place> {
        let seen = self.addresses.place(address)?;
        let said = said.map_or_else(Place::unknown, |said| Place::asserted(said.clone()));
        let settled = self.table.settle(&[said.clone(), seen]);
        // A cloud region says more than its country.
        let narrow = settled.known == Known::Observed && self.table.resolve(&said.region).is_some();
        Some(if narrow { Place { region: said.region, known: Known::Observed } } else { settled })
    }

    /// A caller with what its address says.
    ///
    /// # Errors
    /// When it contradicts what is said of the caller, and such ones are refused.
    pub(crate) fn caller(&self, caller: &Arc<Caller>, address: IpAddr) -> Result<Arc<Caller>, Elsewhere> {
        let said = caller.principal.region.as_ref();
        match self.settle(said, address) {
            None => Ok(caller.clone()),
            Some(place) if place.known == Known::Unknown && self.refuse => Err(Elsewhere),
            Some(place) => Ok(Arc::new(caller.seen_at(&place))),
        }
    }
}

/// Somebody's address is in another country than they are said to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Elsewhere;

fn read(path: &Path) -> std::io::Result<String> {
    if std::fs::metadata(path)?.len() > LARGEST {
        return Err(std::io::ErrorKind::FileTooLarge.into());
    }
    std::fs::read_to_string(path)
}

/// What is seen of one server. It outlives a reload with the server's connections.
pub struct Sight {
    name: Arc<str>,
    said: Region,
    seen: Arc<Sighting>,
    observed: ArcSwapOption<Observed>,
    age: AtomicU64,
}

impl Sight {
    pub(crate) fn new(name: &Arc<str>, said: &Region, seen: &Arc<Sighting>) -> Arc<Sight> {
        Arc::new(Sight {
            name: name.clone(),
            said: said.clone(),
            seen: seen.clone(),
            observed: ArcSwapOption::empty(),
            age: AtomicU64::new(0),
        })
    }

    /// From now on addresses are looked up here.
    pub(crate) fn watch(&self, observed: Option<&Arc<Observed>>) {
        let before = self.observed.swap(observed.cloned());
        let hash = |of: Option<&Arc<Observed>>| of.map(|o| (*o.hash(), o.refuse));
        if hash(before.as_ref()) != hash(observed) {
            self.seen.note(Seen::Nothing);
            self.age.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// How often what addresses are looked up in was another.
    pub(crate) fn age(&self) -> u64 {
        self.age.load(Ordering::Acquire)
    }

    /// Whether a connection may go to an address. Notes what it says.
    pub(crate) fn admits(&self, address: IpAddr) -> bool {
        let Some(observed) = self.observed.load_full() else { return true };
        let Some(place) = observed.settle(Some(&self.said), address) else { return true };
        if place.known != Known::Unknown {
            // One address that is elsewhere is not forgotten for another that is not.
            if self.seen.get() == Seen::Nothing {
                self.seen.note(Seen::There);
            }
            return true;
        }
        let at = observed.addresses.country(address).map(|c| c.to_string()).unwrap_or_default();
        tracing::warn!(server = %self.name, said = %self.said, at, "a server's address is in another country than it is said to be");
        if !observed.refuse {
            self.seen.note(Seen::Elsewhere);
        }
        !observed.refuse
    }
}
