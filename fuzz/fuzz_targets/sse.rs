//! Any stream, cut anywhere: the same events, which survive encoding.
#![no_main]

use carnet_mcp::sse::{Decoder, Event};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((cut, stream)) = data.split_first() else { return };
    let whole = Decoder::new(4096).push(stream);
    let mut decoder = Decoder::new(4096);
    let step = usize::from(*cut).max(1);
    let parts: Result<Vec<_>, _> = stream.chunks(step).map(|c| decoder.push(c)).collect();
    assert_eq!(whole.is_ok(), parts.is_ok());
    let (Ok(whole), Ok(parts)) = (whole, parts) else { return };
    let parts: Vec<Event> = parts.into_iter().flatten().collect();
    assert_eq!(whole, parts);
    let again: Vec<u8> = whole.iter().flat_map(Event::to_bytes).collect();
    assert_eq!(Decoder::new(1 << 20).push(&again).unwrap(), whole);
});
