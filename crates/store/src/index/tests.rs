//! The index against a real log: what it finds, and that it comes back whatever happens to its file.

use std::sync::Arc;

use carnet_evidence::seal::{Slot, SlotKey};
use carnet_evidence::{Disclosures, Draft, Epochs, LeafType};

use super::*;
use crate::{Disk, Entry, KeyStore as _, Keys, Ledger as _, Log, LogOptions, Reader, RealDisk};

const ORIGIN: &str = "gateway.example/acme/eu/1";

/// Asks that are told to a log and read back.
struct World {
    dir: tempfile::TempDir,
    disk: Arc<dyn Disk>,
    keys: Keys,
}

impl World {
    fn new() -> World {
        let dir = tempfile::tempdir().unwrap();
        let disk: Arc<dyn Disk> = Arc::new(RealDisk::new(dir.path()));
        let keys = Keys::open(Arc::clone(&disk), None).unwrap();
        World { dir, disk, keys }
    }

    fn index(&self) -> Index {
        Index::open(self.dir.path(), self.keys.mac().unwrap(), ORIGIN).unwrap()
    }

    fn reader(&self) -> Reader {
        Reader::new(Arc::clone(&self.disk))
    }

    fn append(&self, entries: Vec<Entry>) {
        let options = LogOptions { segment_bytes: 16 << 10, spare: false, ..LogOptions::new(ORIGIN) };
        let (log, _) = Log::open(Arc::clone(&self.disk), &options, &self.keys).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for entry in entries {
            runtime.block_on(log.append(entry)).unwrap();
        }
    }

