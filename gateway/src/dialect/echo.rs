//! The `echo` dialect: each frame comes back as it was. For conformance suites; it takes no events.

use serde_json::value::RawValue;

use super::{Answer, Asked, Dialect, Malformed, Message, Notice, Request, Undecoded, Welcome};
use crate::frame::Form;
use crate::transport::Framing;

/// See the module's documentation.
pub struct Echo(pub Framing);

impl Dialect for Echo {
    fn name(&self) -> &'static str {
        "echo"
    }

    fn form(&self) -> Option<Form> {
        None
    }

    fn takes_tokens(&self) -> bool {
        false
    }

    fn decode<'a>(&self, _: Message<'a>) -> Result<Asked<'a>, Undecoded<'a>> {
        Ok(Asked { id: None, request: Request::Echo })
    }

    fn welcome(&self, _: &Welcome<'_>) -> Option<Notice> {
        None
    }

    fn answer(&self, _: Option<&RawValue>, answer: &Answer<'_>, out: &mut Vec<u8>) {
        if let Answer::Echo(message) = answer {
            match message.text {
                true => self.0.text(out, message.payload),
                false => self.0.binary(out, message.payload),
            }
        }
    }

    fn malformed(&self, _: Option<&RawValue>, _: &Malformed, _: &mut Vec<u8>) {
        // Every frame is a request here.
    }
}
