//! Actions: what each leads to from every status, and what is checked first.

use serde_json::json;

use crate::{act, create, gateway, ok, patch, problem, unprocessable};

const INVALID: &str = "Invalid action. Valid actions: start, stop, pause, resume, restart";

#[tokio::test]
async fn every_action_works_in_every_status() {
    let gateway = gateway();
    create(&gateway, "a").await;
    for before in ["inactive", "active", "paused", "lost"] {
        for (action, after, message) in [
            ("start", "active", "Agent started"),
            ("stop", "inactive", "Agent stopped"),
            ("pause", "paused", "Agent paused"),
            ("resume", "active", "Agent resumed"),
            ("restart", "active", "Agent restarted"),
        ] {
            ok(patch(&gateway, "a", json!({ "status": before })).await);
            let expected = json!({
                "agent_id": "a", "action": action, "success": true, "message": message, "new_status": after,
            });
            for _ in 0..2 {
                assert_eq!(ok(act(&gateway, "a", action).await), expected, "from {before}");
            }
            assert_eq!(ok(gateway.get("/agents/a").await)["status"], after);
        }
    }
}

#[tokio::test]
async fn another_action_is_invalid_whether_the_agent_exists_or_not() {
    let gateway = gateway();
    create(&gateway, "a").await;
    for id in ["a", "x"] {
        for action in ["fly", "START", " start", ""] {
            problem(&act(&gateway, id, action).await, 400, INVALID);
        }
        for (body, field) in [
            (json!({}), "action"),
            (json!({ "action": null }), "action"),
            (json!({ "action": 7 }), "action"),
            (json!({ "action": "start", "parameters": [] }), "parameters"),
            (json!({ "action": "fly", "parameters": "x" }), "parameters"),
        ] {
            let answer = gateway.post(&format!("/agents/{id}/actions"), &body).await;
            unprocessable(&answer, &[json!(["body", field])]);
        }
    }
}

#[tokio::test]
async fn parameters_may_be_given_or_null() {
    let gateway = gateway();
    create(&gateway, "a").await;
    for parameters in [json!({ "why": "test" }), json!(null)] {
        let body = json!({ "action": "start", "parameters": parameters, "extra": 1 });
        ok(gateway.post("/agents/a/actions/", &body).await);
    }
}
