//! `carnet witness`: signs the checkpoints of other logs, each only if it grew out of the one before (C2SP tlog-witness).

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};
use carnet_config::{ListenerTls, SecretRef};
use carnet_evidence::note::Verifier;
use carnet_gateway::witness::{WitnessDesk, serve};
use carnet_store::RealDisk;
use carnet_store::witness::WitnessStore;
use tokio::sync::watch;

use crate::output;

/// Arguments of `carnet witness`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Where key and memory are kept. It must never be restored from a backup: a witness that forgets signs twice.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The logs to sign for: a file with lines `log KEY`, or keys alone, one a line.
    #[arg(long, value_name = "FILE")]
    logs: PathBuf,
    /// Name of the key, such as witness.example/w1. It stays.
    #[arg(long, value_name = "NAME")]
    name: String,
    /// Address and port. Logs post to http(s)://ADDRESS/add-checkpoint.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7311")]
    listen: SocketAddr,
    /// PEM chain, for https.
    #[arg(long, value_name = "FILE", requires = "key")]
    certificate: Option<PathBuf>,
    /// Its private key.
    #[arg(long, value_name = "FILE", requires = "certificate")]
    key: Option<PathBuf>,
    /// Allow plain HTTP on an address that is not loopback, behind a proxy that speaks https.
    #[arg(long)]
    plaintext_beyond_loopback: bool,
}

/// Runs a witness until SIGTERM or Ctrl-C.
pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    ensure!(
        args.listen.ip().is_loopback() || args.certificate.is_some() || args.plaintext_beyond_loopback,
        "plain HTTP beyond loopback: give --certificate and --key, or allow it by --plaintext-beyond-loopback"
    );
    let tls = match (args.certificate, args.key) {
        (Some(certificate), Some(key)) => {
            let tls = ListenerTls { certificate, key: SecretRef::File(key), client_ca: None };
            Some(carnet_gateway::run::server_tls(&tls).map_err(anyhow::Error::msg)?)
        }
        _ => None,
    };
    let logs = logs(&args.logs)?;
    let mut folder = std::fs::DirBuilder::new();
    std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
    folder.recursive(true).create(&args.data).with_context(|| args.data.display().to_string())?;
    let store = WitnessStore::open(Arc::new(RealDisk::new(&args.data)), &args.name)?;
    let _ = tracing_subscriber::fmt().with_writer(std::io::stderr).try_init();
    let scheme = if tls.is_some() { "https" } else { "http" };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start")?;
    runtime.block_on(async {
        let socket = tokio::net::TcpListener::bind(args.listen).await;
        let socket = socket.with_context(|| format!("cannot listen on {}", args.listen))?;
        output::line(&store.vkey());
        output::note(&format!(
            "carnet: witness of {} logs on {scheme}://{}",
            logs.len(),
            socket.local_addr()?
        ));
        let stop = watch::Sender::new(false);
        let serving = tokio::spawn(serve(WitnessDesk { store, logs }, socket, tls, stop.subscribe()));
        output::note("carnet: ready");
        crate::serve::terminated().await?;
        stop.send_replace(true);
        serving.await?;
        Ok(ExitCode::SUCCESS)
    })
}

/// The keys in a file: those of `log` lines, as in a tlog-policy, or one a line.
fn logs(path: &Path) -> anyhow::Result<Vec<Verifier>> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let mut logs = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let mut words = line.split_whitespace();
        let key = match words.next() {
            None => continue,
            Some(word) if word.starts_with('#') || ["witness", "group", "quorum"].contains(&word) => continue,
            Some("log") => words.next().unwrap_or_default(),
            Some(key) => key,
        };
        match Verifier::parse(key) {
            Ok(key) => logs.push(key),
            Err(e) => bail!("{}: line {number}: {e}", path.display()),
        }
    }
    ensure!(!logs.is_empty(), "{} names no log", path.display());
    Ok(logs)
}
