//! From where a session's client sends its messages.

use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::sync::oneshot;

use super::engineio::{self, Socketed};
use super::websocket::{self, Fault, Limits, Link, Message};

/// See the module's documentation.
pub enum Inbound<L> {
    /// Frames of RFC 6455.
    WebSocket(websocket::Inbound<L>),
    /// Packets of Engine.IO. Boxed, so that sessions of other kinds are no larger for it.
    EngineIo(Box<engineio::Inbound<L>>),
}

impl<L: Link> Inbound<L> {
    /// Does what requests over HTTP want of the session besides bringing messages; `closing`: it has said its last. Answers the
    /// WebSocket that is to go on from here, with [`go_on`](Self::go_on).
    pub fn tend(&mut self, cx: &mut Context<'_>, closing: bool) -> Option<Box<Socketed>> {
        match self {
            Self::WebSocket(_) => None,
            Self::EngineIo(inbound) => inbound.tend(cx, closing),
        }
    }

    /// Reads from a WebSocket from here on, which `link` is now: its client has sent `early`, and whoever has brought it goes
    /// when `until` does.
    pub fn go_on(&mut self, link: &Rc<L>, limits: Limits, early: Bytes, until: oneshot::Sender<()>) {
        *self = Self::EngineIo(Box::new(engineio::Inbound::taken_over(link, limits, early, until)));
    }

    /// The next message.
    ///
    /// # Errors
    /// As [`websocket::Inbound::poll_next`].
    pub fn poll_next(&mut self, link: &Rc<L>, cx: &mut Context<'_>) -> Poll<Result<Message, Fault>> {
        match self {
            Self::WebSocket(inbound) => inbound.poll_next(link, cx),
            Self::EngineIo(inbound) => inbound.poll_next(link, cx),
        }
    }

    /// Frames that have come since this was asked last, of any kind, fragments too.
    pub fn take_frames(&mut self) -> u32 {
        match self {
            Self::WebSocket(inbound) => inbound.take_frames(),
            Self::EngineIo(inbound) => inbound.take_frames(),
        }
    }

    /// From here on whatever comes is thrown away.
    pub fn stop(&mut self) {
        match self {
            Self::WebSocket(inbound) => inbound.stop(),
            Self::EngineIo(inbound) => inbound.stop(),
        }
    }
}
