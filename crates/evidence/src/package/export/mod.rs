//! Exports: records in the forms of other programs. In packages for which they are asked, by
//! `carnet evidence export --as`, and record by record for sinks.

mod cef;
mod ecs;
mod har;
mod jsonl;
mod object;
mod ocsf;
mod oscal;
mod otlp;
#[cfg(test)]
mod tests;

use super::manifest::Facts;
use super::produce::{Given, Produce, Producer, Sink};
use super::walk::Record;

/// Every export.
pub(super) const EXPORTS: &[Producer] = &[
    Producer { name: "jsonl", version: 1, make: |f| stream(Form::Jsonl, f), asked: true },
    Producer { name: "ocsf", version: 1, make: |f| stream(Form::Ocsf, f), asked: true },
    Producer { name: "ecs", version: 1, make: |f| stream(Form::Ecs, f), asked: true },
    Producer { name: "cef", version: 1, make: |f| stream(Form::Cef, f), asked: true },
    Producer { name: "otlp", version: 1, make: |f| stream(Form::Otlp, f), asked: true },
    Producer { name: "har", version: 1, make: har::make, asked: true },
    Producer { name: "oscal", version: 1, make: oscal::make, asked: true },
];

/// Names of the exports.
#[must_use]
pub fn names() -> Vec<&'static str> {
    EXPORTS.iter().map(|p| p.name).collect()
}

/// The name of the only file of an export in a package; `None` for one of several files.
#[must_use]
pub fn file(name: &str) -> Option<&'static str> {
    match name {
        "jsonl" => Some("exports/records.jsonl"),
        "ocsf" => Some("exports/ocsf.jsonl"),
        "ecs" => Some("exports/ecs.jsonl"),
        "cef" => Some("exports/cef.log"),
        "otlp" => Some("exports/otlp.json"),
        _ => None,
    }
}

/// A form in which each record stands for itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// JSON lines with Carnet's own names.
    Jsonl,
    /// OCSF.
    Ocsf,
    /// Elastic Common Schema.
    Ecs,
    /// Common Event Format.
    Cef,
    /// OTLP logs.
    Otlp,
}

impl Form {
    fn name(self) -> &'static str {
        match self {
            Form::Jsonl => "jsonl",
            Form::Ocsf => "ocsf",
            Form::Ecs => "ecs",
            Form::Cef => "cef",
            Form::Otlp => "otlp",
        }
    }

    /// A record in this form: lines without the last newline. One or more lines, never none.
    #[must_use]
    pub fn record(self, record: &Record<'_>, origin: &str) -> String {
        match self {
            Form::Jsonl => jsonl::line(record, origin),
            Form::Ocsf => ocsf::lines(record, origin).trim_end().to_owned(),
            Form::Ecs => ecs::line(record, origin),
            Form::Cef => cef::line(record, origin),
            Form::Otlp => otlp::one(record, origin),
        }
    }

    /// Records of this form as one document: what stands before, between and behind them.
    #[must_use]
    pub fn around(self, origin: &str) -> (String, &'static str, &'static str) {
        match self {
            Form::Otlp => (otlp::begin(origin), ",", otlp::END),
            _ => (String::new(), "\n", "\n"),
        }
    }
}

/// Writes a form as it goes.
struct Stream {
    form: Form,
    origin: String,
    begun: bool,
}

fn stream(form: Form, facts: &Facts) -> Box<dyn Produce> {
    Box::new(Stream { form, origin: facts.origin.clone(), begun: false })
}

impl Produce for Stream {
    fn push(&mut self, record: &Record<'_>, out: &mut dyn Sink) {
        let file = file(self.form.name()).unwrap_or_default();
        let (begin, between, _) = self.form.around(&self.origin);
        out.write(file, if self.begun { between } else { &begin }.as_bytes());
        self.begun = true;
        out.write(file, self.form.record(record, &self.origin).as_bytes());
    }

    fn finish(self: Box<Self>, _: &Given<'_>, out: &mut dyn Sink) {
        let file = file(self.form.name()).unwrap_or_default();
        let (begin, _, end) = self.form.around(&self.origin);
        if !self.begun {
            out.write(file, begin.as_bytes());
        }
        out.write(file, end.as_bytes());
    }
}
