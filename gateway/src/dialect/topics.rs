//! The `topics` dialect: envelopes of seven keys, and topics that are rooms.

mod envelope;
mod reply;
mod request;
mod told;

pub use envelope::TopicsFrame;
pub use told::{EventTold, RequestTold, error, moment, own_events, requests, shown};

use serde::Serialize;
use serde_json::value::RawValue;

use envelope::Zoneless;

use super::{Answer, Asked, Dialect, Malformed, Message, Notice, Undecoded, Warning, Welcome};
use crate::frame::{Form, Timestamp};
use crate::transport::Framing;
use crate::transport::close::CloseReason;

/// Who says what a session is told of itself.
const SOURCE: &str = "gateway";

/// The event types that its clients know, and that are known wherever there is such an endpoint.
pub const TYPES: [&str; 17] = [
    "system_status",
    "user_activity",
    "dashboard_update",
    "metrics_update",
    "task_created",
    "task_updated",
    "task_status_changed",
    "task_assigned",
    "efectivo_status_changed",
    "efectivo_location_update",
    "notification",
    "alert",
    "warning",
    "error",
    "connection_ack",
    "ping",
    "pong",
];

/// See the module's documentation.
pub struct Topics {
    form: Form,
    framing: Framing,
}

/// The data of `connection_ack`.
#[derive(Serialize)]
struct Greeted<'a> {
    connection_id: &'a str,
    connected_at: Zoneless,
    server_time: Zoneless,
}

/// The data of `ping`.
#[derive(Serialize)]
struct Pulse {
    server_time: Zoneless,
}

/// The data of what is told to people.
#[derive(Serialize)]
struct Told<'a> {
    title: &'a str,
    content: &'a str,
    level: &'a str,
}

impl Topics {
    /// With the form of [`TopicsFrame`] in `framing`.
    pub fn new(form: Form, framing: Framing) -> Self {
        Self { form, framing }
    }
}

impl Dialect for Topics {
    fn name(&self) -> &'static str {
        "topics"
    }

    fn form(&self) -> Option<Form> {
        Some(self.form)
    }

    fn takes_tokens(&self) -> bool {
        false
    }

    /// System notices are for its clients.
    fn has_audience(&self) -> bool {
        true
    }

    /// What plugins tell is for users.
    fn strangers_call(&self) -> bool {
        false
    }

    fn decode<'a>(&self, message: Message<'a>) -> Result<Asked<'a>, Undecoded<'a>> {
        match request::decode(message) {
            Ok(request) => Ok(Asked { id: None, request }),
            Err(malformed) => Err((None, malformed)),
        }
    }

    fn welcome(&self, welcome: &Welcome<'_>) -> Option<Notice> {
        let now = Zoneless::from(welcome.timestamp);
        let greeted = Greeted { connection_id: welcome.connection_id, connected_at: now, server_time: now };
        event("connection_ack", &greeted)
    }

    fn pulse(&self, now: Timestamp) -> Option<Notice> {
        event("ping", &Pulse { server_time: now.into() })
    }

    /// Its clients know no event of the usual name. What they did wrong, or have to renew, is for people; the rest says
    /// the close.
    fn farewell(&self, reason: &CloseReason) -> Warning {
        let CloseReason::Policy(why) = reason else { return Warning::None };
        let told = Told { title: "Disconnection", content: why, level: "warning" };
        Warning::Frame(reply::frame(self.framing, "warning", &told))
    }

    fn answer(&self, _: Option<&RawValue>, answer: &Answer<'_>, out: &mut Vec<u8>) {
        reply::put(self.framing, answer, out);
    }

    fn malformed(&self, _: Option<&RawValue>, malformed: &Malformed, out: &mut Vec<u8>) {
        reply::put_error(self.framing, &malformed.to_string(), out);
    }
}

/// Plain data, whose writing does not fail.
fn event(event_type: &'static str, data: &impl Serialize) -> Option<Notice> {
    let data = serde_json::to_vec(data).ok()?;
    Some(Notice::Event { event_type, source: SOURCE, data })
}
