//! Refuses what hyper lets through though it is no HTTP that an intermediary would read as we do: requests
//! whose host, framing, method or target is doubtful. The connection closes behind the answer.

use std::rc::Rc;

use http::uri::Authority;
use http::{HeaderValue, Method, Request, StatusCode, Version, header};

use super::Pipeline;
use crate::web::{Ambiguous, Host, Problem};

/// Bytes of a method at most: of those that are registered none has more than 17.
const LONGEST_METHOD: usize = 32;

pub(super) fn check<B>(pipeline: Rc<Pipeline>) -> impl Fn(&mut Request<B>) -> Result<(), Problem> + Clone {
    move |request| {
        judge(request).map_err(|problem| {
            pipeline.metrics.answers.malformed.add(1);
            problem.header(header::CONNECTION, HeaderValue::from_static("close"))
        })
    }
}

fn judge<B>(request: &Request<B>) -> Result<(), Problem> {
    method(request.method())?;
    target(request)?;
    host(request)?;
    framing(request)
}

/// Methods for intermediaries, and what is longer than any method is (RFC 9112, section 3); another that a
/// path does not take is the router's to refuse.
fn method(method: &Method) -> Result<(), Problem> {
    if method.as_str().len() > LONGEST_METHOD {
        return Err(Problem::new(StatusCode::NOT_IMPLEMENTED, "there is no method as long as this"));
    }
    if *method != Method::CONNECT && *method != Method::TRACE {
        return Ok(());
    }
    let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, format!("{method} is not served"));
    let allowed = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
    Err(problem.header(header::ALLOW, allowed))
}

fn target<B>(request: &Request<B>) -> Result<(), Problem> {
    let uri = request.uri();
    if uri.path() == "*" && request.method() != Method::OPTIONS {
        return Err(malformed("the target '*' is for OPTIONS"));
    }
    match uri.path_and_query() {
        Some(target) if !target.as_str().is_ascii() => {
            Err(malformed("the target has bytes that are not ASCII"))
        }
        Some(_) => Ok(()),
        None => Err(malformed("the target has no path")),
    }
}

/// RFC 9112, section 3.2: exactly one `Host`, well-formed, and the same as the target's where that has one.
fn host<B>(request: &Request<B>) -> Result<(), Problem> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => Some(host.to_str().map_err(|_| malformed("the header Host is not ASCII"))?),
        (Some(_), Some(_)) => return Err(malformed("there is more than one header Host")),
        (None, _) => None,
    };
    let authority = request.uri().authority().map(Authority::as_str);
    match host.or(authority) {
        None if request.version() > Version::HTTP_10 => Err(malformed("the header Host is missing")),
        None => Ok(()), // HTTP/1.0 has none
        Some(name) if Host::parse(name).is_none() => Err(malformed("the header Host is malformed")),
        Some(name) if authority.is_some_and(|authority| !authority.eq_ignore_ascii_case(name)) => {
            Err(malformed("the header Host is not the target's host"))
        }
        Some(_) => Ok(()),
    }
}

fn framing<B>(request: &Request<B>) -> Result<(), Problem> {
    if request.extensions().get::<Ambiguous>().is_some() {
        return Err(malformed(
            "the framing is ambiguous: both Transfer-Encoding and Content-Length, or a line that ends without CR",
        ));
    }
    let mut codings = request.headers().get_all(header::TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => Ok(()),
        (Some(coding), None) if coding.as_bytes().eq_ignore_ascii_case(b"chunked") => Ok(()),
        _ => Err(malformed("Transfer-Encoding is other than 'chunked'")),
    }
}

fn malformed(detail: &'static str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, detail)
}
