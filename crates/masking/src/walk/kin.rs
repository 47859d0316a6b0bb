//! What the names of members say about values that are split over them: `card1` and `card2`, `prefix` and `suffix`, `user`
//! and `domain`.

use super::{Doc, inner};

/// Whether the names of two members say that their values are parts of one.
pub(super) fn kin(doc: &Doc<'_>, a: u32, b: u32) -> bool {
    let raw = |key: u32| doc.tape.nodes().get(key as usize).map(|n| inner(doc.bytes, n)).unwrap_or_default();
    let (x, y) = (raw(a), raw(b));
    // Equal names but for the end, or words of their own: only then a closer look.
    let alike = x.first() == y.first() && x.len().abs_diff(y.len()) <= 3;
    // The letters that such a word begins with tell most others apart.
    let likely = |w: &[u8]| w.first().is_some_and(|b| b"fstlephrmb".contains(&b.to_ascii_lowercase()));
    let word = |w: &[u8]| {
        (3..=6).contains(&w.len()) && likely(w) && PARTS.iter().any(|p| p.as_bytes().eq_ignore_ascii_case(w))
    };
    let parts = |k: &[u8]| k.split(|b| matches!(b, b'_' | b'-' | b' ')).any(word);
    (alike || x.len() == 1 && y.len() == 1 || parts(x) && parts(y)) && belong(&[name(doc, a), name(doc, b)])
}

/// The name of a member in small letters.
pub(super) fn name(doc: &Doc<'_>, key: u32) -> String {
    doc.tape.value(doc.bytes, key).as_str().unwrap_or_default().to_ascii_lowercase()
}

/// Words in the names of parts.
const PARTS: [&str; 17] = [
    "first", "second", "third", "fourth", "last", "start", "end", "prefix", "suffix", "head", "tail", "rest",
    "part", "left", "right", "begin", "middle",
];

/// Names that differ in a number or a letter only, or say that they are parts.
pub(super) fn belong(keys: &[String]) -> bool {
    let stem =
        |k: &str| k.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '_' | '-' | ' ')).to_owned();
    let Some(first) = keys.first() else { return false };
    let same = !stem(first).is_empty() && keys.iter().all(|k| stem(k) == stem(first) && k.len() < 40);
    let single = keys.iter().all(|k| k.len() == 1);
    let part = |k: &String| PARTS.iter().any(|p| k.split(['_', '-', ' ']).any(|w| w == *p));
    same || single || keys.iter().all(part)
}

pub(super) fn local_key(key: &str) -> bool {
    [
        "local",
        "localpart",
        "local_part",
        "mailbox",
        "email_local",
        "email_user",
        "email_name",
        "mail_user",
        "user",
        "username",
        "user_name",
        "login",
        "account",
    ]
    .contains(&key)
}

pub(super) fn domain_key(key: &str) -> bool {
    [
        "domain",
        "email_domain",
        "mail_domain",
        "emaildomain",
        "maildomain",
        "mail_host",
        "email_host",
        "domain_part",
    ]
    .contains(&key)
}
