//! In which country an address is, from a file that the operator brings: lines of `RANGE COUNTRY`, or the form in which the regional
//! registries publish what they have delegated. What the file does not have is unknown. An address says where a
//! network is registered, which a provider may have got wrong: it can contradict what is asserted, and does not replace it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use carnet_model::Region;
use sha2::{Digest as _, Sha256};

use crate::country::Country;
use crate::known::{Known, Place};
use crate::table::Jurisdictions;

/// More ranges than the registries have delegated together.
const MOST: usize = 4_000_000;

/// Why a file of addresses cannot be used. Lines are counted from 1.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum AddressError {
    /// Not a range and a country.
    #[error("line {0} is no range of addresses with a country")]
    Line(usize),
    /// Two countries have it, or it overlaps another without lying in it.
    #[error("line {0} says something else of addresses that another line has too")]
    Overlap(usize),
    /// Too many.
    #[error("it has more than {MOST} ranges")]
    Many,
}

/// A stretch of addresses, both ends in it. IPv4 is where it lies within IPv6 (`::ffff:0:0/96`).
#[derive(Clone, Copy, Debug)]
struct Range {
    first: u128,
    last: u128,
    country: Country,
    line: usize,
}

/// Addresses by country.
#[derive(Clone)]
pub struct Addresses {
    /// Beginnings in order; what goes up to the next one. `None`: nobody's.
    from: Vec<(u128, Option<Country>)>,
    hash: [u8; 32],
}

impl Addresses {
    /// Reads a file. Countries that the table does not list (`ZZ`, `EU` of the registries) are left out: they are no place.
    ///
    /// # Errors
    /// The first line that cannot be used.
    pub fn parse(table: &Jurisdictions, text: &str) -> Result<Addresses, AddressError> {
        let mut ranges = Vec::new();
        for (line, number) in text.lines().zip(1..) {
            let line = line.split('#').next().unwrap_or("").trim();
            let read = if line.contains('|') { delegated(line) } else { plain(line) };
            let Some((first, last, name)) = read.map_err(|()| AddressError::Line(number))? else { continue };
            let Some(country) =
                table.resolve(&Region::new(name)).filter(|c| name.eq_ignore_ascii_case(c.as_str()))
            else {
                continue;
            };
            ranges.push(Range { first, last, country, line: number });
            if ranges.len() > MOST {
                return Err(AddressError::Many);
            }
        }
        Ok(Addresses { from: flat(ranges)?, hash: Sha256::digest(text.as_bytes()).into() })
    }

    /// SHA-256 of the file's text.
    #[must_use]
    pub fn hash(&self) -> &[u8; 32] {
        &self.hash
    }

    /// The country of an address.
    #[must_use]
    pub fn country(&self, address: IpAddr) -> Option<Country> {
        let address = number(address.to_canonical());
        let behind = self.from.partition_point(|(first, _)| *first <= address);
        self.from.get(behind.checked_sub(1)?)?.1
    }

    /// The place that an address observes.
    #[must_use]
    pub fn place(&self, address: IpAddr) -> Option<Place> {
        let country = self.country(address)?;
        Some(Place { region: Region::new(country.as_str()), known: Known::Observed })
    }
}

impl std::fmt::Debug for Addresses {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Addresses").field("ranges", &self.from.len()).finish_non_exhaustive()
    }
}

type Line<'a> = Result<Option<(u128, u128, &'a str)>, ()>;

/// `192.0.2.0/24 de`, with a comma or spaces between; a single address is a range of one.
fn plain(line: &str) -> Line<'_> {
    let mut words = line.split([',', ' ', '\t', ';']).filter(|w| !w.is_empty()).map(|w| w.trim_matches('"'));
    let (range, country) = match (words.next(), words.next(), words.next()) {
        (None, ..) => return Ok(None),
        (Some(range), Some(country), None) => (range, country),
        _ => return Err(()),
    };
    let (address, bits) = match range.split_once('/') {
        Some((address, bits)) => (address, Some(bits.parse::<u32>().map_err(|_| ())?)),
        None => (range, None),
    };
    let address: IpAddr = address.parse().map_err(|_| ())?;
    let width: u32 = if address.is_ipv4() { 32 } else { 128 };
    let free = width.checked_sub(bits.unwrap_or(width)).ok_or(())?;
    let (first, size) = (number(address), span(free));
    if first & size != 0 {
        return Err(());
    }
    country_code(country)?;
    Ok(Some((first, first | size, country)))
}

