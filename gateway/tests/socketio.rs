//! Socket.IO: entering a namespace, its requests, its events.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

#[path = "socketio/recovery.rs"]
mod recovery;
#[path = "socketio/stock.rs"]
mod stock;

use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};
use testkit::{Gateway, Options, Socket};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tidegate");
const SECRET: &str = "a secret of at least thirty-two bytes";

/// A gateway with Socket.IO for users with tokens at `/socket.io/`, for anybody at `/open/`, and JSON rooms at `/ws`.
fn gateway(more: &[&str]) -> Gateway {
    options(more).start(PROGRAM)
}

fn options(more: &[&str]) -> Options {
    let endpoints = r#"endpoint=[
        {path="/socket.io/", transport="engineio", dialect="socketio", auth="projects", auto_join=["user:{user_id}", "global"]},
        {path="/ws/socket.io/", transport="engineio", dialect="socketio", auth="projects", auto_join=["global"]},
        {path="/open/", transport="engineio", dialect="socketio",
            socketio={namespaces=["/", "/custom"], greeting="auth", answers={echo="echo-back"}}},
        {path="/ws"}]"#;
    let profile = format!(
        r#"auth.projects={{secret="{SECRET}", required=["sub","exp","iat"], claims={{token_type="access"}}, take_from=["payload","query","header"]}}"#
    );
    let rooms = r#"room=[{prefix="user:", join="owner"}, {prefix="global"}, {prefix="project:", join="authenticated"},
        {prefix="", join="nobody"}]"#;
    let options = Options::new()
        .set("shards=2")
        .set(&endpoints.replace('\n', ""))
        .set(&profile)
        .set(&rooms.replace('\n', ""))
        .set("plugins.echo.calls=[]");
    more.iter().fold(options, |options, setting| options.set(setting))
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn token(user: &str, exp: u64) -> String {
    let claims = json!({"sub": user, "token_type": "access", "iat": now() - 7200, "exp": exp});
    encode(&Header::default(), &claims, &EncodingKey::from_secret(SECRET.as_bytes())).unwrap()
}

async fn connection(gateway: &Gateway, path: &str) -> Socket {
    let mut socket = gateway.connect(&format!("{path}?EIO=4&transport=websocket")).await;
    assert!(socket.next_text().await.starts_with('0'));
    socket
}

/// The next packet without its prefix.
async fn packet(socket: &mut Socket, prefix: &str) -> Value {
    let text = socket.next_text().await;
    let rest = text.strip_prefix(prefix).unwrap_or_else(|| panic!("{text:?} does not begin with {prefix:?}"));
    serde_json::from_str(rest).unwrap()
}

/// A client of `user` in the namespace `/ws`.
async fn client(gateway: &Gateway, user: &str) -> Socket {
    let mut socket = connection(gateway, "/socket.io/").await;
    socket.send_text(&format!("40/ws,{}", json!({"token": token(user, now() + 60)}))).await;
    packet(&mut socket, "40/ws,").await;
    packet(&mut socket, "42/ws,").await;
    socket
}

