//! What of a front a reload replaces: its configuration, who may call, the key of its assertions, its cells and the policies
//! that it hands to them. Made ready as a whole or not at all.

use std::path::Path;
use std::sync::Arc;

use carnet_config::FrontConfig;
use carnet_tunnel::{Bundle, Signer, SigningKey};

use super::Tls;
use super::cells::Cells;
use crate::identity::{Identities, pem};
use crate::keys::Tended;

/// A configuration in force. A call keeps the one it began with.
pub(super) struct InForce {
    pub(super) config: FrontConfig,
    pub(super) identities: Arc<Identities>,
    pub(super) signer: Signer,
    pub(super) cells: Cells,
    pub(super) policies: Option<Bundle>,
    /// Ends with the last configuration that needs these keys.
    fresh: Arc<Tended>,
}

impl InForce {
    /// Reads what a configuration names. What has not changed since `previous` is taken over: keys and caches of identity,
    /// and the connections of cells.
    ///
    /// # Errors
    /// Everything that keeps it from use, rendered.
    pub(super) fn load(
        config: FrontConfig,
        previous: Option<&InForce>,
    ) -> Result<(InForce, Tls), Vec<String>> {
        let one = |e: String| vec![e];
        let (identities, fresh) = match previous.filter(|p| p.config.identity == config.identity) {
            Some(previous) => (previous.identities.clone(), previous.fresh.clone()),
            None => {
                let identities = Arc::new(Identities::load(&config.identity)?);
                let fresh = Arc::new(identities.keys.tend());
                (identities, fresh)
            }
        };
        let key = SigningKey::from_pem(&pem(&config.assertions).map_err(one)?)
            .map_err(|e| one(format!("assertions: {e}")))?;
        let tls = Tls::read(&config)?;
        let policies = config.policies.as_deref().map(bundle).transpose().map_err(one)?;
        let signer = Signer::new(&config.name, key);
        let cells = Cells::new(&config, previous.map(|p| &p.cells));
        Ok((InForce { config, identities, signer, cells, policies, fresh }, tls))
    }
}

fn bundle(path: &Path) -> Result<Bundle, String> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {}", path.display(), e.kind()))?;
    Bundle::parse(&text).map_err(|e| format!("{}: {e}", path.display()))
}
