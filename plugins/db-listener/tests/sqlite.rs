//! SQLite, from the application's statement to the event.

#![allow(clippy::unwrap_used, reason = "tests say what they expect by panicking")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;
use tidegate_db_listener::Listener;
use tidegate_db_listener::change::TableName;
use tidegate_db_listener::source::sqlite::setup;
use tidegate_plugin::testing::{Setup, TestHost};

/// A database with a table `tareas`, prepared or not.
struct Database {
    _folder: TempDir,
    path: PathBuf,
    connection: Connection,
}

const TABLE: &str =
    "CREATE TABLE tareas (id INTEGER PRIMARY KEY, titulo TEXT, estado TEXT, peso REAL, foto BLOB)";

impl Database {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.db");
        let connection = Connection::open(&path).unwrap();
        connection.execute_batch(TABLE).unwrap();
        Self { _folder: folder, path, connection }
    }

    fn prepared() -> Self {
        let database = Self::new();
        database.prepare();
        database
    }

    fn prepare(&self) {
        let table = TableName { schema: "main".into(), table: "tareas".into() };
        self.run(&setup(&self.connection, &[table]).unwrap().join(";\n"));
    }

    fn run(&self, sql: &str) {
        self.connection.execute_batch(sql).unwrap();
    }

    fn noted(&self) -> i64 {
        self.connection.query_row("SELECT count(*) FROM tidegate_changes", [], |row| row.get(0)).unwrap()
    }
}

fn listening(path: &Path, more: Value) -> Setup {
    let mut config = json!({
        "source": {"kind": "sqlite", "url": path, "poll": "10ms"},
        "rule": [
            {"table": "tareas", "on": "update", "when": "changed(estado)", "event": "moved", "key": "{id}",
             "data": {"id": "{id}", "from": "{old.estado}", "to": "{estado}"}},
            {"table": "tareas", "event": "changed", "room": "tasks", "key": "{id}"},
        ],
    });
    for (name, value) in more.as_object().unwrap() {
        match (&mut config[name], value) {
            (Value::Object(known), Value::Object(value)) => known.extend(value.clone()),
            (known, value) => *known = value.clone(),
        }
    }
    TestHost::of::<Listener>().config(config)
}

#[test]
fn rows_are_told_in_order_and_exactly() {
    let database = Database::prepared();
    let host = listening(&database.path, json!({})).start().unwrap();
    database.run(
        "INSERT INTO tareas VALUES (9007199254740993, 'a \"q\" ñ', 'programada', 0.1, x'00ff');
         UPDATE tareas SET estado = 'en_curso';
         UPDATE tareas SET titulo = NULL;
         DELETE FROM tareas;",
    );
    let events = host.wait_for_events(4);
    let told: Vec<_> = events.iter().map(|event| (event.kind.as_str(), event.data.clone())).collect();
    let id = 9_007_199_254_740_993_i64;
    let row = |titulo: Value, estado: &str| json!({"id": id, "titulo": titulo, "estado": estado, "peso": 0.1, "foto": "AP8="});
    let expected = [
        ("changed", row("a \"q\" ñ".into(), "programada")),
        ("moved", json!({"id": id, "from": "programada", "to": "en_curso"})),
        ("changed", row(Value::Null, "en_curso")),
        ("changed", row(Value::Null, "en_curso")),
    ];
    assert_eq!(told, expected);
    assert_eq!(
        (events[0].key.as_str(), events[0].rooms.as_slice()),
        ("9007199254740993", &["tasks".into()][..])
    );
    assert!(events[0].time > 0 && !events[0].id.is_empty() && events[0].id != events[1].id);
    host.stop();
}

#[test]
fn a_restart_goes_on_where_it_stopped_and_what_is_safe_leaves_the_change_table() {
    let database = Database::prepared();
    let host = listening(&database.path, json!({})).start().unwrap();
    database.run("INSERT INTO tareas (id) VALUES (1)");
    let _all = host.wait_for_events(1);
    let end = Instant::now() + Duration::from_secs(20);
    while database.noted() > 0 {
        assert!(Instant::now() < end, "what is safe stays");
        std::thread::sleep(Duration::from_millis(5));
    }
    let stopped = host.stop();
    database.run("INSERT INTO tareas (id) VALUES (2); INSERT INTO tareas (id) VALUES (3);");
    let host = listening(&database.path, json!({})).store(stopped.store).start().unwrap();
    let ids: Vec<_> = host.wait_for_events(2).iter().map(|event| event.data["id"].clone()).collect();
    assert_eq!(ids, [json!(2), json!(3)]);
    host.stop();
}

