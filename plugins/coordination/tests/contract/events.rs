//! Events: which, where, with what data, and not after the answer.

use serde_json::json;
use testkit::Gateway;

use crate::{
    active, ask, delete, gateway, member, next, ok, propose, quiet, scan, show, step, task, trigger, voter,
};

#[tokio::test]
async fn a_tasks_life_is_told_in_order_with_the_whole_task() {
    let gateway = gateway();
    active(&gateway, "a").await;
    let mut session = member(&gateway, &["tasks"]).await;
    let created = task(&gateway, json!({ "task_type": "scan", "parameters": { "n": [1] } })).await;
    assert_eq!(next(&mut session, "tasks", "task_created").await, created);
    let id = crate::text(&created["task_id"]);
    for (action, kind) in [
        ("assign", "task_assigned"),
        ("start", "task_started"),
        ("fail", "task_failed"),
        ("retry", "task_retried"),
        ("assign", "task_assigned"),
        ("fail", "task_failed"),
        ("retry", "task_retried"),
        ("assign", "task_assigned"),
        ("start", "task_started"),
        ("complete", "task_completed"),
    ] {
        let task = step(&gateway, &id, action).await;
        assert_eq!(next(&mut session, "tasks", kind).await, task);
    }
    quiet(&mut session).await;
}

#[tokio::test]
async fn a_deleted_task_is_told_as_cancelled() {
    let gateway = gateway();
    active(&gateway, "a").await;
    let mut session = member(&gateway, &["tasks"]).await;
    for way in [&[][..], &["assign"], &["assign", "start"]] {
        let id = scan(&gateway).await;
        next(&mut session, "tasks", "task_created").await;
        for action in way {
            step(&gateway, &id, action).await;
            session.next().await;
        }
        let mut before = show(&gateway, &id).await;
        assert_eq!(delete(&gateway, &format!("/coordination/tasks/{id}")).await.status, 204);
        let told = next(&mut session, "tasks", "task_cancelled").await;
        crate::has(&told, &crate::TASK);
        // It has an end now, and is else as it was.
        for field in ["completed_at", "duration"] {
            before[field] = told[field].clone();
        }
        before["status"] = json!("cancelled");
        assert_eq!(told, before);
    }
    quiet(&mut session).await;
}

#[tokio::test]
async fn what_fails_is_told_to_nobody() {
    let gateway = gateway();
    let id = scan(&gateway).await;
    let mut session = member(&gateway, &["tasks", "coordination"]).await;
    assert_eq!(gateway.post("/coordination/tasks", &json!({})).await.status, 422);
    assert_eq!(ask(&gateway, &id, json!({ "action": "complete", "result": 1 })).await.status, 409);
    assert_eq!(ask(&gateway, &id, json!({ "action": "assign" })).await.status, 409);
    assert_eq!(ask(&gateway, &id, json!({ "action": "assign", "agent_id": "x" })).await.status, 404);
    assert_eq!(delete(&gateway, "/coordination/tasks/x").await.status, 404);
    assert_eq!(gateway.post("/coordination/consensus/propose", &json!({})).await.status, 422);
    assert_eq!(crate::vote(&gateway, "proposal_001", "a", "for").await.status, 404);
    crate::election(&gateway).await;
    crate::status(&gateway).await;
    let last = scan(&gateway).await;
    assert_eq!(next(&mut session, "tasks", "task_created").await["task_id"], last);
    trigger(&gateway).await;
    next(&mut session, "coordination", "election_triggered").await;
}

#[tokio::test]
async fn every_type_of_the_contract_is_declared() {
    let gateway = gateway();
    let types = json!([
        "task_created",
        "task_assigned",
        "task_started",
        "task_completed",
        "task_failed",
        "task_cancelled",
        "task_retried",
        "election_triggered",
        "leader_elected",
        "consensus_proposed",
        "consensus_decided",
        "health_changed",
    ]);
    let mut session = member(&gateway, &[]).await;
    let reply = session.ask(&json!({ "action": "subscribe", "data": { "event_types": types } })).await;
    assert_eq!(reply["message"], "Subscribed to 12 event types", "{reply}");
    let unknown = json!({ "action": "subscribe", "data": { "event_types": ["task_forgotten"] } });
    assert_eq!(session.ask(&unknown).await["success"], false);
}

#[tokio::test]
async fn a_filter_lets_through_what_was_subscribed_to() {
    let gateway = gateway();
    active(&gateway, "a").await;
    let mut session = member(&gateway, &["tasks", "coordination"]).await;
    let types = json!({ "event_types": ["task_completed", "leader_*", "consensus_decided"] });
    let reply = session.ask(&json!({ "action": "subscribe", "data": types })).await;
    assert_eq!(reply["message"], "Subscribed to 3 event types");
    let id = scan(&gateway).await;
    for action in ["assign", "start", "complete"] {
        step(&gateway, &id, action).await;
    }
    next(&mut session, "tasks", "task_completed").await;
    trigger(&gateway).await;
    next(&mut session, "coordination", "leader_elected").await;
    propose(&gateway, json!({})).await;
    next(&mut session, "coordination", "consensus_decided").await;
    quiet(&mut session).await;
}

#[tokio::test]
async fn who_is_in_no_room_hears_nothing() {
    let gateway = gateway();
    let mut session = member(&gateway, &[]).await;
    active(&gateway, "a").await;
    let id = scan(&gateway).await;
    step(&gateway, &id, "assign").await;
    trigger(&gateway).await;
    propose(&gateway, json!({})).await;
    quiet(&mut session).await;
}

/// How many events the room has had.
async fn offset(gateway: &Gateway, room: &str) -> u64 {
    ok(gateway.get(&format!("/api/v1/rooms/{room}")).await)["offset"].as_u64().unwrap()
}

#[tokio::test]
async fn an_answer_never_comes_before_its_events_are_in_the_hub() {
    let gateway = gateway();
    let _keeps_the_rooms = member(&gateway, &["tasks", "coordination"]).await;
    voter(&gateway, "a", "manual").await;
    trigger(&gateway).await;
    let (mut tasks, mut others) = (0, 2);
    assert_eq!(offset(&gateway, "coordination").await, others);
    for _ in 0..10 {
        let id = scan(&gateway).await;
        tasks += 1;
        assert_eq!(offset(&gateway, "tasks").await, tasks);
        for action in ["assign", "start", "complete"] {
            step(&gateway, &id, action).await;
            tasks += 1;
            assert_eq!(offset(&gateway, "tasks").await, tasks);
        }
        let id = scan(&gateway).await;
        delete(&gateway, &format!("/coordination/tasks/{id}")).await;
        tasks += 2;
        assert_eq!(offset(&gateway, "tasks").await, tasks);
        trigger(&gateway).await;
        others += 1;
        assert_eq!(offset(&gateway, "coordination").await, others);
        let proposal = crate::text(&propose(&gateway, json!({})).await["proposal_id"]);
        others += 1;
        assert_eq!(offset(&gateway, "coordination").await, others);
        ok(crate::vote(&gateway, &proposal, "a", "for").await);
        others += 1;
        assert_eq!(offset(&gateway, "coordination").await, others);
    }
}
