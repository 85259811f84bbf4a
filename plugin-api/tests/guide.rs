//! The code in README.md is real: it is compiled and run here, and stands there to the letter.
#![allow(clippy::unwrap_used, reason = "tests say what they expect by panicking, their helpers too")]

#[path = "guide/hello.rs"]
#[allow(unreachable_pub, missing_docs, reason = "as a reader would write it")]
mod hello;

use hello::Hello;
use serde_json::json;
use tidegate_plugin::testing::TestHost;

const README: &str = include_str!("../README.md");

/// The blocks of that language in the README, in order.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("\n```{language}\n");
    README.split(fence.as_str()).skip(1).map(|rest| &rest[..=rest.find("\n```").unwrap()]).collect()
}

#[test]
fn it_greets_and_remembers_whom() {
    let host = TestHost::of::<Hello>().config(json!({ "greeting": "Hello" })).start().unwrap();
    assert_eq!(host.call("greet", &json!({ "name": "Ada" })).data, "Hello, Ada!");
    assert_eq!(host.http("GET", "/hello/Ada", "").json(), json!({ "name": "Ada", "times": 1 }));
    assert_eq!(host.http("GET", "/hello/Bob", "").status, 404);
    assert_eq!(host.events()[0].kind, "greeted");
    host.stop();
}

#[test]
fn the_readme_shows_the_plugin_its_manifest_and_its_test_as_they_are_run_here() {
    let hello = include_str!("guide/hello.rs").replace("tests/guide/hello.json", "hello.json");
    let rust = blocks("rust,ignore");
    assert_eq!(rust[0], hello);
    assert!(include_str!("guide.rs").contains(rust[1]), "{}", rust[1]);
    assert_eq!(blocks("json"), [include_str!("guide/hello.json")]);
}

#[cfg(not(miri))]
#[test]
#[allow(unsafe_code, reason = "loads a library")]
fn the_plugin_in_c_compiles_without_a_warning_and_answers() {
    use std::process::Command;
    use tidegate_plugin::abi;

    let folder = tempfile::tempdir().unwrap();
    let (source, library) = (folder.path().join("mirror.c"), folder.path().join("libmirror.so"));
    std::fs::write(&source, blocks("c")[0]).unwrap();
    let output = Command::new("cc")
        .args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared"])
        .arg(concat!("-I", env!("CARGO_MANIFEST_DIR"), "/include"))
        .arg(&source)
        .arg("-o")
        .arg(&library)
        .output()
        .unwrap_or_else(|e| panic!("`cc` cannot be run ({e}): install a C compiler"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // SAFETY: the library that was just built, which has no constructor.
    let library = unsafe { libloading::Library::new(library) }.unwrap();
    // SAFETY: the symbol's type is given by the ABI, and the library stays loaded.
    let verified =
        unsafe { abi::Plugin::verify(*library.get::<*const abi::Plugin>(abi::SYMBOL).unwrap()).unwrap() };
    std::mem::forget(library);
    let host = TestHost::of_table(verified.table).start().unwrap();
    let answer = host.call("mirror", &json!([1, "é"]));
    assert_eq!((answer.message.as_str(), answer.data), ("mirror", json!([1, "é"])));
    host.stop();
}
