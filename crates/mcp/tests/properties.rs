//! Properties: what passes unchanged passes byte for byte; the cut of a stream does not matter.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use carnet_json::Edits;
use carnet_mcp::sse::{Decoder, Event};
use carnet_mcp::{Incoming, Limits, Message, content, lists};
use carnet_model::Action;
use proptest::prelude::*;

fn arb_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<String>().prop_map(Into::into),
        "[a-z/:=?]{0,12}".prop_map(Into::into),
    ];
    let key = prop_oneof![
        any::<String>(),
        prop::sample::select(vec![
            "name",
            "uri",
            "_meta",
            "content",
            "type",
            "data",
            "text",
            "tools",
            "inputSchema",
            "resource"
        ])
        .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(5, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            prop::collection::btree_map(key.clone(), inner, 0..6)
                .prop_map(|m| m.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

fn arb_message() -> impl Strategy<Value = String> {
    let method =
        prop::sample::select(vec!["x/y", "tools/list", "notifications/message", "sampling/createMessage"]);
    (arb_json(), method, 0..3u8, any::<bool>()).prop_map(|(body, method, kind, pretty)| {
        let body = if body.is_object() { body } else { serde_json::json!({"content": body}) };
        let message = match kind {
            0 => serde_json::json!({"jsonrpc":"2.0","id":7,"method":method,"params":body}),
            1 => serde_json::json!({"jsonrpc":"2.0","id":"7","result":body}),
            _ => serde_json::json!({"jsonrpc":"2.0","id":"7","error":{"code":1,"message":"m","data":body}}),
        };
        if pretty { serde_json::to_string_pretty(&message).unwrap() } else { message.to_string() }
    })
}

fn arb_event() -> impl Strategy<Value = Event> {
    let word = "[a-zA-Z0-9 :\u{e9}]{0,8}";
    let data = prop::collection::vec(prop::sample::select(b"ab: \n{}\xc3".to_vec()), 0..24);
    (
        prop::option::of(word),
        prop::option::of(word),
        prop::option::of(data),
        prop::option::of(any::<u64>()),
        0..3u32,
    )
        .prop_map(|(id, event, data, retry, comments)| Event { id, event, data, retry, comments })
}

proptest! {
    #[test]
    fn round_trip_is_the_identity(text in arb_message()) {
        let Ok(Incoming::One(message)) = Message::parse(text.clone().into_bytes(), &Limits::default()) else { return Ok(()) };
        prop_assert_eq!(message.edited(&Edits::new()).unwrap().into_bytes(), text.as_bytes());
        let own = message.id_raw().unwrap().to_vec();
        prop_assert_eq!(message.with_id(&own).unwrap().into_bytes(), text.as_bytes());
        let other = message.with_id(b"\"another\"").unwrap();
        prop_assert_eq!(other.with_id(&own).unwrap().into_bytes(), text.as_bytes());
        prop_assert_eq!(message.into_bytes(), text.into_bytes());
    }

    #[test]
    fn every_string_is_inspected_or_excluded_once(text in arb_message()) {
        let Ok(Incoming::One(message)) = Message::parse(text.into_bytes(), &Limits::default()) else { return Ok(()) };
        for request in [Action::TOOLS_LIST, Action::TOOLS_CALL, Action::RESOURCES_READ, Action::SAMPLING] {
            let content = content::parts(&message, Some(request));
            prop_assert!(content.exclude.is_sorted());
            prop_assert!(content.exclude.windows(2).all(|w| w[0] != w[1]));
            prop_assert_eq!(content.parts[0].node, 0);
            // What is excluded is a single value, so nothing hides below it.
            for node in &content.exclude {
                prop_assert_eq!(message.tape().nodes()[*node as usize].after, node + 1);
            }
            for part in &content.parts[1..] {
                prop_assert!(content.exclude.binary_search(&part.node).is_ok());
            }
        }
    }

    #[test]
    fn filtering_a_list_is_what_serde_would_do(names in prop::collection::vec("[a-e]", 0..8), gone in "[a-e]", pretty: bool) {
        let tools: Vec<_> = names.iter().map(|n| serde_json::json!({"name": n, "x": 1})).collect();
        let json = serde_json::json!({"jsonrpc":"2.0","id":1,"result":{"cacheScope":"public","tools":tools}});
        let text = if pretty { serde_json::to_string_pretty(&json).unwrap() } else { json.to_string() };
        let message = Message::parse_one(text.into_bytes(), &Limits::default()).unwrap();
        let list = lists::read(&message, Action::TOOLS_LIST).unwrap();
        let hidden: Vec<u32> = list.items.iter().filter(|i| i.name == gone).map(|i| i.node).collect();
        let after = message.edited(&lists::remove(&message, &list, &hidden)).unwrap();
        let after: serde_json::Value = serde_json::from_slice(after.bytes()).unwrap();
        let want: Vec<_> = tools.into_iter().filter(|t| t["name"] != gone).collect();
        prop_assert_eq!(&after["result"]["tools"], &serde_json::Value::from(want));
        prop_assert_eq!(&after["result"]["cacheScope"], "private");
    }

    #[test]
    fn the_cut_of_a_stream_does_not_matter(
        bytes in prop::collection::vec(prop::sample::select(b"data: ida\n\r\n\r:x\xef\xbb\xbf".to_vec()), 0..60),
        mark: bool,
        cuts in prop::collection::vec(0..64usize, 0..6),
    ) {
        let bytes = if mark { [b"\xef\xbb\xbf".as_slice(), &bytes].concat() } else { bytes };
        let whole = Decoder::new(1000).push(&bytes).unwrap();
        let mut decoder = Decoder::new(1000);
        let mut cuts = cuts;
        cuts.sort_unstable();
        let (mut parts, mut at) = (Vec::new(), 0);
        for cut in cuts.into_iter().map(|c| c.min(bytes.len())).chain([bytes.len()]) {
            parts.extend(decoder.push(&bytes[at..cut]).unwrap());
            at = cut;
        }
        prop_assert_eq!(parts, whole);
    }

    #[test]
    fn events_come_back_as_they_went(events in prop::collection::vec(arb_event(), 0..5)) {
        let bytes: Vec<u8> = events.iter().flat_map(Event::to_bytes).collect();
        let begun = |e: &Event| *e != Event::default();
        let want: Vec<_> = events.into_iter().filter(begun).collect();
        prop_assert_eq!(Decoder::new(10_000).push(&bytes).unwrap(), want);
    }

    #[test]
    fn headers_come_back_as_they_went(text: String) {
        let header = carnet_mcp::headers::encode(&text);
        prop_assert_eq!(carnet_mcp::headers::decode(header.as_bytes()).unwrap(), &*text);
    }
}
