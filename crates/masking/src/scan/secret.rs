//! Keys and tokens that vendors mark with a prefix, JSON web tokens, and private keys in PEM.

use carnet_model::DataClass;

use memchr::memmem::Finder;

use super::Text;
use super::bytes::token;

/// Runs shorter than this are no token that a prefix marks.
const SHORTEST: usize = 16;

/// Strings that are searched for, prepared once.
pub(crate) struct Marks {
    pem: Finder<'static>,
    slack: Finder<'static>,
    discord: Finder<'static>,
}

impl Marks {
    pub(super) fn new() -> Self {
        Marks {
            pem: Finder::new(b"-----BEGIN "),
            slack: Finder::new(b"hooks.slack.com/"),
            discord: Finder::new(b"discord.com/api/webhooks/"),
        }
    }
}

/// Which bytes may follow a prefix.
#[derive(Clone, Copy, PartialEq)]
enum Body {
    /// Letters, digits, `-`, `_`.
    Url,
    /// Capital letters and digits.
    Upper,
    /// Lower-case hexadecimal digits.
    Hex,
    /// Letters and digits.
    Alnum,
}

/// Prefix, shortest and longest length behind it, alphabet, type. From the vendors' documentation.
static PREFIXES: &[(&str, usize, usize, Body, &str)] = &[
    ("AKIA", 16, 16, Body::Upper, "SECRET_AWS_KEY"),
    ("ASIA", 16, 16, Body::Upper, "SECRET_AWS_KEY"),
    ("ABIA", 16, 16, Body::Upper, "SECRET_AWS_KEY"),
    ("ACCA", 16, 16, Body::Upper, "SECRET_AWS_KEY"),
    ("AIza", 35, 35, Body::Url, "SECRET_GCP_KEY"),
    ("GOCSPX-", 20, 40, Body::Url, "SECRET_GCP_KEY"),
    ("ghp_", 36, 255, Body::Alnum, "SECRET_GITHUB"),
    ("gho_", 36, 255, Body::Alnum, "SECRET_GITHUB"),
    ("ghu_", 36, 255, Body::Alnum, "SECRET_GITHUB"),
    ("ghs_", 36, 255, Body::Url, "SECRET_GITHUB"),
    ("ghr_", 36, 255, Body::Alnum, "SECRET_GITHUB"),
    ("github_pat_", 40, 255, Body::Url, "SECRET_GITHUB"),
    ("glpat-", 20, 64, Body::Url, "SECRET_GITLAB"),
    ("glptt-", 20, 64, Body::Url, "SECRET_GITLAB"),
    ("gldt-", 20, 64, Body::Url, "SECRET_GITLAB"),
    ("glrt-", 20, 64, Body::Url, "SECRET_GITLAB"),
    ("glcbt-", 20, 64, Body::Url, "SECRET_GITLAB"),
    ("GR1348941", 20, 64, Body::Url, "SECRET_GITLAB"),
    ("xoxb-", 20, 255, Body::Url, "SECRET_SLACK"),
    ("xoxp-", 20, 255, Body::Url, "SECRET_SLACK"),
    ("xoxa-", 20, 255, Body::Url, "SECRET_SLACK"),
    ("xoxr-", 20, 255, Body::Url, "SECRET_SLACK"),
    ("xoxs-", 20, 255, Body::Url, "SECRET_SLACK"),
    ("xoxe-", 20, 255, Body::Url, "SECRET_SLACK"),
    ("xapp-", 20, 255, Body::Url, "SECRET_SLACK"),
    ("sk_live_", 10, 255, Body::Alnum, "SECRET_STRIPE"),
    ("sk_test_", 10, 255, Body::Alnum, "SECRET_STRIPE"),
    ("rk_live_", 10, 255, Body::Alnum, "SECRET_STRIPE"),
    ("rk_test_", 10, 255, Body::Alnum, "SECRET_STRIPE"),
    ("whsec_", 24, 255, Body::Alnum, "SECRET_STRIPE"),
    ("sk-ant-", 24, 255, Body::Url, "SECRET_ANTHROPIC"),
    ("sk-proj-", 24, 255, Body::Url, "SECRET_OPENAI"),
    ("sk-svcacct-", 24, 255, Body::Url, "SECRET_OPENAI"),
    ("sk-admin-", 24, 255, Body::Url, "SECRET_OPENAI"),
    ("sk-or-v1-", 24, 255, Body::Url, "SECRET_OPENROUTER"),
    ("sk-", 32, 255, Body::Alnum, "SECRET_OPENAI"),
    ("npm_", 36, 36, Body::Alnum, "SECRET_NPM"),
    ("pypi-AgE", 40, 255, Body::Url, "SECRET_PYPI"),
    ("hf_", 30, 64, Body::Alnum, "SECRET_HUGGINGFACE"),
    ("dop_v1_", 64, 64, Body::Hex, "SECRET_DIGITALOCEAN"),
    ("doo_v1_", 64, 64, Body::Hex, "SECRET_DIGITALOCEAN"),
    ("dor_v1_", 64, 64, Body::Hex, "SECRET_DIGITALOCEAN"),
    ("shpat_", 32, 32, Body::Alnum, "SECRET_SHOPIFY"),
    ("shpss_", 32, 32, Body::Alnum, "SECRET_SHOPIFY"),
    ("shpca_", 32, 32, Body::Alnum, "SECRET_SHOPIFY"),
    ("shppa_", 32, 32, Body::Alnum, "SECRET_SHOPIFY"),
    ("dapi", 32, 34, Body::Hex, "SECRET_DATABRICKS"),
    ("key-", 32, 32, Body::Hex, "SECRET_MAILGUN"),
    ("SK", 32, 32, Body::Hex, "SECRET_TWILIO"),
    ("lin_api_", 32, 64, Body::Alnum, "SECRET_LINEAR"),
    ("ntn_", 40, 64, Body::Alnum, "SECRET_NOTION"),
    ("PMAK-", 40, 80, Body::Url, "SECRET_POSTMAN"),
    ("NRAK-", 27, 27, Body::Upper, "SECRET_NEWRELIC"),
    ("glsa_", 32, 64, Body::Url, "SECRET_GRAFANA"),
    ("glc_", 32, 255, Body::Url, "SECRET_GRAFANA"),
    ("dckr_pat_", 27, 64, Body::Url, "SECRET_DOCKER"),
    ("ATATT3", 100, 255, Body::Url, "SECRET_ATLASSIAN"),
    ("rubygems_", 48, 48, Body::Hex, "SECRET_RUBYGEMS"),
    ("pscale_tkn_", 30, 70, Body::Url, "SECRET_PLANETSCALE"),
    ("pul-", 40, 40, Body::Hex, "SECRET_PULUMI"),
    ("gsk_", 40, 64, Body::Alnum, "SECRET_GROQ"),
    ("xai-", 60, 100, Body::Alnum, "SECRET_XAI"),
    ("pplx-", 40, 64, Body::Alnum, "SECRET_PERPLEXITY"),
    ("r8_", 37, 37, Body::Alnum, "SECRET_REPLICATE"),
    ("sbp_", 40, 40, Body::Hex, "SECRET_SUPABASE"),
    ("figd_", 36, 64, Body::Url, "SECRET_FIGMA"),
    ("sntrys_", 40, 255, Body::Url, "SECRET_SENTRY"),
    ("sq0atp-", 22, 22, Body::Url, "SECRET_SQUARE"),
    ("sq0csp-", 43, 43, Body::Url, "SECRET_SQUARE"),
    ("CFPAT-", 43, 43, Body::Url, "SECRET_CONTENTFUL"),
    ("AGE-SECRET-KEY-1", 58, 58, Body::Upper, "SECRET_AGE"),
    ("tfp_", 40, 64, Body::Url, "SECRET_TYPEFORM"),
    ("FlyV1", 40, 255, Body::Url, "SECRET_FLY"),
    ("EAACEdEose0cBA", 20, 255, Body::Alnum, "SECRET_FACEBOOK"),
];

