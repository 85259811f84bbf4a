//! Who gets a task.

use serde_json::json;

use crate::{
    active, ask, create, gateway, heartbeat, is_time, member, next, ok, patch, problem, scan, show, step,
    task,
};

#[tokio::test]
async fn a_named_agent_gets_the_task() {
    let gateway = gateway();
    for id in ["idle", "busy"] {
        active(&gateway, id).await;
    }
    patch(&gateway, "busy", json!({ "load": 0.9 })).await;
    let id = scan(&gateway).await;
    let task = ok(ask(&gateway, &id, json!({ "action": "assign", "agent_id": "busy", "extra": 1 })).await);
    assert_eq!((&task["status"], &task["assigned_agent"]), (&json!("assigned"), &json!("busy")));
    assert!(is_time(&task["assigned_at"]), "{task}");
    assert_eq!(show(&gateway, &id).await, task);
}

#[tokio::test]
async fn a_task_for_nobody_in_particular_goes_to_the_active_agent_with_the_least_load() {
    let gateway = gateway();
    for (id, load) in [("a", 0.5), ("b", 0.2), ("c", 0.3)] {
        active(&gateway, id).await;
        patch(&gateway, id, json!({ "load": load })).await;
    }
    // Idle ones that do not count.
    create(&gateway, "inactive").await;
    for (id, action) in [("paused", "pause"), ("stopped", "stop")] {
        active(&gateway, id).await;
        crate::act(&gateway, id, action).await;
    }
    active(&gateway, "lost").await;
    patch(&gateway, "lost", json!({ "status": "lost" })).await;
    for body in [json!({ "action": "assign" }), json!({ "action": "assign", "agent_id": null })] {
        let id = scan(&gateway).await;
        assert_eq!(ok(ask(&gateway, &id, body).await)["assigned_agent"], "b");
    }
    heartbeat(&gateway, "b", json!({ "load": 4.5 })).await;
    let id = scan(&gateway).await;
    assert_eq!(step(&gateway, &id, "assign").await["assigned_agent"], "c");
    crate::remove(&gateway, "c").await;
    let id = scan(&gateway).await;
    assert_eq!(step(&gateway, &id, "assign").await["assigned_agent"], "a");
    crate::act(&gateway, "paused", "resume").await;
    let id = scan(&gateway).await;
    assert_eq!(step(&gateway, &id, "assign").await["assigned_agent"], "paused");
}

#[tokio::test]
async fn without_an_active_agent_there_is_a_conflict_and_the_task_stays() {
    let gateway = gateway();
    let mut session = member(&gateway, &["tasks"]).await;
    let created = task(&gateway, json!({ "task_type": "scan" })).await;
    let id = crate::text(&created["task_id"]);
    next(&mut session, "tasks", "task_created").await;
    for known in [None, Some("a")] {
        if let Some(agent) = known {
            create(&gateway, agent).await;
        }
        assert!(!problem(&ask(&gateway, &id, json!({ "action": "assign" })).await, 409).is_empty());
        assert_eq!(show(&gateway, &id).await, created);
    }
    crate::act(&gateway, "a", "start").await;
    let assigned = step(&gateway, &id, "assign").await;
    assert_eq!(next(&mut session, "tasks", "task_assigned").await, assigned);
}

#[tokio::test]
async fn an_unknown_agent_gets_nothing() {
    let gateway = gateway();
    for id in ["a", "gone"] {
        active(&gateway, id).await;
    }
    crate::remove(&gateway, "gone").await;
    let id = scan(&gateway).await;
    for agent in ["x", "gone", "é x"] {
        let answer = ask(&gateway, &id, json!({ "action": "assign", "agent_id": agent })).await;
        assert_eq!(problem(&answer, 404), format!("Agent '{agent}' not found"));
        assert_eq!(show(&gateway, &id).await["status"], "pending");
    }
}

#[tokio::test]
async fn an_agents_statistics_are_made_of_its_tasks() {
    let gateway = gateway();
    active(&gateway, "a").await;
    let mut durations = Vec::new();
    for end in ["complete", "complete", "complete", "fail"] {
        let id = scan(&gateway).await;
        for action in ["assign", "start", end] {
            step(&gateway, &id, action).await;
        }
        durations.push(crate::number(&show(&gateway, &id).await["duration"]));
    }
    let stats = ok(gateway.get("/agents/a/stats").await);
    let counts = ["total_tasks", "tasks_completed", "tasks_failed"].map(|name| stats[name].clone());
    assert_eq!(json!(counts), json!([4, 3, 1]));
    assert_eq!(crate::number(&stats["success_rate"]), 0.75);
    let average = crate::number(&stats["average_task_duration"]);
    let (least, most) = durations.iter().fold((f64::MAX, 0.0_f64), |(a, b), d| (a.min(*d), b.max(*d)));
    assert!((least..=most).contains(&average), "{least} <= {average} <= {most}");
}
