//! The slot and the publication: made, checked, waited for, held to a limit.

use testkit::Postgres;
use tidegate_db_listener::source::Failure;
use tidegate_db_listener::source::postgres::stats::State;
use tidegate_db_listener::source::postgres::{AtLimit, HeldLimit, Settings};

use crate::support::{Listener, new, settings, settings_at, wait_until_safe};

const HELD: &str =
    "select pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn) < 10000 from pg_replication_slots";

fn with_table() -> Postgres {
    let postgres = Postgres::start();
    postgres.sql("postgres", "create table t (id int primary key)");
    postgres
}

fn fails_for_good(settings: Settings, text: &str) {
    let failure = Listener::launch(settings).wait_for_failure(text);
    assert!(matches!(failure, Failure::Lasting(_)), "{failure:?}");
}

#[test]
fn a_slot_in_use_is_waited_for_and_taken_over() {
    let postgres = with_table();
    let first = Listener::start(settings(&postgres, &["t"]));
    let second = Listener::launch(settings(&postgres, &["t"]));
    second.wait_for(|stats| stats.state == State::Waiting);
    postgres.sql("postgres", "insert into t values (1)");
    let told = first.next();
    assert_eq!(new(&told, "id"), 1);
    wait_until_safe(&postgres, &told);
    first.confirm(false);
    postgres.sql("postgres", "insert into t values (2)");
    assert_eq!(new(&first.next(), "id"), 2);
    drop(first);
    // What was not confirmed comes again, with the same origin.
    assert_eq!(new(&second.next(), "id"), 2);
    second.wait_for(|stats| stats.state == State::Streaming);
    assert!(second.so_far().is_empty());
}

#[test]
fn two_instances_listen_to_two_databases() {
    let postgres = with_table();
    postgres.sql("postgres", "create database other");
    postgres.sql("other", "create table t (id int primary key)");
    let first = Listener::start(settings(&postgres, &["t"]));
    let mut other = settings_at(&postgres.url("other"), &["t"]);
    fails_for_good(other.clone(), "is of the database \"postgres\"");
    other.slot = "other".into();
    let second = Listener::start(other);
    postgres.sql("postgres", "insert into t values (1)");
    postgres.sql("other", "insert into t values (2)");
    assert_eq!((new(&first.next(), "id"), new(&second.next(), "id")), (&1.into(), &2.into()));
}

#[test]
fn what_the_slot_holds_shrinks_while_only_others_write() {
    let postgres = with_table();
    postgres.sql("postgres", "create table other (a text)");
    postgres.sql("postgres", "create database another");
    postgres.sql("another", "create table other (a text)");
    let listener = Listener::start(settings(&postgres, &["t"]));
    for database in ["postgres", "another"] {
        postgres.sql(database, "insert into other select repeat('x', 1000) from generate_series(1, 2000)");
        listener.wait_for(|stats| stats.lag_bytes.is_some_and(|lag| lag < 10_000));
    }
    assert_eq!(postgres.sql("postgres", HELD), "t");
    // Not while something that was told is not safe.
    listener.confirm(false);
    postgres.sql("postgres", "insert into t values (1)");
    listener.next();
    postgres.sql("postgres", "insert into other select repeat('x', 1000) from generate_series(1, 2000)");
    listener.wait_for(|stats| stats.lag_bytes.is_some_and(|lag| lag > 1_000_000));
    assert_eq!(postgres.sql("postgres", HELD), "f");
}

#[test]
fn a_server_or_slot_that_will_not_do_is_told_with_what_to_do() {
    let postgres = Postgres::start_with(&["wal_level=replica"]);
    postgres.sql("postgres", "create table t (id int primary key)");
    fails_for_good(settings(&postgres, &["t"]), "ALTER SYSTEM SET wal_level = 'logical'");
    let postgres = with_table();
    for (arguments, text) in [
        ("'tidegate', 'pgoutput', false, true", "prepared transactions (two_phase)"),
        ("'tidegate', 'test_decoding'", "with the plugin \"test_decoding\""),
    ] {
        postgres.sql("postgres", &format!("select pg_create_logical_replication_slot({arguments})"));
        fails_for_good(settings(&postgres, &["t"]), text);
        postgres.sql("postgres", "select pg_drop_replication_slot('tidegate')");
    }
    postgres.sql(
        "postgres",
        "create table other (id int primary key); create publication theirs for table other",
    );
    let mut theirs = settings(&postgres, &["t", "other"]);
    theirs.publication = "theirs".into();
    fails_for_good(theirs, "ALTER PUBLICATION \"theirs\" ADD TABLE ONLY \"public\".\"t\"");
    fails_for_good(settings_at(&postgres.url("nowhere"), &["t"]), "database \"nowhere\" does not exist");
}

