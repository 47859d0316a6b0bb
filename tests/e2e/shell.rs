//! The shell around the gate: reload without a drop and without a half configuration, TLS on both sides, rates.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use carnet_tests::gateway::{ALLOW_ALL, Gateway, Setup, TOKEN, sha256_hex};
use carnet_tests::http;
use carnet_tests::upstream::Upstream;
use carnet_tests::wire::{self, Caller};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::json;

/// Everything may be called but one tool.
const NO_EXPORT: &str = r#"
@id("everything") permit (principal, action, resource);
@id("no-export") @reason("Exports are closed.")
forbid (principal, action == Action::"tools/call", resource == Tool::"up.export");
"#;

fn text_of(caller: &mut Caller, tool: &str) -> Result<String> {
    Ok(caller.call(7, tool, &json!({}))?.body)
}

/// Waits until `found` says so; a reload is seen through the gateway, not guessed by time.
fn until(what: &str, mut found: impl FnMut() -> Result<bool>) -> Result<()> {
    let end = Instant::now() + Duration::from_secs(30);
    while Instant::now() < end {
        if found()? {
            return Ok(());
        }
        std::thread::yield_now();
    }
    bail!("{what} did not come in 30 s")
}

fn hang_up(gateway: &Gateway) -> Result<()> {
    ensure!(Command::new("kill").args(["-HUP", &gateway.process.id().to_string()]).status()?.success());
    Ok(())
}

#[test]
fn a_changed_policy_holds_at_once_and_a_bad_one_never() -> Result<()> {
    let upstream = Upstream::echo()?;
    let servers = format!("{}admin: {{ address: 127.0.0.1:0 }}\n", upstream.server("up"));
    let setup = Setup::with_token(&servers, ALLOW_ALL)?;
    let gateway = setup.start()?;
    let admin = gateway.admin()?;
    let mut caller = Caller::new(gateway.base(), "up", TOKEN)?;
    caller.initialize()?;
    ensure!(!text_of(&mut caller, "export")?.contains("Denied"), "allowed before the change");
    setup.policies(NO_EXPORT)?;
    until("the new policy", || {
        Ok(text_of(&mut caller, "export")?.contains("policy no-export. Exports are closed."))
    })?;
    let broken = NO_EXPORT.replace("forbid (", "forbid [");
    setup.policies(&broken)?;
    let details = || Ok::<_, anyhow::Error>(http::send("GET", &format!("{admin}/readyz"), &[], "")?.body);
    until("the refusal in /readyz", || Ok(details()?.contains("policies.cedar:4")))?;
    ensure!(text_of(&mut caller, "export")?.contains("no-export"), "the old snapshot stays in force");
    ensure!(!text_of(&mut caller, "other")?.contains("Denied"), "and calls go on");
    let metrics = http::send("GET", &format!("{admin}/metrics"), &[], "")?.body;
    ensure!(metrics.contains("carnet_stale_configuration 1"), "{metrics}");
    ensure!(gateway.process.output().contains("reload refused"), "the log says so");
    setup.policies(ALLOW_ALL)?;
    hang_up(&gateway)?;
    until("the way back", || Ok(!text_of(&mut caller, "export")?.contains("Denied")))?;
    until("a clean /readyz", || Ok(details()?.contains("\"reload\": \"ok\"")))?;
    let types: Vec<_> = {
        let mut gateway = gateway;
        ensure!(gateway.process.terminate(Duration::from_secs(60))?.success());
        carnet_tests::records::read(&setup.data())?.iter().map(|r| r.ty.as_str().to_owned()).collect()
    };
    let count = |name: &str| types.iter().filter(|ty| *ty == name).count();
    ensure!(
        count("policy.activate") >= 2 && count("config.change") >= 3,
        "changes and refusal are recorded: {types:?}"
    );
    carnet_tests::records::verify(&setup.data())?;
    Ok(())
}

#[test]
fn an_unknown_key_at_reload_keeps_the_old_configuration() -> Result<()> {
    let upstream = Upstream::echo()?;
    let setup = Setup::with_token(&upstream.server("up"), ALLOW_ALL)?;
    let gateway = setup.start()?;
    let mut caller = Caller::new(gateway.base(), "up", TOKEN)?;
    caller.initialize()?;
    let good = fs::read_to_string(setup.config())?;
    fs::write(setup.config(), format!("{good}unknown_key: 1\n"))?;
    let said = gateway.process.wait_for(|output| output.contains("unknown key `unknown_key`").then_some(()));
    said.context("the mistake is named in the log")?;
    ensure!(caller.call(3, "echo", &json!({}))?.status == 200);
    Ok(())
}

#[test]
fn too_many_calls_get_429_and_a_time_to_wait() -> Result<()> {
    let upstream = Upstream::echo()?;
    let limits = "limits:\n  rate: { per_principal: 1/h burst 3 }\n";
    let setup = Setup::with_token(&format!("{}{limits}", upstream.server("up")), ALLOW_ALL)?;
    let gateway = setup.start()?;
    let mut caller = Caller::new(gateway.base(), "up", TOKEN)?;
    caller.initialize()?;
    let replies: Vec<_> = (0..4).map(|n| caller.call(n, "echo", &json!({}))).collect::<Result<_>>()?;
    let statuses: Vec<_> = replies.iter().map(|r| r.status).collect();
    ensure!(statuses == [200, 200, 429, 429], "{statuses:?}");
    let wait: u64 = replies[2].header("retry-after").context("Retry-After")?.parse()?;
    ensure!((1000..=3601).contains(&wait), "{wait}");
    ensure!(
        upstream.seen().iter().filter(|s| s.method() == "tools/call").count() == 2,
        "the rest never arrived"
    );
    Ok(())
}

