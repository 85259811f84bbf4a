//! MariaDB, from the application's statement to the event: nothing is missing and nothing doubled, whatever happens to the server, the
//! network, the gateway and the instance.

#![allow(clippy::unwrap_used, reason = "tests say what they expect by panicking")]

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::{Cable, MariaDb};
use tidegate_db_listener::Listener;
use tidegate_plugin::Status;
use tidegate_plugin::testing::{Published, Setup, TestHost};

/// A hang is noticed in 15 s, and the next attempt may take as long.
const PATIENCE: Duration = Duration::from_secs(60);

fn with_table() -> MariaDb {
    let database = MariaDb::start();
    database.sql(
        "CREATE DATABASE app; CREATE TABLE app.t (id INT PRIMARY KEY, state VARCHAR(20)); CREATE TABLE app.other (id INT)",
    );
    database
}

fn listening(port: u16, more: &Value) -> Setup {
    let mut source = json!({"kind": "mariadb", "url": format!("mysql://root@127.0.0.1:{port}/app")});
    source.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    TestHost::of::<Listener>().config(json!({
        "source": source,
        "rule": [
            {"table": "t", "on": "update", "when": "changed(state)", "event": "moved", "room": "t:{id}", "key": "{id}",
             "data": {"id": "{id}", "from": "{old.state}", "to": "{state}"}},
            {"table": "t", "on": "delete", "event": "gone", "data": {"id": "{id}", "state": "{old.state}"}},
            {"table": ["t", "other"], "event": "row"},
        ],
    }))
}

/// Waits until so many events were published, and checks that no two are the same by id.
#[track_caller]
fn told(host: &TestHost, count: usize) -> Vec<Published> {
    let deadline = Instant::now() + PATIENCE;
    while host.events().len() < count {
        assert!(Instant::now() < deadline, "{} of {count}: {:?}", host.events().len(), host.log());
        std::thread::sleep(Duration::from_millis(10));
    }
    let events = host.events();
    let ids: std::collections::HashSet<_> = events.iter().map(|event| &event.id).collect();
    assert_eq!((ids.len(), events.len()), (count, count), "nothing is told twice");
    events
}

fn ids(events: &[Published]) -> Vec<u64> {
    events.iter().map(|event| event.data["id"].as_u64().unwrap()).collect()
}

fn insert(database: &MariaDb, ids: std::ops::RangeInclusive<u64>) {
    let rows: String = ids.map(|id| format!("INSERT INTO t (id) VALUES ({id});")).collect();
    database.sql(&format!("USE app; {rows}"));
}

