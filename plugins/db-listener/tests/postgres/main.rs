//! The source of PostgreSQL, with real servers.
#![allow(clippy::unwrap_used, reason = "tests say what they expect by panicking")]

mod faults;
mod login;
mod losses;
mod notify;
mod rows;
mod slots;
mod snapshot;
mod support;
mod types;
