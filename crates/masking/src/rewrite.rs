//! Replaces what was found, all but what the plan shows. What it writes needs no escaping in any JSON string at any
//! depth, so nested documents stay documents.

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

use carnet_json::{Edits, Limits, Tape};
use carnet_model::{ClassNames, DataClass, Sensitive, Transform};

use crate::detect::Detector;
use crate::ff1::Ff1;
use crate::finding::{Finding, Findings, Form, MAX_PLACES, count};
use crate::generalise::generalise;
use crate::plan::{Numbers, Place, Plan, Report, Withheld};
use crate::preserve;
use crate::stand_in::{Deposit, Deposits, MAX_KEPT, StandInId, form_id, token_id};
use crate::token;

impl Detector {
    /// Adds to `edits` what replaces every finding whose class is not shown. Overlapping findings are replaced as one
    /// span, so no edge of a hidden value stays.
    ///
    /// # Errors
    /// If the findings do not fit the buffer, or masked keys could not be kept apart.
    pub fn rewrite(
        &self,
        bytes: &[u8],
        tape: &Tape,
        findings: &Findings,
        plan: &Plan<'_>,
        edits: &mut Edits,
    ) -> Result<Report, Withheld> {
        let mut own = Edits::new();
        let (report, keys) = write_all(&self.classes, bytes, findings, plan, &mut own)?;
        if keys {
            check_keys(bytes, tape, &own)?;
        }
        edits.extend(&own);
        Ok(report)
    }

    /// The masked copy of plain text that [`Detector::find_text`] inspected.
    ///
    /// # Errors
    /// If the findings do not fit the text.
    pub fn rewrite_text(
        &self,
        text: &str,
        findings: &Findings,
        plan: &Plan<'_>,
    ) -> Result<(String, Report), Withheld> {
        let mut edits = Edits::new();
        let (report, _) = write_all(&self.classes, text.as_bytes(), findings, plan, &mut edits)?;
        let out = edits.apply(text.as_bytes()).map_err(|_| Withheld::Span)?;
        Ok((String::from_utf8(out).map_err(|_| Withheld::Invalid)?, report))
    }
}

/// The masked document must still be one; two equal keys would be refused by the next reader.
fn check_keys(bytes: &[u8], tape: &Tape, edits: &Edits) -> Result<(), Withheld> {
    let out = edits.apply(bytes).map_err(|_| Withheld::Span)?;
    let limits = Limits { bytes: usize::MAX >> 1, depth: usize::MAX >> 1 };
    let again = Tape::parse(&out, &limits).map_err(|_| Withheld::Invalid)?;
    if again.nodes().len() == tape.nodes().len() { Ok(()) } else { Err(Withheld::Invalid) }
}

/// Overlapping hidden findings: one replacement.
struct Cluster<'f> {
    span: Range<u32>,
    /// The longest, of equally long ones the surest.
    lead: &'f Finding,
    /// Some other class in it must not show even its last characters.
    strict: bool,
}

/// Writes all edits; says whether there are keys among them.
fn write_all(
    classes: &ClassNames,
    bytes: &[u8],
    findings: &Findings,
    plan: &Plan<'_>,
    edits: &mut Edits,
) -> Result<(Report, bool), Withheld> {
    let shown = count(findings.list.iter().map(|f| f.class).filter(|c| plan.shown.contains(*c)));
    let clusters = clusters(findings, plan);
    let mut report = Report { shown, ..Report::default() };
    report.masked = count(clusters.iter().map(|c| c.lead.class));
    let mut names: HashMap<(u32, Vec<u8>), u32> = HashMap::new();
    let mut writer = Writer::new(classes, bytes, findings, plan);
    for c in &clusters {
        let transform = writer.write(c)?;
        if c.lead.form == Form::Key {
            writer.keep_apart(c.lead.object, &mut names);
        }
        edits.replace(c.span.start as usize..c.span.end as usize, &writer.text);
        if report.places.len() < MAX_PLACES {
            let path = findings.path(c.lead).to_owned();
            report.places.push(Place {
                class: c.lead.class,
                kind: c.lead.kind,
                path,
                rule: c.lead.rule,
                transform,
            });
        } else {
            report.more += 1;
        }
    }
    report.deposits = writer.deposits;
    Ok((report, !names.is_empty()))
}

