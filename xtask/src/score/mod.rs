//! `cargo xtask score`: how well Carnet finds what the labelled sets hold. It asks `carnet scan` (the binary that
//! `CARNET_BIN` names, or a freshly built one), or takes the
//! answers that another program gave to the same sets, and counts both with the same rule.

mod beside;
mod floors;
mod matching;
mod report;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::shell::{cargo, command, show};
use crate::test;
use matching::{Fault, Span, Tally};

/// Where the sets and what is known of them are.
const HOME: &str = "bench/quality";

/// What is asked for.
#[derive(Default)]
pub(crate) struct Options {
    files: Vec<PathBuf>,
    /// Write the table and the floors.
    write: bool,
    /// Compare with the floors.
    check: bool,
    /// Print misses and false findings of this group of types, or of `any`.
    faults: Option<String>,
    /// Another program's answers, in files of the sets' names.
    answers: Option<PathBuf>,
    /// A folder with such a folder for each program to stand beside Carnet's scores.
    beside: Option<PathBuf>,
}

impl Options {
    pub(crate) fn parse(args: &[String]) -> Result<Options> {
        let mut options = Options::default();
        let mut rest = args.iter();
        while let Some(arg) = rest.next() {
            match arg.as_str() {
                "--write" => options.write = true,
                "--check" => options.check = true,
                "--faults" => {
                    options.faults = Some(rest.next().context("--faults takes a type, or `any`")?.clone())
                }
                "--answers" => {
                    options.answers = Some(rest.next().context("--answers takes a folder")?.into())
                }
                "--beside" => options.beside = Some(rest.next().context("--beside takes a folder")?.into()),
                other if other.starts_with('-') => bail!("`score` has no option {other}"),
                file => options.files.push(file.into()),
            }
        }
        Ok(options)
    }

    /// What CI does.
    pub(crate) fn checked() -> Options {
        Options { check: true, ..Options::default() }
    }
}

/// One set and its sums.
pub(crate) struct Scored {
    /// `dev/records`.
    name: String,
    tally: Tally,
}

pub(crate) fn run(root: &Path, options: &Options) -> Result<()> {
    let carnet = match (&options.answers, std::env::var_os("CARNET_BIN")) {
        (Some(_), _) => None,
        (None, Some(binary)) => Some(PathBuf::from(binary)),
        (None, None) => {
            show("build", cargo(root, &["build", "--quiet", "--workspace", "--all-targets"]))?;
            Some(test::binary(root, "carnet")?)
        }
    };
    let files = if options.files.is_empty() { sets(root)? } else { options.files.clone() };
    let faults = options.faults.as_deref();
    let all = match (&options.answers, &carnet) {
        (Some(folder), _) => answered(folder, &files, faults)?,
        (None, Some(carnet)) => files
            .iter()
            .map(|f| Ok(Scored { name: name(f), tally: score(f, &ask(root, carnet, f)?, faults)? }))
            .collect::<Result<_>>()?,
        (None, None) => bail!("nothing to ask"),
    };
    println!("{}", report::table(&all));
    if options.write {
        fs::write(root.join(HOME).join("SCORES.md"), report::page(&all))?;
        floors::write(&root.join(HOME).join("floors.json"), &all)?;
    }
    if let Some(folder) = &options.beside {
        let mut programs = vec![("carnet".to_owned(), all)];
        for program in beside::PROGRAMS {
            programs.push(((*program).to_owned(), answered(&folder.join(program), &files, None)?));
        }
        fs::write(root.join(HOME).join("OTHERS.md"), beside::page(&programs))?;
        return Ok(());
    }
    if options.check {
        floors::check(&root.join(HOME).join("floors.json"), &all)?;
    }
    Ok(())
}

/// The scores of answers that a program gave before. Sets that it was not asked are left out.
fn answered(folder: &Path, files: &[PathBuf], faults: Option<&str>) -> Result<Vec<Scored>> {
    let mut all = Vec::new();
    for file in files {
        let name = name(file);
        if let Ok(answers) = fs::read_to_string(folder.join(&name).with_extension("jsonl")) {
            all.push(Scored { tally: score(file, &answers, faults)?, name });
        }
    }
    Ok(all)
}

/// Every committed set.
fn sets(root: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for split in ["dev", "test"] {
        let folder = root.join(HOME).join("sets").join(split);
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            files.push(entry?.path());
        }
    }
    files.sort();
    Ok(files)
}

/// `dev/records` of `sets/dev/records.json.jsonl`.
fn name(file: &Path) -> String {
    let stem = file.file_name().map(|f| f.to_string_lossy().into_owned()).unwrap_or_default();
    let folder = file.parent().and_then(Path::file_name).map(|f| f.to_string_lossy().into_owned());
    format!("{}/{}", folder.unwrap_or_default(), stem.split('.').next().unwrap_or_default())
}

/// What `carnet scan` finds in a set.
fn ask(root: &Path, carnet: &Path, file: &Path) -> Result<String> {
    let file = file.to_string_lossy();
    let content = if file.ends_with(".json.jsonl") { "json" } else { "text" };
    let mut scan = command(carnet, root, &["scan", "--jsonl", "--content", content, &file]);
    let output = scan.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        bail!("carnet scan {file}: {}", output.status);
    }
    Ok(String::from_utf8(output.stdout)?)
}

fn score(file: &Path, answers: &str, faults: Option<&str>) -> Result<Tally> {
    let set = fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let mut tally = Tally::default();
    let mut answers = answers.lines();
    for line in set.lines() {
        let labelled: Value = serde_json::from_str(line)?;
        let answer = answers.next().with_context(|| format!("{}: answers end too early", file.display()))?;
        let answer: Value = serde_json::from_str(answer)?;
        let id = labelled.get("id").and_then(Value::as_str).unwrap_or_default();
        if answer.get("id").and_then(Value::as_str) != Some(id) {
            bail!("{}: the answers are not in the order of the set, at {id}", file.display());
        }
        let text: Vec<char> =
            labelled.get("text").and_then(Value::as_str).unwrap_or_default().chars().collect();
        let wrong = tally.add(id, text.len(), &spans(&labelled)?, &spans(&answer)?);
        if let Some(group) = faults {
            print_faults(id, &text, &wrong, group);
        }
    }
    Ok(tally)
}

fn spans(line: &Value) -> Result<Vec<Span>> {
    let Some(list) = line.get("entities").and_then(Value::as_array) else { return Ok(Vec::new()) };
    let span = |e: &Value| {
        let at = |key: &str| e.get(key).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
        Some(Span {
            kind: e.get("type")?.as_str()?.to_owned(),
            start: at("start")?,
            end: at("end")?,
            optional: e.get("optional").and_then(Value::as_bool).unwrap_or(false),
        })
    };
    list.iter().map(|e| span(e).context("an entity without type, start or end")).collect()
}

/// The sets are made up, so their values may be printed.
fn print_faults(id: &str, text: &[char], faults: &[Fault], group: &str) {
    for f in faults {
        let of = matching::group(&f.span.kind);
        if group != "any" && of != group {
            continue;
        }
        let part =
            |from: usize, to: usize| text.iter().take(to).skip(from).collect::<String>().replace('\n', "⏎");
        let (start, end) = (f.span.start, f.span.end);
        let what = if f.missed { "MISS " } else { "FALSE" };
        println!(
            "{what} {:<24} {id}: {}«{}»{}",
            f.span.kind,
            part(start.saturating_sub(40), start),
            part(start, end),
            part(end, end + 12)
        );
    }
}
