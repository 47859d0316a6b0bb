//! Twenty ways and more to disguise a value, for eight types of values: nothing of it may be left. Prints a table with
//! `--no-capture`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::print_stdout)]

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use carnet_json::{Edits, Limits, Tape};
use carnet_masking::{Detector, Findings, Part, PartKind, Plan, TokenKey, Transform, Transforms};
use miniz_oxide::deflate::{compress_to_vec, compress_to_vec_zlib};
use serde_json::{Value, json};
use std::sync::LazyLock;

/// Type, what stands in front, and values.
static VALUES: &[(&str, &str, &[&str])] = &[
    (
        "e-mail",
        "contact ",
        &["maria.keller@example.org", "j_smith+news@mail.example.co.uk", "bo@example.com"],
    ),
    ("phone", "call ", &["+49 30 12345678", "+33 6 12 34 56 78", "+1 415 555 2671"]),
    ("card", "pay with ", &["4539 1488 0343 6467", "5425233430109903", "3782 822463 10005"]),
    (
        "iban",
        "pay to ",
        &["DE89 3704 0044 0532 0130 00", "FR1420041010050500013M02606", "NL91 ABNA 0417 1643 00"],
    ),
    ("ipv4", "from ip ", &["203.0.113.77", "198.51.100.23", "93.184.216.34"]),
    ("us-ssn", "ssn ", &["536-22-8726", "219-09-9999", "457-55-5462"]),
    (
        "secret",
        "use ",
        &[
            "AKIAQ3EGRV5J2XHB7NTK",
            "ghp_9fK2mQ7xZr4LpWc8VtYb3NdHs6JgUa1EoX5i",
            "xoxb-2048591736-aB3dE5gH7jK9mN1p",
        ],
    ),
    ("national-id", "PESEL ", &["44051401359", "02070803628", "90090515836"]),
];

/// The document that carries the disguised value, and the texts in it of which nothing may be left.
type Carried = (Value, Vec<String>);

fn text(before: &str, disguised: &str) -> Carried {
    (json!({ "text": format!("{before}{disguised} soon") }), vec![disguised.to_owned()])
}

fn each(value: &str, f: impl Fn(char) -> String) -> String {
    value.chars().map(f).collect()
}

fn shifted(value: &str, digits: u32, upper: u32, lower: u32) -> String {
    let to = |base: u32, c: char, first: char| {
        char::from_u32(base + (c as u32 - first as u32)).unwrap().to_string()
    };
    each(value, |c| match c {
        '0'..='9' if digits > 0 => to(digits, c, '0'),
        'A'..='Z' if upper > 0 => to(upper, c, 'A'),
        'a'..='z' if lower > 0 => to(lower, c, 'a'),
        _ => c.to_string(),
    })
}

fn between(value: &str, with: &str) -> String {
    value.chars().map(|c| c.to_string()).collect::<Vec<_>>().join(with)
}

fn alike(value: &str) -> String {
    each(value, |c| match c {
        'a' => "а".into(),
        'e' => "е".into(),
        'o' => "о".into(),
        'p' => "р".into(),
        'c' => "с".into(),
        'A' => "А".into(),
        'B' => "В".into(),
        'E' => "Е".into(),
        'K' => "К".into(),
        'N' => "Ν".into(),
        'R' => "R".into(),
        '3' => "З".into(),
        '0' => "О".into(),
        _ => c.to_string(),
    })
}

fn escaped(value: &str, f: impl Fn(u8) -> String) -> String {
    value.bytes().map(f).collect()
}

fn hex(bytes: &[u8], between: &str, before: &str) -> String {
    bytes.iter().map(|b| format!("{before}{b:02x}")).collect::<Vec<_>>().join(between)
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut out = vec![0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3];
    out.extend(compress_to_vec(text, 6));
    out.extend([0; 8]);
    out
}

