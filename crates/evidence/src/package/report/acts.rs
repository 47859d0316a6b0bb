//! Evidence about evidence: what operators did, what was changed, held, erased and exported; and approvals.

use super::table::{Cell, Table};
use crate::leaf::{Ext, LeafType};
use crate::package::manifest::Facts;
use crate::package::produce::{Given, Produce, Sink};
use crate::package::walk::Record;

const COLUMNS: &[&str] =
    &["record", "time", "type", "why", "of", "keys", "actor", "issuer", "authenticated", "stated", "detail"];

/// Types that are approvals.
const APPROVALS: &[&str] = &["approval.", "breakglass."];
/// Types that are acts: of operators, and of the gateway upon itself.
const ACTS: &[LeafType] = &[
    LeafType::AdminRead,
    LeafType::ExportMade,
    LeafType::ErasureRequest,
    LeafType::ErasureDone,
    LeafType::KeyDestroy,
    LeafType::HoldSet,
    LeafType::HoldRelease,
    LeafType::RestrictSet,
    LeafType::RestrictRelease,
    LeafType::PolicyActivate,
    LeafType::ConfigChange,
    LeafType::RetentionPrune,
    LeafType::WitnessChange,
    LeafType::PeriodClose,
    LeafType::GwStart,
    LeafType::GwStop,
    LeafType::Gap,
];

struct Acts {
    table: Table,
    wanted: fn(LeafType) -> bool,
}

pub(super) fn acts(_: &Facts) -> Box<dyn Produce> {
    let table = Table::new("acts", "What was done with the evidence and the gateway", COLUMNS);
    Box::new(Acts { table, wanted: |ty| ACTS.contains(&ty) })
}

pub(super) fn approvals(_: &Facts) -> Box<dyn Produce> {
    let table = Table::new("approvals", "Approvals", COLUMNS);
    Box::new(Acts { table, wanted: |ty| APPROVALS.iter().any(|p| ty.as_str().starts_with(p)) })
}

impl Produce for Acts {
    fn push(&mut self, record: &Record<'_>, out: &mut dyn Sink) {
        let draft = &record.leaf.draft;
        if !(self.wanted)(draft.ty) {
            return;
        }
        let event = record.event();
        let value = |v: &Ext| match v {
            Ext::Int(n) => n.to_string(),
            Ext::Text(text) => text.clone(),
        };
        let why = draft.ext.iter().find(|(k, _)| *k == "why").map(|(_, v)| value(v));
        let others = draft.ext.iter().filter(|(k, _)| *k != "why");
        let stated: Vec<String> = others.map(|(k, v)| format!("{k}={}", value(v))).collect();
        let actor = event.actor.as_ref();
        let detail = match record.closed() {
            Some(why) => Cell::from(why.as_str()),
            None => event.detail.clone().into(),
        };
        let row = [
            record.index.into(),
            event.time().into(),
            draft.ty.as_str().into(),
            why.into(),
            draft.of.into(),
            Cell::Number(draft.kr.len() as u64),
            actor.map(|a| a.subject.clone()).into(),
            actor.map(|a| a.issuer.clone()).into(),
            actor.map(|a| a.authenticated.clone()).into(),
            stated.into(),
            detail,
        ];
        self.table.row(&row, out);
    }

    fn finish(self: Box<Self>, _: &Given<'_>, out: &mut dyn Sink) {
        self.table.finish("", out);
    }
}