/// A certificate authority of the test's own.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Result<Authority> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key)?.pem();
        Ok(Authority { pem, issuer: Issuer::new(params, key) })
    }

    /// Writes `NAME.pem` and `NAME.key` for this machine, and `NAME-ca.pem`.
    fn issue(&self, folder: &Path, name: &str) -> Result<()> {
        let key = KeyPair::generate()?;
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let certificate = CertificateParams::new(names)?.signed_by(&key, &self.issuer)?;
        fs::write(folder.join(format!("{name}.key")), key.serialize_pem())?;
        fs::write(folder.join(format!("{name}.pem")), certificate.pem())?;
        fs::write(folder.join(format!("{name}-ca.pem")), &self.pem)?;
        Ok(())
    }
}

/// A gateway that speaks TLS and wants client certificates, in front of `upstream`.
fn inner(upstream: &Upstream, servers_ca: &Authority, clients_ca: &Authority) -> Result<(Setup, Gateway)> {
    let setup = Setup::with_token(&upstream.server("up"), ALLOW_ALL)?;
    servers_ca.issue(setup.path(), "server")?;
    clients_ca.issue(setup.path(), "client")?;
    let plain = fs::read_to_string(setup.config())?;
    let tls = "- address: 127.0.0.1:0\n    tls: { certificate: ./server.pem, key: file:./server.key, client_ca: ./client-ca.pem }\n";
    fs::write(setup.config(), plain.replace("- address: 127.0.0.1:0\n", tls))?;
    let gateway = setup.start()?;
    Ok((setup, gateway))
}

/// A gateway whose upstream is the endpoint `up` of the inner one.
fn outer(inner: &Gateway, folder: &Path, client: bool) -> Result<(Setup, Gateway)> {
    let at = |name: &str| folder.join(name).display().to_string();
    let identity = format!(", certificate: {}, key: \"file:{}\"", at("client.pem"), at("client.key"));
    let server = format!(
        "  up:\n    url: {}\n    region: de\n    credentials: {{ bearer: env:INNER_TOKEN }}\n    tls: {{ ca: {}{} }}\n",
        inner.url("up"),
        at("server-ca.pem"),
        if client { identity.as_str() } else { "" },
    );
    let setup = Setup::with_token(&server, ALLOW_ALL)?;
    let mut command = setup.command()?;
    command.env("INNER_TOKEN", TOKEN);
    let gateway = Gateway::start(command)?;
    Ok((setup, gateway))
}

fn once(gateway: &Gateway) -> Result<u16> {
    let mut caller = Caller::new(gateway.base(), "up", TOKEN)?;
    Ok(caller.post(&wire::initialize(1))?.status)
}

#[test]
fn tls_on_both_sides_with_client_certificates_and_a_change_without_a_drop() -> Result<()> {
    ensure!(sha256_hex(TOKEN).len() == 64);
    let upstream = Upstream::echo()?;
    let (servers_ca, clients_ca) = (Authority::new()?, Authority::new()?);
    let (inner_setup, inner) = inner(&upstream, &servers_ca, &clients_ca)?;
    ensure!(inner.base().starts_with("https://"), "{}", inner.base());
    let (_kept, with) = outer(&inner, inner_setup.path(), true)?;
    let (_also, without) = outer(&inner, inner_setup.path(), false)?;
    let mut caller = Caller::new(with.base(), "up", TOKEN)?;
    ensure!(caller.initialize()?.status == 200);
    ensure!(caller.call(2, "echo", &json!({}))?.status == 200, "a certificate opens the way");
    ensure!(once(&without)? == 502, "no certificate, no way");
    // Another authority takes over: connections that stand go on, new ones get the new certificate.
    let next = Authority::new()?;
    next.issue(inner_setup.path(), "server")?;
    clients_ca.issue(inner_setup.path(), "client")?;
    hang_up(&inner)?;
    fs::write(inner_setup.path().join("server-ca.pem"), &servers_ca.pem)?;
    until("the new certificate", || {
        // A gateway keeps its connections, so each look takes a new one.
        let (_setup, old_roots) = outer(&inner, inner_setup.path(), true)?;
        Ok(once(&old_roots)? == 502)
    })?;
    ensure!(caller.call(3, "echo", &json!({}))?.status == 200, "an open connection is not dropped");
    fs::write(inner_setup.path().join("server-ca.pem"), &next.pem)?;
    let (_new, new_roots) = outer(&inner, inner_setup.path(), true)?;
    ensure!(once(&new_roots)? == 200);
    Ok(())
}

#[test]
fn a_gateway_that_has_taken_over_a_servers_address_serves_its_path() -> Result<()> {
    let upstream = Upstream::echo()?;
    let setup = Setup::with_token(&upstream.server("up"), ALLOW_ALL)?;
    let gateway = setup.start()?;
    let bearer = format!("Bearer {TOKEN}");
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-type", "application/json"),
        ("accept", "application/json, text/event-stream"),
    ];
    // The server's own path, `/mcp`, on the gateway's port.
    let reply = http::send("POST", &format!("{}/mcp", gateway.base()), &headers, &wire::initialize(1))?;
    ensure!(reply.status == 200, "{reply:?}");
    Ok(())
}
