//! Commands, what is written meanwhile, and what they print.

use std::io::Write;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::Postgres;
use tidegate_db_listener::Listener;
use tidegate_plugin::testing::{Ran, Setup, TestHost};

/// The plugin with that source and these rules.
pub(crate) fn plugin(source: &Value, rules: &Value) -> Setup {
    TestHost::of::<Listener>().config(json!({"source": source, "rule": rules}))
}

/// Tries the rules while rows are written, one after another and numbered from 1, until that has ended; answers how many were.
pub(crate) fn tried(setup: Setup, arguments: &[&str], write: impl Fn(u64) + Sync) -> (Ran, u64) {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let writes = scope.spawn(|| {
            let mut written = 0;
            while !over.load(Ordering::SeqCst) {
                written += 1;
                write(written);
                thread::sleep(Duration::from_millis(10));
            }
            written
        });
        let ran = setup.command("test", arguments);
        over.store(true, Ordering::SeqCst);
        (ran, writes.join().unwrap())
    })
}

/// The events that a try has printed, behind its two remarks.
#[track_caller]
pub(crate) fn events(ran: &Ran) -> Vec<Value> {
    assert_eq!(ran.outcome, Ok(()), "{}", ran.printed);
    let rest = ran.printed.strip_prefix("// the rules fit the tables\n// changes are awaited\n");
    let lines = rest.unwrap_or_else(|| panic!("{}", ran.printed)).lines();
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Checks that two events of a try are of two rows written one after the other.
#[track_caller]
pub(crate) fn assert_follows(events: &[Value]) {
    let [one, two] = events else { panic!("{events:?}") };
    let id = |event: &Value| event["data"]["id"].as_u64().unwrap();
    assert_eq!(id(one) + 1, id(two), "{events:?}");
}

/// Waits until an instance has told so many rows, and checks that they are those up to that number, each once.
#[track_caller]
pub(crate) fn assert_told(host: &TestHost, rows: u64) {
    let events = host.wait_for_events(usize::try_from(rows).unwrap());
    let ids: Vec<_> = events.iter().map(|event| event.data["id"].as_u64().unwrap()).collect();
    assert_eq!(ids, (1..=rows).collect::<Vec<_>>());
}

/// Runs SQL as an operator does: by `psql`, statement by statement.
pub(crate) fn by_hand(postgres: &Postgres, database: &str, sql: &str) {
    let mut psql = postgres.client("psql", database);
    psql.args(["-qX", "-v", "ON_ERROR_STOP=1"]).stdin(Stdio::piped()).stdout(Stdio::null());
    let mut psql = psql.spawn().unwrap();
    psql.stdin.take().unwrap().write_all(sql.as_bytes()).unwrap();
    assert!(psql.wait().unwrap().success(), "{sql}");
}

/// Waits until the server has no slot of a try any more: it sees that a connection is gone somewhat later.
pub(crate) fn no_slot_is_left(postgres: &Postgres) {
    let deadline = Instant::now() + Duration::from_secs(20);
    let slots = "select slot_name from pg_replication_slots where slot_name <> 'tidegate'";
    while !postgres.sql("postgres", slots).is_empty() {
        assert!(Instant::now() < deadline, "{}", postgres.sql("postgres", slots));
        thread::sleep(Duration::from_millis(10));
    }
}

/// Waits for a line in an instance's log.
pub(crate) fn wait_for_line(host: &TestHost, wanted: &str) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !host.log().iter().any(|line| line.message.contains(wanted)) {
        assert!(Instant::now() < deadline, "never logged: {wanted}; {:?}", host.log());
        thread::sleep(Duration::from_millis(5));
    }
}
