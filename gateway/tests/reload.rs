//! The configuration is read again while connections go on: all of it that can be replaced is, or nothing.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use jsonwebtoken::{EncodingKey, Header};
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::{Answer, Gateway, Options, Refused, Signal, Socket};

const OLD: &str = "an old and long text that nobody would guess";
const NEW: &str = "a new and long text that nobody would guess!";

/// For a signal to be looked at.
const PATIENCE: Duration = Duration::from_secs(20);

/// A gateway and the file that it is configured by.
struct House {
    gateway: Gateway,
    file: PathBuf,
    _folder: TempDir,
}

impl House {
    fn with(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tidegate.toml");
        fs::write(&file, config).unwrap();
        let gateway = Options::new().config(&file).start(env!("CARGO_BIN_EXE_tidegate"));
        Self { gateway, file, _folder: folder }
    }

    async fn reload(&self, config: &str) -> Answer {
        fs::write(&self.file, config).unwrap();
        self.gateway.request("POST", "/admin/reload", None).await
    }

    async fn reloaded(&self, config: &str) -> Value {
        let answer = self.reload(config).await;
        assert_eq!(answer.status, 200, "{}", answer.json());
        answer.json()
    }
}

/// The API stays open, so that the test may ask for reloads.
fn secured(secret: &str) -> String {
    format!(
        "[auth.default]\nanonymous = true\n[auth.users]\nsecret = \"{secret}\"\nrequired = []\n\
         [[endpoint]]\npath = \"/ws\"\nauth = \"users\"\n"
    )
}

async fn enter(gateway: &Gateway, secret: &str) -> Result<Socket, Refused> {
    let key = EncodingKey::from_secret(secret.as_bytes());
    let token = jsonwebtoken::encode(&Header::default(), &json!({ "sub": "ada" }), &key).unwrap();
    let mut session = gateway.try_connect(&format!("/ws?token={token}"), &[]).await?;
    assert_eq!(session.next().await["data"]["user_id"], "ada");
    Ok(session)
}

async fn status(gateway: &Gateway, secret: &str) -> u16 {
    enter(gateway, secret).await.err().map_or(101, |refused| refused.0)
}

#[tokio::test]
async fn a_key_is_replaced_and_who_is_in_stays_in() {
    let house = House::with(&secured(OLD));
    let mut session = enter(&house.gateway, OLD).await.unwrap();
    let report = house.reloaded(&secured(NEW)).await;
    assert_eq!((&report["changed"], &report["needs_restart"]), (&json!(["auth.users"]), &json!([])));
    assert_eq!([status(&house.gateway, OLD).await, status(&house.gateway, NEW).await], [401, 101]);
    assert_eq!(session.ask(&json!({ "action": "ping" })).await["message"], "pong");
    assert!(!house.gateway.log().contains(NEW));
}

#[tokio::test]
async fn a_key_that_is_a_file_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    fs::write(&file, OLD).unwrap();
    let config = secured("x").replace("secret = \"x\"", &format!("secret_file = \"{}\"", file.display()));
    let house = House::with(&config);
    assert_eq!(status(&house.gateway, OLD).await, 101);
    fs::write(&file, NEW).unwrap();
    house.reloaded(&config).await;
    assert_eq!([status(&house.gateway, OLD).await, status(&house.gateway, NEW).await], [401, 101]);
}

#[tokio::test]
async fn rules_for_rooms_hold_for_sessions_that_are_there() {
    let house = House::with("");
    let mut session = house.gateway.connect("/ws").await;
    session.next().await;
    let join = |room: &str| json!({ "action": "join", "room": room });
    assert_eq!(session.ask(&join("news:1")).await["success"], true);
    let report = house.reloaded("[[room]]\nprefix = \"news:\"\njoin = \"nobody\"\n").await;
    assert_eq!(report["needs_restart"], json!([]));
    assert_eq!(session.ask(&join("news:2")).await["success"], false);
    assert_eq!(session.ask(&join("other")).await["success"], true);
}

