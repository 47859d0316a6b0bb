//! The figures of a log with a million records: appended with disclosures, encryption and tree as a gateway does, followed by
//! the index, searched, exported, verified. Needs about 6 GB of disk while it runs, 13 where all of it is exported. Each line says how
//! much memory that part has taken at most.
//!
//!     cargo run --release -p carnet-store --example million -- DIR [RECORDS [EXPORTED]]

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    missing_docs
)]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use carnet_evidence::package::Files;
use carnet_evidence::package::archive;
use carnet_evidence::package::lines::Why;
use carnet_evidence::package::verify::{Options, verify};
use carnet_evidence::seal::{DataKey, KeyKind, KeyRef, NewKey, Slot, SlotKey};
use carnet_evidence::verify::SourceError;
use carnet_evidence::{Disclosures, Draft, Epochs, LeafType, field};
use carnet_store::export::{Export, Filter};
use carnet_store::{
    Disk, Entry, Index, KeyStore as _, Keys, Ledger as _, Log, LogOptions, Query, Reader, RealDisk,
    StoreError, keep_state,
};
use sha2::{Digest as _, Sha256};

const ORIGIN: &str = "bench.example/acme/eu/1";
const T0: u64 = 1_790_000_000;
/// At once, as callers of a gateway.
const CALLERS: u64 = 64;
/// Records that are exported, unless another number is given.
const EXPORTED: u64 = 100_000;

/// CPU of this process in seconds, all threads: its own, and the system's for it.
fn cpu() -> [f64; 2] {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    [11, 12].map(|n| fields[n].parse::<f64>().unwrap() / 100.0)
}

struct Timed(Instant, [f64; 2]);

/// Megabytes that the process had in memory at most since the last [`Timed::now`].
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() >> 10
}

impl Timed {
    fn now() -> Timed {
        // Peak memory counts from here on.
        let _ = std::fs::write("/proc/self/clear_refs", "5");
        Timed(Instant::now(), cpu())
    }
    fn took(&self) -> (f64, f64) {
        let [own, system] = self.parts();
        (self.0.elapsed().as_secs_f64(), own + system)
    }
    fn parts(&self) -> [f64; 2] {
        let ([own, system], now) = (self.1, cpu());
        [now[0] - own, now[1] - system]
    }
}

/// Splitmix: entropy of a measurement, not of a program.
struct Cheap(u64);

impl Cheap {
    fn fill(&mut self, out: &mut [u8]) {
        for chunk in out.chunks_mut(8) {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.0;
            z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
            chunk.copy_from_slice(&(z ^ z >> 31).to_le_bytes()[..chunk.len()]);
        }
    }
}

struct Caller {
    gs: [u8; 16],
    who: String,
    session: DataKey,
    actor: DataKey,
    new: Vec<NewKey>,
    cheap: Cheap,
}