fn clusters<'f>(findings: &'f Findings, plan: &Plan<'_>) -> Vec<Cluster<'f>> {
    let mut hidden: Vec<&Finding> = findings.list.iter().filter(|f| !plan.shown.contains(f.class)).collect();
    hidden.sort_by_key(|f| (f.span.start, std::cmp::Reverse(f.span.end)));
    let mut out: Vec<Cluster<'f>> = Vec::with_capacity(hidden.len());
    for f in hidden {
        match out.last_mut() {
            Some(c) if f.span.start < c.span.end => {
                c.strict |= plan.transforms.get(f.class) != plan.transforms.get(c.lead.class);
                c.span.end = c.span.end.max(f.span.end);
                if (f.span.len(), f.score) > (c.lead.span.len(), c.lead.score) {
                    c.lead = f;
                }
            }
            _ => out.push(Cluster { span: f.span.clone(), lead: f, strict: false }),
        }
    }
    out
}

struct Writer<'a> {
    classes: &'a ClassNames,
    bytes: &'a [u8],
    findings: &'a Findings,
    plan: &'a Plan<'a>,
    /// The replacement.
    text: Vec<u8>,
    scratch: Vec<u8>,
    ff1: OnceCell<Ff1>,
    deposits: Deposits,
    deposited: HashSet<StandInId>,
}

impl<'a> Writer<'a> {
    fn new(
        classes: &'a ClassNames,
        bytes: &'a [u8],
        findings: &'a Findings,
        plan: &'a Plan<'a>,
    ) -> Writer<'a> {
        Writer {
            classes,
            bytes,
            findings,
            plan,
            text: Vec::new(),
            scratch: Vec::new(),
            ff1: OnceCell::new(),
            deposits: Deposits::default(),
            deposited: HashSet::new(),
        }
    }

    fn write(&mut self, c: &Cluster<'_>) -> Result<&'static str, Withheld> {
        if self.bytes.get(c.span.start as usize..c.span.end as usize).is_none() {
            return Err(Withheld::Span);
        }
        self.text.clear();
        let value = self.findings.text(self.bytes, c.lead);
        let whole = c.span == c.lead.span;
        let mut transform = self.plan.transforms.get(c.lead.class);
        // Of what overlaps, no part that another class hides may show; nor of a value that lies here in parts or encoded.
        let part = matches!(c.lead.rule, "joined" | "encoded" | "unfinished");
        if !whole || (c.strict || part) && matches!(transform, Transform::KeepLast(_) | Transform::Generalise)
        {
            transform = Transform::Redact;
        }
        transform = match (c.lead.form, self.plan.numbers) {
            (Form::Number, Numbers::Keep) => return Ok(self.number(c.lead, value, transform).name()),
            (Form::Key, _) if transform == Transform::Drop => Transform::Redact,
            // A replacement of the same form inside base64 or a name would not be found again.
            (Form::Base64 | Form::Key, _) if transform == Transform::FormatPreserving => Transform::Token,
            _ => transform,
        };
        transform = self.stand_in(c.lead, value, transform);
        match c.lead.form {
            Form::Number => self.quote(c.lead.depth),
            Form::Base64 => {
                self.text = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &self.text)
                    .into_bytes()
            }
            Form::Uri => self.percent(),
            Form::Text | Form::Key => {}
        }
        Ok(transform.name())
    }

    /// Writes what stands in for a text; gives the transform that was possible.
    fn stand_in(&mut self, lead: &Finding, value: &str, transform: Transform) -> Transform {
        let class = lead.class;
        match transform {
            Transform::Redact => self.label(class, None),
            Transform::KeepLast(n) => keep_last(value, usize::from(n), &mut self.text),
            Transform::Drop => {}
            Transform::Token => self.token(lead, value, false),
            Transform::Vault => self.token(lead, value, true),
            Transform::Generalise => {
                if !generalise(class, value, &mut self.text) {
                    self.label(class, None);
                    return Transform::Redact;
                }
            }
            Transform::FormatPreserving => {
                if !self.same_form(lead, value, false) {
                    self.token(lead, value, true);
                    return Transform::Vault;
                }
                self.deposit_form(lead, value);
            }
        }
        transform
    }

    fn token(&mut self, lead: &Finding, value: &str, keep: bool) {
        let class = lead.class;
        token::canonical(class, value, &mut self.scratch);
        let digest = token::digest(self.plan.token_key, b"token", class, &self.scratch);
        self.label(class, Some(&digest));
        let inner = self.text.get(1..self.text.len().saturating_sub(1)).map(token_id);
        if let Some(id) = inner.filter(|_| keep) {
            self.deposit(lead, id, value);
        }
    }

    fn same_form(&mut self, lead: &Finding, value: &str, number: bool) -> bool {
        let key = self.plan.token_key;
        let ff1 = self.ff1.get_or_init(|| Ff1::new(&token::derived(key, b"ff1")));
        preserve::stand_in(ff1, lead.class, lead.kind, value, number, &mut self.text)
    }

    fn deposit_form(&mut self, lead: &Finding, value: &str) {
        if let Some(id) = std::str::from_utf8(&self.text).ok().and_then(form_id) {
            self.deposit(lead, id, value);
        }
    }

    fn deposit(&mut self, lead: &Finding, id: StandInId, value: &str) {
        if value.len() <= MAX_KEPT && self.deposited.insert(id) {
            let value = Sensitive::new(value.to_owned());
            self.deposits.0.push(Deposit { class: lead.class, kind: lead.kind, id, value });
        }
    }

    fn label(&mut self, class: DataClass, digest: Option<&[u8; 32]>) {
        self.text.push(b'[');
        self.text.extend_from_slice(self.classes.label(class).as_bytes());
        if let Some(d) = digest {
            self.text.push(b':');
            token::spell(d, &mut self.text);
        }
        self.text.push(b']');
    }

    /// A number of the same length and format that is not the value. Numbers that are not whole, or have too few values,
    /// are drawn by a keyed hash instead of encrypted.
    fn number(&mut self, lead: &Finding, value: &str, transform: Transform) -> Transform {
        if transform == Transform::Drop {
            self.text.push(b'0');
            return transform;
        }
        if self.same_form(lead, value, true) {
            if matches!(transform, Transform::Vault | Transform::FormatPreserving) {
                self.deposit_form(lead, value);
            }
            return transform;
        }
        token::canonical(lead.class, value, &mut self.scratch);
        let digest = token::digest(self.plan.token_key, b"number", lead.class, &self.scratch);
        stand_in_number(value.as_bytes(), &digest, &mut self.text);
        transform
    }

    /// Quotes a stand-in for a number, escaped once for every string around it.
    fn quote(&mut self, depth: u8) {
        let slashes = (1usize << depth.min(8)) - 1;
        let inner = std::mem::take(&mut self.text);
        for part in [&b""[..], &inner] {
            self.text.extend_from_slice(part);
            self.text.extend(std::iter::repeat_n(b'\\', slashes));
            self.text.push(b'"');
        }
    }

    fn percent(&mut self) {
        let plain = std::mem::take(&mut self.text);
        for b in plain {
            match b {
                b'[' => self.text.extend_from_slice(b"%5B"),
                b']' => self.text.extend_from_slice(b"%5D"),
                b'#' => self.text.extend_from_slice(b"%23"),
                b' ' => self.text.extend_from_slice(b"%20"),
                _ => self.text.push(b),
            }
        }
    }

    /// Masked keys of one object stay different: the second `[EMAIL]` becomes `[EMAIL#2]`.
    fn keep_apart(&mut self, object: u32, names: &mut HashMap<(u32, Vec<u8>), u32>) {
        let n = names.entry((object, self.text.clone())).or_insert(0);
        *n += 1;
        if *n > 1 {
            let end = if self.text.last() == Some(&b']') { self.text.pop() } else { None };
            self.text.extend_from_slice(format!("#{n}").as_bytes());
            self.text.extend(end);
        }
    }
}

