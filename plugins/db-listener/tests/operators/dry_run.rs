//! Rules tried on a PostgreSQL: nothing is changed, nothing is taken, nothing is left.

use std::io::Write;
use std::process::Stdio;

use serde_json::{Value, json};
use testkit::Postgres;
use tidegate_plugin::testing::Setup;

use crate::support::{assert_follows, assert_told, events, no_slot_is_left, plugin, tried};

fn with_table() -> Postgres {
    let postgres = Postgres::start();
    postgres.sql("postgres", "create table t (id int primary key, state text)");
    postgres
}

fn source(postgres: &Postgres) -> Value {
    json!({"url": postgres.url("postgres")})
}

fn listener(postgres: &Postgres) -> Setup {
    plugin(&source(postgres), &json!([{"table": "t", "event": "row", "key": "{id}", "data": {"id": "{id}"}}]))
}

fn insert(postgres: &Postgres) -> impl Fn(u64) {
    |id| drop(postgres.sql("postgres", &format!("insert into t values ({id})")))
}

/// All that a try must leave as it is.
fn state(postgres: &Postgres) -> String {
    postgres.sql(
        "postgres",
        "select array(select slot_name::text from pg_replication_slots order by 1), array(select pubname::text from pg_publication order by 1),
           array(select prrelid::regclass::text from pg_publication_rel order by 1), (select relreplident from pg_class where relname = 't')",
    )
}

#[test]
fn mistakes_are_named_with_what_was_meant() {
    let postgres = with_table();
    let said = |rule: Value| {
        let ran = plugin(&source(&postgres), &json!([rule])).command("test", &["--for", "1s"]);
        assert_eq!(ran.printed, "");
        ran.outcome.unwrap_err()
    };
    let column = said(json!({"table": "t", "event": "e", "when": "stat == 'a'"}));
    assert_eq!(column, "CONFLICT: rule.0 (e): table 'public.t': there is no column 'stat', but 'state'");
    let missing = said(json!({"table": "tt", "event": "e"}));
    assert_eq!(missing, "CONFLICT: rule.0 (e): there is no table 'public.tt', but 'public.t'");
    let silent = said(json!({"table": "t", "event": "e", "key": "{old.state}"}));
    assert!(silent.contains("`tidegate plugin db-listener init` prints what makes it"), "{silent}");
    assert_eq!(state(&postgres), "{}|{}|{}|d");
}

#[test]
fn what_is_not_published_is_told_and_not_made() {
    let postgres = with_table();
    let refused = || listener(&postgres).command("test", &["--for", "10s"]).outcome.unwrap_err();
    assert!(refused().contains("`tidegate plugin db-listener init`"), "{}", refused());
    assert!(
        refused().contains("CREATE PUBLICATION \"tidegate\" FOR TABLE ONLY \"public\".\"t\""),
        "{}",
        refused()
    );
    assert_eq!(state(&postgres), "{}|{}|{}|d");
    postgres.sql("postgres", "create publication tidegate");
    assert!(
        refused().contains("ALTER PUBLICATION \"tidegate\" ADD TABLE ONLY \"public\".\"t\""),
        "{}",
        refused()
    );
    assert_eq!(state(&postgres), "{}|{tidegate}|{}|d");
}

#[test]
fn events_are_those_of_live_changes_and_the_instance_gets_them_too() {
    let postgres = with_table();
    assert_eq!(listener(&postgres).command("init", &["--apply"]).outcome, Ok(()));
    let before = state(&postgres);
    // Nobody listens: what is written waits in the instance's slot.
    let (ran, written) = tried(listener(&postgres), &["--count", "2", "--for", "1m"], insert(&postgres));
    let shown = events(&ran);
    assert_follows(&shown);
    no_slot_is_left(&postgres);
    assert_eq!(state(&postgres), before);
    let host = listener(&postgres).start().unwrap();
    assert_told(&host, written);
    let published = host.events();
    for event in &shown {
        let origin = event["origin"].as_str().unwrap();
        assert!(published.iter().any(|event| event.origin == origin), "{event}");
    }
    // Somebody listens meanwhile.
    let more = |id| insert(&postgres)(written + id);
    let (ran, again) = tried(listener(&postgres), &["--count", "2", "--for", "1m"], more);
    assert_follows(&events(&ran));
    assert_told(&host, written + again);
    host.stop();
    no_slot_is_left(&postgres);
}

#[test]
fn two_tries_at_once_are_in_nobodys_way_and_an_interrupted_one_leaves_nothing() {
    let postgres = with_table();
    assert_eq!(listener(&postgres).command("init", &["--apply"]).outcome, Ok(()));
    let (ran, _) = std::thread::scope(|scope| {
        let other = scope.spawn(|| listener(&postgres).interrupt_after(2).command("test", &["--for", "1m"]));
        let tried = tried(listener(&postgres), &["--count", "2", "--for", "1m"], insert(&postgres));
        assert_eq!(other.join().unwrap().outcome, Ok(()));
        tried
    });
    assert_follows(&events(&ran));
    no_slot_is_left(&postgres);
}

#[test]
fn its_time_ends_it_with_or_without_changes() {
    let postgres = with_table();
    assert_eq!(listener(&postgres).command("init", &["--apply"]).outcome, Ok(()));
    // Nothing of the past is told, though the instance would.
    postgres.sql("postgres", "insert into t values (1)");
    let source = json!({"url": postgres.url("postgres"), "slot": "another", "snapshot": true});
    let ran = plugin(&source, &json!([{"table": "t", "event": "row"}])).command("test", &["--for", "300ms"]);
    assert!(events(&ran).is_empty());
    // A slot begins once the transactions that are open have ended.
    let mut open = postgres.client("psql", "postgres");
    let mut open = open.args(["-qX"]).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut input = open.stdin.take().unwrap();
    input.write_all(b"begin; insert into t values (1000);\n").unwrap();
    let wrote = "select count(*) from pg_stat_activity where backend_xid is not null";
    while postgres.sql("postgres", wrote) == "0" {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let refused = listener(&postgres).command("test", &["--for", "300ms"]).outcome.unwrap_err();
    assert!(refused.starts_with("TIMEOUT: ") && refused.contains("is a transaction open?"), "{refused}");
    drop(input);
    assert!(open.wait().unwrap().success());
    no_slot_is_left(&postgres);
}