/// One record; also how long its facts and frame are as a plain line of JSON.
fn record(caller: &mut Caller, ty: LeafType, of: Option<u64>, t: u64, epochs: Epochs) -> (Entry, u64) {
    let tool = if t.is_multiple_of(7) { "delete_customer" } else { "find_customer" };
    let frame = format!(
        r#"{{"jsonrpc":"2.0","id":{t},"method":"tools/call","params":{{"name":"{tool}","arguments":{{"text":"{}"}}}}}}"#,
        "lorem ipsum ".repeat(25)
    );
    let actor = format!(
        r#"{{"kind":"user","issuer":"https://idp.example","subject":"{}","groups":["analysts"],"authenticated":"jwt"}}"#,
        caller.who
    );
    let mut draft = Draft { of, ..Draft::new(ty, t, caller.gs, epochs) };
    let time = t.to_string() + "000000";
    let digest: [u8; 32] = Sha256::digest(&frame).into();
    let facts: [(&str, &str); 9] = [
        (field::ACTOR, &actor),
        (field::SERVER, "\"crm\""),
        (field::TIME, &time),
        (field::METHOD, "\"tools/call\""),
        (field::DECISION, "\"permit\""),
        (field::POLICIES, r#"["analysts-read"]"#),
        (field::SIZES, "512"),
        (field::MASKING, r#"{"email":1}"#),
        (field::RESIDENCY, r#"{"known":"asserted","processing":"de","recipient":"de","storage":"de"}"#),
    ];
    let mut fill = |out: &mut [u8]| caller.cheap.fill(out);
    let mut d = Disclosures::new(&mut fill);
    facts.iter().for_each(|(name, value)| d.add(name, value.as_bytes()));
    if ty == LeafType::CallDecision {
        d.add_str(field::TOOL, tool);
    }
    d.add_bytes(field::ARGUMENTS_MAC, &digest);
    d.add_bytes(field::FRAME, &digest);
    let done = d.finish();
    draft.sd = done.digests;
    let raw = facts.iter().map(|(n, v)| n.len() + v.len() + 4).sum::<usize>() + frame.len() + 60;
    let mut slot = [0; 16];
    caller.cheap.fill(&mut slot);
    let key = SlotKey::of(&[&caller.session, &caller.actor]);
    let sealed = [
        key.seal(ORIGIN, slot, Slot::Disclosures, done.encoded).unwrap(),
        key.seal(ORIGIN, slot, Slot::Frames, frame.into_bytes()).unwrap(),
    ];
    let (bl, blobs) = sealed.into_iter().map(|s| (s.reference, s.bytes)).unzip();
    draft.bl = bl;
    (Entry { draft, blobs, keys: std::mem::take(&mut caller.new) }, raw as u64)
}

/// Appends records from `CALLERS` at once; gives the bytes as plain lines.
fn append(log: &Arc<Log>, keys: &Keys, records: u64, t: u64, epochs: Epochs, round: u64) -> u64 {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut tasks = Vec::new();
    for n in 0..CALLERS {
        let (session, first) = keys.new_session().unwrap();
        let mut label = [0; 16];
        label[0] = u8::try_from(n).unwrap();
        let (actor, second) = keys.of(KeyKind::Actor, label).unwrap();
        let mut gs = [0; 16];
        Cheap(n + 1000 * round).fill(&mut gs);
        let new = [first].into_iter().chain(second).collect();
        let who = format!("user{n}");
        let mut caller = Caller { gs, who, session, actor, new, cheap: Cheap(n << 32 | round) };
        let log = Arc::clone(log);
        tasks.push(runtime.spawn(async move {
            let mut raw = 0;
            for i in 0..records / CALLERS / 2 {
                // A thousand records are of one second.
                let t = t + 2 * i * CALLERS / 1000;
                let (entry, more) = record(&mut caller, LeafType::CallDecision, None, t, epochs);
                let of = log.append(entry).await.unwrap().index;
                let (entry, and) = record(&mut caller, LeafType::CallOutcome, Some(of), t, epochs);
                log.append(entry).await.unwrap();
                raw += more + and;
            }
            raw
        }));
    }
    tasks.into_iter().map(|task| runtime.block_on(task).unwrap()).sum()
}

fn size(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap());
    entries
        .map(|e| {
            let meta = e.metadata().unwrap();
            if meta.is_dir() { size(&e.path()) } else { std::os::unix::fs::MetadataExt::blocks(&meta) * 512 }
        })
        .sum()
}

struct Whole(File);

impl archive::ReadAt for Whole {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }
    fn read_at(&self, at: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(out, at)
    }
}

/// A package as a file.
struct Archive(Whole, BTreeMap<String, archive::Entry>);

/// One file in it.
struct Part<'a>(&'a File, u64, u64);

impl Read for Part<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.2).unwrap().min(out.len());
        let n = self.0.read_at(&mut out[..most], self.1)?;
        self.1 += n as u64;
        self.2 -= n as u64;
        Ok(n)
    }
}

impl Files for Archive {
    fn names(&self) -> Result<Vec<String>, SourceError> {
        Ok(self.1.keys().cloned().collect())
    }
    fn open<'s>(&'s self, name: &str) -> Result<Option<Box<dyn BufRead + 's>>, SourceError> {
        let Some(entry) = self.1.get(name) else { return Ok(None) };
        let at = entry.at + archive::local(entry).len() as u64;
        Ok(Some(Box::new(BufReader::with_capacity(1 << 18, Part(&self.0.0, at, entry.size)))))
    }
}

fn export(disk: &Arc<dyn Disk>, keys: &Keys, from: u64, dir: &Path) {
    let signer = keys.signer(ORIGIN).unwrap();
    let open = |reference: &str, bytes: &[u8]| {
        let at = KeyRef::parse(reference).map_err(|_| Why::KeyMissing)?;
        let clear: Result<_, StoreError> = at.open(ORIGIN, bytes.to_vec(), &mut |id| keys.key(id));
        clear.map_err(|_| Why::KeyMissing)?.ok_or(Why::Erased)
    };
    let filter = Filter { from: Some(from), ..Filter::default() };
    let export = Export { disk: Arc::clone(disk), signer: &signer, open: &open, filter, exports: Vec::new() };
    let (began, path) = (Timed::now(), dir.join("package"));
    let mut out = BufWriter::new(File::create(&path).unwrap());
    let done = export.write(&dir.join("parts"), &mut out, &mut |_, _, _| {}).unwrap();
    out.flush().unwrap();
    let (wall, used) = began.took();
    let records = done.facts.to - done.facts.from;
    println!(
        "export of {records} records: {wall:.1} s, {used:.1} s CPU, {} bytes a record, {} MB of memory",
        done.bytes / records,
        memory()
    );
    let file = Whole(File::open(path).unwrap());
    let entries = archive::read(&file).unwrap();
    let files = Archive(file, entries.into_iter().map(|e| (e.name.clone(), e)).collect());
    let began = Timed::now();
    let options = Options { key: Some(signer.verifier()), ..Options::default() };
    let report = verify(&files, &options, None).unwrap();
    let (wall, used) = began.took();
    assert!(report.holds(), "{}", report.to_text());
    println!(
        "verification of them (without deciding again): {wall:.1} s, {used:.1} s CPU, {} MB of memory",
        memory()
    );
}

