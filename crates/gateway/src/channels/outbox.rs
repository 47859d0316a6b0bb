//! Messages that still have to be sent, durable in the store's table: what a crash interrupts is sent again (a receiver may
//! see a message twice, with the same name), what fails is tried again after longer and longer pauses, and what fails too
//! often becomes a dead letter that people see and may send again.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use carnet_store::{StoreError, Table};
use serde::{Deserialize, Serialize};

use super::notice::Notice;

const OUT: &str = "out/";
const DEAD: &str = "dead/";
/// Messages that may wait at once; beyond, the oldest waiting notice is no use to anybody.
const MOST: usize = 20_000;
/// Dead letters that are kept.
const MOST_DEAD: usize = 1000;
/// The pauses, in units of the first.
const PAUSES: [u32; 8] = [1, 6, 24, 120, 720, 2160, 5760, 17_280];

/// A message that waits, or will wait no more.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct Letter {
    /// The channel.
    pub(crate) channel: String,
    /// One of its recipients, where it has several.
    pub(crate) to: Option<String>,
    /// What it says.
    pub(crate) notice: Notice,
    /// How often it was tried.
    pub(crate) tries: u32,
    /// When it is tried next, Unix milliseconds.
    pub(crate) next: u64,
    /// Why it failed at last.
    pub(crate) error: Option<String>,
}

/// What waits, by number.
pub(crate) struct Outbox {
    table: Arc<Table>,
    next: AtomicU64,
    /// When each is tried next, Unix milliseconds.
    waiting: Mutex<BTreeMap<u64, u64>>,
}

impl Outbox {
    /// Of a table.
    pub(crate) fn new(table: Arc<Table>) -> Outbox {
        let last = |with: &str| table.starting(with).iter().filter_map(|(name, _)| number(name)).max();
        let next = last(OUT).max(last(DEAD)).map_or(0, |n| n + 1);
        let outbox = Outbox { next: AtomicU64::new(next), waiting: Mutex::default(), table };
        let waiting = outbox.read(OUT).into_iter().map(|(number, letter)| (number, letter.next));
        outbox.waiting().extend(waiting.collect::<Vec<_>>());
        outbox
    }

    fn waiting(&self) -> MutexGuard<'_, BTreeMap<u64, u64>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes letters, and a note beside them. Durable when it returns; it waits for the disk.
    pub(crate) fn post(&self, letters: &[Letter], note: (&str, &[u8])) -> Result<(), StoreError> {
        if self.waiting().len().saturating_add(letters.len()) > MOST {
            return Err(StoreError::Full);
        }
        let mut rows = Vec::new();
        for letter in letters {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let value = serde_json::to_vec(letter).map_err(|_| StoreError::TooLarge)?;
            rows.push((number, letter.next, row(OUT, number), value));
        }
        let mut all: Vec<(&str, &[u8])> =
            rows.iter().map(|(_, _, name, v)| (name.as_str(), v.as_slice())).collect();
        all.push(note);
        self.table.put_all(&all)?;
        self.waiting().extend(rows.iter().map(|(number, next, ..)| (*number, *next)));
        Ok(())
    }

    fn write(&self, area: &str, number: u64, letter: &Letter) -> Result<(), StoreError> {
        let value = serde_json::to_vec(letter).map_err(|_| StoreError::TooLarge)?;
        self.table.put(&row(area, number), &value)?;
        if area == OUT {
            self.waiting().insert(number, letter.next);
        }
        Ok(())
    }

    fn read(&self, area: &str) -> Vec<(u64, Letter)> {
        let rows = self.table.starting(area);
        let letter = |(name, value): &(String, zeroize::Zeroizing<Vec<u8>>)| {
            Some((number(name)?, serde_json::from_slice(value).ok()?))
        };
        rows.iter().filter_map(letter).collect()
    }

    /// What is to be tried now, so many at most, and when the next is.
    pub(crate) fn due(&self, now: u64, most: usize) -> (Vec<(u64, Letter)>, Option<u64>) {
        let (numbers, next) = {
            let waiting = self.waiting();
            let due = waiting.iter().filter(|(_, at)| **at <= now).map(|(number, _)| *number);
            let next = waiting.values().filter(|at| **at > now).min().copied();
            (due.take(most).collect::<Vec<_>>(), next)
        };
        let letter = |number: u64| {
            let value = self.table.get(&row(OUT, number))?;
            Some((number, serde_json::from_slice(&value).ok()?))
        };
        (numbers.into_iter().filter_map(letter).collect(), next)
    }

    /// It was sent, or is of no use any more.
    pub(crate) fn done(&self, number: u64) -> Result<(), StoreError> {
        self.table.remove(&row(OUT, number))?;
        self.waiting().remove(&number);
        Ok(())
    }

    /// It failed: it is tried again later, or is dead.
    pub(crate) fn failed(
        &self,
        number: u64,
        mut letter: Letter,
        failure: &Failure,
        rules: &Rules,
        now: u64,
    ) -> Result<(), StoreError> {
        letter.tries += 1;
        letter.error = Some(failure.why.clone());
        if !failure.again || letter.tries >= rules.attempts {
            tracing::error!(channel = %letter.channel, tries = letter.tries, error = %failure.why, "a message is a dead letter");
            self.write(DEAD, number, &letter)?;
            self.forget_oldest()?;
            return self.done(number);
        }
        let step =
            usize::try_from(letter.tries.saturating_sub(1)).unwrap_or(usize::MAX).min(PAUSES.len() - 1);
        let pause = rules.first.saturating_mul(PAUSES.get(step).copied().unwrap_or(1));
        let pause = pause.max(failure.not_before.unwrap_or_default().min(Duration::from_secs(3600)));
        letter.next =
            now.saturating_add(u64::try_from(pause.mul_f64(rules.jitter).as_millis()).unwrap_or(u64::MAX));
        tracing::warn!(channel = %letter.channel, tries = letter.tries, error = %failure.why, "a message was not sent");
        self.write(OUT, number, &letter)
    }

