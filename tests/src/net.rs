//! Network namespaces, one for each process, on one bridge: what crosses between them is captured there. It needs root and
//! iproute2; where either is missing, [`Net::new`] says so and gives nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, ensure};

use crate::peers;
use crate::process::Process;

/// The last number of the address of the test itself.
const OWN: usize = 254;

/// How many this process has made: tests run beside each other.
static MADE: AtomicU32 = AtomicU32::new(0);

/// Namespaces with addresses `10.77.N.1` and up, in the order of their names, N being their own. The test itself has the
/// last but one.
pub struct Net {
    tag: String,
    third: u32,
    names: Vec<&'static str>,
}

/// Streams of bytes by source and destination address.
pub type Flows = BTreeMap<(String, String), Vec<Vec<u8>>>;

/// Bad weather between namespaces: percent of the packets, and milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Storm {
    /// Lost.
    pub loss: u32,
    /// Arriving twice.
    pub doubles: u32,
    /// Overtaken by those behind them.
    pub reordered: u32,
    /// How long each is on its way.
    pub delay: u32,
    /// How much that varies.
    pub jitter: u32,
    /// The same seed decides the same.
    pub seed: u32,
}

/// What crossed between namespaces: for each pair of addresses and ports, the bytes in one direction, as they came.
pub struct Capture {
    process: Process,
    folder: PathBuf,
}

impl Net {
    /// Makes namespaces, or says why there are none.
    pub fn new(names: &[&'static str]) -> Option<Net> {
        match Net::make(names) {
            Ok(net) => Some(net),
            Err(error) => {
                eprintln!(
                    "skipped: network namespaces need root, a bridge and iproute2 (apt install iproute2): {error:#}"
                );
                None
            }
        }
    }

    fn make(names: &[&'static str]) -> Result<Net> {
        let (own, made) = (std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let net =
            Net { tag: format!("c{own}n{made}"), third: (own + 97 * made) % 256, names: names.to_vec() };
        run(&["netns", "add", &net.hub()])?;
        net.inside(&net.hub(), &["link", "add", "br0", "type", "bridge"])?;
        net.inside(&net.hub(), &["link", "set", "br0", "up"])?;
        for (n, name) in names.iter().enumerate() {
            let space = net.space(name);
            run(&["netns", "add", &space])?;
            net.plug(n, Some(&space), n + 1)?;
        }
        net.plug(names.len(), None, OWN)?;
        Ok(net)
    }

    fn hub(&self) -> String {
        format!("{}-hub", self.tag)
    }

    fn space(&self, name: &str) -> String {
        format!("{}-{name}", self.tag)
    }

    fn inside(&self, space: &str, args: &[&str]) -> Result<()> {
        run(&[&["-n", space], args].concat())
    }

    /// A cable from the bridge into a namespace, or to the test's own.
    fn plug(&self, number: usize, space: Option<&str>, last: usize) -> Result<()> {
        let (near, far) = (format!("p{number}"), format!("{}v{number}", self.tag));
        self.inside(&self.hub(), &["link", "add", &near, "type", "veth", "peer", "name", &far])?;
        self.inside(&self.hub(), &["link", "set", &near, "master", "br0", "up"])?;
        let own = std::process::id().to_string();
        self.inside(&self.hub(), &["link", "set", &far, "netns", space.unwrap_or(&own)])?;
        let address = format!("{}/24", self.numbered(last));
        let at = |args: &[&str]| match space {
            Some(space) => self.inside(space, args),
            None => run(args),
        };
        at(&["address", "add", &address, "dev", &far])?;
        at(&["link", "set", &far, "up"])?;
        if space.is_some() { at(&["link", "set", "lo", "up"]) } else { Ok(()) }
    }

    /// The address of a namespace.
    #[must_use]
    pub fn address(&self, name: &str) -> String {
        let n = self.names.iter().position(|n| *n == name).map_or(0, |n| n + 1);
        self.numbered(n)
    }

    /// The address of the test itself.
    #[must_use]
    pub fn own_address(&self) -> String {
        self.numbered(OWN)
    }

    fn numbered(&self, last: usize) -> String {
        format!("10.77.{}.{last}", self.third)
    }

    /// A command that runs in a namespace.
    #[must_use]
    pub fn command(&self, name: &str, command: &Command) -> Command {
        let mut inside = Command::new("ip");
        inside.args(["netns", "exec", &self.space(name)]).arg(command.get_program()).args(command.get_args());
        inside
    }

    /// Takes the cable of a namespace out of the bridge, or puts it in again: nobody is told.
    ///
    /// # Errors
    /// When it cannot.
    pub fn link(&self, name: &str, up: bool) -> Result<()> {
        let n = self.names.iter().position(|n| *n == name).context("a namespace")?;
        self.inside(&self.hub(), &["link", "set", &format!("p{n}"), if up { "up" } else { "down" }])
    }

    /// Puts a switch in the bridge's place that loses, doubles, delays and reorders packets; it ends with what is given back.
    ///
    /// # Errors
    /// When it cannot.
    pub fn weather(&self, storm: &Storm) -> Result<Process> {
        for (n, name) in self.names.iter().map(Some).chain([None]).enumerate() {
            self.inside(&self.hub(), &["link", "set", &format!("p{n}"), "nomaster"])?;
            // One packet is one segment, not sixty.
            let far = format!("{}v{n}", self.tag);
            match name {
                Some(name) => self.inside(&self.space(name), &["link", "set", &far, "gso_max_segs", "1"])?,
                None => run(&["link", "set", &far, "gso_max_segs", "1"])?,
            }
        }
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.hub(), "python3"]).arg(peers::source("peers/net/switch.py"));
        let Storm { loss, doubles, reordered, delay, jitter, seed } = storm;
        command.args([loss, doubles, reordered, delay, jitter].map(ToString::to_string));
        command.arg(seed.to_string());
        Process::start(command, "switching")
    }

    /// Begins to write down what crosses the bridge.
    ///
    /// # Errors
    /// When it cannot.
    pub fn capture(&self, folder: &Path) -> Result<Capture> {
        fs::create_dir_all(folder)?;
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.hub(), "python3"]);
        command.arg(peers::source("peers/net/capture.py")).arg(folder);
        Ok(Capture { process: Process::start(command, "capturing")?, folder: folder.to_path_buf() })
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        for name in &self.names {
            let _gone = run(&["netns", "del", &self.space(name)]);
        }
        let _gone = run(&["netns", "del", &self.hub()]);
    }
}

