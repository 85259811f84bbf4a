//! Engine.IO, version 4: a session over polled HTTP requests, over a WebSocket, or over the one and then the other.
//!
//! What goes out is written once, as frames of RFC 6455 that hold its packets ([`Framing::EngineIo`]): a WebSocket takes
//! them as they are, and a poll gets the same packets out of them. So events have one form here, and a session may change its
//! carrier between two of them.
//!
//! [`Framing::EngineIo`]: super::Framing::EngineIo

mod inbound;
mod lines;
mod packet;
mod polling;
mod probe;

pub use inbound::Inbound;
pub use lines::{Answer, Line, Lines, Lost, Socketed};
pub use packet::{Bad, MOST_PACKETS, Packet};
pub use polling::Polling;
pub use probe::probe;
