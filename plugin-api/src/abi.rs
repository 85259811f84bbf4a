//! The C contract of `include/tidegate_plugin.h` as Rust types, field by field.
//!
//! Hosts and the safe side of this crate use it; a plugin's author has no need of it. Rules that the header gives (threads,
//! blocking, ownership) are not repeated here: the header is the contract. Two differences in form only:
//!
//! - every function pointer is an `Option`, so that a null in a foreign struct is seen ([`Plugin::verify`]) and not undefined;
//! - a status is a wrapped number ([`Status`]), since a value that is not listed must be an error and not undefined either.

mod data;
mod guest;
mod host;
mod verify;

pub(crate) use data::slice;
pub use data::{Buf, Cursor, Event, Lease, Metric, Pair, Principal, Request, Session, Status, Str};
pub use guest::{
    CALL_STREAMS, Call, Calls, Checkpoint, Command, Commands, Declare, Flow, Follow, Followed, Gap, Health,
    Http, HttpRequest, Instance, Plugin, SessionEvent, WATCH_CLOSE, WATCH_JOIN, WATCH_LEAVE, WATCH_OPEN,
    Watch,
};
pub use host::{
    Clock, EXPECT_ABSENT, EXPECT_ANY, EXPECT_REVISION, Grant, Host, LOG_DEBUG, LOG_ERROR, LOG_INFO,
    LOG_TRACE, LOG_WARN, LeaseLost, Leases, Log, METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM, MetricSpec,
    Metrics, Now, Publish, Refusal, Reply, STORE_DELETE, STORE_GET, STORE_LIST, STORE_PUT, Sessions, Store,
    StoreEntry, StoreOp, StoreResult,
};
pub use verify::{AbiError, Verified};

/// A library of the same major loads; one of another is refused.
pub const MAJOR: u32 = 1;
/// The minor that this crate implements.
pub const MINOR: u32 = 2;
/// The symbol that a library exports.
pub const SYMBOL: &str = "tidegate_plugin";

/// The ids of the extensions, the plugin's and the host's.
pub mod ext {
    /// What an instance adds to its manifest: [`Declare`](super::Declare).
    pub const DECLARE: &str = "tidegate.declare/1";
    /// HTTP routes: [`Http`](super::Http).
    pub const HTTP: &str = "tidegate.http/1";
    /// Calls of clients: [`Calls`](super::Calls).
    pub const CALLS: &str = "tidegate.calls/1";
    /// Events of followed rooms: [`Follow`](super::Follow).
    pub const FOLLOW: &str = "tidegate.follow/1";
    /// Life of sessions: [`Watch`](super::Watch).
    pub const WATCH: &str = "tidegate.watch/1";
    /// What comes after a publish: [`Flow`](super::Flow).
    pub const FLOW: &str = "tidegate.flow/1";
    /// Health: [`Health`](super::Health).
    pub const HEALTH: &str = "tidegate.health/1";
    /// Handing state to a successor: [`Checkpoint`](super::Checkpoint).
    pub const CHECKPOINT: &str = "tidegate.checkpoint/1";
    /// Commands of operators at a terminal: [`Commands`](super::Commands). Since 1.2.
    pub const COMMANDS: &str = "tidegate.commands/1";
    /// Publishing: [`Publish`](super::Publish).
    pub const PUBLISH: &str = "tidegate.publish/1";
    /// Why an event was refused: [`Refusal`](super::Refusal). Since 1.1.
    pub const REFUSAL: &str = "tidegate.refusal/1";
    /// Answers: [`Reply`](super::Reply).
    pub const REPLY: &str = "tidegate.reply/1";
    /// Commands to sessions: [`Sessions`](super::Sessions).
    pub const SESSIONS: &str = "tidegate.sessions/1";
    /// The key-value store: [`Store`](super::Store).
    pub const STORE: &str = "tidegate.store/1";
    /// Leases: [`Leases`](super::Leases).
    pub const LEASE: &str = "tidegate.lease/1";
    /// The log: [`Log`](super::Log).
    pub const LOG: &str = "tidegate.log/1";
    /// Metrics: [`Metrics`](super::Metrics).
    pub const METRICS: &str = "tidegate.metrics/1";
    /// The clock: [`Clock`](super::Clock).
    pub const CLOCK: &str = "tidegate.clock/1";

    /// What this version's host serves, to judge a manifest's `needs` by.
    pub const HOST: [&str; 9] = [PUBLISH, REFUSAL, REPLY, SESSIONS, STORE, LEASE, LOG, METRICS, CLOCK];
}
