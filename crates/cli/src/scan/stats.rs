//! How much was inspected, how fast, and what was found how often.

use std::collections::BTreeMap;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use super::document::Found;

/// Sums over all texts.
#[derive(Default)]
pub(super) struct Stats {
    bytes: usize,
    cpu: Duration,
    texts: usize,
    pub(super) uninspected: usize,
    types: BTreeMap<String, usize>,
}

impl Stats {
    /// Runs the inspection of so many bytes and adds its CPU time: reading JSON and finding, not input and output.
    pub(super) fn time<T>(&mut self, bytes: usize, work: impl FnOnce() -> T) -> T {
        let start = cpu();
        let done = work();
        self.cpu += cpu().saturating_sub(start);
        self.bytes += bytes;
        done
    }

    /// Counts what was found in one text.
    pub(super) fn count(&mut self, found: &Found) {
        self.texts += 1;
        self.uninspected += usize::from(found.error.is_some());
        for f in &found.list {
            let (kind, subtype) = f.type_name();
            let name = match subtype {
                Some(s) => format!("{kind}/{}", s.to_ascii_lowercase()),
                None => kind.to_owned(),
            };
            *self.types.entry(name).or_default() += 1;
        }
    }

    /// Prints them.
    pub(super) fn print(&self, line: fn(&str)) {
        let seconds = self.cpu.as_secs_f64();
        let rate = if seconds > 0.0 { self.bytes as f64 / seconds / 1e6 } else { 0.0 };
        line(&format!("{:<32} {:>12}", "bytes", self.bytes));
        line(&format!("{:<32} {:>12}", "texts", self.texts));
        line(&format!("{:<32} {:>12.6}", "CPU seconds", seconds));
        line(&format!("{:<32} {:>12.1}", "MB/s of CPU time", rate));
        line(&format!("{:<32} {:>12}", "hits", self.types.values().sum::<usize>()));
        for (name, n) in &self.types {
            line(&format!("{name:<32} {n:>12}"));
        }
    }
}

/// CPU time of this thread.
fn cpu() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or(0))
}
