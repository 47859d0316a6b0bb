//! What passes is in this process's memory in clear text; here is what keeps others from reading it there, and the system from writing
//! it to disk.

use std::fs;
use std::path::Path;

use rustix::mm::{MlockAllFlags, mlockall};
use rustix::process::{DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit};

/// No core dumps of this process, nor of the servers it starts; no other process of the same user may look into its memory.
/// Where the system refuses, it says so: the gateway still runs.
pub fn close() {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    if let Err(error) = setrlimit(Resource::Core, none) {
        tracing::warn!(%error, "core dumps cannot be turned off");
    }
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::warn!(%error, "the memory of this process cannot be closed to others");
    }
}

/// Whether memory can be written to swap.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Swap {
    /// All of it is locked.
    Locked,
    /// It is not locked, and no swap is on, or only such as keeps nothing readable on a disk.
    Harmless,
    /// It is not locked, and swap is on that a thief of the disk can read.
    Readable,
}

/// Locks the memory where the system lets it, so that keys and content are not swapped out. Where it does not and there is swap that is
/// not encrypted, it says so.
pub fn lock() -> Swap {
    let swap = if may_lock() && all() {
        Swap::Locked
    } else if readable(Path::new("/proc/swaps"), Path::new("/sys/block")) {
        Swap::Readable
    } else {
        Swap::Harmless
    };
    match swap {
        Swap::Locked => tracing::debug!("memory is locked"),
        Swap::Harmless => tracing::debug!("memory is not locked; there is no swap, or it is encrypted"),
        Swap::Readable => tracing::warn!(
            "memory is not locked, and swap is on that is not encrypted: keys and content may be written to disk. Raise the \
             limit of locked memory (LimitMEMLOCK=infinity, --ulimit memlock=-1), encrypt swap, or turn it off"
        ),
    }
    swap
}

/// With a limit, memory that is needed later could not be had any more.
fn may_lock() -> bool {
    let limit = getrlimit(Resource::Memlock);
    if limit.maximum.is_none() {
        let none = Rlimit { current: None, maximum: None };
        return setrlimit(Resource::Memlock, none).is_ok();
    }
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let capabilities = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let bits = capabilities.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok()).unwrap_or(0);
    bits & 1 << IPC_LOCK != 0
}

/// `CAP_IPC_LOCK`.
const IPC_LOCK: u32 = 14;

/// What is there and what will be; only what is used takes memory.
fn all() -> bool {
    mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT).is_ok()
}

/// Whether one of the system's swaps can be read from a disk.
fn readable(swaps: &Path, blocks: &Path) -> bool {
    let swaps = fs::read_to_string(swaps).unwrap_or_default();
    let devices = swaps.lines().skip(1).filter_map(|line| line.split_ascii_whitespace().next());
    devices.map(|device| fs::canonicalize(device).unwrap_or_else(|_| device.into())).any(|device| {
        let name = device.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        // A file lies in a file system, whose device is not looked for.
        let is_device = device.starts_with("/dev");
        !(is_device && (name.starts_with("zram") || encrypted(blocks, name, 4)))
    })
}

/// Whether a device is a mapping by dm-crypt, or stands on one.
fn encrypted(blocks: &Path, name: &str, depth: usize) -> bool {
    let of = blocks.join(name);
    let uuid = fs::read_to_string(of.join("dm/uuid")).unwrap_or_default();
    if uuid.starts_with("CRYPT-") {
        return true;
    }
    let below: Vec<_> = fs::read_dir(of.join("slaves")).into_iter().flatten().flatten().collect();
    depth > 0
        && !below.is_empty()
        && below.iter().all(|one| encrypted(blocks, one.file_name().to_str().unwrap_or_default(), depth - 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::process::dumpable_behavior;

    #[test]
    fn nothing_of_this_process_is_dumped() {
        super::close();
        assert_eq!(getrlimit(Resource::Core).current, Some(0));
        assert_eq!(getrlimit(Resource::Core).maximum, Some(0));
        assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
    }

    #[test]
    fn which_swap_can_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let (swaps, blocks) = (folder.path().join("swaps"), folder.path().join("block"));
        let device = |name: &str, uuid: &str, below: &[&str]| {
            fs::create_dir_all(blocks.join(name).join("dm")).unwrap();
            fs::write(blocks.join(name).join("dm/uuid"), uuid).unwrap();
            below.iter().for_each(|b| fs::create_dir_all(blocks.join(name).join("slaves").join(b)).unwrap());
        };
        device("dm-90", "CRYPT-LUKS2-0123-swap", &["sdx1"]);
        device("dm-91", "LVM-0123", &["dm-90"]);
        device("dm-92", "LVM-0123", &["sdx2"]);
        device("dm-93", "LVM-0123", &["dm-90", "sdx2"]);
        device("dm-94", "LVM-0123", &["dm-94"]);
        for (devices, expected) in [
            ("", false),
            ("/dev/zram90", false),
            ("/dev/dm-90", false),
            ("/dev/dm-91", false),
            ("/dev/dm-92", true),
            ("/dev/dm-93", true),
            ("/dev/dm-94", true),
            ("/dev/sdx3", true),
            ("/swapfile90", true),
            ("/zram90", true),
            ("/dev/zram90 /dev/sdx3", true),
        ] {
            let lines: String = devices
                .split_ascii_whitespace()
                .map(|d| format!("{d}\t\tpartition\t1024\t0\t-2\n"))
                .collect();
            fs::write(&swaps, format!("Filename\tType\tSize\tUsed\tPriority\n{lines}")).unwrap();
            assert_eq!(readable(&swaps, &blocks), expected, "{devices}");
        }
        assert!(!readable(&folder.path().join("none"), &blocks), "a system without");
    }
}
