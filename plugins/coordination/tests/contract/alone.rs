//! Without the plugin `agents`.

use serde_json::json;
use testkit::{Gateway, Options};

use crate::{ask, member, next, ok, problem, propose, scan, show, start, status, step, text, trigger};

fn alone(options: Options) -> Gateway {
    start(options.set("plugins.agents.enabled=false"))
}

#[tokio::test]
async fn no_agents_are_known_and_the_coordinator_is_alone() {
    let gateway = alone(Options::new());
    assert_eq!(gateway.get("/agents/").await.status, 404);
    let mut session = member(&gateway, &["coordination"]).await;
    let elected = trigger(&gateway).await;
    assert!(text(&elected["leader_id"]).starts_with("coordinator:"), "{elected}");
    assert_eq!(json!([elected["election_term"], elected["eligible_voters"]]), json!([1, 0]));
    next(&mut session, "coordination", "election_triggered").await;
    assert_eq!(next(&mut session, "coordination", "leader_elected").await["leader_id"], elected["leader_id"]);
    let decided = propose(&gateway, json!({})).await;
    let fields = ["status", "votes_for", "votes_against", "votes_abstain", "total_voters"];
    assert_eq!(json!(fields.map(|name| decided[name].clone())), json!(["approved", 1, 0, 0, 1]));
    assert_eq!(next(&mut session, "coordination", "consensus_proposed").await, decided);
    next(&mut session, "coordination", "consensus_decided").await;
    let status = status(&gateway).await;
    let fields = ["total_agents", "alive_agents", "system_health", "leader_id"];
    let expected = json!([0, 0, "unhealthy", elected["leader_id"]]);
    assert_eq!(json!(fields.map(|name| status[name].clone())), expected);
}

#[tokio::test]
async fn tasks_are_kept_but_there_is_nobody_to_do_them() {
    let gateway = alone(Options::new());
    let id = scan(&gateway).await;
    problem(&ask(&gateway, &id, json!({ "action": "assign" })).await, 409);
    let answer = ask(&gateway, &id, json!({ "action": "assign", "agent_id": "a" })).await;
    assert_eq!(problem(&answer, 404), "Agent 'a' not found");
    assert_eq!(step(&gateway, &id, "cancel").await["status"], "cancelled");
    assert_eq!(show(&gateway, &id).await["status"], "cancelled");
    assert_eq!(ok(gateway.get("/coordination/tasks").await)["total"], 1);
}

#[tokio::test]
async fn what_the_store_knows_of_agents_is_known_without_their_plugin() {
    let data = tempfile::tempdir().unwrap();
    let options = Options::new().data(data.path().join("data"));
    let gateway = start(options.clone());
    crate::active(&gateway, "a").await;
    crate::create(&gateway, "b").await;
    gateway.kill();
    let gateway = alone(options);
    let status = status(&gateway).await;
    let fields = ["total_agents", "alive_agents", "system_health"];
    assert_eq!(json!(fields.map(|name| status[name].clone())), json!([2, 1, "healthy"]));
    assert_eq!(trigger(&gateway).await["leader_id"], "a");
    assert_eq!(propose(&gateway, json!({})).await["total_voters"], 1);
    let id = scan(&gateway).await;
    assert_eq!(step(&gateway, &id, "assign").await["assigned_agent"], "a");
}

#[tokio::test]
async fn agents_go_on_without_this_plugin() {
    let gateway = start(Options::new().set("plugins.coordination.enabled=false"));
    crate::active(&gateway, "a").await;
    assert_eq!(gateway.get("/coordination/status").await.status, 404);
    assert_eq!(ok(gateway.get("/agents/a/stats").await)["total_tasks"], 0);
}
