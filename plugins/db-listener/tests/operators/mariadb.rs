//! MariaDB and MySQL: what a user needs, and a try that reads the log beside an instance.

use serde_json::{Value, json};
use testkit::{MariaDb, MySql, Mysqld};
use tidegate_plugin::testing::Setup;

use crate::support::{assert_follows, assert_told, events, plugin, tried};

const TABLE: &str = "CREATE DATABASE app; CREATE TABLE app.t (id INT PRIMARY KEY, state VARCHAR(20))";

fn with_table() -> MariaDb {
    let database = MariaDb::start();
    database.sql(TABLE);
    database
}

fn source(database: &Mysqld, user: &str) -> Value {
    json!({"kind": "mariadb", "url": format!("{}/app", database.url_of(user))})
}

fn listener(database: &Mysqld, user: &str) -> Setup {
    plugin(&source(database, user), &json!([{"table": "t", "event": "row", "data": {"id": "{id}"}}]))
}

fn insert(database: &Mysqld) -> impl Fn(u64) {
    |id| drop(database.sql(&format!("INSERT INTO app.t (id) VALUES ({id})")))
}

#[test]
fn what_is_printed_is_all_that_a_user_needs() {
    let database = with_table();
    suffices(&database, 2);
    assert_eq!(database.sql("SELECT @@GLOBAL.binlog_row_metadata"), "FULL");
}

#[test]
fn what_is_printed_is_all_that_a_user_of_mysql_needs() {
    let database = MySql::start();
    database.sql(TABLE);
    suffices(&database, 1); // before 5.7 a user is made once
}

fn suffices(database: &Mysqld, times: usize) {
    let listener = || listener(database, "listener:right");
    let ran = listener().command("init", &[]);
    assert_eq!(ran.outcome, Ok(()));
    assert!(!ran.printed.contains("right"), "{}", ran.printed);
    for _ in 0..times {
        database.sql(&ran.printed.replace("a password of your own", "right"));
    }
    let host = listener().start().unwrap();
    let (tried, written) = tried(listener(), &["--count", "2", "--for", "1m"], insert(database));
    assert_follows(&events(&tried));
    assert_told(&host, written);
    host.stop();
    let refused = listener().command("init", &["--apply"]).outcome.unwrap_err();
    assert!(refused.contains("run what is printed by hand"), "{refused}");
}

#[test]
fn a_column_that_is_not_there_is_named_with_the_nearest() {
    let database = with_table();
    let rules = json!([{"table": "t", "event": "e", "key": "{stte}"}]);
    let wrong = plugin(&source(&database, "root"), &rules).command("test", &[]);
    let named = "CONFLICT: rule.0 (e): table 'app.t': there is no column 'stte', but 'state'";
    assert_eq!(wrong.outcome.unwrap_err(), named);
}

#[test]
fn a_user_without_rights_is_told_the_statements_that_give_them() {
    is_told_what_it_lacks(&with_table());
}

#[test]
fn a_user_of_mysql_without_rights_is_told_the_statements_that_give_them() {
    let database = MySql::start();
    database.sql(TABLE);
    is_told_what_it_lacks(&database);
}

fn is_told_what_it_lacks(database: &Mysqld) {
    database.sql("CREATE TABLE app.other (id INT); CREATE VIEW app.v AS SELECT 1; CREATE USER listener IDENTIFIED BY 'right'");
    let url = |path: &str| json!({"kind": "mariadb", "url": format!("{}{path}", database.url_of("listener:right"))});
    let said = |source: &Value, table: &str| {
        let rules = json!([{"table": table, "event": "row", "data": {"id": "{id}"}}]);
        plugin(source, &rules).command("test", &["--for", "1s"]).outcome.unwrap_err()
    };
    const SLAVE: &str = "GRANT REPLICATION SLAVE ON *.* TO 'listener'@'%'";
    const SELECT: &str = "GRANT SELECT ON `app`.`t` TO 'listener'@'%'";
    let database_denied = said(&url("/app"), "t");
    assert!(database_denied.contains(SLAVE) && database_denied.contains(SELECT), "{database_denied}");
    let unseen = said(&url(""), "app.t");
    assert!(
        unseen.contains(&format!("there is no table 'app.t'; or its user may not see it: {SELECT}")),
        "{unseen}"
    );
    database.sql(SELECT);
    let denied = said(&url("/app"), "t");
    assert!(denied.contains(SLAVE), "{denied}");
    database.sql(SLAVE);
    assert!(
        said(&url("/app"), "tt").contains("'app.tt', but 'app.t'; or its user may not see it: GRANT SELECT")
    );
    database.sql("GRANT SELECT ON app.* TO listener");
    assert!(said(&url("/app"), "tt").ends_with("there is no table 'app.tt', but 'app.t'"));
    assert!(said(&url("/app"), "v").contains("table: 'app.v' is a view"));
}

#[test]
fn events_are_those_of_live_changes_and_the_instance_gets_them_too() {
    let database = with_table();
    let listener = || listener(&database, "root");
    let stopped = listener().start().unwrap().stop();
    // Nobody listens; two tries at once.
    let (ran, written) = std::thread::scope(|scope| {
        let other = scope.spawn(|| listener().interrupt_after(2).command("test", &["--for", "1m"]));
        let tried = tried(listener(), &["--count", "2", "--for", "1m"], insert(&database));
        assert_eq!(other.join().unwrap().outcome, Ok(()));
        tried
    });
    assert_follows(&events(&ran));
    let host = listener().store(stopped.store).start().unwrap();
    assert_told(&host, written);
    host.stop();
}
