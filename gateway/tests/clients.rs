//! The clients that are shipped, in `clients/`: their own tests, against this gateway, in Node.js, Chromium and Python.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

use std::path::{Path, PathBuf};
use std::process::Command;

const CLIENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../clients");
/// The pins of what they need.
const PINS: &str = include_str!("../../scripts/test-tools");

/// The folder that `scripts/test-tools` installs into, with these packages of npm.
fn tools(packages: &[&str]) -> PathBuf {
    let tools = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("tools");
    for package in packages {
        let (folder, name) = package.split_once('/').unwrap();
        let manifest = tools.join(folder).join("node_modules").join(name).join("package.json");
        let manifest = std::fs::read_to_string(manifest).unwrap_or_default();
        let found: serde_json::Value = serde_json::from_str(&manifest).unwrap_or_default();
        let pin = format!("{name}@{}", found["version"].as_str().unwrap_or_default());
        assert!(PINS.contains(&pin), "{name} is missing, or of another version: run scripts/test-tools");
    }
    tools
}

/// Runs a program in the folder of a client; it says what failed.
fn run(command: &mut Command, client: &str, tools: &Path) {
    command.current_dir(Path::new(CLIENTS).join(client));
    command.env("TIDEGATE", env!("CARGO_BIN_EXE_tidegate")).env("TOOLS", tools);
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    let ended = command.output().expect("a program is missing: run scripts/test-tools");
    let (out, err) = (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    assert!(ended.status.success(), "{command:?}\n{out}\n{err}");
}

fn node(files: &[&str], tools: &Path) {
    run(Command::new("node").arg("--test").args(files), "js", tools);
}

/// A module of Python, as `python -m` runs it.
fn python(module: &str) -> (Command, PathBuf) {
    let tools = tools(&[]);
    let mut command = Command::new(tools.join("python/bin/python"));
    command.args(["-m", module]);
    (command, tools)
}

#[test]
fn the_client_for_browsers_goes_on_behind_lost_connections_and_killed_gateways_in_node() {
    let tools = tools(&["clients/ws"]);
    node(&["test/recovery.test.mjs", "test/connection.test.mjs"], &tools);
}

#[test]
fn the_client_for_browsers_asks_calls_and_shows_tokens_in_node() {
    let tools = tools(&["clients/ws"]);
    let files =
        ["rooms", "calls", "tokens", "events", "fallback"].map(|name| format!("test/{name}.test.mjs"));
    node(&files.each_ref().map(String::as_str), &tools);
}

#[test]
fn the_client_for_browsers_works_in_one() {
    assert!(Path::new("/usr/bin/chromium").exists(), "chromium is missing: run scripts/test-tools");
    node(&["test/browser.test.mjs"], &tools(&["browser/playwright-core", "clients/ws"]));
}

#[test]
fn the_client_for_browsers_is_small_typed_and_documented() {
    let tools = tools(&["clients/ws", "clients/typescript", "clients/esbuild"]);
    node(&["test/package.test.mjs", "test/readme.test.mjs"], &tools);
}

#[test]
fn the_client_for_python_keeps_the_same_promises() {
    let (mut pytest, tools) = python("pytest");
    run(pytest.args(["-q", "-p", "no:cacheprovider"]), "python", &tools);
}

#[test]
fn the_client_for_python_is_typed_and_tidy() {
    let (mut mypy, tools) = python("mypy");
    run(mypy.arg("--cache-dir").arg(Path::new(env!("CARGO_TARGET_TMPDIR")).join("mypy")), "python", &tools);
    run(python("ruff").0.args(["check", "--no-cache", "."]), "python", &tools);
    run(python("ruff").0.args(["format", "--no-cache", "--check", "."]), "python", &tools);
}
