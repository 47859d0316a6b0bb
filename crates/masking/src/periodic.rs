//! Places where one sign stands at equal distances, as between letters that are spelled one by one and between bytes that
//! are written in pairs. Texts without such a place, nearly all, cost a few vector instructions for each block.

/// Bytes that are looked at together.
const BLOCK: usize = 32;
/// How far behind a place the look reaches.
const REACH: usize = 12;
/// A block and what the look at its last byte needs.
const WINDOW: usize = BLOCK + REACH;

/// The next place from `i` on with a sign that comes again at the same distance: of 2 or 3 thrice, or of 5 or 6 twice with
/// `0x` behind it.
pub(crate) fn next(bytes: &[u8], mut i: usize) -> Option<usize> {
    loop {
        let rest = bytes.get(i..).filter(|rest| rest.len() > 6)?;
        let worth = match rest.split_first_chunk::<WINDOW>() {
            Some((window, _)) => any(window),
            // The end, with zeros behind it, which are no sign.
            None => {
                let mut window = [0; WINDOW];
                window.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
                any(&window)
            }
        };
        let place = (0..rest.len().min(BLOCK)).find(|at| worth && rest.get(*at..).is_some_and(here));
        if let Some(at) = place {
            return Some(i + at);
        }
        i += BLOCK;
    }
}

/// Whether the first byte is such a place.
pub(crate) fn here(rest: &[u8]) -> bool {
    let Some(sign) = rest.first().filter(|b| !b.is_ascii_alphanumeric()) else { return false };
    let is = |at: usize| rest.get(at) == Some(sign);
    let hex = rest.get(1) == Some(&b'0') || rest.get(2) == Some(&b'0');
    !is(1) && (is(2) && is(4) && is(6) || hex && (is(5) && is(10) || is(6) && is(12)))
        || !is(2) && is(3) && is(6) && is(9)
}

/// Whether any byte of the first block is, without a branch.
// All indexes are below the length of the arrays; checked ones are not vectorised.
#[allow(clippy::indexing_slicing, clippy::needless_range_loop)]
fn any(window: &[u8; WINDOW]) -> bool {
    let mut found = 0u8;
    for i in 0..BLOCK {
        let (sign, one, two, three) = (window[i], window[i + 1], window[i + 2], window[i + 3]);
        let is = |at: usize| u8::from(window[i + at] == sign);
        let plain = u8::from((sign | 0x20).wrapping_sub(b'a') < 26) | u8::from(sign.wrapping_sub(b'0') < 10);
        let hex = u8::from(one == b'0') | u8::from(two == b'0');
        let bytes = hex & ((is(5) & is(10)) | (is(6) & is(12)));
        let letters = u8::from(two == sign) & is(4) & is(6);
        let pairs = u8::from(two != sign) & u8::from(three == sign) & is(6) & is(9);
        let plain = plain | u8::from(sign == 0);
        found |= (plain ^ 1) & (u8::from(one != sign) & (letters | bytes) | pairs);
    }
    found != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_found_wherever_they_lie() {
        let rows = [
            "a b c d e f g",
            "a, b, c, d, e",
            "61 6c 69 63 65",
            "0x61 0x6c 0x69 0x63",
            "0x61, 0x6c, 0x69, 0x63",
        ];
        for row in rows {
            for lead in 0..80 {
                let text = format!("{}{row}{}", "x".repeat(lead), "y".repeat(80 - lead));
                let at = next(text.as_bytes(), 0).unwrap_or(usize::MAX);
                assert!((lead..lead + row.len()).contains(&at), "{text}");
                assert!(next(row.as_bytes(), 0).is_some(), "{row}");
            }
        }
    }

    #[test]
    fn prose_and_indents_have_none() {
        for text in [
            "Keeps drinks cold for a day and hot for half of one.",
            "        let indent = 4;",
            "--------------------",
        ] {
            assert_eq!(next(text.as_bytes(), 0), None, "{text}");
        }
    }
}
