//! What reports declare of the processing, and where records are streamed to.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use carnet_model::Region;

use super::SecretRef;

/// What Art. 30 GDPR asks an organisation to know of its processing. Reports set it beside what was recorded.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Processing {
    /// On behalf of others (Art. 30(2)).
    pub is_processor: bool,
    /// Name of the organisation.
    pub organisation: Option<String>,
    /// How it is reached.
    pub contact: Option<String>,
    /// Its representative in the Union.
    pub representative: Option<String>,
    /// Its data protection officer.
    pub officer: Option<String>,
    /// The supervisory authority that it notifies.
    pub authority: Option<String>,
    /// Technical and organisational measures.
    pub measures: Vec<String>,
    /// The activities.
    pub activities: Vec<Activity>,
}

/// One processing activity.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Activity {
    /// Its name.
    pub name: String,
    /// Servers that it uses.
    pub servers: Vec<String>,
    /// Purposes.
    pub purposes: Vec<String>,
    /// Legal basis.
    pub legal_basis: Option<String>,
    /// Categories of data subjects.
    pub subjects: Vec<String>,
    /// Categories of personal data: classes.
    pub classes: Vec<String>,
    /// Categories of recipients.
    pub recipients: Vec<String>,
    /// Places where data is processed, kept or received.
    pub countries: Vec<String>,
    /// What transfers to third countries rest on.
    pub mechanism: Option<String>,
    /// How long data is kept, in words.
    pub keep: Option<String>,
    /// Controllers on whose behalf it is done.
    pub clients: Vec<String>,
}

/// In which form records leave.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SinkFormat {
    /// One JSON object a line, as Carnet names things.
    Json,
    /// OCSF 1.8.
    Ocsf,
    /// Elastic Common Schema.
    Ecs,
    /// ArcSight Common Event Format.
    Cef,
    /// OTLP logs as JSON.
    Otlp,
}

impl SinkFormat {
    /// The word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            SinkFormat::Json => "json",
            SinkFormat::Ocsf => "ocsf",
            SinkFormat::Ecs => "ecs",
            SinkFormat::Cef => "cef",
            SinkFormat::Otlp => "otlp",
        }
    }
}

/// Where a sink is reached.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SinkTarget {
    /// A file that is appended to.
    File(PathBuf),
    /// Syslog (RFC 5424) over TCP with octet counting (RFC 6587), or over TLS (RFC 5425).
    Syslog {
        /// Host name or address.
        host: String,
        /// Port.
        port: u16,
        /// Over TLS.
        tls: bool,
    },
    /// HTTP POST.
    Http(String),
}

/// A receiver of records.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sink {
    /// Its name.
    pub name: Arc<str>,
    /// Where it is reached.
    pub target: SinkTarget,
    /// In which form.
    pub format: SinkFormat,
    /// Where it is: policies decide what may go there.
    pub region: Region,
    /// Extra headers of an HTTP sink, lower-case names.
    pub headers: BTreeMap<String, SecretRef>,
    /// PEM roots to trust instead of the system's.
    pub ca: Option<PathBuf>,
    /// While it is down, calls are refused.
    pub blocks: bool,
}
