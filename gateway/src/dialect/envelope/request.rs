//! A client's frame as a request.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::{Asked, Malformed, Message, Request, Undecoded};
use super::kinds::{Kind, Of};
use super::payload::{Fields, Payload, is_object, quoted, text};
use crate::frame::json::{is_too_deep, shorten};

/// The call that a chat message is.
pub(super) const CHAT: &str = "chat";
/// The versions of the envelope that are understood.
pub(super) const VERSIONS: [&str; 3] = ["1.0", "1.1", "2.0"];
/// Characters of an id at most: each frame of the answer bears it.
const ID: Of = Of::Text { least: 0, most: 200 };

/// What is told who shows no token.
pub(super) const NO_TOKEN: &str = "No authentication token provided";

/// What an envelope consists of. What stands in it besides is nobody's business, and neither are the ids of session and
/// user: who a client is, the session knows.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(borrow)]
    version: Option<&'a RawValue>,
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    ts: Option<&'a RawValue>,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
    #[serde(borrow)]
    correlation_id: Option<&'a RawValue>,
}

/// Reads a frame of a client that is known. `streams`: each answer comes in pieces.
pub(super) fn decode(message: Message<'_>, streams: bool) -> Result<Asked<'_>, Undecoded<'_>> {
    let malformed = |why| (None, Malformed::Shape(why));
    let envelope: Envelope<'_> =
        serde_json::from_str(object(message.payload).map_err(|error| (None, error))?.get())
            .map_err(|error| malformed(shorten(&error.to_string()).to_owned()))?;
    check(&envelope).map_err(malformed)?;
    let said = |name: &str| format!("{name}: is required");
    let kind = envelope.kind.ok_or_else(|| malformed(said("type")))?;
    let kind = text(kind).ok_or_else(|| malformed("type: expected a text".to_owned()))?;
    let payload = envelope.payload.ok_or_else(|| malformed(said("payload")))?;
    if !is_object(payload) {
        return Err(malformed("payload: expected an object".to_owned()));
    }
    let fields = Fields::read(payload).map_err(|error| malformed(format!("payload.{error}")))?;
    let payload = Payload::judge(fields).map_err(malformed)?;
    let request = match payload.kind {
        Kind::ChatMessage => chat(&payload, streams).map_err(malformed)?,
        own if own.name() == kind => asked(&payload).ok_or_else(|| unknown(&kind))?,
        _ => return Err(unknown(&kind)),
    };
    Ok(Asked { id: envelope.id.map(Cow::Borrowed), request })
}

/// Reads the frame by which a client shows who it is.
pub(super) fn token(message: Message<'_>) -> Result<Asked<'_>, Undecoded<'_>> {
    #[derive(Deserialize)]
    struct Shown<'a> {
        #[serde(borrow)]
        token: Option<&'a RawValue>,
    }

    let shown =
        object(message.payload).ok().and_then(|shown| serde_json::from_str::<Shown<'_>>(shown.get()).ok());
    let shown = shown.ok_or((None, Malformed::Syntax))?;
    let token = shown.token.map(text);
    match token {
        None => Err((None, Malformed::Shape(NO_TOKEN.to_owned()))),
        Some(None) => Err((None, Malformed::Syntax)),
        Some(Some(token)) if token.is_empty() => Err((None, Malformed::Shape(NO_TOKEN.to_owned()))),
        Some(Some(token)) => Ok(Asked { id: None, request: Request::Auth { token } }),
    }
}

fn unknown(kind: &str) -> Undecoded<'static> {
    (None, Malformed::Unknown(shorten(kind).to_owned()))
}

/// A frame that is a JSON object.
fn object(payload: &[u8]) -> Result<&RawValue, Malformed> {
    let json: &RawValue = serde_json::from_slice(payload).map_err(|_| Malformed::Syntax)?;
    match (is_object(json), is_too_deep(payload)) {
        (false, _) => Err(Malformed::Shape("expected an object".to_owned())),
        (true, true) => Err(Malformed::Shape("nests too deep".to_owned())),
        (true, false) => Ok(json),
    }
}

