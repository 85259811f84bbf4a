//! TLS of the listeners: with which certificates, which clients are asked for one, and how all of it is replaced
//! while connections go on.
//!
//! What a listener speaks is made whole from its files ([`Terms`]), or not at all; the [`Keeper`] has what is in
//! effect, looks whether the files have changed, and swaps. A connection keeps what its handshake began with.

mod client;
mod error;
mod files;
mod keeper;
mod lists;
mod names;
mod pair;
mod terms;

use std::path::PathBuf;
use std::sync::Arc;

pub use client::{NameKind, Unverified, client};
pub use error::{Refused, TlsError};
pub use keeper::{Fresh, Keeper, Live, Spoken};
pub use terms::Terms;

/// What a listener's TLS is made from.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The listener's name in the configuration.
    pub listener: Arc<str>,
    /// The certificates. The first is shown to a client that names no host, or none that another is for.
    pub pairs: Vec<PairFiles>,
    /// Clients' certificates; none are asked for without it.
    pub clients: Option<Clients>,
}

/// A certificate and its key.
#[derive(Clone, Debug)]
pub struct PairFiles {
    /// PEM: the certificate, then those that it was issued by, without the root.
    pub certificate: PathBuf,
    /// PEM: the private key.
    pub key: PathBuf,
    /// DER: the answer of the issuer's OCSP responder, shown with the certificate.
    pub ocsp: Option<PathBuf>,
}

/// Whose certificates clients may show.
#[derive(Clone, Debug)]
pub struct Clients {
    /// PEM: the authorities that issue them.
    pub ca: PathBuf,
    /// PEM: which of them are revoked.
    pub crl: Option<PathBuf>,
    /// Whether a client without one is refused.
    pub required: bool,
    /// Where in the certificate its bearer's name is looked for, in this order.
    pub names: Vec<NameKind>,
}

impl Settings {
    /// Every file that it is made from.
    fn files(&self) -> impl Iterator<Item = &PathBuf> {
        let pairs =
            self.pairs.iter().flat_map(|pair| [&pair.certificate, &pair.key].into_iter().chain(&pair.ocsp));
        pairs.chain(self.clients.iter().flat_map(|clients| [&clients.ca].into_iter().chain(&clients.crl)))
    }
}
