//! An event as an envelope, the same for all who get it: so it names neither session nor user.

use std::ops::Range;

use serde_json::value::RawValue;

use super::frame::{Address, before, behind};
use super::kinds::Kind;
use super::payload::{Fields, Payload, is_null, is_object, quoted};
use crate::frame::{Encode, Posted};
use crate::transport::Framing;

/// An event whose type is a payload that servers send, and whose data are of its shape, is that payload. Any other is a
/// `system_event` of its name; data that are neither an object nor null stand in one, as `value`.
pub struct EnvelopeFrame(pub Framing);

/// What may be told by an event of its name.
pub const SENT: [Kind; 8] = [
    Kind::AgentResponse,
    Kind::StreamStart,
    Kind::StreamChunk,
    Kind::StreamEnd,
    Kind::SystemEvent,
    Kind::ErrorEvent,
    Kind::ConnectionEvent,
    Kind::HealthCheck,
];

impl Encode for EnvelopeFrame {
    fn encode(&self, posted: &Posted, payload: &[u8], out: &mut Vec<u8>) -> Option<Range<usize>> {
        let kind = SENT.into_iter().find(|kind| kind.name() == &*posted.kind.name);
        if let Some(own) = kind.and_then(|kind| own(kind, payload)) {
            let mut text = Vec::with_capacity(payload.len() + 512);
            before(own.kind, posted.time, &mut text);
            own.put(posted.time, &mut text);
            behind(&Address::shared(), &mut text);
            self.0.text(out, &text);
            return None;
        }
        let shape = serde_json::from_slice::<&RawValue>(payload).ok();
        let bare = shape.is_some_and(|json| !is_object(json) && !is_null(json));
        let lead = |out: &mut Vec<u8>| {
            before(Kind::SystemEvent, posted.time, out);
            let (name, source) = (quoted(&posted.kind.name), quoted(&format!("From {}", posted.source)));
            let head = format!(
                r#"{{"message_type":"system_event","event_name":{name},"description":{source},"severity":"info","data":"#
            );
            out.extend_from_slice(head.as_bytes());
            out.extend_from_slice(if bare { b"{\"value\":" } else { b"" });
        };
        let rest = |out: &mut Vec<u8>| {
            out.extend_from_slice(if bare { b"}}" } else { b"}" });
            behind(&Address::shared(), out);
        };
        self.0.around(out, lead, payload, rest)
    }

    /// A session that is in several rooms of one publish gets it once.
    fn names_room(&self) -> bool {
        false
    }
}

/// An event's data as the payload that its type says.
fn own(kind: Kind, payload: &[u8]) -> Option<Payload<'_>> {
    let data: &RawValue = serde_json::from_slice(payload).ok()?;
    Payload::of(kind, Fields::read(data).ok()?).ok()
}
