//! What the rooms that speak HTTP say to each other: bodies, problems, the hand-over of a socket, and the
//! plugins' side as traits. Behaviour lives in [`listener`](crate::listener), [`pipeline`](crate::pipeline),
//! [`router`](crate::router) and [`api`](crate::api).

mod declared;
mod handoff;
mod host;
mod location;
mod parts;
mod plugins;
mod problem;
mod redirect;
mod request_body;
mod routes;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use serde::Serialize;

use crate::audit;

pub use declared::{CallSpec, Checker, CommandSpec, Declaration, EventSpec, RoomSpec, RouteSpec};
pub use handoff::{Handoff, Run, Takeover, Upgraded};
pub use host::Host;
pub use location::{Located, Location};
pub use parts::{Part, Parts};
pub use plugins::{AdminError, Health, HealthStatus, Outcome, PluginAdmin, PluginInfo};
pub use problem::{Invalid, Problem, ProblemDetails, Why};
pub use redirect::redirect;
pub use request_body::RequestBody;
pub use routes::{Answering, Clash, Found, PluginRequest, Refusal, Route, Routes, Serve, Spec, Target, trim};

/// Why a body broke off.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The body of an answer: whole or streamed.
pub type Body = UnsyncBoxBody<Bytes, BoxError>;

/// An answer.
pub type Response = http::Response<Body>;

/// The connection that a request came by; every request bears it as an extension, in an [`Arc`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionInfo {
    /// The configuration's name of the listener.
    pub listener: Arc<str>,
    /// The other end of the TCP connection, or the one that a balancer names in its place.
    pub peer: SocketAddr,
    /// The balancer that has named it (PROXY protocol); none where there is none.
    pub balancer: Option<SocketAddr>,
    /// What its handshake said; none without TLS.
    pub tls: Option<Box<TlsInfo>>,
}

/// Who a request is from, proxies that are trusted left aside; every request bears it as an extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// The address that limits and logs go by.
    pub address: IpAddr,
    /// Whether the address may be exempt from limits. A proxy's own may not where it stands for a client that
    /// the proxy has named in a way that cannot be read.
    pub exemptible: bool,
    /// Whether the request was under TLS where it left the client.
    pub secure: bool,
}

/// What a TLS handshake said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsInfo {
    /// The version, as `TLSv1.3`.
    pub version: &'static str,
    /// The host that the client asked for.
    pub server_name: Option<Arc<str>>,
    /// The protocol that was agreed on, as `h2`.
    pub protocol: Option<&'static str>,
    /// The certificate that the client has shown; it was verified.
    pub client: Option<ClientCertificate>,
}

/// Who a client is by its certificate, which an authority of the listener's has issued, and not revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// Its bearer's name, from where the listener's `client_name` looks for it; none where it has no such name.
    pub name: Option<Arc<str>>,
    /// When it was issued, as far as it says, in seconds since 1970.
    pub not_before: i64,
    /// When it ceases to hold, in seconds since 1970.
    pub not_after: i64,
    /// The whole subject, as `CN=backend, O=Example`.
    pub subject: Arc<str>,
}

/// A request's id, for logs and answers; every request bears it as an extension.
#[derive(Clone, Debug)]
pub struct RequestId(pub HeaderValue);

impl RequestId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }
}

/// From where a request comes, for the audit log.
pub fn source(extensions: &http::Extensions) -> audit::Source {
    audit::Source {
        request_id: extensions.get::<RequestId>().map(|id| id.as_str().into()),
        address: extensions.get::<Client>().map(|client| client.address),
        listener: extensions.get::<Arc<ConnectionInfo>>().map(|connection| Arc::clone(&connection.listener)),
    }
}

/// Marks a request that an intermediary may have read otherwise than we do, as one with both
/// `Transfer-Encoding` and `Content-Length` (hyper removes the one that it does not go by), or one behind such.
#[derive(Clone, Copy, Debug)]
pub struct Ambiguous;

/// Why a request's body could not be read.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// Longer than a body may be.
    #[error("the body is longer than {0} bytes")]
    TooLarge(usize),
    /// There are as many bytes of bodies at this time as there may be.
    #[error("too much is being sent to the gateway at this time")]
    Crowded,
    /// It did not arrive in time.
    #[error("the body did not arrive within {0:?}")]
    Slow(Duration),
    /// The connection or its framing broke.
    #[error("the body could not be read: {0}")]
    Broken(BoxError),
}

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Self {
        let text = error.to_string();
        let problem = match error {
            BodyError::TooLarge(_) => Self::new(StatusCode::PAYLOAD_TOO_LARGE, text),
            BodyError::Crowded => Self::busy(text, 1),
            BodyError::Slow(_) => Self::new(StatusCode::REQUEST_TIMEOUT, text),
            BodyError::Broken(_) => Self::new(StatusCode::BAD_REQUEST, text),
        };
        // What is left of the body would be taken for the next request.
        problem.header(header::CONNECTION, HeaderValue::from_static("close"))
    }
}

/// A body that is there as a whole.
pub fn whole(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// An answer without a body.
pub fn empty(status: StatusCode) -> Response {
    answer(status, "", Bytes::new())
}

/// An answer in JSON.
pub fn json(status: StatusCode, value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(bytes) => answer(status, "application/json", bytes),
        Err(error) => {
            tracing::error!(%error, "an answer could not be written as JSON");
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the answer could not be written").into()
        }
    }
}

/// Works something out that takes longer than a shard's loop should stand still: on another thread.
///
/// # Errors
/// 503 where the runtime is ending.
///
/// # Panics
/// Where `work` does.
pub async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(|error| match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(_) => Problem::busy("the gateway is shutting down", 1),
    })
}

/// An answer with a body of type `content`, or of none where that is empty.
pub fn answer(status: StatusCode, content: &'static str, bytes: impl Into<Bytes>) -> Response {
    let mut response = http::Response::new(whole(bytes));
    *response.status_mut() = status;
    if !content.is_empty() {
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content));
    }
    response
}

/// 404 for a path that nobody serves.
pub fn nothing_here() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "nothing is served at this path")
}

/// 403 for who is known and has not this right (RFC 6750, section 3.1).
pub fn lacks_scope(scope: &str) -> Problem {
    let text = format!("Bearer error=\"insufficient_scope\", scope=\"{scope}\"");
    let challenge = HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("Bearer"));
    let problem = Problem::new(StatusCode::FORBIDDEN, format!("this needs the scope '{scope}'"));
    problem.header(header::WWW_AUTHENTICATE, challenge).because("forbidden")
}

/// A query's pairs, decoded; `+` is a space.
pub fn query_pairs(query: Option<&str>) -> Vec<(String, String)> {
    let decode = |text: &str| {
        let spaced = text.replace('+', " ");
        percent_encoding::percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
    };
    let pairs = query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(k, v)| (decode(k), decode(v)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_decoded() {
        let pairs = query_pairs(Some("a=b+c%20d&e"));
        assert_eq!(pairs, [("a".into(), "b c d".into()), ("e".into(), String::new())]);
    }
}
