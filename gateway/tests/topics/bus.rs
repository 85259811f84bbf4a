//! Events of other processes, from a real Redis.

use std::net::TcpListener;

use serde_json::{Value, json};
use testkit::{Gateway, Redis, Socket};
use uuid::Uuid;

use crate::{enter, judge, nothing_else, open, options, start, subscribe};

const UP: &str = "tidegate_bus_up";

/// A gateway that forwards what is published on the usual channel of `redis`.
async fn forwarding(redis: &Redis) -> Gateway {
    let gateway = start(options().set(&format!("bus.redis=\"{}\"", redis.url())));
    gateway.reaches(UP, 1.0).await;
    gateway
}

fn envelope(more: Value) -> Value {
    let mut envelope = json!({
        "event_type": "task_created", "data": { "task_id": 1 }, "timestamp": "2026-01-02T03:04:05.678901",
        "message_id": Uuid::new_v4().to_string(), "target_user_id": null, "target_role": null, "topic": null,
    });
    envelope.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    envelope
}

#[track_caller]
fn publish(redis: &Redis, envelope: &Value) {
    assert!(redis.publish("ws_broadcast", &envelope.to_string()) > 0, "nobody listens");
}

async fn next(session: &mut Socket) -> Value {
    judge(&session.next_text().await)
}

#[tokio::test]
async fn an_envelope_of_another_process_reaches_the_sessions_here_as_it_is() {
    let redis = Redis::start();
    let (one, two) = (forwarding(&redis).await, forwarding(&redis).await);
    let (mut here, mut there) = (open(&one).await, open(&two).await);
    let sent = envelope(json!({}));
    publish(&redis, &sent);
    assert_eq!(next(&mut here).await, sent);
    assert_eq!(next(&mut there).await, sent);
}

#[tokio::test]
async fn envelopes_find_their_targets() {
    let redis = Redis::start();
    let gateway = forwarding(&redis).await;
    let mut user = enter(&gateway, json!({ "user_id": 7, "role": "CHIEF" })).await;
    let (mut named, mut topic) = (enter(&gateway, json!({ "sub": "ana" })).await, open(&gateway).await);
    subscribe(&mut topic, &["tasks"]).await;
    for (more, is_for) in [
        (json!({ "target_user_id": 7 }), 0),
        (json!({ "target_role": "CHIEF" }), 0),
        (json!({ "target_user_id": "ana" }), 1),
        (json!({ "topic": "tasks" }), 2),
    ] {
        let sent = envelope(more);
        publish(&redis, &sent);
        let sessions = [&mut user, &mut named, &mut topic];
        for (index, session) in sessions.into_iter().enumerate() {
            if index == is_for {
                assert_eq!(next(session).await, sent);
            }
        }
    }
    for session in [&mut user, &mut named, &mut topic] {
        nothing_else(session).await;
    }
}

#[tokio::test]
async fn pings_unknown_types_doubles_and_what_is_no_envelope_are_dropped() {
    let redis = Redis::start();
    let gateway = forwarding(&redis).await;
    let mut session = open(&gateway).await;
    let sent = envelope(json!({}));
    publish(&redis, &sent);
    publish(&redis, &sent);
    publish(&redis, &envelope(json!({ "message_id": sent["message_id"], "topic": "elsewhere" })));
    publish(&redis, &envelope(json!({ "event_type": "ping" })));
    publish(&redis, &envelope(json!({ "event_type": "nobody_knows_it" })));
    publish(&redis, &envelope(json!({ "data": [] })));
    for text in ["", "nope", "[]", "{}"] {
        redis.publish("ws_broadcast", text);
    }
    let last = envelope(json!({ "event_type": "alert" }));
    publish(&redis, &last);
    assert_eq!(next(&mut session).await, sent);
    assert_eq!(next(&mut session).await, last);
    for (outcome, count) in [
        ("forwarded", 2.0),
        ("duplicate", 2.0),
        ("ping", 1.0),
        ("unknown_type", 1.0),
        ("malformed", 5.0),
        ("refused", 0.0),
    ] {
        let name = format!("tidegate_bus_messages_total{{outcome=\"{outcome}\"}}");
        assert_eq!(gateway.metric(&name).await, count, "{outcome}");
    }
}

#[tokio::test]
async fn what_an_envelope_does_not_say_is_filled_in() {
    let redis = Redis::start();
    let gateway = forwarding(&redis).await;
    let mut session = open(&gateway).await;
    redis.publish("ws_broadcast", r#"{"event_type":"ALERT"}"#);
    let frame = next(&mut session).await;
    assert_eq!((&frame["event_type"], &frame["data"]), (&json!("alert"), &json!({})));
    // Without an id nobody can know that it is the same.
    redis.publish("ws_broadcast", r#"{"event_type":"alert"}"#);
    assert_ne!(next(&mut session).await["message_id"], frame["message_id"]);
}

#[tokio::test]
async fn another_channel_may_be_named_and_the_gateway_publishes_on_none() {
    let redis = Redis::start();
    let bus = format!("bus={{ redis = \"{}\", channel = \"other\" }}", redis.url());
    let gateway = start(options().set(&bus));
    gateway.reaches(UP, 1.0).await;
    let mut session = open(&gateway).await;
    assert_eq!(redis.publish("ws_broadcast", "{}"), 0);
    gateway.post("/ws/_test/broadcast", &json!({})).await;
    assert_eq!(session.next().await["event_type"], "notification");
    let sent = envelope(json!({}));
    assert_eq!(redis.publish("other", &sent.to_string()), 1);
    assert_eq!(next(&mut session).await, sent);
    assert_eq!(gateway.metric("tidegate_bus_messages_total{outcome=\"forwarded\"}").await, 1.0);
}

#[tokio::test]
async fn when_redis_is_gone_that_is_told_until_it_is_back() {
    let redis = Redis::start();
    let (port, gateway) = (redis.port(), forwarding(&redis).await);
    let mut session = open(&gateway).await;
    drop(redis);
    gateway.reaches(UP, 0.0).await;
    while component(&gateway).await["status"] != "degraded" {}
    assert_eq!(gateway.get("/health/ready").await.status, 200);
    let redis = Redis::start_at(port);
    gateway.reaches(UP, 1.0).await;
    while component(&gateway).await["status"] != "healthy" {}
    let sent = envelope(json!({}));
    publish(&redis, &sent);
    assert_eq!(next(&mut session).await, sent);
    assert_eq!(gateway.log().matches("Redis is gone").count(), 1, "{}", gateway.log());
}

async fn component(gateway: &Gateway) -> Value {
    gateway.get("/health").await.json()["components"]["bus"].clone()
}

#[tokio::test]
async fn a_redis_that_is_not_there_keeps_nobody_from_starting_and_its_password_is_not_told() {
    let nowhere = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let gateway = start(options().set(&format!("bus.redis=\"redis://:hush-hush@127.0.0.1:{nowhere}/0\"")));
    gateway.reaches(UP, 0.0).await;
    assert_eq!(component(&gateway).await["status"], "degraded");
    assert!(!gateway.log().contains("hush"), "{}", gateway.log());
    let mut session = open(&gateway).await;
    nothing_else(&mut session).await;
}
