//! Notifications: nothing is needed, and a try hears them as an instance does.

use serde_json::json;
use testkit::Postgres;
use tidegate_plugin::testing::Setup;

use crate::support::{assert_follows, assert_told, events, plugin, tried};

fn listener(postgres: &Postgres) -> Setup {
    let source = json!({"kind": "notify", "url": postgres.url("postgres")});
    plugin(&source, &json!([{"table": "news", "event": "row", "data": {"id": "{id}"}}]))
}

#[test]
fn nothing_is_needed_and_a_try_hears_what_an_instance_hears() {
    let postgres = Postgres::start();
    for arguments in [&[][..], &["--apply"]] {
        let ran = listener(&postgres).command("init", arguments);
        assert_eq!((ran.printed.as_str(), ran.outcome), ("-- the database has all that it needs\n", Ok(())));
    }
    let host = listener(&postgres).start().unwrap();
    let notify = |id: u64| drop(postgres.sql("postgres", &format!("notify news, '{{\"id\": {id}}}'")));
    let (ran, written) = tried(listener(&postgres), &["--count", "2", "--for", "1m"], notify);
    assert_follows(&events(&ran));
    assert_told(&host, written);
    host.stop();
}
