//! What carries a session's frames, whatever they mean: each transport reads a client's messages
//! from its connection and builds the frames that go back, and all of them close for the reasons
//! of one table.

pub mod close;
pub mod engineio;
pub mod event_stream;
mod framing;
mod inbound;
mod pipe;
mod socket;
pub mod websocket;

pub use framing::Framing;
pub use inbound::Inbound;
pub use pipe::{Outlet, Pipe, pipe};
pub use socket::{Socket, TlsSocket};
