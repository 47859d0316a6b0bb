//! Any bytes: reading never panics, and what is read comes out as it came in.
#![no_main]

use carnet_json::Edits;
use carnet_mcp::headers::McpHeaders;
use carnet_mcp::session::{Session, SessionLimits, Side};
use carnet_mcp::{Limits, Message, Revision, content, lists};
use carnet_model::Action;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(incoming) = Message::parse(data.to_vec(), &Limits::default()) else { return };
    let mut session = Session::new(SessionLimits::default(), 0);
    for message in incoming.into_messages(Some(Revision::R2025_03_26)).unwrap() {
        assert_eq!(message.edited(&Edits::new()).unwrap().bytes(), message.bytes());
        for action in [Action::TOOLS_LIST, Action::RESOURCES_LIST, Action::TOOLS_CALL, Action::TASKS_GET] {
            let content = content::parts(&message, Some(action));
            assert!(content.exclude.windows(2).all(|w| w[0] < w[1]));
            if let Some(list) = lists::read(&message, action) {
                let all: Vec<u32> = list.items.iter().map(|i| i.node).collect();
                let emptied = message.edited(&lists::remove(&message, &list, &all)).unwrap();
                assert!(lists::read(&emptied, action).unwrap().items.is_empty());
            }
        }
        if message.id_raw().is_some() {
            assert_eq!(message.with_id(b"0").unwrap().id_raw(), Some(b"0".as_slice()));
        }
        let headers = McpHeaders::default();
        if headers.era(&message, &Revision::ALL).is_ok() {
            let _ = headers.check(&message, None);
            let _ = headers.recompute(&message, None);
        }
        let _ = session.see(Side::Downstream, &message, 1);
        let _ = session.see(Side::Upstream, &message, 2);
    }
});
