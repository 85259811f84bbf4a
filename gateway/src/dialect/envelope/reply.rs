//! Answers as frames.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::super::{Answer, Malformed};
use super::Envelope;
use super::frame::{Address, before, behind};
use super::kinds::Kind;
use super::payload::{Fields, Payload, put, quoted, text};
use crate::frame::Timestamp;
use crate::frame::json::shorten;
use crate::identity::Refusal;

/// Bytes of an answer in pieces that are kept to be told whole at its end, where its plugin does not tell it.
const LONGEST_KEPT: usize = 256 * 1024;

/// What of an answer in pieces has been sent.
#[derive(Debug, Default)]
pub(super) struct Stream {
    /// What its frames bear, JSON; none: it has not begun.
    correlation: Option<String>,
    chunks: u64,
    /// All chunks together; none: more than are kept.
    text: Option<String>,
}

impl Envelope {
    /// Appends a frame with a payload that is written by `payload`.
    pub(super) fn put(
        &self,
        kind: Kind,
        address: &Address,
        out: &mut Vec<u8>,
        payload: impl FnOnce(Timestamp, &mut Vec<u8>),
    ) {
        let now = Timestamp::now();
        let mut text = Vec::with_capacity(512);
        before(kind, now, &mut text);
        payload(now, &mut text);
        behind(address, &mut text);
        self.framing.text(out, &text);
    }

    /// Appends a frame whose payload has these fields, JSON, and of others what stands for them.
    pub(super) fn put_fields(
        &self,
        kind: Kind,
        address: &Address,
        fields: &[(&str, &str)],
        out: &mut Vec<u8>,
    ) {
        self.put(kind, address, out, |now, out| {
            let value = |name: &str| {
                let found = fields.iter().find(|(field, _)| *field == name);
                found.map(|(_, json)| Cow::Borrowed(*json))
            };
            put(kind, now, value, out);
        });
    }

    /// Appends what went wrong.
    fn put_error(
        &self,
        address: &Address,
        code: &str,
        message: &str,
        details: Option<&str>,
        out: &mut Vec<u8>,
    ) {
        let (code, message) = (quoted(code), quoted(message));
        let details = details.map_or_else(|| "null".to_owned(), quoted);
        let fields = [("error_code", &*code), ("error_message", &*message), ("details", &*details)];
        self.put_fields(Kind::ErrorEvent, address, &fields, out);
    }

    /// Appends why the client is not let in.
    pub(super) fn put_unproven(&self, why: &str, out: &mut Vec<u8>) {
        self.put_error(&Address::unknown(), "authentication_failed", why, None, out);
    }

    /// Appends that there is no room for one more.
    pub(super) fn put_full(&self, out: &mut Vec<u8>) {
        self.put_error(&Address::unknown(), "max_connections", "Server at capacity", None, out);
    }

    /// Appends that the gateway stops.
    pub(super) fn put_shutdown(&self, reason: &str, out: &mut Vec<u8>) {
        let data = format!("{{\"reason\":{}}}", quoted(reason));
        let fields = [
            ("event_name", "\"server_shutdown\""),
            ("description", "\"Server is shutting down\""),
            ("severity", "\"warning\""),
            ("data", &*data),
        ];
        self.put_fields(Kind::SystemEvent, &self.whom.borrow(), &fields, out);
    }

    /// Appends the answer to a frame that is no request.
    pub(super) fn put_malformed(&self, malformed: &Malformed, out: &mut Vec<u8>) {
        let address = &Address::unknown();
        match malformed {
            Malformed::Unknown(kind) => {
                let message = format!("Unknown envelope type: {kind}");
                self.put_error(address, "unknown_event", &message, None, out);
            }
            Malformed::Syntax => {
                let details = Some("not JSON");
                self.put_error(address, "processing_error", "Message processing failed", details, out);
            }
            Malformed::Shape(why) => {
                self.put_error(address, "processing_error", "Message processing failed", Some(why), out);
            }
            Malformed::Broken(_) => {} // of this dialect nothing is: what comes next may be right
        }
    }

    /// Appends what follows from an answer.
    pub(super) fn put_answer(&self, id: Option<&RawValue>, answer: &Answer<'_>, out: &mut Vec<u8>) {
        match answer {
            Answer::Pong(_) => {
                self.put_fields(Kind::HealthCheck, &self.address(id), &[("status", "\"pong\"")], out);
            }
            Answer::Status { connections, uptime, messages } => {
                let data = format!(
                    r#"{{"connections":{connections},"uptime":{},"messages_processed":{messages}}}"#,
                    uptime.as_secs()
                );
                let fields = [
                    ("event_name", "\"server_status\""),
                    ("description", "\"Current server status\""),
                    ("data", &*data),
                ];
                self.put_fields(Kind::SystemEvent, &self.address(id), &fields, out);
            }
            Answer::Part { data, .. } => self.put_chunk(id, data, out),
            Answer::Call { success: true, data, streamed, .. } => {
                let read = || Fields::read(serde_json::from_slice(data).ok()?).ok();
                let fields = read().unwrap_or_default();
                match streamed {
                    true => self.end_stream(id, &fields, out),
                    false => self.put_response(id, &fields, out),
                }
            }
            Answer::Unproven { why, refusal } => self.put_unproven(&unproven(why, *refusal), out),
            Answer::Limited { .. } => {
                self.put_error(&Address::unknown(), "rate_limit", "Rate limit exceeded", None, out);
            }
            // All that is left is a chat that came to nothing; of other requests this dialect has none.
            Answer::Call { .. } | Answer::Busy { .. } | Answer::Refused(_) | Answer::UnknownAction { .. } => {
                self.put_failure(id, out);
            }
            _ => {}
        }
    }

