//! SQLite: the change table and its triggers, and a try that reads it.

use std::path::PathBuf;

use rusqlite::Connection;
use serde_json::json;
use tempfile::TempDir;
use tidegate_plugin::testing::Setup;

use crate::support::{assert_follows, assert_told, events, plugin, tried};

struct Database {
    _folder: TempDir,
    path: PathBuf,
}

impl Database {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = Self { path: folder.path().join("app.db"), _folder: folder };
        database.run("CREATE TABLE t (id INTEGER PRIMARY KEY, state TEXT)");
        database
    }

    fn run(&self, sql: &str) {
        let connection = Connection::open(&self.path).unwrap();
        connection.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
        connection.execute_batch(sql).unwrap();
    }

    fn insert(&self) -> impl Fn(u64) {
        |id| self.run(&format!("INSERT INTO t (id) VALUES ({id})"))
    }

    fn listener(&self) -> Setup {
        let source = json!({"kind": "sqlite", "url": self.path});
        plugin(&source, &json!([{"table": "t", "event": "row", "data": {"id": "{id}"}}]))
    }
}

#[test]
fn what_is_printed_is_what_the_file_lacks() {
    let by_hand = Database::new();
    let ran = by_hand.listener().command("init", &[]);
    assert_eq!(ran.outcome, Ok(()));
    by_hand.run(&ran.printed);
    by_hand.run(&ran.printed);
    let made = Database::new();
    let applied = || {
        let applied = made.listener().command("init", &["--apply"]);
        assert_eq!(applied.outcome, Ok(()));
        applied.printed
    };
    const NOTHING: &str = "-- the database has all that it needs\n";
    assert_eq!([applied(), applied()], [format!("{}-- done\n", ran.printed), NOTHING.to_owned()]);
    made.run("DROP TRIGGER tidegate_t_delete");
    let lacking = applied();
    assert!(
        lacking.starts_with("DROP TRIGGER IF EXISTS \"tidegate_t_delete\";\nCREATE TRIGGER"),
        "{lacking}"
    );
    assert_eq!((lacking.matches("CREATE").count(), applied().as_str()), (1, NOTHING));
    made.run("ALTER TABLE t ADD note TEXT");
    assert_eq!(applied().matches("CREATE TRIGGER").count(), 3);
    for database in [by_hand, made] {
        let host = database.listener().start().unwrap();
        database.insert()(1);
        assert_told(&host, 1);
        host.stop();
    }
}

#[test]
fn a_file_that_is_not_prepared_and_a_column_that_is_not_there_are_named() {
    let database = Database::new();
    let refused = database.listener().command("test", &[]).outcome.unwrap_err();
    assert!(refused.contains("run what `tidegate plugin db-listener init` prints"), "{refused}");
    assert_eq!(database.listener().command("init", &["--apply"]).outcome, Ok(()));
    let rules = json!([{"table": "t", "event": "e", "key": "{stte}"}]);
    let wrong = plugin(&json!({"kind": "sqlite", "url": database.path}), &rules).command("test", &[]);
    let named = "CONFLICT: rule.0 (e): table 'main.t': there is no column 'stte', but 'state'";
    assert_eq!(wrong.outcome.unwrap_err(), named);
    database.run("CREATE VIEW v AS SELECT * FROM t");
    for (table, named) in
        [("v", "table: 'main.v' is a view"), ("tt", "there is no table 'main.tt', but 'main.t'")]
    {
        let rules = json!([{"table": table, "event": "e"}]);
        let wrong = plugin(&json!({"kind": "sqlite", "url": database.path}), &rules).command("init", &[]);
        let error = wrong.outcome.unwrap_err();
        assert!(error.contains(named), "{error}");
    }
}

#[test]
fn events_are_those_of_live_changes_and_the_instance_gets_them_too() {
    let database = Database::new();
    assert_eq!(database.listener().command("init", &["--apply"]).outcome, Ok(()));
    let (ran, written) = tried(database.listener(), &["--count", "2", "--for", "1m"], database.insert());
    assert_follows(&events(&ran));
    let host = database.listener().start().unwrap();
    assert_told(&host, written);
    let more = |id| database.insert()(written + id);
    let (ran, again) = tried(database.listener(), &["--count", "2", "--for", "1m"], more);
    assert_follows(&events(&ran));
    assert_told(&host, written + again);
    let interrupted = database.listener().interrupt_after(2).command("test", &["--for", "1m"]);
    assert!(events(&interrupted).is_empty());
    host.stop();
}

#[test]
fn what_a_file_never_tells_is_named() {
    let database = Database::new();
    database.run("CREATE TABLE g (id INTEGER PRIMARY KEY, twice INT AS (id * 2), thrice INT AS (id * 3) STORED); CREATE VIEW tt AS SELECT * FROM t");
    let said = |rule| {
        let source = json!({"kind": "sqlite", "url": database.path});
        plugin(&source, &json!([rule])).command("init", &[]).outcome.unwrap_err()
    };
    for column in ["twice", "thrice"] {
        let generated = said(json!({"table": "g", "event": "e", "key": format!("{{{column}}}")}));
        assert!(generated.contains(&format!("the column '{column}' is generated")), "{generated}");
    }
    let near = said(json!({"table": "ttt", "event": "e"}));
    assert!(near.contains("there is no table 'main.ttt', but 'main.t'"), "{near}");
}
