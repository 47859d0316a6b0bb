//! Where approvers act, end to end: the page from login to vote, passkeys in a real browser, the API by its description, and
//! channels against fakes of their other sides.

use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use carnet_evidence::LeafType;
use carnet_tests::gateway::{Gateway, Setup, binary, identity, token};
use carnet_tests::http::{self, Reply as Http};
use carnet_tests::peers::{self, Oidc};
use carnet_tests::records;
use carnet_tests::upstream::{Reply, Seen, Upstream};
use carnet_tests::visitor::{Browser, Visitor, encode, hidden};
use carnet_tests::wire::Caller;
use serde_json::{Value, json};

/// The longest that anything may take.
const LIMIT: Duration = Duration::from_secs(30);

const PEOPLE: &[(&str, &str, &[&str])] = &[
    ("ada", "user", &["staff"]),
    ("bob", "user", &["privacy"]),
    ("cyd", "user", &["privacy", "seniors"]),
    ("petra", "user", &["privacy"]),
    ("ops", "user", &["operators"]),
];

const POLICY: &str = r#"
@id("all") permit (principal, action, resource)
unless { action == Action::"approve" || action == Action::"breakglass" || action == Action::"transfer"
  || action == Action::"evidence:read" || action == Action::"unmask" };
@id("seniors-unmask") permit (principal in Group::"seniors", action == Action::"unmask", resource)
unless { resource.classes.contains("iban") };
@id("seniors-anywhere") permit (principal in Group::"seniors", action == Action::"transfer", resource);
@id("privacy-approves") permit (principal in Group::"privacy", action == Action::"approve", resource);
@id("operators-read") permit (principal in Group::"operators", action == Action::"evidence:read", resource);
@id("export-needs-dpo") @hold("dpo") @reason("Exports need the <b>privacy</b> officer.") ASSURANCE
forbid (principal, action == Action::"tools/call", resource)
when { context.arguments.hasTag("to") }
unless { context.approvals.contains("dpo") };
@id("masked") forbid (principal, action == Action::"reveal", resource);
"#;

const TIMES: &str =
    "  pending: 300ms\n  expires: 60s\n  valid: 60s\n  keep: 60s\n  retry: 10ms\n  attempts: 3\n";

pub(crate) struct World {
    pub(crate) setup: Setup,
    pub(crate) gateway: Gateway,
    pub(crate) oidc: Option<Oidc>,
    pub(crate) upstream: Upstream,
}

impl World {
    /// A gateway with a page and these channels, whose policy asks for this assurance.
    pub(crate) fn new(assurance: &str, oidc: Option<Oidc>, channels: &str) -> Result<World> {
        World::of(assurance, oidc, "", channels, &[])
    }

    /// With a page where people sign in, and more files beside the configuration.
    pub(crate) fn with_files(assurance: &str, channels: &str, files: &[(&str, &str)]) -> Result<World> {
        let oidc = Oidc::start(&["https://unused.example/mcp"])?;
        World::of(assurance, Some(oidc), "", channels, files)
    }

