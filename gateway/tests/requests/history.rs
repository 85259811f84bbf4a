//! What a room keeps of its events, for who asks without joining.

use serde_json::{Value, json};
use testkit::{Gateway, Socket};

use crate::{gateway, publish, refusal, session, start};

async fn ask(client: &mut Socket, room: &str, data: &Value) -> Value {
    let reply = client.ask(&json!({ "action": "history", "room": room, "data": data })).await;
    assert_eq!(reply["message"], format!("History of room '{room}'"), "{reply}");
    assert_eq!(reply["success"], true);
    reply["data"].clone()
}

fn numbers(page: &Value) -> Vec<u64> {
    page["events"].as_array().unwrap().iter().map(|event| event["data"]["n"].as_u64().unwrap()).collect()
}

/// Eight events, of which 4 to 8 are kept.
async fn eight(gateway: &Gateway) -> Socket {
    let mut client = session(gateway).await;
    for number in 1..=8 {
        publish(&mut client, "h:r", "alert_triggered", number).await;
    }
    client
}

#[tokio::test]
async fn all_that_is_kept_is_told_as_members_got_it() {
    let gateway = gateway();
    let mut client = session(&gateway).await;
    client.ask(&json!({ "action": "join", "room": "h:r" })).await;
    let data = json!({ "event_type": "alert_triggered", "data": { "a": [1.50, "ä"] }, "key": "k" });
    let request = json!({ "action": "publish", "room": "h:r", "data": data });
    client.send(&request).await;
    let (mut event, mut place) = (Value::Null, Value::Null);
    for _ in 0..2 {
        let next = client.next().await;
        let kind = if next["success"].is_null() { &mut event } else { &mut place };
        *kind = next;
    }
    let page = ask(&mut client, "h:r", &Value::Null).await;
    let expected = json!({ "epoch": place["data"]["epoch"], "offset": 1, "events": [event] });
    assert_eq!(page, expected);
    let keys: Vec<_> = page["events"][0].as_object().unwrap().keys().collect();
    assert_eq!(keys.len(), 8, "{keys:?}");
    let over_http = gateway.get("/api/v1/rooms/h%3Ar/history").await;
    assert_eq!((over_http.status, over_http.json()), (200, expected));
    assert_eq!(over_http.header("content-type"), Some("application/json"));
}

#[tokio::test]
async fn a_page_has_what_came_after_a_cursor_the_oldest_or_the_newest_first() {
    let gateway = gateway();
    let mut client = eight(&gateway).await;
    let epoch = ask(&mut client, "h:r", &Value::Null).await["epoch"].clone();
    let at = |offset: u64| json!({ "epoch": epoch, "offset": offset });
    for (data, expected, more) in [
        (json!(null), vec![4, 5, 6, 7, 8], false),
        (json!({ "since": "start" }), vec![4, 5, 6, 7, 8], false),
        (json!({ "limit": 2 }), vec![4, 5], true),
        (json!({ "limit": 5 }), vec![4, 5, 6, 7, 8], false),
        (json!({ "reverse": true }), vec![8, 7, 6, 5, 4], false),
        (json!({ "reverse": true, "limit": 2 }), vec![8, 7], true),
        (json!({ "reverse": true, "limit": 5 }), vec![8, 7, 6, 5, 4], false),
        (json!({ "since": at(3) }), vec![4, 5, 6, 7, 8], false),
        (json!({ "since": at(5) }), vec![6, 7, 8], false),
        (json!({ "since": at(5), "limit": 1 }), vec![6], true),
        (json!({ "since": at(5), "reverse": true }), vec![8, 7, 6], false),
        (json!({ "since": at(5), "reverse": true, "limit": 3 }), vec![8, 7, 6], false),
        (json!({ "since": at(5), "reverse": true, "limit": 2 }), vec![8, 7], true),
        (json!({ "since": at(8) }), vec![], false),
        (json!({ "since": at(8), "reverse": true }), vec![], false),
    ] {
        let page = ask(&mut client, "h:r", &data).await;
        assert_eq!((numbers(&page), &page["offset"]), (expected, &json!(8)), "{data}");
        assert_eq!(page["more"].as_bool(), more.then_some(true), "{data}");
        let recovered = data["since"].is_object().then_some(true);
        assert_eq!(page["recovered"].as_bool(), recovered, "{data}");
    }
    let path = format!("/api/v1/rooms/h:r/history?epoch={}&offset=5&limit=2", epoch.as_str().unwrap());
    let page = gateway.get(&path).await.json();
    assert_eq!((numbers(&page), &page["more"], &page["recovered"]), (vec![6, 7], &json!(true), &json!(true)));
    let page = gateway.get("/api/v1/rooms/h:r/history?offset=6").await.json();
    assert_eq!((numbers(&page), &page["recovered"]), (vec![7, 8], &json!(true)), "of the present epoch");
    let page = gateway.get("/api/v1/rooms/h:r/history?limit=2&reverse=true").await.json();
    assert_eq!(numbers(&page), [8, 7]);
}

