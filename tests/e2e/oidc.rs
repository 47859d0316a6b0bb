//! A real OpenID provider in front: tokens are accepted and refused as they should be, while its keys, groups and
//! audiences change.

use std::time::{Duration, Instant};

use anyhow::Result;
use carnet_tests::gateway::{Gateway, Setup};
use carnet_tests::http::{self, Reply};
use carnet_tests::peers::{self, Oidc};
use serde_json::json;

const AUDIENCE: &str = "https://gateway.example.eu/mcp";

/// Analysts may call; nobody else may do more than connect.
const ANALYSTS: &str = r#"
@id("connect") permit (principal, action in [Action::"initialize", Action::"server/discover", Action::"tools/list"], resource);
@id("analysts") permit (principal in Group::"analysts", action == Action::"tools/call", resource);
"#;

fn setup(server: &str, issuers: &[&Oidc]) -> Result<Setup> {
    let one = |i: &&Oidc| {
        format!(
            "    - issuer: {}\n      audiences: [\"{AUDIENCE}\"]\n      claims: {{ groups: groups }}\n",
            i.issuer()
        )
    };
    let issuers: String = issuers.iter().map(one).collect();
    let head =
        format!("identity:\n  issuers:\n{issuers}servers:\n  fixture:\n    url: {server}\n    region: de\n");
    Setup::new(&head, ANALYSTS)
}

/// One call in the stateless form of revision 2026-07-28.
fn call(gateway: &Gateway, token: Option<&str>) -> Result<Reply> {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let params = json!({ "name": "test_simple_text", "arguments": {}, "_meta": meta });
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params }).to_string();
    let bearer = token.map(|t| format!("Bearer {t}"));
    let mut headers = vec![
        ("content-type", "application/json"),
        ("accept", "application/json, text/event-stream"),
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "tools/call"),
        ("mcp-name", "test_simple_text"),
    ];
    headers.extend(bearer.as_deref().map(|b| ("authorization", b)));
    http::send("POST", &gateway.url("fixture"), &headers, &body)
}

fn allowed(reply: &Reply) -> bool {
    reply.status == 200 && reply.body.contains("This is a simple text response")
}

#[test]
fn a_token_of_the_right_issuer_and_audience_is_needed() -> Result<()> {
    let fixture = peers::fixture()?;
    let (home, other, stranger) =
        (Oidc::start(&[AUDIENCE])?, Oidc::start(&[AUDIENCE])?, Oidc::start(&[AUDIENCE])?);
    let gateway = setup(&fixture.ready, &[&home, &other])?;
    let gateway = gateway.start()?;

    let none = call(&gateway, None)?;
    assert_eq!(none.status, 401);
    let challenge = none.header("www-authenticate").unwrap_or_default();
    assert!(challenge.starts_with("Bearer") && challenge.contains("resource_metadata="), "{challenge}");

    for issuer in [&home, &other] {
        let reply = call(&gateway, Some(&issuer.user_token("alice", AUDIENCE)?))?;
        assert!(allowed(&reply), "{reply:?}");
    }
    let foreign = call(&gateway, Some(&stranger.user_token("alice", AUDIENCE)?))?;
    assert_eq!(foreign.status, 401, "an issuer that is not configured");
    let elsewhere = call(&gateway, Some(&home.user_token("alice", "https://elsewhere.example/mcp")?))?;
    assert_eq!(elsewhere.status, 401, "a token for somebody else");
    Ok(())
}

#[test]
fn an_expired_token_is_refused() -> Result<()> {
    let fixture = peers::fixture()?;
    let oidc = Oidc::start(&[AUDIENCE])?;
    // Past the gateway's tolerance of a minute.
    let reply = oidc.admin("expired", &json!({ "user": "alice", "resource": AUDIENCE }))?;
    let token = reply["access_token"].as_str().unwrap_or_default();
    let setup = setup(&fixture.ready, &[&oidc])?;
    let gateway = setup.start()?;
    assert!(
        allowed(&call(&gateway, Some(&oidc.user_token("alice", AUDIENCE)?))?),
        "its like that has not ended"
    );
    let reply = call(&gateway, Some(token))?;
    assert_eq!(reply.status, 401);
    let challenge = reply.header("www-authenticate").unwrap_or_default();
    assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
    Ok(())
}

