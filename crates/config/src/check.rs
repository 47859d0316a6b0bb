//! Holds a tree against the format: unknown and missing keys, kinds of values, units. Goes on after a mistake,
//! so that all are found at once.

use std::path::Path;

use carnet_model::{ClassNames, DataClass};

use crate::report::Report;
use crate::shape::{Kind, Table};
use crate::yaml::{Entry, Node, Place, Value};
use crate::{scalar, suggest};

/// Checks one value that stands at a key (or in a list at `at`).
pub(crate) fn check(node: &Node, label: &str, at: Place, kind: &Kind, report: &mut Report) {
    match (kind, &node.value) {
        (Kind::Any, _) | (_, Value::Refused) => {}
        (Kind::Table(table), Value::Map(entries)) => check_table(entries, table, at, report),
        (Kind::Map(key, value), Value::Map(entries)) => check_map(entries, key, value, report),
        (Kind::List(item), Value::List(items)) => {
            for item_node in items {
                check(item_node, label, item_node.at, item, report);
            }
        }
        (Kind::Claim, Value::List(items)) => {
            for item_node in items {
                check(item_node, label, item_node.at, &Kind::Text, report);
            }
        }
        (Kind::Table(_) | Kind::Map(..) | Kind::List(_), found) => {
            wrong_shape(node, label, at, kind, found, report)
        }
        (kind, Value::Scalar { text, plain }) => check_scalar(node, label, text, *plain, kind, report),
        (_, Value::Null) => report.error(at, format!("`{label}` has no value"), expectation(kind)),
        (_, found) => wrong_shape(node, label, at, kind, found, report),
    }
}

fn wrong_shape(node: &Node, label: &str, at: Place, kind: &Kind, found: &Value, report: &mut Report) {
    let wanted = match kind {
        Kind::Table(_) | Kind::Map(..) => "a mapping",
        Kind::List(_) => "a list",
        _ => "a single value",
    };
    let help = match (kind, found) {
        (Kind::List(_), Value::Scalar { .. }) => Some("put it in brackets: [ ]".to_owned()),
        (Kind::Secret, _) => expectation(kind),
        (Kind::Table(t), _) => Some(format!("its keys: {}", key_names(t).join(", "))),
        _ => None,
    };
    // A secret may stand where its reference or the mapping around it should.
    if matches!(kind, Kind::Secret | Kind::EnvValue | Kind::Table(_) | Kind::Map(..)) {
        report.hide(node);
    }
    let at = if matches!(found, Value::Scalar { .. }) { node.at } else { at };
    let at = if matches!(kind, Kind::Table(_) | Kind::Map(..)) { at } else { node.at };
    report.error(at, format!("`{label}` must be {wanted}, found {}", found.kind()), help);
}

fn key_names(table: &Table) -> Vec<&'static str> {
    table.keys.iter().map(|k| k.name).collect()
}

fn check_table(entries: &[Entry], table: &Table, at: Place, report: &mut Report) {
    for entry in entries {
        match table.keys.iter().find(|k| k.name == entry.key) {
            Some(key) => check(&entry.node, key.name, entry.key_at, &key.kind, report),
            None => {
                // Its value may be a secret under a misspelt name.
                report.hide(&entry.node);
                let help = suggest::help(&entry.key, &key_names(table));
                report.error(entry.key_at, format!("unknown key `{}` in {}", entry.key, table.name), help);
            }
        }
    }
    for key in table.keys.iter().filter(|k| k.required) {
        if !entries.iter().any(|e| e.key == key.name) {
            report.error(at, format!("{} lacks `{}`", table.name, key.name), Some(key.about.to_owned()));
        }
    }
}

fn check_map(entries: &[Entry], key: &Kind, value: &Kind, report: &mut Report) {
    for entry in entries {
        if let Some((message, help)) = scalar_mistake(&entry.key, &entry.key, true, key) {
            report.error(entry.key_at, message, help);
        }
        check(&entry.node, &entry.key, entry.key_at, value, report);
    }
}

fn check_scalar(node: &Node, label: &str, text: &str, plain: bool, kind: &Kind, report: &mut Report) {
    if let Some((message, help)) = scalar_mistake(label, text, plain, kind) {
        let secret = matches!(kind, Kind::Secret | Kind::EnvValue | Kind::Sha256);
        if secret || matches!(kind, Kind::Url) && text.contains(['@', '?']) {
            report.hide(node);
        }
        report.error(node.at, message, help);
    }
}

