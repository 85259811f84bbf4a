//! A client's messages, however they come.

use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::sync::oneshot;

use super::lines::Socketed;
use super::packet::Packet;
use super::polling::Polling;
use crate::transport::websocket::{self, Fault, Limits, Link, Message, Refusal};

/// See the module's documentation.
pub enum Inbound<L> {
    /// Requests bring them.
    Polling(Box<Polling>),
    /// Frames do.
    WebSocket {
        /// Reads them.
        frames: websocket::Inbound<L>,
        /// Whoever has brought the socket goes when this does.
        _until: Option<oneshot::Sender<()>>,
    },
}

impl<L: Link> Inbound<L> {
    /// From the WebSocket that `link` is, whose client has sent `early` behind the handshake.
    pub fn socket(link: &Rc<L>, limits: Limits, early: Bytes) -> Self {
        Self::WebSocket { frames: websocket::Inbound::new(link, limits, early), _until: None }
    }

    /// From the WebSocket that has taken the place of polls, and that `link` is now.
    pub(in crate::transport) fn taken_over(
        link: &Rc<L>,
        limits: Limits,
        early: Bytes,
        until: oneshot::Sender<()>,
    ) -> Self {
        Self::WebSocket { frames: websocket::Inbound::new(link, limits, early), _until: Some(until) }
    }

    pub(in crate::transport) fn tend(
        &mut self,
        cx: &mut Context<'_>,
        closing: bool,
    ) -> Option<Box<Socketed>> {
        match self {
            Self::Polling(polling) => polling.tend(cx, closing),
            Self::WebSocket { .. } => None,
        }
    }

    /// The next message.
    ///
    /// # Errors
    /// As [`websocket::Inbound::poll_next`]; what is no packet is refused.
    pub fn poll_next(&mut self, link: &Rc<L>, cx: &mut Context<'_>) -> Poll<Result<Message, Fault>> {
        match self {
            Self::Polling(polling) => polling.poll_next(),
            Self::WebSocket { frames, .. } => frames.poll_next(link, cx).map(|next| next.and_then(unpack)),
        }
    }

    /// Frames or packets that have come since this was asked last.
    pub fn take_frames(&mut self) -> u32 {
        match self {
            Self::Polling(polling) => polling.take_packets(),
            Self::WebSocket { frames, .. } => frames.take_frames(),
        }
    }

    /// From here on whatever comes is thrown away.
    pub fn stop(&mut self) {
        match self {
            Self::Polling(polling) => polling.stop(),
            Self::WebSocket { frames, .. } => frames.stop(),
        }
    }
}

/// The packet that a frame of a WebSocket is.
fn unpack(message: Message) -> Result<Message, Fault> {
    let Message::Text(text) = message else { return Ok(message) };
    match Packet::parse(text) {
        Ok(Packet::Text(text)) => Ok(Message::Text(text)),
        Ok(Packet::Binary(payload)) => Ok(Message::Binary(payload)),
        Ok(Packet::Pong | Packet::Noop) => Ok(Message::Pong(Bytes::new())),
        Ok(Packet::Close) => Ok(Message::Close { code: None, reason: String::new() }),
        Err(_) => Err(Fault::Refused(Refusal::NoPacket)),
    }
}
