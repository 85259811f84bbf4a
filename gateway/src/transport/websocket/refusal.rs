//! What a client may not send, and the reason to close that each breach is.

use std::fmt;

use crate::transport::close::CloseReason;

/// A breach of RFC 6455, or of our limits, by a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Section 5.1.
    Unmasked,
    /// Section 5.2: no extension that gives them a meaning was agreed on.
    ReservedBits,
    /// Section 5.2.
    UnknownOpcode,
    /// Section 5.2: a length takes the fewest bytes that hold it.
    LengthNotMinimal,
    /// Section 5.2: the top bit of a 64-bit length is 0.
    LengthOutOfRange,
    /// Section 5.5: at most 125 bytes.
    ControlTooLong,
    /// Section 5.5.
    ControlFragmented,
    /// Section 5.4: a continuation, and no message that it continues.
    StrayContinuation,
    /// Section 5.4: a new message before the fragmented one has ended.
    MessageOpen,
    /// Section 5.5.1: a payload of one byte, half a code.
    CloseTruncated,
    /// Section 7.4: a code that no endpoint may send.
    CloseCode,
    /// Section 5.5.1.
    CloseNotUtf8,
    /// Section 8.1.
    TextNotUtf8,
    /// More bytes, over all fragments, than [`Limits::message`](super::Limits).
    TooBig,
    /// Engine.IO: a text that is none of its packets.
    NoPacket,
    /// More frames of one message before its last than [`Limits::fragments`](super::Limits).
    TooManyFragments,
}

impl Refusal {
    /// What was wrong, in the words of the close frame.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Unmasked => "frame is not masked",
            Self::ReservedBits => "reserved bits are set",
            Self::UnknownOpcode => "unknown opcode",
            Self::LengthNotMinimal => "length is not in its shortest form",
            Self::LengthOutOfRange => "length is out of range",
            Self::ControlTooLong => "control frame is longer than 125 bytes",
            Self::ControlFragmented => "control frame is fragmented",
            Self::StrayContinuation => "continuation without a message",
            Self::MessageOpen => "new message within a fragmented one",
            Self::CloseTruncated => "close code is truncated",
            Self::CloseCode => "close code is invalid",
            Self::CloseNotUtf8 => "close reason is not UTF-8",
            Self::TextNotUtf8 => "text is not UTF-8",
            Self::TooBig => "frame or message over the limit",
            Self::NoPacket => "not a packet of Engine.IO",
            Self::TooManyFragments => "too many fragments",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason())
    }
}

impl From<Refusal> for CloseReason {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::TextNotUtf8 | Refusal::CloseNotUtf8 => Self::InvalidUtf8,
            Refusal::TooBig => Self::TooBig,
            Refusal::TooManyFragments => Self::Policy(refusal.reason().into()),
            breach => Self::Protocol(breach.reason()),
        }
    }
}
