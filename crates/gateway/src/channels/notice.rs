//! What a channel is told of a held call: the masked view as approvers see it, or, where `transfer` does not let its classes
//! of data go to the channel's region, that something waits and where to look.

use carnet_approvals::{Assurance, Digest, Id, Inert, View};
use carnet_config::Occasion;
use serde::{Deserialize, Serialize};

/// One message to one channel, before it has the form of one.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct Notice {
    /// Its own name: the same each time it is sent.
    pub(crate) name: String,
    /// What happened, a word of [`Occasion::WORDS`].
    pub(crate) occasion: String,
    /// The call.
    pub(crate) id: Id,
    /// What is approved.
    pub(crate) digest: Digest,
    /// Where to look; `None` where no page is served.
    pub(crate) link: Option<String>,
    /// When it happened, Unix seconds.
    pub(crate) at: i64,
    /// `pending`, `approved`, ...
    pub(crate) state: String,
    /// A button in a chat counts for all that is open.
    pub(crate) by_chat: bool,
    /// What waits; `None` where that may not go there.
    pub(crate) view: Option<View>,
}

impl Notice {
    /// Of a view. `permitted`: whether its content may go where the channel is.
    pub(crate) fn of(
        view: &View,
        occasion: Occasion,
        link: Option<String>,
        permitted: bool,
        at: i64,
    ) -> Notice {
        let open = || view.parts.iter().filter(|p| p.open);
        Notice {
            name: format!("{}-{}-{}", occasion.word(), view.id, at),
            occasion: occasion.word().to_owned(),
            id: view.id,
            digest: view.digest,
            link,
            at,
            state: view.state.clone(),
            by_chat: open().next().is_some() && open().all(|p| p.assurance == Assurance::Chat),
            view: permitted.then(|| view.clone()),
        }
    }

    /// One line: what a phone shows. It is the gateway's own words and names from the configuration, and the tool's name.
    pub(crate) fn title(&self) -> String {
        let what = match self.occasion.as_str() {
            "requested" => "A call waits for approval",
            "escalated" => "A call still waits for approval",
            "break-glass" => "A call was lifted in an emergency",
            "overdue" => "The review of an emergency is overdue",
            _ => return self.outcome(),
        };
        match &self.view {
            Some(view) => format!("{what}: {}", name(view)),
            None => what.to_owned(),
        }
    }

    /// How it ended, in one line.
    pub(crate) fn outcome(&self) -> String {
        let what = self.view.as_ref().map_or_else(|| "A call".to_owned(), name);
        format!("{what}: {}", self.state)
    }

    /// Labels and texts, in the order in which an approver needs them.
    pub(crate) fn facts(&self) -> Vec<(&'static str, String)> {
        let Some(view) = &self.view else {
            let held_back = "The policies do not let its content go to this channel.";
            return vec![("Content", held_back.to_owned()), ("State", self.state.clone())];
        };
        let mut facts = vec![("Asked by", cut(&view.requester, 300))];
        facts.extend(view.agent.as_ref().map(|agent| ("Through", cut(agent, 300))));
        facts.push(("Tool", name(view)));
        for why in view.why.iter().take(5) {
            let reason = why.reason.as_ref().map_or_else(String::new, |r| format!(": {}", cut(r, 300)));
            facts.push(("Held by", format!("{}{reason}", cut(&why.policy, 100))));
        }
        if view.definition_changed == Some(true) {
            facts.push(("Careful", "the tool's definition changed since it was first seen".to_owned()));
        }
        if !view.labels.is_empty() {
            let labels: Vec<String> = view.labels.iter().take(20).map(|l| cut(l, 60)).collect();
            facts.push(("Has read", labels.join(", ")));
        }
        let j = &view.jurisdictions;
        facts.push(("Goes", format!("{} to {}", cut(&j.processing, 60), cut(&j.recipient, 60))));
        facts.push(("Asked before", format!("{} times", view.asked_before)));
        let needs: Vec<String> = view
            .parts
            .iter()
            .map(|p| format!("{} {}/{} ({})", cut(&p.name, 60), p.approved, p.quorum, p.assurance.word()))
            .collect();
        facts.push(("Needs", needs.join(", ")));
        facts.push(("Until", crate::page::time(view.until)));
        facts.push(("State", view.state.clone()));
        facts.extend(view.votes.iter().map(|vote| {
            ("Vote", format!("{} {}: {}", cut(&vote.voter, 200), vote.choice.word(), cut(&vote.reason, 300)))
        }));
        facts
    }

    /// The masked arguments, cut.
    pub(crate) fn arguments(&self) -> Option<String> {
        let view = self.view.as_ref()?;
        let masked =
            if view.masked > 0 { format!("\n({} values are masked)", view.masked) } else { String::new() };
        Some(format!("{}{masked}", cut(&view.arguments, 1500)))
    }
}

fn name(view: &View) -> String {
    format!("{} at {}", cut(view.tool.as_ref().unwrap_or(&view.method), 200), cut(&view.server, 100))
}

fn cut(text: &Inert, most: usize) -> String {
    let mut out: String = text.as_str().chars().take(most).collect();
    if out.len() < text.as_str().len() {
        out.push('…');
    }
    out
}
