//! A front's file: what is refused, and with which words.

use expect_test::expect;

use super::read_front;
use crate::render;

const GOOD: &str = "version: 1\nname: front\nregion: ch\nassertions: file:a.key\n\
    tunnel: { address: \"0.0.0.0:7443\", tls: { certificate: t.pem, key: file:t.key, client_ca: ca.pem } }\n";

fn mistakes(text: &str) -> String {
    render(&read_front(text).unwrap_err())
}

#[test]
fn a_good_one_is_read() {
    let text = format!(
        "{GOOD}identity: {{ anonymous: {{ subject: dev }} }}\ncells:\n  eu: {{ certificate: \"{}\", region: de, servers: [crm] }}\n",
        "ab".repeat(32)
    );
    let config = read_front(&text).unwrap().config;
    assert_eq!(config.cells["eu"].servers, ["crm".into()]);
    assert_eq!((config.tunnel.port(), config.listeners.len()), (7443, 1));
}

#[test]
fn two_cells_must_differ() {
    let cell = |name: &str| {
        format!("  {name}: {{ certificate: \"{}\", region: de, servers: [crm] }}\n", "ab".repeat(32))
    };
    let text = format!("{GOOD}cells:\n{}{}", cell("a"), cell("b"));
    expect![[r#"
        front.yaml:8:21: two cells have this certificate
          |
        8 |   b: { certificate: "abababababababababababababababababababababababababababababababab", region: de, servers: [crm] }
          |                     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          = help: the cell `a` has it too: they could not be told apart
    "#]]
    .assert_eq(&mistakes(&text).split("\n\n").next().map(|s| format!("{s}\n")).unwrap_or_default());
}

#[test]
fn whoever_connects_there_must_be_known() {
    let text = GOOD.replace(", client_ca: ca.pem", "");
    assert!(mistakes(&format!("{text}cells: {{}}\n")).contains("`tunnel.tls` needs `client_ca`"));
    assert!(mistakes("version: 1\nname: front\nregion: ch\nservers: {}\n").contains("unknown key `servers`"));
}

#[test]
fn a_cell_may_join_several_fronts_of_different_names() {
    let front = |name: &str, policies: &str| {
        format!(
            "{{ address: \"f.example:7443\", name: {name}, certificate: c.pem, key: file:c.key, ca: ca.pem, assertions: {name}.pub{policies} }}"
        )
    };
    let file = |fronts: &[String]| {
        format!(
            "version: 1\ncell: {{ region: de }}\nlisteners: []\nidentity: {{ anonymous: {{ subject: dev }} }}\npolicies: [p.cedar]\n\
             front: {}\nfronts: [{}]\n",
            front("a", ""),
            fronts.join(", ")
        )
    };
    let config = super::read(&file(&[front("b", ""), front("c", "")])).unwrap().config;
    let names: Vec<&str> = config.all_fronts().map(|f| &*f.name).collect();
    assert_eq!(names, ["a", "b", "c"]);
    let said = render(&super::read(&file(&[front("a", "")])).unwrap_err());
    assert!(said.contains("two fronts are named `a`"), "{said}");
    let said = render(&super::read(&file(&[front("b", ", policies: p.pub")])).unwrap_err());
    assert!(said.contains("two fronts with different `policies`"), "{said}");
}
