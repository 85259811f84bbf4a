//! Ten thousand connections that join, get a hundred events each, and leave: none lost, none out of order, and the
//! memory that they took is given back.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::{Resource, getrlimit, setrlimit};
use serde_json::json;
use testkit::{Gateway, Options, Wire, opcode};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Where the limit of open files allows as many.
const SESSIONS: usize = 10_000;
const EVENTS: usize = 100;
/// Files that a process has open besides its connections.
const OTHER_FILES: usize = 200;
/// Handshakes at one time: below the listener's queue.
const AT_ONCE: usize = 200;
/// The gateway gives memory back within a few seconds after many sessions have closed.
const PATIENCE: Duration = Duration::from_secs(10);
const MIB: f64 = 1024.0 * 1024.0;
const MEMORY: &str = "tidegate_process_resident_memory_bytes";

#[tokio::test]
async fn ten_thousand_sessions_get_every_event_in_order_and_give_their_memory_back() {
    let sessions = SESSIONS.min(open_files() - OTHER_FILES);
    // No heartbeat among what comes, however long it takes.
    let options = Options::new().set("shards=2").set("endpoint.0.heartbeat={interval=\"1h\",timeout=\"2h\"}");
    let gateway = Arc::new(options.start(env!("CARGO_BIN_EXE_tidegate")));
    // What a first session allocates stays, and so do the threads' own pools.
    a_round(&gateway, 100, 10).await;
    let before = gateway.metric(MEMORY).await;

    let most = a_round(&gateway, sessions, EVENTS).await;

    let each = (most - before) / sessions as f64;
    assert!(each < 8.0 * 1024.0, "a session that was served costs {each:.0} bytes");
    let end = Instant::now() + PATIENCE;
    loop {
        let kept = gateway.metric(MEMORY).await - before;
        if kept < 4.0 * MIB + (most - before) / 4.0 {
            break;
        }
        assert!(Instant::now() < end, "{kept} bytes of {} stay", most - before);
    }
    assert_eq!(gateway.metric("tidegate_slow_closes_total").await, 0.0);
    assert_eq!(gateway.metric("tidegate_send_errors_total").await, 0.0);
}

/// Sessions come, get their events and go. Answers the memory while all are there and have got everything.
async fn a_round(gateway: &Arc<Gateway>, sessions: usize, events: usize) -> f64 {
    let mut wires = all((0..sessions).map(|_| join(Arc::clone(gateway)))).await;
    assert_eq!(wires.len(), sessions);

    let mut readers = JoinSet::new();
    for mut wire in wires.drain(..) {
        readers.spawn(async move {
            for number in 0..events {
                let event = wire.next().await.payload;
                let mark = format!("\"data\":{{\"n\":{number}}},");
                let text = std::str::from_utf8(&event).unwrap();
                assert!(text.contains(&mark), "{mark} is expected, not {text}");
            }
            wire
        });
    }
    for number in 0..events {
        let event = json!({ "room": "hall", "event_type": "alert_triggered", "data": { "n": number } });
        assert_eq!(gateway.post("/api/v1/publish", &event).await.json()["sent"], sessions);
    }
    let wires = readers.join_all().await;
    let memory = gateway.metric(MEMORY).await;

    let stats = gateway.get("/ws/stats").await.json();
    assert_eq!(stats["rooms"]["hall"], sessions);
    all(wires.into_iter().map(leave)).await;
    gateway.reaches("tidegate_sessions{dialect=\"rooms\"}", 0.0).await;
    // The last connection is the one that asks.
    gateway.reaches("tidegate_connections", 1.0).await;
    memory
}

async fn join(gateway: Arc<Gateway>) -> Wire {
    let mut wire = gateway.wire("/ws").await;
    assert_eq!(wire.next().await.json()["event_type"], "connected");
    let joined = wire.ask(&json!({ "action": "join", "room": "hall" })).await;
    assert_eq!(joined["message"], "Joined room 'hall'");
    wire
}

async fn leave(mut wire: Wire) {
    assert_eq!(wire.ask(&json!({ "action": "leave", "room": "hall" })).await["success"], true);
    wire.send_close(1000, "").await;
    let close = wire.next().await;
    assert_eq!((close.opcode, close.close().0), (opcode::CLOSE, 1000));
    wire.ended().await;
}

/// Does all of it, a bounded number at one time.
async fn all<T: Send + 'static>(
    work: impl Iterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut tasks = JoinSet::new();
    for one in work {
        let places = Arc::clone(&places);
        tasks.spawn(async move {
            let _place = places.acquire().await.unwrap();
            one.await
        });
    }
    tasks.join_all().await
}

/// The files that this process may open, which are as many as it can get. The gateway raises its own limit.
fn open_files() -> usize {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
    limit.maximum.map_or(usize::MAX, |files| files as usize)
}
