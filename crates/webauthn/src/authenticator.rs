//! The authenticator's data: for whom it signs, whether it saw and verified the user, its counter, and at registration the
//! new key (WebAuthn 6.1).

use aws_lc_rs::digest;

use crate::cbor::Value;
use crate::{Expected, WebauthnError};

const PRESENT: u8 = 1;
const VERIFIED: u8 = 1 << 2;
const BACKUP_ELIGIBLE: u8 = 1 << 3;
const BACKED_UP: u8 = 1 << 4;
const ATTESTED: u8 = 1 << 6;
const EXTENSIONS: u8 = 1 << 7;
/// WebAuthn 6.5.2.
const LONGEST_ID: usize = 1023;

/// The fields.
pub(crate) struct Data<'a> {
    rp_id_hash: &'a [u8],
    flags: u8,
    pub(crate) counter: u32,
    pub(crate) attested: Option<Attested<'a>>,
}

/// A key that is being registered.
pub(crate) struct Attested<'a> {
    pub(crate) aaguid: [u8; 16],
    pub(crate) id: &'a [u8],
    /// COSE, as it stands.
    pub(crate) key: &'a [u8],
}

impl<'a> Data<'a> {
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Data<'a>, WebauthnError> {
        Self::fields(bytes).ok_or(WebauthnError::AuthenticatorData)
    }

    fn fields(bytes: &'a [u8]) -> Option<Data<'a>> {
        let (rp_id_hash, rest) = bytes.split_at_checked(32)?;
        let (&flags, rest) = rest.split_first()?;
        let (counter, mut rest) = rest.split_first_chunk::<4>()?;
        let mut attested = None;
        if flags & ATTESTED != 0 {
            let (found, after) = Attested::first(rest)?;
            (attested, rest) = (Some(found), after);
        }
        if flags & EXTENSIONS != 0 {
            let (extensions, after) = Value::first(rest).ok()?;
            if !matches!(extensions, Value::Map(_)) {
                return None;
            }
            rest = after;
        }
        let contradicts = flags & BACKED_UP != 0 && flags & BACKUP_ELIGIBLE == 0;
        if !rest.is_empty() || contradicts {
            return None;
        }
        Some(Data { rp_id_hash, flags, counter: u32::from_be_bytes(*counter), attested })
    }

    /// Whom it signs for, and that the user was there and verified.
    pub(crate) fn check(&self, expected: &Expected<'_>) -> Result<(), WebauthnError> {
        if digest::digest(&digest::SHA256, expected.rp_id.as_bytes()).as_ref() != self.rp_id_hash {
            return Err(WebauthnError::RelyingParty);
        }
        if self.flags & PRESENT == 0 {
            return Err(WebauthnError::UserPresence);
        }
        if self.flags & VERIFIED == 0 {
            return Err(WebauthnError::UserVerification);
        }
        Ok(())
    }

    /// Whether copies of the key may be kept elsewhere (a synced passkey).
    pub(crate) fn backup_eligible(&self) -> bool {
        self.flags & BACKUP_ELIGIBLE != 0
    }
}

impl<'a> Attested<'a> {
    fn first(bytes: &'a [u8]) -> Option<(Attested<'a>, &'a [u8])> {
        let (aaguid, rest) = bytes.split_first_chunk::<16>()?;
        let (length, rest) = rest.split_first_chunk::<2>()?;
        let length = usize::from(u16::from_be_bytes(*length));
        if length == 0 || length > LONGEST_ID {
            return None;
        }
        let (id, rest) = rest.split_at_checked(length)?;
        let (_, after) = Value::first(rest).ok()?;
        let key = rest.get(..rest.len().checked_sub(after.len())?)?;
        Some((Attested { aaguid: *aaguid, id, key }, after))
    }
}
