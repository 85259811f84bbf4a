//! Criteria: of the events of its types a session gets those that its criterion holds for, and no other.

use serde_json::{Value, json};
use testkit::{Gateway, Options, Socket};

use crate::{assert_alive, gateway, refusal, session};

/// What is published, in this order.
const EVENTS: [&str; 6] = [
    r#"{"n":0,"severity":"high","tags":{"env":"live"}}"#,
    r#"{"n":1,"severity":"low","price":10.4}"#,
    r#"{"n":2,"severity":"critical","muted":true}"#,
    r#"{"n":3,"severity":"low","price":"10.4","tags":{"env":"test"}}"#,
    r#"{"n":4,"id":9007199254740993}"#,
    r#"{"n":5,"severity":"high","path":[{"b":null}]}"#,
];

/// By criterion, the events that pass.
const FILTERS: [(&str, &[u64]); 10] = [
    (r#"data.severity in ["high","critical"] and not exists(data.muted) or data.price < 10.5"#, &[0, 1, 5]),
    (r#"data.severity == "high""#, &[0, 5]),
    (r#"data.severity != "high""#, &[1, 2, 3, 4]),
    (r#"tags.env == "live" or tags.env == "test""#, &[0, 3]),
    (r#"data.tags.env not in ["live"]"#, &[1, 2, 3, 4, 5]),
    ("data.id > 9007199254740992 and data.id < 9007199254740994", &[4]),
    ("exists(data.path[0].b) and data.path[0].b == null", &[5]),
    (r#"event_type == "alert_triggered" and source == "client" and key == "k" and data.n >= 4"#, &[4, 5]),
    (r#"room == "another""#, &[]),
    ("(data.n == 1 or data.n == 2) and data.n != 1", &[2]),
];

async fn filter(client: &mut Socket, data: Value) -> Value {
    client.ask(&json!({ "action": "subscribe", "data": data })).await
}

/// With this a criterion lets the last event through as well: where that has come, those before it have been judged.
const OR_LAST: &str = " or exists(data.last)";

async fn publish_all(publisher: &mut Socket, room: &str) {
    let last = ("gap", r#"{"n":6,"last":null}"#);
    for (kind, event) in EVENTS.map(|event| ("alert_triggered", event)).into_iter().chain([last]) {
        let event: Value = serde_json::from_str(event).unwrap();
        let data = json!({ "event_type": kind, "data": event, "key": "k" });
        let reply = publisher.ask(&json!({ "action": "publish", "room": room, "data": data })).await;
        assert_eq!(reply["message"], "Published", "{reply}");
    }
}

/// These events come, then the last, and no other.
async fn expect(member: &mut Socket, numbers: &[u64], what: &str) {
    for number in numbers.iter().chain(&[6]) {
        assert_eq!(member.next().await["data"]["n"], *number, "{what}");
    }
    assert_alive(member, what).await;
}

#[tokio::test]
async fn members_of_one_room_get_each_what_their_criterion_holds_for() {
    let gateway = gateway();
    let mut publisher = session(&gateway).await;
    let mut members = Vec::new();
    for (criterion, numbers) in FILTERS {
        let mut member = session(&gateway).await;
        let reply = filter(&mut member, json!({ "where": criterion.to_owned() + OR_LAST })).await;
        assert_eq!(reply["success"], true, "{reply}");
        member.ask(&json!({ "action": "join", "room": "h:r" })).await;
        members.push((member, criterion, numbers));
    }
    publish_all(&mut publisher, "h:r").await;
    for (mut member, criterion, numbers) in members {
        expect(&mut member, numbers, criterion).await;
    }
}

#[tokio::test]
async fn a_replay_holds_back_what_the_walk_would_have() {
    let gateway = crate::start("room=[{prefix=\"h:\",history={size=100,ttl=\"1h\"}}]");
    let mut publisher = session(&gateway).await;
    publish_all(&mut publisher, "h:r").await;
    for (criterion, numbers) in FILTERS {
        let mut member = session(&gateway).await;
        filter(&mut member, json!({ "where": criterion.to_owned() + OR_LAST })).await;
        let join = json!({ "action": "join", "room": "h:r", "data": { "since": "start" } });
        assert_eq!(member.ask(&join).await["data"]["recovered"], true);
        expect(&mut member, numbers, criterion).await;
    }
}

#[tokio::test]
async fn a_history_that_is_read_on_piece_by_piece_is_filtered_to_its_end() {
    let rule = "room=[{prefix=\"h:\",history={size=1000,ttl=\"1h\"}}]";
    let gateway = Options::new().set("limits.backlog_per_session=\"64 KiB\"").set(rule);
    let gateway = gateway.start(env!("CARGO_BIN_EXE_tidegate"));
    let mut publisher = session(&gateway).await;
    for n in 0..400 {
        let event = json!({ "n": n, "text": "x".repeat(1000) });
        let data = json!({ "event_type": "alert_triggered", "data": event });
        publisher.ask(&json!({ "action": "publish", "room": "h:r", "data": data })).await;
    }
    let mut member = session(&gateway).await;
    let passing = [0, 1, 150, 299, 399];
    filter(&mut member, json!({ "where": format!("data.n in {} or data.n > 399", json!(passing)) })).await;
    member.ask(&json!({ "action": "join", "room": "h:r", "data": { "since": "start" } })).await;
    for n in passing {
        assert_eq!(member.next().await["data"]["n"], n);
    }
    crate::publish(&mut publisher, "h:r", "alert_triggered", 400).await;
    assert_eq!(member.next().await["data"]["n"], 400, "what is live follows");
}

#[tokio::test]
async fn types_and_criterion_change_each_without_the_other() {
    let gateway = gateway();
    let mut publisher = session(&gateway).await;
    let mut member = session(&gateway).await;
    member.ask(&json!({ "action": "join", "room": "r" })).await;
    let normal = |text: &str| text.to_owned() + OR_LAST;
    let (some, high, third) =
        (normal("data.n >= 1 and data.n < 3"), normal("data.n > 4"), normal("data.n == 3"));
    let sent = format!("data.n>=1 and(data.n<3){OR_LAST}");
    // What is sent; the event types that the reply has, and its criterion; what `info` says then; the events that come.
    let steps: [(Value, Value, Option<&str>, Value, &[u64]); 6] = [
        (json!({ "where": sent }), json!([]), Some(&some), json!([[], some]), &[1, 2]),
        (json!({ "event_types": ["gap"] }), json!(["gap"]), None, json!([["gap"], some]), &[]),
        (
            json!({ "event_types": ["alert_*"], "where": high }),
            json!(["alert_*"]),
            Some(&high),
            json!([["alert_*", "gap"], high]),
            &[5],
        ),
        (json!({ "where": "" }), json!([]), None, json!([["alert_*", "gap"], null]), &[0, 1, 2, 3, 4, 5]),
        (json!({ "where": third }), json!([]), Some(&third), json!([["alert_*", "gap"], third]), &[3]),
        (json!({ "where": null }), json!([]), None, json!([["alert_*", "gap"], null]), &[0, 1, 2, 3, 4, 5]),
    ];
    for (sent, types, criterion, info, numbers) in steps {
        let reply = filter(&mut member, sent.clone()).await;
        let message = format!("Subscribed to {} event types", types.as_array().unwrap().len());
        let mut data = json!({ "event_types": types });
        if let Some(criterion) = criterion {
            data["where"] = criterion.into();
        }
        assert_eq!(reply, json!({ "success": true, "message": message, "data": data }), "{sent}");
        assert_eq!(shown(&mut member).await, info, "{sent}");
        publish_all(&mut publisher, "r").await;
        expect(&mut member, numbers, &sent.to_string()).await;
    }
    filter(&mut member, json!({ "where": third })).await;
    let list = gateway.get("/api/v1/sessions").await.json();
    assert!(list["sessions"].as_array().unwrap().iter().any(|session| session["where"] == third), "{list}");
    let types = json!({ "event_types": ["alert_*", "gap"] });
    let reply = member.ask(&json!({ "action": "unsubscribe", "data": types })).await;
    assert_eq!(reply["message"], "Unsubscribed from 2 event types");
    assert_eq!(shown(&mut member).await, json!([[], third]), "types are taken back, the criterion stays");
    publish_all(&mut publisher, "r").await;
    expect(&mut member, &[3], "types are taken back, the criterion stays").await;
}

/// The types and the criterion that a session holds.
async fn shown(client: &mut Socket) -> Value {
    let info = client.ask(&json!({ "action": "info" })).await;
    json!([info["data"]["subscriptions"], info["data"].get("where")])
}

#[tokio::test]
async fn a_criterion_that_cannot_be_read_changes_nothing() {
    let gateway = gateway();
    let mut client = session(&gateway).await;
    filter(&mut client, json!({ "event_types": ["gap"], "where": "data.n == 1" })).await;
    for (text, message) in [
        ("data.é == ", "Invalid criterion: expected a string, a number, true, false or null at character 11"),
        ("data.n == 1)", "Invalid criterion: expected `and`, `or` or the end at character 12"),
        (&"x".repeat(2001), "Invalid criterion: longer than 2000 bytes at character 2001"),
    ] {
        let reply = filter(&mut client, json!({ "event_types": ["alert_*"], "where": text })).await;
        assert_eq!(reply, refusal(message));
    }
    let reply = filter(&mut client, json!({ "event_types": ["nope"], "where": "data.n == 2" })).await;
    assert_eq!(reply["message"], "Invalid event type: 'nope' is not a known event type");
    let reply = filter(&mut client, json!({ "where": 5 })).await;
    assert_eq!(reply, refusal("Error processing message: data.where: expected a string"));
    assert_eq!(shown(&mut client).await, json!([["gap"], "data.n == 1"]));
}

/// Metrics of evaluations and of reads.
async fn evaluated(gateway: &Gateway) -> [f64; 2] {
    [
        gateway.metric("tidegate_criteria_evaluations_total").await,
        gateway.metric("tidegate_criteria_reads_total").await,
    ]
}

#[tokio::test]
async fn equal_criteria_of_a_thousand_sessions_are_evaluated_once_an_event() {
    let gateway = Options::new().set("shards=1").start(env!("CARGO_BIN_EXE_tidegate"));
    let mut publisher = session(&gateway).await;
    let mut members = Vec::new();
    let normal = format!("data.n in [1,5]{OR_LAST}");
    for number in 0..1000 {
        let mut member = session(&gateway).await;
        // One criterion, written differently, beside types of which there are some.
        let types = [json!([]), json!(["alert_*", "gap"]), json!(["*"])][number % 3].clone();
        let text = normal.replace(' ', &" ".repeat(1 + number % 2));
        let reply = filter(&mut member, json!({ "event_types": types, "where": text })).await;
        assert_eq!(reply["data"]["where"], normal);
        member.ask(&json!({ "action": "join", "room": "r" })).await;
        members.push(member);
    }
    assert_eq!(evaluated(&gateway).await, [0.0, 0.0]);
    publish_all(&mut publisher, "r").await;
    for member in &mut members {
        expect(member, &[1, 5], "what passes").await;
    }
    assert_eq!(evaluated(&gateway).await, [7.0, 7.0], "once an event, however often its walk is cut");
    // Another criterion is another evaluation, and reads nothing anew.
    filter(&mut members[0], json!({ "where": normal.replace("[1,5]", "[0]") })).await;
    publish_all(&mut publisher, "r").await;
    expect(&mut members[0], &[0], "its own").await;
    expect(&mut members[999], &[1, 5], "theirs").await;
    assert_eq!(evaluated(&gateway).await, [7.0 + 14.0, 14.0]);
    // Where nobody asks, nothing is read.
    publisher.ask(&json!({ "action": "join", "room": "elsewhere" })).await;
    let event = json!({ "event_type": "gap", "data": {}, "room": "elsewhere" });
    assert_eq!(gateway.post("/api/v1/publish", &event).await.status, 200);
    assert_eq!(publisher.next().await["room"], "elsewhere");
    assert_eq!(evaluated(&gateway).await, [21.0, 14.0]);
}
