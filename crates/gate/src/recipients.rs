//! Who else gets something of a message: sinks that get its record, a front that passes it on, witnesses that get hashes. What each
//! gets is decided with the message, before anything goes on, and stands in its record.
//!
//! Nobody is asked about a recipient in the cell's own country. What lies elsewhere is put together by place when a configuration
//! is made ready, so a message costs one question for each place abroad and class.

use std::sync::Arc;

use carnet_mcp::Message;
use carnet_model::{ClassNames, ClassSet, DataClass, Region};
use carnet_policy::{Context, Direction, Flow, NoArguments};
use carnet_residency::{Jurisdictions, Known};

use crate::arguments::CallArguments;
use crate::crossing::{Crossing, Places};
use crate::decide::{self, Subject};
use crate::facts::Caller;
use crate::reveal::Stopped;
use crate::session::Session;
use crate::shell::Moment;
use crate::snapshot::Snapshot;

/// Somebody who gets something of every message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recipient {
    /// The key that names it, such as `sinks.siem`.
    pub at: String,
    /// Where it is; `None`: nobody says.
    pub region: Option<Region>,
    /// How that is known.
    pub known: Known,
    /// What it gets: `hashes`, `usage`, `records`, `notices`, `content`, ...
    pub gets: &'static str,
    /// Whether `transfer` is asked for each message: for those who get records, or all that is released.
    pub asked: bool,
}

/// What goes to one place abroad.
#[derive(Clone, Debug)]
struct Abroad {
    region: Region,
    /// Content, not only what is said of it.
    content: bool,
}

/// All of them, made ready.
#[derive(Clone, Debug, Default)]
pub struct Recipients {
    /// Each as its record names it, without the closing brace, and the place that it is asked for.
    named: Vec<(String, Option<usize>)>,
    abroad: Vec<Abroad>,
}

impl Recipients {
    /// Those of a configuration.
    #[must_use]
    pub fn new(all: &[Recipient], table: &Jurisdictions, cell: &Region) -> Recipients {
        let mut ready = Recipients::default();
        for one in all {
            let content = one.gets == "content";
            let region = one.region.as_ref().filter(|region| one.asked && !table.same_place(cell, region));
            let place = region.map(|region| {
                let same = |a: &Abroad| a.region == *region && a.content == content;
                ready.abroad.iter().position(same).unwrap_or_else(|| {
                    ready.abroad.push(Abroad { region: region.clone(), content });
                    ready.abroad.len() - 1
                })
            });
            let region = one.region.as_ref().map_or("unknown", Region::as_str);
            let known = if one.region.is_some() { one.known } else { Known::Unknown };
            let text = format!(
                r#"{{"at":{},"gets":"{}","known":"{}","region":{}"#,
                carnet_json::quote(&one.at),
                one.gets,
                known.name(),
                carnet_json::quote(region)
            );
            ready.named.push((text, place));
        }
        ready
    }

    /// As a record has them; `None` where there are none.
    pub(crate) fn disclosed(&self, reach: &Reach) -> Option<String> {
        if self.named.is_empty() {
            return None;
        }
        let one = |(text, place): &(String, Option<usize>)| match place.map(|n| reach.gets.get(n)) {
            None => format!("{text}}}"),
            Some(gets) => {
                let verdict = if gets.copied().unwrap_or(false) { "allow" } else { "mask" };
                format!(r#"{text},"verdict":"{verdict}"}}"#)
            }
        };
        let all: Vec<String> = self.named.iter().map(one).collect();
        Some(format!("[{}]", all.join(",")))
    }
}

/// What goes where.
#[derive(Clone, Debug)]
pub(crate) struct Reach {
    /// For each place abroad, whether what it would get goes there.
    gets: Vec<bool>,
    /// The classes of content that may pass everybody who gets content.
    pub(crate) content: ClassSet,
}

/// What a question about recipients needs to know around a message.
#[derive(Clone, Copy)]
pub(crate) struct Asking<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) session: &'a Session,
    pub(crate) caller: &'a Caller,
    pub(crate) subject: &'a Subject,
    pub(crate) now: Moment,
    /// What was approved for it.
    pub(crate) approvals: &'a [Arc<str>],
    /// What its caller has read.
    pub(crate) labels: &'a [Arc<str>],
}

/// Decides who else gets what of a message in which these classes were found.
pub(crate) fn ask(at: Asking<'_>, message: &Message, found: ClassSet) -> Result<Reach, Stopped> {
    let arguments = CallArguments(message);
    let method = message.method().unwrap_or_default();
    let Asking { session, caller, subject, now, approvals, labels, .. } = at;
    let context = decide::context(&arguments, &method, caller, session, subject.direction, now, labels);
    let (reach, stopped) = each(at, found, Context { approvals, ..context });
    stopped.map_or(Ok(reach), Err)
}

