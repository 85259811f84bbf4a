//! Databases under load, with db-listener as it is loaded: what they commit is told, whoever is killed meanwhile, and one that
//! stands still holds up no other.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::{Gateway, MariaDb, Options, Postgres, Socket};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tidegate");

/// Rows that come, and counters whose every value is told once, as each change of one waits for the one before.
const SCHEMA: &str = "CREATE TABLE orders (id bigserial PRIMARY KEY, note text);
    CREATE TABLE counters (id int PRIMARY KEY, n int NOT NULL);
    INSERT INTO counters SELECT generate_series(1, 8), 0";

const LOAD: &str = "\\set counter random(1, 8)
BEGIN;
INSERT INTO orders (note) VALUES (repeat('x', 100));
UPDATE counters SET n = n + 1 WHERE id = :counter;
COMMIT;
";

/// Rooms whose histories outlive the gateway.
fn options(data: &Path) -> Options {
    let history = r#"room=[{prefix="",history={size=100000,ttl="1h",durable=true,fsync="os"}}]"#;
    Options::new().data(data).set("shards=2").set(history)
}

/// An instance of db-listener that tells what happens to some tables, each to a room of the instance's name.
fn instance(name: &str, kind: &str, url: &str, tables: &[&str]) -> String {
    let rules = tables.iter().map(|table| {
        format!(r#"{{table="{table}",on=["insert","update"],event="{name}_row",room="{name}",key="{{id}}"}}"#)
    });
    let rules = rules.collect::<Vec<_>>().join(",");
    let source = format!(r#"{{kind="{kind}",url="{url}"}}"#);
    format!(r#"plugins.{name}={{plugin="db-listener",source={source},rule=[{rules}]}}"#)
}

/// A client that remembers how far it has got with a room, and all that it was told.
struct Follower {
    room: &'static str,
    since: Value,
    told: Vec<Value>,
}

impl Follower {
    fn new(room: &'static str) -> Self {
        Self { room, since: json!("start"), told: Vec::new() }
    }

    /// Goes on where it was until it has been told so many events in all.
    async fn follow(&mut self, gateway: &Gateway, until: usize) {
        let mut session = self.join(gateway).await;
        while self.told.len() < until {
            self.hear(&mut session).await;
        }
    }

    async fn join(&self, gateway: &Gateway) -> Socket {
        let mut session = gateway.connect("/ws").await;
        session.next().await;
        let join = json!({ "action": "join", "room": self.room, "data": { "since": self.since } });
        let joined = session.ask(&join).await;
        assert_eq!(joined["data"]["recovered"], true, "{joined}");
        session
    }

    async fn hear(&mut self, session: &mut Socket) {
        let event = session.next().await;
        self.since = json!({ "epoch": event["epoch"], "offset": event["offset"] });
        self.told.push(event);
    }

    /// What it was told of rows that have this column, as their key and its value.
    fn values(&self, column: &str) -> Vec<(String, i64)> {
        let of = |event: &Value| Some((event["key"].as_str()?.to_owned(), event["data"][column].as_i64()?));
        self.told.iter().filter_map(of).collect()
    }
}

/// Runs so many transactions by each of four clients.
fn load(postgres: &Postgres, transactions: u32) -> Child {
    let script = postgres.folder().join("load.sql");
    fs::write(&script, LOAD).unwrap();
    let mut pgbench = postgres.client("pgbench", "shop");
    pgbench.args(["-n", "-c", "4", "-j", "1", "-t", &transactions.to_string(), "-f"]).arg(script);
    pgbench.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn shop() -> Postgres {
    let postgres = Postgres::start();
    postgres.sql("postgres", "CREATE DATABASE shop");
    postgres.sql("shop", SCHEMA);
    postgres
}

/// How many events the database's changes have become by now.
fn count(postgres: &Postgres) -> usize {
    let count = postgres.sql("shop", "SELECT (SELECT count(*) FROM orders) + (SELECT sum(n) FROM counters)");
    count.parse().unwrap()
}

/// Waits until the database keeps less than so many bytes of its log for the slot.
async fn shrinks(postgres: &Postgres, bytes: u64) {
    let held = "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::bigint FROM pg_replication_slots";
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        // It looks at what it can let go when it notes which transactions run, as a checkpoint does.
        let held: u64 = postgres.sql("shop", &format!("CHECKPOINT; {held}")).parse().unwrap();
        if held < bytes {
            return;
        }
        assert!(Instant::now() < end, "{held} bytes are held");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn what_is_committed_is_told_once_and_in_order_whoever_is_killed_in_the_middle_of_the_load() {
    let (mut postgres, data) = (shop(), TempDir::new().unwrap());
    let listener = instance("shop", "postgres", &postgres.url("shop"), &["public.orders", "public.counters"]);
    let start = || options(data.path()).set(&listener).start(PROGRAM);
    let mut gateway = start();
    let mut client = Follower::new("shop");
    for is_gateway_killed in [true, false, true] {
        let mut load = load(&postgres, 500);
        client.follow(&gateway, client.told.len() + 700).await;
        if is_gateway_killed {
            gateway.kill();
            gateway = start();
            assert!(load.wait().unwrap().success());
        } else {
            postgres.kill();
            load.wait().unwrap();
            postgres.restart();
        }
    }
    client.follow(&gateway, count(&postgres)).await;

    let counters = client.values("n");
    let known = client.told.iter().map(|event| (event["key"].to_string(), event["origin"].to_string()));
    assert_eq!(known.collect::<HashSet<_>>().len(), client.told.len(), "each place of the log once");
    for counter in 1..=8 {
        let values = counters.iter().filter(|(key, _)| *key == counter.to_string()).map(|(_, n)| *n);
        let last = postgres.sql("shop", &format!("SELECT n FROM counters WHERE id = {counter}"));
        assert!(values.eq(1..=last.parse().unwrap()), "each change of counter {counter}, in order");
    }
    let orders: HashSet<i64> = client.values("id").into_iter().map(|(_, id)| id).collect();
    let written = postgres.sql("shop", "SELECT id FROM orders");
    assert!(written.lines().all(|id| orders.contains(&id.parse().unwrap())), "each order");
    shrinks(&postgres, 128 * 1024).await;
}

#[tokio::test]
async fn another_gateway_takes_over_where_the_one_that_listened_was_killed() {
    let (postgres, data) = (shop(), [TempDir::new().unwrap(), TempDir::new().unwrap()]);
    let listener = instance("shop", "postgres", &postgres.url("shop"), &["public.orders"]);
    let start = |data: &TempDir| options(data.path()).set(&listener).start(PROGRAM);
    let first = start(&data[0]);
    let second = start(&data[1]);
    assert!(second.get("/api/v1/plugins").await.body.contains("waiting"), "one listens");
    let mut load = load(&postgres, 500);
    Follower::new("shop").follow(&first, 500).await;
    first.kill();
    assert!(load.wait().unwrap().success());
    // What it has told, and not confirmed, is told again.
    let first = told_by(&options(data[0].path()).start(PROGRAM)).await;
    assert!((500..2000).contains(&first.len()), "{} were told before it was killed", first.len());
    let mut client = Follower::new("shop");
    let mut session = client.join(&second).await;
    let mut left: HashSet<String> =
        (1..=2000).map(|id: u32| id.to_string()).filter(|id| !first.contains(id)).collect();
    while !left.is_empty() {
        client.hear(&mut session).await;
        left.remove(client.told.last().unwrap()["key"].as_str().unwrap());
    }
}

/// The keys of all that a gateway has told a room.
async fn told_by(gateway: &Gateway) -> HashSet<String> {
    let page = gateway.get("/api/v1/rooms/shop/history?limit=1").await.json();
    let mut client = Follower::new("shop");
    client.follow(gateway, page["offset"].as_u64().unwrap() as usize).await;
    client.told.iter().map(|event| event["key"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn several_databases_are_listened_to_at_once_and_one_that_stands_still_holds_up_no_other() {
    let (postgres, mariadb, data) = (shop(), MariaDb::start(), TempDir::new().unwrap());
    postgres.sql("postgres", "CREATE DATABASE stock");
    postgres.sql("stock", "CREATE TABLE parts (id int PRIMARY KEY)");
    mariadb.sql("CREATE DATABASE park; CREATE TABLE park.cars (id INT PRIMARY KEY)");
    let stock = instance("stock", "postgres", &postgres.url("stock"), &["public.parts"]);
    let gateway = options(data.path())
        .set(&instance("shop", "postgres", &postgres.url("shop"), &["public.orders"]))
        .set(&stock.replacen("url=", r#"slot="stock",url="#, 1))
        .set(&instance("park", "mariadb", &format!("{}/park", mariadb.url()), &["park.cars"]))
        .start(PROGRAM);
    let [mut shop, mut stock, mut park] = ["shop", "stock", "park"].map(Follower::new);
    postgres.sql("shop", "INSERT INTO orders (note) VALUES ('a')");
    postgres.sql("stock", "INSERT INTO parts VALUES (1)");
    mariadb.sql("INSERT INTO park.cars VALUES (1)");
    shop.follow(&gateway, 1).await;
    stock.follow(&gateway, 1).await;
    park.follow(&gateway, 1).await;
    mariadb.pause();
    postgres.sql("stock", "INSERT INTO parts VALUES (2)");
    stock.follow(&gateway, 2).await;
    mariadb.resume();
    postgres.pause();
    mariadb.sql("INSERT INTO park.cars VALUES (2)");
    park.follow(&gateway, 2).await;
    postgres.go_on();
    postgres.sql("shop", "INSERT INTO orders (note) VALUES ('b')");
    shop.follow(&gateway, 2).await;
    assert_eq!(park.values("id"), [("1".to_owned(), 1), ("2".to_owned(), 2)]);
}

#[tokio::test]
async fn a_flood_of_changes_holds_up_nobody_else_and_none_of_it_is_lost() {
    const ROWS: usize = 50_000;
    let (postgres, data) = (shop(), TempDir::new().unwrap());
    let gateway = options(data.path())
        .set("plugins.echo.enabled=true")
        .set("plugins.echo.open=[\"POST /echo/{room}\"]")
        .set(&instance("shop", "postgres", &postgres.url("shop"), &["public.orders"]))
        .start(PROGRAM);
    let insert = format!("INSERT INTO orders (note) SELECT repeat('x', 200) FROM generate_series(1, {ROWS})");
    postgres.sql("shop", &insert);
    let safe = "tidegate_plugin_db_listener_events_total{plugin=\"shop\"}";
    let mut waits = Vec::new();
    while gateway.metric(safe).await < ROWS as f64 {
        let begun = Instant::now();
        assert_eq!(gateway.post("/echo/hall", &json!({ "a": 1 })).await.status, 200);
        assert_eq!(gateway.get("/health/live").await.status, 200);
        waits.push(begun.elapsed());
    }
    assert!(waits.len() > 10, "{waits:?}: it was no flood");
    // A busy machine may hold up one of them; a flood in the way would hold up most.
    waits.sort();
    assert!(waits[waits.len() / 2] < Duration::from_secs(1), "{waits:?}");
    assert!(waits.last().unwrap() < &Duration::from_secs(5), "{waits:?}");
    let mut client = Follower::new("shop");
    client.follow(&gateway, ROWS).await;
    let ids = client.values("id").into_iter().map(|(_, id)| id);
    assert!(ids.eq(1..=ROWS as i64), "each once, in order");
}
