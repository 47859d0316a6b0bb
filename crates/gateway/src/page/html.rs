//! HTML that text cannot forge: markup is written as constants, everything else is escaped, and characters that would move or
//! hide what stands around them are shown as what they are. There is no third way to put something on a page.

use std::fmt::Write as _;

use carnet_approvals::Inert;

/// A piece of a page.
#[derive(Clone, Default)]
pub(crate) struct Html(String);

impl Html {
    /// Markup.
    pub(crate) fn raw(&mut self, markup: &'static str) -> &mut Html {
        self.0.push_str(markup);
        self
    }

    /// Text in an element, or in an attribute between double quotes.
    pub(crate) fn text(&mut self, text: &str) -> &mut Html {
        self.inert(&Inert::lines(text))
    }

    /// Text that is harmless already but for markup.
    pub(crate) fn inert(&mut self, text: &Inert) -> &mut Html {
        for c in text.as_str().chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                c => self.0.push(c),
            }
        }
        self
    }

    /// JSON, in an attribute between double quotes: ASCII alone, so that nothing in it has to be made inert.
    pub(crate) fn json(&mut self, value: &serde_json::Value) -> &mut Html {
        let mut out = String::new();
        for c in value.to_string().chars() {
            if c.is_ascii() {
                out.push(c);
            } else {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    let _infallible = write!(out, "\\u{unit:04x}");
                }
            }
        }
        self.text(&out)
    }

    /// A number.
    pub(crate) fn number(&mut self, number: impl Into<i128>) -> &mut Html {
        let _infallible = write!(self.0, "{}", number.into());
        self
    }

    /// Another piece.
    pub(crate) fn add(&mut self, other: &Html) -> &mut Html {
        self.0.push_str(&other.0);
        self
    }

    /// The whole.
    pub(crate) fn finish(self) -> String {
        self.0
    }
}

/// A time, UTC, to the minute.
pub(crate) fn time(unix: i64) -> String {
    let (days, rest) = (unix.div_euclid(86_400), unix.rem_euclid(86_400));
    // Civil from days (Howard Hinnant).
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let (day, month) = (doy - (153 * mp + 2) / 5 + 1, if mp < 10 { mp + 3 } else { mp - 9 });
    let year = yoe + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02} UTC", rest / 3600, rest % 3600 / 60)
}

/// How long, in the largest unit that says it.
pub(crate) fn span(seconds: i64) -> String {
    match seconds.max(0) {
        s @ 0..120 => format!("{s} s"),
        s @ 120..7200 => format!("{} min", s / 60),
        s @ 7200..172_800 => format!("{} h", s / 3600),
        s => format!("{} days", s / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_never_markup() {
        let cases = [
            ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
            ("\" onmouseover=\"x", "&quot; onmouseover=&quot;x"),
            ("' x='", "&#39; x=&#39;"),
            ("&lt;", "&amp;lt;"),
            ("\u{202e}gpj.exe", "\\u{202e}gpj.exe"),
            ("\u{1b}[31mred", "\\u{1b}[31mred"),
            ("a\u{0}b\r", "a\\u{0}b\\u{d}"),
        ];
        for (text, shown) in cases {
            let mut html = Html::default();
            html.text(text);
            assert_eq!(html.finish(), shown);
        }
    }

    #[test]
    fn json_stays_json() {
        let value = serde_json::json!({ "name": "In\u{e8}s \u{202e}\u{1f600}\"<>" });
        let mut html = Html::default();
        html.json(&value);
        let shown = html.finish();
        assert!(shown.is_ascii() && !shown.contains(['<', '"']));
        let read = shown.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&read).unwrap(), value);
    }

    #[test]
    fn times() {
        let cases = [
            (0, "1970-01-01 00:00 UTC"),
            (951_782_399, "2000-02-28 23:59 UTC"),
            (951_782_400, "2000-02-29 00:00 UTC"),
            (1_795_277_161, "2026-11-21 16:06 UTC"),
        ];
        for (unix, text) in cases {
            assert_eq!(time(unix), text);
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_comes(text in "\\PC*|.*") {
            let mut html = Html::default();
            html.text(&text);
            let shown = html.finish();
            let forging = ['<', '>', '"', '\'', '\u{1b}', '\u{202e}', '\0'];
            proptest::prop_assert!(!shown.contains(forging));
        }
    }
}
