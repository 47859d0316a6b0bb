//! The sample server over its real socket, in both eras.

use http::{HeaderMap, Request};
use http_body_util::Full;
use serde_json::{Value, json};

use super::*;
use crate::demo::http::send;

const KEY: &str = "test-key";

async fn post(at: &Running, headers: &[(&str, &str)], message: &Value) -> (StatusCode, HeaderMap, Value) {
    let mut request = Request::post(PATH).header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let reply = send(at.address, request.body(Full::from(message.to_string())).unwrap()).await.unwrap();
    let (head, body) = reply.into_parts();
    (head.status, head.headers, serde_json::from_slice(&body).unwrap_or_default())
}

async fn legacy(at: &Running, method: &str, params: Value) -> Value {
    let message = json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params });
    let (status, _, reply) = post(at, &[("authorization", "Bearer test-key")], &message).await;
    assert_eq!(status, 200, "{reply}");
    assert_eq!(reply["id"], 7);
    reply
}

async fn modern(at: &Running, method: &str, name: Option<&str>, mut params: Value) -> (StatusCode, Value) {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let message = json!({ "jsonrpc": "2.0", "id": "a", "method": method, "params": params });
    let mut headers = vec![
        ("authorization", "Bearer test-key"),
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", method),
    ];
    headers.extend(name.map(|n| ("mcp-name", n)));
    let (status, _, reply) = post(at, &headers, &message).await;
    (status, reply)
}

fn running() -> Running {
    start(KEY.to_owned()).unwrap()
}

#[tokio::test]
async fn answers_only_who_has_the_key() {
    let at = running();
    let ping = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
    for wrong in ["", "Bearer other", "Basic dGVzdA=="] {
        assert_eq!(post(&at, &[("authorization", wrong)], &ping).await.0, 401);
    }
    assert_eq!(post(&at, &[("authorization", "Bearer test-key")], &ping).await.0, 200);
    assert_eq!(at.sample.seen().authorizations.len(), 4);
}

#[tokio::test]
async fn speaks_the_older_revisions() {
    let at = running();
    for (asked, given) in
        [("2024-11-05", "2024-11-05"), ("2025-11-25", "2025-11-25"), ("1999-01-01", "2025-11-25")]
    {
        let reply = legacy(&at, "initialize", json!({ "protocolVersion": asked, "capabilities": {} })).await;
        assert_eq!(reply["result"]["protocolVersion"], given);
    }
    let notified = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    assert_eq!(post(&at, &[("authorization", "Bearer test-key")], &notified).await.0, 202);
    let reply = legacy(&at, "tools/list", json!({})).await;
    assert!(reply["result"]["resultType"].is_null());
    assert_eq!(reply["result"]["tools"].as_array().unwrap().len(), 5);
    assert_eq!(legacy(&at, "server/discover", json!({})).await["error"]["code"], code::METHOD_NOT_FOUND);
}

#[tokio::test]
async fn speaks_the_newest_revision() {
    let at = running();
    let (status, reply) = modern(&at, "server/discover", None, json!({})).await;
    assert_eq!(status, 200);
    assert_eq!(reply["result"]["resultType"], "complete");
    assert_eq!(reply["result"]["supportedVersions"].as_array().unwrap().len(), 5);
    let arguments = json!({ "name": "get_customer", "arguments": { "id": "C-1003" } });
    let (status, reply) = modern(&at, "tools/call", Some("get_customer"), arguments.clone()).await;
    assert_eq!(
        (status, &reply["result"]["structuredContent"]["address"]["city"]),
        (StatusCode::OK, &json!("Paris"))
    );
    let (status, reply) = modern(&at, "tools/call", Some("delete_customer"), arguments).await;
    assert_eq!((status, &reply["error"]["code"]), (StatusCode::BAD_REQUEST, &json!(code::HEADER_MISMATCH)));
    assert_eq!(modern(&at, "ping", None, json!({})).await.0, 404);
}

#[tokio::test]
async fn results_are_what_the_schemas_promise() {
    let at = running();
    let tools = legacy(&at, "tools/list", json!({})).await["result"]["tools"].clone();
    let calls = [
        ("search_customers", json!({ "query": "paris" })),
        ("get_customer", json!({ "id": "C-1001" })),
        ("export_customers", json!({})),
        ("add_note", json!({ "id": "C-1002", "text": "called" })),
        ("delete_customer", json!({ "id": "C-1012" })),
    ];
    for (name, arguments) in calls {
        let tool = tools.as_array().unwrap().iter().find(|t| t["name"] == name).unwrap();
        assert!(satisfies(&tool["inputSchema"], &arguments), "{name}");
        let reply = legacy(&at, "tools/call", json!({ "name": name, "arguments": arguments })).await;
        let result = &reply["result"];
        assert_eq!(result["isError"], false, "{name}");
        assert!(satisfies(&tool["outputSchema"], &result["structuredContent"]), "{name}");
        let text: Value = serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap();
        assert_eq!(text, result["structuredContent"]);
    }
    assert_eq!(at.sample.notes("C-1002"), ["called"]);
    let gone =
        legacy(&at, "tools/call", json!({ "name": "get_customer", "arguments": { "id": "C-1012" } })).await;
    assert_eq!(gone["result"]["isError"], true);
}

/// As much of JSON Schema as the catalogue uses.
fn satisfies(schema: &Value, value: &Value) -> bool {
    match schema["type"].as_str().unwrap() {
        "string" => value.is_string(),
        "integer" => value.is_u64(),
        "array" => value.as_array().unwrap().iter().all(|item| satisfies(&schema["items"], item)),
        _ => {
            let members = value.as_object().unwrap();
            let properties = schema["properties"].as_object().unwrap();
            schema["required"].as_array().unwrap().iter().all(|r| members.contains_key(r.as_str().unwrap()))
                && members.iter().all(|(name, v)| properties.get(name).is_some_and(|s| satisfies(s, v)))
        }
    }
}

#[tokio::test]
async fn offers_a_resource_and_a_prompt() {
    let at = running();
    let uri = legacy(&at, "resources/list", json!({})).await["result"]["resources"][0]["uri"].clone();
    let read = legacy(&at, "resources/read", json!({ "uri": uri })).await;
    assert!(read["result"]["contents"][0]["text"].as_str().unwrap().contains("by_country"));
    let name = legacy(&at, "prompts/list", json!({})).await["result"]["prompts"][0]["name"].clone();
    let got = legacy(&at, "prompts/get", json!({ "name": name, "arguments": { "id": "C-1004" } })).await;
    assert!(got["result"]["messages"][0]["content"]["text"].as_str().unwrap().contains("Madrid"));
    let wrong = legacy(&at, "resources/read", json!({ "uri": "file:///etc/passwd" })).await;
    assert_eq!(wrong["error"]["code"], code::INVALID_PARAMS);
}
