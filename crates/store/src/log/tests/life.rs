//! A log without faults: places, refusals of single records, short cut, lock, threads, keys.

use carnet_evidence::LeafType;
use carnet_evidence::seal::{Slot, SlotKey};

use super::*;
use crate::disk::RealDisk;
use crate::keys::KeyStore as _;
use crate::log::state::Placed;

#[test]
fn a_bad_record_is_refused_alone() {
    let mut log = Stepped::open(&FaultDisk::new()).unwrap();
    log.one(genesis(&log.vkey())).unwrap();
    let open = || Entry::bare(draft(LeafType::SessionOpen, 1));
    let answers = log.commit(vec![
        vec![open()],
        vec![open(), Entry::bare(outcome(1, 40))],
        vec![open()],
        vec![Entry { blobs: vec![vec![1]], ..open() }],
        vec![Entry::bare(draft(LeafType::SessionOpen, 1).text("why", &"x".repeat(70_000)))],
    ]);
    let places: Vec<_> =
        answers.iter().map(|a| a.as_ref().map(|r| (r[0].index, r[0].n)).map_err(Clone::clone)).collect();
    assert_eq!(places[0], Ok((1, 0)));
    assert_eq!(places[1], Err(StoreError::NotWaiting(40)));
    assert_eq!(places[2], Ok((2, 1)));
    assert_eq!(places[3], Err(StoreError::Blobs));
    assert!(places[4].is_err());
}

#[test]
fn one_outcome_for_one_decision() {
    let mut log = Stepped::open(&FaultDisk::new()).unwrap();
    log.one(genesis(&log.vkey())).unwrap();
    let decision = log.one(draft(LeafType::CallDecision, 1)).unwrap().index;
    let two = vec![vec![Entry::bare(outcome(1, decision))], vec![Entry::bare(outcome(1, decision))]];
    let answers = log.commit(two);
    assert!(answers[0].is_ok());
    assert_eq!(answers[1], Err(StoreError::NotWaiting(decision)));
}

#[test]
fn a_start_reads_only_what_came_after_the_short_cut() {
    let disk = FaultDisk::new();
    let mut log = Stepped::open(&disk).unwrap();
    log.one(genesis(&log.vkey())).unwrap();
    for _ in 0..600 {
        log.one(draft(LeafType::CallDecision, 1)).unwrap();
    }
    log.publish().unwrap();
    let late = log.one(draft(LeafType::CallDecision, 2)).unwrap();
    drop(log);
    let mut log = Stepped::open(&disk.after_kill()).unwrap();
    assert_eq!((log.recovered.scanned, log.recovered.size), (1, 602));
    assert_eq!(log.recovered.orphans.len(), 601);
    settle_and_check(&mut log, &[late]);
    // Without it, and without tiles, all is read, and the result is the same.
    drop(log);
    let disk = disk.after_kill();
    for path in ["log/state", "log/tile/0/002.p/89", "log/tile/1/000.p/2"] {
        disk.remove(path).unwrap();
    }
    let mut log = Stepped::open(&disk).unwrap();
    assert_eq!(log.recovered.scanned, 602);
    settle_and_check(&mut log, &[late]);
}

#[test]
fn a_log_that_lost_synced_records_is_not_opened() {
    let disk = FaultDisk::new();
    let mut log = Stepped::open(&disk).unwrap();
    log.one(genesis(&log.vkey())).unwrap();
    log.one(draft(LeafType::SessionOpen, 1)).unwrap();
    log.publish().unwrap();
    drop(log);
    let path = segments::name(0);
    let file = disk.open(&path, Mode::Write).unwrap();
    let len = file.len().unwrap();
    file.truncate(len - 1).unwrap();
    // With the short cut and without it.
    assert!(matches!(Stepped::open(&disk), Err(StoreError::Damaged { index: 2, .. })));
    disk.remove("log/state").unwrap();
    assert!(matches!(Stepped::open(&disk), Err(StoreError::Damaged { index: 1, .. })));
    assert_eq!(file.len().unwrap(), len - 1, "nothing was cut off");
}

