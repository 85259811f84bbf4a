//! Many at once: nothing is lost, nothing is out of order.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{create, event, gateway, member, ok, patch};

const MANY: usize = 50;

#[tokio::test]
async fn parallel_creates_are_all_there_in_the_order_in_which_they_were_told() {
    let gateway = gateway();
    let mut session = member(&gateway, &["agents"]).await;
    let names: Vec<_> = (0..MANY).map(|n| format!("a{n}")).collect();
    join_all(names.iter().map(|id| create(&gateway, id))).await;
    let list = ok(gateway.get("/agents/").await);
    assert_eq!(list["total"], MANY);
    for agent in list["agents"].as_array().unwrap() {
        assert_eq!(&event(&mut session).await.2, agent);
    }
}

#[tokio::test]
async fn parallel_changes_of_one_agent_are_all_merged() {
    let gateway = gateway();
    create(&gateway, "a").await;
    let mut session = member(&gateway, &["agents"]).await;
    let change = |n: usize| patch(&gateway, "a", json!({ "config": { format!("k{n}"): n } }));
    let answers = join_all((0..MANY).map(change)).await;
    let config = ok(gateway.get("/agents/a").await)["config"].clone();
    let expected: Value =
        (0..MANY).map(|n| (format!("k{n}"), json!(n))).collect::<serde_json::Map<_, _>>().into();
    assert_eq!(config, expected);
    let mut sizes = BTreeSet::new();
    let mut last = json!(null);
    for _ in &answers {
        last = event(&mut session).await.2;
        sizes.insert(last["config"].as_object().unwrap().len());
    }
    // Each event has one entry more than the one before.
    assert_eq!(sizes, (1..=MANY).collect());
    assert_eq!(last["config"], expected);
    assert!(answers.into_iter().all(|answer| ok(answer)["config"].is_object()));
}

#[tokio::test]
async fn of_parallel_creates_with_one_id_one_succeeds() {
    let gateway = gateway();
    let body = json!({ "agent_type": "b_cell", "agent_id": "a" });
    let answers = join_all((0..MANY).map(|_| gateway.post("/agents/", &body))).await;
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    let taken = answers.iter().filter(|answer| answer.status == 409).count();
    assert_eq!((made, taken), (1, MANY - 1));
}
