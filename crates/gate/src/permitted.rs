//! What a message becomes as it passes the phases. The fields are private: only the phase that grants a state makes it.

use carnet_model::Verdict;

use crate::shell::Receipt;

/// A message that the policy lets pass.
#[derive(Debug)]
pub struct Permitted<T> {
    message: T,
    verdict: Verdict,
}

impl<T> Permitted<T> {
    /// Made by `decide` alone.
    pub(crate) fn new(message: T, verdict: Verdict) -> Self {
        Permitted { message, verdict }
    }

    /// What was decided.
    #[must_use]
    pub fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// The message.
    #[must_use]
    pub fn get(&self) -> &T {
        &self.message
    }

    /// A later phase's form of the same message, under the same verdict.
    pub(crate) fn map<U>(self, f: impl FnOnce(T) -> U) -> Permitted<U> {
        Permitted { message: f(self.message), verdict: self.verdict }
    }

    /// As [`Permitted::map`], for a phase that can refuse.
    pub(crate) fn try_map<U, E>(self, f: impl FnOnce(T) -> Result<U, E>) -> Result<Permitted<U>, E> {
        Ok(Permitted { message: f(self.message)?, verdict: self.verdict })
    }

    /// Gives the message up.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.message
    }
}

/// A message whose record is durable.
#[derive(Debug)]
pub struct Recorded<T> {
    message: T,
    receipt: Receipt,
}

impl<T> Recorded<T> {
    /// Made by `record` alone, from the receipt of the log.
    pub(crate) fn new(message: T, receipt: Receipt) -> Self {
        Recorded { message, receipt }
    }

    /// Where the record stands in the log.
    #[must_use]
    pub fn receipt(&self) -> Receipt {
        self.receipt
    }

    /// The message.
    #[must_use]
    pub fn get(&self) -> &T {
        &self.message
    }

    /// The same record for another form of the same message.
    pub(crate) fn map<U>(self, f: impl FnOnce(T) -> U) -> Recorded<U> {
        Recorded { message: f(self.message), receipt: self.receipt }
    }

    /// Gives the message up, to be sent.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.message
    }
}