    fn of(
        assurance: &str,
        oidc: Option<Oidc>,
        login: &str,
        channels: &str,
        files: &[(&str, &str)],
    ) -> Result<World> {
        let upstream = Upstream::echo()?;
        let mut head = identity(PEOPLE);
        let mut page = String::from("approvals:\n  page: /approvals\n");
        if let Some(oidc) = &oidc {
            let issuer = oidc.issuer();
            head.push_str(&format!(
                "  issuers:\n    - {{ issuer: \"{issuer}\", audiences: [\"https://unused.example/mcp\"], claims: {{ groups: groups }} }}\n"
            ));
            page.push_str(&format!(
                "  login: {{ issuer: \"{issuer}\", client_id: page, client_secret: file:./client, {login}scopes: [groups] }}\n"
            ));
        }
        let head = format!("{head}servers:\n{}{page}{TIMES}{channels}", upstream.server("up"));
        let setup = Setup::new(&head, &POLICY.replace("ASSURANCE", assurance))?;
        for (name, secret) in [
            ("client", "page-secret"),
            ("slack", "8f742231b10e8888abcd99yyyzzz85a5"),
            ("token", "xoxb-secret"),
        ]
        .iter()
        .chain(files)
        {
            std::fs::write(setup.path().join(name), secret)?;
        }
        std::fs::write(setup.path().join("hook"), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")?;
        let gateway = setup.start()?;
        let world = World { setup, gateway, oidc, upstream };
        if let Some(oidc) = &world.oidc {
            oidc.admin("page", &json!({ "redirect": format!("{}/login/return", world.page()) }))?;
        }
        Ok(world)
    }

    pub(crate) fn with_provider(assurance: &str) -> Result<World> {
        World::new(assurance, Some(Oidc::start(&["https://unused.example/mcp"])?), "")
    }

    /// The same with more said about logins.
    pub(crate) fn with_provider_and(assurance: &str, login: &str) -> Result<World> {
        World::of(assurance, Some(Oidc::start(&["https://unused.example/mcp"])?), login, "", &[])
    }

    /// Where people find the page.
    pub(crate) fn page(&self) -> String {
        format!("{}/approvals", self.gateway.base().replace("127.0.0.1", "localhost"))
    }

    pub(crate) fn asks(&self, id: u64, arguments: &Value) -> Result<Value> {
        let mut ada = Caller::new(self.gateway.base(), "up", &token("ada"))?;
        Ok(last(&ada.call(id, "echo", arguments)?))
    }

    pub(crate) fn api(&self, who: &str, method: &str, path: &str, body: &Value) -> Result<Http> {
        self.api_with(&token(who), method, path, body)
    }

    /// The same with a token of any kind.
    pub(crate) fn api_with(&self, token: &str, method: &str, path: &str, body: &Value) -> Result<Http> {
        let url = format!("{}/approvals/v1{path}", self.gateway.base());
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        http::send(method, &url, &headers, &if method == "GET" { String::new() } else { body.to_string() })
    }

    /// The one call in this state, as soon as there is one.
    pub(crate) fn one(&self, state: &str) -> Result<Value> {
        let began = Instant::now();
        while began.elapsed() < LIMIT {
            let listed = self.api("bob", "GET", &format!("/approvals?state={state}"), &json!(null))?;
            if let Some(view) = listed.json()["approvals"].as_array().and_then(|all| all.first()) {
                return Ok(view.clone());
            }
        }
        bail!("nothing is {state}")
    }

    pub(crate) fn as_person(&self, user: &str) -> Result<()> {
        let oidc = self.oidc.as_ref().context("a provider")?;
        oidc.admin("person", &json!({ "user": user }))?;
        Ok(())
    }

    pub(crate) fn ran(&self) -> usize {
        self.upstream.seen().iter().filter(|s| s.method() == "tools/call").count()
    }

    pub(crate) fn stop(&mut self) -> Result<Vec<records::Record>> {
        let status = self.gateway.process.terminate(LIMIT)?;
        ensure!(status.success(), "{status}: {}", self.gateway.process.output());
        records::verify(&self.setup.data())?;
        records::read(&self.setup.data())
    }
}

/// The answer of a reply: the last of its events, or its body.
pub(crate) fn last(reply: &Http) -> Value {
    let data = reply.body.lines().filter_map(|line| line.strip_prefix("data: "));
    data.rev().find_map(|d| serde_json::from_str(d).ok()).unwrap_or_else(|| reply.json())
}

/// The auditor's answer about a package of everything.
pub(crate) fn audited(setup: &Setup) -> Result<Value> {
    let package = setup.path().join("all.carnet");
    let mut export = Command::new(binary()?);
    export.args(["evidence", "export", "--data"]).arg(setup.data()).arg("-o").arg(&package);
    let made = export.output()?;
    ensure!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let mut verify = Command::new(records::verifier()?);
    verify.arg(&package).arg("--trust").arg(setup.data().join("log/vkey")).arg("--json");
    Ok(serde_json::from_slice(&verify.output()?.stdout)?)
}

pub(crate) fn text(view: &Value, name: &str) -> String {
    view[name].as_str().unwrap_or_default().to_owned()
}

pub(crate) fn result(reply: &Value) -> String {
    reply["result"]["content"][0]["text"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn the_page_from_login_to_vote() -> Result<()> {
    let mut world = World::with_provider("@assurance(\"login\")")?;
    let asked =
        world.asks(1, &json!({ "to": "petra@example.com", "n": "<script>alert(1)</script>\u{202e}" }))?;
    ensure!(result(&asked).contains("waits for an approval"), "{asked}");
    let view = world.one("pending")?;
    let (id, digest) = (text(&view, "id"), text(&view, "digest"));
    let (page, call) = (world.page(), format!("{}/c/{id}", world.page()));

    // Who is not signed in is sent to the provider, and comes back to where they wanted to go.
    world.as_person("petra")?;
    let mut petra = Visitor::default();
    let (at, shown) = petra.open(&call)?;
    ensure!(at == call && shown.status == 200, "{at} {shown:?}");
    for (name, value) in [
        ("cache-control", "no-store"),
        ("x-frame-options", "DENY"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
    ] {
        ensure!(shown.header(name) == Some(value), "{name}: {shown:?}");
    }
    let policy = shown.header("content-security-policy").unwrap_or_default();
    ensure!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    let body = &shown.body;
    for part in
        ["ada", "echo", "export-needs-dpo", "&lt;b&gt;privacy&lt;/b&gt;", "[EMAIL]", "\\u{202e}", &digest]
    {
        ensure!(body.contains(part), "{part}: {body}");
    }
    for part in ["petra@example.com", "<script>alert", "<b>privacy", "\u{202e}", "onclick"] {
        ensure!(!body.contains(part), "{part}: {body}");
    }
    let csrf = hidden(body, "csrf");
    let vote = format!("{call}/vote");
    let fields =
        [("csrf", csrf.as_str()), ("digest", &digest), ("choice", "approve"), ("reason", "I asked her")];

    // A mail scanner follows every link, with any query and in any method that reads.
    let approving = format!("{vote}?csrf={csrf}&digest={digest}&choice=approve&reason=x");
    for url in [&call, &vote, &approving, &page] {
        for method in ["GET", "HEAD"] {
            petra.send(method, url, &[], "")?;
        }
    }
    // Forms of others, forms without the token, forms for another call.
    let encoded: Vec<String> = fields.iter().map(|(n, v)| format!("{n}={}", encode(v))).collect();
    let form = ("content-type", "application/x-www-form-urlencoded");
    for headers in [
        [form, ("origin", "https://evil.example")],
        [form, ("sec-fetch-site", "cross-site")],
        [("content-type", "text/plain"), ("sec-fetch-site", "same-origin")],
    ] {
        let refused = petra.send("POST", &vote, &headers, &encoded.join("&"))?;
        ensure!(refused.status == 403, "{headers:?}: {refused:?}");
    }
    let other = "A".repeat(43);
    for (n, wrong) in [(0, "stolen"), (1, other.as_str()), (3, "")] {
        let mut changed = fields;
        changed[n].1 = wrong;
        let refused = petra.submit(&vote, &changed)?;
        ensure!(refused.status >= 400, "{changed:?}: {refused:?}");
    }
    ensure!(Visitor::default().submit(&vote, &fields)?.status == 403, "nobody is signed in");
    ensure!(text(&world.one("pending")?, "id") == id, "nothing of that was a vote");

    // Somebody who may not approve sees nothing of it.
    world.as_person("alice")?;
    let (_, hers) = Visitor::default().open(&call)?;
    ensure!(hers.status == 404 && !hers.body.contains("echo"), "{hers:?}");

    let done = petra.submit(&vote, &fields)?;
    ensure!(done.status == 303 && done.header("location").is_some_and(|l| l.ends_with(&id)), "{done:?}");
    let again =
        world.asks(2, &json!({ "to": "petra@example.com", "n": "<script>alert(1)</script>\u{202e}" }))?;
    ensure!(result(&again).contains("alert(1)"), "{again}");
    ensure!(world.ran() == 1);
    // Signed out is signed out.
    let out = petra.submit(&format!("{page}/logout"), &[("csrf", csrf.as_str())])?;
    ensure!(out.status == 200 && petra.submit(&vote, &fields)?.status == 403);
    let records = world.stop()?;
    let votes: Vec<_> = records.iter().filter(|r| r.ty == LeafType::ApprovalVote).collect();
    ensure!(votes.len() == 1, "{votes:?}");
    let said = &votes[0].disclosed["approval"];
    ensure!(
        said["proof"]["by"] == "login" && said["channel"] == "page" && said["digest"] == digest,
        "{said}"
    );
    Ok(())
}

#[test]
fn a_login_is_begun_and_ended_in_one_browser() -> Result<()> {
    let world = World::with_provider("")?;
    world.as_person("petra")?;
    // Petra begins a login and stops before the end: what she would bring back is sent to somebody else's browser.
    let mut petra = Visitor::default();
    let mut url = format!("{}/login", world.page());
    let mut back = None;
    for _ in 0..20 {
        let reply = petra.send("GET", &url, &[], "")?;
        let next = reply.header("location").context("a redirect")?.to_owned();
        if next.contains("/login/return?") {
            back = Some(next);
            break;
        }
        url = if next.starts_with('/') {
            format!("{}{next}", world.oidc.as_ref().context("one")?.issuer())
        } else {
            next
        };
    }
    let back = back.context("an answer of the provider")?;
    let mut victim = Visitor::default();
    ensure!(victim.send("GET", &back, &[], "")?.status == 403, "a login of somebody else's");
    ensure!(petra.send("GET", &back, &[], "")?.status == 403, "and then it is used up");
    // Nowhere but to a page of ours afterwards.
    for next in ["https://evil.example", "//evil.example", "/\\evil.example", "/c/%0d%0aSet-Cookie:x=1"] {
        let (at, _) = Visitor::default().open(&format!("{}/login?next={}", world.page(), encode(next)))?;
        ensure!(at.starts_with(&world.page()), "{next}: {at}");
    }
    Ok(())
}

#[test]
fn a_passkey_in_a_real_browser() -> Result<()> {
    let Some(mut browser) = Browser::start()? else { return Ok(()) };
    let mut world = World::with_provider("@assurance(\"passkey\")")?;
    let arguments = json!({ "to": "x", "n": 1 });
    world.asks(1, &arguments)?;
    let view = world.one("pending")?;
    let (id, digest) = (text(&view, "id"), text(&view, "digest"));
    let call = format!("{}/c/{id}", world.page());

    // Neither a token nor a login is enough.
    let ballot = json!({ "choice": "approve", "reason": "x", "digest": digest });
    let refused = world.api("bob", "POST", &format!("/approvals/{id}/votes"), &ballot)?;
    ensure!(refused.status == 409 && refused.json()["title"] == "rule", "{refused:?}");
    world.as_person("petra")?;
    let shown = browser.ask(&format!("open {call}"))?;
    ensure!(text(&shown, "text").contains("This needs a passkey"), "{shown}");

    browser.ask(&format!("open {}/login?fresh=1&next=/keys", world.page()))?;
    let kept = browser.ask("register Petra's laptop")?;
    ensure!(text(&kept, "text").contains("Petra's laptop"), "{kept}");

    // An authenticator that does not know its user signs nothing that counts.
    browser.ask(&format!("open {call}"))?;
    browser.ask("verified false")?;
    let refused = browser.ask("approve without a finger")?;
    ensure!(text(&refused, "text").contains("Nothing was sent"), "{refused}");
    ensure!(text(&world.one("pending")?, "id") == id);
    browser.ask("verified true")?;
    browser.ask(&format!("open {call}"))?;
    let done = browser.ask("approve I looked at it")?;
    ensure!(text(&done, "text").contains("approved") && text(&done, "url") == call, "{done}");
    let violations = browser.ask("violations")?;
    ensure!(violations["violations"].as_array().is_some_and(Vec::is_empty), "{violations}");

    ensure!(result(&world.asks(2, &arguments)?).contains("\"n\":1"));
    let records = world.stop()?;
    let vote = records.iter().find(|r| r.ty == LeafType::ApprovalVote).context("a vote")?;
    let proof = &vote.disclosed["approval"]["proof"];
    ensure!(proof["by"] == "passkey" && vote.disclosed["approval"]["assurance"] == "passkey", "{proof}");
    // The record of its registration is named, and has what it takes to check the signature again.
    let registered = proof["registered"].as_u64().context("the key's record")?;
    let key = records.iter().find(|r| r.index == registered).context("the record")?;
    let kept: Value = serde_json::from_str(key.text("detail"))?;
    ensure!(kept["credential"] == proof["credential"] && kept["rp_id"] == "localhost", "{kept}");
    let report = audited(&world.setup)?;
    ensure!(report["holds"] == true, "{report:#}");
    Ok(())
}

#[test]
fn the_api_is_as_its_description_says() -> Result<()> {
    let mut world = World::new("", None, "")?;
    let url = format!("{}/approvals/v1/openapi.json", world.gateway.base());
    let document = http::send("GET", &url, &[], "")?;
    ensure!(document.status == 200);
    let file = world.setup.path().join("openapi.json");
    std::fs::write(&file, &document.body)?;
    let python = peers::folder()?.join("py/openapi/bin/python");
    let valid = Command::new(python).args(["-m", "openapi_spec_validator"]).arg(&file).output()?;
    ensure!(valid.status.success(), "{}", String::from_utf8_lossy(&valid.stdout));

    world.asks(1, &json!({ "to": "x", "n": 2 }))?;
    let view = world.one("pending")?;
    let (id, digest) = (text(&view, "id"), text(&view, "digest"));
    // What is described is there, and nothing else at these paths.
    let described = document.json()["paths"].as_object().cloned().context("paths")?;
    ensure!(described.len() >= 13, "{described:?}");
    for (path, methods) in &described {
        let at = path.replace("{id}", &id).replace("{number}", "1");
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            let reply = world.api("bob", method, &at, &json!({}))?;
            let known = methods.get(method.to_lowercase()).is_some();
            ensure!((reply.status != 404) == known, "{method} {path}: {reply:?}");
        }
    }
    let path = format!("/approvals/{id}");
    let ballot =
        |choice: &str, digest: &str| json!({ "choice": choice, "reason": "because", "digest": digest });
    let cases = [
        ("nobody", "GET", path.clone(), json!(null), 401, "not-signed-in"),
        ("ada", "GET", path.clone(), json!(null), 404, "unknown"),
        ("ada", "POST", format!("{path}/votes"), ballot("approve", &digest), 404, "unknown"),
        ("bob", "POST", format!("{path}/votes"), ballot("approve", &"A".repeat(43)), 409, "rule"),
        ("bob", "POST", format!("{path}/votes"), ballot("perhaps", &digest), 409, "rule"),
        ("bob", "POST", format!("{path}/votes"), json!({ "choice": "approve" }), 409, "rule"),
        ("bob", "POST", format!("{path}/break-glass"), json!({ "reason": "x" }), 403, "not-permitted"),
        ("bob", "GET", format!("{path}/votes"), json!(null), 404, "unknown"),
        ("bob", "DELETE", path.clone(), json!(null), 404, "unknown"),
        ("bob", "GET", "/messages".to_owned(), json!(null), 403, "not-permitted"),
    ];
    for (who, method, path, body, status, title) in cases {
        let reply = world.api(who, method, &path, &body)?;
        ensure!(reply.status == status && reply.json()["title"] == title, "{who} {method} {path}: {reply:?}");
        ensure!(reply.header("content-type") == Some("application/problem+json"));
    }
    let done = world.api("bob", "POST", &format!("{path}/votes"), &ballot("approve", &digest))?;
    ensure!(done.status == 200 && done.json()["state"] == "approved", "{done:?}");
    let back = world.api("bob", "POST", &format!("{path}/revoke"), &json!({ "reason": "I was wrong" }))?;
    ensure!(back.status == 200 && back.json()["state"] == "revoked", "{back:?}");
    ensure!(world.ran() == 0);
    world.stop()?;
    Ok(())
}

/// A fake of Slack: takes what is posted, and says where it stands.
fn slack() -> Result<Upstream> {
    Upstream::start(|_: &Seen| {
        Reply::Http(200, Vec::new(), r#"{"ok":true,"channel":"C1","ts":"17.1"}"#.to_owned())
    })
}

fn slack_channel(slack: &Upstream, region: &str) -> String {
    format!(
        "  channels:\n    chat:\n      region: {region}\n      slack:\n        api: http://{}/api\n        token: file:./token\n        \
         signing_secret: file:./slack\n        channel: C1\n        people:\n          - {{ user: U1, subject: pia, \
         issuer: \"https://idp.example\", groups: [privacy] }}\n          - {{ user: U2, subject: ada, issuer: \
         \"https://idp.example\", groups: [privacy] }}\n",
        slack.address()
    )
}

/// What Slack sends when somebody presses a button: headers and body.
fn press(
    user: &str,
    action: &str,
    value: &str,
    reason: &str,
    at: i64,
    secret: &str,
    fake: &Upstream,
) -> (Vec<(String, String)>, String) {
    let payload = json!({
        "type": "block_actions",
        "user": { "id": user },
        "response_url": format!("http://{}/respond", fake.address()),
        "state": { "values": { "reason": { "reason": { "type": "plain_text_input", "value": reason } } } },
        "actions": [{ "action_id": action, "value": value }],
    });
    let body = format!("payload={}", encode(&payload.to_string()));
    let signature =
        carnet_tests::visitor::hmac_sha256(secret.as_bytes(), format!("v0:{at}:{body}").as_bytes());
    let headers = vec![
        ("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned()),
        ("x-slack-request-timestamp".to_owned(), at.to_string()),
        ("x-slack-signature".to_owned(), format!("v0={signature}")),
    ];
    (headers, body)
}

pub(crate) fn wait_for<T>(what: &str, mut find: impl FnMut() -> Option<T>) -> Result<T> {
    let began = Instant::now();
    while began.elapsed() < LIMIT {
        if let Some(found) = find() {
            return Ok(found);
        }
        std::thread::yield_now();
    }
    bail!("never: {what}")
}

fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or_default()
}

const SIGNING: &str = "8f742231b10e8888abcd99yyyzzz85a5";

#[test]
fn slack_carries_a_vote_and_nothing_forged() -> Result<()> {
    let fake = slack()?;
    let mut world = World::new("", None, &slack_channel(&fake, "de"))?;
    let arguments = json!({ "to": "x@example.com", "n": 3 });
    world.asks(1, &arguments)?;
    let view = world.one("pending")?;
    let value = format!("{}.{}", text(&view, "id"), text(&view, "digest"));
    let posted = wait_for("a message", || {
        fake.seen().iter().find(|s| s.line.contains("chat.postMessage")).map(Seen::json)
    })?;
    ensure!(posted["channel"] == "C1" && posted["blocks"].to_string().contains(&value), "{posted}");
    ensure!(posted.to_string().contains("[EMAIL]") && !fake.saw("x@example.com"), "the masked view only");

    let url = format!("{}/approvals/slack/chat", world.gateway.base());
    let send = |(headers, body): (Vec<(String, String)>, String)| {
        let headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        http::send("POST", &url, &headers, &body)
    };
    let good = || press("U1", "approve", &value, "fine", now(), SIGNING, &fake);
    // Forged, late, from the future, and another body under a good signature.
    ensure!(send(press("U1", "approve", &value, "x", now(), "guess", &fake))?.status == 401);
    ensure!(send(press("U1", "approve", &value, "x", now() - 301, SIGNING, &fake))?.status == 401);
    ensure!(send(press("U1", "approve", &value, "x", now() + 301, SIGNING, &fake))?.status == 401);
    let (headers, body) = good();
    ensure!(send((headers, body.replace("U1", "U9")))?.status == 401);
    ensure!(send((Vec::new(), good().1))?.status == 401);
    ensure!(http::send("GET", &url, &[], "")?.status == 405);
    // Signed, and still no vote: nobody's account, the requester's own second account, no reason, another call.
    let zeros = format!("{}.{}", text(&view, "id"), "A".repeat(43));
    for (user, value, reason) in
        [("U7", &value, "x"), ("U2", &value, "x"), ("U1", &value, " "), ("U1", &zeros, "x")]
    {
        let before = fake.seen().iter().filter(|s| s.line.contains("/respond")).count();
        ensure!(send(press(user, "approve", value, reason, now(), SIGNING, &fake))?.status == 200);
        wait_for("a word to who pressed", || {
            (fake.seen().iter().filter(|s| s.line.contains("/respond")).count() > before).then_some(())
        })?;
    }
    ensure!(text(&world.one("pending")?, "digest") == text(&view, "digest"), "nothing of that was a vote");

    let once = good();
    ensure!(send(once.clone())?.status == 200);
    ensure!(send(once)?.status == 401, "the same request again");
    let updated = wait_for("the message brought up to date", || {
        fake.seen().iter().find(|s| s.line.contains("chat.update")).map(Seen::json)
    })?;
    ensure!(updated["ts"] == "17.1" && updated["blocks"].to_string().contains("approved"), "{updated}");
    ensure!(result(&world.asks(2, &arguments)?).contains("\"n\":3"));
    let records = world.stop()?;
    let vote = records.iter().find(|r| r.ty == LeafType::ApprovalVote).context("a vote")?;
    let said = &vote.disclosed["approval"];
    ensure!(said["proof"]["by"] == "chat" && said["voter"]["subject"] == "pia", "{said}");
    Ok(())
}

#[test]
fn a_chat_is_not_enough_where_a_policy_wants_more() -> Result<()> {
    let fake = slack()?;
    let world = World::new("@assurance(\"passkey\")", None, &slack_channel(&fake, "de"))?;
    world.asks(1, &json!({ "to": "x" }))?;
    let view = world.one("pending")?;
    let posted = wait_for("a message", || {
        fake.seen().iter().find(|s| s.line.contains("chat.postMessage")).map(Seen::json)
    })?;
    ensure!(!posted.to_string().contains("\"approve\""), "no button that would not count: {posted}");
    let value = format!("{}.{}", text(&view, "id"), text(&view, "digest"));
    let (headers, body) = press("U1", "approve", &value, "x", now(), SIGNING, &fake);
    let headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let url = format!("{}/approvals/slack/chat", world.gateway.base());
    ensure!(http::send("POST", &url, &headers, &body)?.status == 200);
    let word = wait_for("a word to who pressed", || {
        fake.seen().iter().find(|s| s.line.contains("/respond")).map(Seen::json)
    })?;
    ensure!(word["text"].as_str().is_some_and(|t| t.contains("not approved")), "{word}");
    ensure!(text(&world.one("pending")?, "id") == text(&view, "id"));
    Ok(())
}

#[test]
fn content_goes_only_where_transfer_lets_it() -> Result<()> {
    let fake = slack()?;
    let world = World::new("", None, &slack_channel(&fake, "us"))?;
    world.asks(1, &json!({ "to": "x@example.com", "n": 3 }))?;
    let posted = wait_for("a message", || {
        fake.seen().iter().find(|s| s.line.contains("chat.postMessage")).map(Seen::json)
    })?;
    let posted = posted.to_string();
    for content in ["ada", "echo", "[EMAIL]", "export-needs-dpo"] {
        ensure!(!posted.contains(content), "{content}: {posted}");
    }
    ensure!(posted.contains("do not let its content go"), "{posted}");
    Ok(())
}

#[test]
fn a_webhook_that_fails_is_tried_again_dies_and_is_sent_again() -> Result<()> {
    let works = Arc::new(Mutex::new(false));
    let switch = works.clone();
    let fake = Upstream::start(move |_: &Seen| {
        let status = if switch.lock().is_ok_and(|works| *works) { 200 } else { 500 };
        Reply::Http(status, Vec::new(), String::new())
    })?;
    let channels = format!(
        "  channels:\n    hook:\n      region: de\n      on: [requested]\n      webhook: {{ url: \"http://{}/in\", secret: file:./hook }}\n",
        fake.address()
    );
    let mut world = World::new("", None, &channels)?;
    world.asks(1, &json!({ "to": "x" }))?;
    let dead = |world: &World| -> Option<Vec<Value>> {
        let listed = world.api("ops", "GET", "/messages", &json!(null)).ok()?.json();
        listed["messages"].as_array().filter(|all| !all.is_empty()).cloned()
    };
    let letter = wait_for("a dead letter", || dead(&world))?[0].clone();
    ensure!(
        letter["tries"] == 3 && letter["error"] == "status 500" && letter["channel"] == "hook",
        "{letter}"
    );
    ensure!(fake.seen().len() == 3);
    let ids: Vec<_> =
        fake.seen().iter().map(|s| s.headers.iter().find(|(n, _)| n == "webhook-id").cloned()).collect();
    ensure!(ids[0].is_some() && ids.iter().all(|id| *id == ids[0]), "the same name each time: {ids:?}");
    // Dead letters outlive the process.
    world.gateway.process.kill()?;
    world.gateway = world.setup.start()?;
    ensure!(wait_for("the dead letter", || dead(&world))?.len() == 1);
    *works.lock().map_err(|_| anyhow::anyhow!("poisoned"))? = true;
    let retry = world.api("ops", "POST", &format!("/messages/{}/retry", letter["number"]), &json!({}))?;
    ensure!(retry.status == 200, "{retry:?}");
    wait_for("the message", || (fake.seen().len() == 4).then_some(()))?;
    wait_for("no dead letter", || dead(&world).is_none().then_some(()))?;
    Ok(())
}
