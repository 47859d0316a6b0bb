//! The auditor's book of checkpoints: a file of one's own that only grows. Whoever has seen a checkpoint and kept it knows
//! a rolled-back or forked log when it is shown, whatever the operator does with the key.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use carnet_evidence::checkpoint::Checkpoint;
use carnet_evidence::note::{Note, Verifier};

/// A line of a book.
struct Line {
    seen: u64,
    note: Vec<u8>,
    checkpoint: Checkpoint,
}

/// The checkpoints in a book, of one origin where one is given.
pub(crate) fn notes(path: &Path, origin: Option<&str>) -> anyhow::Result<Vec<Vec<u8>>> {
    let lines = read(path)?.into_iter();
    Ok(lines.filter(|l| origin.is_none_or(|o| l.checkpoint.origin == o)).map(|l| l.note).collect())
}

/// A line is `SECONDS BASE64`: when it was seen, and the signed note. The folder of a witness is a book too.
fn read(path: &Path) -> anyhow::Result<Vec<Line>> {
    if path.is_dir() {
        return memory(path);
    }
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut lines = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let read = line.split_once(' ').and_then(|(seen, note)| {
            let note = STANDARD.decode(note).ok()?;
            let checkpoint = Checkpoint::parse_text(&Note::parse(&note).ok()?.text).ok()?;
            Some(Line { seen: seen.parse().ok()?, note, checkpoint })
        });
        lines.push(read.with_context(|| format!("{}: line {number} is no line of a book", path.display()))?);
    }
    Ok(lines)
}

/// What a witness keeps: of each log the checkpoint that it signed last, a file each below `logs/`.
fn memory(folder: &Path) -> anyhow::Result<Vec<Line>> {
    let logs = folder.join("logs");
    let entries =
        std::fs::read_dir(&logs).with_context(|| format!("{}: no folder of a witness", folder.display()))?;
    let mut lines = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let note = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let parsed = Note::parse(&note).ok().and_then(|n| Checkpoint::parse_text(&n.text).ok());
        let checkpoint = parsed.with_context(|| format!("{} is no checkpoint", path.display()))?;
        let seen = std::fs::metadata(&path)?.modified()?.duration_since(UNIX_EPOCH)?.as_secs();
        lines.push(Line { seen, note, checkpoint });
    }
    lines.sort_by(|a, b| a.checkpoint.origin.cmp(&b.checkpoint.origin));
    Ok(lines)
}

/// Adds a checkpoint. Whether it fits those that are there: one of the same size must have the same root.
pub(crate) fn add(path: &Path, note: &[u8], key: Option<&Verifier>) -> anyhow::Result<String> {
    let parsed = Note::parse(note).context("this is no signed checkpoint")?;
    let checkpoint = match key {
        Some(key) => Checkpoint::open(note, key).context("the checkpoint is not of this log")?.0,
        None => Checkpoint::parse_text(&parsed.text).context("this is no checkpoint")?,
    };
    let lines = if path.exists() { read(path)? } else { Vec::new() };
    let ours = lines.iter().filter(|l| l.checkpoint.origin == checkpoint.origin);
    let same = ours.clone().find(|l| l.checkpoint.size == checkpoint.size);
    if let Some(same) = same {
        if same.checkpoint.root != checkpoint.root {
            bail!(
                "forked: the book has another root for {} leaves of {}",
                checkpoint.size,
                checkpoint.origin
            );
        }
        return Ok(format!("{} leaves of {}: it is in the book\n", checkpoint.size, checkpoint.origin));
    }
    let largest = ours.map(|l| l.checkpoint.size).max().unwrap_or(0);
    let mut file = OpenOptions::new().append(true).create(true).open(path)?;
    ensure_newline(&file, path)?;
    let seen = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    file.write_all(format!("{seen} {}\n", STANDARD.encode(note)).as_bytes())?;
    file.sync_all()?;
    let mut said = format!("{} leaves of {}: added\n", checkpoint.size, checkpoint.origin);
    if checkpoint.size < largest {
        let _ = writeln!(said, "note: the book has a larger one, of {largest} leaves");
    }
    if key.is_none() {
        said.push_str("note: no key was given, so its signature was not checked\n");
    }
    Ok(said)
}

/// A line that was cut off is not written on.
fn ensure_newline(file: &File, path: &Path) -> anyhow::Result<()> {
    let whole = std::fs::read(path)?;
    ensure!(
        file.metadata()?.len() == 0 || whole.ends_with(b"\n"),
        "{} ends in half a line: mend it first",
        path.display()
    );
    Ok(())
}

/// What a book holds.
pub(crate) fn list(path: &Path) -> anyhow::Result<String> {
    let mut out = String::from("seen at (Unix seconds)  leaves  root  origin\n");
    for line in read(path)? {
        let Checkpoint { origin, size, root, .. } = &line.checkpoint;
        let _ = writeln!(out, "{}  {size}  {}  {origin}", line.seen, STANDARD.encode(root));
    }
    Ok(out)
}
