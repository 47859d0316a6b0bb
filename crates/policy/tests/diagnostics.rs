//! What a person sees who made a mistake in a policy.

use carnet_policy::{Options, PolicySet};
use expect_test::{Expect, expect};

fn errors(sources: &[(&str, &str)], expected: Expect) {
    let found = PolicySet::load(sources, &Options::default()).err().unwrap_or_default();
    expected.assert_eq(&found.iter().map(|d| format!("{d}\n")).collect::<String>());
}

#[test]
fn syntax() {
    errors(
        &[("a.cedar", "permit(principal, action, resource)\npermit(principal, action, resource);\n")],
        expect![[r#"
            a.cedar:2:7: unexpected token `(`
              |
            2 | permit(principal, action, resource);
              |       ^
              = help: expected `{`
        "#]],
    );
}

#[test]
fn unknown_names() {
    errors(
        &[(
            "team/a.cedar",
            "// Übersicht\npermit(\n\tprincipal in Grupo::\"ä\",\n\taction == Action::\"tool/call\",\n\tresource in Server::\"crm\"\n) when { context.argumnts.hasTag(\"x\") };\n",
        )],
        expect![[r#"
            team/a.cedar:3:15: unrecognized entity type `Grupo`
              |
            3 | 	principal in Grupo::"ä",
              | 	             ^^^^^
              = help: did you mean `Group`?
            team/a.cedar:4:12: unrecognized action `Action::"tool/call"`
              |
            4 | 	action == Action::"tool/call",
              | 	          ^^^^^^^^^^^^^^^^^^^
              = help: did you mean `Action::"tools/call"`?
        "#]],
    );
}

#[test]
fn unknown_attributes() {
    errors(
        &[(
            "a.cedar",
            "permit(principal, action == Action::\"tools/call\", resource) when { context.argumnts.hasTag(\"x\") && principal.sub == \"x\" };\n\
             forbid(principal, action == Action::\"tools/call\", resource is Promt);\n\
             forbid(principal, action == Action::\"tools/call\", resource is Prompt);\n",
        )],
        expect![[r#"
            a.cedar:1:68: attribute `argumnts` in context for Action::"tools/call" not found
              |
            1 | permit(principal, action == Action::"tools/call", resource) when { context.argumnts.hasTag("x") && principal.sub == "x" };
              |                                                                    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
              = help: did you mean `arguments`?
            a.cedar:1:100: attribute `sub` on entity type `User` not found
              |
            1 | permit(principal, action == Action::"tools/call", resource) when { context.argumnts.hasTag("x") && principal.sub == "x" };
              |                                                                                                    ^^^^^^^^^^^^^
              = help: did you mean `issuer`?
            a.cedar:2:63: unrecognized entity type `Promt`
              |
            2 | forbid(principal, action == Action::"tools/call", resource is Promt);
              |                                                               ^^^^^
              = help: did you mean `Prompt`?
        "#]],
    );
}

#[test]
fn wrong_types_and_unguarded_tags() {
    errors(
        &[(
            "b.cedar",
            "permit(principal, action == Action::\"tools/call\", resource) when { context.hour == \"six\" };\n\
             permit(principal, action == Action::\"tools/call\", resource) when { context.arguments.getTag(\"x\") == \"y\" };\n\
             permit(principal, action == Action::\"tools/call\", resource) when { context.purpose == \"support\" };\n",
        )],
        expect![[r#"
            b.cedar:1:68: the types Long and String are not compatible
              |
            1 | permit(principal, action == Action::"tools/call", resource) when { context.hour == "six" };
              |                                                                    ^^^^^^^^^^^^^^^^^^^^^
              = help: both operands to a `==` expression must have compatible types. Types must be exactly equal to be compatible
            b.cedar:2:68: unable to guarantee safety of access to tag `"x"` on entity type `Arguments`
              |
            2 | permit(principal, action == Action::"tools/call", resource) when { context.arguments.getTag("x") == "y" };
              |                                                                    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
              = help: try testing for the tag's presence with `.hasTag("x") && ..`
            b.cedar:3:68: unable to guarantee safety of access to optional attribute `purpose` in context for Action::"tools/call"
              |
            3 | permit(principal, action == Action::"tools/call", resource) when { context.purpose == "support" };
              |                                                                    ^^^^^^^^^^^^^^^
              = help: try testing for the attribute's presence with `context has purpose && ..`
        "#]],
    );
}

#[test]
fn duplicate_ids_over_files_templates_and_empty_ids() {
    errors(
        &[
            ("a.cedar", "@id(\"x\")\npermit(principal, action == Action::\"ping\", resource);\n"),
            ("b.cedar", "\n  @id(\"x\") permit(principal, action == Action::\"ping\", resource);\n"),
            ("c.cedar", "permit(principal == ?principal, action, resource);\n"),
            ("d.cedar", "@id(\"\") permit(principal, action, resource);\n"),
        ],
        expect![[r#"
            b.cedar:2:3: the policy id "x" is used twice
              |
            2 |   @id("x") permit(principal, action == Action::"ping", resource);
              |   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
              = help: it is first used at a.cedar:1:1; give this one another @id
            c.cedar:1:1: a template (?principal, ?resource) cannot be used here
              |
            1 | permit(principal == ?principal, action, resource);
              | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
              = help: write the principal or the resource out
            d.cedar:1:1: an @id must not be empty
              |
            1 | @id("") permit(principal, action, resource);
              | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
        "#]],
    );
}

#[test]
fn warnings() {
    let set = PolicySet::load(
        &[(
            "w.cedar",
            "permit(principal, action == Action::\"tools/call\", resource) when { context has purpose && false };\n\
             @hold(\"dpo\") forbid(principal, action == Action::\"tools/call\", resource);\n\
             @resaon(\"r\") forbid(principal, action == Action::\"tools/call\", resource);\n",
        )],
        &Options::default(),
    );
    let text = match &set {
        Ok(set) => set.warnings(),
        Err(errors) => errors,
    };
    expect![[r#"
        w.cedar:1:1: policy is impossible: the policy expression evaluates to false for all valid requests
          |
        1 | permit(principal, action == Action::"tools/call", resource) when { context has purpose && false };
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
        w.cedar:2:1: @hold has no effect: no approval can lift this policy
          |
        2 | @hold("dpo") forbid(principal, action == Action::"tools/call", resource);
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          = help: write forbid(...) unless { context.approvals.contains("...") }
        w.cedar:3:1: nothing reads the annotation @resaon
          |
        3 | @resaon("r") forbid(principal, action == Action::"tools/call", resource);
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    "#]]
    .assert_eq(&text.iter().map(|d| format!("{d}\n")).collect::<String>());
}
