//! A held call for tests: `text` stands wherever a text of others can stand.

use carnet_approvals::{Assurance, Choice, Digest, Id, Inert, Jurisdictions, PartView, View, VoteView, Why};

pub(crate) fn view(text: &str) -> View {
    let with = |own: &str| if text == "plain" { Inert::new(own) } else { Inert::new(text) };
    View {
        id: Id([0xab; 16]),
        digest: Digest([7; 32]),
        state: "pending".into(),
        ended_by: None,
        kind: "call".into(),
        requester: with("https://idp.example|ada"),
        agent: Some(with("agent-7")),
        behind: vec![with("planner-2")],
        server: Inert::new("crm"),
        method: Inert::new("tools/call"),
        tool: Some(with("export_customers")),
        description: Some(if text == "plain" {
            Inert::lines("Exports.\nAll of them.")
        } else {
            Inert::lines(text)
        }),
        definition_changed: Some(true),
        arguments: if text == "plain" {
            Inert::lines("{\n  \"to\": \"[EMAIL]\"\n}")
        } else {
            Inert::lines(text)
        },
        masked: 3,
        classes: vec![Inert::new("email"), Inert::new("iban")],
        labels: vec![Inert::new("class.email"), Inert::new("hr")],
        why: vec![Why {
            policy: Inert::new("bulk-needs-dpo"),
            hold: Inert::new("dpo"),
            reason: Some(with("bulk exports need the privacy officer")),
            text: if text == "plain" {
                Inert::lines("forbid (principal,\naction, resource);")
            } else {
                Inert::lines(text)
            },
        }],
        jurisdictions: Jurisdictions {
            processing: Inert::new("DE"),
            recipient: Inert::new("US"),
            storage: Inert::new("DE"),
        },
        asked_before: 7,
        estimate: Some(with("about 4 rows")),
        asked_at: 1_795_277_161,
        until: 1_795_278_961,
        escalated: false,
        parts: vec![PartView {
            name: Inert::new("dpo"),
            quorum: 2,
            approved: 0,
            stage: 1,
            open: true,
            assurance: Assurance::Chat,
        }],
        votes: vec![VoteView {
            voter: with("ines"),
            for_account: None,
            choice: Choice::Approve,
            reason: with("checked"),
            channel: Inert::new("page"),
            assurance: Assurance::Login,
            part: Some(Inert::new("dpo")),
            at: 1_795_277_261,
            place: Some(Inert::new("de")),
        }],
        review_until: None,
        overdue: false,
        grants: Some(1800),
        places: vec![with("to")],
        break_glass: true,
    }
}
