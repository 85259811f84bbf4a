//! Connecting: TCP or a Unix socket, and TLS over TCP.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;

use super::address::{Address, Host, TlsMode};
use super::refusal::Trouble;
use super::wire::{Connection, Transport};

/// How often a silent peer's host is asked whether it is there, and how long what was sent may stay unacknowledged.
const KEEPALIVE: Duration = Duration::from_secs(10);
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

/// Connects to a server.
pub(super) async fn dial(address: &Address) -> Result<Box<dyn Transport>, Trouble> {
    let failed =
        |error| Trouble::Lost(format!("cannot connect to PostgreSQL at {}: {error}", address.server()));
    let host = match &address.host {
        Host::Unix(folder) => {
            return Ok(Box::new(UnixStream::connect(address.socket(folder)).await.map_err(failed)?));
        }
        Host::Tcp(host) => host,
    };
    let mut stream = TcpStream::connect((host.as_str(), address.port)).await.map_err(failed)?;
    stream.set_nodelay(true)?;
    let socket = SockRef::from(&stream);
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE))?;
    socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED))?;
    if address.tls == TlsMode::Disable {
        return Ok(Box::new(stream));
    }
    if !Connection::ask_for_tls(&mut stream).await? {
        return match address.tls {
            TlsMode::Prefer => Ok(Box::new(stream)),
            _ => Err(Trouble::Lasting(format!(
                "PostgreSQL at {} does not speak TLS (sslmode)",
                address.server()
            ))),
        };
    }
    let connector = TlsConnector::from(Arc::new(config(address)?));
    let name = ServerName::try_from(host.clone())
        .map_err(|_| Trouble::Lasting(format!("{host:?} is no name that a certificate could have")))?;
    let stream = connector.connect(name, stream).await.map_err(|error| {
        let text = format!("TLS with PostgreSQL at {}: {error}", address.server());
        // A certificate does not get better by itself; a connection that breaks does.
        let judged = error.get_ref().is_some_and(|inner| inner.is::<Error>());
        if judged { Trouble::Lasting(text) } else { Trouble::Lost(text) }
    })?;
    Ok(Box::new(stream))
}

fn config(address: &Address) -> Result<ClientConfig, Trouble> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| Trouble::Lasting(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Verifier::of(address, provider)?));
    let Some((certificate, key)) = &address.identity else { return Ok(builder.with_no_client_auth()) };
    let unread = |file: &Path, error: String| Trouble::Lasting(format!("{}: {error}", file.display()));
    let key_der = PrivateKeyDer::from_pem_file(key).map_err(|error| unread(key, error.to_string()))?;
    builder
        .with_client_auth_cert(certificates(certificate)?, key_der)
        .map_err(|error| unread(certificate, error.to_string()))
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, Trouble> {
    let all = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match all {
        Ok(all) if !all.is_empty() => Ok(all),
        Ok(_) => Err(Trouble::Lasting(format!("{} holds no certificate", file.display()))),
        Err(error) => Err(Trouble::Lasting(format!("{}: {error}", file.display()))),
    }
}

/// Whom to trust, by `sslmode`.
#[derive(Debug)]
struct Verifier {
    /// Checks the chain and the name; none: anybody will do.
    chain: Option<Arc<WebPkiServerVerifier>>,
    /// Whether the certificate has to name the host.
    names: bool,
    provider: Arc<CryptoProvider>,
}

impl Verifier {
    fn of(address: &Address, provider: Arc<CryptoProvider>) -> Result<Self, Trouble> {
        let names = address.tls == TlsMode::VerifyFull;
        let verifies = names || address.tls == TlsMode::VerifyCa;
        // libpq: `require` with root certificates at hand is `verify-ca`.
        if !verifies && (address.tls == TlsMode::Prefer || address.root.is_none()) {
            return Ok(Self { chain: None, names, provider });
        }
        let mut roots = RootCertStore::empty();
        let certificates = match &address.root {
            Some(file) => certificates(file)?,
            None => rustls_native_certs::load_native_certs().certs,
        };
        roots.add_parsable_certificates(certificates);
        let chain =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build();
        let chain = chain.map_err(|error| Trouble::Lasting(format!("sslrootcert: {error}")))?;
        Ok(Self { chain: Some(chain), names, provider })
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(chain) = &self.chain else { return Ok(ServerCertVerified::assertion()) };
        match chain.verify_server_cert(certificate, between, name, ocsp, now) {
            // The chain is checked before the name.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !self.names => Ok(ServerCertVerified::assertion()),
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
