//! Answers on their way back. Each wakes a task; woken one by one from the writer's thread, the first of them takes the
//! processor from the writer, runs, finds nothing more to do and sleeps, and so on for each. So the answers of a group
//! travel as one task of the runtime that waits for them, and are given out there.

use tokio::runtime::Handle;
use tokio::sync::oneshot::Sender;

use super::Receipt;
use super::writer::Ask;
use crate::error::StoreError;

/// Fewer are told directly: a task costs as much as two wake-ups.
const FEW: usize = 3;

/// One answer and who waits for it. The entries that were asked for are freed where the answer is told.
enum Answer {
    One(
        Sender<Result<Receipt, StoreError>>,
        Receipt,
        #[expect(dead_code, reason = "freed later")] Box<super::Entry>,
    ),
    Many(
        Sender<Result<Vec<Receipt>, StoreError>>,
        Vec<Receipt>,
        #[expect(dead_code, reason = "freed later")] Vec<super::Entry>,
    ),
}

/// Answers of a group. Told when dropped, so that none is lost with a runtime that ends.
#[derive(Default)]
pub(super) struct Answers(Vec<Answer>);

impl Answers {
    /// Gives each ask its part of the receipts.
    pub(super) fn new(asks: Vec<Ask>, mut receipts: impl Iterator<Item = Receipt>) -> Self {
        let mut out = Vec::with_capacity(asks.len());
        for ask in asks {
            match ask {
                Ask::One(entry, tell) => {
                    out.extend(receipts.next().map(|receipt| Answer::One(tell, receipt, entry)));
                }
                Ask::Many(entries, tell) => {
                    let receipts = receipts.by_ref().take(entries.len()).collect();
                    out.push(Answer::Many(tell, receipts, entries));
                }
            }
        }
        Answers(out)
    }

    /// Tells them on the runtime of those who wait, if it is one and known.
    pub(super) fn tell(self, on: Option<&Handle>) {
        if let Some(runtime) = on.filter(|_| self.0.len() >= FEW) {
            runtime.spawn(async move { drop(self) });
        }
    }
}

impl Drop for Answers {
    fn drop(&mut self) {
        for answer in self.0.drain(..) {
            // Who does not wait any more is not told.
            match answer {
                Answer::One(tell, receipt, _) => drop(tell.send(Ok(receipt))),
                Answer::Many(tell, receipts, _) => drop(tell.send(Ok(receipts))),
            }
        }
    }
}
