//! What the name in front of a value says about secrets: a vendor whose keys have a known shape, or a word such as `token`.
//! Shapes by vendor follow the public rules of gitleaks (MIT).

use aho_corasick::{AhoCorasick, MatchKind};

use super::drawn::{self, drawn};
use crate::keys::{Hint, Strength};
use crate::value;

/// What a vendor's value is made of, with its shortest and longest length.
#[derive(Clone, Copy)]
enum Shape {
    /// Letters and digits.
    Alnum(usize, usize),
    Hex(usize, usize),
    Digits(usize, usize),
    /// Letters, digits, `-`, `_`, `=`, `.`.
    Url(usize, usize),
    /// Letters, digits, `-`, `_`, `=`, `+`, `/`.
    Base64(usize, usize),
    Uuid,
    /// A fixed beginning, then letters, digits, `-`, `_`, `=`, `.`, `%`.
    Begins(&'static str, usize, usize),
}

use Shape::{Alnum, Base64, Begins, Digits, Hex, Url, Uuid};

impl Shape {
    fn fits(self, v: &[u8]) -> bool {
        let made =
            |lo: usize, hi: usize, of: fn(&u8) -> bool| (lo..=hi).contains(&v.len()) && v.iter().all(of);
        match self {
            Alnum(lo, hi) => made(lo, hi, u8::is_ascii_alphanumeric),
            Hex(lo, hi) => made(lo, hi, u8::is_ascii_hexdigit),
            Digits(lo, hi) => made(lo, hi, u8::is_ascii_digit),
            Url(lo, hi) => {
                made(lo, hi, |b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'=' | b'.'))
            }
            Base64(lo, hi) => {
                made(lo, hi, |b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'=' | b'+' | b'/'))
            }
            Uuid => drawn::uuid(v),
            Begins(head, lo, hi) => {
                v.get(..head.len()).is_some_and(|h| h.eq_ignore_ascii_case(head.as_bytes()))
                    && (lo..=hi).contains(&(v.len() - head.len()))
                    && v.iter().all(|b| {
                        b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'=' | b'.' | b'%' | b':')
                    })
            }
        }
    }
}

