//! WebSocket (RFC 6455) for sessions: [`handshake`] judges a request and answers it, [`Inbound`]
//! reads a client's messages, [`frames`] builds what goes back.
//!
//! fastwebsockets does the handshake's arithmetic and reads frames. What it lets through is refused by
//! a shim under it, and what it would hold is bounded there too; fragments are put together above it.

pub mod frames;
pub mod handshake;
mod head;
mod inbound;
mod link;
mod message;
mod order;
mod refusal;
mod shim;

pub(super) use head::{Head, Parsed};
pub use inbound::{Fault, Inbound};
pub use link::Link;
pub use message::Message;
pub use order::Limits;
pub use refusal::Refusal;
