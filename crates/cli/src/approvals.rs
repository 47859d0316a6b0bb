//! `carnet approvals`: calls that wait for an approval, for who may approve them. It asks the gateway that runs, as other
//! commands of operators do: in the name of the token in CARNET_TOKEN, else as the user of the system that runs it.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use carnet_approvals::{Account, Choice, Id, Terms, Unmasked, View, duration};
use carnet_gateway::desk::Act;
use carnet_gateway::hold::{Ask, Reply};

use crate::desk;
use crate::output;
use crate::sessions::{Place, utc};

/// Subcommands of `carnet approvals`.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Command {
    /// List what waits, and what has just ended.
    List(List),
    /// Show one call: who asks, for what, and why it is held.
    Show(Show),
    /// Approve a call.
    Approve(Approve),
    /// Deny a call.
    Deny(Said),
    /// Print calls as they come and change, until it is stopped.
    Watch(Watch),
    /// Take back an approval that was not used yet.
    Revoke(Said),
    /// Let a call pass in an emergency. Somebody else must review it.
    BreakGlass(Said),
    /// Review an emergency of somebody else.
    Review(Said),
    /// List grants: calls like one that was approved, for a time and a number of uses.
    Grants(List),
    /// Take a grant back.
    RevokeGrant(Said),
    /// Let somebody else cast your vote for a while.
    Delegate(Delegate),
}

#[derive(clap::Args, Debug)]
pub(crate) struct List {
    #[command(flatten)]
    place: Place,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args, Debug)]
pub(crate) struct Show {
    /// The call.
    id: Id,
    #[command(flatten)]
    place: Place,
    /// Show the arguments as they are, where a policy permits you that. It is recorded.
    #[arg(long, requires = "reason")]
    unmask: bool,
    /// Why they must be seen. It is recorded.
    #[arg(long, requires = "unmask")]
    reason: Option<String>,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args, Debug)]
pub(crate) struct Said {
    /// The call.
    id: Id,
    /// Why. It is recorded.
    #[arg(long)]
    reason: String,
    /// Cast the vote of somebody who delegated it: ISSUER|SUBJECT.
    #[arg(long)]
    delegate_of: Option<String>,
    #[command(flatten)]
    place: Place,
}

#[derive(clap::Args, Debug)]
pub(crate) struct Approve {
    #[command(flatten)]
    said: Said,
    /// The digest that `show` printed: the vote counts only if it still is that call.
    #[arg(long)]
    digest: Option<carnet_approvals::Digest>,
    /// Approve calls like it too, for so long (30m), where a policy allows that.
    #[arg(long, requires = "uses", value_parser = seconds)]
    grant: Option<u64>,
    /// At most so many calls.
    #[arg(long, requires = "grant")]
    uses: Option<u32>,
    /// A place of the arguments whose value may differ. `show` lists them.
    #[arg(long, requires = "grant")]
    free: Vec<String>,
}

#[derive(clap::Args, Debug)]
pub(crate) struct Watch {
    #[command(flatten)]
    place: Place,
}

#[derive(clap::Args, Debug)]
pub(crate) struct Delegate {
    /// Who: ISSUER|SUBJECT.
    to: String,
    /// For how long, such as 8h.
    #[arg(long = "for", value_parser = seconds)]
    time: u64,
    /// Why. It is recorded.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    place: Place,
}

fn seconds(text: &str) -> Result<u64, String> {
    duration(text).ok_or_else(|| "a time such as 30m".to_owned())
}

/// Runs `carnet approvals`.
pub(crate) fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::List(args) => list(&args)?,
        Command::Show(args) => show(&args)?,
        Command::Approve(args) => approve(args)?,
        Command::Deny(args) => {
            vote(&args, Choice::Deny, None, None)?;
        }
        Command::Watch(args) => watch(&args)?,
        Command::Revoke(args) => said(&args, |id, reason| Ask::Revoke { id, reason })?,
        Command::BreakGlass(args) => said(&args, |id, reason| Ask::BreakGlass { id, reason })?,
        Command::Grants(args) => grants(&args)?,
        Command::RevokeGrant(args) => said(&args, |id, reason| Ask::RevokeGrant { id, reason })?,
        Command::Delegate(args) => {
            let to = account(&args.to)?;
            ask(&args.place, Ask::Delegate { to, seconds: args.time, reason: args.reason.clone() })?;
        }
        Command::Review(args) => said(&args, |id, reason| Ask::Review { id, reason })?,
    }
    Ok(ExitCode::SUCCESS)
}

