//! Servers whose changes cannot be told are refused with what mends them.

use serde_json::json;
use testkit::{Authority, MariaDb, Mysqld};
use tidegate_db_listener::settings::SourceSettings;
use tidegate_db_listener::source::mariadb::MariaDb as Source;
use tidegate_db_listener::source::{Failure, Listen, Position};

use crate::fixture::{Listening, bare, named, new, on_both};

on_both!(
    a_position_that_was_purged_is_named,
    tables_are_listed_with_their_columns,
    a_statement_that_tells_no_rows_is_not_passed_over,
);

/// Why a first start fails for good.
pub(crate) async fn refused(url: &str) -> String {
    match Listening::start(url, &["t"], None, false).failure().await {
        Failure::Lasting(text) => text,
        passing => panic!("{passing:?}"),
    }
}

#[tokio::test]
async fn a_server_without_a_log_of_rows_is_told_what_it_needs() {
    let database = MariaDb::start_with(&["--skip-log-bin"]);
    assert!(refused(&database.url()).await.contains("log_bin=binlog"));
    let database = MariaDb::start_with(&["--binlog-format=MIXED"]);
    assert!(refused(&database.url()).await.contains("SET GLOBAL binlog_format=ROW"));
}

#[tokio::test]
async fn a_user_needs_a_password_and_two_grants_and_no_more() {
    let database = MariaDb::start();
    database.sql(
        "CREATE DATABASE app; CREATE TABLE app.t (id INT, j JSON); CREATE USER reader IDENTIFIED BY 'right'",
    );
    let url = |password: &str| database.url_of(&format!("reader:{password}"));
    let text = refused(&url("wrong")).await;
    assert!(text.contains("Access denied") && !text.contains("wrong"), "{text}");
    let text = refused(&url("right")).await;
    assert!(text.contains("GRANT REPLICATION SLAVE"), "{text}");
    database.sql("GRANT REPLICATION SLAVE ON *.* TO reader; GRANT SELECT ON app.t TO reader");
    database.sql("INSERT INTO app.t VALUES (1, '{}')");
    let mut listening = Listening::start(&url("right"), &["t"], None, true);
    assert_eq!(new(&listening.change().await), json!({"id": 1, "j": {}}));
    listening.moved().await;
    database.sql("INSERT INTO app.t VALUES (2, '[]')");
    assert_eq!(new(&listening.change().await), json!({"id": 2, "j": []}));
}

async fn a_position_that_was_purged_is_named(database: &mut Mysqld) {
    database.sql("CREATE DATABASE app; CREATE TABLE app.t (id INT)");
    let position = Listening::to(&database.url(), &["t"]).await.stop().await;
    database.sql(
        "INSERT INTO app.t VALUES (1); FLUSH BINARY LOGS; INSERT INTO app.t VALUES (2); FLUSH BINARY LOGS",
    );
    let newest =
        database.sql("SHOW BINARY LOGS").lines().last().unwrap().split('\t').next().unwrap().to_owned();
    std::thread::sleep(std::time::Duration::from_millis(100)); // the server forgets a reader that has gone
    database.sql(&format!("PURGE BINARY LOGS TO '{newest}'"));
    let Failure::Lasting(text) = Listening::from(&database.url(), &["t"], position.clone()).failure().await
    else {
        panic!("it lasts")
    };
    assert!(text.contains(&bare(&position)) && text.contains("purged"), "{text}");
}

#[tokio::test]
async fn a_position_that_the_server_never_had_is_refused() {
    let database = MariaDb::start();
    database.sql("CREATE DATABASE app");
    let never = Some(Position("mariadb:0-1-999999".into()));
    assert!(matches!(Listening::from(&database.url(), &["t"], never).failure().await, Failure::Lasting(_)));
}

async fn tables_are_listed_with_their_columns(database: &mut Mysqld) {
    database.sql("CREATE DATABASE app; CREATE TABLE app.t (id INT, `odd name` INT)");
    let settings = SourceSettings { url: Some(database.url()), server_id: 77, ..SourceSettings::default() };
    let tables = Source::new(settings, [named("t")]).prepare().await.unwrap().unwrap();
    let table = tables.iter().find(|table| table.name == named("t")).unwrap();
    assert_eq!((table.names(), table.tells_old_rows), (vec!["id".into(), "odd name".into()], true));
}

async fn a_statement_that_tells_no_rows_is_not_passed_over(database: &mut Mysqld) {
    database.sql("CREATE DATABASE app; CREATE TABLE app.t (id INT); CREATE TABLE app.elsewhere (id INT)");
    let listening = Listening::to(&database.url(), &["t"]).await;
    database.sql("SET SESSION binlog_format='STATEMENT'; INSERT INTO app.elsewhere VALUES (1); INSERT INTO app.t VALUES (1)");
    let Failure::Lasting(text) = listening.failure().await else { panic!("it lasts") };
    assert!(text.contains("binlog_format was not ROW"), "{text}");
}

#[tokio::test]
async fn tls_is_by_the_authority_that_is_named_and_no_other() {
    let mut database = MariaDb::start();
    let (authority, stranger) = (Authority::new("ours"), Authority::new("theirs"));
    let _files = authority.issue("db", &["localhost"], |_| {});
    let file = |name: &str| authority.folder().join(name).display().to_string();
    let (certificate, key) =
        (format!("--ssl-cert={}", file("db.pem")), format!("--ssl-key={}", file("db.key")));
    database.restart_with(&[&certificate, &key, "--require-secure-transport=ON"]);
    database.sql("CREATE DATABASE app; CREATE TABLE app.t (id INT)");
    let url = |ca: &Authority| {
        format!("mysql://root@localhost:{}?require_ssl=true&ca={}", database.port(), ca.file().display())
    };
    let mut listening = Listening::to(&url(&authority), &["t"]).await;
    database.sql("INSERT INTO app.t VALUES (1)");
    assert_eq!(new(&listening.change().await), json!({"id": 1}));
    let text = Listening::start(&url(&stranger), &["t"], None, false).failure().await.to_string();
    assert!(text.contains("ertificate"), "{text}");
}
