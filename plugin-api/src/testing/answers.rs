//! What a request was answered with.

use bytes::Bytes;
use serde_json::Value;

use super::state::{Asked, Ended};

/// The answer to an HTTP request.
#[derive(Debug, Clone)]
pub struct HttpAnswer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: Vec<(String, String)>,
    /// The pieces of a streamed body; none for a whole one.
    pub pieces: Vec<Bytes>,
    /// The whole body.
    pub body: Bytes,
}

impl HttpAnswer {
    /// The body as JSON; null where there is none.
    ///
    /// # Panics
    /// Where it is something else.
    #[must_use]
    pub fn json(&self) -> Value {
        json(&self.body)
    }

    /// The header of that name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

/// The answer to a call.
#[derive(Debug, Clone)]
pub struct CallAnswer {
    /// Whether it went well.
    pub success: bool,
    /// In words.
    pub message: String,
    /// The pieces that were streamed before.
    pub pieces: Vec<Value>,
    /// The data; null where there is none.
    pub data: Value,
}

fn json(bytes: &[u8]) -> Value {
    if bytes.is_empty() {
        return Value::Null;
    }
    serde_json::from_slice(bytes)
        .unwrap_or_else(|e| panic!("an answer that is no JSON ({e}): {}", String::from_utf8_lossy(bytes)))
}

/// An HTTP answer as a client would see it.
pub(super) fn http(asked: &Asked) -> Option<HttpAnswer> {
    let pieces = asked.pieces.clone();
    Some(match (asked.end.clone()?, &asked.head) {
        (Ended::Responded { status, headers, body }, _) => {
            HttpAnswer { status: u16::try_from(status).unwrap_or(0), headers, pieces, body }
        }
        (Ended::Finished { data, .. }, Some((status, headers))) => {
            let body = [pieces.concat(), data.to_vec()].concat().into();
            HttpAnswer { status: u16::try_from(*status).unwrap_or(0), headers: headers.clone(), pieces, body }
        }
        (Ended::Finished { .. }, None) => panic!("an HTTP answer that was finished without a head"),
        (Ended::Failed { status, message, .. }, _) => {
            let status = crate::Error::new(status, "").http_status();
            HttpAnswer { status, headers: Vec::new(), pieces, body: message.into() }
        }
    })
}

/// A call's answer as a client would see it.
pub(super) fn call(asked: &Asked, name: &str) -> Option<CallAnswer> {
    let pieces = asked.pieces.iter().map(|piece| json(piece)).collect();
    Some(match asked.end.clone()? {
        Ended::Finished { message, data } => {
            let message = if message.is_empty() { name.to_owned() } else { message };
            CallAnswer { success: true, message, pieces, data: json(&data) }
        }
        Ended::Failed { message, data, .. } => {
            CallAnswer { success: false, message, pieces, data: json(&data) }
        }
        Ended::Responded { .. } => panic!("a call that was answered with an HTTP response"),
    })
}
