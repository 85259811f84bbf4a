//! The store and leases, through the ABI.

use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;
use tidegate::plugin::Settings;

use super::house::{House, compile, instance};

// The statuses of the ABI that are seen here.
const OK: i64 = 0;
const DENIED: i64 = 2;
const NOT_FOUND: i64 = 4;
const CONFLICT: i64 = 5;
const CLOSED: i64 = 7;

fn keeper(folder: &Path, name: &str, reads: &str) -> Settings {
    let (call, reads) = (format!("CALL=\"{name}\""), format!("READS=\"{reads}\""));
    instance(name, compile(folder, name, "keeper.c", &[&call, &reads]), json!({}))
}

async fn start(names: &[(&str, &str)]) -> (House, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let settings = names.iter().map(|(name, reads)| keeper(folder.path(), name, reads)).collect();
    (House::start(settings).await, folder)
}

/// Has a keeper do something: its status and number.
async fn ask(house: &House, who: &str, what: &str) -> (i64, u64) {
    let (_, answer) = house.call(who, &Value::from(what)).await;
    serde_json::from_value(answer).unwrap()
}

#[tokio::test]
async fn an_instance_has_its_part_of_the_store_and_others_read_only_what_it_shares_with_them() {
    let (house, _folder) = start(&[("keeper", ""), ("reader", "\\\"keeper\\\""), ("stranger", "")]).await;
    let (status, revision) = ask(&house, "keeper", "p").await;
    assert_eq!(status, OK);
    assert_eq!(ask(&house, "keeper", "p").await, (CONFLICT, revision));
    assert_eq!(ask(&house, "keeper", "g").await, (OK, revision));
    assert_eq!(ask(&house, "keeper", "P").await.0, OK);
    assert_eq!(ask(&house, "keeper", "l").await, (OK, 2));
    // What another may see.
    assert_eq!(ask(&house, "reader", "l").await, (OK, 0));
    assert_eq!(ask(&house, "reader", "o").await, (OK, revision));
    assert_eq!(ask(&house, "reader", "O").await.0, DENIED);
    assert_eq!(ask(&house, "reader", "w").await.0, DENIED);
    assert_eq!(ask(&house, "stranger", "o").await.0, DENIED);
    assert_eq!(ask(&house, "stranger", "g").await.0, NOT_FOUND);
}

#[tokio::test]
async fn a_lease_is_granted_at_once_with_a_number_that_only_grows() {
    let (house, _folder) = start(&[("one", ""), ("two", "")]).await;
    let (status, first) = ask(&house, "one", "a").await;
    assert_eq!(status, OK);
    assert_eq!(ask(&house, "one", "a").await.0, CONFLICT);
    assert_eq!(ask(&house, "two", "a").await.0, OK); // names are an instance's own
    assert_eq!(ask(&house, "one", "r").await.0, OK);
    assert_eq!(ask(&house, "one", "f").await.0, OK);
    assert_eq!(ask(&house, "one", "r").await.0, CLOSED);
    let (status, second) = ask(&house, "one", "a").await;
    assert!(status == OK && second > first);
    house.stop("one").await;
    house.start_again("one").await.unwrap();
    let (status, third) = ask(&house, "one", "a").await;
    assert!(status == OK && third > second, "what is held at the stop is given up");
}

#[tokio::test]
async fn a_lease_that_is_not_renewed_is_told_to_be_lost() {
    let (house, _folder) = start(&[("one", "")]).await;
    assert_eq!(ask(&house, "one", "b").await.0, OK);
    house.until("it is told", async || ask(&house, "one", "x").await == (OK, 1)).await;
    assert_eq!(ask(&house, "one", "r").await.0, CLOSED);
    assert_eq!(ask(&house, "one", "a").await.0, OK);
}

#[tokio::test]
async fn a_command_to_a_session_that_is_not_there_is_not_found() {
    let (house, _folder) = start(&[("one", "")]).await;
    assert_eq!(ask(&house, "one", "s").await.0, NOT_FOUND);
}
