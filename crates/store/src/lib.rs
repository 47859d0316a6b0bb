//! The evidence of one cell on disk: durable append with group commit, recovery, published tree, keys.
//!
//! A record is appended with [`Log::append`] and answered when it is durable. Everything that waits at one time goes
//! to the segment in one write and one `fdatasync` ([`log`]). Tiles and checkpoint follow within a second from a
//! thread of their own. What is tentative becomes state only after the sync, in the same function that recovery uses,
//! so a start after a crash is the happy path read from disk. A record that cannot be made durable is refused and
//! leaves no trace (invariant 3). All I/O goes through [`Disk`], so that every point can be made to fail in tests.
//!
//! ```text
//! DIR/lock                                   one writer
//! DIR/log/segments/<first index, 20 digits>.seg
//! DIR/log/checkpoint  vkey  tile/...         derived from the segments
//! DIR/log/checkpoints/<size, 20 digits>      one an hour, for packages
//! DIR/log/anchors/<size, 20 digits>          checkpoints with cosignatures; .tsr: with a time stamp ([`anchors`])
//! DIR/log/pruned                             from where the log is there, once it was pruned
//! DIR/log/state                              a short cut for the start, may be lost
//! DIR/log/spare.seg                          the next segment, zeros
//! DIR/index/index.db                         finds records; made again from the log when lost
//! DIR/vault/<number>.vault                   values whose stand-ins may come back ([`vault`])
//! DIR/held/<number>.vault                    calls that wait for an approval ([`HeldStore`])
//! DIR/keys/kek  cell.key  log.key  mac.key  data  stamp   wrapped but for `kek`, the embedded default ([`keys`])
//! DIR/state/<hash>                           what was in force, in full
//! ```

pub mod anchors;
pub mod disk;
mod error;
pub mod export;
mod held;
pub mod index;
pub mod keys;
pub mod log;
mod reader;
mod state;
pub mod table;
pub mod vault;
pub mod witness;

pub use disk::{Disk, DiskFile, RealDisk};
pub use error::StoreError;
pub use held::HeldStore;
pub use index::{ActRow, Index, Query, SessionRow};
pub use keys::{Kek, KeyState, KeyStore, Keys, LocalKek};
pub use log::{Entry, Ledger, Log, LogOptions, Metrics, Receipt, Recovered};
pub use log::{candidate, minimum, prune};
pub use reader::{Place, Reader, Stored};
pub use state::{keep_state, read_state};
pub use table::Table;
pub use vault::{Vault, VaultDeposit};
