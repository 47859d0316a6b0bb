//! Every order of what can happen to a held call, crashes at every point among it: it runs at most once, never without its
//! quorum, never after its time, and every ending has its leaf. The driver here does what the gateway does: apply to a copy,
//! record, store, keep.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

use carnet_approvals::{
    Account, Assurance, Binding, Choice, Digest, Effect, Ending, Event, Held, Id, Leaf, Part, People, Phase,
    Proof, Rejected, Request, Requirement, Residency, Vote,
};

const EXPIRES: i64 = 100;
const VALID: i64 = 50;

fn account(subject: &str) -> Account {
    Account { kind: "user".into(), issuer: "idp".into(), subject: subject.into() }
}

fn request() -> Request {
    let binding = Binding {
        method: "tools/call".into(),
        tool: Some("export".into()),
        fingerprint: Some(Digest([1; 32])),
        arguments: Digest([2; 32]),
        actor: account("ada"),
        agent: Some(Account { kind: "workload".into(), ..account("bot") }),
        behind: Vec::new(),
        server: "crm".into(),
        policy: Digest([3; 32]),
        residency: Residency { processing: "de".into(), recipient: "fr".into(), storage: "de".into() },
        from: 0,
        until: EXPIRES + VALID,
        nonce: Digest([4; 32]),
    };
    let part = Part { name: "dpo".into(), quorum: 2, stage: 1, assurance: Assurance::Chat };
    let requirement = Requirement {
        parts: vec![part],
        expires: EXPIRES as u64,
        valid: VALID as u64,
        escalate: Some(60),
        break_glass: None,
        grants: None,
    };
    Request { id: Id([5; 16]), binding, requirement, result: false }
}

fn vote(who: &str, choice: Choice) -> Vote {
    Vote {
        voter: account(who),
        for_account: None,
        choice,
        reason: "because".into(),
        channel: "cli".into(),
        assurance: Assurance::Token,
        proof: Proof::OsUser,
        digest: request().digest(),
        permitted: vec!["dpo".into()],
        grant: None,
        at: 0,
        part: None,
        place: None,
    }
}

/// Who keeps the call: memory, store and log, and what ran.
#[derive(Clone)]
struct World {
    memory: Held,
    stored: Held,
    log: Vec<Leaf>,
    voters: Vec<Account>,
    runs: Vec<i64>,
    now: i64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    Bob,
    Cleo,
    BobAgain,
    Ada,
    Deny,
    Cancel,
    Revoke,
    Void,
    Reload,
    Later,
    Back,
    /// A run that gets so far: taken, recorded, run, stored. A crash comes after that.
    Run(u8),
    Restart,
}

const STEPS: [Step; 16] = [
    Step::Bob,
    Step::Cleo,
    Step::BobAgain,
    Step::Ada,
    Step::Deny,
    Step::Cancel,
    Step::Revoke,
    Step::Void,
    Step::Reload,
    Step::Later,
    Step::Back,
    Step::Run(1),
    Step::Run(2),
    Step::Run(3),
    Step::Run(4),
    Step::Restart,
];

impl World {
    fn new() -> World {
        let held = Held::new(request(), 7);
        World { memory: held.clone(), stored: held, log: vec![], voters: vec![], runs: vec![], now: 0 }
    }

    /// As the gateway: apply to a copy, record, store, keep. `far` says where a crash comes: before the record, after it.
    fn happens(&mut self, event: &Event, far: u8) -> Result<(), Rejected> {
        let people = People::default();
        let mut held = self.memory.clone();
        let effects = held.apply(event, &people, self.now)?;
        if far == 0 {
            self.restart();
            return Ok(());
        }
        for effect in &effects {
            if let Effect::Record(leaf) = effect {
                self.log.push(*leaf);
                if let (Leaf::Vote, Some(vote)) = (leaf, held.votes.last()) {
                    self.voters.extend((vote.choice == Choice::Approve).then(|| vote.voter.clone()));
                }
            }
        }
        if far == 1 {
            self.restart();
            return Ok(());
        }
        if !matches!(event, Event::Take | Event::GiveBack) {
            self.stored = held.clone();
        }
        self.memory = held;
        Ok(())
    }

    fn run(&mut self, far: u8) {
        let _ = self.happens(&Event::Tick, 2);
        if self.happens(&Event::Take, 2).is_err() || self.memory.released().is_none() {
            return;
        }
        if far == 1 {
            return self.restart();
        }
        // The record of the use is durable before the call goes on.
        self.log.push(Leaf::Consume);
        if far == 2 {
            return self.restart();
        }
        self.runs.push(self.now);
        if far == 3 {
            return self.restart();
        }
        let digest = request().digest();
        let mut held = self.memory.clone();
        held.apply(&Event::Consume { digest }, &People::default(), self.now).unwrap();
        self.stored = held.clone();
        self.memory = held;
    }

