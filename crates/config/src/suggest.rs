//! "Did you mean": the nearest of the words that would have been accepted.

/// The nearest word, if it is near enough to have been meant.
pub(crate) fn nearest<'a>(word: &str, among: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > 64 {
        return None;
    }
    let lower = word.to_lowercase();
    let most = (word.chars().count() / 3).clamp(1, 4);
    let scored = among.into_iter().map(|w| (distance(&lower, &w.to_lowercase()), w));
    scored.filter(|(d, _)| *d <= most).min_by_key(|(d, _)| *d).map(|(_, w)| w)
}

/// `did you mean `x`?`, or the list of what is accepted if it is short.
pub(crate) fn help(word: &str, among: &[&str]) -> Option<String> {
    match nearest(word, among.iter().copied()) {
        Some(meant) => Some(format!("did you mean `{meant}`?")),
        None if among.is_empty() => None,
        None => Some(format!("one of: {}", among.join(", "))),
    }
}

/// Insertions, deletions, replacements and swaps of neighbours (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    let mut last_a = None;
    for (i, ca) in a.iter().enumerate() {
        let mut next = vec![i + 1];
        let mut last_b = None;
        for (j, cb) in b.iter().enumerate() {
            let at = |r: &[usize], k: usize| r.get(k).copied().unwrap_or(usize::MAX - 1);
            let swap = last_a == Some(cb) && last_b == Some(ca) && j > 0;
            let swapped = if swap { at(&before, j - 1) + 1 } else { usize::MAX };
            let replaced = at(&row, j) + usize::from(ca != cb);
            next.push(replaced.min(at(&row, j + 1) + 1).min(at(&next, j) + 1).min(swapped));
            last_b = Some(cb);
        }
        before = std::mem::replace(&mut row, next);
        last_a = Some(ca);
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        let table = [
            ("", "", 0),
            ("a", "", 1),
            ("listners", "listeners", 1),
            ("serevrs", "servers", 1),
            ("ab", "cd", 2),
        ];
        for (a, b, d) in table {
            assert_eq!(distance(a, b), d, "{a} {b}");
        }
        assert_eq!(nearest("emial", ["email", "iban"]), Some("email"));
        assert_eq!(nearest("zzz", ["email", "iban"]), None);
    }
}