    fn forget_oldest(&self) -> Result<(), StoreError> {
        let dead = self.table.starting(DEAD);
        let surplus = dead.len().saturating_sub(MOST_DEAD);
        dead.iter().take(surplus).try_for_each(|(name, _)| self.table.remove(name))
    }

    /// Dead letters, oldest first.
    pub(crate) fn dead(&self) -> Vec<(u64, Letter)> {
        self.read(DEAD)
    }

    /// Sends a dead letter again.
    pub(crate) fn revive(&self, number: u64) -> Result<bool, StoreError> {
        let found = self.dead().into_iter().find(|(n, _)| *n == number);
        let Some((_, mut letter)) = found else { return Ok(false) };
        (letter.tries, letter.next) = (0, 0);
        self.write(OUT, number, &letter)?;
        self.table.remove(&row(DEAD, number))?;
        Ok(true)
    }
}

fn row(area: &str, number: u64) -> String {
    format!("{area}{number:020}")
}

fn number(name: &str) -> Option<u64> {
    name.rsplit('/').next()?.parse().ok()
}

/// How often and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// The first pause.
    pub(crate) first: Duration,
    /// Tries in all.
    pub(crate) attempts: u32,
    /// A random factor about 1, so that all who were turned away do not come back at once.
    pub(crate) jitter: f64,
}

/// Why a letter was not sent. Holds no content and no secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Failure {
    /// In words.
    pub(crate) why: String,
    /// Whether another try could help.
    pub(crate) again: bool,
    /// Not before, as the other side said.
    pub(crate) not_before: Option<Duration>,
}

impl Failure {
    /// One that another try could help.
    pub(crate) fn later(why: impl Into<String>) -> Failure {
        Failure { why: why.into(), again: true, not_before: None }
    }

    /// One that no other try helps.
    pub(crate) fn never(why: impl Into<String>) -> Failure {
        Failure { why: why.into(), again: false, not_before: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use carnet_approvals::{Digest, Id};
    use carnet_store::{Disk, Keys, RealDisk};

    fn table(dir: &std::path::Path) -> Arc<Table> {
        let disk: Arc<dyn Disk> = Arc::new(RealDisk::new(dir));
        let keys = Keys::open(Arc::clone(&disk), None).unwrap();
        Arc::new(Table::open(disk, keys).unwrap())
    }

    fn letter(channel: &str) -> Letter {
        let notice = Notice {
            name: "requested-1".into(),
            occasion: "requested".into(),
            id: Id([1; 16]),
            digest: Digest([2; 32]),
            link: None,
            at: 0,
            state: "pending".into(),
            by_chat: false,
            view: None,
        };
        Letter { channel: channel.into(), to: None, notice, tries: 0, next: 0, error: None }
    }

    #[test]
    fn what_fails_comes_again_later_and_dies_at_last() {
        let dir = tempfile::tempdir().unwrap();
        let rules = Rules { first: Duration::from_secs(5), attempts: 4, jitter: 1.0 };
        let outbox = Outbox::new(table(dir.path()));
        outbox.post(&[letter("a"), letter("b")], ("told/1", b"")).unwrap();
        let (mut now, mut pauses) = (0, Vec::new());
        outbox.done(1).unwrap();
        loop {
            let (due, next) = outbox.due(now, 9);
            let Some((number, letter)) = due.into_iter().next() else {
                let Some(next) = next else { break };
                pauses.push(next - now);
                now = next;
                continue;
            };
            outbox.failed(number, letter, &Failure::later("503"), &rules, now).unwrap();
        }
        assert_eq!(pauses, [5_000, 30_000, 120_000]);
        drop(outbox);
        let outbox = Outbox::new(table(dir.path()));
        let dead = outbox.dead();
        assert_eq!(dead.len(), 1, "dead letters outlive the process");
        assert_eq!((dead[0].0, dead[0].1.tries, dead[0].1.error.as_deref()), (0, 4, Some("503")));
        assert!(!outbox.revive(7).unwrap());
        assert!(outbox.revive(0).unwrap());
        assert_eq!((outbox.dead().len(), outbox.due(0, 9).0.len()), (0, 1));
    }

    #[test]
    fn what_cannot_help_is_not_tried_again_and_what_is_asked_for_is_waited() {
        let dir = tempfile::tempdir().unwrap();
        let rules = Rules { first: Duration::from_secs(1), attempts: 9, jitter: 1.0 };
        let outbox = Outbox::new(table(dir.path()));
        outbox.post(&[letter("a"), letter("b")], ("told/1", b"")).unwrap();
        let (due, _) = outbox.due(0, 9);
        outbox.failed(0, due[0].1.clone(), &Failure::never("410"), &rules, 0).unwrap();
        let busy = Failure { not_before: Some(Duration::from_secs(90)), ..Failure::later("429") };
        outbox.failed(1, due[1].1.clone(), &busy, &rules, 0).unwrap();
        assert_eq!(outbox.dead().len(), 1);
        assert_eq!(outbox.due(0, 9).1, Some(90_000));
        outbox.post(&[letter("c")], ("told/2", b"")).unwrap();
        assert_eq!(outbox.due(0, 9).0.first().map(|(n, _)| *n), Some(2), "numbers are not used twice");
    }
}
