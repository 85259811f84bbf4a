//! Paths: what is there with and without a slash, what is not, and what cannot be done.

use serde_json::json;

use crate::{ask, delete, gateway, ok, problem, propose, scan, vote};

#[tokio::test]
async fn a_slash_at_the_end_changes_nothing() {
    let gateway = gateway();
    let id = scan(&gateway).await;
    let proposal = crate::text(&propose(&gateway, json!({})).await["proposal_id"]);
    for path in [
        "/coordination/tasks".to_owned(),
        format!("/coordination/tasks/{id}"),
        "/coordination/election".to_owned(),
        "/coordination/consensus/proposals".to_owned(),
        format!("/coordination/consensus/proposals/{proposal}"),
        "/coordination/status".to_owned(),
    ] {
        assert_eq!(ok(gateway.get(&format!("{path}/")).await), ok(gateway.get(&path).await), "{path}");
    }
    assert_eq!(gateway.post("/coordination/tasks/", &json!({ "task_type": "x" })).await.status, 201);
    assert_eq!(gateway.post("/coordination/election/trigger/", &json!({})).await.status, 200);
    let body = json!({ "proposal_type": "t", "proposal_data": {}, "proposer_id": "p" });
    assert_eq!(gateway.post("/coordination/consensus/propose/", &body).await.status, 201);
    let path = format!("/coordination/tasks/{id}/actions/");
    assert_eq!(gateway.post(&path, &json!({ "action": "cancel" })).await.status, 200);
    let path = format!("/coordination/consensus/proposals/{proposal}/votes/");
    assert_eq!(gateway.post(&path, &json!({ "voter_id": "x", "vote": "yes" })).await.status, 422);
    assert_eq!(delete(&gateway, &format!("/coordination/tasks/{id}/")).await.status, 204);
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    let gateway = gateway();
    scan(&gateway).await;
    propose(&gateway, json!({})).await;
    for id in ["x", "task_scan_999", "task_scan_1", "task_scan_01", "task_patrol_001", "TASK_SCAN_001"] {
        let expected = format!("Task '{id}' not found");
        let path = format!("/coordination/tasks/{id}");
        assert_eq!(problem(&gateway.get(&path).await, 404), expected);
        assert_eq!(problem(&delete(&gateway, &path).await, 404), expected);
        for action in ["assign", "start", "complete", "fail", "retry", "cancel"] {
            let body = json!({ "action": action, "result": {}, "error": "e" });
            assert_eq!(problem(&ask(&gateway, id, body).await, 404), expected);
        }
    }
    for id in ["x", "proposal_999", "proposal_1", "001"] {
        let expected = format!("Proposal '{id}' not found");
        let path = format!("/coordination/consensus/proposals/{id}");
        assert_eq!(problem(&gateway.get(&path).await, 404), expected);
        assert_eq!(problem(&vote(&gateway, id, "a", "for").await, 404), expected);
    }
    // A path is decoded before it is looked for.
    let answer = gateway.get("/coordination/tasks/t%C3%A1sk%20x").await;
    assert_eq!(problem(&answer, 404), "Task 'tásk x' not found");
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let gateway = gateway();
    for (method, path, allowed) in [
        ("PUT", "/coordination/tasks", &["GET", "POST"][..]),
        ("DELETE", "/coordination/tasks", &["GET", "POST"]),
        ("POST", "/coordination/tasks/x", &["GET", "DELETE"]),
        ("PATCH", "/coordination/tasks/x", &["GET", "DELETE"]),
        ("GET", "/coordination/tasks/x/actions", &["POST"]),
        ("POST", "/coordination/election", &["GET"]),
        ("GET", "/coordination/election/trigger", &["POST"]),
        ("GET", "/coordination/consensus/propose", &["POST"]),
        ("POST", "/coordination/consensus/proposals", &["GET"]),
        ("GET", "/coordination/consensus/proposals/x/votes", &["POST"]),
        ("POST", "/coordination/status", &["GET"]),
    ] {
        let answer = gateway.request(method, path, Some("{}")).await;
        assert_eq!(answer.status, 405, "{method} {path}: {answer:?}");
        let listed = answer.header("allow").unwrap();
        assert!(allowed.iter().all(|method| listed.contains(method)), "{method} {path}: {listed}");
        assert!(!listed.contains(method), "{method} {path}: {listed}");
    }
}

#[tokio::test]
async fn an_unknown_path_is_not_found() {
    let gateway = gateway();
    for path in ["/coordination", "/coordination/x", "/coordination/consensus", "/coordination/tasks/x/y"] {
        problem(&gateway.get(path).await, 404);
    }
}
