//! `/api/v1/publish`: targets, batches, idempotency, and what does not validate.

use serde_json::{Value, json};

use crate::gateway;

fn event(target: Value) -> Value {
    let mut event = json!({ "event_type": "alert_triggered", "data": { "n": 1 } });
    event.as_object_mut().unwrap().extend(target.as_object().unwrap().clone());
    event
}

#[tokio::test]
async fn each_target_gets_its_answer() {
    let gateway = gateway();
    let mut session = gateway.connect("/ws").await;
    session.next().await;
    for room in ["a", "b"] {
        session.ask(&json!({ "action": "join", "room": room })).await;
    }
    let one = gateway.post("/api/v1/publish", &event(json!({ "room": "a" }))).await.json();
    assert_eq!((&one["room"], &one["offset"], &one["sent"]), (&json!("a"), &json!(1), &json!(1)));
    assert!(one["epoch"].is_string() && one.as_object().unwrap().len() == 4);
    let several =
        gateway.post("/api/v1/publish", &event(json!({ "rooms": ["a", "b", "none"] }))).await.json();
    let sent: Vec<_> =
        several.as_array().unwrap().iter().map(|placed| placed["sent"].as_u64().unwrap()).collect();
    assert_eq!(sent, [1, 1, 0]);
    let user = gateway.post("/api/v1/publish", &event(json!({ "user": 7 }))).await.json();
    assert_eq!((&user["room"], &user["sent"]), (&json!("user:7"), &json!(0)));
    let batch = json!([event(json!({ "room": "a" })), event(json!({ "role": "ops" }))]);
    let batch = gateway.post("/api/v1/publish", &batch).await.json();
    assert_eq!((&batch[0]["offset"], &batch[1]["room"]), (&json!(3), &json!("role:ops")));
    for room in ["a", "a", "b", "a"] {
        assert_eq!(session.next().await["room"], room);
    }
}

#[tokio::test]
async fn an_id_makes_a_publish_idempotent() {
    let gateway = gateway();
    let mut session = gateway.connect("/ws").await;
    session.next().await;
    session.ask(&json!({ "action": "join", "room": "a" })).await;
    let first = gateway.post("/api/v1/publish", &event(json!({ "room": "a", "id": "x" }))).await.json();
    let again = gateway.post("/api/v1/publish", &event(json!({ "room": "a", "id": "x" }))).await.json();
    assert_eq!((&first["sent"], &again["sent"]), (&json!(1), &json!(0)));
    assert_eq!((&first["epoch"], &first["offset"]), (&again["epoch"], &again["offset"]));
}

#[tokio::test]
async fn a_batch_is_checked_whole_before_anything_is_published() {
    let gateway = gateway();
    let mut session = gateway.connect("/ws").await;
    session.next().await;
    session.ask(&json!({ "action": "join", "room": "a" })).await;
    let batch = json!([event(json!({ "room": "a" })), { "room": "a", "event_type": "nope" }, 7]);
    let answer = gateway.post("/api/v1/publish", &batch).await;
    assert_eq!(answer.status, 422);
    let errors = answer.json()["errors"].clone();
    let locs: Vec<_> = errors.as_array().unwrap().iter().map(|error| error["loc"].to_string()).collect();
    assert!(
        locs.contains(&"[\"body\",1,\"data\"]".to_owned()) && locs.contains(&"[\"body\",2]".to_owned()),
        "{locs:?}"
    );
    let room = gateway.get("/api/v1/rooms/a").await.json();
    assert_eq!(room["offset"], 0);
}

#[tokio::test]
async fn each_field_that_does_not_validate_is_named() {
    let gateway = gateway();
    for (body, field) in [
        (json!({ "room": "a", "data": {} }), "event_type"),
        (json!({ "room": "a", "event_type": "nope", "data": {} }), "event_type"),
        (json!({ "room": "a", "event_type": "alert_triggered" }), "data"),
        (event(json!({ "room": 7 })), "room"),
        (event(json!({ "room": "" })), "room"),
        (event(json!({ "room": "x".repeat(201) })), "room"),
        (event(json!({ "room": "a\u{7}" })), "room"),
        (event(json!({ "rooms": [] })), "rooms"),
        (event(json!({ "rooms": ["a", 7] })), "rooms"),
        (event(json!({ "user": {} })), "user"),
        (event(json!({ "room": "a", "id": 7 })), "id"),
        (event(json!({ "room": "a", "key": "k".repeat(201) })), "key"),
    ] {
        let answer = gateway.post("/api/v1/publish", &body).await;
        assert_eq!(answer.status, 422, "{body}");
        assert_eq!(answer.json()["errors"][0]["loc"], json!(["body", field]), "{body}");
    }
    let two = gateway.post("/api/v1/publish", &event(json!({ "room": "a", "user": "u" }))).await;
    assert_eq!(two.status, 422);
    let not_utf8 = [
        b"POST /api/v1/publish HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 4\r\n\r\n"
            .as_slice(),
        b"\"\xff\xfe\"",
    ]
    .concat();
    assert_eq!(gateway.raw(not_utf8).await.status, 422);
}
