//! Requests that the gateway itself sends: for sets of keys, and to whoever authorises. Each on a connection
//! of its own, bounded in time and in bytes. Redirects are not followed: an address is what the configuration says.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;
use http::uri::Scheme;
use http::{HeaderValue, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Bytes of an answer at most.
const LARGEST: usize = 256 * 1024;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum OutgoingError {
    /// Not one that can be asked.
    #[error("'{0}' is no http or https address")]
    Address(Uri),
    /// It took too long.
    #[error("no answer within {0:?}")]
    Slow(Duration),
    /// No connection, or no TLS.
    #[error("cannot connect: {0}")]
    Connect(#[from] std::io::Error),
    /// What came back is no HTTP, or broke off.
    #[error("no proper answer: {0}")]
    Http(#[from] hyper::Error),
    /// More than is taken.
    #[error("the answer is longer than {LARGEST} bytes, or broke off")]
    Body,
}

/// An answer, with its whole body.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its body.
    pub body: Bytes,
}

/// Sends a GET.
///
/// # Errors
/// [`OutgoingError`].
pub async fn get(uri: &Uri, patience: Duration) -> Result<Answer, OutgoingError> {
    send(Request::get(uri.clone()), Bytes::new(), patience).await
}

/// Sends a POST of JSON.
///
/// # Errors
/// [`OutgoingError`].
pub async fn post(uri: &Uri, json: Bytes, patience: Duration) -> Result<Answer, OutgoingError> {
    let request = Request::post(uri.clone()).header(header::CONTENT_TYPE, "application/json");
    send(request, json, patience).await
}

async fn send(
    request: http::request::Builder,
    body: Bytes,
    patience: Duration,
) -> Result<Answer, OutgoingError> {
    let uri = request.uri_ref().cloned().unwrap_or_default();
    let unusable = |_| OutgoingError::Address(uri.clone());
    let host = uri.authority().map(|authority| HeaderValue::from_str(authority.as_str()));
    let host = host.transpose().map_err(|_| OutgoingError::Address(uri.clone()))?;
    let target = uri.path_and_query().map_or("/", |target| target.as_str()).to_owned();
    let request = request.uri(target).header(header::HOST, host.unwrap_or(HeaderValue::from_static("")));
    let request =
        request.header(header::ACCEPT, "application/json").body(Full::new(body)).map_err(unusable)?;
    tokio::time::timeout(patience, exchange(&uri, request))
        .await
        .map_err(|_| OutgoingError::Slow(patience))?
}

async fn exchange(uri: &Uri, request: Request<Full<Bytes>>) -> Result<Answer, OutgoingError> {
    let secure = uri.scheme() == Some(&Scheme::HTTPS);
    let usual = if secure { 443 } else { 80 };
    let host = uri.host().filter(|_| secure || uri.scheme() == Some(&Scheme::HTTP));
    let host = host.ok_or_else(|| OutgoingError::Address(uri.clone()))?.trim_matches(['[', ']']);
    let stream = TcpStream::connect((host, uri.port_u16().unwrap_or(usual))).await?;
    if !secure {
        return converse(stream, request).await;
    }
    let name = ServerName::try_from(host.to_owned()).map_err(|_| OutgoingError::Address(uri.clone()))?;
    converse(tls()?.connect(name, stream).await?, request).await
}

async fn converse<S>(stream: S, request: Request<Full<Bytes>>) -> Result<Answer, OutgoingError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let answer = async {
        let (head, body) = sender.send_request(request).await?.into_parts();
        let body = Limited::new(body, LARGEST).collect().await.map_err(|error| {
            tracing::debug!(too_long = error.is::<LengthLimitError>(), "an answer is not taken");
            OutgoingError::Body
        })?;
        Ok(Answer { status: head.status, body: body.to_bytes() })
    };
    tokio::select! {
        answer = answer => answer,
        // The connection is driven here; that it ends first means that the answer does not come.
        Err(error) = connection => Err(error.into()),
    }
}

/// Trusts whom the system trusts (`SSL_CERT_FILE` and `SSL_CERT_DIR` say otherwise).
fn tls() -> std::io::Result<TlsConnector> {
    static TLS: LazyLock<Result<Arc<ClientConfig>, rustls::Error>> = LazyLock::new(|| {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
    });
    match &*TLS {
        Ok(config) => Ok(TlsConnector::from(Arc::clone(config))),
        Err(error) => Err(std::io::Error::other(error.clone())),
    }
}
