//! The `envelope` dialect: typed messages, each with an envelope around its payload. A client that has to show who it is
//! does that with its first frame; a chat message is the call `chat` of whatever plugin declares it.

mod event;
mod frame;
mod kinds;
mod payload;
mod reply;
mod request;
mod told;

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

pub use event::{EnvelopeFrame, SENT};
pub use kinds::Kind;
pub use told::{Part, Told, told};

use serde_json::value::RawValue;

use super::{Answer, Asked, Dialect, Malformed, Message, Notice, Undecoded, Warning, Welcome};
use crate::frame::Form;
use crate::transport::Framing;
use crate::transport::close::{CloseReason, UNHEARD, UNPROVEN};
use frame::Address;
use payload::quoted;
use reply::Stream;

/// Who is there where nobody has to say who it is.
const ANYBODY: &str = "anonymous_user";

/// See the module's documentation. Each session has its own.
pub struct Envelope {
    form: Form,
    framing: Framing,
    /// Whether each answer comes in pieces, and not only where its request asks for that.
    streams: bool,
    /// Whom frames are for: nobody before the welcome.
    whom: RefCell<Address>,
    /// Whether the client has been greeted: until then it has to show who it is.
    greeted: Cell<bool>,
    stream: RefCell<Stream>,
}

impl Envelope {
    /// With the form of [`EnvelopeFrame`] in `framing`; `streams`: each answer comes in pieces.
    pub fn new(form: Form, framing: Framing, streams: bool) -> Self {
        Self {
            form,
            framing,
            streams,
            whom: RefCell::new(Address::shared()),
            greeted: Cell::new(false),
            stream: RefCell::default(),
        }
    }
}

impl Dialect for Envelope {
    fn name(&self) -> &'static str {
        "envelope"
    }

    fn form(&self) -> Option<Form> {
        Some(self.form)
    }

    fn takes_tokens(&self) -> bool {
        true
    }

    fn for_session(&self, _: &str) -> Option<Rc<dyn Dialect>> {
        Some(Rc::new(Self::new(self.form, self.framing, self.streams)))
    }

    fn session_id(&self) -> Option<Arc<str>> {
        Some(uuid::Uuid::new_v4().to_string().into())
    }

    fn greets_strangers(&self) -> bool {
        false
    }

    fn asks_first(&self) -> bool {
        true
    }

    fn needs_user(&self) -> bool {
        true
    }

    fn tells_refusals(&self) -> bool {
        true
    }

    fn answers_in_order(&self) -> bool {
        true
    }

    fn decode<'a>(&self, message: Message<'a>) -> Result<Asked<'a>, Undecoded<'a>> {
        match self.greeted.get() {
            true => request::decode(message, self.streams),
            false => request::token(message),
        }
    }

    fn welcome(&self, welcome: &Welcome<'_>) -> Option<Notice> {
        self.whom.replace(Address::of(welcome.connection_id, welcome.user_id.unwrap_or(ANYBODY)));
        self.greeted.set(true);
        let (mut out, description) = (Vec::new(), quoted(welcome.message));
        let fields = [("event_name", "\"connection_established\""), ("description", &*description)];
        self.put_fields(Kind::SystemEvent, &self.whom.borrow(), &fields, &mut out);
        Some(Notice::Frame(out))
    }

    fn farewell(&self, reason: &CloseReason) -> Warning {
        let mut out = Vec::new();
        match reason {
            CloseReason::Policy(why) if why == UNPROVEN => return Warning::None, // it has been told
            CloseReason::KeepaliveTimeout => return Warning::None,               // and here nobody listens
            CloseReason::Policy(why) if why == UNHEARD => {
                self.put_unproven("Authentication timeout", &mut out)
            }
            CloseReason::AtCapacity => self.put_full(&mut out),
            CloseReason::Restart { .. } => self.put_shutdown("restart", &mut out),
            CloseReason::GoingAway { .. } => self.put_shutdown("going away", &mut out),
            _ => return Warning::Event,
        }
        Warning::Frame(out)
    }

    fn last_words(&self, reason: &CloseReason) -> (u16, Cow<'static, str>) {
        let words = match reason {
            CloseReason::Policy(why) if why == UNPROVEN || why == UNHEARD => "Authentication failed".into(),
            CloseReason::KeepaliveTimeout => "keepalive ping timeout".into(),
            CloseReason::AtCapacity => "Server at capacity".into(),
            reason => reason.reason(),
        };
        (reason.code(), words)
    }

    fn answer(&self, id: Option<&RawValue>, answer: &Answer<'_>, out: &mut Vec<u8>) {
        self.put_answer(id, answer, out);
    }

    fn malformed(&self, _: Option<&RawValue>, malformed: &Malformed, out: &mut Vec<u8>) {
        match (self.greeted.get(), malformed) {
            (true, malformed) => self.put_malformed(malformed, out),
            (false, Malformed::Shape(why)) => self.put_unproven(&format!("Authentication error: {why}"), out),
            (false, _) => self.put_unproven("Invalid authentication message format", out),
        }
    }
}
