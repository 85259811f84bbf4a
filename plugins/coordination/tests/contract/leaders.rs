//! The end of a leader: deleted or lost triggers an election, and nothing else does.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::{Gateway, Options, Socket};

use crate::{
    act, active, create, delete, election, gateway, heartbeat, member, next, ok, patch, quiet, remove,
};
use crate::{start, text, trigger};

/// That an election is told, which has come to this.
async fn elected(session: &mut Socket, leader: &str, term: u64) {
    let told = next(session, "coordination", "election_triggered").await;
    assert_eq!(told, json!({ "message": "Leader election triggered", "election_term": term }));
    let told = next(session, "coordination", "leader_elected").await;
    assert_eq!(told, json!({ "leader_id": leader, "election_term": term }));
}

/// Leader, term, elections, changes and voters.
async fn counts(gateway: &Gateway) -> Value {
    let election = election(gateway).await;
    let fields = ["leader_id", "election_term", "total_elections", "leader_changes", "eligible_voters"];
    json!(fields.map(|name| election[name].clone()))
}

#[tokio::test]
async fn a_deleted_leader_has_a_successor_at_once() {
    let gateway = gateway();
    for id in ["a", "b", "c"] {
        active(&gateway, id).await;
    }
    let mut session = member(&gateway, &["coordination"]).await;
    trigger(&gateway).await;
    elected(&mut session, "a", 1).await;
    remove(&gateway, "a").await;
    assert_eq!(counts(&gateway).await, json!(["b", 2, 2, 2, 2]));
    elected(&mut session, "b", 2).await;
    remove(&gateway, "c").await;
    assert_eq!(counts(&gateway).await[1], 2, "it led nobody");
    remove(&gateway, "b").await;
    let last = counts(&gateway).await;
    let coordinator = text(&last[0]);
    assert!(coordinator.starts_with("coordinator:"), "{last}");
    assert_eq!(last, json!([coordinator, 3, 3, 3, 0]));
    elected(&mut session, &coordinator, 3).await;
    quiet(&mut session).await;
}

