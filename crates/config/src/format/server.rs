//! Keys of servers: how each is reached, with which credentials, within which limits.

use super::masking::SERVER_MASKING;
use crate::shape::Kind::{
    Class, Count, Duration, EnvValue, Flag, HeaderName, List, Map, Name, Path, Rate, Region, Secret, Size,
    Table as T, Text, Url, Variable, Words,
};
use crate::shape::{Table, key, need};

pub(crate) static SERVER: Table = Table {
    name: "a server",
    keys: &[
        key("url", Url, "Address of a server over HTTP. Either this or command."),
        key("transport", Words(&["streamable-http", "http+sse"]), "Default: streamable-http"),
        key("allow_plaintext", Flag, "Allow http:// to a host that is not loopback. Default: false"),
        key("credentials", T(&CREDENTIALS), "What Carnet shows the server."),
        key("tls", T(&UPSTREAM_TLS), "TLS towards the server."),
        key("idle_connections", Count, "Connections kept open. Default: 32"),
        key("command", List(&Text), "Program and arguments of a stdio server. Either this or url."),
        key(
            "environment",
            Map(&Variable, &EnvValue),
            "The child's environment: env:NAME, file:PATH or value:TEXT.",
        ),
        key("inherit", List(&Variable), "Variables taken over from the gateway. Default: [PATH, HOME]"),
        key("directory", Path, "The child's working folder."),
        key(
            "region",
            Region,
            "Where the server processes data. Default: the cell's for command, unknown for url.",
        ),
        key("origin", Region, "Whose law its data is under. Default: region"),
        key("classes", List(&Class), "Classes of data that it gives out; others are reported as drift."),
        key("data_countries", List(&Region), "Countries whose numbers it gives out; others are reported."),
        key("subject_categories", List(&Text), "Whom its data is about, such as patients."),
        key("purpose", Text, "What calls to it are for, unless the token says so."),
        key("legal_basis", Text, "On which legal basis."),
        key(
            "labels",
            List(&Text),
            "Labels that policies may test, and that whoever reads its results has (context.labels).",
        ),
        key("tool_labels", List(&T(&TOOL_LABELS)), "What whoever reads results of single tools has besides."),
        key(
            "subjects",
            List(&T(&SUBJECT)),
            "Where its messages name a person, so that their data can be found and erased.",
        ),
        key(
            "dry_run",
            List(&T(&DRY_RUN)),
            "How to ask what a call that waits for an approval would return. Default: it is not asked",
        ),
        key(
            "retention",
            Duration,
            "How long recordings of calls to it can be read. Default: evidence.retention",
        ),
        key("masking", T(&SERVER_MASKING), "What differs from the general masking."),
        key("timeouts", T(&TIMEOUTS), "Times."),
        key("limits", T(&SERVER_LIMITS), "Sizes and counts."),
        key("rate", T(&SERVER_RATE), "Rates."),
    ],
};

static TOOL_LABELS: Table = Table {
    name: "labels of tools",
    keys: &[
        need("tools", List(&Text), "The tools."),
        need("labels", List(&Text), "What whoever reads their results has: context.labels."),
    ],
};

pub(crate) static DRY_RUN: Table = Table {
    name: "a dry run",
    keys: &[
        need("tool", Text, "The tool whose calls wait."),
        key(
            "with",
            Text,
            "A tool of the same server that takes the same arguments and counts. This or argument.",
        ),
        key("argument", Text, "An argument of the tool itself that makes it only try when it is true."),
        key(
            "read_only",
            Flag,
            "It changes nothing, whatever the server says. Default: what the definition says (readOnlyHint)",
        ),
    ],
};

pub(crate) static SUBJECT: Table = Table {
    name: "a subject",
    keys: &[
        need(
            "at",
            Text,
            "Where the reference stands, such as $.arguments.customer_id or $.result.structuredContent.id.",
        ),
        key(
            "kind",
            Name,
            "What the reference is called, as in `carnet subject find KIND=VALUE`. Default: ref",
        ),
        key("tools", List(&Text), "Tools it holds for. Default: all messages of the server."),
    ],
};

pub(crate) static CREDENTIALS: Table = Table {
    name: "credentials",
    keys: &[
        key("bearer", Secret, "Authorization: Bearer VALUE."),
        key("header", T(&HEADER), "A header of another name."),
        key("oauth", T(&OAUTH), "OAuth client credentials."),
    ],
};

pub(crate) static HEADER: Table = Table {
    name: "a header",
    keys: &[
        need("name", HeaderName, "The header's name."),
        need("value", Secret, "Its whole value, as env:NAME or file:PATH."),
    ],
};

pub(crate) static OAUTH: Table = Table {
    name: "oauth",
    keys: &[
        need("token_url", Url, "Token endpoint."),
        need("client_id", Text, "Client identifier."),
        need("client_secret", Secret, "Client secret, as env:NAME or file:PATH."),
        key("scope", Text, "Scopes, separated by spaces."),
        key("resource", Text, "Resource indicator (RFC 8707)."),
        key("audience", Text, "Audience (Auth0)."),
        key("auth", Words(&["basic", "post"]), "How the client shows its secret. Default: basic"),
        key("region", Region, "Where the token endpoint is."),
    ],
};

pub(crate) static UPSTREAM_TLS: Table = Table {
    name: "TLS towards a server",
    keys: &[
        key("ca", Path, "PEM roots to trust instead of the system's."),
        key("certificate", Path, "PEM chain of the client certificate."),
        key("key", Secret, "PEM key of the client certificate, as file:PATH or env:NAME."),
    ],
};

pub(crate) static TIMEOUTS: Table = Table {
    name: "timeouts",
    keys: &[
        key(
            "connect",
            Duration,
            "For a connection, or the stream of an HTTP+SSE server to open. Default: 10s",
        ),
        key("request", Duration, "For a request. Default: limits.request_timeout"),
        key("stream_idle", Duration, "For a silent stream. Default: limits.stream_idle"),
    ],
};

pub(crate) static SERVER_LIMITS: Table = Table {
    name: "limits of a server",
    keys: &[
        key("response_body", Size, "Largest reply. Default: limits.response_body"),
        key("concurrency", Count, "Calls at once. Default: 64"),
    ],
};

pub(crate) static SERVER_RATE: Table = Table {
    name: "rates of a server",
    keys: &[
        key("per_principal", Rate, "Calls of one principal to this server, such as 100/s burst 200."),
        key("tools", Map(&Text, &Rate), "Calls of one principal to one tool."),
    ],
};