/// A vendor's name in lower case, the type, and the shapes of its keys. Names of up to six letters count as whole words only.
type Vendor = (&'static str, &'static str, &'static [Shape]);

#[rustfmt::skip]
static VENDORS: &[Vendor] = &[
    ("adafruit", "SECRET_ADAFRUIT", &[Url(32, 32)]),
    ("adobe", "SECRET_ADOBE", &[Hex(32, 32)]),
    ("airtable", "SECRET_AIRTABLE", &[Alnum(17, 17)]),
    ("algolia", "SECRET_ALGOLIA", &[Alnum(32, 32)]),
    ("alibaba", "SECRET_ALIBABA", &[Alnum(30, 30)]),
    ("asana", "SECRET_ASANA", &[Digits(16, 16), Alnum(32, 32)]),
    ("atlassian", "SECRET_ATLASSIAN", &[Alnum(24, 24)]),
    ("confluence", "SECRET_ATLASSIAN", &[Alnum(24, 24)]),
    ("jira", "SECRET_ATLASSIAN", &[Alnum(24, 24)]),
    ("beamer", "SECRET_BEAMER", &[Begins("b_", 44, 44)]),
    ("bitbucket", "SECRET_BITBUCKET", &[Alnum(32, 32), Url(64, 64)]),
    ("bittrex", "SECRET_BITTREX", &[Alnum(32, 32)]),
    ("meraki", "SECRET_MERAKI", &[Hex(40, 40)]),
    ("cloudflare", "SECRET_CLOUDFLARE", &[Url(40, 40), Hex(37, 37)]),
    ("codecov", "SECRET_CODECOV", &[Alnum(32, 32), Uuid]),
    ("cohere", "SECRET_COHERE", &[Alnum(40, 40)]),
    ("coapikey", "SECRET_COHERE", &[Alnum(40, 40)]),
    ("coinbase", "SECRET_COINBASE", &[Url(64, 64)]),
    ("confluent", "SECRET_CONFLUENT", &[Alnum(16, 16), Alnum(64, 64)]),
    ("contentful", "SECRET_CONTENTFUL", &[Url(43, 43)]),
    ("datadog", "SECRET_DATADOG", &[Alnum(40, 40), Hex(32, 32)]),
    ("discord", "SECRET_DISCORD", &[Hex(64, 64), Digits(18, 18), Url(32, 32)]),
    ("droneci", "SECRET_DRONECI", &[Alnum(32, 32)]),
    ("dropbox", "SECRET_DROPBOX", &[Alnum(15, 15), Url(64, 64), Begins("sl.", 130, 200)]),
    ("etsy", "SECRET_ETSY", &[Alnum(24, 24)]),
    ("facebook", "SECRET_FACEBOOK", &[Hex(32, 32)]),
    ("fastly", "SECRET_FASTLY", &[Url(32, 32)]),
    ("finicity", "SECRET_FINICITY", &[Hex(32, 32), Alnum(20, 20)]),
    ("finnhub", "SECRET_FINNHUB", &[Alnum(20, 20)]),
    ("flickr", "SECRET_FLICKR", &[Alnum(32, 32)]),
    ("freshbooks", "SECRET_FRESHBOOKS", &[Alnum(64, 64)]),
    ("gitter", "SECRET_GITTER", &[Url(40, 40)]),
    ("gocardless", "SECRET_GOCARDLESS", &[Begins("live_", 40, 40)]),
    ("heroku", "SECRET_HEROKU", &[Uuid]),
    ("hubspot", "SECRET_HUBSPOT", &[Uuid]),
    ("intercom", "SECRET_INTERCOM", &[Url(60, 60)]),
    ("jfrog", "SECRET_ARTIFACTORY", &[Alnum(73, 73), Alnum(64, 64)]),
    ("artifactory", "SECRET_ARTIFACTORY", &[Alnum(73, 73), Alnum(64, 64)]),
    ("bintray", "SECRET_ARTIFACTORY", &[Alnum(73, 73), Alnum(64, 64)]),
    ("xray", "SECRET_ARTIFACTORY", &[Alnum(73, 73), Alnum(64, 64)]),
    ("kraken", "SECRET_KRAKEN", &[Base64(80, 90)]),
    ("kucoin", "SECRET_KUCOIN", &[Hex(24, 24), Uuid]),
    ("launchdarkly", "SECRET_LAUNCHDARKLY", &[Url(40, 40)]),
    ("linear", "SECRET_LINEAR", &[Hex(32, 32)]),
    ("linkedin", "SECRET_LINKEDIN", &[Alnum(14, 14), Alnum(16, 16)]),
    ("lob", "SECRET_LOB", &[Begins("live_", 35, 35), Begins("test_", 35, 35)]),
    ("looker", "SECRET_LOOKER", &[Alnum(20, 20), Alnum(24, 24)]),
    ("mailchimp", "SECRET_MAILCHIMP", &[Url(36, 37)]),
    ("mailgun", "SECRET_MAILGUN", &[Url(50, 50), Hex(32, 32)]),
    ("mapbox", "SECRET_MAPBOX", &[Begins("pk.", 60, 100)]),
    ("mattermost", "SECRET_MATTERMOST", &[Alnum(26, 26)]),
    ("messagebird", "SECRET_MESSAGEBIRD", &[Alnum(25, 25), Uuid]),
    ("netlify", "SECRET_NETLIFY", &[Url(40, 46)]),
    ("newrelic", "SECRET_NEWRELIC", &[Alnum(64, 64), Hex(40, 40)]),
    ("nytimes", "SECRET_NYTIMES", &[Url(32, 32)]),
    ("newyorktimes", "SECRET_NYTIMES", &[Url(32, 32)]),
    ("okta", "SECRET_OKTA", &[Begins("00", 40, 40)]),
    ("plaid", "SECRET_PLAID", &[Alnum(24, 24), Alnum(30, 30)]),
    ("privateai", "SECRET_PRIVATEAI", &[Alnum(32, 32)]),
    ("rapidapi", "SECRET_RAPIDAPI", &[Url(50, 50)]),
    ("sendbird", "SECRET_SENDBIRD", &[Uuid, Hex(40, 40)]),
    ("sentry", "SECRET_SENTRY", &[Hex(64, 64)]),
    ("bundleenterprisecontribsys", "SECRET_SIDEKIQ", &[Begins("", 17, 17)]),
    ("bundlegemscontribsys", "SECRET_SIDEKIQ", &[Begins("", 17, 17)]),
    ("snyk", "SECRET_SNYK", &[Uuid]),
    ("sonar", "SECRET_SONAR", &[Url(40, 44)]),
    ("sourcegraph", "SECRET_SOURCEGRAPH", &[Hex(40, 40)]),
    ("squarespace", "SECRET_SQUARESPACE", &[Uuid]),
    ("sumo", "SECRET_SUMOLOGIC", &[Begins("su", 12, 12), Alnum(64, 64)]),
    ("sumologic", "SECRET_SUMOLOGIC", &[Begins("su", 12, 12), Alnum(64, 64)]),
    ("telegram", "SECRET_TELEGRAM", &[Begins("", 40, 52)]),
    ("travis", "SECRET_TRAVIS", &[Alnum(22, 22)]),
    ("twitch", "SECRET_TWITCH", &[Alnum(30, 30)]),
    ("twitter", "SECRET_TWITTER", &[
        Alnum(45, 45), Alnum(25, 25), Alnum(50, 50), Url(36, 66), Begins("AAAAAAAAAAAAAAAAAAAAAA", 80, 100),
    ]),
    ("yandex", "SECRET_YANDEX", &[Begins("t1.", 80, 400), Begins("AQVN", 35, 38), Begins("YC", 38, 38)]),
    ("zendesk", "SECRET_ZENDESK", &[Alnum(40, 40)]),
];

/// The types that vendors' names give.
pub(super) fn kinds() -> impl Iterator<Item = &'static str> {
    VENDORS.iter().map(|v| v.1)
}

