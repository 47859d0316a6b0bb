//! The file format, version 1: every key with its kind and one line on what it is for. Defaults are in
//! `resolve`; the test `defaults_are_as_documented` holds the two together.

use crate::shape::Kind::{
    Address, Claim, Class, Count, Decimal, Duration, EnvValue, Flag, HeaderName, Host, List, Map, Name,
    Origin, Path, Rate, Region, Secret, Sha256, Size, Table as T, Text, Time, Url, Variable, Version, Words,
};
use crate::shape::{Table, key, need};

pub(crate) const ALGORITHMS: &[&str] =
    &["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"];
pub(crate) const TRANSFORMS: &[&str] = carnet_model::Transform::WORDS;
pub(crate) const NAMES: &[&str] = &["keys", "light"];
pub(crate) const BINARY_ACTIONS: &[&str] = &["pass", "strip", "inspect", "withhold"];
pub(crate) const ON_FAILURE: &[&str] = &["withhold", "pass"];
pub(crate) const RETENTION_PRESETS: &[&str] = &["ai-act", "pci", "hipaa"];
pub(crate) const VALIDATORS: &[&str] = &[
    "luhn",
    "verhoeff",
    "damm",
    "mod97",
    "iban",
    "mod11",
    "mod11-weights-2-7",
    "mod11-2",
    "mod11-10",
    "mod37-36",
    "gs1",
];
pub(crate) const OCCASIONS: &[&str] = crate::resolved::Occasion::WORDS;
pub(crate) const KINDS: &[&str] = &["user", "workload"];

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
        key(
            "residency",
            T(&crate::borders::RESIDENCY),
            "Where data may be and go: zones, grounds, places of models.",
        ),
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

