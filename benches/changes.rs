//! `make changes`: how many row changes of one PostgreSQL db-listener brings into the hub in a second, and how long it takes from
//! a commit to a client. Everything is real, and on this machine: the database, its clients, the gateway as it is built for users.
//!
//! `changes GATEWAY`: the gateway's program, with the plugins beside it.

#![allow(clippy::unwrap_used, reason = "a bench says what is wrong by panicking")]

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::json;
use tempfile::TempDir;
use testkit::{Gateway, Options, Postgres};

/// Changes that have piled up, and how many are committed together.
const PILE: usize = 600_000;
const TOGETHER: usize = 100;
/// How many are committed in a second while times are taken, and for how long.
const RATE: u32 = 1000;
const SECONDS: u32 = 20;
const ROUNDS: usize = 3;

/// About 200 bytes a row.
const SCHEMA: &str = "CREATE TABLE orders (id bigserial PRIMARY KEY, customer int NOT NULL, state text NOT NULL, amount numeric(10, 2) NOT NULL,
    note text NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp())";
const COLUMNS: &str = "INSERT INTO orders (customer, state, amount, note)";
const VALUES: &str = "SELECT n % 1000, 'packed', n / 7.0, repeat('x', 150) FROM generate_series(1, 100) n";
/// What the client is told of a row: all of it.
const RULE: &str = r#"{table="public.orders",on="insert",event="order_new",room="orders",key="{id}"}"#;
const EVENTS: &str = "tidegate_plugin_db_listener_events_total{plugin=\"db-listener\"}";
const CPU: &str = "tidegate_process_cpu_seconds_total";

struct Setting {
    postgres: Postgres,
    data: TempDir,
    program: String,
}

impl Setting {
    fn new(program: &str) -> Self {
        let postgres = Postgres::start_with(&["max_wal_size=8GB", "shared_buffers=512MB"]);
        postgres.sql("postgres", "CREATE DATABASE shop");
        postgres.sql("shop", SCHEMA);
        Self { postgres, data: TempDir::new().unwrap(), program: program.to_owned() }
    }

    fn start(&self) -> Gateway {
        let source = format!("plugins.db-listener.source={{url={:?}}}", self.postgres.url("shop"));
        let options = Options::new().data(self.data.path()).set("shards=1").set(&source);
        let options = options.set(&format!("plugins.db-listener.rule=[{RULE}]"));
        options.set(r#"room=[{prefix="",history={size=1000}}]"#).start(&self.program)
    }

    fn pgbench(&self, script: &str, arguments: &[&str]) -> Child {
        let file = self.postgres.folder().join("script.sql");
        fs::write(&file, script).unwrap();
        let mut pgbench = self.postgres.client("pgbench", "shop");
        pgbench.arg("-n").args(arguments).arg("-f").arg(file);
        pgbench.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }
}

/// A number of changes, the time that they took, and the gateway's processor time for it.
struct Taken {
    changes: f64,
    time: Duration,
    cpu: f64,
}

impl Taken {
    fn per_second(&self) -> f64 {
        self.changes / self.time.as_secs_f64()
    }
}

/// Waits until so many events are safe in all.
async fn reach(gateway: &Gateway, events: f64) {
    while gateway.metric(EVENTS).await < events {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// What a gateway takes in until there are so many, from the moment on in which a tenth of them is there.
async fn taken(gateway: &Gateway, changes: f64) -> Taken {
    reach(gateway, changes / 10.0).await;
    let (begun, before) = (Instant::now(), gateway.metric(EVENTS).await);
    let cpu = gateway.metric(CPU).await;
    reach(gateway, changes).await;
    let cpu = gateway.metric(CPU).await - cpu;
    Taken { changes: gateway.metric(EVENTS).await - before, time: begun.elapsed(), cpu }
}

/// Changes that were committed while no gateway was there.
async fn pile(setting: &Setting) -> Taken {
    assert!(setting.start().terminate().success(), "which has made the slot");
    let batches = PILE / TOGETHER;
    let write =
        format!("DO $$ BEGIN FOR i IN 1..{batches} LOOP {COLUMNS} {VALUES}; COMMIT; END LOOP; END $$");
    setting.postgres.sql("shop", &write);
    taken(&setting.start(), PILE as f64).await
}

/// Changes that are committed meanwhile, as fast as the database can beside the gateway.
async fn stream(setting: &Setting) -> Taken {
    let gateway = setting.start();
    let transactions = (PILE / TOGETHER / 2).to_string();
    let mut load = setting.pgbench(&format!("{COLUMNS} {VALUES};"), &["-c", "2", "-t", &transactions]);
    let taken = taken(&gateway, PILE as f64).await;
    assert!(load.wait().unwrap().success());
    taken
}

/// From just before each row's commit to the client, in milliseconds, in order; and the gateway's processor time for a second of it.
async fn times(setting: &Setting) -> (Vec<f64>, f64) {
    let gateway = setting.start();
    let mut session = gateway.connect("/ws").await;
    session.next().await;
    session.ask(&json!({ "action": "join", "room": "orders" })).await;
    let write = format!("{COLUMNS} VALUES (1, 'packed', 5, repeat('x', 150));");
    let (rate, each) = (RATE.to_string(), (RATE * SECONDS / 4).to_string());
    let cpu = gateway.metric(CPU).await;
    let mut load = setting.pgbench(&write, &["-c", "4", "-R", &rate, "-t", &each]);
    let mut times = Vec::new();
    while times.len() < (RATE * SECONDS) as usize {
        let event = session.next().await;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64() * 1000.0;
        times.push(now - moment(event["data"]["at"].as_str().unwrap()));
    }
    let cpu = (gateway.metric(CPU).await - cpu) / f64::from(SECONDS);
    assert!(load.wait().unwrap().success());
    times.sort_by(f64::total_cmp);
    (times, cpu)
}

/// Milliseconds since 1970 of a time of today, as `2026-11-22T09:30:14.129686+00:00`; the day is that of now.
fn moment(text: &str) -> f64 {
    let clock: Vec<f64> =
        text[11..].split([':', '+', 'Z']).take(3).map(|part| part.parse().unwrap()).collect();
    let day = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() / 86_400 * 86_400;
    (day as f64 + clock[0] * 3600.0 + clock[1] * 60.0 + clock[2]) * 1000.0
}

fn median(of: impl Iterator<Item = f64>) -> f64 {
    let mut all: Vec<f64> = of.collect();
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let program = std::env::args().nth(1).expect("changes GATEWAY");
    assert!(Path::new(&program).exists(), "there is no {program}");
    let (mut piles, mut streams, mut waits) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        piles.push(pile(&Setting::new(&program)).await);
        streams.push(stream(&Setting::new(&program)).await);
        waits.push(times(&Setting::new(&program)).await);
    }
    for (name, all) in [("piled up", piles), ("as they are committed", streams)] {
        println!(
            "{name}: {:.0} changes a second; {:.1} µs of the gateway's processor time for each",
            median(all.iter().map(Taken::per_second)),
            median(all.iter().map(|taken| taken.cpu / taken.changes * 1e6)),
        );
    }
    let at = |share: f64| median(waits.iter().map(|(times, _)| times[(times.len() as f64 * share) as usize]));
    println!(
        "{RATE} rows a second, each its own transaction, from before its commit to the client: {:.1} ms (p50), {:.1} ms (p99), {:.1} ms \
         (p99.9); the gateway takes {:.2} cores",
        at(0.5),
        at(0.99),
        at(0.999),
        median(waits.iter().map(|(_, cpu)| *cpu)),
    );
}
