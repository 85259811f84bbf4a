//! What the tests of all crates share: a real gateway on free ports in a temporary folder, and independent
//! clients. Everything here panics where a test should fail.

#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "tests say what they expect by panicking")]

mod cable;
mod events;
mod gateway;
mod http;
mod mariadb;
mod mysql;
mod mysqld;
mod postgres;
mod redis;
mod socket;
mod tls;
mod wire;

pub use cable::Cable;
pub use events::{Block, Blocks, EventStream};
pub use gateway::{Gateway, Options};
pub use http::{Answer, exchange, exchange_on, request};
pub use mariadb::MariaDb;
pub use mysql::MySql;
pub use mysqld::Mysqld;
pub use postgres::Postgres;
pub use redis::Redis;
pub use rustix::process::Signal;
pub use socket::{Refused, Socket};
pub use tls::{Authority, Issued, TlsClient, TlsDial, TlsDialer};
pub use wire::{Frame, Wire, frame, opcode};
