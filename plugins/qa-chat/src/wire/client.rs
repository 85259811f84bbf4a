//! Requests to back ends: each on a connection of its own, so that to give one up is to close it, and a server that hangs on one
//! holds up no other. Redirects are not followed: an address is what the settings say.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::uri::Scheme;
use http::{HeaderValue, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tidegate_plugin::{Error, Result};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;

use crate::backend::Failure;

/// Posts JSON to one address.
pub(crate) struct Client {
    uri: Uri,
    /// None: plain HTTP.
    tls: Option<(TlsConnector, ServerName<'static>)>,
    /// How long it may take to connect.
    patience: Duration,
    authorization: Option<HeaderValue>,
}

/// The beginning of an answer, and the rest to be read.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: StatusCode,
    /// In lower case, without parameters.
    pub(crate) content_type: String,
    /// For how long it is to be left alone (`Retry-After`).
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: Body,
}

/// The body of an answer; dropped, it closes the connection.
#[derive(Debug)]
pub(crate) struct Body {
    incoming: Incoming,
    _connection: Connection,
}

/// What drives a connection, for as long as somebody wants something of it.
#[derive(Debug)]
struct Connection(JoinHandle<()>);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Client {
    /// For the address `url`, which the setting `place` names. `ca_file` is PEM: whom to trust besides those that the system does.
    ///
    /// # Errors
    /// Where it is no http or https address, or the file holds no certificates.
    pub(crate) fn new(place: &str, url: &str, ca_file: Option<&Path>, patience: Duration) -> Result<Self> {
        let wrong = || Error::invalid(format!("{place}: '{url}' is no http or https address"));
        let uri: Uri = url.parse().map_err(|_| wrong())?;
        let host =
            uri.host().filter(|host| !host.is_empty()).ok_or_else(wrong)?.trim_matches(['[', ']']).to_owned();
        let tls = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTP => None,
            Some(scheme) if *scheme == Scheme::HTTPS => {
                let name = ServerName::try_from(host).map_err(|_| wrong())?;
                Some((connector(ca_file)?, name))
            }
            _ => return Err(wrong()),
        };
        Ok(Self { uri, tls, patience, authorization: None })
    }

    /// Shows this with each request.
    #[must_use]
    pub(crate) fn showing(self, authorization: Option<HeaderValue>) -> Self {
        Self { authorization, ..self }
    }

    /// Posts JSON; answers once the answer has begun.
    pub(crate) async fn post(&self, json: Vec<u8>, accept: &'static str) -> Result<Response, Failure> {
        let request = self.request(json, accept)?;
        match tokio::time::timeout(self.patience, self.connect()).await {
            Ok(Ok(stream)) => exchange(stream, request).await,
            Ok(Err(error)) => Err(Failure::Unreachable(error.to_string())),
            Err(_) => Err(Failure::Unreachable(format!("no connection within {:?}", self.patience))),
        }
    }

    fn request(&self, json: Vec<u8>, accept: &'static str) -> Result<Request<Full<Bytes>>, Failure> {
        let target = self.uri.path_and_query().map_or("/", |target| target.as_str());
        let host = self.uri.authority().map_or("", |authority| authority.as_str());
        // What stands before an @ is no part of the host.
        let host = host.rsplit('@').next().unwrap_or_default();
        let mut request = Request::post(target)
            .header(header::HOST, host)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, accept)
            .header(header::USER_AGENT, concat!("tidegate-qa-chat/", env!("CARGO_PKG_VERSION")));
        if let Some(authorization) = &self.authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        request.body(Full::new(json.into())).map_err(|error| Failure::Unreachable(error.to_string()))
    }

    async fn connect(&self) -> std::io::Result<Box<dyn Stream>> {
        let secure = self.tls.is_some();
        let host = self.uri.host().unwrap_or_default().trim_matches(['[', ']']);
        let port = self.uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let stream = TcpStream::connect((host, port)).await?;
        stream.set_nodelay(true)?;
        Ok(match &self.tls {
            None => Box::new(stream),
            Some((tls, name)) => Box::new(tls.connect(name.clone(), stream).await?),
        })
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("uri", &self.uri).finish_non_exhaustive()
    }
}

impl Body {
    /// The next part; none: it is whole.
    pub(crate) async fn part(&mut self) -> Result<Option<Bytes>, Failure> {
        loop {
            match self.incoming.frame().await {
                None => return Ok(None),
                Some(Err(error)) => return Err(Failure::Broken(error.to_string())),
                // Trailers say nothing that we need.
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(part) => return Ok(Some(part)),
                    Err(_) => continue,
                },
            }
        }
    }

    /// All of it.
    pub(crate) async fn whole(mut self, longest: usize) -> Result<Vec<u8>, Failure> {
        let mut whole = Vec::new();
        while let Some(part) = self.part().await? {
            whole.extend_from_slice(&part);
            if whole.len() > longest {
                return Err(Failure::TooLong(longest));
            }
        }
        Ok(whole)
    }
}

/// A connection, plain or not.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

async fn exchange(stream: Box<dyn Stream>, request: Request<Full<Bytes>>) -> Result<Response, Failure> {
    let broken = |error: hyper::Error| Failure::Broken(error.to_string());
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    // How it ended is told to whoever reads the body.
    let connection = Connection(tokio::spawn(async move { drop(connection.await) }));
    let (head, incoming) = sender.send_request(request).await.map_err(broken)?.into_parts();
    let content_type =
        head.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let content_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let retry_after = head.headers.get(header::RETRY_AFTER);
    let retry_after = retry_after.and_then(|value| pause(value.to_str().ok()?.trim(), SystemTime::now()));
    let body = Body { incoming, _connection: connection };
    Ok(Response { status: head.status, content_type, retry_after, body })
}

/// What `Retry-After` says: seconds, or the time when it is over.
fn pause(value: &str, now: SystemTime) -> Option<Duration> {
    let until = |time: SystemTime| time.duration_since(now).unwrap_or_default();
    let seconds = value.parse().map(Duration::from_secs).ok();
    seconds.or_else(|| httpdate::parse_http_date(value).map(until).ok())
}

/// Trusts whom the system trusts (`SSL_CERT_FILE` and `SSL_CERT_DIR` say otherwise), and whom `ca_file` names.
fn connector(ca_file: Option<&Path>) -> Result<TlsConnector> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(file) = ca_file {
        let wrong = |why: String| Error::invalid(format!("ca_file: {}: {why}", file.display()));
        let pem = std::fs::read(file).map_err(|error| wrong(error.to_string()))?;
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        let (added, _) =
            roots.add_parsable_certificates(certificates.map_err(|error| wrong(error.to_string()))?);
        if added == 0 {
            return Err(wrong("it holds no certificate".into()));
        }
    }
    // Named, as the gateway's process may have another, or none.
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(Error::internal)?.with_root_certificates(roots).with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_pause_is_told_in_seconds_or_as_the_time_of_its_end() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        for (value, seconds) in [
            ("0", Some(0)),
            ("120", Some(120)),
            ("Sun, 06 Nov 1994 08:50:07 GMT", Some(30)),
            ("Sunday, 06-Nov-94 08:50:07 GMT", Some(30)),
            ("Sun Nov  6 08:50:07 1994", Some(30)),
            ("Sun, 06 Nov 1994 08:49:07 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
            ("", None),
        ] {
            assert_eq!(pause(value, now), seconds.map(Duration::from_secs), "{value}");
        }
    }

    proptest! {
        #[test]
        fn no_value_makes_it_panic(value in "\\PC{0,40}") {
            let _either = pause(&value, SystemTime::now());
        }
    }
}
