//! An export that is cut off goes on where it was, and ends with the bytes of one that was not.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use carnet_evidence::disclosure::Disclosures;
use carnet_evidence::leaf::BlobRef;
use carnet_evidence::{Draft, Epochs};
use sha2::{Digest as _, Sha256};

use super::*;
use crate::log::{Entry, Log, LogOptions};
use crate::{Keys, Ledger as _, RealDisk};

const ORIGIN: &str = "gateway.example/acme/eu/1";
/// More than lie between two notes of a spool.
const RECORDS: u64 = 2_000;

/// A record with disclosures. They are not sealed: `open` gives them back as they are.
fn record(i: u64) -> Entry {
    let mut n = i as u8;
    let mut entropy = |out: &mut [u8]| {
        for b in out {
            n = n.wrapping_mul(31).wrapping_add(7);
            *b = n;
        }
    };
    let mut d = Disclosures::new(&mut entropy);
    d.add_str(field::SERVER, if i.is_multiple_of(2) { "crm" } else { "erp" });
    let done = d.finish();
    let mut draft = Draft::new(LeafType::AdminRead, 1_800_000_000 + i, [1; 16], Epochs::default());
    draft.sd = done.digests;
    let h = Sha256::digest(&done.encoded).into();
    draft.bl = vec![BlobRef { h, k: format!("AAAAAAAAAAAAAAAAAAAAAA/{i:022}/d") }];
    Entry { draft, blobs: vec![done.encoded], keys: Vec::new() }
}

fn log(folder: &Path) -> Signer {
    let disk: Arc<dyn Disk> = Arc::new(RealDisk::new(folder));
    let keys = Keys::open(Arc::clone(&disk), Some(&[7; 32])).unwrap();
    let (log, _) = Log::open(disk, &LogOptions::new(ORIGIN), &keys).unwrap();
    let signer = keys.signer(ORIGIN).unwrap();
    let vkey = signer.verifier().to_text();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let genesis = Draft::genesis(1_800_000_000, [0; 16], Epochs::default(), &vkey, "eu", "configured");
        log.append(Entry::bare(genesis)).await.unwrap();
        for from in (0..RECORDS).step_by(500) {
            log.append_all((from..from + 500).map(record).collect()).await.unwrap();
        }
    });
    log.close();
    signer
}

fn export(folder: &Path, signer: &Signer, to: &Path, open: &Open<'_>) -> Result<(Done, Vec<u8>), StoreError> {
    let disk: Arc<dyn Disk> = Arc::new(RealDisk::new(folder));
    let filter = Filter { server: Some("crm".to_owned()), ..Filter::default() };
    let export = Export { disk, signer, open, filter, exports: vec!["ocsf".to_owned()] };
    let mut out = Vec::new();
    let done = export.write(to, &mut out, &mut |_, _, _| {})?;
    Ok((done, out))
}

#[test]
fn what_was_cut_off_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let signer = log(&folder.path().join("data"));
    let data = folder.path().join("data");
    let opened = AtomicU64::new(0);
    let open = |_: &str, bytes: &[u8]| {
        opened.fetch_add(1, Ordering::Relaxed);
        Ok(bytes.to_vec())
    };
    let (done, whole) = export(&data, &signer, &folder.path().join("a"), &open).unwrap();
    assert_eq!(opened.swap(0, Ordering::Relaxed), RECORDS);
    assert_eq!((done.facts.counts["disclosed"], done.facts.counts["withheld"]), (RECORDS / 2, RECORDS / 2));

    // The process dies in the middle of a record behind the first note.
    let dies = |reference: &str, bytes: &[u8]| {
        assert!(!reference.contains("0000001400/"), "the process dies here");
        Ok(bytes.to_vec())
    };
    let to = folder.path().join("b");
    assert!(catch_unwind(AssertUnwindSafe(|| export(&data, &signer, &to, &dies))).is_err());
    let (_, resumed) = export(&data, &signer, &to, &open).unwrap();
    let again = opened.load(Ordering::Relaxed);
    assert!(again < RECORDS * 3 / 4, "{again} records were opened again");
    assert!(whole == resumed, "another package");
}

#[test]
fn a_person_is_named_by_a_key_and_their_records_are_shown() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let signer = log(&data);
    let disk: Arc<dyn Disk> = Arc::new(RealDisk::new(&data));
    let open = |_: &str, bytes: &[u8]| Ok(bytes.to_vec());
    let about = About { key: "person".to_owned(), records: BTreeSet::from([3, 5]) };
    let filter = Filter { subject: Some(about), ..Filter::default() };
    let export = Export { disk, signer: &signer, open: &open, filter, exports: Vec::new() };
    let mut shown = Vec::new();
    let given = export.records(&mut |record| {
        if record.closed().is_none() && !record.disclosed.is_empty() {
            shown.push(record.index);
        }
        Ok(())
    });
    assert_eq!(given.unwrap(), RECORDS + 1);
    assert_eq!(shown, [3, 5]);
}
