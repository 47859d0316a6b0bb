//! Marks in a text behind which a secret or another value stands, found in one vectorised pass: `-----BEGIN`, `Bearer`,
//! `--password`, `<apiKey>`, `curl`, webhooks, the `<<` of travel documents, `SWIFT`.

use aho_corasick::{AhoCorasick, MatchKind, packed};
use carnet_model::DataClass;

use super::places;
use crate::scan::{Scanner, Seen, Text, bic, mrz};

/// What is looked for behind a mark. Gives where to go on.
type Handler = fn(&mut Text<'_>, &Scanner, usize, usize) -> usize;

/// Mark and handler; the handler gets where the mark begins and ends.
#[rustfmt::skip]
static MARKS: &[(&str, Handler)] = &[
    ("-----BEGIN ", places::pem),
    ("PuTTY-User-Key-File-", places::putty),
    ("hooks.slack.com/", places::slack),
    ("discord.com/api/webhooks/", places::discord),
    ("discordapp.com/api/webhooks/", places::discord),
    (".webhook.office.com/webhookb2/", places::teams),
    ("earer ", places::bearer),
    ("asic ", places::basic),
    ("curl ", places::curl),
    ("mysql", places::mysql),
    ("sshpass ", places::sshpass),
    ("--password ", places::flag),
    ("--passwd ", places::flag),
    ("--pass ", places::flag),
    ("--token ", places::flag),
    ("--secret ", places::flag),
    ("--api-key ", places::flag),
    ("--apikey ", places::flag),
    ("--key ", places::flag),
    ("--auth-token ", places::flag),
    ("--access-token ", places::flag),
    ("--client-secret ", places::flag),
    ("-password ", places::flag),
    ("Token ", places::flag),
    ("DENTIFIED BY ", places::sql),
    ("dentified by ", places::sql),
    ("PASSWORD '", places::quoted),
    ("assword '", places::quoted),
    ("assword is ", places::told),
    ("asswort ist ", places::told),
    ("asswort lautet ", places::told),
    ("asscode is ", places::told),
    (" password ", places::netrc),
    ("assword>", places::element),
    ("ASSWORD>", places::element),
    ("asswd>", places::element),
    ("oken>", places::element),
    ("OKEN>", places::element),
    ("ecret>", places::element),
    ("SECRET>", places::element),
    ("Key>", places::element),
    ("key>", places::element),
    ("KEY>", places::element),
    ("\", \"", places::argument),
    ("\",\"", places::argument),
    ("', '", places::argument),
    ("','", places::argument),
    ("|| \"", places::fallback),
    ("|| '", places::fallback),
    ("kind: Secret", places::kubernetes),
    ("kind: \"Secret\"", places::kubernetes),
    ("kind: 'Secret'", places::kubernetes),
    ("kind: secret", places::kubernetes),
    ("kind: \"secret\"", places::kubernetes),
    (".atlasv1.", places::terraform),
    (".acc_", places::authress),
    (".acc-", places::authress),
    ("BIC", bic::behind),
    ("SWIFT", bic::behind),
    ("wift code", bic::behind),
];

/// Marks of two bytes: a sign that is rare and a byte before it. The others are found faster without them.
static SHORT: &[([u8; 2], Handler)] = &[(*b"Q~", places::azure), (*b"<<", mrz::at)];

/// Texts that are too short for vectors are copied into so many bytes.
const PADDED: usize = 96;

/// The marks, compiled.
pub(crate) struct Marks {
    all: Searcher,
    /// Those without a sign that [`Seen::sign`] tells of: where none is in a text, no other mark is either. There are few
    /// enough of them for the faster of two ways to look.
    words: Searcher,
}

/// Some of the marks, and which of all they are.
struct Searcher {
    fast: Option<packed::Searcher>,
    slow: Option<AhoCorasick>,
    which: Vec<usize>,
}

impl Marks {
    pub(crate) fn new() -> Self {
        Marks { all: Searcher::new(|_| true), words: Searcher::new(|mark| !signed(mark)) }
    }
}

/// Has a sign that [`Seen::sign`] tells of.
fn signed(mark: &str) -> bool {
    mark.contains("--") || mark.contains(['"', '\'', '>', '/'])
}

impl Searcher {
    fn new(wanted: impl Fn(&str) -> bool) -> Self {
        let which: Vec<usize> =
            (0..MARKS.len()).filter(|n| MARKS.get(*n).is_some_and(|m| wanted(m.0))).collect();
        let marks = || which.iter().filter_map(|n| MARKS.get(*n)).map(|m| m.0);
        let fast = packed::Config::new()
            .match_kind(packed::MatchKind::LeftmostFirst)
            .builder()
            .extend(marks())
            .build();
        // Machines without vectors.
        let slow = if fast.is_none() {
            let mut builder = AhoCorasick::builder();
            builder.match_kind(MatchKind::LeftmostFirst).build(marks()).ok()
        } else {
            None
        };
        Searcher { fast, slow, which }
    }

    /// The next mark from `from` on: which, where it begins, where it ends.
    fn next(&self, bytes: &[u8], from: usize) -> Option<(usize, usize, usize)> {
        if let Some(fast) = &self.fast {
            let mut padded = [0; PADDED];
            let short = bytes.len() - from.min(bytes.len()) < fast.minimum_len();
            let m = match padded.get_mut(..bytes.len()).filter(|_| short) {
                // No mark has a zero in it.
                Some(copy) => {
                    copy.copy_from_slice(bytes);
                    fast.find_in(padded.as_slice(), (from..PADDED).into())?
                }
                None => fast.find_in(bytes, (from..bytes.len()).into())?,
            };
            return Some((*self.which.get(m.pattern().as_usize())?, m.start(), m.end()));
        }
        let m = self.slow.as_ref()?.find(bytes.get(from..)?)?;
        Some((*self.which.get(m.pattern().as_usize())?, from + m.start(), from + m.end()))
    }
}

/// Looks behind every mark.
pub(super) fn scan(t: &mut Text<'_>, s: &Scanner, seen: Seen) {
    if seen.sign || !seen.unmarked {
        long(t, s, if seen.sign { &s.marks.all } else { &s.marks.words });
    }
    for ([before, sign], handler) in SHORT.iter().filter(|_| seen.short) {
        let mut from = 0;
        while let Some(n) = memchr::memchr(*sign, t.bytes.get(from..).unwrap_or_default()) {
            let end = from + n + 1;
            from = end;
            if end.checked_sub(2).and_then(|i| t.bytes.get(i)) == Some(before) {
                from = handler(t, s, end - 2, end).max(end);
            }
        }
    }
}

fn long(t: &mut Text<'_>, s: &Scanner, marks: &Searcher) {
    let mut from = 0;
    while let Some((which, start, end)) = marks.next(t.bytes, from) {
        let Some((_, handler)) = MARKS.get(which) else { return };
        // Marks overlap: where a handler took nothing, the next one may begin inside this one.
        let next = handler(t, s, start, end);
        from = if next > end { next } else { start + 1 };
    }
}

/// The marks that [`Seen::sign`] does not tell of.
pub(in crate::scan) fn words() -> impl Iterator<Item = &'static str> {
    MARKS.iter().map(|m| m.0).filter(|mark| !signed(mark))
}

/// Notes a secret.
pub(super) fn hit(
    t: &mut Text<'_>,
    start: usize,
    end: usize,
    kind: &'static str,
    rule: &'static str,
    score: u8,
) {
    t.hit(start, end, DataClass::SECRET, kind, rule, score);
}
