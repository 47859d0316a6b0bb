//! What crosses a tunnel besides HTTP: no bytes may panic, nothing unsigned is accepted, what is accepted is written back.
#![no_main]

use carnet_tunnel::{Announcement, Bundle, Call, CallKey, Checker, Exported, Hello, SigningKey};
use libfuzzer_sys::fuzz_target;

const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";

fuzz_target!(|bytes: &[u8]| {
    if let Ok(said) = Announcement::parse(bytes) {
        assert_eq!(Announcement::parse(&said.to_bytes()).as_ref(), Ok(&said));
    }
    if let Ok(hello) = Hello::parse(bytes) {
        assert_eq!(Hello::parse(&hello.to_bytes()).as_ref(), Ok(&hello));
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let key = SigningKey::from_pem(KEY).expect("a key").public();
    let call = Call { method: "POST", path: "/mcp/crm", headers: [0; 32] };
    let exported = Exported::from([7; 64]);
    assert!(Checker::new("front", "eu", key).check(text, &exported, 0).is_err());
    assert!(CallKey::new("front", "eu", &exported).check(text, &call, 0).is_err());
    if let Ok(bundle) = Bundle::parse(text) {
        assert!(bundle.open(&key).is_err());
        let _ = bundle.version();
    }
});