/// Stars for letters and digits but the last n, which are at most half of them. Plain separators stay; anything else
/// becomes a star.
fn keep_last(value: &str, n: usize, out: &mut Vec<u8>) {
    let total = value.chars().filter(|c| c.is_alphanumeric()).count();
    let from = total - n.min(total / 2);
    let mut seen = 0;
    for c in value.chars() {
        if c.is_alphanumeric() {
            seen += 1;
            if seen > from {
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                continue;
            }
        }
        out.push(if matches!(c, ' ' | '-' | '.' | '/' | '@' | ':') { c as u8 } else { b'*' });
    }
}

/// Sign, point and exponent stay. The first digit becomes 1, so that no range grows and no zero leads; a leading zero
/// stays.
fn stand_in_number(value: &[u8], digest: &[u8; 32], out: &mut Vec<u8>) {
    let mut stream = digest.iter().cycle();
    let mantissa = value.iter().position(|b| matches!(b, b'e' | b'E')).unwrap_or(value.len());
    let mut first = true;
    let mut last = None;
    for (i, b) in value.iter().enumerate() {
        if i >= mantissa || !b.is_ascii_digit() {
            out.push(*b);
            continue;
        }
        let random = b'0' + stream.next().copied().unwrap_or(0) % 10;
        last = Some(out.len());
        out.push(match (first, *b) {
            (true, b'0') => b'0',
            (true, _) => b'1',
            _ => random,
        });
        first = false;
    }
    if out.as_slice() == value
        && let Some(d) = last.and_then(|i| out.get_mut(i))
    {
        *d = if *d == b'9' { b'8' } else { *d + 1 };
    }
}
