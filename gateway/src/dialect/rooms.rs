//! The `rooms` dialect: JSON requests and replies, events as JSON objects.

mod action;
mod event;
mod events;
mod reply;
mod request;
mod shapes;
mod told;

pub use action::Action;
pub use event::RoomsFrame;
pub use events::{Events, EventsFrame};
pub use told::{ReplyTold, Told, call_part, call_reply, event, greeting, to_any_frame};

use serde_json::value::RawValue;

use shapes::Greeted;

use super::{Answer, Asked, Dialect, Malformed, Message, Notice, Undecoded, Welcome};
use crate::frame::Form;
use crate::transport::Framing;

/// Who greets sessions.
const GREETER: &str = "connection_manager";

/// See the module's documentation.
pub struct Rooms {
    form: Form,
    framing: Framing,
}

impl Rooms {
    /// With the form of [`RoomsFrame`] in `framing`.
    pub fn new(form: Form, framing: Framing) -> Self {
        Self { form, framing }
    }

    /// Names that a plugin's call cannot have.
    pub fn reserved() -> impl Iterator<Item = &'static str> {
        ["ack"].into_iter().chain(Action::ALL.map(Action::name))
    }
}

impl Dialect for Rooms {
    fn name(&self) -> &'static str {
        "rooms"
    }

    fn form(&self) -> Option<Form> {
        Some(self.form)
    }

    fn takes_tokens(&self) -> bool {
        true
    }

    fn decode<'a>(&self, message: Message<'a>) -> Result<Asked<'a>, Undecoded<'a>> {
        request::decode(message.payload)
    }

    fn welcome(&self, welcome: &Welcome<'_>) -> Option<Notice> {
        let data = serde_json::to_vec(&Greeted::new(welcome)).ok()?;
        Some(Notice::Event { event_type: "connected", source: GREETER, data })
    }

    fn answer(&self, id: Option<&RawValue>, answer: &Answer<'_>, out: &mut Vec<u8>) {
        reply::put(self.framing, id, answer, out);
    }

    fn malformed(&self, id: Option<&RawValue>, malformed: &Malformed, out: &mut Vec<u8>) {
        self.answer(id, &Answer::Refused(&malformed.to_string()), out);
    }
}