fn search(index: &Index) {
    let queries = [
        ("a person", Query { actor: Some("user7".to_owned()), limit: Some(100), ..Query::default() }),
        ("a tool", Query { tool: Some("delete_customer".to_owned()), limit: Some(100), ..Query::default() }),
        ("a minute", Query { from: Some(T0 + 300), to: Some(T0 + 301), ..Query::default() }),
        (
            "a person and a tool",
            Query {
                actor: Some("user7".to_owned()),
                tool: Some("delete_customer".to_owned()),
                ..Query::default()
            },
        ),
    ];
    for (what, query) in queries {
        let began = Instant::now();
        let found = index.find(&query).unwrap().count();
        println!("search by {what}: {found} found in {:.1} ms", began.elapsed().as_secs_f64() * 1e3);
    }
}

fn main() {
    let mut args = std::env::args().skip(1);
    let dir = PathBuf::from(args.next().expect("a folder on the disk to measure")).join("million");
    let all: u64 = args.next().map_or(1_000_000, |n| n.parse().expect("records"));
    let exported: u64 = args.next().map_or(EXPORTED, |n| n.parse().expect("records")).min(all);
    let _ = std::fs::remove_dir_all(&dir);
    let disk: Arc<dyn Disk> = Arc::new(RealDisk::new(&dir));
    let keys = Keys::open(Arc::clone(&disk), None).unwrap();
    let texts = ["policies", "configuration", "build", "jurisdictions"];
    keep_state(&*disk, &texts.map(str::as_bytes)).unwrap();
    let hash = |i: usize| <[u8; 32]>::from(Sha256::digest(texts[i]));
    let epochs = Epochs { policy: hash(0), configuration: hash(1), build: hash(2), jurisdiction: hash(3) };
    let open = || Arc::new(Log::open(Arc::clone(&disk), &LogOptions::new(ORIGIN), &keys).unwrap().0);
    let began = Timed::now();
    let log = open();
    let vkey = keys.signer(ORIGIN).unwrap().verifier().to_text();
    let genesis = Draft::genesis(T0, [9; 16], epochs, &vkey, "eu", "configured");
    tokio::runtime::Runtime::new().unwrap().block_on(log.append(Entry::bare(genesis))).unwrap();
    let first = all - exported;
    let mut raw = append(&log, &keys, first, T0, epochs, 1);
    log.close();
    drop(log);
    let log = open();
    let later = T0 + first / 1000 + 10;
    raw += append(&log, &keys, exported, later, epochs, 2);
    log.close();
    let records = log.metrics().published;
    drop(log);
    let ((wall, used), [own, system]) = (began.took(), began.parts());
    let each = |used: f64| used * 1e6 / records as f64;
    println!(
        "{records} records: {:.0} records/s with {CALLERS} callers, {:.1} us CPU a record ({:.1} its own, {:.1} the system's), {} MB \
         of memory",
        records as f64 / wall,
        each(used),
        each(own),
        each(system),
        memory()
    );
    let (log, segments) = (size(&dir.join("log")), size(&dir.join("log/segments")));
    println!(
        "on disk: {} bytes a record, {} of them segments; {} as plain JSON lines",
        log / records,
        segments / records,
        raw / records
    );
    let began = Timed::now();
    let mut index = Index::open(&dir, keys.mac().unwrap(), ORIGIN).unwrap();
    index.follow(&Reader::new(Arc::clone(&disk)), &keys).unwrap();
    let (wall, used) = began.took();
    println!(
        "index from nothing: {wall:.0} s, {:.1} us CPU a record, {} bytes a record",
        used * 1e6 / records as f64,
        size(&dir.join("index")) / records
    );
    search(&index);
    export(&disk, &keys, later, &dir);
    std::fs::remove_dir_all(dir).unwrap();
}