#[tokio::test]
async fn a_leader_that_is_deleted_with_its_clones_has_a_successor() {
    let gateway = gateway();
    create(&gateway, "parent").await;
    let body = json!({ "agent_id": "parent", "num_clones": 2, "especializacao": "fever" });
    let answer = gateway.post("/lymphnode/clone", &body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    for id in answer.json()["clone_ids"].as_array().unwrap() {
        act(&gateway, id.as_str().unwrap(), "start").await;
    }
    let leader = trigger(&gateway).await;
    assert!(answer.json()["clone_ids"].as_array().unwrap().contains(&leader["leader_id"]));
    assert_eq!(ok(delete(&gateway, "/lymphnode/clones/fever").await)["num_destroyed"], 2);
    let last = election(&gateway).await;
    assert!(text(&last["leader_id"]).starts_with("coordinator:"), "{last}");
    // One for each leader's end: the second clone was one only when the first went first.
    assert!(last["election_term"] == 2 || last["election_term"] == 3, "{last}");
    assert_eq!(last["election_term"], last["total_elections"]);
}

#[tokio::test]
async fn a_leader_that_is_declared_lost_has_a_successor_and_does_not_come_back() {
    let gateway = gateway();
    for id in ["a", "b"] {
        active(&gateway, id).await;
    }
    let mut session = member(&gateway, &["coordination"]).await;
    trigger(&gateway).await;
    elected(&mut session, "a", 1).await;
    patch(&gateway, "a", json!({ "status": "lost" })).await;
    assert_eq!(counts(&gateway).await, json!(["b", 2, 2, 2, 1]));
    elected(&mut session, "b", 2).await;
    act(&gateway, "a", "start").await;
    heartbeat(&gateway, "a", json!({ "health": 1 })).await;
    assert_eq!(counts(&gateway).await[0], "b");
    patch(&gateway, "a", json!({ "status": "lost" })).await;
    remove(&gateway, "a").await;
    assert_eq!(counts(&gateway).await[1], 2, "it led nobody");
    quiet(&mut session).await;
}

#[tokio::test]
async fn a_leader_that_falls_silent_has_a_successor() {
    let gateway = start(Options::new().set("plugins.agents.heartbeat_timeout=1.2"));
    let mut session = member(&gateway, &["coordination"]).await;
    for id in ["a", "b"] {
        active(&gateway, id).await;
    }
    trigger(&gateway).await;
    elected(&mut session, "a", 1).await;
    {
        let successor = elected(&mut session, "b", 2);
        tokio::pin!(successor);
        loop {
            tokio::select! {
                () = &mut successor => break,
                () = tokio::time::sleep(Duration::from_millis(50)) => heartbeat(&gateway, "b", json!({})).await,
            }
        }
    }
    assert_eq!(ok(gateway.get("/agents/a").await)["status"], "lost");
    // And when that one is silent, too, the coordinator is left.
    next(&mut session, "coordination", "election_triggered").await;
    let told = next(&mut session, "coordination", "leader_elected").await;
    assert!(text(&told["leader_id"]).starts_with("coordinator:"), "{told}");
    assert_eq!(counts(&gateway).await, json!([told["leader_id"], 3, 3, 3, 0]));
}

#[tokio::test]
async fn a_leader_that_is_not_active_any_more_stays() {
    let gateway = gateway();
    for id in ["a", "b"] {
        active(&gateway, id).await;
    }
    trigger(&gateway).await;
    let mut session = member(&gateway, &["coordination"]).await;
    for action in ["pause", "stop", "restart", "stop", "pause", "resume"] {
        act(&gateway, "a", action).await;
        assert_eq!(counts(&gateway).await, json!(["a", 1, 1, 1, 2]), "after {action}");
    }
    patch(&gateway, "a", json!({ "health": 0, "load": 1 })).await;
    heartbeat(&gateway, "b", json!({ "health": 1, "load": 0 })).await;
    active(&gateway, "0-first").await;
    assert_eq!(counts(&gateway).await[0], "a");
    assert_eq!(crate::status(&gateway).await["leader_id"], "a");
    quiet(&mut session).await;
    act(&gateway, "a", "pause").await;
    trigger(&gateway).await;
    assert_eq!(counts(&gateway).await, json!(["0-first", 2, 2, 2, 2]));
}

#[tokio::test]
async fn a_coordinator_that_leads_stays_when_agents_come_and_go() {
    let gateway = gateway();
    trigger(&gateway).await;
    let before = election(&gateway).await;
    active(&gateway, "a").await;
    remove(&gateway, "a").await;
    active(&gateway, "b").await;
    patch(&gateway, "b", json!({ "status": "lost" })).await;
    let after = election(&gateway).await;
    assert_eq!(after["leader_id"], before["leader_id"]);
    assert_eq!((&after["election_term"], &after["total_elections"]), (&json!(1), &json!(1)));
}

#[tokio::test]
async fn a_leader_that_is_made_again_at_once_has_ended_all_the_same() {
    let gateway = gateway();
    active(&gateway, "a").await;
    trigger(&gateway).await;
    let rounds = 10;
    let work = futures_util::future::join_all((0..20).map(async |_| {
        for _ in 0..rounds {
            crate::scan(&gateway).await;
        }
    }));
    let ends = async {
        for round in 1..=rounds {
            remove(&gateway, "a").await;
            active(&gateway, "a").await;
            // It was elected and is gone, so that another was; and as that is a coordinator, nothing ends it.
            let now = election(&gateway).await;
            assert_eq!(now["election_term"], 2 * round, "{now}");
            assert_eq!(trigger(&gateway).await["leader_id"], "a");
        }
    };
    futures_util::future::join(work, ends).await;
}

#[tokio::test]
async fn a_leader_that_is_back_at_once_was_lost_all_the_same() {
    let gateway = gateway();
    active(&gateway, "a").await;
    trigger(&gateway).await;
    let work = futures_util::future::join_all((0..20).map(async |_| {
        for _ in 0..10 {
            crate::scan(&gateway).await;
        }
    }));
    let ends = async {
        for round in 1..=10 {
            patch(&gateway, "a", json!({ "status": "lost" })).await;
            act(&gateway, "a", "start").await;
            let now = election(&gateway).await;
            assert_eq!(now["election_term"], 2 * round, "{now}");
            assert_eq!(trigger(&gateway).await["leader_id"], "a");
        }
    };
    futures_util::future::join(work, ends).await;
}

#[tokio::test]
async fn an_agent_that_is_called_like_a_coordinator_ends_as_any_agent() {
    let gateway = gateway();
    active(&gateway, "coordinator:x").await;
    assert_eq!(trigger(&gateway).await["leader_id"], "coordinator:x");
    remove(&gateway, "coordinator:x").await;
    let now = election(&gateway).await;
    assert_ne!(now["leader_id"], "coordinator:x");
    assert_eq!(json!([now["election_term"], now["leader_changes"]]), json!([2, 2]));
}
