//! Tables that are altered while they are listened to.

use serde_json::json;
use testkit::{MariaDb, Mysqld};
use tidegate_db_listener::source::Failure;

use crate::fixture::{Listening, new, on_both};

on_both!(
    a_table_that_is_altered_is_told_as_it_is_then,
    a_log_that_tells_no_names_is_not_guessed_at,
    columns_that_were_added_at_the_end_since_do_no_harm,
);

const TABLE: &str = "CREATE DATABASE app; CREATE TABLE app.t (id INT PRIMARY KEY, a INT);";

async fn a_table_that_is_altered_is_told_as_it_is_then(database: &mut Mysqld) {
    database.sql(TABLE);
    let mut listening = Listening::to(&database.url(), &["t"]).await;
    database.sql("INSERT INTO app.t VALUES (1, 1)");
    assert_eq!(new(&listening.change().await), json!({"id": 1, "a": 1}));
    database.sql("ALTER TABLE app.t ADD COLUMN b VARCHAR(9) FIRST, CHANGE a c BIGINT UNSIGNED; INSERT INTO app.t VALUES ('x', 2, 18446744073709551615)");
    assert_eq!(new(&listening.change().await), json!({"b": "x", "id": 2, "c": u64::MAX}));
    database.sql("DROP TABLE app.t; CREATE TABLE app.t (id INT PRIMARY KEY, z DATE); INSERT INTO app.t VALUES (3, '2024-02-29')");
    assert_eq!(new(&listening.change().await), json!({"id": 3, "z": "2024-02-29"}));
}

#[tokio::test]
async fn a_log_that_tells_names_is_right_however_far_behind_it_is_read() {
    let database = MariaDb::start_with(&["--binlog-row-metadata=FULL"]);
    database.sql(TABLE);
    let position = Listening::to(&database.url(), &["t"]).await.stop().await;
    database.sql(
        "INSERT INTO app.t VALUES (1, 1); ALTER TABLE app.t CHANGE a b INT UNSIGNED FIRST; INSERT INTO app.t VALUES (4294967295, 2);
         ALTER TABLE app.t DROP b; INSERT INTO app.t VALUES (3); DROP TABLE app.t",
    );
    let changes = Listening::from(&database.url(), &["t"], position).changes(3).await;
    assert_eq!(new(&changes[0]), json!({"id": 1, "a": 1}));
    assert_eq!(new(&changes[1]), json!({"b": 4_294_967_295_u32, "id": 2}));
    assert_eq!(new(&changes[2]), json!({"id": 3}));
}

async fn a_log_that_tells_no_names_is_not_guessed_at(database: &mut Mysqld) {
    database.sql(TABLE);
    let position = Listening::to(&database.url(), &["t"]).await.stop().await;
    database.sql("INSERT INTO app.t VALUES (1, 1); ALTER TABLE app.t DROP a");
    let Failure::Lasting(text) = Listening::from(&database.url(), &["t"], position).failure().await else {
        panic!("it lasts")
    };
    assert!(
        text.contains("app.t had 2 columns, and has 1 now") && text.contains("binlog_row_metadata=FULL"),
        "{text}"
    );
}

async fn columns_that_were_added_at_the_end_since_do_no_harm(database: &mut Mysqld) {
    database.sql(TABLE);
    let position = Listening::to(&database.url(), &["t"]).await.stop().await;
    database.sql(
        "INSERT INTO app.t VALUES (1, 1); ALTER TABLE app.t ADD b INT; INSERT INTO app.t VALUES (2, 2, 2)",
    );
    let changes = Listening::from(&database.url(), &["t"], position).changes(2).await;
    assert_eq!(new(&changes[0]), json!({"id": 1, "a": 1}));
    assert_eq!(new(&changes[1]), json!({"id": 2, "a": 2, "b": 2}));
}
