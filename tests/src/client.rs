//! A client on rmcp: lists and calls over the transports the library has, and gives back what it got as JSON.

use std::time::Duration;

use anyhow::{Context, Result};
use rmcp::ServiceExt;
use rmcp::model::{CallToolRequestParams, ClientConfig};
use rmcp::service::{RoleClient, RunningService};
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::transport::{StreamableHttpClientTransport, TokioChildProcess};
use serde_json::{Value, json};

use crate::driver::Reach;

/// An open session of an rmcp client.
pub struct RmcpClient(RunningService<RoleClient, ClientConfig>);

impl RmcpClient {
    /// Opens a session over Streamable HTTP, with a bearer token if there is one.
    ///
    /// # Errors
    /// When the server does not answer as one.
    pub async fn http(url: &str, token: Option<&str>) -> Result<RmcpClient> {
        // rmcp's HTTP client leaves the choice of a provider to the program; a second choice changes nothing.
        let _already = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let mut config = StreamableHttpClientTransportConfig::with_uri(url);
        if let Some(token) = token {
            config = config.auth_header(token);
        }
        let transport = StreamableHttpClientTransport::from_config(config);
        Ok(RmcpClient(ClientConfig::default().serve(transport).await.context("open a session over HTTP")?))
    }

    /// Starts `command` and opens a session with it over standard input and output.
    ///
    /// # Errors
    /// When the program cannot be started or does not answer as a server.
    pub async fn stdio(command: tokio::process::Command) -> Result<RmcpClient> {
        let (transport, _) =
            TokioChildProcess::builder(command).stderr(std::process::Stdio::null()).spawn()?;
        Ok(RmcpClient(ClientConfig::default().serve(transport).await.context("open a session over stdio")?))
    }

    /// Every tool the server lists.
    ///
    /// # Errors
    /// What the server or the connection says.
    pub async fn tools(&self) -> Result<Value> {
        Ok(serde_json::to_value(self.0.list_all_tools().await?)?)
    }

    /// The result of a call.
    ///
    /// # Errors
    /// What the server or the connection says; a result with `isError` is a result.
    pub async fn call(&self, tool: &str, arguments: Value) -> Result<Value> {
        let mut call = CallToolRequestParams::new(tool.to_owned());
        call.arguments = arguments.as_object().cloned();
        Ok(serde_json::to_value(self.0.call_tool(call).await?)?)
    }

    /// Ends the session.
    ///
    /// # Errors
    /// When the session's task had failed.
    pub async fn close(self) -> Result<()> {
        self.0.cancel().await?;
        Ok(())
    }
}

/// Those of `steps` that list or call tools, in one session with each reach; one line a step, empty for HTTP+SSE.
///
/// # Errors
/// When there is no runtime.
pub fn drive(limit: Duration, reaches: &[Reach], steps: &[Value]) -> Result<Vec<Vec<Value>>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let session = async |reach: &Reach| {
        let client = match reach {
            Reach::Http(url, token) => RmcpClient::http(url, token.as_deref()).await?,
            Reach::Stdio(command) => {
                let (program, arguments) = command.split_first().context("a command")?;
                let mut process = tokio::process::Command::new(program);
                process.args(arguments);
                RmcpClient::stdio(process).await?
            }
            Reach::Sse(..) => return Ok(Vec::new()),
        };
        let mut lines = Vec::new();
        for step in steps {
            let done = match step["do"].as_str() {
                Some("tools/list") => client.tools().await,
                Some("tools/call") => {
                    client.call(step["name"].as_str().unwrap_or_default(), step["arguments"].clone()).await
                }
                _ => continue,
            };
            lines.push(match done {
                Ok(result) => json!({ "do": step["do"], "result": result }),
                Err(e) => json!({ "do": step["do"], "error": e.to_string() }),
            });
        }
        client.close().await?;
        anyhow::Ok(lines)
    };
    let connect = |e: anyhow::Error| vec![json!({ "do": "connect", "error": format!("{e:#}") })];
    let in_time = async |reach: &Reach| match tokio::time::timeout(limit, session(reach)).await {
        Ok(lines) => lines,
        Err(_) => Err(anyhow::anyhow!("not done in {limit:?}")),
    };
    Ok(reaches.iter().map(|reach| runtime.block_on(in_time(reach)).unwrap_or_else(connect)).collect())
}
