//! The numbering plans, ready to be asked: which code a number begins with, and whether a national number is given out.

use super::plans::PLANS;

/// One calling code.
pub(crate) struct Plan {
    code: u16,
    trunk: &'static [u8],
    countries: &'static str,
    shortest: u8,
    longest: u8,
    /// For the first two digits, a bit for each length from four on.
    lengths: Box<[u16; 100]>,
}

/// All calling codes.
pub(crate) struct Plans {
    plans: Vec<Plan>,
}

impl Plans {
    pub(crate) fn new() -> Self {
        let plans = PLANS
            .iter()
            .map(|(code, trunk, countries, ranges)| {
                let lengths = read(ranges);
                let all = lengths.iter().fold(0u16, |all, one| all | one);
                Plan {
                    code: *code,
                    trunk: trunk.as_bytes(),
                    countries,
                    shortest: all.trailing_zeros() as u8 + 4,
                    longest: 15 - all.leading_zeros() as u8 + 4,
                    lengths: Box::new(lengths),
                }
            })
            .collect();
        Plans { plans }
    }

    /// The plan whose code the digits begin with, and how long the code is. Codes are prefix-free.
    pub(crate) fn of(&self, d: &[u8]) -> Option<(usize, &Plan)> {
        let mut code = 0u16;
        for (i, digit) in d.iter().take(3).enumerate() {
            code = code * 10 + u16::from(*digit);
            if code > 0
                && let Ok(n) = self.plans.binary_search_by_key(&code, |p| p.code)
            {
                return self.plans.get(n).map(|p| (i + 1, p));
            }
        }
        None
    }

    /// Whether the digits are a number of this country as it is dialled inside it, with the trunk prefix where the
    /// country has one.
    pub(crate) fn national(&self, country: &[u8; 2], d: &[u8]) -> bool {
        let name = std::str::from_utf8(country).unwrap_or("--");
        self.plans.iter().filter(|p| p.countries.split(' ').any(|c| c == name)).any(|p| p.dialled(d))
    }
}

impl Plan {
    /// Whether numbers of this length and with these first digits are given out.
    pub(crate) fn fits(&self, national: &[u8]) -> bool {
        let [a, b, ..] = national else { return false };
        let lengths = self.lengths.get(usize::from(a * 10 + b)).copied().unwrap_or(0);
        national.len().checked_sub(4).is_some_and(|n| n < 16 && lengths >> n & 1 == 1)
    }

    /// Whether any number of this plan is that long.
    pub(crate) fn long_enough(&self, len: usize) -> bool {
        (usize::from(self.shortest)..=usize::from(self.longest)).contains(&len)
    }

    fn dialled(&self, d: &[u8]) -> bool {
        let trunk = self.trunk.len();
        if trunk == 0 {
            return self.fits(d);
        }
        let same = d.len() > trunk && self.trunk.iter().zip(d).all(|(t, d)| t - b'0' == *d);
        // In North America the trunk prefix is left out as often as not.
        same && d.get(trunk..).is_some_and(|rest| self.fits(rest)) || self.code == 1 && self.fits(d)
    }
}

/// Reads `10-39:20 41:20`.
fn read(ranges: &str) -> [u16; 100] {
    let mut lengths = [0u16; 100];
    for range in ranges.split(' ') {
        let Some((digits, set)) = range.split_once(':') else { continue };
        let (first, last) = digits.split_once('-').unwrap_or((digits, digits));
        let (Ok(first), Ok(last)) = (first.parse::<usize>(), last.parse::<usize>()) else { continue };
        let set = u16::from_str_radix(set, 16).unwrap_or(0);
        for slot in lengths.iter_mut().take(last + 1).skip(first) {
            *slot = set;
        }
    }
    lengths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_range_is_read() {
        let ranges: usize = PLANS.iter().map(|p| p.3.split(' ').count()).sum();
        let read: usize = PLANS
            .iter()
            .map(|p| {
                p.3.split(' ')
                    .filter(|r| {
                        let (digits, set) = r.split_once(':').unwrap();
                        let first: usize = digits.split('-').next().unwrap().parse().unwrap();
                        read(p.3)[first] == u16::from_str_radix(set, 16).unwrap()
                    })
                    .count()
            })
            .sum();
        assert_eq!(ranges, read);
        assert!(PLANS.windows(2).all(|w| w[0].0 < w[1].0), "in the order of the codes");
    }
}
