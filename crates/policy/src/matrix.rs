//! Who may do what, as a table to commit and to compare.

use std::fmt::Write as _;

use carnet_model::{Action, Decided, Resource};

use crate::context::Context;
use crate::principal::PrincipalKey;
use crate::set::{PolicySet, Request};

impl PolicySet {
    /// A table with a row for every action and resource and a column for every principal. A cell says `yes` or `no`,
    /// `if` where it depends on the context, and `err` where a policy fails.
    #[must_use]
    pub fn matrix(&self, principals: &[(&str, PrincipalKey)], rows: &[(Action, Resource)]) -> String {
        let names: Vec<_> = rows.iter().map(|(a, r)| format!("{a} {}", self.facts.resource_uid(r))).collect();
        let width = names.iter().map(String::len).max().unwrap_or(0);
        let mut table = format!("{:width$}", "");
        for (name, _) in principals {
            let _infallible = write!(table, "  {name}");
        }
        for (name, (action, resource)) in names.iter().zip(rows) {
            let _infallible = write!(table, "\n{name:width$}");
            for (title, principal) in principals {
                let cell = self.cell(principal, *action, resource);
                let _infallible = write!(table, "  {cell:0$}", title.len());
            }
            table.truncate(table.trim_end().len());
        }
        table.push('\n');
        table
    }

    fn cell(&self, principal: &PrincipalKey, action: Action, resource: &Resource) -> &'static str {
        if self.needs_context(principal, action, resource) {
            return "if";
        }
        let verdict = self.decide(&Request { principal, action, resource, context: &Context::default() });
        match verdict.decided {
            Decided::EvaluationError => "err",
            _ if verdict.is_permit() => "yes",
            _ => "no",
        }
    }
}
