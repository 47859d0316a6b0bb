//! What policies are asked against: the configuration, its policies and the table of countries.

use std::path::PathBuf;

use carnet_config::{Config, ServerConfig};
use carnet_gateway::load::{self, PolicySource};
use carnet_policy::PolicySet;
use carnet_residency::Jurisdictions;

/// A configuration, with its policies compiled.
pub(super) struct World {
    pub(super) config: Config,
    pub(super) sources: Vec<PolicySource>,
    pub(super) policies: PolicySet,
    pub(super) table: Jurisdictions,
}

/// The configuration or its policies have mistakes; each is rendered with its place.
fn mistakes(all: &[String]) -> anyhow::Error {
    let listed: Vec<&str> = all.iter().map(|m| m.trim_end()).collect();
    anyhow::anyhow!("the policies cannot be used\n\n{}", listed.join("\n\n"))
}

impl World {
    /// Reads a configuration and compiles its policies.
    pub(super) fn open(file: &crate::ConfigFile) -> anyhow::Result<World> {
        let loaded = load::read_config(&file.config).map_err(|e| mistakes(&e))?;
        let (sources, _) = load::read_policies(&loaded.config.policies).map_err(|e| mistakes(&e))?;
        let table = Jurisdictions::built_in()?;
        let policies = load::policies(&loaded.config, &table, &sources).map_err(|e| mistakes(&e))?;
        Ok(World { config: loaded.config, sources, policies, table })
    }

    /// The configuration's server of this name.
    pub(super) fn server(&self, name: &str) -> Option<&ServerConfig> {
        self.config.servers.iter().find(|s| &*s.name == name)
    }

    /// Files of cases that lie beside the policies.
    pub(super) fn tests_beside_policies(&self) -> Vec<PathBuf> {
        self.config.policies.iter().map(|folder| folder.join("tests.yaml")).filter(|f| f.is_file()).collect()
    }
}
