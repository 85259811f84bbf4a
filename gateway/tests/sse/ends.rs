//! How a stream ends, by either side.

use serde_json::json;
use testkit::{EventStream, Signal, exchange_on, request};

use crate::{open, options, publish, start};

const SESSIONS: &str = "tidegate_sessions{dialect=\"rooms\"}";

#[tokio::test]
async fn a_client_that_goes_away_has_no_session_any_more() {
    let gateway = start(options());
    let events = open(&gateway, "/events?rooms=r").await;
    let other = open(&gateway, "/events?rooms=r").await;
    gateway.reaches(SESSIONS, 2.0).await;
    drop(events);
    gateway.reaches(SESSIONS, 1.0).await;
    assert_eq!(publish(&gateway, "r", 1).await.json()["sent"], 1);
    drop(other);
    gateway.reaches("tidegate_rooms", 0.0).await;
}

#[tokio::test]
async fn an_end_that_the_gateway_decides_is_said_and_the_connection_goes_on() {
    let gateway = start(options());
    let (mut events, _) = EventStream::joined(gateway.address(), "/events?rooms=k&client_id=c", &[]).await;
    assert!(gateway.request("DELETE", "/api/v1/sessions/c", None).await.status < 300);
    let last = events.next().await;
    assert_eq!(last.event.as_deref(), Some("disconnected"));
    let said = &last.json()["data"];
    assert_eq!((&said["code"], &said["reason"]), (&json!(1008), &json!("closed by an administrator")));
    assert_eq!(events.block().await, None);
    gateway.reaches(SESSIONS, 0.0).await;
    let mut connection = events.into_connection();
    let answer = exchange_on(&mut connection, &request("GET", "/health/live", &[], None)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn a_drain_is_said_with_when_to_come_again() {
    let mut gateway = start(options().set("drain.period=100ms"));
    let mut events = open(&gateway, "/events?rooms=k").await;
    gateway.signal(Signal::TERM);
    let last = events.next().await;
    let said = &last.json()["data"];
    assert_eq!((last.event.as_deref(), &said["code"]), (Some("disconnected"), &json!(1012)));
    assert!(said["reason"].as_str().unwrap().contains("retry_after_ms"), "{said}");
    assert_eq!(events.block().await, None);
    assert!(gateway.ended().success());
}

#[tokio::test]
async fn a_head_without_a_body_opens_no_session() {
    let gateway = start(options());
    let answer = gateway.request("HEAD", "/events?rooms=r", None).await;
    assert_eq!((answer.status, &*answer.body), (200, ""));
    assert_eq!(answer.header("content-type"), Some("text/event-stream; charset=utf-8"));
    assert_eq!(gateway.metric(SESSIONS).await, 0.0);
    let answer = gateway.request("POST", "/events?rooms=r", Some("{}")).await;
    assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")));
}

#[tokio::test]
async fn a_client_that_takes_nothing_for_so_long_is_cut_off() {
    let gateway =
        start(options().set("http.write_timeout=1s").set("room=[{prefix=\"r\",slow=\"drop_oldest\"}]"));
    let _slow = EventStream::open_with(gateway.address(), "/events?rooms=r", &[], Some(4096)).await;
    gateway.reaches(SESSIONS, 1.0).await;
    let text = "x".repeat(60_000);
    for number in 0..200 {
        let event =
            json!({ "room": "r", "event_type": "alert_triggered", "data": { "n": number, "text": text } });
        assert_eq!(gateway.post("/api/v1/publish", &event).await.status, 200);
    }
    gateway.reaches(SESSIONS, 0.0).await;
}
