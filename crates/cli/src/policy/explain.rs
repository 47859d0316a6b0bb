//! `carnet policy explain`: who asks for what, what is decided, by which policies, and what of a result would be seen.

use std::fmt::Write as _;
use std::process::ExitCode;

use carnet_model::{Action, ClassNames, ClassSet, Decided, Effect, Principal, Region, Resource};
use carnet_policy::{Context, Direction, Explained, Explanation, Flow, Outcome, PrincipalKey};
use serde_json::Value;

use super::arguments::assign;
use super::asked::{Asked, Facts};
use super::who::{self, WhoArgs};
use super::world::World;
use crate::sessions::wording;
use crate::{ConfigFile, output};

/// Arguments of `carnet policy explain`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    who: WhoArgs,
    #[command(flatten)]
    file: ConfigFile,
    /// An MCP method such as tools/call, or one of Carnet's own actions such as reveal.
    method: String,
    /// What it is on: SERVER.NAME, SERVER, or a class of data.
    #[arg(default_value = "")]
    target: String,
    /// An argument of the call; may be given several times.
    #[arg(long = "arg", value_name = "NAME=VALUE")]
    args: Vec<String>,
    /// The arguments of the call as JSON.
    #[arg(long, value_name = "JSON", default_value = "{}")]
    arguments: String,
    /// For reveal and transfer: the server or tool that the data comes from.
    #[arg(long, value_name = "SERVER[.TOOL]")]
    on: Option<String>,
    /// For transfer: where the data is.
    #[arg(long, value_name = "REGION")]
    from: Option<String>,
    /// For transfer: where it would go.
    #[arg(long, value_name = "REGION")]
    to: Option<String>,
    /// Somebody who has approved exactly this call; may be given several times.
    #[arg(long = "approved-by", value_name = "NAME")]
    approvals: Vec<String>,
}

