//! Inboxes: who comes back, from wherever, gets what came after the last event that its user has acknowledged.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

use std::path::Path;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::{Gateway, Options, Socket};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tidegate");
const ROOM: &str = "user:ada";
const SECRET: &str = "5f2c9a81b7d34e60a1c8f09b6e7d2a43";

fn start(data: &Path, size: u32) -> Gateway {
    let history = format!("history={{size={size},ttl=\"1h\",durable=true,fsync=\"always\"}}");
    Options::new()
        .data(data)
        .set("shards=2")
        .set(&format!("room=[{{prefix=\"user:\",join=\"owner\",inbox=true,{history}}}]"))
        .set(&format!("auth.default.secret={SECRET}"))
        .set("endpoint.0.auto_join=[\"user:{user_id}\"]")
        .start(PROGRAM)
}

/// A session of the user, which has had its welcome.
async fn session(gateway: &Gateway, user: &str) -> Socket {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let claims = json!({ "sub": user, "iat": now, "exp": now + 60 });
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).unwrap();
    let mut session = gateway.connect(&format!("/ws?token={token}")).await;
    assert_eq!(session.next().await["event_type"], "connected");
    session
}

async fn send(gateway: &Gateway, number: u64) {
    let event = json!({ "room": ROOM, "event_type": "alert_triggered", "data": { "n": number } });
    let answer = gateway.post("/api/v1/publish", &event).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

async fn expect(session: &mut Socket, numbers: std::ops::Range<u64>) -> Value {
    let mut last = Value::Null;
    for number in numbers {
        let event = session.next().await;
        assert_eq!((&event["data"]["n"], &event["room"]), (&json!(number), &json!(ROOM)));
        last = json!({ "epoch": event["epoch"], "offset": event["offset"] });
    }
    last
}

async fn ack(session: &mut Socket, at: &Value) -> Value {
    session.ask(&json!({ "action": "ack", "room": ROOM, "data": at })).await
}

#[tokio::test]
async fn what_was_not_acknowledged_comes_again_wherever_the_user_comes_from() {
    let data = TempDir::new().unwrap();
    let gateway = start(data.path(), 1000);
    for number in 0..5 {
        send(&gateway, number).await;
    }
    let mut phone = session(&gateway, "ada").await;
    expect(&mut phone, 0..3).await;
    let third = json!({ "epoch": expect(&mut phone, 3..5).await["epoch"], "offset": 3 });
    let reply = ack(&mut phone, &third).await;
    assert_eq!(reply["message"], "Acknowledged");
    assert_eq!(reply["data"], json!({ "room": ROOM, "epoch": third["epoch"], "offset": 3 }));
    drop(phone);

    gateway.kill();
    let gateway = start(data.path(), 1000);
    let mut laptop = session(&gateway, "ada").await;
    let last = expect(&mut laptop, 3..5).await;
    // What comes meanwhile follows, and to each of its sessions.
    let mut phone = session(&gateway, "ada").await;
    expect(&mut phone, 3..5).await;
    send(&gateway, 5).await;
    expect(&mut laptop, 5..6).await;
    expect(&mut phone, 5..6).await;
    assert_eq!(ack(&mut laptop, &last).await["success"], true);
    drop((laptop, phone));
    expect(&mut session(&gateway, "ada").await, 5..6).await;
}

#[tokio::test]
async fn a_cursor_never_goes_back_and_is_one_of_the_room() {
    let data = TempDir::new().unwrap();
    let gateway = start(data.path(), 1000);
    for number in 0..4 {
        send(&gateway, number).await;
    }
    let mut ada = session(&gateway, "ada").await;
    let last = expect(&mut ada, 0..4).await;
    let at = |offset: u64| json!({ "epoch": last["epoch"], "offset": offset });
    for (asked, kept) in [(2, 2), (1, 2), (4, 4), (0, 4)] {
        assert_eq!(ack(&mut ada, &at(asked)).await["data"]["offset"], kept);
    }
    for wrong in [at(5), json!({ "epoch": "0000000000000001", "offset": 1 })] {
        let reply = ack(&mut ada, &wrong).await;
        assert_eq!(
            (&reply["success"], &reply["message"]),
            (&json!(false), &json!("No event of this room has this cursor"))
        );
    }
    for (data, message) in [
        (json!({}), "Error processing message: data.epoch: expected the epoch of an event"),
        (json!({ "epoch": 7, "offset": 1 }), "Error processing message: data.epoch: expected a string"),
        (at(0)["epoch"].clone(), "Error processing message: data: expected an object"),
        (
            json!({ "epoch": "1f", "offset": -1 }),
            "Error processing message: data.offset: expected the offset of an event",
        ),
    ] {
        assert_eq!(ack(&mut ada, &data).await["message"], message);
    }
    let others =
        session(&gateway, "bob").await.ask(&json!({ "action": "ack", "room": ROOM, "data": at(1) })).await;
    assert_eq!(others["message"], "Only its user may acknowledge events of an inbox");
}

#[tokio::test]
async fn what_is_gone_before_the_user_came_is_told() {
    let data = TempDir::new().unwrap();
    let gateway = start(data.path(), 3);
    send(&gateway, 0).await;
    let mut ada = session(&gateway, "ada").await;
    let first = expect(&mut ada, 0..1).await;
    assert_eq!(ack(&mut ada, &first).await["success"], true);
    drop(ada);
    for number in 1..8 {
        send(&gateway, number).await;
    }
    let mut ada = session(&gateway, "ada").await;
    let gap = ada.next().await;
    assert_eq!((&gap["event_type"], &gap["data"]["room"]), (&json!("gap"), &json!(ROOM)));
    let between = (&gap["data"]["from"]["offset"], &gap["data"]["to"]["offset"], &gap["data"]["count"]);
    assert_eq!(between, (&json!(1), &json!(5), &json!(4)));
    send(&gateway, 8).await;
    expect(&mut ada, 5..9).await;
}

#[tokio::test]
async fn the_rooms_that_keep_cursors_are_nobodys_to_see() {
    let data = TempDir::new().unwrap();
    let gateway = start(data.path(), 10);
    send(&gateway, 0).await;
    let mut ada = session(&gateway, "ada").await;
    let last = expect(&mut ada, 0..1).await;
    ack(&mut ada, &last).await;
    let rooms = gateway.get("/api/v1/rooms").await.json();
    let names: Vec<_> = rooms["rooms"].as_array().unwrap().iter().map(|room| room["room"].clone()).collect();
    assert_eq!(names, [ROOM]);
    assert_eq!(gateway.metric("tidegate_rooms").await, 1.0);
}
