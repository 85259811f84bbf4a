//! Servers that are killed, stopped and cut off.

use std::collections::HashSet;
use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use testkit::{Cable, Postgres};
use tidegate_db_listener::change::Change;
use tidegate_db_listener::source::Failure;
use tidegate_db_listener::source::postgres::stats::State;

use crate::support::{Listener, PATIENCE, new, settings, settings_at};

/// Collects changes until all ids up to one have come; tells those that came twice, which have the same origin.
fn collect(listener: &Listener, ids: HashSet<i64>) -> usize {
    let mut origins = HashSet::new();
    let (mut missing, mut twice) = (ids, 0);
    let deadline = Instant::now() + PATIENCE;
    while !missing.is_empty() {
        assert!(Instant::now() < deadline, "{} are missing: {:?}", missing.len(), listener.failures());
        let change = listener.next();
        let id = new(&change, "id").as_i64().unwrap();
        let again = !origins.insert((id, change.origin));
        twice += usize::from(again);
        assert!(missing.remove(&id) || again, "{id} came again with another origin");
    }
    twice
}

fn committed(postgres: &Postgres) -> HashSet<i64> {
    let ids = postgres.sql("postgres", "select id from t");
    ids.lines().map(|id| id.parse().unwrap()).collect()
}

/// Inserts rows one by one, each in a transaction, as fast as it can.
fn load(postgres: &Postgres) -> Child {
    let script = postgres.folder().join("load.sql");
    std::fs::write(&script, "insert into t (a) values (repeat('x', 150));\n").unwrap();
    let mut command = postgres.client("pgbench", "postgres");
    command.args(["-n", "-c", "2", "-T", "60", "-f"]).arg(script);
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap()
}

fn with_table(options: &[&str]) -> Postgres {
    let postgres = Postgres::start_with(options);
    postgres.sql("postgres", "create table t (id serial primary key, a text)");
    postgres
}

fn count_reaches(postgres: &Postgres, count: usize) {
    let deadline = Instant::now() + PATIENCE;
    while postgres.sql("postgres", "select count(*) from t").parse::<usize>().unwrap() < count {
        assert!(Instant::now() < deadline);
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_server_killed_under_load_and_started_again_has_lost_no_change() {
    let mut postgres = with_table(&[]);
    let listener = Listener::start(settings(&postgres, &["t"]));
    let mut load = load(&postgres);
    count_reaches(&postgres, 1000);
    postgres.kill();
    load.wait().unwrap();
    listener.wait_for_failure("PostgreSQL");
    postgres.restart();
    let twice = collect(&listener, committed(&postgres));
    // The pump's position is taken though the server has forgotten a part of what was confirmed.
    assert!(twice < 500, "{twice}");
    listener
        .wait_for(|stats| stats.state == State::Streaming && stats.lag_bytes.is_some_and(|lag| lag < 10_000));
    assert!(
        listener.failures().iter().all(|failure| !failure.contains("pgoutput")),
        "{:?}",
        listener.failures()
    );
}

#[test]
fn a_server_that_is_stopped_is_waited_for() {
    let postgres = with_table(&[]);
    let mut settings = settings(&postgres, &["t"]);
    settings.silence = Duration::from_secs(2);
    let listener = Listener::start(settings);
    postgres.sql("postgres", "insert into t values (1)");
    postgres.pause();
    listener.wait_for_failure("silent for more than 2s");
    postgres.go_on();
    postgres.sql("postgres", "insert into t values (2)");
    collect(&listener, HashSet::from([1, 2]));
}

#[test]
fn a_network_that_is_cut_is_noticed_and_what_was_missed_comes_when_it_is_whole() {
    let postgres = with_table(&[]);
    let cable = Cable::to(postgres.port());
    let url = postgres.url("postgres").replace(&postgres.port().to_string(), &cable.port().to_string());
    let mut settings = settings_at(&format!("{url}&connect_timeout=2"), &["t"]);
    settings.silence = Duration::from_secs(2);
    let listener = Listener::start(settings);
    for (id, silent) in [(1, true), (2, false)] {
        if silent {
            cable.silence()
        } else {
            cable.sever()
        }
        postgres.sql("postgres", &format!("insert into t values ({id})"));
        let failure = listener.wait_for_failure("PostgreSQL");
        assert!(matches!(failure, Failure::Passing(_)), "{failure:?}");
        // The server has to find out, too, before the slot is free.
        postgres.sql("postgres", "select pg_terminate_backend(pid) from pg_stat_replication");
        cable.mend();
        collect(&listener, HashSet::from([id]));
    }
}

#[test]
fn a_server_that_is_down_at_first_is_listened_to_when_it_comes() {
    let mut postgres = with_table(&[]);
    postgres.kill();
    let listener = Listener::launch(settings(&postgres, &["t"]));
    assert!(matches!(listener.wait_for_failure("cannot connect"), Failure::Passing(_)));
    postgres.restart();
    listener.wait_for(|stats| stats.state == State::Streaming);
    postgres.sql("postgres", "insert into t values (1)");
    assert_eq!(new(&listener.next(), "id"), 1);
}

#[test]
fn a_listener_that_goes_and_comes_under_load_misses_nothing() {
    let postgres = with_table(&[]);
    drop(Listener::start(settings(&postgres, &["t"])));
    let id = |change: &Change| new(change, "id").as_i64().unwrap();
    let mut seen: HashSet<i64> = HashSet::new();
    let mut load = load(&postgres);
    while seen.len() < 2000 {
        let listener = Listener::start(settings(&postgres, &["t"]));
        seen.extend(listener.take(100).iter().map(id));
        listener.confirm(false);
        seen.extend(listener.take(100).iter().map(id));
        seen.extend(listener.stop().iter().map(id));
    }
    load.kill().unwrap();
    load.wait().unwrap();
    let listener = Listener::start(settings(&postgres, &["t"]));
    postgres.sql("postgres", "insert into t values (1000000)");
    while !seen.contains(&1_000_000) {
        seen.insert(id(&listener.next()));
    }
    let mut missing = committed(&postgres);
    missing.retain(|id| !seen.contains(id));
    assert!(missing.is_empty(), "{missing:?}");
}
