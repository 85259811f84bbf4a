//! What others do to the slot and the tables meanwhile: said where something is lost, and never the application's trouble.

use std::time::Duration;

use testkit::Postgres;
use tidegate_db_listener::source::postgres::Settings;
use tidegate_db_listener::source::postgres::stats::{State, Stats};

use crate::support::{Listener, new, settings, settings_at, wait_until_safe};

fn with(statements: &str) -> Postgres {
    let postgres = Postgres::start();
    postgres.sql("postgres", statements);
    postgres
}

fn notes(listener: &Listener, part: &str) {
    listener.wait_for(|stats| stats.notes.iter().chain(&stats.drift).any(|note| note.contains(part)));
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
fn a_publication_that_was_dropped_costs_what_was_written_meanwhile_and_no_more() {
    let postgres = with("create table t (id int primary key)");
    let listener =
        Listener::start(Settings { poll: Duration::from_secs(3600), ..settings(&postgres, &["t"]) });
    listener.confirm(false);
    postgres.sql("postgres", "insert into t values (1)");
    assert_eq!(new(&listener.next(), "id"), 1);
    postgres.sql("postgres", "drop publication tidegate; insert into t values (2)");
    notes(&listener, "the slot \"tidegate\" was dropped, as its publication was dropped and made anew");
    listener.wait_for(|stats| stats.state == State::Streaming && !stats.loss_is_told);
    listener.confirm(true);
    postgres.sql("postgres", "insert into t values (3)");
    let mut told = listener.next();
    // What was not confirmed may have come again.
    while *new(&told, "id") == 1 {
        told = listener.next();
    }
    assert_eq!(new(&told, "id"), 3);
    let listener = (drop(listener), Listener::start(settings(&postgres, &["t"]))).1;
    postgres.sql("postgres", "drop publication tidegate");
    notes(&listener, "were not published any more");
    listener.wait_for(|stats| stats.drift.is_empty());
    postgres.sql("postgres", "insert into t values (4)");
    assert_eq!(new(&listener.next(), "id"), 4);
    assert_eq!(listener.failures(), [""; 0]);
}

#[test]
fn a_table_that_loses_its_key_can_be_written_and_tells_its_inserts() {
    let postgres = with("create table t (id int primary key)");
    let listener = Listener::start(settings(&postgres, &["t"]));
    let published = |publication: &str, is: bool| {
        let sql = format!("select 1 from pg_publication_tables where pubname = '{publication}'");
        while postgres.sql("postgres", &sql).is_empty() == is {}
    };
    postgres.sql("postgres", "alter table t drop constraint t_pkey");
    published("tidegate", false);
    postgres.sql("postgres", "insert into t values (1); update t set id = 2; insert into t values (3)");
    assert_eq!((new(&listener.next(), "id"), new(&listener.next(), "id")), (&1.into(), &3.into()));
    let untold = |stats: &Stats| stats.tables.as_ref().is_some_and(|tables| !tables[0].untold.is_empty());
    listener.wait_for(untold);
    postgres.sql("postgres", "alter table t add primary key (id)");
    published("tidegate", true);
    listener.wait_for(|stats| !untold(stats) && stats.drift.is_empty());
    postgres.sql("postgres", "update t set id = 4 where id = 2");
    assert_eq!(new(&listener.next(), "id"), 4);
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
    listener.wait_for(|stats| stats.tables.as_ref().is_some_and(|tables| tables[0].untold.len() == 1));
}
