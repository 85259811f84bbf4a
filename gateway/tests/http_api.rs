//! The gateway's HTTP side against a real gateway in a process of its own.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

mod http_api {
    mod broadcast;
    mod descriptors;
    mod health;
    mod http2;
    mod limits;
    mod malformed;
    mod origins;
    mod proxies;
    mod publish;
    mod rates;
    mod rooms;
    mod serves;
    mod sessions;
    mod stats;
    mod times;
}

use testkit::{Gateway, Options};

/// A gateway with the built-in settings on two shards, so that what is asked on one happens on the other.
fn gateway() -> Gateway {
    start(Options::new())
}

fn start(options: Options) -> Gateway {
    options.set("shards=2").start(env!("CARGO_BIN_EXE_tidegate"))
}
