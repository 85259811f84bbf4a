//! What a listener speaks, made whole from its files.

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, VerifierBuilderError, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};

use super::files::{self, malformed};
use super::lists::Lists;
use super::names::Names;
use super::pair::Pair;
use super::{Clients, Settings, TlsError};

/// Tickets that a client gets with its handshake: each is a write, and it needs one to come back with.
const TICKETS: usize = 1;

/// What a listener speaks.
#[derive(Debug)]
pub struct Terms {
    /// What its handshakes go by.
    pub config: Arc<ServerConfig>,
    /// The hosts that its certificates are for.
    pub names: Vec<String>,
    /// When the first of its certificates ends, in seconds since 1970.
    pub not_after: i64,
    /// When the first list of revoked certificates is to be renewed, in seconds since 1970.
    pub lists_due: Option<i64>,
    /// What is right and worth a look.
    pub warnings: Vec<String>,
}

impl Terms {
    /// Reads every file and judges it.
    ///
    /// # Errors
    /// The first that cannot be used.
    pub fn load(settings: &Settings) -> Result<Self, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let pairs = settings
            .pairs
            .iter()
            .map(|files| Pair::load(files, &provider))
            .collect::<Result<Vec<_>, TlsError>>()?;
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?;
        let crl = settings.clients.as_ref().and_then(|clients| clients.crl.as_ref());
        let lists = crl.map(|crl| Lists::load(crl)).transpose()?;
        let (lists_due, overdue) = lists.as_ref().map_or((None, None), |lists| (lists.due, lists.overdue()));
        let builder = match &settings.clients {
            Some(clients) => builder.with_client_cert_verifier(verifier(clients, lists, provider)?),
            None => builder.with_no_client_auth(),
        };
        let mut config = builder.with_cert_resolver(Arc::new(Names::new(&pairs)));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        // A ticket opens a session again without a look at the client's certificate. Its keys are these terms' own:
        // with others, as after a revocation, everybody shows the certificate again. They are rotated by themselves.
        config.ticketer = aws_lc_rs::Ticketer::new()?;
        config.send_tls13_tickets = TICKETS;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        Ok(Self {
            config: Arc::new(config),
            names: pairs.iter().flat_map(|pair| pair.names.iter().cloned()).collect(),
            not_after: pairs.iter().map(|pair| pair.not_after).min().unwrap_or(i64::MAX),
            lists_due,
            warnings: pairs.into_iter().flat_map(|pair| pair.warnings).chain(overdue).collect(),
        })
    }
}

/// Judges clients' certificates. With a revocation list, a certificate whose issuer has none in it is refused,
/// and every one is where the issuer's has had its time.
fn verifier(
    clients: &Clients,
    lists: Option<Lists>,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let mut roots = RootCertStore::empty();
    for (index, certificate) in files::certificates(&clients.ca)?.into_iter().enumerate() {
        let reason = |error| format!("certificate {} cannot be trusted: {error}", index + 1);
        roots.add(certificate).map_err(|error| malformed(&clients.ca, reason(error)))?;
    }
    let mut builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    if let Some(lists) = lists {
        builder =
            builder.with_crls(lists.lists).only_check_end_entity_revocation().enforce_revocation_expiration();
    }
    if !clients.required {
        builder = builder.allow_unauthenticated();
    }
    let at_fault = clients.crl.as_ref().unwrap_or(&clients.ca);
    builder.build().map_err(|error| match error {
        VerifierBuilderError::InvalidCrl(error) => malformed(at_fault, format!("cannot be used: {error:?}")),
        other => malformed(&clients.ca, format!("cannot be used: {other}")),
    })
}
