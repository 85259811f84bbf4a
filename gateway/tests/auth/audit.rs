//! The audit log: who did what, and never what was said.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::{Gateway, Options, Signal};

use crate::issuer::token;
use crate::{claims, closed, enter, entered, send, send_as, start};

/// The folder of the log goes with it.
struct Audited {
    gateway: Gateway,
    folder: TempDir,
}

impl Audited {
    fn new(set: impl FnOnce(Options) -> Options) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("audit.log");
        let options = closed().set("shards=2").set(&format!("audit.file={}", file.display()));
        Self { gateway: start(set(options)), folder }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("audit.log")
    }

    /// The first line of such an event that `fits`, once it is there.
    async fn line(&self, event: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let lines = lines(&self.file());
            if let Some(line) = lines.iter().find(|line| line["event"] == event && fits(line)) {
                return line.clone();
            }
            assert!(Instant::now() < deadline, "{event} is not among {lines:#?}");
            tokio::task::yield_now().await;
        }
    }
}

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    // The last one may be on its way.
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn what_a_session_does_is_told_with_who_it_is_and_from_where() {
    let audited =
        Audited::new(|options| options.set("room=[{prefix=\"\"}, {prefix=\"staff:\", join=\"role:staff\"}]"));
    let gateway = &audited.gateway;
    let ada = token(&claims("ada", json!({ "roles": ["editor"] })));
    let (mut socket, _) = entered(gateway, "/ws?client_id=one", &ada).await;
    let connected = audited.line("connected", |_| true).await;
    assert_eq!(
        (&connected["user"], &connected["proof"], &connected["session"], &connected["endpoint"]),
        (&json!("ada"), &json!("token"), &json!("one"), &json!("/ws"))
    );
    assert_eq!((&connected["address"], &connected["listener"]), (&json!("127.0.0.1"), &json!("main")));
    assert!(connected["request_id"].as_str().unwrap().len() > 10 && connected["time"].is_string());
    audited.line("joined", |line| line["target"] == "role:editor").await;
    socket.ask(&json!({ "action": "join", "room": "news" })).await;
    let joined = audited.line("joined", |line| line["target"] == "news").await;
    assert_eq!((&joined["user"], &joined["request_id"]), (&json!("ada"), &connected["request_id"]));
    socket.ask(&json!({ "action": "join", "room": "staff:1" })).await;
    let denied = audited.line("join_denied", |line| line["target"] == "staff:1").await;
    assert_eq!((&denied["outcome"], &denied["session"]), (&json!("denied"), &json!("one")));
    socket.ask(&json!({ "action": "auth", "data": { "token": "x.y.z" } })).await;
    let refused = audited.line("token_refused", |line| line["session"] == "one").await;
    assert_eq!(refused["outcome"], "malformed");
    drop(socket);
    assert_eq!(audited.line("disconnected", |_| true).await["session"], "one");
    assert_eq!(gateway.metric("tidegate_auth_failures_total{reason=\"forbidden\"}").await, 1.0);
}

