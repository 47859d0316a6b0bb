//! What crosses between a front and its cells besides HTTP itself: who a cell is and what it serves ([`announce`]), that a
//! connection is the front's ([`bond`]) and a call the one that it took from a caller ([`assertion`]), and policies that an
//! operator has signed for all cells ([`bundle`]). Pure: time and randomness are parameters, so that the fuzzer can link it
//! alone.

pub mod announce;
pub mod assertion;
pub mod bond;
pub mod bundle;
mod keys;
mod replay;

pub use announce::{Announcement, Hello, NotUnderstood};
pub use assertion::{Asserted, Call, CallKey, NotAsserted};
pub use bond::{Checker, Exported, Signer};
pub use bundle::{Bundle, NotABundle, Policies, PolicyText};
pub use keys::{KeyError, PublicKey, SigningKey};
pub use replay::Replays;
