//! Packages by an operator who holds the log's key and signs anew what was done to approvals: forged, replayed, given to oneself,
//! of another call. Each is found under its own name by the verifier with its policy engine.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at anything odd")]
#![cfg(feature = "judge")]

use std::collections::BTreeMap;
use std::io::{BufRead, Cursor};

use carnet_approvals::{Account, Assurance, Binding, Choice, Digest, Proof, Residency, Vote};
use carnet_evidence::checkpoint::Checkpoint;
use carnet_evidence::note::Signer;
use carnet_evidence::package::manifest::{Asked, Facts, Manifest, sign};
use carnet_evidence::package::produce::{Sink, current};
use carnet_evidence::package::verify::{Options, StateKind, verify};
use carnet_evidence::package::{
    CONSISTENCY, DISCLOSURES, END, ENVELOPE, FRAMES, FRONTIER, Files, LEAVES, MANIFEST, VKEY, WITHHELD,
    assemble, lines,
};
use carnet_evidence::tree::Frontier;
use carnet_evidence::verify::{Report, SourceError};
use carnet_evidence::{BlobRef, Disclosures, Draft, Epochs, Hash, LeafType, disclosure, field, leaf_hash};
use carnet_policy::PolicySet;
use carnet_verify::judge::Bench;
use serde_json::json;
use sha2::{Digest as _, Sha256};

const ORIGIN: &str = "log.example/acme/eu/1";
const T: u64 = 1_790_000_000;

#[derive(Default, Clone)]
struct Map(BTreeMap<String, Vec<u8>>);

impl Files for Map {
    fn names(&self) -> Result<Vec<String>, SourceError> {
        Ok(self.0.keys().cloned().collect())
    }
    fn open<'s>(&'s self, name: &str) -> Result<Option<Box<dyn BufRead + 's>>, SourceError> {
        Ok(self.0.get(name).map(|bytes| Box::new(Cursor::new(bytes.as_slice())) as Box<dyn BufRead>))
    }
}

impl Sink for Map {
    fn write(&mut self, file: &str, bytes: &[u8]) {
        self.0.entry(file.to_owned()).or_default().extend_from_slice(bytes);
    }
}

/// A log and its package in the making.
struct Maker {
    files: Map,
    tree: Frontier,
    last: BTreeMap<[u8; 16], (u64, Hash)>,
    ep: Epochs,
    policy: Hash,
    seed: u64,
}

const RUN: [u8; 16] = [1; 16];
const SESSION: [u8; 16] = [2; 16];

fn account(subject: &str) -> Account {
    Account { kind: "user".into(), issuer: "https://idp.example".into(), subject: subject.into() }
}

fn actor(subject: &str) -> String {
    json!({"authenticated": "jwt", "groups": [], "issuer": "https://idp.example", "kind": "user", "subject": subject})
        .to_string()
}

impl Maker {
    fn new() -> Maker {
        let policies = PolicySet::load(
            &[("all", "@id(\"everything\") permit (principal, action, resource);")],
            &Default::default(),
        );
        let configuration = br#"{"masking":{"countries":[],"names_in_text":false}}"#.to_vec();
        let states = [
            (StateKind::Policies, policies.unwrap().state().to_vec()),
            (StateKind::Configuration, configuration),
            (StateKind::Build, b"{}".to_vec()),
            (StateKind::Jurisdictions, b"version 1\n".to_vec()),
        ];
        let mut files = Map::default();
        let hash = |i: usize| <[u8; 32]>::from(Sha256::digest(&states[i].1));
        let ep = Epochs { policy: hash(0), configuration: hash(1), build: hash(2), jurisdiction: hash(3) };
        for (kind, bytes) in &states {
            files.0.insert(kind.file(&Sha256::digest(bytes).into()), bytes.clone());
        }
        for name in [LEAVES, DISCLOSURES, FRAMES, WITHHELD] {
            files.0.insert(name.to_owned(), Vec::new());
        }
        let mut maker =
            Maker { files, tree: Frontier::new(), last: BTreeMap::new(), ep, policy: hash(0), seed: 7 };
        let key = signer().verifier().to_text();
        maker.add(Draft::genesis(T, RUN, ep, &key, "de", "configured"), &[]);
        maker.add(Draft::gateway_start(T, RUN, ep, 60, "0.1.0"), &[]);
        maker.add(Draft::session_open(T, SESSION, ep), &[]);
        maker
    }