/// Prefixes whose secret goes on behind dots.
static DOTTED: &[(&str, usize, &str)] = &[
    ("SG.", 60, "SECRET_SENDGRID"),
    ("hvs.", 24, "SECRET_VAULT"),
    ("hvb.", 24, "SECRET_VAULT"),
    ("ya29.", 30, "SECRET_GCP_TOKEN"),
    ("dp.pt.", 40, "SECRET_DOPPLER"),
    ("sk.eyJ", 60, "SECRET_MAPBOX"),
];

/// The types that the tables give.
pub(super) fn kinds() -> impl Iterator<Item = &'static str> {
    PREFIXES.iter().map(|p| p.4).chain(DOTTED.iter().map(|d| d.2))
}

/// Looks at every run of token characters that is long enough. Bytes between runs are passed over in steps of
/// [`SHORTEST`].
pub(super) fn scan(t: &mut Text<'_>, marks: &Marks) {
    let bytes = t.bytes;
    let mut from = 0;
    while let Some(b) = bytes.get(from + SHORTEST - 1) {
        if !token(*b) {
            from += SHORTEST;
            continue;
        }
        let probe = from + SHORTEST - 1;
        let mut start = probe;
        while start > from && bytes.get(start - 1).copied().is_some_and(token) {
            start -= 1;
        }
        // The run ends before it is long enough: go on behind its end without looking for that.
        if !bytes.get(start + SHORTEST - 1).copied().is_some_and(token) {
            from = start + SHORTEST;
            continue;
        }
        let mut end = probe + 1;
        while bytes.get(end).copied().is_some_and(token) {
            end += 1;
        }
        from = if end - start >= SHORTEST { run(t, start, end) } else { end };
    }
    if bytes.len() > 40 {
        pem(t, marks);
        if memchr::memchr(b'/', bytes).is_some() {
            hooks(t, marks);
        }
    }
}

