//! The page `/docs`: how it is served, its parts without a browser, and all of it in a real one.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

use std::path::{Path, PathBuf};
use std::process::Command;

use testkit::{Answer, Gateway, Options, request};

/// The scripts that Node.js runs.
const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/browser");
/// The pins of what they need.
const PINS: &str = include_str!("../../scripts/test-tools");

/// The profile of a developer's machine, with the plugins that it names.
fn gateway() -> Gateway {
    let profile = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/immune.toml");
    Options::new().config(profile).start(env!("CARGO_BIN_EXE_tidegate"))
}

/// The folder that `scripts/test-tools` installs into.
fn tools() -> PathBuf {
    let tools = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("tools").join("browser");
    for package in ["playwright-core", "axe-core"] {
        let manifest = std::fs::read_to_string(tools.join("node_modules").join(package).join("package.json"));
        let found: serde_json::Value =
            serde_json::from_str(&manifest.unwrap_or_default()).unwrap_or_default();
        let pin = format!("{package}@{}", found["version"].as_str().unwrap_or_default());
        assert!(PINS.contains(&pin), "{package} is missing, or of another version: run scripts/test-tools");
    }
    tools
}

/// Runs test files with Node.js, which says what failed.
fn node(files: &[&str], surroundings: &[(&str, &str)]) {
    let mut command = Command::new("node");
    command.arg("--test").args(files).current_dir(SCRIPTS).envs(surroundings.iter().copied());
    let ended = command.output().expect("node is missing: run scripts/test-tools");
    let (out, err) = (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    assert!(ended.status.success(), "{files:?}\n{out}\n{err}");
}

async fn get(gateway: &Gateway, path: &str, known: &str) -> Answer {
    gateway.raw(request("GET", path, &[("If-None-Match", known)], None)).await
}

#[tokio::test]
async fn the_page_and_its_files_are_served_under_a_policy_that_lets_them_ask_nobody_else() {
    let gateway = gateway();
    for (path, content) in [
        ("/docs", "text/html; charset=utf-8"),
        ("/docs/", "text/html; charset=utf-8"),
        ("/docs/docs.css", "text/css; charset=utf-8"),
        ("/docs/main.js", "text/javascript; charset=utf-8"),
        ("/docs/icon.svg", "image/svg+xml"),
    ] {
        let answer = gateway.get(path).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(content)), "{path}");
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self';") && !policy.contains("unsafe"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("cache-control"), Some("no-cache"));
        let again = get(&gateway, path, answer.header("etag").unwrap()).await;
        assert_eq!((again.status, &*again.body), (304, ""), "{path}");
        assert_eq!(get(&gateway, path, "\"another\"").await.status, 200);
    }
    assert_eq!(gateway.get("/docs/other.js").await.status, 404);
    assert_eq!(gateway.request("HEAD", "/docs", None).await.body, "");
    assert_eq!(gateway.request("POST", "/docs", None).await.header("allow"), Some("GET, HEAD"));
}

#[test]
fn the_page_reads_schemas_and_documents_and_writes_requests_as_it_should() {
    node(&["parts.test.mjs", "schema.test.mjs"], &[]);
}

#[test]
fn the_page_works_in_a_real_browser_by_mouse_keyboard_and_screen_reader() {
    let (gateway, tools) = (gateway(), tools());
    assert!(Path::new("/usr/bin/chromium").exists(), "chromium is missing: run scripts/test-tools");
    let shots = Path::new(env!("CARGO_TARGET_TMPDIR")).join("docs-page");
    let url = format!("http://{}", gateway.address());
    node(
        &["reading.test.mjs", "trying.test.mjs", "access.test.mjs"],
        &[("GATEWAY", &url), ("TOOLS", tools.to_str().unwrap()), ("SHOTS", shots.to_str().unwrap())],
    );
}
