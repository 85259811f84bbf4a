//! Whom a client trusts, and what it shows.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use tokio_tungstenite::Connector;

/// The options for TLS.
#[derive(Args)]
pub(in crate::cli) struct Trust {
    /// Trust the authorities in this file, PEM, instead of those of the system
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// The certificate to show to the gateway, PEM
    #[arg(long, value_name = "FILE", requires_all = ["key", "ca"])]
    cert: Option<PathBuf>,
    /// The certificate's private key, PEM
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
}

/// Why the files cannot be used.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum BadTrust {
    #[error("{} cannot be read as PEM: {source}", path.display())]
    Pem { path: PathBuf, source: rustls::pki_types::pem::Error },
    #[error("{} holds no certificate", .0.display())]
    Empty(PathBuf),
    #[error("{} cannot be used: {source}", path.display())]
    Unusable { path: PathBuf, source: rustls::Error },
}

impl Trust {
    /// What TLS is spoken with; none: as the system has it.
    pub(super) fn connector(&self) -> Result<Option<Connector>, BadTrust> {
        Ok(self.config()?.map(|config| Connector::Rustls(Arc::new(config))))
    }

    /// The same, where it is not a connector that speaks it.
    pub(in crate::cli) fn config(&self) -> Result<Option<ClientConfig>, BadTrust> {
        let Some(ca) = &self.ca else { return Ok(None) };
        let unusable = |path: &Path| {
            let path = path.to_owned();
            move |source| BadTrust::Unusable { path, source }
        };
        let mut roots = RootCertStore::empty();
        for certificate in certificates(ca)? {
            roots.add(certificate).map_err(unusable(ca))?;
        }
        let builder = ClientConfig::builder().with_root_certificates(roots);
        let config = match self.cert.as_ref().zip(self.key.as_ref()) {
            None => builder.with_no_client_auth(),
            Some((path, key_path)) => {
                let key = PrivateKeyDer::from_pem_file(key_path)
                    .map_err(|source| BadTrust::Pem { path: key_path.clone(), source })?;
                builder.with_client_auth_cert(certificates(path)?, key).map_err(unusable(path))?
            }
        };
        Ok(Some(config))
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, BadTrust> {
    let wrong = |source| BadTrust::Pem { path: path.to_owned(), source };
    let found: Vec<_> =
        CertificateDer::pem_file_iter(path).map_err(wrong)?.collect::<Result<_, _>>().map_err(wrong)?;
    if found.is_empty() { Err(BadTrust::Empty(path.to_owned())) } else { Ok(found) }
}
