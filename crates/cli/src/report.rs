//! `carnet report`: a report over the log, as packages have them, without making a package.

use std::fs::OpenOptions;
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use carnet_evidence::package::{produce, report};
use carnet_gateway::desk::Act;

use crate::extract::Which;
use crate::output;

/// Arguments of `carnet report`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Which report: sessions, calls, acts, approvals, masking, transfers, drift, ropa, breach, controls; or access, with --subject.
    #[arg(value_name = "NAME", value_parser = name)]
    name: String,
    #[command(flatten)]
    which: Which,
    /// In which form: md, csv or json.
    #[arg(long, value_name = "FORM", default_value = "md", value_parser = ["md", "csv", "json"])]
    format: String,
    /// Write to this file instead of standard output. It must not be there yet.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

fn name(text: &str) -> Result<String, String> {
    let mut names = report::names();
    names.push("access");
    match names.contains(&text) {
        true => Ok(text.to_owned()),
        false => Err(format!("one of {}", names.join(", "))),
    }
}

/// Takes one form of the report and leaves the others.
struct One<'a> {
    ending: &'a str,
    out: Box<dyn Write>,
    failed: Option<std::io::Error>,
}

impl produce::Sink for One<'_> {
    fn write(&mut self, file: &str, bytes: &[u8]) {
        if self.failed.is_none() && file.ends_with(self.ending) {
            self.failed = self.out.write_all(bytes).err();
        }
    }
}

/// Runs `carnet report`. That it is read is recorded first.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let name = match args.name.as_str() {
        // What was done with a person's data, by whom: the calls that concern them.
        "access" if args.which.subject.is_none() => {
            anyhow::bail!("say whose access report: --subject KIND=VALUE")
        }
        "access" => "calls",
        name => name,
    };
    let producer = produce::named(name).context("no such report")?;
    let source = args.which.open()?;
    let person = args.which.subject.clone();
    crate::desk::act(&args.which.place, Act::Read { what: format!("report {}", args.name), person })?;
    let out: Box<dyn Write> = match &args.output {
        None => Box::new(std::io::stdout().lock()),
        Some(file) => {
            let mut options = OpenOptions::new();
            let file = options.write(true).create_new(true).mode(0o600).open(file);
            Box::new(file.with_context(|| format!("cannot write {:?}", args.output))?)
        }
    };
    let ending = format!("/{name}.{}", args.format);
    let mut one = One { ending: &ending, out: Box::new(BufWriter::new(out)), failed: None };
    source.with(Vec::new(), |export| export.run(producer, &mut one))?;
    if one.failed.is_none() {
        one.failed = one.out.flush().err();
    }
    match one.failed {
        Some(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Err(e.into()),
        _ => {
            if let Some(file) = &args.output {
                output::note(&format!("written to {}", file.display()));
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}
