//! Refuses what is longer than anything here needs, before it is looked at or read. How many header fields
//! there are, and how long they are in all, hyper has bounded already.

use std::rc::Rc;

use http::{HeaderValue, Request, StatusCode, header};

use super::Pipeline;
use crate::web::{BodyError, Problem};

/// How long a request's parts may be, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Path and query.
    pub target: usize,
    /// One header's value.
    pub header: usize,
    /// The body.
    pub body: usize,
}

pub(super) fn check<B>(pipeline: Rc<Pipeline>) -> impl Fn(&mut Request<B>) -> Result<(), Problem> + Clone {
    move |request| {
        let sizes = pipeline.rules().config.sizes;
        sizes.judge(request)
    }
}

impl Sizes {
    fn judge<B>(self, request: &Request<B>) -> Result<(), Problem> {
        let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
        if target > self.target {
            let detail = format!("the target is longer than {} bytes", self.target);
            return Err(closing(StatusCode::URI_TOO_LONG, detail));
        }
        if let Some((name, _)) = request.headers().iter().find(|(_, value)| value.len() > self.header) {
            let detail = format!("the header {name} is longer than {} bytes", self.header);
            return Err(closing(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, detail));
        }
        match length(request) {
            Some(length) if length > self.body as u64 => Err(BodyError::TooLarge(self.body).into()),
            _ => Ok(()),
        }
    }
}

/// The announced length of the body; hyper has refused what is no number.
fn length<B>(request: &Request<B>) -> Option<u64> {
    request.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn closing(status: StatusCode, detail: String) -> Problem {
    Problem::new(status, detail).header(header::CONNECTION, HeaderValue::from_static("close"))
}
