//! A strict JSON scanner (RFC 8259) that keeps every byte where it is.
//!
//! [`Tape::parse`] checks a buffer and notes where each value lies; nothing is copied or converted, so unknown
//! members and number formats survive. It refuses what JSON libraries pass or read differently: duplicate keys
//! (compared after unescaping), bad UTF-8, raw control characters, too much depth, trailing bytes. [`Edits`]
//! writes a changed copy in which only the named spans differ.
//!
//! Floor 0: no input or output. No recursion, so depth costs no stack. Cost is linear in the bytes, but for the
//! keys of one object, which are sorted when there are many.

mod edit;
mod error;
mod scan;
mod text;
mod value;

pub use edit::{Edits, Overlap};
pub use error::{Error, ErrorKind};
pub use scan::{Kind, Limits, Node, Tape};
pub use text::{decode, decode_mapped, escape_into, quote};
pub use value::{Entries, Items, Value};

#[cfg(test)]
mod tests;
