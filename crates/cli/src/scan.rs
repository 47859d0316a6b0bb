//! `carnet scan`: what masking finds in files or standard input, and what it would leave of them. It is the gateway's own
//! detector, so its recall can be measured here. It prints types and places; a value only leaves it in the masked text
//! of `--mask`, where the detector did not find it.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};

use crate::output;

mod document;
mod list;
mod stats;
#[cfg(test)]
mod tests;

use document::{Kind, Reader};
use stats::Stats;

/// Arguments of `carnet scan`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Files to read; standard input if there are none.
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Read lines of {"id","text"} and write lines of {"id","entities"}. Offsets are Unicode code points of the text, the
    /// end exclusive.
    #[arg(long)]
    jsonl: bool,
    /// What each file, or the text of each line, is. JSON inside text is read too.
    #[arg(long, value_enum, default_value = "text")]
    content: Kind,
    /// Write the masked text instead; with --jsonl, lines of {"id","text"}.
    #[arg(long)]
    mask: bool,
    /// Print bytes, MB/s of CPU time and hits per type: instead of the findings of files, after those of --jsonl and
    /// --mask on standard error.
    #[arg(long)]
    stats: bool,
    /// Print every recogniser, with country, validation, source and tier.
    #[arg(long, conflicts_with_all = ["jsonl", "mask", "stats", "content", "files"])]
    list: bool,
    /// Take countries and transforms from this configuration.
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// A country whose numbers need no word or key beside their check digits; may be given several times.
    #[arg(long = "country", value_name = "CC", conflicts_with = "config")]
    countries: Vec<String>,
}

/// Runs `carnet scan`.
pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    if args.list {
        list::print();
        return Ok(ExitCode::SUCCESS);
    }
    let reader = Reader::new(args.content, args.config.as_deref(), &args.countries)?;
    let mut stats = Stats::default();
    if args.files.is_empty() {
        let mut input = BufReader::with_capacity(1 << 20, std::io::stdin());
        one(&args, "-", &mut input, &reader, &mut stats)?;
    }
    for path in &args.files {
        let name = path.display().to_string();
        let file = File::open(path).with_context(|| name.clone())?;
        one(&args, &name, &mut BufReader::with_capacity(1 << 20, file), &reader, &mut stats)?;
    }
    if args.stats {
        let print = if args.jsonl || args.mask { output::note } else { output::line };
        stats.print(print);
    }
    if stats.uninspected > 0 {
        output::note(&format!(
            "carnet: {} could not be inspected in full; the gateway would withhold them",
            crate::sessions::wording::count(stats.uninspected, "text")
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// One file, or standard input.
fn one(
    args: &Args,
    name: &str,
    input: &mut dyn Input,
    reader: &Reader,
    stats: &mut Stats,
) -> anyhow::Result<()> {
    if args.jsonl {
        return lines(args, name, input, reader, stats);
    }
    let mut bytes = Vec::new();
    input.read_to_end(&mut bytes).with_context(|| name.to_owned())?;
    let Ok(text) = String::from_utf8(bytes) else { bail!("{name}: not UTF-8") };
    let found = stats.time(text.len(), || reader.read(&text));
    stats.count(&found);
    if args.mask {
        output::bytes(reader.mask(&text, &found)?.as_bytes());
    } else if !args.stats {
        document::print(name, &text, &found);
    }
    Ok(())
}

/// Lines of `{"id","text"}`. As many as have arrived are inspected together, so that the clock is asked rarely, and a
/// program that waits for each answer gets it.
fn lines(
    args: &Args,
    name: &str,
    input: &mut dyn Input,
    reader: &Reader,
    stats: &mut Stats,
) -> anyhow::Result<()> {
    let mut number = 0;
    let mut batch: Vec<document::Line> = Vec::new();
    let mut out = Vec::new();
    loop {
        let mut line = String::new();
        let n = input.read_line(&mut line).with_context(|| format!("{name}:{}", number + 1))?;
        number += 1;
        if n > 0 && !line.trim().is_empty() {
            let read = serde_json::from_str(&line);
            // The error of serde names the place, and may quote a value where a type is wrong.
            let Ok(read) = read else {
                bail!("{name}:{number}: not an object with `id` and `text`, a string")
            };
            batch.push(read);
        }
        if n > 0 && input.more() {
            continue;
        }
        let bytes = batch.iter().map(|l| l.text.len()).sum();
        let found: Vec<_> = stats.time(bytes, || batch.iter().map(|l| reader.read(&l.text)).collect());
        for (line, found) in batch.drain(..).zip(found) {
            stats.count(&found);
            if args.mask {
                let masked =
                    if found.error.is_none() { Some(reader.mask(&line.text, &found)?) } else { None };
                line.masked(masked.as_deref(), &found, &mut out)?;
            } else {
                line.entities(&found, &mut out)?;
            }
        }
        output::bytes(&out);
        out.clear();
        if n == 0 {
            return Ok(());
        }
    }
}

/// A reader that knows whether a whole line has arrived already.
trait Input: BufRead {
    fn more(&self) -> bool;
}

impl<R: std::io::Read> Input for BufReader<R> {
    fn more(&self) -> bool {
        self.buffer().contains(&b'\n')
    }
}
