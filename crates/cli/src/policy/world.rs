//! What policies are asked against: the configuration, its policies and the table of countries.

use std::path::PathBuf;

use carnet_config::{Config, ServerConfig};
use carnet_gate::{Crossing, Places};
use carnet_gateway::load::{self, PolicySource};
use carnet_gateway::residency;
use carnet_model::{Principal, Region};
use carnet_policy::{Direction, Flow, PolicySet};
use carnet_residency::Jurisdictions;

use super::asked::Facts;

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
        let (table, _) = residency::table(&loaded.config).map_err(|e| mistakes(&e))?;
        let policies = load::policies(&loaded.config, &table, &sources).map_err(|e| mistakes(&e))?;
        Ok(World { config: loaded.config, sources, policies, table })
    }

    /// The configuration's server of this name.
    pub(super) fn server(&self, name: &str) -> Option<&ServerConfig> {
        self.config.servers.iter().find(|s| &*s.name == name)
    }

    /// What the gate would know of a crossing. Without a time of its own a case is of the table's first day.
    pub(super) fn crossing(
        &self,
        principal: &Principal,
        flow: Flow<'_>,
        (from, to): (&Region, &Region),
        facts: &Facts,
    ) -> Crossing {
        let out = flow.direction == Direction::Out;
        let server = self.server(flow.server);
        let origin =
            facts.origin.as_ref().or_else(|| server?.origin.as_ref().filter(|_| out)).unwrap_or(from);
        let rules = residency::rules(&self.config, &self.table, carnet_residency::Known::Asserted);
        let model = facts.model.as_ref().or_else(|| rules.model(principal)).filter(|_| out);
        let first = || carnet_residency::Day::parse(&format!("{}-01", self.table.version()));
        let now = if facts.now == 0 { first().map_or(0, |day| day.seconds()) } else { facts.now };
        let places = Places { from, to, origin, model, cell: &self.config.cell.region };
        let mut crossing = Crossing::find(&self.table, &rules.declared, places, flow.server, now);
        if crossing.stays {
            // The gate does not ask then; whoever asks here gets an answer.
            let all: Vec<&Region> = [from, to, origin, places.cell].into_iter().chain(model).collect();
            crossing.within = self.table.common(&all);
        }
        crossing
    }

    /// Files of cases that lie beside the policies.
    pub(super) fn tests_beside_policies(&self) -> Vec<PathBuf> {
        self.config.policies.iter().map(|folder| folder.join("tests.yaml")).filter(|f| f.is_file()).collect()
    }
}
