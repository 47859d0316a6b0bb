//! Durable records a second and CPU a record of the log at 16 and 64 waiters, beside what the disk's own group commit
//! gives for the same bytes. The two take turns of half a second, so that a noisy disk is noisy for both.
//! `cargo run --release -p carnet-store --example throughput -- DIR [ROUNDS] [log|raw] [WAITERS]`

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    missing_docs
)]

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use carnet_evidence::{Draft, Epochs, LeafType};
use carnet_store::{Disk, Entry, Keys, Ledger as _, Log, LogOptions, RealDisk};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

const ORIGIN: &str = "bench.example/acme/eu/1";
const TURN: Duration = Duration::from_millis(500);

/// CPU time of each kind of thread, in nanoseconds.
fn cpu() -> BTreeMap<String, u64> {
    let mut all = BTreeMap::new();
    for task in std::fs::read_dir("/proc/self/task").unwrap() {
        let task = task.unwrap().path();
        let Ok(name) = std::fs::read_to_string(task.join("comm")) else { continue };
        let Ok(stat) = std::fs::read_to_string(task.join("schedstat")) else { continue };
        let nanos: u64 = stat.split(' ').next().unwrap().parse().unwrap();
        *all.entry(name.trim().to_owned()).or_default() += nanos;
    }
    all
}

fn draft(ty: LeafType, gs: u8) -> Draft {
    let mut draft = Draft::new(ty, 1_800_000_000, [gs; 16], Epochs::default());
    draft.sd = (0..5).map(|i| [i; 32]).collect();
    draft
}

/// What the turns of one kind came to.
#[derive(Default)]
struct Sum {
    records: u64,
    batches: u64,
    wall: f64,
    cpu: BTreeMap<String, u64>,
    rates: Vec<f64>,
}

impl Sum {
    fn add(&mut self, records: u64, batches: u64, wall: f64, before: &BTreeMap<String, u64>) {
        self.records += records;
        self.batches += batches;
        self.wall += wall;
        self.rates.push(records as f64 / wall);
        for (name, nanos) in cpu() {
            *self.cpu.entry(name.clone()).or_default() += nanos - before.get(&name).copied().unwrap_or(0);
        }
    }

    fn rate(&self) -> f64 {
        self.records as f64 / self.wall
    }

    fn show(&self, name: &str) {
        if self.records == 0 {
            return;
        }
        let each = |nanos: u64| nanos as f64 / 1e3 / self.records as f64;
        let all = each(self.cpu.values().sum());
        let size = self.records as f64 / self.batches as f64;
        println!("{name:<16} {:>8.0} records/s {size:>6.1} a sync {all:>6.2} us CPU a record", self.rate());
        let threads: Vec<String> = self.cpu.iter().map(|(n, c)| format!("{n} {:.2}", each(*c))).collect();
        println!("    {}", threads.join(", "));
    }
}

type Gathered = Mutex<(Vec<oneshot::Sender<()>>, bool)>;

/// One thread writes and syncs whatever has gathered, to a file that is written over from its beginning.
struct Raw {
    gathered: Gathered,
    some: Condvar,
    batches: AtomicU64,
    path: PathBuf,
}

impl Raw {
    fn new(dir: &Path, waiters: usize, record: usize) -> Arc<Raw> {
        let path = dir.join("raw.bin");
        let file = OpenOptions::new().create(true).truncate(true).write(true).open(&path).unwrap();
        file.write_all_at(&vec![0; 64 << 20], 0).unwrap();
        file.sync_all().unwrap();
        let raw = Raw { gathered: Mutex::default(), some: Condvar::new(), batches: AtomicU64::new(0), path };
        let (raw, block) = (Arc::new(raw), vec![0x5a; record * waiters]);
        let shared = Arc::clone(&raw);
        let work = move || {
            let mut at = 0;
            loop {
                let mut gathered = shared.gathered.lock().unwrap();
                while gathered.0.is_empty() && !gathered.1 {
                    gathered = shared.some.wait(gathered).unwrap();
                }
                let batch = std::mem::take(&mut gathered.0);
                drop(gathered);
                if batch.is_empty() {
                    return;
                }
                file.write_all_at(&block[..record * batch.len()], at).unwrap();
                file.sync_data().unwrap();
                at = if at > 60 << 20 { 0 } else { at + (record * batch.len()) as u64 };
                shared.batches.fetch_add(1, Ordering::Relaxed);
                for tell in batch {
                    let _ = tell.send(());
                }
            }
        };
        std::thread::Builder::new().name("raw".to_owned()).spawn(work).unwrap();
        raw
    }

    fn turn(self: &Arc<Self>, runtime: &Runtime, waiters: u8, sum: &mut Sum) {
        let (began, before, batches) = (Instant::now(), cpu(), self.batches.load(Ordering::Relaxed));
        let mut tasks = Vec::new();
        for _ in 0..waiters {
            let raw = Arc::clone(self);
            tasks.push(runtime.spawn(async move {
                let mut n = 0;
                while began.elapsed() < TURN {
                    let (tell, told) = oneshot::channel();
                    raw.gathered.lock().unwrap().0.push(tell);
                    raw.some.notify_one();
                    told.await.unwrap();
                    n += 1;
                }
                n
            }));
        }
        let records = tasks.into_iter().map(|t| runtime.block_on(t).unwrap()).sum();
        let wall = began.elapsed().as_secs_f64();
        sum.add(records, self.batches.load(Ordering::Relaxed) - batches, wall, &before);
    }

