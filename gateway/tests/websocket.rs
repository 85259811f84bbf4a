//! What the WebSocket transport promises of a client's messages: legal ones come out as they went
//! in, however the wire cuts them; a breach is refused with its code; and memory follows what has
//! arrived, not what was announced.

#![allow(clippy::unwrap_used, reason = "a helper of tests says what it expects by panicking")]

#[path = "websocket/memory.rs"]
mod memory;
#[path = "websocket/random.rs"]
mod random;
#[path = "websocket/rules.rs"]
mod rules;
#[path = "websocket/sockets.rs"]
mod sockets;
#[path = "websocket/upgrade.rs"]
mod upgrade;
#[path = "websocket/wire.rs"]
mod wire;
