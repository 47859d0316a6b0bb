//! Sessions: who, through what, with which server, from when to when, and what became of the calls.

use std::collections::BTreeMap;

use super::table::{Cell, Table};
use crate::leaf::{Ext, LeafType};
use crate::package::event::rfc3339;
use crate::package::manifest::Facts;
use crate::package::produce::{Given, Produce, Sink};
use crate::package::walk::Record;

const COLUMNS: &[&str] = &[
    "session",
    "opened",
    "closed",
    "closed_by",
    "actor",
    "issuer",
    "agent",
    "server",
    "records",
    "permitted",
    "denied",
    "withheld",
    "refused",
    "held",
    "masked_values",
];

/// A session that is not closed yet.
#[derive(Default)]
struct Session {
    opened: Option<u64>,
    actor: Option<(String, String)>,
    agent: Option<String>,
    server: Option<String>,
    records: u64,
    decisions: BTreeMap<String, u64>,
    masked: u64,
}

struct Sessions {
    table: Table,
    open: BTreeMap<[u8; 16], Session>,
}

pub(super) fn make(_: &Facts) -> Box<dyn Produce> {
    let table = Table::new("sessions", "Sessions", COLUMNS);
    Box::new(Sessions { table, open: BTreeMap::new() })
}

impl Session {
    fn add(&mut self, record: &Record<'_>) {
        let (event, draft) = (record.event(), &record.leaf.draft);
        self.records += 1;
        if draft.ty == LeafType::SessionOpen {
            self.opened = Some(draft.t);
        }
        if let Some(actor) = &event.actor {
            self.actor.get_or_insert_with(|| (actor.subject.clone(), actor.issuer.clone()));
        }
        if let Some(agent) = &event.agent {
            self.agent.get_or_insert_with(|| agent.subject.clone());
        }
        if let Some(server) = &event.server {
            self.server.get_or_insert_with(|| server.clone());
        }
        if draft.ty == LeafType::CallDecision {
            let decision = event.decision.clone().unwrap_or_else(|| "not disclosed".to_owned());
            *self.decisions.entry(decision).or_default() += 1;
        }
        self.masked += event.masking.iter().map(|(_, n)| n).sum::<u64>();
    }

    fn row(self, gs: &[u8; 16], closed: Option<(u64, Cell)>) -> Vec<Cell> {
        let time = |t: Option<u64>| Cell::from(t.map(|t| rfc3339(t * 1_000_000)));
        let n = |name: &str| Cell::Number(self.decisions.get(name).copied().unwrap_or(0));
        let (at, why) = closed.map_or((None, Cell::Nothing), |(t, why)| (Some(t), why));
        let numbers = [n("permit"), n("deny"), n("withhold"), n("refuse"), n("hold")];
        let (subject, issuer) = self.actor.unzip();
        let mut row: Vec<Cell> = vec![
            crate::text::b64url(gs).into(),
            time(self.opened),
            time(at),
            why,
            subject.into(),
            issuer.into(),
            self.agent.into(),
            self.server.into(),
            self.records.into(),
        ];
        row.extend(numbers);
        row.push(self.masked.into());
        row
    }
}

impl Produce for Sessions {
    fn push(&mut self, record: &Record<'_>, out: &mut dyn Sink) {
        let draft = &record.leaf.draft;
        let of_a_session = matches!(
            draft.ty,
            LeafType::SessionOpen | LeafType::CallDecision | LeafType::CallOutcome | LeafType::CallOrphan
        );
        if of_a_session {
            self.open.entry(draft.gs).or_default().add(record);
        } else if draft.ty == LeafType::SessionClose {
            let mut session = self.open.remove(&draft.gs).unwrap_or_default();
            session.records += 1;
            let why = draft.ext.iter().find_map(|(k, v)| match v {
                Ext::Text(text) if *k == "why" => Some(text.clone()),
                _ => None,
            });
            self.table.row(&session.row(&draft.gs, Some((draft.t, why.into()))), out);
        }
    }

    fn finish(mut self: Box<Self>, _: &Given<'_>, out: &mut dyn Sink) {
        for (gs, session) in std::mem::take(&mut self.open) {
            self.table.row(&session.row(&gs, None), out);
        }
        self.table.finish("Sessions that were not closed in the range come last.", out);
    }
}