    /// The log has the last word.
    fn restart(&mut self) {
        let end = self.log.iter().find_map(|leaf| match leaf {
            Leaf::Consume => Some(Ending::Consumed),
            Leaf::End(ending) => Some(*ending),
            _ => None,
        });
        self.memory = self.stored.clone().recover(end);
    }

    fn step(&mut self, step: Step) {
        let by = |who: &str, choice| Event::Vote(Box::new(vote(who, choice)));
        let event = match step {
            Step::Bob | Step::BobAgain => by(if step == Step::Bob { "bob" } else { "BOB" }, Choice::Approve),
            Step::Cleo => by("cleo", Choice::Approve),
            Step::Ada => by("ada", Choice::Approve),
            Step::Deny => by("dora", Choice::Deny),
            Step::Cancel => Event::Cancel,
            Step::Revoke => Event::Revoke { by: account("bob"), reason: "no".into() },
            Step::Void => Event::Void { why: "the policies".into() },
            Step::Reload => Event::Outdated { why: "the policies".into() },
            Step::Later => {
                self.now += 60;
                Event::Tick
            }
            Step::Back => {
                self.now = 0;
                Event::Tick
            }
            Step::Run(far) => return self.run(far),
            Step::Restart => return self.restart(),
        };
        let _ = self.happens(&event, 2);
    }

    fn holds(&self) {
        assert!(self.runs.len() <= 1, "it ran twice");
        if let Some(at) = self.runs.first() {
            assert!(*at < EXPIRES + VALID, "it ran after its time");
            let mut voters: Vec<_> = self.voters.iter().map(|v| v.subject.to_lowercase()).collect();
            voters.sort();
            voters.dedup();
            assert!(voters.len() >= 2, "it ran without its quorum");
            assert!(!voters.contains(&"ada".to_owned()), "who asked has a vote");
        }
        let ends = self.log.iter().filter(|l| matches!(l, Leaf::Consume | Leaf::End(_))).count();
        assert!(ends <= 1, "it ended twice: {:?}", self.log);
        let over = matches!(self.memory.phase, Phase::Ended(_));
        assert_eq!(over, ends == 1, "an ending and its leaf: {:?} {:?}", self.memory.phase, self.log);
    }
}

fn every_order(world: &World, depth: usize, tried: &mut u64) {
    for step in STEPS {
        let mut next = world.clone();
        next.step(step);
        next.holds();
        *tried += 1;
        if depth > 1 {
            every_order(&next, depth - 1, tried);
        }
    }
}

#[test]
fn every_order_of_five_steps() {
    let mut tried = 0;
    every_order(&World::new(), 5, &mut tried);
    assert_eq!(tried, 16 + 256 + 4096 + 65_536 + 1_048_576);
}

#[test]
fn a_crash_before_or_after_the_record_of_each_step() {
    let events = [
        Event::Vote(Box::new(vote("bob", Choice::Approve))),
        Event::Vote(Box::new(vote("cleo", Choice::Approve))),
        Event::Vote(Box::new(vote("dora", Choice::Deny))),
        Event::Cancel,
        Event::Revoke { by: account("bob"), reason: "no".into() },
        Event::Void { why: "x".into() },
        Event::Outdated { why: "x".into() },
    ];
    for first in 0..events.len() {
        for second in 0..events.len() {
            for (a, b) in [(0, 2), (1, 2), (2, 0), (2, 1), (0, 0), (1, 1)] {
                let mut world = World::new();
                let _ = world.happens(&events[first], a);
                world.holds();
                let _ = world.happens(&events[second], b);
                world.holds();
                world.run(4);
                world.holds();
            }
        }
    }
}

#[test]
fn a_reload_does_not_end_what_is_about_to_run() {
    let people = People::default();
    let mut held = Held::new(request(), 7);
    for who in ["bob", "cleo"] {
        held.apply(&Event::Vote(Box::new(vote(who, Choice::Approve))), &people, 1).unwrap();
    }
    held.apply(&Event::Take, &people, 2).unwrap();
    let reload = Event::Outdated { why: "the policies have changed".into() };
    assert_eq!(held.apply(&reload, &people, 3), Err(Rejected::Phase));
    let digest = held.request.digest();
    held.apply(&Event::Consume { digest }, &people, 3).unwrap();
    assert_eq!(held.ending(), Some(Ending::Consumed));
    assert_eq!(held.apply(&reload, &people, 4), Err(Rejected::Ended));
}

