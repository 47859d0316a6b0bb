//! From policy texts to rules: parsing, names, validation against the schema, every mistake at once.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use carnet_model::{Action, Effect, PolicyId, Transform};
use cedar_policy::{ValidationMode, Validator};
use cedar_policy_core::ast;

use crate::diagnostic::{Diagnostic, place};
use crate::entity::action_uid;
use crate::needs::Attr;
use crate::rule::{Rule, Stop, covers, literals_of, needs_of};

/// The schema that policies are checked against, in Cedar's schema language.
pub const SCHEMA: &str = include_str!("schema.cedarschema");

/// The annotations that mean something.
const ANNOTATIONS: [&str; 13] = [
    "id",
    "reason",
    "hold",
    "transform",
    "verdict",
    "quorum",
    "stage",
    "expires",
    "valid",
    "assurance",
    "escalate",
    "breakglass",
    "grants",
];

/// Those that say how an approval is to be had. What they may say is for who asks for it.
const OF_HOLDS: std::ops::Range<usize> = 5..ANNOTATIONS.len();

/// A policy file: its name and its text.
struct Source<'a> {
    name: Arc<str>,
    text: &'a str,
}

/// The rules of all sources, and what is worth a second look.
pub(crate) fn load(sources: &[(&str, &str)]) -> Result<(Vec<Rule>, Vec<Diagnostic>), Vec<Diagnostic>> {
    let sources: Vec<_> = sources.iter().map(|(name, text)| Source { name: (*name).into(), text }).collect();
    let mut errors = Vec::new();
    let mut found = Vec::new();
    for (at, source) in sources.iter().enumerate() {
        match parse(source) {
            Ok(policies) => found.extend(policies.into_iter().map(|p| (at, p))),
            Err(more) => errors.extend(more),
        }
    }
    errors.extend(duplicates(&sources, &found));
    errors.extend(transforms(&sources, &found));
    errors.extend(verdicts(&sources, &found));
    let (mut more, mut warnings) = validate(&sources, &found);
    errors.append(&mut more);
    if !errors.is_empty() {
        // Cedar reports in no fixed order; the text makes ours fixed.
        errors.sort_by(|a, b| by_place(a, b).then_with(|| a.message.cmp(&b.message)));
        // An attribute that neither users nor workloads have is one mistake.
        errors.dedup_by(|b, a| by_place(a, b).is_eq() && a.length == b.length && a.help == b.help);
        return Err(errors);
    }
    warnings.extend(second_looks(&sources, &found));
    warnings.sort_by(by_place);
    let rules = found.into_iter().filter_map(|(at, p)| Some(rule(sources.get(at)?, p))).collect();
    Ok((rules, warnings))
}

fn by_place(a: &Diagnostic, b: &Diagnostic) -> Ordering {
    (&a.file, a.line, a.col).cmp(&(&b.file, b.line, b.col))
}

/// A parsed policy with its name and the bytes it covers.
struct Named {
    id: String,
    policy: cedar_policy::Policy,
    start: usize,
    end: usize,
}

fn parse(source: &Source<'_>) -> Result<Vec<Named>, Vec<Diagnostic>> {
    let set: cedar_policy::PolicySet = source.text.parse().map_err(|e: cedar_policy::ParseErrors| {
        e.iter().map(|e| diagnostic(source, e)).collect::<Vec<_>>()
    })?;
    let mut errors: Vec<_> = set.templates().map(|t| template_error(source, t)).collect();
    let mut policies: Vec<_> = set.policies().map(|p| (span(p.as_ref()), p)).collect();
    policies.sort_by_key(|(span, _)| *span);
    let mut named = Vec::with_capacity(policies.len());
    for (n, ((start, end), policy)) in policies.into_iter().enumerate() {
        let id = match policy.annotation("id") {
            Some("") => {
                errors.push(Diagnostic::at(
                    &source.name,
                    source.text,
                    start,
                    end,
                    "an @id must not be empty".into(),
                ));
                continue;
            }
            Some(id) => id.to_owned(),
            None => format!("{}#{n}", source.name),
        };
        named.push(Named { id, policy: policy.clone(), start, end });
    }
    if errors.is_empty() { Ok(named) } else { Err(errors) }
}

fn template_error(source: &Source<'_>, template: &cedar_policy::Template) -> Diagnostic {
    let template: &ast::Template = template.as_ref();
    let (start, end) = template.loc().map_or((0, 0), |l| (l.start(), l.end()));
    let message = "a template (?principal, ?resource) cannot be used here".to_owned();
    Diagnostic::at(&source.name, source.text, start, end, message)
        .with_help(Some("write the principal or the resource out".into()))
}

fn span(policy: &ast::Policy) -> (usize, usize) {
    policy.loc().map_or((0, 0), |l| (l.start(), l.end()))
}

