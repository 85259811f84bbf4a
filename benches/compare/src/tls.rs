//! A certificate for loopback, made for the day.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig, version::TLS13};

use crate::place::Place;
use crate::sample::Error;

/// A certificate with its key, in files.
#[derive(Clone, Debug)]
pub struct Identity {
    /// PEM.
    pub certificate: PathBuf,
    /// PEM.
    pub key: PathBuf,
}

fn bad(error: impl ToString) -> Error {
    Error::Other(format!("TLS: {}", error.to_string()))
}

impl Identity {
    /// A new one, below the target folder.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn new(place: &Place) -> Result<Self, Error> {
        let folder = place.made("compare/tls");
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).map_err(bad)?;
        let identity = Self { certificate: folder.join("server.pem"), key: folder.join("server.key") };
        fs::create_dir_all(&folder)
            .and_then(|()| fs::write(&identity.certificate, made.cert.pem()))
            .and_then(|()| fs::write(&identity.key, made.signing_key.serialize_pem()))
            .map_err(bad)?;
        Ok(identity)
    }

    /// How a client speaks TLS 1.3 with who has it.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn client(&self) -> Result<Arc<ClientConfig>, Error> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(&self.certificate).map_err(bad)?).map_err(bad)?;
        let config = ClientConfig::builder_with_protocol_versions(&[&TLS13]);
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        config.resumption = rustls::client::Resumption::disabled(); // each connection is a new client's
        Ok(Arc::new(config))
    }

    /// How a server speaks TLS 1.3 with it: rustls' defaults but for one ticket, as the gateway sends.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn server(&self) -> Result<Arc<ServerConfig>, Error> {
        let chain = vec![CertificateDer::from_pem_file(&self.certificate).map_err(bad)?];
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(bad)?;
        let config = ServerConfig::builder_with_protocol_versions(&[&TLS13]);
        let mut config = config.with_no_client_auth().with_single_cert(chain, key).map_err(bad)?;
        config.send_tls13_tickets = 1;
        Ok(Arc::new(config))
    }
}