async fn publish(gateway: &Gateway, event: Value) {
    let answer = gateway.post("/api/v1/publish", &event).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[tokio::test]
async fn who_enters_with_a_token_is_told_so_and_is_in_its_rooms() {
    let gateway = gateway(&[]);
    let mut socket = connection(&gateway, "/socket.io/").await;
    socket.send_text(&format!("40/ws,{}", json!({"token": token("u1", now() + 60)}))).await;
    let entered = packet(&mut socket, "40/ws,").await;
    let established = packet(&mut socket, "42/ws,").await;
    let (sid, told) = (&entered["sid"], &established[1]);
    let wanted = json!(["connection_established", {
        "type": "connection.established",
        "timestamp": told["timestamp"],
        "source": null,
        "data": {"connection_id": sid, "user_id": "u1", "timestamp": told["timestamp"], "protocol_version": "1.0"},
    }]);
    assert_eq!(established, wanted);
    publish(&gateway, json!({"user": "u1", "event_type": "alert_triggered", "data": {"n": 1}})).await;
    let event = packet(&mut socket, "42/ws,").await;
    assert_eq!(event[0], "alert_triggered");
    let told = &event[1];
    let wanted =
        json!({"type": "alert_triggered", "timestamp": told["timestamp"], "data": {"n": 1}, "source": "api"});
    assert_eq!((told, event.as_array().unwrap().len()), (&wanted, 2));
}

#[tokio::test]
async fn tokens_are_taken_from_the_payload_the_query_and_the_header() {
    let gateway = gateway(&[]);
    let good = token("u1", now() + 60);
    let mut by_query = gateway.connect(&format!("/socket.io/?EIO=4&transport=websocket&token={good}")).await;
    let headers = [("authorization", format!("Bearer {good}"))];
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut by_header = gateway.try_connect("/socket.io/?EIO=4&transport=websocket", &headers).await.unwrap();
    for (socket, said) in [(&mut by_query, "40/ws,"), (&mut by_header, r#"40/ws,["no object"]"#)] {
        socket.next_text().await;
        socket.send_text(said).await;
        assert!(packet(socket, "40/ws,").await["sid"].is_string());
    }
}

#[tokio::test]
async fn who_cannot_enter_is_told_why() {
    let gateway = gateway(&[]);
    let rejected = |code: &str| json!({"message": "Connection rejected by server", "data": {"code": code}});
    let mut socket = connection(&gateway, "/socket.io/").await;
    for (said, code) in [
        ("{}".to_owned(), "AUTH_MISSING"),
        ("null".to_owned(), "AUTH_MISSING"),
        (json!({"token": "nonsense"}).to_string(), "AUTH_FAILED"),
        (json!({"token": token("u1", now() - 3600)}).to_string(), "AUTH_EXPIRED"),
    ] {
        socket.send_text(&format!("40/ws,{said}")).await;
        assert_eq!(packet(&mut socket, "44/ws,").await, rejected(code), "{said}");
    }
    for name in ["/", "/other"] {
        let prefix = if name == "/" { String::new() } else { format!("{name},") };
        socket.send_text(&format!("40{prefix}")).await;
        assert_eq!(
            packet(&mut socket, &format!("44{prefix}")).await,
            json!({"message": "Invalid namespace"})
        );
    }
    // It may try again, and is not heard before it is in.
    socket.send_text(r#"42/ws,1["ping"]"#).await;
    socket.send_text(&format!("40/ws,{}", json!({"token": token("u1", now() + 60)}))).await;
    assert!(packet(&mut socket, "40/ws,").await["sid"].is_string());
}

#[tokio::test]
async fn who_does_not_enter_is_let_go() {
    let gateway = gateway(&["limits.unauthenticated.timeout=\"500ms\""]);
    connection(&gateway, "/socket.io/").await.closed().await;
}

#[tokio::test]
async fn requests_are_acknowledged_as_the_table_says() {
    let gateway = gateway(&[]);
    let mut socket = client(&gateway, "u1").await;
    let denied = json!([{"status": "error", "message": "Access denied"}]);
    let nameless = json!([{"status": "error", "message": "Room not specified"}]);
    let success = |room: &str| json!([{"status": "success", "room": room}]);
    for (said, wanted) in [
        (r#"["subscribe",{"room":"project:7"}]"#, success("project:7")),
        (r#"["subscribe",{"room":"user:u1"}]"#, success("user:u1")),
        (r#"["subscribe",{"room":"global"}]"#, success("global")),
        (r#"["subscribe",{"room":"user:u2"}]"#, denied.clone()),
        (r#"["subscribe",{"room":"whatever"}]"#, denied),
        (r#"["subscribe",{"room":""}]"#, nameless.clone()),
        (r#"["subscribe",{"room":7}]"#, nameless.clone()),
        (r#"["subscribe",{}]"#, nameless.clone()),
        (r#"["subscribe"]"#, nameless.clone()),
        (r#"["unsubscribe",{"room":"project:7"}]"#, success("project:7")),
        (r#"["unsubscribe",{"room":"never"}]"#, success("never")),
        (r#"["unsubscribe",{}]"#, nameless),
        (r#"["ping",{"t":1}]"#, json!([{"status": "pong"}])),
        (r#"["ping"]"#, json!([{"status": "pong"}])),
        (r#"["echo",{"a":[1]}]"#, json!([{"a": [1]}])),
        (r#"["echo",1,"2",[3]]"#, json!([1, "2", [3]])),
        (r#"["echo",[1,2]]"#, json!([[1, 2]])),
    ] {
        socket.send_text(&format!("42/ws,12{said}")).await;
        assert_eq!(packet(&mut socket, "43/ws,12").await, wanted, "{said}");
    }
    // Without an id nothing is acknowledged, and a name that nobody knows is not answered at all.
    for silent in [
        r#"42/ws,["ping"]"#,
        r#"42/ws,["subscribe",{"room":"x"}]"#,
        r#"42/ws,9["nobodys",1]"#,
        r#"42/ws,["echo",1]"#,
    ] {
        socket.send_text(silent).await;
    }
    socket.send_text(r#"42/ws,13["ping"]"#).await;
    assert_eq!(packet(&mut socket, "43/ws,13").await, json!([{"status": "pong"}]));
}

#[tokio::test]
async fn an_event_to_several_of_its_rooms_comes_once() {
    let gateway = gateway(&[]);
    let mut socket = client(&gateway, "u1").await;
    socket.send_text(r#"42/ws,1["subscribe",{"room":"project:7"}]"#).await;
    packet(&mut socket, "43/ws,1").await;
    let rooms = json!(["project:7", "global", "user:u1"]);
    publish(&gateway, json!({"rooms": rooms, "event_type": "alert_triggered", "data": {"n": 1}})).await;
    publish(&gateway, json!({"room": "global", "event_type": "alert_triggered", "data": {"n": 2}})).await;
    for n in 1..=2 {
        assert_eq!(packet(&mut socket, "42/ws,").await[1]["data"]["n"], n);
    }
}

#[tokio::test]
async fn namespaces_of_one_connection_are_left_one_by_one() {
    let gateway = gateway(&[]);
    let mut socket = connection(&gateway, "/open/").await;
    for (said, entered, auth) in [
        (r#"40{"a":1}"#, "40", r#"42["auth",{"a":1}]"#),
        ("40/custom,", "40/custom,", r#"42/custom,["auth",{}]"#),
    ] {
        socket.send_text(said).await;
        assert!(packet(&mut socket, entered).await["sid"].is_string());
        assert_eq!(socket.next_text().await, auth);
    }
    publish(&gateway, json!({"event_type": "alert_triggered", "data": 1})).await;
    assert_eq!(packet(&mut socket, "42").await[0], "alert_triggered");
    socket.send_text("41/custom,").await;
    socket.send_text(r#"42/custom,5["echo",1]"#).await; // it is not there any more
    socket.send_text(r#"42["echo",1,"2"]"#).await;
    assert_eq!(packet(&mut socket, "42").await, json!(["echo-back", 1, "2"]));
    socket.send_text("41").await;
    socket.send_text("40/nowhere").await;
    packet(&mut socket, "44/nowhere,").await;
    publish(&gateway, json!({"event_type": "alert_triggered", "data": 2})).await;
    socket.send_text("40").await;
    assert!(packet(&mut socket, "40").await["sid"].is_string(), "nothing came while it was nowhere");
    assert_eq!(socket.next_text().await, r#"42["auth",{}]"#);
    publish(&gateway, json!({"event_type": "alert_triggered", "data": 3})).await;
    assert_eq!(packet(&mut socket, "42").await[1]["data"], 3);
}

#[tokio::test]
async fn binary_arguments_go_to_a_call_and_back() {
    let gateway = gateway(&[]);
    let mut wire = gateway.wire("/open/?EIO=4&transport=websocket").await;
    wire.next().await;
    wire.send_text("40").await;
    wire.next().await;
    wire.next().await;
    wire.send_text(r#"452-789["echo",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#).await;
    for bytes in [[1, 2, 3], [4, 5, 6]] {
        wire.send(0x82, &bytes).await;
    }
    let text = wire.next().await;
    assert_eq!(text.payload, br#"462-789[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#);
    for bytes in [[1, 2, 3], [4, 5, 6]] {
        assert_eq!(wire.next().await.payload, bytes);
    }
}

#[tokio::test]
async fn what_is_no_packet_ends_the_connection() {
    let gateway = gateway(&[]);
    for bad in ["4abc", "42{}", r#"42abc["echo",1]"#, r#"451-["echo"#, "47"] {
        let mut socket = connection(&gateway, "/open/").await;
        socket.send_text("40").await;
        socket.next_text().await;
        socket.next_text().await;
        socket.send_text(bad).await;
        socket.closed().await;
    }
    let mut socket = connection(&gateway, "/open/").await;
    socket.send_binary(b"an attachment of nothing").await;
    socket.closed().await;
}

#[tokio::test]
async fn who_is_closed_for_good_is_put_out_first_so_that_it_stays_away() {
    let gateway = gateway(&[]);
    let mut socket = client(&gateway, "u1").await;
    let sessions = gateway.get("/api/v1/sessions").await.json();
    let id = sessions["sessions"].as_array().unwrap().iter().find(|one| one["user_id"] == "u1").unwrap()["connection_id"].clone();
    gateway.request("DELETE", &format!("/api/v1/sessions/{}", id.as_str().unwrap()), None).await;
    assert_eq!(socket.next_text().await, "41/ws,");
    assert_eq!(socket.next_text().await, "1");
    assert_eq!(socket.closed().await.0, 1008);
}
