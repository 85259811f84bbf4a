//! Tidegate: a real-time event gateway. The rooms of the house, in the order of flow.

/// What a session's frames mean.
pub mod dialect;
/// An event encoded once per form, shared by all its receivers.
pub mod frame;
/// A room's events in order, committed and kept.
pub mod history;
/// Publish, join, leave, call: the hall that sessions and plugins are guests of.
pub mod hub;
/// Who a session or request is, and what it may do.
pub mod identity;
/// What is counted.
pub mod metrics;
/// The life of a session.
pub mod session;
/// What carries a session's frames.
pub mod transport;
