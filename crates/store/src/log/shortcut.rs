//! The file `log/state`: the state at the size of a checkpoint, so that a start reads only what came after.
//!
//! It may be lost, torn or old: its check and its place in the segments are looked at, and without it the log is read
//! from the beginning. All numbers are little-endian.
//!
//! ```text
//!  8 "CARNETST"   8 size   8 first index of the segment   8 offset in it   8 sessions   8 decisions
//!  sessions:  16 gs, 8 next n, 32 hash of the last leaf
//!  decisions: 8 index, 16 gs
//!  32 leaf hash of all before
//! ```

use carnet_evidence::{Hash, leaf_hash};

use super::state::{State, Tail};

const MAGIC: [u8; 8] = *b"CARNETST";

/// The bytes of a state at a place (first index of the segment, offset after leaf `size - 1`).
pub(crate) fn write(state: &State, place: (u64, u64)) -> Vec<u8> {
    let mut out = Vec::with_capacity(80 + state.tails.len() * 56 + state.waiting.len() * 24);
    out.extend_from_slice(&MAGIC);
    let numbers = [state.size, place.0, place.1, state.tails.len() as u64, state.waiting.len() as u64]
        .map(u64::to_le_bytes);
    numbers.iter().for_each(|n| out.extend_from_slice(n));
    for (gs, tail) in &state.tails {
        out.extend_from_slice(gs);
        out.extend_from_slice(&tail.n.to_le_bytes());
        out.extend_from_slice(&tail.last);
    }
    for (index, gs) in &state.waiting {
        out.extend_from_slice(&index.to_le_bytes());
        out.extend_from_slice(gs);
    }
    let check = leaf_hash(&out);
    out.extend_from_slice(&check);
    out
}

/// Reads it back, `None` for anything but what [`write`] gives.
pub(crate) fn read(bytes: &[u8]) -> Option<(State, (u64, u64))> {
    let (body, check) = bytes.split_last_chunk::<32>()?;
    if leaf_hash(body) != *check {
        return None;
    }
    let mut rest = body;
    if take::<8>(&mut rest)? != MAGIC {
        return None;
    }
    let mut state = State::of_size(number(&mut rest)?);
    let place = (number(&mut rest)?, number(&mut rest)?);
    let (tails, waiting) = (number(&mut rest)?, number(&mut rest)?);
    for _ in 0..tails {
        let gs = take(&mut rest)?;
        let (n, last): (u64, Hash) = (number(&mut rest)?, take(&mut rest)?);
        state.tails.insert(gs, Tail { n, last });
    }
    for _ in 0..waiting {
        let index = number(&mut rest)?;
        state.waiting.insert(index, take(&mut rest)?);
    }
    rest.is_empty().then_some((state, place))
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, tail) = rest.split_first_chunk::<N>()?;
    *rest = tail;
    Some(*head)
}

fn number(rest: &mut &[u8]) -> Option<u64> {
    take(rest).map(u64::from_le_bytes)
}
