//! The plugin that the guide begins with, and that `tidegate plugin new hello` writes; a binary exports one plugin, so it has
//! one to itself. That it stands in README.md to the letter is in `guide.rs`.
#![allow(clippy::unwrap_used, reason = "tests say what they expect by panicking, their helpers too")]

#[path = "guide/hello.rs"]
#[allow(unreachable_pub, missing_docs, reason = "as a reader would write it")]
#[rustfmt::skip]
mod hello;

use serde_json::json;
use tidegate_plugin::testing::TestHost;

#[test]
fn the_new_plugin_greets() {
    let host = TestHost::of::<hello::Greeter>().start().unwrap();
    assert_eq!(host.call("hello_greet", &json!({ "name": "Ada" })).data, "Hello, Ada!");
    assert_eq!(host.http("GET", "/hello/count", "").json(), json!({ "count": 1 }));
    assert_eq!(host.events()[0].data, json!({ "name": "Ada", "count": 1 }));
    host.stop();
}
