//! What a user sees for each kind of mistake, down to the underline.

use expect_test::{Expect, expect};

use super::read;
use crate::{Config, render};

/// A file that is fine, with `more` after it.
fn with(more: &str) -> String {
    format!("version: 1\ncell: {{ region: de }}\n{more}\n")
}

fn shows(text: &str, expected: Expect) {
    let found = read(text).expect_err("the text has a mistake");
    expected.assert_eq(&render(&found));
}

fn config(text: &str) -> Config {
    match read(text) {
        Ok(loaded) => loaded.config,
        Err(found) => panic!("{}", render(&found)),
    }
}

#[test]
fn invariant_8_an_unknown_key_refuses_to_start() {
    shows(
        &with("listners:\n  - address: 127.0.0.1:7300"),
        expect![[r#"
            carnet.yaml:3:1: unknown key `listners` in the configuration
              |
            3 | listners:
              | ^^^^^^^^
              = help: did you mean `listeners`?
        "#]],
    );
}

#[test]
fn unknown_key_within() {
    shows(
        &with("limits: { request_bodi: 4MiB, x: 1 }"),
        expect![[r#"
            carnet.yaml:3:11: unknown key `request_bodi` in limits
              |
            3 | limits: { request_bodi: …
              |           ^^^^^^^^^^^^
              = help: did you mean `request_body`?

            carnet.yaml:3:31: unknown key `x` in limits
              = help: one of: request_body, response_body, headers, connections, concurrency, sessions, session_idle, stream_idle, request_timeout, header_timeout, rate
        "#]],
    );
}

#[test]
fn duplicate_key() {
    shows(
        &with("drain: 1s\ndata: ./x\ndrain: 2s"),
        expect![[r#"
            carnet.yaml:5:1: duplicate key `drain`
              |
            5 | drain: …
              | ^^^^^
              = help: it is already given in line 3
        "#]],
    );
}

#[test]
fn wrong_version() {
    shows(
        "version: 2\ncell: { region: de }\n",
        expect![[r#"
            carnet.yaml:1:10: version `2` is not known
              |
            1 | version: 2
              |          ^
              = help: this program reads version 1
        "#]],
    );
}

#[test]
fn missing_required() {
    shows(
        &with("identity:\n  issuers:\n    - issuer: https://login.example.eu"),
        expect![[r#"
            carnet.yaml:5:7: an issuer lacks `audiences`
              |
            5 |     - issuer: https://login.example.eu
              |       ^
              = help: Accepted aud values.
        "#]],
    );
}

#[test]
fn no_unit() {
    shows(
        &with("drain: 25\nlimits: { request_body: 4096, rate: { per_principal: 100 } }"),
        expect![[r#"
            carnet.yaml:3:8: `drain` needs a unit
              |
            3 | drain: 25
              |        ^^
              = help: write `25ms`, `25s` or `25m`

            carnet.yaml:4:25: `request_body` needs a unit
              |
            4 | limits: { request_body: 4096, rate: { per_principal: 100 } }
              |                         ^^^^
              = help: write `4096B`, `4096KiB` or `4096MiB`

            carnet.yaml:4:54: `per_principal` needs a unit
              |
            4 | limits: { request_body: 4096, rate: { per_principal: 100 } }
              |                                                      ^^^
              = help: write `100/s` or `100/m`
        "#]],
    );
}

#[test]
fn bad_unit() {
    shows(
        &with("drain: 25 sec\nlimits: { request_body: 4 megs }"),
        expect![[r#"
            carnet.yaml:3:8: `25 sec` is not a duration
              |
            3 | drain: 25 sec
              |        ^^^^^^
              = help: such as `250ms`, `30s`, `5m` or `2h`

            carnet.yaml:4:25: `4 megs` is not a size
              |
            4 | limits: { request_body: 4 megs }
              |                         ^^^^^^
              = help: such as `512B`, `64KiB` or `4MiB`
        "#]],
    );
}

#[test]
fn inline_secret() {
    shows(
        &with(
            "servers:\n  crm:\n    url: https://crm.internal/mcp\n    credentials: { bearer: s3cret-value }",
        ),
        expect![[r#"
            carnet.yaml:6:28: `bearer` must be a reference to the secret, not the secret itself
              |
            6 |     credentials: { bearer: …
              |                            ^
              = help: write `env:NAME` or `file:PATH`
        "#]],
    );
}

#[test]
fn misspelt_secret_key() {
    shows(
        &with(
            "servers:\n  crm:\n    url: https://crm.internal/mcp\n    credentials: { bearrer: s3cret-value }",
        ),
        expect![[r#"
            carnet.yaml:6:20: unknown key `bearrer` in credentials
              |
            6 |     credentials: { bearrer: …
              |                    ^^^^^^^
              = help: did you mean `bearer`?
        "#]],
    );
}

#[test]
fn credentials_in_url() {
    shows(
        &with("servers:\n  crm: { url: 'https://user:pass@crm.internal/mcp' }"),
        expect![[r#"
            carnet.yaml:4:15: `url` carries credentials
              |
            4 |   crm: { url: …
              |               ^
              = help: write them as `credentials`, by reference
        "#]],
    );
}

#[test]
fn both_or_neither_transport() {
    shows(
        &with(
            "servers:\n  a: { region: de }\n  b: { url: https://b.example, command: [b] }\n  c: { command: [c], tls: { ca: x.pem } }",
        ),
        expect![[r#"
            carnet.yaml:4:3: `a` needs `url` or `command`
              |
            4 |   a: { region: de }
              |   ^
              = help: `url` for a server over HTTP, `command` for a stdio server

            carnet.yaml:5:32: both `url` and `command`
              |
            5 |   b: { url: https://b.example, command: [b] }
              |                                ^^^^^^^
              = help: `url` for a server over HTTP, `command` for a stdio server

            carnet.yaml:6:22: `tls` belongs to servers with `url`
              |
            6 |   c: { command: [c], tls: { ca: x.pem } }
              |                      ^^^
        "#]],
    );
}

#[test]
fn server_name() {
    shows(
        &with("servers:\n  CRM_1: { url: https://crm.internal/mcp }"),
        expect![[r#"
            carnet.yaml:4:3: `CRM_1` is not a name
              |
            4 |   CRM_1: { url: https://crm.internal/mcp }
              |   ^^^^^
              = help: small letters, digits and hyphens, such as `crm-eu`
        "#]],
    );
}

#[test]
fn data_class() {
    shows(
        &with("masking: { classes: { emial: token, iban: keep-last-four } }"),
        expect![[r#"
            carnet.yaml:3:23: `emial` is not a data class
              |
            3 | masking: { classes: { emial: token, iban: keep-last-four } }
              |                       ^^^^^
              = help: did you mean `email`?

            carnet.yaml:3:43: `keep-last-four` is not accepted for `iban`
              |
            3 | masking: { classes: { emial: token, iban: keep-last-four } }
              |                                           ^^^^^^^^^^^^^^
              = help: did you mean `keep-last-2`?
        "#]],
    );
}

#[test]
fn region_syntax() {
    shows(
        &with("servers:\n  a: { url: https://a.example, region: 'Germany, Berlin' }"),
        expect![[r#"
            carnet.yaml:4:40: `Germany, Berlin` is not a region
              |
            4 |   a: { url: https://a.example, region: 'Germany, Berlin' }
              |                                        ^^^^^^^^^^^^^^^^^
              = help: a country such as `de`, a subdivision such as `us-ca` or a cloud region such as `eu-west-2`
        "#]],
    );
}

#[test]
fn anonymous_beyond_loopback() {
    shows(
        &with(
            "listeners: [{ address: 0.0.0.0:7300, plaintext_beyond_loopback: true }]\nidentity:\n  anonymous: { subject: dev }",
        ),
        expect![[r#"
            carnet.yaml:5:3: anonymous callers are only accepted when every listener is loopback
              |
            5 |   anonymous: { subject: dev }
              |   ^^^^^^^^^
              = help: take out `anonymous`, or bind every listener to 127.0.0.1 or [::1]
        "#]],
    );
}

#[test]
fn plaintext_beyond_loopback() {
    shows(
        &with("listeners:\n  - address: 0.0.0.0:7300\nadmin: { address: 10.0.0.1:7301 }"),
        expect![[r#"
            carnet.yaml:4:14: plain HTTP beyond loopback
              |
            4 |   - address: 0.0.0.0:7300
              |              ^^^^^^^^^^^^
              = help: give it `tls`, or allow it by `plaintext_beyond_loopback: true`

            carnet.yaml:5:19: the admin listener is plain HTTP beyond loopback
              |
            5 | admin: { address: 10.0.0.1:7301 }
              |                   ^^^^^^^^^^^^^
              = help: choose 127.0.0.1, or allow it by `plaintext_beyond_loopback: true`
        "#]],
    );
}

#[test]
fn plaintext_upstream() {
    shows(
        &with("servers:\n  crm: { url: http://crm.internal/mcp }"),
        expect![[r#"
            carnet.yaml:4:15: plain HTTP beyond loopback
              |
            4 |   crm: { url: http://crm.internal/mcp }
              |               ^^^^^^^^^^^^^^^^^^^^^^^
              = help: use https, or allow it by `allow_plaintext: true`
        "#]],
    );
}

#[test]
fn duplicate_tokens() {
    shows(
        &with(
            "identity:\n  tokens:\n    - { name: ci, sha256: abababababababababababababababababababababababababababababababab, subject: ci, expires: 2030-01-01 }\n    - { name: ci, sha256: abababababababababababababababababababababababababababababababab, subject: cd, expires: 2030-01-01 }",
        ),
        expect![[r#"
            carnet.yaml:6:15: two tokens have the same `name`
              |
            6 |     - { name: ci, sha256: abababababababababababababababababababababababababababababababab, subject: cd, expires: 2030-01-01 }
              |               ^^
              = help: the other one is in line 5

            carnet.yaml:6:27: two tokens have the same `sha256`
              |
            6 |     - { name: ci, sha256: abababababababababababababababababababababababababababababababab, subject: cd, expires: 2030-01-01 }
              |                           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
              = help: the other one is in line 5
        "#]],
    );
}

#[test]
fn hmac_algorithm() {
    shows(
        &with(
            "identity:\n  issuers:\n    - { issuer: https://login.example.eu, audiences: [], algorithms: [HS256, none] }",
        ),
        expect![[r#"
            carnet.yaml:5:43: `audiences` is empty
              |
            5 |     - { issuer: https://login.example.eu, audiences: [], algorithms: [HS256, none] }
              |                                           ^^^^^^^^^
              = help: a token for anybody would be accepted: name this gateway's audience

            carnet.yaml:5:71: `HS256` is not accepted for `algorithms`
              |
            5 |     - { issuer: https://login.example.eu, audiences: [], algorithms: [HS256, none] }
              |                                                                       ^^^^^
              = help: did you mean `RS256`?

            carnet.yaml:5:78: `none` is not accepted for `algorithms`
              |
            5 |     - { issuer: https://login.example.eu, audiences: [], algorithms: [HS256, none] }
              |                                                                              ^^^^
              = help: one of: RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA
        "#]],
    );
}

#[test]
fn wrong_shapes() {
    shows(
        &with("listeners: 127.0.0.1:7300\ndrain: [1s]\nmasking: redact\ndata:"),
        expect![[r#"
            carnet.yaml:3:12: `listeners` must be a list, found a single value
              |
            3 | listeners: 127.0.0.1:7300
              |            ^^^^^^^^^^^^^^
              = help: put it in brackets: [ ]

            carnet.yaml:4:8: `drain` must be a single value, found a list
              |
            4 | drain: [1s]
              |        ^

            carnet.yaml:5:10: `masking` must be a mapping, found a single value
              |
            5 | masking: …
              |          ^
              = help: its keys: rules, fingerprints, allow, disable, default, classes, countries, names, vault, in, binary, analyzers

            carnet.yaml:6:1: `data` has no value
              |
            6 | data:
              | ^^^^
        "#]],
    );
}

#[test]
fn truth_values() {
    shows(
        &with("servers:\n  a: { url: https://a.example, allow_plaintext: yes }"),
        expect![[r#"
            carnet.yaml:4:49: `yes` is not `true` or `false`
              |
            4 |   a: { url: https://a.example, allow_plaintext: yes }
              |                                                 ^^^
              = help: write `true` or `false` without quotes
        "#]],
    );
}

#[test]
fn not_yaml() {
    shows(
        &with("servers:\n  a: { url: https://a.example\nlimits: }"),
        expect![[r#"
        carnet.yaml:5:7: this is not valid YAML
          |
        5 | limits: …
          |       ^
          = help: check the indentation, quotes and brackets here and in the line before
    "#]],
    );
}

#[test]
fn tab_indentation() {
    shows(
        &with("servers:\n\ta: { url: https://a.example }"),
        expect![[r#"
        carnet.yaml:4:2: this is not valid YAML
          |
        4 | 	a: …
          | 	^
          = help: check the indentation, quotes and brackets here and in the line before
    "#]],
    );
}

#[test]
fn alias() {
    shows(
        &with("data: &d ./x\ndrain: *d"),
        expect![[r#"
            carnet.yaml:3:7: anchors are not accepted
              |
            3 | data: …
              |       ^
              = help: a value that begins with `&` needs quotes

            carnet.yaml:4:8: aliases are not accepted
              |
            4 | drain: …
              |        ^
              = help: write the value out
        "#]],
    );
}

#[test]
fn tag() {
    shows(
        &with("data: !include x"),
        expect![[r#"
            carnet.yaml:3:7: tags are not accepted
              |
            3 | data: …
              |       ^
              = help: a value that begins with `!` needs quotes
        "#]],
    );
}

#[test]
fn empty() {
    shows(
        "# nothing\n",
        expect![[r#"
        carnet.yaml:1:1: the file is empty
          |
        1 | # nothing
          | ^
          = help: it starts with `version: 1`
    "#]],
    );
}

#[test]
fn all_at_once_in_the_order_of_the_text() {
    shows(
        &with(
            "drain: 1\nlistners: []\nmasking: { default: redcat }\nservers: { Crm: { url: nowhere, timeouts: { connect: 0s } } }",
        ),
        expect![[r#"
            carnet.yaml:3:8: `drain` needs a unit
              |
            3 | drain: 1
              |        ^
              = help: write `1ms`, `1s` or `1m`

            carnet.yaml:4:1: unknown key `listners` in the configuration
              |
            4 | listners: []
              | ^^^^^^^^
              = help: did you mean `listeners`?

            carnet.yaml:5:21: `redcat` is not accepted for `default`
              |
            5 | masking: { default: redcat }
              |                     ^^^^^^
              = help: did you mean `redact`?

            carnet.yaml:6:12: `Crm` is not a name
              |
            6 | servers: { Crm: { url: nowhere, timeouts: { connect: 0s } } }
              |            ^^^
              = help: small letters, digits and hyphens, such as `crm-eu`

            carnet.yaml:6:24: `url` is not an absolute URL
              |
            6 | servers: { Crm: { url: nowhere, timeouts: { connect: 0s } } }
              |                        ^^^^^^^
              = help: such as `https://host.example/path`

            carnet.yaml:6:54: `0s` is not a duration
              |
            6 | servers: { Crm: { url: nowhere, timeouts: { connect: 0s } } }
              |                                                      ^^
              = help: such as `250ms`, `30s`, `5m` or `2h`
        "#]],
    );
}

#[test]
fn wide_characters_are_counted() {
    shows(
        &with("cell_ü: é\n"),
        expect![[r#"
            carnet.yaml:3:1: unknown key `cell_ü` in the configuration
              |
            3 | cell_ü: …
              | ^^^^^^
              = help: did you mean `cell`?
        "#]],
    );
}

#[test]
fn second_document() {
    shows(
        &with("---\nversion: 1"),
        expect![[r#"
        carnet.yaml:3:1: a second document
          |
        3 | ---
          | ^
          = help: one file, one document
    "#]],
    );
}

#[test]
fn no_and_010_mean_what_they_say() {
    let text = with("servers:\n  no: { url: https://a.example, region: no, labels: [010, 1e3, yes] }");
    let config = config(&text);
    let server = &config.servers[0];
    assert_eq!((&*server.name, server.region.as_str()), ("no", "no"));
    assert_eq!(server.labels.iter().map(|l| &**l).collect::<Vec<_>>(), ["010", "1e3", "yes"]);
}

#[test]
fn a_secret_is_in_no_message() {
    let secret = "hunter2-hunter2";
    let texts = [
        with(&format!(
            "servers: {{ crm: {{ url: https://a.example, credentials: {{ bearer: {secret} }} }} }}"
        )),
        with(&format!(
            "servers: {{ crm: {{ url: https://a.example, credentials: {{ bearrer: {secret} }}, x: 1 }} }}"
        )),
        with(&format!("servers: {{ crm: {{ url: 'https://u:{secret}@a.example' }} }}")),
        with(&format!(
            "servers: {{ f: {{ command: [x], environment: {{ TOKEN: {secret}, T2: {secret} }} }} }}"
        )),
        with(&format!("evidence: {{ kek: [{secret}] }}")),
        with(&format!("evidence:\n  kek: |\n    {secret}\n    {secret}\n  hartbeat: 1s")),
        with(&format!("evidence:\n  kek: \"{secret}\n    {secret}\", {secret}: 2")),
        with(&format!("evidence: {{ kek: \"{secret}")),
        with(&format!("evidence: {{ kek: env:CRM_TOKEN, kek: {secret} }}")),
        with(&format!(
            "identity: {{ tokens: [{{ name: ci, sha256: {secret}, subject: ci, expires: 2030-01-01 }}] }}"
        )),
        with(&format!(
            "telemetry: {{ otlp: {{ endpoint: https://a.example, region: de, headers: {{ k: {secret} }} }} }}"
        )),
        with(&format!("evidence:\n  kek: &{secret} x\n  heartbeat: *{secret}")),
        with(&format!("credentials: !{secret} x")),
    ];
    for text in texts {
        let found = read(&text).expect_err(&text);
        let shown = format!("{} {found:?}", render(&found));
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

#[test]
fn where_approvers_act() {
    let issuer = "identity: { issuers: [{ issuer: 'https://idp.example', audiences: [x] }] }\n";
    let channel =
        |more: &str| format!("{issuer}approvals: {{ channels: {{ c: {{ region: de, {more} }} }} }}");
    let login = "login: { issuer: 'https://idp.example', client_id: x }";
    let mail = |more: &str| channel(&format!("email: {{ from: a@b.example, to: [c@d.example], {more} }}"));
    let slack = |people: &str| {
        channel(&format!(
            "slack: {{ token: file:./a, signing_secret: file:./b, channel: C1, people: [{people}] }}"
        ))
    };
    let cases = [
        (format!("approvals: {{ {login} }}"), "`login` is for a page, and there is none"),
        (format!("{issuer}approvals: {{ page: approvals, {login} }}"), "this cannot be the page's path"),
        (format!("{issuer}approvals: {{ page: /mcp/x, {login} }}"), "this cannot be the page's path"),
        (format!("{issuer}approvals: {{ page: /a/, {login} }}"), "this cannot be the page's path"),
        (
            "approvals: { page: /a, login: { issuer: 'https://other.example', client_id: x } }".to_owned(),
            "nothing is known of this issuer's tokens",
        ),
        (channel(""), "a channel is exactly one thing"),
        (
            channel("teams: { url: file:./a }, webhook: { url: 'https://a.example', secret: file:./b }"),
            "a channel is exactly one thing",
        ),
        (channel("webhook: { url: 'http://a.example', secret: file:./b }"), "plain HTTP beyond loopback"),
        (mail("server: mail.example"), "a mail server is HOST:PORT"),
        (mail("server: 'mail.example:25', security: plain"), "plain SMTP beyond loopback"),
        (mail("server: 'mail.example:465', username: x"), "`username` and `password` belong together"),
        (
            slack("{ user: U1, subject: a }, { user: U1, subject: b }"),
            "this account is here twice: it is one person's",
        ),
    ];
    for (text, message) in cases {
        let found = read(&with(&text)).expect_err(&text);
        assert!(found.iter().any(|d| d.message == message), "{text}\n{}", render(&found));
    }
    assert!(read(&with(&slack("{ user: U1, subject: a }, { user: U2, subject: b }"))).is_ok());
}

#[test]
fn alias_bombs_are_refused_where_they_begin() {
    let mut text = with("a: &a [x, x, x]");
    for n in 0..40 {
        text.push_str(&format!("b{n}: &b{n} [*a, *a, *a, *a, *a]\n"));
    }
    assert!(read(&text).unwrap_err().iter().any(|d| d.message == "aliases are not accepted"));
    let deep = with(&format!("servers: {}{}", "[".repeat(5000), "]".repeat(5000)));
    assert_eq!(read(&deep).unwrap_err().len(), 1);
}

#[test]
fn defaults_are_as_documented() {
    let config = config(&with(""));
    expect![[r#"
        carnet-config 1
        Config {
            cell: Cell {
                name: "carnet",
                origin: "carnet.local/carnet",
                region: Region(
                    "de",
                ),
                attestation: None,
            },
            data: "/etc/carnet/data",
            listeners: [
                Listener {
                    address: 127.0.0.1:7300,
                    tls: None,
                    plaintext_beyond_loopback: false,
                    hosts: [],
                    origins: [],
                },
            ],
            public_url: None,
            identity: IdentityConfig {
                issuers: [],
                tokens: [],
                anonymous: None,
            },
            policies: [],
            servers: [],
            residency: ResidencyConfig {
                enforce: false,
                table: None,
                zones: [],
                mechanisms: [],
                models: {},
                addresses: None,
            },
            masking: MaskingConfig {
                default: Redact,
                classes: {},
                default_in: Redact,
                classes_in: {},
                countries: [],
                rules: [],
                names: ClassNames {
                    own: [],
                },
                allow: [],
                disable: Disabled {
                    classes: {},
                    types: [],
                },
                fingerprints: [],
                vault: VaultConfig {
                    keep: 86400s,
                    entries: 1000000,
                },
                binary: [],
                analyzers: [],
                names_in_text: true,
            },
            approvals: ApprovalsConfig {
                expires: 1800s,
                valid: 600s,
                progress: 12s,
                pending: 45s,
                leg: 40s,
                legs: 9,
                keep: 600s,
                most: 20000,
                estimate: 2s,
                window: 3600s,
                labels: 28800s,
                people: [],
                page: None,
                channels: [],
                retry: 5s,
                attempts: 9,
            },
            limits: Limits {
                request_body: 4194304,
                response_body: 16777216,
                headers: 65536,
                connections: 1024,
                concurrency: 512,
                sessions: 10000,
                session_idle: 1800s,
                stream_idle: 300s,
                request_timeout: 60s,
                header_timeout: 10s,
                per_principal: None,
                per_tool: None,
            },
            evidence: EvidenceConfig {
                kek: None,
                hsm: None,
                heartbeat: 60s,
                checkpoint: 1s,
                segment: 67108864,
                persons: {
                    email,
                    phone,
                    iban,
                    us_ssn,
                    national_id,
                    passport,
                    tax_id,
                    health_id,
                },
                retention: None,
                retention_acts: None,
                retention_approvals: None,
                backup_horizon: 2592000s,
                witness: None,
                timestamp: None,
            },
            telemetry: Telemetry {
                level: Info,
                format: Text,
                otlp: None,
            },
            front: None,
            fronts: [],
            admin: None,
            processing: None,
            sinks: [],
            reload_asked: false,
            drain: 25s,
        }
    "#]]
    .assert_eq(&config.canonical());
}

#[test]
fn canonical_text_depends_on_what_counts() {
    let canonical = |t: &str| config(t).canonical();
    assert_eq!(canonical(&with("drain: 25s")), canonical("# c\nversion: 1\ncell:\n  region: 'de'\n"));
    assert_ne!(canonical(&with("drain: 25s")), canonical(&with("drain: 26s")));
}
