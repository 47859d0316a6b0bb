//! The command line, read by hand: the auditor's binary links as little as it can.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::{Context as _, bail};

/// What `--help` prints.
pub(crate) const USAGE: &str = "\
carnet-verify PACKAGE|DIR [--trust FILE] [--key KEY] [--last-checkpoint FILE] [--json]

Checks the evidence that a Carnet gateway has written. PACKAGE is an exported
package, or the folder that it was unpacked into. DIR is the data folder of the
gateway (with log/ in it) or a copy of the log folder. No network is used.

  --trust FILE            your own copy of the log's verifier key: a line with
                          it, or `log KEY` as in a tlog-policy file

  --key FILE|KEY          verifier key of the log (name+id+key). Without it and
                          --trust its own key is taken, which proves less
  --last-checkpoint FILE  a checkpoint that you kept: the log may only have grown
  --json                  print one JSON object
  --version, --help

Exit status: 0 everything holds, 1 something does not, 2 it could not be checked.
";

/// A run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Arguments {
    pub(crate) folder: PathBuf,
    pub(crate) trust: Option<PathBuf>,
    pub(crate) key: Option<String>,
    pub(crate) last_checkpoint: Option<PathBuf>,
    pub(crate) json: bool,
}

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Parsed {
    Help,
    Version,
    Run(Arguments),
}

pub(crate) fn parse(given: impl IntoIterator<Item = OsString>) -> anyhow::Result<Parsed> {
    let mut given = given.into_iter();
    let (mut folder, mut key, mut last_checkpoint, mut json) = (None, None, None, false);
    let mut trust = None;
    while let Some(word) = given.next() {
        let mut value = || given.next().with_context(|| format!("{} needs a value", word.display()));
        match word.to_str() {
            Some("--help" | "-h") => return Ok(Parsed::Help),
            Some("--version" | "-V") => return Ok(Parsed::Version),
            Some("--json") => json = true,
            Some("--trust") => trust = Some(PathBuf::from(value()?)),
            Some("--key") => key = Some(value()?.into_string().ok().context("--key is not text")?),
            Some("--last-checkpoint") => last_checkpoint = Some(PathBuf::from(value()?)),
            Some(option) if option.starts_with('-') => bail!("unknown option {option}; see --help"),
            _ if folder.is_some() => bail!("more than one folder; see --help"),
            _ => folder = Some(PathBuf::from(word)),
        }
    }
    let folder = folder.context("which folder? see --help")?;
    Ok(Parsed::Run(Arguments { folder, trust, key, last_checkpoint, json }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split_whitespace().map(OsString::from).collect()
    }

    #[test]
    fn command_lines() {
        let all = parse(words("data --trust t --key k --last-checkpoint c --json")).unwrap();
        let want = Arguments {
            folder: "data".into(),
            trust: Some("t".into()),
            key: Some("k".into()),
            last_checkpoint: Some("c".into()),
            json: true,
        };
        assert_eq!(all, Parsed::Run(want));
        assert_eq!(parse(words("--help")).unwrap(), Parsed::Help);
        for bad in ["", "a b", "a --key", "a --frob"] {
            assert!(parse(words(bad)).is_err(), "{bad}");
        }
    }
}
