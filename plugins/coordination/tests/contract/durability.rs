//! What was answered is still so after the process was killed, in the middle of each flow.

use serde_json::{Value, json};
use testkit::{Gateway, Options};

use crate::{
    active, ask, delete, election, member, next, number, ok, patch, problem, proposal, propose, remove, scan,
    show, start, status, step, task, text, trigger, vote, voter,
};

/// A gateway on a folder that outlives it, the folder, and how to start another on it.
fn kept() -> (Gateway, tempfile::TempDir, Options) {
    let data = tempfile::tempdir().unwrap();
    let options = Options::new().data(data.path().join("data"));
    (start(options.clone()), data, options)
}

/// All that can be read.
async fn everything(gateway: &Gateway) -> Vec<Value> {
    let mut all = Vec::new();
    for path in [
        "tasks?limit=1000",
        "election",
        "consensus/proposals?limit=1000",
        "status",
        "tasks?status=failed&skip=1",
    ] {
        all.push(ok(gateway.get(&format!("/coordination/{path}")).await));
    }
    all
}

#[tokio::test]
async fn all_is_as_it_was() {
    let (gateway, _data, options) = kept();
    for id in ["a", "b"] {
        voter(&gateway, id, "manual").await;
    }
    for way in [
        &[][..],
        &["assign"],
        &["assign", "start"],
        &["assign", "start", "complete"],
        &["assign", "start", "fail"],
        &["assign", "fail", "retry"],
        &["assign", "fail"],
        &["cancel"],
    ] {
        let body =
            json!({ "task_type": "scan", "parameters": { "deep": [1, { "é": null }] }, "timeout": 600 });
        let id = text(&task(&gateway, body).await["task_id"]);
        for action in way {
            step(&gateway, &id, action).await;
        }
    }
    for _ in 0..3 {
        trigger(&gateway).await;
    }
    patch(&gateway, "b", json!({ "config": { "vote": "for" } })).await;
    let pending = text(&propose(&gateway, json!({ "timeout": 600 })).await["proposal_id"]);
    patch(&gateway, "a", json!({ "config": { "vote": "against" } })).await;
    propose(&gateway, json!({})).await;
    assert_eq!(delete(&gateway, "/coordination/tasks/task_scan_001").await.status, 204);
    let before = everything(&gateway).await;
    gateway.kill();
    let gateway = start(options);
    assert_eq!(everything(&gateway).await, before);
    assert_eq!(ok(vote(&gateway, &pending, "a", "for").await)["status"], "approved");
}

#[tokio::test]
async fn a_task_goes_on_from_each_of_its_statuses() {
    let (mut gateway, _data, options) = kept();
    active(&gateway, "a").await;
    let (id, mut last) = (scan(&gateway).await, json!(null));
    for action in ["", "assign", "start", "fail", "retry", "assign", "start", "complete"] {
        if !action.is_empty() {
            last = step(&gateway, &id, action).await;
        }
        // The statistics are made of events: one that is killed before it has heard of them has not counted.
        ok(gateway.get("/agents/a/stats").await);
        gateway.kill();
        gateway = start(options.clone());
        let task = show(&gateway, &id).await;
        assert!(last.is_null() || task == last, "{task}");
    }
    assert_eq!(json!([last["status"], last["retries"]]), json!(["completed", 1]));
    problem(&ask(&gateway, &id, json!({ "action": "start" })).await, 409);
    problem(&delete(&gateway, &format!("/coordination/tasks/{id}")).await, 400);
    let stats = ok(gateway.get("/agents/a/stats").await);
    assert_eq!(json!([stats["tasks_completed"], stats["tasks_failed"]]), json!([1, 1]));
}

#[tokio::test]
async fn numbers_go_on_where_they_were() {
    let (gateway, _data, options) = kept();
    for _ in 0..3 {
        scan(&gateway).await;
        propose(&gateway, json!({})).await;
        trigger(&gateway).await;
    }
    assert_eq!(delete(&gateway, "/coordination/tasks/task_scan_003").await.status, 204);
    let leader = election(&gateway).await["leader_id"].clone();
    gateway.kill();
    let gateway = start(options);
    let mut session = member(&gateway, &["coordination"]).await;
    assert_eq!(scan(&gateway).await, "task_scan_004");
    let again = trigger(&gateway).await;
    let fields = ["leader_id", "election_term", "total_elections", "leader_changes"];
    assert_eq!(json!(fields.map(|name| again[name].clone())), json!([leader, 4, 4, 1]));
    assert_eq!(next(&mut session, "coordination", "election_triggered").await["election_term"], 4);
    // The leader is the one that it was: the next that is told is the proposal.
    assert_eq!(propose(&gateway, json!({})).await["proposal_id"], "proposal_004");
    next(&mut session, "coordination", "consensus_proposed").await;
}

#[tokio::test]
async fn a_leader_leads_on_and_has_a_successor_when_it_ends() {
    let (gateway, _data, options) = kept();
    for id in ["a", "b"] {
        active(&gateway, id).await;
    }
    trigger(&gateway).await;
    gateway.kill();
    let gateway = start(options);
    let mut session = member(&gateway, &["coordination"]).await;
    assert_eq!(status(&gateway).await["leader_id"], "a");
    remove(&gateway, "a").await;
    let now = election(&gateway).await;
    assert_eq!(json!([now["leader_id"], now["election_term"], now["leader_changes"]]), json!(["b", 2, 2]));
    next(&mut session, "coordination", "election_triggered").await;
    assert_eq!(next(&mut session, "coordination", "leader_elected").await["leader_id"], "b");
}

