//! What a client is told.

use expect_test::expect;

use super::*;
use crate::{ResourceMetadata, challenge, protected_resource_metadata};

const METADATA: &str = "https://carnet.example/.well-known/oauth-protected-resource/mcp/crm";

fn lines(error: &IdentityError, metadata: Option<&str>, scopes: &[&str]) -> String {
    let scopes: Vec<Arc<str>> = scopes.iter().map(|s| Arc::from(*s)).collect();
    let c = challenge(error, metadata, &scopes);
    format!("{} {}", c.status, c.www_authenticate.unwrap_or_default())
}

#[test]
fn challenges() {
    let required: Arc<[Arc<str>]> = Arc::new(["mcp".into(), "crm".into()]);
    expect![[r#"401 Bearer resource_metadata="https://carnet.example/.well-known/oauth-protected-resource/mcp/crm", scope="mcp""#]]
        .assert_eq(&lines(&IdentityError::Missing, Some(METADATA), &["mcp"]));
    expect!["401 Bearer"].assert_eq(&lines(&IdentityError::Missing, None, &[]));
    expect![[r#"401 Bearer error="invalid_token", error_description="the token has expired", resource_metadata="https://carnet.example/.well-known/oauth-protected-resource/mcp/crm""#]]
        .assert_eq(&lines(&IdentityError::Expired, Some(METADATA), &[]));
    expect![[r#"401 Bearer error="invalid_token", error_description="the token is not valid here""#]]
        .assert_eq(&lines(&IdentityError::Signature, None, &[]));
    expect![[r#"403 Bearer error="insufficient_scope", error_description="the token lacks a required scope", scope="mcp crm""#]]
        .assert_eq(&lines(&IdentityError::InsufficientScope { required }, None, &["other"]));
    expect!["503 "].assert_eq(&lines(&IdentityError::NoKeys { issuer: "x".into() }, Some(METADATA), &[]));
    // Configured text cannot break out of its quotes or the header.
    expect![[r#"401 Bearer resource_metadata="https://x/, a=b""#]].assert_eq(&lines(
        &IdentityError::Missing,
        Some("https://x/\"\r\n, a=\\b"),
        &[],
    ));
}

#[test]
fn metadata() {
    let servers = [ISSUER.into()];
    let scopes = ["mcp".into()];
    let facts = ResourceMetadata {
        resource: AUDIENCE,
        authorization_servers: &servers,
        scopes: &scopes,
        name: Some("CRM \"eu\""),
        documentation: None,
    };
    let text = protected_resource_metadata(&facts);
    serde_json::from_str::<Value>(&text).unwrap();
    expect![[r#"{"resource":"https://carnet.example/mcp/crm","authorization_servers":["https://idp.example/realms/acme"],"bearer_methods_supported":["header"],"scopes_supported":["mcp"],"resource_name":"CRM \"eu\""}"#]]
        .assert_eq(&text);
}
