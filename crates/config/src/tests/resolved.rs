//! What comes out: values as typed data, and what is warned of.

use std::path::PathBuf;
use std::time::Duration;

use carnet_model::{DataClass, IdentityKind};

use super::read;
use crate::{ClientAuth, Config, Credentials, EnvValue, SecretRef, SignatureAlgorithm, Transport, render};

fn full() -> Config {
    read(include_str!("../../../../examples/carnet.yaml")).unwrap().config
}

#[test]
fn the_full_example_as_data() {
    let config = full();
    assert_eq!((&*config.cell.name, &*config.cell.origin), ("eu-1", "log.example.eu/acme/de/1"));
    assert_eq!(config.data, PathBuf::from("/etc/carnet/data"));
    let tls = config.listeners[0].tls.as_ref().unwrap();
    assert_eq!(tls.key, SecretRef::File("/etc/carnet/tls/key.pem".into()));
    assert_eq!(tls.client_ca, Some("/etc/carnet/tls/clients.pem".into()));
    let issuer = &config.identity.issuers[0];
    assert_eq!(issuer.algorithms, [SignatureAlgorithm::RS256, SignatureAlgorithm::ES256]);
    assert_eq!(issuer.claims.groups, ["realm_access", "roles"]);
    assert_eq!(issuer.claims.purpose.as_deref(), Some(&["https://acme.example/purpose".to_owned()][..]));
    let token = &config.identity.tokens[0];
    assert_eq!((token.sha256[0], token.sha256[31], token.kind), (0x8d, 0xa1, IdentityKind::Workload));
    assert_eq!(token.expires, 1_814_313_600);
    assert_eq!(config.masking.classes[&DataClass::IBAN], carnet_model::Transform::KeepLast(4));
    assert_eq!(config.limits.per_principal.unwrap().burst, 400);
    assert_eq!(config.evidence.kek, Some(SecretRef::File("/etc/carnet/secrets/kek".into())));
    assert_eq!(config.telemetry.otlp.unwrap().headers["authorization"], SecretRef::Env("OTLP_AUTH".into()));
}

#[test]
fn servers_keep_their_order_and_their_credentials() {
    let servers = full().servers;
    assert_eq!(servers.iter().map(|s| &*s.name).collect::<Vec<_>>(), ["crm", "erp", "search", "files"]);
    let http = |n: usize| match &servers[n].transport {
        Transport::Http(http) => http.clone(),
        Transport::Stdio(_) => panic!("http"),
    };
    assert_eq!(http(0).credentials, Credentials::Bearer(SecretRef::Env("CRM_TOKEN".into())));
    let Credentials::OAuth(oauth) = http(1).credentials else { panic!("oauth") };
    assert_eq!(
        (oauth.auth, oauth.client_secret),
        (ClientAuth::Basic, SecretRef::File("/etc/carnet/secrets/erp".into()))
    );
    assert!(http(1).legacy_sse && !http(0).legacy_sse && http(2).allow_plaintext);
    let header = Credentials::Header { name: "x-api-key".into(), value: SecretRef::Env("SEARCH_KEY".into()) };
    assert_eq!(http(2).credentials, header);
    let Transport::Stdio(files) = &servers[3].transport else { panic!("stdio") };
    assert_eq!(files.environment["TOKEN"], EnvValue::Secret(SecretRef::Env("FILES_TOKEN".into())));
    assert_eq!(files.environment["LANG"], EnvValue::Plain("C.UTF-8".into()));
    // A child runs where the cell is; a URL says nothing about its place.
    assert_eq!((servers[3].region.as_str(), servers[0].region.as_str()), ("de", "de"));
    assert_eq!(servers[0].timeouts.stream_idle, Duration::from_secs(300));
}

#[test]
fn a_url_says_nothing_about_its_place() {
    let text = "version: 1\ncell: { region: de }\nservers: { a: { url: https://a.de }, b: { command: [b] } }";
    let servers = read(text).unwrap().config.servers;
    assert_eq!((servers[0].region.as_str(), servers[1].region.as_str()), ("unknown", "de"));
}

#[test]
fn warnings_do_not_stop() {
    let hash = "ab".repeat(32);
    let text = format!(
        "version: 1\ncell: {{ region: de }}\nidentity:\n  tokens:\n    - {{ name: old, sha256: {hash}, subject: x, expires: 2020-01-01 }}\n\
         servers: {{ a: {{ url: https://a.example, credentials: {{ bearer: env:NOT_SET }} }} }}\n"
    );
    let loaded = read(&text).unwrap();
    expect_test::expect![[r#"
        carnet.yaml:1:1: warning: without policies every call is denied
          |
        1 | version: 1
          | ^
          = help: name a file or folder under `policies`

        carnet.yaml:5:115: warning: the token `old` has expired
          |
        5 |     - { name: old, sha256: abababababababababababababababababababababababababababababababab, subject: x, expires: 2020-01-01 }
          |                                                                                                                   ^^^^^^^^^^
          = help: it is refused; take it out or set another time

        carnet.yaml:6:64: warning: the environment variable `NOT_SET` is not set
          |
        6 | servers: { a: { url: https://a.example, credentials: { bearer: env:NOT_SET } } }
          |                                                                ^^^^^^^^^^^
          = help: Carnet does not start without it
    "#]].assert_eq(&render(&loaded.warnings));
}