#[tokio::test]
async fn what_is_done_over_http_is_told() {
    let audited = Audited::new(|options| options);
    let gateway = &audited.gateway;
    let root = token(&claims("root", json!({ "scope": "publish admin" })));
    let ada = token(&claims("ada", json!({})));
    let (_one, _) = entered(gateway, "/ws?client_id=one", &ada).await;
    let (_two, _) = entered(gateway, "/ws?client_id=two", &ada).await;
    let post = async |path: &str, body: Value| send_as(gateway, &root, "POST", path, Some(&body)).await;
    let event = json!({ "rooms": ["a", "b"], "event_type": "error", "data": "hush", "id": "e-1" });
    assert_eq!(post("/api/v1/publish", event).await.status, 200);
    for room in ["a", "b"] {
        let line = audited.line("published", |line| line["target"] == room).await;
        assert_eq!(
            (&line["user"], &line["event_type"], &line["id"]),
            (&json!("root"), &json!("error"), &json!("e-1"))
        );
    }
    post("/ws/broadcast?event_type=alert_triggered&room=c", json!({ "hush": true })).await;
    audited.line("published", |line| line["target"] == "c").await;
    post("/api/v1/sessions/one/rooms", json!({ "room": "put" })).await;
    let put = audited.line("joined", |line| line["target"] == "put").await;
    assert_eq!((&put["user"], &put["session"]), (&json!("root"), &json!("one")));
    send_as(gateway, &root, "DELETE", "/api/v1/sessions/one/rooms/put", None).await;
    audited.line("room_left", |line| line["target"] == "put").await;
    send_as(gateway, &root, "DELETE", "/api/v1/sessions/one", None).await;
    audited.line("session_closed", |line| line["session"] == "one").await;
    send_as(gateway, &root, "DELETE", "/api/v1/users/ada", None).await;
    audited.line("session_closed", |line| line["target"] == "user:ada").await;
    post("/api/v1/tokens/revoke", json!({ "jti": "t-1" })).await;
    audited.line("revoked", |line| line["target"] == "token:t-1" && line["user"] == "root").await;
    post("/api/v1/plugins/nope/stop", json!({})).await;
    audited.line("plugin_stop", |line| line["target"] == "nope" && line["outcome"] == "failed").await;
    let text = std::fs::read_to_string(audited.file()).unwrap();
    assert!(!text.contains("hush") && !text.contains(&root), "{text}");
}

#[tokio::test]
async fn whoever_is_refused_is_told_of_and_why() {
    let audited = Audited::new(|options| {
        options.set("limits.exempt=[]").set("limits.requests={per_address=\"5/h\", burst=5}")
    });
    let gateway = &audited.gateway;
    let reader = token(&claims("ada", json!({ "scope": "read" })));
    assert_eq!(enter(gateway, "/ws?token=hush", "x.y.z").await.err(), Some(401));
    let line = audited.line("token_refused", |line| line["outcome"] == "malformed").await;
    assert_eq!((&line["target"], &line["address"]), (&json!("/ws"), &json!("127.0.0.1")), "and no query");
    gateway.get("/api/v1/rooms?token=hush").await;
    audited.line("token_refused", |line| line["target"] == "/api/v1/rooms").await;
    gateway.get("/api/v1/rooms").await;
    let nobody = audited.line("refused", |line| line["outcome"] == "missing").await;
    assert!(nobody.get("user").is_none() && nobody.get("proof").is_none(), "{nobody}");
    send_as(gateway, &reader, "DELETE", "/api/v1/users/bob", None).await;
    let forbidden = audited.line("refused", |line| line["outcome"] == "forbidden").await;
    assert_eq!(forbidden["user"], "ada");
    send(gateway, "POST", "/api/v1/publish", &[("origin", "https://evil.example")], Some(&json!({}))).await;
    audited.line("refused", |line| line["outcome"] == "origin").await;
    for _ in 0..6 {
        gateway.get("/health/live").await;
    }
    audited.line("refused", |line| line["outcome"] == "rate").await;
    assert!(!std::fs::read_to_string(audited.file()).unwrap().contains("hush"));
}

#[tokio::test]
async fn the_log_outlives_its_rotation_and_ends_with_the_gateway() {
    let audited = Audited::new(|options| options);
    audited.line("started", |_| true).await;
    let mode = std::fs::metadata(audited.file()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let moved = audited.folder.path().join("audit.log.1");
    std::fs::rename(audited.file(), &moved).unwrap();
    audited.gateway.signal(Signal::HUP);
    let deadline = Instant::now() + Duration::from_secs(10);
    while !audited.file().exists() {
        assert!(Instant::now() < deadline, "it is not opened anew");
        tokio::task::yield_now().await;
    }
    let Audited { gateway, folder } = audited;
    assert!(gateway.terminate().success());
    let last = lines(&folder.path().join("audit.log"));
    assert_eq!(last.last().unwrap()["event"], "stopped");
    assert_eq!(lines(&moved)[0]["event"], "started");
}