fn wait_for_line(host: &TestHost, wanted: &str) {
    let deadline = Instant::now() + PATIENCE;
    while !host.log().iter().any(|line| line.message.contains(wanted)) {
        assert!(Instant::now() < deadline, "never logged: {wanted}; {:?}", host.log());
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn rows_become_the_rules_events_in_the_order_of_their_commits() {
    let database = with_table();
    let host = listening(database.port(), &json!({})).start().unwrap();
    database.sql(
        "USE app; INSERT INTO t VALUES (1, 'new'), (2, 'new');
         BEGIN; UPDATE t SET state = 'paid' WHERE id = 1; INSERT INTO other VALUES (7); DELETE FROM t WHERE id = 2; COMMIT;
         BEGIN; INSERT INTO other VALUES (8); ROLLBACK;
         UPDATE t SET id = 3; TRUNCATE t",
    );
    let events = told(&host, 7);
    let seen: Vec<_> = events.iter().map(|event| (event.kind.as_str(), event.data.clone())).collect();
    let expected = [
        ("row", json!({"id": 1, "state": "new"})),
        ("row", json!({"id": 2, "state": "new"})),
        ("moved", json!({"id": 1, "from": "new", "to": "paid"})),
        ("row", json!({"id": 7})),
        ("gone", json!({"id": 2, "state": "new"})),
        ("row", json!({"id": 3, "state": "paid"})),
        ("row", json!({})),
    ];
    assert_eq!(seen, expected);
    assert_eq!((events[2].rooms.as_slice(), events[2].key.as_str()), (&["t:1".into()][..], "1"));
    assert!(events.iter().all(|event| event.time > 0), "{events:?}");
    host.stop();
}

#[test]
fn a_restart_goes_on_where_it_stopped() {
    let database = with_table();
    let host = listening(database.port(), &json!({})).start().unwrap();
    insert(&database, 1..=3);
    assert_eq!(ids(&told(&host, 3)), [1, 2, 3]);
    let mut store = host.stop().store;
    for first in [4, 6, 8] {
        insert(&database, first..=first + 1);
        let host = listening(database.port(), &json!({})).store(store).start().unwrap();
        assert_eq!(ids(&told(&host, 2)), [first, first + 1]);
        store = host.stop().store;
    }
    let quiet = listening(database.port(), &json!({})).store(store).start().unwrap();
    insert(&database, 10..=10);
    assert_eq!(ids(&told(&quiet, 1)), [10]);
    quiet.stop();
}

#[test]
fn rows_that_were_there_are_told_once_if_that_is_wished() {
    let database = with_table();
    insert(&database, 1..=2);
    let snapshot = json!({"snapshot": true});
    let host = listening(database.port(), &snapshot).start().unwrap();
    told(&host, 2);
    insert(&database, 3..=3);
    assert_eq!(ids(&told(&host, 3)), [1, 2, 3]);
    let stopped = host.stop();
    insert(&database, 4..=4);
    let host = listening(database.port(), &snapshot).store(stopped.store).start().unwrap();
    assert_eq!(ids(&told(&host, 1)), [4]);
    host.stop();
}

#[test]
fn what_is_not_safe_is_told_again_and_known_by_its_id() {
    let database = with_table();
    let host = listening(database.port(), &json!({})).start().unwrap();
    host.lose_commits(Status::TIMEOUT);
    database.sql("USE app; BEGIN; INSERT INTO t (id) VALUES (1), (2); INSERT INTO t (id) VALUES (3); COMMIT");
    wait_for_line(&host, "is tried again: publish: TIMEOUT");
    host.lose_commits(Status::OK);
    insert(&database, 4..=4);
    assert_eq!(ids(&told(&host, 4)), [1, 2, 3, 4]);
    assert!(host.metric("db_listener_reconnects") >= Some(1));
    // An instance that ends before its events are safe leaves them to the next.
    host.lose_commits(Status::TIMEOUT);
    insert(&database, 5..=5);
    let all = told(&host, 5);
    let stopped = host.stop();
    let host = listening(database.port(), &json!({})).store(stopped.store).start().unwrap();
    insert(&database, 6..=6);
    let again = told(&host, 2);
    assert_eq!(ids(&again), [5, 6]);
    assert_eq!(again[0].id, all[4].id);
    host.stop();
}

#[test]
fn a_server_that_is_killed_under_load_and_comes_back_has_lost_no_row() {
    let mut database = with_table();
    let host = listening(database.port(), &json!({})).start().unwrap();
    std::thread::scope(|scope| {
        let rows: String = (1..=20_000).map(|id| format!("INSERT INTO t (id) VALUES ({id});\n")).collect();
        let writes = scope.spawn({
            let database = &database;
            move || database.try_sql(&format!("USE app; {rows}"))
        });
        let some = host.wait_for_events(100).len();
        assert!(some < 20_000);
        database.signal(testkit::Signal::KILL);
        assert!(writes.join().unwrap().is_err(), "it died before the last");
    });
    wait_for_line(&host, "is tried again");
    database.restart();
    insert(&database, 30_000..=30_000);
    let committed: Vec<u64> =
        database.sql("SELECT id FROM app.t ORDER BY id").lines().map(|line| line.parse().unwrap()).collect();
    let events = told(&host, committed.len());
    assert_eq!(ids(&events), committed);
    host.stop();
}

#[test]
fn a_network_that_is_severed_or_silent_is_noticed_and_what_was_missed_comes_once() {
    let database = with_table();
    let cable = Cable::to(database.port());
    let host = listening(cable.port(), &json!({})).start().unwrap();
    insert(&database, 1..=1);
    told(&host, 1);
    cable.sever();
    insert(&database, 2..=2);
    wait_for_line(&host, "is tried again");
    cable.mend();
    assert_eq!(ids(&told(&host, 2)), [1, 2]);
    cable.silence();
    insert(&database, 3..=3);
    wait_for_line(&host, "silent for 15 s");
    cable.mend();
    insert(&database, 4..=4);
    assert_eq!(ids(&told(&host, 4)), [1, 2, 3, 4]);
    host.stop();
}

#[test]
fn a_server_that_hangs_is_noticed_and_gone_on_with() {
    let database = with_table();
    let host = listening(database.port(), &json!({})).start().unwrap();
    insert(&database, 1..=1);
    told(&host, 1);
    database.pause();
    wait_for_line(&host, "silent for 15 s");
    database.resume();
    insert(&database, 2..=2);
    assert_eq!(ids(&told(&host, 2)), [1, 2]);
    host.stop();
}
