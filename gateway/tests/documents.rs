//! `/openapi.json` and `/asyncapi.json` against a real gateway: complete, right by what is really sent and taken, and
//! valid for public validators.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

mod documents {
    mod asyncapi;
    mod bodies;
    mod document;
    mod following;
    mod openapi;
    mod tools;
}

use std::path::Path;

use testkit::{Gateway, Options};

/// The profile of the agents & coordination service, with the plugin `echo` beside its own, and rooms that keep
/// something.
fn options() -> Options {
    let profile = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/immune.toml");
    Options::new().config(profile).set("plugins.echo.enabled=true").set(ROOMS)
}

/// The profile of the QA chat, whose sessions speak in envelopes.
fn chat() -> Options {
    let profile = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/chat.toml");
    Options::new().config(profile).set("listener.chat.address=127.0.0.1:0")
}

const ROOMS: &str = "room=[{history={size=10,ttl=\"1h\"},cache=\"last_per_key\"}]";

fn start(options: Options) -> Gateway {
    options.start(env!("CARGO_BIN_EXE_tidegate"))
}
