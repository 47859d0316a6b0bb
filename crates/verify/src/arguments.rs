//! The command line, read by hand: the auditor's binary links as little as it can.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::{Context as _, bail};

/// What `--help` prints.
pub(crate) const USAGE: &str = "\
carnet-verify PACKAGE|DIR [--trust FILE] [--key KEY] [--last-checkpoint FILE]
                          [--book FILE] [--tsa FILE] [--json]
carnet-verify book add BOOK PACKAGE|DIR|CHECKPOINT [--trust FILE]
carnet-verify book list BOOK
carnet-verify book check BOOK PACKAGE|DIR [--trust FILE] ...

Checks the evidence that a Carnet gateway has written. PACKAGE is an exported
package, or the folder that it was unpacked into. DIR is the data folder of the
gateway (with log/ in it) or a copy of the log folder. No network is used.

  --trust FILE            your own copy of the log's verifier key: a line with
                          it, or a C2SP tlog-policy (log, witness, group and
                          quorum lines), whose quorum must have signed
  --key FILE|KEY          verifier key of the log (name+id+key). Without it and
                          --trust its own key is taken, which proves less
  --last-checkpoint FILE  a checkpoint that you kept: the log may only have grown
  --book FILE|FOLDER      your book of checkpoints seen: the log may only have
                          grown since each. `book add` writes it. The folder
                          of a witness serves as one
  --tsa FILE              PEM certificates of time stamp authorities you trust
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
    pub(crate) book: Option<PathBuf>,
    pub(crate) tsa: Option<PathBuf>,
    pub(crate) json: bool,
}

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Parsed {
    Help,
    Version,
    Run(Arguments),
    /// Add what `folder` holds to `book`.
    Add(Arguments),
    /// List `folder`, a book.
    List(PathBuf),
}

pub(crate) fn parse(given: impl IntoIterator<Item = OsString>) -> anyhow::Result<Parsed> {
    let mut given = given.into_iter();
    let mut words = Vec::new();
    let mut a = Arguments {
        folder: PathBuf::new(),
        trust: None,
        key: None,
        last_checkpoint: None,
        book: None,
        tsa: None,
        json: false,
    };
    while let Some(word) = given.next() {
        let mut value = || given.next().with_context(|| format!("{} needs a value", word.display()));
        match word.to_str() {
            Some("--help" | "-h") => return Ok(Parsed::Help),
            Some("--version" | "-V") => return Ok(Parsed::Version),
            Some("--json") => a.json = true,
            Some("--trust") => a.trust = Some(PathBuf::from(value()?)),
            Some("--key") => a.key = Some(value()?.into_string().ok().context("--key is not text")?),
            Some("--last-checkpoint") => a.last_checkpoint = Some(PathBuf::from(value()?)),
            Some("--book") => a.book = Some(PathBuf::from(value()?)),
            Some("--tsa") => a.tsa = Some(PathBuf::from(value()?)),
            Some(option) if option.starts_with('-') => bail!("unknown option {option}; see --help"),
            _ => words.push(word),
        }
    }
    what(a, words)
}

fn what(mut a: Arguments, words: Vec<OsString>) -> anyhow::Result<Parsed> {
    let mut words = words.into_iter();
    let mut next = |what: &str| words.next().with_context(|| format!("which {what}? see --help"));
    let first = next("folder")?;
    // A folder of this name is ./book.
    let parsed = if first == "book" {
        let verb = next("of add, list and check")?;
        let book = PathBuf::from(next("book")?);
        match verb.to_str() {
            Some("list") => Parsed::List(book),
            Some(verb @ ("add" | "check")) => {
                a.folder = PathBuf::from(next("package or folder")?);
                a.book = Some(book);
                if verb == "add" { Parsed::Add(a) } else { Parsed::Run(a) }
            }
            _ => bail!("a book is added to, listed or checked; see --help"),
        }
    } else {
        a.folder = PathBuf::from(first);
        Parsed::Run(a)
    };
    if words.next().is_some() {
        bail!("more than one folder; see --help");
    }
    Ok(parsed)
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
            book: None,
            tsa: None,
            json: true,
        };
        assert_eq!(all, Parsed::Run(want));
        assert_eq!(parse(words("--help")).unwrap(), Parsed::Help);
        assert_eq!(parse(words("book list b")).unwrap(), Parsed::List("b".into()));
        for (line, adds) in [("book add b p --key k", true), ("book check b p --key k", false)] {
            let (Parsed::Add(a) | Parsed::Run(a)) = parse(words(line)).unwrap() else { panic!("{line}") };
            assert_eq!((a.book, a.folder, a.key.as_deref()), (Some("b".into()), "p".into(), Some("k")));
            assert_eq!(matches!(parse(words(line)).unwrap(), Parsed::Add(_)), adds, "{line}");
        }
        for bad in ["", "a b", "a --key", "a --frob", "book", "book add b", "book frob b p", "book list b c"]
        {
            assert!(parse(words(bad)).is_err(), "{bad}");
        }
    }
}
