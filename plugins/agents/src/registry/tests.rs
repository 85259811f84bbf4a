use serde_json::{Map, json};

use super::*;
use crate::model::Status;
use crate::world::tests::Small;

fn seed(id: &str) -> Seed {
    Seed { agent_id: id.into(), agent_type: "b_cell".into(), config: Map::new(), especializacao: None }
}

fn ids(registry: &Registry) -> Vec<String> {
    registry.index().iter().map(|known| known.record.agent.agent_id.clone()).collect()
}

async fn of(world: &Small, names: &[&str]) -> Registry {
    let registry = Registry::default();
    for id in names {
        registry.create(world, seed(id)).await.unwrap();
    }
    registry
}

#[tokio::test]
async fn the_order_of_creation_outlives_a_restart_and_a_clock_that_is_set_back() {
    let world = Small::default();
    let registry = of(&world, &["z", "a"]).await;
    world.pass(-60_000);
    registry.create(&world, seed("m")).await.unwrap();
    assert_eq!(ids(&registry), ["z", "a", "m"]);
    let again = Registry::load(&world).await.unwrap();
    again.create(&world, seed("b")).await.unwrap();
    assert_eq!(ids(&again), ["z", "a", "m", "b"]);
}

#[tokio::test]
async fn an_id_that_lives_is_refused_and_one_that_was_removed_is_free() {
    let world = Small::default();
    let registry = of(&world, &["a"]).await;
    let error = registry.create(&world, seed("a")).await.unwrap_err();
    assert_eq!((error.http_status(), error.to_string().as_str()), (409, "Agent 'a' already exists"));
    assert!(registry.remove(&world, "a").await.unwrap());
    assert!(!registry.remove(&world, "a").await.unwrap());
    assert!(registry.create(&world, seed("a")).await.is_ok());
}

#[tokio::test]
async fn a_change_keeps_what_another_node_has_changed_meanwhile() {
    let world = Small::default();
    let registry = of(&world, &["a"]).await;
    world.meddle("shared/agent/a", |agent| agent["load"] = json!(0.75));
    let change = registry.update(&world, "a", |record, _| record.agent.health = 0.25).await.unwrap().unwrap();
    assert_eq!((change.before.load, change.after.load, change.after.health), (0.75, 0.75, 0.25));
    let kept = Registry::load(&world).await.unwrap();
    assert_eq!(kept.index().get("a").unwrap().record.agent, change.after);
}

#[tokio::test]
async fn a_change_is_tried_again_but_not_for_ever() {
    let world = Small::default();
    let registry = of(&world, &["a"]).await;
    world.rivals.set(TRIES - 1);
    assert!(registry.update(&world, "a", |_, _| ()).await.unwrap().is_some());
    world.rivals.set(TRIES);
    assert_eq!(registry.update(&world, "a", |_, _| ()).await.unwrap_err().http_status(), 503);
}

#[tokio::test]
async fn what_another_node_made_is_found_and_what_it_removed_is_gone() {
    let world = Small::default();
    let (ours, theirs) = (Registry::default(), of(&world, &["a"]).await);
    assert!(ours.find(&world, "a").await.unwrap());
    assert_eq!(ids(&ours), ["a"]);
    theirs.remove(&world, "a").await.unwrap();
    assert!(ours.update(&world, "a", |_, _| ()).await.unwrap().is_none());
    assert!(ids(&ours).is_empty());
    assert!(!ours.find(&world, "").await.unwrap());
    assert!(!ours.find(&world, &"x".repeat(10_000)).await.unwrap());
}

#[tokio::test]
async fn the_census_follows_each_change() {
    let world = Small::default();
    let registry = of(&world, &["a", "b"]).await;
    let set = |status, health| {
        move |record: &mut Record, now: Moment| {
            record.set_status(status, now.wall);
            record.agent.health = health;
        }
    };
    registry.update(&world, "a", set(Status::Active, 0.49)).await.unwrap();
    registry.update(&world, "b", set(Status::Lost, 0.1)).await.unwrap();
    assert_eq!(registry.index().census(), Census { total: 2, active: 1, unwell: 2 });
    registry.update(&world, "a", set(Status::Active, 0.5)).await.unwrap();
    registry.remove(&world, "b").await.unwrap();
    assert_eq!(registry.index().census(), Census { total: 1, active: 1, unwell: 0 });
}

#[tokio::test]
async fn a_clock_that_is_set_does_not_age_a_sign_of_life() {
    let world = Small::default();
    let registry = of(&world, &["a"]).await;
    let heard = registry.index().get("a").unwrap().heard;
    world.pass(3_600_000);
    registry.update(&world, "a", |record, _| record.agent.load = 0.5).await.unwrap();
    assert_eq!(registry.index().get("a").unwrap().heard, heard);
    // After a restart the wall clock is all there is.
    let again = Registry::load(&world).await.unwrap();
    assert_eq!(world.now().steady - again.index().get("a").unwrap().heard, 3_600_000);
}
