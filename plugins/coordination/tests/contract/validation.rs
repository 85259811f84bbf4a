//! What does not validate is 422, names each field, comes before existence and changes nothing.

use serde_json::{Value, json};
use testkit::Gateway;

use crate::{ask, gateway, member, ok, proposal, propose, quiet, scan, show, text, unprocessable, voter};

fn body(field: &str) -> Value {
    json!(["body", field])
}

/// How many tasks and proposals there are.
async fn totals(gateway: &Gateway) -> (u64, u64) {
    let total = async |path: &str| ok(gateway.get(path).await)["total"].as_u64().unwrap();
    (total("/coordination/tasks").await, total("/coordination/consensus/proposals").await)
}

#[tokio::test]
async fn no_object_is_no_body() {
    let gateway = gateway();
    for path in [
        "/coordination/tasks",
        "/coordination/tasks/x/actions",
        "/coordination/consensus/propose",
        "/coordination/consensus/proposals/x/votes",
    ] {
        for text in ["[]", "7", "{", "{\"a\":}", "\"x\"", "null", ""] {
            let answer = gateway.request("POST", path, Some(text)).await;
            unprocessable(&answer, &[json!(["body"])]);
        }
        unprocessable(&gateway.request("POST", path, None).await, &[json!(["body"])]);
    }
    assert_eq!(totals(&gateway).await, (0, 0));
}

#[tokio::test]
async fn a_new_tasks_fields_are_checked() {
    let gateway = gateway();
    let mut session = member(&gateway, &["tasks"]).await;
    for (fields, wrong) in [
        (json!({}), "task_type"),
        (json!({ "task_type": null }), "task_type"),
        (json!({ "task_type": "" }), "task_type"),
        (json!({ "task_type": 7 }), "task_type"),
        (json!({ "task_type": ["scan"] }), "task_type"),
        (json!({ "priority": 5 }), "task_type"),
        (json!({ "task_type": "x", "priority": 0 }), "priority"),
        (json!({ "task_type": "x", "priority": 11 }), "priority"),
        (json!({ "task_type": "x", "priority": -1 }), "priority"),
        (json!({ "task_type": "x", "priority": 5.5 }), "priority"),
        (json!({ "task_type": "x", "priority": "5.5" }), "priority"),
        (json!({ "task_type": "x", "priority": "high" }), "priority"),
        (json!({ "task_type": "x", "priority": "" }), "priority"),
        (json!({ "task_type": "x", "priority": "11" }), "priority"),
        (json!({ "task_type": "x", "priority": 1e300 }), "priority"),
        (json!({ "task_type": "x", "priority": [5] }), "priority"),
        (json!({ "task_type": "x", "timeout": 0 }), "timeout"),
        (json!({ "task_type": "x", "timeout": -0.5 }), "timeout"),
        (json!({ "task_type": "x", "timeout": "soon" }), "timeout"),
        (json!({ "task_type": "x", "timeout": {} }), "timeout"),
        (json!({ "task_type": "x", "parameters": "x" }), "parameters"),
        (json!({ "task_type": "x", "parameters": [1] }), "parameters"),
    ] {
        unprocessable(&gateway.post("/coordination/tasks", &fields).await, &[body(wrong)]);
    }
    let all = json!({ "task_type": 7, "priority": 0, "timeout": 0 });
    let answer = gateway.post("/coordination/tasks/", &all).await;
    assert_eq!((answer.status, answer.json()["errors"].as_array().unwrap().len()), (422, 3));
    assert_eq!(totals(&gateway).await, (0, 0));
    quiet(&mut session).await;
}

#[tokio::test]
async fn an_action_is_checked_before_the_task_is_looked_for() {
    let gateway = gateway();
    let id = scan(&gateway).await;
    let before = show(&gateway, &id).await;
    for task in [id.as_str(), "task_scan_999", "x"] {
        for (fields, wrong) in [
            (json!({}), "action"),
            (json!({ "action": null }), "action"),
            (json!({ "action": "" }), "action"),
            (json!({ "action": 7 }), "action"),
            (json!({ "action": "fly" }), "action"),
            (json!({ "action": "assign", "agent_id": 7 }), "agent_id"),
            (json!({ "action": "assign", "agent_id": [] }), "agent_id"),
            (json!({ "action": "fail", "error": {} }), "error"),
        ] {
            unprocessable(&ask(&gateway, task, fields).await, &[body(wrong)]);
        }
    }
    assert_eq!(show(&gateway, &id).await, before);
}

#[tokio::test]
async fn a_proposals_fields_are_checked() {
    let gateway = gateway();
    let mut session = member(&gateway, &["coordination"]).await;
    let right = json!({ "proposal_type": "t", "proposal_data": {}, "proposer_id": "p" });
    for (field, wrong) in [
        ("proposal_type", vec![json!(null), json!(7), json!("")]),
        ("proposal_data", vec![json!(null), json!("x"), json!([1])]),
        ("proposer_id", vec![json!(null), json!(7), json!([])]),
        ("timeout", vec![json!(0), json!(-1), json!("soon"), json!([])]),
    ] {
        for value in wrong {
            let mut fields = right.clone();
            fields[field] = value;
            unprocessable(&gateway.post("/coordination/consensus/propose", &fields).await, &[body(field)]);
        }
        let mut without = right.clone();
        if without.as_object_mut().unwrap().remove(field).is_some() {
            unprocessable(&gateway.post("/coordination/consensus/propose", &without).await, &[body(field)]);
        }
    }
    let all = gateway.post("/coordination/consensus/propose", &json!({ "timeout": 0 })).await;
    assert_eq!((all.status, all.json()["errors"].as_array().unwrap().len()), (422, 4));
    assert_eq!(totals(&gateway).await, (0, 0));
    quiet(&mut session).await;
}

#[tokio::test]
async fn a_vote_is_checked_before_the_proposal_is_looked_for() {
    let gateway = gateway();
    voter(&gateway, "a", "manual").await;
    let pending = propose(&gateway, json!({})).await;
    let id = text(&pending["proposal_id"]);
    for proposal in [id.as_str(), "proposal_999", "x"] {
        for (fields, wrong) in [
            (json!({ "vote": "for" }), "voter_id"),
            (json!({ "voter_id": null, "vote": "for" }), "voter_id"),
            (json!({ "voter_id": 7, "vote": "for" }), "voter_id"),
            (json!({ "voter_id": "a" }), "vote"),
            (json!({ "voter_id": "a", "vote": null }), "vote"),
            (json!({ "voter_id": "a", "vote": "yes" }), "vote"),
            (json!({ "voter_id": "a", "vote": "auto" }), "vote"),
            (json!({ "voter_id": "a", "vote": "manual" }), "vote"),
            (json!({ "voter_id": "a", "vote": true }), "vote"),
        ] {
            let path = format!("/coordination/consensus/proposals/{proposal}/votes");
            unprocessable(&gateway.post(&path, &fields).await, &[body(wrong)]);
        }
    }
    assert_eq!(proposal(&gateway, &id).await, pending);
}
