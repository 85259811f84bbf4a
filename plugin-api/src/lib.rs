// The code in the guide is a whole crate, which tests/guide.rs compiles and runs.
#![cfg_attr(not(doctest), doc = include_str!("../README.md"))]
//!
//! # The map of this crate
//!
//! In the order of flow: the host's calls come in through [`abi`] and [`entry`](table), become requests and events, meet the
//! [`Plugin`], and what it has to say goes out through its [`Host`].

pub mod abi;

mod buffer;
mod call;
mod command;
mod entry;
mod error;
mod event;
mod host;
mod http;
mod manifest;
mod plugin;
mod request;
#[cfg(feature = "schemas")]
pub mod schema;
#[cfg(feature = "testing")]
pub mod testing;

pub use bytes::Bytes;

pub use abi::Status;
pub use call::{Call, Reply};
pub use command::Command;
pub use entry::{Exported, table};
pub use error::{Error, FieldError, Result};
pub use event::{Cursor, Event, FollowedEvent, Gap, Receipt};
pub use host::{
    Clock, Counter, Entry, Expect, Gauge, Histogram, Host, Lease, Level, Log, Metrics, Op, Outcome, Page,
    PublishError, SessionInfo, Sessions, Store,
};
pub use http::{HttpRequest, HttpResponse, Query};
pub use manifest::{Declared, Health, HealthStatus, Manifest, WatchKind, Watches};
pub use plugin::Plugin;
pub use request::{Cancelled, Moment, Principal, Session, SessionEvent, Stream};
