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
fn a_table_that_is_dropped_or_renamed_stops_no_other_and_is_told_until_it_is_back() {
    let postgres = Postgres::start();
    postgres.sql("postgres", "create table a (id int primary key); create table b (id int primary key)");
    let rules = json!([{"table": "a", "event": "a"}, {"table": "b", "event": "b", "data": {"id": "{id}", "was": "{old.id}"}}]);
    let host = plugin(&json!({"url": postgres.url("postgres")}), &rules).start().unwrap();
    wait_for_health(&host, "healthy");
    let turns = [
        ("drop table b", "create table b (id int primary key)", "there is no table 'public.b'"),
        (
            "alter table b rename to bb",
            "alter table bb rename to b",
            "there is no table 'public.b', but 'public.bb'",
        ),
    ];
    let mut told = 0;
    for (goes, returns, note) in turns {
        postgres.sql("postgres", goes);
        let notes = wait_for_health(&host, "degraded");
        assert!(notes.contains(&format!("rule.1 (b): {note}")), "{notes}");
        let end = "select pg_terminate_backend(active_pid) from pg_replication_slots where active";
        postgres.sql("postgres", end);
        postgres.sql("postgres", &format!("insert into a values ({told})"));
        assert_eq!(&*host.wait_for_events(told + 1)[told].kind, "a");
        postgres.sql("postgres", returns);
        let published = "select 1 from pg_publication_tables where tablename = 'b'";
        while postgres.sql("postgres", published).is_empty() {}
        wait_for_health(&host, "healthy");
        postgres.sql("postgres", &format!("insert into b values ({told})"));
        assert_eq!(&*host.wait_for_events(told + 2)[told + 1].kind, "b");
        told += 2;
    }
    host.stop();
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
         create view v as select * from t; create sequence numbers; create materialized view m as select * from t",
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
        (json!({"table": "T", "event": "e"}), "rule.0 (e): there is no table 'public.T', but 'public.t'"),
        (json!({"table": "t", "event": "e", "key": "{ID}"}), "there is no column 'ID', but 'id'"),
        (json!({"table": "numbers", "event": "e"}), "rule.0 (e): table: 'public.numbers' is a sequence"),
        (
            json!({"table": "pg_catalog.pg_class", "event": "e"}),
            "rule.0 (e): table: 'pg_catalog.pg_class' is of PostgreSQL's own",
        ),
    ] {
        let said = refused(&source, &rule);
        assert!(said.starts_with("rule.0 (e): ") && said.contains(expected), "{said}");
    }
    // What rules ask old rows of has a replica identity by then.
    let asks = json!([{"table": "keyless", "on": "update", "when": "changed(id)", "event": "e"}]);
    let printed = plugin(&source, &asks).command("init", &[]).printed;
    assert!(printed.contains("ALTER TABLE ONLY \"public\".\"keyless\" REPLICA IDENTITY FULL"), "{printed}");
}

#[test]
fn what_postgresql_tells_is_not_refused_and_values_that_it_never_has_are() {
    let postgres = Postgres::start();
    postgres.sql(
        "postgres",
        "create domain posint as int check (value > 0); create domain pos2 as posint; create type mood as enum ('sad', 'happy');
         create table t (id int primary key, p pos2, v int2vector, n numeric(12, 2), mood mood);
         create table parts (id int not null, v text) partition by range (id);
         create table parts_1 partition of parts (primary key (id)) default",
    );
    let source = json!({"url": postgres.url("postgres")});
    for (when, expected) in [
        ("n == '3.50'", "the column 'n' holds numbers, and is compared with \"3.50\": write 3.50"),
        ("mood == 'hapy'", "the column 'mood' has no label \"hapy\", but \"happy\""),
        ("p == '5'", "the column 'p' holds numbers, and is compared with \"5\": write 5"),
    ] {
        let said = refused(&source, &json!({"table": "t", "event": "e", "when": when}));
        assert!(said.contains(expected), "{said}");
    }
    let rules = json!([
        {"table": "t", "event": "e", "when": "p == 5 and v == '1 2' and n == 3 and mood == 'sad' and mood != null"},
        {"table": "parts", "on": ["update", "delete"], "event": "part", "key": "{id}"},
    ]);
    let host = plugin(&source, &rules).start().unwrap();
    wait_for_health(&host, "healthy");
    postgres.sql(
        "postgres",
        "insert into t values (1, 5, '1 2', 3, 'sad'); insert into parts values (1, 'a'); update parts set v = 'b';
         update parts set id = 2; delete from parts",
    );
    let told: Vec<_> = host.wait_for_events(4).into_iter().map(|event| (event.kind, event.key)).collect();
    let expected = [("e", ""), ("part", "1"), ("part", "2"), ("part", "2")];
    for (told, expected) in told.iter().zip(expected) {
        assert_eq!((&*told.0, &*told.1), expected);
    }
    host.stop();
}

#[test]
fn what_a_publication_of_the_operators_own_does_not_tell_is_named() {
    let postgres = Postgres::start();
    postgres.sql(
        "postgres",
        "create table t (id int primary key, state text); create table part (id int primary key, state text);
         create publication inserts for table t with (publish = 'insert');
         create publication partial for table part (id) where (id > 5)",
    );
    let source = |publication| json!({"url": postgres.url("postgres"), "publication": publication, "slot": publication});
    let of = |table: &str, more: Value| {
        let mut rule = json!({"table": table, "event": "e"});
        rule.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        rule
    };
    let named = of("t", json!({"on": ["insert", "update"]}));
    let said = refused(&source("inserts"), &named);
    let expected = "rule.0 (e): on: of table 'public.t' updates and deletes and truncates are not told: the publication \"inserts\" does \
                    not publish them: ALTER PUBLICATION \"inserts\" SET (publish = 'insert, update, delete, truncate')";
    assert!(said.contains(expected), "{said}");
    let said = refused(&source("partial"), &of("part", json!({"data": {"state": "{state}"}})));
    let expected = "rule.0 (e): table 'public.part': the column 'state' is not in the list of columns that the publication \"partial\" has";
    assert!(said.contains(expected), "{said}");
    for (publication, table, note) in [
        ("inserts", "t", "rule.0 (e): of table 'public.t' updates and deletes and truncates are not told"),
        ("partial", "part", "the publication \"partial\" tells the rows alone of which this holds: (id > 5)"),
    ] {
        let ran = plugin(&source(publication), &json!([of(table, json!({}))])).command("init", &[]);
        assert!(ran.printed.contains(note), "{}", ran.printed);
        let host = plugin(&source(publication), &json!([of(table, json!({}))])).start().unwrap();
        let notes = wait_for_health(&host, "degraded");
        assert!(notes.contains(note), "{notes}");
        host.stop();
    }
    let inserts = json!([of("t", json!({"on": "insert"}))]);
    let host = plugin(&source("inserts"), &inserts).start().unwrap();
    wait_for_health(&host, "healthy");
    // What is altered meanwhile is told, too.
    postgres.sql("postgres", "alter publication inserts set (publish = 'delete')");
    let notes = wait_for_health(&host, "degraded");
    assert!(notes.contains("rule.0 (e): on: of table 'public.t' inserts and updates"), "{notes}");
    host.stop();
}
