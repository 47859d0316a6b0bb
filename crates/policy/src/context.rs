//! What a policy may know beyond who, what and on what: arguments, time, purpose, labels, approvals.
//!
//! A [`Context`] borrows; building one costs nothing. Only the parts that the policies of a slice mention are turned
//! into Cedar values, and the arguments are asked for only where a policy mentions arguments.

use std::sync::Arc;

use carnet_model::{ClassSet, Region};

/// One argument's value.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Scalar<'a> {
    /// Text, and the text of numbers that are no 64-bit whole numbers.
    Text(&'a str),
    /// A whole number.
    Int(i64),
    /// True or false.
    Bool(bool),
    /// Null.
    Null,
}

/// A call's arguments, flattened: `filter.country`, `ids.0`. Objects and arrays are walked, scalars are given.
///
/// A key that contains a dot can make two values share a path. Give both: a path that a policy can ask for and that
/// comes twice is an evaluation error, and denies.
pub trait Arguments {
    /// Gives every scalar with its dotted path.
    fn visit(&self, each: &mut dyn FnMut(&str, Scalar<'_>));
}

/// No arguments.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoArguments;

impl Arguments for NoArguments {
    fn visit(&self, _: &mut dyn FnMut(&str, Scalar<'_>)) {}
}

impl Arguments for [(&str, Scalar<'_>)] {
    fn visit(&self, each: &mut dyn FnMut(&str, Scalar<'_>)) {
        self.iter().for_each(|(path, value)| each(path, *value));
    }
}

impl Arguments for Vec<(&str, Scalar<'_>)> {
    fn visit(&self, each: &mut dyn FnMut(&str, Scalar<'_>)) {
        self.as_slice().visit(each);
    }
}

/// Which way a message goes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Direction {
    /// Towards the server, `"in"`.
    In,
    /// Towards the caller, `"out"`.
    Out,
}

impl Direction {
    /// The word that policies use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Direction::In => "in",
            Direction::Out => "out",
        }
    }
}

/// What is known of a stand-in that came back, for `restore`.
#[derive(Clone, Copy, Debug)]
pub struct Given<'a> {
    /// It was given to the principal who sends it, acted for by the same agent.
    pub same_principal: bool,
    /// It was given for the purpose that it is sent for.
    pub same_purpose: bool,
    /// It goes to the server that the value came from.
    pub same_server: bool,
    /// That server.
    pub origin: &'a str,
    /// The groups that the principal whom it was given to had then.
    pub owner_groups: &'a [Arc<str>],
}

/// What is known of a crossing besides its [`Route`](crate::Route), for `transfer`.
#[derive(Clone, Copy, Debug)]
pub struct Crossing<'a> {
    /// On what ground it may go: `not-needed`, `adequacy`, `bcr`, `scc`, `art49`, `none`.
    pub mechanism: &'a str,
    /// The country and the zones that hold every place concerned.
    pub within: &'a [Region],
    /// Kinds of people that the server's data is about.
    pub categories: &'a [Arc<str>],
}

impl Crossing<'_> {
    /// Whether the law of the origin asks for nothing more: it stays, or goes where that law finds data well protected.
    #[must_use]
    pub fn adequate(&self) -> bool {
        matches!(self.mechanism, "not-needed" | "adequacy")
    }
}

/// What the call brings with it. Regions come from the principal and the snapshot.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The arguments, asked for only when a policy needs them.
    pub arguments: &'a dyn Arguments,
    /// The method's text.
    pub method: &'a str,
    /// Which way the message goes.
    pub direction: Direction,
    /// The purpose stated for the call.
    pub purpose: Option<&'a str>,
    /// The legal basis stated for the call.
    pub legal_basis: Option<&'a str>,
    /// Seconds since 1970, UTC.
    pub now: i64,
    /// What its caller has read.
    pub labels: &'a [Arc<str>],
    /// Classes of data that were found in the message.
    pub classes: &'a [Arc<str>],
    /// Counters of the session, by name.
    pub counters: &'a [(Arc<str>, i64)],
    /// Who has approved exactly this call.
    pub approvals: &'a [Arc<str>],
    /// The stand-in in question, for `restore`.
    pub given: Option<Given<'a>>,
    /// Classes found with numbers of countries that their server is not said to have.
    pub foreign: ClassSet,
    /// The crossing in question, for `transfer`. Without it every policy that asks for it fails, and denies.
    pub crossing: Option<Crossing<'a>>,
}

impl Default for Context<'_> {
    fn default() -> Self {
        Context {
            arguments: &NoArguments,
            method: "",
            direction: Direction::In,
            purpose: None,
            legal_basis: None,
            now: 0,
            labels: &[],
            classes: &[],
            counters: &[],
            approvals: &[],
            given: None,
            foreign: ClassSet::EMPTY,
            crossing: None,
        }
    }
}
