//! `carnet policy matrix`: who may do what, as a table. Columns are the groups and configured callers, rows are the servers,
//! the tools and the classes that policies name. Commit it, and a change of policies shows as a difference.

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::sync::Arc;

use carnet_config::Config;
use carnet_model::{Action, AuthMethod, Identity, IdentityKind, Principal, Resource};
use carnet_policy::PrincipalKey;

use super::world::World;
use crate::sessions::wording;
use crate::{ConfigFile, output};

/// Arguments of `carnet policy matrix`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    file: ConfigFile,
    /// A further group, besides those that policies name; may be given several times.
    #[arg(long = "group", value_name = "G")]
    groups: Vec<String>,
    /// A further tool, besides those that policies name; may be given several times.
    #[arg(long = "tool", value_name = "SERVER.NAME")]
    tools: Vec<String>,
}

/// Methods that are on a server as a whole and that policies commonly treat apart.
const ON_SERVERS: [Action; 9] = [
    Action::INITIALIZE,
    Action::DISCOVER,
    Action::TOOLS_LIST,
    Action::RESOURCES_LIST,
    Action::PROMPTS_LIST,
    Action::SAMPLING,
    Action::ELICITATION,
    Action::ROOTS_LIST,
    Action::OTHER,
];

/// The name that stands for every tool that no policy names.
const ANY: &str = "(any other)";

/// Runs `carnet policy matrix`.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let world = World::open(&args.file)?;
    output::line(wording::clean(&table(&world, &args.groups, &args.tools)).trim_end());
    Ok(ExitCode::SUCCESS)
}

fn table(world: &World, groups: &[String], tools: &[String]) -> String {
    let named = |ty: &str| -> BTreeSet<String> {
        world.sources.iter().flat_map(|(_, text)| literals(text, ty)).collect()
    };
    let mut all_groups = named("Group");
    all_groups.extend(groups.iter().cloned());
    let mut all_tools = named("Tool");
    all_tools.extend(tools.iter().cloned());
    let columns = columns(&world.config, &all_groups);
    let columns: Vec<(&str, PrincipalKey)> =
        columns.iter().map(|(name, principal)| (name.as_str(), PrincipalKey::new(principal))).collect();
    let rows = rows(&world.config, &all_tools, &named("Prompt"), &named("Resource"));
    let body = world.policies.matrix(&columns, &rows);
    format!(
        "{body}\nyes: permitted. no: denied. if: it depends on arguments, time or another part of the context.\n\
         err: a policy fails, so it is denied. reveal: shown unmasked.\n"
    )
}

/// One caller without a group, one for each group, and those that the configuration describes.
fn columns(config: &Config, groups: &BTreeSet<String>) -> Vec<(String, Principal)> {
    let issuer: Arc<str> = config.identity.issuers.first().map_or("carnet:test".into(), |i| i.issuer.clone());
    let user = |groups: Vec<Arc<str>>| {
        let identity =
            Identity { kind: IdentityKind::User, issuer: issuer.clone(), subject: "anybody".into() };
        Principal { groups, ..Principal::new(identity, AuthMethod::Jwt) }
    };
    let mut all = vec![("nobody".to_owned(), user(Vec::new()))];
    all.extend(groups.iter().map(|g| (g.clone(), user(vec![g.as_str().into()]))));
    for token in &config.identity.tokens {
        let identity =
            Identity { kind: token.kind, issuer: "carnet:tokens".into(), subject: token.subject.clone() };
        let principal = Principal {
            groups: token.groups.clone(),
            purpose: token.purpose.clone(),
            region: token.region.clone(),
            ..Principal::new(identity, AuthMethod::StaticToken)
        };
        all.push((format!("token:{}", token.name), principal));
    }
    if let Some(anonymous) = &config.identity.anonymous {
        let subject = anonymous.subject.clone();
        let identity = Identity { kind: anonymous.kind, issuer: "carnet:local".into(), subject };
        let principal =
            Principal { groups: anonymous.groups.clone(), ..Principal::new(identity, AuthMethod::Anonymous) };
        all.push(("anonymous".to_owned(), principal));
    }
    all
}

fn rows(
    config: &Config,
    tools: &BTreeSet<String>,
    prompts: &BTreeSet<String>,
    resources: &BTreeSet<String>,
) -> Vec<(Action, Resource)> {
    let mut rows = Vec::new();
    for server in config.servers.iter().map(|s| &s.name) {
        rows.extend(ON_SERVERS.iter().map(|a| (*a, Resource::Server(server.clone()))));
        let own = |ids: &BTreeSet<String>| -> Vec<Arc<str>> {
            let prefix = format!("{server}.");
            let named = ids.iter().filter_map(|id| id.strip_prefix(&prefix)).map(Arc::from);
            named.chain([Arc::from(ANY)]).collect()
        };
        let server = || server.clone();
        rows.extend(
            own(tools)
                .into_iter()
                .map(|name| (Action::TOOLS_CALL, Resource::Tool { server: server(), name })),
        );
        rows.extend(
            own(prompts)
                .into_iter()
                .map(|name| (Action::PROMPTS_GET, Resource::Prompt { server: server(), name })),
        );
        rows.extend(
            own(resources)
                .into_iter()
                .map(|uri| (Action::RESOURCES_READ, Resource::Resource { server: server(), uri })),
        );
    }
    rows.extend(config.masking.names.all().iter().map(|class| (Action::REVEAL, Resource::Class(class))));
    rows.extend([Action::EVIDENCE_READ, Action::EVIDENCE_EXPORT].map(|a| (a, Resource::Evidence)));
    rows
}

/// The ids of a type that policies name, `Group::"analysts"`. Comments are left out; the texts have been compiled.
fn literals(text: &str, ty: &str) -> Vec<String> {
    let opening = format!("{ty}::\"");
    let code: Vec<&str> = text.lines().filter(|l| !l.trim_start().starts_with("//")).collect();
    let code = code.join("\n");
    code.split(&opening)
        .skip(1)
        .filter_map(|rest| rest.split_once('"').map(|(id, _)| id.to_owned()))
        .filter(|id| !id.contains('\\'))
        .collect()
}

#[cfg(test)]
mod tests {
    use expect_test::expect_file;

    use super::*;

    /// The table of the examples, committed: a change of what they allow is seen in review.
    #[test]
    fn the_table_of_the_examples() {
        let config = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/carnet.yaml").into();
        let world = World::open(&ConfigFile { config }).unwrap_or_else(|e| panic!("{e:#}"));
        expect_file!["../../../../examples/policies/matrix.txt"].assert_eq(&table(&world, &[], &[]));
    }

    #[test]
    fn names_in_comments_do_not_count() {
        let text = "// Group::\"x\"\npermit (principal in Group::\"y\", action, resource in Server::\"z\");";
        assert_eq!(literals(text, "Group"), ["y"]);
    }
}
