//! Numbers as they are written: groups of digits with separators, and the digits of a row of groups.

use super::bytes::digit;

/// At most this many digits belong to one value.
pub(crate) const MAX_DIGITS: usize = 22;
/// At most this many groups.
pub(crate) const MAX_GROUPS: usize = 10;

/// Digits in order, as values 0 to 9.
#[derive(Clone, Copy, Default)]
pub(crate) struct Digits {
    d: [u8; MAX_DIGITS],
    n: usize,
}

impl Digits {
    pub(crate) fn push(&mut self, ascii: u8) {
        if let Some(slot) = self.d.get_mut(self.n) {
            *slot = ascii.wrapping_sub(b'0');
            self.n += 1;
        }
    }

    pub(crate) fn all(&self) -> &[u8] {
        self.d.get(..self.n).unwrap_or_default()
    }

    /// The first `n` digits.
    pub(crate) fn first(&self, n: usize) -> &[u8] {
        self.d.get(..n.min(self.n)).unwrap_or_default()
    }
}

/// A row of digit groups, each behind one separator.
#[derive(Clone, Copy, Default)]
pub(crate) struct Row {
    pub(crate) digits: Digits,
    /// End of each group in the text, the count of digits up to there, and the separator in front of the group.
    ends: [(usize, usize, u8); MAX_GROUPS],
    pub(crate) groups: usize,
}

impl Row {
    /// Reads the groups that begin at `start`, which is a digit.
    pub(crate) fn read(bytes: &[u8], start: usize) -> Row {
        let mut row = Row::default();
        let mut i = start;
        let mut sep = 0u8;
        while row.groups < MAX_GROUPS {
            let from = i;
            while let Some(b) = bytes.get(i).copied().filter(|b| digit(*b)) {
                if row.digits.n >= MAX_DIGITS || i - from > MAX_DIGITS {
                    // Too long for any value: the group that does not fit is left out with all that follows.
                    return row;
                }
                row.digits.push(b);
                i += 1;
            }
            if let Some(slot) = row.ends.get_mut(row.groups) {
                *slot = (i, row.digits.n, sep);
                row.groups += 1;
            }
            let Some(s) = bytes.get(i).copied().filter(|s| matches!(s, b' ' | b'-' | b'.' | b'/')) else {
                break;
            };
            if !bytes.get(i + 1).copied().is_some_and(digit) {
                break;
            }
            sep = s;
            i += 1;
        }
        row
    }

    /// End in the text, digits so far and separator in front, for the groups in order.
    pub(crate) fn ends(&self) -> &[(usize, usize, u8)] {
        self.ends.get(..self.groups).unwrap_or_default()
    }

    /// Lengths of the first groups.
    pub(crate) fn lengths(&self) -> ([usize; MAX_GROUPS], usize) {
        let mut out = [0; MAX_GROUPS];
        let mut before = 0;
        for (slot, (_, n, _)) in out.iter_mut().zip(self.ends()) {
            *slot = n - before;
            before = *n;
        }
        (out, self.groups)
    }
}
