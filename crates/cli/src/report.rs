//! `carnet report`: a report over the log, as packages have them, without making a package.

use std::fs::OpenOptions;
use std::io::{BufWriter, Read as _, Seek as _, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use carnet_evidence::package::{produce, report};
use carnet_gateway::desk::Act;
use carnet_store::export::{Complete, Ran};

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
struct One<'a, W: Write> {
    ending: &'a str,
    out: W,
    failed: Option<std::io::Error>,
}

impl<W: Write> produce::Sink for One<'_, W> {
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
    // What it is complete for stands at its top, and is known at its end.
    let mut body = tempfile::tempfile().context("a file for the report until it is whole")?;
    let ending = format!("/{name}.{}", args.format);
    let mut one = One { ending: &ending, out: BufWriter::new(&mut body), failed: None };
    let ran = source.with(Vec::new(), |export| export.run(producer, &mut one))?;
    let failed = one.failed.take().or(one.out.flush().err());
    drop(one);
    failed.map_or(Ok(()), Err)?;
    body.rewind()?;
    let text = statement(&args.format, &ran, source.origin());
    match give(out, &args.format, &text, body) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => return Err(e.into()),
        Err(_) => {}
        Ok(()) => args.output.iter().for_each(|f| output::note(&format!("written to {}", f.display()))),
    }
    Ok(ExitCode::SUCCESS)
}

/// The statement, then the report. In JSON it is the report's first member.
fn give(out: Box<dyn Write>, format: &str, statement: &str, mut body: std::fs::File) -> std::io::Result<()> {
    let mut out = BufWriter::new(out);
    out.write_all(statement.as_bytes())?;
    if format == "json" {
        body.read_exact(&mut [0])?;
    }
    std::io::copy(&mut body, &mut out)?;
    out.flush()
}

/// For which records the report is complete, and by what proof.
fn statement(format: &str, ran: &Ran, origin: &str) -> String {
    let proof = "every leaf of the range, in its order and none more, folds to the root that the checkpoint signs; a package of the \
                 period lets others check that";
    let quote = carnet_json::quote;
    match (&ran.complete, format) {
        (None, "json") => r#"{"log":null,"#.to_owned(),
        (None, "csv") => "# not proven complete: the log has no checkpoint yet\r\n".to_owned(),
        (None, _) => "> Not proven complete: the log has no checkpoint yet.\n\n".to_owned(),
        (Some(Complete { from, to, root, later }), "json") => format!(
            r#"{{"log":{{"from":{from},"later":{later},"origin":{},"proof":{},"root":{},"to":{to}}},"#,
            quote(origin),
            quote(proof),
            quote(&base64(root))
        ),
        (Some(Complete { from, to, root, later }), form) => {
            let last = to.saturating_sub(1);
            let text = format!(
                "complete for the records {from} to {last} of {origin}, root {}: {proof}; {later} newer records of the period are \
                 under no checkpoint yet",
                base64(root)
            );
            if form == "csv" { format!("# {text}\r\n") } else { format!("> It is {text}.\n\n") }
        }
    }
}

fn base64(hash: &[u8; 32]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(hash)
}
