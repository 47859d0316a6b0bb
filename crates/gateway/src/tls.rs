//! TLS on both sides: certificates from files, mutual TLS, one crypto provider (aws-lc).

use std::path::Path;
use std::sync::Arc;

use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// Why a TLS configuration cannot be used. Names the file, never its content.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TlsError {
    /// A PEM file cannot be read.
    #[error("cannot read certificates from {0}")]
    Certificate(String),
    /// A private key cannot be read.
    #[error("cannot read a private key from {0}")]
    Key(String),
    /// Certificate and key do not fit, or the chain is not usable.
    #[error("certificate and key cannot be used: {0}")]
    Unusable(String),
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let fail = || TlsError::Certificate(path.display().to_string());
    let found: Vec<_> = CertificateDer::pem_file_iter(path)
        .map_err(|_| fail())?
        .collect::<Result<_, _>>()
        .map_err(|_| fail())?;
    if found.is_empty() { Err(fail()) } else { Ok(found) }
}

fn roots(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut store = RootCertStore::empty();
    for certificate in chain(path)? {
        store.add(certificate).map_err(|_| TlsError::Certificate(path.display().to_string()))?;
    }
    Ok(store)
}

fn key(pem: &str, named: &str) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| TlsError::Key(named.to_owned()))
}

/// The server side: a certificate chain, its key as PEM text, and the roots that client certificates must have.
///
/// # Errors
/// When a file cannot be read or certificate and key do not fit.
pub fn server(
    certificate: &Path,
    key_pem: &str,
    key_name: &str,
    client_ca: Option<&Path>,
) -> Result<ServerConfig, TlsError> {
    let unusable = |e: rustls::Error| TlsError::Unusable(e.to_string());
    let builder = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(unusable)?;
    let builder = match client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots(path)?), provider())
                .build()
                .map_err(|e| TlsError::Unusable(e.to_string()))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let mut config =
        builder.with_single_cert(chain(certificate)?, key(key_pem, key_name)?).map_err(unusable)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// The client side: the roots to trust (the system's if none are named) and a client certificate, if there is one.
///
/// # Errors
/// When a file cannot be read or certificate and key do not fit.
pub fn client(ca: Option<&Path>, identity: Option<(&Path, &str, &str)>) -> Result<ClientConfig, TlsError> {
    let unusable = |e: rustls::Error| TlsError::Unusable(e.to_string());
    let trusted = match ca {
        Some(path) => roots(path)?,
        None => {
            let mut store = RootCertStore::empty();
            let found = rustls_native_certs::load_native_certs();
            // A broken certificate in the system's store must not keep the others from being used.
            store.add_parsable_certificates(found.certs);
            store
        }
    };
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .with_root_certificates(trusted);
    match identity {
        None => Ok(builder.with_no_client_auth()),
        Some((certificate, pem, named)) => {
            builder.with_client_auth_cert(chain(certificate)?, key(pem, named)?).map_err(unusable)
        }
    }
}