/// Looks at one run; gives where to go on.
fn run(t: &mut Text<'_>, start: usize, end: usize) -> usize {
    let Some(word) = t.bytes.get(start..end) else { return end };
    if word.starts_with(b"eyJ")
        && let Some(end) = jwt(t, start, end)
    {
        return end;
    }
    if let Some(end) = dotted(t, start, end) {
        return end;
    }
    for (prefix, least, most, body, kind) in PREFIXES {
        if prefix.as_bytes().first() != word.first() {
            continue;
        }
        let Some(rest) = word.strip_prefix(prefix.as_bytes()) else { continue };
        if (*least..=*most).contains(&rest.len()) && rest.iter().all(|b| allowed(*b, *body)) && random(rest) {
            t.hit(start, end, DataClass::SECRET, kind, "vendor_prefix", 95);
            return end;
        }
    }
    end
}

fn allowed(b: u8, body: Body) -> bool {
    match body {
        Body::Url => token(b),
        Body::Upper => b.is_ascii_uppercase() || b.is_ascii_digit(),
        Body::Hex => matches!(b, b'0'..=b'9' | b'a'..=b'f'),
        Body::Alnum => b.is_ascii_alphanumeric() || b == b'_',
    }
}

/// Looks drawn, not spelled: enough different characters, and not a documented example.
pub(super) fn random(text: &[u8]) -> bool {
    let mut seen = 0u128;
    for b in text {
        seen |= 1u128 << (b & 127);
    }
    let example = text.windows(7).any(|w| w.eq_ignore_ascii_case(b"example"));
    seen.count_ones() >= 8.min(text.len() as u32 / 2 + 1) && !example
}

/// Header, payload and signature of a JSON web token (RFC 7515); the signature may be empty.
fn jwt(t: &mut Text<'_>, start: usize, head: usize) -> Option<usize> {
    let mut end = head;
    let mut parts = 1;
    while parts < 5 && t.bytes.get(end) == Some(&b'.') {
        let len = t.bytes.get(end + 1..)?.iter().take_while(|b| token(**b)).count();
        end += 1 + len;
        parts += 1;
    }
    if parts < 3 || t.bytes.get(head + 1..head + 4) != Some(b"eyJ") && parts < 5 {
        return None;
    }
    t.hit(start, end, DataClass::SECRET, "SECRET_JWT", "jwt", 95);
    Some(end)
}

/// Prefixes with dots begin in front of the run or in it.
fn dotted(t: &mut Text<'_>, start: usize, end: usize) -> Option<usize> {
    let from = start.saturating_sub(6);
    let window = t.bytes.get(from..start)?;
    for (prefix, least, kind) in DOTTED {
        let short = prefix.trim_end_matches("eyJ");
        if !window.ends_with(short.as_bytes()) {
            continue;
        }
        let begin = start - short.len();
        let free = begin.checked_sub(1).and_then(|i| t.bytes.get(i)).is_none_or(|b| !token(*b));
        let more = t.bytes.get(end..)?.iter().take_while(|b| token(**b) || **b == b'.').count();
        if free && end + more - begin >= *least {
            t.hit(begin, end + more, DataClass::SECRET, kind, "vendor_prefix", 92);
            return Some(end + more);
        }
    }
    None
}

/// Private keys from BEGIN to END, or to the end of the text when that is cut off (RFC 7468).
fn pem(t: &mut Text<'_>, marks: &Marks) {
    let bytes = t.bytes;
    let mut from = 0;
    while let Some(at) = bytes.get(from..).and_then(|b| marks.pem.find(b)) {
        let begin = from + at;
        from = begin + 11;
        let line = bytes.get(from..bytes.len().min(from + 48)).unwrap_or_default();
        let Some(label) = memchr::memmem::find(line, b"-----").and_then(|n| line.get(..n)) else { continue };
        if !label.ends_with(b"PRIVATE KEY") && !label.ends_with(b"PRIVATE KEY BLOCK") {
            continue;
        }
        let rest = bytes.get(from + label.len() + 5..).unwrap_or_default();
        let tail = memchr::memmem::find(rest, b"-----END ").map_or(rest.len(), |n| {
            let close =
                rest.get(n + 9..).and_then(|r| memchr::memmem::find(r.get(..r.len().min(64))?, b"-----"));
            close.map_or(rest.len(), |c| n + 9 + c + 5)
        });
        let end = from + label.len() + 5 + tail;
        t.hit(begin, end, DataClass::SECRET, "SECRET_PRIVATE_KEY", "pem", 99);
        from = end;
    }
}

/// Addresses that are secrets by themselves: Slack and Discord webhooks.
fn hooks(t: &mut Text<'_>, marks: &Marks) {
    let bytes = t.bytes;
    for (host, kind) in [(&marks.slack, "SECRET_SLACK"), (&marks.discord, "SECRET_DISCORD")] {
        let mut from = 0;
        while let Some(at) = bytes.get(from..).and_then(|b| host.find(b)) {
            let path = from + at + host.needle().len();
            let len = bytes
                .get(path..)
                .unwrap_or_default()
                .iter()
                .take(160)
                .take_while(|b| token(**b) || **b == b'/')
                .count();
            from = path + len;
            if len >= 30 {
                t.hit(path, from, DataClass::SECRET, kind, "webhook", 92);
            }
        }
    }
}
