//! What was done to approvals: forged, replayed, given to oneself, of another call. Each is found under its own name.

use carnet_approvals::{Assurance, Choice, Digest, Proof};

use super::make::{Case, account, binding, check, faults, package};

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
