//! Handshakes in great numbers.

use std::thread;
use std::time::Instant;

use serde_json::json;
use testkit::{Authority, TlsDialer, exchange_on, request};
use tokio::task::JoinSet;

use super::house::House;

/// Each with the whole handshake: nobody has a ticket yet when all begin.
const FLOOD: usize = 300;

/// Shakes hands as fast as it can, and asks for something on each connection.
fn flood(address: std::net::SocketAddr, dialer: &TlsDialer) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut all = JoinSet::new();
        for _ in 0..FLOOD {
            let dialer = dialer.clone();
            all.spawn(async move {
                let stream = dialer.dial(address).await.unwrap();
                exchange_on(stream, &request("GET", "/health/live", &[], None)).await.status
            });
        }
        assert_eq!(all.join_all().await, [200; FLOOD]);
    });
}

#[tokio::test]
async fn a_flood_of_handshakes_does_not_keep_sessions_waiting() {
    let house = House::with(Authority::new("test authority"), "", |options| options.set("shards=1"));
    let mut session = house.connect("/ws").await;
    session.next().await;
    let (address, dialer) = (house.address(), house.dialer());
    let flood = thread::spawn(move || flood(address, &dialer));
    let mut times = Vec::new();
    while !flood.is_finished() {
        let begun = Instant::now();
        assert_eq!(session.ask(&json!({ "action": "ping" })).await["message"], "pong");
        times.push(begun.elapsed());
    }
    flood.join().unwrap();
    times.sort_unstable();
    let (middle, worst) = (times[times.len() / 2], times[times.len() - 1]);
    println!("{} pings beside {FLOOD} handshakes: {middle:?}, the slowest {worst:?}", times.len());
    // How long it takes is this machine's affair; behind all of them there would be time for a few.
    assert!(times.len() >= 20, "{} pings were answered between {FLOOD} handshakes", times.len());
}