/// The same for a message that goes nowhere, or could not be read.
pub(crate) fn of_record(at: Asking<'_>, found: ClassSet) -> Reach {
    let context = Context {
        arguments: &NoArguments,
        method: at.subject.action.as_str(),
        direction: at.subject.direction,
        purpose: decide::purpose(at.caller, at.session),
        legal_basis: at.session.server.legal_basis.as_deref(),
        now: at.now.seconds,
        labels: at.labels,
        ..Context::default()
    };
    each(at, found, context).0
}

fn each(at: Asking<'_>, found: ClassSet, context: Context<'_>) -> (Reach, Option<Stopped>) {
    let Asking { snapshot, session, caller, subject, .. } = at;
    let all = &snapshot.residency.recipients;
    let mut reach = Reach { gets: Vec::with_capacity(all.abroad.len()), content: found };
    let mut stopped: Option<Stopped> = None;
    let server = &session.server;
    for place in &all.abroad {
        // What a caller sends has passed a front already.
        if place.content && subject.direction == Direction::In {
            reach.gets.push(true);
            continue;
        }
        let places = Places {
            from: &snapshot.cell_region,
            to: &place.region,
            origin: server.origin.as_ref().unwrap_or(&server.region),
            model: None,
            cell: &snapshot.cell_region,
        };
        let (table, rules) = (&snapshot.jurisdictions, &snapshot.residency);
        let crossing = Crossing::find(table, &rules.declared, places, &server.name, context.now);
        // Who acted is a person's data too.
        let mut classes = found;
        if !place.content {
            classes.insert(DataClass::PERSON);
        }
        let context = Context { crossing: Some(crossing.facts(&server.categories)), ..context };
        let flow = Flow { server: &server.name, tool: subject.tool(), direction: Direction::Out };
        let allowed = snapshot.policies.transfer(&caller.key, flow, crossing.route(), classes, &context);
        stopped = match (stopped, Stopped::by(snapshot, &allowed)) {
            (Some(one), Some(other)) => Some(one.and(other)),
            (one, other) => one.or(other),
        };
        let may = if rules.enforce && crossing.unknown { ClassSet::EMPTY } else { allowed.classes };
        if place.content {
            reach.content = reach.content.intersection(may);
        }
        reach.gets.push(classes.difference(may).is_empty());
    }
    (reach, stopped)
}

/// The names of classes, for a record.
pub(crate) fn named(classes: ClassSet, names: &ClassNames) -> Vec<String> {
    classes.iter().map(|class| carnet_json::quote(names.name(class))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_places_abroad_are_asked_each_once() {
        let table = Jurisdictions::built_in().unwrap();
        let one = |at: &str, region: Option<&str>, gets, asked| Recipient {
            at: at.to_owned(),
            region: region.map(Region::new),
            known: Known::Asserted,
            gets,
            asked,
        };
        let all = [
            one("sinks.home", Some("eu-central-1"), "records", true),
            one("sinks.a", Some("us"), "records", true),
            one("sinks.b", Some("us"), "records", true),
            one("front", Some("us"), "content", true),
            one("sinks.lost", Some("moon"), "records", true),
            one("evidence.witness", Some("us"), "hashes", false),
            one("front2", None, "content", true),
        ];
        let ready = Recipients::new(&all, &table, &Region::new("de"));
        let asked: Vec<_> = ready.abroad.iter().map(|a| (a.region.as_str(), a.content)).collect();
        // What the table does not know is not at home.
        assert_eq!(asked, [("us", false), ("us", true), ("moon", false)]);
        let reach = Reach { gets: vec![true, false, false], content: ClassSet::EMPTY };
        let text = ready.disclosed(&reach).unwrap();
        let list: serde_json::Value = serde_json::from_str(&text).unwrap();
        let said: Vec<_> = list
            .as_array()
            .unwrap()
            .iter()
            .map(|r| (r["at"].as_str().unwrap(), r["known"].as_str().unwrap(), r["verdict"].as_str()))
            .collect();
        assert_eq!(
            said,
            [
                ("sinks.home", "asserted", None),
                ("sinks.a", "asserted", Some("allow")),
                ("sinks.b", "asserted", Some("allow")),
                ("front", "asserted", Some("mask")),
                ("sinks.lost", "asserted", Some("mask")),
                ("evidence.witness", "asserted", None),
                ("front2", "unknown", None),
            ]
        );
        let none = Recipients::new(&[], &table, &Region::new("de"));
        assert_eq!(none.disclosed(&reach), None);
    }
}
