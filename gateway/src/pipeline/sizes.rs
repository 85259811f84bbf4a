//! Refuses what is longer than anything here needs, before it is looked at or read. How many header fields
//! there are, and how long they are in all, hyper has bounded already.

use http::{HeaderValue, Request, StatusCode, header};

use crate::web::{BodyError, LONGEST_BODY, Problem};

/// Bytes of path and query at most.
const TARGET: usize = 8 * 1024;
/// Bytes of a header's value at most.
const VALUE: usize = 8 * 1024;

pub(super) fn check<B>(request: &mut Request<B>) -> Result<(), Problem> {
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    if target > TARGET {
        let detail = format!("the target is longer than {TARGET} bytes");
        return Err(closing(StatusCode::URI_TOO_LONG, detail));
    }
    if let Some((name, _)) = request.headers().iter().find(|(_, value)| value.len() > VALUE) {
        let detail = format!("the header {name} is longer than {VALUE} bytes");
        return Err(closing(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, detail));
    }
    match length(request) {
        Some(length) if length > LONGEST_BODY as u64 => Err(BodyError::TooLarge(LONGEST_BODY).into()),
        _ => Ok(()),
    }
}

/// The announced length of the body; hyper has refused what is no number.
fn length<B>(request: &Request<B>) -> Option<u64> {
    request.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn closing(status: StatusCode, detail: String) -> Problem {
    Problem::new(status, detail).header(header::CONNECTION, HeaderValue::from_static("close"))
}