#[tokio::test]
async fn a_vote_counts_once_over_a_restart() {
    let (gateway, _data, options) = kept();
    for id in ["a", "b", "c"] {
        voter(&gateway, id, "manual").await;
    }
    let id = text(&propose(&gateway, json!({ "timeout": 600 })).await["proposal_id"]);
    let first = ok(vote(&gateway, &id, "a", "for").await);
    gateway.kill();
    let gateway = start(options.clone());
    active(&gateway, "late").await;
    problem(&vote(&gateway, &id, "a", "against").await, 409);
    problem(&vote(&gateway, &id, "late", "for").await, 403);
    assert_eq!(proposal(&gateway, &id).await, first);
    ok(vote(&gateway, &id, "b", "for").await);
    gateway.kill();
    let gateway = start(options);
    let mut session = member(&gateway, &["coordination"]).await;
    let decided = ok(vote(&gateway, &id, "c", "against").await);
    assert_eq!(json!([decided["status"], decided["votes_for"]]), json!(["approved", 2]));
    assert_eq!(next(&mut session, "coordination", "consensus_decided").await["proposal_id"], id);
    problem(&vote(&gateway, &id, "b", "for").await, 409);
}

#[tokio::test]
async fn what_timed_out_meanwhile_has_failed_at_the_start() {
    let (gateway, _data, options) = kept();
    voter(&gateway, "a", "manual").await;
    let mut ids = Vec::new();
    for timeout in [0.5, 600.0] {
        let id = text(&task(&gateway, json!({ "task_type": "scan", "timeout": timeout })).await["task_id"]);
        step(&gateway, &id, "assign").await;
        step(&gateway, &id, "start").await;
        let proposed = propose(&gateway, json!({ "timeout": timeout })).await;
        ids.push((id, text(&proposed["proposal_id"])));
    }
    gateway.kill();
    // The time that passes while nothing runs is what this is about.
    tokio::time::sleep(std::time::Duration::from_millis(600)).await;
    let gateway = start(options);
    let (failed, decided) = (show(&gateway, &ids[0].0).await, proposal(&gateway, &ids[0].1).await);
    assert_eq!(json!([failed["status"], failed["error"]]), json!(["failed", "timeout"]));
    assert!(number(&failed["duration"]) >= 0.5, "{failed}");
    let fields = ["status", "votes_abstain", "approval_rate"];
    assert_eq!(json!(fields.map(|name| decided[name].clone())), json!(["rejected", 1, 0.0]));
    assert!(number(&decided["decision_duration"]) >= 0.5, "{decided}");
    problem(&vote(&gateway, &ids[0].1, "a", "for").await, 409);
    assert_eq!(show(&gateway, &ids[1].0).await["status"], "running");
    assert_eq!(proposal(&gateway, &ids[1].1).await["status"], "pending");
    let counted = ok(gateway.get("/coordination/tasks").await)["by_status"].clone();
    assert_eq!((&counted["failed"], &counted["running"]), (&json!(1), &json!(1)));
}

#[tokio::test]
async fn what_had_time_left_still_times_out() {
    let (gateway, _data, options) = kept();
    voter(&gateway, "a", "manual").await;
    let id = text(&task(&gateway, json!({ "task_type": "scan", "timeout": 2.5 })).await["task_id"]);
    step(&gateway, &id, "assign").await;
    let clock = std::time::Instant::now();
    step(&gateway, &id, "start").await;
    let proposed = text(&propose(&gateway, json!({ "timeout": 2.5 })).await["proposal_id"]);
    gateway.kill();
    let gateway = start(options);
    let mut session = member(&gateway, &["tasks", "coordination"]).await;
    // On a busy machine the time is over before there is anybody to tell.
    while show(&gateway, &id).await["status"] == "running"
        || proposal(&gateway, &proposed).await["status"] == "pending"
    {
        let event = session.next().await;
        let own = if event["room"] == "tasks" { ["task_id", &id] } else { ["proposal_id", &proposed] };
        assert_eq!(event["data"][own[0]], own[1], "{event}");
    }
    let (task, decided) = (show(&gateway, &id).await, proposal(&gateway, &proposed).await);
    assert_eq!(
        json!([task["status"], task["error"], decided["status"]]),
        json!(["failed", "timeout", "rejected"])
    );
    // Time counts from the start of the task, not from that of the gateway.
    let most = clock.elapsed().as_secs_f64() + 0.01;
    assert!((2.5..most).contains(&number(&task["duration"])), "{task}");
    assert!((2.5..most).contains(&number(&decided["decision_duration"])), "{decided}");
}

#[tokio::test]
async fn the_coordinator_keeps_its_name() {
    let (gateway, _data, options) = kept();
    let name = trigger(&gateway).await["leader_id"].clone();
    gateway.kill();
    let again = start(options);
    assert_eq!(trigger(&again).await["leader_id"], name);
}
