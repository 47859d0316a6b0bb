//! A light upstream in the test's own process: it notes every request as it came, bytes and headers, and answers what
//! the test says, which may be wrong, late, endless or nothing at all. HTTP is written by hand so that it can be.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use anyhow::{Context, Result};
use serde_json::{Value, json};

/// One request.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Method and path of its first line.
    pub line: String,
    /// Names (lower case) and values, in order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Seen {
    /// The body as JSON; null if it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    /// The JSON-RPC method, empty for responses and for requests without a body.
    #[must_use]
    pub fn method(&self) -> String {
        self.json()["method"].as_str().unwrap_or_default().to_owned()
    }

    /// The tool that is called.
    #[must_use]
    pub fn tool(&self) -> String {
        self.json()["params"]["name"].as_str().unwrap_or_default().to_owned()
    }

    /// A result for this request.
    #[must_use]
    pub fn result(&self, result: Value) -> Reply {
        Reply::Json(json!({"jsonrpc": "2.0", "id": self.json()["id"], "result": result}))
    }

    /// A tool's result of one text.
    #[must_use]
    pub fn text(&self, text: &str) -> Reply {
        self.result(json!({"content": [{"type": "text", "text": text}]}))
    }
}

/// What the upstream does with a request.
pub enum Reply {
    /// One JSON document, status 200.
    Json(Value),
    /// A status, headers and a body.
    Http(u16, Vec<(&'static str, String)>, String),
    /// An event stream of these data, which ends.
    Events(Vec<String>),
    /// An event stream of these data, which stays open until the other side closes it.
    Open(Vec<String>),
    /// An event stream of this text without end, as fast as it is taken. It stands in the stream as it is.
    Endless(String),
    /// These bytes, and the connection closes.
    Raw(Vec<u8>),
    /// Nothing until the gate opens; then the reply.
    Held(Arc<Gate>, Box<Reply>),
}

/// Something to wait for.
#[derive(Default)]
pub struct Gate {
    open: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    /// Lets everybody through who waits or comes.
    pub fn open(&self) {
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.opened.notify_all();
    }

    fn wait(&self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        while !*open {
            open = self.opened.wait(open).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

type Behaviour = dyn Fn(&Seen) -> Reply + Send + Sync;

/// A running upstream; it ends with the process.
pub struct Upstream {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Upstream {
    /// An upstream that does what `behaviour` says.
    ///
    /// # Errors
    /// When no socket can be had.
    pub fn start(behaviour: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Result<Upstream> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let upstream = Upstream { address: listener.local_addr()?, seen: Arc::default() };
        let (seen, behaviour): (_, Arc<Behaviour>) = (upstream.seen.clone(), Arc::new(behaviour));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (seen, behaviour) = (seen.clone(), behaviour.clone());
                thread::spawn(move || serve(stream, &seen, &*behaviour));
            }
        });
        Ok(upstream)
    }

    /// An upstream with the tools of [`echo`].
    ///
    /// # Errors
    /// As [`Upstream::start`].
    pub fn echo() -> Result<Upstream> {
        Upstream::start(echo)
    }

    /// Its address for a configuration.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/mcp", self.address)
    }

    /// Host and port.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The lines of a configuration that put it behind the gateway under this name.
    #[must_use]
    pub fn server(&self, name: &str) -> String {
        format!("  {name}:\n    url: {}\n    region: de\n", self.url())
    }

    /// Every request so far.
    pub fn seen(&self) -> MutexGuard<'_, Vec<Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a text stood in any request, in its headers or its body.
    #[must_use]
    pub fn saw(&self, text: &str) -> bool {
        self.seen().iter().any(|s| {
            s.body.contains(text) || s.line.contains(text) || s.headers.iter().any(|(_, v)| v.contains(text))
        })
    }
}

/// A server without sessions whose tools give back the text of their arguments.
#[must_use]
pub fn echo(seen: &Seen) -> Reply {
    match seen.method().as_str() {
        "initialize" => seen.result(json!({
            "protocolVersion": "2025-11-25",
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "light", "version": "1"},
        })),
        "tools/list" => seen.result(json!({"tools": [
            {"name": "echo", "description": "Gives back its arguments.", "inputSchema": {"type": "object"}},
        ]})),
        "tools/call" => seen.text(&seen.json()["params"]["arguments"].to_string()),
        _ if seen.json()["id"].is_null() => Reply::Http(202, Vec::new(), String::new()),
        _ => seen.result(json!({})),
    }
}

fn serve(mut stream: TcpStream, seen: &Mutex<Vec<Seen>>, behaviour: &Behaviour) {
    let _slower = stream.set_nodelay(true);
    let mut buffer = Vec::new();
    while let Ok(request) = read(&mut stream, &mut buffer) {
        let reply = behaviour(&request);
        seen.lock().unwrap_or_else(PoisonError::into_inner).push(request);
        match write(&mut stream, reply) {
            Ok(true) => {}
            Ok(false) | Err(_) => return,
        }
    }
}

fn read(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Result<Seen> {
    let end = loop {
        if let Some(end) = buffer.windows(4).position(|w| w == b"\r\n\r\n") {
            break end + 4;
        }
        more(stream, buffer)?;
    };
    let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let line = lines.next().unwrap_or_default().to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|l| l.split_once(':'))
        .map(|(n, v)| (n.to_ascii_lowercase(), v.trim().to_owned()))
        .collect();
    let length = headers.iter().find(|(n, _)| n == "content-length").map_or("0", |(_, v)| v);
    let whole = end + length.parse::<usize>().context("content-length")?;
    while buffer.len() < whole {
        more(stream, buffer)?;
    }
    let body = String::from_utf8_lossy(&buffer[end..whole]).into_owned();
    buffer.drain(..whole);
    Ok(Seen { line, headers, body })
}

fn more(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Result<()> {
    let mut chunk = [0; 16 << 10];
    let n = stream.read(&mut chunk)?;
    anyhow::ensure!(n > 0, "closed");
    buffer.extend_from_slice(&chunk[..n]);
    Ok(())
}

/// Whether the connection can be used again.
fn write(stream: &mut TcpStream, reply: Reply) -> Result<bool> {
    match reply {
        Reply::Json(value) => {
            whole(stream, 200, &[("content-type", "application/json".into())], &value.to_string())
        }
        Reply::Http(status, headers, body) => whole(stream, status, &headers, &body),
        Reply::Held(gate, reply) => {
            gate.wait();
            write(stream, *reply)
        }
        Reply::Raw(bytes) => {
            stream.write_all(&bytes)?;
            Ok(false)
        }
        Reply::Events(data) => {
            stream.write_all(EVENTS)?;
            events(stream, &data)?;
            stream.write_all(b"0\r\n\r\n")?;
            Ok(true)
        }
        Reply::Open(data) => {
            stream.write_all(EVENTS)?;
            events(stream, &data)?;
            // Until the other side closes.
            let _n = stream.read(&mut [0; 1])?;
            Ok(false)
        }
        Reply::Endless(text) => {
            stream.write_all(EVENTS)?;
            loop {
                chunk(stream, text.as_bytes())?;
            }
        }
    }
}

const EVENTS: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

fn events(stream: &mut TcpStream, data: &[String]) -> Result<()> {
    data.iter().try_for_each(|data| chunk(stream, format!("event: message\ndata: {data}\n\n").as_bytes()))
}

fn chunk(stream: &mut TcpStream, bytes: &[u8]) -> Result<()> {
    stream.write_all(format!("{:x}\r\n", bytes.len()).as_bytes())?;
    stream.write_all(bytes)?;
    stream.write_all(b"\r\n")?;
    Ok(())
}

fn whole(
    stream: &mut TcpStream,
    status: u16,
    headers: &[(&'static str, String)],
    body: &str,
) -> Result<bool> {
    let mut head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    head.push_str(body);
    stream.write_all(head.as_bytes())?;
    Ok(true)
}
