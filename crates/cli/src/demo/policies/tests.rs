//! Who may do what in the demo, as tables that are compared.

use std::fmt::Write as _;
use std::sync::Arc;

use carnet_model::{
    Action, AuthMethod, ClassSet, DataClass, Identity, IdentityKind, Principal, Region, Resource,
};
use carnet_policy::{
    Context, Direction, Flow, Options, PolicySet, PrincipalKey, Request, Route, Scalar, ServerFacts,
};
use expect_test::expect;

use super::*;

fn load(server: &str, sources: &[(&str, &str)]) -> PolicySet {
    let options = Options {
        servers: vec![ServerFacts {
            name: server.into(),
            region: Region::new("de"),
            labels: Vec::new(),
            classes: None,
        }],
        zones: ["de", "es"].map(|c| (Region::new(c), vec![Region::new("eu")])).into(),
        cell_region: Region::new("de"),
        ..Options::default()
    };
    let set = PolicySet::load(sources, &options).unwrap_or_else(|errors| panic!("{errors:?}"));
    assert!(set.warnings().is_empty(), "{:?}", set.warnings());
    set
}

fn principal(groups: &[&str], agent: bool, region: &str) -> PrincipalKey {
    let identity = |kind, subject: &str| Identity {
        kind,
        issuer: "http://127.0.0.1:7301".into(),
        subject: subject.into(),
    };
    let mut principal = Principal::new(identity(IdentityKind::User, "ana"), AuthMethod::Jwt);
    principal.groups = groups.iter().map(|g| Arc::from(*g)).collect();
    principal.agent = agent.then(|| identity(IdentityKind::Workload, "support-agent"));
    principal.region = Some(Region::new(region));
    PrincipalKey::new(&principal)
}

