//! `carnet policy test`: users' own cases against their policies. A case that fails shows what was expected, what was
//! decided, and the policies that made the difference.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use carnet_config::{PolicyTest, parse_policy_tests, render};
use carnet_model::{ClassNames, Decided, Effect, Region};
use carnet_policy::{Direction, Explanation, Outcome};
use serde_json::Value;

use super::asked::{Asked, Facts};
use super::who;
use super::world::World;
use crate::sessions::wording;
use crate::{ConfigFile, output};

/// Arguments of `carnet policy test`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    file: ConfigFile,
    /// Files of cases. Default: tests.yaml in the policy folders.
    #[arg(value_name = "TESTS.yaml")]
    tests: Vec<PathBuf>,
}

/// What may stand under `context:` of a case.
const KEYS: [&str; 14] = [
    "approvals",
    "classes",
    "counters",
    "direction",
    "hour",
    "labels",
    "legal_basis",
    "mechanism",
    "method",
    "model_region",
    "now",
    "origin_region",
    "purpose",
    "subject_categories",
];

/// How many cases went which way.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
struct Score {
    passed: usize,
    failed: usize,
}

/// Runs `carnet policy test`.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let world = World::open(&args.file)?;
    let files = if args.tests.is_empty() { world.tests_beside_policies() } else { args.tests.clone() };
    if files.is_empty() {
        anyhow::bail!("no cases: name a file, or put tests.yaml into a policy folder");
    }
    let mut total = Score::default();
    let mut readable = true;
    for file in &files {
        match run_file(&world, file)? {
            Ok((text, score)) => {
                output::line(wording::clean(&text).trim_end());
                total.passed += score.passed;
                total.failed += score.failed;
            }
            Err(mistakes) => {
                readable = false;
                output::line(mistakes.trim_end());
            }
        }
    }
    output::line(&format!("\n{} passed, {} failed", total.passed, total.failed));
    let good = readable && total.failed == 0;
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The cases of a file, run; the inner error is what is wrong with the file.
fn run_file(world: &World, file: &Path) -> anyhow::Result<Result<(String, Score), String>> {
    let name = file.display().to_string();
    let text = std::fs::read_to_string(file).map_err(|e| anyhow::anyhow!("{name}: {}", e.kind()))?;
    Ok(parse_policy_tests(&name, &text).map(|cases| run_cases(world, &name, &cases)).map_err(|e| render(&e)))
}

fn run_cases(world: &World, file: &str, cases: &[PolicyTest]) -> (String, Score) {
    let mut out = format!("{file}: {}\n", wording::count(cases.len(), "case"));
    let mut score = Score::default();
    for case in cases {
        match run_case(world, case) {
            None => {
                score.passed += 1;
                let _ = writeln!(out, "  ok    {}", case.name);
            }
            Some(difference) => {
                score.failed += 1;
                let _ = writeln!(out, "  FAIL  {}\n        at {file}:{}", case.name, case.line);
                difference.lines().for_each(|line| {
                    let indent = if line.is_empty() { "" } else { "        " };
                    let _ = writeln!(out, "{indent}{line}");
                });
            }
        }
    }
    (out, score)
}

/// What is different from what the case expects, if anything is.
fn run_case(world: &World, case: &PolicyTest) -> Option<String> {
    let (asked, facts) = match question(case, &world.config.masking.names) {
        Ok(question) => question,
        Err(error) => return Some(format!("the case cannot be run: {error:#}")),
    };
    let principal = who::of_test(&world.config, &case.caller);
    let explanation = asked.explain(world, &principal, &facts);
    let decided: Vec<&str> = explanation.verdict.policies.iter().map(|id| &*id.0).collect();
    let as_meant = explanation.verdict.effect == case.expect
        && case.by.as_ref().is_none_or(|by| {
            let mut by: Vec<&str> = by.iter().map(String::as_str).collect();
            by.sort_unstable();
            by.dedup();
            by == decided
        });
    if as_meant {
        return None;
    }
    let mut out = format!("{}: {} on {}\n", who::describe(&principal), case.action, explanation.resource);
    let expected = case.by.as_ref().map_or_else(String::new, |by| by_list(by.iter().map(String::as_str)));
    let _ = writeln!(out, "- expected: {}{expected}", word(case.expect));
    let _ = writeln!(out, "+ decided:  {}", outcome(&explanation));
    for policy in concerned(case, &explanation) {
        let _ = write!(out, "\n{policy}");
    }
    Some(out)
}

