//! The archive: what two programs could read differently is refused, each by its name; no flipped bit goes unseen.

use super::make::{Zipped, facts, faults, pack, produce_by, report, zip};
use crate::package::archive::{ArchiveError, Entry, directory, is_safe, local, read};
use crate::verify::Fault;

fn refused(bytes: Vec<u8>) -> &'static str {
    match Zipped::open(bytes) {
        Err(ArchiveError::Damage(fault, _)) => fault.as_str(),
        Err(ArchiveError::Io(why)) => panic!("{why}"),
        Ok(_) => "read",
    }
}

/// An archive of two files, written as told.
fn two(names: [&str; 2], change: impl Fn(&mut Vec<u8>, &mut Vec<Entry>)) -> Vec<u8> {
    let (mut out, mut entries) = (Vec::new(), Vec::new());
    for name in names {
        let entry =
            Entry { name: name.to_owned(), size: 3, crc: crc32fast::hash(b"abc"), at: out.len() as u64 };
        out.extend(local(&entry));
        out.extend_from_slice(b"abc");
        entries.push(entry);
    }
    change(&mut out, &mut entries);
    let at = out.len() as u64;
    out.extend(directory(&entries, at));
    out
}

#[test]
fn what_can_be_read_in_two_ways_is_not_read() {
    let sound = || two(["a", "b"], |_, _| {});
    assert_eq!(refused(sound()), "read");
    let at = sound().len();
    let patched = |from: usize, byte: u8| {
        let mut bytes = sound();
        bytes[from] = byte;
        bytes
    };
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("nothing", vec![], "archive-malformed"),
        ("a comment", [sound(), b"x".to_vec()].concat(), "archive-malformed"),
        ("something in front", [b"MZ".to_vec(), sound()].concat(), "archive-malformed"),
        ("a name twice", two(["a", "a"], |_, _| {}), "archive-name-twice"),
        ("two names on some systems", two(["a", "A"], |_, _| {}), "archive-name-twice"),
        ("a way up", two(["a", "../b"], |_, _| {}), "archive-unsafe-name"),
        ("from the root", two(["a", "/b"], |_, _| {}), "archive-unsafe-name"),
        ("a back slash", two(["a", "b\\c"], |_, _| {}), "archive-unsafe-name"),
        ("a gap", two(["a", "b"], |out, _| out.extend_from_slice(b"hidden")), "archive-gap"),
        ("one file over another", two(["a", "b"], |_, e| e[1].at = 0), "archive-gap"),
        ("one left out of the directory", two(["a", "b"], |_, e| drop(e.pop())), "archive-gap"),
        ("two sizes", two(["a", "b"], |_, e| e[1].size = 2), "archive-headers-differ"),
        ("another name in front", two(["a", "b"], |_, e| e[1].name = "c".into()), "archive-headers-differ"),
        ("compressed", patched(at - 22 - 47 + 10, 8), "archive-compressed"),
        ("encrypted", patched(at - 22 - 47 + 8, 1), "archive-headers-differ"),
        ("a bomb", two(["a", "b"], |_, e| e[1].size = u64::MAX - 4), "archive-headers-differ"),
        ("a larger directory than file", patched(at - 8, 0xff), "archive-malformed"),
    ];
    for (what, bytes, want) in cases {
        assert_eq!(refused(bytes), want, "{what}");
    }
}

#[test]
fn large_files_have_the_64_bit_form() {
    let entry = Entry { name: "log/leaves.jsonl".into(), size: 5 << 32, crc: 1, at: 6 << 32 };
    let directory = directory(std::slice::from_ref(&entry), 7 << 32);
    assert_eq!(local(&entry).len(), 30 + 16 + 20);
    assert_eq!(directory.len(), 46 + 16 + 28 + 56 + 20 + 22);
    assert!(is_safe("frames/frames.jsonl") && !is_safe("a//b") && !is_safe(".git/x") && !is_safe("a b"));
}

#[test]
fn a_wrong_crc_is_seen() {
    let files = pack(1).files();
    let mut bytes = zip(&files);
    let entries = read(&bytes).unwrap();
    let entry = &entries[0];
    let wrong = Entry { crc: entry.crc ^ 1, ..entry.clone() };
    bytes.splice(..local(entry).len(), local(&wrong));
    let mut all = entries.clone();
    all[0] = wrong;
    let at = entries.last().map(|e| e.at + local(e).len() as u64 + e.size).unwrap();
    bytes.truncate(at as usize);
    bytes.extend(directory(&all, at));
    assert_eq!(faults(&Zipped::open(bytes).unwrap()), ["archive-crc"]);
}

#[test]
fn a_folder_with_other_files_is_not_the_package() {
    let mut files = pack(1).files();
    files.0.insert("reports/other.json".into(), b"{}".to_vec());
    assert_eq!(faults(&files), ["file-unlisted"]);
    files.0.remove("reports/other.json");
    files.0.remove("withheld.jsonl");
    assert_eq!(faults(&files), ["file-missing"]);
}

/// One bit of every byte. What the archive lets through, the manifest finds: its signature covers every file.
#[test]
fn no_flipped_bit_of_a_package_goes_unseen() {
    // A small one: each byte costs a verification.
    let mut small = pack(1).files();
    let of_a_package = facts(&small);
    let producers = [("summary", 1), ("readme", 1)].map(|(name, n)| (name.to_owned(), n));
    produce_by(&mut small, of_a_package.from, of_a_package.to, producers.into());
    let sound = zip(&small);
    let key = crate::tests::log::signer();
    let options = crate::package::verify::Options { key: Some(key.verifier()), ..Default::default() };
    let mut by_archive = 0;
    for at in 0..sound.len() {
        let mut bytes = sound.clone();
        bytes[at] ^= 1 << (at % 8);
        match Zipped::open(bytes) {
            Err(_) => by_archive += 1,
            Ok(files) => assert!(crate::package::verify::files_differ(&files, &options), "byte {at}"),
        }
    }
    assert!(by_archive > 1000 && by_archive < sound.len());
    assert!(report(&Zipped::open(sound).unwrap(), None, None).holds());
    assert_eq!(Fault::ArchiveCrc.as_str(), "archive-crc");
}
