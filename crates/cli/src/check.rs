//! `carnet check`: is this configuration, with its policies, one that Carnet would start with? Nothing is sent anywhere.
//! Files and secrets that may only be on the production machine are warnings, everything else is an error.

use std::path::Path;
use std::process::ExitCode;

use carnet_config::{Config, Credentials, EnvValue, SecretRef, Transport};
use carnet_gateway::credentials::resolve;
use carnet_gateway::{load, residency};

use crate::sessions::wording;
use crate::{ConfigFile, output};

/// Arguments of `carnet check`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    file: ConfigFile,
}

/// What was found.
#[derive(Default)]
struct Found {
    errors: Vec<String>,
    warnings: Vec<String>,
    /// What the configuration consists of, where it could be read.
    parts: Option<Parts>,
    /// Why the policies were not looked at.
    unchecked: bool,
}

#[derive(Clone, Copy, Default)]
struct Parts {
    servers: usize,
    listeners: usize,
    /// How many, if they compile.
    policies: Option<usize>,
    files: usize,
}

/// Runs `carnet check`.
pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let found = check(&args.file.config);
    output::line(&report(&args.file.config.display().to_string(), &found));
    Ok(if found.errors.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Prints the JSON Schema of the configuration.
pub(crate) fn schema() -> anyhow::Result<ExitCode> {
    output::line(carnet_config::schema().trim_end());
    Ok(ExitCode::SUCCESS)
}

fn check(path: &Path) -> Found {
    let loaded = match load::read_config(path) {
        Ok(loaded) => loaded,
        Err(errors) => return Found { errors, unchecked: true, ..Found::default() },
    };
    let config = &loaded.config;
    let mut found = Found::default();
    found.warnings.extend(loaded.warnings.iter().map(ToString::to_string));
    found.warnings.extend(unreachable(config));
    let mut parts =
        Parts { servers: config.servers.len(), listeners: config.listeners.len(), ..Parts::default() };
    let compiled = load::read_policies(&config.policies).and_then(|(sources, files)| {
        let (table, _) = residency::table(config)?;
        parts.files = files.len();
        let policies = load::policies(config, &table, &sources)?;
        found.warnings.extend(residency::cell(config, &table).err());
        found.errors.extend(residency::refused(config, &loaded.positions, &table, &policies));
        Ok(policies)
    });
    match compiled {
        Ok(policies) => {
            parts.policies = Some(policies.len());
            found.warnings.extend(policies.warnings().iter().map(|w| as_warning(&w.to_string())));
            if policies.is_empty() {
                found.warnings.push("there is no policy, so every call is denied".to_owned());
            }
        }
        Err(errors) => found.errors.extend(errors),
    }
    found.parts = Some(parts);
    found
}

/// `FILE:LINE:COL: text` with the word that tells a warning from an error.
fn as_warning(rendered: &str) -> String {
    let (first, rest) = rendered.split_once('\n').map_or((rendered, None), |(a, b)| (a, Some(b)));
    let first = match first.split_once(": ") {
        Some((place, text)) => format!("{place}: warning: {text}"),
        None => first.to_owned(),
    };
    rest.map_or(first.clone(), |rest| format!("{first}\n{rest}"))
}

/// Secrets and certificates that cannot be read here. Variables that are not set were named with their place already.
fn unreachable(config: &Config) -> Vec<String> {
    let mut seen = Vec::new();
    for (at, reference) in secrets(config) {
        if let SecretRef::File(_) = reference
            && let Err(error) = resolve(reference)
        {
            seen.push(format!("{at}: warning: {error}"));
        }
    }
    for file in &config.masking.fingerprints {
        if let Err(error) = carnet_gateway::detectors::fingerprints(file) {
            seen.push(format!("masking.fingerprints.{}: warning: {error}", file.name));
        }
    }
    for (at, path) in certificates(config) {
        if let Err(error) = std::fs::File::open(path) {
            seen.push(format!("{at}: warning: {}: {}", path.display(), error.kind()));
        }
    }
    seen
}

/// Every secret of the configuration, with the key under which it stands.
fn secrets(config: &Config) -> Vec<(String, &SecretRef)> {
    let mut all = Vec::new();
    for (n, tls) in config.listeners.iter().enumerate().filter_map(|(n, l)| Some((n, l.tls.as_ref()?))) {
        all.push((format!("listeners[{n}].tls.key"), &tls.key));
    }
    for server in &config.servers {
        let at = |key: &str| format!("servers.{}.{key}", server.name);
        match &server.transport {
            Transport::Http(http) => {
                match &http.credentials {
                    Credentials::None => {}
                    Credentials::Bearer(secret) => all.push((at("credentials.bearer"), secret)),
                    Credentials::Header { value, .. } => all.push((at("credentials.header.value"), value)),
                    Credentials::OAuth(client) => {
                        all.push((at("credentials.oauth.client_secret"), &client.client_secret));
                    }
                }
                all.extend(http.tls.key.as_ref().map(|key| (at("tls.key"), key)));
            }
            Transport::Stdio(child) => all.extend(child.environment.iter().filter_map(|(name, value)| {
                let EnvValue::Secret(secret) = value else { return None };
                Some((at(&format!("environment.{name}")), secret))
            })),
        }
    }
    all.extend(config.evidence.kek.as_ref().map(|kek| ("evidence.kek".to_owned(), kek)));
    all.extend(config.evidence.hsm.as_ref().map(|hsm| ("evidence.hsm.pin".to_owned(), &hsm.pin)));
    let headers = config.telemetry.otlp.iter().flat_map(|o| &o.headers);
    all.extend(headers.map(|(name, value)| (format!("telemetry.otlp.headers.{name}"), value)));
    all
}

/// Every certificate file of the configuration, with the key under which it stands.
fn certificates(config: &Config) -> Vec<(String, &Path)> {
    let mut all = Vec::new();
    for (n, tls) in config.listeners.iter().enumerate().filter_map(|(n, l)| Some((n, l.tls.as_ref()?))) {
        all.push((format!("listeners[{n}].tls.certificate"), tls.certificate.as_path()));
        all.extend(tls.client_ca.iter().map(|ca| (format!("listeners[{n}].tls.client_ca"), ca.as_path())));
    }
    for (n, issuer) in config.identity.issuers.iter().enumerate() {
        all.extend(issuer.ca.iter().map(|ca| (format!("identity.issuers[{n}].ca"), ca.as_path())));
    }
    for server in &config.servers {
        let Transport::Http(http) = &server.transport else { continue };
        let at = |key: &str| format!("servers.{}.tls.{key}", server.name);
        all.extend(http.tls.ca.iter().map(|ca| (at("ca"), ca.as_path())));
        all.extend(http.tls.certificate.iter().map(|c| (at("certificate"), c.as_path())));
    }
    all
}

/// Everything found, and a last line that says how it stands.
fn report(file: &str, found: &Found) -> String {
    let mut out = String::new();
    for message in found.errors.iter().chain(&found.warnings) {
        out.push_str(message.trim_end());
        out.push_str("\n\n");
    }
    let counts = format!(
        "{}, {}",
        wording::count(found.errors.len(), "error"),
        wording::count(found.warnings.len(), "warning")
    );
    let verdict = if found.errors.is_empty() { "Carnet would start" } else { "Carnet would not start" };
    out.push_str(&format!("{file}: {verdict}: {counts}"));
    if let Some(parts) = found.parts {
        let policies = parts.policies.map_or_else(|| "policies".to_owned(), |n| wording::count(n, "policy"));
        out.push_str(&format!(
            "\n  {}, {}, {policies} in {}",
            wording::count(parts.servers, "server"),
            wording::count(parts.listeners, "listener"),
            wording::count(parts.files, "file"),
        ));
    }
    if found.unchecked {
        out.push_str("\n  the policies were not checked: the configuration says where they are");
    }
    out
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn checked(config: &str, policy: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("policies")).unwrap();
        std::fs::write(folder.path().join("policies/a.cedar"), policy).unwrap();
        let file = folder.path().join("carnet.yaml");
        std::fs::write(&file, config).unwrap();
        let text = report(&file.display().to_string(), &check(&file));
        text.replace(&folder.path().display().to_string(), "DIR")
    }

    const GOOD: &str = "\
version: 1
cell: { region: de }
identity: { anonymous: { subject: dev } }
policies: [./policies]
servers:
  crm: { url: 'https://crm.example/mcp', credentials: { bearer: 'file:./absent' } }
";

    #[test]
    fn a_good_configuration_with_a_secret_elsewhere() {
        expect![[r#"
            servers.crm.credentials.bearer: warning: file:DIR/absent: entity not found

            DIR/carnet.yaml: Carnet would start: 0 errors, 1 warning
              1 server, 1 listener, 1 policy in 1 file"#]]
        .assert_eq(&checked(GOOD, "permit (principal, action, resource);"));
    }

    #[test]
    fn a_policy_that_speaks_of_what_is_not_there() {
        let policy = "permit (principal, action == Action::\"tools/cal\", resource);\n";
        expect![[r#"
            DIR/policies/a.cedar:1:30: unrecognized action `Action::"tools/cal"`
              |
            1 | permit (principal, action == Action::"tools/cal", resource);
              |                              ^^^^^^^^^^^^^^^^^^^
              = help: did you mean `Action::"tools/call"`?

            servers.crm.credentials.bearer: warning: file:DIR/absent: entity not found

            DIR/carnet.yaml: Carnet would not start: 1 error, 1 warning
              1 server, 1 listener, policies in 1 file"#]]
        .assert_eq(&checked(GOOD, policy));
    }

    #[test]
    fn a_configuration_with_mistakes() {
        expect![[r#"
            DIR/carnet.yaml:1:1: the configuration lacks `cell`
              |
            1 | version: 1
              | ^
              = help: Name and place of this gateway and its log.

            DIR/carnet.yaml:2:1: unknown key `listners` in the configuration
              |
            2 | listners: []
              | ^^^^^^^^
              = help: did you mean `listeners`?

            DIR/carnet.yaml: Carnet would not start: 2 errors, 0 warnings
              the policies were not checked: the configuration says where they are"#]]
        .assert_eq(&checked("version: 1\nlistners: []\n", ""));
    }

    #[test]
    fn every_example_would_start() {
        for name in ["carnet", "minimal", "oidc", "stdio"] {
            let file = format!("{}/../../examples/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
            let found = check(Path::new(&file));
            assert!(found.errors.is_empty(), "{}", report(&file, &found));
        }
    }
}
