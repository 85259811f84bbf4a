//! Coming again: from one room's place, or from those of several.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::{Block, EventStream, Gateway};

use crate::{open, options, publish, resuming, start};

/// Publishes the numbers from `first` on, a room after the other, until the task is aborted.
fn flood(gateway: &Gateway, rooms: &'static [&'static str], count: u64) -> tokio::task::JoinHandle<()> {
    let address = gateway.address();
    tokio::spawn(async move {
        for number in 1..=count {
            let room = rooms[number as usize % rooms.len()];
            let event = json!({ "room": room, "event_type": "alert_triggered", "data": { "n": number } });
            let request = testkit::request("POST", "/api/v1/publish", &[], Some(&event.to_string()));
            assert_eq!(testkit::exchange(address, &request).await.status, 200);
        }
    })
}

async fn recovered(gateway: &Gateway, path: &str, id: &str) -> (EventStream, Vec<Value>) {
    let (events, rooms) = EventStream::joined(gateway.address(), path, &resuming(id)).await;
    (events, rooms.into_iter().map(|room| room["recovered"].clone()).collect())
}

#[tokio::test]
async fn a_client_that_comes_again_gets_what_it_has_missed_and_nothing_twice() {
    let gateway = start(options());
    let mut events = open(&gateway, "/events?rooms=k").await;
    publish(&gateway, "k", 1).await;
    publish(&gateway, "k", 2).await;
    assert_eq!(events.next().await.number(), 1);
    let id = events.blocks.last_id.clone();
    drop(events);
    publish(&gateway, "k", 3).await;
    let (mut again, rooms) = EventStream::joined(gateway.address(), "/events?rooms=k", &resuming(&id)).await;
    assert_eq!((&rooms[0]["recovered"], &rooms[0]["offset"]), (&json!(true), &json!(1)));
    assert_eq!(again.block().await.unwrap().id, Some(id.clone()), "who is cut off now has lost nothing");
    publish(&gateway, "k", 4).await;
    for number in 2..=4 {
        assert_eq!(again.next().await.number(), number);
    }
    // A client that cannot set a header; and one that has had no event.
    let path = format!("/events?rooms=k&last_event_id={}", id.replace(':', "%3A"));
    assert_eq!(open(&gateway, &path).await.next().await.number(), 2);
    let mut fresh = EventStream::open(gateway.address(), "/events?rooms=k", &[]).await;
    while fresh.blocks.last_id.is_empty() {
        fresh.block().await.unwrap();
    }
    publish(&gateway, "k", 5).await;
    let (mut again, _) = recovered(&gateway, "/events?rooms=k", &fresh.blocks.last_id).await;
    assert_eq!(again.next().await.number(), 5);
}

#[tokio::test]
async fn what_cannot_be_recovered_is_said_before_anything_else() {
    let gateway = start(options().set("room.0.history.size=2"));
    let mut events = open(&gateway, "/events?rooms=k").await;
    publish(&gateway, "k", 1).await;
    events.next().await;
    let id = events.blocks.last_id.clone();
    for number in 2..=4 {
        publish(&gateway, "k", number).await;
    }
    let elsewhere = id.replacen(|digit| digit != '0', "0", 1);
    for gone in [id, elsewhere] {
        let (_, rooms) = EventStream::joined(gateway.address(), "/events?rooms=k", &resuming(&gone)).await;
        assert_eq!((&rooms[0]["recovered"], &rooms[0]["offset"]), (&json!(false), &json!(4)), "{gone}");
    }
    let (mut again, _) = recovered(&gateway, "/events?rooms=k", "gone").await;
    publish(&gateway, "k", 5).await;
    assert_eq!(again.next().await.number(), 5, "events go on");
    let (_, rooms) = recovered(&gateway, "/events?rooms=k", &again.blocks.last_id).await;
    assert_eq!(rooms, [json!(true)], "and from there on nothing is missing");
}

#[tokio::test]
async fn an_id_that_was_never_given_recovers_nothing() {
    let gateway = start(options());
    publish(&gateway, "k", 1).await;
    for id in ["not one of ours", "1", "0000000000000001:1@00000000,x", &"9".repeat(4000)] {
        let (_, rooms) = recovered(&gateway, "/events?rooms=k,r", id).await;
        assert_eq!(rooms, [json!(false), Value::Null], "{id}");
    }
    let (_, rooms) = recovered(&gateway, "/events?rooms=k", "").await;
    assert_eq!(rooms, [Value::Null], "an empty one is none");
}

