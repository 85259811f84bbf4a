use serde_json::{Value, json};

use crate::actions::Action;
use crate::service::Service;
use crate::service::tests::service;
use crate::settings::Settings;
use crate::validate::{Clone, Heartbeat, Patch};
use crate::world::tests::Small;

fn wanted(body: &Value) -> Clone {
    Clone::parse(body.to_string().as_bytes()).unwrap()
}

fn metrics(service: &Service<Small>) -> Value {
    serde_json::to_value(service.metrics()).unwrap()
}

async fn patch(service: &Service<Small>, id: &str, body: Value) {
    service.patch(id, Patch::parse(body.to_string().as_bytes()).unwrap()).await.unwrap();
    service.world.published.take();
}

#[tokio::test]
async fn clones_are_as_their_parent_was_made_and_are_told_one_by_one_then_together() {
    let service = service(&["p"]).await;
    patch(&service, "p", json!({"status": "active", "config": {"n": 100, "s": "x"}})).await;
    let cloned = service.clone_agent(wanted(&json!({"agent_id": "p", "num_clones": 3}))).await.unwrap();
    let answer = serde_json::to_string(&cloned).unwrap();
    assert!(answer.contains(r#","num_clones":3,"especializacao":"clone_p","created_at":"#), "{answer}");
    let rooms: Vec<_> = service.world.published.borrow().iter().map(|n| n.rooms[1].to_string()).collect();
    let expected: Vec<_> =
        cloned.clone_ids.iter().map(|id| format!("agent:{id}")).chain(["agent:p".into()]).collect();
    assert_eq!(rooms, expected);
    let heard = service.world.heard();
    assert!(heard[..3].iter().all(|h| h.starts_with("agent_created {")));
    assert_eq!(heard[3..], [format!("agent_cloned {answer}")]);
    for id in &cloned.clone_ids {
        let index = service.registry.index();
        let agent = &index.get(id).unwrap().record.agent;
        assert_eq!(
            (agent.status.name(), agent.agent_type.as_str(), &agent.config["s"]),
            ("inactive", "b_cell", &json!("x"))
        );
        assert!((90..=110).contains(&agent.config["n"].as_i64().unwrap()));
    }
}

#[tokio::test]
async fn clones_without_mutation_have_their_parents_configuration() {
    let service = service(&["p"]).await;
    patch(&service, "p", json!({"config": {"n": 100}})).await;
    let cloned = service
        .clone_agent(wanted(&json!({"agent_id": "p", "mutate": false, "mutation_rate": 1})))
        .await
        .unwrap();
    let index = service.registry.index();
    assert_eq!(index.get(&cloned.clone_ids[0]).unwrap().record.agent.config["n"], 100);
}

#[tokio::test]
async fn clones_of_nobody_and_clones_beyond_the_limit_are_not_made() {
    let mut service = service(&["p"]).await;
    let error = service.clone_agent(wanted(&json!({"agent_id": "q"}))).await.unwrap_err();
    assert_eq!(error.to_string(), "Agent 'q' not found");
    service.settings.max_agents = 3;
    let error = service.clone_agent(wanted(&json!({"agent_id": "p", "num_clones": 3}))).await.unwrap_err();
    assert_eq!(error.http_status(), 503);
    assert_eq!(service.registry.index().census().total, 1);
    assert!(service.world.kinds().is_empty());
}

#[tokio::test]
async fn the_clones_of_a_tag_are_destroyed_and_no_other_agents() {
    let service = service(&["p"]).await;
    service
        .clone_agent(wanted(&json!({"agent_id": "p", "num_clones": 2, "especializacao": "IL 6"})))
        .await
        .unwrap();
    service.clone_agent(wanted(&json!({"agent_id": "p"}))).await.unwrap();
    service.world.kinds();
    let again = Service::open(service.world, Settings::default()).await.unwrap();
    let destroyed = serde_json::to_string(&again.destroy_clones("IL 6").await.unwrap()).unwrap();
    assert_eq!(destroyed, r#"{"especializacao":"IL 6","num_destroyed":2,"message":"Destroyed 2 clones"}"#);
    assert_eq!(again.world.kinds(), ["agent_deleted", "agent_deleted"]);
    let none = serde_json::to_value(again.destroy_clones("IL 6").await.unwrap()).unwrap();
    assert_eq!((&none["num_destroyed"], &none["message"]), (&json!(0), &json!("Destroyed 0 clones")));
    let metrics = metrics(&again);
    assert_eq!(
        (&metrics["total_clones_criados"], &metrics["total_clones_destruidos"]),
        (&json!(3), &json!(2))
    );
    assert_eq!(again.registry.index().census().total, 2);
}

#[tokio::test]
async fn metrics_count_what_is_and_what_was() {
    let service = service(&["a", "b"]).await;
    let expected = json!({"lymphnode_id": "lymphnode_api_001", "nivel": "regional", "area_responsabilidade": "api_managed",
        "homeostatic_state": "REPOUSO", "temperatura_regional": 36.5, "agentes_ativos": 0, "agentes_dormindo": 2,
        "total_ameacas_detectadas": 0, "total_neutralizacoes": 0, "total_clones_criados": 0, "total_clones_destruidos": 0});
    assert_eq!(metrics(&service), expected);
    service.act("a", Action::Start).await.unwrap();
    let beat = Heartbeat::parse(br#"{"counters":{"deteccoes_total":3,"neutralizacoes_total":2}}"#).unwrap();
    service.heartbeat("a", &beat).await.unwrap();
    service.delete("b").await.unwrap();
    let now = metrics(&service);
    assert_eq!((&now["agentes_ativos"], &now["agentes_dormindo"]), (&json!(1), &json!(0)));
    assert_eq!((&now["total_ameacas_detectadas"], &now["total_neutralizacoes"]), (&json!(3), &json!(2)));
    assert_eq!(
        (&now["homeostatic_state"], &now["temperatura_regional"]),
        (&json!("VIGILÂNCIA"), &json!(37.3))
    );
}

#[tokio::test]
async fn a_change_of_the_homeostatic_state_is_told_after_what_caused_it() {
    let service = service(&["a"]).await;
    service.act("a", Action::Start).await.unwrap();
    assert_eq!(service.world.published.borrow()[2].rooms, ["system"]);
    let heard = service.world.heard();
    let changed = r#"{"old_state":"REPOUSO","new_state":"VIGILÂNCIA","temperatura_regional":37.0}"#;
    assert_eq!(heard[2..], [format!("homeostatic_state_changed {changed}")]);
    service.act("a", Action::Restart).await.unwrap();
    assert_eq!(service.world.kinds(), ["agent_action"]);
    let texts = serde_json::to_value(service.homeostasis()).unwrap();
    assert_eq!(
        (&texts["homeostatic_state"], &texts["temperatura_regional"]),
        (&json!("VIGILÂNCIA"), &json!(37.0))
    );
}

#[tokio::test]
async fn a_state_that_passes_with_time_is_told_by_the_sweep() {
    let service = service(&["a"]).await;
    let beat = Heartbeat::parse(br#"{"counters":{"deteccoes_total":5}}"#).unwrap();
    service.heartbeat("a", &beat).await.unwrap();
    assert_eq!(service.world.kinds(), ["agent_updated", "homeostatic_state_changed"]);
    service.world.pass(6 * 60 * 1000);
    service.sweep().await.unwrap();
    let passed = r#"{"old_state":"VIGILÂNCIA","new_state":"REPOUSO","temperatura_regional":36.5}"#;
    assert_eq!(service.world.heard(), [format!("homeostatic_state_changed {passed}")]);
}
