//! Clients that read too slowly: each room's policy holds, and nothing is missing that is not said.

use serde_json::json;
use testkit::{Block, EventStream, Gateway};

use crate::{options, resuming, start};

const EVENTS: u64 = 1500;
/// Bytes of an event's data, more or less.
const SIZE: usize = 8000;

fn gateway(policy: &str) -> Gateway {
    let rule = format!(r#"room=[{{prefix="k",slow="{policy}",history={{size=5000,ttl="10m"}}}}]"#);
    start(options().set(&rule).set("limits.backlog_per_session=\"64 KiB\"").set("limits.message=\"32 KiB\""))
}

/// A client in `rooms` that takes little at a time.
async fn narrow(gateway: &Gateway, rooms: &str) -> EventStream {
    let path = format!("/events?rooms={rooms}");
    let mut events = EventStream::open_with(gateway.address(), &path, &[], Some(4096)).await;
    events.greeting().await;
    events
}

/// One that reads nothing while all events are published.
async fn behind(gateway: &Gateway, rooms: &str) -> EventStream {
    let events = narrow(gateway, rooms).await;
    for number in 1..=EVENTS {
        publish(gateway, number).await;
    }
    events
}

async fn publish(gateway: &Gateway, number: u64) {
    let data = json!({ "n": number, "text": "x".repeat(SIZE) });
    let event = json!({ "room": "k1", "event_type": "alert_triggered", "key": "one", "data": data });
    assert_eq!(gateway.post("/api/v1/publish", &event).await.status, 200);
}

/// Reads up to the last event. Answers how many came, and how many gaps said were missing; what is neither fails.
async fn read(events: &mut EventStream) -> (u64, u64) {
    let (mut last, mut got, mut missing) = (0, 0, 0);
    while last < EVENTS {
        let block = events.next().await;
        let data = block.json()["data"].clone();
        match block.event.as_deref() {
            Some("gap") => {
                missing += data["count"].as_u64().unwrap();
                assert_eq!(block.id, None, "a client that is cut off here gets them when it comes again");
            }
            Some("alert_triggered") => {
                got += 1;
                last = block.number();
            }
            other => panic!("{other:?}"),
        }
    }
    (got, missing)
}

#[tokio::test]
async fn disconnect_says_so_and_what_was_not_sent_is_there_again() {
    let gateway = gateway("disconnect");
    let mut events = narrow(&gateway, "k1").await;
    let mut published = 0;
    // Not much longer: a client that is to go has a moment to hear why.
    while published % 16 > 0 || gateway.metric("tidegate_slow_closes_total").await < 1.0 {
        published += 1;
        publish(&gateway, published).await;
    }
    let mut last = 0;
    loop {
        let block = events.next().await;
        if block.event.as_deref() == Some("disconnected") {
            let said = &block.json()["data"];
            assert_eq!((&said["code"], &said["reason"]), (&json!(1013), &json!("slow consumer")));
            break;
        }
        last += 1;
        assert_eq!(block.number(), last);
    }
    assert_eq!(events.block().await, None);
    assert!(last < published, "all of it fits between the two");
    let id = events.blocks.last_id.clone();
    let (mut again, rooms) = EventStream::joined(gateway.address(), "/events?rooms=k1", &resuming(&id)).await;
    assert_eq!(rooms[0]["recovered"], true);
    for number in last + 1..=published {
        assert_eq!(again.next().await.number(), number);
    }
}

#[tokio::test]
async fn what_is_dropped_is_said_where_it_is_missing() {
    for (policy, rooms) in [("drop_oldest", "k1"), ("drop_oldest", "k1,k2"), ("latest", "k1,k2")] {
        let gateway = gateway(policy);
        let mut events = behind(&gateway, rooms).await;
        let (got, missing) = read(&mut events).await;
        assert!(missing > 0, "{policy}: all of it fits between the two");
        assert_eq!(got + missing, EVENTS, "{policy} {rooms}");
    }
}

#[tokio::test]
async fn catch_up_reads_all_of_it_again() {
    for rooms in ["k1", "k1,k2"] {
        let gateway = gateway("catch_up");
        let mut events = behind(&gateway, rooms).await;
        for number in 1..=EVENTS {
            let block = events.next().await;
            assert_eq!((block.event.as_deref(), block.number()), (Some("alert_triggered"), number));
        }
    }
}

/// With several rooms: wherever a client that is slow is cut off, it has an id from which nothing is missing, and one that
/// is not far behind what it has.
#[tokio::test]
async fn a_slow_client_is_told_how_far_it_has_got_though_it_is_never_up_to_date() {
    for policy in ["drop_oldest", "catch_up"] {
        let gateway = gateway(policy);
        let mut events = behind(&gateway, "k1,k2").await;
        let (mut last, mut told, mut ids) = (0, 0, 0);
        while last < EVENTS / 4 {
            let block: Block = events.block().await.unwrap();
            if let Some(id) = &block.id {
                ids += 1;
                let first = id.split(':').nth(1).unwrap().split('@').next().unwrap();
                told = first.parse::<u64>().unwrap();
                assert!(told <= last, "{told} is told, and {last} was the last that came");
            } else if block.event.as_deref() == Some("alert_triggered") {
                last = block.number();
            }
            if policy == "drop_oldest" && block.event.as_deref() == Some("gap") {
                break;
            }
        }
        assert!(ids > 3 && last - told < 64, "{policy}: {ids} ids, the last at {told}, {last} events");
    }
}
