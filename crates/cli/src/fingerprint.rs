//! `carnet fingerprint`: fingerprints of a folder's texts, for `masking.fingerprints`. The file holds keyed hashes and no
//! content; whoever has it and not the key cannot try whether a text is in it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use carnet_masking::{Gathered, Identifiers};
use zeroize::Zeroizing;

use crate::output;
use crate::sessions::wording;

/// Larger files are data, not somebody's work.
const LARGEST: u64 = 4 << 20;

/// Files that hold what everybody may see.
const PUBLIC: [&str; 6] = ["LICENSE", "LICENCE", "COPYING", "NOTICE", "UNLICENSE", "PATENTS"];

/// Arguments of `carnet fingerprint`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Folders or files. Files that git ignores, hidden files, binary files, licences and files over 4 MiB are left out.
    #[arg(required = true, value_name = "DIR")]
    folders: Vec<PathBuf>,
    /// The file to write.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// File with the key. Made if it is not there; keep it apart from the fingerprints.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Names of variables and numbers do not count, so that renamed code is recognised. For code only.
    #[arg(long)]
    ignore_names: bool,
    /// Folders or files that everybody may see, such as vendored code: what is in them too is left out.
    #[arg(long, value_name = "DIR")]
    except: Vec<PathBuf>,
}

/// Runs `carnet fingerprint`.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let key = key(&args.key)?;
    let names = if args.ignore_names { Identifiers::Ignored } else { Identifiers::Kept };
    let mut gathered = Gathered::new(key.trim_end().as_bytes(), names);
    let mut bytes = 0;
    for_each_text(&args.folders, |text| {
        bytes += text.len();
        gathered.add(text);
    })?;
    for_each_text(&args.except, |text| gathered.remove(text))?;
    let (file, count) = gathered.write();
    std::fs::write(&args.output, &file).with_context(|| args.output.display().to_string())?;
    output::line(&format!(
        "{}: {} of {}, {bytes} bytes of text, in {} bytes",
        args.output.display(),
        wording::count(count, "fingerprint"),
        wording::count(gathered.files() as usize, "file"),
        file.len()
    ));
    Ok(ExitCode::SUCCESS)
}

/// The key in a file, which is made with 256 random bits if it is not there.
fn key(path: &Path) -> anyhow::Result<Zeroizing<String>> {
    if !path.exists() {
        let mut random = Zeroizing::new([0; 32]);
        getrandom::fill(random.as_mut()).map_err(|e| anyhow::anyhow!("no randomness: {e}"))?;
        let text: Zeroizing<String> = Zeroizing::new(random.iter().map(|b| format!("{b:02x}")).collect());
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path).with_context(|| path.display().to_string())?;
        writeln!(file, "{}", *text)
            .and_then(|()| file.sync_all())
            .with_context(|| path.display().to_string())?;
    }
    let text = Zeroizing::new(std::fs::read_to_string(path).with_context(|| path.display().to_string())?);
    anyhow::ensure!(text.trim_end().len() >= 16, "{}: a key has 16 characters at least", path.display());
    Ok(text)
}

/// Calls `each` for every text file, in the order of their names.
fn for_each_text(folders: &[PathBuf], mut each: impl FnMut(&str)) -> anyhow::Result<()> {
    for folder in folders {
        let mut files = files(folder)?;
        files.sort();
        for path in files {
            let file = path.symlink_metadata().ok().filter(|m| m.is_file() && m.len() <= LARGEST);
            let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_uppercase();
            if file.is_none() || name.starts_with('.') || PUBLIC.iter().any(|p| name.starts_with(p)) {
                continue;
            }
            let bytes = std::fs::read(&path).with_context(|| path.display().to_string())?;
            // What is not UTF-8 or holds a zero byte is no text.
            if let (Ok(text), false) = (std::str::from_utf8(&bytes), bytes.contains(&0)) {
                each(text);
            }
        }
    }
    Ok(())
}

/// The files of a folder. In a work tree git itself says which it ignores: it alone knows all its rules.
fn files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let whole = folder.canonicalize().with_context(|| folder.display().to_string())?;
    if whole.is_file() {
        return Ok(vec![whole]);
    }
    if !whole.ancestors().any(|a| a.join(".git").exists()) {
        let mut found = Vec::new();
        walk(&whole, &mut found)?;
        return Ok(found);
    }
    let listed = std::process::Command::new("git")
        .arg("-C")
        .arg(&whole)
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .output()
        .context("git is needed to know what it ignores")?;
    anyhow::ensure!(listed.status.success(), "{}: git cannot list its files", folder.display());
    let names = String::from_utf8_lossy(&listed.stdout);
    Ok(names.split('\0').filter(|n| !n.is_empty()).map(|n| whole.join(n)).collect())
}

/// All files below a folder, without hidden folders and links.
fn walk(folder: &Path, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() && !entry.file_name().to_string_lossy().starts_with('.') {
            walk(&entry.path(), found)?;
        } else if kind.is_file() {
            found.push(entry.path());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use carnet_masking::{Detector, DetectorOptions, Fingerprints};

    use super::*;

    #[test]
    fn a_folder_becomes_a_file_that_masking_reads() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("src")).unwrap();
        let code = |n: u32| {
            (n..n + 60)
                .map(|i| format!("let total{i} = price{} * {i} + rate{}(\"{i}\");\n", i * 7, i % 5))
                .collect::<String>()
        };
        std::fs::write(at("src/a.rs"), code(100)).unwrap();
        std::fs::write(at("src/b.out"), code(900)).unwrap();
        std::fs::write(at("src/LICENSE.txt"), code(1700)).unwrap();
        std::fs::write(at("src/c.bin"), format!("\0{}", code(2500))).unwrap();
        std::fs::write(at("src/.gitignore"), "*.out\n").unwrap();
        let git = std::process::Command::new("git").arg("init").arg("-q").arg(at("src")).status().unwrap();
        assert!(git.success());
        let args = Args {
            folders: vec![at("src")],
            output: at("own.fp"),
            key: at("key"),
            ignore_names: false,
            except: Vec::new(),
        };
        run(&args).unwrap();
        let key = std::fs::read_to_string(at("key")).unwrap();
        let file = std::fs::read(at("own.fp")).unwrap();
        let set = Fingerprints::read(&file, key.trim_end().as_bytes(), "own", 50).unwrap();
        let detector =
            Detector::new(&DetectorOptions { fingerprints: vec![set], ..DetectorOptions::default() });
        let found = |text: &str| detector.scan(text).unwrap().iter().any(|f| f.rule == "fingerprint:own");
        assert!(found(&code(110)));
        assert!(!found(&code(900)) && !found(&code(1700)) && !found(&code(2500)));
        // The same key again, not another one.
        run(&args).unwrap();
        assert_eq!(std::fs::read_to_string(at("key")).unwrap(), key);
        assert_eq!(std::fs::read(at("own.fp")).unwrap(), file);
    }
}
