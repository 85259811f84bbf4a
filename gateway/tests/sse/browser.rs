//! The EventSource of a real browser.

use std::path::Path;
use std::process::Command;

use crate::{options, start};

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/browser");

#[test]
fn event_source_reads_events_and_comes_again_from_where_it_was() {
    let gateway = start(options());
    let tools = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("tools").join("browser");
    let installed = Path::new("/usr/bin/chromium").exists() && tools.join("node_modules").exists();
    assert!(installed, "chromium or playwright-core is missing: run scripts/test-tools");
    let ended = Command::new("node")
        .args(["--test", "eventsource.test.mjs"])
        .current_dir(SCRIPTS)
        .env("GATEWAY", format!("http://{}", gateway.address()))
        .env("TOOLS", tools)
        .output()
        .expect("node is missing: run scripts/test-tools");
    let (out, err) = (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    assert!(ended.status.success(), "{out}\n{err}");
}
