//! Whole flows over both plugins: agents, a leader, tasks, consensus, clones, their end, with several sessions in
//! several rooms, and once more with a kill after each step.

use std::collections::BTreeMap;

use serde_json::json;
use testkit::{Gateway, Options};

use crate::{
    Listener, act, active, create, delete, election, gateway, ok, patch, propose, remove, scan, start,
    status, step, text, trigger, vote, voter,
};

#[tokio::test]
async fn from_the_first_agent_to_the_last() {
    let gateway = gateway();
    let mut all = Listener::new(&gateway, &["agents", "tasks", "coordination", "system"]).await;
    let mut other = Listener::new(&gateway, &["coordination", "tasks"]).await;
    let mut own = Listener::new(&gateway, &["agent:a"]).await;
    let silent = Listener::new(&gateway, &[]).await;

    for id in ["a", "b", "c"] {
        active(&gateway, id).await;
        all.hears("agents", &["agent_created", "agent_action", "agent_status_changed"]).await;
    }
    own.hears("agent:a", &["agent_created", "agent_action", "agent_status_changed"]).await;
    let changed = json!({ "component": "agents", "old_status": "unhealthy", "new_status": "healthy" });
    assert_eq!(all.health_changed().await, changed);

    let elected = trigger(&gateway).await;
    assert_eq!(elected["leader_id"], "a");
    for listener in [&mut all, &mut other] {
        let told = listener.hears("coordination", &["election_triggered", "leader_elected"]).await;
        assert_eq!(told[1], json!({ "leader_id": "a", "election_term": 1 }));
    }

    patch(&gateway, "b", json!({ "load": 0.5 })).await;
    patch(&gateway, "a", json!({ "load": 0.75 })).await;
    patch(&gateway, "c", json!({ "load": 0.25 })).await;
    own.hears("agent:a", &["agent_updated"]).await;
    let task = scan(&gateway).await;
    for (action, kind) in [
        ("", "task_created"),
        ("assign", "task_assigned"),
        ("start", "task_started"),
        ("complete", "task_completed"),
    ] {
        if !action.is_empty() {
            step(&gateway, &task, action).await;
        }
        let now = crate::show(&gateway, &task).await;
        for listener in [&mut all, &mut other] {
            assert_eq!(listener.hears("tasks", &[kind]).await[0], now);
        }
    }
    let stats = ok(gateway.get("/agents/c/stats").await);
    assert_eq!(json!([stats["total_tasks"], stats["success_rate"]]), json!([1, 1.0]));
    all.hears("agents", &["agent_updated"; 3]).await;

    patch(&gateway, "c", json!({ "config": { "vote": "manual" } })).await;
    let proposed = propose(&gateway, json!({ "proposer_id": "a" })).await;
    let id = text(&proposed["proposal_id"]);
    assert_eq!(json!([proposed["status"], proposed["votes_for"]]), json!(["pending", 2]));
    assert_eq!(ok(vote(&gateway, &id, "c", "against").await)["status"], "approved");
    for listener in [&mut all, &mut other] {
        let told = listener.hears("coordination", &["consensus_proposed", "consensus_decided"]).await;
        assert_eq!(told[0], proposed);
        assert_eq!(told[1]["decision"], "approved");
    }
    all.hears("agents", &["agent_updated"]).await;

    let body = json!({ "agent_id": "a", "num_clones": 3, "especializacao": "fever" });
    let answer = gateway.post("/lymphnode/clone", &body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    all.hears("agents", &["agent_created", "agent_created", "agent_created", "agent_cloned"]).await;
    own.hears("agent:a", &["agent_cloned"]).await;
    assert_eq!(status(&gateway).await["total_agents"], 6);
    let clone = text(&answer.json()["clone_ids"][0]);
    act(&gateway, &clone, "start").await;
    all.hears("agents", &["agent_action", "agent_status_changed"]).await;

    remove(&gateway, "a").await;
    own.hears("agent:a", &["agent_deleted"]).await;
    all.hears("agents", &["agent_deleted"]).await;
    let now = election(&gateway).await;
    assert_eq!(json!([now["leader_id"], now["election_term"], now["eligible_voters"]]), json!([clone, 2, 3]));
    assert_eq!(ok(delete(&gateway, "/lymphnode/clones/fever").await)["num_destroyed"], 3);
    all.hears("agents", &["agent_deleted"; 3]).await;
    assert_eq!(election(&gateway).await["leader_id"], "c");
    for listener in [&mut all, &mut other] {
        let told = listener.hears("coordination", &["election_triggered", "leader_elected"].repeat(2)).await;
        assert_eq!(told[1], json!({ "leader_id": clone, "election_term": 2 }));
        assert_eq!(told[3], json!({ "leader_id": "c", "election_term": 3 }));
    }
    for id in ["b", "c"] {
        remove(&gateway, id).await;
    }
    all.hears("agents", &["agent_deleted"; 2]).await;
    let last = status(&gateway).await;
    assert_eq!(json!([last["total_agents"], last["system_health"]]), json!([0, "unhealthy"]));
    assert!(text(&last["leader_id"]).starts_with("coordinator:"), "{last}");
    for listener in [&mut all, &mut other] {
        listener.hears("coordination", &["election_triggered", "leader_elected"]).await;
    }
    loop {
        let changed = all.health_changed().await;
        if changed["new_status"] == "unhealthy" {
            break;
        }
    }
    for listener in [other, own, silent] {
        listener.nothing_more().await;
    }
}

#[tokio::test]
async fn all_members_of_a_room_hear_the_same_in_the_same_order() {
    let gateway = gateway();
    voter(&gateway, "a", "manual").await;
    let mut listeners = Vec::new();
    for n in 0..6 {
        // Each in its own order of rooms, half of them in one more.
        let mut rooms = vec!["tasks", "coordination"];
        rooms.rotate_left(n % 2);
        rooms.extend((n % 2 == 0).then_some("agents"));
        listeners.push(Listener::new(&gateway, &rooms).await);
    }
    let work = async |n: usize| {
        let task = scan(&gateway).await;
        step(&gateway, &task, "assign").await;
        trigger(&gateway).await;
        let id = text(&propose(&gateway, json!({ "proposal_data": { "n": n } })).await["proposal_id"]);
        ok(vote(&gateway, &id, "a", "for").await);
        step(&gateway, &task, "cancel").await;
    };
    futures_util::future::join_all((0..10).map(work)).await;
    for (room, count) in [("tasks", 30), ("coordination", 31)] {
        let mut first = Vec::new();
        for _ in 0..count {
            first.push(listeners[0].next(room).await);
        }
        for listener in &mut listeners[1..] {
            for event in &first {
                assert_eq!(listener.next(room).await, *event);
            }
        }
        // Each task's and each proposal's own events are in their order.
        let mut lives: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for (kind, data) in &first {
            for own in ["task_id", "proposal_id"] {
                if let Some(id) = data[own].as_str() {
                    lives.entry(id.into()).or_default().push(kind);
                }
            }
        }
        assert_eq!(lives.len(), 10);
        let tasks = ["task_created", "task_assigned", "task_cancelled"].as_slice();
        let proposals = ["consensus_proposed", "consensus_decided"].as_slice();
        for life in lives.values() {
            assert_eq!(life, if room == "tasks" { tasks } else { proposals });
        }
    }
    for listener in listeners {
        listener.nothing_more().await;
    }
}

#[tokio::test]
async fn the_whole_flow_with_a_kill_after_each_step() {
    let data = tempfile::tempdir().unwrap();
    let options = Options::new().data(data.path().join("data"));
    let again = |gateway: Gateway| {
        gateway.kill();
        start(options.clone())
    };
    let gateway = start(options.clone());
    create(&gateway, "a").await;
    voter(&gateway, "b", "manual").await;
    let gateway = again(gateway);
    act(&gateway, "a", "start").await;
    assert_eq!(status(&gateway).await["alive_agents"], 2);
    assert_eq!(trigger(&gateway).await["leader_id"], "a");
    let gateway = again(gateway);
    patch(&gateway, "a", json!({ "load": 0.5 })).await;
    let task = scan(&gateway).await;
    let gateway = again(gateway);
    assert_eq!(step(&gateway, &task, "assign").await["assigned_agent"], "b");
    let gateway = again(gateway);
    step(&gateway, &task, "start").await;
    let proposed = text(&propose(&gateway, json!({ "timeout": 600 })).await["proposal_id"]);
    let gateway = again(gateway);
    assert_eq!(ok(vote(&gateway, &proposed, "b", "abstain").await)["status"], "rejected");
    step(&gateway, &task, "complete").await;
    let body = json!({ "agent_id": "a", "num_clones": 2, "especializacao": "fever" });
    let clones = gateway.post("/lymphnode/clone", &body).await.json();
    let gateway = again(gateway);
    assert_eq!(ok(gateway.get("/agents/b/stats").await)["tasks_completed"], 1);
    let clone = text(&clones["clone_ids"][1]);
    act(&gateway, &clone, "start").await;
    remove(&gateway, "a").await;
    let gateway = again(gateway);
    let now = election(&gateway).await;
    assert_eq!(
        json!([now["election_term"], now["total_elections"], now["eligible_voters"]]),
        json!([2, 2, 2])
    );
    let mut listener = Listener::new(&gateway, &["coordination"]).await;
    let leader = text(&now["leader_id"]);
    assert!([clone.as_str(), "b"].contains(&leader.as_str()), "{leader}");
    assert_eq!(ok(delete(&gateway, "/lymphnode/clones/fever").await)["num_destroyed"], 2);
    remove(&gateway, "b").await;
    let gateway_left = election(&gateway).await;
    assert!(text(&gateway_left["leader_id"]).starts_with("coordinator:"), "{gateway_left}");
    let mut last = json!(null);
    while last != gateway_left["leader_id"] {
        let told = listener.hears("coordination", &["election_triggered", "leader_elected"]).await;
        last = told[1]["leader_id"].clone();
    }
    let gateway = again(gateway);
    assert_eq!(election(&gateway).await, gateway_left);
    let shown = status(&gateway).await;
    assert_eq!(json!([shown["total_agents"], shown["system_health"]]), json!([0, "unhealthy"]));
}
