//! Elections that are asked for: who wins, what is counted, what is told.

use serde_json::{Value, json};
use testkit::Gateway;

use crate::{
    active, create, election, gateway, has, heartbeat, is_time, member, next, patch, quiet, remove, text,
    trigger,
};

const FIELDS: [&str; 7] = [
    "has_leader",
    "leader_id",
    "election_term",
    "last_election",
    "total_elections",
    "leader_changes",
    "eligible_voters",
];

fn before_the_first() -> Value {
    json!({
        "has_leader": false, "leader_id": null, "election_term": 0, "last_election": null,
        "total_elections": 0, "leader_changes": 0, "eligible_voters": 0,
    })
}

/// What an election must have come to, given when it was.
#[track_caller]
fn outcome(election: &Value, leader: &str, term: u64, changes: u64, voters: u64) {
    has(election, &FIELDS);
    assert!(is_time(&election["last_election"]), "{election}");
    let expected = json!({
        "has_leader": true, "leader_id": leader, "election_term": term,
        "last_election": election["last_election"], "total_elections": term, "leader_changes": changes,
        "eligible_voters": voters,
    });
    assert_eq!(*election, expected);
}

async fn leader(gateway: &Gateway) -> String {
    text(&trigger(gateway).await["leader_id"])
}

#[tokio::test]
async fn before_the_first_there_is_nobody() {
    let gateway = gateway();
    assert_eq!(election(&gateway).await, before_the_first());
    active(&gateway, "a").await;
    crate::scan(&gateway).await;
    crate::propose(&gateway, json!({})).await;
    remove(&gateway, "a").await;
    assert_eq!(election(&gateway).await, before_the_first(), "nothing but a leader's end triggers one");
}

#[tokio::test]
async fn without_agents_the_coordinator_wins_and_stays() {
    let gateway = gateway();
    let mut session = member(&gateway, &["coordination"]).await;
    let first = trigger(&gateway).await;
    let coordinator = text(&first["leader_id"]);
    assert!(coordinator.strip_prefix("coordinator:").is_some_and(|node| !node.is_empty()), "{coordinator}");
    outcome(&first, &coordinator, 1, 1, 0);
    let triggered = |term: u64| json!({ "message": "Leader election triggered", "election_term": term });
    assert_eq!(next(&mut session, "coordination", "election_triggered").await, triggered(1));
    let elected = json!({ "leader_id": coordinator, "election_term": 1 });
    assert_eq!(next(&mut session, "coordination", "leader_elected").await, elected);
    for term in 2..=4 {
        let again = trigger(&gateway).await;
        outcome(&again, &coordinator, term, 1, 0);
        assert_eq!(election(&gateway).await, again);
        assert_eq!(next(&mut session, "coordination", "election_triggered").await, triggered(term));
    }
    quiet(&mut session).await;
}

#[tokio::test]
async fn agents_that_are_not_active_are_no_candidates() {
    let gateway = gateway();
    create(&gateway, "inactive").await;
    for (id, action) in [("paused", "pause"), ("stopped", "stop")] {
        active(&gateway, id).await;
        crate::act(&gateway, id, action).await;
    }
    active(&gateway, "lost").await;
    patch(&gateway, "lost", json!({ "status": "lost" })).await;
    let first = trigger(&gateway).await;
    assert!(text(&first["leader_id"]).starts_with("coordinator:"), "{first}");
    assert_eq!(first["eligible_voters"], 0);
    crate::act(&gateway, "paused", "resume").await;
    outcome(&trigger(&gateway).await, "paused", 2, 2, 1);
}

#[tokio::test]
async fn health_comes_first_then_a_low_load_then_the_id() {
    let gateway = gateway();
    for id in ["d", "c", "b", "a"] {
        active(&gateway, id).await;
    }
    assert_eq!(leader(&gateway).await, "a", "all are alike");
    patch(&gateway, "a", json!({ "load": 0.1 })).await;
    assert_eq!(leader(&gateway).await, "b", "it has less load");
    heartbeat(&gateway, "b", json!({ "load": 0.2 })).await;
    patch(&gateway, "c", json!({ "load": 0.3 })).await;
    patch(&gateway, "d", json!({ "load": 0.4 })).await;
    assert_eq!(leader(&gateway).await, "a", "it has the least load");
    patch(&gateway, "a", json!({ "health": 0.9 })).await;
    assert_eq!(leader(&gateway).await, "b", "health is before load");
    heartbeat(&gateway, "b", json!({ "health": 0.8 })).await;
    patch(&gateway, "c", json!({ "health": 0.95 })).await;
    assert_eq!(leader(&gateway).await, "d", "health is before load and id");
    patch(&gateway, "d", json!({ "health": 0.1, "load": 0 })).await;
    assert_eq!(leader(&gateway).await, "c");
    outcome(&election(&gateway).await, "c", 6, 6, 4);
}

#[tokio::test]
async fn only_another_leader_is_a_change_and_told() {
    let gateway = gateway();
    for id in ["a", "b"] {
        active(&gateway, id).await;
    }
    let mut session = member(&gateway, &["coordination"]).await;
    let mut changes = 0;
    let mut last = String::new();
    for (term, wins) in [(1, "a"), (2, "a"), (3, "b"), (4, "b"), (5, "a")] {
        let loses = if wins == "a" { "b" } else { "a" };
        patch(&gateway, loses, json!({ "health": 0.6 })).await;
        patch(&gateway, wins, json!({ "health": 0.8 })).await;
        let result = trigger(&gateway).await;
        let told = next(&mut session, "coordination", "election_triggered").await;
        assert_eq!(told, json!({ "message": "Leader election triggered", "election_term": term }));
        if last != wins {
            changes += 1;
            let told = next(&mut session, "coordination", "leader_elected").await;
            assert_eq!(told, json!({ "leader_id": wins, "election_term": term }));
        }
        outcome(&result, wins, term, changes, 2);
        last = wins.to_owned();
    }
    quiet(&mut session).await;
}

#[tokio::test]
async fn a_trigger_takes_any_body() {
    let gateway = gateway();
    for (term, body) in [(1, None), (2, Some("{}")), (3, Some(r#"{"reason":"why not","term":99}"#))] {
        let answer = gateway.request("POST", "/coordination/election/trigger", body).await;
        assert_eq!(crate::ok(answer)["election_term"], term);
    }
}

#[tokio::test]
async fn the_coordinator_is_the_nodes_own() {
    let (one, other) = (gateway(), gateway());
    assert_ne!(leader(&one).await, leader(&other).await);
}
