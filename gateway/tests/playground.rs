//! The page `/playground`: how it is served, its parts without a browser, and all of it in a real one.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};
use testkit::{Gateway, Options};

/// The scripts that Node.js runs.
const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/browser");
/// The pins of what they need.
const PINS: &str = include_str!("../../scripts/test-tools");
const SECRET: &str = "a secret of at least thirty-two bytes";

/// One endpoint of each kind; `/closed` and `/socket.io/` want tokens.
fn gateway() -> Gateway {
    let endpoints = r#"endpoint=[
        {path="/ws"},
        {path="/closed", auth="closed"},
        {path="/echo", dialect="echo"},
        {path="/socket.io/", transport="engineio", dialect="socketio", auth="closed", auto_join=["global"]},
        {path="/open/", transport="engineio", dialect="socketio",
            socketio={namespaces=["/", "/custom"], greeting="auth", answers={echo="echo-back"}}},
        {path="/engine.io/", transport="engineio", dialect="echo"},
        {path="/ws/connect", dialect="topics"},
        {path="/ws/events", dialect="stream"},
        {path="/ws/chat", dialect="envelope", auth="chat"},
        {path="/events", transport="sse", auth="asked"},
        {path="/poll", transport="poll"}]"#;
    let profile = format!(
        r#"auth.closed={{secret="{SECRET}", take_from=["first_frame", "payload", "query", "subprotocol"]}}"#
    );
    let chat = format!(r#"auth.chat={{secret="{SECRET}", take_from=["first_frame"]}}"#);
    let asked = format!(r#"auth.asked={{secret="{SECRET}"}}"#);
    Options::new()
        .set(&chat)
        .set(&asked)
        .set("plugins.parrot.enabled=true")
        .set("name=\"Try me\"")
        .set("shards=2")
        .set(&endpoints.replace('\n', ""))
        .set(&profile)
        .set(r#"room=[{prefix="", presence="anyone", cache="last", history={size=100, ttl="10m"}}]"#)
        .set("plugins.echo.calls=[]")
        .start(env!("CARGO_BIN_EXE_tidegate"))
}

fn token(from_now: i64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let claims = json!({ "sub": "u1", "exp": now.saturating_add_signed(from_now) });
    encode(&Header::default(), &claims, &EncodingKey::from_secret(SECRET.as_bytes())).unwrap()
}

/// The folder that `scripts/test-tools` installs into.
fn tools() -> PathBuf {
    let tools = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("tools").join("browser");
    for package in ["playwright-core", "axe-core"] {
        let manifest = std::fs::read_to_string(tools.join("node_modules").join(package).join("package.json"));
        let found: Value = serde_json::from_str(&manifest.unwrap_or_default()).unwrap_or_default();
        let pin = format!("{package}@{}", found["version"].as_str().unwrap_or_default());
        assert!(PINS.contains(&pin), "{package} is missing, or of another version: run scripts/test-tools");
    }
    assert!(Path::new("/usr/bin/chromium").exists(), "chromium is missing: run scripts/test-tools");
    tools
}

#[tokio::test]
async fn the_page_and_its_files_are_served_under_a_policy_that_lets_them_ask_nobody_else() {
    let gateway = gateway();
    for (path, content) in [
        ("/playground", "text/html; charset=utf-8"),
        ("/playground/", "text/html; charset=utf-8"),
        ("/playground/playground.css", "text/css; charset=utf-8"),
        ("/playground/main.js", "text/javascript; charset=utf-8"),
    ] {
        let answer = gateway.get(path).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(content)), "{path}");
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self';") && !policy.contains("unsafe"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("cache-control"), Some("no-cache"));
    }
    assert_eq!(gateway.get("/playground/other.js").await.status, 404);
    assert_eq!(gateway.request("POST", "/playground", None).await.header("allow"), Some("GET, HEAD"));
}

#[tokio::test]
async fn the_page_is_told_the_endpoints_that_it_can_reach_and_no_secret() {
    let answer = gateway().get("/playground/endpoints").await;
    let told = answer.json();
    let of = |path: &str| {
        let all = told["endpoints"].as_array().unwrap();
        all.iter().find(|one| one["path"] == path).unwrap_or_else(|| panic!("no {path} in {told}")).clone()
    };
    assert_eq!(told["name"], "Try me");
    let ws = json!({
        "path": "/ws", "transport": "websocket", "dialect": "rooms", "anonymous": true,
        "tokens": ["header", "query", "subprotocol"], "namespaces": [],
    });
    assert_eq!(of("/ws"), ws);
    let open = json!({
        "path": "/open/", "transport": "engineio", "dialect": "socketio", "anonymous": true,
        "tokens": ["header", "query", "subprotocol"], "namespaces": ["/", "/custom"],
    });
    assert_eq!(of("/open/"), open);
    let closed = of("/closed");
    assert_eq!(closed["anonymous"], false);
    assert_eq!(closed["tokens"], json!(["first_frame", "payload", "query", "subprotocol"]));
    assert!(!answer.body.contains(SECRET));
}

#[tokio::test]
async fn an_endpoint_is_left_out_that_no_page_of_the_gateway_can_reach() {
    let gateway = Options::new()
        .set(r#"listener=[{name="main", address="127.0.0.1:0"}, {name="apart", address="127.0.0.1:0", serves=["endpoints"]}]"#)
        .set(r#"endpoint=[{path="/ws", listener="main"}, {any=true, listener="apart"}]"#)
        .start(env!("CARGO_BIN_EXE_tidegate"));
    let told = gateway.get("/playground/endpoints").await.json();
    let paths: Vec<_> = told["endpoints"].as_array().unwrap().iter().map(|one| &one["path"]).collect();
    assert_eq!(paths, ["/ws"]);
}

#[test]
fn the_page_works_in_a_real_browser_by_mouse_keyboard_and_screen_reader() {
    let (gateway, tools) = (gateway(), tools());
    let shots = Path::new(env!("CARGO_TARGET_TMPDIR")).join("playground");
    let mut command = Command::new("node");
    let files = ["playground.test.mjs", "playground-wires.test.mjs", "playground-parts.test.mjs"];
    command.arg("--test").args(files).current_dir(SCRIPTS);
    command.env("GATEWAY", format!("http://{}", gateway.address()));
    command.env("TOOLS", tools).env("SHOTS", shots);
    command.env("GOOD", token(600)).env("EXPIRED", token(-600));
    let ended = command.output().expect("node is missing: run scripts/test-tools");
    let (out, err) = (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    assert!(ended.status.success(), "{out}\n{err}");
}
