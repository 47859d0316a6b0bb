//! The threads of a log: the writer, the publisher, and one that lays out the next segment.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::publish::Publisher;
use super::queue::Queue;
use super::segments::Spare;
use super::writer::Writer;
use crate::disk::Disk;
use crate::error::{At as _, StoreError};

pub(super) fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StoreError> {
    std::thread::Builder::new().name(name.to_owned()).spawn(run).at("start thread", name)
}

/// Until the queue is closed and empty. Then the feed is closed.
pub(super) fn write(writer: &mut Writer, asks: &Queue) {
    let mut batch = Vec::new();
    while let Some((permits, callers)) = asks.take(&mut batch) {
        writer.commit(&mut batch, callers.runtime());
        asks.release(permits);
    }
    writer.feed.close();
}

/// Until the feed is closed. Publications begin `every` so often while there is something to publish.
pub(super) fn publish(publisher: &mut Publisher, every: Duration, layout: Option<&Layout>) {
    let mut took = Duration::ZERO;
    loop {
        let open = publisher.feed.wait(every.saturating_sub(took.min(every / 2)));
        let began = Instant::now();
        let done = publisher.publish(!open);
        publisher.feed.stuck(done.is_err());
        if let Err(e) = done {
            publisher.meters.publish_failures.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(error = %e, "tree and checkpoint do not follow");
            publisher.feed.wake();
        }
        took = began.elapsed();
        if !open {
            return;
        }
        layout.inspect(|l| l.look());
    }
}

/// The thread that lays out segments. Ends when this is dropped.
pub(super) struct Layout {
    spare: Arc<Spare>,
    end: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Layout {
    pub(super) fn new(disk: Arc<dyn Disk>, spare: Arc<Spare>, len: u64) -> Result<Self, StoreError> {
        let end = Arc::new(AtomicBool::new(false));
        let (theirs, until) = (Arc::clone(&spare), Arc::clone(&end));
        let work = move || {
            while !until.load(Ordering::Acquire) {
                // Without space there is none, and the segment grows as it is written.
                if let Err(e) = theirs.make(&*disk, len, &until) {
                    tracing::debug!(error = %e, "next segment is not laid out");
                }
                std::thread::park();
            }
        };
        Ok(Layout { spare, end, thread: Some(spawn("carnet-spare", work)?) })
    }

    /// Wakes the thread if there is something to do.
    fn look(&self) {
        if let Some(thread) = self.thread.as_ref().filter(|_| self.spare.wanted()) {
            thread.thread().unpark();
        }
    }
}

impl Drop for Layout {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // A panic there has been told; there is nothing else to do.
            drop(thread.join());
        }
    }
}
