//! How a dialect's messages stand on the wire of a transport.

use std::ops::Range;

use smallvec::SmallVec;

use super::event_stream;
use super::websocket::frames::{self, Kind, MAX_HEAD, head_in_front};

/// What messages to a client are put into. Whatever carries them, a frame of one framing is the same bytes for all
/// receivers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// A message is a frame of RFC 6455.
    WebSocket,
    /// A message is a packet of Engine.IO in a frame of RFC 6455; what is polled is put together from such frames.
    EngineIo,
    /// A message is the data of an event of `text/event-stream`; what else is said of the event stands before it.
    EventStream,
    /// A message stands for itself; what carries it puts several together.
    Bare,
}

/// What a text packet of Engine.IO begins with where it bears a message.
const MESSAGE: &[u8] = b"4";
/// The packets of Engine.IO that ask for a sign of life, and that end the session.
const PING: &[u8] = b"2";
const CLOSE: &[u8] = b"1";

impl Framing {
    /// Appends a text message.
    pub fn text(self, out: &mut Vec<u8>, text: &[u8]) {
        match self {
            Self::WebSocket | Self::EngineIo => {
                let mark = self.mark();
                frames::head(out, Kind::Text, mark.len() + text.len());
                out.extend_from_slice(mark);
                out.extend_from_slice(text);
            }
            Self::EventStream | Self::Bare => {
                let _where = self.around(out, |_| {}, text, |_| {});
            }
        }
    }

    /// Appends a binary message, which is a text where there are no others.
    pub fn binary(self, out: &mut Vec<u8>, payload: &[u8]) {
        match self {
            Self::WebSocket | Self::EngineIo => frames::data(out, Kind::Binary, payload),
            Self::EventStream | Self::Bare => self.text(out, payload),
        }
    }

    /// Appends a text message that has `payload` in it; answers where in `out` that stands, if it stands there as it is.
    /// What stands around it is written first: then the length is known, and the payload, however long, is copied once,
    /// to where it stays.
    pub fn around(
        self,
        out: &mut Vec<u8>,
        before: impl FnOnce(&mut Vec<u8>),
        payload: &[u8],
        behind: impl FnOnce(&mut Vec<u8>),
    ) -> Option<Range<usize>> {
        match self {
            Self::WebSocket | Self::EngineIo => Some(self.counted(out, before, payload, behind)),
            Self::EventStream => {
                event_stream::begin_data(out);
                before(out);
                let data = event_stream::put_data(out, payload);
                behind(out);
                out.push(b'\n');
                event_stream::end(out);
                data
            }
            Self::Bare => {
                before(out);
                let data = out.len()..out.len() + payload.len();
                out.extend_from_slice(payload);
                behind(out);
                Some(data)
            }
        }
    }

    /// The same where a message's length stands before it.
    fn counted(
        self,
        out: &mut Vec<u8>,
        before: impl FnOnce(&mut Vec<u8>),
        payload: &[u8],
        behind: impl FnOnce(&mut Vec<u8>),
    ) -> Range<usize> {
        let start = out.len();
        out.resize(start + MAX_HEAD, 0);
        out.extend_from_slice(self.mark());
        before(out);
        let split = out.len();
        behind(out);
        let rest: SmallVec<[u8; 256]> = SmallVec::from_slice(&out[split..]);
        let unused = head_in_front(&mut out[start..], Kind::Text, payload.len());
        out.copy_within(start + unused..split, start);
        out.truncate(split - unused);
        let data = out.len();
        out.extend_from_slice(payload);
        out.extend_from_slice(&rest);
        data..data + payload.len()
    }

    /// Appends what asks the client for a sign of life, or gives one.
    pub fn ping(self, out: &mut Vec<u8>) {
        match self {
            Self::WebSocket => frames::ping(out, b""),
            Self::EngineIo => frames::data(out, Kind::Text, PING),
            Self::EventStream => out.extend_from_slice(event_stream::COMMENT),
            Self::Bare => {}
        }
    }

    /// Appends what ends the session.
    pub fn close(self, out: &mut Vec<u8>, code: u16, reason: &str) {
        match self {
            Self::WebSocket => frames::close(out, Some(code), reason),
            Self::EngineIo => {
                frames::data(out, Kind::Text, CLOSE);
                frames::close(out, Some(code), reason);
            }
            Self::EventStream | Self::Bare => {}
        }
    }

    /// Whether clients answer: to what asks for a sign of life, and to what ends the session, which says why. Where they
    /// do not, nothing of the sort is expected of them, and what ends a session is said before.
    pub fn is_answered(self) -> bool {
        matches!(self, Self::WebSocket | Self::EngineIo)
    }

    /// Appends how far the client has got in its rooms, for which only a stream of events has a word.
    pub fn bookmark(self, out: &mut Vec<u8>, text: &str) {
        if self == Self::EventStream {
            event_stream::field(out, "id", text);
            event_stream::end(out);
        }
    }

    fn mark(self) -> &'static [u8] {
        match self {
            Self::EngineIo => MESSAGE,
            Self::WebSocket | Self::EventStream | Self::Bare => b"",
        }
    }
}
