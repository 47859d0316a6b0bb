//! Which findings are right: the same rule for Carnet and for whatever it is compared with.
//!
//! A finding and a label of the same group match when what they share is at least half of the one and half of the other.
//! Of any type, a label is found when at least half of its characters are covered, and a finding is right when at least half
//! of its characters are labelled. A label may be optional: leaving it is no miss and finding it is not wrong. Where a type
//! is asked for, a finding of a whole address is right for its parts (street, postal code), where they stand beside each other.

use std::collections::BTreeMap;

/// A span of a type, in code points.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Span {
    pub(super) kind: String,
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) optional: bool,
}

/// Hits, misses and false findings of one type.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) struct Count {
    pub(super) hit: usize,
    pub(super) miss: usize,
    /// Findings that match a label.
    pub(super) right: usize,
    pub(super) wrong: usize,
}

impl Count {
    pub(super) fn recall(&self) -> f64 {
        share(self.hit, self.hit + self.miss)
    }

    pub(super) fn precision(&self) -> f64 {
        share(self.right, self.right + self.wrong)
    }

    pub(super) fn f1(&self) -> f64 {
        let (p, r) = (self.precision(), self.recall());
        if p + r == 0.0 { 0.0 } else { 2.0 * p * r / (p + r) }
    }
}

/// What is said of nothing is right.
fn share(n: usize, of: usize) -> f64 {
    if of == 0 { 1.0 } else { n as f64 / of as f64 }
}

/// The sums of one set.
#[derive(Clone, Default, Debug)]
pub(super) struct Tally {
    /// By group of types.
    pub(super) types: BTreeMap<String, Count>,
    /// Whatever the type.
    pub(super) any: Count,
    /// Characters outside of labels: covered, and all.
    pub(super) over: usize,
    pub(super) outside: usize,
    /// Texts with a finding, and all.
    pub(super) texts_hit: usize,
    pub(super) texts: usize,
    /// Labels found, whatever the type, by the beginning of the text's id.
    pub(super) families: BTreeMap<String, Count>,
}

/// A label that was missed, or a finding that is wrong.
pub(super) struct Fault {
    pub(super) missed: bool,
    pub(super) span: Span,
}

impl Tally {
    /// Share of the characters outside of labels that would be masked.
    pub(super) fn over_masked(&self) -> f64 {
        if self.outside == 0 { 0.0 } else { self.over as f64 / self.outside as f64 }
    }

    /// Share of texts with a finding.
    pub(super) fn hit_share(&self) -> f64 {
        if self.texts == 0 { 0.0 } else { self.texts_hit as f64 / self.texts as f64 }
    }

    /// Adds one text of so many characters.
    pub(super) fn add(&mut self, id: &str, length: usize, labels: &[Span], found: &[Span]) -> Vec<Fault> {
        let mut faults = Vec::new();
        let whole = joined(labels);
        let labelled = cover(length, labels);
        let masked = cover(length, found);
        self.texts += 1;
        self.texts_hit += usize::from(!found.is_empty());
        self.outside += labelled.iter().filter(|l| !**l).count();
        self.over += labelled.iter().zip(&masked).filter(|(l, m)| !**l && **m).count();
        for label in labels.iter().filter(|l| !l.optional) {
            let covered = 2 * inside(&masked, label) >= label.end - label.start;
            count(&mut self.any.hit, &mut self.any.miss, covered);
            let family = self.families.entry(family(id)).or_default();
            count(&mut family.hit, &mut family.miss, covered);
            let whole = whole
                .iter()
                .find(|w| overlap(w, label) > 0 && group(&label.kind) == "ADDRESS")
                .unwrap_or(label);
            let typed = found.iter().any(|f| matches(label, f) || matches(whole, f));
            let of_type = self.types.entry(group(&label.kind)).or_default();
            count(&mut of_type.hit, &mut of_type.miss, typed);
            if !typed {
                faults.push(Fault { missed: true, span: label.clone() });
            }
        }
        for f in found {
            let right = 2 * inside(&labelled, f) >= f.end - f.start;
            count(&mut self.any.right, &mut self.any.wrong, right);
            if labels.iter().any(|l| l.optional && overlap(l, f) > 0) {
                continue;
            }
            let typed = labels.iter().chain(&whole).any(|l| matches(l, f));
            let of_type = self.types.entry(group(&f.kind)).or_default();
            count(&mut of_type.right, &mut of_type.wrong, typed);
            if !typed {
                faults.push(Fault { missed: false, span: f.clone() });
            }
        }
        faults
    }
}

fn count(yes: &mut usize, no: &mut usize, which: bool) {
    *if which { yes } else { no } += 1;
}

fn cover(length: usize, spans: &[Span]) -> Vec<bool> {
    let mut all = vec![false; length];
    for s in spans {
        for c in all.iter_mut().take(s.end).skip(s.start) {
            *c = true;
        }
    }
    all
}

fn inside(cover: &[bool], s: &Span) -> usize {
    cover.iter().take(s.end).skip(s.start).filter(|c| **c).count()
}

fn overlap(a: &Span, b: &Span) -> usize {
    a.end.min(b.end).saturating_sub(a.start.max(b.start))
}

