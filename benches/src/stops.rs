//! All stops.

mod durable;
mod history;
mod hub;
mod identity;
mod limits;
mod plugin;
mod recovery;
mod sockets;
mod wire;

pub use plugin::{CALL, Crossing};

use crate::Stop;

/// Every stop, in the order of flow.
pub fn all() -> Vec<Stop> {
    let groups = [
        wire::stops(),
        limits::stops(),
        identity::stops(),
        plugin::stops(),
        hub::stops(),
        history::stops(),
        durable::stops(),
        recovery::stops(),
        sockets::stops(),
    ];
    groups.into_iter().flatten().collect()
}