#[tokio::test]
async fn with_several_rooms_events_have_no_id_and_all_cursors_follow() {
    let gateway = start(options());
    let mut events = open(&gateway, "/events?rooms=k1,k2,r").await;
    while events.blocks.last_id.is_empty() {
        events.block().await.unwrap();
    }
    let mut ids = vec![events.blocks.last_id.clone()];
    for (number, room) in [(1, "k1"), (2, "k2"), (3, "k1")] {
        publish(&gateway, room, number).await;
        let event = events.block().await.unwrap();
        assert_eq!((event.number(), &event.id), (number, &None), "{event:?}");
        let behind = events.block().await.unwrap();
        let id = behind.id.clone().unwrap();
        assert_eq!(behind, Block { id: Some(id.clone()), ..Block::default() }, "an id and nothing else");
        assert!(id.len() < 4096 && id.split(',').count() == 2, "{id}");
        ids.push(id);
    }
    publish(&gateway, "r", 4).await;
    let event = events.block().await.unwrap();
    assert_eq!((event.number(), event.id), (4, None));
    drop(events);
    for (had, wanted) in [(3, &[][..]), (2, &[3]), (1, &[3, 2]), (0, &[1, 3, 2])] {
        let (mut again, rooms) = recovered(&gateway, "/events?rooms=k1,k2,r", &ids[had]).await;
        assert_eq!(rooms, [json!(true), json!(true), Value::Null]);
        let mut got = Vec::new();
        for _ in wanted {
            got.push(again.next().await.number());
        }
        assert_eq!(got, wanted, "room by room, each in its order");
        publish(&gateway, "r", 9).await;
        assert_eq!(again.next().await.number(), 9, "and nothing else");
    }
}

#[tokio::test]
async fn a_room_more_and_another_order_lose_no_place() {
    let gateway = start(options());
    let mut events = open(&gateway, "/events?rooms=k1").await;
    publish(&gateway, "k1", 1).await;
    events.next().await;
    let id = events.blocks.last_id.clone();
    publish(&gateway, "k1", 2).await;
    publish(&gateway, "k2", 3).await;
    let (mut again, rooms) = recovered(&gateway, "/events?rooms=k2,k1", &id).await;
    assert_eq!(rooms, [Value::Null, json!(true)], "of the new room nothing was known, and nothing is lost");
    assert_eq!(again.next().await.number(), 2);
}

#[tokio::test]
async fn events_of_a_room_that_the_server_adds_do_not_hide_where_the_first_is() {
    let gateway = start(options());
    let mut events = open(&gateway, "/events?rooms=k1&client_id=c").await;
    publish(&gateway, "k1", 1).await;
    events.next().await;
    let put = gateway.post("/api/v1/sessions/c/rooms", &json!({ "room": "k2" })).await;
    assert!(put.status < 300, "{put:?}");
    publish(&gateway, "k2", 2).await;
    assert_eq!(events.next().await.number(), 2);
    events.block().await.unwrap();
    publish(&gateway, "k1", 3).await;
    let (mut again, rooms) = recovered(&gateway, "/events?rooms=k1", &events.blocks.last_id).await;
    assert_eq!(rooms, [json!(true)]);
    assert_eq!(again.next().await.number(), 3);
}

#[tokio::test]
async fn under_load_a_client_that_is_cut_off_and_comes_again_loses_nothing() {
    const EVENTS: u64 = 600;
    for (path, rooms) in [("/events?rooms=k1", &["k1"][..]), ("/events?rooms=k1,k2,k3", &["k1", "k2", "k3"])]
    {
        let gateway = start(options());
        let mut events = EventStream::open(gateway.address(), path, &[]).await;
        let publisher = flood(&gateway, rooms, EVENTS);
        // By room, the last number that the client has.
        let mut last = vec![0; rooms.len()];
        let mut doubles = 0;
        let mut round = 0;
        while last.iter().max() < Some(&EVENTS) || last.iter().sum::<u64>() < EVENTS {
            let wanted = 5 + round % 37;
            round += 1;
            for _ in 0..wanted {
                let block = events.next().await;
                match block.event.as_deref() {
                    Some("joined") => assert_ne!(block.json()["recovered"], false),
                    Some("alert_triggered") => {
                        let (number, step) = (block.number(), rooms.len() as u64);
                        let before = &mut last[(number % step) as usize];
                        if number <= *before {
                            doubles += 1;
                            assert!(step > 1, "{number} came twice");
                        } else {
                            let next = if *before == 0 { (number - 1) % step + 1 } else { *before + step };
                            assert_eq!(number, next, "events are missing");
                            *before = number;
                        }
                    }
                    _ => {}
                }
                if last.iter().sum::<u64>() >= total(EVENTS, rooms.len()) {
                    break;
                }
            }
            if last.iter().sum::<u64>() >= total(EVENTS, rooms.len()) {
                break;
            }
            let id = events.blocks.last_id.clone();
            drop(events);
            events = EventStream::open(gateway.address(), path, &resuming(&id)).await;
        }
        publisher.await.unwrap();
        assert!(doubles <= EVENTS, "{doubles}");
    }
}