    /// A session of one actor with calls to tools, with a key of its own.
    fn session(&self, gs: u8, actor: &str, first: u64, tools: &[&str]) -> Vec<Entry> {
        let (key, wrapped) = self.keys.new_session().unwrap();
        let (mut wrapped, sealing) = (Some(wrapped), SlotKey::of(&[&key]));
        let mut out = Vec::new();
        let mut seal = |mut draft: Draft, fields: &[(&str, String)]| {
            let mut n = u8::try_from(out.len()).unwrap();
            let mut fill = |b: &mut [u8]| {
                b.fill({
                    n += 1;
                    n
                })
            };
            let mut d = Disclosures::new(&mut fill);
            for (name, value) in fields {
                d.add(name, value.as_bytes());
            }
            let done = d.finish();
            draft.sd = done.digests;
            let slot = [u8::try_from(out.len()).unwrap(); 16];
            let blobs = [sealing.seal(ORIGIN, slot, Slot::Disclosures, done.encoded).unwrap()];
            draft.bl = blobs.iter().map(|b| b.reference.clone()).collect();
            out.push(Entry {
                draft,
                blobs: blobs.into_iter().map(|b| b.bytes).collect(),
                keys: wrapped.take().into_iter().collect(),
            });
        };
        let who = ("actor", format!(r#"{{"kind":"user","issuer":"https://idp","subject":"{actor}"}}"#));
        let server = ("server", r#""crm""#.to_owned());
        let t = 1_800_000_000 + u64::from(gs) * 1000;
        let draft = |ty, t| Draft::new(ty, t, [gs; 16], Epochs::default());
        seal(draft(LeafType::SessionOpen, t), &[who.clone(), server.clone()]);
        for (n, tool) in (0u64..).zip(tools) {
            let decision = ("decision", r#""permit""#.to_owned());
            let fields = [who.clone(), server.clone(), ("tool", format!("\"{tool}\"")), decision.clone()];
            seal(draft(LeafType::CallDecision, t + n), &fields);
            let mut outcome = draft(LeafType::CallOutcome, t + n);
            outcome.of = Some(first + 1 + 2 * n);
            seal(outcome, &[who.clone(), server.clone(), decision]);
        }
        out
    }

    fn filled() -> World {
        let world = World::new();
        let mut all = world.session(1, "ada", 0, &["read", "write"]);
        all.extend(world.session(2, "bob", 5, &["read"]));
        world.append(all);
        world
    }
}

fn found(index: &Index, query: &Query) -> Vec<u64> {
    index.find(query).unwrap().collect()
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn each_question_finds_its_records() {
    let world = World::filled();
    let mut index = world.index();
    assert_eq!(index.follow(&world.reader(), &world.keys).unwrap(), 8);
    let table: Vec<(Query, Vec<u64>)> = vec![
        (Query::default(), (0..8).collect()),
        (Query { actor: text("ada"), ..Query::default() }, vec![0, 1, 2, 3, 4]),
        (Query { actor: text("ada"), issuer: text("https://idp"), ..Query::default() }, vec![0, 1, 2, 3, 4]),
        (Query { actor: text("ada"), issuer: text("https://other"), ..Query::default() }, vec![]),
        (Query { actor: text("nobody"), ..Query::default() }, vec![]),
        // An outcome is found by the tool of its decision.
        (Query { tool: text("read"), ..Query::default() }, vec![1, 2, 6, 7]),
        (Query { tool: text("read"), actor: text("bob"), ..Query::default() }, vec![6, 7]),
        (Query { server: text("crm"), limit: Some(2), ..Query::default() }, vec![0, 1]),
        (Query { server: text("hr"), ..Query::default() }, vec![]),
        (Query { types: vec![LeafType::CallDecision], ..Query::default() }, vec![1, 3, 6]),
        (Query { types: vec![LeafType::HoldSet], ..Query::default() }, vec![]),
        (Query { decision: text("permit"), after: Some(3), ..Query::default() }, vec![3, 4, 6, 7]),
        (Query { from: Some(1_800_001_001), to: Some(1_800_002_000), ..Query::default() }, vec![3, 4]),
        (Query { session: Some([2; 16]), ..Query::default() }, vec![5, 6, 7]),
        (Query { session: Some([9; 16]), ..Query::default() }, vec![]),
    ];
    for (query, expected) in table {
        assert_eq!(found(&index, &query), expected, "{query:?}");
        if query.limit.is_none() {
            assert_eq!(index.count(&query).unwrap(), expected.len() as u64, "{query:?}");
        }
    }
    let rows = index.sessions(10).unwrap();
    assert_eq!(
        rows.iter().map(|r| (r.gs[0], r.first, r.last, r.calls, r.records)).collect::<Vec<_>>(),
        [(1, 0, 4, 2, 5), (2, 5, 7, 1, 3)]
    );
    assert_eq!(index.sessions(1).unwrap(), rows[1..]);
}

#[test]
fn it_follows_over_segments_and_takes_nothing_twice() {
    let world = World::new();
    let mut index = world.index();
    let mut next = 0;
    for gs in 1..30u8 {
        let entries = world.session(gs, "ada", next, &["read", "write", "list"]);
        next += entries.len() as u64;
        world.append(entries);
        assert_eq!(index.follow(&world.reader(), &world.keys).unwrap(), 7);
        assert_eq!(index.follow(&world.reader(), &world.keys).unwrap(), 0);
    }
    assert!(world.disk.list("log/segments").unwrap().len() > 3);
    assert_eq!(
        found(&index, &Query { actor: text("ada"), ..Query::default() }),
        (0..next).collect::<Vec<_>>()
    );
}

#[test]
fn a_lost_damaged_or_foreign_file_is_made_again() {
    let world = World::filled();
    let file = world.dir.path().join("index/index.db");
    let query = Query { tool: text("write"), ..Query::default() };
    for damage in ["none", "lost", "damaged", "empty"] {
        for end in ["-wal", "-shm"] {
            let _ = std::fs::remove_file(world.dir.path().join(format!("index/index.db{end}")));
        }
        match damage {
            "lost" => std::fs::remove_file(&file).unwrap(),
            "damaged" => std::fs::write(&file, vec![7u8; 9000]).unwrap(),
            "empty" => std::fs::write(&file, b"").unwrap(),
            _ => {}
        }
        let mut index = world.index();
        index.follow(&world.reader(), &world.keys).unwrap();
        assert_eq!(found(&index, &query), [3, 4], "{damage}");
    }
    // Of another cell: another MAC key, so nothing would be found.
    let other = World::new();
    std::fs::copy(&file, {
        std::fs::create_dir_all(other.dir.path().join("index")).unwrap();
        other.dir.path().join("index/index.db")
    })
    .unwrap();
    assert_eq!(other.index().place().unwrap(), Place::default());
}

#[test]
fn another_log_under_it_is_noticed() {
    let world = World::filled();
    world.index().follow(&world.reader(), &world.keys).unwrap();
    // The same keys, another log: as if the last records had been lost and others came in their place.
    std::fs::remove_dir_all(world.dir.path().join("log")).unwrap();
    world.append(world.session(7, "eve", 0, &["steal"]));
    let mut index = world.index();
    assert_eq!(index.follow(&world.reader(), &world.keys).unwrap(), 3);
    assert_eq!(found(&index, &Query { actor: text("ada"), ..Query::default() }), Vec::<u64>::new());
    assert_eq!(found(&index, &Query { actor: text("eve"), ..Query::default() }), [0, 1, 2]);
}

#[test]
fn nothing_in_it_can_be_read_and_a_destroyed_key_is_forgotten() {
    let world = World::filled();
    let mut index = world.index();
    index.follow(&world.reader(), &world.keys).unwrap();
    let key = index.session_row(&[1; 16]).unwrap().unwrap().key.unwrap();
    world.keys.destroy(&[key]).unwrap();
    index.forget(&key).unwrap();
    let ada = Query { actor: text("ada"), ..Query::default() };
    assert_eq!(found(&index, &ada), Vec::<u64>::new());
    assert_eq!(found(&index, &Query { session: Some([1; 16]), ..Query::default() }), [0, 1, 2, 3, 4]);
    drop(index);
    let mut all = std::fs::read(world.dir.path().join("index/index.db")).unwrap();
    all.extend(std::fs::read(world.dir.path().join("index/index.db-wal")).unwrap_or_default());
    for name in ["ada", "bob", "https://idp", "crm", "write"] {
        assert!(!all.windows(name.len()).any(|w| w == name.as_bytes()), "{name}");
    }
    // Made again, it knows no more.
    std::fs::remove_dir_all(world.dir.path().join("index")).unwrap();
    let mut index = world.index();
    index.follow(&world.reader(), &world.keys).unwrap();
    assert_eq!(found(&index, &ada), Vec::<u64>::new());
}

#[test]
fn what_is_pruned_is_gone() {
    let world = World::filled();
    let mut index = world.index();
    index.follow(&world.reader(), &world.keys).unwrap();
    index.prune(5).unwrap();
    assert_eq!(found(&index, &Query::default()), [5, 6, 7]);
    assert_eq!(index.sessions(10).unwrap().len(), 1);
    assert_eq!(index.follow(&world.reader(), &world.keys).unwrap(), 0);
}
