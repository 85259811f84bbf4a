//! What changes tell of rows.

use serde_json::json;
use testkit::Postgres;
use tidegate_db_listener::change::{Cell, Kind};
use tidegate_db_listener::source::Table;

use crate::support::{Listener, column, new, settings};

#[test]
fn a_change_tells_the_rows_by_replica_identity_with_an_origin_and_a_time() {
    let postgres = Postgres::start();
    let tables = "create table by_key (id int primary key, a int, b text);
        create table full_row (id int primary key, a int, b text); alter table full_row replica identity full";
    postgres.sql("postgres", tables);
    let listener = Listener::start(settings(&postgres, &["by_key", "full_row"]));
    for table in ["by_key", "full_row"] {
        for statement in [
            format!("begin; insert into {table} values (1, 1, 'x'), (2, null, null); commit"),
            format!("update {table} set a = 5 where id = 1"),
            format!("update {table} set id = 3 where id = 1"),
            format!("delete from {table} where id = 3"),
            format!("truncate {table}"),
        ] {
            postgres.sql("postgres", &statement);
        }
        let changes = listener.take(6);
        let kinds: Vec<Kind> = changes.iter().map(|change| change.kind).collect();
        assert_eq!(
            kinds,
            [Kind::Insert, Kind::Insert, Kind::Update, Kind::Update, Kind::Delete, Kind::Truncate]
        );
        assert!(changes[0].old.is_none() && changes[4].new.is_none());
        assert!(changes[5].old.is_none() && changes[5].new.is_none());
        let old = |at: usize, name: &str| column(&changes[at], changes[at].old.as_ref(), name).clone();
        let told = |value| if table == "full_row" { Cell::Is(value) } else { Cell::Unknown };
        assert_eq!((old(2, "id"), old(2, "a")), (Cell::Is(json!(1)), told(json!(1))));
        assert_eq!((old(3, "id"), new(&changes[3], "id")), (Cell::Is(json!(1)), &json!(3)));
        assert_eq!((old(4, "id"), old(4, "b")), (Cell::Is(json!(3)), told(json!("x"))));
        // Two changes of one transaction have its place, and a number.
        let (place, number) = changes[0].origin.rsplit_once('/').unwrap();
        assert_eq!((number, changes[1].origin.as_str()), ("1", format!("{place}/2").as_str()));
        assert_ne!(changes[2].origin.rsplit_once('/').unwrap().0, place);
        assert!(changes[0].time > 1_700_000_000_000);
    }
}

#[test]
fn a_table_without_a_key_tells_its_inserts_and_its_updates_go_on() {
    let postgres = Postgres::start();
    postgres.sql("postgres", "create table keyless (a int); create table none (id int primary key, a int)");
    postgres.sql(
        "postgres",
        "alter table none replica identity nothing; create table keyed (id int primary key)",
    );
    let listener = Listener::start(settings(&postgres, &["keyless", "none", "keyed"]));
    for table in ["keyless", "none", "keyed"] {
        postgres.sql("postgres", &format!("insert into {table} values (1)"));
        assert_eq!(listener.next().shape.table.table, table);
    }
    // In a publication of updates these would fail.
    postgres.sql(
        "postgres",
        "update keyless set a = 2; delete from keyless; update none set a = 3; truncate none",
    );
    assert_eq!(listener.next().kind, Kind::Truncate);
    let untold = |table: &Table| (table.name.table.clone(), table.untold.len());
    listener.wait_for(|stats| stats.tables.is_some());
    let told: Vec<_> = listener.tables().iter().map(untold).collect();
    assert_eq!(told, [("keyed".into(), 0), ("keyless".into(), 1), ("none".into(), 1)]);
}

#[test]
fn large_values_that_did_not_change_are_taken_from_the_old_row_or_unknown() {
    let postgres = Postgres::start();
    postgres.sql("postgres", "create table large (id int primary key, a int, b text); alter table large alter b set storage external");
    let listener = Listener::start(settings(&postgres, &["large"]));
    let large = "x".repeat(100_000);
    postgres.sql("postgres", "insert into large values (1, 1, repeat('x', 100000)); update large set a = 2");
    postgres.sql("postgres", "alter table large replica identity full; update large set a = 3");
    let changes = listener.take(3);
    assert_eq!(new(&changes[0], "b"), &json!(large));
    assert_eq!(column(&changes[1], changes[1].new.as_ref(), "b"), &Cell::Unknown);
    assert_eq!(new(&changes[2], "b"), &json!(large));
}

