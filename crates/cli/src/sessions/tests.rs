//! Recordings made with the store itself, then read while the log is still open, erased, and verified.

use std::path::Path;
use std::sync::Arc;

use carnet_evidence::seal::{DataKey, Slot, SlotKey};
use carnet_evidence::{Disclosures, Draft, Epochs, LeafType, field};
use carnet_store::{Disk, Entry, KeyStore, Keys, Ledger, Log, LogOptions, RealDisk};
use expect_test::expect;

use super::place::Place;
use super::{list, show};

const ORIGIN: &str = "log.example/test/de/1";
const NOON: u64 = 1_795_262_400;
const GS: [u8; 16] = [7; 16];

/// A log with one session in it, still open for writing.
struct Recorded {
    log: Log,
    keys: Keys,
    key: DataKey,
    slot: u8,
    _runtime: tokio::runtime::Runtime,
}

impl Recorded {
    fn new(folder: &Path) -> Recorded {
        let disk: Arc<dyn Disk> = Arc::new(RealDisk::new(folder));
        let keys = Keys::open(disk.clone(), None).unwrap();
        let (log, _) = Log::open(disk, &LogOptions::new(ORIGIN), &keys).unwrap();
        let (key, wrapped) = keys.new_session().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let vkey = keys.signer(ORIGIN).unwrap().verifier().to_text();
        let mut recorded = Recorded { log, keys, key, slot: 0, _runtime: runtime };
        let genesis = Draft::genesis(NOON, [0; 16], Epochs::default(), &vkey, "de", "configured");
        recorded.append(Entry::bare(genesis));
        recorded.append(Entry::bare(Draft::gateway_start(NOON, [0; 16], Epochs::default(), 60, "0.1.0")));
        let open = Draft::session_open(NOON, GS, Epochs::default());
        let entry = recorded.entry(open, &[], None);
        recorded.append(Entry { keys: vec![wrapped], ..entry });
        recorded.call();
        recorded
    }

    fn append(&mut self, entry: Entry) -> u64 {
        self._runtime.block_on(self.log.append(entry)).unwrap().index
    }

    fn call(&mut self) {
        let draft = |ty| Draft::new(ty, NOON + 1, GS, Epochs::default());
        let request = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"find","arguments":{"mail":"[EMAIL]"}}}"#;
        let said = [
            (field::METHOD, r#""tools/call""#),
            (field::DIRECTION, r#""to_server""#),
            (field::TOOL, r#""find""#),
            (field::DECISION, r#""permit""#),
            (field::POLICIES, r#"["analysts-search"]"#),
            (field::MASKING, r#"{"email":1}"#),
            (field::RESIDENCY, r#"{"known":"asserted","processing":"de","recipient":"fr","storage":"de"}"#),
        ];
        let entry = self.entry(draft(LeafType::CallDecision), &said, Some(request));
        let of = self.append(entry);
        let said = [(field::DECISION, r#""permit""#)];
        let outcome = Draft { of: Some(of), ..draft(LeafType::CallOutcome) };
        let entry = self.entry(outcome, &said, Some("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"n\":1.0}}"));
        self.append(entry);
    }

    fn entry(&mut self, mut draft: Draft, said: &[(&str, &str)], frame: Option<&str>) -> Entry {
        let mut fill = |out: &mut [u8]| out.fill(9);
        let mut disclosures = Disclosures::new(&mut fill);
        let actor = r#"{"kind":"user","issuer":"https://idp.example","subject":"ada","groups":["analysts"],"authenticated":"jwt"}"#;
        disclosures.add(field::ACTOR, actor.as_bytes());
        disclosures.add(field::SERVER, br#""crm""#);
        disclosures.add_u64(field::TIME, (NOON + 1) * 1_000_000 + u64::from(self.slot));
        said.iter().for_each(|(name, value)| disclosures.add(name, value.as_bytes()));
        let disclosed = disclosures.finish();
        self.slot += 1;
        let key = SlotKey::of(&[&self.key]);
        let seal = |kind, clear| key.seal(ORIGIN, [self.slot; 16], kind, clear).unwrap();
        let mut sealed = vec![seal(Slot::Disclosures, disclosed.encoded)];
        sealed.extend(frame.map(|f| seal(Slot::Frames, f.as_bytes().to_vec())));
        draft.sd = disclosed.digests;
        let mut blobs = Vec::new();
        for blob in sealed {
            draft.bl.push(blob.reference);
            blobs.push(blob.bytes);
        }
        Entry { draft, blobs, keys: Vec::new() }
    }
}

fn place(folder: &Path) -> Place {
    Place { config: None, data: Some(folder.to_owned()) }
}

#[test]
fn a_session_is_listed_and_shown_while_the_log_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let _recorded = Recorded::new(folder.path());
    expect![[r#"
        SESSION                 OPENED (UTC)         CLOSED  CALLS  SERVER  ACTOR
        BwcHBwcHBwcHBwcHBwcHBw  2026-11-21 12:00:00  open    1      crm     user ada at https://idp.example, groups analysts (jwt)
    "#]].assert_eq(&list::text(&place(folder.path()), 10).unwrap());
    expect![[r#"
        session BwcHBwcHBwcHBwcHBwcHBw
          server   crm
          actor    user ada at https://idp.example, groups analysts (jwt)
          calls    1 in 3 records

        #2 2026-11-21 12:00:01.000000 session opens

        #3 2026-11-21 12:00:01.000001 from client to server, tools/call find: PERMIT
            policies  analysts-search
            masked    email 1
            places    processing de, recipient fr, storage de
            {
              "jsonrpc": "2.0",
              "id": 1,
              "method": "tools/call",
              "params": {"name":"find","arguments":{"mail":"[EMAIL]"}}
            }

        #4 2026-11-21 12:00:01.000002 answer to #3: PERMIT
            {"jsonrpc":"2.0","id":1,"result":{"n":1.0}}
    "#]]
    .assert_eq(&show::rendered(&place(folder.path()), "BwcH", false, false).unwrap().1);
    let json = show::rendered(&place(folder.path()), "BwcHBwcHBwcHBwcHBwcHBw", true, false).unwrap().1;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["records"][1]["message"]["params"]["name"], "find");
    assert_eq!(json["records"][2]["of"], json["records"][1]["index"]);
    let error = show::rendered(&place(folder.path()), "zzz", false, false).unwrap_err();
    assert_eq!(error.to_string(), "no session begins with zzz; see `carnet sessions list`");
}

#[test]
fn an_erased_session_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let recorded = Recorded::new(folder.path());
    assert_eq!(recorded.keys.destroy(&[recorded.key.id()]).unwrap(), 1);
    expect![[r#"
        SESSION                 OPENED (UTC)         CLOSED  CALLS  SERVER  ACTOR
        BwcHBwcHBwcHBwcHBwcHBw  2026-11-21 12:00:00  open    1      -       (erased: its key was destroyed)
    "#]]
    .assert_eq(&list::text(&place(folder.path()), 10).unwrap());
}

#[test]
fn reading_makes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let error = list::text(&place(folder.path()), 10).unwrap_err().to_string();
    assert!(error.contains("no log/segments"), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn the_log_is_verified_with_its_disclosures() {
    let folder = tempfile::tempdir().unwrap();
    let recorded = Recorded::new(folder.path());
    // Closing publishes what is there.
    recorded.log.close();
    let text = crate::verify::text(folder.path()).unwrap();
    assert!(text.contains("disclosures  holds    5 slots opened"), "{text}");
    assert!(text.ends_with("the log holds\n"), "{text}");
}
