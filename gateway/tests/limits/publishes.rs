//! Publishes by room, type and key, in sessions and by the API.

use serde_json::{Value, json};
use testkit::{Gateway, Socket};

use crate::{is_refusal, open, refused, strict};

fn event(room: &str, kind: &str, key: Option<&str>) -> Value {
    json!({ "room": room, "event_type": kind, "data": { "x": 1 }, "key": key })
}

async fn publish(session: &mut Socket, room: &str, kind: &str, key: Option<&str>) -> bool {
    let data = json!({ "event_type": kind, "data": { "x": 1 }, "key": key });
    let reply = session.ask(&json!({ "action": "publish", "room": room, "data": data, "id": 1 })).await;
    let refused = is_refusal(&reply, 1);
    assert_eq!(reply["success"], !refused, "{reply}");
    !refused
}

async fn post(gateway: &Gateway, event: &Value) -> u16 {
    gateway.post("/api/v1/publish", event).await.status
}

#[tokio::test]
async fn a_room_takes_so_many_whoever_publishes_and_others_take_theirs() {
    let gateway = strict(&["limits.publishes={ per_room = \"3/day\" }"]);
    let mut session = open(&gateway).await;
    assert!(publish(&mut session, "r", "error", None).await);
    assert!(publish(&mut open(&gateway).await, "r", "error", None).await);
    assert_eq!(post(&gateway, &event("r", "error", None)).await, 200);
    assert!(!publish(&mut session, "r", "error", None).await);
    let refused = gateway.post("/api/v1/publish", &event("r", "error", None)).await;
    assert_eq!((refused.status, refused.json()["detail"].as_str()), (429, Some("Rate limit exceeded")));
    assert_eq!(refused.header("x-ratelimit-limit"), Some("3"));
    assert!(refused.header("retry-after").unwrap().parse::<u64>().unwrap() > 0);
    assert!(refused.json()["retry_after_ms"].as_u64().unwrap() > 0);
    let body = json!({ "event_type": "error", "data": {}, "room": "r" });
    assert_eq!(gateway.post("/ws/broadcast", &body).await.status, 429);
    assert!(publish(&mut session, "s", "error", None).await);
}

#[tokio::test]
async fn a_refused_publish_takes_nothing_from_its_session_room_or_type() {
    let gateway = strict(&[
        "limits.requests={ per_session = \"4/day\", burst = 4 }",
        "limits.publishes={ per_room = \"2/day\", per_type = \"3/day\", per_key = \"1/day\" }",
    ]);
    let mut session = open(&gateway).await;
    assert!(publish(&mut session, "r", "error", Some("k")).await);
    for _ in 0..10 {
        assert!(!publish(&mut session, "r", "error", Some("k")).await);
    }
    assert_eq!(refused(&gateway, "publishes_per_key").await, 10.0);
    assert!(publish(&mut session, "r", "error", Some("l")).await);
    assert!(!publish(&mut session, "r", "error", Some("m")).await, "the room is used up");
    assert!(publish(&mut session, "s", "error", Some("k")).await);
    assert!(!publish(&mut session, "t", "error", None).await, "the type is used up");
    assert!(publish(&mut session, "t", "gap", None).await);
    assert!(!publish(&mut session, "t", "gap", None).await, "the session's requests are used up");
    assert_eq!(refused(&gateway, "requests_per_session").await, 1.0);
}

#[tokio::test]
async fn a_batch_says_how_far_it_came() {
    let gateway = strict(&["limits.publishes={ per_room = \"2/day\" }"]);
    let batch = json!([event("r", "error", None), event("r", "error", None), event("r", "error", None)]);
    let answer = gateway.post("/api/v1/publish", &batch).await;
    assert_eq!((answer.status, answer.json()["published"].as_array().unwrap().len()), (429, 2));
}

#[tokio::test]
async fn a_dry_run_publishes_and_counts() {
    let gateway = strict(&["limits.publishes={ per_room = \"1/day\", dry_run = true }"]);
    for _ in 0..3 {
        assert_eq!(post(&gateway, &event("r", "error", None)).await, 200);
    }
    assert_eq!(refused(&gateway, "publishes_per_room").await, 2.0);
}