/// The policies that decided, and those that the case says should have.
fn concerned<'a>(case: &'a PolicyTest, explanation: &'a Explanation) -> impl Iterator<Item = String> + 'a {
    let meant = |id: &str| case.by.as_ref().is_some_and(|by| by.iter().any(|b| b == id));
    let known = explanation.policies.iter().chain(&explanation.others);
    let shown = known.filter(move |p| {
        meant(&p.id.0) || explanation.verdict.policies.contains(&p.id) || matches!(p.outcome, Outcome::Failed)
    });
    let all = || explanation.policies.iter().chain(&explanation.others);
    let absent = case.by.iter().flatten().filter(move |id| !all().any(|p| *p.id.0 == ***id));
    shown
        .map(ToString::to_string)
        .chain(absent.map(|id| format!("{id}: no policy of this id has this call in its scope\n")))
}

fn word(effect: Effect) -> &'static str {
    match effect {
        Effect::Permit => "permit",
        Effect::Forbid => "forbid",
    }
}

fn by_list<'a>(ids: impl Iterator<Item = &'a str>) -> String {
    let ids: Vec<&str> = ids.collect();
    if ids.is_empty() { " by no policy".to_owned() } else { format!(" by {}", ids.join(", ")) }
}

fn outcome(explanation: &Explanation) -> String {
    let verdict = &explanation.verdict;
    match verdict.decided {
        Decided::NoMatch => "forbid, because no policy permits it".to_owned(),
        Decided::EvaluationError => {
            format!("forbid, because of a failure in{}", by_list(verdict.policies.iter().map(|p| &*p.0)))
        }
        Decided::ByPolicy => {
            format!("{}{}", word(verdict.effect), by_list(verdict.policies.iter().map(|p| &*p.0)))
        }
    }
}

/// The question that a case asks.
fn question(case: &PolicyTest, classes: &ClassNames) -> anyhow::Result<(Asked, Facts)> {
    let route = (case.from.as_ref(), case.to.as_ref());
    let asked = Asked::parse(case.action, &case.target, classes, case.on.as_deref(), route)?;
    let mut facts = Facts { arguments: case.arguments.clone(), ..Facts::default() };
    for (key, value) in &case.context {
        fact(&mut facts, key, value).ok_or_else(|| {
            anyhow::anyhow!("`context: {key}` is not as it should be; known are {}", KEYS.join(", "))
        })?;
    }
    Ok((asked, facts))
}

