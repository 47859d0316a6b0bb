//! The client data: what the browser says of the ceremony (WebAuthn 5.8.1).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use carnet_json::{Kind, Limits, Tape};

use crate::{Expected, WebauthnError};

/// A browser writes some two hundred bytes.
const LONGEST: usize = 8 << 10;

/// Checks the client data of a ceremony: `webauthn.create` or `webauthn.get`.
pub(crate) fn check(bytes: &[u8], ceremony: &str, expected: &Expected<'_>) -> Result<(), WebauthnError> {
    let limits = Limits { bytes: LONGEST, depth: 8 };
    let tape = Tape::parse(bytes, &limits).map_err(|_| WebauthnError::ClientData)?;
    let root = tape.root(bytes);
    if root.kind() != Kind::Object {
        return Err(WebauthnError::ClientData);
    }
    let text = |name: &str| root.get(name).and_then(|v| v.as_str()).ok_or(WebauthnError::ClientData);
    if text("type")? != ceremony {
        return Err(WebauthnError::Ceremony);
    }
    let challenge = URL_SAFE_NO_PAD.decode(text("challenge")?.as_bytes());
    if challenge.map_err(|_| WebauthnError::ClientData)? != expected.challenge {
        return Err(WebauthnError::Challenge);
    }
    let origin = text("origin")?;
    if !expected.origins.iter().any(|o| *o == origin) {
        return Err(WebauthnError::Origin);
    }
    // A frame is a page that somebody else can lay something over.
    let framed = root.get("crossOrigin").is_some_and(|v| v.as_bool() != Some(false));
    if framed || root.get("topOrigin").is_some() {
        return Err(WebauthnError::CrossOrigin);
    }
    Ok(())
}
