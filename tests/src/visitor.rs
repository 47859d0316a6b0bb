//! Somebody at a browser, as far as a page without scripts needs one: cookies for each host, redirects, forms. And a real
//! browser where there is one (`peers/browser/approver.mjs`).

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::http::{self, Reply};
use crate::peers;

/// Cookies by authority.
#[derive(Default, Clone)]
pub struct Visitor {
    cookies: BTreeMap<(String, String), String>,
}

fn authority(url: &str) -> &str {
    let rest = url.split_once("//").map_or(url, |(_, rest)| rest);
    rest.split('/').next().unwrap_or_default()
}

/// A value in a form.
#[must_use]
pub fn encode(text: &str) -> String {
    text.bytes()
        .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}

/// The value of a hidden field of a page.
#[must_use]
pub fn hidden(page: &str, name: &str) -> String {
    let mark = format!("name=\"{name}\" value=\"");
    let after = page.split_once(&mark).map_or("", |(_, after)| after);
    after.split('"').next().unwrap_or_default().to_owned()
}

impl Visitor {
    /// One request, no redirect followed.
    ///
    /// # Errors
    /// When the connection fails.
    pub fn send(&mut self, method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> Result<Reply> {
        let host = authority(url).to_owned();
        let own: Vec<String> = self
            .cookies
            .iter()
            .filter(|((at, _), _)| *at == host)
            .map(|((_, name), value)| format!("{name}={value}"))
            .collect();
        let cookie = own.join("; ");
        let mut all = headers.to_vec();
        if !cookie.is_empty() {
            all.push(("cookie", &cookie));
        }
        let reply = http::send(method, url, &all, body)?;
        for (_, value) in reply.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let (name, rest) = value.split_once('=').context("a cookie")?;
            let value = rest.split(';').next().unwrap_or_default();
            self.cookies.insert((host.clone(), name.to_owned()), value.to_owned());
        }
        Ok(reply)
    }

    /// Follows redirects to a page, and says where that is.
    ///
    /// # Errors
    /// When there are too many, or the connection fails.
    pub fn open(&mut self, url: &str) -> Result<(String, Reply)> {
        let mut url = url.to_owned();
        for _ in 0..20 {
            let reply = self.send("GET", &url, &[], "")?;
            let Some(next) = reply.header("location") else { return Ok((url, reply)) };
            url = match next.strip_prefix('/') {
                Some(path) => format!("http://{}/{path}", authority(&url)),
                None => next.to_owned(),
            };
        }
        bail!("redirects without end")
    }

    /// Sends a form of a page as a browser would.
    ///
    /// # Errors
    /// When the connection fails.
    pub fn submit(&mut self, url: &str, fields: &[(&str, &str)]) -> Result<Reply> {
        let origin = format!("http://{}", authority(url));
        let body: Vec<String> =
            fields.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
        let headers = [("content-type", "application/x-www-form-urlencoded"), ("origin", origin.as_str())];
        self.send("POST", url, &headers, &body.join("&"))
    }
}

/// A real browser with a virtual authenticator.
pub struct Browser {
    child: Child,
    ask: ChildStdin,
    said: BufReader<ChildStdout>,
}

impl Browser {
    /// Starts one; `None` when the tests were told to do without.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start() -> Result<Option<Browser>> {
        if std::env::var_os("CARNET_WITHOUT_BROWSER").is_some() {
            return Ok(None);
        }
        let mut command = peers::script("peers/browser/approver.mjs")?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let (ask, said) = (child.stdin.take().context("stdin")?, child.stdout.take().context("stdout")?);
        let mut browser = Browser { child, ask, said: BufReader::new(said) };
        let ready = browser.line()?;
        ensure!(ready.trim() == "ready", "the browser said {ready:?}");
        Ok(Some(browser))
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.said.read_line(&mut line)?;
        Ok(line)
    }

    /// Does one thing and says what came of it.
    ///
    /// # Errors
    /// When the browser could not.
    pub fn ask(&mut self, line: &str) -> Result<Value> {
        writeln!(self.ask, "{line}")?;
        let answer: Value = serde_json::from_str(&self.line()?).context("an answer of the browser")?;
        ensure!(answer.get("error").is_none(), "{line}: {answer}");
        Ok(answer)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

/// HMAC-SHA-256 in hex (RFC 2104), written out so that no code of the gateway checks itself.
#[must_use]
pub fn hmac_sha256(key: &[u8], message: &[u8]) -> String {
    use sha2::{Digest as _, Sha256};
    let mut block = [0u8; 64];
    block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    let pad = |with: u8| block.map(|b| b ^ with);
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(message).finalize();
    let outer = Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize();
    outer.iter().map(|b| format!("{b:02x}")).collect()
}
