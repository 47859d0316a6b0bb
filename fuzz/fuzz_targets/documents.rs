//! Documents that strangers made: reading one ends in its text or an error, and what is stripped can be stripped again.
#![no_main]

use carnet_documents::{Kind, Limits, strip, text};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits { bytes: 4 << 20, ratio: 100, parts: 1000 };
    if let Ok(read) = text(bytes, &limits) {
        assert!(read.text.len() <= limits.bytes * 2);
    }
    if let Ok(less) = strip(bytes) {
        assert_eq!(Kind::of(&less), Kind::of(bytes));
        assert_eq!(strip(&less).as_deref(), Ok(less.as_slice()));
    }
});