    fn end(&self) {
        self.gathered.lock().unwrap().1 = true;
        self.some.notify_one();
        std::fs::remove_file(&self.path).unwrap();
    }
}

struct Subject {
    log: Arc<Log>,
    disk: Arc<dyn Disk>,
    keys: Keys,
    dir: PathBuf,
}

impl Subject {
    fn new(dir: &Path, waiters: u8, runtime: &Runtime) -> Subject {
        let dir = dir.join(format!("log-{waiters}"));
        let disk: Arc<dyn Disk> = Arc::new(RealDisk::new(&dir));
        let keys = Keys::open(Arc::clone(&disk), None).unwrap();
        let (log, _) = Log::open(Arc::clone(&disk), &LogOptions::new(ORIGIN), &keys).unwrap();
        let vkey = keys.signer(ORIGIN).unwrap().verifier().to_text();
        let genesis = Draft::genesis(1, [0; 16], Epochs::default(), &vkey, "eu", "configured");
        runtime.block_on(log.append(Entry::bare(genesis))).unwrap();
        let subject = Subject { log: Arc::new(log), disk, keys, dir };
        subject.quiet();
        subject
    }

    /// Until the tree is published and the next segment lies ready. Gives how far the checkpoint was behind.
    fn quiet(&self) -> Duration {
        let (began, mut behind) = (Instant::now(), None);
        loop {
            let m = self.log.metrics();
            if behind.is_none() && m.published > m.records.saturating_sub(1) {
                behind = Some(began.elapsed());
            }
            if let Some(behind) = behind.filter(|_| self.dir.join("log/spare.seg").exists()) {
                std::thread::sleep(Duration::from_millis(20));
                return behind;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// As a gateway's: a decision, then its outcome. Gives the bytes of a record and how far the tree was behind.
    fn turn(&self, runtime: &Runtime, waiters: u8, sum: &mut Sum) -> (usize, Duration) {
        let (began, before, m) = (Instant::now(), cpu(), self.log.metrics());
        let mut tasks = Vec::new();
        for gs in 1..=waiters {
            let log = Arc::clone(&self.log);
            tasks.push(runtime.spawn(async move {
                while began.elapsed() < TURN {
                    let at = log.append(Entry::bare(draft(LeafType::CallDecision, gs))).await.unwrap().index;
                    let outcome = Draft { of: Some(at), ..draft(LeafType::CallOutcome, gs) };
                    log.append(Entry::bare(outcome)).await.unwrap();
                }
            }));
        }
        tasks.into_iter().for_each(|t| runtime.block_on(t).unwrap());
        let wall = began.elapsed().as_secs_f64();
        let behind = self.quiet();
        let now = self.log.metrics();
        let records = now.records - m.records;
        sum.add(records, now.batches - m.batches, wall, &before);
        (usize::try_from((now.bytes - m.bytes) / records).unwrap(), behind)
    }

    fn end(self) {
        let began = Instant::now();
        self.log.close();
        let close = began.elapsed().as_secs_f64() * 1e3;
        drop(self.log);
        let began = Instant::now();
        let (log, found) = Log::open(self.disk, &LogOptions::new(ORIGIN), &self.keys).unwrap();
        println!(
            "    close {close:.0} ms, open again {:.1} ms at {} leaves, {} read",
            began.elapsed().as_secs_f64() * 1e3,
            found.size,
            found.scanned
        );
        drop(log);
    }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

fn main() {
    let mut args = std::env::args().skip(1);
    let dir = PathBuf::from(args.next().expect("a folder on the disk to measure"));
    let rounds = args.next().map_or(8, |s| s.parse().expect("rounds"));
    let only = args.next().unwrap_or_default();
    let waiters: Vec<u8> = args.next().map_or(vec![16, 64], |s| vec![s.parse().expect("waiters")]);
    // Removed only at the end: some file systems make files slowly when many were just removed.
    let dir = dir.join("throughput");
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).unwrap();
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(workers).thread_name("callers").enable_all().build().unwrap();
    for waiters in waiters {
        let subject = Subject::new(&dir, waiters, &runtime);
        // A first turn that does not count, and tells the bytes of a record.
        let (bytes, _) = subject.turn(&runtime, waiters, &mut Sum::default());
        let raw = Raw::new(&dir, usize::from(waiters), bytes);
        let (mut logs, mut raws, mut behind) = (Sum::default(), Sum::default(), Vec::new());
        for _ in 0..rounds {
            if only != "log" {
                raw.turn(&runtime, waiters, &mut raws);
            }
            if only != "raw" {
                behind.push(subject.turn(&runtime, waiters, &mut logs).1.as_secs_f64() * 1e3);
            }
        }
        raw.end();
        println!("{waiters} waiters, {bytes} bytes a record, {workers} workers");
        logs.show("log");
        raws.show("raw");
        let mut ratios: Vec<f64> = logs.rates.iter().zip(&raws.rates).map(|(l, r)| 100.0 * l / r).collect();
        println!(
            "    median {:.0} % of raw in the same second; checkpoint after the last record: median {:.0} ms",
            median(&mut ratios),
            median(&mut behind)
        );
        subject.end();
    }
    std::fs::remove_dir_all(dir).unwrap();
}
