//! What is MySQL's alone: sets of GTIDs, and what its settings must be.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::json;
use testkit::{MariaDb, MySql};
use tidegate_db_listener::change::{Change, Kind};
use tidegate_db_listener::source::{Failure, Position};

use crate::fixture::{Listening, bare, new};
use crate::server::refused;

const TABLE: &str = "CREATE DATABASE app; CREATE TABLE app.t (id INT PRIMARY KEY AUTO_INCREMENT, v INT);";
/// Servers that others got transactions from.
const OTHERS: [&str; 2] = ["aaaaaaaa-71ca-11e1-9e33-c80aa9429562", "bbbbbbbb-71ca-11e1-9e33-c80aa9429562"];

fn id(change: &Change) -> u64 {
    new(change)["id"].as_u64().unwrap()
}

/// Why the reading from a position fails for good.
async fn refused_from(url: &str, position: &str) -> String {
    match Listening::from(url, &["t"], Some(Position(position.into()))).failure().await {
        Failure::Lasting(text) => text,
        passing => panic!("{passing:?}"),
    }
}

#[tokio::test]
async fn a_server_without_gtids_or_a_log_is_told_what_it_needs() {
    const OFF: [&str; 2] = ["--gtid-mode=OFF", "--enforce-gtid-consistency=OFF"];
    let mut database = MySql::start_with(&OFF);
    let text = refused(&database.url()).await;
    assert!(text.contains("gtid_mode is OFF") && text.contains("enforce_gtid_consistency=ON"), "{text}");
    database.restart_with(&["--skip-log-bin"]);
    assert!(refused(&database.url()).await.contains("log_bin=binlog below [mysqld]"));
    let database = MySql::start_with(&["--binlog-format=MIXED"]);
    assert!(refused(&database.url()).await.contains("SET GLOBAL binlog_format=ROW"));
}

#[tokio::test]
async fn a_user_needs_two_grants_and_for_a_snapshot_one_more() {
    let database = MySql::start();
    database.sql(TABLE);
    database.sql("INSERT INTO app.t VALUES (1, 1); CREATE USER reader IDENTIFIED BY 'right'");
    let url = database.url_of("reader:right");
    assert!(refused(&url).await.contains("GRANT REPLICATION SLAVE"));
    database.sql("GRANT REPLICATION SLAVE ON *.* TO reader; GRANT SELECT ON app.t TO reader");
    let mut listening = Listening::to(&url, &["t"]).await;
    database.sql("INSERT INTO app.t VALUES (2, 2)");
    assert_eq!(id(&listening.change().await), 2);
    let failure = Listening::start(&url, &["t"], None, true).failure().await;
    assert!(matches!(&failure, Failure::Lasting(text) if text.contains("GRANT LOCK TABLES")), "{failure:?}");
    database.sql("GRANT LOCK TABLES ON app.* TO reader");
    assert_eq!(id(&Listening::start(&url, &["t"], None, true).change().await), 1);
}

