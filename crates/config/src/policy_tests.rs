//! The file format of users' own policy cases: who calls what, and what the policy must say.
//!
//! ```yaml
//! - as: { user: ada, groups: [analysts], agent: helper }
//!   call: tools/call crm.search_customers
//!   arguments: { name: Smith }
//!   expect: permit
//!   by: [analysts-search]
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;

use carnet_model::{Action, ClassNames, DataClass, Effect, IdentityKind, Region};

use crate::check::check;
use crate::diagnostic::{Diagnostic, Severity};
use crate::report::Report;
use crate::shape::Kind::{Any, List, Map, Region as R, Table as T, Text, Words};
use crate::shape::{Kind, Table, key, need};
use crate::suggest;
use crate::view::View;
use crate::yaml::{self, Node, Value};

static CASES: Kind = List(&T(&CASE));

static CASE: Table = Table {
    name: "a policy test",
    keys: &[
        key("name", Text, "What the case shows."),
        need("as", T(&CALLER), "Who calls: { user: NAME, groups: [...] } or { workload: NAME }."),
        need("call", Text, "METHOD and target, such as `tools/call crm.search_customers`."),
        key("on", Text, "For reveal and transfer: the server or tool that the data comes from or goes to."),
        key("from", R, "For transfer: where the data is."),
        key("to", R, "For transfer: where it would go."),
        key("arguments", Any, "The call's arguments."),
        key("context", Map(&Text, &Any), "More of the context, such as purpose or approvals."),
        need("expect", Words(&["permit", "forbid"]), "What the policy must say."),
        key("by", List(&Text), "The policies that must have decided, all of them."),
    ],
};

static CALLER: Table = Table {
    name: "a caller",
    keys: &[
        key("user", Text, "A person's subject."),
        key("workload", Text, "A program's subject."),
        key("issuer", Text, "The issuer. Default: any that the policy does not ask about."),
        key("groups", List(&Text), "Groups."),
        key("agent", Text, "The workload that acts for the person."),
        key("region", R, "Where the caller is."),
        key("purpose", Text, "What for."),
    ],
};

/// Who calls in a policy test.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TestCaller {
    /// Person or program.
    pub kind: IdentityKind,
    /// The subject.
    pub subject: Arc<str>,
    /// The issuer, if the case states one.
    pub issuer: Option<Arc<str>>,
    /// Groups, sorted, without duplicates.
    pub groups: Vec<Arc<str>>,
    /// The workload that acts for the person.
    pub agent: Option<Arc<str>>,
    /// Where the caller is.
    pub region: Option<Region>,
    /// What for.
    pub purpose: Option<Arc<str>>,
}

/// One case.
#[derive(Clone, PartialEq, Debug)]
pub struct PolicyTest {
    /// What it shows; the call if the file gives no name.
    pub name: String,
    /// Line of the file in which it starts.
    pub line: usize,
    /// Who calls.
    pub caller: TestCaller,
    /// The method, or one of Carnet's own actions.
    pub action: Action,
    /// What the call is on, such as `crm.search_customers`, `crm` or `iban`; empty for the evidence.
    pub target: String,
    /// For `reveal` and `transfer`: the server (`crm`) or tool (`crm.search_customers`) concerned.
    pub on: Option<String>,
    /// For `transfer`: where the data is.
    pub from: Option<Region>,
    /// For `transfer`: where it would go.
    pub to: Option<Region>,
    /// The call's arguments; an empty object if none are given.
    pub arguments: serde_json::Value,
    /// More of the context.
    pub context: BTreeMap<String, serde_json::Value>,
    /// What the policy must say.
    pub expect: Effect,
    /// The policies that must have decided; `None`: any.
    pub by: Option<Vec<String>>,
}

/// Reads a file of policy tests.
///
/// # Errors
/// Every mistake in the text, in its order.
pub fn parse_policy_tests(file: &str, text: &str) -> Result<Vec<PolicyTest>, Vec<Diagnostic>> {
    let mut report = Report::new();
    let mut tests = Vec::new();
    if let Some(root) = yaml::parse(text, &mut report) {
        check(&root, "the file", root.at, &CASES, &mut report);
        tests = View::root(&root).items().filter_map(|v| case(v, &mut report)).collect();
    }
    let found = report.finish(file, text);
    if found.iter().any(|d| d.severity == Severity::Error) { Err(found) } else { Ok(tests) }
}

