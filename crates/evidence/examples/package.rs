//! What a package costs: makes one of N calls (two records each) in a folder, and verifies it. Prints time on one core, bytes a
//! record, and the memory of the verification, which does not grow with N:
//!
//!     cargo run --release -p carnet-evidence --example package -- make 50000 /tmp/package
//!     cargo run --release -p carnet-evidence --example package -- verify /tmp/package

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a measurement, not a program"
)]

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::time::Instant;

use carnet_evidence::checkpoint::Checkpoint;
use carnet_evidence::note::Signer;
use carnet_evidence::package::manifest::{Asked, Facts, Manifest, sign};
use carnet_evidence::package::produce::{Sink, current};
use carnet_evidence::package::verify::{Options, StateKind, verify};
use carnet_evidence::package::{
    CONSISTENCY, DISCLOSURES, END, ENVELOPE, FRAMES, FRONTIER, Files, LEAVES, MANIFEST, VKEY, WITHHELD,
    assemble, lines,
};
use carnet_evidence::tree::Frontier;
use carnet_evidence::verify::SourceError;
use carnet_evidence::{BlobRef, Disclosures, Draft, Epochs, Hash, LeafType, disclosure, field, leaf_hash};
use sha2::{Digest as _, Sha256};

const ORIGIN: &str = "bench.example/acme/eu/1";

struct Folder(PathBuf);

impl Files for Folder {
    fn names(&self) -> Result<Vec<String>, SourceError> {
        let (mut names, mut folders) = (Vec::new(), vec![String::new()]);
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(self.0.join(&folder)).unwrap() {
                let entry = entry.unwrap();
                let name = format!("{folder}{}", entry.file_name().to_str().unwrap());
                if entry.path().is_dir() { folders.push(format!("{name}/")) } else { names.push(name) }
            }
        }
        Ok(names)
    }
    fn open<'s>(&'s self, name: &str) -> Result<Option<Box<dyn BufRead + 's>>, SourceError> {
        let file = File::open(self.0.join(name)).ok();
        Ok(file.map(|f| Box::new(BufReader::with_capacity(1 << 18, f)) as Box<dyn BufRead>))
    }
}

