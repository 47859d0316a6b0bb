//! `carnet sessions replay`: a session as it ran; what other policies would have decided, over a session or a period; and the
//! recorded outcomes served to a client. Nothing here sends anything to a server.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use carnet_gateway::desk::Act;

use super::place::Place;
use super::show;
use crate::extract::time;
use crate::output;

mod masks;
mod policies;
mod serve;
mod tape;

/// Arguments of `carnet sessions replay`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The session's pseudonym, or its beginning. Only --policy does without: then all sessions of the period are meant.
    #[arg(value_name = "ID", allow_hyphen_values = true, required_unless_present = "policy")]
    id: Option<String>,
    #[command(flatten)]
    place: Place,
    /// Ask the policies of this file or folder about the recorded calls, and print what would be decided, shown or hidden otherwise.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["as_server", "listen"])]
    policy: Option<PathBuf>,
    /// With --policy: from this time on.
    #[arg(long, value_name = "TIME", value_parser = time, requires = "policy")]
    from: Option<u64>,
    /// With --policy: before this time.
    #[arg(long, value_name = "TIME", value_parser = time, requires = "policy")]
    to: Option<u64>,
    /// Stand as a stdio server that gives the recorded answers.
    #[arg(long)]
    as_server: bool,
    /// With --as-server: over HTTP at this address of this machine instead, such as 127.0.0.1:0.
    #[arg(long, value_name = "ADDRESS", requires = "as_server")]
    listen: Option<SocketAddr>,
    /// Print JSON: the session, or a line for each call and message that would be treated otherwise.
    #[arg(long)]
    json: bool,
}

/// Runs `carnet sessions replay`. That it is read is recorded first, as by `carnet sessions show`.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let status = verified(&args.place)?;
    if let Some(policy) = &args.policy {
        return policies::run(args, policy, &status);
    }
    let id = args.id.as_deref().context("name a session")?;
    if args.as_server {
        let (id, tape) = tape::of(&args.place, id)?;
        let what = format!("session {id}, replayed to a client");
        crate::desk::act(&args.place, Act::Read { what, person: None })?;
        output::note(&format!("{}\nsession {id}: {} recorded answers", status.text, tape.len()));
        return serve::run(tape, args.listen);
    }
    let (id, text) = show::rendered(&args.place, id, args.json, false)?;
    crate::desk::act(&args.place, Act::Read { what: format!("session {id}, replayed"), person: None })?;
    if args.json {
        output::line(&format!("{{\"verified\":{},\"replay\":{}}}", status.holds, text.trim_end()));
    } else {
        output::line(&format!("{}\n\n{}", status.text, text.trim_end()));
    }
    Ok(if status.holds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What the verifier says of the log.
struct Status {
    holds: bool,
    text: String,
}

/// Verifies the whole log first: what is replayed of a damaged one is worth what the status says.
fn verified(place: &Place) -> anyhow::Result<Status> {
    let data = crate::desk::config(place)?.data;
    let report = crate::verify::of_folder(&data)?;
    let text = if report.holds() {
        format!("VERIFIED: the log of {} records holds", report.leaves)
    } else {
        let faults: Vec<&str> = report.faults().into_iter().map(|f| f.as_str()).collect();
        format!("NOT VERIFIED: {}", faults.join(", "))
    };
    Ok(Status { holds: report.holds(), text })
}
