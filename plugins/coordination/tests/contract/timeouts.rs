//! Tasks that take too long.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::{Gateway, Socket};

use crate::{active, gateway, is_time, member, next, number, show, step, task, text};

/// A new task of that time.
async fn timed(gateway: &Gateway, seconds: f64) -> String {
    text(&task(gateway, json!({ "task_type": "scan", "timeout": seconds })).await["task_id"])
}

async fn run(gateway: &Gateway, id: &str) {
    for action in ["assign", "start"] {
        step(gateway, id, action).await;
    }
}

/// The next failure that a session hears of.
async fn failure(session: &mut Socket) -> Value {
    next(session, "tasks", "task_failed").await
}

/// A session that hears of failures alone.
async fn listener(gateway: &Gateway) -> Socket {
    let mut session = member(gateway, &["tasks"]).await;
    let types = json!({ "event_types": ["task_failed"] });
    assert_eq!(session.ask(&json!({ "action": "subscribe", "data": types })).await["success"], true);
    session
}

#[tokio::test]
async fn a_task_that_runs_past_its_time_fails_by_itself() {
    let gateway = gateway();
    active(&gateway, "a").await;
    let mut session = listener(&gateway).await;
    let id = timed(&gateway, 0.3).await;
    run(&gateway, &id).await;
    let started = Instant::now();
    let told = failure(&mut session).await;
    assert!(started.elapsed() > Duration::from_millis(200), "{:?}", started.elapsed());
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    let expected = json!([id, "failed", "timeout", "a", null]);
    let fields = ["task_id", "status", "error", "assigned_agent", "result"];
    assert_eq!(json!(fields.map(|name| told[name].clone())), expected);
    assert!(is_time(&told["completed_at"]) && number(&told["duration"]) >= 0.3, "{told}");
    assert_eq!(show(&gateway, &id).await, told);
    assert_eq!(crate::ok(gateway.get("/agents/a/stats").await)["tasks_failed"], 1);
}

#[tokio::test]
async fn the_time_runs_from_the_start() {
    let gateway = gateway();
    active(&gateway, "a").await;
    let mut session = listener(&gateway).await;
    let (pending, assigned) = (timed(&gateway, 0.2).await, timed(&gateway, 0.2).await);
    step(&gateway, &assigned, "assign").await;
    let running = timed(&gateway, 0.5).await;
    run(&gateway, &running).await;
    assert_eq!(failure(&mut session).await["task_id"], running);
    assert_eq!(show(&gateway, &pending).await["status"], "pending");
    assert_eq!(show(&gateway, &assigned).await["status"], "assigned");
    step(&gateway, &assigned, "start").await;
    assert_eq!(failure(&mut session).await["task_id"], assigned);
}

#[tokio::test]
async fn what_has_ended_or_is_gone_does_not_time_out() {
    let gateway = gateway();
    active(&gateway, "a").await;
    let mut session = listener(&gateway).await;
    let [done, cancelled, deleted, failed] = [(); 4].map(|()| timed(&gateway, 1.5));
    let (done, cancelled, deleted, failed) = (done.await, cancelled.await, deleted.await, failed.await);
    for id in [&done, &cancelled, &deleted, &failed] {
        run(&gateway, id).await;
    }
    step(&gateway, &done, "complete").await;
    step(&gateway, &cancelled, "cancel").await;
    step(&gateway, &failed, "fail").await;
    assert_eq!(crate::delete(&gateway, &format!("/coordination/tasks/{deleted}")).await.status, 204);
    let last = timed(&gateway, 1.6).await;
    run(&gateway, &last).await;
    // By hand, and then the last: its time is over after that of the others.
    assert_eq!(failure(&mut session).await["task_id"], failed);
    assert_eq!(failure(&mut session).await["task_id"], last);
    assert_eq!(show(&gateway, &failed).await["error"], "boom");
    assert_eq!(show(&gateway, &done).await["status"], "completed");
    assert_eq!(show(&gateway, &cancelled).await["status"], "cancelled");
}

#[tokio::test]
async fn a_task_may_time_out_again_after_a_retry() {
    let gateway = gateway();
    active(&gateway, "a").await;
    let mut session = listener(&gateway).await;
    let id = timed(&gateway, 0.2).await;
    for retries in 0..3 {
        run(&gateway, &id).await;
        let told = failure(&mut session).await;
        assert_eq!((&told["error"], &told["retries"]), (&json!("timeout"), &json!(retries)));
        // Each run has its own time.
        assert!((0.2..1.5).contains(&number(&told["duration"])), "{told}");
        step(&gateway, &id, "retry").await;
    }
}

#[tokio::test]
async fn a_run_does_not_end_by_the_time_of_the_one_before() {
    let gateway = gateway();
    active(&gateway, "a").await;
    let mut session = listener(&gateway).await;
    let id = timed(&gateway, 1.5).await;
    run(&gateway, &id).await;
    step(&gateway, &id, "fail").await;
    assert_eq!(failure(&mut session).await["error"], "boom");
    step(&gateway, &id, "retry").await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    run(&gateway, &id).await;
    assert!(number(&failure(&mut session).await["duration"]) >= 1.5);
}

#[tokio::test]
async fn many_tasks_time_out_each_at_its_time() {
    let gateway = gateway();
    active(&gateway, "a").await;
    let mut session = listener(&gateway).await;
    let mut ids = Vec::new();
    for fifths in [9, 3, 7, 5] {
        let id = timed(&gateway, f64::from(fifths) / 5.0).await;
        run(&gateway, &id).await;
        ids.push(id);
    }
    let (mut told, mut times) = (Vec::new(), Vec::new());
    for _ in &ids {
        let task = failure(&mut session).await;
        let (timeout, duration) = (number(&task["timeout"]), number(&task["duration"]));
        assert!((timeout..timeout + 5.0).contains(&duration), "{task}");
        told.push(text(&task["task_id"]));
        times.push(text(&task["completed_at"]));
    }
    assert!(times.is_sorted(), "{times:?}");
    told.sort();
    assert_eq!(told, ids);
}

#[tokio::test]
async fn a_time_may_be_longer_than_anybody_waits_or_shorter() {
    let gateway = gateway();
    active(&gateway, "a").await;
    let mut session = listener(&gateway).await;
    for seconds in [1e9, 1e18, 1e300] {
        let id = timed(&gateway, seconds).await;
        run(&gateway, &id).await;
        assert_eq!(number(&show(&gateway, &id).await["timeout"]), seconds);
        let proposed = crate::propose(&gateway, json!({ "timeout": seconds })).await;
        assert_eq!(proposed["status"], "approved");
    }
    let id = timed(&gateway, 1e-9).await;
    run(&gateway, &id).await;
    assert_eq!(failure(&mut session).await["task_id"], id);
}
