//! The issuer over its real socket, as a client goes through it, and its tokens as Carnet checks them.

use std::collections::HashMap;

use carnet_identity::{IdentityError, IssuerRules, KeySet, Verified, verify};
use carnet_model::{IdentityKind, Region};
use http::Request;
use http_body_util::Full;
use serde_json::Value;

use super::*;
use crate::demo::http::send;
use crate::demo::personas::{AGENT, ANALYST, PRIVACY};

const RESOURCE: &str = "http://127.0.0.1:7300/mcp/crm";
const CALLBACK: &str = "http://127.0.0.1:9/callback";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// SHA-256 of the verifier, from RFC 7636, appendix B.
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

struct Provider {
    issuer: Arc<Issuer>,
    address: SocketAddr,
}

impl Provider {
    fn new() -> Provider {
        let listener = listener(0).unwrap();
        let address = listener.local_addr().unwrap();
        Provider { issuer: start(listener, vec![RESOURCE.to_owned()]).unwrap(), address }
    }

    async fn ask(&self, method: &str, path: &str, kind: &str, body: &str) -> (u16, http::HeaderMap, String) {
        let request = Request::builder().method(method).uri(path).header("content-type", kind);
        let reply = send(self.address, request.body(Full::from(body.to_owned())).unwrap()).await.unwrap();
        let (head, body) = reply.into_parts();
        (head.status.as_u16(), head.headers, String::from_utf8(body.to_vec()).unwrap())
    }

    async fn json(&self, path: &str) -> Value {
        serde_json::from_str(&self.ask("GET", path, "", "").await.2).unwrap()
    }

    async fn register(&self) -> String {
        let body = json!({ "client_name": "<b>Test</b>", "redirect_uris": [CALLBACK] }).to_string();
        let (status, _, reply) = self.ask("POST", "/register", "application/json", &body).await;
        assert_eq!(status, 201);
        let reply: Value = serde_json::from_str(&reply).unwrap();
        assert_eq!(reply["token_endpoint_auth_method"], "none");
        reply["client_id"].as_str().unwrap().to_owned()
    }

    fn query(&self, client: &str, change: &[(&str, &str)]) -> String {
        let mut fields: std::collections::BTreeMap<&str, &str> = [
            ("response_type", "code"),
            ("client_id", client),
            ("redirect_uri", CALLBACK),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
            ("resource", RESOURCE),
            ("state", "s&1"),
            ("scope", "openid mcp"),
        ]
        .into();
        fields.extend(change.iter().copied());
        let pairs: Vec<_> = fields.iter().map(|(n, v)| format!("{n}={}", form::encode(v))).collect();
        pairs.join("&")
    }

    /// Chooses a persona on the page and gives the query of the redirect.
    async fn choose(&self, client: &str, persona: &str) -> std::collections::BTreeMap<String, String> {
        let body = format!("{}&persona={persona}", self.query(client, &[]));
        let (status, headers, _) = self.ask("POST", "/authorize", FORM, &body).await;
        assert_eq!(status, 302);
        let to = headers["location"].to_str().unwrap();
        form::parse(to.strip_prefix(CALLBACK).unwrap().strip_prefix('?').unwrap())
    }

    async fn redeem(&self, fields: &[(&str, &str)]) -> (u16, Value) {
        let pairs: Vec<_> = fields.iter().map(|(n, v)| format!("{n}={}", form::encode(v))).collect();
        let (status, _, reply) = self.ask("POST", "/token", FORM, &pairs.join("&")).await;
        (status, serde_json::from_str(&reply).unwrap())
    }

    fn check(&self, token: &str) -> Result<Arc<Verified>, IdentityError> {
        let mut rules = IssuerRules::new(self.issuer.url(), &[RESOURCE]);
        rules.region_claim = Some(carnet_identity::ClaimPath::name("region"));
        let set = Arc::new(KeySet::parse(self.issuer.key.jwks().to_string().as_bytes()).unwrap());
        let keys: HashMap<String, Arc<KeySet>> = [(self.issuer.url().to_owned(), set)].into();
        verify(token, &[rules], &keys, i64::try_from(now()).unwrap(), None)
    }
}

