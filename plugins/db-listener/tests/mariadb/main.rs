//! The source of MariaDB and MySQL against real servers.

#![recursion_limit = "256"]
#![allow(clippy::unwrap_used, reason = "tests say what they expect by panicking")]

mod faults;
mod fixture;
mod history;
mod mysql;
mod schema;
mod server;
mod transactions;
mod types;
