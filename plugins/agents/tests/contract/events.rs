//! Events: which, where, in what order, with what data, and not after the answer.

use serde_json::{Value, json};
use testkit::Gateway;

use crate::{act, create, delete, event, expect, gateway, heartbeat, member, ok, patch, quiet};

#[tokio::test]
async fn an_agents_life_is_told_in_order_in_both_rooms() {
    let gateway = gateway();
    for room in ["agents", "agent:a"] {
        let mut session = member(&gateway, &[room]).await;
        let created = create(&gateway, "a").await;
        assert_eq!(expect(event(&mut session).await, "agent_created", room), created);
        let updated = ok(patch(&gateway, "a", json!({ "status": "active", "load": 0.5 })).await);
        assert_eq!(expect(event(&mut session).await, "agent_updated", room), updated);
        let changed = json!({ "agent_id": "a", "old_status": "inactive", "new_status": "active" });
        assert_eq!(expect(event(&mut session).await, "agent_status_changed", room), changed);
        let result = ok(act(&gateway, "a", "pause").await);
        let action = json!({ "agent_id": "a", "action": "pause", "result": result });
        assert_eq!(expect(event(&mut session).await, "agent_action", room), action);
        let changed = json!({ "agent_id": "a", "old_status": "active", "new_status": "paused" });
        assert_eq!(expect(event(&mut session).await, "agent_status_changed", room), changed);
        delete(&gateway, "/agents/a").await;
        assert_eq!(expect(event(&mut session).await, "agent_deleted", room), json!({ "agent_id": "a" }));
        quiet(&mut session).await;
    }
}

#[tokio::test]
async fn a_status_that_stays_is_no_change() {
    let gateway = gateway();
    create(&gateway, "a").await;
    act(&gateway, "a", "start").await;
    let mut session = member(&gateway, &["agents"]).await;
    ok(act(&gateway, "a", "restart").await);
    ok(patch(&gateway, "a", json!({ "status": "active" })).await);
    expect(event(&mut session).await, "agent_action", "agents");
    expect(event(&mut session).await, "agent_updated", "agents");
    quiet(&mut session).await;
}

#[tokio::test]
async fn what_fails_is_told_to_nobody() {
    let gateway = gateway();
    create(&gateway, "a").await;
    let mut session = member(&gateway, &["agents", "agent:a", "agent:x"]).await;
    assert_eq!(patch(&gateway, "a", json!({ "health": 2 })).await.status, 422);
    assert_eq!(patch(&gateway, "x", json!({})).await.status, 404);
    assert_eq!(act(&gateway, "a", "fly").await.status, 400);
    assert_eq!(delete(&gateway, "/agents/x").await.status, 404);
    let taken = json!({ "agent_type": "b_cell", "agent_id": "a" });
    assert_eq!(gateway.post("/agents/", &taken).await.status, 409);
    create(&gateway, "last").await;
    assert_eq!(expect(event(&mut session).await, "agent_created", "agents")["agent_id"], "last");
}

#[tokio::test]
async fn an_agents_room_is_its_own() {
    let gateway = gateway();
    let mut session = member(&gateway, &["agent:a"]).await;
    create(&gateway, "b").await;
    create(&gateway, "a").await;
    assert_eq!(expect(event(&mut session).await, "agent_created", "agent:a")["agent_id"], "a");
    quiet(&mut session).await;
}

#[tokio::test]
async fn a_member_of_both_rooms_gets_each_event_in_each() {
    let gateway = gateway();
    let mut session = member(&gateway, &["agents", "agent:a"]).await;
    create(&gateway, "a").await;
    let mut rooms = vec![event(&mut session).await.1, event(&mut session).await.1];
    rooms.sort();
    assert_eq!(rooms, ["agent:a", "agents"]);
    quiet(&mut session).await;
}

#[tokio::test]
async fn a_filter_lets_through_what_was_subscribed_to() {
    let gateway = gateway();
    let mut session = member(&gateway, &["agents"]).await;
    let types = json!({ "event_types": ["agent_deleted", "agent_status_changed"] });
    let reply = session.ask(&json!({ "action": "subscribe", "data": types })).await;
    assert_eq!((&reply["success"], &reply["message"]), (&json!(true), &json!("Subscribed to 2 event types")));
    create(&gateway, "a").await;
    act(&gateway, "a", "start").await;
    patch(&gateway, "a", json!({ "load": 0.5 })).await;
    delete(&gateway, "/agents/a").await;
    expect(event(&mut session).await, "agent_status_changed", "agents");
    expect(event(&mut session).await, "agent_deleted", "agents");
    session.ask(&json!({ "action": "unsubscribe", "data": types })).await;
    session.ask(&json!({ "action": "subscribe", "data": { "event_types": ["agent_c*"] } })).await;
    create(&gateway, "b").await;
    act(&gateway, "b", "start").await;
    expect(event(&mut session).await, "agent_created", "agents");
    quiet(&mut session).await;
    let unknown = json!({ "action": "subscribe", "data": { "event_types": ["agent_flew"] } });
    assert_eq!(session.ask(&unknown).await["success"], false);
}

#[tokio::test]
async fn every_type_of_the_contract_is_declared() {
    let gateway = gateway();
    let types = json!([
        "agent_created",
        "agent_updated",
        "agent_deleted",
        "agent_status_changed",
        "agent_action",
        "agent_cloned",
        "homeostatic_state_changed",
    ]);
    let mut session = member(&gateway, &[]).await;
    let reply = session.ask(&json!({ "action": "subscribe", "data": { "event_types": types } })).await;
    assert_eq!(reply["message"], "Subscribed to 7 event types", "{reply}");
}

/// How many events the room has had.
async fn offset(gateway: &Gateway) -> u64 {
    ok(gateway.get("/api/v1/rooms/agents").await)["offset"].as_u64().unwrap()
}

#[tokio::test]
async fn an_answer_never_comes_before_its_events_are_in_the_hub() {
    let gateway = gateway();
    let _keeps_the_room = member(&gateway, &["agents"]).await;
    let mut expected = 0;
    for round in 0..10 {
        let id = format!("a{round}");
        create(&gateway, &id).await;
        expected += 1;
        assert_eq!(offset(&gateway).await, expected);
        act(&gateway, &id, "start").await;
        expected += 2;
        assert_eq!(offset(&gateway).await, expected);
        patch(&gateway, &id, json!({ "health": 0.9 })).await;
        expected += 1;
        assert_eq!(offset(&gateway).await, expected);
        gateway.post("/lymphnode/clone", &json!({ "agent_id": id, "num_clones": 3 })).await;
        expected += 4;
        assert_eq!(offset(&gateway).await, expected);
        delete(&gateway, &format!("/lymphnode/clones/clone_{id}")).await;
        delete(&gateway, &format!("/agents/{id}")).await;
        expected += 4;
        assert_eq!(offset(&gateway).await, expected);
    }
}

#[tokio::test]
async fn a_heartbeat_is_an_update_where_it_says_something_new() {
    let gateway = gateway();
    create(&gateway, "a").await;
    let mut session = member(&gateway, &["agents"]).await;
    let body = json!({ "health": 0.9, "load": 1.5, "energia": 50 });
    let answer: Value = ok(heartbeat(&gateway, "a", body.clone()).await);
    assert_eq!(expect(event(&mut session).await, "agent_updated", "agents"), answer);
    ok(heartbeat(&gateway, "a", body).await);
    quiet(&mut session).await;
}
