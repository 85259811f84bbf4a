//! What an idle session under TLS costs.

use testkit::{Authority, Wire};

use super::house::House;

const SESSIONS: usize = 1000;
const MEMORY: &str = "tidegate_process_resident_memory_bytes";

async fn sessions(house: &House, count: usize) -> Vec<Wire> {
    let dialer = house.dialer();
    let mut wires = Vec::new();
    for _ in 0..count {
        let mut wire = house.gateway.tls_wire("/ws", &dialer, None).await;
        wire.next().await;
        wire.ask(&serde_json::json!({ "action": "join", "room": "r" })).await;
        wires.push(wire);
    }
    wires
}

#[tokio::test]
async fn an_idle_session_under_tls_costs_at_most_ten_kilobytes() {
    let house = House::with(Authority::new("test authority"), "", |options| options.set("shards=1"));
    // What a first session allocates stays.
    let first = sessions(&house, 50).await;
    let before = house.gateway.metric(MEMORY).await;
    let more = sessions(&house, SESSIONS).await;
    let each = (house.gateway.metric(MEMORY).await - before) / SESSIONS as f64;
    println!("{each:.0} bytes for each idle session under TLS");
    assert!(each <= 10_240.0, "{each:.0} bytes");
    drop((first, more));
}