fn ask(place: &Place, ask: Ask) -> anyhow::Result<Vec<View>> {
    Ok(reply(place, ask)?.held)
}

fn reply(place: &Place, ask: Ask) -> anyhow::Result<Reply> {
    let answer = desk::act(place, Act::Held(ask))?;
    serde_json::from_str(&answer.said).context("the gateway's answer cannot be read")
}

fn account(text: &str) -> anyhow::Result<Account> {
    let (issuer, subject) = text.split_once('|').context("an account is written ISSUER|SUBJECT")?;
    Ok(Account { kind: "user".to_owned(), issuer: issuer.to_owned(), subject: subject.to_owned() })
}

fn grants(args: &List) -> anyhow::Result<()> {
    let all = reply(&args.place, Ask::Grants)?.grants;
    if args.json {
        return line(&serde_json::to_string_pretty(&all)?);
    }
    for grant in all {
        let state = if grant.alive { "stands" } else { "over" };
        let free: Vec<&str> = grant.free.iter().map(|at| at.as_str()).collect();
        let until = utc(u64::try_from(grant.until).unwrap_or(0));
        let (used, uses, call, actor) = (grant.used, grant.uses, &grant.call, &grant.actor);
        line(&format!(
            "{}  {state:<6}  {used} of {uses}  until {until}  {call}  {actor}  free: {}",
            grant.id,
            free.join(", ")
        ))?;
    }
    Ok(())
}

fn list(args: &List) -> anyhow::Result<()> {
    let all = ask(&args.place, Ask::List)?;
    if args.json {
        return line(&serde_json::to_string_pretty(&all)?);
    }
    if all.is_empty() {
        return line("nothing waits for you");
    }
    all.iter().try_for_each(|view| line(&short(view)))
}

/// One line.
fn short(view: &View) -> String {
    let tool = view.tool.as_ref().map_or(view.method.as_str(), |t| t.as_str());
    let review = match (view.review_until, view.overdue) {
        (Some(_), true) => "  REVIEW OVERDUE",
        (Some(_), false) => "  to review",
        _ => "",
    };
    let louder = if view.escalated { "  escalated" } else { "" };
    format!(
        "{}  {:<9}  {}  {}.{tool}  {}{louder}{review}",
        view.id,
        view.state,
        utc(u64::try_from(view.asked_at).unwrap_or(0)),
        view.server,
        view.requester,
    )
}

fn show(args: &Show) -> anyhow::Result<()> {
    let id = args.id;
    let what = match &args.reason {
        Some(reason) => Ask::Unmask { id, reason: reason.clone() },
        None => Ask::Show { id },
    };
    let reply = reply(&args.place, what)?;
    for view in &reply.held {
        if args.json {
            let mut shown = serde_json::to_value(view)?;
            if let (Some(unmasked), Some(members)) = (&reply.unmasked, shown.as_object_mut()) {
                members.insert("unmasked".to_owned(), serde_json::to_value(&unmasked.arguments)?);
            }
            line(&serde_json::to_string_pretty(&shown)?)?;
        } else {
            line(&long(view, reply.unmasked.as_ref()))?;
        }
    }
    Ok(())
}

