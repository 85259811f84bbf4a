//! What rooms tell of themselves, and to whom: who is there, and to all others nothing, not even that they are.

use serde_json::{Value, json};
use testkit::{Gateway, Socket};

use crate::issuer::token;
use crate::{claims, closed, entered, send_as, start};

const RULES: &str = "room=[{prefix=\"\"}, {prefix=\"staff:\", join=\"role:staff\", publish=\"role:staff\", \
                     presence=\"role:staff\"}, {prefix=\"open:\", presence=\"anyone\"}]";

fn gateway() -> Gateway {
    start(closed().set(RULES).set("shards=2"))
}

async fn member(gateway: &Gateway, user: &str, more: Value, room: &str) -> Socket {
    let (mut socket, _) =
        entered(gateway, &format!("/ws?client_id=c-{user}"), &token(&claims(user, more))).await;
    assert_eq!(socket.ask(&json!({ "action": "join", "room": room })).await["success"], true);
    socket
}

fn ids(members: &Value) -> Vec<String> {
    let ids =
        members.as_array().unwrap().iter().map(|member| member["connection_id"].as_str().unwrap().to_owned());
    let mut ids: Vec<_> = ids.collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn members_of_all_shards_are_present_with_what_they_let_others_see() {
    let gateway = gateway();
    let mut sockets = Vec::new();
    for (user, more) in
        [("ada", json!({ "info": { "name": "Ada" } })), ("bob", json!({})), ("eve", json!({}))]
    {
        sockets.push(member(&gateway, user, more, "lobby").await);
    }
    let reply = sockets[1].ask(&json!({ "action": "presence", "room": "lobby", "id": 5 })).await;
    assert_eq!((&reply["success"], &reply["message"]), (&json!(true), &json!("Presence in room 'lobby'")));
    assert_eq!((&reply["data"]["count"], &reply["id"]), (&json!(3), &json!(5)));
    assert_eq!(ids(&reply["data"]["members"]), ["c-ada", "c-bob", "c-eve"]);
    let ada = reply["data"]["members"].as_array().unwrap().iter().find(|m| m["user_id"] == "ada").unwrap();
    assert_eq!(ada, &json!({ "connection_id": "c-ada", "user_id": "ada", "info": { "name": "Ada" } }));
    let eve = reply["data"]["members"].as_array().unwrap().iter().find(|m| m["user_id"] == "eve").unwrap();
    assert_eq!(eve["info"], Value::Null);

    sockets[2].ask(&json!({ "action": "leave", "room": "lobby" })).await;
    let reader = token(&claims("reader", json!({ "scope": "read" })));
    let listed = send_as(&gateway, &reader, "GET", "/api/v1/rooms/lobby/presence", None).await;
    assert_eq!((listed.status, &listed.json()["count"]), (200, &json!(2)));
    assert_eq!(ids(&listed.json()["members"]), ["c-ada", "c-bob"]);
    let nobody = send_as(&gateway, &reader, "GET", "/api/v1/rooms/nowhere/presence", None).await;
    assert_eq!((nobody.status, nobody.json()), (200, json!({ "count": 0, "members": [] })));
}

#[tokio::test]
async fn pages_have_everybody_once() {
    let gateway = gateway();
    let mut sockets = Vec::new();
    for number in 0..7 {
        sockets.push(member(&gateway, &format!("u{number}"), json!({}), "lobby").await);
    }
    let reader = token(&claims("reader", json!({ "scope": "read" })));
    let (mut asked, mut listed) = (Vec::new(), Vec::new());
    for skip in [0, 3, 6, 9] {
        let data = json!({ "skip": skip, "limit": 3 });
        let reply = sockets[0].ask(&json!({ "action": "presence", "room": "lobby", "data": data })).await;
        assert_eq!(reply["data"]["count"], 7);
        asked.extend(ids(&reply["data"]["members"]));
        let path = format!("/api/v1/rooms/lobby/presence?skip={skip}&limit=3");
        let page = send_as(&gateway, &reader, "GET", &path, None).await.json();
        assert_eq!(page["count"], 7);
        listed.extend(ids(&page["members"]));
    }
    asked.sort();
    listed.sort();
    let all: Vec<_> = (0..7).map(|number| format!("c-u{number}")).collect();
    assert_eq!((&asked, &listed), (&all, &all));
}

#[tokio::test]
async fn members_who_say_much_of_themselves_come_on_several_pages() {
    let gateway = gateway();
    let (mut sockets, text) = (Vec::new(), "x".repeat(4000));
    for number in 0..80 {
        let info = json!({ "info": { "text": text } });
        sockets.push(member(&gateway, &format!("u{number}"), info, "lobby").await);
    }
    let mut seen = Vec::new();
    while seen.len() < 80 {
        let data = json!({ "skip": seen.len() });
        let reply = sockets[0].ask(&json!({ "action": "presence", "room": "lobby", "data": data })).await;
        assert_eq!(reply["data"]["count"], 80);
        let page = ids(&reply["data"]["members"]);
        assert!((1..80).contains(&page.len()), "{}", page.len());
        seen.extend(page);
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 80);
}

#[tokio::test]
async fn who_may_not_know_a_room_is_not_told_whether_there_is_one() {
    let gateway = gateway();
    let _staff = member(&gateway, "boss", json!({ "roles": ["staff"] }), "staff:here").await;
    let narrowed = json!({ "rooms": ["open:*"], "scope": "read:open:* publish:open:*" });
    let own = token(&claims("ada", narrowed));
    let (mut socket, _) = entered(&gateway, "/ws", &own).await;
    for (here, nowhere) in [("staff:here", "staff:nowhere"), ("lobby", "nowhere")] {
        for request in [
            json!({ "action": "join" }),
            json!({ "action": "presence" }),
            json!({ "action": "history" }),
            json!({ "action": "publish", "data": { "event_type": "error", "data": {} } }),
        ] {
            let mut answers = Vec::new();
            for room in [here, nowhere] {
                let mut request = request.clone();
                request["room"] = room.into();
                answers.push(socket.ask(&request).await);
            }
            assert_eq!((&answers[0], &answers[0]["success"]), (&answers[1], &json!(false)), "{request}");
            assert_eq!(answers[0]["data"], Value::Null, "{request}");
        }
        for path in ["", "/presence", "/history"] {
            let mut answers = Vec::new();
            for room in [here, nowhere] {
                let answer =
                    send_as(&gateway, &own, "GET", &format!("/api/v1/rooms/{room}{path}"), None).await;
                answers.push((answer.status, answer.body));
            }
            assert_eq!((&answers[0], answers[0].0), (&answers[1], 403), "{path}");
        }
    }
    let rooms = send_as(&gateway, &own, "GET", "/api/v1/rooms", None).await.json();
    assert_eq!(rooms, json!({ "total": 0, "rooms": [] }));
    for path in ["/api/v1/sessions", "/api/v1/plugins"] {
        assert_eq!(send_as(&gateway, &own, "GET", path, None).await.status, 403, "{path}");
    }
    let stats = gateway.get("/ws/stats").await.json();
    assert_eq!((&stats["rooms"], &stats["total_rooms"]), (&json!({}), &json!(2)), "a number, no names");
    assert!(!gateway.get("/metrics").await.body.contains("staff:here"));
}

#[tokio::test]
async fn presence_goes_by_the_rooms_rule() {
    let gateway = start(closed().set(RULES).set("auth.default.anonymous=true"));
    let mut stranger = gateway.connect("/ws").await;
    stranger.next().await;
    let mut ask = async |room: &str| {
        let reply = stranger.ask(&json!({ "action": "presence", "room": room })).await;
        reply["message"].as_str().unwrap().to_owned()
    };
    assert_eq!(ask("lobby").await, "Not allowed to see who is in this room", "the default is authenticated");
    assert_eq!(ask("staff:a").await, "Not allowed to see who is in this room");
    assert_eq!(ask("open:a").await, "Presence in room 'open:a'");
    assert_eq!(ask("").await, "Room name is required");
    assert_eq!(
        ask(&format!("open:{}", "x".repeat(200))).await,
        "A room's name is 1 to 200 bytes without control characters"
    );
}

#[tokio::test]
async fn administration_cannot_be_had_for_some_rooms() {
    let gateway = gateway();
    let some = token(&claims("ada", json!({ "scope": "admin:staff:*" })));
    assert_eq!(send_as(&gateway, &some, "DELETE", "/api/v1/users/bob", None).await.status, 403);
}
