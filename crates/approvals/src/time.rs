//! Durations as policies write them: `90s`, `30m`, `8h`, `2d`.

/// Seconds of a duration; `None` for anything else, and for nothing at all.
#[must_use]
pub fn duration(text: &str) -> Option<u64> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return None,
    };
    if !number.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    number.parse::<u64>().ok()?.checked_mul(seconds).filter(|s| (1..=365 * 86_400).contains(s))
}

#[cfg(test)]
mod tests {
    #[test]
    fn only_these() {
        for (text, seconds) in [
            ("90s", Some(90)),
            ("30m", Some(1800)),
            ("2d", Some(172_800)),
            ("0s", None),
            ("", None),
            ("5", None),
            ("-5m", None),
            ("+5m", None),
            ("é", None),
            ("9999d", None),
        ] {
            assert_eq!(super::duration(text), seconds, "{text}");
        }
    }
}
