//! The control socket: how commands of the operator reach the gateway that has the log open, since only one process may
//! write it. `DATA/control.sock`, mode 0600 in a folder of mode 0700: who may open it could as well open the data. One line
//! of JSON asks, one answers. The system says which user asks; a token says it better.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use carnet_approvals::{Assurance, Proof};
use carnet_evidence::LeafType;
use carnet_gate::Caller;
use carnet_model::{Action, Resource};
use carnet_policy::{Context, Request};
use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};

use crate::desk::{Act, Answer, Ask, Clerk, Desk};
use crate::gateway::{Gateway, now};
use crate::hold::Approver;
use crate::reload::{self, Cause, Reloaded};

const SOCKET: &str = "control.sock";
/// Nobody asks for longer, and no question is longer.
const MOST: u64 = 64 << 10;
const PATIENCE: Duration = Duration::from_secs(10);

/// A path to the socket that is short enough for the system whatever the folder's is: through an open folder. The folder
/// must stay open while it is used.
fn short(data: &Path) -> io::Result<(std::fs::File, PathBuf)> {
    use std::os::fd::AsRawFd as _;
    let folder = std::fs::File::open(data)?;
    let path = PathBuf::from(format!("/proc/self/fd/{}/{SOCKET}", folder.as_raw_fd()));
    Ok((folder, path))
}

/// Opens the socket, before anybody is told that the gateway listens: who asks from then on is heard.
pub fn open(gateway: &Gateway) -> Option<UnixListener> {
    let opened = bind(&gateway.runtime.load().config.data);
    opened
        .inspect_err(|error| {
            tracing::error!(kind = %error.kind(), "there is no control socket: commands must wait until the gateway stops");
        })
        .ok()
}

/// Serves operators until the gateway stops.
pub async fn serve(gateway: Arc<Gateway>, listener: UnixListener) {
    let data = gateway.runtime.load().config.data.clone();
    let mut stopping = gateway.stopping.subscribe();
    loop {
        tokio::select! {
            asked = listener.accept() => {
                if let Ok((stream, _)) = asked {
                    tokio::spawn(one(gateway.clone(), stream));
                }
            }
            _ = stopping.wait_for(|stop| *stop) => break,
        }
    }
    let _ = std::fs::remove_file(data.join(SOCKET));
}

