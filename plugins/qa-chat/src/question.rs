//! What is asked: read and judged field by field, so that each mistake is named with its place.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use tidegate_plugin::{Error, FieldError, Result};
use url::Url;

use crate::conversation::is_name;

/// Characters of a question at most.
const LONGEST: usize = 10_000;
/// Attachments of a question at most.
const MOST_ATTACHMENTS: usize = 10;
/// Bytes of all attachments at most, as JSON.
const LARGEST_ATTACHMENTS: usize = 512 * 1024;
/// Bytes of metadata at most, as JSON.
const LARGEST_METADATA: usize = 16 * 1024;

/// A question.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) content: String,
    pub(crate) attachments: Vec<Map<String, Value>>,
    pub(crate) metadata: Map<String, Value>,
    pub(crate) conversation: String,
}

/// Where it comes from, for what its mistakes are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum From {
    /// A client's call, whose dialect may have put members of its own beside ours.
    Call,
    /// A request over HTTP.
    Body,
}

impl From {
    fn place(self) -> &'static str {
        match self {
            Self::Call => "data",
            Self::Body => "body",
        }
    }
}

/// Collects what is wrong.
struct Findings {
    place: &'static str,
    errors: Vec<FieldError>,
}

impl Findings {
    fn add(&mut self, field: &str, msg: impl Into<String>, kind: &str) {
        let place = std::iter::once(self.place).chain(field.split('.').filter(|part| !part.is_empty()));
        self.errors.push(FieldError::at(place, msg, kind));
    }
}

impl Question {
    /// Reads one.
    ///
    /// # Errors
    /// `INVALID` (422) with all that is wrong.
    pub(crate) fn read(json: &[u8], from: From) -> Result<Self> {
        let mut findings = Findings { place: from.place(), errors: Vec::new() };
        let question = match serde_json::from_slice(json) {
            Ok(Value::Object(members)) => Self::of(members, &mut findings),
            Ok(_) => return Err(alone(findings, "Input should be an object", "dict_type")),
            Err(_) if json.iter().all(u8::is_ascii_whitespace) => {
                return Err(alone(findings, "Field required", "missing"));
            }
            Err(error) => {
                return Err(alone(findings, format!("Input should be valid JSON: {error}"), "json_invalid"));
            }
        };
        if findings.errors.is_empty() { Ok(question) } else { Err(Error::unprocessable(findings.errors)) }
    }

    /// Whether the asker wants pieces.
    pub(crate) fn streams(&self) -> bool {
        self.metadata.get("stream").and_then(Value::as_bool).unwrap_or(false)
    }

    fn of(mut members: Map<String, Value>, findings: &mut Findings) -> Self {
        let content = content(members.remove("content"), findings);
        let attachments = attachments(members.remove("attachments"), findings);
        let metadata = match members.remove("metadata") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(metadata)) => metadata,
            Some(_) => {
                findings.add("metadata", "Input should be an object", "dict_type");
                Map::new()
            }
        };
        if size(&metadata) > LARGEST_METADATA {
            findings.add("metadata", format!("It is longer than {LARGEST_METADATA} bytes"), "too_long");
        }
        // Clients whose dialect has no such member name it among the metadata.
        let named = members.remove("conversation").filter(|name| !name.is_null());
        let (place, name) = match named {
            Some(name) => ("conversation", Some(name)),
            None => (
                "metadata.conversation",
                metadata.get("conversation").filter(|name| !name.is_null()).cloned(),
            ),
        };
        let conversation = match name {
            None => "default".to_owned(),
            Some(Value::String(name)) if is_name(&name) => name,
            Some(_) => {
                let wanted = "Input should be 1 to 100 letters, digits and -_.:@";
                findings.add(place, wanted, "string_pattern_mismatch");
                String::new()
            }
        };
        Self { content, attachments, metadata, conversation }
    }
}

fn alone(mut findings: Findings, msg: impl Into<String>, kind: &str) -> Error {
    findings.add("", msg, kind);
    Error::unprocessable(findings.errors)
}

fn content(value: Option<Value>, findings: &mut Findings) -> String {
    match value {
        None => findings.add("content", "Field required", "missing"),
        Some(Value::String(text)) if text.trim().is_empty() => {
            findings.add("content", "String should have at least 1 character", "string_too_short");
        }
        Some(Value::String(text)) if text.chars().count() > LONGEST => {
            findings.add(
                "content",
                format!("String should have at most {LONGEST} characters"),
                "string_too_long",
            );
        }
        Some(Value::String(text)) => return text,
        Some(_) => findings.add("content", "Input should be a valid string", "string_type"),
    }
    String::new()
}

fn attachments(value: Option<Value>, findings: &mut Findings) -> Vec<Map<String, Value>> {
    let list = match value {
        None | Some(Value::Null) => return Vec::new(),
        Some(Value::Array(list)) => list,
        Some(_) => {
            findings.add("attachments", "Input should be a list of objects", "list_type");
            return Vec::new();
        }
    };
    if list.len() > MOST_ATTACHMENTS {
        findings.add("attachments", format!("List should have at most {MOST_ATTACHMENTS} items"), "too_long");
        return Vec::new();
    }
    if size(&list) > LARGEST_ATTACHMENTS {
        findings.add("attachments", format!("They are longer than {LARGEST_ATTACHMENTS} bytes"), "too_long");
        return Vec::new();
    }
    let judged = (0..).zip(list).filter_map(|(number, value)| match value {
        Value::Object(attachment) => {
            judge(number, &attachment, findings);
            Some(attachment)
        }
        _ => {
            findings.add(&format!("attachments.{number}"), "Input should be an object", "dict_type");
            None
        }
    });
    judged.collect()
}

/// An attachment has a text (`content`), bytes (`data`, base64) or a place (`url`), and may say what it is.
fn judge(number: usize, attachment: &Map<String, Value>, findings: &mut Findings) {
    let at = |member: &str| format!("attachments.{number}.{member}");
    for member in ["name", "content_type", "content", "data", "url"] {
        let text = match attachment.get(member) {
            None | Some(Value::Null) => continue,
            Some(Value::String(text)) => text,
            Some(_) => {
                findings.add(&at(member), "Input should be a valid string", "string_type");
                continue;
            }
        };
        if member == "data" && STANDARD.decode(text).is_err() {
            findings.add(&at(member), "Input should be base64", "base64");
        }
        if member == "url" && !is_address(text) {
            findings.add(&at(member), "Input should be an http or https address with a host", "url");
        }
        if member == "name" && text.chars().count() > 255 {
            findings.add(&at(member), "String should have at most 255 characters", "string_too_long");
        }
    }
    let is_there = |member: &&&str| attachment.get(**member).is_some_and(|value| !value.is_null());
    let kind = match ["content", "data", "url"].iter().filter(is_there).count() {
        1 => return,
        0 => "missing",
        _ => "too_many",
    };
    let wanted = "An attachment has exactly one of content (text), data (base64) and url";
    findings.add(&format!("attachments.{number}"), wanted, kind);
}

/// Whether that is an http or https address. The standard's parser would find a host in `http:///x` and `http:x`, too.
fn is_address(text: &str) -> bool {
    let has_host = text.split_once("://").is_some_and(|(_, rest)| !rest.starts_with(['/', '\\']));
    has_host && Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}

fn size<T: serde::Serialize>(value: &T) -> usize {
    serde_json::to_vec(value).map_or(usize::MAX, |json| json.len())
}

#[cfg(test)]
#[path = "question/tests.rs"]
mod tests;
