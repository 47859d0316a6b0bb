//! `carnet token`: makes a static API token. The token is shown once; the configuration only ever holds its hash.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use carnet_gateway::load::unix_now;
use carnet_identity::make_token;
use zeroize::Zeroizing;

use crate::output;
use crate::sessions::wording;

/// Arguments of `carnet token`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand, Debug)]
enum Command {
    /// Make a token, print it once, and print the configuration lines for it.
    New(New),
}

#[derive(clap::Args, Debug)]
struct New {
    /// Name of the token in logs and errors: letters, digits and dashes.
    name: String,
    /// Whom it stands for, `subject` in policies. Default: the name.
    #[arg(long, value_name = "S")]
    subject: Option<String>,
    /// Person or program.
    #[arg(long, value_enum, default_value = "workload")]
    kind: Kind,
    /// A group it is in; may be given several times.
    #[arg(long = "group", value_name = "G")]
    groups: Vec<String>,
    /// Days from now until it is refused.
    #[arg(long, value_name = "N", default_value_t = 90, value_parser = clap::value_parser!(u64).range(1..=3650))]
    days: u64,
}

#[derive(clap::ValueEnum, Clone, Copy, Debug)]
enum Kind {
    User,
    Workload,
}

/// Runs `carnet token`.
pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let Command::New(new) = args.command;
    if new.name.is_empty()
        || !new.name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    {
        bail!(
            "{:?} cannot name a token: use small letters, digits and dashes, such as nightly-report",
            new.name
        );
    }
    let mut entropy = Zeroizing::new([0u8; 32]);
    getrandom::fill(&mut *entropy).context("the system gives no random bytes")?;
    let made = make_token(&entropy);
    output::line("The token. It is shown only now, so keep it where secrets are kept:\n");
    output::line(&format!("  {}\n", made.token.expose()));
    output::line("The configuration knows its hash only. Add this to `identity: tokens:`\n");
    output::line(&lines(&new, &made.sha256, unix_now()));
    output::line("\nCallers send it as `Authorization: Bearer TOKEN`. Check the file with `carnet check`.");
    Ok(ExitCode::SUCCESS)
}

/// The configuration's lines, indented as below `identity: tokens:`.
fn lines(new: &New, sha256: &str, now: u64) -> String {
    let subject = new.subject.as_ref().unwrap_or(&new.name);
    let kind = match new.kind {
        Kind::User => "user",
        Kind::Workload => "workload",
    };
    let groups: Vec<String> = new.groups.iter().map(|g| scalar(g)).collect();
    let expires = wording::utc(now + new.days * 86_400).replacen(' ', "T", 1);
    [
        format!("    - name: {}", scalar(&new.name)),
        format!("      sha256: \"{sha256}\""),
        format!("      subject: {}", scalar(subject)),
        format!("      kind: {kind}"),
        format!("      groups: [{}]", groups.join(", ")),
        format!("      expires: {expires}Z"),
    ]
    .join("\n")
}

/// A text as a YAML scalar: plain where that is certain, else quoted as JSON, which YAML reads alike.
fn scalar(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
        && !["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
            .contains(&text.to_ascii_lowercase().as_str());
    if plain { text.to_owned() } else { carnet_json::quote(text) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use expect_test::expect;

    use super::*;

    fn new() -> New {
        New {
            name: "nightly".into(),
            subject: Some("ada: \"the first\"".into()),
            kind: Kind::User,
            groups: vec!["automation".into(), "no".into()],
            days: 30,
        }
    }

    #[test]
    fn the_lines() {
        expect![[r#"
            tokens:
                - name: nightly
                  sha256: "00ff"
                  subject: "ada: \"the first\""
                  kind: user
                  groups: [automation, "no"]
                  expires: 2026-12-21T12:00:00Z"#]]
        .assert_eq(&format!("tokens:\n{}", lines(&new(), "00ff", 1_795_262_400)));
    }

    #[test]
    fn the_configuration_reads_them() {
        let made = make_token(&[7; 32]);
        let text = format!(
            "version: 1\ncell: {{ region: de }}\nidentity:\n  tokens:\n{}\npolicies: [p]\nservers:\n  a: {{ command: [b] }}\n",
            lines(&new(), &made.sha256, 1_795_262_400)
        );
        let source = carnet_config::Source {
            file: "carnet.yaml",
            text: &text,
            folder: Path::new("."),
            environment: &BTreeMap::new(),
            now: 0,
        };
        let loaded = carnet_config::load(source).unwrap_or_else(|e| panic!("{}", carnet_config::render(&e)));
        let [token] = &loaded.config.identity.tokens[..] else { panic!("one token") };
        assert_eq!(&*token.subject, "ada: \"the first\"");
        assert_eq!(token.expires, 1_795_262_400 + 30 * 86_400);
        assert_eq!(token.groups.len(), 2);
    }
}