/// Words in a name that speak of a secret. Passwords need less of their value than the others.
static SECRETS: &[&str] = &[
    "access",
    "auth",
    "api",
    "credential",
    "creds",
    "key",
    "passwd",
    "password",
    "passphrase",
    "passwort",
    "secret",
    "token",
    "sig",
    "webhook",
    "bearer",
    "cookie",
    "session",
];

/// Words in a name that say the value is not the secret itself (after gitleaks' allow-list).
#[rustfmt::skip]
static NOT: &[&str] = &[
    "accessor", "accessibility", "accessid", "randomaccess", "apiid", "apiname", "apiversion", "rapid", "capital",
    "author", "msexchange", "authenticationresults", "credentialid", "credentialsid", "withcredentials", "bucketkey",
    "foreignkey", "hotkey", "idxkey", "naturalkey", "primarykey", "pubkey", "publickey", "schemakey", "sequencekey",
    "turkey", "keyalias", "keyboard", "keycode", "keyframe", "keyid", "keylength", "keymesh", "keyname", "keypair",
    "keypress", "keyring", "keyselector", "keysignature", "keysize", "keystone", "keystore", "keytab", "keyword",
    "keyup", "keydown", "keyleft", "keyright", "keyvaultid", "keyvaultname", "keyvaultto", "issuerkeyhash", "monkey",
    "keying", "secretlength", "secretname", "secretsize", "usersecretsid", "csrf", "publictoken", "url", "uri",
    "endpoint", "keyfile", "tokenfile", "keypath", "partitionkey", "sortkey", "cachekey", "signaturealgorithm", "sigma",
    "design", "signal", "significant", "signin", "signup", "sessionname", "tokentype", "tokenizer", "tokencount",
    "maxtokens", "authmethod", "authtype", "oauthscope", "keytype", "keyusage", "keymap", "keycloak", "passwordpolicy",
    "passwordhash", "apigroup", "apiserver", "i18nkey", "objectkey", "s3key", "rowkey", "keychars", "tokenaudience",
    "accesslevel", "accesslog", "accesstime", "webhookid", "webhookname", "sessionid", "checksum", "integrity", "sha",
    "requestid", "resourceversion", "keydigest", "insight", "signed", "assign",
];