/// Runs `carnet policy explain`. Status 0 if it is permitted, 1 if not.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let world = World::open(&args.file)?;
    let principal = who::of_args(&world.config, &args.who)?;
    let (asked, facts) = asked(args, &world.config.masking.names)?;
    let explanation = asked.explain(&world, &principal, &facts);
    output::line(wording::clean(&render(&world, &principal, &asked, &facts, &explanation)).trim_end());
    Ok(if explanation.verdict.is_permit() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn asked(args: &Args, classes: &ClassNames) -> anyhow::Result<(Asked, Facts)> {
    let own = Action::ALL.iter().copied().find(|a| a.as_str() == args.method);
    let action = own.unwrap_or(Action::OTHER);
    let place = |r: &Option<String>| r.as_deref().map(Region::new);
    let (from, to) = (place(&args.from), place(&args.to));
    let asked =
        Asked::parse(action, &args.target, classes, args.on.as_deref(), (from.as_ref(), to.as_ref()))?;
    let mut arguments: Value = serde_json::from_str(&args.arguments)
        .map_err(|e| anyhow::anyhow!("--arguments is not JSON: line {} column {}", e.line(), e.column()))?;
    for given in &args.args {
        assign(&mut arguments, given)?;
    }
    let now = i64::try_from(carnet_gateway::load::unix_now()).unwrap_or(0);
    let approvals = args.approvals.iter().map(|a| a.as_str().into()).collect();
    let facts = Facts { arguments, method: Some(args.method.clone()), now, approvals, ..Facts::default() };
    Ok((asked, facts))
}

/// Who, what, the decision, why, and what would be seen.
fn render(
    world: &World,
    principal: &Principal,
    asked: &Asked,
    facts: &Facts,
    explanation: &Explanation,
) -> String {
    let mut out = format!("Who     {}\n", who::describe(principal));
    let method = facts.method.as_deref().unwrap_or(asked.action.as_str());
    let _ = writeln!(out, "What    {method} on {}", explanation.resource);
    if let Some(server) = asked.server() {
        match world.server(server) {
            Some(known) => {
                let _ = writeln!(out, "Where   server {server}, region {}", known.region.as_str());
            }
            None => {
                let names: Vec<&str> = world.config.servers.iter().map(|s| &*s.name).collect();
                let _ =
                    writeln!(out, "Where   server {server}, which is not configured ({})", names.join(", "));
            }
        }
    }
    if asked.action == Action::MASK {
        hidden(&mut out, world, principal, asked, facts);
    } else {
        decision(&mut out, explanation);
    }
    if asked.action == Action::TOOLS_CALL && explanation.verdict.is_permit() {
        shown(&mut out, world, principal, asked, facts);
        hidden(&mut out, world, principal, asked, facts);
    }
    why(&mut out, explanation);
    out
}

fn decision(out: &mut String, explanation: &Explanation) {
    let verdict = &explanation.verdict;
    let ids: Vec<&str> = verdict.policies.iter().map(|id| &*id.0).collect();
    let text = match (verdict.effect, verdict.decided) {
        (Effect::Permit, _) => format!("PERMITTED by {}", ids.join(", ")),
        (_, Decided::ByPolicy) => format!("DENIED by {}", ids.join(", ")),
        (_, Decided::NoMatch) => "DENIED: no policy permits it".to_owned(),
        (_, Decided::EvaluationError) => format!("DENIED: cannot be evaluated: {}", ids.join(", ")),
    };
    let _ = writeln!(out, "Result  {text}");
    for reason in verdict.reasons.iter() {
        let _ = writeln!(out, "        the caller is told: {reason}");
    }
    if let Some(names) = &explanation.held_by {
        let _ = writeln!(out, "        it would be permitted once approved by {}", names.join(" and "));
    }
}

/// Which classes of data the caller would see in the result, and by which policies.
fn shown(out: &mut String, world: &World, principal: &Principal, asked: &Asked, facts: &Facts) {
    let Resource::Tool { server, name } = &asked.resource else { return };
    let key = PrincipalKey::new(principal);
    let flow = Flow { server, tool: Some(name), direction: Direction::Out };
    let configured = world.server(server);
    let purpose = principal.purpose.as_deref().or_else(|| configured?.purpose.as_deref());
    let context = Context {
        direction: Direction::Out,
        method: asked.action.as_str(),
        purpose,
        legal_basis: configured.and_then(|s| s.legal_basis.as_deref()),
        now: facts.now,
        ..Context::default()
    };
    let classes_named = &world.config.masking.names;
    let all = classes_named.all();
    let revealed = world.policies.reveal(&key, flow, all, &context);
    let from = configured.map_or_else(Region::unknown, |s| s.region.clone());
    let to = principal.region.clone().unwrap_or_else(Region::unknown);
    let crossing = world.crossing(principal, flow, (&from, &to), facts);
    let (classes, ids) = if crossing.stays || revealed.classes.is_empty() {
        (revealed.classes, revealed.policies())
    } else {
        let categories = configured.map(|s| s.subject_categories.as_slice()).unwrap_or_default();
        let context = Context { crossing: Some(crossing.facts(categories)), ..context };
        let moved = world.policies.transfer(&key, flow, crossing.route(), revealed.classes, &context);
        (moved.classes, [revealed.policies(), moved.policies()].concat())
    };
    let names = |set: ClassSet| set.iter().map(|c| classes_named.name(c)).collect::<Vec<_>>().join(", ");
    let line = if classes.is_empty() {
        "nothing of any class of data; all that is found is masked".to_owned()
    } else {
        let ids: Vec<&str> = ids.iter().map(|id| &*id.0).collect();
        format!("{} (by {}); every other class that is found is masked", names(classes), ids.join(", "))
    };
    let _ = writeln!(out, "Shown   {line}");
    let stopped = revealed.classes.difference(classes);
    if !stopped.is_empty() {
        let _ = writeln!(
            out,
            "        masked because no policy lets it go from {} to {}: {}",
            from.as_str(),
            to.as_str(),
            names(stopped)
        );
    }
}

/// How the classes of data that the caller may not see are replaced, and who says so.
fn hidden(out: &mut String, world: &World, principal: &Principal, asked: &Asked, facts: &Facts) {
    let Some(server) = asked.server() else { return };
    let tool = match asked.on.as_ref().unwrap_or(&asked.resource) {
        Resource::Tool { name, .. } => Some(name),
        _ => None,
    };
    let flow = Flow { server, tool, direction: facts.direction.unwrap_or(Direction::Out) };
    let configured = world.server(server);
    let purpose = principal.purpose.as_deref().or_else(|| configured?.purpose.as_deref());
    let legal_basis = configured.and_then(|s| s.legal_basis.as_deref());
    let context =
        Context { direction: flow.direction, purpose, legal_basis, now: facts.now, ..Context::default() };
    let classes: ClassSet = match &asked.resource {
        Resource::Class(class) => [*class].into_iter().collect(),
        _ => world.config.masking.names.all(),
    };
    let chosen = world.policies.mask(&PrincipalKey::new(principal), flow, classes, &context);
    let masking = &world.config.masking;
    let mut parts: Vec<String> = Vec::new();
    for class in classes.iter() {
        if let Some(choice) = chosen.iter().find(|c| c.class == class) {
            let ids: Vec<&str> = choice.policies.iter().map(|id| &*id.0).collect();
            let class = masking.names.name(class);
            parts.push(format!("{class} {} (by {})", choice.transform, ids.join(", ")));
        } else if let Some(transform) = masking.classes.get(&class) {
            let class = masking.names.name(class);
            parts.push(format!("{class} {transform} (configured)"));
        }
    }
    if classes.iter().count() > 1 || parts.is_empty() {
        parts.push(format!(
            "{}{} (configured)",
            if parts.is_empty() { "" } else { "else " },
            masking.default
        ));
    }
    let _ = writeln!(out, "Hidden  {}", parts.join(", "));
}

fn why(out: &mut String, explanation: &Explanation) {
    let applies = |p: &&Explained| matches!(p.outcome, Outcome::Applies | Outcome::Failed);
    let (deciding, rest): (Vec<_>, Vec<_>) = explanation.policies.iter().partition(applies);
    for (title, policies) in [
        ("Policies that apply", deciding),
        ("Policies that could apply, and do not", rest),
        ("Policies that permit it to somebody else", explanation.others.iter().collect()),
    ] {
        if policies.is_empty() {
            continue;
        }
        let _ = write!(out, "\n{title}\n");
        for policy in policies {
            let _ = write!(out, "\n{policy}");
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use expect_test::expect;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn explained(words: &[&str]) -> String {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/carnet.yaml");
        let line: Vec<&str> = ["explain", "--config", file].iter().chain(words).copied().collect();
        let args = Line::parse_from(line).args;
        let world = World::open(&args.file).unwrap();
        let principal = who::of_args(&world.config, &args.who).unwrap();
        let (asked, facts) = asked(&args, &world.config.masking.names).unwrap();
        let facts = Facts { now: 0, ..facts };
        let text = render(&world, &principal, &asked, &facts, &asked.explain(&world, &principal, &facts));
        text.replace(concat!(env!("CARGO_MANIFEST_DIR"), "/../../"), "")
    }

    #[test]
    fn a_permitted_call() {
        expect![[r#"
            Who     user ada at https://login.example.eu/realms/acme, groups analysts, in de
            What    tools/call on Tool::"crm.search_customers"
            Where   server crm, region de
            Result  PERMITTED by analysts-search
            Shown   email, person (by analysts-see-contacts); every other class that is found is masked
            Hidden  email token (configured), card format-preserving (configured), iban keep-last-4 (configured), secret drop (configured), person vault (configured), birth_date generalise (configured), else redact (configured)

            Policies that apply

            analysts-search (examples/policies/20-crm.cedar:2:1) permit applies
              | @id("analysts-search")
              | permit (
              |   principal in Group::"analysts",
              |   action == Action::"tools/call",
              |   resource in Server::"crm"
              | ) when {
              |   [Tool::"crm.search_customers", Tool::"crm.get_customer"].contains(resource)
              | };

            Policies that permit it to somebody else

            automation-reports (examples/policies/20-crm.cedar:12:1) permit is for another principal
              | @id("automation-reports")
              | permit (
              |   principal in Group::"automation",
              |   action == Action::"tools/call",
              |   resource == Tool::"crm.search_customers"
              | ) when {
              |   context has purpose && context.purpose == "nightly reports"
              | };
        "#]]
        .assert_eq(&explained(&[
            "--as",
            "ada",
            "--group",
            "analysts",
            "--region",
            "de",
            "tools/call",
            "crm.search_customers",
            "--arg",
            "name=Smith",
        ]));
    }

    #[test]
    fn a_forbidden_call() {
        expect![[r#"
            Who     user ada at https://login.example.eu/realms/acme, groups analysts
            What    tools/call on Tool::"crm.export_customers"
            Where   server crm, region de
            Result  DENIED by no-bulk-export
                    the caller is told: Bulk export is not allowed. Ask the privacy officer.

            Policies that apply

            no-bulk-export (examples/policies/20-crm.cedar:22:1) forbid applies
              | @id("no-bulk-export")
              | @reason("Bulk export is not allowed. Ask the privacy officer.")
              | forbid (
              |   principal,
              |   action == Action::"tools/call",
              |   resource == Tool::"crm.export_customers"
              | );

            Policies that could apply, and do not

            analysts-search (examples/policies/20-crm.cedar:2:1) permit does not apply
              | @id("analysts-search")
              | permit (
              |   principal in Group::"analysts",
              |   action == Action::"tools/call",
              |   resource in Server::"crm"
              | ) when {
              |   [Tool::"crm.search_customers", Tool::"crm.get_customer"].contains(resource)
              | };
        "#]]
        .assert_eq(&explained(&["--as", "ada", "--group", "analysts", "tools/call", "crm.export_customers"]));
    }

    #[test]
    fn a_configured_token_lends_its_groups() {
        expect![[r#"
            Who     workload ci at carnet:tokens, groups automation, in de, for "nightly reports"
            What    tools/call on Tool::"crm.search_customers"
            Where   server crm, region de
            Result  PERMITTED by automation-reports
            Shown   nothing of any class of data; all that is found is masked
            Hidden  email token (configured), card format-preserving (configured), iban keep-last-4 (configured), secret drop (configured), person vault (configured), birth_date generalise (configured), else redact (configured)

            Policies that apply

            automation-reports (examples/policies/20-crm.cedar:12:1) permit applies
              | @id("automation-reports")
              | permit (
              |   principal in Group::"automation",
              |   action == Action::"tools/call",
              |   resource == Tool::"crm.search_customers"
              | ) when {
              |   context has purpose && context.purpose == "nightly reports"
              | };

            Policies that permit it to somebody else

            analysts-search (examples/policies/20-crm.cedar:2:1) permit is for another principal
              | @id("analysts-search")
              | permit (
              |   principal in Group::"analysts",
              |   action == Action::"tools/call",
              |   resource in Server::"crm"
              | ) when {
              |   [Tool::"crm.search_customers", Tool::"crm.get_customer"].contains(resource)
              | };
        "#]]
        .assert_eq(&explained(&["--as", "ci", "tools/call", "crm.search_customers"]));
    }

    #[test]
    fn a_class_of_data() {
        expect![[r#"
            Who     user ada at https://login.example.eu/realms/acme, in no group
            What    reveal on DataClass::"iban"
            Where   server crm, region de
            Result  DENIED: no policy permits it

            Policies that permit it to somebody else

            analysts-see-contacts (examples/policies/30-data.cedar:2:1) permit is for another principal
              | @id("analysts-see-contacts")
              | permit (
              |   principal in Group::"analysts",
              |   action == Action::"reveal",
              |   resource
              | ) when {
              |   [DataClass::"email", DataClass::"person"].contains(resource)
              | };
        "#]]
        .assert_eq(&explained(&["--as", "ada", "reveal", "iban", "--on", "crm.search_customers"]));
    }
}
