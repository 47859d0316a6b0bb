//! A log with one call that an approval was asked for, and its package; each part as a test wants it.

use std::collections::BTreeMap;
use std::io::{BufRead, Cursor};

use carnet_approvals::{Account, Assurance, Binding, Choice, Digest, Proof, Residency, Vote};
use carnet_evidence::checkpoint::Checkpoint;
use carnet_evidence::note::Signer;
use carnet_evidence::package::lines::{Why, Withheld};
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

pub(crate) const ORIGIN: &str = "log.example/acme/eu/1";
pub(crate) const T: u64 = 1_790_000_000;

#[derive(Default, Clone)]
pub(crate) struct Map(pub(crate) BTreeMap<String, Vec<u8>>);

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
pub(crate) struct Maker {
    files: Map,
    tree: Frontier,
    last: BTreeMap<[u8; 16], (u64, Hash)>,
    ep: Epochs,
    policy: Hash,
    seed: u64,
}

const RUN: [u8; 16] = [1; 16];
const SESSION: [u8; 16] = [2; 16];

pub(crate) fn account(subject: &str) -> Account {
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

    fn add(&mut self, draft: Draft, said: &[(&str, String)]) -> u64 {
        self.add_framed(draft, said, None, false)
    }

    /// A record with a frame; where both are erased, they are withheld as that.
    fn add_framed(
        &mut self,
        mut draft: Draft,
        said: &[(&str, String)],
        frame: Option<&str>,
        erased: bool,
    ) -> u64 {
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
            if let Some(frame) = frame {
                d.add_bytes(field::FRAME, &Sha256::digest(frame));
            }
            let done = d.finish();
            draft.sd = done.digests;
            let slot = |kind: &str| BlobRef { h: [1; 32], k: format!("key/slot{index}/{kind}") };
            draft.bl = ["d", "f"].into_iter().take(1 + usize::from(frame.is_some())).map(slot).collect();
            let encoded = disclosure::split(&done.encoded).unwrap();
            let mut put = |file: &str, write: &dyn Fn(&mut Vec<u8>)| {
                write(&mut line);
                self.files.write(file, &line);
                line.clear();
            };
            if erased {
                let why = Some(Why::Erased);
                let kept = Withheld { d: why, f: why.filter(|_| frame.is_some()), names: vec![] };
                put(WITHHELD, &|line| lines::withheld(line, index, &kept));
            } else {
                put(DISCLOSURES, &|line| lines::disclosures(line, index, encoded.iter().map(Vec::as_slice)));
                frame.into_iter().for_each(|f| put(FRAMES, &|line| lines::frame(line, index, f)));
            }
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

    fn finish(mut self, (closed, stopped): (u64, u64)) -> Map {
        let close = Draft::session_close(closed, SESSION, self.ep, None, "idle");
        self.add(close, &[]);
        self.add(Draft::gateway_stop(stopped, RUN, self.ep, "asked"), &[]);
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
        relisted(files, facts)
    }
}

/// Files with a manifest over them as they are.
fn relisted(mut files: Map, facts: Facts) -> Map {
    files.0.retain(|name, _| name != MANIFEST && name != ENVELOPE);
    let subjects = files.0.iter().map(|(n, b)| (n.clone(), Sha256::digest(b).into())).collect();
    let manifest = Manifest { facts, subjects }.to_json();
    files.0.insert(ENVELOPE.to_owned(), sign(manifest.as_bytes(), &signer()).into_bytes());
    files.0.insert(MANIFEST.to_owned(), manifest.into_bytes());
    files
}

/// A package whose files are changed and whose manifest is signed anew.
pub(crate) fn changed(mut files: Map, change: impl FnOnce(&mut Map)) -> Map {
    let facts = Manifest::parse(&files.0[MANIFEST]).unwrap().facts;
    change(&mut files);
    relisted(files, facts)
}

pub(crate) fn signer() -> Signer {
    Signer::new(ORIGIN, &[1; 32]).unwrap()
}

pub(crate) fn check(files: &Map) -> Report {
    check_since(files, None)
}

/// As [`check`], by somebody who has a checkpoint of before.
pub(crate) fn check_since(files: &Map, last_checkpoint: Option<&[u8]>) -> Report {
    let signer = signer();
    let options = Options { key: Some(signer.verifier()), last_checkpoint, ..Options::default() };
    verify(files, &options, Some(&mut Bench::default())).unwrap()
}

/// A call that was asked for, voted on and used, each as a test wants it.
pub(crate) struct Case {
    pub(crate) requester: &'static str,
    pub(crate) voters: Vec<Vote>,
    pub(crate) quorum: u64,
    /// What the record says is approved, and under which digest.
    pub(crate) binding: Binding,
    pub(crate) digest: Digest,
    /// What ran.
    pub(crate) ran: Digest,
    pub(crate) uses: usize,
    /// Of which request the votes are.
    pub(crate) of: Option<u64>,
    /// What the caller sent, as recorded.
    pub(crate) frame: String,
    /// The policies that the decision names.
    pub(crate) policy: Option<Hash>,
    /// The decision's slots are said to be erased.
    pub(crate) erased: bool,
    /// When the session was closed, and the run ended.
    pub(crate) times: (u64, u64),
}

pub(crate) fn binding(policy: Hash, nonce: u8) -> Binding {
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

pub(crate) fn vote(subject: &str, digest: Digest) -> Vote {
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
pub(crate) fn package(change: impl FnOnce(&mut Case)) -> Map {
    let mut maker = Maker::new();
    let binding = binding(maker.policy, 9);
    let digest = binding.digest();
    let voters = vec![vote("ines", digest)];
    let mut case = Case {
        requester: "ada",
        voters,
        quorum: 1,
        binding,
        digest,
        ran: digest,
        uses: 1,
        of: None,
        frame: r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"delete"}}"#.to_owned(),
        policy: None,
        erased: false,
        times: (T + 6, T + 7),
    };
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
    let mut draft = maker.draft(LeafType::CallDecision, SESSION, None);
    draft.ep.policy = case.policy.unwrap_or(draft.ep.policy);
    let of = maker.add_framed(draft, &said, Some(&case.frame), case.erased);
    maker.add(
        maker.draft(LeafType::CallOutcome, SESSION, Some(of)),
        &[(field::DECISION, "\"permit\"".to_owned())],
    );
    maker.finish(case.times)
}

pub(crate) fn faults(change: impl FnOnce(&mut Case)) -> Vec<&'static str> {
    check(&package(change)).faults().into_iter().map(|f| f.as_str()).collect()
}
