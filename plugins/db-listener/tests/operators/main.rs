//! What operators do by hand, with real databases: `init` and `test`.
#![allow(clippy::unwrap_used, reason = "tests say what they expect by panicking")]

mod arguments;
mod drift;
mod dry_run;
mod init;
mod mariadb;
mod notify;
mod sqlite;
mod support;