#[tokio::test]
async fn a_set_with_gaps_and_of_several_servers_is_gone_on_with() {
    let database = MySql::start();
    database.sql(TABLE);
    let mut listening = Listening::to(&database.url(), &["t"]).await;
    let write = |gtid: String, id: u64| {
        database.sql(&format!("SET gtid_next='{gtid}'; INSERT INTO app.t VALUES ({id}, 0)"));
    };
    let [one, two] = OTHERS;
    write(format!("{one}:5"), 1);
    write(format!("{two}:1"), 2);
    write(format!("{one}:2"), 3);
    database.sql("INSERT INTO app.t VALUES (4, 0)");
    let seen = listening.changes(4).await;
    assert_eq!(seen.iter().map(id).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!(seen[0].origin, format!("{one}:5/app.t/0"));
    let position = listening.stop().await;
    let executed = database.sql("SELECT REPLACE(@@GLOBAL.gtid_executed, '\\n', '')").replace("\\n", "");
    let parts = |set: &str| set.split(',').map(|part| part.trim().to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(parts(&bare(&position)), parts(&executed));
    assert!(bare(&position).contains(&format!("{one}:2:5")), "{position:?}");

    write(format!("{one}:3"), 5);
    write(format!("{one}:1"), 6);
    let mut again = Listening::from(&database.url(), &["t"], position);
    let next = again.changes(2).await;
    assert_eq!(next.iter().map(id).collect::<Vec<_>>(), [5, 6], "what fills the gaps, and nothing again");
    again.moved_to(&format!("{one}:1-3:5")).await;
}

#[tokio::test]
async fn a_position_is_of_its_kind_of_server() {
    let (mysql, mariadb) = (MySql::start(), MariaDb::start());
    let text = refused_from(&mysql.url(), "mariadb:0-1-5").await;
    assert!(text.contains("of MariaDB, and the server is MySQL"), "{text}");
    let text = refused_from(&mariadb.url(), &format!("mysql:{}:1-5", OTHERS[0])).await;
    assert!(text.contains("of MySQL, and the server is MariaDB"), "{text}");
    let text = refused_from(&mysql.url(), "mysql:1-5").await;
    assert!(text.contains("the position that is kept: `1-5`"), "{text}");
    let missing = format!("{}:1-5", OTHERS[0]);
    let text = refused_from(&mysql.url(), &format!("mysql:{missing}")).await;
    assert!(text.contains(&missing) && text.contains("another server"), "{text}");
}

#[tokio::test]
async fn a_position_before_the_first_transaction_is_read_from_it() {
    let database = MySql::start();
    database.sql(TABLE);
    database.sql("INSERT INTO app.t VALUES (1, 1)");
    let mut listening = Listening::from(&database.url(), &["t"], Some(Position("mysql:".into())));
    assert_eq!(id(&listening.change().await), 1);
}

#[tokio::test]
async fn transactions_end_however_they_were_written() {
    let database = MySql::start_with(&["--binlog-rows-query-log-events=ON"]);
    database.sql(TABLE);
    database.sql("CREATE TABLE app.m (id INT) ENGINE=MyISAM");
    let mut listening = Listening::to(&database.url(), &["t", "m"]).await;
    database.sql(
        "XA START 'a'; INSERT INTO app.t VALUES (1, 0); XA END 'a'; XA PREPARE 'a'; XA COMMIT 'a';
         XA START 'b'; INSERT INTO app.t VALUES (2, 0); XA END 'b'; XA PREPARE 'b'; XA ROLLBACK 'b';
         INSERT INTO app.m VALUES (3), (4); GRANT SELECT ON app.t TO somebody IDENTIFIED BY 'x';
         CREATE TABLE app.n (id INT); CREATE TEMPORARY TABLE app.x (id INT); INSERT INTO app.x VALUES (9);
         RENAME TABLE app.n TO app.o; ANALYZE TABLE app.t; FLUSH LOGS; TRUNCATE app.t; INSERT INTO app.t VALUES (5, 0)",
    );
    let changes = listening.changes(5).await;
    let ids: Vec<_> = changes.iter().filter(|change| change.kind == Kind::Insert).map(id).collect();
    assert_eq!(ids, [1, 3, 4, 5]);
    assert_eq!(changes[3].kind, Kind::Truncate);
    let gtids: BTreeSet<_> =
        changes.iter().map(|change| change.origin.split('/').next().unwrap().to_owned()).collect();
    assert_eq!(gtids.len(), 4, "each has its own, but for the rows of one: {gtids:?}");
    let executed = database.sql("SELECT @@GLOBAL.gtid_executed");
    listening.moved_to(&executed).await;
}

#[tokio::test]
async fn a_snapshot_among_writes_tells_each_row_once() {
    let database = Arc::new(MySql::start());
    database.sql(TABLE);
    database.sql(&"INSERT INTO app.t (v) VALUES (0);".repeat(200));
    let writer = Arc::clone(&database);
    let writes = tokio::task::spawn_blocking(move || {
        writer.sql(&"INSERT INTO app.t (v) VALUES (1);\n".repeat(3000));
    });
    let mut ids = Vec::new();
    for round in 0..3 {
        let mut listening = Listening::start(&database.url(), &["t"], None, true);
        listening.moved().await;
        let until = database.sql("SELECT MAX(id) FROM app.t").parse().unwrap();
        ids.clear();
        while ids.last().is_none_or(|last| *last < until) {
            ids.push(id(&listening.change().await));
        }
        assert_eq!(ids, (1..=until).collect::<Vec<_>>(), "round {round}: each in its order");
    }
    writes.await.unwrap();
}

#[tokio::test]
async fn a_snapshot_waits_for_those_who_write_and_gives_up_in_time() {
    let database = Arc::new(MySql::start());
    database.sql(TABLE);
    let held = |seconds: u64| {
        let writer = Arc::clone(&database);
        tokio::task::spawn_blocking(move || {
            writer.sql(&format!("BEGIN; INSERT INTO app.t (v) VALUES (1); DO SLEEP({seconds}); COMMIT"));
        })
    };
    let begun =
        || database.sql("SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE INFO LIKE 'DO SLEEP%'");
    let write = held(3);
    while begun() != "1" {}
    let mut listening = Listening::start(&database.url(), &["t"], None, true);
    assert_eq!(new(&listening.change().await), json!({"id": 1, "v": 1}), "it is there, and not told again");
    listening.moved().await;
    write.await.unwrap();
    database.sql("INSERT INTO app.t (v) VALUES (2)");
    assert_eq!(id(&listening.change().await), 2);

    let write = held(14);
    while begun() != "1" {}
    let failure = Listening::start(&database.url(), &["t"], None, true).failure().await;
    assert!(matches!(&failure, Failure::Passing(text) if text.contains("Lock wait")), "{failure:?}");
    write.await.unwrap();
}
