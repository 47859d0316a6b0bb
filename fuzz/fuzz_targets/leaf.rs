//! Leaves: no bytes may panic, and what is accepted is written back the same.
#![no_main]

use carnet_evidence::Leaf;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(leaf) = Leaf::parse(bytes) {
        let again = leaf.draft.finish(leaf.n, leaf.ps.as_ref()).expect("an accepted leaf can be written");
        assert_eq!(again, bytes);
    }
});
