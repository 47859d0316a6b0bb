//! `carnet evidence export --as FORM`: records in the form of another program, without a package around them.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{BufWriter, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use carnet_evidence::package::{archive::is_safe, export, produce};
use sha2::{Digest as _, Sha256};

use super::{Args, exported};
use crate::extract::Source;
use crate::output;

/// Files that are open at one time.
const OPEN: usize = 64;

/// Writes beside the name that was asked for; a form of one file goes into a file, others into a folder.
struct Files {
    /// The one file's name in a package, or none for a folder.
    single: Option<&'static str>,
    root: PathBuf,
    open: BTreeMap<PathBuf, BufWriter<File>>,
    hashes: BTreeMap<String, Sha256>,
    failed: Option<anyhow::Error>,
}

impl Files {
    fn append(&mut self, name: &str, bytes: &[u8]) -> anyhow::Result<()> {
        anyhow::ensure!(is_safe(name), "{name} is no name for a file");
        let path = match (self.single, name.split('/').skip(2).collect::<Vec<_>>()) {
            (Some(_), _) => self.root.clone(),
            (None, parts) => self.root.join(parts.join("/")),
        };
        if !self.open.contains_key(&path) {
            if self.open.len() >= OPEN {
                self.flush()?;
                self.open.clear();
            }
            if let Some(folder) = path.parent().filter(|_| self.single.is_none()) {
                DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
            }
            let mut options = OpenOptions::new();
            options.append(true).mode(0o600);
            if self.hashes.contains_key(name) {
                &mut options
            } else {
                options.create_new(true)
            };
            let file = options.open(&path).with_context(|| path.display().to_string())?;
            self.open.insert(path.clone(), BufWriter::new(file));
        }
        self.hashes.entry(name.to_owned()).or_default().update(bytes);
        match self.open.get_mut(&path) {
            Some(file) => Ok(file.write_all(bytes)?),
            None => Ok(()),
        }
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        for file in self.open.values_mut() {
            file.flush()?;
            file.get_ref().sync_all()?;
        }
        Ok(())
    }

    /// The hash of the one file, or over names and hashes of all.
    fn hash(&self) -> [u8; 32] {
        if let (Some(_), Some(sha)) = (self.single, self.hashes.values().next()) {
            return sha.clone().finalize().into();
        }
        let mut all = Sha256::new();
        for (name, sha) in &self.hashes {
            all.update(name.as_bytes());
            all.update([0]);
            all.update(sha.clone().finalize());
        }
        all.finalize().into()
    }
}

impl produce::Sink for Files {
    fn write(&mut self, file: &str, bytes: &[u8]) {
        if self.failed.is_none() {
            self.failed = self.append(file, bytes).err();
        }
    }
}

/// Writes the form, records that it was exported, and gives it its name.
pub(super) fn write(args: &Args, source: &Source, form: &str) -> anyhow::Result<ExitCode> {
    let producer = produce::named(form).context("no such form")?;
    let mut root = args.output.as_os_str().to_owned();
    root.push(".new");
    let root = PathBuf::from(root);
    let single = export::file(form);
    if root.is_dir() {
        std::fs::remove_dir_all(&root)?;
    } else if root.exists() {
        std::fs::remove_file(&root)?;
    }
    let mut files = Files { single, root, open: BTreeMap::new(), hashes: BTreeMap::new(), failed: None };
    let given = source.with(Vec::new(), |export| export.run(producer, &mut files))?.records;
    if let Some(error) = files.failed.take() {
        return Err(error);
    }
    files.flush()?;
    anyhow::ensure!(!files.hashes.is_empty(), "there is nothing to write in this form");
    exported(args, &files.hash(), &format!("{given} records as {form}"))?;
    std::fs::rename(&files.root, &args.output).with_context(|| args.output.display().to_string())?;
    output::line(&format!("{}: {given} records as {form}", args.output.display()));
    Ok(ExitCode::SUCCESS)
}
