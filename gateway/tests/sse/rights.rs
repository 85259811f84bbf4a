//! Who may listen to what.

use serde_json::{Value, json};
use testkit::{Answer, EventStream, Gateway, exchange, request};

use crate::{options, publish, start};

async fn ask(gateway: &Gateway, path: &str, headers: &[(&str, &str)]) -> Answer {
    exchange(gateway.address(), &request("GET", path, headers, None)).await
}

#[tokio::test]
async fn a_room_that_is_closed_to_the_client_is_403_before_the_stream_begins() {
    let rules = r#"room=[{prefix="closed",join="nobody"},{prefix="full",max_members=1}]"#;
    let gateway = start(options().set(rules));
    for path in ["/events?rooms=closed", "/events?rooms=open,closed:1", "/events?rooms=role:admin"] {
        let answer = gateway.get(path).await;
        assert_eq!(answer.status, 403, "{path}: {answer:?}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        assert!(answer.json()["detail"].as_str().unwrap().starts_with("not allowed to join the room '"));
    }
    let _only = EventStream::open(gateway.address(), "/events?rooms=full", &[]).await;
    let answer = gateway.get("/events?rooms=open,full").await;
    assert_eq!((answer.status, &answer.json()["room"]), (403, &json!("full")));
    gateway.reaches("tidegate_sessions{dialect=\"rooms\"}", 1.0).await;
    assert_eq!(publish(&gateway, "open", 1).await.json()["sent"], 0, "it is in none of them");
}

#[tokio::test]
async fn everything_that_is_wrong_with_a_request_is_said_at_once() {
    let gateway = start(options());
    let names = |answer: &Answer| -> Vec<(Value, Value)> {
        let errors = answer.json()["errors"].as_array().cloned().unwrap_or_default();
        errors.into_iter().map(|error| (error["loc"][1].clone(), error["msg"].clone())).collect()
    };
    let answer = gateway.get("/events?rooms=a%07,b&types=nope,alert_triggered,x").await;
    assert_eq!(answer.status, 400);
    let errors = names(&answer);
    assert_eq!(errors.len(), 3, "{errors:?}");
    assert_eq!(errors[1], (json!("types"), json!("'nope' is not a known event type")));
    let many: Vec<String> = (0..33).map(|room| format!("r{room}")).collect();
    let answer = gateway.get(&format!("/events?rooms={}", many.join(","))).await;
    assert_eq!((answer.status, &names(&answer)[0].1), (400, &json!("at most 32 rooms, not 33")));
    let _fits =
        EventStream::open(gateway.address(), &format!("/events?rooms={}", many[1..].join(",")), &[]).await;
    let long = gateway.get(&format!("/events?rooms={}", "x".repeat(201))).await;
    assert_eq!(long.status, 400);
    assert!(long.body.len() < 700, "no more than 200 characters are repeated: {}", long.body);
}

#[tokio::test]
async fn a_page_of_another_origin_may_not_listen_unless_it_is_listed() {
    let endpoint = r#"endpoint=[{path="/own",transport="sse",origins=["https://own.example"]},
        {path="/events",transport="sse"},{path="/poll",transport="poll"}]"#;
    let gateway = start(options().set(endpoint).set("cors.origins=[\"https://listed.example\"]"));
    for (path, origin, allowed) in [
        ("/events", "https://evil.example", false),
        ("/poll?rooms=k", "https://evil.example", false),
        ("/events", "null", false),
        ("/events", "https://listed.example", true),
        ("/poll?rooms=k", "https://listed.example", true),
        ("/own", "https://listed.example", false),
        ("/own", "https://own.example", true),
    ] {
        let answer = exchange(gateway.address(), &request("HEAD", path, &[("origin", origin)], None)).await;
        assert_eq!(answer.status, if allowed { 200 } else { 403 }, "{path} {origin}");
        let readable = answer.header("access-control-allow-origin") == Some(origin);
        assert_eq!(readable, allowed, "{path} {origin}: {answer:?}");
    }
    let (events, _) = EventStream::joined(gateway.address(), "/events", &[]).await;
    assert_eq!(events.head.header("access-control-allow-origin"), None, "no page has asked");
}

#[tokio::test]
async fn a_token_is_wanted_where_the_endpoint_wants_one() {
    let gateway = start(options().set("auth.default.anonymous=false"));
    for (path, status) in [("/events?rooms=k", 401), ("/events?rooms=k&token=x", 401), ("/poll?rooms=k", 401)]
    {
        assert_eq!(gateway.get(path).await.status, status, "{path}");
    }
    let answer = ask(&gateway, "/events?rooms=a%07", &[]).await;
    assert_eq!(answer.status, 401, "who is unknown is told nothing else");
}

#[tokio::test]
async fn one_too_many_is_refused_until_another_goes() {
    let endpoint = r#"endpoint=[{path="/events",transport="sse",max_sessions=1}]"#;
    let gateway = start(options().set(endpoint));
    let one = EventStream::open(gateway.address(), "/events", &[]).await;
    let answer = gateway.get("/events").await;
    assert_eq!((answer.status, answer.header("retry-after").is_some()), (503, true));
    drop(one);
    gateway.reaches("tidegate_sessions{dialect=\"rooms\"}", 0.0).await;
    EventStream::open(gateway.address(), "/events", &[]).await;
}