fn open_real(dir: &std::path::Path, options: &LogOptions) -> Result<(Log, Recovered, Keys), StoreError> {
    let disk: Arc<dyn Disk> = Arc::new(RealDisk::new(dir));
    let keys = Keys::open(Arc::clone(&disk), None)?;
    let (log, recovered) = Log::open(disk, options, &keys)?;
    Ok((log, recovered, keys))
}

#[test]
fn one_writer_only() {
    let dir = tempfile::tempdir().unwrap();
    let (log, ..) = open_real(dir.path(), &options()).unwrap();
    assert!(matches!(open_real(dir.path(), &options()), Err(StoreError::Locked)));
    drop(log);
    open_real(dir.path(), &options()).unwrap();
}

#[test]
fn many_tasks_on_the_real_disk() {
    let dir = tempfile::tempdir().unwrap();
    let options =
        LogOptions { segment_bytes: 1 << 18, spare: true, queue_bytes: 8 << 10, ..LogOptions::new(ORIGIN) };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let (log, recovered, keys) = open_real(dir.path(), &options).unwrap();
    assert_eq!(recovered.size, 0);
    let log = Arc::new(log);
    let vkey = keys.signer(ORIGIN).unwrap().verifier().to_text();
    let mut receipts = runtime.block_on(async {
        let mut receipts = vec![log.append(Entry::bare(genesis(&vkey))).await.unwrap()];
        let mut tasks = Vec::new();
        for gs in 1..=32 {
            let log = Arc::clone(&log);
            tasks.push(tokio::spawn(async move {
                let mut mine = Vec::new();
                for _ in 0..25 {
                    let decision = log.append(Entry::bare(draft(LeafType::CallDecision, gs))).await.unwrap();
                    mine.push(decision);
                    mine.push(log.append(Entry::bare(outcome(gs, decision.index))).await.unwrap());
                }
                assert!(mine.iter().enumerate().all(|(n, r)| r.n == n as u64));
                mine
            }));
        }
        for task in tasks {
            receipts.extend(task.await.unwrap());
        }
        receipts
    });
    assert_eq!(log.metrics().records, receipts.len() as u64);
    log.close();
    assert_eq!(log.metrics().published, receipts.len() as u64);
    drop(log);
    receipts.sort_by_key(|r| r.index);
    assert!(receipts.iter().enumerate().all(|(i, r)| r.index == i as u64));
    let (_log, recovered, _) = open_real(dir.path(), &options).unwrap();
    assert_eq!((recovered.size, recovered.scanned), (receipts.len() as u64, 0));
    assert_eq!(recovered.orphans, Vec::new());
    let mut at = 0;
    let reader = crate::Reader::new(Arc::new(RealDisk::new(dir.path())));
    let read = |s: crate::Stored| {
        assert_eq!((s.index, s.leaf_hash), (receipts[at].index, receipts[at].leaf_hash));
        at += 1;
        Ok(true)
    };
    let mut read = read;
    assert_eq!(reader.read(0, &mut read).unwrap(), receipts.len() as u64);
}

/// Waits for a future on this thread, outside every runtime.
fn wait<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Unpark(std::thread::current())).into();
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut std::task::Context::from_waker(&waker)) {
            std::task::Poll::Ready(out) => return out,
            std::task::Poll::Pending => std::thread::park(),
        }
    }
}

#[test]
fn answers_reach_callers_of_any_runtime_and_of_none() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _, keys) = open_real(dir.path(), &options()).unwrap();
    let (log, vkey) = (Arc::new(log), keys.signer(ORIGIN).unwrap().verifier().to_text());
    wait(log.append(Entry::bare(genesis(&vkey)))).unwrap();
    let work = |gs: u8, log: Arc<Log>| async move {
        for _ in 0..20 {
            log.append(Entry::bare(draft(LeafType::CallDecision, gs))).await.unwrap();
        }
    };
    let callers = |from: u8| {
        let log = Arc::clone(&log);
        std::thread::spawn(move || {
            if from.is_multiple_of(3) {
                return wait(work(from, log));
            }
            // A runtime of its own, which ends when it is done.
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(async {
                let tasks: Vec<_> = (0..6).map(|i| tokio::spawn(work(from + i, Arc::clone(&log)))).collect();
                for task in tasks {
                    task.await.unwrap();
                }
            });
        })
    };
    let threads: Vec<_> = [10, 20, 30, 33, 40].into_iter().map(callers).collect();
    threads.into_iter().for_each(|t| t.join().unwrap());
    assert_eq!(log.metrics().records, 1 + 20 * (6 * 3 + 2));
}

