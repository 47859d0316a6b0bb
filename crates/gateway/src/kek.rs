//! The KEK as the configuration names it: 32 bytes from a file or the environment, or a key in a device that speaks PKCS #11 and
//! never gives it out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use carnet_config::{EvidenceConfig, Hsm, SecretRef};
use carnet_store::{Kek, LocalKek, StoreError};
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::object::{Attribute, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;
use zeroize::Zeroizing;

use crate::credentials::resolve;

/// First byte of a key of the cell that a device has wrapped.
const BY_DEVICE: u8 = b'h';
/// What the wrapped key is bound to.
const BOUND: &[u8] = b"carnet/1 wrap\0h";
const NONCE: usize = 12;

/// The KEK of a configuration, `None` for the one beside the log.
///
/// # Errors
/// A sentence that names the reference and never the secret.
pub fn of(config: &EvidenceConfig) -> Result<Option<Box<dyn Kek>>, String> {
    match (&config.kek, &config.hsm) {
        (Some(reference), _) => Ok(Some(Box::new(local(reference)?))),
        (None, Some(hsm)) => Ok(Some(Box::new(Device::open(hsm, false)?))),
        (None, None) => Ok(None),
    }
}

/// 32 bytes behind a reference, as they are or in hex.
///
/// # Errors
/// A sentence that names the reference.
pub fn local(reference: &SecretRef) -> Result<LocalKek, String> {
    let secret = resolve(reference).map_err(|e| e.to_string())?;
    let text = secret.expose().trim();
    let digits = (text.len() == 64 && text.is_ascii()).then(|| {
        let digit = |i: usize| text.get(2 * i..2 * i + 2).and_then(|d| u8::from_str_radix(d, 16).ok());
        (0..32).map(digit).collect::<Option<Vec<u8>>>()
    });
    let bytes = Zeroizing::new(digits.flatten().unwrap_or_else(|| text.as_bytes().to_vec()));
    let bytes: &[u8; 32] = bytes
        .as_slice()
        .try_into()
        .map_err(|_| format!("{reference}: the key of the cell is 32 bytes, or 64 hex digits"))?;
    LocalKek::new(bytes).map_err(|e| e.to_string())
}

/// An AES key in a PKCS #11 token. It wraps and opens one key of 32 bytes, at a start and when the KEK is exchanged.
pub struct Device {
    session: Mutex<Session>,
    key: ObjectHandle,
}

impl std::fmt::Debug for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Device")
    }
}

/// A library is loaded and initialised once in a process, and stays.
static MODULES: Mutex<BTreeMap<PathBuf, Pkcs11>> = Mutex::new(BTreeMap::new());

fn module(path: &Path) -> Result<Pkcs11, Error> {
    let mut modules = MODULES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(module) = modules.get(path) {
        return Ok(module.clone());
    }
    let module = Pkcs11::new(path)?;
    module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK))?;
    modules.insert(path.to_owned(), module.clone());
    Ok(module)
}

impl Device {
    /// Logs in and finds the key. With `make`, one that is not there is made in the token, so that it cannot be taken out.
    ///
    /// # Errors
    /// A sentence that names module, token and key, and never the PIN.
    pub fn open(hsm: &Hsm, make: bool) -> Result<Device, String> {
        let place = format!("evidence.hsm: {}", hsm.module.display());
        let fail = |what: &str, e: &Error| format!("{place}: {what}: {e}");
        let pin = resolve(&hsm.pin).map_err(|e| e.to_string())?;
        let module = module(&hsm.module).map_err(|e| fail("cannot be used", &e))?;
        let slots = module.get_slots_with_token().map_err(|e| fail("no slots", &e))?;
        let named = |slot: &cryptoki::slot::Slot| {
            module.get_token_info(*slot).is_ok_and(|info| info.label().trim_end() == &*hsm.token)
        };
        let mut found = slots.into_iter().filter(named);
        let (Some(slot), None) = (found.next(), found.next()) else {
            return Err(format!("{place}: there is not one token with the label {}", hsm.token));
        };
        let session = if make { module.open_rw_session(slot) } else { module.open_ro_session(slot) };
        let session = session.map_err(|e| fail("no session", &e))?;
        let pin = AuthPin::new(pin.expose().trim().to_owned().into());
        match session.login(UserType::User, Some(&pin)) {
            // A login is the whole process's: another session of it was first.
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => {}
            Err(e) => return Err(fail("no login", &e)),
        }
        let key = key(&session, hsm, make).map_err(|e| format!("{place}: {e}"))?;
        Ok(Device { session: Mutex::new(session), key })
    }
}

impl Device {
    fn session(&self) -> MutexGuard<'_, Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(session: &Session, hsm: &Hsm, make: bool) -> Result<ObjectHandle, String> {
    let label = Attribute::Label(hsm.key.as_bytes().to_vec());
    let search = [Attribute::Class(ObjectClass::SECRET_KEY), Attribute::KeyType(KeyType::AES), label.clone()];
    let found = session.find_objects(&search).map_err(|e| e.to_string())?;
    match (found.as_slice(), make) {
        ([key], _) => Ok(*key),
        ([], true) => {
            let template = [
                label,
                Attribute::Token(true),
                Attribute::Private(true),
                Attribute::Sensitive(true),
                Attribute::Extractable(false),
                Attribute::Encrypt(true),
                Attribute::Decrypt(true),
                Attribute::ValueLen(32.into()),
            ];
            session.generate_key(&Mechanism::AesKeyGen, &template).map_err(|e| e.to_string())
        }
        ([], false) => Err(format!("there is no AES key with the label {}", hsm.key)),
        _ => Err(format!("there are several AES keys with the label {}", hsm.key)),
    }
}

impl Kek for Device {
    fn wrap(&self, key: &[u8; 32]) -> Result<Vec<u8>, StoreError> {
        let failed = |_| StoreError::Key("the device does not wrap (evidence.hsm)");
        let mut nonce = [0; NONCE];
        crate::record::entropy(&mut nonce);
        let mut out = [&[BY_DEVICE], nonce.as_slice()].concat();
        let parameters = GcmParams::new(&mut nonce, BOUND, 128.into()).map_err(failed)?;
        let sealed = self.session().encrypt(&Mechanism::AesGcm(parameters), self.key, key).map_err(failed)?;
        out.extend(sealed);
        Ok(out)
    }

    fn open(&self, wrapped: &[u8]) -> Result<Zeroizing<[u8; 32]>, StoreError> {
        let damaged = StoreError::Key("keys/cell.key is damaged, or wrapped by another kind of KEK");
        let failed = |_| StoreError::Key("the key of the cell is wrapped by another KEK (evidence.hsm)");
        let Some((&BY_DEVICE, rest)) = wrapped.split_first() else { return Err(damaged) };
        let (nonce, sealed) = rest.split_first_chunk::<NONCE>().ok_or(damaged.clone())?;
        let mut nonce = *nonce;
        let parameters = GcmParams::new(&mut nonce, BOUND, 128.into()).map_err(failed)?;
        let clear =
            self.session().decrypt(&Mechanism::AesGcm(parameters), self.key, sealed).map_err(failed)?;
        let clear = Zeroizing::new(clear);
        clear.as_slice().try_into().map(Zeroizing::new).map_err(|_| damaged)
    }
}
