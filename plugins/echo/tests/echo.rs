//! The plugin in Rust, linked into the test and as the library that a gateway loads.
#![allow(clippy::unwrap_used, reason = "tests say what they expect by panicking, their helpers too")]

mod scenario;

use tidegate_echo::Echo;
use tidegate_plugin::abi;

#[test]
fn linked_into_the_test_it_does_what_an_echo_plugin_does() {
    let table = Box::leak(Box::new(tidegate_plugin::table::<Echo>()));
    scenario::play(table);
    scenario::command(table);
}

#[test]
fn the_manifest_names_this_version() {
    let manifest: serde_json::Value = serde_json::from_str(include_str!("../echo.json")).unwrap();
    assert_eq!(manifest["version"], env!("CARGO_PKG_VERSION"));
}

#[cfg(not(miri))]
#[test]
#[allow(unsafe_code, reason = "loads a library")]
fn as_a_library_it_exports_the_symbol_with_its_manifest() {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().unwrap().join("libtidegate_echo.so");
    // SAFETY: our own library, whose constructor only writes its manifest.
    let library = unsafe { libloading::Library::new(path) }.unwrap();
    // SAFETY: the symbol's type is given by the ABI, and the library stays loaded.
    let verified = unsafe {
        let symbol = library.get::<*const abi::Plugin>(abi::SYMBOL).unwrap();
        abi::Plugin::verify(*symbol).unwrap()
    };
    assert_eq!(verified.manifest, include_str!("../echo.json"));
    std::mem::forget(library);
    scenario::play(verified.table);
    scenario::command(verified.table);
}
