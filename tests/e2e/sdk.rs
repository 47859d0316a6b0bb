//! SDK by server by transport: through the gateway everything is as it is directly, except that values are masked.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::Result;
use carnet_tests::cells::{Plan, World};
use carnet_tests::compare::{Difference, differences};
use carnet_tests::driver::{Reach, Sdk, drive};
use carnet_tests::gateway::{Gateway, NOTHING_PERSONAL, Setup, TOKEN, binary};
use serde_json::{Value, json};

use crate::servers::{self, Server};

fn configured(servers: &[Server]) -> String {
    let one = |s: &Server| {
        let how = match &s.reach {
            Reach::Stdio(command) => format!("command: {}\n    inherit: [PATH, HOME]", json!(command)),
            Reach::Http(url, _) => format!("url: {url}"),
            Reach::Sse(url, _) => format!("url: {url}\n    transport: http+sse"),
        };
        format!("  {}:\n    {how}\n    region: de\n", s.name)
    };
    servers.iter().map(one).collect()
}

/// `cacheScope` is the one thing the gateway may change besides masking: what depends on the caller is private.
fn unexpected(direct: &[Value], through: &[Value]) -> (Vec<Difference>, usize) {
    let all = differences(&json!(direct), &json!(through));
    let masked = all.iter().filter(|d| matches!(d, Difference::Masked(..))).count();
    let allowed = |d: &Difference| match d {
        Difference::Masked(..) => true,
        Difference::Other(place, _, _) => place.ends_with(".cacheScope"),
    };
    (all.into_iter().filter(|d| !allowed(d)).collect(), masked)
}

/// What is wrong with one cell of the table; empty if nothing is.
fn judge(server: &Server, cell: &str, direct: &[Value], through: &[Value]) -> Vec<String> {
    let (other, masked) = unexpected(direct, through);
    let mut wrong: Vec<String> = other.iter().map(|d| format!("{cell}: {d:.1500?}")).collect();
    if masked == 0 && !server.sensitive.is_empty() {
        wrong.push(format!("{cell}: nothing is masked"));
    }
    let text = json!(through).to_string();
    let shown = server.sensitive.iter().filter(|value| text.contains(**value));
    wrong.extend(shown.map(|value| format!("{cell}: {value} is shown")));
    wrong
}

/// Without the gateway the server must answer, and with the data that masking is judged by.
fn judge_direct(server: &Server, cell: &str, direct: &[Value]) -> Vec<String> {
    let text = json!(direct).to_string();
    let lacking = server.sensitive.iter().filter(|value| !text.contains(**value));
    let mut wrong: Vec<String> = lacking.map(|value| format!("{cell}: {value} is not there")).collect();
    if !direct.first().is_some_and(|l| l["result"]["tools"].is_array() || l["result"].is_array()) {
        wrong.push(format!("{cell}: no list: {text:.500}"));
    }
    wrong
}

/// One row: a server and an SDK, directly and by every way through the gateway.
fn row(server: &Server, sdk: Sdk, ways: &[(&'static str, Reach)]) -> Vec<String> {
    let name = format!("{} {sdk:?}", server.name);
    let reaches: Vec<Reach> =
        std::iter::once(&server.reach).chain(ways.iter().map(|(_, reach)| reach)).cloned().collect();
    let lines = match drive(sdk, &reaches, &server.steps) {
        Ok(lines) => lines,
        Err(e) => return vec![format!("{name}: {e:#}")],
    };
    let Some((direct, through)) = lines.split_first() else { return vec![format!("{name}: nothing")] };
    let mut wrong = judge_direct(server, &format!("{name} directly"), direct);
    for ((way, reach), through) in ways.iter().zip(through) {
        if !(sdk == Sdk::Rmcp && matches!(reach, Reach::Sse(..))) {
            wrong.extend(judge(server, &format!("{name} {way}"), direct, through));
        }
    }
    wrong
}

/// Every server with every SDK, two rows at a time.
fn table(servers: &[Server], ways: impl Fn(&Server, Sdk) -> Vec<(&'static str, Reach)> + Sync) {
    let rows: Vec<(&Server, Sdk)> = servers.iter().flat_map(|s| Sdk::ALL.map(|sdk| (s, sdk))).collect();
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some((server, sdk)) = rows.get(next.fetch_add(1, Ordering::Relaxed)) {
            // rmcp opens every session with `initialize`, over HTTP+SSE none.
            if *sdk == Sdk::Rmcp && matches!(server.reach, Reach::Sse(..)) {
                continue;
            }
            let found = row(server, *sdk, &ways(server, *sdk));
            wrong.lock().expect("no row panics").extend(found);
        }
    };
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(work);
        }
    });
    let wrong = wrong.into_inner().expect("no row panics");
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
}

