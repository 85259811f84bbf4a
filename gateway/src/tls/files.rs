//! Reads PEM and DER, and says what was found instead.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::SystemTime;

use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};

use super::TlsError;

/// Bytes of a file at most: a chain or a list of authorities has a few kilobytes, a revocation list may have more.
const LONGEST: u64 = 16 * 1024 * 1024;

/// By which a file is known to have changed: an editor writes another file, or the same one later.
pub(super) type Stamp = Option<(u64, u64, Option<SystemTime>, u64)>;

/// What the file is like now; none where there is none.
pub(super) fn stamp(path: &Path) -> Stamp {
    let file = fs::metadata(path).ok()?;
    Some((file.dev(), file.ino(), file.modified().ok(), file.len()))
}

/// Whether everyone on this machine may read the file.
pub(super) fn is_public(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| file.mode() & 0o004 != 0)
}

pub(super) fn bytes(path: &Path) -> Result<Vec<u8>, TlsError> {
    let unreadable = |source| TlsError::Unreadable { path: path.to_owned(), source };
    let file = fs::metadata(path).map_err(unreadable)?;
    if !file.is_file() {
        return Err(malformed(path, "is not a file"));
    }
    if file.len() > LONGEST {
        return Err(malformed(path, format!("is longer than {} MiB", LONGEST >> 20)));
    }
    fs::read(path).map_err(unreadable)
}

/// The certificates of a file, at least one.
pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    all(path, "certificate (a block BEGIN CERTIFICATE)")
}

/// The revocation lists of a file, at least one.
pub(super) fn revocations(path: &Path) -> Result<Vec<CertificateRevocationListDer<'static>>, TlsError> {
    all(path, "revocation list (a block BEGIN X509 CRL)")
}

/// The private key of a file: PKCS#8, PKCS#1 or SEC1.
pub(super) fn key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let text = bytes(path)?;
    match PrivateKeyDer::from_pem_slice(&text) {
        Ok(key) => Ok(key),
        Err(PemError::NoItemsFound) if encrypted(&text) => Err(malformed(
            path,
            "the key is encrypted; a gateway that starts by itself cannot ask for its password",
        )),
        Err(PemError::NoItemsFound) => {
            Err(TlsError::Missing { path: path.to_owned(), what: "private key (a block BEGIN PRIVATE KEY)" })
        }
        Err(error) => Err(malformed(path, format!("is not PEM: {error}"))),
    }
}

fn all<T: PemObject>(path: &Path, what: &'static str) -> Result<Vec<T>, TlsError> {
    let text = bytes(path)?;
    let found: Result<Vec<T>, PemError> = T::pem_slice_iter(&text).collect();
    match found {
        Ok(found) if found.is_empty() => Err(TlsError::Missing { path: path.to_owned(), what }),
        Ok(found) => Ok(found),
        Err(error) => Err(malformed(path, format!("is not PEM: {error}"))),
    }
}

fn encrypted(text: &[u8]) -> bool {
    let mark = b"ENCRYPTED PRIVATE KEY";
    text.windows(mark.len()).any(|window| window == mark)
}

pub(super) fn malformed(path: &Path, reason: impl Into<String>) -> TlsError {
    TlsError::Malformed { path: path.to_owned(), reason: reason.into() }
}
