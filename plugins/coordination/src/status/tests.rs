use serde_json::{Value, json};

use super::*;
use crate::service::tests::{action, agent, new_task, on, service, tell};
use crate::world::tests::Small;

async fn report(service: &Service<Small>) -> Value {
    serde_json::to_value(service.report().await.unwrap()).unwrap()
}

fn changes(world: &Small) -> Vec<String> {
    let heard = world.heard();
    assert!(heard.iter().all(|notice| (&*notice.kind, &*notice.room) == ("health_changed", "system")));
    heard.iter().map(|notice| notice.data.get().to_owned()).collect()
}

#[tokio::test]
async fn without_agents_all_is_nothing_and_unhealthy() {
    let expected = r#"{"has_leader":false,"leader_id":null,"total_agents":0,"alive_agents":0,"tasks_pending":0,"tasks_assigned":0,"tasks_running":0,"average_agent_health":0.0,"average_agent_load":0.0,"system_health":"unhealthy"}"#;
    let service = service(&[]).await;
    assert_eq!(serde_json::to_string(&service.report().await.unwrap()).unwrap(), expected);
}

#[tokio::test]
async fn leader_agents_and_open_tasks_are_shown_together() {
    let service = service(&["a"]).await;
    tell(&service, "agent_created", agent("b", "paused", 0.5, 0.5)).await;
    service.trigger().await.unwrap();
    for actions in [&[][..], &["assign"], &["assign", "start"], &["assign", "start"], &["cancel"]] {
        let id = service.create_task(&new_task(json!({"task_type": "t"}))).await.unwrap().task_id;
        for name in actions {
            service.act(&id, &action(json!({"action": name}))).await.unwrap();
        }
    }
    let expected = json!({"has_leader": true, "leader_id": "a", "total_agents": 2, "alive_agents": 1, "tasks_pending": 1,
        "tasks_assigned": 1, "tasks_running": 2, "average_agent_health": 0.75, "average_agent_load": 0.25,
        "system_health": "healthy"});
    assert_eq!(report(&service).await, expected);
}

#[tokio::test]
async fn loads_without_bound_have_an_average_that_json_can_say() {
    let service = service(&[]).await;
    for id in ["a", "b"] {
        tell(&service, "agent_created", agent(id, "active", 1.0, f64::MAX)).await;
    }
    assert_eq!(report(&service).await["average_agent_load"], json!(f64::MAX));
}

#[test]
fn the_bounds_of_each_state_are_those_of_the_specification() {
    let judge = |total, alive, health| Census { total, alive, health, load: 0.0 }.judge();
    assert_eq!(judge(0, 0, 0.0), SystemHealth::Unhealthy);
    assert_eq!(judge(4, 0, 1.0), SystemHealth::Unhealthy);
    assert_eq!(judge(4, 1, 1.0), SystemHealth::Degraded);
    assert_eq!(judge(3, 1, 1.0), SystemHealth::Degraded);
    assert_eq!(judge(4, 2, 1.0), SystemHealth::Healthy);
    assert_eq!(judge(4, 4, 0.49), SystemHealth::Degraded);
    assert_eq!(judge(1, 1, 0.5), SystemHealth::Healthy);
}

#[tokio::test]
async fn a_change_is_told_with_the_event_that_made_it_and_once() {
    let service = service(&[]).await;
    for status in ["inactive", "active", "active"] {
        tell(&service, "agent_updated", agent("a", status, 1.0, 0.0)).await;
    }
    tell(&service, "agent_updated", agent("a", "active", 0.4, 0.0)).await;
    tell(&service, "agent_deleted", json!({"agent_id": "a"})).await;
    let change = |old, new| format!(r#"{{"component":"agents","old_status":"{old}","new_status":"{new}"}}"#);
    let expected = [("unhealthy", "healthy"), ("healthy", "degraded"), ("degraded", "unhealthy")];
    assert_eq!(changes(&service.world), expected.map(|(old, new)| change(old, new)));
}

#[tokio::test]
async fn the_first_judgement_is_no_change() {
    let world = Small::default();
    world.keep_agents(&[agent("a", "active", 1.0, 0.0)]);
    let service = on(&world).await;
    service.catch_up().await;
    tell(&service, "agent_updated", agent("a", "active", 0.9, 0.0)).await;
    assert!(changes(&world).is_empty());
    tell(&service, "agent_status_changed", json!({"agent_id": "a", "new_status": "paused"})).await;
    assert_eq!(changes(&world).len(), 1);
}

#[tokio::test]
async fn time_alone_changes_nothing() {
    let service = service(&["a"]).await;
    service.world.pass(1_000_000);
    service.catch_up().await;
    report(&service).await;
    assert!(changes(&service.world).is_empty());
}