/// The names, compiled.
pub(crate) struct Names {
    automaton: Option<AhoCorasick>,
}

/// What a name says.
#[derive(Clone, Copy, Default)]
pub(crate) struct Look {
    vendor: Option<&'static Vendor>,
    /// Holds a word for secrets and none that speaks against it.
    secret: bool,
}

impl Look {
    /// Says nothing.
    pub(crate) fn silent(self) -> bool {
        self.vendor.is_none() && !self.secret
    }
}

impl Names {
    pub(crate) fn new() -> Self {
        let all = VENDORS.iter().map(|v| v.0).chain(SECRETS.iter().copied()).chain(NOT.iter().copied());
        Names { automaton: AhoCorasick::builder().match_kind(MatchKind::Standard).build(all).ok() }
    }

    /// Reads a name. Its letters and digits are taken without separators and case.
    pub(crate) fn look(&self, name: &str) -> Look {
        let mut look = Look::default();
        let Some(automaton) = &self.automaton else { return look };
        let squashed = Squashed::of(name);
        let text = squashed.text();
        let mut barred = false;
        for m in automaton.find_overlapping_iter(text) {
            let i = m.pattern().as_usize();
            if let Some(vendor) = VENDORS.get(i) {
                let whole = squashed.word(m.start(), m.end());
                if vendor.0.len() > 6 || whole {
                    look.vendor = Some(vendor);
                }
            } else if let Some(word) = SECRETS.get(i - VENDORS.len()) {
                look.secret |= word.len() > 3 || squashed.word(m.start(), m.end());
            } else {
                barred = true;
            }
        }
        look.secret &= !barred;
        look
    }
}

/// A name without separators in lower case, and where its words begin.
struct Squashed {
    text: [u8; 64],
    n: usize,
    /// A bit for each byte that begins a word; the end of the text counts as well.
    begins: u128,
}

impl Squashed {
    fn of(name: &str) -> Squashed {
        let mut s = Squashed { text: [0; 64], n: 0, begins: 1 };
        let mut last = b' ';
        for b in name.bytes() {
            if !b.is_ascii_alphanumeric() {
                s.begins |= 1 << s.n;
            } else if let Some(slot) = s.text.get_mut(s.n) {
                if b.is_ascii_uppercase() && !last.is_ascii_uppercase() || b.is_ascii_digit() {
                    s.begins |= 1 << s.n;
                }
                *slot = b.to_ascii_lowercase();
                s.n += 1;
            }
            last = b;
        }
        s.begins |= 1 << s.n;
        s
    }

    fn text(&self) -> &[u8] {
        self.text.get(..self.n).unwrap_or_default()
    }

    fn word(&self, start: usize, end: usize) -> bool {
        self.begins >> start & 1 == 1 && self.begins >> end & 1 == 1
    }
}

