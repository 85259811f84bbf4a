//! What a plugin answers when it does not answer well: one error for calls, routes and life cycle.

use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use serde_json::json;

use crate::abi::Status;

/// What every hook of a plugin gives.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error with the status that the other side judges by and a text for whoever asked.
///
/// In a route it becomes problem details (RFC 9457), in a call an answer with `success` false; at start the operator reads it.
/// A plugin's own error enum becomes one by `impl From<MyError> for tidegate_plugin::Error`.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    pub(crate) status: Status,
    pub(crate) message: String,
    pub(crate) http: Option<u16>,
    pub(crate) fields: Vec<FieldError>,
    pub(crate) data: Bytes,
    pub(crate) retry_after: Option<Duration>,
}

/// One field that does not validate, as problem details list it under `errors`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// Where: `["body", "health"]`, `["query", "limit"]`.
    pub loc: Vec<String>,
    /// What is wrong, for people.
    pub msg: String,
    /// What is wrong, for programs: `missing`, `int_type`, …
    #[serde(rename = "type")]
    pub kind: String,
}

impl FieldError {
    /// A field at any place.
    pub fn at<S: Into<String>>(
        loc: impl IntoIterator<Item = S>,
        msg: impl Into<String>,
        kind: impl Into<String>,
    ) -> Self {
        Self { loc: loc.into_iter().map(Into::into).collect(), msg: msg.into(), kind: kind.into() }
    }

    /// A field of the body.
    pub fn body(field: &str, msg: impl Into<String>, kind: impl Into<String>) -> Self {
        Self::at(["body", field], msg, kind)
    }

    /// A parameter of the query.
    pub fn query(name: &str, msg: impl Into<String>, kind: impl Into<String>) -> Self {
        Self::at(["query", name], msg, kind)
    }
}

impl Error {
    /// An error of any status.
    pub fn new(status: Status, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            http: None,
            fields: Vec::new(),
            data: Bytes::new(),
            retry_after: None,
        }
    }

    /// What was asked makes no sense: 422 in a route.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(Status::INVALID, message)
    }

    /// There is no such thing: 404.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(Status::NOT_FOUND, message)
    }

    /// Somebody was first, or the state does not allow it: 409.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(Status::CONFLICT, message)
    }

    /// Who asks may not: 403.
    pub fn denied(message: impl Into<String>) -> Self {
        Self::new(Status::DENIED, message)
    }

    /// Not now: 503.
    pub fn busy(message: impl Into<String>) -> Self {
        Self::new(Status::BUSY, message)
    }

    /// It took too long: 504.
    pub fn timeout(message: impl Into<String>) -> Self {
        Self::new(Status::TIMEOUT, message)
    }

    /// This is not done here: 501.
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(Status::UNSUPPORTED, message)
    }

    /// The plugin's own fault: 500. The text goes to the log, not to who asked.
    pub fn internal(message: impl std::fmt::Display) -> Self {
        Self::new(Status::INTERNAL, message.to_string())
    }

    /// Problem details with any HTTP status; for a call, the nearest status.
    pub fn problem(http: u16, detail: impl Into<String>) -> Self {
        let status = match http {
            403 => Status::DENIED,
            404 => Status::NOT_FOUND,
            409 => Status::CONFLICT,
            501 => Status::UNSUPPORTED,
            503 => Status::BUSY,
            504 => Status::TIMEOUT,
            400..=499 => Status::INVALID,
            _ => Status::INTERNAL,
        };
        Self { http: Some(http), ..Self::new(status, detail) }
    }

    /// 422 with the fields that do not validate.
    pub fn unprocessable(fields: impl IntoIterator<Item = FieldError>) -> Self {
        let fields: Vec<_> = fields.into_iter().collect();
        let message =
            fields.iter().map(|f| format!("{}: {}", f.loc.join("."), f.msg)).collect::<Vec<_>>().join("; ");
        Self { fields, ..Self::invalid(message) }
    }

    /// Adds what a failed call answers as its `data`.
    #[must_use]
    pub fn with_data<T: Serialize + ?Sized>(mut self, data: &T) -> Self {
        if let Ok(json) = serde_json::to_vec(data) {
            self.data = json.into();
        }
        self
    }

    /// Says after how long it may go well. A route's answer has it as `Retry-After`, in whole seconds, one at least; a failed
    /// call's, as `retry_after_ms` in its data, where it has no data of its own.
    #[must_use]
    pub fn retry_after(mut self, pause: Duration) -> Self {
        self.retry_after = Some(pause);
        self
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status
    }

    /// The HTTP status that a route answers with.
    #[must_use]
    pub fn http_status(&self) -> u16 {
        self.http.unwrap_or(match self.status {
            Status::BUSY => 503,
            Status::DENIED => 403,
            Status::INVALID => 422,
            Status::NOT_FOUND => 404,
            Status::CONFLICT => 409,
            Status::TIMEOUT => 504,
            Status::UNSUPPORTED => 501,
            _ => 500,
        })
    }

    /// The fields that do not validate, where that is what it is.
    #[must_use]
    pub fn fields(&self) -> &[FieldError] {
        &self.fields
    }

    /// What a failed call answers as its data: the fields that do not validate, else what it was given, else when to try again.
    pub(crate) fn call_data(&self) -> Bytes {
        match self.retry_after {
            _ if !self.fields.is_empty() => json!({ "errors": self.fields }).to_string().into(),
            Some(pause) if self.data.is_empty() => {
                let ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
                json!({ "retry_after_ms": ms }).to_string().into()
            }
            _ => self.data.clone(),
        }
    }

    /// The text for whoever asked: a fault of ours is none of their business.
    pub(crate) fn public_message(&self) -> &str {
        if self.status == Status::INTERNAL { "the plugin failed" } else { &self.message }
    }
}

/// What a callback answered, told with what was attempted.
pub(crate) fn check(status: Status, attempt: &str) -> Result<()> {
    if status.is_ok() { Ok(()) } else { Err(Error::new(status, format!("{attempt}: {status}"))) }
}

impl From<Status> for Error {
    fn from(status: Status) -> Self {
        Self::new(status, status.to_string())
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        if error.is_io() { Self::internal(error) } else { Self::invalid(error.to_string()) }
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::internal(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_call_tells_its_fields_or_its_data_or_when_to_try_again() {
        let busy = || Error::busy("later").retry_after(Duration::from_millis(1500));
        let fields = [FieldError::body("health", "is missing", "missing")];
        let wrong = Error::unprocessable(fields).retry_after(Duration::ZERO);
        for (error, data) in [
            (Error::busy("later"), ""),
            (busy(), r#"{"retry_after_ms":1500}"#),
            (busy().with_data(&7), "7"),
            (wrong, r#"{"errors":[{"loc":["body","health"],"msg":"is missing","type":"missing"}]}"#),
        ] {
            assert_eq!(error.call_data(), data);
        }
    }
}