#[test]
fn a_table_that_is_altered_is_told_as_it_is_from_there_on() {
    let postgres = Postgres::start();
    postgres.sql("postgres", "create table altered (id int primary key, a int, gone int)");
    let listener = Listener::start(settings(&postgres, &["altered"]));
    let statements = "insert into altered values (1, 1, 1);
        alter table altered add b text default 'new', drop gone; insert into altered values (2, 2, 'x');
        alter table altered rename a to c; alter table altered alter c type text; insert into altered values (3, 'three', 'y');
        create type colour as enum ('red'); alter table altered add colours colour[]; insert into altered values (4, '', '', '{red}')";
    postgres.sql("postgres", statements);
    let changes = listener.take(4);
    let columns: Vec<String> = changes.iter().map(|change| change.shape.columns.join(" ")).collect();
    assert_eq!(columns, ["id a gone", "id a b", "id c b", "id c b colours"]);
    assert_eq!(new(&changes[2], "c"), "three");
    assert_eq!(new(&changes[3], "colours"), &json!(["red"]));
}

#[test]
fn what_is_rolled_back_is_not_told_and_what_is_not_wanted_neither() {
    let postgres = Postgres::start();
    postgres.sql("postgres", "create table t (id int primary key); create table other (id int primary key)");
    postgres.sql("postgres", "create publication tidegate for all tables");
    let listener = Listener::start(settings(&postgres, &["t"]));
    postgres.sql("postgres", "begin; insert into t values (1); rollback");
    postgres.sql(
        "postgres",
        "begin; insert into t values (2); savepoint s; insert into t values (3); rollback to s; commit",
    );
    postgres.sql("postgres", "begin; insert into other values (1); insert into t values (4); commit");
    // Prepared transactions are told when they are committed.
    postgres.sql("postgres", "begin; insert into t values (5); prepare transaction 'p'");
    postgres.sql("postgres", "insert into t values (6)");
    postgres.sql("postgres", "commit prepared 'p'");
    let changes = listener.take(4);
    let ids: Vec<_> = changes.iter().map(|change| new(change, "id").clone()).collect();
    assert_eq!(ids, [2, 4, 6, 5]);
    // What nobody wants is counted, so that an origin does not depend on the rules.
    assert!(changes[1].origin.ends_with("/2"));
}

#[test]
fn partitions_are_told_as_their_table() {
    let postgres = Postgres::start();
    let tables = "create table parts (id int primary key) partition by range (id);
        create table low partition of parts for values from (0) to (10); create table high partition of parts for values from (10) to (20)";
    postgres.sql("postgres", tables);
    postgres.sql("postgres", "insert into parts values (1), (11)");
    let mut settings = settings(&postgres, &["parts"]);
    settings.snapshot = true;
    let listener = Listener::start(settings);
    postgres.sql("postgres", "insert into parts values (2), (12)");
    assert!(listener.take(4).iter().all(|change| change.shape.table.table == "parts"));
}

#[test]
fn a_transaction_of_fifty_thousand_rows_comes_whole_in_order_and_while_it_comes_the_server_is_answered() {
    let postgres = Postgres::start_with(&["wal_sender_timeout=1s"]);
    postgres.sql("postgres", "create table t (id int primary key, a text)");
    let listener = Listener::start(settings(&postgres, &["t"]));
    postgres.sql("postgres", "insert into t select g, repeat('x', 200) from generate_series(1, 50000) g");
    let changes = listener.take(50_000);
    let ids = changes.iter().map(|change| new(change, "id").as_i64().unwrap());
    assert!(ids.eq(1..=50_000));
    let places: std::collections::HashSet<&str> =
        changes.iter().map(|change| change.origin.as_str()).collect();
    assert_eq!(places.len(), 50_000);
    assert_eq!(listener.failures(), [""; 0]);
}

#[test]
fn json_keeps_all_digits_by_the_log_and_by_the_snapshot() {
    let postgres = Postgres::start();
    postgres.sql("postgres", "create table t (id int primary key, j json, b jsonb)");
    let insert = |id: u32| {
        let json = r#"{"n" : 12345678901234567890.123456789}"#;
        postgres.sql("postgres", &format!("insert into t values ({id}, '{json}', '{json}')"));
    };
    insert(1);
    let mut settings = settings(&postgres, &["t"]);
    settings.snapshot = true;
    let listener = Listener::start(settings);
    insert(2);
    for change in listener.take(2) {
        for name in ["j", "b"] {
            let Cell::Exact(exact) = column(&change, change.new.as_ref(), name) else { panic!("{change:?}") };
            assert_eq!(exact.text, r#"{"n":12345678901234567890.123456789}"#);
        }
    }
    postgres.sql("postgres", r#"insert into t values (3, '{"a": 1, "n": 1e400}', '{"a": 1, "n": 1e400}')"#);
    let change = listener.next();
    assert_eq!(*new(&change, "j"), json!({"a": 1, "n": "1e400"}));
    assert_eq!(*new(&change, "b"), json!({"a": 1, "n": format!("1{}", "0".repeat(400))}));
}
