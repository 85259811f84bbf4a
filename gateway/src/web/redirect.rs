//! From plain HTTP to TLS.

use http::{HeaderValue, Request, StatusCode, header};

use super::{Host, Problem, Response, empty};

/// The port of HTTPS, which its URLs leave out.
const HTTPS: u16 = 443;

/// Sends a client on to the same path and host under TLS, at `port`: 308, so that the method stays.
///
/// # Errors
/// The request does not say which host it is for.
pub fn redirect<B>(request: &Request<B>, port: u16) -> Result<Response, Problem> {
    let malformed = || Problem::new(StatusCode::BAD_REQUEST, "the request names no host to send it on to");
    let host = Host::of(request).ok_or_else(malformed)?;
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let location = match port {
        HTTPS => format!("https://{}{path}", host.name),
        port => format!("https://{}:{port}{path}", host.name),
    };
    let mut response = empty(StatusCode::PERMANENT_REDIRECT);
    let location = HeaderValue::try_from(location).map_err(|_| malformed())?;
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}