const FORM: &str = "application/x-www-form-urlencoded";

#[test]
fn refuses_to_run_where_others_could_reach_it() {
    for beyond in ["0.0.0.0:7301", "192.0.2.1:7301", "[2001:db8::1]:7301"] {
        assert!(Issuer::new(beyond.parse().unwrap(), Vec::new()).is_err(), "{beyond}");
    }
    assert!(Issuer::new("[::1]:7301".parse().unwrap(), Vec::new()).is_ok());
}

#[tokio::test]
async fn refuses_a_socket_that_others_could_reach() {
    let open = std::net::TcpListener::bind("0.0.0.0:0").unwrap();
    assert!(start(open, Vec::new()).is_err());
}

#[tokio::test]
async fn tokens_are_good_for_carnet() {
    let at = Provider::new();
    for (persona, subject, group, agent) in [
        (ANALYST, "ana", "analysts", None),
        (AGENT, "ana", "analysts", Some("support-agent")),
        (PRIVACY, "paul", "privacy", None),
    ] {
        let token = at.issuer.mint(persona, REGION, 60).unwrap();
        let principal = at.check(&token).unwrap().principal.clone();
        assert_eq!(&*principal.identity.subject, subject);
        assert_eq!(principal.identity.kind, IdentityKind::User);
        assert_eq!(principal.groups.iter().map(|g| &**g).collect::<Vec<_>>(), [group]);
        assert_eq!(principal.region, Some(Region::new("de")));
        let acting = principal.agent.as_ref().map(|a| (a.kind, a.subject.to_string()));
        assert_eq!(acting, agent.map(|a| (IdentityKind::Workload, a.to_owned())));
    }
}

#[tokio::test]
async fn tokens_of_another_run_are_not_good() {
    let (at, other) = (Provider::new(), Provider::new());
    assert!(at.check(&other.issuer.mint(ANALYST, REGION, 60).unwrap()).is_err());
    let id_token = at.issuer.id_token(ANALYST, RESOURCE, Some("n")).unwrap();
    assert!(matches!(at.check(&id_token), Err(IdentityError::NotAccessToken)));
}

#[tokio::test]
async fn says_what_it_is() {
    let at = Provider::new();
    let openid = at.json("/.well-known/openid-configuration").await;
    assert_eq!(openid, at.json("/.well-known/oauth-authorization-server").await);
    assert_eq!(openid["issuer"], at.issuer.url());
    assert_eq!(openid["code_challenge_methods_supported"], json!(["S256"]));
    let keys = at.json("/jwks").await;
    assert_eq!(keys["keys"].as_array().unwrap().len(), 1);
    assert!(keys["keys"][0]["d"].is_null());
}

