//! What a transaction does is told in its order, with its GTID, and only once it is.

use serde_json::json;
use testkit::{MariaDb, Mysqld};
use tidegate_db_listener::change::{Cell, Kind};

use crate::fixture::{Listening, insert, last_gtid, new, old, on_both};

on_both!(
    inserts_updates_and_deletes_tell_rows_before_and_after,
    a_transaction_is_told_when_it_is_committed_and_never_when_it_is_rolled_back,
    a_log_without_checksums_is_read,
    fifty_thousand_rows_of_one_transaction_come_in_batches_and_are_counted,
    reading_goes_on_from_a_position_with_the_same_origins,
    a_log_of_minimal_rows_leaves_out_what_it_does_not_tell,
    a_snapshot_tells_what_is_there_and_then_what_changes,
);

const TABLE: &str = "CREATE DATABASE app; CREATE TABLE app.t (id INT PRIMARY KEY, v VARCHAR(20), k INT); CREATE TABLE app.other (id INT);";

async fn inserts_updates_and_deletes_tell_rows_before_and_after(database: &mut Mysqld) {
    database.sql(TABLE);
    let mut listening = Listening::to(&database.url(), &["t"]).await;
    database.sql(
        "INSERT INTO app.t VALUES (1,'a',7),(2,'b',NULL); UPDATE app.t SET v='c' WHERE id=1; DELETE FROM app.t WHERE id=2; TRUNCATE app.t",
    );
    let changes = listening.changes(5).await;
    let kinds: Vec<_> = changes.iter().map(|change| change.kind).collect();
    assert_eq!(kinds, [Kind::Insert, Kind::Insert, Kind::Update, Kind::Delete, Kind::Truncate]);
    assert_eq!((old(&changes[0]), new(&changes[0])), (json!(null), json!({"id": 1, "v": "a", "k": 7})));
    assert_eq!(old(&changes[2]), json!({"id": 1, "v": "a", "k": 7}));
    assert_eq!(new(&changes[2]), json!({"id": 1, "v": "c", "k": 7}));
    assert_eq!((old(&changes[3]), new(&changes[3])), (json!({"id": 2, "v": "b", "k": null}), json!(null)));
    assert_eq!((changes[4].shape.table.to_string().as_str(), &changes[4].new), ("app.t", &None));

    assert_eq!(changes[4].origin, format!("{}/app.t/0", last_gtid(database)));
    assert!(changes[0].origin.ends_with("/app.t/0") && changes[1].origin.ends_with("/app.t/1"));
    let second: i64 = database.sql("SELECT UNIX_TIMESTAMP()").parse().unwrap();
    assert!((changes[0].time - second * 1000).abs() < 60_000);
}

async fn a_transaction_is_told_when_it_is_committed_and_never_when_it_is_rolled_back(database: &mut Mysqld) {
    database.sql(TABLE);
    let mut listening = Listening::to(&database.url(), &["t"]).await;
    database.sql(
        "BEGIN; INSERT INTO app.t VALUES (1,'no',0); ROLLBACK;
         BEGIN; INSERT INTO app.t VALUES (2,'yes',0); SAVEPOINT s; INSERT INTO app.t VALUES (3,'no',0); ROLLBACK TO s;
         INSERT INTO app.other VALUES (1); INSERT INTO app.t VALUES (4,'yes',0); COMMIT",
    );
    let changes = listening.changes(2).await;
    assert_eq!([new(&changes[0])["id"].clone(), new(&changes[1])["id"].clone()], [json!(2), json!(4)]);
    let gtid = |origin: &str| origin.split('/').next().unwrap().to_owned();
    assert_eq!(gtid(&changes[0].origin), gtid(&changes[1].origin), "both are of one transaction");
    assert_ne!(changes[0].origin, changes[1].origin);
}

async fn a_log_without_checksums_is_read(database: &mut Mysqld) {
    database.restart_with(&["--binlog-checksum=NONE"]);
    database.sql(TABLE);
    let mut listening = Listening::to(&database.url(), &["t"]).await;
    database.sql("INSERT INTO app.t VALUES (1,'a',7); SET GLOBAL binlog_checksum='CRC32'; INSERT INTO app.t VALUES (2,'b',7)");
    let changes = listening.changes(2).await;
    assert_eq!(new(&changes[0]), json!({"id": 1, "v": "a", "k": 7}));
    assert_eq!(new(&changes[1]), json!({"id": 2, "v": "b", "k": 7}), "the setting begins a new file");
}