/// Everything an approver decides by. All text of others is inert: it has no line ends and no escapes of its own.
fn long(view: &View, unmasked: Option<&Unmasked>) -> String {
    let time = |t: i64| utc(u64::try_from(t).unwrap_or(0));
    let mut out = format!("{}  {}\n", view.id, view.state);
    let mut say = |what: &str, text: String| out.push_str(&format!("  {what:<13} {text}\n"));
    say("asked by", view.requester.to_string());
    if let Some(agent) = &view.agent {
        say("through", agent.to_string());
    }
    for agent in &view.behind {
        say("behind it", agent.to_string());
    }
    let tool = view.tool.as_ref().map_or_else(String::new, |t| format!(" {t}"));
    say("what", format!("{} {}{tool}", view.server, view.method));
    if let Some(text) = &view.description {
        say("it says", indented(text.as_str()));
    }
    if view.definition_changed == Some(true) {
        say("WARNING", "the server has changed the definition of this tool".to_owned());
    }
    say("arguments", indented(view.arguments.as_str()));
    let classes: Vec<&str> = view.classes.iter().map(|c| c.as_str()).collect();
    say("masked", format!("{} values {}", view.masked, classes.join(", ")));
    if !view.labels.is_empty() {
        let labels: Vec<&str> = view.labels.iter().map(|l| l.as_str()).collect();
        say("has read", labels.join(", "));
    }
    if let Some(unmasked) = unmasked {
        say("UNMASKED", indented(unmasked.arguments.as_str()));
    }
    for why in &view.why {
        let reason = why.reason.as_ref().map_or_else(String::new, |r| format!(": {r}"));
        say("held by", format!("{} for {}{reason}", why.policy, why.hold));
    }
    let places = &view.jurisdictions;
    say(
        "data",
        format!("from {} to {}, recorded in {}", places.recipient, places.processing, places.storage),
    );
    say("asked before", view.asked_before.to_string());
    if let Some(estimate) = &view.estimate {
        say("would return", estimate.to_string());
    }
    say("asked", time(view.asked_at));
    say("until", time(view.until));
    for part in &view.parts {
        let open = if part.open { "" } else { ", not now" };
        let least = part.assurance.word();
        say(
            "needs",
            format!("{}: {} of {} (at least by {least}{open})", part.name, part.approved, part.quorum),
        );
    }
    for vote in &view.votes {
        let place = vote.place.as_ref().map_or_else(String::new, |place| format!(", from {place}"));
        let way = format!("{}{place}", vote.channel);
        say("vote", format!("{} by {} ({way}): {}", vote.choice.word(), vote.voter, vote.reason));
    }
    if let Some(until) = view.review_until {
        let overdue = if view.overdue { " OVERDUE" } else { "" };
        say("EMERGENCY", format!("to be reviewed until {}{overdue}", time(until)));
    }
    if let Some(ended) = &view.ended_by {
        say("because", ended.to_string());
    }
    if let Some(seconds) = view.grants {
        let places: Vec<&str> = view.places.iter().map(|p| p.as_str()).filter(|p| !p.is_empty()).collect();
        say("may be granted", format!("for up to {seconds}s; places: {}", places.join(", ")));
    }
    say("digest", view.digest.to_string());
    out.trim_end().to_owned()
}

/// Further lines of a text stand under its first: they cannot look like lines of this command.
fn indented(text: &str) -> String {
    text.replace('\n', "\n                | ")
}

fn approve(args: Approve) -> anyhow::Result<()> {
    let grant =
        args.grant.map(|seconds| Terms { seconds, uses: args.uses.unwrap_or(1), free: args.free.clone() });
    vote(&args.said, Choice::Approve, args.digest, grant)
}

fn vote(
    args: &Said,
    choice: Choice,
    digest: Option<carnet_approvals::Digest>,
    grant: Option<Terms>,
) -> anyhow::Result<()> {
    let reason = args.reason.clone();
    let delegate_of = args.delegate_of.as_deref().map(account).transpose()?;
    let vote = Ask::Vote { id: args.id, choice, reason, digest, grant, delegate_of };
    ask(&args.place, vote)?.iter().try_for_each(|view| line(&short(view)))
}

fn said(args: &Said, make: impl Fn(Id, String) -> Ask) -> anyhow::Result<()> {
    ask(&args.place, make(args.id, args.reason.clone()))?.iter().try_for_each(|view| line(&short(view)))
}

fn watch(args: &Watch) -> anyhow::Result<()> {
    let mut seen: std::collections::HashMap<Id, String> = std::collections::HashMap::new();
    loop {
        for view in ask(&args.place, Ask::List)? {
            let text = short(&view);
            if seen.insert(view.id, text.clone()).as_ref() != Some(&text) {
                line(&text)?;
            }
        }
        std::thread::sleep(Duration::from_secs(1));
    }
}

fn line(text: &str) -> anyhow::Result<()> {
    output::line(text);
    Ok(())
}
