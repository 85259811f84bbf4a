//! The source of events that the guide shows: a queue listener, against a real Redis whose network is cut.
#![allow(clippy::unwrap_used, reason = "tests say what they expect by panicking, their helpers too")]
#![cfg(not(miri))]

#[path = "guide/queue.rs"]
#[allow(unreachable_pub, missing_docs, reason = "as a reader would write it")]
#[rustfmt::skip]
mod tidegate_orders;

use tidegate_plugin::Status;

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::{Cable, Redis};
use tidegate_orders::Orders;
use tidegate_plugin::testing::{StoreContent, TestHost};

/// Starts the plugin with a Redis at that port.
fn start(port: u16, store: StoreContent) -> TestHost {
    let config = json!({ "url": format!("redis://127.0.0.1:{port}/0"), "patience_ms": 400 });
    TestHost::of::<Orders>().config(config).store(store).start().unwrap()
}

/// Puts an order into the stream; answers its id there.
fn place(redis: &Redis, order: &str) -> String {
    let mut connection = redis::Client::open(redis.url()).unwrap().get_connection().unwrap();
    redis::cmd("XADD").arg(&["orders", "*", "order", order]).query(&mut connection).unwrap()
}

fn placed(number: usize) -> String {
    json!({ "order_id": format!("o{number}"), "total": 1.5 }).to_string()
}

/// The orders that were published, in order.
fn orders(host: &TestHost, count: usize) -> Vec<Value> {
    let events = host.wait_for_events(count);
    events.iter().map(|event| event.data["order_id"].clone()).collect()
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(10), "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn cursor(host: &TestHost) -> Option<Value> {
    host.stored().get("cursor").map(|json| serde_json::from_slice(json).unwrap())
}

#[test]
fn the_cursor_moves_once_an_event_is_safe_and_another_start_goes_on_from_there() {
    let redis = Redis::start();
    let host = start(redis.port(), StoreContent::default());
    host.hold_commits(true);
    let first = place(&redis, &placed(1));
    assert_eq!(orders(&host, 1), ["o1"]);
    assert_eq!(cursor(&host), None, "not safe yet");
    host.hold_commits(false);
    wait_until("the cursor moves", || cursor(&host) == Some(json!(first)));
    let stopped = host.stop();
    place(&redis, &placed(2));
    let host = start(redis.port(), stopped.store);
    assert_eq!(orders(&host, 1), ["o2"]);
    host.stop();
}

#[test]
fn what_was_lost_is_read_again_and_published_once() {
    let redis = Redis::start();
    let host = start(redis.port(), StoreContent::default());
    host.lose_commits(Status::INTERNAL);
    let id = place(&redis, &placed(1));
    let _lost = host.wait_for_events(1);
    assert_eq!(cursor(&host), None);
    host.lose_commits(Status::OK);
    wait_until("it is safe", || cursor(&host) == Some(json!(id)));
    let events = host.events();
    assert!(events.iter().all(|event| event.id == id && event.origin == id), "{events:?}");
    host.stop();
}

#[test]
fn it_waits_while_the_gateway_is_busy_and_loses_nothing() {
    let redis = Redis::start();
    (0..250).for_each(|number| drop(place(&redis, &placed(number))));
    let host = start(redis.port(), StoreContent::default());
    host.refuse_publishes(20, 3);
    let expected: Vec<_> = (0..250).map(|number| format!("o{number}")).collect();
    assert_eq!(orders(&host, 250), expected);
    host.stop();
}

#[test]
fn it_connects_again_after_a_reset_and_after_a_silence() {
    let redis = Redis::start();
    let cable = Cable::to(redis.port());
    let host = start(cable.port(), StoreContent::default());
    let is = |status: &'static str| move |host: &TestHost| host.health()["status"] == status;
    let mut number = 0;
    for cut in [Cable::sever, Cable::silence] {
        wait_until("it is connected", || is("healthy")(&host));
        cut(&cable);
        wait_until("the cut is noticed", || is("unhealthy")(&host));
        number += 1;
        place(&redis, &placed(number));
        cable.mend();
        assert_eq!(orders(&host, number).pop(), Some(json!(format!("o{number}"))));
    }
    host.stop();
}

#[test]
fn what_does_not_fit_the_schema_is_told_and_passed_over() {
    let redis = Redis::start();
    place(&redis, "no JSON");
    place(&redis, r#"{ "order_id": "", "total": 1 }"#);
    let last = place(&redis, &placed(3));
    let host = start(redis.port(), StoreContent::default());
    assert_eq!(orders(&host, 1), ["o3"]);
    wait_until("the cursor moves", || cursor(&host) == Some(json!(last)));
    let told: Vec<_> =
        host.log().into_iter().filter(|line| line.message.starts_with("passed over")).collect();
    assert!(told.len() == 2 && told[1].message.contains("order_id"), "{told:?}");
    host.stop();
}

#[test]
fn one_that_rests_takes_nothing_until_it_goes_on() {
    let redis = Redis::start();
    let host = start(redis.port(), StoreContent::default());
    place(&redis, &placed(1));
    assert_eq!(orders(&host, 1), ["o1"]);
    wait_until("it is safe", || cursor(&host).is_some());
    assert!(host.pause().is_some());
    let id = place(&redis, &placed(2));
    assert_ne!(cursor(&host), Some(json!(id)));
    assert_eq!(host.unpause(), Status::OK);
    assert_eq!(orders(&host, 2), ["o1", "o2"]);
    host.stop();
}
