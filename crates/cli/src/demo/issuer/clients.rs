//! Clients that registered themselves (RFC 7591). All are public: they prove themselves by PKCE.

use std::collections::HashMap;
use std::sync::Mutex;

use http::{StatusCode, Uri};
use serde_json::{Value, json};

use super::{Refused, json_reply, lock, random_text};
use crate::demo::http::Reply;

/// More than this are not remembered.
const MOST: usize = 1000;

/// A registered client.
#[derive(Clone)]
pub(super) struct Client {
    /// What it calls itself.
    pub(super) name: String,
    redirects: Vec<String>,
}

impl Client {
    /// Whether it may get a code there. The port of a loopback address is open (RFC 8252, 7.3).
    pub(super) fn may_redirect_to(&self, uri: &str) -> bool {
        self.redirects.iter().any(|r| {
            r == uri || loopback_without_port(r).is_some_and(|r| Some(r) == loopback_without_port(uri))
        })
    }
}

fn loopback_without_port(uri: &str) -> Option<(String, String)> {
    let uri: Uri = uri.parse().ok()?;
    let host = uri.host().filter(|h| is_loopback(h))?;
    Some((host.to_owned(), uri.path_and_query()?.to_string()))
}

fn is_loopback(host: &str) -> bool {
    let name = host.trim_matches(['[', ']']);
    name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// A code may be sent to this machine, to a page over TLS (VS Code has one), or to a program that owns a scheme (`cursor:`).
fn acceptable(uri: &str) -> bool {
    let Some((scheme, _)) = uri.split_once(':') else { return false };
    let scheme = scheme.to_ascii_lowercase();
    let plain = !uri.contains('#') && uri.chars().all(|c| c.is_ascii_graphic());
    plain
        && match scheme.as_str() {
            "https" => true,
            "http" => uri.parse::<Uri>().is_ok_and(|u| u.host().is_some_and(is_loopback)),
            "javascript" | "data" | "vbscript" | "file" | "blob" | "about" => false,
            other => !other.is_empty(),
        }
}

#[derive(Default)]
pub(super) struct Clients {
    known: Mutex<HashMap<String, Client>>,
}

impl Clients {
    /// The client of an id.
    pub(super) fn get(&self, id: &str) -> Option<Client> {
        lock(&self.known).get(id).cloned()
    }

    /// Answers a registration.
    pub(super) fn register(&self, bytes: &[u8]) -> Reply {
        match self.try_register(bytes) {
            Ok(registered) => json_reply(StatusCode::CREATED, &registered),
            Err(refused) => refused.reply(),
        }
    }

    fn try_register(&self, bytes: &[u8]) -> Result<Value, Refused> {
        let asked: Value = serde_json::from_slice(bytes)
            .map_err(|_| Refused::new("invalid_client_metadata", "the registration is not JSON"))?;
        let redirects: Vec<String> = asked
            .get("redirect_uris")
            .and_then(Value::as_array)
            .map(|all| all.iter().filter_map(Value::as_str).map(str::to_owned).collect())
            .unwrap_or_default();
        if redirects.is_empty() || redirects.len() > 16 || !redirects.iter().all(|r| acceptable(r)) {
            return Err(Refused::new(
                "invalid_redirect_uri",
                "redirect_uris must be loopback, https or a scheme of one's own",
            ));
        }
        let name = asked.get("client_name").and_then(Value::as_str).unwrap_or("An MCP client");
        let name: String = name.chars().filter(|c| !c.is_control()).take(80).collect();
        let id = random_text().map_err(|_| Refused::new("server_error", "no random numbers"))?;
        let registered = json!({
            "client_id": id,
            "client_id_issued_at": super::now(),
            "client_name": name,
            "redirect_uris": redirects,
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "none",
            "scope": "openid mcp offline_access",
        });
        let mut known = lock(&self.known);
        if known.len() >= MOST {
            return Err(Refused(
                StatusCode::TOO_MANY_REQUESTS,
                "server_error",
                "too many clients for a demo",
            ));
        }
        known.insert(id, Client { name, redirects });
        Ok(registered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_code_may_be_sent() {
        for (uri, good) in [
            ("http://127.0.0.1:33418/", true),
            ("http://localhost:6274/oauth/callback", true),
            ("https://vscode.dev/redirect", true),
            ("cursor://anysphere.cursor-mcp/oauth/callback", true),
            ("http://evil.example/", false),
            ("http://localhost.evil.example/", false),
            ("javascript:alert(1)", false),
            ("https://a.example/#b", false),
            ("nothing", false),
        ] {
            assert_eq!(acceptable(uri), good, "{uri}");
        }
    }

    #[test]
    fn the_port_of_loopback_is_open() {
        let client = Client {
            name: String::new(),
            redirects: vec!["http://127.0.0.1:1/cb".into(), "https://a.example/cb".into()],
        };
        assert!(client.may_redirect_to("http://127.0.0.1:52417/cb"));
        assert!(client.may_redirect_to("https://a.example/cb"));
        for other in [
            "http://127.0.0.1:1/other",
            "http://localhost:1/cb",
            "https://a.example:444/cb",
            "https://b.example/cb",
        ] {
            assert!(!client.may_redirect_to(other), "{other}");
        }
    }
}
