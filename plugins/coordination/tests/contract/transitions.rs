//! The machine of a task's states: every pair of status and action.

use serde_json::{Value, json};
use testkit::Gateway;

use crate::{TASK, active, ask, gateway, has, is_time, member, next, number, problem, scan, show, step};

/// How a task comes into each of the statuses.
const STATUSES: [(&str, &[&str]); 6] = [
    ("pending", &[]),
    ("assigned", &["assign"]),
    ("running", &["assign", "start"]),
    ("completed", &["assign", "start", "complete"]),
    ("failed", &["assign", "start", "fail"]),
    ("cancelled", &["cancel"]),
];

/// What each action does: from where, to where, and what is told.
const ACTIONS: [(&str, &[&str], &str, &str); 6] = [
    ("assign", &["pending"], "assigned", "task_assigned"),
    ("start", &["assigned"], "running", "task_started"),
    ("complete", &["running"], "completed", "task_completed"),
    ("fail", &["assigned", "running"], "failed", "task_failed"),
    ("retry", &["failed"], "pending", "task_retried"),
    ("cancel", &["pending", "assigned", "running"], "cancelled", "task_cancelled"),
];

/// With all that any of the actions takes.
fn body(action: &str) -> Value {
    json!({ "action": action, "agent_id": null, "result": { "found": 3 }, "error": "boom" })
}

/// A new task that has come so far.
async fn brought(gateway: &Gateway, way: &[&str]) -> String {
    let id = scan(gateway).await;
    for action in way {
        step(gateway, &id, action).await;
    }
    id
}

#[tokio::test]
async fn each_action_leads_from_its_statuses_and_from_no_other() {
    let gateway = gateway();
    active(&gateway, "a").await;
    let mut session = member(&gateway, &["tasks"]).await;
    for (status, way) in STATUSES {
        for (action, from, to, kind) in ACTIONS {
            let id = brought(&gateway, way).await;
            for _ in 0..=way.len() {
                assert_eq!(session.next().await["data"]["task_id"], id);
            }
            let before = show(&gateway, &id).await;
            assert_eq!(before["status"], status);
            let answer = ask(&gateway, &id, body(action)).await;
            if from.contains(&status) {
                let task = crate::ok(answer);
                has(&task, &TASK);
                assert_eq!(task["status"], to, "{action} when {status}");
                assert_eq!(show(&gateway, &id).await, task);
                assert_eq!(next(&mut session, "tasks", kind).await, task);
            } else {
                let detail = problem(&answer, 409);
                assert!(detail.contains(status) && detail.contains(to), "{action} when {status}: {detail}");
                assert_eq!(show(&gateway, &id).await, before, "{action} when {status}");
            }
        }
    }
    // What was refused was told to nobody.
    let last = scan(&gateway).await;
    assert_eq!(next(&mut session, "tasks", "task_created").await["task_id"], last);
}

#[tokio::test]
async fn a_whole_life_fills_the_fields_one_after_another() {
    let gateway = gateway();
    active(&gateway, "a").await;
    let created = crate::task(&gateway, json!({ "task_type": "scan", "priority": 9, "target": "t" })).await;
    let id = crate::text(&created["task_id"]);
    let assigned = step(&gateway, &id, "assign").await;
    let mut expected = created.clone();
    expected["status"] = json!("assigned");
    expected["assigned_agent"] = json!("a");
    expected["assigned_at"] = assigned["assigned_at"].clone();
    assert_eq!(assigned, expected);
    let started = step(&gateway, &id, "start").await;
    expected["status"] = json!("running");
    expected["started_at"] = started["started_at"].clone();
    assert_eq!(started, expected);
    let completed = step(&gateway, &id, "complete").await;
    expected["status"] = json!("completed");
    expected["result"] = json!({ "found": 3 });
    expected["completed_at"] = completed["completed_at"].clone();
    expected["duration"] = completed["duration"].clone();
    assert_eq!(completed, expected);
    let times = ["created_at", "assigned_at", "started_at", "completed_at"].map(|name| &completed[name]);
    assert!(times.iter().all(|time| is_time(time)), "{completed}");
    assert!(times.is_sorted_by_key(|time| time.as_str()), "{completed}");
    assert!((0.0..20.0).contains(&number(&completed["duration"])), "{completed}");
}

#[tokio::test]
async fn a_duration_is_from_start_to_end_in_seconds() {
    let gateway = gateway();
    active(&gateway, "a").await;
    let id = brought(&gateway, &["assign"]).await;
    // Neither the time before the start counts, nor another unit.
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let clock = std::time::Instant::now();
    step(&gateway, &id, "start").await;
    let least = std::time::Instant::now();
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    let least = least.elapsed().as_secs_f64();
    let duration = number(&step(&gateway, &id, "complete").await["duration"]);
    let most = clock.elapsed().as_secs_f64();
    assert!((least - 0.01..most + 0.01).contains(&duration), "{least} <= {duration} <= {most}");
}

#[tokio::test]
async fn a_failure_says_why_and_when() {
    let gateway = gateway();
    active(&gateway, "a").await;
    for (way, ran) in [(&["assign", "fail"][..], false), (&["assign", "start", "fail"], true)] {
        let task = show(&gateway, &brought(&gateway, way).await).await;
        assert_eq!(
            json!([task["status"], task["error"], task["result"], task["retries"]]),
            json!(["failed", "boom", null, 0])
        );
        assert!(is_time(&task["completed_at"]), "{task}");
        assert_eq!((task["started_at"].is_string(), task["duration"].is_number()), (ran, ran), "{task}");
    }
}

#[tokio::test]
async fn a_retry_begins_anew_and_is_counted() {
    let gateway = gateway();
    active(&gateway, "a").await;
    let id = scan(&gateway).await;
    let created = show(&gateway, &id).await;
    for retries in 1..=3 {
        for action in ["assign", "start", "fail"] {
            assert_eq!(step(&gateway, &id, action).await["retries"], retries - 1);
        }
        let mut task = step(&gateway, &id, "retry").await;
        assert_eq!(task["retries"], retries);
        task["retries"] = json!(0);
        assert_eq!(task, created, "a task to do has neither agent nor end");
    }
    for action in ["assign", "start", "complete"] {
        step(&gateway, &id, action).await;
    }
    let task = show(&gateway, &id).await;
    assert_eq!(json!([task["status"], task["retries"], task["error"]]), json!(["completed", 3, null]));
}

#[tokio::test]
async fn nothing_but_an_action_moves_a_task() {
    let gateway = gateway();
    active(&gateway, "a").await;
    let id = scan(&gateway).await;
    let created = show(&gateway, &id).await;
    crate::trigger(&gateway).await;
    crate::propose(&gateway, json!({})).await;
    crate::act(&gateway, "a", "restart").await;
    assert_eq!(show(&gateway, &id).await, created);
    let assigned = step(&gateway, &id, "assign").await;
    crate::remove(&gateway, "a").await;
    crate::status(&gateway).await;
    assert_eq!(show(&gateway, &id).await, assigned);
}
