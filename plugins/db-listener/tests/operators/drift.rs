//! Rules that cannot hold for what a database has: refused before anything is listened to, and told while it is.

use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use serde_json::{Value, json};
use testkit::{MariaDb, Postgres};
use tidegate_plugin::testing::TestHost;

use crate::support::plugin;

/// Waits until the health is so, and answers its notes.
#[track_caller]
fn wait_for_health(host: &TestHost, status: &str) -> String {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let health = host.health();
        let notes = health["details"]["notes"].as_array().unwrap();
        if health["status"] == status {
            return notes.iter().map(|note| note.as_str().unwrap()).collect::<Vec<_>>().join("\n");
        }
        assert!(Instant::now() < deadline, "never {status}: {health}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// A host whose rule is about `state` of `t`, while that is renamed and back.
fn told_until_it_is_right_again(source: &Value, table: &str, run: impl Fn(&str)) {
    let rules = json!([{"table": "t", "event": "e", "data": {"id": "{id}", "state": "{state}"}}]);
    let host = plugin(source, &rules).start().unwrap();
    wait_for_health(&host, "healthy");
    run("ALTER TABLE t RENAME COLUMN state TO status");
    let notes = wait_for_health(&host, "degraded");
    let note = format!("rule.0 (e): table '{table}': there is no column 'state', but 'status'");
    assert!(notes.contains(&note), "{notes}");
    run("ALTER TABLE t RENAME COLUMN status TO state");
    wait_for_health(&host, "healthy");
    host.stop();
}

#[test]
fn a_column_of_postgresql_that_is_renamed_is_told_until_it_is_right_again() {
    let postgres = Postgres::start();
    postgres.sql("postgres", "create table t (id int primary key, state text)");
    told_until_it_is_right_again(&json!({"url": postgres.url("postgres")}), "public.t", |sql| {
        drop(postgres.sql("postgres", sql));
    });
}

#[test]
fn a_column_of_mariadb_that_is_renamed_is_told_until_it_is_right_again() {
    let database = MariaDb::start_with(&["--binlog-row-metadata=FULL"]);
    database.sql("CREATE DATABASE app; CREATE TABLE app.t (id INT PRIMARY KEY, state VARCHAR(20))");
    let source = json!({"kind": "mariadb", "url": format!("{}/app", database.url())});
    told_until_it_is_right_again(&source, "app.t", |sql| drop(database.sql(&format!("USE app; {sql}"))));
}

#[test]
fn a_column_of_sqlite_that_is_renamed_is_told_until_it_is_right_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    let application = Connection::open(&path).unwrap();
    application.busy_timeout(Duration::from_secs(10)).unwrap();
    application.execute_batch("CREATE TABLE t (id INTEGER PRIMARY KEY, state TEXT)").unwrap();
    let source = json!({"kind": "sqlite", "url": path, "poll": "10ms"});
    let init = plugin(&source, &json!([{"table": "t", "event": "e"}])).command("init", &["--apply"]);
    assert_eq!(init.outcome, Ok(()));
    told_until_it_is_right_again(&source, "main.t", |sql| application.execute_batch(sql).unwrap());
}

/// What `init`, `test` and a start say of a rule; they say the same.
#[track_caller]
fn refused(source: &Value, rule: &Value) -> String {
    let rules = json!([rule]);
    let tried = plugin(source, &rules).command("test", &["--for", "1s"]).outcome.unwrap_err();
    let printed = plugin(source, &rules).command("init", &[]).outcome.unwrap_err();
    assert_eq!(tried, printed);
    let host = plugin(source, &rules).start().unwrap();
    wait_for_health(&host, "unhealthy");
    let reason = loop {
        if let Some(reason) = host.health()["details"]["reason"].as_str() {
            break reason.to_owned();
        }
        thread::sleep(Duration::from_millis(5));
    };
    host.stop();
    assert_eq!(tried, format!("CONFLICT: {reason}"));
    reason
}

#[test]
fn what_postgresql_never_tells_is_refused_with_what_to_write() {
    let postgres = Postgres::start();
    postgres.sql(
        "postgres",
        "create table t (id int primary key, state text, tags text[], total int generated always as (id * 2) stored);
         create table keyless (id int); create unlogged table quick (id int primary key);
         create view v as select * from t; create materialized view m as select * from t",
    );
    let source = json!({"url": postgres.url("postgres")});
    for (rule, expected) in [
        (
            json!({"table": "keyless", "on": ["insert", "update"], "event": "e"}),
            "rule.0 (e): on: of table 'public.keyless' updates and deletes are not told: it has neither a primary key nor another replica \
             identity. ALTER TABLE \"public\".\"keyless\" REPLICA IDENTITY FULL has PostgreSQL tell them",
        ),
        (
            json!({"table": "t", "event": "e", "when": "state == 5"}),
            "rule.0 (e): when: table 'public.t': the column 'state' holds text, and is compared with 5: write \"5\"",
        ),
        (
            json!({"table": "t", "event": "e", "when": "tags == 'a'"}),
            "the column 'tags' holds arrays or objects",
        ),
        (
            json!({"table": "t", "event": "e", "key": "{total}"}),
            "the column 'total' is generated, and such are not told",
        ),
        (json!({"table": "quick", "event": "e"}), "rule.0 (e): table: 'public.quick' is an unlogged table"),
        (json!({"table": "v", "event": "e"}), "rule.0 (e): table: 'public.v' is a view"),
        (
            json!({"table": "m", "event": "e", "key": "{old.id}"}),
            "rule.0 (e): table: 'public.m' is a materialized view",
        ),
        (json!({"table": "tt", "event": "e"}), "rule.0 (e): there is no table 'public.tt', but 'public.t'"),
    ] {
        let said = refused(&source, &rule);
        assert!(said.starts_with("rule.0 (e): ") && said.contains(expected), "{said}");
    }
    // What rules ask old rows of has a replica identity by then.
    let asks = json!([{"table": "keyless", "on": "update", "when": "changed(id)", "event": "e"}]);
    let printed = plugin(&source, &asks).command("init", &[]).printed;
    assert!(printed.contains("ALTER TABLE ONLY \"public\".\"keyless\" REPLICA IDENTITY FULL"), "{printed}");
}
