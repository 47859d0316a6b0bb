//! `residency`: zones of one's own, grounds that are stated, places of models.

use std::sync::Arc;

use carnet_model::Region;
use carnet_residency::{Day, Declared, Ground, Safeguard};

use super::Resolver;
use crate::resolved::{AddressConfig, Attestation, ResidencyConfig};
use crate::scalar;
use crate::view::View;

impl Resolver<'_, '_> {
    pub(super) fn residency(&mut self, view: View<'_>) -> ResidencyConfig {
        let zones = view.get("zones").pairs().map(|(name, at, members)| {
            let members: Vec<Region> = members.items().filter_map(|v| v.region()).collect();
            if members.is_empty() {
                self.report.error(at, format!("zone `{name}` has no members"), None);
            }
            (name.to_owned(), members)
        });
        let zones = zones.collect();
        let models = view.get("models").pairs();
        let addresses = view.get("addresses");
        let refuse = addresses.get("on_conflict").text() != Some("alarm");
        let file = addresses.get("file").path(self.source.folder);
        ResidencyConfig {
            enforce: view.get("enforce").flag(),
            table: view.get("table").path(self.source.folder),
            zones,
            mechanisms: view.get("mechanisms").items().filter_map(|v| self.mechanism(v)).collect(),
            models: models.filter_map(|(agent, _, v)| Some((Arc::from(agent), v.region()?))).collect(),
            addresses: file.map(|file| AddressConfig { file, refuse }),
        }
    }

    pub(super) fn attestation(&mut self, view: View<'_>, origin: &Arc<str>) -> Option<Attestation> {
        let provider = view.get("provider").text().unwrap_or("amazon");
        for (key, of, needed) in [
            ("signature", "amazon", true),
            ("key", "amazon", true),
            ("keys", "google", true),
            ("audience", "google", false),
            ("roots", "azure", true),
            ("nonce", "azure", false),
        ] {
            let given = view.get(key);
            if given.given() && provider != of {
                self.report.error(given.at(), format!("`{key}` belongs to provider `{of}`"), None);
            }
            if view.given() && !given.given() && provider == of && needed {
                self.report.error(view.at(), format!("an attestation of `{of}` needs `{key}`"), None);
            }
        }
        let path = |key: &str| view.get(key).path(self.source.folder);
        let document = path("document")?;
        Some(match provider {
            "google" => Attestation::Google {
                document,
                keys: path("keys")?,
                audience: view.get("audience").shared().unwrap_or_else(|| origin.clone()),
            },
            "azure" => {
                Attestation::Azure { document, roots: path("roots")?, nonce: view.get("nonce").shared() }
            }
            _ => Attestation::Amazon { document, signature: path("signature")?, key: path("key")? },
        })
    }

    fn mechanism(&mut self, view: View<'_>) -> Option<Declared> {
        let kind = view.get("kind").text()?;
        for (key, of) in [("framework", "adequacy"), ("module", "scc"), ("ground", "art49")] {
            let given = view.get(key);
            if given.given() && kind != of {
                self.report.error(given.at(), format!("`{key}` belongs to kind `{of}`"), None);
            }
            if !given.given() && kind == of {
                self.report.error(view.get("kind").at(), format!("kind `{of}` needs `{key}`"), None);
            }
        }
        let module = u8::try_from(view.get("module").count(0)).unwrap_or(0);
        if kind == "scc" && view.get("module").given() && !(1..=4).contains(&module) {
            self.report.error(view.get("module").at(), "the clauses have modules 1 to 4", None);
        }
        let until = view.get("until");
        let safeguard = match kind {
            "adequacy" => Safeguard::Framework(view.get("framework").shared()?),
            "scc" => Safeguard::Scc(module),
            "bcr" => Safeguard::Bcr,
            _ => Safeguard::Derogation(Ground::by_name(view.get("ground").text()?)?),
        };
        Some(Declared {
            safeguard,
            reference: view.get("reference").shared()?,
            from: view.get("from").region(),
            to: view.get("to").region()?,
            servers: view.get("servers").texts(),
            until: until.text().and_then(scalar::time).map(|t| Day::of(i64::try_from(t).unwrap_or(i64::MAX))),
        })
    }
}
