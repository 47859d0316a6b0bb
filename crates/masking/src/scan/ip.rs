//! Addresses of the Internet protocol. Versions, loopback and unspecified addresses are left alone.

use std::net::Ipv6Addr;

use carnet_model::DataClass;

use super::bytes::hex;
use super::number::{Candidate, ends};
use super::{Scanner, Text};
use crate::context;

/// Four groups up to 255 with dots between them.
pub(super) fn v4(t: &mut Text<'_>, s: &Scanner, c: &mut Candidate<'_>) -> Option<usize> {
    let (lengths, n) = c.row.lengths();
    let groups = c.row.ends();
    if n < 4 || !groups.get(1..4)?.iter().all(|g| g.2 == b'.') || groups.get(4).is_some_and(|g| g.2 == b'.') {
        return None;
    }
    let digits = c.row.digits.all();
    let mut from = 0;
    let mut octets = [0u16; 4];
    for (len, octet) in lengths.iter().zip(octets.iter_mut()) {
        let part = digits.get(from..from + len)?;
        from += len;
        *octet = part.iter().fold(0u16, |v, d| v.wrapping_mul(10).wrapping_add(u16::from(*d)));
        if *len > 3 || *octet > 255 || (*len > 1 && part.first() == Some(&0)) {
            return None;
        }
    }
    let end = groups.get(3)?.0;
    let quiet = matches!(octets, [127, ..] | [0, 0, 0, 0] | [255, 255, 255, _]);
    if quiet || !ends(t.bytes, end) || c.meaning(t, s, end) & context::VERSION != 0 {
        return None;
    }
    t.hit(c.start, end, DataClass::IP, "IP_ADDRESS", "ipv4", 90);
    Some(end)
}

/// Looks at every colon that may belong to an address; `colons` are their places.
pub(super) fn v6(t: &mut Text<'_>) {
    let bytes = t.bytes;
    let mut floor = 0;
    for colon in memchr::memchr_iter(b':', bytes) {
        if colon < floor {
            continue;
        }
        let near = |i: Option<usize>| i.and_then(|i| bytes.get(i)).copied();
        let left = near(colon.checked_sub(1));
        let right = near(Some(colon + 1));
        if !right.is_some_and(|b| hex(b) || b == b':')
            || !left.is_none_or(|b| hex(b) || b == b':' || !b.is_ascii_alphanumeric())
        {
            continue;
        }
        let part = |b: &u8| hex(*b) || *b == b':';
        let start = colon
            - bytes
                .get(floor..colon)
                .unwrap_or_default()
                .iter()
                .rev()
                .take(40)
                .take_while(|b| part(b))
                .count();
        let run = bytes
            .get(start..)
            .unwrap_or_default()
            .iter()
            .take(46)
            .take_while(|b| part(b) || **b == b'.')
            .count();
        let mut end = start + run;
        floor = end.max(colon + 1);
        while end > start && matches!(bytes.get(end - 1), Some(b'.')) {
            end -= 1;
        }
        let glued = start
            .checked_sub(1)
            .and_then(|i| bytes.get(i))
            .is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
        if !glued && ends(bytes, end) {
            address(t, start, end);
        }
    }
}

fn address(t: &mut Text<'_>, start: usize, end: usize) {
    let Some(run) = t.bytes.get(start..end) else { return };
    if run.len() == 17
        && run.iter().skip(2).step_by(3).all(|b| *b == b':')
        && run.iter().filter(|b| **b == b':').count() == 5
    {
        t.hit(start, end, DataClass::MAC_ADDRESS, "MAC_ADDRESS", "mac", 90);
        return;
    }
    let colons = run.iter().filter(|b| **b == b':').count();
    let digits = run.iter().filter(|b| b.is_ascii_digit()).count();
    if colons < 2 || digits < 2 || run.len() < 6 {
        return;
    }
    let text = std::str::from_utf8(run).unwrap_or_default();
    if text.parse::<Ipv6Addr>().is_ok_and(|ip| !ip.is_loopback() && !ip.is_unspecified()) {
        t.hit(start, end, DataClass::IP, "IP_ADDRESS", "ipv6", 92);
    }
}
