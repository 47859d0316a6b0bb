//! How long a start takes after a kill under load. A child appends from 64 tasks until the log has so many leaves and
//! is then killed. `cargo run --release -p carnet-store --example restart -- DIR [LEAVES] [TIMES]`

#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::io::BufRead as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use carnet_evidence::{Draft, Epochs, LeafType};
use carnet_store::{Disk, Entry, Keys, Ledger as _, Log, LogOptions, RealDisk, Recovered};

const ORIGIN: &str = "bench.example/acme/eu/1";

fn open(dir: &Path) -> (Log, Recovered, Keys) {
    let disk: Arc<dyn Disk> = Arc::new(RealDisk::new(dir));
    let keys = Keys::open(Arc::clone(&disk), None).unwrap();
    let (log, found) = Log::open(disk, &LogOptions::new(ORIGIN), &keys).unwrap();
    (log, found, keys)
}

fn draft(ty: LeafType, gs: u8) -> Draft {
    let mut draft = Draft::new(ty, 1_800_000_000, [gs; 16], Epochs::default());
    draft.sd = (0..5).map(|i| [i; 32]).collect();
    draft
}

/// Appends until it is killed. Says when the log has so many leaves.
async fn load(dir: &Path, leaves: u64) {
    let (log, found, keys) = open(dir);
    let log = Arc::new(log);
    if found.size == 0 {
        let vkey = keys.signer(ORIGIN).unwrap().verifier().to_text();
        let genesis = Draft::genesis(1, [0; 16], Epochs::default(), &vkey, "eu", "configured");
        log.append(Entry::bare(genesis)).await.unwrap();
    }
    for (of, gs) in found.orphans {
        log.append(Entry::bare(Draft::orphan(1, gs, Epochs::default(), of, "crash"))).await.unwrap();
    }
    for gs in 1..=64 {
        let log = Arc::clone(&log);
        tokio::spawn(async move {
            loop {
                let at = log.append(Entry::bare(draft(LeafType::CallDecision, gs))).await.unwrap().index;
                let outcome = Draft { of: Some(at), ..draft(LeafType::CallOutcome, gs) };
                log.append(Entry::bare(outcome)).await.unwrap();
            }
        });
    }
    while log.metrics().records < leaves {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    println!("there");
    std::future::pending::<()>().await;
}

fn main() {
    let mut args = std::env::args().skip(1);
    let dir = args.next().expect("a folder on the disk to measure");
    let leaves: u64 = args.next().map_or(200_000, |n| n.parse().expect("leaves"));
    let times = args.next().unwrap_or_else(|| "3".to_owned());
    if times == "load" {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        return runtime.block_on(load(Path::new(&dir), leaves));
    }
    // Folders of their own, removed at the end: some file systems make files slowly when many were just removed.
    let all = Path::new(&dir).join("restart");
    let _ = std::fs::remove_dir_all(&all);
    for time in 0..times.parse::<u32>().expect("times") {
        let dir = all.join(time.to_string());
        let mut child = Command::new(std::env::current_exe().unwrap());
        let mut child =
            child.arg(&dir).arg(leaves.to_string()).arg("load").stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        std::io::BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        let began = Instant::now();
        let (log, found, _) = open(&dir);
        println!(
            "start {:.1} ms after a kill: {} leaves, {} read, torn {}",
            began.elapsed().as_secs_f64() * 1e3,
            found.size,
            found.scanned,
            found.torn
        );
        drop(log);
    }
    std::fs::remove_dir_all(all).unwrap();
}