    fn add(&mut self, mut draft: Draft, said: &[(&str, String)]) -> u64 {
        let index = self.tree.size();
        let mut line = Vec::new();
        if !said.is_empty() {
            let seed = &mut self.seed;
            let mut entropy = |out: &mut [u8]| {
                for b in out {
                    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    *b = (*seed >> 56) as u8;
                }
            };
            let mut d = Disclosures::new(&mut entropy);
            for (name, value) in said {
                d.add(name, value.as_bytes());
            }
            let done = d.finish();
            draft.sd = done.digests;
            draft.bl = vec![BlobRef { h: [1; 32], k: format!("key/slot{index}/d") }];
            let encoded = disclosure::split(&done.encoded).unwrap();
            lines::disclosures(&mut line, index, encoded.iter().map(Vec::as_slice));
            self.files.write(DISCLOSURES, &line);
            line.clear();
        }
        let last = self.last.get(&draft.gs).copied();
        let n = last.map_or(0, |(n, _)| n + 1);
        let leaf = draft.finish(n, last.as_ref().map(|(_, h)| h)).unwrap();
        let hash = leaf_hash(&leaf);
        self.last.insert(draft.gs, (n, hash));
        lines::leaf(&mut line, index, &hash, &leaf);
        self.files.write(LEAVES, &line);
        self.tree.push(hash);
        index
    }

    fn draft(&self, ty: LeafType, session: [u8; 16], of: Option<u64>) -> Draft {
        Draft { of, ..Draft::new(ty, T + 5, session, self.ep) }
    }

    fn finish(mut self) -> Map {
        let close = Draft::session_close(T + 6, SESSION, self.ep, None, "idle");
        self.add(close, &[]);
        self.add(Draft::gateway_stop(T + 7, RUN, self.ep, "asked"), &[]);
        let (signer, to) = (signer(), self.tree.size());
        let key = signer.verifier().to_text();
        let end = Checkpoint::new(ORIGIN, to, self.tree.root()).sign(&signer).unwrap().to_text();
        let mut put = |name: &str, text: String| self.files.0.insert(name.to_owned(), text.into_bytes());
        put(END, end);
        put(FRONTIER, lines::frontier(&Frontier::new()));
        put(CONSISTENCY, lines::consistency(0, to, &[]));
        put(VKEY, key.clone());
        let (asked, producers) = (Asked::default(), current(&[]));
        let mut facts =
            Facts { origin: ORIGIN.into(), key, from: 0, to, asked, counts: BTreeMap::new(), producers };
        let mut files = self.files.clone();
        facts.counts = assemble::produce(&self.files, &facts, &mut files, &mut |_| {}).unwrap();
        let subjects = files.0.iter().map(|(n, b)| (n.clone(), Sha256::digest(b).into())).collect();
        let manifest = Manifest { facts, subjects }.to_json();
        files.0.insert(ENVELOPE.to_owned(), sign(manifest.as_bytes(), &signer).into_bytes());
        files.0.insert(MANIFEST.to_owned(), manifest.into_bytes());
        files
    }
}

fn signer() -> Signer {
    Signer::new(ORIGIN, &[1; 32]).unwrap()
}

fn check(files: &Map) -> Report {
    let signer = signer();
    let options = Options { key: Some(signer.verifier()), ..Options::default() };
    verify(files, &options, Some(&mut Bench::default())).unwrap()
}

/// A call that was asked for, voted on and used, each as a test wants it.
struct Case {
    requester: &'static str,
    voters: Vec<Vote>,
    quorum: u64,
    /// What the record says is approved, and under which digest.
    binding: Binding,
    digest: Digest,
    /// What ran.
    ran: Digest,
    uses: usize,
    /// Of which request the votes are.
    of: Option<u64>,
}

fn binding(policy: Hash, nonce: u8) -> Binding {
    Binding {
        method: "tools/call".into(),
        tool: Some("delete".into()),
        fingerprint: None,
        arguments: Digest([4; 32]),
        actor: account("ada"),
        agent: None,
        behind: Vec::new(),
        server: "crm".into(),
        policy: Digest(policy),
        residency: Residency { processing: "de".into(), recipient: "de".into(), storage: "de".into() },
        from: 0,
        until: i64::try_from(T).unwrap() + 60,
        nonce: Digest([nonce; 32]),
    }
}

fn vote(subject: &str, digest: Digest) -> Vote {
    Vote {
        voter: account(subject),
        for_account: None,
        choice: Choice::Approve,
        reason: "seen".into(),
        channel: "cli".into(),
        assurance: Assurance::Token,
        proof: Proof::Token { method: "jwt".into() },
        digest,
        permitted: vec!["deleting".into()],
        grant: None,
        at: 0,
        part: None,
        place: None,
    }
}

