//! Rules of headers, sessions, lists and own messages, as tables.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use carnet_mcp::headers::{self, McpHeaders, ParamHeaders};
use carnet_mcp::requests::{self, ClientInfo};
use carnet_mcp::session::{Seen, Session, SessionLimits, Side};
use carnet_mcp::{Era, Limits, Message, Refusal, Revision, code, error_response, lists, tool_error};
use carnet_model::Action;

fn message(text: &str) -> Message {
    Message::parse_one(text.as_bytes().to_vec(), &Limits::default()).unwrap()
}

#[test]
fn param_headers_follow_the_specification() {
    let valid = r#"{"type":"object","properties":{"r":{"type":"string","x-mcp-header":"Region"},
        "o":{"type":"object","properties":{"n":{"type":"integer","x-mcp-header":"N"}}},"x-mcp-header":{"type":"string"}}}"#;
    let params = ParamHeaders::from_schema(valid.as_bytes()).unwrap();
    let names: Vec<_> = params.iter().map(|(n, p)| (n.to_owned(), p.join("/"))).collect();
    assert_eq!(names, [("Region".into(), "r".into()), ("N".into(), "o/n".to_owned())]);
    for invalid in [
        r#"{"properties":{"r":{"type":"string","x-mcp-header":""}}}"#,
        r#"{"properties":{"r":{"type":"string","x-mcp-header":"a b"}}}"#,
        r#"{"properties":{"r":{"type":"string","x-mcp-header":"a\r\nb"}}}"#,
        r#"{"properties":{"r":{"type":"number","x-mcp-header":"A"}}}"#,
        r#"{"properties":{"r":{"type":"string","x-mcp-header":1}}}"#,
        r#"{"properties":{"r":{"type":"string","x-mcp-header":"A"},"s":{"type":"string","x-mcp-header":"a"}}}"#,
        r#"{"properties":{"r":{"type":"array","items":{"type":"string","x-mcp-header":"A"}}}}"#,
        r#"{"anyOf":[{"properties":{"r":{"type":"string","x-mcp-header":"A"}}}]}"#,
        r#"{"x-mcp-header":"A","type":"string"}"#,
    ] {
        assert!(ParamHeaders::from_schema(invalid.as_bytes()).is_err(), "{invalid}");
    }
    let call = |arguments: &str| {
        message(&format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"sp ace\u00e9","arguments":{arguments},"_meta":{{
            "io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{{}}}}}}}}"#
        ))
    };
    let check = |call: &Message, more: &[(&str, &str)]| {
        let name = headers::encode("sp ace\u{e9}").into_owned();
        let all = [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/call"), ("mcp-name", &name)];
        let all = all.iter().chain(more).map(|(n, v)| (*n, v.as_bytes()));
        McpHeaders::read(all).check(call, Some(&params)).map_err(|r| r.code)
    };
    let full = call(r#"{"r":"x","o":{"n":42}}"#);
    assert_eq!(
        check(&full, &[("Mcp-Param-Region", "x"), ("mcp-param-n", "42.0"), ("Mcp-Param-Other", "?")]),
        Ok(())
    );
    assert_eq!(check(&call(r#"{"r":null}"#), &[]), Ok(()));
    for (call, headers) in [
        (&full, &[("Mcp-Param-Region", "x")][..]),
        (&full, &[("Mcp-Param-Region", "y"), ("Mcp-Param-N", "42")]),
        (&full, &[("Mcp-Param-Region", "x"), ("Mcp-Param-N", "4.2e1")]),
        (&full, &[("Mcp-Param-Region", "x"), ("Mcp-Param-Region", "x"), ("Mcp-Param-N", "42")]),
        (&call("{}"), &[("Mcp-Param-Region", "x")]),
        (&call(r#"{"r":null}"#), &[("Mcp-Param-Region", "null")]),
    ] {
        assert_eq!(check(call, headers), Err(code::HEADER_MISMATCH), "{headers:?}");
    }
    let unknown = McpHeaders::read([("mcp-param-region", b"old".as_slice()), ("mcp-param-zone", b"z")]);
    let sent: Vec<String> = unknown
        .recompute(&full, Some(&params))
        .into_iter()
        .map(|(n, v)| format!("{n}: {}", String::from_utf8(v).unwrap()))
        .collect();
    assert_eq!(
        sent,
        [
            "MCP-Protocol-Version: 2026-07-28",
            "Mcp-Method: tools/call",
            "Mcp-Name: =?base64?c3AgYWNlw6k=?=",
            "Mcp-Param-Region: x",
            "Mcp-Param-N: 42",
            "Mcp-Param-zone: z",
        ]
    );
}

#[test]
fn values_are_encoded_as_the_specification_shows() {
    for (text, header) in [
        ("us-west1", "us-west1"),
        ("Hello, \u{4e16}\u{754c}", "=?base64?SGVsbG8sIOS4lueVjA==?="),
        (" padded ", "=?base64?IHBhZGRlZCA=?="),
        ("line1\nline2", "=?base64?bGluZTEKbGluZTI=?="),
        ("=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="),
    ] {
        assert_eq!(headers::encode(text), header);
        assert_eq!(headers::decode(header.as_bytes()).unwrap(), text);
    }
}

#[test]
fn a_response_that_nobody_asked_for_is_refused() {
    let mut s = Session::new(SessionLimits { outstanding: 2, cancelled: 1, idle: 10 }, 0);
    let ask = |id: &str| message(&format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#));
    let answer = |id: &str| message(&format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#));
    let cancel = |id: &str| message(&String::from_utf8(requests::cancelled(id.as_bytes(), "r")).unwrap());
    assert_eq!(s.see(Side::Upstream, &ask("1"), 1), Ok(Seen::Asked));
    assert!(s.see(Side::Downstream, &answer("\"1\""), 1).is_err(), "1 and \"1\" are two");
    assert!(s.see(Side::Upstream, &answer("1"), 1).is_err(), "a side does not answer itself");
    assert!(s.see(Side::Upstream, &ask("1"), 1).is_err(), "the id is in use");
    assert_eq!(s.see(Side::Downstream, &answer("1"), 2), Ok(Seen::Answered(Action::PING)));
    assert!(s.see(Side::Downstream, &answer("1"), 2).is_err(), "once");
    for id in ["1", "2"] {
        assert_eq!(s.see(Side::Downstream, &ask(id), 3), Ok(Seen::Asked));
    }
    assert_eq!(s.see(Side::Downstream, &ask("3"), 3).unwrap_err().http_status, 429);
    assert_eq!(s.see(Side::Downstream, &cancel("2"), 3), Ok(Seen::Told));
    assert_eq!(s.see(Side::Upstream, &answer("2"), 3), Ok(Seen::Late));
    assert!(s.see(Side::Upstream, &answer("2"), 3).is_err());
    assert_eq!(s.outstanding(Side::Downstream), 1);
    assert!(!s.is_over(13));
    assert_eq!(s.see(Side::Upstream, &answer("1"), 14).unwrap_err().http_status, 404);
}

#[test]
fn progress_needs_a_token_that_is_in_flight() {
    let mut s = Session::new(SessionLimits::default(), 0);
    let progress = message(&String::from_utf8(requests::progress(b"\"t\"", 1, "m")).unwrap());
    assert!(s.see(Side::Upstream, &progress, 0).is_err());
    let ask = message(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#).with_progress_token(b"\"t\"").unwrap();
    s.see(Side::Downstream, &ask, 0).unwrap();
    assert_eq!(s.see(Side::Upstream, &progress, 0), Ok(Seen::Told));
    s.see(Side::Upstream, &message(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#), 0).unwrap();
    assert!(s.see(Side::Upstream, &progress, 0).is_err());
}

#[test]
fn initialize_agrees_on_a_revision() {
    let mut s = Session::new(SessionLimits::default(), 0);
    let client = ClientInfo { name: "c", version: "1" };
    let init = requests::initialize("\"i\"", Revision::LATEST_LEGACY, client, "{\"roots\":{}}");
    s.see(Side::Downstream, &message(&String::from_utf8(init).unwrap()), 0).unwrap();
    let result =
        r#"{"jsonrpc":"2.0","id":"i","result":{"protocolVersion":"2025-06-18","capabilities":{"tools":{}}}}"#;
    s.see(Side::Upstream, &message(result), 0).unwrap();
    assert_eq!(s.revision(), Some(Revision::R2025_06_18));
    assert_eq!(s.capabilities().client.as_deref(), Some(b"{\"roots\":{}}".as_slice()));
    assert_eq!(s.capabilities().server.as_deref(), Some(b"{\"tools\":{}}".as_slice()));
    s.delete();
    assert!(s.is_over(0));
}

#[test]
fn own_messages_are_messages() {
    let client = ClientInfo { name: "car\"net", version: "1" };
    for (bytes, action) in [
        (requests::initialize("1", Revision::LATEST_LEGACY, client, "{}"), Action::INITIALIZE),
        (requests::initialized(), Action::INITIALIZED),
        (requests::cancelled(b"\"x\"", "a \"b\""), Action::CANCELLED),
        (requests::ping("1"), Action::PING),
        (requests::tools_list("1", Revision::LATEST_LEGACY, client, None), Action::TOOLS_LIST),
        (requests::tools_list("1", Revision::LATEST, client, Some("c")), Action::TOOLS_LIST),
        (requests::discover("1", Revision::LATEST, client), Action::DISCOVER),
    ] {
        let own = message(&String::from_utf8(bytes).unwrap());
        assert_eq!(own.action(), action);
        if own.era() == Era::Modern {
            let sent = headers::recompute(&own, None);
            let read = McpHeaders::read(sent.iter().map(|(n, v)| (n.as_str(), v.as_slice())));
            assert_eq!(read.era(&own, &Revision::ALL), Ok(Era::Modern));
            assert_eq!(read.check(&own, None), Ok(()));
        }
    }
    let refusal = Refusal::unsupported_version("2031", &[Revision::LATEST]);
    let text = String::from_utf8(error_response(Some(b"\"1\""), &refusal)).unwrap();
    assert_eq!(
        text,
        r#"{"jsonrpc":"2.0","id":"1","error":{"code":-32022,"message":"Unsupported protocol version","data":{"supported":["2026-07-28"],"requested":"2031"}}}"#
    );
    message(&text);
    message(&String::from_utf8(error_response(None, &refusal)).unwrap());
    let text = String::from_utf8(tool_error(b"7", "no \"way\"", Era::Modern)).unwrap();
    assert!(message(&text).result().unwrap().get("resultType").unwrap().is_str("complete"));
}

#[test]
fn a_progress_token_is_spliced_in_where_there_is_none() {
    for text in [
        r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":1}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":{}}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":{"a":1}}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":{"progressToken":9}}}"#,
    ] {
        let with = message(text).with_progress_token(b"\"p\"").unwrap();
        assert_eq!(with.progress_token_raw(), Some(b"\"p\"".as_slice()), "{text}");
    }
    assert!(message(r#"{"jsonrpc":"2.0","method":"a"}"#).with_progress_token(b"1").is_err());
    assert!(message(r#"{"jsonrpc":"2.0","id":1,"method":"a"}"#).with_id(b"1,\"method\":\"b\"").is_err());
}

#[test]
fn what_has_no_name_is_never_listed() {
    let m = message(r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"x":1}, {"name":"a"} ,{"name":""},3]}}"#);
    let list = lists::read(&m, Action::TOOLS_LIST).unwrap();
    let after = m.edited(&lists::remove(&m, &list, &[])).unwrap();
    assert_eq!(after.result().unwrap().raw_str(), r#"{"tools":[{"name":"a"}]}"#);
    let odd = message(r#"{"jsonrpc":"2.0","id":1,"result":{"tools":{"name":"a"}}}"#);
    let list = lists::read(&odd, Action::TOOLS_LIST).unwrap();
    let after = odd.edited(&lists::remove(&odd, &list, &[])).unwrap();
    assert_eq!(after.result().unwrap().raw_str(), r#"{"tools":[]}"#);
}
