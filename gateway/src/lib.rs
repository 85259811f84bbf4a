//! Tidegate: a real-time event gateway. The rooms of the house, in the order of flow.

/// The gateway's own HTTP API.
pub mod api;
/// The only room that knows every other: builds the house from the bottom up, drains it from the top down.
pub mod app;
/// The settings, from all their layers.
pub mod config;
/// What a session's frames mean.
pub mod dialect;
/// Finish, then stop.
pub mod drain;
/// An event encoded once per form, shared by all its receivers.
pub mod frame;
/// A room's events in order, committed and kept.
pub mod history;
/// Publish, join, leave, call: the hall that sessions and plugins are guests of.
pub mod hub;
/// Who a session or request is, and what it may do.
pub mod identity;
/// Accepts connections and hands them to shards.
pub mod listener;
/// What is counted.
pub mod metrics;
/// The tower stack between a connection and the router.
pub mod pipeline;
/// The plugin host.
pub mod plugin;
/// From a path to the API, a plugin's route or an endpoint.
pub mod router;
/// The life of a session.
pub mod session;
/// Key-value state for plugins.
pub mod store;
/// What carries a session's frames.
pub mod transport;
/// Quantities as people write them.
pub mod units;
/// What the rooms that speak HTTP say to each other.
pub mod web;
