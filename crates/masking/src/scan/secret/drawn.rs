//! Whether a text looks drawn at random or was spelled by somebody: entropy, placeholders, documented examples, words.

/// Shannon entropy in bits for each byte.
pub(crate) fn entropy(text: &[u8]) -> f32 {
    let mut counts = [0u16; 256];
    for b in text.iter().take(4096) {
        if let Some(n) = counts.get_mut(usize::from(*b)) {
            *n += 1;
        }
    }
    let all = text.len().clamp(1, 4096) as f32;
    counts.iter().filter(|n| **n > 0).map(|n| f32::from(*n) / all).map(|p| -p * p.log2()).sum()
}

/// Public keys of samples in vendors' documentation, which everybody may know (from gitleaks' allow-list, MIT).
static SAMPLES: &[&[u8]] = &[
    b"AIzaSyAnLA7NfeLquW1tJFpx_eQCxoX-oo6YyIs",
    b"AIzaSyCkEhVjf3pduRDt6d1yKOMitrUEke8agEM",
    b"AIzaSyDMAScliyLx7F0NPDEJi1QmyCgHIAODrlU",
    b"AIzaSyD3asb-2pEZVqMkmL6M9N6nHZRR_znhrh0",
    b"AIzaSyAdOS2zB6NCsk1pCdZ4-P6GBdi_UUPwX7c",
    b"AIzaSyASWm6HmTMdYWpgMnjRBjxcQ9CKctWmLd4",
    b"AIzaSyANUvH9H9BsUccjsu2pCmEkOPjjaXeDQgY",
    b"AIzaSyA5_iVawFQ8ABuTZNUdcwERLJv_a_p4wtM",
    b"AIzaSyA4UrcGxgwQFTfaI3no3t7Lt1sjmdnP5sQ",
    b"AIzaSyDSb51JiIcB6OJpwwMicseKRhhrOq1cS7g",
    b"AIzaSyBF2RrAIm4a0mO64EShQfqfd2AFnzAvvuU",
    b"AIzaSyBcE-OOIbhjyR83gm4r2MFCu4MJmprNXsw",
    b"AIzaSyB8qGxt4ec15vitgn44duC5ucxaOi4FmqE",
    b"AIzaSyA8vmApnrHNFE0bApF4hoZ11srVL_n0nvY",
    b"6fe4476ee5a1832882e326b506d14126",
    b"014df517-39d1-4453-b7b3-9930c563627c",
];

/// Looks drawn, not spelled: enough entropy, and not a documented example.
pub(crate) fn drawn(text: &[u8], least: f32) -> bool {
    !sample(text) && entropy(text) >= least
}

/// A documented example or a filler: `EXAMPLE`, `xxxxx`, the alphabet, `12345678901234567890`.
pub(crate) fn sample(text: &[u8]) -> bool {
    // The beginning tells; hostile text must not make this cost more than a value is worth.
    let text = text.get(..text.len().min(160)).unwrap_or_default();
    let filler = text.windows(5).any(|w| {
        w.first().is_some_and(|f| matches!(f, b'x' | b'X' | b'*' | b'.' | b'#') && w.iter().all(|b| b == f))
    });
    let counted = text.windows(16).any(|w| {
        w.windows(2).all(|p| matches!(p, [a, b] if *b == a.wrapping_add(1) || (*a, *b) == (b'9', b'0')))
    });
    let example = text.windows(7).any(|w| w.eq_ignore_ascii_case(b"example"))
        || text.windows(8).any(|w| w.eq_ignore_ascii_case(b"redacted"))
        || text.windows(4).any(|w| w.eq_ignore_ascii_case(b"here") || w.eq_ignore_ascii_case(b"your"))
            && text.iter().filter(|b| b.is_ascii_digit()).count() < 3;
    filler || counted || example || SAMPLES.contains(&text)
}

