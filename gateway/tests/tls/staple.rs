//! What the issuer's responder says of a certificate goes with it.

use std::fs;
use std::sync::{Arc, Mutex};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use testkit::Authority;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::house::House;

/// Believes everything, and keeps the OCSP answer that came.
#[derive(Debug, Default)]
struct Keeps(Mutex<Vec<u8>>);

impl ServerCertVerifier for Keeps {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        ocsp: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        *self.0.lock().unwrap() = ocsp.to_owned();
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}

#[tokio::test]
async fn an_ocsp_answer_is_shown_with_the_certificate() {
    let authority = Authority::new("test authority");
    let file = authority.folder().join("server.ocsp");
    let answer = b"\x30\x03\x0a\x01\x00";
    fs::write(&file, answer).unwrap();
    let more = format!(", ocsp=\"{}\"", file.display());
    let house = House::with(authority, &more, |options| options);
    let keeps = Arc::new(Keeps::default());
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(&keeps) as _)
        .with_no_client_auth();
    let stream = TcpStream::connect(house.address()).await.unwrap();
    let host = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(host, stream).await.unwrap();
    assert_eq!(*keeps.0.lock().unwrap(), answer);
}
