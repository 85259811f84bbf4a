//! Requests that are right.

use serde_json::{Value, json};

use crate::{gateway, refusal, session};

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[tokio::test]
async fn each_request_answers_as_the_protocol_says() {
    let gateway = gateway();
    let mut client = session(&gateway).await;

    let pong = client.ask(&json!({ "action": "ping" })).await;
    assert_eq!((&pong["success"], &pong["message"]), (&json!(true), &json!("pong")));
    assert!(pong["data"]["timestamp"].as_str().unwrap().ends_with('Z'));
    assert_eq!(keys(&pong).len(), 3, "no id where the request had none: {pong}");

    let joined = client.ask(&json!({ "action": "join", "room": "r" })).await;
    let epoch = joined["data"]["epoch"].clone();
    assert!(epoch.is_string());
    assert_eq!(
        joined,
        json!({ "success": true, "message": "Joined room 'r'", "data": { "room": "r", "epoch": epoch, "offset": 0 } })
    );
    // Once more is no error, and changes nothing.
    assert_eq!(client.ask(&json!({ "action": "join", "room": "r" })).await, joined);

    let left = client.ask(&json!({ "action": "leave", "room": "r" })).await;
    assert_eq!(left, json!({ "success": true, "message": "Left room 'r'", "data": { "room": "r" } }));
    let not_in = client.ask(&json!({ "action": "leave", "room": "r" })).await;
    assert_eq!(
        not_in,
        json!({ "success": false, "message": "Failed to leave room 'r'", "data": { "room": "r" } })
    );

    let data = json!({ "event_type": "alert_triggered", "data": [1], "key": "k" });
    let published = client.ask(&json!({ "action": "publish", "room": "h:r", "data": data })).await;
    let epoch = &published["data"]["epoch"];
    assert_eq!(
        published,
        json!({ "success": true, "message": "Published", "data": { "room": "h:r", "epoch": epoch, "offset": 1 } })
    );
}

#[tokio::test]
async fn info_tells_what_the_gateway_knows_of_the_session() {
    let gateway = gateway();
    let mut client = gateway.connect("/ws?client_id=me").await;
    assert_eq!(client.next().await["data"]["connection_id"], "me");
    for room in ["b", "a"] {
        client.ask(&json!({ "action": "join", "room": room })).await;
    }
    let types = json!({ "event_types": ["gap", "agent_*"] });
    client.ask(&json!({ "action": "subscribe", "data": types })).await;
    let mut info = client.ask(&json!({ "action": "info" })).await;
    assert_eq!((&info["success"], &info["message"]), (&json!(true), &json!("Connection information")));
    let connected_at = info["data"]["metadata"]["connected_at"].take();
    assert!(connected_at.as_str().unwrap().ends_with('Z'));
    assert_eq!(
        info["data"],
        json!({
            "connection_id": "me", "metadata": { "connected_at": null, "client_id": "me" },
            "user_id": null, "roles": [], "rooms": ["b", "a"], "subscriptions": ["agent_*", "gap"],
            "backlog": { "frames": 0, "bytes": 0 },
        })
    );
}

