//! Clients under TLS that do not read.

use serde_json::{Value, json};
use testkit::{Authority, Wire, opcode};

use super::house::House;

const MOST_EVENTS: u64 = 4000;
const CLOSES: &str = "tidegate_slow_closes_total";
const MIB: f64 = 1024.0 * 1024.0;

fn house() -> House {
    House::with(Authority::new("test authority"), "", |options| {
        options.set("shards=2").set("limits.message=\"32 KiB\"").set("limits.backlog_per_session=\"64 KiB\"")
    })
}

async fn join(mut wire: Wire) -> Wire {
    wire.next().await;
    assert_eq!(wire.ask(&json!({ "action": "join", "room": "r" })).await["success"], true);
    wire
}

fn event(number: u64) -> Value {
    let data = json!({ "n": number, "text": "x".repeat(8000) });
    json!({ "room": "r", "event_type": "alert_triggered", "data": data })
}

/// Publishes until so many sessions were too slow, while `reader` gets everything.
async fn publish_until(house: &House, reader: &mut Wire, closes: f64) -> u64 {
    for number in 0..MOST_EVENTS {
        assert_eq!(house.gateway.post("/api/v1/publish", &event(number)).await.status, 200);
        assert_eq!(reader.next().await.json()["data"]["n"], number);
        if number % 8 == 0 && house.gateway.metric(CLOSES).await == closes {
            return number + 1;
        }
    }
    panic!("{MOST_EVENTS} events fit into the backlog");
}

#[tokio::test]
async fn a_client_that_does_not_read_is_closed_and_has_whole_frames_up_to_then() {
    let house = house();
    let dialer = house.dialer();
    let mut reader = join(house.gateway.tls_wire("/ws", &dialer, None).await).await;
    let mut slow = join(house.gateway.tls_wire("/ws", &dialer, Some(4096)).await).await;
    let published = publish_until(&house, &mut reader, 1.0).await;
    for number in 0.. {
        let frame = slow.next().await;
        if frame.opcode == opcode::CLOSE {
            assert_eq!(frame.close(), (1013, "slow consumer"));
            slow.send_close(1013, "").await;
            slow.ended().await;
            assert!(number > 0 && number < published, "{number} of {published}");
            break;
        }
        assert_eq!(frame.json()["data"]["n"], number, "a hole");
    }
    assert_eq!(reader.ask(&json!({ "action": "ping" })).await["message"], "pong");
}

#[tokio::test]
async fn one_that_reads_again_in_time_gets_everything() {
    const EVENTS: u64 = 500;
    let house = House::new("");
    let mut late = join(house.gateway.tls_wire("/ws", &house.dialer(), Some(4096)).await).await;
    let mut published = 0;
    // Until something waits for it, and then some more, below its bound of 1 MiB.
    let waits = async || {
        let list = house.gateway.get("/api/v1/sessions").await.json();
        list["sessions"][0]["backlog"]["bytes"].as_u64().unwrap()
    };
    while waits().await == 0 {
        assert!(published < MOST_EVENTS);
        house.gateway.post("/api/v1/publish", &event(published)).await;
        published += 1;
    }
    for number in published..published + 20 {
        house.gateway.post("/api/v1/publish", &event(number)).await;
    }
    for number in 0..published + 20 {
        assert_eq!(late.next().await.json()["data"]["n"], number);
    }
    for number in 0..EVENTS {
        house.gateway.post("/api/v1/publish", &event(number)).await;
        assert_eq!(late.next().await.json()["data"]["n"], number);
    }
    assert_eq!(waits().await, 0);
}

#[tokio::test]
async fn what_slow_clients_cost_is_bounded() {
    let house = house();
    let dialer = house.dialer();
    let mut reader = join(house.gateway.tls_wire("/ws", &dialer, None).await).await;
    let before = house.gateway.metric("tidegate_process_resident_memory_bytes").await;
    let mut slow = Vec::new();
    for _ in 0..20 {
        slow.push(join(house.gateway.tls_wire("/ws", &dialer, Some(4096)).await).await);
    }
    publish_until(&house, &mut reader, 20.0).await;
    let grown = house.gateway.metric("tidegate_process_resident_memory_bytes").await - before;
    // The frames that wait are shared; each has one sealed record of its own.
    assert!(grown < 8.0 * MIB, "{grown} bytes");
}
