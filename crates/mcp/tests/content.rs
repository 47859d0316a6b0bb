//! What is inspected in real messages: the strings and numbers that remain, one per line, URIs and base64 marked.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use carnet_json::Kind as JsonKind;
use carnet_mcp::content::{self, PartKind};
use carnet_mcp::{Limits, Message};
use carnet_model::Action;
use expect_test::{Expect, expect};

fn inspected(text: &str, request: Option<Action>) -> String {
    let message = Message::parse_one(text.as_bytes().to_vec(), &Limits::default()).unwrap();
    let content = content::parts(&message, request);
    let mut out = Vec::new();
    for (i, node) in message.tape().nodes().iter().enumerate() {
        let i = u32::try_from(i).unwrap();
        let raw = &text[node.start as usize..node.end as usize];
        if let Some(part) = content.parts.iter().find(|p| p.node == i && p.kind != PartKind::Json) {
            out.push(format!("{:?} {raw}", part.kind));
        } else if content.exclude.binary_search(&i).is_err()
            && matches!(node.kind, JsonKind::String | JsonKind::Number)
        {
            out.push(raw.to_owned());
        }
    }
    out.join("\n")
}

#[track_caller]
fn case(text: &str, request: Option<Action>, want: Expect) {
    want.assert_eq(&inspected(text, request));
}

#[test]
fn a_plain_result_costs_few_nodes() {
    let text = r#"{"jsonrpc":"2.0","id":"41","result":{"content":[{"type":"text","text":"T"}],"structuredContent":{"name":"N","uri":"U"}}}"#;
    let message = Message::parse_one(text.as_bytes().to_vec(), &Limits::default()).unwrap();
    let content = content::parts(&message, Some(Action::TOOLS_CALL));
    assert_eq!((content.parts.len(), content.exclude.len()), (1, 2));
    case(
        text,
        Some(Action::TOOLS_CALL),
        expect![[r#"
        "text"
        "T"
        "N"
        "U""#]],
    );
}

#[test]
fn media_and_resources() {
    case(
        r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"image","data":"QQ==","mimeType":"image/png"},
        {"type":"resource","resource":{"uri":"a:b","text":"T","blob":"Qg=="}},{"type":"text","data":"D","uri":"not one"},
        {"type":"image","data":{"hidden":"H"}},{"type":"resource_link","uri":"c:d","name":"N"}]}}"#,
        Some(Action::TOOLS_CALL),
        expect![[r#"
            "image"
            Binary "QQ=="
            "image/png"
            "resource"
            Uri "a:b"
            "T"
            Binary "Qg=="
            "text"
            "D"
            "not one"
            "image"
            "H"
            "resource_link"
            Uri "c:d"
            "N""#]],
    );
}

#[test]
fn unknown_members_and_wrong_kinds_are_inspected() {
    case(
        r#"{"jsonrpc":"2.0","id":1,"method":"x/alice","extra":"E","params":{"name":"N","cursor":{"a":"A"},"_meta":{"x":"M","progressToken":5}}}"#,
        None,
        expect![[r#"
            "x/alice"
            "E"
            "N"
            "A"
            "M""#]],
    );
    case(
        r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"M","data":{"taskId":"D"}}}"#,
        Some(Action::TOOLS_CALL),
        expect![[r#"
            "M"
            "D""#]],
    );
}

#[test]
fn definitions_keep_their_structure() {
    case(
        r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"t","title":"T","description":"D","inputSchema":{"type":"object",
        "$schema":"S","properties":{"password":{"type":"string","description":"P","default":"V","maxLength":9,"enum":["E"]}},
        "required":["password"]},"annotations":{"title":"A"}}],"nextCursor":"c"}}"#,
        Some(Action::TOOLS_LIST),
        expect![[r#"
            "T"
            "D"
            "P"
            "V"
            "E"
            "A""#]],
    );
}

#[test]
fn both_directions_and_requests_inside_results() {
    case(
        r#"{"jsonrpc":"2.0","id":1,"result":{"resultType":"input_required","requestState":"s","inputRequests":{"k":{"method":
        "sampling/createMessage","params":{"systemPrompt":"P","messages":[{"role":"user","content":{"type":"tool_result",
        "toolUseId":"i","content":[{"type":"audio","data":"QQ=="}]}}]}}}}}"#,
        Some(Action::TOOLS_CALL),
        expect![[r#"
            "P"
            "user"
            "tool_result"
            "audio"
            Binary "QQ==""#]],
    );
    case(
        r#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"n","arguments":{"name":"A"},"requestState":"s",
        "inputResponses":{"k":{"action":"accept","content":{"email":"E"}}}}}"#,
        None,
        expect![[r#"
            "A"
            "accept"
            "E""#]],
    );
    case(
        r#"{"jsonrpc":"2.0","id":3,"method":"elicitation/create","params":{"mode":"url","url":"https://x/","elicitationId":"i","message":"M"}}"#,
        None,
        expect![[r#"
            "url"
            Uri "https://x/"
            "M""#]],
    );
    case(
        r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":{"a":"D"}}}"#,
        None,
        expect![[r#"
            "info"
            "D""#]],
    );
    case(
        r#"{"jsonrpc":"2.0","id":4,"result":{"roots":[{"uri":"file:///home/u","name":"N"}]}}"#,
        Some(Action::ROOTS_LIST),
        expect![[r#"
            Uri "file:///home/u"
            "N""#]],
    );
}
