//! A MySQL, with db-listener as it is loaded: what is committed while nobody listens is told afterwards, and all of it once.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::{Gateway, MySql, Options};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tidegate");

/// A gateway whose instance `shop` tells the room `shop` of orders.
fn start(database: &MySql, data: &Path) -> Gateway {
    let source = format!(r#"{{kind="mysql",url="{}/shop"}}"#, database.url());
    let rule = r#"{table="orders",event="order",room="shop",key="{id}"}"#;
    let history = r#"room=[{prefix="",history={size=1000,ttl="1h",durable=true,fsync="os"}}]"#;
    let instance = format!(r#"plugins.shop={{plugin="db-listener",source={source},rule=[{rule}]}}"#);
    Options::new().data(data).set(history).set(&instance).start(PROGRAM)
}

/// The first so many events of the room.
async fn told(gateway: &Gateway, count: usize) -> Vec<Value> {
    let mut session = gateway.connect("/ws").await;
    session.next().await;
    session.ask(&json!({ "action": "join", "room": "shop", "data": { "since": "start" } })).await;
    let mut events = Vec::new();
    while events.len() < count {
        events.push(session.next().await);
    }
    events
}

#[tokio::test]
async fn what_is_committed_while_nobody_listens_is_told_afterwards_and_all_of_it_once() {
    let (database, data) = (MySql::start(), TempDir::new().unwrap());
    database.sql("CREATE DATABASE shop; CREATE TABLE shop.orders (id INT PRIMARY KEY, note VARCHAR(9))");
    let gateway = start(&database, data.path());
    database.sql("INSERT INTO shop.orders VALUES (1, 'ñ'); UPDATE shop.orders SET note = NULL");
    let before = told(&gateway, 2).await;
    assert_eq!(before[0]["data"], json!({ "id": 1, "note": "ñ" }));
    assert_eq!(before[1]["data"], json!({ "id": 1, "note": null }));
    drop(gateway);

    database.sql("INSERT INTO shop.orders VALUES (2, 'b')");
    let gateway = start(&database, data.path());
    database.sql("INSERT INTO shop.orders VALUES (3, 'c')");
    let after = told(&gateway, 4).await;
    let keys: Vec<_> = after.iter().map(|event| event["key"].as_str().unwrap()).collect();
    assert_eq!(keys, ["1", "1", "2", "3"]);
    let executed = database.sql("SELECT @@GLOBAL.gtid_executed");
    let last = executed.replace(":1-", ":");
    assert_eq!(after[3]["origin"], json!(format!("{last}/shop.orders/0")));
}