fn personas() -> [(&'static str, PrincipalKey); 4] {
    [
        ("analyst", principal(&["analysts"], false, "de")),
        ("agent", principal(&["analysts"], true, "de")),
        ("privacy", principal(&["privacy"], false, "de")),
        ("stranger", principal(&[], false, "de")),
    ]
}

fn tool(server: &str, name: &str) -> Resource {
    Resource::Tool { server: server.into(), name: name.into() }
}

#[test]
fn who_may_call_what() {
    let set = load("crm", CRM);
    let tools = ["search_customers", "get_customer", "export_customers", "add_note", "delete_customer"];
    let mut rows: Vec<_> = tools.iter().map(|t| (Action::TOOLS_CALL, tool("crm", t))).collect();
    rows.push((Action::TOOLS_LIST, Resource::Server("crm".into())));
    rows.push((
        Action::RESOURCES_READ,
        Resource::Resource { server: "crm".into(), uri: "crm://customers/overview".into() },
    ));
    rows.push((Action::PROMPTS_GET, Resource::Prompt { server: "crm".into(), name: "prepare_call".into() }));
    expect![[r#"
                                                                 analyst  agent  privacy  stranger
        tools/call Tool::"crm.search_customers"                  yes      yes    yes      no
        tools/call Tool::"crm.get_customer"                      yes      yes    yes      no
        tools/call Tool::"crm.export_customers"                  if       no     yes      no
        tools/call Tool::"crm.add_note"                          yes      yes    yes      no
        tools/call Tool::"crm.delete_customer"                   no       no     yes      no
        tools/list Server::"crm"                                 yes      yes    yes      yes
        resources/read Resource::"crm.crm://customers/overview"  yes      yes    yes      no
        prompts/get Prompt::"crm.prepare_call"                   yes      yes    yes      no
    "#]]
    .assert_eq(&set.matrix(&personas(), &rows));
}

#[test]
fn an_export_needs_a_country() {
    let set = load("crm", CRM);
    let [(_, analyst), (_, agent), (_, privacy), _] = personas();
    let mut table = String::new();
    for (who, key) in [("analyst", &analyst), ("agent", &agent), ("privacy", &privacy)] {
        for arguments in [vec![], vec![("country", Scalar::Text(""))], vec![("country", Scalar::Text("DE"))]]
        {
            let context = Context { arguments: &arguments, ..Context::default() };
            let resource = tool("crm", "export_customers");
            let verdict = set.decide(&Request {
                principal: key,
                action: Action::TOOLS_CALL,
                resource: &resource,
                context: &context,
            });
            let policies: Vec<_> = verdict.policies.iter().map(|p| &*p.0).collect();
            writeln!(table, "{who} {arguments:?}: {:?} by {policies:?}", verdict.effect).unwrap();
        }
    }
    expect![[r#"
        analyst []: Forbid by ["no-bulk-export"]
        analyst [("country", Text(""))]: Forbid by ["no-bulk-export"]
        analyst [("country", Text("DE"))]: Permit by ["analysts-read"]
        agent []: Forbid by ["agents-stay-small"]
        agent [("country", Text(""))]: Forbid by ["agents-stay-small"]
        agent [("country", Text("DE"))]: Forbid by ["agents-stay-small"]
        privacy []: Permit by ["privacy-office"]
        privacy [("country", Text(""))]: Permit by ["privacy-office"]
        privacy [("country", Text("DE"))]: Permit by ["privacy-office"]
    "#]]
    .assert_eq(&table);
}

#[test]
fn who_sees_what() {
    let set = load("crm", CRM);
    let all: ClassSet = DataClass::BUILT_IN.iter().copied().collect();
    let server: Arc<str> = "crm".into();
    let mut table = String::new();
    for (who, key) in personas() {
        for direction in [Direction::In, Direction::Out] {
            let flow = Flow { server: &server, tool: None, direction };
            let shown = set.reveal(&key, flow, all, &Context { direction, ..Context::default() }).classes;
            let hidden: Vec<_> = all.difference(shown).iter().map(DataClass::name).collect();
            let shown: Vec<_> = shown.iter().map(DataClass::name).collect();
            let text =
                if shown.len() > hidden.len() { format!("all but {hidden:?}") } else { format!("{shown:?}") };
            writeln!(table, "{who} {}: {text}", direction.as_str()).unwrap();
        }
    }
    expect![[r#"
        analyst in: all but ["secret", "url_credentials"]
        analyst out: []
        agent in: all but ["secret", "url_credentials"]
        agent out: []
        privacy in: all but ["secret", "url_credentials"]
        privacy out: ["email", "phone", "national_id", "person", "address", "birth_date", "tax_id"]
        stranger in: all but ["secret", "url_credentials"]
        stranger out: []
    "#]]
    .assert_eq(&table);
}

#[test]
fn what_may_cross_which_border() {
    let set = load("crm", CRM);
    let classes: ClassSet = [DataClass::EMAIL].into_iter().collect();
    let server: Arc<str> = "crm".into();
    let (de, flow) = (Region::new("de"), Flow { server: &server, tool: None, direction: Direction::Out });
    for (to, may) in [("es", true), ("us", false), ("unknown", false)] {
        let to = Region::new(to);
        let key = principal(&["privacy"], false, to.as_str());
        let allowed = set.transfer(&key, flow, Route::new(&de, &to), classes, &Context::default());
        assert_eq!(!allowed.classes.is_empty(), may, "{to}");
    }
}

#[test]
fn a_server_of_ones_own() {
    let set = load("own", OWN);
    let tools =
        ["read_file", "list_directory", "write_file", "create_directory", "move_file", "delete_entities"];
    let rows: Vec<_> = tools.iter().map(|t| (Action::TOOLS_CALL, tool("own", t))).collect();
    expect![[r#"
                                                 analyst  agent  privacy  stranger
        tools/call Tool::"own.read_file"         yes      yes    yes      no
        tools/call Tool::"own.list_directory"    yes      yes    yes      no
        tools/call Tool::"own.write_file"        yes      no     yes      no
        tools/call Tool::"own.create_directory"  yes      no     yes      no
        tools/call Tool::"own.move_file"         yes      no     yes      no
        tools/call Tool::"own.delete_entities"   yes      no     yes      no
    "#]]
    .assert_eq(&set.matrix(&personas(), &rows));
}