static CELL: Table = Table {
    name: "the cell",
    keys: &[
        key("name", Name, "Short name of the cell. Default: carnet"),
        key("origin", Text, "Origin line of the log's checkpoints. Default: carnet.local/NAME"),
        need(
            "region",
            Region,
            "Where the gateway runs and its log lies: a country (de) or a cloud region (eu-west-2).",
        ),
        key("attestation", T(&crate::borders::ATTESTATION), "What its cloud signs about its place."),
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

pub(crate) static IDENTITY: Table = Table {
    name: "identity",
    keys: &[
        key("issuers", List(&T(&ISSUER)), "OpenID providers whose tokens are accepted."),
        key("tokens", List(&T(&TOKEN)), "Static API tokens; only their hash is written here."),
        key(
            "anonymous",
            T(&ANONYMOUS),
            "Who a caller without a token is. Only if every listener is loopback.",
        ),
    ],
};

static ISSUER: Table = Table {
    name: "an issuer",
    keys: &[
        need("issuer", Url, "The iss value of its tokens, exactly."),
        need("audiences", List(&Text), "Accepted aud values."),
        key("jwks_uri", Url, "Where its keys are. Default: found by discovery."),
        key("algorithms", List(&Words(ALGORITHMS)), "Accepted signature algorithms. Default: [RS256, ES256]"),
        key("claims", T(&CLAIMS), "Which claim says what."),
        key("required_scopes", List(&Text), "Scopes that every token must carry."),
        key("ca", Path, "PEM roots for fetching its keys, instead of the system's."),
        key("region", Region, "Where it is."),
    ],
};

static CLAIMS: Table = Table {
    name: "claims",
    keys: &[
        key("groups", Claim, "Groups. Default: groups"),
        key("subject", Claim, "The stable subject. Default: sub"),
        key("client", Claim, "The client that asked for the token. Default: azp, client_id, cid or appid"),
        key("region", Claim, "Where the caller is."),
        key("purpose", Claim, "What the caller works on."),
        key("actor", Claim, "The agent that acts for the subject. Default: act (RFC 8693)"),
    ],
};

static TOKEN: Table = Table {
    name: "a token",
    keys: &[
        need("name", Name, "Name for logs and errors."),
        need("sha256", Sha256, "SHA-256 of the token, 64 hexadecimal digits. `carnet token new` makes both."),
        need("subject", Text, "The identity's subject."),
        key("kind", Words(KINDS), "Person or program. Default: workload"),
        key("groups", List(&Text), "Groups."),
        need("expires", Time, "From when on it is refused, such as 2027-01-01T00:00:00Z."),
        key("purpose", Text, "What it is used for."),
        key("region", Region, "Where its holder is."),
    ],
};

static ANONYMOUS: Table = Table {
    name: "anonymous",
    keys: &[
        need("subject", Text, "The identity's subject."),
        key("kind", Words(KINDS), "Person or program. Default: user"),
        key("groups", List(&Text), "Groups."),
    ],
};

static SERVER: Table = Table {
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

static DRY_RUN: Table = Table {
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

static SUBJECT: Table = Table {
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

static CREDENTIALS: Table = Table {
    name: "credentials",
    keys: &[
        key("bearer", Secret, "Authorization: Bearer VALUE."),
        key("header", T(&HEADER), "A header of another name."),
        key("oauth", T(&OAUTH), "OAuth client credentials."),
    ],
};

static HEADER: Table = Table {
    name: "a header",
    keys: &[
        need("name", HeaderName, "The header's name."),
        need("value", Secret, "Its whole value, as env:NAME or file:PATH."),
    ],
};

static OAUTH: Table = Table {
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

static UPSTREAM_TLS: Table = Table {
    name: "TLS towards a server",
    keys: &[
        key("ca", Path, "PEM roots to trust instead of the system's."),
        key("certificate", Path, "PEM chain of the client certificate."),
        key("key", Secret, "PEM key of the client certificate, as file:PATH or env:NAME."),
    ],
};

static TIMEOUTS: Table = Table {
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

static SERVER_LIMITS: Table = Table {
    name: "limits of a server",
    keys: &[
        key("response_body", Size, "Largest reply. Default: limits.response_body"),
        key("concurrency", Count, "Calls at once. Default: 64"),
    ],
};

static SERVER_RATE: Table = Table {
    name: "rates of a server",
    keys: &[
        key("per_principal", Rate, "Calls of one principal to this server, such as 100/s burst 200."),
        key("tools", Map(&Text, &Rate), "Calls of one principal to one tool."),
    ],
};

static MASKING: Table = Table {
    name: "masking",
    keys: &[
        key("rules", List(&T(&RULE)), "Recognisers of one's own."),
        key("fingerprints", List(&T(&FINGERPRINTS)), "One's own code and documents: class proprietary."),
        key("allow", List(&T(&ALLOW)), "Values that are never masked."),
        key("disable", List(&Text), "Classes (mac_address) or types (DE_TAX_ID) that are not looked for."),
        key("default", Words(TRANSFORMS), "For classes not named. Default: redact"),
        key("classes", Map(&Class, &Words(TRANSFORMS)), "By data class."),
        key(
            "countries",
            List(&Region),
            "Countries whose national numbers are masked on their check digits alone; others need a key or word too.",
        ),
        key(
            "names",
            Words(NAMES),
            "Names of people, places and organisations: under keys only, or in running text too. Default: light",
        ),
        key("vault", T(&VAULT), "What is kept of values that may come back."),
        key("in", T(&MASKING_IN), "What replaces values on their way to servers, where it differs."),
        key(
            "binary",
            List(&T(&BINARY)),
            "Binary content: the first rule that speaks of its type and size holds.",
        ),
        key("analyzers", List(&T(&ANALYZER)), "Who else is asked about free text."),
    ],
};

static MASKING_IN: Table = Table {
    name: "masking on the way in",
    keys: &[
        key("default", Words(TRANSFORMS), "For classes not named. Default: masking.default"),
        key(
            "classes",
            Map(&Class, &Words(TRANSFORMS)),
            "By data class. Default: masking.classes, unless `default` is given",
        ),
    ],
};

static BINARY: Table = Table {
    name: "a rule for binary content",
    keys: &[
        need("types", List(&Text), "Media types of what it really is, such as image/png or image/*."),
        key("size", Size, "The largest that the rule speaks of. Default: 16MiB"),
        need(
            "action",
            Words(BINARY_ACTIONS),
            "pass, strip (metadata), inspect (the text of documents), withhold.",
        ),
        key(
            "pictures",
            Flag,
            "Inspected documents may hold pictures, which are not looked into. Default: false",
        ),
    ],
};

static ANALYZER: Table = Table {
    name: "an analyzer",
    keys: &[
        need("name", Name, "Its name in messages."),
        need("url", Url, "Where it is; /analyze is put behind it."),
        need("region", Region, "Where data is there: it goes only where `transfer` permits."),
        key("language", Text, "The language that it is asked in. Default: en"),
        key("classes", List(&Class), "What it is asked for. Default: person, location, organisation"),
        key("least", Count, "The least score that counts, in percent. Default: 50"),
        key("timeout", Duration, "How long one text may take. Default: 500ms"),
        key("cache", Count, "Answers remembered, by a keyed hash of the text. Default: 10000"),
        key("on_failure", Words(ON_FAILURE), "Without its answer: withhold or pass. Default: withhold"),
        key("allow_plaintext", Flag, "Allow http:// beyond loopback. Default: false"),
    ],
};

static VAULT: Table = Table {
    name: "the vault",
    keys: &[
        key("keep", Duration, "How long a stand-in can become its value again, at most 90d. Default: 24h"),
        key("entries", Count, "Most values kept at once. Default: 1000000"),
    ],
};

static APPROVALS: Table = Table {
    name: "approvals",
    keys: &[
        key(
            "expires",
            Duration,
            "How long a request waits for approvers, unless @expires says. Default: 30m",
        ),
        key("valid", Duration, "How long an approval can be used, unless @valid says. Default: 10m"),
        key("progress", Duration, "Time between signs of progress to a caller who waits. Default: 12s"),
        key(
            "pending",
            Duration,
            "When a caller without a progress token is told to call again (before 2026-07-28). Default: 45s",
        ),
        key("leg", Duration, "As pending, for one leg of input_required (2026-07-28). Default: 40s"),
        key("legs", Count, "Legs before the caller is told to call again later. Default: 9"),
        key("keep", Duration, "How long a result that was not fetched, or a denial, is kept. Default: 10m"),
        key("most", Count, "Most calls that wait at once. Default: 20000"),
        key("estimate", Duration, "How long a dry run may take (servers.NAME.dry_run). Default: 2s"),
        key(
            "window",
            Duration,
            "Over how long policies see what an actor was given (context.counters). Default: 1h",
        ),
        key(
            "labels",
            Duration,
            "How long what somebody has read is remembered (context.labels). Default: 8h",
        ),
        key(
            "people",
            List(&T(&PERSON)),
            "Accounts of one person, and agents that they own: they count as one.",
        ),
        key("page", Text, "Path of the page and the API, such as /approvals. Default: neither is served"),
        key("login", T(&LOGIN), "How people sign in at the page. Default: only the API is served"),
        key("channels", Map(&Name, &T(&CHANNEL)), "Who is told, by name."),
        key("retry", Duration, "Pause before a message is sent again; it grows. Default: 5s"),
        key("attempts", Count, "How often a message is tried. Default: 9"),
    ],
};

static PERSON: Table = Table {
    name: "a person",
    keys: &[
        need("name", Text, "A name for errors."),
        need("accounts", List(&Text), "Accounts, as ISSUER|SUBJECT: os|uid:1000 for a user of the system."),
    ],
};

static SERVER_MASKING: Table = Table {
    name: "masking of a server",
    keys: &[
        key("countries", List(&Region), "In place of masking.countries."),
        key("disable", List(&Text), "Classes or types not looked for, besides masking.disable."),
        key("allow", List(&T(&ALLOW)), "Values never masked, besides masking.allow."),
    ],
};

static RULE: Table = Table {
    name: "a masking rule",
    keys: &[
        need("name", Name, "Its name in records and reports."),
        key("class", Class, "Class of what it finds, of one's own or built in. Default: its name with `_`."),
        key("pattern", Text, "What to look for: a regular expression with a greatest length."),
        key("ignore_case", Flag, "Small and capital letters are the same. Default: false"),
        key("validator", Words(VALIDATORS), "Check digits that a match must have."),
        key("entropy", Decimal, "Least entropy of a match, in bits for each character, such as 3.5."),
        key("keys", List(&Text), "Names of fields whose value it is, or may be where there is a pattern."),
        key("context", List(&Text), "Words near the value; one of them, or one of the keys, must be there."),
        key("without", List(&Text), "Words near the value; none of them may be there."),
        key("examples", T(&EXAMPLES), "Texts that `carnet check` tries."),
    ],
};

static FINGERPRINTS: Table = Table {
    name: "fingerprints",
    keys: &[
        need("name", Name, "What they were made from, for records."),
        need("file", Path, "The file that `carnet fingerprint` wrote."),
        need("key", Secret, "The key that it was written with, as file:PATH or env:NAME."),
        key("threshold", Count, "Share of a stretch of text, in percent, that must be in it. Default: 50"),
    ],
};

static EXAMPLES: Table = Table {
    name: "examples",
    keys: &[
        key("match", List(&Text), "Texts, or JSON documents, in which the rule must find something."),
        key("no_match", List(&Text), "Texts, or JSON documents, in which it must find nothing."),
    ],
};

static ALLOW: Table = Table {
    name: "an entry of allow",
    keys: &[
        key("values", List(&Text), "Whole values; case does not matter."),
        key("pattern", Text, "A regular expression for whole values; case does not matter."),
        key("classes", List(&Class), "Only where found as these classes. Default: all."),
        need("reason", Text, "Why they may be seen by everybody."),
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

static RATES: Table = Table {
    name: "rates",
    keys: &[
        key("per_principal", Rate, "Calls of one principal, such as 100/s burst 200."),
        key("per_tool", Rate, "Calls of one principal to one tool."),
    ],
};

static EVIDENCE: Table = Table {
    name: "evidence",
    keys: &[
        key(
            "kek",
            Secret,
            "Key that encrypts the cell's keys. Default: one is made beside the data (for a trial).",
        ),
        key("hsm", T(&HSM), "A key in a PKCS #11 device, instead of kek."),
        key("heartbeat", Duration, "A heartbeat record at least this often. Default: 60s"),
        key(
            "checkpoint",
            Duration,
            "A signed checkpoint at most this long after a record, 1s at most. Default: 1s",
        ),
        key("segment", Size, "Size of a segment file. Default: 64MiB"),
        key(
            "subjects",
            T(&SUBJECTS),
            "Whom recordings are about, beside what servers.NAME.subjects points at.",
        ),
        key("retention", T(&RETENTION), "How long evidence is kept."),
        key("backup_horizon", Duration, "How long a backup of the key store may be restored. Default: 30d"),
        key("witness", T(&WITNESS), "Who else signs checkpoints. Default: nobody."),
        key("timestamp", T(&TIMESTAMP), "Who states the time of checkpoints (RFC 3161). Default: nobody."),
    ],
};

static HSM: Table = Table {
    name: "hsm",
    keys: &[
        need("module", Path, "The device's PKCS #11 library."),
        need("token", Text, "Label of the token."),
        need("key", Text, "Label of the AES key in it."),
        need("pin", Secret, "PIN of the user."),
        key("region", Region, "Where the device is. Default: the cell's"),
    ],
};

static WITNESS: Table = Table {
    name: "witness",
    keys: &[
        need("policy", Path, "A file in the form of C2SP tlog-policy, with the URLs of the witnesses."),
        key("every", Duration, "How often a checkpoint is submitted. Default: 60s"),
        key("regions", List(&Region), "Where the witnesses are, all of them."),
        key("ca", Path, "PEM roots for https. Default: the system's."),
        key("allow_plaintext", Flag, "Allow http:// to a host that is not loopback. Default: false"),
    ],
};

static TIMESTAMP: Table = Table {
    name: "timestamp",
    keys: &[
        need("url", Url, "Address of the time stamp authority."),
        key("every", Duration, "How often a checkpoint is stamped. Default: 1h"),
        key("region", Region, "Where it is."),
        key("ca", Path, "PEM roots for https. Default: the system's."),
        key("allow_plaintext", Flag, "Allow http:// to a host that is not loopback. Default: false"),
    ],
};

static SUBJECTS: Table = Table {
    name: "subjects",
    keys: &[key(
        "detected",
        List(&Class),
        "Classes whose values name a person. Default: email, phone, iban and the national, tax, health and passport numbers.",
    )],
};

static RETENTION: Table = Table {
    name: "retention",
    keys: &[
        key("preset", Words(RETENTION_PRESETS), "ai-act: 183 days; pci: 366 days; hipaa: 2192 days."),
        key("keep", Duration, "How long instead of a preset. Default: for ever"),
        key("acts", Duration, "How long records of what operators did are kept at least."),
        key("approvals", Duration, "How long records of approvals are kept at least."),
    ],
};

static LOGIN: Table = Table {
    name: "the login of the page",
    keys: &[
        need("issuer", Url, "The provider: one of identity.issuers."),
        need("client_id", Text, "This gateway, as the provider knows it."),
        key("client_secret", Secret, "Its secret, as env:NAME or file:PATH. Default: a public client"),
        key("scopes", List(&Text), "Scopes to ask for besides openid."),
        key("fresh", Duration, "How old a login may be that counts as fresh. Default: 5m"),
        key("acr", List(&Text), "Classes of authentication that count as fresh. Default: any"),
    ],
};

static CHANNEL: Table = Table {
    name: "a channel",
    keys: &[
        need("region", Region, "Where what is sent ends up. `transfer` decides whether content goes there."),
        key(
            "on",
            List(&Words(OCCASIONS)),
            "What it is told of. Default: everything; for pagerduty what is urgent.",
        ),
        key("slack", T(&SLACK), "Slack: a message with buttons."),
        key("teams", T(&TEAMS), "Microsoft Teams: a card by the webhook of a workflow."),
        key("email", T(&EMAIL), "E-mail with a link to the page."),
        key("webhook", T(&WEBHOOK), "A webhook signed as in Standard Webhooks."),
        key("pagerduty", T(&PAGERDUTY), "PagerDuty's Events API, or what speaks as it does."),
    ],
};

static SLACK: Table = Table {
    name: "a Slack channel",
    keys: &[
        need("token", Secret, "The bot's token, as env:NAME or file:PATH."),
        need("signing_secret", Secret, "What Slack signs its requests with, as env:NAME or file:PATH."),
        need("channel", Text, "The conversation's id, such as C0123456789."),
        key("people", List(&T(&CHAT_PERSON)), "Which account is who. Others have no vote."),
        key("api", Url, "Where Slack's methods are. Default: https://slack.com/api"),
    ],
};

static CHAT_PERSON: Table = Table {
    name: "a person in a chat",
    keys: &[
        need("user", Text, "Their account in the chat, such as U0123456789."),
        need("subject", Text, "Their stable subject at the provider."),
        key("issuer", Url, "The provider. Default: the only one of identity.issuers"),
        key("groups", List(&Text), "Groups: a chat brings no token that could say."),
    ],
};

static TEAMS: Table = Table {
    name: "a Teams channel",
    keys: &[need(
        "url",
        Secret,
        "The workflow's webhook, as env:NAME or file:PATH: its address is a secret.",
    )],
};

static EMAIL: Table = Table {
    name: "e-mail",
    keys: &[
        need("server", Text, "HOST:PORT of the mail server."),
        key("security", Words(&["tls", "starttls", "plain"]), "plain on loopback only. Default: tls"),
        key("username", Text, "Who signs in there."),
        key("password", Secret, "With what, as env:NAME or file:PATH."),
        need("from", Text, "The sender."),
        need("to", List(&Text), "The recipients; each gets a mail of their own."),
    ],
};

static WEBHOOK: Table = Table {
    name: "a webhook",
    keys: &[
        need("url", Url, "Where it is sent."),
        need("secret", Secret, "whsec_BASE64, as env:NAME or file:PATH."),
    ],
};

static PAGERDUTY: Table = Table {
    name: "a PagerDuty channel",
    keys: &[
        need("routing_key", Secret, "The integration's key, as env:NAME or file:PATH."),
        key("url", Url, "Default: https://events.pagerduty.com/v2/enqueue"),
    ],
};

pub(crate) static TELEMETRY: Table = Table {
    name: "telemetry",
    keys: &[
        key("log", T(&LOG), "The gateway's own log, without content."),
        key("otlp", T(&OTLP), "Where traces and metrics are sent. Default: nowhere."),
    ],
};

static LOG: Table = Table {
    name: "the log",
    keys: &[
        key("level", Words(&["error", "warn", "info", "debug", "trace"]), "Default: info"),
        key("format", Words(&["text", "json"]), "Default: text"),
    ],
};

static OTLP: Table = Table {
    name: "otlp",
    keys: &[
        need("endpoint", Url, "The collector's address (OTLP over HTTP)."),
        need("region", Region, "Where the collector is."),
        key("headers", Map(&HeaderName, &Secret), "Extra headers, as env:NAME or file:PATH."),
        key("allow_plaintext", Flag, "Allow http:// to a host that is not loopback. Default: false"),
    ],
};

static PROCESSING: Table = Table {
    name: "processing",
    keys: &[
        key("role", Words(&["controller", "processor"]), "Default: controller"),
        key("organisation", Text, "Name of the organisation."),
        key("contact", Text, "How it is reached."),
        key("representative", Text, "Its representative in the Union (Art. 27)."),
        key("officer", Text, "Its data protection officer."),
        key("authority", Text, "The supervisory authority that it notifies."),
        key("measures", List(&Text), "Technical and organisational measures."),
        key("activities", List(&T(&ACTIVITY)), "Processing activities. Default: one for each server."),
    ],
};

static ACTIVITY: Table = Table {
    name: "an activity",
    keys: &[
        need("name", Text, "Its name."),
        need("servers", List(&Name), "Servers that it uses."),
        key("purposes", List(&Text), "Purposes."),
        key("legal_basis", Text, "Legal basis."),
        key("subjects", List(&Text), "Categories of data subjects."),
        key("classes", List(&Class), "Categories of personal data."),
        key("recipients", List(&Text), "Categories of recipients."),
        key("countries", List(&Region), "Where data is processed, kept or received."),
        key("mechanism", Text, "What transfers to third countries rest on."),
        key("keep", Text, "How long data is kept, in words."),
        key("clients", List(&Text), "Controllers on whose behalf it is done."),
    ],
};

static SINK: Table = Table {
    name: "a sink",
    keys: &[
        key("file", Path, "A file that is appended to. One of file, syslog, url."),
        key("syslog", Text, "A syslog receiver (RFC 5424): tls://HOST:PORT, or tcp://HOST:PORT."),
        key("url", Url, "Where batches are posted to."),
        key(
            "format",
            Words(&["json", "ocsf", "ecs", "cef", "otlp"]),
            "Default: cef for syslog, else json; otlp for url only.",
        ),
        need("region", Region, "Where the receiver is. Policies decide what may go there."),
        key("headers", Map(&HeaderName, &Secret), "Extra headers, as env:NAME or file:PATH."),
        key("ca", Path, "PEM roots to trust instead of the system's."),
        key("allow_plaintext", Flag, "Allow a connection without TLS beyond loopback. Default: false"),
        key(
            "when_down",
            Words(&["wait", "block"]),
            "block: calls are refused while it is down. Default: wait",
        ),
    ],
};

pub(crate) static ADMIN: Table = Table {
    name: "admin",
    keys: &[
        need("address", Address, "Address and port, such as 127.0.0.1:7301."),
        key("plaintext_beyond_loopback", Flag, "Allow an address that is not loopback. Default: false"),
    ],
};