#[tokio::test]
async fn a_reply_bears_the_requests_id_as_it_was() {
    let gateway = gateway();
    let mut client = session(&gateway).await;
    for id in [json!(7), json!("x"), json!(null), json!([1, { "a": 2 }]), json!(-1.5), json!(true)] {
        for request in [
            json!({ "action": "ping", "id": id }),
            json!({ "action": "join", "id": id }),
            json!({ "action": 5, "id": id }),
            json!({ "action": "nope", "id": id }),
            json!({ "action": "subscribe", "data": { "event_types": 7 }, "id": id }),
        ] {
            let reply = client.ask(&request).await;
            // An id of null is none, or is given back: nobody waits for it.
            assert_eq!(reply["id"], id, "{request}");
        }
    }
    // A number keeps its digits, which a float would not.
    client.send_text(r#"{"action":"ping","id":12345678901234567890123}"#).await;
    assert!(client.next_text().await.ends_with(r#","id":12345678901234567890123}"#));
}

#[tokio::test]
async fn an_action_ignores_case_and_keys_that_nobody_knows() {
    let gateway = gateway();
    let mut client = session(&gateway).await;
    for action in ["PING", "Ping", "pInG"] {
        let reply = client.ask(&json!({ "action": action, "room": 7, "data": "?", "more": {} })).await;
        assert_eq!(reply["message"], "pong", "{action}");
    }
    let joined = client.ask(&json!({ "action": "JOIN", "room": "R" })).await;
    assert_eq!(joined["message"], "Joined room 'R'", "a room's name keeps its case");
    assert_eq!(client.ask(&json!({ "action": "LEAVE", "room": "r" })).await["success"], false);
}

#[tokio::test]
async fn an_unknown_action_is_told_those_that_there_are() {
    let gateway = gateway();
    let mut client = session(&gateway).await;
    for action in ["fly", "FLY"] {
        let reply = client.ask(&json!({ "action": action })).await;
        assert_eq!((&reply["success"], &reply["message"]), (&json!(false), &json!("Unknown action: fly")));
        let actions = reply["data"]["available_actions"].as_array().unwrap();
        for known in ["ping", "join", "leave", "subscribe", "unsubscribe", "info", "publish"] {
            assert!(actions.contains(&json!(known)), "{known} is not in {reply}");
        }
    }
}

#[tokio::test]
async fn binary_frames_may_carry_the_same_json() {
    let gateway = gateway();
    let mut client = session(&gateway).await;
    client.send_binary(br#"{"action":"join","room":"r","id":1}"#).await;
    let joined = client.next().await; // a text, as every answer
    assert_eq!((&joined["message"], &joined["id"]), (&json!("Joined room 'r'"), &json!(1)));
    client.send_binary(b"\xff\xfe{").await;
    assert_eq!(client.next().await, refusal("Invalid JSON format"));
    crate::assert_alive(&mut client, "a binary frame").await;
}

#[tokio::test]
async fn replies_come_in_the_order_of_the_requests() {
    let gateway = gateway();
    let mut client = session(&gateway).await;
    for number in 0..300 {
        let action = ["ping", "info", "nope", "join"][number % 4];
        client.send(&json!({ "action": action, "room": "r", "id": number })).await;
    }
    for number in 0..300 {
        assert_eq!(client.next().await["id"], number);
    }
}

#[tokio::test]
async fn a_rule_says_who_may_join_and_publish() {
    let gateway = gateway();
    let mut client = session(&gateway).await;
    let reply = client.ask(&json!({ "action": "join", "room": "closed:1" })).await;
    assert_eq!(reply, refusal("Not allowed to join this room"));
    let data = json!({ "event_type": "alert_triggered", "data": {} });
    let reply = client.ask(&json!({ "action": "publish", "room": "closed:1", "data": data })).await;
    assert_eq!(reply, refusal("Not allowed to publish to this room"));
}

#[tokio::test]
async fn a_session_is_in_so_many_rooms_at_most() {
    let gateway = crate::start("limits.rooms_per_session=3");
    let mut client = session(&gateway).await;
    for room in ["a", "b", "c", "c"] {
        assert_eq!(client.ask(&json!({ "action": "join", "room": room })).await["success"], true);
    }
    let reply = client.ask(&json!({ "action": "join", "room": "d" })).await;
    assert_eq!(reply, refusal("A session may be in 3 rooms at most"));
    client.ask(&json!({ "action": "leave", "room": "a" })).await;
    assert_eq!(client.ask(&json!({ "action": "join", "room": "d" })).await["success"], true);
}

#[tokio::test]
async fn a_second_session_with_a_live_client_id_gets_one_of_its_own() {
    let gateway = gateway();
    let mut first = gateway.connect("/ws?client_id=me").await;
    first.next().await;
    let mut second = gateway.connect("/ws?client_id=me").await;
    let welcome = second.next().await;
    let id = welcome["data"]["connection_id"].as_str().unwrap();
    assert!(id.starts_with("me_") && id.len() > 3, "{welcome}");
    assert_eq!(welcome["data"]["requested_client_id"], "me");
    // The first one's traffic stays its own.
    let path = "/api/v1/sessions/me/rooms";
    assert_eq!(gateway.post(path, &json!({ "room": "r" })).await.status, 200);
    assert_eq!(first.ask(&json!({ "action": "info" })).await["data"]["rooms"], json!(["r"]));
    assert_eq!(second.ask(&json!({ "action": "info" })).await["data"]["rooms"], json!([]));
    drop(second);
    // None, and an empty one: the gateway gives one.
    for path in ["/ws", "/ws?client_id="] {
        let welcome = gateway.connect(path).await.next().await;
        let id = welcome["data"]["connection_id"].as_str().unwrap().strip_prefix("ws_").unwrap().to_owned();
        assert!(id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
        assert_eq!(welcome["data"].get("requested_client_id"), None);
    }
}

#[tokio::test]
async fn a_room_takes_so_many_members_at_most() {
    let gateway = crate::start("room=[{prefix=\"small:\",max_members=2}]");
    let (mut first, mut second, mut third) =
        (session(&gateway).await, session(&gateway).await, session(&gateway).await);
    let join = json!({ "action": "join", "room": "small:1" });
    for client in [&mut first, &mut second] {
        assert_eq!(client.ask(&join).await["success"], true);
    }
    assert_eq!(third.ask(&join).await, refusal("The room is full"));
    drop(first);
    gateway.reaches("tidegate_sessions{dialect=\"rooms\"}", 2.0).await;
    assert_eq!(third.ask(&join).await["success"], true);
}

#[tokio::test]
async fn a_roles_room_is_not_joined_by_hand() {
    let gateway = gateway();
    let mut client = session(&gateway).await;
    let reply = client.ask(&json!({ "action": "join", "room": "role:admin" })).await;
    assert_eq!(reply, refusal("Not allowed to join this room"));
    let event = json!({ "role": "admin", "event_type": "alert_triggered", "data": {} });
    assert_eq!(gateway.post("/api/v1/publish", &event).await.json()["sent"], 0);
}

#[tokio::test]
async fn an_endpoint_puts_its_sessions_where_they_may_not_go_themselves() {
    let gateway = testkit::Options::new()
        .set("endpoint=[{path=\"/ws\",auto_join=[\"news\"]}]")
        .set("room=[{prefix=\"news\",join=\"nobody\"}]")
        .start(env!("CARGO_BIN_EXE_tidegate"));
    let mut client = session(&gateway).await;
    let info = client.ask(&json!({ "action": "info" })).await;
    assert_eq!(info["data"]["rooms"], json!(["news"]));
    let other = client.ask(&json!({ "action": "join", "room": "newspaper" })).await;
    assert_eq!(other, refusal("Not allowed to join this room"));
}

#[tokio::test]
async fn an_endpoint_puts_its_sessions_into_rooms_and_may_take_no_broadcasts() {
    let gateway = crate::start(
        "endpoint=[{path=\"/ws\",auto_join=[\"global\",\"user:{user_id}\"]},{path=\"/quiet\",broadcasts=false}]",
    );
    let mut client = session(&gateway).await;
    let info = client.ask(&json!({ "action": "info" })).await;
    assert_eq!(info["data"]["rooms"], json!(["global"]), "nobody is a user here");
    let mut quiet = gateway.connect("/quiet").await;
    quiet.next().await;
    let event = json!({ "event_type": "alert_triggered", "data": {} });
    assert_eq!(gateway.post("/api/v1/publish", &event).await.json()["sent"], 1);
    assert_eq!(client.next().await["room"], json!(null));
    crate::assert_alive(&mut quiet, "a broadcast").await;
}
