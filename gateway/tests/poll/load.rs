//! Many that poll while events come.

use serde_json::json;
use testkit::{exchange, request};
use tokio::task::JoinSet;

use crate::{cursor, numbers, options, poll, start};

const READERS: usize = 60;
const EVENTS: u64 = 120;

#[tokio::test]
async fn nobody_loses_an_event_and_nobody_gets_one_twice() {
    let gateway = start(options());
    let first = cursor(&poll(&gateway, "rooms=k1,k2").await).to_owned();
    let address = gateway.address();
    let mut readers = JoinSet::new();
    for _ in 0..READERS {
        let mut cursor = first.clone();
        readers.spawn(async move {
            let mut got = Vec::new();
            while got.len() < EVENTS as usize {
                let path = format!("/poll?rooms=k1,k2&cursor={cursor}");
                let answer = exchange(address, &request("GET", &path, &[], None)).await.json();
                assert_eq!(answer["recovered"], true);
                got.extend(numbers(&answer));
                cursor = crate::cursor(&answer).to_owned();
            }
            got
        });
    }
    for number in 1..=EVENTS {
        let room = if number % 2 == 0 { "k2" } else { "k1" };
        let event = json!({ "room": room, "event_type": "alert_triggered", "data": { "n": number } });
        assert_eq!(gateway.post("/api/v1/publish", &event).await.status, 200);
    }
    while let Some(got) = readers.join_next().await {
        let got = got.unwrap();
        for odd in [0, 1] {
            let one: Vec<u64> = got.iter().copied().filter(|number| number % 2 == odd).collect();
            let all: Vec<u64> = (1..=EVENTS).filter(|number| number % 2 == odd).collect();
            assert_eq!(one, all);
        }
        assert_eq!(got.len() as u64, EVENTS);
    }
}