    fn put_response(&self, id: Option<&RawValue>, fields: &Fields<'_>, out: &mut Vec<u8>) {
        match Payload::gather(Kind::AgentResponse, fields) {
            Some(payload) => {
                let address = self.address(id);
                self.put(Kind::AgentResponse, &address, out, |now, out| payload.put(now, out));
            }
            None => self.put_failure(id, out),
        }
    }

    /// Appends that a chat message came to nothing.
    fn put_failure(&self, id: Option<&RawValue>, out: &mut Vec<u8>) {
        let mut address = self.address(id);
        if let Some(begun) = self.stream.take().correlation {
            address.correlation = begun;
        }
        let id: String = serde_json::from_str(&address.correlation).unwrap_or_default();
        let details = format!("original_envelope_id: {id}");
        let message = "Failed to process chat message";
        self.put_error(&address, "chat_processing_error", message, Some(&details), out);
    }

    /// Whom this session's frames are for. A request without an id has one all the same.
    pub(super) fn address(&self, id: Option<&RawValue>) -> Address {
        let mut address = self.whom.borrow().clone();
        address.correlation = id.map_or_else(fresh_id, |id| id.get().to_owned());
        address
    }

    /// Appends a piece of an answer, the first behind the frame that says that it begins.
    fn put_chunk(&self, id: Option<&RawValue>, data: &[u8], out: &mut Vec<u8>) {
        let chunk = chunk(data);
        if chunk.is_empty() {
            return;
        }
        let mut stream = self.stream.borrow_mut();
        let mut address = self.address(id);
        match &stream.correlation {
            Some(begun) => address.correlation.clone_from(begun),
            None => {
                *stream = Stream {
                    correlation: Some(address.correlation.clone()),
                    chunks: 0,
                    text: Some(String::new()),
                };
                self.put_fields(Kind::StreamStart, &address, &[], out);
            }
        }
        let (said, index) = (quoted(&chunk), stream.chunks.to_string());
        self.put_fields(Kind::StreamChunk, &address, &[("chunk", &*said), ("chunk_index", &*index)], out);
        stream.chunks += 1;
        stream.text = stream.text.take().filter(|text| text.len() + chunk.len() <= LONGEST_KEPT);
        if let Some(text) = &mut stream.text {
            text.push_str(&chunk);
        }
    }

    /// Appends the end of an answer in pieces. One that came whole is one piece.
    fn end_stream(&self, id: Option<&RawValue>, fields: &Fields<'_>, out: &mut Vec<u8>) {
        let content = fields.get("content").filter(|json| text(json).is_some_and(|text| !text.is_empty()));
        if let Some(content) = content.filter(|_| self.stream.borrow().chunks == 0) {
            self.put_chunk(id, content.get().as_bytes(), out);
        }
        let stream = self.stream.take();
        let whole =
            content.map(|content| content.get().to_owned()).or_else(|| stream.text.map(|text| quoted(&text)));
        let (Some(correlation), Some(whole)) = (stream.correlation, whole) else {
            return self.put_failure(id, out);
        };
        let (address, total) = (Address { correlation, ..self.address(None) }, stream.chunks.to_string());
        self.put(Kind::StreamEnd, &address, out, |now, out| {
            let value = |name: &str| match name {
                "total_chunks" => Some(Cow::Borrowed(&*total)),
                "full_content" => Some(Cow::Borrowed(&*whole)),
                name => fields.fitting(Kind::StreamEnd, name).map(|json| Cow::Borrowed(json.get())),
            };
            put(Kind::StreamEnd, now, value, out);
        });
    }
}

/// What a piece of a plugin's answer says: it is a text, or an object with one as `chunk` or `content`; all else is
/// shown as the JSON that it is.
fn chunk(data: &[u8]) -> Cow<'_, str> {
    let Ok(json) = serde_json::from_slice::<&RawValue>(data) else { return Cow::Borrowed("") };
    let within = || {
        let fields = Fields::read(json).ok()?;
        text(fields.get("chunk").or_else(|| fields.get("content"))?)
    };
    text(json).or_else(within).unwrap_or(Cow::Borrowed(json.get()))
}

/// An id that no client has given, as JSON.
fn fresh_id() -> String {
    format!("\"{}\"", uuid::Uuid::new_v4())
}

/// Why a client is not let in, in the words of this dialect.
fn unproven(why: &str, refusal: Option<Refusal>) -> String {
    let error = match refusal {
        Some(Refusal::Missing) => super::request::NO_TOKEN.to_owned(),
        Some(Refusal::Expired) => "Token has expired".to_owned(),
        Some(Refusal::Nameless) => "Authentication failed: No user ID in token".to_owned(),
        Some(refusal) => format!("Invalid token: {refusal}"),
        None => shorten(why).to_owned(),
    };
    format!("Authentication error: {error}")
}
