//! Single values with a meaning: sizes, durations, rates, times, references, names. Each reader says `None` for
//! what it does not accept; what to tell the user is in `check`.

use std::net::SocketAddr;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use crate::resolved::{EnvValue, Rate, SecretRef};

/// Splits a number from its unit.
fn number_and_unit(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end)?;
    Some((number.parse().ok()?, unit.trim_start_matches(' ')))
}

/// Bytes: `512B`, `64KiB`, `4MiB`, `1GiB`; `KB`, `MB`, `GB` are powers of ten.
pub(crate) fn size(text: &str) -> Option<u64> {
    let (n, unit) = number_and_unit(text)?;
    let factor: u64 = match unit {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "KB" | "kB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        _ => return None,
    };
    n.checked_mul(factor).filter(|bytes| *bytes > 0)
}

/// Time: `250ms`, `30s`, `5m`, `2h`, `7d`. Never zero.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let (n, unit) = number_and_unit(text)?;
    let millis: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    // A century is longer than any timeout and far from overflowing a clock.
    n.checked_mul(millis).filter(|ms| (1..=3_155_760_000_000).contains(ms)).map(Duration::from_millis)
}

/// `COUNT/PERIOD [burst COUNT]`, the period being `s`, `m`, `h`, `d` or a duration such as `10s`.
pub(crate) fn rate(text: &str) -> Option<Rate> {
    let mut words = text.split_ascii_whitespace();
    let (count, period) = words.next()?.split_once('/')?;
    let count: u32 = digits(count)?;
    let period = match period {
        "s" => Duration::from_secs(1),
        "m" | "min" => Duration::from_secs(60),
        "h" => Duration::from_secs(3600),
        "d" => Duration::from_secs(86_400),
        other => duration(other)?,
    };
    let burst = match (words.next(), words.next(), words.next()) {
        (None, _, _) => count,
        (Some("burst"), Some(n), None) => digits(n)?,
        _ => return None,
    };
    Some(Rate { count, period, burst })
}

/// A positive number without a leading zero.
pub(crate) fn digits<T: std::str::FromStr + PartialEq + Default>(text: &str) -> Option<T> {
    if text.starts_with('0') || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok().filter(|n| *n != T::default())
}

/// `true` or `false`; `yes`, `no`, `on` and `off` are not accepted.
/// A number with at most two decimals, in hundredths.
pub(crate) fn centi(text: &str) -> Option<u32> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let numeric = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    if !numeric(whole) || !numeric(part) || part.len() > 2 {
        return None;
    }
    let hundredths: u32 = format!("{part:0<2}").parse().ok()?;
    whole.parse::<u32>().ok()?.checked_mul(100)?.checked_add(hundredths)
}

pub(crate) fn flag(text: &str) -> Option<bool> {
    match text {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

/// Address and port; `localhost` stands for 127.0.0.1.
pub(crate) fn address(text: &str) -> Option<SocketAddr> {
    match text.strip_prefix("localhost:") {
        Some(port) => Some(SocketAddr::from(([127, 0, 0, 1], port.parse().ok()?))),
        None => text.parse().ok(),
    }
}

/// A reference to a secret; paths start from the folder.
pub(crate) fn secret(text: &str, folder: &Path) -> Option<SecretRef> {
    if let Some(name) = text.strip_prefix("env:") {
        return variable(name).then(|| SecretRef::Env(name.to_owned()));
    }
    let file = text.strip_prefix("file:").filter(|p| !p.is_empty())?;
    Some(SecretRef::File(path(file, folder)))
}

/// A value of a child's environment.
pub(crate) fn env_value(text: &str, folder: &Path) -> Option<EnvValue> {
    match text.strip_prefix("value:") {
        Some(plain) if !plain.contains('\0') => Some(EnvValue::Plain(plain.to_owned())),
        Some(_) => None,
        None => secret(text, folder).map(EnvValue::Secret),
    }
}

/// A path, starting from the folder if it is relative; `./` is taken away.
pub(crate) fn path(text: &str, folder: &Path) -> PathBuf {
    let joined = folder.join(text);
    joined.components().filter(|c| !matches!(c, Component::CurDir)).collect()
}

/// The name of an environment variable.
pub(crate) fn variable(text: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    !text.is_empty() && text.bytes().all(word) && !text.starts_with(|c: char| c.is_ascii_digit())
}

/// `[a-z0-9-]+`, not starting or ending with a hyphen, at most 63 characters.
pub(crate) fn name(text: &str) -> bool {
    let word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=63).contains(&text.len()) && text.bytes().all(word) && !text.starts_with('-') && !text.ends_with('-')
}

/// A country, subdivision, zone or cloud region by syntax: letters, digits and hyphens, beginning with two letters; before it
/// may stand whose region it is, as in `alibaba:eu-west-1`.
pub(crate) fn region(text: &str) -> bool {
    let (provider, text) = text.split_once(':').unwrap_or(("any", text));
    if provider.is_empty() || provider.len() > 40 || !provider.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return false;
    }
    let mut bytes = text.bytes();
    let starts = bytes.by_ref().take(2).filter(u8::is_ascii_alphabetic).count() == 2;
    starts
        && text.len() <= 40
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !text.ends_with('-')
}

/// A header field's name (RFC 9110, token).
pub(crate) fn header_name(text: &str) -> bool {
    let special = b"!#$%&'*+-.^_`|~";
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || special.contains(&b))
}

/// 64 hexadecimal digits.
pub(crate) fn sha256(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let mut out = [0u8; 32];
    for (byte, pair) in out.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(out)
}

