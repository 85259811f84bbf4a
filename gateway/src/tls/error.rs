//! What can be wrong with certificates and keys.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// Why TLS cannot be spoken with these files; each says which file, and what is wrong with it.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The system does not give it.
    #[error("{} cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// Not PEM, or not of what it says.
    #[error("{}: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// PEM of something else, or nothing.
    #[error("{} holds no {what}", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
    },
    /// The key is another certificate's.
    #[error("{} is not the key of the certificate in {}", key.display(), certificate.display())]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// Its time is over.
    #[error("the certificate in {} has expired at {at}", path.display())]
    Expired {
        /// The file.
        path: PathBuf,
        /// When.
        at: String,
    },
    /// Its time is still to come.
    #[error("the certificate in {} is not valid before {at}", path.display())]
    NotYetValid {
        /// The file.
        path: PathBuf,
        /// When it will be.
        at: String,
    },
    /// A certificate of the chain is missing, or stands in the wrong place.
    #[error(
        "the chain in {} is broken: certificate {number} (\"{subject}\") was issued by \"{issuer}\", which is not \
         the one behind it",
        path.display()
    )]
    Chain {
        /// The file.
        path: PathBuf,
        /// Which one, from 1.
        number: usize,
        /// Whose it is.
        subject: String,
        /// Whose should follow.
        issuer: String,
    },
    /// The cryptography does not do it.
    #[error("TLS cannot be set up: {0}")]
    Crypto(#[from] rustls::Error),
}

/// A listener that cannot speak TLS.
#[derive(Debug, thiserror::Error)]
#[error("listener '{listener}': {source}")]
pub struct Refused {
    /// Its name in the configuration.
    pub listener: Arc<str>,
    /// Why.
    pub source: TlsError,
}
