//! Tidegate: a real-time event gateway. The rooms of the house, in the order of flow.

// The only room that knows every other: builds the house from the bottom up, drains it from the top down.
pub mod app;
// The settings, from all their layers.
pub mod config;
// Quantities as people write them.
pub mod units;
// Accepts connections and hands them to shards.
pub mod listener;
// Certificates and keys of the listeners, and how they are replaced.
pub mod tls;
// The tower stack between a connection and the router.
pub mod pipeline;
// From a path to the API, a plugin's route or an endpoint.
pub mod router;
// What the rooms that speak HTTP say to each other.
pub mod web;
// The gateway's own HTTP API.
pub mod api;
// Who a session or request is, and what it may do.
pub mod identity;
// Requests that the gateway itself sends.
pub mod outgoing;
// How often something may be done, and by whom.
pub mod limits;
// What a request for an endpoint's path leads to.
pub mod endpoint;
// What carries a session's frames.
pub mod transport;
// The life of a session.
pub mod session;
// What a session's frames mean.
pub mod dialect;
// Publish, join, leave, call: the hall that sessions and plugins are guests of.
pub mod hub;
// Events of other processes.
pub mod bus;
// A room's events in order, committed and kept.
pub mod history;
// An event encoded once per form, shared by all its receivers.
pub mod frame;
// The plugin host.
pub mod plugin;
// Key-value state for plugins.
pub mod store;
// Finish, then stop.
pub mod documents;
pub mod drain;
// How the parts are.
pub mod health;
// Who did what, for later.
pub mod audit;
// What is counted.
pub mod metrics;
// A client of many connections, to measure a gateway with; it stands beside the house.
pub mod load;
