//! Which runs of tokens of a text are kept: of every [`WINDOW`] in a row the one with the smallest hash.

use super::tokens::{Identifiers, Token, each_token};
use super::{GRAM, WINDOW, sip};

/// A run of tokens that was kept.
pub(super) struct Kept {
    /// The hashes of its tokens.
    tokens: [u64; GRAM],
    /// Where it stands in the text.
    pub(super) start: u32,
    pub(super) end: u32,
}

impl Kept {
    /// Its fingerprint under a key: 40 bits. In a set of a million one of a million runs is in it by chance, and several
    /// have to be there.
    pub(super) fn fingerprint(&self, key: (u64, u64)) -> u64 {
        sip::hash(key, self.tokens.iter().copied()) >> 24
    }
}

/// Tokens remembered: those of a whole window. A power of two, so that an index is a mask.
const RING: usize = 32;
const _: () = assert!(RING >= GRAM + WINDOW);

const BASE: u64 = 0x9E37_79B9_7F4A_7C15;

/// BASE to the power of GRAM: what the oldest token of a run weighs when the next comes.
const fn weight() -> u64 {
    let (mut w, mut n) = (1u64, 0);
    while n < GRAM {
        w = w.wrapping_mul(BASE);
        n += 1;
    }
    w
}

struct Winnow {
    ring: [Token; RING],
    /// Tokens so far.
    seen: usize,
    /// The rolling hash of the last run.
    rolling: u64,
    /// Mixed hashes of the last runs; run n stands at n modulo RING.
    mixed: [u64; RING],
    /// The run that was kept last, plus one.
    last: usize,
}

/// Calls `each` for every run that is kept, in the order of the text.
pub(super) fn winnow(text: &str, names: Identifiers, mut each: impl FnMut(&Kept)) {
    let mut w = Winnow { ring: [Token::default(); RING], seen: 0, rolling: 0, mixed: [0; RING], last: 0 };
    each_token(text, names, |t| w.push(t, &mut each));
    // A text shorter than a window has one all the same.
    let runs = (w.seen + 1).saturating_sub(GRAM);
    if (1..WINDOW).contains(&runs) {
        w.keep(0, runs, &mut each);
    }
}

impl Winnow {
    fn token(&self, n: usize) -> Token {
        self.ring.get(n % RING).copied().unwrap_or_default()
    }

    fn push(&mut self, token: Token, each: &mut impl FnMut(&Kept)) {
        self.rolling = self.rolling.wrapping_mul(BASE).wrapping_add(token.hash);
        if self.seen >= GRAM {
            let oldest = self.token(self.seen - GRAM).hash;
            self.rolling = self.rolling.wrapping_sub(oldest.wrapping_mul(weight()));
        }
        if let Some(place) = self.ring.get_mut(self.seen % RING) {
            *place = token;
        }
        self.seen += 1;
        let Some(run) = self.seen.checked_sub(GRAM) else { return };
        if let Some(place) = self.mixed.get_mut(run % RING) {
            *place = mix(self.rolling);
        }
        if run + 1 >= WINDOW {
            self.keep(run + 1 - WINDOW, run + 1, each);
        }
    }

    /// Keeps the last of the smallest of these runs, unless it was kept before.
    fn keep(&mut self, from: usize, to: usize, each: &mut impl FnMut(&Kept)) {
        let at = |run: usize| self.mixed.get(run % RING).copied().unwrap_or(u64::MAX);
        let Some(best) = (from..to).rev().min_by_key(|run| at(*run)) else { return };
        if best < self.last {
            return;
        }
        self.last = best + 1;
        let mut tokens = [0; GRAM];
        for (i, t) in tokens.iter_mut().enumerate() {
            *t = self.token(best + i).hash;
        }
        each(&Kept { tokens, start: self.token(best).start, end: self.token(best + GRAM - 1).end });
    }
}

/// The finaliser of MurmurHash3: without it the smallest hash would be that of the smallest last token.
fn mix(mut h: u64) -> u64 {
    h ^= h >> 33;
    h = h.wrapping_mul(0xff51_afd7_ed55_8ccd);
    h ^= h >> 33;
    h = h.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    h ^ h >> 33
}
