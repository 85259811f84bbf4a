//! What a PostgreSQL needs: printed for an operator, or made.

use serde_json::{Value, json};
use testkit::Postgres;

use crate::support::{by_hand, plugin, wait_for_line};

/// Orders with a key, notes without one, and a role that may nothing but log in.
fn shop() -> Postgres {
    let postgres = Postgres::start();
    postgres.sql(
        "postgres",
        "create schema shop; create table shop.orders (id int primary key, state text);
         create table notes (body text); create role listener login; insert into shop.orders values (1, 'new')",
    );
    postgres
}

fn url_of(postgres: &Postgres, role: &str) -> String {
    format!("postgres://{role}@127.0.0.1:{}/postgres?sslmode=disable", postgres.port())
}

fn rules() -> Value {
    json!([
        {"table": "shop.orders", "event": "order", "data": {"from": "{old.state}", "to": "{state}"}},
        {"table": "notes", "event": "note"},
    ])
}

const CHANGES: &str = "update shop.orders set state = 'paid'; insert into notes values ('a'); update notes set body = 'b'; insert into notes values ('c')";

#[test]
fn what_is_printed_is_all_that_a_role_needs_which_owns_nothing() {
    let postgres = shop();
    for (instance, snapshot) in [("first", false), ("second", true)] {
        postgres.sql("postgres", "update shop.orders set state = 'new'");
        let source = json!({
            "url": url_of(&postgres, "listener"), "slot": instance, "publication": instance, "snapshot": snapshot,
        });
        let ran = plugin(&source, &rules()).command("init", &[]);
        assert_eq!(ran.outcome, Ok(()));
        by_hand(&postgres, "postgres", &ran.printed);
        let host = plugin(&source, &rules()).start().unwrap();
        let before = if snapshot { host.wait_for_events(1 + 2).len() } else { 0 };
        postgres.sql("postgres", CHANGES);
        let told = host.wait_for_events(before + 3)[before..].to_vec();
        assert_eq!(told[0].data, json!({"from": "new", "to": "paid"}));
        assert_eq!([&told[1].data, &told[2].data], [&json!({"body": "a"}), &json!({"body": "c"})]);
        let log = host.stop().log;
        assert!(!log.iter().any(|line| line.message.contains("tried again")), "{log:?}");
    }
}

#[test]
fn a_role_that_may_not_is_told_of_it_and_goes_on_once_it_may() {
    let postgres = shop();
    let source = json!({"url": url_of(&postgres, "listener")});
    let host = plugin(&source, &rules()).start().unwrap();
    wait_for_line(&host, "what a role needs for the rules, `tidegate plugin db-listener init` prints");
    let ran = plugin(&source, &rules()).command("init", &[]);
    by_hand(&postgres, "postgres", &ran.printed);
    postgres.sql("postgres", CHANGES);
    assert_eq!(host.wait_for_events(3)[0].data, json!({"from": "new", "to": "paid"}));
    host.stop();
    let refused = plugin(&json!({"url": url_of(&postgres, "listener"), "publication": "another"}), &rules())
        .command("init", &["--apply"]);
    let error = refused.outcome.unwrap_err();
    assert!(
        error.contains("CREATE PUBLICATION \"another\"") && error.contains("permission denied"),
        "{error}"
    );
}

#[test]
fn what_is_there_is_not_made_again_and_what_rules_add_is() {
    let postgres = shop();
    let source = json!({"url": url_of(&postgres, "postgres")});
    let init = |rules: &Value, arguments: &[&str]| {
        let ran = plugin(&source, rules).command("init", arguments);
        assert_eq!(ran.outcome, Ok(()), "{}", ran.printed);
        let (remark, statements) = ran.printed.split_once('\n').unwrap();
        let expected =
            "-- rule.1 (note): of table 'public.notes' updates and deletes are not told: it has neither";
        assert!(remark.starts_with(expected), "{remark}");
        statements.to_owned()
    };
    let printed = init(&rules(), &[]);
    let lines: Vec<_> = printed.lines().collect();
    assert_eq!(
        lines,
        [
            "ALTER TABLE ONLY \"shop\".\"orders\" REPLICA IDENTITY FULL;",
            "CREATE PUBLICATION \"tidegate\" FOR TABLE ONLY \"shop\".\"orders\" WITH (publish = 'insert, update, delete, truncate', publish_via_partition_root = true);",
            "COMMENT ON PUBLICATION \"tidegate\" IS 'made by Tidegate for its plugin db-listener';",
            "CREATE PUBLICATION \"tidegate_inserts\" FOR TABLE ONLY \"public\".\"notes\" WITH (publish = 'insert, truncate', publish_via_partition_root = true);",
            "COMMENT ON PUBLICATION \"tidegate_inserts\" IS 'made by Tidegate for its plugin db-listener';",
            "SELECT pg_create_logical_replication_slot('tidegate', 'pgoutput');",
        ]
    );
    assert_eq!(init(&rules(), &["--apply"]), format!("{printed}-- done\n"));
    const NOTHING: &str = "-- the database has all that it needs\n";
    for arguments in [&["--apply"][..], &["--apply"], &[]] {
        assert_eq!(init(&rules(), arguments), NOTHING);
    }
    postgres.sql("postgres", "create table more (id int primary key)");
    let mut added = rules();
    added.as_array_mut().unwrap().push(json!({"table": "more", "event": "more"}));
    assert_eq!(
        init(&added, &["--apply"]),
        "ALTER PUBLICATION \"tidegate\" ADD TABLE ONLY \"public\".\"more\";\n-- done\n"
    );
    assert_eq!(init(&added, &["--apply"]), NOTHING);
}

#[test]
fn a_table_without_a_key_does_not_go_into_an_operators_publication() {
    let postgres = shop();
    postgres.sql("postgres", "create publication theirs for table shop.orders");
    let source = json!({"url": url_of(&postgres, "postgres"), "publication": "theirs"});
    let host = plugin(&source, &rules()).start().unwrap();
    wait_for_line(
        &host,
        "and is left as it is: CREATE PUBLICATION \"theirs_inserts\" FOR TABLE ONLY \"public\".\"notes\"",
    );
    assert_eq!(plugin(&source, &rules()).command("init", &["--apply"]).outcome, Ok(()));
    postgres.sql("postgres", CHANGES);
    assert_eq!(host.wait_for_events(3)[2].data, json!({"body": "c"}));
    host.stop();
}

#[test]
fn the_old_rows_of_partitions_are_asked_for_also_as_a_whole() {
    let postgres = Postgres::start();
    postgres.sql(
        "postgres",
        "create table shift (id int primary key, state text) partition by range (id);
         create table shift_1 partition of shift default; insert into shift values (1, 'new')",
    );
    let rules = json!([
        {"table": "shift", "on": "update", "when": "changed(state)", "event": "moved", "data": {"was": "{old.*}"}},
        {"table": "shift", "on": "update", "when": "not changed(state)", "event": "touched"},
    ]);
    let source = json!({"url": postgres.url("postgres")});
    let printed = plugin(&source, &rules).command("init", &[]).printed;
    assert!(printed.contains("ALTER TABLE ONLY \"public\".\"shift_1\" REPLICA IDENTITY FULL"), "{printed}");
    let host = plugin(&source, &rules).start().unwrap();
    postgres.sql("postgres", "update shift set state = 'done'; update shift set id = 2");
    let told = host.wait_for_events(2);
    assert_eq!((&*told[0].kind, &told[0].data), ("moved", &json!({"was": {"id": 1, "state": "new"}})));
    assert_eq!(&*told[1].kind, "touched");
    host.stop();
}