fn words(value: &str) -> Option<String> {
    const DIGITS: [&str; 10] =
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
    if value.contains('@') {
        return Some(value.replace('@', " at ").replace('.', " dot "));
    }
    if value.bytes().filter(u8::is_ascii_alphabetic).count() > 2 {
        return None;
    }
    let words: Vec<String> = value
        .chars()
        .filter_map(|c| match c {
            '0'..='9' => Some(DIGITS[c as usize - '0' as usize].to_owned()),
            '+' => Some("plus".into()),
            '.' => Some("dot".into()),
            '-' => Some("dash".into()),
            ' ' => None,
            c => Some(c.to_string()),
        })
        .collect();
    Some(words.join(" "))
}

/// Cut into `n` parts of about the same length, an e-mail address at its sign.
fn cut(value: &str, n: usize) -> Vec<String> {
    if let (Some((local, domain)), 2) = (value.split_once('@'), n) {
        return vec![local.to_owned(), format!("@{domain}")];
    }
    let groups: Vec<&str> = value.split(' ').collect();
    if groups.len() >= n && n > 2 {
        return groups.iter().map(|g| (*g).to_owned()).collect();
    }
    let chars: Vec<char> = value.chars().collect();
    chars.chunks(chars.len().div_ceil(n)).map(|c| c.iter().collect()).collect()
}