/// Seconds since 1970 of an RFC 3339 time in UTC (`Z`), whole seconds; a date alone means its first second.
pub(crate) fn time(text: &str) -> Option<u64> {
    let (date, clock) = text.split_once('T').unwrap_or((text, "00:00:00Z"));
    let [year, month, day] = fields(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = fields(clock.strip_suffix('Z')?, ':', [2, 2, 2])?;
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u64::from(leap),
        1..=12 => 31,
        _ => return None,
    };
    let inside =
        (1970..=9999).contains(&year) && (1..=days).contains(&day) && hour < 24 && minute < 60 && second < 60;
    if !inside {
        return None;
    }
    // Days from civil, counted from March so that the leap day comes last.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = y * 365 + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 + day - 1 - 719_468;
    Some(days * 86_400 + hour * 3600 + minute * 60 + second)
}

fn fields(text: &str, separator: char, widths: [usize; 3]) -> Option<[u64; 3]> {
    let mut out = [0; 3];
    let mut parts = text.split(separator);
    for (slot, width) in out.iter_mut().zip(widths) {
        let part = parts.next().filter(|p| p.len() == width && p.bytes().all(|b| b.is_ascii_digit()))?;
        *slot = part.parse().ok()?;
    }
    parts.next().is_none().then_some(out)
}

/// The parts of an absolute URL that checks need.
pub(crate) struct UrlParts<'a> {
    pub(crate) https: bool,
    pub(crate) host: &'a str,
    /// Path and query, empty if there is none.
    pub(crate) path: &'a str,
}

/// An absolute `http` or `https` URL without credentials and fragment.
pub(crate) fn url(text: &str) -> Option<UrlParts<'_>> {
    let (https, rest) = match text.strip_prefix("https://") {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix("http://")?),
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end)?;
    let bad = |c: char| {
        !c.is_ascii_graphic() || matches!(c, '#' | '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}')
    };
    if path.contains(bad) {
        return None;
    }
    host(authority).map(|host| UrlParts { https, host, path })
}

/// The host of `HOST[:PORT]`, without brackets.
pub(crate) fn host(authority: &str) -> Option<&str> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']')?;
            host.parse::<std::net::Ipv6Addr>().ok()?;
            (host, after.strip_prefix(':').or(after.is_empty().then_some("0")))
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, Some("0")),
        },
    };
    port?.parse::<u16>().ok()?;
    let v6 = host.contains(':');
    let named = host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'));
    (!host.is_empty() && (v6 || named)).then_some(host)
}

/// Whether a URL's host is this machine.
pub(crate) fn loopback_host(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        let table = [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("1970-01-01", Some(0)),
            ("2000-02-29T12:34:56Z", Some(951_827_696)),
            ("2026-11-21", Some(1_795_219_200)),
            ("2100-03-01", Some(4_107_542_400)),
            ("2100-02-29", None),
            ("2027-13-01", None),
            ("2027-01-01T24:00:00Z", None),
            ("2027-01-01T00:00:00+01:00", None),
            ("2027-01-01T00:00:00", None),
            ("27-1-1", None),
        ];
        for (text, seconds) in table {
            assert_eq!(time(text), seconds, "{text}");
        }
    }

    #[test]
    fn units() {
        assert_eq!(
            [size("4MiB"), size("4 KB"), size("0B"), size("4"), size("4mib")],
            [Some(4 << 20), Some(4000), None, None, None]
        );
        assert_eq!(size("99999999999999999GiB"), None);
        let ms = |n| Some(Duration::from_millis(n));
        assert_eq!(
            [duration("250ms"), duration("5m"), duration("0s"), duration("-1s")],
            [ms(250), ms(300_000), None, None]
        );
        let rate_of = |count, secs, burst| Some(Rate { count, period: Duration::from_secs(secs), burst });
        assert_eq!(rate("100/s"), rate_of(100, 1, 100));
        assert_eq!(rate("5/10s burst 7"), rate_of(5, 10, 7));
        for bad in ["100", "0/s", "1/s burst", "1/s burst 0", "1/s burst 2 3", "1/s bursts 2", "/s"] {
            assert_eq!(rate(bad), None, "{bad}");
        }
    }

    #[test]
    fn urls_and_hosts() {
        for good in ["https://a", "http://127.0.0.1:80/x?y=1", "https://[::1]:8080/", "https://a.example:443"]
        {
            assert!(url(good).is_some(), "{good}");
        }
        for bad in [
            "a",
            "ftp://a",
            "https://",
            "https://u@a",
            "https://a:99999",
            "https://a#f",
            "https://a b",
            "https:///x",
            "https://[::1",
        ] {
            assert!(url(bad).is_none(), "{bad}");
        }
        for (name, here) in [
            ("localhost", true),
            ("127.9.9.9", true),
            ("::1", true),
            ("localhost.example", false),
            ("10.0.0.1", false),
        ] {
            assert_eq!(loopback_host(name), here, "{name}");
        }
    }

    #[test]
    fn references_and_paths() {
        let folder = Path::new("/etc/carnet");
        assert_eq!(secret("env:A_1", folder), Some(SecretRef::Env("A_1".into())));
        assert_eq!(secret("file:./k", folder), Some(SecretRef::File("/etc/carnet/k".into())));
        assert_eq!(secret("file:/k", folder), Some(SecretRef::File("/k".into())));
        for bad in ["env:", "env:1A", "env:A-B", "file:", "A", "ENV:A", "value:x"] {
            assert_eq!(secret(bad, folder), None, "{bad}");
        }
        assert_eq!(env_value("value:", folder), Some(EnvValue::Plain(String::new())));
    }
}
