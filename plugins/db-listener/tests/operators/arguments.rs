//! What was typed wrong is refused with what was wrong, before anything is connected to.

use serde_json::json;

use crate::support::plugin;

#[test]
fn wrong_arguments_are_refused_with_what_was_wrong() {
    for (command, arguments, expected) in [
        ("init", &["--aply"][..], "INVALID: '--aply': only --apply may follow"),
        ("init", &["--apply", "now"], "INVALID: 'now': only --apply may follow"),
        ("test", &["--for"], "INVALID: --for: a value is missing"),
        ("test", &["--for", "1m", "--count"], "INVALID: --count: a value is missing"),
        ("test", &["--for", "soon"], "INVALID: --for 'soon': "),
        ("test", &["--count", "-1"], "INVALID: --count '-1': invalid digit"),
        ("test", &["--most", "1"], "INVALID: '--most' is neither --for nor --count"),
    ] {
        let nowhere = json!({"url": "postgres://nobody@127.0.0.1:1/none?sslmode=disable"});
        let ran = plugin(&nowhere, &json!([])).command(command, arguments);
        let refused = ran.outcome.unwrap_err();
        assert!(refused.starts_with(expected) && ran.printed.is_empty(), "{arguments:?}: {refused}");
    }
}

#[test]
fn a_database_that_is_not_there_is_named() {
    let nowhere = json!({"url": "postgres://nobody@127.0.0.1:1/none?sslmode=disable"});
    for command in ["init", "test"] {
        let refused = plugin(&nowhere, &json!([])).command(command, &[]).outcome.unwrap_err();
        assert!(refused.starts_with("CONFLICT: ") && refused.contains("127.0.0.1:1"), "{refused}");
        let refused = plugin(&json!({}), &json!([])).command(command, &[]).outcome.unwrap_err();
        assert_eq!(refused, "CONFLICT: source.url: there is no database");
    }
}