/// Takes one entry of `context:`. `None` if it is unknown or of another kind.
fn fact(facts: &mut Facts, key: &str, value: &Value) -> Option<()> {
    let text = || value.as_str().map(str::to_owned);
    let texts =
        || -> Option<Vec<Arc<str>>> { value.as_array()?.iter().map(|v| v.as_str().map(Arc::from)).collect() };
    match key {
        "approvals" => facts.approvals = texts()?,
        "labels" => facts.labels = texts()?,
        "classes" => facts.classes = texts()?,
        "purpose" => facts.purpose = Some(text()?),
        "legal_basis" => facts.legal_basis = Some(text()?),
        "method" => facts.method = Some(text()?),
        "mechanism" => facts.mechanism = Some(text()?),
        "model_region" => facts.model = Some(Region::new(&text()?)),
        "origin_region" => facts.origin = Some(Region::new(&text()?)),
        "subject_categories" => facts.categories = Some(texts()?),
        "now" => facts.now = value.as_i64()?,
        "hour" => facts.now = value.as_i64().filter(|h| (0..24).contains(h))? * 3_600,
        "direction" => {
            facts.direction = Some(match value.as_str()? {
                "in" => Direction::In,
                "out" => Direction::Out,
                _ => return None,
            });
        }
        "counters" => {
            let counters =
                value.as_object()?.iter().map(|(name, n)| Some((name.as_str().into(), n.as_i64()?)));
            facts.counters = counters.collect::<Option<_>>()?;
        }
        _ => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn world() -> World {
        let config = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/carnet.yaml").into();
        World::open(&ConfigFile { config }).unwrap_or_else(|e| panic!("{e:#}"))
    }

    #[test]
    fn the_example_cases_pass() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/policies/tests.yaml");
        let (text, score) = run_file(&world(), Path::new(file)).unwrap().unwrap();
        assert_eq!(score.failed, 0, "{text}");
        assert!(score.passed >= 8, "{text}");
    }

    #[test]
    fn the_cases_of_every_ready_made_set_pass() {
        let sets = concat!(env!("CARGO_MANIFEST_DIR"), "/../../policies");
        let mut found = 0;
        for set in std::fs::read_dir(sets).unwrap().map(|e| e.unwrap().path()).filter(|p| p.is_dir()) {
            let world = World::open(&ConfigFile { config: set.join("carnet.yaml") });
            let world = world.unwrap_or_else(|e| panic!("{}: {e:#}", set.display()));
            assert!(world.policies.warnings().is_empty(), "{}", world.policies.warnings()[0]);
            let files = world.tests_beside_policies();
            assert_eq!(files.len(), 1, "{}", set.display());
            let (text, score) = run_file(&world, &files[0]).unwrap().unwrap();
            assert_eq!(score.failed, 0, "{text}");
            assert!(score.passed >= 7, "{text}");
            found += 1;
        }
        assert!(found >= 5);
    }

    #[test]
    fn cases_that_fail_say_why() {
        let cases = "\
- name: somebody thinks exports are allowed
  as: { user: ada, groups: [analysts] }
  call: tools/call crm.export_customers
  expect: permit
- as: { user: ada, groups: [analysts] }
  call: tools/call crm.search_customers
  expect: permit
  by: [another]
- as: { user: eve }
  call: tools/call crm.search_customers
  expect: permit
- as: { user: eve }
  call: reveal email
  expect: permit
- as: { user: eve }
  call: tools/call crm.x
  context: { houre: 3 }
  expect: permit
";
        let cases = parse_policy_tests("tests.yaml", cases).unwrap();
        let (text, score) = run_cases(&world(), "tests.yaml", &cases);
        assert_eq!(score, Score { passed: 0, failed: 5 });
        let text = text.replace(concat!(env!("CARGO_MANIFEST_DIR"), "/../../"), "");
        expect![[r#"
            tests.yaml: 5 cases
              FAIL  somebody thinks exports are allowed
                    at tests.yaml:1
                    user ada at https://login.example.eu/realms/acme, groups analysts: tools/call on Tool::"crm.export_customers"
                    - expected: permit
                    + decided:  forbid by no-bulk-export

                    no-bulk-export (examples/policies/20-crm.cedar:22:1) forbid applies
                      | @id("no-bulk-export")
                      | @reason("Bulk export is not allowed. Ask the privacy officer.")
                      | forbid (
                      |   principal,
                      |   action == Action::"tools/call",
                      |   resource == Tool::"crm.export_customers"
                      | );
              FAIL  tools/call crm.search_customers
                    at tests.yaml:5
                    user ada at https://login.example.eu/realms/acme, groups analysts: tools/call on Tool::"crm.search_customers"
                    - expected: permit by another
                    + decided:  permit by analysts-search

                    analysts-search (examples/policies/20-crm.cedar:2:1) permit applies
                      | @id("analysts-search")
                      | permit (
                      |   principal in Group::"analysts",
                      |   action == Action::"tools/call",
                      |   resource in Server::"crm"
                      | ) when {
                      |   [Tool::"crm.search_customers", Tool::"crm.get_customer"].contains(resource)
                      | };

                    another: no policy of this id has this call in its scope
              FAIL  tools/call crm.search_customers
                    at tests.yaml:9
                    user eve at https://login.example.eu/realms/acme, in no group: tools/call on Tool::"crm.search_customers"
                    - expected: permit
                    + decided:  forbid, because no policy permits it
              FAIL  reveal email
                    at tests.yaml:12
                    the case cannot be run: `reveal` needs `on`: the server or tool that the data comes from, such as crm.find
              FAIL  tools/call crm.x
                    at tests.yaml:15
                    the case cannot be run: `context: houre` is not as it should be; known are approvals, classes, counters, direction, hour, labels, legal_basis, mechanism, method, model_region, now, origin_region, purpose, subject_categories
        "#]].assert_eq(&text);
    }
}
