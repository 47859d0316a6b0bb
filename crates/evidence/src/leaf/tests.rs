//! Leaf encoding: the bytes as they are, the round trip, and what is refused.

use expect_test::expect;
use proptest::prelude::*;

use super::*;

fn epochs() -> Epochs {
    Epochs { policy: [1; 32], configuration: [2; 32], build: [3; 32], jurisdiction: [4; 32] }
}

fn decision() -> Draft {
    let mut draft = Draft::new(LeafType::CallDecision, 1_790_000_000, [9; 16], epochs());
    draft.sd = vec![[0xff; 32], [0x10; 32]];
    draft.bl = vec![BlobRef { h: [5; 32], k: "AAA/BBB/d".into() }];
    draft
}

fn text(draft: &Draft, n: u64) -> String {
    String::from_utf8(draft.finish(n, (n > 0).then_some(&[7; 32])).unwrap()).unwrap()
}

#[test]
fn bytes_of_a_decision() {
    expect![[r#"{"_sd":["EBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBA","__________________________________________8"],"_sd_alg":"sha-256","bl":[{"h":"BQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQU","k":"AAA/BBB/d"}],"ep":{"b":"AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM","c":"AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI","j":"BAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ","p":"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE"},"gs":"CQkJCQkJCQkJCQkJCQkJCQ","n":3,"ps":"BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc","t":1790000000,"ty":"call.decision","v":"carnet/1"}"#]]
    .assert_eq(&text(&decision(), 3));
}

#[test]
fn bytes_of_the_stated_members() {
    let ep = Epochs::default();
    let tail = |d: Draft, n| text(&d, n).split_once("\"gs\"").unwrap().1.to_owned();
    let all = [
        tail(Draft::genesis(1, [0; 16], ep, "h/t/r/1+00000000+AA", "eu-central-1", "configured"), 0),
        tail(Draft::gateway_start(1, [0; 16], ep, 60, "0.1.0"), 0),
        tail(Draft::heartbeat(1, [0; 16], ep, 60), 1),
        tail(Draft::gap(1, [0; 16], ep, 5, 9, "crash"), 1),
        tail(Draft::session_close(1, [0; 16], ep, Some(2), "idle"), 5),
        tail(Draft::orphan(1, [0; 16], ep, 77, "crash"), 5),
        tail(Draft::policy_activate(1, [0; 16], ep, &[8; 32], "refused"), 5),
    ];
    expect![[r#"
        :"AAAAAAAAAAAAAAAAAAAAAA","n":0,"t":1,"ty":"cell.genesis","v":"carnet/1","x":{"key":"h/t/r/1+00000000+AA","region":"eu-central-1","region_known":"configured"}}
        :"AAAAAAAAAAAAAAAAAAAAAA","n":0,"t":1,"ty":"gw.start","v":"carnet/1","x":{"every":60,"version":"0.1.0"}}
        :"AAAAAAAAAAAAAAAAAAAAAA","n":1,"ps":"BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc","t":1,"ty":"heartbeat","v":"carnet/1","x":{"every":60}}
        :"AAAAAAAAAAAAAAAAAAAAAA","n":1,"ps":"BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc","t":1,"ty":"gap","v":"carnet/1","x":{"from":5,"to":9,"why":"crash"}}
        :"AAAAAAAAAAAAAAAAAAAAAA","n":5,"ps":"BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc","t":1,"ty":"session.close","v":"carnet/1","x":{"calls":2,"leaves":6,"why":"idle"}}
        :"AAAAAAAAAAAAAAAAAAAAAA","n":5,"of":77,"ps":"BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc","t":1,"ty":"call.orphan","v":"carnet/1","x":{"why":"crash"}}
        :"AAAAAAAAAAAAAAAAAAAAAA","n":5,"ps":"BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc","t":1,"ty":"policy.activate","v":"carnet/1","x":{"hash":"CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg","result":"refused"}}
    "#]]
    .assert_eq(&(all.join("\n") + "\n"));
}

#[test]
fn refused_when_written() {
    let full = |draft: Draft, n, ps: Option<&[u8; 32]>| draft.finish(n, ps).unwrap_err();
    assert_eq!(full(decision(), 0, Some(&[0; 32])), LeafError::Link);
    assert_eq!(full(decision(), 1, None), LeafError::Link);
    assert_eq!(full(Draft { ty: LeafType::CallOutcome, ..decision() }, 0, None), LeafError::Answer);
    assert_eq!(full(Draft { ty: LeafType::Heartbeat, ow: true, ..decision() }, 0, None), LeafError::OneWay);
    assert_eq!(full(Draft { t: u64::MAX, ..decision() }, 0, None), LeafError::Number);
    assert_eq!(full(decision().int("calls", 1), 0, None), LeafError::Ext);
    assert_eq!(full(Draft { kr: vec!["k".repeat(MAX_LEAF)], ..decision() }, 0, None), LeafError::TooLong);
}

