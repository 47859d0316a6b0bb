//! Ways around the gateway, each of which must stay closed: messages that two readers could read differently. The table only
//! grows; a line is never taken out.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use carnet_mcp::headers::McpHeaders;
use carnet_mcp::{Era, Incoming, Kind, Limits, Message, Revision, code};
use carnet_model::Action;

fn parse(text: &str) -> Result<Incoming, carnet_mcp::Refusal> {
    Message::parse(text.as_bytes().to_vec(), &Limits::default())
}

/// Code and message.
const REFUSED: &[(i64, &str)] = &[
    (code::PARSE_ERROR, "{"),
    (code::PARSE_ERROR, ""),
    (code::PARSE_ERROR, "{} {}"),
    (code::INVALID_REQUEST, "1"),
    (code::INVALID_REQUEST, "{}"),
    (code::INVALID_REQUEST, "[]"),
    (code::INVALID_REQUEST, "[1]"),
    (code::INVALID_REQUEST, r#"[[{"jsonrpc":"2.0","id":1,"method":"ping"}]]"#),
    // Version.
    (code::INVALID_REQUEST, r#"{"id":1,"method":"ping"}"#),
    (code::INVALID_REQUEST, r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#),
    (code::INVALID_REQUEST, r#"{"jsonrpc":2.0,"id":1,"method":"ping"}"#),
    // Duplicate keys, plainly and after unescaping.
    (code::INVALID_REQUEST, r#"{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}"#),
    (code::INVALID_REQUEST, r#"{"jsonrpc":"2.0","id":1,"method":"ping","\u006dethod":"tools/call"}"#),
    (
        code::INVALID_REQUEST,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{"x":1,"x":2}}}"#,
    ),
    // Case variants, beside and instead of the protocol's key.
    (code::INVALID_REQUEST, r#"{"jsonrpc":"2.0","id":1,"method":"ping","Method":"tools/call"}"#),
    (code::INVALID_REQUEST, r#"{"jsonrpc":"2.0","id":1,"METHOD":"tools/call","result":{}}"#),
    (code::INVALID_REQUEST, r#"{"jsonrpc":"2.0","ID":1,"method":"ping"}"#),
    (code::INVALID_REQUEST, r#"{"jsonrpc":"2.0","id":1,"method":"ping","Params":{"name":"x"}}"#),
    (code::INVALID_REQUEST, r#"{"jsonrpc":"2.0","id":1,"method":"ping","\u0050arams":{}}"#),
    (
        code::INVALID_REQUEST,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","Name":"b"}}"#,
    ),
    (
        code::INVALID_REQUEST,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","Arguments":{}}}"#,
    ),
    (
        code::INVALID_REQUEST,
        r#"{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"a:b","URI":"c:d"}}"#,
    ),
    (code::INVALID_REQUEST, r#"{"jsonrpc":"2.0","id":1,"result":{"content":[],"Content":[]}}"#),
    (code::INVALID_REQUEST, r#"{"jsonrpc":"2.0","id":1,"result":{"Tools":[]}}"#),
    (code::INVALID_REQUEST, r#"{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"m","Data":1}}"#),
    (code::INVALID_REQUEST, r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_META":{}}}"#),
    (
        code::INVALID_REQUEST,
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":{"progresstoken":1}}}"#,
    ),
    // Letters beyond ASCII that fold to ASCII: Go folds U+017F to s and U+212A to k.
    (
        code::INVALID_REQUEST,
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"param\u{17f}\":{\"name\":\"b\"},\"params\":{\"name\":\"a\"}}",
    ),
    (
        code::INVALID_REQUEST,
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tasks/get\",\"params\":{\"taskId\":\"a\",\"tas\u{212a}Id\":\"b\"}}",
    ),
    // Ids.
    (code::INVALID_REQUEST, r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#),
    (code::INVALID_REQUEST, r#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#),
    (code::INVALID_REQUEST, r#"{"jsonrpc":"2.0","id":1.0,"method":"ping"}"#),
    (code::INVALID_REQUEST, r#"{"jsonrpc":"2.0","id":1e2,"method":"ping"}"#),
    (code::INVALID_REQUEST, r#"{"jsonrpc":"2.0","id":99999999999999999999,"method":"ping"}"#),
    (code::INVALID_REQUEST, r#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#),
    (code::INVALID_REQUEST, r#"{"jsonrpc":"2.0","id":true,"method":"ping"}"#),
    (code::INVALID_REQUEST, r#"{"jsonrpc":"2.0","result":{}}"#),
    (code::INVALID_REQUEST, r#"{"jsonrpc":"2.0","id":null,"result":{}}"#),
    // Two kinds at once.
    (code::INVALID_REQUEST, r#"{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":""}}"#),
    (code::INVALID_REQUEST, r#"{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}"#),
    (code::INVALID_REQUEST, r#"{"jsonrpc":"2.0","id":1,"result":{},"params":{}}"#),
    (code::INVALID_REQUEST, r#"{"jsonrpc":"2.0","id":1,"method":["tools/call"]}"#),
    (code::INVALID_REQUEST, r#"{"jsonrpc":"2.0","id":1,"result":"text"}"#),
    (code::INVALID_REQUEST, r#"{"jsonrpc":"2.0","id":1,"error":"text"}"#),
    // Parameters that name nothing a policy could decide about.
    (code::INVALID_PARAMS, r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":["name","a"]}"#),
    (code::INVALID_PARAMS, r#"{"jsonrpc":"2.0","id":1,"method":"tools/call"}"#),
    (code::INVALID_PARAMS, r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":["a"]}}"#),
    (code::INVALID_PARAMS, r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":""}}"#),
    (code::INVALID_PARAMS, r#"{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"name":"a"}}"#),
    (code::INVALID_PARAMS, r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":[]}}"#),
    (
        code::INVALID_PARAMS,
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":{"progressToken":{}}}}"#,
    ),
];

#[test]
fn what_could_be_read_as_two_is_refused() {
    for (code, text) in REFUSED {
        match parse(text) {
            Err(refusal) => assert_eq!(refusal.code, *code, "{text}: {refusal}"),
            Ok(_) => panic!("accepted: {text}"),
        }
    }
    let not_utf8 = b"{\"jsonrpc\":\"2.0\",\"id\":\"\xff\",\"method\":\"ping\"}".to_vec();
    assert_eq!(Message::parse(not_utf8, &Limits::default()).unwrap_err().code, code::PARSE_ERROR);
    let deep = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"x","params":{{"a":{}1{}}}}}"#,
        "[".repeat(63),
        "]".repeat(63)
    );
    assert_eq!(parse(&deep).unwrap_err().code, code::INVALID_REQUEST);
    let small = Limits { bytes: 10, depth: 64 };
    assert_eq!(Message::parse(vec![b' '; 11], &small).unwrap_err().http_status, 413);
}

#[test]
fn what_is_unknown_but_unambiguous_passes() {
    for text in [
        r#"{"jsonrpc":"2.0","id":1,"method":"x/y","extra":{"Method":1}}"#,
        r#"{"jsonrpc":"2.0","id":"1","method":"tools/call","params":{"name":"a","arguments":{"Name":1,"name":2}}}"#,
        r#"{"jsonrpc":"2.0","id":-1,"result":{"structuredContent":{"Content":1,"content":2}}}"#,
        r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"m"}}"#,
        r#"{"jsonrpc":"2.0","error":{"code":-32700,"message":"m"}}"#,
        " {\"jsonrpc\" : \"2.0\" ,\n\"method\":\"notifications/initialized\"} ",
    ] {
        assert!(parse(text).is_ok(), "{text}");
    }
}

#[test]
fn batches_belong_to_one_revision() {
    let batch =
        || parse(r#"[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","method":"a"}]"#).unwrap();
    assert_eq!(batch().into_messages(Some(Revision::R2025_03_26)).unwrap().len(), 2);
    for revision in [None, Some(Revision::R2024_11_05), Some(Revision::R2025_06_18), Some(Revision::LATEST)] {
        assert!(batch().into_messages(revision).is_err(), "{revision:?}");
    }
    let many = format!("[{}]", vec![r#"{"jsonrpc":"2.0","method":"a"}"#; 101].join(","));
    assert!(parse(&many).is_err());
}

const META: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;

fn one(text: &str) -> Message {
    match parse(text).unwrap() {
        Incoming::One(message) => message,
        Incoming::Batch(_) => panic!("a batch"),
    }
}

fn judge(headers: &[(&str, &str)], body: &str) -> Result<Era, i64> {
    let message = one(body);
    let headers = McpHeaders::read(headers.iter().map(|(n, v)| (*n, v.as_bytes())));
    let era = headers.era(&message, &Revision::ALL).map_err(|r| r.code)?;
    if era == Era::Modern {
        headers.check(&message, None).map_err(|r| r.code)?;
    }
    Ok(era)
}

#[test]
fn header_and_body_that_disagree_are_refused() {
    let call = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"a",{META}}}}}"#);
    let v = ("MCP-Protocol-Version", "2026-07-28");
    let m = ("Mcp-Method", "tools/call");
    let n = ("mcp-name", "a");
    assert_eq!(judge(&[v, m, n], &call), Ok(Era::Modern));
    assert_eq!(judge(&[v, m, ("Mcp-Name", "=?base64?YQ==?=")], &call), Ok(Era::Modern));
    let refused: &[&[(&str, &str)]] = &[
        &[],
        &[v, n],
        &[v, m],
        &[m, n],
        &[v, m, ("Mcp-Name", "b")],
        &[v, m, ("Mcp-Name", "A")],
        &[v, m, ("Mcp-Name", "=?base64?Yg==?=")],
        &[v, m, ("Mcp-Name", "=?base64?!?=")],
        &[v, m, ("Mcp-Name", "=?BASE64?YQ==?=")],
        &[v, ("Mcp-Method", "tools/list"), n],
        &[v, ("Mcp-Method", "Tools/Call"), n],
        &[v, m, n, ("Mcp-Name", "b")],
        &[v, v, m, n],
        &[("MCP-Protocol-Version", "2025-11-25"), m, n],
        &[("MCP-Protocol-Version", "2026-07-28\u{e9}"), m, n],
    ];
    for headers in refused {
        assert_eq!(judge(headers, &call), Err(code::HEADER_MISMATCH), "{headers:?}");
    }
}

#[test]
fn the_era_is_chosen_per_request() {
    let v = ("MCP-Protocol-Version", "2026-07-28");
    let legacy = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a"}}"#;
    assert_eq!(judge(&[], legacy), Ok(Era::Legacy));
    // The Mcp-* headers of an older revision are not believed, and not checked.
    assert_eq!(judge(&[("MCP-Protocol-Version", "2025-06-18"), ("Mcp-Name", "b")], legacy), Ok(Era::Legacy));
    assert_eq!(
        judge(&[v, ("Mcp-Method", "tools/call"), ("Mcp-Name", "a")], legacy),
        Err(code::INVALID_PARAMS)
    );
    assert_eq!(
        judge(&[("MCP-Protocol-Version", "2031-01-01")], legacy),
        Err(code::UNSUPPORTED_PROTOCOL_VERSION)
    );
    let initialize =
        r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25"}}"#;
    assert_eq!(judge(&[], initialize), Ok(Era::Legacy));
    assert_eq!(judge(&[v], initialize), Err(code::METHOD_NOT_FOUND));
    let response = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;
    assert_eq!(judge(&[], response), Ok(Era::Legacy));
    assert_eq!(judge(&[v], response), Err(code::INVALID_REQUEST));
    let no_capabilities = r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}"#;
    assert_eq!(judge(&[v, ("Mcp-Method", "ping")], no_capabilities), Err(code::INVALID_PARAMS));
    assert_eq!(one(legacy).action(), Action::TOOLS_CALL);
    assert_eq!(one(legacy).kind(), Kind::Request);
}
