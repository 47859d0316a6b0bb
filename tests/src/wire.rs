//! A client that writes bytes and reads replies: for requests that no library would send, and for many in a row on one
//! connection.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::http::Reply;

/// The longest that anything may take.
const LIMIT: Duration = Duration::from_secs(30);

/// One connection.
pub struct Wire {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Wire {
    /// Connects to `http://HOST:PORT`.
    ///
    /// # Errors
    /// When nobody listens.
    pub fn connect(base: &str) -> Result<Wire> {
        let address: SocketAddr = base.trim_start_matches("http://").parse().context("an address")?;
        let stream = TcpStream::connect_timeout(&address, LIMIT)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(LIMIT))?;
        stream.set_write_timeout(Some(LIMIT))?;
        Ok(Wire { stream, buffer: Vec::new() })
    }

    /// The longest that a read may take.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn patience(&self, limit: Duration) -> Result<()> {
        Ok(self.stream.set_read_timeout(Some(limit))?)
    }

    /// Writes bytes.
    ///
    /// # Errors
    /// When the other side is gone.
    pub fn send(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.stream.write_all(bytes)?)
    }

    /// Reads one reply whole.
    ///
    /// # Errors
    /// When the connection ends first, or nothing comes for half a minute.
    pub fn reply(&mut self) -> Result<Reply> {
        let (status, headers) = self.head()?;
        let find = |name: &str| headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
        let body = if find("transfer-encoding") == Some("chunked") {
            let mut body = Vec::new();
            while let Some(chunk) = self.chunk()? {
                body.extend_from_slice(&chunk);
            }
            body
        } else {
            let length = find("content-length").unwrap_or("0").parse()?;
            self.take(length)?
        };
        Ok(Reply { status, headers, body: String::from_utf8_lossy(&body).into_owned() })
    }

    /// Reads the head of a reply: status and headers.
    ///
    /// # Errors
    /// As [`Wire::reply`].
    pub fn head(&mut self) -> Result<(u16, Vec<(String, String)>)> {
        let end = loop {
            if let Some(end) = self.buffer.windows(4).position(|w| w == b"\r\n\r\n") {
                break end + 4;
            }
            self.more()?;
        };
        let head = String::from_utf8_lossy(&self.take(end)?).into_owned();
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|l| l.split(' ').nth(1)).context("a status line")?.parse()?;
        let headers = lines.filter_map(|l| l.split_once(':'));
        Ok((status, headers.map(|(n, v)| (n.to_ascii_lowercase(), v.trim().to_owned())).collect()))
    }

    /// Reads the next chunk of a body; `None` at its end.
    ///
    /// # Errors
    /// As [`Wire::reply`].
    pub fn chunk(&mut self) -> Result<Option<Vec<u8>>> {
        let end = loop {
            if let Some(end) = self.buffer.windows(2).position(|w| w == b"\r\n") {
                break end;
            }
            self.more()?;
        };
        let line = self.take(end + 2)?;
        let length = usize::from_str_radix(std::str::from_utf8(&line)?.trim(), 16)?;
        let chunk = self.take(length)?;
        ensure!(self.take(2)? == b"\r\n", "a chunk without an end");
        Ok((length > 0).then_some(chunk))
    }

    /// Reads what is there, and gives how many bytes.
    ///
    /// # Errors
    /// As [`Wire::reply`].
    pub fn some(&mut self) -> Result<usize> {
        if self.buffer.is_empty() {
            self.more()?;
        }
        let n = self.buffer.len();
        self.buffer.clear();
        Ok(n)
    }

    /// Whether the other side closes the connection, after whatever it still sends.
    ///
    /// # Errors
    /// When it does not within half a minute.
    pub fn closes(&mut self) -> Result<()> {
        let mut chunk = [0; 4096];
        loop {
            match self.stream.read(&mut chunk) {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(e) if e.kind() == std::io::ErrorKind::ConnectionReset => return Ok(()),
                Err(e) => bail!("not closed: {e}"),
            }
        }
    }

    fn take(&mut self, n: usize) -> Result<Vec<u8>> {
        while self.buffer.len() < n {
            self.more()?;
        }
        Ok(self.buffer.drain(..n).collect())
    }

    fn more(&mut self) -> Result<()> {
        let mut chunk = [0; 16 << 10];
        let n = self.stream.read(&mut chunk)?;
        ensure!(n > 0, "the connection was closed");
        self.buffer.extend_from_slice(&chunk[..n]);
        Ok(())
    }
}

/// A caller of one server at the gateway, on one connection that is kept.
pub struct Caller {
    wire: Wire,
    path: String,
    /// Headers of every request.
    pub headers: Vec<(String, String)>,
}

impl Caller {
    /// A caller with a bearer token.
    ///
    /// # Errors
    /// When nobody listens.
    pub fn new(base: &str, server: &str, token: &str) -> Result<Caller> {
        let headers = vec![
            ("host".to_owned(), "localhost".to_owned()),
            ("authorization".to_owned(), format!("Bearer {token}")),
            ("content-type".to_owned(), "application/json".to_owned()),
            ("accept".to_owned(), "application/json, text/event-stream".to_owned()),
        ];
        Ok(Caller { wire: Wire::connect(base)?, path: format!("/mcp/{server}"), headers })
    }

    /// Adds a header to every request that follows, in place of an earlier one of its name.
    pub fn set(&mut self, name: &str, value: &str) {
        self.headers.retain(|(n, _)| n != name);
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    /// Its connection.
    pub fn wire(&mut self) -> &mut Wire {
        &mut self.wire
    }

    /// Sends a request with this method and body.
    ///
    /// # Errors
    /// When the gateway is gone.
    pub fn send(&mut self, method: &str, body: &str) -> Result<()> {
        let mut request = format!("{method} {} HTTP/1.1\r\n", self.path);
        for (name, value) in &self.headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
        self.wire.send(request.as_bytes())
    }

    /// Posts a body and reads the reply.
    ///
    /// # Errors
    /// When the gateway is gone or silent.
    pub fn post(&mut self, body: &str) -> Result<Reply> {
        self.send("POST", body)?;
        self.wire.reply()
    }

    /// Calls a tool.
    ///
    /// # Errors
    /// As [`Caller::post`].
    pub fn call(&mut self, id: u64, tool: &str, arguments: &Value) -> Result<Reply> {
        self.post(&call(id, tool, arguments))
    }

    /// Opens a session and keeps its id for what follows, if it gets one.
    ///
    /// # Errors
    /// When the server does not answer as one.
    pub fn initialize(&mut self) -> Result<Reply> {
        let reply = self.post(&initialize(0))?;
        ensure!(reply.status == 200, "initialize: {reply:?}");
        if let Some(id) = reply.header("mcp-session-id").map(str::to_owned) {
            self.set("mcp-session-id", &id);
        }
        Ok(reply)
    }
}

/// A `tools/call`.
#[must_use]
pub fn call(id: u64, tool: &str, arguments: &Value) -> String {
    json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {"name": tool, "arguments": arguments}})
        .to_string()
}

/// An `initialize` of revision 2025-11-25.
#[must_use]
pub fn initialize(id: u64) -> String {
    json!({"jsonrpc": "2.0", "id": id, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "wire", "version": "1"}}})
    .to_string()
}

impl Reply {
    /// The body as JSON; null if it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}
