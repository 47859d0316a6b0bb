//! Plots as SVG: bars, written by hand. No script, no style from elsewhere, and every text is escaped.

use std::fmt::Write as _;

use super::view::escape;

/// Columns of a plot over time. More days than this are joined.
pub(super) const COLUMNS: u64 = 60;

const COLOURS: [&str; 5] = ["#3a6ea5", "#a40000", "#c77f00", "#5a8f3c", "#777777"];

/// Upright bars side by side, each of stacked parts: label of the bar, and a number for each name.
pub(super) fn columns(title: &str, names: &[&str], bars: &[(String, Vec<u64>)]) -> String {
    let most = bars.iter().map(|(_, parts)| parts.iter().sum::<u64>()).max().unwrap_or(0).max(1);
    let (width, height) = (760_u64, 180_u64);
    let step = (width / (bars.len() as u64).max(1)).clamp(4, 60);
    let mut svg = begin(title, 60 + step * bars.len() as u64 + 10, height + 60);
    let _ = write!(svg, "<text x=\"52\" y=\"20\" text-anchor=\"end\">{most}</text>");
    let _ = write!(svg, "<line x1=\"56\" y1=\"16\" x2=\"56\" y2=\"{}\" stroke=\"#999\"/>", height + 16);
    let every = (bars.len() / 12).max(1);
    for (i, (label, parts)) in bars.iter().enumerate() {
        let x = 60 + step * i as u64;
        let mut below = height + 16;
        for (part, n) in parts.iter().enumerate().filter(|(_, n)| **n > 0) {
            let tall = (n * height / most).max(1);
            below = below.saturating_sub(tall);
            let colour = COLOURS.get(part).copied().unwrap_or("#777777");
            let name = names.get(part).copied().unwrap_or_default();
            let _ = write!(
                svg,
                "<rect x=\"{x}\" y=\"{below}\" width=\"{}\" height=\"{tall}\" fill=\"{colour}\"><title>{}: {} {n}</title></rect>",
                step.saturating_sub(1),
                escape(label),
                escape(name)
            );
        }
        if i % every == 0 {
            let _ = write!(
                svg,
                "<text x=\"{x}\" y=\"{}\" transform=\"rotate(25 {x} {})\">{}</text>",
                height + 30,
                height + 30,
                escape(label)
            );
        }
    }
    svg.push_str("</svg>\n");
    legend(&mut svg, names);
    svg
}

/// Lying bars, one below the other.
pub(super) fn rows(title: &str, bars: &[(String, u64)]) -> String {
    let most = bars.iter().map(|(_, n)| *n).max().unwrap_or(0).max(1);
    let mut svg = begin(title, 760, 24 * bars.len() as u64 + 10);
    for (i, (label, n)) in bars.iter().enumerate() {
        let y = 5 + 24 * i as u64;
        let wide = (n * 460 / most).max(1);
        let colour = COLOURS.first().copied().unwrap_or_default();
        let _ = write!(
            svg,
            "<text x=\"172\" y=\"{}\" text-anchor=\"end\">{}</text><rect x=\"180\" y=\"{y}\" width=\"{wide}\" height=\"18\" \
             fill=\"{colour}\"/><text x=\"{}\" y=\"{}\">{n}</text>",
            y + 14,
            escape(label),
            186 + wide,
            y + 14
        );
    }
    svg.push_str("</svg>\n");
    svg
}

fn begin(title: &str, width: u64, height: u64) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" aria-label=\"{}\" viewBox=\"0 0 {width} {height}\" \
         width=\"{width}\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"11\"><title>{}</title>",
        escape(title),
        escape(title)
    )
}

fn legend(svg: &mut String, names: &[&str]) {
    svg.push_str("<p>");
    for (i, name) in names.iter().enumerate() {
        let colour = COLOURS.get(i).copied().unwrap_or("#777777");
        let _ = write!(svg, "<span style=\"color:{colour}\">&#9632;</span> {} ", escape(name));
    }
    svg.push_str("</p>\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_its_number() {
        let svg = rows("Masked", &[("email".to_owned(), 20), ("<iban>".to_owned(), 5)]);
        assert!(
            svg.contains("width=\"460\" height=\"18\"") && svg.contains("width=\"115\" height=\"18\""),
            "{svg}"
        );
        assert!(svg.contains("&lt;iban&gt;") && !svg.contains("<iban>"));
        assert!(!svg.contains("script"));
    }

    #[test]
    fn parts_stand_on_each_other() {
        let svg = columns("Calls", &["permit", "deny"], &[("2026-11-20".to_owned(), vec![3, 1])]);
        assert!(svg.contains("y=\"61\"") && svg.contains("height=\"135\""), "{svg}");
        assert!(svg.contains("y=\"16\" width") && svg.contains("height=\"45\""), "{svg}");
        assert!(columns("Calls", &[], &[]).ends_with("</p>\n"));
    }
}