/// The package of one case after the change.
fn package(change: impl FnOnce(&mut Case)) -> Map {
    let mut maker = Maker::new();
    let binding = binding(maker.policy, 9);
    let digest = binding.digest();
    let voters = vec![vote("ines", digest)];
    let mut case =
        Case { requester: "ada", voters, quorum: 1, binding, digest, ran: digest, uses: 1, of: None };
    change(&mut case);
    let call = |requester: &str| {
        vec![
            (field::ACTOR, actor(requester)),
            (field::SERVER, "\"crm\"".to_owned()),
            (field::METHOD, "\"tools/call\"".to_owned()),
        ]
    };
    let mut said = call(case.requester);
    let digest = case.digest.to_string();
    said.push((
        field::APPROVAL,
        json!({"binding": case.binding.text(), "digest": digest, "id": "1"}).to_string(),
    ));
    let until = T + 60;
    let draft = maker.draft(LeafType::ApprovalRequest, SESSION, None).text("why", "hold");
    let request = maker.add(draft.int("quorum", case.quorum).int("until", until), &said);
    for vote in &case.voters {
        let of = case.of.unwrap_or(request);
        let draft = maker.draft(LeafType::ApprovalVote, RUN, Some(of)).text("why", vote.choice.word());
        let said = [
            (field::ACTOR, actor(&vote.voter.subject)),
            (field::APPROVAL, serde_json::to_string(vote).unwrap()),
        ];
        maker.add(draft, &said);
    }
    let used = json!({"digest": case.ran.to_string(), "names": ["deleting"], "request": request}).to_string();
    for _ in 0..case.uses {
        let mut said = call(case.requester);
        said.push((field::APPROVAL, used.clone()));
        let draft = maker.draft(LeafType::ApprovalConsume, SESSION, Some(request)).text("why", "used");
        maker.add(draft, &said);
    }
    let mut said = call(case.requester);
    said.extend([
        (field::APPROVAL, used),
        (field::DIRECTION, "\"to_server\"".to_owned()),
        (field::TOOL, "\"delete\"".to_owned()),
        (field::DECISION, "\"permit\"".to_owned()),
        (field::POLICIES, "[\"everything\"]".to_owned()),
    ]);
    let of = maker.add(maker.draft(LeafType::CallDecision, SESSION, None), &said);
    maker.add(
        maker.draft(LeafType::CallOutcome, SESSION, Some(of)),
        &[(field::DECISION, "\"permit\"".to_owned())],
    );
    maker.finish()
}

fn faults(change: impl FnOnce(&mut Case)) -> Vec<&'static str> {
    check(&package(change)).faults().into_iter().map(|f| f.as_str()).collect()
}

fn passkey(registered: Option<u64>) -> Proof {
    let text = || "AAAA".to_owned();
    Proof::Passkey {
        credential: text(),
        authenticator_data: text(),
        client_data: text(),
        signature: text(),
        registered,
    }
}

#[test]
fn an_approval_as_it_should_be() {
    let report = check(&package(|_| {}));
    assert!(report.holds(), "{}", report.to_text());
    let text = report.to_text();
    assert!(text.contains("1 votes are the gateway's word"), "{text}");
}

type Row = (&'static str, fn(&mut Case), &'static [&'static str]);

const ROWS: &[Row] = &[
    ("forged: a vote on another call", |c| c.voters[0].digest = Digest([8; 32]), &["approval-digest"]),
    (
        "forged: by a passkey that signed nothing",
        |c| c.voters[0].assurance = Assurance::Passkey,
        &["approval-signature"],
    ),
    (
        "forged: by a key that no record registers",
        |c| c.voters[0].proof = passkey(Some(1)),
        &["approval-signature"],
    ),
    (
        "forged: by a key that is registered later",
        |c| c.voters[0].proof = passkey(Some(99)),
        &["approval-signature"],
    ),
    ("forged: a key without a record", |c| c.voters[0].proof = passkey(None), &["approval-signature"]),
    (
        "replayed: the vote on a call with another nonce",
        |c| {
            let Digest(policy) = c.binding.policy;
            c.voters[0].digest = binding(policy, 3).digest();
        },
        &["approval-digest"],
    ),
    ("given to oneself", |c| c.voters[0].voter = account("ada"), &["approval-own-call"]),
    (
        "given to oneself in another's place",
        |c| c.voters[0].for_account = Some(account("ada")),
        &["approval-own-call"],
    ),
    ("by a program", |c| c.voters[0].voter.kind = "workload".into(), &["approval-own-call"]),
    (
        "one person twice",
        |c| {
            c.quorum = 2;
            c.voters.push(c.voters[0].clone());
        },
        &["approval-same-person"],
    ),
    ("too few", |c| c.quorum = 2, &["approval-without-quorum"]),
    ("nobody", |c| c.voters.clear(), &["approval-without-quorum"]),
    ("a no counted as a yes", |c| c.voters[0].choice = Choice::Deny, &["approval-without-quorum"]),
    ("used twice", |c| c.uses = 2, &["approval-used-twice"]),
    ("another call ran", |c| c.ran = Digest([8; 32]), &["approval-digest"]),
    ("another text under the digest", |c| c.binding.arguments = Digest([5; 32]), &["approval-digest"]),
    ("another call's request", |c| c.requester = "omar", &["approval-digest"]),
    ("votes of no request", |c| c.of = Some(77), &["approval-without-quorum", "approval-without-request"]),
];

#[test]
fn what_was_done_to_approvals_has_its_name() {
    for (what, change, want) in ROWS {
        let mut found = faults(change);
        found.sort_unstable();
        found.dedup();
        assert_eq!(found, *want, "{what}");
    }
}