/// Parts of names that people and programs give; nothing drawn spells them but by rare chance.
static WORDS: &[&str] = &[
    "access",
    "account",
    "action",
    "active",
    "admin",
    "agent",
    "alert",
    "amazon",
    "analy",
    "apache",
    "archive",
    "array",
    "article",
    "async",
    "audio",
    "author",
    "backend",
    "backup",
    "binding",
    "block",
    "board",
    "bootstrap",
    "branch",
    "browser",
    "bucket",
    "buffer",
    "build",
    "bundle",
    "button",
    "cache",
    "calendar",
    "camera",
    "card",
    "case",
    "category",
    "change",
    "channel",
    "check",
    "class",
    "client",
    "cloud",
    "cluster",
    "code",
    "color",
    "command",
    "comment",
    "common",
    "compile",
    "component",
    "config",
    "connect",
    "console",
    "contact",
    "container",
    "content",
    "context",
    "control",
    "convert",
    "cookie",
    "count",
    "create",
    "custom",
    "daemon",
    "dashboard",
    "database",
    "debug",
    "default",
    "delete",
    "deploy",
    "design",
    "develop",
    "device",
    "dialog",
    "digital",
    "directory",
    "display",
    "docker",
    "document",
    "domain",
    "download",
    "driver",
    "editor",
    "element",
    "email",
    "enable",
    "encod",
    "engine",
    "entity",
    "entry",
    "error",
    "event",
    "example",
    "exchange",
    "export",
    "extension",
    "external",
    "factory",
    "field",
    "file",
    "filter",
    "folder",
    "format",
    "frame",
    "function",
    "gateway",
    "generat",
    "github",
    "global",
    "google",
    "graph",
    "group",
    "handler",
    "header",
    "helper",
    "history",
    "image",
    "import",
    "index",
    "info",
    "input",
    "install",
    "instance",
    "integr",
    "intern",
    "invalid",
    "item",
    "java",
    "label",
    "language",
    "layout",
    "library",
    "license",
    "list",
    "local",
    "login",
    "manager",
    "master",
    "memory",
    "message",
    "meta",
    "method",
    "metric",
    "model",
    "module",
    "monitor",
    "mysql",
    "name",
    "network",
    "number",
    "object",
    "option",
    "order",
    "output",
    "package",
    "page",
    "param",
    "parser",
    "password",
    "path",
    "pattern",
    "payment",
    "plugin",
    "policy",
    "post",
    "primary",
    "private",
    "process",
    "product",
    "profile",
    "project",
    "property",
    "protocol",
    "provider",
    "proxy",
    "public",
    "python",
    "query",
    "queue",
    "random",
    "read",
    "record",
    "region",
    "register",
    "release",
    "remote",
    "render",
    "report",
    "request",
    "required",
    "reset",
    "resource",
    "response",
    "result",
    "role",
    "route",
    "sample",
    "schema",
    "script",
    "search",
    "secret",
    "section",
    "security",
    "select",
    "serial",
    "server",
    "service",
    "session",
    "setting",
    "shared",
    "signature",
    "simple",
    "snapshot",
    "social",
    "source",
    "spring",
    "stack",
    "staging",
    "start",
    "state",
    "static",
    "status",
    "storage",
    "store",
    "stream",
    "string",
    "style",
    "support",
    "switch",
    "symbol",
    "sync",
    "system",
    "table",
    "target",
    "task",
    "team",
    "template",
    "test",
    "text",
    "theme",
    "thread",
    "time",
    "title",
    "token",
    "tool",
    "track",
    "train",
    "transfer",
    "type",
    "unique",
    "update",
    "upload",
    "user",
    "util",
    "valid",
    "value",
    "variable",
    "vector",
    "version",
    "video",
    "view",
    "virtual",
    "watch",
    "web-",
    "widget",
    "window",
    "word",
    "work",
    "world",
    "write",
    "www.",
];

/// Spells words, as names of files, versions and settings do.
pub(crate) fn spelled(text: &[u8]) -> bool {
    let lower = text.to_ascii_lowercase();
    WORDS.iter().any(|w| memchr::memmem::find(&lower, w.as_bytes()).is_some())
}

/// A UUID in its usual form.
pub(crate) fn uuid(text: &[u8]) -> bool {
    text.len() == 36
        && text
            .iter()
            .enumerate()
            .all(|(i, b)| if matches!(i, 8 | 13 | 18 | 23) { *b == b'-' } else { b.is_ascii_hexdigit() })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp)]
    use super::*;

    #[test]
    fn entropy_of_known_texts() {
        assert_eq!(entropy(b""), 0.0);
        assert_eq!(entropy(b"aaaa"), 0.0);
        assert_eq!(entropy(b"abab"), 1.0);
        assert_eq!(entropy(b"abcdefgh"), 3.0);
    }

    #[test]
    fn samples() {
        for text in ["AKIAIOSFODNN7EXAMPLE", "xoxb-xxxxxxxxxx", "0123456789012345", "abcdefghijklmnop"] {
            assert!(sample(text.as_bytes()), "{text}");
        }
        assert!(!sample(b"q8Zr1Lk92MfoP0x"));
    }
}