fn matches(a: &Span, b: &Span) -> bool {
    let shared = 2 * overlap(a, b);
    group(&a.kind) == group(&b.kind) && shared >= a.end - a.start && shared >= b.end - b.start
}

/// Addresses whose parts are labels, as one span each: what stands between them is a comma and a blank, or a line break.
fn joined(labels: &[Span]) -> Vec<Span> {
    let part = |s: &Span| !s.optional && group(&s.kind) == "ADDRESS";
    let mut sorted = labels.to_vec();
    sorted.sort_by_key(|s| (s.start, s.end));
    let mut out: Vec<Span> = Vec::with_capacity(sorted.len());
    for s in sorted {
        match out.last_mut() {
            Some(last) if part(last) && part(&s) && s.start <= last.end + 2 => last.end = last.end.max(s.end),
            _ if part(&s) => out.push(s),
            _ => {}
        }
    }
    out
}

/// The id without the number behind its last hyphen.
fn family(id: &str) -> String {
    id.rsplit_once('-').map_or(id, |(family, _)| family).to_owned()
}

/// Types that are one thing under several names. Personal numbers of all countries are one group: which of two schemes a
/// number is of often cannot be known.
pub(super) fn group(kind: &str) -> String {
    let one = match kind {
        "STREET_ADDRESS" | "ADDRESS" | "POSTAL_CODE" | "POSTCODE" | "ZIP_CODE" => "ADDRESS",
        "DATE_OF_BIRTH" | "DATE_TIME" | "BIRTH_DATE" | "DATE" => "DATE_OF_BIRTH",
        "SECRET" | "URL_CREDENTIALS" | "API_KEY" | "PASSWORD" | "CREDENTIAL" => "SECRET",
        "PERSON" | "NAME" => "PERSON",
        "ORGANIZATION" | "ORGANISATION" | "ORG" => "ORGANIZATION",
        "NATIONAL_ID" | "TAX_ID" | "HEALTH_ID" | "SSN" | "NRP_ID" => "NATIONAL_ID",
        "US_BANK_NUMBER" | "UK_BANK_NUMBER" => "BANK_ACCOUNT",
        _ if kind.contains("PASSPORT") => "PASSPORT",
        _ if kind.contains("DRIVER") || kind.contains("DRIVING") => "DRIVING_LICENCE",
        _ if kind.contains("LICENSE_PLATE") || kind.contains("VEHICLE_REG") => "LICENSE_PLATE",
        "IP_ADDRESS" | "MAC_ADDRESS" => kind,
        _ if kind.as_bytes().get(2) == Some(&b'_') => "NATIONAL_ID",
        _ => kind,
    };
    one.to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    fn span(kind: &str, start: usize, end: usize) -> Span {
        Span { kind: kind.to_owned(), start, end, optional: false }
    }

    #[test]
    fn half_of_both_is_a_match_and_types_are_grouped() {
        let label = span("PL_PESEL", 10, 21);
        assert!(matches(&label, &span("NATIONAL_ID", 10, 21)));
        assert!(matches(&label, &span("PL_PESEL", 10, 16)));
        assert!(!matches(&label, &span("PL_PESEL", 10, 15)));
        assert!(!matches(&label, &span("PL_PESEL", 0, 40)));
        assert!(!matches(&label, &span("PHONE_NUMBER", 10, 21)));
        assert_eq!(group("UK_NINO"), "NATIONAL_ID");
        assert_eq!(group("US_PASSPORT"), "PASSPORT");
        assert_eq!(group("IP_ADDRESS"), "IP_ADDRESS");
    }

    #[test]
    fn a_whole_address_is_right_for_its_parts() {
        let parts = [span("POSTAL_CODE", 16, 21), span("STREET_ADDRESS", 0, 14), span("ADDRESS", 40, 50)];
        let mut t = Tally::default();
        assert!(
            t.add("x-1", 50, &parts, &[span("STREET_ADDRESS", 0, 28), span("ADDRESS", 40, 50)]).is_empty()
        );
        assert_eq!(t.types["ADDRESS"], Count { hit: 3, miss: 0, right: 2, wrong: 0 });
        assert_eq!(t.any.hit, 3);
    }

    #[test]
    fn a_text_is_counted() {
        let mut labels = vec![span("PERSON", 0, 4), span("EMAIL_ADDRESS", 10, 20)];
        labels.push(Span { optional: true, ..span("LOCATION", 30, 36) });
        // The mail as a phone, the place (which is allowed), and six characters that are nobody's.
        let found = [span("PHONE_NUMBER", 10, 20), span("LOCATION", 30, 36), span("PERSON", 40, 46)];
        let mut t = Tally::default();
        assert_eq!(t.add("x-1", 50, &labels, &found).len(), 4);
        assert_eq!(t.any, Count { hit: 1, miss: 1, right: 2, wrong: 1 });
        assert_eq!((t.over, t.outside), (6, 30));
        assert_eq!(t.types["PERSON"], Count { hit: 0, miss: 1, right: 0, wrong: 1 });
        assert_eq!(t.types["PHONE_NUMBER"].wrong, 1);
        assert!(!t.types.contains_key("LOCATION"));
        assert_eq!(t.families["x"].hit, 1);
    }
}
