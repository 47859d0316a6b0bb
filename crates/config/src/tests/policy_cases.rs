//! The file format of users' own policy tests.

use carnet_model::{Action, Effect, IdentityKind};
use expect_test::expect;

use crate::{parse_policy_tests, render};

#[test]
fn cases_are_read() {
    let text = "\
- as: { user: ada, groups: [b, a, b], agent: helper }
  call: tools/call crm.search_customers
  arguments: { name: Smith, limit: 010, top: 10, exact: true, code: '7', none: null }
  expect: permit
  by: [analysts-search]
- name: nobody sees accounts
  as: { workload: ci }
  call: reveal iban
  on: crm.search_customers
  expect: forbid
";
    let tests = parse_policy_tests("tests.yaml", text).unwrap();
    let [first, second] = &tests[..] else { panic!("two cases") };
    assert_eq!(
        (first.action, first.target.as_str(), first.line),
        (Action::TOOLS_CALL, "crm.search_customers", 1)
    );
    assert_eq!(first.caller.groups.iter().map(|g| &**g).collect::<Vec<_>>(), ["a", "b"]);
    let arguments = serde_json::json!({
        "name": "Smith", "limit": "010", "top": 10, "exact": true, "code": "7", "none": null,
    });
    assert_eq!(first.arguments, arguments);
    assert_eq!(
        (first.expect, first.by.as_deref()),
        (Effect::Permit, Some(&["analysts-search".to_owned()][..]))
    );
    assert_eq!((second.caller.kind, second.name.as_str()), (IdentityKind::Workload, "nobody sees accounts"));
    assert_eq!((second.action, second.on.as_deref()), (Action::REVEAL, Some("crm.search_customers")));
}

#[test]
fn mistakes_are_shown() {
    let text = "\
- as: { user: ada, workload: ci }
  call: tools/cal crm.x
  expect: permit
- as: { user: ada }
  call: tools/call search
  expect: deny
- as: { user: ada, group: [a] }
  call: reveal ibann
";
    let found = parse_policy_tests("tests.yaml", text).unwrap_err();
    expect![[r#"
        tests.yaml:1:3: a caller is either a `user` or a `workload`
          |
        1 | - as: { user: ada, workload: ci }
          |   ^^

        tests.yaml:2:9: `tools/cal` is neither an MCP method nor an action of Carnet
          |
        2 |   call: tools/cal crm.x
          |         ^^^^^^^^^^^^^^^
          = help: did you mean `tools/call`?

        tests.yaml:5:9: `tools/call` needs a target, SERVER.NAME
          |
        5 |   call: tools/call search
          |         ^^^^^^^^^^^^^^^^^
          = help: such as `tools/call crm.name`

        tests.yaml:6:11: `deny` is not accepted for `expect`
          |
        6 |   expect: deny
          |           ^^^^
          = help: one of: permit, forbid

        tests.yaml:7:3: a policy test lacks `expect`
          |
        7 | - as: { user: ada, group: [ …
          |   ^
          = help: What the policy must say.

        tests.yaml:7:20: unknown key `group` in a caller
          |
        7 | - as: { user: ada, group: [ …
          |                    ^^^^^
          = help: did you mean `groups`?
    "#]]
    .assert_eq(&render(&found));
}
