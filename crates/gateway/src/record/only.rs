//! The effects of records alone, for what a server or a page does without a call that goes on: everything but forwarding.

use std::sync::Arc;
use std::time::Duration;

use carnet_documents::Text;
use carnet_evidence::seal::{DataKey, KeyKind, NewKey};
use carnet_gate::{
    Analyzed, Answers, Deposit, Entry, Kept, Moment, NotAnalyzed, NotForwarded, NotRecorded, Permitted,
    Recall, Receipt, Recorded, Row, Shell, Unread,
};
use carnet_masking::{Report, StandInId};
use carnet_mcp::Message;
use carnet_model::{ClassNames, Sensitive};

use super::entropy;
use crate::gateway::{Gateway, now};

/// The effects of records alone: nothing is forwarded.
pub struct RecordOnly<'a>(pub &'a Gateway);

/// No answers: [`RecordOnly`] forwards nothing.
pub enum NoAnswers {}

impl Answers for NoAnswers {
    async fn next(&mut self) -> Option<Result<(Message, Option<String>), NotForwarded>> {
        match *self {}
    }

    fn status(&self) -> u16 {
        match *self {}
    }
}

impl Recall for RecordOnly<'_> {
    fn kept(&self, id: &StandInId) -> Vec<Kept> {
        self.0.kept(id)
    }

    fn value(&self, kept: &Kept) -> Option<Sensitive<String>> {
        self.0.value(kept)
    }

    fn keeps_nothing(&self) -> bool {
        self.0.recorder.vault.is_empty()
    }
}

impl Shell for RecordOnly<'_> {
    type Answers = NoAnswers;

    fn now(&self) -> Moment {
        now()
    }

    async fn pause(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    fn entropy(&self, out: &mut [u8]) {
        entropy(out);
    }

    async fn append(&self, entry: Entry) -> Result<Receipt, NotRecorded> {
        self.0.append(entry).await
    }

    fn subject_key(&self, label: [u8; 16]) -> Result<(DataKey, Option<NewKey>), NotRecorded> {
        self.0.recorder.key_of(KeyKind::Subject, label)
    }

    async fn keep(&self, deposits: Vec<Deposit>) -> Result<(), NotRecorded> {
        self.0.keep(deposits).await
    }

    async fn remember(&self, rows: Vec<Row>) -> Result<(), NotRecorded> {
        self.0.remember(rows).await
    }

    async fn read_document(&self, bytes: Vec<u8>) -> Result<Text, Unread> {
        crate::documents::read(bytes).await
    }

    async fn analyze(
        &self,
        analyzer: &str,
        texts: &[String],
    ) -> Result<Vec<Arc<Vec<Analyzed>>>, NotAnalyzed> {
        let runtime = self.0.runtime.load_full();
        runtime.analyzers.ask(analyzer, texts).await
    }

    fn masked(&self, report: &Report, classes: &ClassNames) {
        self.0.count_masked(report, classes);
    }

    fn drifted(&self, server: &str, what: &[&str]) {
        self.0.drifted(server, what);
    }

    fn unexpected(&self) {
        self.0.metrics.upstream_error("unexpected-response");
    }

    async fn forward(&self, _: Recorded<Permitted<Message>>) -> Result<NoAnswers, NotForwarded> {
        Err(NotForwarded::Upstream { reason: "nothing is forwarded here", status: 500 })
    }
}