fn listening(gateway: &Gateway, server: &Server) -> Vec<(&'static str, Reach)> {
    let token = || Some(TOKEN.to_owned());
    vec![
        ("over HTTP", Reach::Http(gateway.url(server.name), token())),
        ("over HTTP+SSE", Reach::Sse(gateway.sse(server.name), token())),
    ]
}

#[test]
fn in_front_of_stdio_servers_only_masked_values_differ() -> Result<()> {
    let servers = servers::over_stdio()?;
    let setup = Setup::with_token(&configured(&servers), NOTHING_PERSONAL)?;
    let gateway = setup.start()?;
    table(&servers, |server, _| listening(&gateway, server));
    Ok(())
}

#[test]
fn in_front_of_http_servers_only_masked_values_differ() -> Result<()> {
    let servers = servers::over_http()?;
    let setup = Setup::with_token(&configured(&servers), NOTHING_PERSONAL)?;
    let gateway = setup.start()?;
    let token = setup.path().join("token");
    std::fs::write(&token, TOKEN)?;
    let (binary, token) = (binary()?.display().to_string(), format!("file:{}", token.display()));
    table(&servers, |server, _| {
        let url = gateway.url(server.name);
        let connect = [&binary, "connect", &url, "--token", &token].map(str::to_owned).to_vec();
        let mut ways = listening(&gateway, server);
        ways.push(("by connect", Reach::Stdio(connect)));
        ways
    });
    Ok(())
}

#[test]
fn wrapped_over_stdio_only_masked_values_differ() -> Result<()> {
    let servers = servers::over_stdio()?;
    let setup = Setup::with_token(&configured(&servers), NOTHING_PERSONAL)?;
    let policies = setup.path().join("policies.cedar").display().to_string();
    let binary = binary()?.display().to_string();
    table(&servers, |server, sdk| {
        let Reach::Stdio(wrapped) = &server.reach else { return Vec::new() };
        let data = setup.path().join(format!("{}-{sdk:?}", server.name)).display().to_string();
        let arguments = ["wrap", "--name", server.name, "--policies", &policies, "--data", &data, "--"];
        let ours = std::iter::once(binary.as_str()).chain(arguments).map(str::to_owned);
        vec![("wrapped", Reach::Stdio(ours.chain(wrapped.iter().cloned()).collect()))]
    });
    Ok(())
}

/// The servers stand beside two cells; clients know the front alone.
#[test]
fn through_a_front_only_masked_values_differ() -> Result<()> {
    let servers = servers::behind_a_front()?;
    let plans =
        servers.iter().zip([("eu", "de"), ("us", "us"), ("asia", "in")]).map(|(server, (name, region))| {
            let lines =
                configured(std::slice::from_ref(server)).replace("region: de", &format!("region: {region}"));
            Plan { name, region, servers: vec![(server.name.to_owned(), lines)], policies: NOTHING_PERSONAL }
        });
    let plans: Vec<_> = plans.collect();
    let mut world = World::new(plans.clone())?;
    let front = world.front(None)?;
    let cells = plans.iter().map(|plan| world.cell(plan.name)).collect::<Result<Vec<_>>>()?;
    for plan in &plans {
        front.joined(plan.name, 1)?;
    }
    table(&servers, |server, _| {
        let (base, token) = (&front.base, || Some(TOKEN.to_owned()));
        vec![
            ("over HTTP", Reach::Http(format!("{base}/mcp/{}", server.name), token())),
            ("over HTTP+SSE", Reach::Sse(format!("{base}/mcp/{}/sse", server.name), token())),
        ]
    });
    drop(cells);
    Ok(())
}
