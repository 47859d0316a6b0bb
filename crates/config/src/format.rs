//! The file format, version 1: every key with its kind and one line on what it is for. Defaults are in
//! `resolve`; the test `defaults_are_as_documented` holds the two together.

pub(crate) mod approvals;
pub(crate) mod evidence;
pub(crate) mod identity;
pub(crate) mod masking;
pub(crate) mod residency;
pub(crate) mod server;

use crate::shape::Kind::{
    Address, Count, Duration, Flag, HeaderName, Host, List, Map, Name, Origin, Path, Rate, Region, Secret,
    Size, Table as T, Text, Url, Version, Words,
};
use crate::shape::{Table, key, need};
use approvals::APPROVALS;
use evidence::{EVIDENCE, PROCESSING, SINK};
pub(crate) use identity::IDENTITY;
use masking::MASKING;
use residency::{ATTESTATION, RESIDENCY};
use server::SERVER;

pub(crate) static FILE: Table = Table {
    name: "the configuration",
    keys: &[
        need("version", Version, "Version of this format: 1."),
        need("cell", T(&CELL), "Name and place of this gateway and its log."),
        key("data", Path, "Folder of log, keys and state. Default: ./data"),
        key("listeners", List(&T(&LISTENER)), "Where callers connect. Default: 127.0.0.1:7300 without TLS."),
        key(
            "public_url",
            Url,
            "The address that callers know (RFC 9728 metadata). Default: from the first listener.",
        ),
        key("identity", T(&IDENTITY), "Who may call and how they prove who they are."),
        key("policies", List(&Path), "Policy files, or folders of *.cedar. None: every call is denied."),
        key("servers", Map(&Name, &T(&SERVER)), "The MCP servers behind the gateway, each at /mcp/NAME."),
        key("residency", T(&RESIDENCY), "Where data may be and go: zones, grounds, places of models."),
        key("masking", T(&MASKING), "What replaces values that the policy does not reveal."),
        key("approvals", T(&APPROVALS), "How calls wait for an approval, and who is who."),
        key("limits", T(&LIMITS), "Sizes, counts, times and rates."),
        key("evidence", T(&EVIDENCE), "How evidence is kept."),
        key("telemetry", T(&TELEMETRY), "Logs, metrics and traces of the gateway itself."),
        key("front", T(&crate::front::JOIN), "The front that this gateway joins as a cell. Default: none"),
        key("fronts", List(&T(&crate::front::JOIN)), "Further fronts, each as under `front`. Default: none"),
        key("admin", T(&ADMIN), "The operator's own listener: /metrics and /readyz with details."),
        key("processing", T(&PROCESSING), "What Art. 30 GDPR asks to know of the processing, for reports."),
        key("sinks", Map(&Name, &T(&SINK)), "Where records are streamed to as they become durable."),
        key(
            "reload",
            Words(&["watch", "asked"]),
            "asked: files and SIGHUP change nothing, `carnet reload` does. Default: watch",
        ),
        key("drain", Duration, "How long open calls may run on after SIGTERM. Default: 25s"),
    ],
};

pub(crate) static CELL: Table = Table {
    name: "the cell",
    keys: &[
        key("name", Name, "Short name of the cell. Default: carnet"),
        key("origin", Text, "Origin line of the log's checkpoints. Default: carnet.local/NAME"),
        need(
            "region",
            Region,
            "Where the gateway runs and its log lies: a country (de) or a cloud region (eu-west-2).",
        ),
        key("attestation", T(&ATTESTATION), "What its cloud signs about its place."),
    ],
};

pub(crate) static LISTENER: Table = Table {
    name: "a listener",
    keys: &[
        need("address", Address, "Address and port, such as 127.0.0.1:7300 or [::]:443."),
        key("tls", T(&LISTENER_TLS), "Certificate and key. Without it: plain HTTP."),
        key(
            "plaintext_beyond_loopback",
            Flag,
            "Allow plain HTTP on an address that is not loopback. Default: false",
        ),
        key("hosts", List(&Host), "Accepted Host values besides loopback names and the address itself."),
        key("origins", List(&Origin), "Accepted Origin values (browsers)."),
    ],
};

pub(crate) static LISTENER_TLS: Table = Table {
    name: "TLS of a listener",
    keys: &[
        need("certificate", Path, "PEM file with the certificate chain."),
        need("key", Secret, "PEM private key, as file:PATH or env:NAME."),
        key("client_ca", Path, "PEM roots for client certificates: given, a client certificate is required."),
    ],
};

pub(crate) static LIMITS: Table = Table {
    name: "limits",
    keys: &[
        key("request_body", Size, "Default: 4MiB"),
        key("response_body", Size, "Default: 16MiB"),
        key("headers", Size, "All header fields of a request. Default: 64KiB"),
        key("connections", Count, "Open connections. Default: 1024"),
        key("concurrency", Count, "Calls in work. Default: 512"),
        key("sessions", Count, "Open sessions. Default: 10000"),
        key("session_idle", Duration, "Default: 30m"),
        key("stream_idle", Duration, "Default: 5m"),
        key("request_timeout", Duration, "Default: 60s"),
        key("header_timeout", Duration, "For a request's header to come in. Default: 10s"),
        key("rate", T(&RATES), "Rates for everybody."),
    ],
};

pub(crate) static RATES: Table = Table {
    name: "rates",
    keys: &[
        key("per_principal", Rate, "Calls of one principal, such as 100/s burst 200."),
        key("per_tool", Rate, "Calls of one principal to one tool."),
    ],
};

pub(crate) static TELEMETRY: Table = Table {
    name: "telemetry",
    keys: &[
        key("log", T(&LOG), "The gateway's own log, without content."),
        key("otlp", T(&OTLP), "Where traces and metrics are sent. Default: nowhere."),
    ],
};

pub(crate) static LOG: Table = Table {
    name: "the log",
    keys: &[
        key("level", Words(&["error", "warn", "info", "debug", "trace"]), "Default: info"),
        key("format", Words(&["text", "json"]), "Default: text"),
    ],
};

pub(crate) static OTLP: Table = Table {
    name: "otlp",
    keys: &[
        need("endpoint", Url, "The collector's address (OTLP over HTTP)."),
        need("region", Region, "Where the collector is."),
        key("headers", Map(&HeaderName, &Secret), "Extra headers, as env:NAME or file:PATH."),
        key("allow_plaintext", Flag, "Allow http:// to a host that is not loopback. Default: false"),
    ],
};

pub(crate) static ADMIN: Table = Table {
    name: "admin",
    keys: &[
        need("address", Address, "Address and port, such as 127.0.0.1:7301."),
        key("plaintext_beyond_loopback", Flag, "Allow an address that is not loopback. Default: false"),
    ],
};
