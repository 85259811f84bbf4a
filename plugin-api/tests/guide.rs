//! The code in README.md is real: it is compiled and run here, and stands there to the letter. The plugin that it begins
//! with is the one that `tidegate plugin new hello` writes.
#![allow(clippy::unwrap_used, reason = "tests say what they expect by panicking, their helpers too")]

#[path = "guide/changed.rs"]
#[allow(unreachable_pub, missing_docs, reason = "as a reader would write it")]
#[rustfmt::skip]
mod changed;

use serde_json::{Value, json};
use tidegate_plugin::testing::{Setup, TestHost};

const README: &str = include_str!("../README.md");
const CHANGED: &str = include_str!("guide/changed.rs");
const ECHO: &str = include_str!("../../plugins/echo/src/lib.rs");
const QUEUE_JSON: &str = include_str!("guide/queue.json");
const CHANGED_C: &str = include_str!("guide/changed.c");
const CHANGED_JSON: &str = include_str!("guide/changed.json");

/// A template of `tidegate plugin new`, filled for `hello`.
macro_rules! template {
    ($path:literal) => {
        include_str!(concat!("../../gateway/assets/plugin-new/", $path))
            .replace("{{name}}", "hello")
            .replace("{{word}}", "hello")
            .replace("{{crate}}", "tidegate_hello")
    };
}

/// The blocks of that language in the README, in order.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("\n```{language}\n");
    README.split(fence.as_str()).skip(1).map(|rest| &rest[..=rest.find("\n```").unwrap()]).collect()
}

#[test]
fn the_guide_begins_with_the_plugin_that_is_written_for_a_new_one() {
    let hello = include_str!("guide/hello.rs").replace("tests/guide/hello.json", "plugin.json");
    assert_eq!(hello, template!("rust/lib.rs"));
    assert_eq!(include_str!("guide/hello.json"), template!("plugin.json"));
    assert_eq!(blocks("rust,ignore")[0], hello);
    assert_eq!(blocks("json")[0], include_str!("guide/hello.json"));
    assert!(template!("rust/test.rs").contains(blocks("rust,ignore")[1]), "{}", blocks("rust,ignore")[1]);
}

/// What the guide's source of events is, file by file.
#[test]
fn the_source_of_events_stands_in_the_guide_whole_block_behind_block() {
    let queue = include_str!("guide/queue.rs").replace("tests/guide/queue.json", "plugin.json");
    let all = blocks("rust,ignore");
    let first = all.iter().position(|block| block.starts_with("//! orders: ")).unwrap();
    let last = all.iter().position(|block| block.ends_with("export!(Orders);\n")).unwrap();
    assert_eq!(all[first..=last].join("\n"), queue);
    assert!(blocks("json").contains(&QUEUE_JSON));
}

#[test]
fn each_change_that_the_guide_shows_is_one_of_the_changed_plugin() {
    let shown = [CHANGED, ECHO, include_str!("guide.rs"), include_str!("guide_queue.rs")];
    let queue = include_str!("guide/queue.rs").replace("tests/guide/queue.json", "plugin.json");
    for change in &blocks("rust,ignore")[2..] {
        assert!(queue.contains(change) || shown.iter().any(|source| source.contains(change)), "{change}");
    }
    let shown = blocks("c");
    assert!(shown.len() > 3);
    for change in shown {
        assert!(CHANGED_C.contains(change), "{change}");
    }
    for change in &blocks("json")[1..] {
        assert!(CHANGED_JSON.contains(change) || QUEUE_JSON.contains(change), "{change}");
    }
}

#[test]
fn it_remembers_tells_and_greets_who_arrives() {
    let host = TestHost::of::<changed::Greeter>().config(json!({ "every_ms": 10 })).start().unwrap();
    host.follow("visitors", "hello_arrived", &json!({ "name": "Ada" }));
    assert_eq!(host.call("hello_greet", &json!({ "name": "Bob" })).data, "Hello, Bob!");
    let told = host.wait_for_events(4);
    assert!(told.iter().any(|event| event.kind == "hello_counted"));
    let stopped = host.stop();
    // Another start finds what was stored.
    let host = TestHost::of::<changed::Greeter>().store(stopped.store).start().unwrap();
    assert_eq!(host.http("GET", "/hello/count", "").json(), json!({ "count": 2 }));
    host.stop();
}

/// The plugin in C as `make` builds it from the template's Makefile.
#[cfg(not(miri))]
fn in_c() -> impl Fn() -> Setup {
    use std::process::Command;
    use tidegate_plugin::abi;

    let folder = tempfile::tempdir().unwrap();
    let header = include_str!("../include/tidegate_plugin.h").to_owned();
    for (name, text) in [
        ("Makefile", template!("c/Makefile")),
        ("json.h", template!("c/json.h")),
        ("plugin.c", CHANGED_C.to_owned()),
        ("plugin.json", CHANGED_JSON.to_owned()),
        ("tidegate_plugin.h", header),
    ] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let output = Command::new("make").current_dir(folder.path()).output();
    let output =
        output.unwrap_or_else(|e| panic!("`make` cannot be run ({e}): install make and a C compiler"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let path = folder.path().join("build/libtidegate_hello.so");
    #[allow(unsafe_code, reason = "loads a library")]
    let table = {
        // SAFETY: the library that was just built, which has no constructor.
        let library = unsafe { libloading::Library::new(path) }.unwrap();
        // SAFETY: the symbol's type is given by the ABI, and the library stays loaded.
        let symbol = unsafe { *library.get::<*const abi::Plugin>(abi::SYMBOL).unwrap() };
        std::mem::forget(library);
        // SAFETY: as above.
        unsafe { abi::Plugin::verify(symbol) }.unwrap()
    };
    assert_eq!(table.manifest.trim_end(), CHANGED_JSON.trim_end());
    move || TestHost::of_table(table.table)
}

#[cfg(not(miri))]
#[test]
fn the_changed_plugin_in_c_does_what_the_one_in_rust_does() {
    let setup = in_c();
    let host = setup().config(json!({ "every_ms": 10 })).start().unwrap();
    host.follow("visitors", "hello_arrived", &json!({ "name": "Ada" }));
    host.follow("visitors", "alert_triggered", &json!({ "name": "nobody" }));
    assert_eq!(host.call("hello_greet", &json!({ "name": "Bob" })).data, "Hello, Bob!");
    let greeted =
        |kind: &str| host.events().into_iter().filter(|event| event.kind == kind).collect::<Vec<_>>();
    let names: Vec<Value> = greeted("hello_greeted").iter().map(|event| event.data["name"].clone()).collect();
    assert_eq!(names, ["Ada", "Bob"]);
    let _several = host.wait_for_events(5);
    assert!(greeted("hello_counted").len() >= 3);
    // Against its schema: the status is the answer, and the log says why.
    assert!(!host.call("hello_greet", &json!({ "name": "" })).success);
    assert!(host.log().iter().any(|line| line.message.starts_with("refused: event 'hello_greeted': name: ")));
    let store = host.stop().store;
    let host = setup().store(store).start().unwrap();
    assert_eq!(host.http("GET", "/hello/count", "").json(), json!({ "count": 3 }));
    host.stop();
}
