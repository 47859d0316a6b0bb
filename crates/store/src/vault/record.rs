//! One record of the vault: expiry, stand-in, owner and value, before it is sealed.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::{Id, Owner, VaultDeposit};

/// A record that was read.
pub(super) struct Record {
    pub(super) expires: u64,
    pub(super) id: Id,
    pub(super) owner: Owner,
    pub(super) value: Zeroizing<Vec<u8>>,
}

/// `expires || id || marks (u8) || mark* || about (u16) || about || value`.
pub(super) fn encode(deposit: &VaultDeposit) -> Option<Vec<u8>> {
    let Owner { about, marks } = &*deposit.owner;
    let mut out = Vec::with_capacity(64 + about.len() + marks.len() * 16 + deposit.value.len() + 16);
    out.extend_from_slice(&deposit.expires.to_be_bytes());
    out.extend_from_slice(&deposit.id);
    out.push(u8::try_from(marks.len()).ok()?);
    marks.iter().for_each(|mark| out.extend_from_slice(mark));
    out.extend_from_slice(&u16::try_from(about.len()).ok()?.to_be_bytes());
    out.extend_from_slice(about);
    out.extend_from_slice(&deposit.value);
    Some(out)
}

pub(super) fn decode(bytes: &[u8]) -> Option<Record> {
    let (expires, rest) = bytes.split_first_chunk::<8>()?;
    let (id, rest) = rest.split_first_chunk::<16>()?;
    let (count, rest) = rest.split_first()?;
    let (marks, rest) = rest.split_at_checked(usize::from(*count) * 16)?;
    let (len, rest) = rest.split_first_chunk::<2>()?;
    let (about, value) = rest.split_at_checked(usize::from(u16::from_be_bytes(*len)))?;
    Some(Record {
        expires: u64::from_be_bytes(*expires),
        id: *id,
        owner: Owner { about: about.to_vec(), marks: marks.as_chunks::<16>().0.to_vec() },
        value: Zeroizing::new(value.to_vec()),
    })
}

/// One owner for many records.
pub(super) fn shared(owners: &mut std::collections::HashSet<Arc<Owner>>, owner: Owner) -> Arc<Owner> {
    if let Some(known) = owners.get(&owner) {
        return Arc::clone(known);
    }
    let owner = Arc::new(owner);
    owners.insert(Arc::clone(&owner));
    owner
}
