//! What `carnet-verify` decides and finds again, as a library: the operator's replay uses it too.

#[cfg(feature = "judge")]
mod approval;
#[cfg(feature = "judge")]
pub mod judge;
#[cfg(feature = "judge")]
mod passkey;
