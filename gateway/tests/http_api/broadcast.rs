//! `/ws/broadcast` in both of its forms, and the test broadcast.

use serde_json::json;
use testkit::Options;

use crate::{gateway, start};

#[tokio::test]
async fn both_forms_reach_the_room_with_the_data_as_it_was_sent() {
    let gateway = gateway();
    let mut session = gateway.connect("/ws").await;
    session.next().await;
    session.ask(&json!({ "action": "join", "room": "r" })).await;
    // The data's bytes are passed on untouched: the number keeps its form.
    let query = gateway
        .request("POST", "/ws/broadcast?event_type=alert_triggered&room=r", Some("{\"n\":1.50}"))
        .await;
    assert_eq!(
        query.json(),
        json!({ "success": true, "message": "Event broadcast to 1 connections", "sent_count": 1,
            "event_type": "alert_triggered", "room": "r" })
    );
    let body = json!({ "event_type": "alert_triggered", "data": { "n": 2 }, "room": "r" });
    assert_eq!(gateway.post("/ws/broadcast", &body).await.json()["sent_count"], 1);
    for n in [1.5, 2.0] {
        let event = session.next().await;
        assert_eq!(event["event_type"], "alert_triggered");
        assert_eq!(
            (event["data"]["n"].as_f64(), &event["source"], &event["room"]),
            (Some(n), &json!("api_broadcast"), &json!("r"))
        );
    }
}

#[tokio::test]
async fn without_a_room_everyone_gets_it_and_an_unknown_room_nobody() {
    let gateway = gateway();
    let mut session = gateway.connect("/ws").await;
    session.next().await;
    let everyone =
        gateway.request("POST", "/ws/broadcast?event_type=alert_triggered&room=", Some("{}")).await.json();
    assert_eq!((&everyone["sent_count"], &everyone["room"]), (&json!(1), &json!(null)));
    assert_eq!(session.next().await["room"], json!(null));
    let nobody = gateway.request("POST", "/ws/broadcast?event_type=alert_triggered&room=x", Some("{}")).await;
    assert_eq!((nobody.status, nobody.json()["sent_count"].as_u64()), (200, Some(0)));
}

#[tokio::test]
async fn what_does_not_validate_is_422_and_an_unknown_type_400() {
    let gateway = gateway();
    let unknown = gateway.request("POST", "/ws/broadcast?event_type=nope", Some("{}")).await;
    assert_eq!((unknown.status, unknown.header("content-type")), (400, Some("application/problem+json")));
    let unknown = unknown.json();
    assert_eq!(
        (&unknown["success"], &unknown["message"]),
        (&json!(false), &json!("Invalid event type: nope"))
    );
    assert!(unknown["available_types"].as_array().unwrap().contains(&json!("alert_triggered")));
    for (query, body, loc) in [
        ("?event_type=alert_triggered", None, json!(["body"])),
        ("?event_type=alert_triggered", Some("[1]"), json!(["body"])),
        ("?event_type=alert_triggered", Some("{"), json!(["body"])),
        ("", Some("{\"data\":{}}"), json!(["body", "event_type"])),
        ("", Some("{\"event_type\":\"alert_triggered\"}"), json!(["body", "data"])),
        ("", Some("{\"event_type\":7,\"data\":{}}"), json!(["body", "event_type"])),
        ("", Some("{\"event_type\":\"alert_triggered\",\"data\":[]}"), json!(["body", "data"])),
    ] {
        let answer = gateway.request("POST", &format!("/ws/broadcast{query}"), body).await;
        assert_eq!(answer.status, 422, "{query} {body:?}");
        let error = &answer.json()["errors"][0];
        assert_eq!(error["loc"], loc, "{query} {body:?}");
        assert!(error["msg"].is_string() && error["type"].is_string());
    }
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(5000), "]".repeat(5000));
    assert_eq!(
        gateway.request("POST", "/ws/broadcast?event_type=alert_triggered", Some(&deep)).await.status,
        422
    );
}

#[tokio::test]
async fn the_test_broadcast_is_for_development_only() {
    let gateway = gateway();
    let answer = gateway.request("POST", "/ws/_test/broadcast", None).await.json();
    assert_eq!((&answer["status"], &answer["sent"]), (&json!("ok"), &json!(0)));
    assert_eq!(answer["metrics"].as_object().unwrap().len(), 4);
    drop(gateway);
    let production = start(
        Options::new()
            .set("environment=\"production\"")
            .set("auth.default.anonymous=false")
            .set("limits.exempt=[]"),
    );
    let refused = production.request("POST", "/ws/_test/broadcast", None).await;
    assert_eq!((refused.status, refused.json()), (403, json!({"status": "forbidden"})));
}
