//! Members are told who comes and leaves, where the room's rule says so: live, put together where they are many, and
//! exact when a client dies.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

#[path = "presence/slow.rs"]
mod slow;

use std::collections::BTreeSet;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use testkit::{Gateway, Options, Socket};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tidegate");
const ROOMS: &str = "room=[{presence=\"anyone\"},{prefix=\"live:\",presence=\"anyone\",join_leave=true},
    {prefix=\"kept:\",join_leave=true,history={size=3,ttl=\"1h\"},cache=\"last\"}]";

fn options() -> Options {
    let rooms: String = ROOMS.split('\n').map(str::trim).collect();
    Options::new().set("shards=2").set(&rooms)
}

async fn member(gateway: &Gateway, id: &str, room: &str, data: &Value) -> Socket {
    let mut client = gateway.connect(&format!("/ws?client_id={id}")).await;
    assert_eq!(client.next().await["event_type"], "connected");
    let reply = client.ask(&json!({ "action": "join", "room": room, "data": data })).await;
    assert_eq!(reply["success"], true, "{reply}");
    client
}

/// The next event, which is of that type and of the room, without what is the same in all.
async fn told(client: &mut Socket, kind: &str) -> Value {
    let event = client.next().await;
    assert_eq!((&event["event_type"], &event["source"]), (&json!(kind), &json!("gateway")), "{event}");
    assert_eq!(event["data"]["room"], event["room"]);
    assert_eq!((event.get("epoch"), event.get("offset")), (None, None), "it has no place in a history");
    event["data"].clone()
}

async fn count(client: &mut Socket, room: &str) -> u64 {
    let request = json!({ "action": "presence", "room": room, "data": { "limit": 0 } });
    let reply = client.ask(&request).await;
    assert_eq!(reply["data"]["members"], json!([]), "a number, and no list");
    reply["data"]["count"].as_u64().unwrap()
}

#[tokio::test]
async fn members_are_told_who_comes_and_leaves_and_what_they_say_of_themselves() {
    let gateway = options().start(PROGRAM);
    let mut ada = member(&gateway, "ada", "live:r", &Value::Null).await;
    let own = told(&mut ada, "member_joined").await;
    let expected = json!({ "room": "live:r", "connection_id": "ada", "user_id": null, "info": null, "first": true,
                           "count": 1 });
    assert_eq!(own, expected, "it is told of itself");

    let mut bob = member(&gateway, "bob", "live:r", &json!({ "info": { "name": "Bob" } })).await;
    for client in [&mut ada, &mut bob] {
        let came = told(client, "member_joined").await;
        assert_eq!((&came["connection_id"], &came["count"]), (&json!("bob"), &json!(2)));
        assert_eq!(came["info"], json!({ "name": "Bob" }));
    }
    let listed = ada.ask(&json!({ "action": "presence", "room": "live:r" })).await["data"].clone();
    assert!(listed["members"].as_array().unwrap().iter().any(|one| one["info"]["name"] == "Bob"), "{listed}");

    // What it says when it joins once more takes the place of that.
    let again = json!({ "action": "join", "room": "live:r", "data": { "info": { "name": "Robert" } } });
    assert_eq!(bob.ask(&again).await["success"], true);
    for client in [&mut ada, &mut bob] {
        let came = told(client, "member_joined").await;
        assert_eq!(
            (&came["info"]["name"], &came["first"], &came["count"]),
            (&json!("Robert"), &json!(false), &json!(2))
        );
    }
    bob.ask(&json!({ "action": "leave", "room": "live:r" })).await;
    let left = told(&mut ada, "member_left").await;
    let expected = json!({ "room": "live:r", "connection_id": "bob", "user_id": null, "info": { "name": "Robert" },
                           "last": true, "count": 1 });
    assert_eq!(left, expected);
    assert_eq!(count(&mut bob, "live:r").await, 1);
}

#[tokio::test]
async fn who_is_put_in_and_taken_out_by_the_api_is_told_of_too() {
    let gateway = options().start(PROGRAM);
    let mut ada = member(&gateway, "ada", "live:r", &Value::Null).await;
    told(&mut ada, "member_joined").await;
    let _bob = member(&gateway, "bob", "elsewhere", &Value::Null).await;
    let path = "/api/v1/sessions/bob/rooms";
    assert_eq!(gateway.post(path, &json!({ "room": "live:r" })).await.status, 200);
    assert_eq!(told(&mut ada, "member_joined").await["connection_id"], "bob");
    assert_eq!(gateway.request("DELETE", &format!("{path}/live:r"), None).await.status, 204);
    assert_eq!(told(&mut ada, "member_left").await["connection_id"], "bob");
}

#[tokio::test]
async fn who_leaves_and_comes_back_within_a_moment_has_not_been_away() {
    let gateway = options().start(PROGRAM);
    let mut ada = member(&gateway, "ada", "live:r", &Value::Null).await;
    told(&mut ada, "member_joined").await;
    let mut bob = member(&gateway, "bob", "live:r", &Value::Null).await;
    told(&mut ada, "member_joined").await;
    told(&mut bob, "member_joined").await;
    for _ in 0..5 {
        bob.send(&json!({ "action": "leave", "room": "live:r" })).await;
        bob.send(&json!({ "action": "join", "room": "live:r" })).await;
    }
    for _ in 0..10 {
        assert_eq!(bob.next().await["success"], true);
    }
    // What is told next is of somebody else.
    let _eve = member(&gateway, "eve", "live:r", &Value::Null).await;
    let mut came = BTreeSet::new();
    for client in [&mut ada, &mut bob] {
        came.insert(told(client, "member_joined").await["connection_id"].as_str().unwrap().to_owned());
    }
    assert_eq!(came, BTreeSet::from(["eve".to_owned()]));
}

#[tokio::test]
async fn many_who_come_within_a_moment_are_one_event_and_those_who_are_named_are_bounded() {
    const MANY: usize = 150;
    let gateway = options().start(PROGRAM);
    let mut ada = member(&gateway, "ada", "live:r", &Value::Null).await;
    told(&mut ada, "member_joined").await;
    let mut clients = Vec::new();
    for number in 0..MANY {
        let mut client = gateway.connect(&format!("/ws?client_id=c{number}")).await;
        client.next().await;
        clients.push(client);
    }
    let mut joins = tokio::task::JoinSet::new();
    for mut client in clients {
        joins.spawn(async move {
            client.send(&json!({ "action": "join", "room": "live:r" })).await;
            client
        });
    }
    let clients = joins.join_all().await;
    let (mut came, mut events) = (0, 0);
    while came < MANY {
        let event = ada.next().await;
        events += 1;
        match event["event_type"].as_str().unwrap() {
            "member_joined" => came += 1,
            "members_changed" => {
                let data = &event["data"];
                let joined = data["joined_count"].as_u64().unwrap() as usize;
                assert_eq!((&data["left_count"], &data["left"]), (&json!(0), &json!([])));
                assert_eq!(data["joined"].as_array().unwrap().len(), joined.min(50));
                assert!(data["joined"][0]["connection_id"].as_str().unwrap().starts_with('c'), "{data}");
                came += joined;
                assert_eq!(data["count"], 1 + came);
            }
            other => panic!("{other}"),
        }
    }
    assert!(came == MANY && events < MANY / 2, "{came} in {events} events");
    assert_eq!(count(&mut ada, "live:r").await, 1 + MANY as u64);
    drop(clients);
    let mut left = 0;
    while left < MANY {
        let event = ada.next().await;
        left += match event["event_type"].as_str().unwrap() {
            "member_left" => 1,
            "members_changed" => event["data"]["left_count"].as_u64().unwrap() as usize,
            other => panic!("{other}"),
        };
    }
    assert_eq!((left, count(&mut ada, "live:r").await), (MANY, 1));
}

#[tokio::test]
async fn what_is_told_of_members_has_no_place_among_the_events_of_the_room() {
    let gateway = options().start(PROGRAM);
    let mut ada = member(&gateway, "ada", "kept:r", &Value::Null).await;
    told(&mut ada, "member_joined").await;
    for number in 1..=3 {
        let event = json!({ "room": "kept:r", "event_type": "alert_triggered", "data": number });
        assert_eq!(gateway.post("/api/v1/publish", &event).await.json()["offset"], number);
        let came = ada.next().await;
        assert_eq!((&came["data"], &came["offset"]), (&json!(number), &json!(number)));
        let _guest = member(&gateway, "guest", "kept:r", &json!({ "last": 0 })).await;
        told(&mut ada, "member_joined").await;
        drop(_guest);
        told(&mut ada, "member_left").await;
    }
    let page = ada.ask(&json!({ "action": "history", "room": "kept:r" })).await["data"].clone();
    let kept: Vec<_> = page["events"].as_array().unwrap().iter().map(|event| event["data"].clone()).collect();
    assert_eq!(kept, [1, 2, 3], "none was pushed out");
    let again = ada.ask(&json!({ "action": "join", "room": "kept:r" })).await;
    assert_eq!(again["data"]["offset"], 3, "where it stands is where the room's events do");
    let mut late = member(&gateway, "late", "kept:r", &Value::Null).await;
    let last = late.next().await;
    assert_eq!(
        (&last["event_type"], &last["data"]),
        (&json!("alert_triggered"), &json!(3)),
        "the cache, too"
    );
}

#[tokio::test]
async fn rooms_without_the_rule_tell_nothing() {
    let gateway = options().start(PROGRAM);
    let mut ada = member(&gateway, "ada", "quiet", &Value::Null).await;
    let mut bob = member(&gateway, "bob", "live:r", &Value::Null).await;
    bob.ask(&json!({ "action": "join", "room": "quiet" })).await;
    // When it is told of itself elsewhere, it would have been told of here.
    told(&mut bob, "member_joined").await;
    assert_eq!(ada.ask(&json!({ "action": "ping" })).await["message"], "pong");
}

/// A client in a process of its own, in the room.
fn process(gateway: &Gateway, id: &str, room: &str) -> Child {
    let url = format!("ws://{}/ws?client_id={id}", gateway.address());
    let mut command = Command::new(PROGRAM);
    command.args(["listen", &url, "--room", room]).stdin(Stdio::piped()).stdout(Stdio::null());
    command.spawn().unwrap()
}

/// Who left, as it is told next.
async fn left(client: &mut Socket) -> Value {
    told(client, "member_left").await
}

#[tokio::test]
async fn a_client_that_is_killed_is_gone_at_once_and_once() {
    let gateway = options().start(PROGRAM);
    let mut ada = member(&gateway, "ada", "live:r", &Value::Null).await;
    told(&mut ada, "member_joined").await;
    let mut client = process(&gateway, "victim", "live:r");
    assert_eq!(told(&mut ada, "member_joined").await["connection_id"], "victim");
    client.kill().unwrap();
    client.wait().unwrap();
    // Its heartbeat would be missed after a minute, for which nothing here waits.
    let gone = left(&mut ada).await;
    assert_eq!((&gone["connection_id"], &gone["count"]), (&json!("victim"), &json!(1)));
    assert_eq!(count(&mut ada, "live:r").await, 1);
    let _next = member(&gateway, "next", "live:r", &Value::Null).await;
    assert_eq!(told(&mut ada, "member_joined").await["connection_id"], "next", "nothing more of it");
}

#[tokio::test]
async fn a_client_that_hangs_is_gone_when_its_heartbeat_is_missed_and_once() {
    let heartbeat = "endpoint.0.heartbeat={interval=\"500ms\",timeout=\"1250ms\"}";
    let gateway = options().set(heartbeat).start(PROGRAM);
    let mut ada = member(&gateway, "ada", "live:r", &Value::Null).await;
    told(&mut ada, "member_joined").await;
    let mut client = process(&gateway, "hanging", "live:r");
    assert_eq!(told(&mut ada, "member_joined").await["connection_id"], "hanging");
    kill_process(Pid::from_child(&client), Signal::STOP).unwrap();
    let begin = Instant::now();
    assert_eq!(count(&mut ada, "live:r").await, 2, "nobody can know yet");
    let gone = left(&mut ada).await;
    assert_eq!((&gone["connection_id"], &gone["count"]), (&json!("hanging"), &json!(1)));
    assert!(begin.elapsed() >= Duration::from_millis(500), "{:?}", begin.elapsed());
    assert_eq!(count(&mut ada, "live:r").await, 1);
    // When it goes on it finds its session closed, and its end is told to nobody again.
    kill_process(Pid::from_child(&client), Signal::CONT).unwrap();
    assert!(!client.wait().unwrap().success(), "the gateway has closed the session");
    let _next = member(&gateway, "next", "live:r", &Value::Null).await;
    assert_eq!(told(&mut ada, "member_joined").await["connection_id"], "next");
}
