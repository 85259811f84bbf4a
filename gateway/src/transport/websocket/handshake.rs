//! The upgrade from HTTP/1.1 (RFC 6455, section 4.2). Who may connect, and from what origin, is
//! judged elsewhere; here it is whether the request is a handshake at all.

use bytes::Bytes;
use http::header::{
    ALLOW, AsHeaderName, CONNECTION, CONTENT_LENGTH, HeaderName, HeaderValue, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_VERSION, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, Method, Request, Response, StatusCode, Version};
use http_body_util::Empty;
use hyper::upgrade::OnUpgrade;

use super::deflate;

/// Why a request is no handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    /// Only GET upgrades.
    #[error("a WebSocket handshake is a GET request")]
    Method,
    /// HTTP/1.0 cannot upgrade, and HTTP/2 does it another way.
    #[error("a WebSocket handshake needs HTTP/1.1")]
    HttpVersion,
    /// The request does not ask for the protocol that is served here.
    #[error("this path speaks WebSocket: the header `Upgrade: websocket` is missing")]
    Upgrade,
    /// Without it `Upgrade` may have come from another hop.
    #[error("the header `Connection: Upgrade` is missing")]
    Connection,
    /// There is one version.
    #[error("the header `Sec-WebSocket-Version: 13` is missing, or names another version")]
    ProtocolVersion,
    /// Missing, doubled, or malformed.
    #[error("the header `Sec-WebSocket-Key` must be there once, with 16 bytes in base64")]
    Key,
    /// It is read only where something may be agreed on.
    #[error("{0}")]
    Extensions(#[from] deflate::Malformed),
    /// Bytes behind the header would be taken for frames.
    #[error("a WebSocket handshake has no body")]
    Body,
}

impl HandshakeError {
    /// The status that answers it.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Upgrade | Self::ProtocolVersion => StatusCode::UPGRADE_REQUIRED,
            Self::HttpVersion | Self::Connection | Self::Key | Self::Extensions(_) | Self::Body => {
                StatusCode::BAD_REQUEST
            }
        }
    }

    /// The word for it in metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Method => "method",
            Self::HttpVersion => "http_version",
            Self::Upgrade => "upgrade",
            Self::Connection => "connection",
            Self::ProtocolVersion => "protocol_version",
            Self::Key => "key",
            Self::Extensions(_) => "extensions",
            Self::Body => "body",
        }
    }

    /// The header that its status calls for: what would have been accepted.
    pub const fn header(self) -> Option<(HeaderName, HeaderValue)> {
        match self {
            Self::Method => Some((ALLOW, HeaderValue::from_static("GET"))),
            Self::Upgrade => Some((UPGRADE, HeaderValue::from_static("websocket"))),
            Self::ProtocolVersion => Some((SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"))),
            Self::HttpVersion | Self::Connection | Self::Key | Self::Extensions(_) | Self::Body => None,
        }
    }
}

/// Judges a request.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn judge<B>(request: &Request<B>) -> Result<(), HandshakeError> {
    let headers = request.headers();
    let rules = [
        (request.method() == Method::GET, HandshakeError::Method),
        (request.version() == Version::HTTP_11, HandshakeError::HttpVersion),
        (lists(headers, UPGRADE, "websocket"), HandshakeError::Upgrade),
        (lists(headers, CONNECTION, "upgrade"), HandshakeError::Connection),
        (only(headers, SEC_WEBSOCKET_VERSION) == Some(b"13"), HandshakeError::ProtocolVersion),
        (only(headers, SEC_WEBSOCKET_KEY).is_some_and(is_key), HandshakeError::Key),
        (is_without_body(headers), HandshakeError::Body),
    ];
    rules.into_iter().find(|&(holds, _)| !holds).map_or(Ok(()), |(_, error)| Err(error))
}

/// Accepts a request: the answer to send, and what becomes the connection when it has been sent.
///
/// # Errors
/// As [`judge`].
pub fn accept<B>(request: &mut Request<B>) -> Result<(Response<Empty<Bytes>>, OnUpgrade), HandshakeError> {
    judge(request)?;
    // Taken before fastwebsockets does, whose own future makes a reader that we would drop.
    let upgrade = hyper::upgrade::on(&mut *request);
    let (response, _) =
        fastwebsockets::upgrade::upgrade(request).map_err(|_| HandshakeError::ProtocolVersion)?;
    Ok((response, upgrade))
}

/// Whether one of the comma-separated values under `name` is `value`, in whatever case.
fn lists(headers: &HeaderMap, name: HeaderName, value: &str) -> bool {
    let mut values = headers.get_all(name).iter().flat_map(|header| header.as_bytes().split(|&b| b == b','));
    values.any(|item| item.trim_ascii().eq_ignore_ascii_case(value.as_bytes()))
}

