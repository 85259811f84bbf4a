//! Two gateways that count together in a real Redis, and go on without it.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use testkit::{Gateway, Redis};

use crate::strict;

const UP: &str = "tidegate_limit_store_up";

/// A gateway that counts in `redis`.
fn sharing(redis: &Redis, setting: &str) -> Gateway {
    strict(&[&format!("limits.store=\"{}\"", redis.url()), setting])
}

/// Whether a request passes.
async fn passes(gateway: &Gateway) -> bool {
    match gateway.get("/health/live").await.status {
        200 => true,
        429 => false,
        status => panic!("{status}"),
    }
}

/// Asks until that is refused, so often at most.
async fn use_up(gateway: &Gateway, most: usize) -> usize {
    for passed in 0..most {
        if !passes(gateway).await {
            return passed;
        }
    }
    most
}

/// How the health says that limits are.
async fn component(gateway: &Gateway) -> serde_json::Value {
    let health = gateway.get("/health").await.json();
    health["components"]["limits"].clone()
}

#[tokio::test]
async fn what_one_node_lets_pass_the_other_knows() {
    let redis = Redis::start();
    for window in ["sliding", "bucket"] {
        let most = 200;
        let setting = format!(
            "limits.requests={{ per_address = \"{most}/day\", burst = {most}, window = \"{window}\" }}"
        );
        let (one, two) = (sharing(&redis, &setting), sharing(&redis, &setting));
        assert_eq!(use_up(&one, most + 1).await, most);
        let more = use_up(&two, most).await;
        assert!(more < most / 2, "{more} more, until it has heard of the others");
        assert!(!passes(&one).await && !passes(&two).await);
    }
}

#[tokio::test]
async fn the_rate_of_two_nodes_is_the_rate_and_at_most_a_burst_more() {
    const RATE: f64 = 200.0;
    const BURST: f64 = 50.0;
    let redis = Redis::start();
    for window in ["sliding", "bucket"] {
        let setting = format!(
            "limits.requests={{ per_address = \"{RATE}/s\", burst = {BURST}, window = \"{window}\" }}"
        );
        let (one, two) = (sharing(&redis, &setting), sharing(&redis, &setting));
        let begun = Instant::now();
        let ask = async |gateway: &Gateway| {
            let mut passed = 0.0;
            while begun.elapsed() < Duration::from_secs(2) {
                passed += f64::from(u8::from(passes(gateway).await));
            }
            passed
        };
        let (first, second) = tokio::join!(ask(&one), ask(&two));
        let (passed, time) = (first + second, begun.elapsed().as_secs_f64());
        // The documented bound, with a tenth of a second for what is let pass between two exchanges.
        let most = RATE * (time + 0.1) + 2.0 * BURST;
        assert!(passed <= most, "{window}: {first} and {second} in {time} s, {most} may be");
        assert!(passed >= RATE * time * 0.9, "{window}: {first} and {second} in {time} s");
    }
}

#[tokio::test]
async fn without_redis_each_node_counts_for_itself_and_says_so_until_it_is_back() {
    const MOST: u32 = 200;
    let redis = Redis::start();
    let port = redis.port();
    let setting = format!("limits.publishes={{ per_room = \"{MOST}/day\", window = \"bucket\" }}");
    let (one, two) = (sharing(&redis, &setting), sharing(&redis, &setting));
    assert_eq!(component(&one).await["status"], "healthy");
    // How many events a room takes until one is refused.
    let taken = async |gateway: &Gateway, room: &str| {
        let event = serde_json::json!({ "room": room, "event_type": "error", "data": {} });
        for taken in 0..=MOST {
            match gateway.post("/api/v1/publish", &event).await.status {
                200 => {}
                429 => return taken,
                status => panic!("{status}"),
            }
        }
        panic!("more than {MOST}")
    };
    drop(redis);
    for gateway in [&one, &two] {
        gateway.reaches(UP, 0.0).await;
        assert_eq!(taken(gateway, "alone").await, MOST, "each has its own");
        while component(gateway).await["status"] != "degraded" {}
        assert_eq!(gateway.log().matches("Redis is gone").count(), 1, "{}", gateway.log());
    }
    let redis = Redis::start_at(port);
    for gateway in [&one, &two] {
        gateway.reaches(UP, 1.0).await;
        while component(gateway).await["status"] != "healthy" {}
    }
    assert_eq!(taken(&one, "together").await, MOST);
    let more = taken(&two, "together").await;
    assert!(more < MOST / 2, "{more} more, until it has heard of the other's");
    drop(redis);
}

#[tokio::test]
async fn a_redis_that_is_not_there_keeps_nobody_from_starting() {
    let nowhere = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let store = format!("limits.store=\"redis://:hush-hush@127.0.0.1:{nowhere}/0\"");
    let gateway = strict(&[&store, "limits.requests={ per_address = \"1000/s\" }"]);
    gateway.reaches(UP, 0.0).await;
    assert_eq!(component(&gateway).await["status"], "degraded");
    assert!(!gateway.log().contains("hush"), "{}", gateway.log());
}