/// `ripencc|DE|ipv4|192.0.2.0|256|20240101|allocated|...`; for `ipv6` the fifth is the length of the prefix. Headers, summaries and numbers
/// of autonomous systems say nothing of addresses.
fn delegated(line: &str) -> Line<'_> {
    let words: Vec<&str> = line.split('|').collect();
    let [_, country, kind, start, count, _, status, ..] = words.as_slice() else {
        // `registry|*|ipv4|*|1234|summary`, or the header with the file's version.
        return if words.last() == Some(&"summary") || words.len() == 7 { Ok(None) } else { Err(()) };
    };
    if !matches!(*kind, "ipv4" | "ipv6") || *start == "*" {
        return Ok(None);
    }
    if !matches!(*status, "allocated" | "assigned") || country.is_empty() {
        return Ok(None);
    }
    let count: u128 = count.parse().map_err(|_| ())?;
    let (first, last) = if *kind == "ipv4" {
        let start: Ipv4Addr = start.parse().map_err(|_| ())?;
        let first = u128::from(u32::from(start));
        let last =
            first.checked_add(count).and_then(|end| end.checked_sub(1)).filter(|_| count > 0).ok_or(())?;
        if last > u128::from(u32::MAX) {
            return Err(());
        }
        (MAPPED | first, MAPPED | last)
    } else {
        let start: Ipv6Addr = start.parse().map_err(|_| ())?;
        let bits = u32::try_from(count).ok().filter(|bits| *bits <= 128).ok_or(())?;
        let (first, size) = (u128::from(start), span(128 - bits));
        if first & size != 0 {
            return Err(());
        }
        (first, first | size)
    };
    country_code(country)?;
    Ok(Some((first, last, country)))
}

/// `::ffff:0:0`.
const MAPPED: u128 = 0xffff << 32;

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => MAPPED | u128::from(u32::from(v4)),
        IpAddr::V6(v6) => u128::from(v6),
    }
}

/// So many bits, all set.
fn span(bits: u32) -> u128 {
    u128::MAX.checked_shr(128 - bits).unwrap_or(0)
}

fn country_code(text: &str) -> Result<(), ()> {
    if Country::code(text).is_some() { Ok(()) } else { Err(()) }
}

/// Ranges side by side: of two of which one lies in the other, the inner one counts where it is.
fn flat(mut ranges: Vec<Range>) -> Result<Vec<(u128, Option<Country>)>, AddressError> {
    ranges.sort_by_key(|r| (r.first, u128::MAX - r.last, r.line));
    let mut from: Vec<(u128, Option<Country>)> = Vec::with_capacity(ranges.len() + 1);
    let mut open: Vec<Range> = Vec::new();
    for range in ranges {
        while let Some(outer) = open.pop_if(|outer| outer.last < range.first) {
            end(&mut from, &open, &outer);
        }
        if let Some(outer) = open.last() {
            let same = outer.first == range.first && outer.last == range.last;
            if outer.last < range.last || (same && outer.country != range.country) {
                return Err(AddressError::Overlap(outer.line.max(range.line)));
            }
            if same {
                continue;
            }
        }
        begin(&mut from, range.first, Some(range.country));
        open.push(range);
    }
    while let Some(outer) = open.pop() {
        end(&mut from, &open, &outer);
    }
    Ok(from)
}

/// Behind a range its outer one goes on, or nobody's.
fn end(from: &mut Vec<(u128, Option<Country>)>, open: &[Range], range: &Range) {
    // An outer one that ends with it says what comes behind when it is taken off itself.
    if let Some(next) = range.last.checked_add(1)
        && open.last().is_none_or(|outer| outer.last > range.last)
    {
        begin(from, next, open.last().map(|outer| outer.country));
    }
}

fn begin(from: &mut Vec<(u128, Option<Country>)>, at: u128, country: Option<Country>) {
    match from.last_mut() {
        // What begins where another begins lies in it.
        Some(last) if last.0 == at => last.1 = country,
        Some(last) if last.1 == country => {}
        _ => from.push((at, country)),
    }
}