#[test]
fn rules_about_votes() {
    let people = People(vec![vec!["idp|eve".into(), "idp|bot".into()]]);
    let approve = |who: &str| vote(who, Choice::Approve);
    let workload = |who: &str| Account { kind: "workload".into(), ..account(who) };
    let cases: [(&str, Vote, Rejected); 9] = [
        ("the requester", approve("ada"), Rejected::Requester),
        (
            "another account of the same subject",
            Vote { voter: Account { issuer: "other".into(), ..account("ada") }, ..approve("ada") },
            Rejected::Requester,
        ),
        ("the owner of the agent", approve("eve"), Rejected::Requester),
        (
            "for the requester",
            Vote { for_account: Some(account("ada")), ..approve("bob") },
            Rejected::Requester,
        ),
        ("a program", Vote { voter: workload("job"), ..approve("job") }, Rejected::NotAPerson),
        ("no reason", Vote { reason: " ".into(), ..approve("bob") }, Rejected::NoReason),
        ("another call", Vote { digest: Digest([9; 32]), ..approve("bob") }, Rejected::Digest),
        ("not theirs", Vote { permitted: vec!["legal".into()], ..approve("bob") }, Rejected::NotAsked),
        (
            "a grant that no policy allows",
            Vote {
                grant: Some(carnet_approvals::Terms { seconds: 1, uses: 1, free: vec![] }),
                ..approve("bob")
            },
            Rejected::Grant,
        ),
    ];
    for (what, vote, rejected) in cases {
        let mut held = Held::new(request(), 7);
        let before = held.clone();
        assert_eq!(held.apply(&Event::Vote(Box::new(vote)), &people, 1), Err(rejected), "{what}");
        assert_eq!(held, before, "{what} changes nothing");
    }
    let mut held = Held::new(request(), 7);
    held.request.requirement.parts[0].assurance = Assurance::Passkey;
    assert_eq!(held.apply(&Event::Vote(Box::new(approve("bob"))), &people, 1), Err(Rejected::Assurance));
    // A delegate and who delegated are one vote.
    let mut held = Held::new(request(), 7);
    let delegated = Vote { for_account: Some(account("cleo")), ..approve("bob") };
    held.apply(&Event::Vote(Box::new(delegated)), &people, 1).unwrap();
    for who in ["bob", "cleo"] {
        assert_eq!(held.apply(&Event::Vote(Box::new(approve(who))), &people, 1), Err(Rejected::Voted));
    }
}

#[test]
fn escalation_is_once_and_lowers_nothing() {
    let mut held = Held::new(request(), 7);
    let people = People::default();
    assert_eq!(held.apply(&Event::Tick, &people, 59), Ok(vec![]));
    assert_eq!(held.apply(&Event::Tick, &people, 60), Ok(vec![Effect::Escalate]));
    assert_eq!(held.apply(&Event::Tick, &people, 61), Ok(vec![]));
    held.apply(&Event::Vote(Box::new(vote("bob", Choice::Approve))), &people, 62).unwrap();
    assert_eq!(held.phase, Phase::Pending);
}

#[test]
fn a_clock_that_is_moved_brings_nothing_back() {
    let people = People::default();
    let mut held = Held::new(request(), 7);
    held.apply(&Event::Tick, &people, EXPIRES).unwrap();
    assert_eq!(held.ending(), Some(Ending::Expired));
    let late = Event::Vote(Box::new(vote("bob", Choice::Approve)));
    assert_eq!(held.apply(&late, &people, 1), Err(Rejected::Ended));
    // Seen late, then the clock is turned back: the vote counts as of the latest time that was seen.
    let mut held = Held::new(request(), 7);
    held.apply(&Event::Tick, &people, EXPIRES - 1).unwrap();
    held.apply(&late, &people, 1).unwrap();
    assert_eq!(held.votes[0].at, EXPIRES - 1);
}

#[test]
fn the_digest_covers_every_part() {
    let binding = request().binding;
    let text = binding.text();
    assert_eq!(Binding::parse(&text).unwrap(), binding);
    assert!(Binding::parse(&text.replace("\"from\":0", "\"from\": 0")).is_none(), "only the canonical text");
    type Change = Box<dyn Fn(&mut Binding)>;
    let changes: Vec<Change> = vec![
        Box::new(|b| b.method.push('x')),
        Box::new(|b| b.tool = None),
        Box::new(|b| b.fingerprint = None),
        Box::new(|b| b.arguments.0[0] ^= 1),
        Box::new(|b| b.actor.subject.push('x')),
        Box::new(|b| b.agent = None),
        Box::new(|b| b.behind.push(account("x"))),
        Box::new(|b| b.server.push('x')),
        Box::new(|b| b.policy.0[0] ^= 1),
        Box::new(|b| b.residency.processing.push('x')),
        Box::new(|b| b.residency.recipient.push('x')),
        Box::new(|b| b.residency.storage.push('x')),
        Box::new(|b| b.from += 1),
        Box::new(|b| b.until += 1),
        Box::new(|b| b.nonce.0[0] ^= 1),
    ];
    for (n, change) in changes.iter().enumerate() {
        let mut other = binding.clone();
        change(&mut other);
        assert_ne!(other.digest(), binding.digest(), "{n}");
        assert_eq!(binding.changed(&other).is_some(), n < 12, "{n}");
    }
}
