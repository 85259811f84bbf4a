use serde_json::{Value, json};

use super::*;
use crate::service::tests::{agent, on, service, tell};
use crate::world::tests::Small;

fn shown(election: &Election) -> Value {
    serde_json::to_value(election).unwrap()
}

fn heard(world: &Small) -> Vec<String> {
    world.heard().iter().map(|notice| format!("{} {} {}", notice.room, notice.kind, notice.data)).collect()
}

#[tokio::test]
async fn before_the_first_there_is_no_leader_and_no_term_whoever_is_there() {
    let service = service(&["a"]).await;
    let expected = r#"{"has_leader":false,"leader_id":null,"election_term":0,"last_election":null,"total_elections":0,"leader_changes":0,"eligible_voters":0}"#;
    assert_eq!(serde_json::to_string(&service.election().await.unwrap()).unwrap(), expected);
}

#[tokio::test]
async fn where_no_agent_is_at_work_the_coordinator_leads() {
    let service = service(&[]).await;
    tell(&service, "agent_created", agent("a", "paused", 1.0, 0.0)).await;
    let first = service.trigger().await.unwrap();
    let expected = json!({"has_leader": true, "leader_id": "coordinator:n1", "election_term": 1, "last_election":
        "2023-11-14T22:13:20.000Z", "total_elections": 1, "leader_changes": 1, "eligible_voters": 0});
    assert_eq!(shown(&first), expected);
    assert_eq!(service.election().await.unwrap(), first);
    let triggered =
        r#"coordination election_triggered {"message":"Leader election triggered","election_term":1}"#;
    let elected = r#"coordination leader_elected {"leader_id":"coordinator:n1","election_term":1}"#;
    assert_eq!(heard(&service.world), [triggered, elected]);
}

#[tokio::test]
async fn each_election_has_its_term_and_only_another_leader_is_a_change() {
    let service = service(&["b", "c"]).await;
    service.trigger().await.unwrap();
    service.world.pass(1000);
    let second = service.trigger().await.unwrap();
    assert_eq!((second.election_term, second.total_elections, second.leader_changes), (2, 2, 1));
    assert_eq!((second.eligible_voters, second.last_election), (2, Some(service.world.now().wall)));
    assert_eq!(service.world.kinds(), ["election_triggered", "leader_elected", "election_triggered"]);
    tell(&service, "agent_created", agent("a", "active", 1.0, 0.0)).await;
    let third = service.trigger().await.unwrap();
    assert_eq!((third.leader_id.as_deref(), third.leader_changes), (Some("a"), 2));
}

#[tokio::test]
async fn a_leader_that_is_deleted_or_lost_is_replaced_and_nothing_else_holds_an_election() {
    let service = service(&["a", "b", "c"]).await;
    service.trigger().await.unwrap();
    service.world.heard();
    for (kind, data) in [
        ("agent_updated", agent("a", "active", 0.1, 9.0)),
        ("agent_status_changed", json!({"agent_id": "a", "old_status": "active", "new_status": "paused"})),
        ("agent_status_changed", json!({"agent_id": "a", "old_status": "paused", "new_status": "inactive"})),
        ("agent_status_changed", json!({"agent_id": "b", "old_status": "active", "new_status": "lost"})),
        ("agent_deleted", json!({"agent_id": "b"})),
        ("agent_created", agent("0", "active", 1.0, 0.0)),
    ] {
        tell(&service, kind, data).await;
    }
    assert_eq!(service.election().await.unwrap().election_term, 1);
    assert!(service.world.kinds().iter().all(|kind| kind == "health_changed"));
    tell(&service, "agent_updated", agent("a", "lost", 0.1, 9.0)).await;
    tell(&service, "agent_status_changed", json!({"agent_id": "a", "new_status": "lost"})).await;
    let second = service.election().await.unwrap();
    assert_eq!((second.leader_id.as_deref(), second.election_term), (Some("0"), 2));
    tell(&service, "agent_deleted", json!({"agent_id": "0"})).await;
    assert_eq!(service.election().await.unwrap().leader_id.as_deref(), Some("c"));
    tell(&service, "agent_deleted", json!({"agent_id": "c"})).await;
    let last = service.election().await.unwrap();
    assert_eq!((last.leader_id.as_deref(), last.election_term), (Some("coordinator:n1"), 4));
}

#[tokio::test]
async fn a_leader_that_went_while_nobody_was_there_is_replaced_at_the_start() {
    let before = service(&["a"]).await;
    before.trigger().await.unwrap();
    let world = before.world.node();
    world.keep_agents(&[agent("a", "lost", 1.0, 0.0), agent("b", "active", 1.0, 0.0)]);
    let election = on(&world).await.election().await.unwrap();
    assert_eq!((election.leader_id.as_deref(), election.election_term), (Some("b"), 2));
    world.keep_agents(&[agent("b", "paused", 1.0, 0.0)]);
    let election = on(&world.node()).await.election().await.unwrap();
    assert_eq!((election.leader_id.as_deref(), election.election_term), (Some("b"), 2));
    world.keep_agents(&[]);
    let election = on(&world.node()).await.election().await.unwrap();
    assert_eq!((election.leader_id.as_deref(), election.election_term), (Some("coordinator:n1"), 3));
}

#[tokio::test]
async fn two_nodes_never_hold_one_term_and_replace_a_leader_once() {
    let ours = service(&["a", "b"]).await;
    let theirs = on(&ours.world.node()).await;
    for id in ["a", "b"] {
        tell(&theirs, "agent_created", agent(id, "active", 1.0, 0.0)).await;
    }
    let mut terms = Vec::new();
    for _ in 0..10 {
        let (one, other) = tokio::join!(ours.trigger(), theirs.trigger());
        terms.extend([one.unwrap().election_term, other.unwrap().election_term]);
    }
    terms.sort_unstable();
    assert_eq!(terms, (1..=20).collect::<Vec<_>>());
    let gone = || json!({"agent_id": "a"});
    tokio::join!(tell(&ours, "agent_deleted", gone()), tell(&theirs, "agent_deleted", gone()));
    let after = ours.election().await.unwrap();
    assert_eq!((after.election_term, after.total_elections, after.leader_changes), (21, 21, 2));
}

#[tokio::test]
async fn what_happens_while_it_is_looked_whether_the_leader_is_gone_is_not_forgotten() {
    let service = service(&["a", "b", "c"]).await;
    service.trigger().await.unwrap();
    let gone = |id: &str| json!({"agent_id": id});
    tokio::join!(
        tell(&service, "agent_deleted", gone("a")),
        tell(&service, "agent_deleted", gone("b")),
        tell(&service, "agent_deleted", gone("c")),
    );
    assert_eq!(service.election().await.unwrap().leader_id.as_deref(), Some("coordinator:n1"));
}

#[tokio::test]
async fn an_agent_that_is_called_like_a_coordinator_ends_as_any_agent_also_over_a_restart() {
    let before = service(&["coordinator:x"]).await;
    before.trigger().await.unwrap();
    let election = on(&before.world.node()).await.election().await.unwrap();
    assert_eq!((election.leader_id.as_deref(), election.election_term), (Some("coordinator:n1"), 2));
    let again = on(&before.world.node()).await.election().await.unwrap();
    assert_eq!(again, election);
}
