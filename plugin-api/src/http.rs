//! HTTP: requests to the manifest's routes, and their answers.

mod query;
mod response;

pub use query::Query;
pub(crate) use response::Body;
pub use response::HttpResponse;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::request::{Cancelled, Principal};
use crate::{Error, FieldError, Result};

/// A request to one of the manifest's routes: the host has found the route, checked its scope and read the whole body.
#[derive(Debug, Clone)]
pub struct HttpRequest {
    /// Index in the manifest's `routes`.
    pub route: usize,
    /// The method, in capitals.
    pub method: String,
    /// As it came, without the query.
    pub path: String,
    /// The path's parameters, percent-decoded.
    pub params: Vec<(String, String)>,
    /// The query, taken apart.
    pub query: Query,
    /// The headers, names in lower case; no credentials among them.
    pub headers: Vec<(String, String)>,
    /// Who asks.
    pub principal: Principal,
    /// The answer's `x-request-id`.
    pub request_id: String,
    /// The client's address.
    pub address: String,
    /// How long the host waits for the answer, in milliseconds.
    pub timeout_ms: u64,
    /// The whole body.
    pub body: Bytes,
    pub(crate) cancelled: Cancelled,
}

impl HttpRequest {
    /// The path's parameter of that name; empty where the route has none, which the plugin's own manifest decides.
    #[must_use]
    pub fn param(&self, name: &str) -> &str {
        find(&self.params, name).unwrap_or_default()
    }

    /// The header of that name, in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// The body as JSON of that shape.
    ///
    /// # Errors
    /// 422 that says what was expected.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let kind = if error.is_data() { "value_error" } else { "json_invalid" };
            Error::unprocessable([FieldError::at(["body"], error.to_string(), kind)])
        })
    }

    /// The body as a JSON object, for those who check each field themselves.
    ///
    /// # Errors
    /// 422 where there is no body, or another one.
    pub fn object(&self) -> Result<Map<String, Value>> {
        if self.body.is_empty() {
            return Err(Error::unprocessable([FieldError::at(["body"], "Field required", "missing")]));
        }
        match self.json()? {
            Value::Object(object) => Ok(object),
            _ => Err(Error::unprocessable([FieldError::at(
                ["body"],
                "Input should be an object",
                "dict_type",
            )])),
        }
    }

    /// Whether anybody still waits for the answer.
    #[must_use]
    pub fn cancelled(&self) -> Cancelled {
        self.cancelled.clone()
    }
}

/// The first value of that name.
fn find<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
}