/// The value under `name`, if there is exactly one.
fn only(headers: &HeaderMap, name: impl AsHeaderName) -> Option<&[u8]> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    values.next().is_none().then(|| value.as_bytes())
}

/// Whether `key` is base64 of 16 bytes: 22 digits and two signs of padding.
fn is_key(key: &[u8]) -> bool {
    let digit = |&byte: &u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
    matches!(key, [digits @ .., b'=', b'='] if digits.len() == 22 && digits.iter().all(digit))
}

fn is_without_body(headers: &HeaderMap) -> bool {
    !headers.contains_key(TRANSFER_ENCODING)
        && headers.get_all(CONTENT_LENGTH).iter().all(|length| length.as_bytes() == b"0")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> Request<()> {
        let request = Request::get("/ws")
            .header("host", "localhost")
            .header("upgrade", "websocket")
            .header("connection", "Upgrade")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
        request.body(()).unwrap()
    }

    /// The verdict on a handshake of which one header has these values instead.
    fn with(name: &'static str, values: &[&'static str]) -> Result<(), HandshakeError> {
        let mut request = request();
        request.headers_mut().remove(name);
        for value in values {
            request.headers_mut().append(name, HeaderValue::from_static(value));
        }
        judge(&request)
    }

    #[test]
    fn a_handshake_is_answered_with_its_key_hashed() {
        let (response, _) = accept(&mut request()).unwrap();
        assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
        assert_eq!(response.headers()["upgrade"], "websocket");
        assert_eq!(response.headers()["connection"], "upgrade");
        assert_eq!(response.headers()["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn header_values_are_lists_in_any_case() {
        assert_eq!(with("upgrade", &["h2c, WebSocket"]), Ok(()));
        assert_eq!(with("connection", &["keep-alive, UPGRADE"]), Ok(()));
        assert_eq!(with("connection", &["keep-alive", "upgrade"]), Ok(()));
        assert_eq!(with("content-length", &["0"]), Ok(()));
    }

    #[test]
    fn each_rule_is_told_apart() {
        let mut post = request();
        *post.method_mut() = Method::POST;
        assert_eq!(judge(&post), Err(HandshakeError::Method));
        for version in [Version::HTTP_10, Version::HTTP_2] {
            let mut other = request();
            *other.version_mut() = version;
            assert_eq!(judge(&other), Err(HandshakeError::HttpVersion));
        }
        for values in [&[][..], &["h2c"], &["websockets"]] {
            assert_eq!(with("upgrade", values), Err(HandshakeError::Upgrade));
        }
        for values in [&[][..], &["close"], &["keep-alive, upgrades"]] {
            assert_eq!(with("connection", values), Err(HandshakeError::Connection));
        }
        for values in [&[][..], &["12"], &["13, 8"], &["13", "13"]] {
            assert_eq!(with("sec-websocket-version", values), Err(HandshakeError::ProtocolVersion));
        }
        assert_eq!(with("content-length", &["5"]), Err(HandshakeError::Body));
        assert_eq!(with("transfer-encoding", &["chunked"]), Err(HandshakeError::Body));
    }

    #[test]
    fn a_key_is_16_bytes_in_base64_and_comes_once() {
        const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
        let wrong = [
            &[][..],
            &[""],
            &[KEY, KEY],
            &["dGhlIHNhbXBsZSBub25jZQ="],
            &["dGhlIHNhbXBsZSBub25jZTEy"],
            &["dGhlIHNhbXBsZSBub25jZTEyMw=="],
            &["dGhlIHNhbXBsZSBub25j-Q=="],
            &["dGhlIHNhbXBsZSBub25==Q=="],
        ];
        for values in wrong {
            assert_eq!(with("sec-websocket-key", values), Err(HandshakeError::Key), "{values:?}");
        }
    }

    #[test]
    fn a_refusal_names_what_would_be_accepted() {
        let header = |error: HandshakeError| error.header().map(|(name, value)| (name.to_string(), value));
        assert_eq!(HandshakeError::Method.status(), 405);
        assert_eq!(header(HandshakeError::Method), Some(("allow".into(), HeaderValue::from_static("GET"))));
        assert_eq!(HandshakeError::ProtocolVersion.status(), 426);
        let version = Some(("sec-websocket-version".into(), HeaderValue::from_static("13")));
        assert_eq!(header(HandshakeError::ProtocolVersion), version);
        assert_eq!(HandshakeError::Upgrade.status(), 426);
        assert_eq!(HandshakeError::Key.status(), 400);
    }
}