impl Folder {
    fn put(&self, name: &str, bytes: &[u8]) {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    fn stream(&self, name: &str) -> BufWriter<File> {
        self.put(name, b"");
        BufWriter::new(OpenOptions::new().append(true).open(self.0.join(name)).unwrap())
    }
}

impl Sink for Folder {
    fn write(&mut self, file: &str, bytes: &[u8]) {
        let path = self.0.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        OpenOptions::new().create(true).append(true).open(path).unwrap().write_all(bytes).unwrap();
    }
}

/// Kilobytes that the process had in memory at most.
fn memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

struct Maker {
    streams: [BufWriter<File>; 3],
    tree: Frontier,
    last: BTreeMap<[u8; 16], (u64, Hash)>,
    frame: String,
    seed: u64,
    raw: u64,
}

impl Maker {
    fn add(&mut self, mut draft: Draft, message: bool) -> u64 {
        let index = self.tree.size();
        let mut line = Vec::new();
        if message {
            let seed = &mut self.seed;
            let mut entropy = |out: &mut [u8]| {
                for b in out {
                    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    *b = (*seed >> 56) as u8;
                }
            };
            let mut d = Disclosures::new(&mut entropy);
            d.add(field::ACTOR, br#"{"kind":"user","issuer":"https://idp.example","subject":"ada","groups":["analysts","dpo"],"authenticated":"jwt"}"#);
            d.add_str(field::SERVER, "crm");
            d.add_u64(field::TIME, 1_790_000_000_000_000);
            d.add_str(field::METHOD, "tools/call");
            d.add_str(field::TOOL, "find_customer");
            d.add_str(field::DECISION, "permit");
            d.add(field::POLICIES, br#"["analysts-read"]"#);
            d.add_bytes(field::ARGUMENTS_MAC, &[7; 32]);
            d.add_u64(field::SIZES, 512);
            d.add(
                field::RESIDENCY,
                br#"{"known":"asserted","processing":"de","recipient":"de","storage":"de"}"#,
            );
            d.add(field::MASKING, br#"{"email":1}"#);
            d.add_bytes(field::FRAME, &Sha256::digest(&self.frame));
            let done = d.finish();
            draft.sd = done.digests;
            let blob = |kind| BlobRef {
                h: [1; 32],
                k: format!("AAAAAAAAAAAAAAAAAAAAAA/BBBBBBBBBBBBBBBBBBBBBB/{kind}"),
            };
            draft.bl = vec![blob("d"), blob("f")];
            let encoded = disclosure::split(&done.encoded).unwrap();
            // What the same facts are as a plain line of JSON, without salts and digests.
            self.raw += encoded
                .iter()
                .map(|e| disclosure::decode(e).unwrap())
                .map(|d| d.name.len() + d.value.len() + 4)
                .sum::<usize>() as u64;
            self.raw += self.frame.len() as u64;
            lines::disclosures(&mut line, index, encoded.iter().map(Vec::as_slice));
            self.streams[1].write_all(&line).unwrap();
            line.clear();
            lines::frame(&mut line, index, &self.frame);
            self.streams[2].write_all(&line).unwrap();
            line.clear();
        }
        let last = self.last.get(&draft.gs).copied();
        let n = last.map_or(0, |(n, _)| n + 1);
        let leaf = draft.finish(n, last.as_ref().map(|(_, h)| h)).unwrap();
        let hash = leaf_hash(&leaf);
        self.last.insert(draft.gs, (n, hash));
        lines::leaf(&mut line, index, &hash, &leaf);
        self.streams[0].write_all(&line).unwrap();
        self.tree.push(hash);
        index
    }
}

fn make(calls: u64, mut folder: Folder) {
    let signer = Signer::new(ORIGIN, &[1; 32]).unwrap();
    let states = StateKind::ALL.map(|kind| (kind, format!("{kind:?}").into_bytes()));
    let hash = |i: usize| <[u8; 32]>::from(Sha256::digest(&states[i].1));
    let ep = Epochs { policy: hash(0), configuration: hash(1), build: hash(2), jurisdiction: hash(3) };
    for (kind, bytes) in &states {
        folder.put(&kind.file(&Sha256::digest(bytes).into()), bytes);
    }
    let streams = [LEAVES, DISCLOSURES, FRAMES].map(|name| folder.stream(name));
    folder.put(WITHHELD, b"");
    let frame = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"text":"{}"}}}}"#,
        "lorem ".repeat(60)
    );
    let mut m = Maker { streams, tree: Frontier::new(), last: BTreeMap::new(), frame, seed: 1, raw: 0 };
    let (t, run, gs) = (1_790_000_000, [1; 16], [2; 16]);
    m.add(Draft::genesis(t, run, ep, &signer.verifier().to_text(), "de", "configured"), false);
    m.add(Draft::session_open(t, gs, ep), false);
    for _ in 0..calls {
        let of = m.add(Draft::new(LeafType::CallDecision, t, gs, ep), true);
        m.add(Draft { of: Some(of), ..Draft::new(LeafType::CallOutcome, t, gs, ep) }, true);
    }
    for stream in &mut m.streams {
        stream.flush().unwrap();
    }
    let (to, raw) = (m.tree.size(), m.raw);
    folder.put(END, Checkpoint::new(ORIGIN, to, m.tree.root()).sign(&signer).unwrap().to_text().as_bytes());
    folder.put(FRONTIER, lines::frontier(&Frontier::new()).as_bytes());
    folder.put(CONSISTENCY, lines::consistency(0, to, &[]).as_bytes());
    folder.put(VKEY, signer.verifier().to_text().as_bytes());
    let key = signer.verifier().to_text();
    let (asked, producers) = (Asked::default(), current(&[]));
    let mut facts =
        Facts { origin: ORIGIN.into(), key, from: 0, to, asked, counts: BTreeMap::new(), producers };
    let began = Instant::now();
    let source = Folder(folder.0.clone());
    facts.counts = assemble::produce(&source, &facts, &mut folder, &mut |_| {}).unwrap();
    println!("reports of {to} records: {:.2} s", began.elapsed().as_secs_f64());
    let (mut subjects, mut bytes) = (BTreeMap::new(), 0);
    for name in folder.names().unwrap() {
        let content = fs::read(folder.0.join(&name)).unwrap();
        bytes += content.len() as u64;
        subjects.insert(name, Sha256::digest(&content).into());
    }
    let manifest = Manifest { facts, subjects }.to_json();
    folder.put(ENVELOPE, sign(manifest.as_bytes(), &signer).as_bytes());
    folder.put(MANIFEST, manifest.as_bytes());
    println!("{} bytes a record in the package, {} as plain JSON lines", bytes / to, raw / to);
}

fn check(folder: &Path) {
    let began = Instant::now();
    let signer = Signer::new(ORIGIN, &[1; 32]).unwrap();
    let options = Options { key: Some(signer.verifier()), ..Options::default() };
    let report = verify(&Folder(folder.to_owned()), &options, None).unwrap();
    assert!(report.holds(), "{}", report.to_text());
    let seconds = began.elapsed().as_secs_f64();
    println!("verified {} records in {seconds:.2} s, {} kB in memory at most", report.leaves, memory());
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[1..] {
        ["make", calls, folder] => make(calls.parse().unwrap(), Folder(folder.into())),
        ["verify", folder] => check(Path::new(folder)),
        _ => panic!("make CALLS FOLDER, or verify FOLDER"),
    }
}