#[tokio::test]
async fn what_is_gone_is_said_and_never_hidden_behind_what_is_there() {
    let gateway = gateway();
    let mut client = eight(&gateway).await;
    let epoch = ask(&mut client, "h:r", &Value::Null).await["epoch"].clone();
    let elsewhere = json!("ffffffffffffffff");
    for reverse in [false, true] {
        for (epoch, offset) in
            [(&epoch, 2), (&epoch, 0), (&epoch, 9), (&elsewhere, 8), (&json!("no epoch"), 8)]
        {
            let data =
                json!({ "since": { "epoch": epoch, "offset": offset }, "reverse": reverse, "limit": 2 });
            let page = ask(&mut client, "h:r", &data).await;
            assert_eq!((&page["recovered"], &page["events"]), (&json!(false), &json!([])), "{data}");
            assert_eq!(page["offset"], 8);
        }
    }
    // A room that nobody has been in yet, but that would keep its events.
    let data = json!({ "since": { "epoch": epoch, "offset": 1 } });
    for (data, recovered) in [(&Value::Null, None), (&data, Some(false))] {
        let page = ask(&mut client, "h:new", data).await;
        assert_eq!((&page["offset"], &page["events"]), (&json!(0), &json!([])));
        assert_eq!(page["recovered"].as_bool(), recovered);
    }
    assert_eq!(gateway.get("/api/v1/rooms/h:new").await.status, 404, "reading has not made it");
}

#[tokio::test]
async fn who_cannot_be_answered_is_told_why() {
    let gateway = gateway();
    let mut client = eight(&gateway).await;
    client.ask(&json!({ "action": "join", "room": "plain" })).await;
    let name = "x".repeat(201);
    for (room, message) in [
        (Value::Null, "Room name is required"),
        (json!(""), "Room name is required"),
        (json!("plain"), "This room keeps no history"),
        (json!("nowhere"), "This room keeps no history"),
        (json!("closed:a"), "Not allowed to read what this room keeps"),
        (json!("role:x"), "Not allowed to read what this room keeps"),
        (json!(name), "A room's name is 1 to 200 bytes without control characters"),
    ] {
        let reply = client.ask(&json!({ "action": "history", "room": room })).await;
        assert_eq!(reply, refusal(message), "{room}");
    }
    for room in ["plain", "nowhere"] {
        let answer = gateway.get(&format!("/api/v1/rooms/{room}/history")).await;
        assert_eq!((answer.status, &answer.json()["detail"]), (404, &json!("this room keeps no history")));
    }
    for query in ["limit=0", "limit=1001", "reverse=1", "offset=-1", "epoch=a&offset=x"] {
        let answer = gateway.get(&format!("/api/v1/rooms/h:r/history?{query}")).await;
        assert_eq!((answer.status, answer.json()["errors"][0]["loc"][0] == "query"), (422, true), "{query}");
    }
}

#[tokio::test]
async fn a_page_is_bounded_in_bytes_and_goes_on_where_it_ended() {
    let gateway = start("room=[{prefix=\"h:\",history={size=1000,ttl=\"1h\"}}]");
    let mut client = session(&gateway).await;
    let text = "x".repeat(60_000);
    for number in 1..=30 {
        let data = json!({ "event_type": "alert_triggered", "data": { "n": number, "text": text } });
        client.ask(&json!({ "action": "publish", "room": "h:r", "data": data })).await;
    }
    let (mut seen, mut since) = (Vec::new(), json!("start"));
    loop {
        let page = ask(&mut client, "h:r", &json!({ "since": since })).await;
        assert!(page["events"].to_string().len() <= 1024 * 1024);
        seen.extend(numbers(&page));
        let last = &page["events"].as_array().unwrap().last().unwrap();
        since = json!({ "epoch": last["epoch"], "offset": last["offset"] });
        if page["more"].is_null() {
            break;
        }
    }
    assert_eq!(seen, (1..=30).collect::<Vec<_>>());
    let newest = ask(&mut client, "h:r", &json!({ "reverse": true })).await;
    let newest = (numbers(&newest), newest["more"].clone());
    assert!((5..=17).contains(&newest.0.len()), "{newest:?}");
    assert_eq!(newest.0, (1..=30).rev().take(newest.0.len()).collect::<Vec<_>>());
    assert_eq!(newest.1, true);
    let page = gateway.get("/api/v1/rooms/h:r/history").await.json();
    assert_eq!(numbers(&page), (1..=17).collect::<Vec<_>>(), "a mebibyte");
}

#[tokio::test]
async fn requests_are_answered_in_order_and_with_their_ids() {
    let gateway = gateway();
    let mut client = eight(&gateway).await;
    for id in 0..20 {
        let action = if id % 2 == 0 { "history" } else { "ping" };
        client.send(&json!({ "action": action, "room": "h:r", "id": id })).await;
    }
    for id in 0..20 {
        assert_eq!(client.next().await["id"], id);
    }
}
