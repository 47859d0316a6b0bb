//! Assertions that were used, for as long as they could be used again.

use std::collections::HashSet;

use crate::assertion::{LIFETIME, SKEW};

/// Most assertions remembered in one period; more are refused rather than forgotten.
const MOST: usize = 1 << 20;

/// Longer than any assertion is accepted.
const PERIOD: i64 = LIFETIME + 2 * SKEW;

/// What was used in this period and the one before.
#[derive(Debug, Default)]
pub struct Replays {
    current: HashSet<[u8; 16]>,
    previous: HashSet<[u8; 16]>,
    since: i64,
}

impl Replays {
    /// Notes a use at `now` (Unix seconds). `false` when it was used before, or when too many are remembered.
    pub fn first_use(&mut self, jti: [u8; 16], now: i64) -> bool {
        let age = now.saturating_sub(self.since);
        if age >= PERIOD {
            let turned = std::mem::take(&mut self.current);
            // After two periods even the newest has run out.
            self.previous = if age < 2 * PERIOD { turned } else { HashSet::new() };
            self.since = now;
        }
        if self.previous.contains(&jti) || self.current.len() >= MOST {
            return false;
        }
        self.current.insert(jti)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_use_is_remembered_as_long_as_it_could_be_repeated() {
        let mut replays = Replays::default();
        for begin in [0, 1_000_000] {
            for wait in 0..PERIOD {
                let mut jti = [0; 16];
                jti[..8].copy_from_slice(&(begin + wait).to_le_bytes());
                assert!(replays.first_use(jti, begin + wait), "{begin} {wait}");
                // Asked again at each later moment until it has run out.
                for later in [0, 1, PERIOD / 2, PERIOD - 1] {
                    assert!(!replays.first_use(jti, begin + wait + later), "{begin} {wait} {later}");
                }
            }
        }
    }

    #[test]
    fn a_clock_that_goes_back_forgets_nothing() {
        let mut replays = Replays::default();
        assert!(replays.first_use([1; 16], 1000));
        assert!(!replays.first_use([1; 16], 10));
    }
}