/// The sum of the last numbers of all rooms.
fn total(events: u64, rooms: usize) -> u64 {
    (0..rooms as u64).map(|room| events - room).sum()
}

#[tokio::test]
async fn a_durable_room_is_resumed_behind_a_kill() {
    let durable = || options().set("room.0.history.durable=true").set("room.0.history.fsync=os");
    let folder = tempfile::tempdir().unwrap();
    let gateway = start(durable().data(folder.path()));
    let mut events = open(&gateway, "/events?rooms=k1,k2").await;
    for number in 1..=3 {
        publish(&gateway, if number == 2 { "k2" } else { "k1" }, number).await;
    }
    assert_eq!(events.next().await.number(), 1);
    let id = loop {
        if let Some(id) = events.block().await.unwrap().id {
            break id;
        }
    };
    gateway.kill();
    let gateway = start(durable().data(folder.path()));
    let (mut again, rooms) = recovered(&gateway, "/events?rooms=k1,k2", &id).await;
    assert_eq!(rooms, [json!(true), json!(true)]);
    let mut numbers = vec![again.next().await.number(), again.next().await.number()];
    numbers.sort_unstable();
    assert!(numbers.ends_with(&[3]) && numbers[0] >= 2, "{numbers:?}");
}

#[tokio::test]
async fn a_history_that_is_longer_than_a_backlog_is_read_to_its_end() {
    let bounds = options().set("limits.backlog_per_session=\"64 KiB\"").set("limits.message=\"16 KiB\"");
    let gateway = start(bounds);
    let mut first = Vec::new();
    for room in ["k1", "k2", "k3"] {
        let text = "x".repeat(4000);
        for number in 1..=60 {
            let data = json!({ "n": number, "text": text });
            let event = json!({ "room": room, "event_type": "alert_triggered", "data": data });
            let placed = gateway.post("/api/v1/publish", &event).await.json();
            if number == 1 {
                first.push(placed["epoch"].as_str().unwrap().to_owned());
            }
        }
    }
    let mut fresh = EventStream::open(gateway.address(), "/events?rooms=k1,k2,k3", &[]).await;
    while fresh.blocks.last_id.is_empty() {
        fresh.block().await.unwrap();
    }
    let start = fresh.blocks.last_id.replace(":60@", ":0@");
    let (mut events, rooms) = recovered(&gateway, "/events?rooms=k1,k2,k3", &start).await;
    assert_eq!(rooms, [json!(true), json!(true), json!(true)]);
    let mut last = std::collections::BTreeMap::<String, u64>::new();
    for _ in 0..180 {
        let event = events.next().await;
        let room = event.json()["room"].as_str().unwrap().to_owned();
        let before = last.entry(room).or_default();
        assert_eq!(event.number(), *before + 1);
        *before += 1;
    }
    assert!(last.values().all(|last| *last == 60), "{last:?}");
}

#[tokio::test]
async fn what_a_filter_keeps_back_moves_a_client_on_as_well() {
    let endpoint = r#"endpoint=[{path="/e",transport="sse",heartbeat={interval="250ms",timeout="1s"}}]"#;
    let gateway = start(options().set(endpoint).set("room.0.history.size=2"));
    let mut events = open(&gateway, "/e?rooms=k&types=health_changed").await;
    while events.blocks.last_id.is_empty() {
        events.block().await.unwrap();
    }
    let before = events.blocks.last_id.clone();
    for number in 1..=5 {
        publish(&gateway, "k", number).await;
    }
    let moved = tokio::time::timeout(Duration::from_secs(20), async {
        while !events.blocks.last_id.contains(":5@") {
            events.block().await.unwrap();
        }
    });
    moved.await.expect("it stays where it was");
    assert_ne!(before, events.blocks.last_id);
    let (_, rooms) = recovered(&gateway, "/e?rooms=k&types=health_changed", &events.blocks.last_id).await;
    assert_eq!(rooms, [json!(true)]);
}
