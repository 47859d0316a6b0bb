//! The recognisers as a table.

use carnet_masking::{recognisers, type_of};

use crate::output;

/// Prints every recogniser.
pub(super) fn print() {
    let mut rows =
        vec![["TYPE", "SUBTYPE", "COUNTRY", "CLASS", "TIER", "VALIDATION", "SOURCE"].map(String::from)];
    for r in recognisers() {
        let (kind, subtype) = type_of(r.kind);
        rows.push([
            kind.to_owned(),
            subtype.unwrap_or("-").to_ascii_lowercase(),
            r.country.unwrap_or("-").to_owned(),
            r.class.name().to_owned(),
            r.tier.name().to_owned(),
            r.validation.to_owned(),
            r.source.to_owned(),
        ]);
    }
    let mut widths = [0; 7];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    for row in &rows {
        let cells: Vec<String> =
            row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        output::line(cells.join("  ").trim_end());
    }
}
