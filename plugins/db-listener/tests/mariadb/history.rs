//! Tables with history, of MariaDB alone: what becomes of the rows that are, and nothing of those that are past.

use serde_json::{Value, json};
use testkit::MariaDb;
use tidegate_db_listener::change::{Change, Kind};

use crate::fixture::{Listening, new, old};

const CHANGES: &str = "INSERT INTO app.t (id, v) VALUES (1, 'a'); UPDATE app.t SET v = 'b'; INSERT INTO app.t (id, v) VALUES (2, 'c');
    DELETE FROM app.t WHERE id = 1; DELETE HISTORY FROM app.t; UPDATE app.t SET v = 'd'";

fn told(change: &Change) -> (Kind, Value, Value) {
    (change.kind, old(change), new(change))
}

async fn only_present_rows_are_told(arguments: &[&str], definition: &str, is_told: bool) {
    let database = MariaDb::start_with(arguments);
    database.sql(&format!("CREATE DATABASE app; CREATE TABLE app.t {definition}"));
    let mut listening = Listening::to(&database.url(), &["t"]).await;
    database.sql(CHANGES);
    let changes: Vec<_> = listening.changes(5).await.iter().map(told).collect();
    let row = |id: u32, v: &str| json!({"id": id, "v": v});
    let is = |told: &Value, expected: &Value| match is_told {
        true => {
            told["id"] == expected["id"]
                && told["v"] == expected["v"]
                && told["until"].is_string() == expected.is_object()
        }
        false => told == expected,
    };
    let expected = [
        (Kind::Insert, Value::Null, row(1, "a")),
        (Kind::Update, row(1, "a"), row(1, "b")),
        (Kind::Insert, Value::Null, row(2, "c")),
        (Kind::Delete, row(1, "b"), Value::Null),
        (Kind::Update, row(2, "c"), row(2, "d")),
    ];
    for (told, expected) in changes.iter().zip(&expected) {
        assert!(told.0 == expected.0 && is(&told.1, &expected.1) && is(&told.2, &expected.2), "{changes:?}");
    }
    let mut snapshot = Listening::start(&database.url(), &["t"], None, true);
    assert!(is(&new(&snapshot.change().await), &row(2, "d")));
}

const ADDED: &str = "(id INT PRIMARY KEY, v VARCHAR(9)) WITH SYSTEM VERSIONING";
const NAMED: &str = "(id INT PRIMARY KEY, since TIMESTAMP(6) GENERATED ALWAYS AS ROW START, until TIMESTAMP(6) GENERATED ALWAYS AS ROW END,
    v VARCHAR(9), PERIOD FOR SYSTEM_TIME (since, until)) WITH SYSTEM VERSIONING";

#[tokio::test]
async fn by_columns_that_nobody_sees() {
    only_present_rows_are_told(&[], ADDED, false).await;
    only_present_rows_are_told(&["--binlog-row-metadata=FULL"], ADDED, false).await;
}

#[tokio::test]
async fn by_columns_that_have_names() {
    only_present_rows_are_told(&[], NAMED, true).await;
    only_present_rows_are_told(&["--binlog-row-metadata=FULL"], NAMED, true).await;
}
