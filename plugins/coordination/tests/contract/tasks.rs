//! One task: made, shown, named, deleted.

use serde_json::{Value, json};

use crate::{TASK, delete, gateway, has, is_time, number, problem, scan, show, step, task, text};

#[tokio::test]
async fn a_new_task_is_pending_with_all_that_was_given() {
    let gateway = gateway();
    let parameters = json!({ "depth": 3, "deep": { "é": [1, null] } });
    let body = json!({
        "task_type": "scan", "priority": 8, "target": "zone_a", "parameters": parameters, "timeout": 30,
        "status": "running", "retries": 9, "extra": 7,
    });
    let task = task(&gateway, body).await;
    has(&task, &TASK);
    assert!(is_time(&task["created_at"]), "{task}");
    assert_eq!(number(&task["timeout"]), 30.0);
    let expected = json!({
        "task_id": "task_scan_001", "task_type": "scan", "status": "pending", "priority": 8,
        "assigned_agent": null, "target": "zone_a", "parameters": parameters, "timeout": task["timeout"],
        "result": null, "error": null, "created_at": task["created_at"], "assigned_at": null,
        "started_at": null, "completed_at": null, "duration": null, "retries": 0,
    });
    assert_eq!(task, expected);
    assert_eq!(show(&gateway, "task_scan_001").await, task);
    assert_eq!(show(&gateway, "task_scan_001/").await, task);
}

#[tokio::test]
async fn what_is_left_out_or_null_is_made_up_for() {
    let gateway = gateway();
    let nulls =
        json!({ "task_type": "scan", "priority": null, "target": null, "parameters": null, "timeout": null });
    let mut without: Value = task(&gateway, json!({ "task_type": "scan" })).await;
    let mut with = task(&gateway, nulls).await;
    for task in [&mut without, &mut with] {
        has(task, &TASK);
        assert_eq!(
            (&task["priority"], &task["target"], &task["timeout"]),
            (&json!(5), &json!(null), &json!(null))
        );
        for own in ["task_id", "created_at"] {
            task[own].take();
        }
    }
    assert_eq!(without, with);
}

#[tokio::test]
async fn a_priority_may_be_text_or_an_integral_float() {
    let gateway = gateway();
    for (given, taken) in
        [(json!("5"), 5), (json!(5.0), 5), (json!("10"), 10), (json!(1), 1), (json!(10), 10), (json!(1.0), 1)]
    {
        let task = task(&gateway, json!({ "task_type": "scan", "priority": given })).await;
        assert_eq!(task["priority"], taken, "{given}");
        assert!(task["priority"].is_u64(), "{task}");
    }
}

#[tokio::test]
async fn a_timeout_may_be_part_of_a_second() {
    let gateway = gateway();
    for given in [json!(0.25), json!(1), json!(2.0), json!(86_400)] {
        let task = task(&gateway, json!({ "task_type": "scan", "timeout": given })).await;
        assert_eq!(number(&task["timeout"]), number(&given));
    }
}

#[tokio::test]
async fn ids_are_counted_over_all_types_and_never_given_twice() {
    let gateway = gateway();
    let mut ids = Vec::new();
    for kind in ["scan", "patrol", "scan", "deep_clean"] {
        ids.push(text(&task(&gateway, json!({ "task_type": kind })).await["task_id"]));
    }
    assert_eq!(ids, ["task_scan_001", "task_patrol_002", "task_scan_003", "task_deep_clean_004"]);
    assert_eq!(delete(&gateway, "/coordination/tasks/task_deep_clean_004").await.status, 204);
    assert_eq!(scan(&gateway).await, "task_scan_005");
    // What is refused takes no number.
    assert_eq!(
        gateway.post("/coordination/tasks", &json!({ "task_type": "x", "priority": 0 })).await.status,
        422
    );
    assert_eq!(scan(&gateway).await, "task_scan_006");
}

#[tokio::test]
async fn an_id_has_as_many_digits_as_it_needs_and_the_order_is_that_of_creation() {
    let data = tempfile::tempdir().unwrap();
    let options = testkit::Options::new().data(data.path().join("data"));
    let gateway = crate::start(options.clone());
    for _ in 0..19 {
        futures_util::future::join_all((0..52).map(|_| scan(&gateway))).await;
    }
    for n in 989..=1002 {
        // No two neighbours are in the order of their names.
        let kind = if n % 2 == 0 { "a" } else { "z" };
        task(&gateway, json!({ "task_type": kind })).await;
    }
    let page = async |gateway: &testkit::Gateway| {
        let list = crate::ok(gateway.get("/coordination/tasks?skip=97&limit=1000").await);
        crate::column(&list["tasks"], "task_id")
    };
    let before = page(&gateway).await;
    assert_eq!(before[..3], ["task_scan_098", "task_scan_099", "task_scan_100"]);
    assert_eq!(before[900..], ["task_a_998", "task_z_999", "task_a_1000", "task_z_1001", "task_a_1002"]);
    gateway.kill();
    assert_eq!(page(&crate::start(options)).await, before);
}

#[tokio::test]
async fn a_deleted_task_is_gone() {
    let gateway = gateway();
    let id = scan(&gateway).await;
    let path = format!("/coordination/tasks/{id}");
    let answer = delete(&gateway, &path).await;
    assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    let gone = format!("Task '{id}' not found");
    assert_eq!(problem(&gateway.get(&path).await, 404), gone);
    assert_eq!(problem(&delete(&gateway, &path).await, 404), gone);
    assert_eq!(problem(&crate::ask(&gateway, &id, json!({ "action": "assign" })).await, 404), gone);
    assert_eq!(crate::ok(gateway.get("/coordination/tasks").await)["total"], 0);
}

#[tokio::test]
async fn what_has_ended_is_not_deleted() {
    let gateway = gateway();
    crate::active(&gateway, "a").await;
    for (end, status) in [("complete", "completed"), ("fail", "failed")] {
        let id = scan(&gateway).await;
        for action in ["assign", "start", end] {
            step(&gateway, &id, action).await;
        }
        let before = show(&gateway, &id).await;
        let answer = delete(&gateway, &format!("/coordination/tasks/{id}")).await;
        assert_eq!(problem(&answer, 400), format!("Cannot cancel task in status '{status}'"));
        assert_eq!(show(&gateway, &id).await, before);
    }
}

#[tokio::test]
async fn a_task_is_deleted_before_it_has_ended_or_when_it_was_cancelled() {
    let gateway = gateway();
    crate::active(&gateway, "a").await;
    for way in [vec![], vec!["assign"], vec!["assign", "start"], vec!["cancel"]] {
        let id = scan(&gateway).await;
        for action in &way {
            step(&gateway, &id, action).await;
        }
        let path = format!("/coordination/tasks/{id}");
        assert_eq!(delete(&gateway, &path).await.status, 204, "after {way:?}");
        assert_eq!(gateway.get(&path).await.status, 404);
    }
}

#[tokio::test]
async fn a_result_is_any_json() {
    let gateway = gateway();
    crate::active(&gateway, "a").await;
    for result in [json!({ "cells": [1, 2] }), json!("done"), json!(7), json!(false), json!([{}])] {
        let id = scan(&gateway).await;
        for action in ["assign", "start"] {
            step(&gateway, &id, action).await;
        }
        let body = json!({ "action": "complete", "result": result });
        assert_eq!(crate::ok(crate::ask(&gateway, &id, body).await)["result"], result);
        assert_eq!(show(&gateway, &id).await["result"], result);
    }
}