#[test]
fn what_is_not_safe_is_told_again_and_known_by_its_id() {
    let database = Database::prepared();
    let host = listening(&database.path, json!({})).start().unwrap();
    host.lose_commits(tidegate_plugin::Status::TIMEOUT);
    database.run("INSERT INTO tareas (id) VALUES (1)");
    wait_for_line(&host, "is tried again: publish: TIMEOUT");
    host.lose_commits(tidegate_plugin::Status::OK);
    database.run("INSERT INTO tareas (id) VALUES (2)");
    let told = host.wait_for_events(2);
    assert_ne!(told[0].id, told[1].id);
    assert!(host.metric("db_listener_reconnects") >= Some(1));
    // The gateway knows the first by its id: it was told again, and published once.
    assert_eq!(host.stop().events, told);
}

#[test]
fn a_change_that_is_refused_is_counted_logged_and_passed_over() {
    let database = Database::prepared();
    let rules = json!([{
        "table": "tareas", "event": "named", "data": {"titulo": "{titulo}"},
        "schema": {"properties": {"titulo": {"type": "string"}}},
    }]);
    let host = listening(&database.path, json!({"rule": rules, "max_event": 2000})).start().unwrap();
    database.run(
        "INSERT INTO tareas (titulo) VALUES ('a'), (7), (NULL), ('b'), (hex(zeroblob(2000))), ('c');
         INSERT INTO tareas (titulo) VALUES ('d')",
    );
    let titles: Vec<_> = host.wait_for_events(5).iter().map(|event| event.data["titulo"].clone()).collect();
    assert_eq!(titles, ["a", "7", "b", "c", "d"]);
    assert_eq!(host.metric("db_listener_events_dropped{reason=\"refused\"}"), Some(1));
    assert_eq!(host.metric("db_listener_events_dropped{reason=\"too_large\"}"), Some(1));
    wait_for_line(&host, "is passed over: its event would have 4");
    host.stop();
}

#[test]
fn many_alike_become_the_first_and_the_last() {
    let database = Database::prepared();
    let rules = json!([
        {"table": "tareas", "on": "insert", "event": "notified", "data": "{id}", "coalesce": "300ms"},
    ]);
    let host = listening(&database.path, json!({"rule": rules})).start().unwrap();
    database.run("BEGIN; INSERT INTO tareas (id) VALUES (1), (2), (3), (4), (5); COMMIT");
    let told: Vec<_> = host.wait_for_events(2).iter().map(|event| event.data.clone()).collect();
    assert_eq!(told, [json!(1), json!(5)]);
    host.stop();
}

#[test]
fn rows_that_were_there_are_told_if_that_is_wished_and_once() {
    let database = Database::new();
    database.run("INSERT INTO tareas (id, titulo) VALUES (1, 'x'), (2, 'y')");
    database.prepare();
    database.run("INSERT INTO tareas (id) VALUES (3)");
    let snapshot = json!({"source": {"snapshot": true}});
    let host = listening(&database.path, snapshot.clone()).start().unwrap();
    let _all = host.wait_for_events(3);
    database.run("INSERT INTO tareas (id) VALUES (4)");
    let ids: Vec<_> = host.wait_for_events(4).iter().map(|event| event.data["id"].clone()).collect();
    assert_eq!(ids, [json!(1), json!(2), json!(3), json!(4)]);
    let stopped = host.stop();
    database.run("INSERT INTO tareas (id) VALUES (5)");
    let host = listening(&database.path, snapshot).store(stopped.store).start().unwrap();
    assert_eq!(host.wait_for_events(1)[0].data["id"], 5);
    host.stop();
}