fn duplicates(sources: &[Source<'_>], found: &[(usize, Named)]) -> Vec<Diagnostic> {
    let mut first: HashMap<&str, (usize, &Named)> = HashMap::new();
    let mut errors = Vec::new();
    for (at, named) in found {
        let Some(source) = sources.get(*at) else { continue };
        if let Some((other_at, other)) = first.get(named.id.as_str()) {
            let (line, col, _) = sources.get(*other_at).map_or((0, 0, ""), |s| place(s.text, other.start));
            let other_file = sources.get(*other_at).map_or("", |s| &s.name);
            let message = format!("the policy id {:?} is used twice", named.id);
            errors.push(
                Diagnostic::at(&source.name, source.text, named.start, named.end, message).with_help(Some(
                    format!("it is first used at {other_file}:{line}:{col}; give this one another @id"),
                )),
            );
        } else {
            first.insert(&named.id, (*at, named));
        }
    }
    errors
}

fn validate(sources: &[Source<'_>], found: &[(usize, Named)]) -> (Vec<Diagnostic>, Vec<Diagnostic>) {
    let schema = match cedar_policy::Schema::from_cedarschema_str(SCHEMA) {
        Ok((schema, _)) => schema,
        Err(e) => {
            return (
                vec![Diagnostic::at(&"schema.cedarschema".into(), SCHEMA, 0, 0, e.to_string())],
                Vec::new(),
            );
        }
    };
    // Own ids, so that a duplicate name does not hide a policy from validation.
    let mut set = cedar_policy::PolicySet::new();
    let mut files = BTreeMap::new();
    for (n, (at, named)) in found.iter().enumerate() {
        let id = cedar_policy::PolicyId::new(format!("{n}"));
        files.insert(id.clone(), (*at, named));
        // The number is fresh, so adding cannot fail.
        let _added = set.add(named.policy.new_id(id));
    }
    let result = Validator::new(schema).validate(&set, ValidationMode::Strict);
    let at = |id: &cedar_policy::PolicyId, e: &dyn miette::Diagnostic| {
        let (at, named) = files.get(id)?;
        let source = sources.get(*at)?;
        Some(diagnostic_within(source, e, (named.start, named.end), id.as_ref()))
    };
    let errors = result.validation_errors().filter_map(|e| at(e.policy_id(), e)).collect();
    let warnings = result.validation_warnings().filter_map(|w| at(w.policy_id(), w)).collect();
    (errors, warnings)
}

fn diagnostic(source: &Source<'_>, error: &dyn miette::Diagnostic) -> Diagnostic {
    diagnostic_within(source, error, (0, 0), "")
}

/// Cedar's own message and help, at its first label, else at `whole`. Its texts begin with the policy's id, here a
/// number that means nothing to the reader; the place says it better.
fn diagnostic_within(
    source: &Source<'_>,
    error: &dyn miette::Diagnostic,
    whole: (usize, usize),
    number: &str,
) -> Diagnostic {
    let prefix = format!("for policy `{number}`, ");
    let plain = |text: String| text.strip_prefix(&prefix).map(str::to_owned).unwrap_or(text);
    let label = error.labels().and_then(|mut l| l.next());
    let (start, end) = label.as_ref().map_or(whole, |l| (l.offset(), l.offset() + l.len()));
    let help = match source.text.get(start..end).and_then(|t| t.strip_prefix("Action::\"")?.strip_suffix('"'))
    {
        Some(action) => meant(action),
        None => error.help().map(|h| plain(h.to_string())).or_else(|| label?.label().map(str::to_owned)),
    };
    Diagnostic::at(&source.name, source.text, start, end, plain(error.to_string())).with_help(help)
}

/// Transforms that are none, are missing, or stand where they choose nothing.
fn transforms(sources: &[Source<'_>], found: &[(usize, Named)]) -> Vec<Diagnostic> {
    let mask = action_uid(Action::MASK);
    let mistake = |(at, named): &(usize, Named)| {
        let source = sources.get(*at)?;
        let policy: &ast::Policy = named.policy.as_ref();
        let (permit, action) = (policy.effect() == ast::Effect::Permit, policy.action_constraint());
        let only = matches!(action, ast::ActionConstraint::Eq(one) if **one == mask);
        let words = || Some(format!("one of {}", Transform::WORDS.join(", ")));
        let (message, help) = match named.policy.annotation("transform") {
            None if permit && only => {
                ("a permit of \"mask\" says how: @transform(\"...\")".to_owned(), words())
            }
            None => return None,
            Some(_) if !permit || !covers(action, &mask) => {
                let help =
                    "it belongs to permit (principal, action == Action::\"mask\", resource)".to_owned();
                ("@transform chooses nothing here".to_owned(), Some(help))
            }
            Some(word) if Transform::by_name(word).is_none() => {
                (format!("there is no transform {word:?}"), words())
            }
            Some(_) => return None,
        };
        let there = Diagnostic::at(&source.name, source.text, named.start, named.end, message);
        Some(there.with_help(help))
    };
    found.iter().filter_map(mistake).collect()
}

/// Verdicts that are none, or stand where there is nothing to keep back.
fn verdicts(sources: &[Source<'_>], found: &[(usize, Named)]) -> Vec<Diagnostic> {
    let own = [action_uid(Action::REVEAL), action_uid(Action::TRANSFER)];
    let mistake = |(at, named): &(usize, Named)| {
        let source = sources.get(*at)?;
        let word = named.policy.annotation("verdict")?;
        let policy: &ast::Policy = named.policy.as_ref();
        let forbids = policy.effect() == ast::Effect::Forbid;
        let (message, help) = if Stop::by_name(word).is_none() {
            (format!("there is no verdict {word:?}"), format!("one of {}", Stop::WORDS.join(", ")))
        } else if !forbids || !own.iter().any(|action| covers(policy.action_constraint(), action)) {
            let help = "it belongs to forbid (principal, action == Action::\"transfer\", resource)";
            ("@verdict keeps nothing back here".to_owned(), help.to_owned())
        } else {
            return None;
        };
        let there = Diagnostic::at(&source.name, source.text, named.start, named.end, message);
        Some(there.with_help(Some(help)))
    };
    found.iter().filter_map(mistake).collect()
}

/// Annotations that nothing reads, and holds that no approval can lift.
fn second_looks(sources: &[Source<'_>], found: &[(usize, Named)]) -> Vec<Diagnostic> {
    let mut warnings = Vec::new();
    for (at, named) in found {
        let Some(source) = sources.get(*at) else { continue };
        let mut warn = |message: String, help: Option<String>| {
            let there = Diagnostic::at(&source.name, source.text, named.start, named.end, message);
            warnings.push(there.with_help(help));
        };
        for (key, _) in named.policy.annotations().filter(|(key, _)| !ANNOTATIONS.contains(key)) {
            let near = ANNOTATIONS.iter().find(|known| is_near(key, known));
            warn(format!("nothing reads the annotation @{key}"), near.map(|n| format!("did you mean @{n}?")));
        }
        let policy: &ast::Policy = named.policy.as_ref();
        let sees_approvals =
            || policy.non_scope_constraints().is_some_and(|c| needs_of(c).has(Attr::Approvals));
        if named.policy.annotation("hold").is_some()
            && (policy.effect() == ast::Effect::Permit || !sees_approvals())
        {
            let help = "write forbid(...) unless { context.approvals.contains(\"...\") }".to_owned();
            warn("@hold has no effect: no approval can lift this policy".into(), Some(help));
        }
    }
    warnings
}

/// The action that was meant. Cedar's own guess is another one at each start.
fn meant(action: &str) -> Option<String> {
    let near = Action::ALL.iter().find(|known| is_near(action, known.as_str()))?;
    Some(format!("did you mean `Action::\"{}\"`?", near.as_str()))
}

/// At most one letter wrong, missing or too many.
fn is_near(a: &str, b: &str) -> bool {
    let same = a.chars().zip(b.chars()).take_while(|(x, y)| x == y).count();
    let same_end = a.chars().rev().zip(b.chars().rev()).take_while(|(x, y)| x == y).count();
    let longer = a.chars().count().max(b.chars().count());
    a.chars().count().abs_diff(b.chars().count()) <= 1 && same + same_end + 1 >= longer
}

fn rule(source: &Source<'_>, named: Named) -> Rule {
    let policy: &ast::Policy = named.policy.as_ref();
    let condition = policy.non_scope_constraints_arc().cloned();
    let (line, col, _) = place(source.text, named.start);
    let annotation = |key: &str| named.policy.annotation(key).filter(|t| !t.is_empty()).map(Arc::from);
    Rule {
        id: PolicyId(named.id.as_str().into()),
        effect: match policy.effect() {
            ast::Effect::Permit => Effect::Permit,
            ast::Effect::Forbid => Effect::Forbid,
        },
        file: source.name.clone(),
        place: (line, col),
        text: source.text.get(named.start..named.end).unwrap_or_default().into(),
        reason: annotation("reason"),
        hold: annotation("hold"),
        terms: ANNOTATIONS
            .get(OF_HOLDS)
            .unwrap_or_default()
            .iter()
            .filter_map(|key| Some((Arc::from(*key), Arc::from(named.policy.annotation(key)?))))
            .collect(),
        transform: named.policy.annotation("transform").and_then(Transform::by_name),
        stop: named.policy.annotation("verdict").and_then(Stop::by_name),
        action: policy.action_constraint().clone(),
        principal: policy.principal_constraint().as_inner().clone(),
        resource: policy.resource_constraint().as_inner().clone(),
        needs: condition.as_deref().map(needs_of).unwrap_or_default(),
        literals: condition.as_deref().map(literals_of).unwrap_or_default(),
        condition,
    }
}
