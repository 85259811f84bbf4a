//! Users in rooms: what their tokens say of them, and when the first and the last of their sessions comes and leaves.

use serde_json::{Value, json};
use testkit::{Gateway, Socket};

use crate::issuer::token;
use crate::{claims, closed, entered, start};

fn gateway() -> Gateway {
    start(closed().set("room=[{prefix=\"\"},{prefix=\"live:\",join_leave=true}]").set("shards=2"))
}

async fn member(gateway: &Gateway, id: &str, user: &str, more: Value, info: Value) -> Socket {
    let path = format!("/ws?client_id={id}");
    let (mut socket, _) = entered(gateway, &path, &token(&claims(user, more))).await;
    let join = json!({ "action": "join", "room": "live:r", "data": { "info": info } });
    assert_eq!(socket.ask(&join).await["success"], true);
    socket
}

async fn told(socket: &mut Socket) -> Value {
    let event = socket.next().await;
    let kind = event["event_type"].as_str().unwrap().to_owned();
    let data = &event["data"];
    let edge = data.get("first").or(data.get("last")).cloned();
    json!([kind, data["connection_id"], data["user_id"], edge, data["info"]])
}

#[tokio::test]
async fn the_first_and_the_last_session_of_a_user_are_told_as_such() {
    let gateway = gateway();
    let mut watch = member(&gateway, "w", "watch", json!({}), Value::Null).await;
    assert_eq!(told(&mut watch).await, json!(["member_joined", "w", "watch", true, null]));
    let mut one = member(&gateway, "a1", "ada", json!({}), Value::Null).await;
    assert_eq!(told(&mut watch).await, json!(["member_joined", "a1", "ada", true, null]));
    let two = member(&gateway, "a2", "ada", json!({}), Value::Null).await;
    assert_eq!(told(&mut watch).await, json!(["member_joined", "a2", "ada", false, null]));
    one.ask(&json!({ "action": "leave", "room": "live:r" })).await;
    assert_eq!(told(&mut watch).await, json!(["member_left", "a1", "ada", false, null]));
    drop(two);
    assert_eq!(told(&mut watch).await, json!(["member_left", "a2", "ada", true, null]));
}

#[tokio::test]
async fn what_a_token_says_of_a_member_cannot_be_said_otherwise_by_its_client() {
    let gateway = gateway();
    let mut watch = member(&gateway, "w", "watch", json!({ "info": "a text" }), json!({ "a": 1 })).await;
    let own = told(&mut watch).await;
    assert_eq!(own, json!(["member_joined", "w", "watch", true, "a text"]), "no object: it holds alone");
    let vouched = json!({ "info": { "name": "Ada", "level": 3 } });
    let claimed = json!({ "name": "Root", "mood": "good" });
    let mut ada = member(&gateway, "a", "ada", vouched, claimed).await;
    let info = json!({ "name": "Ada", "level": 3, "mood": "good" });
    assert_eq!(told(&mut watch).await, json!(["member_joined", "a", "ada", true, info]));
    told(&mut ada).await;
    // Another token says something else.
    let other = token(&claims("ada", json!({ "info": { "name": "Ada L." } })));
    let reply = ada.ask(&json!({ "action": "auth", "data": { "token": other } })).await;
    assert_eq!(reply["message"], "Authenticated");
    let info = json!({ "name": "Ada L.", "mood": "good" });
    assert_eq!(told(&mut watch).await, json!(["member_joined", "a", "ada", false, info]));
    let listed =
        watch.ask(&json!({ "action": "presence", "room": "live:r" })).await["data"]["members"].clone();
    assert!(listed.as_array().unwrap().iter().any(|one| one["info"] == info), "{listed}");
    drop(ada);
    assert_eq!(told(&mut watch).await, json!(["member_left", "a", "ada", true, info]));
}