fn carry(way: &str, before: &str, v: &str) -> Option<Carried> {
    let b = v.as_bytes();
    let digits: String = v.chars().filter(char::is_ascii_alphanumeric).collect();
    let numeric = !v.contains(['@', '_']) && !v.starts_with("xoxb");
    Some(match way {
        "full-width" => text(
            before,
            &each(v, |c| match c {
                '!'..='~' => char::from_u32(c as u32 + 0xFEE0).unwrap().to_string(),
                _ => c.to_string(),
            }),
        ),
        "arabic digits" => text(before, &shifted(v, 0x0660, 0, 0)),
        "thai digits" => text(before, &shifted(v, 0x0E50, 0, 0)),
        "mathematical" => text(before, &shifted(v, 0x1D7CE, 0x1D400, 0x1D41A)),
        "zero-width" => text(before, &between(v, "\u{200b}")),
        "soft hyphen" => text(before, &between(v, "\u{ad}")),
        "bidi marks" => text(before, &format!("\u{202e}{}\u{202c}", between(v, "\u{200e}"))),
        "variation selectors" => text(before, &between(v, "\u{fe0f}")),
        "combining marks" => text(before, &between(v, "\u{0336}")),
        "control characters" => text(before, &between(v, "\u{1}")),
        "homoglyphs" => text(before, &alike(v)),
        "no-break space" => {
            text(before, &if v.contains(' ') { v.replace(' ', "\u{a0}") } else { between(v, "\u{a0}") })
        }
        "thin space" => {
            text(before, &if v.contains(' ') { v.replace(' ', "\u{2009}") } else { between(v, "\u{2009}") })
        }
        "\\u" => text(before, &escaped(v, |b| format!("\\u{b:04x}"))),
        "\\\\u" => text(before, &escaped(v, |b| format!("\\\\u{b:04X}"))),
        "\\x" => text(before, &escaped(v, |b| format!("\\x{b:02x}"))),
        "percent" => text(before, &escaped(v, |b| format!("%{b:02X}"))),
        "double percent" => text(before, &escaped(v, |b| format!("%25{b:02X}"))),
        "entities" => text(before, &escaped(v, |b| format!("&#{b};"))),
        "hex entities" => text(before, &escaped(v, |b| format!("&#x{b:x};"))),
        "named entities" => text(
            before,
            &each(v, |c| match c {
                '@' => "&commat;".into(),
                '.' => "&period;".into(),
                '+' => "&plus;".into(),
                ' ' => "&nbsp;".into(),
                '-' => "&hyphen;".into(),
                c => format!("&#{};", c as u32),
            }),
        ),
        "quoted-printable" => text(before, &escaped(v, |b| format!("={b:02X}"))),
        "base64" => text(before, &STANDARD.encode(format!("{before}{v}"))),
        "base64url" => text(before, &URL_SAFE_NO_PAD.encode(format!("{before}{v}???>>>"))),
        "base64 in lines" => {
            let code = STANDARD.encode(format!("{} {before}{v} {}", "x".repeat(40), "y".repeat(40)));
            let lines: Vec<&str> =
                code.as_bytes().chunks(76).map(|c| std::str::from_utf8(c).unwrap()).collect();
            (json!({ "text": lines.join("\r\n") }), lines.into_iter().map(str::to_owned).collect())
        }
        "base64 three times" => {
            text(before, &STANDARD.encode(STANDARD.encode(STANDARD.encode(format!("{before}{v}")))))
        }
        "hex" => text(before, &hex(format!("{before}{v}").as_bytes(), "", "")),
        "hex 0x" => text(before, &format!("0x{}", hex(format!("{before}{v}").as_bytes(), "", ""))),
        "hex spaced" => text(before, &hex(format!("{before}{v}").as_bytes(), " ", "")),
        "hex colons" => text(before, &hex(format!("{before}{v}").as_bytes(), ":", "")),
        "hex array" => text(before, &hex(format!("{before}{v}").as_bytes(), ", ", "0x")),
        "gzip base64" => text(before, &STANDARD.encode(gzip(format!("{before}{v}").as_bytes()))),
        "zlib hex" => text(before, &hex(&compress_to_vec_zlib(format!("{before}{v}").as_bytes(), 6), "", "")),
        "deflate base64" => {
            text(before, &STANDARD.encode(compress_to_vec(format!("{before}{v}").as_bytes(), 6)))
        }
        "jwt payload" => {
            let head = URL_SAFE_NO_PAD.encode(br#"{"alg":"ES256"}"#);
            let payload = URL_SAFE_NO_PAD.encode(json!({ "note": format!("{before}{v}") }).to_string());
            (json!({ "text": format!("{head}.{payload}.c2lnbmF0dXJl") }), vec![payload])
        }
        "data uri" => {
            let code = STANDARD.encode(format!("{before}{v}"));
            (json!({ "text": format!("{before}data:text/plain;base64,{code} soon") }), vec![code])
        }
        "json in json in json" => {
            let inner = json!({ "note": format!("{before}{v}") }).to_string();
            (json!({ "text": json!({ "inner": inner }).to_string() }), vec![v.to_owned()])
        }
        "array of two" => split(before, cut(v, 2)),
        "array of groups" => split(before, cut(v, 4)),
        "array of texts" => {
            let parts = cut(v, 2);
            let items: Vec<Value> = [format!("{before}{}", parts[0]), format!("{} soon", parts[1])]
                .iter()
                .map(|t| json!({ "type": "text", "text": t }))
                .collect();
            (json!({ "content": items }), parts)
        }
        "sibling fields" => {
            let parts = cut(v, 4);
            let name = before.split(' ').rev().nth(1).unwrap();
            let object: serde_json::Map<_, _> = parts
                .iter()
                .enumerate()
                .map(|(i, p)| (format!("{name}_{}", i + 1), p.as_str().into()))
                .collect();
            (object.into(), parts)
        }
        "local and domain" => {
            let (local, domain) = v.split_once('@')?;
            (json!({ "local": local, "domain": domain }), vec![local.to_owned(), domain.to_owned()])
        }
        "two lines" => {
            let parts = cut(v, 2);
            (json!({ "text": format!("{before}{} soon", parts.join("\n")) }), parts)
        }
        "letter by letter" => text(before, &between(&v.replace(' ', ""), " ")),
        "dots between" if numeric && !v.contains('.') => text(before, &between(&digits, ".")),
        "underscores" if numeric && !v.contains('.') => text(before, &v.replace([' ', '-'], "_")),
        "slashes between" if numeric && !v.contains('.') => text(before, &between(&digits, "/")),
        "words" => text(before, &words(v)?),
        "full-width in base64" => {
            text(before, &STANDARD.encode(format!("{before}{}", carry("full-width", before, v)?.1[0])))
        }
        "percent in json in base64" => {
            let inner =
                json!({ "note": format!("{before}{}", carry("percent", before, v)?.1[0]) }).to_string();
            text(before, &STANDARD.encode(inner))
        }
        "hex in entities" => {
            text(before, &escaped(&hex(format!("{before}{v}").as_bytes(), "", ""), |b| format!("&#{b};")))
        }
        "zero-width homoglyphs" => text(before, &between(&alike(v), "\u{200d}")),
        "gzip in base64 in json" => {
            let inner =
                STANDARD.encode(gzip(json!({ "note": format!("{before}{v}") }).to_string().as_bytes()));
            (json!({ "text": json!({ "blob": inner }).to_string() }), vec![inner])
        }
        _ if b.is_empty() => return None,
        _ => return None,
    })
}

fn split(before: &str, parts: Vec<String>) -> Carried {
    let name = before.split(' ').rev().nth(1).unwrap();
    (json!({ name: parts }), parts)
}

static WAYS: &[&str] = &[
    "full-width",
    "arabic digits",
    "thai digits",
    "mathematical",
    "zero-width",
    "soft hyphen",
    "bidi marks",
    "variation selectors",
    "combining marks",
    "control characters",
    "homoglyphs",
    "no-break space",
    "thin space",
    "\\u",
    "\\\\u",
    "\\x",
    "percent",
    "double percent",
    "entities",
    "hex entities",
    "named entities",
    "quoted-printable",
    "base64",
    "base64url",
    "base64 in lines",
    "base64 three times",
    "hex",
    "hex 0x",
    "hex spaced",
    "hex colons",
    "hex array",
    "gzip base64",
    "zlib hex",
    "deflate base64",
    "jwt payload",
    "data uri",
    "json in json in json",
    "array of two",
    "array of groups",
    "array of texts",
    "sibling fields",
    "local and domain",
    "two lines",
    "letter by letter",
    "dots between",
    "underscores",
    "slashes between",
    "words",
    "full-width in base64",
    "percent in json in base64",
    "hex in entities",
    "zero-width homoglyphs",
    "gzip in base64 in json",
];

static DETECTOR: LazyLock<Detector> = LazyLock::new(Detector::default);

fn mask(text: &str) -> String {
    let detector = &*DETECTOR;
    let tape = Tape::parse(text.as_bytes(), &Limits::default()).unwrap();
    let mut findings = Findings::new();
    let part = [Part { node: 0, kind: PartKind::Json, exclude: &[] }];
    detector.find(text.as_bytes(), &tape, &part, &mut findings).unwrap();
    let transforms = Transforms::all(Transform::Redact);
    let key = TokenKey([1; 32]);
    let plan = Plan {
        shown: Default::default(),
        transforms: &transforms,
        numbers: Default::default(),
        token_key: &key,
    };
    let mut edits = Edits::new();
    detector.rewrite(text.as_bytes(), &tape, &findings, &plan, &mut edits).unwrap();
    String::from_utf8(edits.apply(text.as_bytes()).unwrap()).unwrap()
}

/// Whether a third of a disguised text, or five characters of it, stands in the masked document.
fn left(out: &str, part: &str) -> bool {
    let chars: Vec<char> = part.chars().collect();
    if chars.len() < 3 {
        return false;
    }
    let n = chars.len().div_ceil(3).max(5).min(chars.len());
    chars.windows(n).any(|w| {
        let piece: String = w.iter().collect();
        let piece = serde_json::to_string(&piece).unwrap();
        out.contains(piece.trim_matches('"'))
    })
}

#[test]
fn every_disguise_is_seen_through() {
    let mut wrong = Vec::new();
    let (mut total, mut caught) = (0, 0);
    println!("{:28} {}", "", VALUES.iter().map(|v| format!("{:>11}", v.0)).collect::<String>());
    for way in WAYS {
        let mut line = String::new();
        for (_, before, values) in VALUES {
            let (mut n, mut hits) = (0, 0);
            for value in *values {
                let Some((document, parts)) = carry(way, before, value) else { continue };
                let out = mask(&document.to_string());
                n += 1;
                if parts.iter().any(|part| left(&out, part)) {
                    wrong.push(format!("{way}: {document} -> {out}"));
                } else {
                    hits += 1;
                }
            }
            (total, caught) = (total + n, caught + hits);
            line += &format!("{:>11}", if n == 0 { "-".to_owned() } else { format!("{hits}/{n}") });
        }
        println!("{way:28} {line}");
    }
    println!("{caught} of {total}");
    assert!(wrong.is_empty(), "{} of {total} not seen through:\n{}", wrong.len(), wrong.join("\n"));
}
