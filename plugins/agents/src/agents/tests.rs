use serde_json::{Value, json};
use tidegate_plugin::Query;

use super::*;
use crate::service::tests::service;
use crate::settings::Settings;
use crate::world::tests::Small;

fn patch(body: &Value) -> Patch {
    Patch::parse(body.to_string().as_bytes()).unwrap()
}

fn create(body: &Value) -> Create {
    Create::parse(body.to_string().as_bytes(), &Settings::default()).unwrap()
}

fn page(service: &Service<Small>, query: &str) -> Value {
    let query = Query::parse(query);
    serde_json::to_value(Page::of(&service.registry.index(), &List::parse(&query).unwrap())).unwrap()
}

#[tokio::test]
async fn a_new_agent_is_published_as_it_is_answered() {
    let service = service(&[]).await;
    let agent = service.create(create(&json!({"agent_type": "NK_cell", "config": {"a": 1}}))).await.unwrap();
    let answer = serde_json::to_string(&agent).unwrap();
    assert_eq!(
        service.world.published.borrow()[0].rooms,
        ["agents".to_owned(), format!("agent:{}", agent.agent_id)]
    );
    assert_eq!(service.world.heard(), [format!("agent_created {answer}")]);
    assert_eq!((agent.agent_type.as_str(), agent.agent_id.len()), ("nk_cell", 36));
}

#[tokio::test]
async fn an_id_is_given_once_and_there_is_a_limit() {
    let mut service = service(&["a"]).await;
    let again = service.create(create(&json!({"agent_type": "b_cell", "agent_id": "a"}))).await.unwrap_err();
    assert_eq!(again.http_status(), 409);
    service.settings.max_agents = 1;
    let more = service.create(create(&json!({"agent_type": "b_cell"}))).await.unwrap_err();
    assert_eq!((more.http_status(), more.to_string().as_str()), (503, "There may be at most 1 agents"));
    assert!(service.world.kinds().is_empty());
}

#[tokio::test]
async fn a_patch_applies_what_it_names_and_merges_the_configuration() {
    let service = service(&["a"]).await;
    service.world.pass(10);
    service.patch("a", patch(&json!({"config": {"x": 1, "y": {"z": 1}}}))).await.unwrap();
    let agent =
        service.patch("a", patch(&json!({"health": 0.0, "load": 1.0, "config": {"y": 2}}))).await.unwrap();
    assert_eq!((agent.health, agent.load, agent.status), (0.0, 1.0, Status::Inactive));
    assert_eq!(Value::Object(agent.config), json!({"x": 1, "y": 2}));
    assert_eq!(agent.updated_at.0 - agent.created_at.0, 10);
    assert_eq!(service.world.kinds()[..2], ["agent_updated", "agent_updated"]);
}

#[tokio::test]
async fn a_status_that_is_patched_is_told_after_the_update_and_only_when_it_changed() {
    let service = service(&["a"]).await;
    let agent = service.patch("a", patch(&json!({"status": "paused"}))).await.unwrap();
    let heard = service.world.heard();
    assert_eq!(heard[0], format!("agent_updated {}", serde_json::to_string(&agent).unwrap()));
    let changed = r#"agent_status_changed {"agent_id":"a","old_status":"inactive","new_status":"paused"}"#;
    assert_eq!(heard[1..], [changed]);
    service.patch("a", patch(&json!({"status": "paused"}))).await.unwrap();
    assert_eq!(service.world.kinds(), ["agent_updated"]);
}

#[tokio::test]
async fn patches_cannot_grow_a_configuration_without_end() {
    let service = service(&["a"]).await;
    let big = |key: &str| patch(&json!({"config": {key: "x".repeat(40_000)}}));
    service.patch("a", big("one")).await.unwrap();
    let error = service.patch("a", big("two")).await.unwrap_err();
    assert_eq!((error.http_status(), error.fields()[0].loc.join(".").as_str()), (422, "body.config"));
    service.patch("a", big("one")).await.unwrap();
}

#[tokio::test]
async fn an_agent_that_is_deleted_is_gone() {
    let service = service(&["a"]).await;
    service.delete("a").await.unwrap();
    assert_eq!(service.world.heard(), [r#"agent_deleted {"agent_id":"a"}"#]);
    for error in
        [service.delete("a").await.unwrap_err(), service.patch("a", Patch::default()).await.unwrap_err()]
    {
        assert_eq!((error.http_status(), error.to_string().as_str()), (404, "Agent 'a' not found"));
    }
    assert!(service.world.kinds().is_empty());
}

#[tokio::test]
async fn totals_count_what_the_filters_let_through_before_paging() {
    let service = service(&["c", "a", "b"]).await;
    service.patch("a", patch(&json!({"status": "active"}))).await.unwrap();
    service.create(create(&json!({"agent_type": "t_reg", "agent_id": "t"}))).await.unwrap();
    let all = page(&service, "skip=1&limit=2");
    assert_eq!((&all["total"], &all["by_type"]), (&json!(4), &json!({"b_cell": 3, "t_reg": 1})));
    assert_eq!(all["by_status"], json!({"active": 1, "inactive": 3}));
    let ids: Vec<_> = all["agents"].as_array().unwrap().iter().map(|a| &a["agent_id"]).collect();
    assert_eq!(ids, ["a", "b"]);
    let some = page(&service, "agent_type=b_cell&status=inactive");
    assert_eq!((&some["total"], &some["by_status"]), (&json!(2), &json!({"inactive": 2})));
    let none = json!({"total": 0, "agents": [], "by_type": {}, "by_status": {}});
    assert_eq!(page(&service, "agent_type=B_CELL"), none);
    assert_eq!(page(&service, "status=no_such"), none);
    let beyond = page(&service, "skip=100");
    assert_eq!((&beyond["total"], &beyond["agents"]), (&json!(4), &json!([])));
}

#[tokio::test]
async fn changes_of_one_agent_at_once_lose_nothing_and_are_told_in_their_order() {
    let service = service(&["a"]).await;
    let one = |key: &'static str| service.patch("a", patch(&json!({"config": {key: 1}})));
    let (a, b, c) = tokio::join!(one("a"), one("b"), one("c"));
    let last = service.registry.index().get("a").unwrap().record.agent.config.clone();
    assert_eq!(Value::Object(last), json!({"a": 1, "b": 1, "c": 1}));
    let answers =
        [a, b, c].map(|agent| format!("agent_updated {}", serde_json::to_string(&agent.unwrap()).unwrap()));
    assert_eq!(service.world.heard(), answers);
}

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let before = service(&["z", "a"]).await;
    before.patch("z", patch(&json!({"status": "active", "config": {"k": [1]}}))).await.unwrap();
    let was = page(&before, "");
    let after = Service::open(before.world, Settings::default()).await.unwrap();
    assert_eq!(page(&after, ""), was);
}

#[tokio::test]
async fn the_order_of_fields_in_a_page_is_that_of_the_wire() {
    let service = service(&[]).await;
    let query = Query::default();
    let text =
        serde_json::to_string(&Page::of(&service.registry.index(), &List::parse(&query).unwrap())).unwrap();
    assert_eq!(text, r#"{"total":0,"agents":[],"by_type":{},"by_status":{}}"#);
}