/// What is wrong with a single value. Values of kinds that may hold a secret are not repeated.
fn scalar_mistake(label: &str, text: &str, plain: bool, kind: &Kind) -> Option<(String, Option<String>)> {
    let nowhere = Path::new("");
    let fine = match kind {
        Kind::Any => true,
        Kind::Version => text == "1",
        Kind::Text | Kind::Path => !text.is_empty() && !text.contains('\0'),
        Kind::Claim => !text.is_empty() && text.split('.').all(|p| !p.is_empty()) || text.contains("://"),
        Kind::Name => scalar::name(text),
        Kind::Flag => plain && scalar::flag(text).is_some(),
        Kind::Count => scalar::digits::<u32>(text).is_some(),
        Kind::Address => scalar::address(text).is_some(),
        Kind::Url => scalar::url(text).is_some(),
        Kind::Origin => scalar::url(text).is_some_and(|u| u.path.is_empty()),
        Kind::Host => scalar::host(text).is_some(),
        Kind::Size => scalar::size(text).is_some(),
        Kind::Duration => scalar::duration(text).is_some(),
        Kind::Rate => scalar::rate(text).is_some(),
        Kind::Secret => scalar::secret(text, nowhere).is_some(),
        Kind::EnvValue => scalar::env_value(text, nowhere).is_some(),
        Kind::Region => scalar::region(text),
        Kind::Sha256 => scalar::sha256(text).is_some(),
        Kind::Time => scalar::time(text).is_some(),
        Kind::HeaderName => scalar::header_name(text),
        Kind::Variable => scalar::variable(text),
        Kind::Words(words) => words.contains(&text),
        // Whether a class of one's own is defined, only the whole file says (`resolve::masking`).
        Kind::Class => DataClass::by_name(text).is_some() || ClassNames::acceptable(text),
        Kind::Decimal => scalar::centi(text).is_some(),
        Kind::List(_) | Kind::Map(..) | Kind::Table(_) => true,
    };
    (!fine).then(|| explain(label, text, kind))
}

fn explain(label: &str, text: &str, kind: &Kind) -> (String, Option<String>) {
    let number = text.bytes().all(|b| b.is_ascii_digit());
    let shown = if text.len() > 60 { "this" } else { text };
    match kind {
        Kind::Secret => {
            let message = format!("`{label}` must be a reference to the secret, not the secret itself");
            (message, expectation(kind))
        }
        Kind::EnvValue => (format!("`{label}` must say where its value comes from"), expectation(kind)),
        Kind::Sha256 => (format!("`{label}` is not a SHA-256 hash"), expectation(kind)),
        Kind::Url if text.contains('@') => (
            format!("`{label}` carries credentials"),
            Some("write them as `credentials`, by reference".into()),
        ),
        Kind::Url => (format!("`{label}` is not an absolute URL"), expectation(kind)),
        Kind::Version => (format!("version `{shown}` is not known"), expectation(kind)),
        Kind::Words(words) => {
            (format!("`{shown}` is not accepted for `{label}`"), suggest::help(text, words))
        }
        Kind::Class => {
            let names: Vec<&str> = DataClass::BUILT_IN.iter().map(|c| c.name()).collect();
            (format!("`{shown}` is not a data class"), suggest::help(text, &names))
        }
        Kind::Size | Kind::Duration | Kind::Rate if number => {
            (format!("`{label}` needs a unit"), unit_help(text, kind))
        }
        Kind::Text | Kind::Path => (format!("`{label}` is empty"), None),
        _ => (format!("`{shown}` is not {}", noun(kind)), expectation(kind)),
    }
}

fn unit_help(text: &str, kind: &Kind) -> Option<String> {
    let n = if text.is_empty() { "1" } else { text };
    Some(match kind {
        Kind::Size => format!("write `{n}B`, `{n}KiB` or `{n}MiB`"),
        Kind::Duration => format!("write `{n}ms`, `{n}s` or `{n}m`"),
        _ => format!("write `{n}/s` or `{n}/m`"),
    })
}

fn noun(kind: &Kind) -> &'static str {
    match kind {
        Kind::Name => "a name",
        Kind::Flag => "`true` or `false`",
        Kind::Count => "a positive whole number",
        Kind::Decimal => "a number",
        Kind::Address => "an address with a port",
        Kind::Origin => "an origin",
        Kind::Host => "a host name",
        Kind::Size => "a size",
        Kind::Duration => "a duration",
        Kind::Rate => "a rate",
        Kind::Region => "a region",
        Kind::Time => "a time in UTC",
        Kind::Claim => "a claim path",
        Kind::HeaderName => "a header name",
        Kind::Variable => "the name of an environment variable",
        _ => "accepted here",
    }
}

/// What is accepted, in one line.
pub(crate) fn expectation(kind: &Kind) -> Option<String> {
    let text = match kind {
        Kind::Version => "this program reads version 1",
        Kind::Name => "small letters, digits and hyphens, such as `crm-eu`",
        Kind::Flag => "write `true` or `false` without quotes",
        Kind::Address => "such as `127.0.0.1:7300` or `[::1]:7300`",
        Kind::Url => "such as `https://host.example/path`",
        Kind::Decimal => "such as `3.5`, with two decimals at most",
        Kind::Origin => "such as `https://ide.example`, without a path",
        Kind::Host => "such as `gateway.example.eu` or `gateway.example.eu:8443`",
        Kind::Size => "such as `512B`, `64KiB` or `4MiB`",
        Kind::Duration => "such as `250ms`, `30s`, `5m` or `2h`",
        Kind::Rate => "such as `100/s` or `100/s burst 200`",
        Kind::Secret => "write `env:NAME` or `file:PATH`",
        Kind::EnvValue => "write `env:NAME` or `file:PATH` for a secret, `value:TEXT` for a plain setting",
        Kind::Region => {
            "a country such as `de`, a subdivision such as `us-ca` or a cloud region such as `eu-west-2`"
        }
        Kind::Sha256 => "64 hexadecimal digits: printf %s TOKEN | sha256sum",
        Kind::Time => "such as `2027-01-01T00:00:00Z`",
        Kind::Claim => "names joined by dots, or a list of names",
        Kind::Variable => "letters, digits and underscores",
        Kind::Words(words) => return Some(format!("one of: {}", words.join(", "))),
        _ => return None,
    };
    Some(text.to_owned())
}