#[tokio::test]
async fn a_login_from_registration_to_refresh() {
    let at = Provider::new();
    let client = at.register().await;
    let (status, headers, page) =
        at.ask("GET", &format!("/authorize?{}", at.query(&client, &[])), "", "").await;
    assert_eq!(status, 200);
    assert!(page.contains("&lt;b&gt;Test&lt;/b&gt;") && !page.contains("<b>Test</b>"));
    assert!(["analyst", "agent", "privacy"].iter().all(|p| page.contains(&format!("value=\"{p}\""))));
    assert!(
        headers.contains_key("content-security-policy")
            && !headers.contains_key("access-control-allow-origin")
    );

    let answer = at.choose(&client, "agent").await;
    assert_eq!((answer["state"].as_str(), answer["iss"].as_str()), ("s&1", at.issuer.url()));
    let code = [
        ("grant_type", "authorization_code"),
        ("code", answer["code"].as_str()),
        ("redirect_uri", CALLBACK),
        ("client_id", client.as_str()),
        ("code_verifier", VERIFIER),
        ("resource", RESOURCE),
    ];
    let (status, granted) = at.redeem(&code).await;
    assert_eq!((status, &granted["token_type"]), (200, &json!("Bearer")));
    assert!(granted["id_token"].is_string());
    let verified = at.check(granted["access_token"].as_str().unwrap()).unwrap();
    assert_eq!(verified.principal.agent.as_ref().unwrap().subject.as_ref(), "support-agent");
    // A code is good once.
    assert_eq!(at.redeem(&code).await.1["error"], "invalid_grant");

    let refresh = granted["refresh_token"].as_str().unwrap();
    let again = [("grant_type", "refresh_token"), ("refresh_token", refresh), ("client_id", client.as_str())];
    let (status, renewed) = at.redeem(&again).await;
    assert_eq!(status, 200);
    assert!(at.check(renewed["access_token"].as_str().unwrap()).is_ok());
    assert_eq!(at.redeem(&again).await.1["error"], "invalid_grant");
}

#[tokio::test]
async fn what_a_token_request_must_bring() {
    let at = Provider::new();
    let client = at.register().await;
    for (name, value) in [
        ("code_verifier", "another-verifier-another-verifier-another-ver"),
        ("client_id", "somebody"),
        ("redirect_uri", "http://127.0.0.1:9/other"),
        ("resource", "https://elsewhere.example/mcp"),
        ("grant_type", "password"),
    ] {
        let code = at.choose(&client, "analyst").await["code"].clone();
        let mut fields: std::collections::BTreeMap<&str, &str> = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", CALLBACK),
            ("client_id", client.as_str()),
            ("code_verifier", VERIFIER),
        ]
        .into();
        fields.insert(name, value);
        let fields: Vec<_> = fields.into_iter().collect();
        assert_eq!(at.redeem(&fields).await.0, 400, "{name}");
    }
}

#[tokio::test]
async fn what_an_authorization_request_must_bring() {
    let at = Provider::new();
    let client = at.register().await;
    // Where the client or its address is not known, nobody is sent anywhere.
    for change in [("client_id", "somebody"), ("redirect_uri", "https://evil.example/")] {
        let (status, headers, _) =
            at.ask("GET", &format!("/authorize?{}", at.query(&client, &[change])), "", "").await;
        assert_eq!((status, headers.contains_key("location")), (400, false), "{change:?}");
    }
    for (change, error) in [
        (("code_challenge_method", "plain"), "invalid_request"),
        (("code_challenge", ""), "invalid_request"),
        (("response_type", "token"), "unsupported_response_type"),
        (("resource", "https://elsewhere.example/mcp"), "invalid_target"),
    ] {
        let (status, headers, _) =
            at.ask("GET", &format!("/authorize?{}", at.query(&client, &[change])), "", "").await;
        let to = headers["location"].to_str().unwrap();
        assert!(status == 302 && to.contains(&format!("error={error}")), "{change:?} {to}");
    }
    assert_eq!(at.choose(&client, "root").await["error"], "access_denied");
}

#[tokio::test]
async fn another_page_cannot_choose() {
    let at = Provider::new();
    let client = at.register().await;
    let body = format!("{}&persona=privacy", at.query(&client, &[]));
    let request =
        Request::post("/authorize").header("content-type", FORM).header("origin", "https://evil.example");
    let reply = send(at.address, request.body(Full::from(body)).unwrap()).await.unwrap();
    assert_eq!(reply.status(), 403);
}

#[test]
fn forms() {
    let parsed = form::parse("a=1+2%26&b=&c&d=1&d=2&%C3%A9=%zz");
    let all: Vec<_> = parsed.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    assert_eq!(all, [("a", "1 2&"), ("b", ""), ("c", ""), ("é", "?")]);
    assert_eq!(form::encode("s&1 é"), "s%261%20%C3%A9");
}
