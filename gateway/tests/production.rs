//! `config/production.toml`: an example that a platform team can begin with.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::{Answer, Gateway, Options, exchange, request};

const SECRET: &str = "9d1f6a0c3b7e4825a6c9f0d2e4b8a7135c6d8e9f0a1b2c3d";
const KEY: &str = "tidegate-test-key-of-the-operator-0123456789";

fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/production.toml")
}

fn tidegate(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    command.current_dir(folder);
    command
}

/// A folder with certificates, as `tidegate certs` makes them.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    assert!(tidegate(folder.path()).arg("certs").output().unwrap().status.success());
    folder
}

fn hash() -> String {
    tidegate::identity::hash_of(KEY)
}

/// Ports that are free, so that none is in use by chance.
const PORTS: [&str; 4] =
    ["--set", "listener.main.address=0.0.0.0:0", "--set", "listener.operations.address=127.0.0.1:0"];

fn check(folder: &Path, more: impl FnOnce(&mut Command)) -> (Output, String) {
    let mut command = tidegate(folder);
    command.arg("check").arg("--config").arg(shipped()).args(PORTS);
    more(&mut command);
    let output = command.output().unwrap();
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output, said)
}

fn secrets(command: &mut Command) {
    command.env("TIDEGATE_AUTH__DEFAULT__SECRET", SECRET).env("TIDEGATE_API__KEYS__OPERATOR__HASH", hash());
}

#[test]
fn check_has_no_word_to_say_about_it_once_it_has_its_secrets() {
    let folder = folder();
    let (output, said) = check(folder.path(), secrets);
    assert!(output.status.success(), "{said}");
    assert!(!said.contains("warning") && !said.contains("error"), "{said}");
    let (_, printed) = check(folder.path(), |command| {
        secrets(command);
        command.arg("--print");
    });
    assert!(printed.contains("secret = \"***\"") && !printed.contains(SECRET), "{printed}");
}

#[test]
fn without_its_secrets_it_says_what_to_give() {
    let folder = folder();
    let (output, said) = check(folder.path(), |_| {});
    assert_eq!(output.status.code(), Some(64), "{said}");
    for name in ["TIDEGATE_AUTH__DEFAULT__SECRET", "TIDEGATE_API__KEYS__OPERATOR__HASH"] {
        assert!(said.contains(name), "{name} is not in {said}");
    }
    let (output, said) = check(folder.path(), |command| {
        secrets(command);
        command.env("TIDEGATE_AUTH__DEFAULT__SECRET", "development-secret-of-more-than-32-bytes");
    });
    assert_eq!(output.status.code(), Some(64), "{said}");
    assert!(said.contains("is a development secret, which is refused in production"), "{said}");
    let nowhere = tempfile::tempdir().unwrap();
    let (output, said) = check(nowhere.path(), secrets);
    assert_eq!(output.status.code(), Some(64), "{said}");
    assert!(said.contains("certs/server.pem cannot be read"), "{said}");
}

fn serve(folder: &Path) -> Gateway {
    let at = |file: &str| folder.join(file).display().to_string();
    Options::new()
        .config(shipped())
        .set(&format!("auth.default.secret={SECRET}"))
        .set(&format!("api.keys.operator.hash={}", hash()))
        .set(&format!("listener.main.tls.certificate={}", at("certs/server.pem")))
        .set(&format!("listener.main.tls.key={}", at("certs/server.key")))
        .set("listener.operations.address=127.0.0.1:0")
        .set(&format!("audit.file={}", at("audit.log")))
        .start(env!("CARGO_BIN_EXE_tidegate"))
}

async fn operations(gateway: &Gateway, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    exchange(gateway.addresses()[1], &request(method, path, headers, None)).await
}

fn token(claims: &Value) -> String {
    let key = jsonwebtoken::EncodingKey::from_secret(SECRET.as_bytes());
    jsonwebtoken::encode(&jsonwebtoken::Header::default(), claims, &key).unwrap()
}

#[tokio::test]
async fn it_starts_and_keeps_operators_and_clients_apart() {
    let folder = folder();
    let gateway = serve(folder.path());
    assert_eq!(operations(&gateway, "GET", "/metrics", &[]).await.status, 200);
    assert_eq!(operations(&gateway, "GET", "/health/ready", &[]).await.status, 200);
    assert_eq!(operations(&gateway, "GET", "/ws", &[]).await.status, 404);
    assert_eq!(operations(&gateway, "POST", "/admin/reload", &[]).await.status, 401);
    let bearer = format!("Bearer {KEY}");
    let reloaded = operations(&gateway, "POST", "/admin/reload", &[("authorization", &bearer)]).await;
    assert_eq!(reloaded.status, 200, "{reloaded:?}");
    let log = gateway.log();
    assert!(log.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{log}");
    assert!(gateway.terminate().success()); // with all that was to be audited written
    let audit = std::fs::read_to_string(folder.path().join("audit.log")).unwrap();
    assert!(audit.contains("\"refused\"") && !audit.contains(KEY), "{audit}");
}

#[tokio::test]
async fn it_lets_in_whose_token_is_right_in_every_respect() {
    let folder = folder();
    let gateway = serve(folder.path());
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let good = json!({
        "sub": "ada", "iat": now, "exp": now + 600, "iss": "https://issuer.example.com", "aud": "tidegate",
        "token_type": "access"
    });
    let pem = std::fs::read(folder.path().join("certs/ca.pem")).unwrap();
    let dialer = testkit::TlsDialer::trusting(&pem);
    let status = async |claims: &Value| {
        let stream = dialer.dial(gateway.address()).await.unwrap();
        let bearer = format!("Bearer {}", token(claims));
        let opened = testkit::Socket::open(stream, "wss://localhost/ws", &[("authorization", &bearer)]).await;
        opened.err().map(|refused| refused.0)
    };
    assert_eq!(status(&good).await, None);
    for (claim, value) in [
        ("iss", json!("https://else.example.com")),
        ("aud", json!("other")),
        ("token_type", json!("refresh")),
        ("exp", json!(now + 7200)),
        ("iat", Value::Null),
        ("sub", Value::Null),
    ] {
        let mut bad = good.clone();
        bad[claim] = value;
        assert_eq!(status(&bad).await, Some(401), "{claim}");
    }
}
