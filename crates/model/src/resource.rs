//! On what something is done.

use std::sync::Arc;

use crate::DataClass;

/// A call that waits for an approval, as policies of `approve` and `breakglass` see it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct HeldCall {
    /// The tool, prompt or resource, or the server.
    pub on: Resource,
    /// The method.
    pub method: Arc<str>,
    /// The approval that is asked for, as `@hold` names it.
    pub hold: Arc<str>,
    /// Who asks, `issuer|subject`.
    pub requester: Arc<str>,
    /// Classes of data in its arguments, or in its result where that is what waits.
    pub classes: Vec<Arc<str>>,
    /// It was asked again, louder.
    pub escalated: bool,
    /// It has run, and its result waits.
    pub result: bool,
}

/// The object of an action. Policies name these as `Tool::"crm.export_customers"`: server and name joined by a dot.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Resource {
    /// An upstream as a whole (initialize, lists, ping, notifications).
    Server(Arc<str>),
    /// A tool of a server.
    Tool {
        /// The server's name in the configuration.
        server: Arc<str>,
        /// The tool's name as the server gives it.
        name: Arc<str>,
    },
    /// A resource of a server.
    Resource {
        /// The server's name in the configuration.
        server: Arc<str>,
        /// The resource's URI.
        uri: Arc<str>,
    },
    /// A prompt of a server.
    Prompt {
        /// The server's name in the configuration.
        server: Arc<str>,
        /// The prompt's name as the server gives it.
        name: Arc<str>,
    },
    /// A class of data, for `reveal` and `transfer`.
    Class(DataClass),
    /// A call that waits for an approval.
    Held(Arc<HeldCall>),
    /// The evidence log itself.
    Evidence,
}

impl Resource {
    /// The name within its type, as policies write it.
    #[must_use]
    pub fn id(&self) -> String {
        match self {
            Resource::Server(s) => s.to_string(),
            Resource::Tool { server, name } | Resource::Prompt { server, name } => format!("{server}.{name}"),
            Resource::Resource { server, uri } => format!("{server}.{uri}"),
            Resource::Class(c) => c.name().to_owned(),
            Resource::Held(held) => held.on.id(),
            Resource::Evidence => "log".to_owned(),
        }
    }

    /// The Cedar type, without a namespace.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Resource::Server(_) => "Server",
            Resource::Tool { .. } => "Tool",
            Resource::Resource { .. } => "Resource",
            Resource::Prompt { .. } => "Prompt",
            Resource::Class(_) => "DataClass",
            Resource::Held(_) => "HeldCall",
            Resource::Evidence => "Evidence",
        }
    }

    /// The server it belongs to.
    #[must_use]
    pub fn server(&self) -> Option<&Arc<str>> {
        match self {
            Resource::Server(s) => Some(s),
            Resource::Tool { server, .. }
            | Resource::Resource { server, .. }
            | Resource::Prompt { server, .. } => Some(server),
            Resource::Held(held) => held.on.server(),
            Resource::Class(_) | Resource::Evidence => None,
        }
    }
}