/// Binds the socket. One that is left over is of a process that is gone: the log's lock is ours.
fn bind(data: &Path) -> io::Result<UnixListener> {
    let (_folder, path) = short(data)?;
    match std::fs::remove_file(&path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let listener = UnixListener::bind(&path)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// One question of one operator.
async fn one(gateway: Arc<Gateway>, stream: UnixStream) {
    let uid = stream.peer_cred().map(|c| c.uid());
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    let mut limited = BufReader::new(read.take(MOST));
    let asked = tokio::time::timeout(PATIENCE, limited.read_line(&mut line)).await;
    if !matches!(asked, Ok(Ok(n)) if n > 0) {
        return;
    }
    let answer = match (uid, serde_json::from_str::<Ask>(&line)) {
        (Ok(uid), Ok(ask)) => answer(&gateway, uid, ask).await.unwrap_or_else(refused),
        (Err(_), _) => refused("the system does not say who asks".to_owned()),
        // The text of the error could quote the question.
        (_, Err(_)) => refused("this gateway does not know this question".to_owned()),
    };
    let mut line = serde_json::to_string(&answer).unwrap_or_default();
    line.push('\n');
    let _ = write.write_all(line.as_bytes()).await;
}

fn refused(why: String) -> Answer {
    Answer { error: Some(why), ..Answer::default() }
}

/// Who may open the socket may write the files; a token says better who it is.
async fn reload(gateway: &Arc<Gateway>, uid: u32, token: Option<&str>) -> Result<Answer, String> {
    let clerk = match token {
        None => Clerk::os(uid),
        Some(token) => Clerk::of(&identified(gateway, token).await?.principal),
    };
    let said = match Box::pin(reload::reload(gateway, &Cause::Asked(clerk))).await {
        Reloaded::Same => "the configuration in force is the one in the files: nothing has changed",
        Reloaded::Active => "the configuration in the files is in force",
        Reloaded::Refused(errors) => {
            return Err(format!("the old configuration stays in force:\n{}", errors.join("\n\n")));
        }
    };
    Ok(Answer { said: said.to_owned(), ..Answer::default() })
}

async fn answer(gateway: &Arc<Gateway>, uid: u32, ask: Ask) -> Result<Answer, String> {
    let runtime = gateway.runtime.load_full();
    if let Act::Reload = ask.act {
        return reload(gateway, uid, ask.token.as_deref()).await;
    }
    if let Act::Held(asked) = ask.act {
        let who = match &ask.token {
            None => Approver::os(uid),
            Some(token) => {
                let caller = identified(gateway, token).await?;
                let method = caller.principal.method.as_str().to_owned();
                Approver::new(&caller.principal, Assurance::Token, Proof::Token { method }, "cli")
            }
        };
        let said = gateway.asked_of_held(&who, asked).await.map_err(|e| e.to_string())?;
        return Ok(Answer { said, ..Answer::default() });
    }
    let clerk = match &ask.token {
        None => Clerk::os(uid),
        Some(token) => by_token(gateway, token, &ask.act).await?,
    };
    let desk = Desk {
        recorder: &gateway.recorder,
        epochs: runtime.gate.epochs,
        clerk: &clerk,
        config: Some(&runtime.config),
    };
    desk.act(ask.act).await.map_err(|e| e.to_string())
}

/// Who a token is of.
async fn identified(gateway: &Gateway, token: &str) -> Result<Arc<Caller>, String> {
    let runtime = gateway.runtime.load_full();
    let mut headers = HeaderMap::new();
    let value =
        HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| "this is no token".to_owned())?;
    headers.insert(AUTHORIZATION, value);
    let caller = runtime.identities.identify(&headers, now().seconds).await;
    caller.map_err(|_| "the gateway does not accept this token".to_owned())
}

/// Who the token is of, if the policies permit them the act.
async fn by_token(gateway: &Gateway, token: &str, act: &Act) -> Result<Clerk, String> {
    let runtime = gateway.runtime.load_full();
    let caller = identified(gateway, token).await?;
    let action = match act {
        Act::Read { .. } | Act::Cases => Action::EVIDENCE_READ,
        Act::Exported { .. } | Act::Note { .. } => Action::EVIDENCE_EXPORT,
        _ => Action::SUBJECT_ERASE,
    };
    let clerk = Clerk::of(&caller.principal);
    let permitted = {
        let context = Context { now: now().seconds, ..Context::default() };
        let (principal, resource) = (&caller.key, &Resource::Evidence);
        let request = Request { principal, action, resource, context: &context };
        runtime.gate.policies.decide(&request).is_permit()
    };
    if permitted {
        return Ok(clerk);
    }
    // That somebody tried is evidence too.
    let (epochs, config) = (runtime.gate.epochs, Some(&runtime.config));
    let desk = Desk { recorder: &gateway.recorder, epochs, clerk: &clerk, config };
    desk.record(LeafType::AdminRead, "refused", |_| {}, Some(action.as_str()))
        .await
        .map_err(|e| e.to_string())?;
    Err(format!("no policy permits this: {}", action.as_str()))
}

/// Asks the gateway that has a data folder open. `None` if there is none.
///
/// # Errors
/// When there is one and it does not answer.
pub fn ask(data: &Path, ask: &Ask) -> io::Result<Option<Answer>> {
    use std::io::{BufRead as _, Write as _};
    let (_folder, path) = short(data)?;
    let mut stream = match std::os::unix::net::UnixStream::connect(&path) {
        Ok(stream) => stream,
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            return Ok(None);
        }
        Err(e) => return Err(e),
    };
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let mut line = serde_json::to_string(ask)?;
    line.push('\n');
    stream.write_all(line.as_bytes())?;
    let mut answer = String::new();
    std::io::BufReader::new(stream).read_line(&mut answer)?;
    Ok(Some(serde_json::from_str(&answer)?))
}
