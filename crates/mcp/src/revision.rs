//! The revisions of MCP, and the two eras between which a request chooses.

use std::fmt;

/// A published revision, oldest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Revision {
    /// 2024-11-05: stdio, HTTP+SSE.
    R2024_11_05,
    /// 2025-03-26: Streamable HTTP; the only one with batches.
    R2025_03_26,
    /// 2025-06-18: the `MCP-Protocol-Version` header.
    R2025_06_18,
    /// 2025-11-25: the last with `initialize`.
    R2025_11_25,
    /// 2026-07-28: no session, metadata in each request.
    R2026_07_28,
}

/// How a request is to be read.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Era {
    /// Up to 2025-11-25: initialize, sessions, server requests.
    Legacy,
    /// From 2026-07-28: each request stands alone.
    Modern,
}

impl Revision {
    /// Every revision, oldest first.
    pub const ALL: [Revision; 5] = [
        Revision::R2024_11_05,
        Revision::R2025_03_26,
        Revision::R2025_06_18,
        Revision::R2025_11_25,
        Revision::R2026_07_28,
    ];
    /// The newest revision.
    pub const LATEST: Revision = Revision::R2026_07_28;
    /// The newest that begins with `initialize`.
    pub const LATEST_LEGACY: Revision = Revision::R2025_11_25;

    /// The revision with exactly this date.
    #[must_use]
    pub fn parse(text: &str) -> Option<Revision> {
        Self::ALL.into_iter().find(|r| r.as_str() == text)
    }

    /// Its date.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Revision::R2024_11_05 => "2024-11-05",
            Revision::R2025_03_26 => "2025-03-26",
            Revision::R2025_06_18 => "2025-06-18",
            Revision::R2025_11_25 => "2025-11-25",
            Revision::R2026_07_28 => "2026-07-28",
        }
    }

    /// Its era.
    #[must_use]
    pub fn era(self) -> Era {
        if self >= Revision::R2026_07_28 { Era::Modern } else { Era::Legacy }
    }

    /// Whether a JSON-RPC batch is a message of this revision.
    #[must_use]
    pub fn has_batches(self) -> bool {
        self == Revision::R2025_03_26
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