#[test]
fn refused_when_read() {
    let good = text(&decision(), 3);
    let change = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        Leaf::parse(good.replacen(from, to, 1).as_bytes()).unwrap_err()
    };
    let digest = |byte| crate::text::b64url(&[byte; 32]);
    let pair = format!("[\"{}\",\"{}\"]", digest(0x10), digest(0xff));
    let swapped = format!("[\"{}\",\"{}\"]", digest(0xff), digest(0x10));
    let cases = [
        (change("\"n\":3", "\"n\": 3"), LeafError::Canonical),
        (change("\"n\":3", "\"n\":3.0"), LeafError::Member("n")),
        (change("\"n\":3", "\"n\":-3"), LeafError::Member("n")),
        (change("\"n\":3", "\"n\":9007199254740992"), LeafError::Member("n")),
        (change("\"n\":3", "\"n\":3,\"n\":3"), LeafError::Json),
        (change("\"n\":3", "\"n\":3,\"m\":3"), LeafError::Unknown),
        (change("\"n\":3", "\"n\":0"), LeafError::Link),
        (change("\"n\":3", "\"n\":3,\"ow\":false"), LeafError::Member("ow")),
        (change("\"n\":3", "\"kr\":[],\"n\":3"), LeafError::Member("kr")),
        (change("call.decision", "call.maybe"), LeafError::Type),
        (change("call.decision", "call.outcome"), LeafError::Answer),
        (change("carnet/1", "carnet/2"), LeafError::Version),
        (change("call.decision", "call.\\u0064ecision"), LeafError::Canonical),
        (change("sha-256", "sha-512"), LeafError::Member("_sd_alg")),
        (change(&pair, &swapped), LeafError::Canonical),
        (change("\"CQkJ", "\"JCQkJ"), LeafError::Member("gs")),
        (change("carnet/1\"", "carnet/1\",\"x\":{\"why\":\"a\"}"), LeafError::Ext),
        (change("carnet/1\"", "carnet/1\",\"x\":{}"), LeafError::Member("x")),
        (change("}]", ",\"z\":1}]"), LeafError::Member("bl")),
    ];
    for (i, (got, want)) in cases.into_iter().enumerate() {
        assert_eq!(got, want, "case {i}");
    }
    for bad in ["", "[]", "1", "{}", "{\"v\":1}", "nonsense"] {
        assert!(Leaf::parse(bad.as_bytes()).is_err(), "{bad}");
    }
}

fn drafts() -> impl Strategy<Value = (Draft, u64)> {
    let hash = || any::<[u8; 32]>();
    let name = || "[ -~äß\u{1F600}\u{1}]{0,12}";
    (
        (0..LeafType::ALL.len(), 0..=MAX_NUMBER, any::<[u8; 16]>(), proptest::option::of(0..=MAX_NUMBER)),
        (any::<bool>(), hash(), hash(), hash(), hash()),
        proptest::collection::vec(hash(), 0..6),
        proptest::collection::vec((hash(), name()), 0..3),
        proptest::collection::vec(name(), 0..3),
        (name(), 0..=MAX_NUMBER, 0..MAX_NUMBER),
    )
        .prop_map(|((ty, t, gs, of), (ow, a, b, c, d), sd, bl, kr, (word, int, n))| {
            let ty = LeafType::ALL[ty];
            let ep = Epochs { policy: a, configuration: b, build: c, jurisdiction: d };
            let mut draft = Draft::new(ty, t, gs, ep);
            draft.of = of.or(ty.answers().then_some(1));
            draft.ow = ow && ty == LeafType::CallDecision;
            draft.sd = sd;
            draft.sd.sort_unstable();
            draft.bl = bl.into_iter().map(|(h, k)| BlobRef { h, k }).collect();
            draft.kr = kr;
            for (i, key) in ty.ext_keys().iter().enumerate() {
                draft = if i % 2 == 0 { draft.text(key, &word) } else { draft.int(key, int) };
            }
            (draft, n)
        })
}

proptest! {
    #[test]
    fn what_is_written_is_read_back((draft, n) in drafts()) {
        let ps = (n > 0).then_some([7; 32]);
        let bytes = draft.finish(n, ps.as_ref()).unwrap();
        let leaf = Leaf::parse(&bytes).unwrap();
        prop_assert_eq!(&leaf.draft, &draft);
        prop_assert_eq!((leaf.n, leaf.ps), (n, ps));
    }

    /// Written here by hand, checked against a general JSON library: keys sorted, nothing lost.
    #[test]
    fn it_is_canonical_json((draft, n) in drafts()) {
        let bytes = draft.finish(n, (n > 0).then_some(&[7; 32])).unwrap();
        let value: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        prop_assert_eq!(serde_json::to_vec(&value).unwrap(), bytes);
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Leaf::parse(&bytes);
    }
}
