#![allow(clippy::unwrap_used)]

use carnet_json::Limits;
use carnet_mcp::Message;
use proptest::prelude::*;

use super::*;

fn at(millis: i64) -> Moment {
    Moment { seconds: 1_000_000 + millis / 1000, micros: (millis % 1000) as u32 * 1000 }
}

fn message(json: &serde_json::Value) -> Message {
    Message::parse_one(json.to_string().into_bytes(), &Limits::default()).unwrap()
}

fn progress(token: &str, text: &str) -> Message {
    let params = serde_json::json!({"progressToken": token, "progress": 7, "total": 30, "message": text});
    message(&serde_json::json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": params}))
}

fn log(data: &serde_json::Value) -> Message {
    let params = serde_json::json!({"level": "info", "logger": "db", "data": data});
    message(&serde_json::json!({"jsonrpc": "2.0", "method": "notifications/message", "params": params}))
}

fn answer(text: &str) -> Message {
    let result = serde_json::json!({"content": [{"type": "text", "text": text}]});
    message(&serde_json::json!({"jsonrpc": "2.0", "id": 1, "result": result}))
}

/// Which messages go, by their number, and what stands around each.
fn go(turns: &mut Turns, now: i64) -> Vec<Coming> {
    std::iter::from_fn(|| turns.pop(at(now))).collect()
}

#[test]
fn what_ends_in_a_sentence_does_not_wait() {
    let mut turns = Turns::default();
    for text in ["Reading, please wait!", "done ", "(7 of 30)", "row 7 of 30", "7/30", ""] {
        turns.push(progress("a", text), None, at(0));
        assert_eq!(go(&mut turns, 0).len(), 1, "{text}");
    }
    turns.push(log(&serde_json::json!({"rows": 12, "table": "customers"})), None, at(0));
    assert_eq!(go(&mut turns, 0).len(), 1, "nothing in it goes on");
    assert_eq!(turns.wait(at(0)), None);
}

#[test]
fn the_beginning_of_a_value_waits_for_its_end_and_no_longer_than_it_may() {
    let mut turns = Turns::default();
    turns.push(progress("a", "card 4539 1488"), None, at(0));
    assert!(go(&mut turns, 100).is_empty());
    assert_eq!(turns.wait(at(100)), Some(Duration::from_millis(150)));
    // Another token, and a log message: of other texts, but behind it.
    turns.push(progress("b", "unrelated!"), None, at(110));
    turns.push(log(&serde_json::json!("noted!")), None, at(120));
    assert!(go(&mut turns, 120).is_empty());
    turns.push(progress("a", " 0343 6467 was charged!"), None, at(130));
    let gone = go(&mut turns, 130);
    assert_eq!(gone.len(), 4);
    let seams: Vec<(usize, bool)> =
        gone.iter().map(|c| (c.seams.len(), c.seams.iter().any(|(_, s)| s.unfinished))).collect();
    assert_eq!(seams, [(1, false), (0, false), (0, false), (1, false)]);

    turns.push(progress("a", "to DE89 3704"), None, at(1000));
    let gone = go(&mut turns, 1250);
    assert!(gone.first().unwrap().seams.iter().all(|(_, seam)| seam.unfinished));
}

#[test]
fn the_answer_is_the_end_of_all_and_may_end_a_value() {
    let mut turns = Turns::default();
    turns.push(progress("a", "to DE89 3704 0044"), None, at(0));
    turns.push(answer(" 0532 0130 00"), None, at(10));
    let gone = go(&mut turns, 10);
    assert_eq!(gone.len(), 2);
    assert_eq!(gone.last().unwrap().seams.first().unwrap().1.before, "to DE89 3704 0044");
    assert_eq!(gone.first().unwrap().seams.first().unwrap().1.after, " 0532 0130 00");
}

#[test]
fn a_clock_that_is_set_back_lets_nothing_wait_longer() {
    let mut turns = Turns::default();
    turns.push(progress("a", "to DE89 3704"), None, at(9000));
    assert_eq!(turns.wait(at(0)), Some(LONGEST_WAIT));
}

#[test]
fn many_kinds_of_text_share_the_last_place() {
    let mut turns = Turns::default();
    for n in 0..200 {
        turns.push(progress(&n.to_string(), "so!"), None, at(0));
    }
    assert!(turns.lanes.len() <= LANES);
}

proptest! {
    /// Whatever comes: everything goes, once, in the order in which it came.
    #[test]
    fn the_order_stays(
        texts in prop::collection::vec(("[ab]", "[a-z0-9 @!]{0,12}", 0i64..200), 0..40), ends in any::<bool>(),
    ) {
        let (mut turns, mut now, mut out) = (Turns::default(), 0, Vec::new());
        for (n, (token, text, pause)) in texts.iter().enumerate() {
            turns.push(progress(token, text), Some(n.to_string()), at(now));
            now += pause;
            out.extend(go(&mut turns, now));
        }
        if ends {
            turns.end();
        }
        out.extend(go(&mut turns, if ends { now } else { now + 250 }));
        let order: Vec<usize> = out.iter().map(|c| c.event_id.as_ref().unwrap().parse().unwrap()).collect();
        prop_assert_eq!(order, (0..texts.len()).collect::<Vec<_>>());
    }
}