async fn fifty_thousand_rows_of_one_transaction_come_in_batches_and_are_counted(database: &mut Mysqld) {
    database.sql(TABLE);
    let mut listening = Listening::to(&database.url(), &["t"]).await;
    database.sql(&insert("app.t", 50_000));
    let changes = listening.changes(50_000).await;
    assert!(changes.iter().enumerate().all(|(index, change)| new(change)["id"] == json!(index + 1)));
    assert!(
        changes.iter().enumerate().all(|(index, change)| change.origin.ends_with(&format!("/app.t/{index}")))
    );
}

async fn reading_goes_on_from_a_position_with_the_same_origins(database: &mut Mysqld) {
    database.sql(TABLE);
    let mut first = Listening::to(&database.url(), &["t"]).await;
    let begin = first.position.clone();
    database.sql("INSERT INTO app.t VALUES (1,'a',1); INSERT INTO app.t VALUES (2,'b',2)");
    let seen = first.changes(2).await;
    let end = first.stop().await;
    database.sql("INSERT INTO app.t VALUES (3,'c',3)");

    let again = Listening::from(&database.url(), &["t"], begin).changes(3).await;
    assert_eq!(again[..2], seen, "what was seen comes again as it was");
    let mut next = Listening::from(&database.url(), &["other", "t"], end).changes(1).await;
    assert_eq!(next.remove(0), again[2], "also where other tables are listened to");
}

async fn a_log_of_minimal_rows_leaves_out_what_it_does_not_tell(database: &mut Mysqld) {
    database.restart_with(&["--binlog-row-image=MINIMAL"]);
    database.sql(TABLE);
    let mut listening = Listening::to(&database.url(), &["t"]).await;
    database.sql("INSERT INTO app.t VALUES (1,'a',7); UPDATE app.t SET v='b' WHERE id=1");
    let changes = listening.changes(2).await;
    assert_eq!(old(&changes[1]), json!({"id": 1}));
    assert_eq!(new(&changes[1]), json!({"id": 1, "v": "b"}), "the key is as it was");
    assert_eq!(changes[1].new.as_ref().unwrap()[2], Cell::Unknown);
}

#[tokio::test]
async fn each_of_several_domains_is_gone_on_with() {
    let database = MariaDb::start();
    database.sql(TABLE);
    let mut listening = Listening::to(&database.url(), &["t"]).await;
    database
        .sql("INSERT INTO app.t VALUES (1,'a',1); SET gtid_domain_id=7; INSERT INTO app.t VALUES (2,'b',2)");
    listening.changes(2).await;
    let position = listening.stop().await;
    assert_eq!(position.as_ref().unwrap().0.split(',').count(), 2, "{position:?}");
    database.sql("INSERT INTO app.t VALUES (3,'c',3)");
    let next = Listening::from(&database.url(), &["t"], position).change().await;
    assert_eq!(new(&next)["id"], json!(3));
}

async fn a_snapshot_tells_what_is_there_and_then_what_changes(database: &mut Mysqld) {
    database.sql(TABLE);
    database.sql(&insert("app.t", 1200));
    let mut listening = Listening::start(&database.url(), &["t", "other"], None, true);
    let rows = listening.changes(1200).await;
    listening.moved().await;
    let taken = listening.position.clone().unwrap();
    database.sql("UPDATE app.t SET v='new' WHERE id=1200");
    assert!(
        rows.iter()
            .enumerate()
            .all(|(index, row)| row.kind == Kind::Insert && new(row)["id"] == json!(index + 1))
    );
    assert_eq!(new(&listening.change().await), json!({"id": 1200, "v": "new", "k": null}));

    let (position, _) = rows[0].origin.split_once("/snapshot/").unwrap();
    assert!(taken.0.ends_with(position), "{position} is the position that is kept: {taken:?}");
    let again = Listening::from(&database.url(), &["t", "other"], Some(taken)).change().await;
    let expected = json!("new");
    assert_eq!(new(&again)["v"], expected, "what comes after the snapshot's position is what comes after it");
}
