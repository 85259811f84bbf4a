//! Whom events reach, and how they look there.

use serde_json::{Value, json};
use testkit::Gateway;

use crate::{enter, judge, nothing_else, open, options, start, subscribe};

async fn publish(gateway: &Gateway, body: Value) -> Value {
    let answer = gateway.post("/api/v1/publish", &body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

fn target(frame: &Value) -> (&Value, &Value, &Value) {
    (&frame["target_user_id"], &frame["target_role"], &frame["topic"])
}

#[tokio::test]
async fn an_event_without_a_topic_reaches_all_and_is_the_same_for_all() {
    let gateway = start(options());
    let mut sessions = Vec::new();
    for n in 0..4 {
        sessions.push(if n % 2 == 0 {
            open(&gateway).await
        } else {
            enter(&gateway, json!({ "user_id": n })).await
        });
    }
    let answer = gateway
        .post("/ws/broadcast", &json!({ "event_type": "task_created", "data": { "task_id": 3 } }))
        .await;
    assert_eq!(answer.json()["sent_count"], 4);
    let mut texts = Vec::new();
    for session in &mut sessions {
        texts.push(session.next_text().await);
    }
    assert!(texts.iter().all(|text| *text == texts[0]), "{texts:?}");
    let frame = judge(&texts[0]);
    assert_eq!((&frame["event_type"], &frame["data"]), (&json!("task_created"), &json!({ "task_id": 3 })));
    assert_eq!(target(&frame), (&Value::Null, &Value::Null, &Value::Null));
}

#[tokio::test]
async fn an_event_with_a_topic_reaches_those_that_have_it() {
    let gateway = start(options());
    let (mut with, mut without) = (open(&gateway).await, open(&gateway).await);
    subscribe(&mut with, &["tasks"]).await;
    publish(&gateway, json!({ "room": "tasks", "event_type": "task_updated", "data": {} })).await;
    let frame = judge(&with.next_text().await);
    assert_eq!(target(&frame), (&Value::Null, &Value::Null, &json!("tasks")));
    nothing_else(&mut without).await;
}

#[tokio::test]
async fn all_sessions_of_a_user_get_what_is_for_it_and_no_other() {
    let gateway = start(options());
    let (mut one, mut two) =
        (enter(&gateway, json!({ "user_id": 7 })).await, enter(&gateway, json!({ "sub": "7" })).await);
    let (mut other, mut nobody) = (enter(&gateway, json!({ "user_id": 77 })).await, open(&gateway).await);
    let sent = publish(&gateway, json!({ "user": 7, "event_type": "task_assigned", "data": {} })).await;
    assert_eq!(sent["sent"], 2);
    let (first, second) = (judge(&one.next_text().await), judge(&two.next_text().await));
    assert_eq!(first, second);
    assert_eq!(target(&first), (&json!(7), &Value::Null, &Value::Null));
    nothing_else(&mut other).await;
    nothing_else(&mut nobody).await;
}

#[tokio::test]
async fn the_members_of_a_role_get_what_is_for_it_and_no_other() {
    let gateway = start(options());
    let mut chief = enter(&gateway, json!({ "user_id": 1, "role": "CHIEF" })).await;
    let mut usual = enter(&gateway, json!({ "user_id": 2 })).await;
    subscribe(&mut usual, &["role:CHIEF"]).await;
    let sent = publish(&gateway, json!({ "role": "CHIEF", "event_type": "alert", "data": {} })).await;
    assert_eq!(sent["sent"], 1);
    assert_eq!(target(&chief.next().await), (&Value::Null, &json!("CHIEF"), &Value::Null));
    nothing_else(&mut usual).await;
}

#[tokio::test]
async fn an_event_of_several_topics_comes_once_and_has_one_id() {
    let gateway = start(options());
    let (mut both, mut one, mut other) = (open(&gateway).await, open(&gateway).await, open(&gateway).await);
    subscribe(&mut both, &["a", "b"]).await;
    subscribe(&mut one, &["a"]).await;
    subscribe(&mut other, &["b"]).await;
    publish(&gateway, json!({ "rooms": ["a", "b"], "event_type": "alert", "data": { "n": 1 } })).await;
    publish(&gateway, json!({ "rooms": ["b", "a"], "event_type": "alert", "data": { "n": 2 } })).await;
    for n in 1..=2 {
        let frames = [both.next().await, one.next().await, other.next().await];
        for frame in &frames {
            assert_eq!(frame["data"]["n"], n);
            assert_eq!(frame["message_id"], frames[0]["message_id"], "{frames:?}");
        }
        assert_eq!((&frames[1]["topic"], &frames[2]["topic"]), (&json!("a"), &json!("b")));
    }
    nothing_else(&mut both).await;
}

#[tokio::test]
async fn an_event_keeps_its_id_when_it_is_told_again() {
    let rules = "room=[{ prefix = \"\", history = { size = 10, ttl = \"1h\" }, cache = \"last\" }]";
    let gateway = start(options().set(rules));
    let mut first = open(&gateway).await;
    subscribe(&mut first, &["kept"]).await;
    for id in [None, Some("0b0ee2fc-8c0a-4d3f-8a34-ae2f1e1f6a11"), Some("order-7")] {
        let mut body = json!({ "room": "kept", "event_type": "alert", "data": {} });
        if let Some(id) = id {
            body["id"] = id.into();
        }
        publish(&gateway, body).await;
        let live = judge(&first.next_text().await);
        let mut later = open(&gateway).await;
        subscribe(&mut later, &["kept"]).await;
        assert_eq!(judge(&later.next_text().await), live);
        if let Some(id) = id.filter(|id| id.contains("4d3f")) {
            assert_eq!(live["message_id"], id);
        }
    }
}

#[tokio::test]
async fn the_test_broadcast_is_a_notice_by_its_level() {
    let gateway = start(options());
    let (mut with, mut without) = (open(&gateway).await, open(&gateway).await);
    subscribe(&mut with, &["tests"]).await;
    for (level, kind) in [
        ("info", "notification"),
        ("warning", "warning"),
        ("error", "error"),
        ("alert", "alert"),
        ("fatal", "notification"),
    ] {
        let body = json!({ "title": "T", "content": "C", "level": level });
        let answer = gateway.post("/ws/_test/broadcast", &body).await.json();
        assert_eq!((&answer["status"], &answer["sent"]), (&json!("ok"), &json!(2)));
        for session in [&mut with, &mut without] {
            let frame = judge(&session.next_text().await);
            assert_eq!((&frame["event_type"], &frame["data"]), (&json!(kind), &body));
            assert_eq!(target(&frame), (&Value::Null, &Value::Null, &Value::Null));
        }
    }
    let answer = gateway.post("/ws/_test/broadcast", &json!({ "topic": "tests" })).await.json();
    assert_eq!(answer["sent"], 1);
    let frame = judge(&with.next_text().await);
    assert_eq!(frame["topic"], "tests");
    let usual = json!({ "title": "Test Broadcast", "content": "Mensaje de prueba", "level": "info" });
    assert_eq!(frame["data"], usual);
    nothing_else(&mut without).await;
    let bare = gateway.request("POST", "/ws/_test/broadcast", None).await.json();
    assert_eq!(bare["sent"], 2);
}

#[tokio::test]
async fn sessions_of_other_dialects_get_the_same_event_in_their_own_form_and_no_notice() {
    let gateway = start(options().set("endpoint=[{ path = \"/ws/connect\", dialect = \"topics\", auth = \"operations\" }, { path = \"/ws\", auth = \"operations\" }]"));
    let (mut here, mut there) = (open(&gateway).await, gateway.connect("/ws").await);
    assert_eq!(there.next().await["event_type"], "connected");
    let answer = gateway.post("/ws/_test/broadcast", &json!({})).await.json();
    assert_eq!(answer["sent"], 1, "it is for sessions of this dialect");
    assert_eq!(here.next().await["event_type"], "notification");
    publish(&gateway, json!({ "event_type": "alert", "data": { "n": 1 } })).await;
    assert_eq!(here.next().await["data"], json!({ "n": 1 }));
    let frame = there.next().await;
    assert_eq!(
        (&frame["event_type"], &frame["source"], &frame["room"]),
        (&json!("alert"), &json!("api"), &Value::Null)
    );
}
