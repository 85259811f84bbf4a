//! Stock clients of other languages. `scripts/test-tools` installs them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::json;

use crate::{closed, start, token};

/// The scripts that Python and Node.js run.
const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients");

/// A folder that `scripts/test-tools` has filled.
fn tools(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("tools").join(name);
    assert!(folder.exists(), "{} is missing: run scripts/test-tools", folder.display());
    folder
}

/// Runs a script as user 7, to its end, which is to be a good one.
fn run(command: &mut Command, script: &str) {
    let gateway = start(closed());
    let token = token(&json!({ "user_id": 7, "scope": "publish" }));
    let command = command.arg(Path::new(SCRIPTS).join(script)).arg(gateway.address().to_string()).arg(token);
    let Output { status, stdout, stderr } =
        command.output().unwrap_or_else(|error| panic!("{command:?}: {error}: run scripts/test-tools"));
    let (out, err) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{script}\n{out}\n{err}");
}

#[test]
fn websockets_of_python_is_served() {
    run(&mut Command::new(tools("python").join("bin/python")), "python/topics.py");
}

#[test]
fn ws_of_node_is_served() {
    run(Command::new("node").env("TOOLS", tools("clients")), "node/topics.mjs");
}
