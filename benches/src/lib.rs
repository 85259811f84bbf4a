//! The stops of the hot path, each defined once and measured twice: in seconds (`seconds.rs`, by criterion), and in
//! instructions where these repeat themselves (`counts/`, by callgrind). And the house that they need: a hub with one shard,
//! with members that only count or with sessions on real sockets.

#![allow(clippy::unwrap_used, reason = "a bench that cannot be set up says so by panicking")]

mod allocations;
mod guest;
mod house;
mod publisher;
mod sessions;
mod stop;
pub mod stops;

pub use allocations::{Allocated, Counting};
pub use guest::{Member, Outlet, Sink};
pub use house::{House, TYPE, event, event_of};
pub use publisher::{Into, Payload, Publisher, ROOM, schema};
pub use sessions::Sessions;
pub use stop::{Round, Stop};

/// Bytes of JSON in each event: what the project's figures are quoted at.
pub const PAYLOAD: usize = 200;
/// Bytes of JSON that is long: where a delivery copied it, its instructions would tell.
pub const LONG_PAYLOAD: usize = 48 << 10;
/// Events that are in flight at once: one at a time, and batches as busy rooms have them. A turn takes 64 at most.
pub const WINDOWS: [usize; 3] = [1, 16, 64];