/// What of an envelope may be left out.
fn check(envelope: &Envelope<'_>) -> Result<(), String> {
    if let Some(version) = envelope.version
        && !text(version).is_some_and(|version| VERSIONS.contains(&&*version))
    {
        return Err(format!("version: expected one of {}", VERSIONS.join(", ")));
    }
    for (name, id) in [("id", envelope.id), ("correlation_id", envelope.correlation_id)] {
        if let Some(id) = id
            && !ID.takes(id)
        {
            return Err(format!("{name}: expected {}", ID.expected()));
        }
    }
    match envelope.ts {
        Some(ts) if !is_moment(ts) => {
            Err("ts: expected a whole number of milliseconds since 1970 above 0".to_owned())
        }
        _ => Ok(()),
    }
}

/// Whether it is a whole number of milliseconds, or a text that is one.
fn is_moment(ts: &RawValue) -> bool {
    let said = text(ts).unwrap_or(Cow::Borrowed(ts.get()));
    said.trim().parse::<i64>().is_ok_and(|ts| ts > 0)
}

/// What is asked for in a frame whose type is that of its payload.
fn asked(payload: &Payload<'_>) -> Option<Request<'static>> {
    match payload.kind {
        Kind::SystemEvent => Some(match payload.text("event_name").as_deref() {
            Some("ping") => Request::Ping,
            Some("status") => Request::Status,
            _ => Request::Nothing,
        }),
        Kind::HealthCheck if payload.text("status").as_deref() != Some("pong") => Some(Request::Ping),
        _ => None,
    }
}

/// A chat message as the call that it is: `{content, attachments?, metadata?}`. What the client says of its language
/// and time stands in `metadata`, beside `stream`, by which it or its endpoint asks for pieces.
fn chat<'a>(payload: &Payload<'a>, streams: bool) -> Result<Request<'a>, String> {
    let metadata = payload.get("metadata").map(Members::read).transpose();
    let metadata = metadata.map_err(|error| format!("payload.metadata: {}", shorten(&error.to_string())))?;
    let metadata = metadata.unwrap_or_default();
    let streamed = streams || metadata.get("stream").is_some_and(|stream| stream.get() == "true");
    let mut data = format!("{{\"content\":{}", payload.get("content").map_or("null", RawValue::get));
    if let Some(attachments) = payload.get("attachments") {
        data.push_str(",\"attachments\":");
        data.push_str(attachments.get());
    }
    let mut members: Vec<(&str, &str)> =
        metadata.0.iter().map(|(name, value)| (&**name, value.get())).collect();
    if streamed {
        members.retain(|(name, _)| *name != "stream");
        members.push(("stream", "true"));
    }
    for name in ["language", "locale", "timestamp"] {
        if let Some(value) = payload.get(name).filter(|_| metadata.get(name).is_none()) {
            members.push((name, value.get()));
        }
    }
    if !members.is_empty() {
        let members: Vec<_> = members.iter().map(|(name, json)| format!("{}:{json}", quoted(name))).collect();
        data.push_str(&format!(",\"metadata\":{{{}}}", members.join(",")));
    }
    data.push('}');
    let data = RawValue::from_string(data).map_err(|error| format!("payload: {error}"))?;
    Ok(Request::Call { name: CHAT.to_owned(), room: None, data: Cow::Owned(data), streamed })
}

/// The members of an object that is the client's own affair.
#[derive(Default, Deserialize)]
struct Members<'a>(#[serde(borrow)] std::collections::BTreeMap<Cow<'a, str>, &'a RawValue>);

impl<'a> Members<'a> {
    fn read(object: &'a RawValue) -> Result<Self, serde_json::Error> {
        serde_json::from_str(object.get())
    }

    fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.0.get(name).copied()
    }
}
