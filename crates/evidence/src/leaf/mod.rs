//! The leaf: one line of the log, in canonical JSON (RFC 8785), with no direct identifier of anybody in it.
//!
//! Who writes knows what happened and makes a [`Draft`]; the log alone knows the place of a record and turns the
//! draft into bytes with [`Draft::finish`], in one place, at commit. Who reads gets a [`Leaf`] back from
//! [`Leaf::parse`], which takes only the canonical form: for one content there is one sequence of bytes.

mod parse;
#[cfg(test)]
mod tests;
mod types;
mod write;

pub use parse::{Leaf, LeafError};
pub use types::LeafType;

/// The format this crate writes and reads, member `v`.
pub const FORMAT: &str = "carnet/1";

/// No leaf is longer (the entry length of C2SP tlog-tiles has 16 bits). Aim for 2 KiB.
pub const MAX_LEAF: usize = 65_535;

/// Whole numbers in a leaf stay below this, so that every JSON reader gives them back exactly (RFC 8785, I-JSON).
pub const MAX_NUMBER: u64 = (1 << 53) - 1;

/// What was in force, each by SHA-256: member `ep`.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Epochs {
    /// Policy set (`p`).
    pub policy: [u8; 32],
    /// Configuration (`c`).
    pub configuration: [u8; 32],
    /// Build of the gateway (`b`).
    pub build: [u8; 32],
    /// Jurisdiction table (`j`).
    pub jurisdiction: [u8; 32],
}

/// A sealed slot that belongs to a leaf: an element of `bl`, in the order of the blobs in the segment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BlobRef {
    /// SHA-256 of the ciphertext.
    pub h: [u8; 32],
    /// Key reference, `<session key id>/<slot id>/<d|f>`: `d` disclosures, `f` frames.
    pub k: String,
}

/// A value in the member `x`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ext {
    /// A whole number up to [`MAX_NUMBER`].
    Int(u64),
    /// Text. Never anything about a person.
    Text(String),
}

/// A leaf whose place in log and session is not known yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Draft {
    /// What happened (`ty`).
    pub ty: LeafType,
    /// When, in Unix seconds (`t`). Finer time is a disclosure.
    pub t: u64,
    /// Random pseudonym of the gateway session, or of the run of the gateway for its own records (`gs`).
    pub gs: [u8; 16],
    /// Log index of the decision that this outcome or orphan answers (`of`).
    pub of: Option<u64>,
    /// One way (`ow`): no outcome is due, because nothing is forwarded or nothing can answer.
    pub ow: bool,
    /// What was in force (`ep`).
    pub ep: Epochs,
    /// Digests of disclosures and decoys (`_sd`). Written sorted.
    pub sd: Vec<[u8; 32]>,
    /// Sealed slots (`bl`).
    pub bl: Vec<BlobRef>,
    /// References of keys that this leaf concerns (`kr`).
    pub kr: Vec<String>,
    /// What this type alone states (`x`): keys from [`LeafType::ext_keys`]. Written sorted.
    pub ext: Vec<(&'static str, Ext)>,
}

impl Draft {
    /// A draft with nothing but its type, time, session and epochs.
    #[must_use]
    pub fn new(ty: LeafType, t: u64, gs: [u8; 16], ep: Epochs) -> Self {
        Draft {
            ty,
            t,
            gs,
            of: None,
            ow: false,
            ep,
            sd: Vec::new(),
            bl: Vec::new(),
            kr: Vec::new(),
            ext: Vec::new(),
        }
    }

    /// `cell.genesis`: the first leaf of a log. `vkey` is the C2SP verifier key, `region_known` says how the region
    /// is known (`configured`, `metadata`, ...).
    #[must_use]
    pub fn genesis(t: u64, gs: [u8; 16], ep: Epochs, vkey: &str, region: &str, region_known: &str) -> Self {
        Self::new(LeafType::CellGenesis, t, gs, ep)
            .text("key", vkey)
            .text("region", region)
            .text("region_known", region_known)
    }

    /// `gw.start`: a run of the gateway begins and promises a heartbeat every `every` seconds.
    #[must_use]
    pub fn gateway_start(t: u64, run: [u8; 16], ep: Epochs, every: u64, version: &str) -> Self {
        Self::new(LeafType::GwStart, t, run, ep).int("every", every).text("version", version)
    }

    /// `gw.stop`: a run ends in order.
    #[must_use]
    pub fn gateway_stop(t: u64, run: [u8; 16], ep: Epochs, why: &str) -> Self {
        Self::new(LeafType::GwStop, t, run, ep).text("why", why)
    }

    /// `heartbeat`: the run is alive and promises the next within `every` seconds.
    #[must_use]
    pub fn heartbeat(t: u64, run: [u8; 16], ep: Epochs, every: u64) -> Self {
        Self::new(LeafType::Heartbeat, t, run, ep).int("every", every)
    }

    /// `gap`: nothing was recorded from `from` to `to` (Unix seconds), and why (`crash`, `disk-full`, ...).
    #[must_use]
    pub fn gap(t: u64, run: [u8; 16], ep: Epochs, from: u64, to: u64, why: &str) -> Self {
        Self::new(LeafType::Gap, t, run, ep).int("from", from).int("to", to).text("why", why)
    }

    /// `session.open`: the first leaf of a gateway session. Who it is is a disclosure.
    #[must_use]
    pub fn session_open(t: u64, gs: [u8; 16], ep: Epochs) -> Self {
        Self::new(LeafType::SessionOpen, t, gs, ep)
    }

    /// `session.close`: the last leaf of a session. `calls` is the number of its `call.decision` leaves as the gate
    /// counted them; [`Draft::finish`] adds the number of its leaves as the log counted them.
    #[must_use]
    pub fn session_close(t: u64, gs: [u8; 16], ep: Epochs, calls: Option<u64>, why: &str) -> Self {
        let draft = Self::new(LeafType::SessionClose, t, gs, ep).text("why", why);
        match calls {
            Some(calls) => draft.int("calls", calls),
            None => draft,
        }
    }

    /// `call.orphan`: decision `of` has no outcome and will have none, and why (`crash`, `disconnected`, ...).
    #[must_use]
    pub fn orphan(t: u64, gs: [u8; 16], ep: Epochs, of: u64, why: &str) -> Self {
        Draft { of: Some(of), ..Self::new(LeafType::CallOrphan, t, gs, ep).text("why", why) }
    }

    /// `policy.activate`: another policy set is in force, or was refused (`result`: `active` or `refused`). `hash`
    /// is of the set in question, `ep` of what is in force after it.
    #[must_use]
    pub fn policy_activate(t: u64, run: [u8; 16], ep: Epochs, hash: &[u8; 32], result: &str) -> Self {
        Self::new(LeafType::PolicyActivate, t, run, ep)
            .text("hash", &crate::text::b64url(hash))
            .text("result", result)
    }

    /// `config.change`: another configuration is in force, or was refused; members as in `policy.activate`.
    #[must_use]
    pub fn config_change(t: u64, run: [u8; 16], ep: Epochs, hash: &[u8; 32], result: &str) -> Self {
        Self::new(LeafType::ConfigChange, t, run, ep)
            .text("hash", &crate::text::b64url(hash))
            .text("result", result)
    }

    /// Adds a number to `x`.
    #[must_use]
    pub fn int(mut self, key: &'static str, value: u64) -> Self {
        self.ext.push((key, Ext::Int(value)));
        self
    }

    /// Adds a text to `x`.
    #[must_use]
    pub fn text(mut self, key: &'static str, value: &str) -> Self {
        self.ext.push((key, Ext::Text(value.to_owned())));
        self
    }
}
