//! Settings of how HTTP is spoken.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::{Period, Size};

/// How long and how slow requests may be, on all listeners. What is longer is refused before it is read to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Http")]
pub struct Config {
    /// A request's path and query; a longer one is answered with 414.
    pub target: Size,
    /// The value of one header; a longer one is answered with 431.
    pub header: Size,
    /// The request line and all headers, of which there may be 100; more is answered with 431.
    pub head: Size,
    /// How long the head may take to arrive as a whole, however its bytes come. It is counted from where the connection
    /// began or the answer before ended, so that this is also how long a connection may be idle. A header of the PROXY
    /// protocol may take as long.
    pub head_timeout: Period,
    /// A request's body; a longer one is answered with 413.
    pub body: Size,
    /// All requests' bodies that the gateway holds at one time, over all listeners, until their requests are
    /// answered; what would be more is answered with 503. Bodies of GET and HEAD are not read.
    pub bodies: Size,
    /// How long the body may take to arrive as a whole; a slower one is answered with 408.
    pub body_timeout: Period,
    /// How long a request may be worked on until its answer begins, its body's time included; then it is given up and
    /// answered with 503. A route of a plugin that declares a shorter time answers 504 by then.
    pub answer_timeout: Period,
    /// For how long a client may take nothing of an answer; then its connection is closed.
    pub write_timeout: Period,
    /// Requests that one HTTP/2 connection may have open.
    pub streams: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            target: Size::kib(8),
            header: Size::kib(8),
            head: Size::kib(64),
            head_timeout: Period::seconds(30),
            body: Size::mib(1),
            bodies: Size::mib(64),
            body_timeout: Period::seconds(30),
            answer_timeout: Period::seconds(90),
            write_timeout: Period::seconds(30),
            streams: 100,
        }
    }
}
