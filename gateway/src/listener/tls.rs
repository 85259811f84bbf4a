//! TLS handshakes, on the connection's shard: the accept path never waits for one.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::{Error, HandshakeKind, ProtocolVersion, ServerConnection};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::Ended;
use super::turns::Turns;
use crate::metrics::{Handshake, Metrics};
use crate::tls::{self, Live, Spoken};
use crate::web::{ClientCertificate, TlsInfo};

/// A listener's TLS.
#[derive(Clone, Debug)]
pub struct Tls {
    /// What is spoken now.
    pub live: Arc<Live>,
    /// How long a handshake may take.
    pub patience: Duration,
    /// Where it is counted how they end.
    pub metrics: Arc<Metrics>,
}

/// What a handshake leads to.
pub(super) struct Secured {
    pub(super) stream: Box<TlsStream<TcpStream>>,
    pub(super) info: Box<TlsInfo>,
}

impl Tls {
    /// Shakes hands. How it went is counted; a failure is the client's affair, and logged for who looks for it.
    ///
    /// # Errors
    /// What the connection's end counts as.
    pub(super) async fn accept(&self, stream: TcpStream, turns: &Turns) -> Result<Secured, Ended> {
        let peer = stream.peer_addr().ok();
        let spoken = self.live.now();
        let acceptor = TlsAcceptor::from(Arc::clone(&spoken.config));
        let outcome = match timeout(self.patience, turns.take(acceptor.accept(stream))).await {
            Ok(Ok(stream)) => self.secured(stream, &spoken),
            Ok(Err(error)) => Err((reason(&error), error.to_string())),
            Err(_) => Err((Handshake::TimedOut, "it took too long".to_owned())),
        };
        let metrics = &self.metrics.tls;
        metrics.count(outcome.as_ref().err().map_or(Handshake::Done, |(reason, _)| *reason));
        outcome.map_err(|(reason, error)| {
            tracing::debug!(?peer, error, "a TLS handshake failed");
            if reason == Handshake::TimedOut { Ended::Timeout } else { Ended::Error }
        })
    }

    fn secured(&self, stream: TlsStream<TcpStream>, spoken: &Spoken) -> Result<Secured, (Handshake, String)> {
        let connection = stream.get_ref().1;
        let client =
            client(connection, spoken).map_err(|error| (Handshake::ClientCertificate, error.to_string()))?;
        if connection.handshake_kind() == Some(HandshakeKind::Resumed) {
            self.metrics.tls.resumed.add(1);
        }
        let info = TlsInfo {
            version: match connection.protocol_version() {
                Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
                _ => "TLSv1.3",
            },
            server_name: connection.server_name().map(Into::into),
            protocol: match connection.alpn_protocol() {
                Some(b"h2") => Some("h2"),
                Some(_) => Some("http/1.1"),
                None => None,
            },
            client,
        };
        Ok(Secured { stream: Box::new(stream), info: Box::new(info) })
    }
}

fn client(
    connection: &ServerConnection,
    spoken: &Spoken,
) -> Result<Option<ClientCertificate>, tls::Unverified> {
    let shown = connection.peer_certificates().and_then(|chain| chain.first());
    shown.map(|certificate| tls::client(certificate, spoken.client_names())).transpose()
}

/// Whose fault it is, as far as it can be told.
fn reason(error: &io::Error) -> Handshake {
    let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) else {
        return Handshake::Closed;
    };
    match error {
        Error::InvalidMessage(_)
        | Error::InappropriateMessage { .. }
        | Error::InappropriateHandshakeMessage { .. }
        | Error::PeerMisbehaved(_)
        | Error::PeerSentOversizedRecord
        | Error::DecryptError => Handshake::Malformed,
        Error::PeerIncompatible(_) | Error::NoApplicationProtocol => Handshake::Incompatible,
        Error::NoCertificatesPresented | Error::InvalidCertificate(_) => Handshake::ClientCertificate,
        Error::AlertReceived(_) => Handshake::Alert,
        _ => Handshake::Failed,
    }
}
