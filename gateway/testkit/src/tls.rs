//! Certificates of a test's own, and clients that speak TLS with the gateway.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A client's end of a connection under TLS.
pub type TlsClient = TlsStream<TcpStream>;

/// Issues certificates into a folder that goes with it.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    folder: TempDir,
}

/// A certificate with its key, in files and at hand.
#[derive(Debug)]
pub struct Issued {
    /// PEM.
    pub certificate: PathBuf,
    /// PEM.
    pub key: PathBuf,
    /// What the file holds.
    pub der: CertificateDer<'static>,
    key_der: PrivateKeyDer<'static>,
}

impl Authority {
    /// A new one; `ca.pem` in its folder is its certificate.
    pub fn new(name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        fs::write(folder.path().join("ca.pem"), certificate.pem()).unwrap();
        Self { certificate: certificate.der().clone(), issuer: Issuer::new(params, key), folder }
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The file of its own certificate.
    pub fn file(&self) -> PathBuf {
        self.folder().join("ca.pem")
    }

    /// Who signs what it issues.
    pub fn issuer(&self) -> &Issuer<'static, KeyPair> {
        &self.issuer
    }

    /// Issues a certificate for these hosts, as `NAME.pem` and `NAME.key`; what was there is replaced.
    pub fn issue(&self, name: &str, hosts: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Issued {
        let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        let mut params = CertificateParams::new(hosts).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let file = |kind: &str| self.folder().join(format!("{name}.{kind}"));
        let issued = Issued {
            certificate: file("pem"),
            key: file("key"),
            der: certificate.der().clone(),
            key_der: key.serialize_der().try_into().unwrap(),
        };
        fs::write(&issued.certificate, certificate.pem()).unwrap();
        fs::write(&issued.key, key.serialize_pem()).unwrap();
        fs::set_permissions(&issued.key, fs::Permissions::from_mode(0o600)).unwrap();
        issued
    }

    /// A client that trusts it and asks for `localhost`.
    pub fn client(&self) -> TlsDial {
        TlsDial {
            root: self.certificate.clone(),
            host: "localhost".to_owned(),
            versions: rustls::ALL_VERSIONS.to_vec(),
            protocols: vec![b"http/1.1".to_vec()],
            identity: None,
        }
    }
}

/// How a client speaks TLS.
#[derive(Debug)]
pub struct TlsDial {
    root: CertificateDer<'static>,
    host: String,
    versions: Vec<&'static SupportedProtocolVersion>,
    protocols: Vec<Vec<u8>>,
    identity: Option<(CertificateDer<'static>, PrivateKeyDer<'static>)>,
}

impl TlsDial {
    /// Asks for another host; an address is asked for by no name.
    #[must_use]
    pub fn host(mut self, host: &str) -> Self {
        self.host = host.to_owned();
        self
    }

    /// Speaks this version only.
    #[must_use]
    pub fn version(mut self, version: &'static SupportedProtocolVersion) -> Self {
        self.versions = vec![version];
        self
    }

    /// Offers these protocols; none: it says nothing of them.
    #[must_use]
    pub fn protocols(mut self, protocols: &[&str]) -> Self {
        self.protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        self
    }

    /// Shows this certificate where it is asked for one.
    #[must_use]
    pub fn identity(mut self, identity: &Issued) -> Self {
        self.identity = Some((identity.der.clone(), identity.key_der.clone_key()));
        self
    }

    /// The client, which keeps the tickets that it gets.
    pub fn ready(self) -> TlsDialer {
        let mut roots = RootCertStore::empty();
        roots.add(self.root).unwrap();
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&self.versions)
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match self.identity {
            Some((certificate, key)) => builder.with_client_auth_cert(vec![certificate], key).unwrap(),
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = self.protocols;
        TlsDialer { config: Arc::new(config), host: ServerName::try_from(self.host).unwrap() }
    }
}

/// A client that speaks TLS.
#[derive(Clone, Debug)]
pub struct TlsDialer {
    config: Arc<ClientConfig>,
    host: ServerName<'static>,
}

impl TlsDialer {
    /// A client that trusts the authority of this PEM and asks for `localhost`.
    pub fn trusting(pem: &[u8]) -> Self {
        TlsDial {
            root: CertificateDer::from_pem_slice(pem).unwrap(),
            host: "localhost".to_owned(),
            versions: rustls::ALL_VERSIONS.to_vec(),
            protocols: vec![b"http/1.1".to_vec()],
            identity: None,
        }
        .ready()
    }

    /// Connects and shakes hands.
    ///
    /// # Errors
    /// Either side's refusal.
    pub async fn dial(&self, address: SocketAddr) -> io::Result<TlsClient> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        self.shake(stream).await
    }

    /// Shakes hands on a connection.
    ///
    /// # Errors
    /// Either side's refusal.
    pub async fn shake(&self, stream: TcpStream) -> io::Result<TlsClient> {
        TlsConnector::from(Arc::clone(&self.config)).connect(self.host.clone(), stream).await
    }
}