fn case(view: View<'_>, report: &mut Report) -> Option<PolicyTest> {
    let caller = caller(view.get("as"), report);
    let call = view.get("call");
    let (action, target) = target(call, report)?;
    let arguments = view.get("arguments").node().map(json);
    let context = view.get("context").entries().iter().map(|e| (e.key.clone(), json(&e.node)));
    let by = view.get("by");
    Some(PolicyTest {
        name: view.get("name").string().or_else(|| call.string())?,
        line: view.at().line,
        caller: caller?,
        action,
        target,
        on: view.get("on").string(),
        from: view.get("from").region(),
        to: view.get("to").region(),
        arguments: arguments.unwrap_or_else(|| serde_json::json!({})),
        context: context.collect(),
        expect: if view.get("expect").text()? == "permit" { Effect::Permit } else { Effect::Forbid },
        by: by.given().then(|| by.strings()),
    })
}

fn caller(view: View<'_>, report: &mut Report) -> Option<TestCaller> {
    let (user, workload) = (view.get("user"), view.get("workload"));
    let (kind, subject) = match (user.shared(), workload.shared()) {
        (Some(subject), None) => (IdentityKind::User, subject),
        (None, Some(subject)) => (IdentityKind::Workload, subject),
        _ if view.given() => {
            report.error(view.at(), "a caller is either a `user` or a `workload`", None);
            return None;
        }
        _ => return None,
    };
    let mut groups = view.get("groups").texts();
    groups.sort();
    groups.dedup();
    Some(TestCaller {
        kind,
        subject,
        issuer: view.get("issuer").shared(),
        groups,
        agent: view.get("agent").shared(),
        region: view.get("region").region(),
        purpose: view.get("purpose").shared(),
    })
}

/// Splits `METHOD TARGET` and checks both as far as that can be done without the policies.
fn target(call: View<'_>, report: &mut Report) -> Option<(Action, String)> {
    let mut words = call.text()?.split_whitespace();
    let (method, target) = (words.next()?, words.next().unwrap_or(""));
    let Some(action) = Action::ALL.iter().copied().find(|a| a.as_str() == method) else {
        let help = suggest::nearest(method, Action::ALL.iter().map(|a| a.as_str()));
        let help = help.map(|m| format!("did you mean `{m}`?"));
        report.error(call.at(), format!("`{method}` is neither an MCP method nor an action of Carnet"), help);
        return None;
    };
    if words.next().is_some() {
        report.error(call.at(), "more than a method and a target", None);
    }
    let dotted = [Action::TOOLS_CALL, Action::RESOURCES_READ, Action::PROMPTS_GET].contains(&action);
    if dotted && !target.contains('.') {
        let help = Some(format!("such as `{method} crm.name`"));
        report.error(call.at(), format!("`{method}` needs a target, SERVER.NAME"), help);
    }
    // Whether a class of one's own exists, only the configuration knows.
    let class = |name| DataClass::by_name(name).is_some() || ClassNames::acceptable(name);
    if matches!(action, Action::REVEAL | Action::TRANSFER | Action::MASK | Action::RESTORE) && !class(target)
    {
        let names: Vec<&str> = DataClass::BUILT_IN.iter().map(|c| c.name()).collect();
        report.error(call.at(), format!("`{target}` is not a data class"), suggest::help(target, &names));
    }
    Some((action, target.to_owned()))
}

/// YAML to JSON as YAML 1.2's JSON schema has it: only plain `true`, `false`, `null` and JSON numbers are not text.
fn json(node: &Node) -> serde_json::Value {
    use serde_json::Value as J;
    match &node.value {
        Value::Null | Value::Refused => J::Null,
        Value::Scalar { text, plain: true } => match text.as_str() {
            "true" => J::Bool(true),
            "false" => J::Bool(false),
            other => serde_json::from_str::<serde_json::Number>(other)
                .map_or_else(|_| J::String(other.to_owned()), J::Number),
        },
        Value::Scalar { text, .. } => J::String(text.clone()),
        Value::List(items) => J::Array(items.iter().map(json).collect()),
        Value::Map(entries) => J::Object(entries.iter().map(|e| (e.key.clone(), json(&e.node))).collect()),
    }
}

/// A text as JSON, to hold examples against the schema.
#[cfg(test)]
pub(crate) fn to_json(text: &str) -> serde_json::Value {
    yaml::parse(text, &mut Report::new()).map_or(serde_json::Value::Null, |node| json(&node))
}