/// The type of a value behind a name, if it is a secret. `quoted` values need less to convince.
pub(crate) fn secret(look: Look, hint: Option<Hint>, value: &str, quoted: bool) -> Option<&'static str> {
    let b = value.as_bytes();
    // A row of names and signs is no value, and hostile text is full of them.
    if !quoted && b.len() > 64 && b.iter().filter(|b| **b == b':').count() > 3 {
        return None;
    }
    let open = b.first().is_some_and(|b| matches!(b, b'<' | b'{' | b'[' | b'(' | b'`' | b'$' | b'@' | b'%'));
    let assigned = b.ends_with(b"=") && b.contains(&b' ') || b.starts_with(b"ENC[");
    let flat = b.len() >= 16 && drawn::entropy(b) < 2.0;
    if open && !quoted
        || b.first() == Some(&b'<')
        || assigned
        || flat
        || drawn::sample(b)
        || value::placeholder(b)
    {
        return None;
    }
    if let Some((_, kind, shapes)) = look.vendor
        && shapes.iter().any(|s| s.fits(b))
        && drawn(b, 2.0)
    {
        return Some(kind);
    }
    let hinted = hint.map(|h| h.strength);
    if hinted == Some(Strength::Strong)
        && value::secret(value, Strength::Strong, quoted)
        && !label(value, quoted)
    {
        return Some("SECRET");
    }
    (look.secret && generic(b)).then_some("SECRET")
}

/// A text that a form or a message shows where a password would stand.
fn label(value: &str, quoted: bool) -> bool {
    let b = value.as_bytes();
    let plain = b.iter().all(|b| b.is_ascii_alphabetic() || matches!(b, b' ' | b'_' | b'-' | b':' | b'.'));
    let words =
        ["password", "passwort", "secret", "token", "enter", "required", "string", "input", "hidden", "text"];
    let lower = value.to_ascii_lowercase();
    let named = words.iter().any(|w| lower.contains(w));
    // `http.cookies` between quotes is a module as well.
    let expression = identifiers(b) && !(quoted && b.iter().any(u8::is_ascii_digit));
    plain && (named || b.iter().filter(|b| **b == b' ').count() >= 2) || expression
}

/// A drawn text of one piece with a digit in it that does not spell words.
fn generic(b: &[u8]) -> bool {
    let made =
        b.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'=' | b'.' | b'+' | b'/'));
    let digits = b.iter().filter(|b| b.is_ascii_digit()).count();
    let path =
        matches!(b.first(), Some(b'/' | b'.')) || b.contains(&b'/') && b.contains(&b'.') && drawn::spelled(b);
    (10..=512).contains(&b.len())
        && made
        && digits > 0
        && digits < b.len()
        && !path
        && !identifiers(b)
        && !versioned(b)
        && drawn(b, if b.len() < 20 { 2.9 } else { 3.3 })
        && (drawn::uuid(b) || b.len() > 60 || !drawn::spelled(b))
}

/// `Type.member`, `module.function`: code, not a value.
fn identifiers(b: &[u8]) -> bool {
    let mut parts = 0;
    let all = b.split(|b| *b == b'.').all(|part| {
        parts += 1;
        let start = part.first().is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_');
        let digits = part.iter().filter(|b| b.is_ascii_digit()).count();
        let short = part.len() <= 40 && digits * 5 <= part.len();
        start && short && part.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_')
    });
    all && parts > 1
}

/// `name-1.2.3`: a package and its version.
fn versioned(b: &[u8]) -> bool {
    let cut = b.iter().rposition(|b| matches!(b, b'-' | b'_' | b'=')).map_or(0, |n| n + 1);
    let tail = b.get(cut..).unwrap_or_default();
    cut > 0 && tail.contains(&b'.') && tail.iter().all(|b| b.is_ascii_digit() || *b == b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_vendors_and_words() {
        let names = Names::new();
        for (name, vendor, secret) in [
            ("herokuToken", Some("heroku"), true),
            ("HEROKU_TOKEN", Some("heroku"), true),
            ("SetSysctl", None, false),
            ("ReactNativeCameraKit", None, false),
            ("report_access_id", None, false),
            ("some_api_token", None, true),
            ("primaryKey", None, false),
            ("author", None, false),
        ] {
            let look = names.look(name);
            assert_eq!((look.vendor.map(|v| v.0), look.secret), (vendor, secret), "{name}");
        }
    }
}
