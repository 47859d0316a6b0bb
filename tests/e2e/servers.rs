//! The real servers from the registries, how each is started, and what is asked of it.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use carnet_tests::driver::Reach;
use carnet_tests::peers::{self, Postgres};
use carnet_tests::process::Process;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A server, ready to be driven.
pub(crate) struct Server {
    pub(crate) name: &'static str,
    /// How it is reached without the gateway, and by the gateway.
    pub(crate) reach: Reach,
    /// Steps that leave the server as it was, so that two clients see the same.
    pub(crate) steps: Vec<Value>,
    /// What the results hold that must never come out unmasked.
    pub(crate) sensitive: &'static [&'static str],
    /// What the server needs while it runs.
    _kept: Vec<Box<dyn std::any::Any + Send + Sync>>,
}

/// What the prepared files and rows hold.
const PERSONAL: &[&str] = &["greta.lindqvist@example.org", "DE89370400440532013000", "4111111111111111"];
const LINE: &str =
    "Greta Lindqvist, greta.lindqvist@example.org, DE89370400440532013000, card 4111111111111111";

fn call(name: &str, arguments: Value) -> Value {
    json!({ "do": "tools/call", "name": name, "arguments": arguments })
}

fn list() -> Value {
    json!({ "do": "tools/list" })
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

pub(crate) fn node(file: &str, args: &[&str]) -> Result<Vec<String>> {
    let entry = peers::npm("servers", file)?;
    let mut command = vec![text(&peers::node()?), text(&entry)];
    command.extend(args.iter().map(|a| (*a).to_owned()));
    Ok(command)
}

pub(crate) fn python(place: &str, program: &str, args: &[&str]) -> Result<Vec<String>> {
    let mut command = vec![text(&peers::folder()?.join("py").join(place).join("bin").join(program))];
    command.extend(args.iter().map(|a| (*a).to_owned()));
    Ok(command)
}

/// Those that their clients start; those on PostgreSQL only where there is one.
pub(crate) fn over_stdio() -> Result<Vec<Server>> {
    let mut servers =
        vec![fixture()?, filesystem()?, memory()?, everything()?, git()?, time()?, sqlite()?, fetch()?];
    if let Some(postgres) = Postgres::start()? {
        let postgres = std::sync::Arc::new(postgres);
        servers.push(dbhub(postgres.clone())?);
        servers.push(server_postgres(postgres)?);
    }
    Ok(servers)
}

/// Three for the cells of a front.
pub(crate) fn behind_a_front() -> Result<Vec<Server>> {
    Ok(vec![fixture()?, filesystem()?, everything()?])
}

/// Those that listen themselves.
pub(crate) fn over_http() -> Result<Vec<Server>> {
    let running = peers::fixture()?;
    let mut fixture = fixture()?;
    fixture.name = "fixture-http";
    fixture.reach = Reach::Http(running.ready.clone(), None);
    fixture._kept.push(Box::new(running));
    let mut servers = vec![fixture, everything_listening("streamableHttp")?, everything_listening("sse")?];
    if let Some(postgres) = Postgres::start()? {
        servers.push(dbhub_listening(std::sync::Arc::new(postgres))?);
    }
    Ok(servers)
}

/// A port that was free just now, for programs that cannot be told to choose one. On a clash they do not start, and say so.
fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn everything_listening(mode: &'static str) -> Result<Server> {
    let mut server = everything()?;
    let Reach::Stdio(command) = &server.reach else { unreachable!() };
    let (program, arguments) = command.split_first().context("a command")?;
    let port = free_port()?;
    let mut process = Command::new(program);
    process.args(&arguments[..arguments.len() - 1]).arg(mode).env("PORT", port.to_string());
    let running = Process::start(process, &format!("on port {port}"))?;
    let base = format!("http://127.0.0.1:{port}");
    (server.name, server.reach) = match mode {
        "sse" => ("everything-sse", Reach::Sse(format!("{base}/sse"), None)),
        _ => ("everything-http", Reach::Http(format!("{base}/mcp"), None)),
    };
    server._kept.push(Box::new(running));
    Ok(server)
}

fn dbhub_listening(postgres: std::sync::Arc<Postgres>) -> Result<Server> {
    let mut server = dbhub(postgres.clone())?;
    let port = free_port()?;
    let dsn = format!("{}?sslmode=disable", postgres.url);
    let command = node(
        "@bytebase/dbhub/dist/index.js",
        &["--transport", "http", "--host", "127.0.0.1", "--port", &port.to_string(), "--dsn", &dsn],
    )?;
    let (program, arguments) = command.split_first().context("a command")?;
    let mut process = Command::new(program);
    process.args(arguments);
    let running = Process::start(process, &format!(":{port}/mcp"))?;
    server.name = "dbhub-http";
    server.reach = Reach::Http(format!("http://127.0.0.1:{port}/mcp"), None);
    server._kept.push(Box::new(running));
    Ok(server)
}

fn fixture() -> Result<Server> {
    let steps = vec![
        list(),
        call("customers_text", json!({})),
        call("customers_structured", json!({})),
        call("customers_both", json!({})),
        call("test_image_content", json!({})),
        call("test_error_handling", json!({})),
        call("no_such_tool", json!({})),
        // What the server asks of the client, or tells it, meanwhile: by requests to legacy clients, by
        // `input_required` to others.
        call("test_sampling", json!({ "prompt": "Which city?" })),
        call("test_elicitation", json!({ "message": "Who are you?" })),
        call("test_tool_with_logging", json!({})),
        call("test_tool_with_progress", json!({})),
        call("test_input_required_result_elicitation", json!({})),
        call("test_input_required_result_sampling", json!({})),
        call("test_input_required_result_list_roots", json!({})),
        call("test_input_required_result_multi_round", json!({})),
        json!({ "do": "resources/list" }),
        json!({ "do": "resources/templates/list" }),
        json!({ "do": "resources/read", "uri": "test://customers" }),
        json!({ "do": "prompts/list" }),
        json!({ "do": "prompts/get", "name": "customer_letter" }),
    ];
    let command = vec![text(&peers::fixture_binary()?)];
    Ok(Server { name: "fixture", reach: Reach::Stdio(command), steps, sensitive: PERSONAL, _kept: vec![] })
}

fn filesystem() -> Result<Server> {
    let dir = TempDir::new()?;
    let file = dir.path().join("customers.txt");
    fs::write(&file, LINE)?;
    let steps = vec![
        list(),
        call("read_text_file", json!({ "path": text(&file) })),
        call("list_directory", json!({ "path": text(dir.path()) })),
        call("read_text_file", json!({ "path": "/etc/passwd" })),
    ];
    let command = node("@modelcontextprotocol/server-filesystem/dist/index.js", &[&text(dir.path())])?;
    Ok(Server {
        name: "filesystem",
        reach: Reach::Stdio(command),
        steps,
        sensitive: PERSONAL,
        _kept: vec![Box::new(dir)],
    })
}

fn memory() -> Result<Server> {
    let dir = TempDir::new()?;
    let file = dir.path().join("memory.jsonl");
    fs::write(
        &file,
        json!({ "type": "entity", "name": "Greta", "entityType": "person", "observations": [LINE] })
            .to_string(),
    )?;
    let mut command = vec!["env".to_owned(), format!("MEMORY_FILE_PATH={}", text(&file))];
    command.extend(node("@modelcontextprotocol/server-memory/dist/index.js", &[])?);
    let steps =
        vec![list(), call("read_graph", json!({})), call("search_nodes", json!({ "query": "Greta" }))];
    Ok(Server {
        name: "memory",
        reach: Reach::Stdio(command),
        steps,
        sensitive: PERSONAL,
        _kept: vec![Box::new(dir)],
    })
}

fn everything() -> Result<Server> {
    let steps = vec![
        list(),
        call("echo", json!({ "message": LINE })),
        call("get-sum", json!({ "a": 2, "b": 3 })),
        call("get-tiny-image", json!({})),
        call("get-structured-content", json!({ "location": "New York" })),
        json!({ "do": "prompts/list" }),
        json!({ "do": "resources/templates/list" }),
    ];
    let command = node("@modelcontextprotocol/server-everything/dist/index.js", &["stdio"])?;
    Ok(Server { name: "everything", reach: Reach::Stdio(command), steps, sensitive: PERSONAL, _kept: vec![] })
}

fn git() -> Result<Server> {
    let dir = TempDir::new()?;
    fs::write(dir.path().join("customers.txt"), LINE)?;
    let git = |args: &[&str]| -> Result<()> {
        let identity = ["-c", "user.name=Greta Lindqvist", "-c", "user.email=greta.lindqvist@example.org"];
        let done =
            Command::new("git").current_dir(dir.path()).args(identity).args(args).output().context("git")?;
        anyhow::ensure!(done.status.success(), "git {args:?}");
        Ok(())
    };
    git(&["init", "-q", "-b", "main"])?;
    git(&["add", "."])?;
    git(&["commit", "-q", "-m", LINE])?;
    let repo = text(dir.path());
    let steps = vec![
        list(),
        call("git_log", json!({ "repo_path": repo, "max_count": 3 })),
        call("git_show", json!({ "repo_path": repo, "revision": "HEAD" })),
        call("git_status", json!({ "repo_path": repo })),
    ];
    let command = python("git", "mcp-server-git", &["--repository", &repo])?;
    Ok(Server {
        name: "git",
        reach: Reach::Stdio(command),
        steps,
        sensitive: PERSONAL,
        _kept: vec![Box::new(dir)],
    })
}

fn time() -> Result<Server> {
    let convert =
        json!({ "source_timezone": "Europe/Berlin", "time": "12:00", "target_timezone": "Asia/Tokyo" });
    let steps = vec![
        list(),
        call("convert_time", convert),
        call("get_current_time", json!({ "timezone": "Nowhere/Land" })),
    ];
    let command = python("time", "mcp-server-time", &["--local-timezone", "Europe/Berlin"])?;
    Ok(Server { name: "time", reach: Reach::Stdio(command), steps, sensitive: &[], _kept: vec![] })
}

fn sqlite() -> Result<Server> {
    let dir = TempDir::new()?;
    let file = dir.path().join("crm.db");
    let program = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('create table customers (id, line)'); \
                   c.execute('insert into customers values (1, ?)', [sys.argv[2]]); c.commit()";
    let python_file = peers::folder()?.join("py/sqlite/bin/python");
    let made = Command::new(python_file).args(["-c", program, &text(&file), LINE]).status()?;
    anyhow::ensure!(made.success(), "the SQLite file");
    let steps = vec![
        list(),
        call("read_query", json!({ "query": "select * from customers" })),
        json!({ "do": "resources/list" }),
    ];
    let command = python("sqlite", "mcp-server-sqlite", &["--db-path", &text(&file)])?;
    Ok(Server {
        name: "sqlite",
        reach: Reach::Stdio(command),
        steps,
        sensitive: PERSONAL,
        _kept: vec![Box::new(dir)],
    })
}

fn fetch() -> Result<Server> {
    let dir = TempDir::new()?;
    fs::write(dir.path().join("customers.txt"), LINE)?;
    let mut site = Command::new(peers::folder()?.join("py/fetch/bin/python"));
    site.args(["-u", "-m", "http.server", "--bind", "127.0.0.1", "--directory"]).arg(dir.path()).arg("0");
    let site = Process::start(site, "(http://")?;
    let host = site.ready.split('/').next().unwrap_or_default().to_owned();
    let steps = vec![list(), call("fetch", json!({ "url": format!("http://{host}/customers.txt") }))];
    let command = python("fetch", "mcp-server-fetch", &["--ignore-robots-txt", "--allow-private-ips"])?;
    Ok(Server {
        name: "fetch",
        reach: Reach::Stdio(command),
        steps,
        sensitive: PERSONAL,
        _kept: vec![Box::new(site), Box::new(dir)],
    })
}

fn dbhub(postgres: std::sync::Arc<Postgres>) -> Result<Server> {
    let command = node(
        "@bytebase/dbhub/dist/index.js",
        &["--transport", "stdio", "--dsn", &format!("{}?sslmode=disable", postgres.url)],
    )?;
    let steps = vec![list(), call("execute_sql", json!({ "sql": "select * from customers order by name" }))];
    Ok(Server {
        name: "dbhub",
        reach: Reach::Stdio(command),
        steps,
        sensitive: PERSONAL,
        _kept: vec![Box::new(postgres)],
    })
}

fn server_postgres(postgres: std::sync::Arc<Postgres>) -> Result<Server> {
    let entry = peers::npm("postgres", "@modelcontextprotocol/server-postgres/dist/index.js")?;
    let command = vec![text(&peers::node()?), text(&entry), postgres.url.clone()];
    let steps = vec![
        list(),
        call("query", json!({ "sql": "select * from customers order by name" })),
        json!({ "do": "resources/list" }),
    ];
    Ok(Server {
        name: "postgres",
        reach: Reach::Stdio(command),
        steps,
        sensitive: PERSONAL,
        _kept: vec![Box::new(postgres)],
    })
}
