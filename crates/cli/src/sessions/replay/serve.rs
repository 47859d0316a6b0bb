//! Recorded answers over stdio, or over HTTP on this machine. There is no client in here: nothing can be sent to a server.

use std::io::{BufRead as _, Write as _};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use http::request::Parts;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::tape::{Tape, message};
use crate::demo::http as local;
use crate::output;

/// Serves until standard input ends, or for ever over HTTP.
pub(super) fn run(tape: Tape, listen: Option<SocketAddr>) -> anyhow::Result<ExitCode> {
    match listen {
        None => lines(tape)?,
        Some(address) => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let listener = local::bind(address)?;
                let address = listener.local_addr()?;
                local::serve(listener, Arc::new(Site(Mutex::new(tape))))?;
                output::note(&format!("replay: listening on http://{address}/mcp"));
                std::future::pending::<()>().await;
                Ok::<_, anyhow::Error>(())
            })?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The answer to a body: of each message of a batch, or of one. `None` where nothing is to be said.
fn answered(tape: &mut Tape, bytes: &[u8]) -> Option<Value> {
    let Ok(message) = message(bytes) else {
        return Some(
            json!({"jsonrpc": "2.0", "id": null, "error": {"code": -32700, "message": "Parse error"}}),
        );
    };
    match message {
        Value::Array(all) => {
            let answers: Vec<Value> = all.iter().filter_map(|m| tape.answer(m)).collect();
            (!answers.is_empty()).then_some(Value::Array(answers))
        }
        one => tape.answer(&one),
    }
}

fn lines(mut tape: Tape) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        if let Some(answer) = answered(&mut tape, line.as_bytes()) {
            writeln!(out, "{answer}")?;
            out.flush()?;
        }
    }
    Ok(())
}

/// Streamable HTTP without streams: each POST is answered with JSON.
struct Site(Mutex<Tape>);

impl local::Site for Site {
    fn answer(&self, head: &Parts, body: &[u8]) -> local::Reply {
        if head.method != Method::POST {
            return local::empty(StatusCode::METHOD_NOT_ALLOWED);
        }
        let mut tape = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match answered(&mut tape, body) {
            Some(answer) => local::body(StatusCode::OK, "application/json", answer.to_string()),
            None => local::empty(StatusCode::ACCEPTED),
        }
    }
}
