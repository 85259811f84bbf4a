//! The rows that were there before.

use serde_json::json;
use testkit::Postgres;
use tidegate_db_listener::source::postgres::stats::State;

use crate::support::{Listener, new, settings, wait_until_safe};

#[test]
fn the_rows_that_were_there_come_first_and_the_stream_goes_on_where_they_end() {
    let postgres = Postgres::start();
    postgres.sql("postgres", "create table t (id int primary key, a text)");
    postgres.sql("postgres", "insert into t select g, repeat('x', 100) from generate_series(1, 5000) g");
    let mut settings = settings(&postgres, &["t"]);
    settings.snapshot = true;
    let mut writer = postgres.client("psql", "postgres");
    let writes =
        "do $$ begin for i in 5001..6000 loop insert into t values (i, ''); commit; end loop; end $$";
    let mut writer = writer.args(["-qc", writes]).spawn().unwrap();
    let listener = Listener::launch(settings.clone());
    assert!(writer.wait().unwrap().success());
    let changes = listener.take(6000);
    let mut ids: Vec<i64> = changes.iter().map(|change| new(change, "id").as_i64().unwrap()).collect();
    ids.sort_unstable();
    // Each once: neither lost nor twice between the snapshot and the stream.
    assert!(ids.iter().copied().eq(1..=6000));
    let mut origins: Vec<&str> = changes.iter().map(|change| change.origin.as_str()).collect();
    origins.sort_unstable();
    origins.dedup();
    assert_eq!(origins.len(), 6000);
    wait_until_safe(&postgres, &changes[5999]);
    drop(listener);
    // Only the first time.
    let listener = Listener::start(settings);
    postgres.sql("postgres", "insert into t values (0, '')");
    assert_eq!(new(&listener.next(), "id"), &json!(0));
}

#[test]
fn a_snapshot_that_was_not_safe_is_read_again() {
    let postgres = Postgres::start();
    postgres.sql("postgres", "create table t (id int primary key); insert into t values (1), (2)");
    let mut settings = settings(&postgres, &["t"]);
    settings.snapshot = true;
    let listener = Listener::launch(settings.clone());
    listener.confirm(false);
    listener.wait_for(|stats| stats.state == State::Snapshot);
    listener.take(2);
    drop(listener);
    let listener = Listener::start(settings);
    assert_eq!(listener.take(2).len(), 2);
    assert_eq!(postgres.sql("postgres", "select slot_name from pg_replication_slots"), "tidegate");
}