impl Capture {
    /// Ends, and gives the bytes by source and destination address.
    ///
    /// # Errors
    /// When nothing can be read.
    pub fn end(&mut self) -> Result<Flows> {
        self.process.ask_to_stop()?;
        let status = self.process.ended(std::time::Duration::from_secs(30))?;
        ensure!(status.success(), "{}", self.process.output());
        flows(&self.folder)
    }

    /// What went through the connections with a port, once it has ended: decrypted by the keys that a program has noted
    /// (`SSLKEYLOGFILE`), headers and bodies in clear. Also what was said of how many there were.
    ///
    /// # Errors
    /// When one of them cannot be opened.
    pub fn opened(&self, port: &str, keys: &Path) -> Result<(Flows, String)> {
        let clear = self.folder.join("clear");
        fs::create_dir(&clear)?;
        let mut command = Command::new(peers::folder()?.join("py/net/bin/python"));
        command.arg(peers::source("peers/net/opened.py")).arg(&self.folder).arg(port).arg(keys).arg(&clear);
        let output = command.output()?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
        Ok((flows(&clear)?, said))
    }
}

/// The files of a folder by the addresses in their names.
fn flows(folder: &Path) -> Result<Flows> {
    let mut flows = Flows::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().into_string().ok().context("a name")?;
        let mut parts = name.split('_');
        let (Some(from), Some(to)) = (parts.next(), parts.next()) else { continue };
        flows.entry((from.to_owned(), to.to_owned())).or_default().push(fs::read(entry.path())?);
    }
    Ok(flows)
}

/// Which of these texts stand in bytes.
#[must_use]
pub fn found<'a>(bytes: &[u8], texts: &[&'a str]) -> BTreeSet<&'a str> {
    texts.iter().filter(|text| memchr::memmem::find(bytes, text.as_bytes()).is_some()).copied().collect()
}

/// Which of these texts stand in the memory of a process.
///
/// # Errors
/// When it may not be read.
pub fn in_memory<'a>(process: u32, texts: &[&'a str]) -> Result<BTreeSet<&'a str>> {
    use std::io::{Read, Seek, SeekFrom};
    let mut memory = fs::File::open(format!("/proc/{process}/mem"))?;
    let maps = fs::read_to_string(format!("/proc/{process}/maps"))?;
    let mut all = BTreeSet::new();
    for line in maps.lines().filter(|l| l.contains("rw")) {
        let Some((from, to)) = line.split(' ').next().and_then(|r| r.split_once('-')) else { continue };
        let (from, to) = (u64::from_str_radix(from, 16)?, u64::from_str_radix(to, 16)?);
        let mut bytes = Vec::new();
        if memory.seek(SeekFrom::Start(from)).is_ok() {
            // A part that cannot be read ends it.
            let _read = memory.by_ref().take(to - from).read_to_end(&mut bytes);
            all.extend(found(&bytes, texts));
        }
    }
    Ok(all)
}

fn run(args: &[&str]) -> Result<()> {
    let output = Command::new("ip").args(args).output()?;
    ensure!(output.status.success(), "ip {}: {}", args.join(" "), String::from_utf8_lossy(&output.stderr));
    Ok(())
}
