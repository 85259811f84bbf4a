//! Cache rooms: who joins gets the last event, or the last of each key, behind the reply and before anything newer; and
//! a room's state can be asked for.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

use std::sync::Arc;

use serde_json::{Value, json};
use testkit::{Gateway, Options, Socket};

const ROOMS: &str = "room=[
    {prefix=\"last:\", cache=\"last\", history={ttl=\"1h\"}},
    {prefix=\"keys:\", cache=\"last_per_key\", history={ttl=\"1h\"}},
    {prefix=\"both:\", cache=\"last_per_key\", history={size=3, ttl=\"1h\"}},
    {prefix=\"short:\", cache=\"last\", history={ttl=\"1s\"}},
    {prefix=\"closed:\", cache=\"last\", join=\"nobody\", history={ttl=\"1h\"}}]";

fn gateway() -> Gateway {
    start(Options::new())
}

fn start(options: Options) -> Gateway {
    let rooms: String = ROOMS.split('\n').map(str::trim).collect();
    options.set("shards=2").set(&rooms).start(env!("CARGO_BIN_EXE_tidegate"))
}

async fn session(gateway: &Gateway) -> Socket {
    let mut session = gateway.connect("/ws").await;
    assert_eq!(session.next().await["event_type"], "connected");
    session
}

async fn publish(gateway: &Gateway, room: &str, key: Option<&str>, data: &Value) {
    let mut event = json!({ "room": room, "event_type": "alert_triggered", "data": data });
    if let Some(key) = key {
        event["key"] = key.into();
    }
    assert_eq!(gateway.post("/api/v1/publish", &event).await.status, 200);
}

async fn join(client: &mut Socket, room: &str, data: &Value) -> Value {
    let reply = client.ask(&json!({ "action": "join", "room": room, "data": data })).await;
    assert_eq!(reply["success"], true, "{reply}");
    reply["data"].clone()
}

/// What has come before the answer to a ping, by key and data.
async fn came(client: &mut Socket) -> Vec<(Value, Value)> {
    client.send(&json!({ "action": "ping" })).await;
    let mut all = Vec::new();
    loop {
        let frame = client.next().await;
        if frame["message"] == "pong" {
            return all;
        }
        all.push((frame["key"].clone(), frame["data"].clone()));
    }
}

fn shown(pairs: &[(&str, u64)]) -> Vec<(Value, Value)> {
    pairs.iter().map(|(key, data)| (json!(key), json!(data))).collect()
}

#[tokio::test]
async fn who_joins_gets_the_last_event_though_nobody_was_there_and_nothing_is_kept_beside_it() {
    let gateway = gateway();
    for number in 1..=3 {
        publish(&gateway, "last:r", None, &json!(number)).await;
    }
    let mut client = session(&gateway).await;
    let joined = join(&mut client, "last:r", &Value::Null).await;
    assert_eq!((&joined["offset"], joined.get("recovered")), (&json!(3), None));
    assert_eq!(came(&mut client).await, [(Value::Null, json!(3))]);
    publish(&gateway, "last:r", None, &json!(4)).await;
    assert_eq!(client.next().await["data"], 4);
    // A member that asks again, and one that says where it was, get nothing of it.
    join(&mut client, "last:r", &Value::Null).await;
    let since = json!({ "since": { "epoch": joined["epoch"], "offset": 4 } });
    assert_eq!(join(&mut client, "last:r", &since).await["recovered"], true);
    assert_eq!(came(&mut client).await, []);
    // It is there when all have gone.
    client.ask(&json!({ "action": "leave", "room": "last:r" })).await;
    assert_eq!(join(&mut client, "last:r", &Value::Null).await["epoch"], joined["epoch"]);
    assert_eq!(came(&mut client).await, [(Value::Null, json!(4))]);
    assert_eq!(gateway.get("/api/v1/rooms/last:r").await.json()["history"], 0);
}

#[tokio::test]
async fn who_joins_gets_the_last_event_of_each_key_in_the_order_of_their_offsets() {
    let gateway = gateway();
    for room in ["keys:r", "both:r"] {
        for (key, data) in [("a", 1), ("b", 2), ("c", 3), ("a", 4), ("d", 5)] {
            publish(&gateway, room, Some(key), &json!(data)).await;
        }
        publish(&gateway, room, Some("c"), &Value::Null).await;
        let mut client = session(&gateway).await;
        join(&mut client, room, &Value::Null).await;
        let state = [("b", 2), ("a", 4), ("d", 5)];
        assert_eq!(came(&mut client).await, shown(&state));

        let reply = client.ask(&json!({ "action": "state", "room": room, "id": 1 })).await;
        assert_eq!((&reply["message"], &reply["id"]), (&json!(format!("State of room '{room}'")), &json!(1)));
        let data = &reply["data"];
        let fields: Vec<_> = data.as_object().unwrap().keys().collect();
        assert_eq!(fields, ["epoch", "events", "offset"]);
        assert_eq!(data["offset"], 6);
        let events = data["events"].as_array().unwrap();
        let pairs: Vec<_> =
            events.iter().map(|event| (event["key"].clone(), event["data"].clone())).collect();
        assert_eq!(pairs, shown(&state));
        assert_eq!(events[0].get("offset"), (room == "both:r").then_some(&json!(2)), "as its frame shows it");
        let over_http = gateway.get(&format!("/api/v1/rooms/{room}/state")).await;
        assert_eq!((over_http.status, &over_http.json()), (200, data));
    }
    let mut client = session(&gateway).await;
    client.ask(&json!({ "action": "subscribe", "data": { "event_types": ["gap"] } })).await;
    join(&mut client, "keys:r", &Value::Null).await;
    assert_eq!(came(&mut client).await, [], "what a filter holds back it holds back here, too");
}

#[tokio::test]
async fn a_state_that_is_not_there_is_empty_and_one_that_is_not_kept_is_refused() {
    let gateway = gateway();
    let mut client = session(&gateway).await;
    let mut ask = async |room: &str| client.ask(&json!({ "action": "state", "room": room })).await;
    assert_eq!(ask("keys:new").await["data"]["events"], json!([]));
    for (room, message) in [
        ("", "Room name is required"),
        ("plain", "This room keeps no state"),
        ("closed:r", "Not allowed to read what this room keeps"),
    ] {
        let refusal = json!({ "success": false, "message": message, "data": null });
        assert_eq!(ask(room).await, refusal);
    }
    let plain = gateway.get("/api/v1/rooms/plain/state").await;
    assert_eq!((plain.status, &plain.json()["detail"]), (404, &json!("this room keeps no state")));
    assert_eq!(gateway.get("/api/v1/rooms/closed:r/state").await.status, 200, "the API may");
}

#[tokio::test]
async fn who_is_put_in_a_room_gets_its_last_event_behind_the_welcome_or_before_what_follows() {
    let gateway = start(Options::new().set("endpoint.0.auto_join=[\"last:own\"]"));
    for room in ["last:own", "last:r"] {
        publish(&gateway, room, None, &json!(1)).await;
    }
    let mut client = gateway.connect("/ws?client_id=c").await;
    assert_eq!(client.next().await["event_type"], "connected");
    assert_eq!(client.next().await["room"], "last:own");
    let put = json!({ "room": "last:r" });
    assert_eq!(gateway.post("/api/v1/sessions/c/rooms", &put).await.status, 200);
    publish(&gateway, "last:r", None, &json!(2)).await;
    for number in 1..=2 {
        let event = client.next().await;
        assert_eq!((&event["room"], &event["data"]), (&json!("last:r"), &json!(number)));
    }
}

#[tokio::test]
async fn what_is_past_its_time_is_shown_no_more() {
    let gateway = gateway();
    publish(&gateway, "short:r", None, &json!(1)).await;
    assert_eq!(gateway.get("/api/v1/rooms/short:r").await.status, 200);
    let begin = std::time::Instant::now();
    while gateway.get("/api/v1/rooms/short:r").await.status == 200 {
        assert!(begin.elapsed().as_secs() < 20, "the room stays");
    }
    let mut client = session(&gateway).await;
    join(&mut client, "short:r", &Value::Null).await;
    assert_eq!(came(&mut client).await, []);
}

#[tokio::test]
async fn a_large_state_comes_whole() {
    let gateway = gateway();
    let text = "x".repeat(3000);
    for number in 0..300 {
        publish(&gateway, "keys:r", Some(&number.to_string()), &json!(text)).await;
    }
    let mut client = session(&gateway).await;
    join(&mut client, "keys:r", &Value::Null).await;
    let held = gateway.metric("tidegate_cache_bytes").await;
    assert!((900_000.0..1_048_576.0).contains(&held), "{held}");
    let keys: Vec<_> = came(&mut client).await.into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, (0..300).map(|number| json!(number.to_string())).collect::<Vec<_>>());
}

/// What each client has come to by its cache and the events behind it is what all have come to.
#[tokio::test]
async fn cache_and_live_events_leave_no_gap_and_make_no_duplicate_under_load() {
    const EVENTS: u64 = 400;
    let gateway = Arc::new(gateway());
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let gateway = Arc::clone(&gateway);
        clients.spawn(async move {
            let mut visits = 0;
            loop {
                let mut client = session(&gateway).await;
                let joined = join(&mut client, "keys:load", &Value::Null).await;
                let at = joined["offset"].as_u64().unwrap();
                // Of four keys the last ones up to `at`, then each event.
                let expected = (at.saturating_sub(3).max(1)..=at).chain(at + 1..=EVENTS);
                for number in expected.take(20) {
                    assert_eq!(client.next().await["data"], number, "joined at {at}");
                }
                visits += 1;
                if at == EVENTS {
                    return visits;
                }
            }
        });
    }
    let mut publisher = session(&gateway).await;
    for number in 1..=EVENTS {
        let data =
            json!({ "event_type": "alert_triggered", "data": number, "key": (number % 4).to_string() });
        let reply = publisher.ask(&json!({ "action": "publish", "room": "keys:load", "data": data })).await;
        assert_eq!(reply["data"]["offset"], number);
    }
    assert!(
        clients.join_all().await.into_iter().sum::<usize>() > 6,
        "all came before the first, or behind the last"
    );
}
