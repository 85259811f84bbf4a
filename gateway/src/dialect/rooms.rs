//! The `rooms` dialect: JSON requests and replies, events as JSON objects.

mod event;
mod reply;
mod request;

pub use event::RoomsFrame;

use serde_json::value::RawValue;

use super::{Answer, Asked, Dialect, Greeting, Malformed, Message, Welcome};
use crate::frame::Form;

/// Names of requests that the gateway itself answers; a plugin's call may have none of them.
pub(super) const ACTIONS: [&str; 9] =
    ["ping", "join", "leave", "subscribe", "unsubscribe", "info", "publish", "auth", "cancel"];

/// The version of the dialect, in the welcome.
const PROTOCOL: u32 = 1;

/// See the module's documentation.
pub struct Rooms {
    form: Form,
}

impl Rooms {
    /// With the form of [`RoomsFrame`].
    pub fn new(form: Form) -> Self {
        Self { form }
    }

    /// Names that a plugin's call cannot have.
    pub fn reserved() -> impl Iterator<Item = &'static str> {
        ["history", "presence", "ack"].into_iter().chain(ACTIONS)
    }
}

impl Dialect for Rooms {
    fn name(&self) -> &'static str {
        "rooms"
    }

    fn form(&self) -> Option<Form> {
        Some(self.form)
    }

    fn decode<'a>(&self, message: Message<'a>) -> Result<Asked<'a>, (Option<&'a RawValue>, Malformed)> {
        request::decode(message.payload)
    }

    fn welcome(&self, welcome: &Welcome<'_>) -> Option<Greeting> {
        let mut data = serde_json::json!({
            "connection_id": welcome.connection_id,
            "message": welcome.message,
            "timestamp": welcome.timestamp.to_string(),
            "protocol": PROTOCOL,
            "heartbeat": welcome.heartbeat,
            "user_id": welcome.user_id,
        });
        if let Some(taken) = welcome.taken {
            data["requested_client_id"] = taken.into();
        }
        let data = data.to_string().into_bytes();
        Some(Greeting { event_type: "connected", source: "connection_manager", data })
    }

    fn answer(&self, id: Option<&RawValue>, answer: &Answer<'_>, out: &mut Vec<u8>) {
        reply::put(id, answer, out);
    }

    fn malformed(&self, id: Option<&RawValue>, malformed: &Malformed, out: &mut Vec<u8>) {
        reply::put(id, &Answer::Refused(&malformed.to_string()), out);
    }
}