#[tokio::test]
async fn a_room_that_rules_close_is_left_but_for_those_whom_others_have_put_there() {
    let own = "[[endpoint]]\npath = \"/ws\"\nauto_join = [\"news:own\"]\n\
               [[room]]\nprefix = \"put:\"\njoin = \"nobody\"\n";
    let house = House::with(own);
    let mut session = house.gateway.connect("/ws?client_id=one").await;
    session.next().await;
    let join =
        |room: &str, data: Value| json!({ "action": "join", "room": format!("news:{room}"), "data": data });
    for room in ["1", "2"] {
        assert_eq!(session.ask(&join(room, Value::Null)).await["success"], true);
    }
    let put = json!({ "room": "put:1" });
    assert_eq!(house.gateway.post("/api/v1/sessions/one/rooms", &put).await.status, 200);
    house.reloaded(&format!("{own}[[room]]\nprefix = \"news:\"\njoin = \"nobody\"\n")).await;
    let all = json!({ "since": { "epoch": "", "offset": 0 } });
    assert_eq!(session.ask(&join("1", all.clone())).await["success"], false, "nothing more to read");
    let is_in = async |room: &str| house.gateway.get(&format!("/api/v1/rooms/{room}")).await.status == 200;
    let left = async || while is_in("news:1").await || is_in("news:2").await {};
    tokio::time::timeout(PATIENCE, left()).await.unwrap();
    assert!(is_in("news:own").await && is_in("put:1").await);
    assert_eq!(session.ask(&join("own", all)).await["success"], true);
}

#[tokio::test]
async fn how_many_members_a_room_may_have_holds_for_rooms_that_are_there() {
    let config = |most: u32| format!("[[room]]\nprefix = \"news:\"\nmax_members = {most}\n");
    let house = House::with(&config(1));
    let join = async |session: &mut Socket| {
        session.ask(&json!({ "action": "join", "room": "news:1" })).await["success"] == true
    };
    let mut sessions = Vec::new();
    for _ in 0..3 {
        let mut session = house.gateway.connect("/ws").await;
        session.next().await;
        sessions.push(session);
    }
    assert!(join(&mut sessions[0]).await);
    assert!(!join(&mut sessions[1]).await);
    let report = house.reloaded(&config(2)).await;
    assert_eq!(report["changed"], json!(["room.news:.max_members"]));
    assert!(join(&mut sessions[1]).await);
    assert!(!join(&mut sessions[2]).await);
    house.reloaded(&config(1)).await;
    assert!(!join(&mut sessions[2]).await);
    assert_eq!(house.gateway.get("/api/v1/rooms/news:1").await.json()["members"], 2, "who is in stays in");
}

#[tokio::test]
async fn origins_hold_for_the_next_handshake() {
    let house = House::with("");
    let origin = [("origin", "https://app.example")];
    let status =
        async || house.gateway.try_connect("/ws", &origin).await.err().map_or(101, |refused| refused.0);
    assert_eq!(status().await, 403);
    let report = house.reloaded("[cors]\norigins = [\"https://app.example\"]\n").await;
    assert_eq!(report["changed"], json!(["cors.origins"]));
    assert_eq!(status().await, 101);
    house.reloaded("").await;
    assert_eq!(status().await, 403);
}

#[tokio::test]
async fn limits_are_replaced_and_what_was_used_counts_on() {
    let config = |burst: u32| {
        format!("[limits]\nexempt = []\nhandshakes = {{ per_address = \"{burst}/day\", burst = {burst} }}\n")
    };
    let house = House::with(&config(3));
    let mut sessions = Vec::new();
    for _ in 0..2 {
        sessions.push(house.gateway.connect("/ws").await);
    }
    house.reloaded(&config(2)).await;
    assert_eq!(house.gateway.try_connect("/ws", &[]).await.err().unwrap().0, 429);
    house.reloaded(&config(100)).await;
    house.gateway.connect("/ws").await;
}

