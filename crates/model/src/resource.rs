//! On what something is done.

use std::sync::Arc;

use crate::DataClass;

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
            Resource::Class(_) | Resource::Evidence => None,
        }
    }
}