#[test]
fn a_group_whose_runtime_ended_is_answered() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let handle = runtime.handle().clone();
    drop(runtime);
    let mut log = Stepped::open(&FaultDisk::new()).unwrap();
    log.one(genesis(&log.vkey())).unwrap();
    let (mut queue, mut told) = (Vec::new(), Vec::new());
    for gs in 1..=5 {
        let (tell, answer) = oneshot::channel();
        queue.push(Ask::One(Box::new(Entry::bare(draft(LeafType::SessionOpen, gs))), tell));
        told.push(answer);
    }
    log.writer.commit(&mut queue, Some(&handle));
    let places: Vec<u64> = told.iter_mut().map(|t| t.try_recv().unwrap().unwrap().index).collect();
    assert_eq!(places, [1, 2, 3, 4, 5]);
}

#[test]
fn a_segment_laid_out_is_made_once_and_taken_once() {
    let disk = FaultDisk::new();
    let spare = Spare::new(false);
    let make = |end: bool| spare.make(&disk, 4096, &AtomicBool::new(end));
    assert!(make(true).is_err() && spare.wanted());
    make(false).unwrap();
    assert!(!spare.wanted());
    let operations = disk.operations();
    make(false).unwrap();
    assert_eq!(disk.operations(), operations);
    assert_eq!(disk.open("log/spare.seg", Mode::Read).unwrap().len().unwrap(), 4096);
}

#[test]
fn a_tree_that_cannot_be_written_refuses_and_one_that_is_slow_is_waited_for() {
    let feed = Feed::new(3);
    feed.push(&[0; 4], &[], &[], (0, 0));
    assert_eq!(feed.full(std::time::Duration::ZERO), None);
    let placed = Placed::new(&draft(LeafType::Heartbeat, 0), 0, 0, [0; 32]);
    feed.push(&[0; 4], std::slice::from_ref(&(0..4)), &[placed], (0, 4));
    feed.stuck(true);
    let long = std::time::Duration::from_secs(3600);
    assert_eq!(feed.full(long), Some(1));
    feed.stuck(false);
    std::thread::scope(|s| {
        s.spawn(|| assert_eq!(feed.full(long), None));
        feed.take();
    });
}

#[test]
fn sealed_records_open_until_their_key_is_destroyed() {
    let disk = FaultDisk::new();
    let mut log = Stepped::open(&disk).unwrap();
    log.one(genesis(&log.vkey())).unwrap();
    let (key, wrapped) = log.keys.new_session().unwrap();
    let sealing = SlotKey::of(&[&key]);
    let blobs = [sealing.seal(ORIGIN, [9; 16], Slot::Disclosures, b"who".to_vec()).unwrap()];
    let mut open = draft(LeafType::SessionOpen, 1);
    open.bl = blobs.iter().map(|b| b.reference.clone()).collect();
    let entry =
        Entry { draft: open, blobs: blobs.into_iter().map(|b| b.bytes).collect(), keys: vec![wrapped] };
    log.commit(vec![vec![entry]]).remove(0).unwrap();
    let disk = disk.after_power_loss(3);
    let keys = Keys::open(Arc::new(disk.clone()), Some(&KEK)).unwrap();
    let read = || {
        let mut last = None;
        let reader = crate::Reader::new(Arc::new(disk.clone()));
        let mut keep = |s| {
            last = Some(s);
            Ok(true)
        };
        reader.read(1, &mut keep).unwrap();
        last.unwrap().unseal(ORIGIN, &keys).unwrap()
    };
    assert_eq!(read(), vec![Some(b"who".to_vec())]);
    assert_eq!(keys.destroy(&[key.id()]).unwrap(), 1);
    assert_eq!(keys.destroy(&[key.id()]).unwrap(), 0);
    assert_eq!(read(), vec![None]);
    assert!(Keys::open(Arc::new(disk.clone()), Some(&[8; 32])).is_err());
}