#[test]
fn a_publication_of_ours_gets_the_tables_that_rules_add() {
    let postgres = with_table();
    drop(Listener::start(settings(&postgres, &["t"])));
    postgres.sql("postgres", "create table more (id int primary key)");
    let listener = Listener::start(settings(&postgres, &["t", "more"]));
    postgres.sql("postgres", "insert into more values (1)");
    assert_eq!(listener.next().shape.table.table, "more");
}

fn with_a_limit(then: AtLimit) -> (Postgres, Settings) {
    let postgres = with_table();
    postgres.sql("postgres", "create table other (a text)");
    let mut settings = settings(&postgres, &["t"]);
    settings.held_limit = Some(HeldLimit { bytes: 1_000_000, then });
    (postgres, settings)
}

/// Writes more than the limit, while something is not confirmed.
fn pile_up(postgres: &Postgres, listener: &Listener) {
    listener.confirm(false);
    postgres.sql("postgres", "insert into t values (1)");
    listener.next();
    postgres.sql("postgres", "insert into other select repeat('x', 1000) from generate_series(1, 2000)");
}

#[test]
fn over_the_limit_it_stops_and_the_slot_stays() {
    let (postgres, mut settings) = with_a_limit(AtLimit::Stop);
    let listener = Listener::start(settings.clone());
    pile_up(&postgres, &listener);
    let failure = listener.wait_for_failure("over the limit of 1000000: listening has stopped");
    assert!(matches!(failure, Failure::Lasting(_)));
    drop(listener);
    fails_for_good(settings.clone(), "over the limit");
    settings.held_limit = None;
    assert_eq!(new(&Listener::start(settings).next(), "id"), 1);
}

#[test]
fn over_the_limit_it_drops_the_slot_makes_another_and_says_so() {
    let (postgres, settings) = with_a_limit(AtLimit::DropSlot);
    let listener = Listener::start(settings);
    pile_up(&postgres, &listener);
    listener.wait_for_failure("the slot was dropped");
    listener.wait_for(|stats| {
        stats.state == State::Streaming && stats.held_bytes.is_some_and(|held| held < 1_000_000)
    });
    listener.wait_for(|stats| stats.notes.iter().any(|note| note.contains("are lost")));
    listener.so_far();
    postgres.sql("postgres", "insert into t values (2)");
    assert_eq!(new(&listener.next(), "id"), 2);
}

#[test]
fn a_slot_that_the_server_has_lost_is_told_or_replaced() {
    let postgres =
        Postgres::start_with(&["max_slot_wal_keep_size=1MB", "min_wal_size=32MB", "max_wal_size=32MB"]);
    postgres.sql("postgres", "create table t (id int primary key)");
    let mut settings = settings(&postgres, &["t"]);
    drop(Listener::start(settings.clone()));
    for _ in 0..4 {
        postgres.sql("postgres", "select pg_logical_emit_message(false, '', 'x'); select pg_switch_wal()");
    }
    postgres.sql("postgres", "checkpoint");
    fails_for_good(settings.clone(), "is lost: PostgreSQL has removed what it was to keep");
    settings.held_limit = Some(HeldLimit { bytes: 1 << 40, then: AtLimit::DropSlot });
    let listener = Listener::start(settings);
    listener.wait_for(|stats| stats.notes.iter().any(|note| note.contains("are lost")));
    postgres.sql("postgres", "insert into t values (1)");
    assert_eq!(new(&listener.next(), "id"), 1);
}
