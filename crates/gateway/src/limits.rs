//! Rates per principal and per tool, and calls at once. Beyond a limit the answer is 429 with `Retry-After`.

use std::hash::Hash;
use std::num::NonZeroU32;
use std::time::Duration;

use carnet_config::Rate;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

/// A rate that is exceeded: how long to wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TooMany {
    /// Until the next call would be accepted.
    pub retry_after: Duration,
}

/// A rate for each key.
pub struct Rates<K: Hash + Eq + Clone> {
    limiter: DefaultKeyedRateLimiter<K>,
    clock: DefaultClock,
}

impl<K: Hash + Eq + Clone> Rates<K> {
    /// A limiter for a configured rate.
    #[must_use]
    pub fn new(rate: Rate) -> Option<Self> {
        let per_call = rate.period.checked_div(rate.count)?;
        let quota = Quota::with_period(per_call)?.allow_burst(NonZeroU32::new(rate.burst)?);
        Some(Rates { limiter: RateLimiter::keyed(quota), clock: DefaultClock::default() })
    }

    /// Counts one call of a key.
    ///
    /// # Errors
    /// When the key has used up its rate.
    pub fn take(&self, key: &K) -> Result<(), TooMany> {
        self.limiter
            .check_key(key)
            .map_err(|not_until| TooMany { retry_after: not_until.wait_time_from(self.clock.now()) })
    }

    /// Forgets keys that are back at their full rate, so that memory follows the callers of now.
    pub fn forget_idle(&self) {
        self.limiter.retain_recent();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_burst_and_then_the_wait() {
        let rates = Rates::new(Rate { count: 1, period: Duration::from_secs(3600), burst: 2 }).unwrap();
        assert_eq!(rates.take(&"a"), Ok(()));
        assert_eq!(rates.take(&"a"), Ok(()));
        let wait = rates.take(&"a").unwrap_err().retry_after;
        assert!(wait > Duration::from_secs(3000), "{wait:?}");
        assert_eq!(rates.take(&"b"), Ok(()), "another key has its own rate");
    }
}
