//! Subscriptions: a session that has any gets only those event types, in its rooms and of those to everyone.

use serde_json::{Value, json};
use testkit::Socket;

use crate::{gateway, publish, session};

async fn subscribe(client: &mut Socket, action: &str, types: &[&str]) -> Value {
    client.ask(&json!({ "action": action, "data": { "event_types": types } })).await
}

async fn subscriptions(client: &mut Socket) -> Value {
    client.ask(&json!({ "action": "info" })).await["data"]["subscriptions"].clone()
}

#[tokio::test]
async fn the_reply_counts_entries_as_they_were_sent() {
    let gateway = gateway();
    let mut client = session(&gateway).await;
    let all = json!({ "success": true, "message": "Subscribed to 3 event types", "data": { "event_types": ["gap", "gap", "agent_*"] } });
    assert_eq!(subscribe(&mut client, "subscribe", &["gap", "gap", "agent_*"]).await, all);
    assert_eq!(subscriptions(&mut client).await, json!(["agent_*", "gap"]));
    let one = json!({ "success": true, "message": "Unsubscribed from 1 event types", "data": { "event_types": ["gap"] } });
    assert_eq!(subscribe(&mut client, "unsubscribe", &["gap"]).await, one);
    assert_eq!(subscriptions(&mut client).await, json!(["agent_*"]));
    for (action, message) in
        [("subscribe", "Subscribed to 0 event types"), ("unsubscribe", "Unsubscribed from 0 event types")]
    {
        for data in [json!({}), json!({ "event_types": [] }), json!({ "event_types": null }), json!(null)] {
            let reply = client.ask(&json!({ "action": action, "data": data })).await;
            assert_eq!(
                reply,
                json!({ "success": true, "message": message, "data": { "event_types": [] } }),
                "{data}"
            );
        }
        let reply = client.ask(&json!({ "action": action })).await;
        assert_eq!(reply["message"], message);
    }
    assert_eq!(subscriptions(&mut client).await, json!(["agent_*"]), "no list changes nothing");
}

#[tokio::test]
async fn a_filter_lets_only_its_types_through() {
    let gateway = gateway();
    let mut publisher = session(&gateway).await;
    // Each filter, and which of the types it lets through.
    let types = ["alert_triggered", "health_changed", "metrics_updated"];
    let filters: [(&[&str], &[u64]); 6] = [
        (&[], &[0, 1, 2]),
        (&["*"], &[0, 1, 2]),
        (&["alert_triggered"], &[0]),
        (&["alert_*", "metrics_updated"], &[0, 2]),
        (&["nothing_*"], &[]),
        (&["health_changed", "health_*"], &[1]),
    ];
    let mut members = Vec::new();
    for (filter, expected) in filters {
        let mut member = session(&gateway).await;
        member.ask(&json!({ "action": "join", "room": "r" })).await;
        assert_eq!(subscribe(&mut member, "subscribe", filter).await["success"], true);
        members.push((member, expected));
    }
    for _ in 0..20 {
        for (number, kind) in types.iter().enumerate() {
            publish(&mut publisher, "r", kind, number as u64).await;
        }
    }
    for (mut member, expected) in members {
        for _ in 0..20 {
            for number in expected {
                let event = member.next().await;
                assert_eq!(event["data"]["n"], *number);
                assert_eq!(event["event_type"], types[*number as usize]);
            }
        }
        // Nothing else was on the way.
        crate::assert_alive(&mut member, "its events").await;
    }
}

#[tokio::test]
async fn a_filter_changes_at_once_and_gone_lets_everything_through() {
    let gateway = gateway();
    let mut publisher = session(&gateway).await;
    let mut member = session(&gateway).await;
    member.ask(&json!({ "action": "join", "room": "r" })).await;
    for (action, list, passes) in [
        ("subscribe", "health_changed", false),
        ("subscribe", "alert_triggered", true),
        ("unsubscribe", "alert_triggered", false),
        ("unsubscribe", "health_changed", true),
    ] {
        assert_eq!(subscribe(&mut member, action, &[list]).await["success"], true);
        publish(&mut publisher, "r", "alert_triggered", 1).await;
        // One that every filter here lets through: where it is there, the one before it has been judged.
        publish(&mut publisher, "r", "health_changed", 2).await;
        if passes {
            assert_eq!(member.next().await["data"]["n"], 1, "{action} {list}");
        }
        assert_eq!(member.next().await["data"]["n"], 2, "{action} {list}");
    }
    crate::assert_alive(&mut member, "all its events").await;
}

#[tokio::test]
async fn subscribing_does_not_replace_joining() {
    let gateway = gateway();
    let mut publisher = session(&gateway).await;
    let mut client = session(&gateway).await;
    subscribe(&mut client, "subscribe", &["alert_triggered"]).await;
    publish(&mut publisher, "r", "alert_triggered", 1).await;
    crate::assert_alive(&mut client, "an event of a room that it is not in").await;
    // What goes to everyone is filtered like the rest.
    for kind in ["health_changed", "alert_triggered"] {
        let event = json!({ "event_type": kind, "data": {} });
        assert_eq!(gateway.post("/api/v1/publish", &event).await.status, 200);
    }
    let event = client.next().await;
    assert_eq!((&event["event_type"], &event["room"]), (&json!("alert_triggered"), &Value::Null));
}

#[tokio::test]
async fn leaving_takes_effect_at_once() {
    let gateway = gateway();
    let mut publisher = session(&gateway).await;
    let mut member = session(&gateway).await;
    for round in 0..50 {
        member.ask(&json!({ "action": "join", "room": "r" })).await;
        publish(&mut publisher, "r", "alert_triggered", round).await;
        assert_eq!(member.next().await["data"]["n"], round);
        member.ask(&json!({ "action": "leave", "room": "r" })).await;
        publish(&mut publisher, "r", "alert_triggered", 1000).await;
    }
    crate::assert_alive(&mut member, "rooms that it left").await;
}