#[test]
fn keys_rotate_and_are_revoked() -> Result<()> {
    let fixture = peers::fixture()?;
    let oidc = Oidc::start(&[AUDIENCE])?;
    let setup = setup(&fixture.ready, &[&oidc])?;
    let old = oidc.user_token("alice", AUDIENCE)?;
    let gateway = setup.start()?;
    assert!(allowed(&call(&gateway, Some(&old))?));

    oidc.admin("rotate", &json!({ "keep": true }))?;
    let new = oidc.user_token("alice", AUDIENCE)?;
    // An unknown key makes the gateway fetch again, but not sooner than ten seconds after the last time.
    let until = Instant::now() + Duration::from_secs(30);
    let mut reply = call(&gateway, Some(&new))?;
    while !allowed(&reply) && Instant::now() < until {
        assert_eq!(reply.status, 401, "refused until the key is known: {reply:?}");
        reply = call(&gateway, Some(&new))?;
    }
    assert!(allowed(&reply), "a key that appeared since the last fetch: {reply:?}");
    assert!(allowed(&call(&gateway, Some(&old))?), "a key that is still published");

    // A gateway that starts now has never seen the key that is gone.
    oidc.admin("rotate", &json!({ "keep": false }))?;
    drop(gateway);
    let gateway = setup.start()?;
    assert_eq!(call(&gateway, Some(&old))?.status, 401, "a key that is no longer published");
    assert!(allowed(&call(&gateway, Some(&oidc.user_token("alice", AUDIENCE)?))?));
    Ok(())
}

#[test]
fn groups_are_those_of_the_token_at_hand() -> Result<()> {
    let fixture = peers::fixture()?;
    let oidc = Oidc::start(&[AUDIENCE])?;
    let setup = setup(&fixture.ready, &[&oidc])?;
    let gateway = setup.start()?;
    let bob = call(&gateway, Some(&oidc.user_token("bob", AUDIENCE)?))?;
    assert!(!allowed(&bob), "bob is no analyst: {bob:?}");
    oidc.admin("groups", &json!({ "user": "bob", "groups": ["analysts"] }))?;
    assert!(allowed(&call(&gateway, Some(&oidc.user_token("bob", AUDIENCE)?))?), "bob is one now");
    let program = call(&gateway, Some(&oidc.client_token("ci-bot", AUDIENCE)?))?;
    assert!(!allowed(&program), "automation is not: {program:?}");
    oidc.admin("groups", &json!({ "user": "ci-bot", "groups": ["analysts"] }))?;
    assert!(allowed(&call(&gateway, Some(&oidc.client_token("ci-bot", AUDIENCE)?))?));
    Ok(())
}

#[test]
fn a_client_that_knows_only_the_address_finds_its_login() -> Result<()> {
    let fixture = peers::fixture()?;
    let oidc = Oidc::start(&[AUDIENCE])?;
    // The gateway's address is its audience here, so its port must be known before it starts.
    let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let resource = format!("http://127.0.0.1:{port}/mcp/fixture");
    let setup = setup(&fixture.ready, &[&oidc])?;
    let text = std::fs::read_to_string(setup.config())?;
    let text = text.replace("127.0.0.1:0", &format!("127.0.0.1:{port}")).replace(AUDIENCE, &resource);
    // The scope that the client is told to ask for.
    let text = text.replace("groups: groups }", "groups: groups }\n      required_scopes: [mcp]");
    std::fs::write(setup.config(), text)?;
    let gateway = setup.start()?;
    let client = peers::script("peers/clients/login.mjs")?
        .args(["{}", &gateway.url("fixture"), "test_simple_text"])
        .output()?;
    let line: serde_json::Value = serde_json::from_slice(&client.stdout)?;
    assert_eq!(line["issuer"], oidc.issuer(), "{line}");
    assert_eq!(line["resource"], resource, "{line}");
    let said = &line["result"]["content"][0]["text"];
    assert!(said.as_str().is_some_and(|t| t.contains("simple text response")), "{line}");
    Ok(())
}
