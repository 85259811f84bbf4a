//! What others do to the slot and the tables meanwhile: said where something is lost, and never the application's trouble.

use testkit::Postgres;
use tidegate_db_listener::source::postgres::stats::State;

use crate::support::{Listener, new, settings, settings_at, wait_until_safe};

fn with(statements: &str) -> Postgres {
    let postgres = Postgres::start();
    postgres.sql("postgres", statements);
    postgres
}

fn notes(listener: &Listener, part: &str) {
    listener.wait_for(|stats| stats.notes.iter().any(|note| note.contains(part)));
}

#[test]
fn a_slot_that_somebody_has_dropped_is_noted_with_how_far_it_was_read() {
    let postgres = with("create table t (id int primary key)");
    let listener = Listener::start(settings(&postgres, &["t"]));
    postgres.sql("postgres", "insert into t values (1)");
    wait_until_safe(&postgres, &listener.next());
    let dropped = "select pg_terminate_backend(active_pid) from pg_replication_slots where active;
        select pg_drop_replication_slot('tidegate')";
    while postgres.try_sql("postgres", dropped).is_err() {}
    notes(&listener, "the slot \"tidegate\" is gone, which was read up to");
    // What is written before another slot begins is lost.
    listener.wait_for(|stats| stats.state == State::Streaming && !stats.loss_is_told);
    postgres.sql("postgres", "insert into t values (2)");
    assert_eq!(new(&listener.next(), "id"), 2);
}

#[test]
fn a_second_slot_that_is_lost_is_noted_as_well() {
    let postgres = with("create table t (id int primary key)");
    let listener = Listener::start(settings(&postgres, &["t"]));
    let gone = "select pg_terminate_backend(active_pid) from pg_replication_slots where active;
        select pg_drop_replication_slot('tidegate')";
    for lost in 1..=2 {
        postgres.sql("postgres", &format!("insert into t values ({lost})"));
        wait_until_safe(&postgres, &listener.next());
        while postgres.try_sql("postgres", gone).is_err() {}
        listener.wait_for(|stats| {
            stats.notes.len() == lost && stats.state == State::Streaming && !stats.loss_is_told
        });
    }
}

#[test]
fn one_byte_that_is_no_text_stops_nothing() {
    let postgres = with("select 1");
    postgres.sql(
        "postgres",
        "create database bytes encoding 'SQL_ASCII' lc_collate 'C' lc_ctype 'C' template template0",
    );
    postgres.sql("bytes", "create table t (id int primary key, v text)");
    let listener = Listener::start(settings_at(&postgres.url("bytes"), &["t"]));
    postgres.sql("bytes", "insert into t values (1, E'caf\\xe9 noir'); insert into t values (2, 'b')");
    assert_eq!(new(&listener.next(), "v"), "caf\u{FFFD} noir");
    assert_eq!(new(&listener.next(), "v"), "b");
}

#[test]
fn a_table_that_was_made_anew_is_published_again_and_that_is_noted() {
    let postgres = with("create table t (id int primary key)");
    let listener = Listener::start(settings(&postgres, &["t"]));
    postgres.sql("postgres", "drop table t; create table t (id int primary key)");
    notes(&listener, "were not published any more");
    let published = "select 1 from pg_publication_tables where tablename = 't'";
    while postgres.sql("postgres", published).is_empty() {}
    postgres.sql("postgres", "insert into t values (1)");
    assert_eq!(new(&listener.next(), "id"), 1);
}

#[test]
fn a_table_that_is_gone_is_named() {
    let postgres = with("create table t (id int primary key)");
    let listener = Listener::start(settings(&postgres, &["t"]));
    postgres.sql("postgres", "alter table t rename to u");
    listener.wait_for_failure("the database has no such tables: \"public\".\"t\"");
}

#[test]
fn tables_that_inherit_from_one_can_be_written_as_before() {
    let postgres = with(
        "create table parent (id int primary key, v text); create table child (extra int) inherits (parent)",
    );
    let listener = Listener::start(settings(&postgres, &["parent"]));
    postgres.sql("postgres", "insert into child values (1, 'a', 2); insert into parent values (2, 'a')");
    postgres.sql("postgres", "update parent set v = 'b'; delete from child");
    assert_eq!(new(&listener.next(), "id"), 2);
}

#[test]
fn of_a_partition_that_tells_no_old_rows_they_are_not_known() {
    let postgres = with(
        "create table p (id int primary key, v text) partition by range (id); create table p1 partition of p default;
         alter table only p replica identity full",
    );
    let listener = Listener::start(settings(&postgres, &["p"]));
    postgres.sql("postgres", "insert into p values (1, 'a'); update p set v = 'b'");
    let changes = listener.take(2);
    assert_eq!((new(&changes[1], "v"), &changes[1].old), (&"b".into(), &None));
}

#[test]
fn partitions_without_a_key_can_be_written_as_before() {
    let postgres = with(
        "create table p (id int, v text) partition by range (id); create table p1 partition of p default;
         alter table only p replica identity full",
    );
    let listener = Listener::start(settings(&postgres, &["p"]));
    postgres.sql("postgres", "insert into p values (1, 'a'); update p set v = 'b'; delete from p");
    assert_eq!(new(&listener.next(), "v"), "a");
    notes(&listener, "its updates and deletes are not told");
}