/// Waits for a line in the log, and gives it.
fn wait_for_line(host: &TestHost, wanted: &str) -> String {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let log = host.log();
        if let Some(line) = log.iter().find(|line| line.message.contains(wanted)) {
            return line.message.clone();
        }
        assert!(Instant::now() < end, "never logged: {wanted}; {log:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_file_that_is_missing_foreign_or_not_prepared_is_said_and_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let missing = listening(&folder.path().join("no.db"), json!({})).start().unwrap();
    wait_for_line(&missing, "unable to open database file");
    missing.stop();

    std::fs::write(folder.path().join("text"), "a text of more than a hundred bytes ".repeat(40)).unwrap();
    let foreign = listening(&folder.path().join("text"), json!({})).start().unwrap();
    wait_for_line(&foreign, "is it the right file?");
    foreign.stop();

    let database = Database::new();
    let host = listening(&database.path, json!({})).start().unwrap();
    wait_for_line(
        &host,
        "there is no table tidegate_changes: run what `tidegate plugin db-listener init` prints",
    );
    database.prepare();
    database.run("INSERT INTO tareas (id) VALUES (1)");
    let _all = host.wait_for_events(1);
    host.stop();
}

#[test]
fn bytes_that_are_no_text_are_replaced_counted_and_told_once() {
    let database = Database::prepared();
    let rules = json!([{"table": "tareas", "event": "e", "data": {"titulo": "{titulo}"}}]);
    let host = listening(&database.path, json!({"rule": rules})).start().unwrap();
    for _ in 0..2 {
        database.run("INSERT INTO tareas (titulo) VALUES (CAST(x'636166e9' AS TEXT))");
    }
    database.run("INSERT INTO tareas (titulo) VALUES ('b')");
    let titles: Vec<_> =
        host.wait_for_events(3).into_iter().map(|event| event.data["titulo"].clone()).collect();
    assert_eq!(titles, ["caf\u{FFFD}", "caf\u{FFFD}", "b"]);
    assert_eq!(host.metric("db_listener_texts_replaced"), Some(2));
    let lines = host
        .log()
        .into_iter()
        .filter(|line| line.message.contains("the column 'titulo' has bytes that are no text"));
    assert_eq!(lines.count(), 1);
    host.stop();
}

#[test]
fn a_column_that_is_not_there_is_named_with_the_nearest() {
    let database = Database::prepared();
    let rules = json!([{"table": "tareas", "event": "e", "when": "changed(estdo)"}]);
    let host = listening(&database.path, json!({"rule": rules})).start().unwrap();
    let line = wait_for_line(&host, "waits for the operator");
    assert!(
        line.contains("rule.0 (e): table 'main.tareas': there is no column 'estdo', but 'estado'"),
        "{line}"
    );
    host.stop();
}

#[test]
fn calls_are_answered_by_queries_and_figures() {
    let database = Database::prepared();
    database.run("INSERT INTO tareas (estado) VALUES ('a'), ('a'), ('b')");
    let calls = json!([{
        "name": "board", "query": "SELECT count(*) AS n, sum(estado = 'a') AS a FROM tareas",
        "data": {"n": "{n}", "text": "{a} of {n}", "cpu": "{host.cpu}", "users": "{gateway.users}", "row": "{*}", "at": "{now}"},
    }, {"name": "broken", "query": "SELECT nothing FROM nowhere"}]);
    let host = listening(&database.path, json!({"call": calls})).start().unwrap();
    let answer = host.call("board", &json!({}));
    assert!(answer.success, "{answer:?}");
    let data = &answer.data;
    assert_eq!(
        (&data["n"], &data["text"], &data["row"]),
        (&json!(3), &json!("2 of 3"), &json!({"n": 3, "a": 2}))
    );
    assert_eq!(data["users"], 0);
    assert!(data["at"].as_str().unwrap().ends_with('Z'));
    let broken = host.call("broken", &json!({}));
    assert_eq!((broken.success, broken.message.contains("does not answer")), (false, true));
    host.stop();
}

#[test]
fn a_lease_that_is_lost_ends_the_listening_until_it_is_back() {
    let database = Database::prepared();
    let host = listening(&database.path, json!({})).start().unwrap();
    host.lose_leases();
    wait_for_line(&host, "the lease was lost");
    database.run("INSERT INTO tareas (id) VALUES (1)");
    let _all = host.wait_for_events(1);
    host.stop();
}
