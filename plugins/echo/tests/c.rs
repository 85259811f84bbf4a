//! The plugin in C: built by the system's compiler, against the header of ABI 1.0 as it was kept and against that of now, it does the same.
#![allow(clippy::unwrap_used, reason = "tests say what they expect by panicking, their helpers too")]
#![cfg(not(miri))]
#![allow(unsafe_code, reason = "loads a library")]

mod scenario;

use std::path::Path;
use std::process::Command;

use tidegate_plugin::abi;

#[test]
fn a_plugin_in_c_does_what_the_one_in_rust_does() {
    let table = built("abi/1.0");
    scenario::play(table);
}

#[test]
fn built_against_the_header_of_now_it_has_commands_too() {
    scenario::command(built("include"));
}

/// The library, built against the header in that folder of the plugin API, and loaded.
fn built(include: &str) -> &'static abi::Plugin {
    let plugins = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let library = folder.path().join("libecho-c.so");
    let output = Command::new("make")
        .current_dir(plugins.join("echo-c"))
        .arg(format!("OUT={}", library.display()))
        .arg(format!("INCLUDE=../../plugin-api/{include}"))
        .output()
        .unwrap_or_else(|e| panic!("`make` cannot be run ({e}): install make and a C compiler"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // SAFETY: our own library, which has no constructor.
    let library = unsafe { libloading::Library::new(library) }.unwrap();
    // SAFETY: the symbol's type is given by the ABI, and the library stays loaded.
    let verified = unsafe {
        let symbol = library.get::<*const abi::Plugin>(abi::SYMBOL).unwrap();
        abi::Plugin::verify(*symbol).unwrap()
    };
    let parse = |json| serde_json::from_str::<serde_json::Value>(json).unwrap();
    assert_eq!(parse(verified.manifest), parse(include_str!("../echo.json")));
    std::mem::forget(library);
    verified.table
}
