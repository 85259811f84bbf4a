//! Answers to HTTP requests.

use std::borrow::Cow;
use std::fmt;
use std::pin::Pin;

use bytes::Bytes;
use serde::Serialize;
use serde_json::json;

use crate::request::Stream;
use crate::{Error, FieldError, Result};

/// How a streamed body is made.
type Streamed = Box<dyn FnOnce(Stream) -> Pin<Box<dyn Future<Output = Result<()>>>>>;

/// An answer to an HTTP request.
pub struct HttpResponse {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(Cow<'static, str>, Cow<'static, str>)>,
    pub(crate) body: Body,
}

/// What is in an answer.
pub(crate) enum Body {
    /// All of it.
    Whole(Bytes),
    /// Piece by piece.
    Streamed(Streamed),
}

impl HttpResponse {
    /// An answer without a body: 204, 202, …
    #[must_use]
    pub fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Body::Whole(Bytes::new()) }
    }

    /// JSON.
    ///
    /// # Errors
    /// Where `data` cannot be JSON.
    pub fn json<T: Serialize + ?Sized>(status: u16, data: &T) -> Result<Self> {
        let json = serde_json::to_vec(data).map_err(Error::internal)?;
        Ok(Self::bytes(status, "application/json", json))
    }

    /// Any bytes.
    pub fn bytes(status: u16, content_type: impl Into<Cow<'static, str>>, body: impl Into<Bytes>) -> Self {
        Self { body: Body::Whole(body.into()), ..Self::empty(status) }.header("content-type", content_type)
    }

    /// Problem details (RFC 9457).
    #[must_use]
    pub fn problem(status: u16, detail: &str) -> Self {
        Self::problem_with(status, detail, &[])
    }

    /// 422 with the fields that do not validate.
    #[must_use]
    pub fn unprocessable(errors: &[FieldError]) -> Self {
        Self::problem_with(422, "The request does not validate", errors)
    }

    fn problem_with(status: u16, detail: &str, errors: &[FieldError]) -> Self {
        let mut problem =
            json!({"type": "about:blank", "title": title(status), "status": status, "detail": detail});
        if !errors.is_empty() {
            problem["errors"] = json!(errors);
        }
        Self::bytes(status, "application/problem+json", problem.to_string())
    }

    /// A body that `produce` sends piece by piece; when it fails, the body is cut.
    pub fn stream<F, A>(status: u16, content_type: impl Into<Cow<'static, str>>, produce: F) -> Self
    where
        F: FnOnce(Stream) -> A + 'static,
        A: Future<Output = Result<()>> + 'static,
    {
        let body = Body::Streamed(Box::new(|stream| Box::pin(produce(stream))));
        Self { body, ..Self::empty(status) }.header("content-type", content_type)
    }

    /// Adds a header, its name in lower case. Length and transfer headers are the host's.
    #[must_use]
    pub fn header(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Cow<'static, str>>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}

impl From<Error> for HttpResponse {
    fn from(error: Error) -> Self {
        let response = if error.fields.is_empty() {
            Self::problem(error.http_status(), error.public_message())
        } else {
            Self::unprocessable(&error.fields)
        };
        match error.retry_after {
            Some(pause) => {
                let seconds = pause.as_secs() + u64::from(pause.subsec_nanos() > 0);
                response.header("retry-after", seconds.max(1).to_string())
            }
            None => response,
        }
    }
}

impl fmt::Debug for HttpResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut f = f.debug_struct("HttpResponse");
        f.field("status", &self.status).field("headers", &self.headers);
        match &self.body {
            Body::Whole(bytes) => f.field("body", bytes).finish(),
            Body::Streamed(_) => f.finish_non_exhaustive(),
        }
    }
}

/// The reason phrase of a status that errors have.
fn title(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        409 => "Conflict",
        413 => "Content Too Large",
        422 => "Unprocessable Content",
        429 => "Too Many Requests",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ if status < 500 => "Client Error",
        _ => "Internal Server Error",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_pause_is_told_in_whole_seconds_one_at_least() {
        for (ms, seconds) in [(0, "1"), (999, "1"), (1000, "1"), (1001, "2"), (90_000, "90")] {
            let response = HttpResponse::from(Error::busy("later").retry_after(Duration::from_millis(ms)));
            let told = response.headers.iter().find(|(name, _)| name == "retry-after").unwrap();
            assert_eq!((response.status, told.1.as_ref()), (503, seconds), "{ms}");
        }
    }
}