#[tokio::test]
async fn how_many_may_connect_is_replaced() {
    let config = |most: u32| format!("[limits]\nconnections_per_address = {most}\nexempt = []\n");
    let house = House::with(&config(0));
    let mut first = house.gateway.connect("/ws").await;
    let _second = house.gateway.connect("/ws").await;
    let report = house.reloaded(&config(3)).await;
    assert_eq!(report["changed"], json!(["limits.connections_per_address"]));
    // What was open before a limit was set is counted, too; so is the connection that asked for it, until it is gone.
    let _third = loop {
        if let Ok(session) = house.gateway.try_connect("/ws", &[]).await {
            break session;
        }
    };
    assert_eq!(house.gateway.get("/health/live").await.status, 0);
    first.next().await;
    assert_eq!(first.ask(&json!({ "action": "ping" })).await["message"], "pong");
}

#[tokio::test]
async fn a_configuration_that_cannot_be_used_changes_nothing() {
    let house = House::with(&secured(OLD));
    for (wrong, key, words) in [
        ("[limits]\nmessage = 7.5\n".to_owned(), "limits.message", "size"),
        ("[limits\n".to_owned(), "", "expected"),
        (
            secured("short")
                .replace("secret = \"short\"", "keys = \"/no/such/file\"\nalgorithms = [\"RS256\"]"),
            "",
            "/no/such/file",
        ),
        (format!("{}[cors]\norigins=[\"*\"]\ncredentials = true\n", secured(NEW)), "cors", "credentials"),
    ] {
        let answer = house.reload(&wrong).await;
        let errors = answer.json()["errors"].clone();
        let error = errors.as_array().unwrap().iter().find(|error| {
            let loc: Vec<_> =
                error["loc"].as_array().unwrap().iter().skip(1).filter_map(Value::as_str).collect();
            loc.join(".").starts_with(key) && error["msg"].as_str().unwrap().contains(words)
        });
        assert!(answer.status == 409 && error.is_some(), "{wrong}: {} {errors}", answer.status);
        assert_eq!([status(&house.gateway, OLD).await, status(&house.gateway, NEW).await], [101, 401]);
    }
}

#[tokio::test]
async fn what_needs_a_restart_is_told_until_there_is_one() {
    let house = House::with("");
    let config = "name = \"Other\"\n[limits]\nmessage = \"1 MiB\"\n[log]\nlevel = \"debug\"\n";
    let first = house.reloaded(config).await;
    assert_eq!(first["changed"], json!(["log.level"]));
    assert_eq!(first["needs_restart"], json!(["limits.message", "name"]));
    let second = house.reloaded(config).await;
    assert_eq!((&second["changed"], &second["needs_restart"]), (&json!([]), &first["needs_restart"]));
    assert_eq!(house.gateway.get("/").await.json()["name"], "Tidegate");
}

#[tokio::test]
async fn a_signal_reloads_as_well() {
    let house = House::with("");
    let denied = async || {
        let mut session = house.gateway.connect("/ws").await;
        session.next().await;
        session.ask(&json!({ "action": "join", "room": "r" })).await["success"] == false
    };
    fs::write(&house.file, "[[room]]\njoin = \"nobody\"\n").unwrap();
    house.gateway.signal(Signal::HUP);
    tokio::time::timeout(PATIENCE, async { while !denied().await {} }).await.unwrap();
    assert!(house.gateway.log().contains("room."), "{}", house.gateway.log());
}

#[tokio::test]
async fn a_reload_needs_the_scope_admin() {
    let config = format!("[auth.default]\nanonymous = false\nsecret = \"{OLD}\"\nrequired = []\n");
    let house = House::with(&config);
    assert_eq!(house.reload(&config).await.status, 401);
}
