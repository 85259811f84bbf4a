//! Sessions under tokens: rights, refreshing, the end of a token, how many a user may have.

use std::time::{Duration, Instant};

use jsonwebtoken::Algorithm;
use serde_json::json;

use crate::issuer::{Issuer, token};
use crate::{SECRET, claims, closed, enter, entered, now, start};

#[tokio::test]
async fn rooms_of_roles_are_none_that_a_session_has_asked_for() {
    let gateway = start(closed().set("limits.rooms_per_session=2"));
    let roles: Vec<_> = (0..10).map(|number| format!("r{number}")).collect();
    let (mut session, _) = entered(&gateway, "/ws", &token(&claims("ada", json!({ "roles": roles })))).await;
    let info = session.ask(&json!({ "action": "info" })).await;
    let own: Vec<_> = roles.iter().map(|role| format!("role:{role}")).collect();
    let is_in = info["data"]["rooms"].as_array().unwrap().clone();
    assert!(own.iter().all(|room| is_in.contains(&json!(room))), "{info}");
    for (room, joined) in [("a", true), ("b", true), ("c", false)] {
        let answer = session.ask(&json!({ "action": "join", "room": room })).await;
        assert_eq!(answer["success"], joined, "{answer}");
    }
    assert!(!gateway.log().contains("room of its own"), "{}", gateway.log());
}

#[tokio::test]
async fn a_session_is_its_users_and_in_the_rooms_of_its_roles() {
    let options = closed().set("endpoint.0.auto_join=[\"user:{user_id}\"]");
    let gateway = start(options);
    let (mut socket, welcome) =
        entered(&gateway, "/ws", &token(&claims("ada", json!({ "roles": ["operator", "admin"] })))).await;
    assert_eq!(welcome["data"]["user_id"], "ada");
    let info = socket.ask(&json!({ "action": "info" })).await;
    assert_eq!(
        (&info["data"]["user_id"], &info["data"]["roles"]),
        (&json!("ada"), &json!(["operator", "admin"]))
    );
    assert_eq!(info["data"]["rooms"], json!(["user:ada", "role:operator", "role:admin"]));
    let denied = socket.ask(&json!({ "action": "join", "room": "role:other" })).await;
    assert_eq!(
        (&denied["success"], &denied["message"]),
        (&json!(false), &json!("Not allowed to join this room"))
    );
}

#[tokio::test]
async fn a_token_may_narrow_its_session_to_some_rooms() {
    let gateway = start(closed());
    let narrowed = token(&claims("ada", json!({ "rooms": ["news:*", "lobby"] })));
    let (mut socket, _) = entered(&gateway, "/ws", &narrowed).await;
    for (room, may) in [("news:1", true), ("lobby", true), ("lobby2", false), ("other", false)] {
        let publish =
            json!({ "action": "publish", "room": room, "data": { "event_type": "error", "data": {} } });
        assert_eq!(socket.ask(&publish).await["success"], may, "{room}");
        let joined = socket.ask(&json!({ "action": "join", "room": room })).await;
        assert_eq!(joined["success"], may, "{room}");
    }
}

#[tokio::test]
async fn another_token_of_the_same_user_takes_the_firsts_place() {
    let options = closed().set("endpoint.0.auto_join=[\"global\"]");
    let gateway = start(options);
    let first = token(&claims("ada", json!({ "roles": ["operator"] })));
    let (mut socket, _) = entered(&gateway, "/ws", &first).await;
    socket.ask(&json!({ "action": "join", "room": "a" })).await;
    socket.ask(&json!({ "action": "join", "room": "b" })).await;

    let expires_at = now(3600);
    let next = token(&claims("ada", json!({ "roles": ["viewer"], "rooms": ["b"], "exp": expires_at })));
    let renewed = socket.ask(&json!({ "action": "auth", "id": 7, "data": { "token": next } })).await;
    assert_eq!(
        (&renewed["success"], &renewed["message"], &renewed["id"]),
        (&json!(true), &json!("Authenticated"), &json!(7))
    );
    assert_eq!((&renewed["data"]["user_id"], &renewed["data"]["roles"]), (&json!("ada"), &json!(["viewer"])));
    let shown = renewed["data"]["expires_at"].as_str().unwrap();
    let shown = humantime::parse_rfc3339(shown).unwrap().duration_since(std::time::UNIX_EPOCH).unwrap();
    assert_eq!(shown.as_secs() as i64, expires_at);
    let info = socket.ask(&json!({ "action": "info" })).await;
    assert_eq!(info["data"]["rooms"], json!(["global", "b", "role:viewer"]), "rights hold at once");

    for (bad, why) in [
        (token(&claims("eve", json!({}))), "The token is another user's"),
        (token(&json!({ "exp": now(60) })), "The token is another user's"),
        (token(&json!({ "sub": "ada", "exp": 5 })), "The token has expired"),
        (Issuer::hmac("another").sign(Algorithm::HS256, &claims("ada", json!({}))), "The token is not valid"),
        ("x".to_owned(), "The token is not valid"),
    ] {
        let refused = socket.ask(&json!({ "action": "auth", "data": { "token": bad } })).await;
        assert_eq!((&refused["success"], &refused["message"]), (&json!(false), &json!(why)));
    }
    let missing = socket.ask(&json!({ "action": "auth" })).await;
    assert_eq!(missing["message"], "Error processing message: data.token: a string is required");
    let info = socket.ask(&json!({ "action": "info" })).await;
    assert_eq!(info["data"]["roles"], json!(["viewer"]), "what is refused changes nothing");
}

#[tokio::test]
async fn a_session_without_user_becomes_one_of_the_tokens() {
    let gateway =
        start(closed().set("auth.default.anonymous=true").set("endpoint.0.auto_join=[\"user:{user_id}\"]"));
    let mut socket = gateway.connect("/ws").await;
    assert_eq!(socket.next().await["data"]["user_id"], json!(null));
    let known =
        socket.ask(&json!({ "action": "auth", "data": { "token": token(&claims("ada", json!({}))) } })).await;
    assert_eq!(known["data"]["user_id"], "ada");
    let info = socket.ask(&json!({ "action": "info" })).await;
    assert_eq!((&info["data"]["user_id"], &info["data"]["rooms"]), (&json!("ada"), &json!(["user:ada"])));
    let closed = gateway.request("DELETE", "/api/v1/users/ada", None).await;
    assert_eq!(closed.json()["closed"], 1);
    assert_eq!(socket.closed().await.0, 1008);
    assert_eq!(
        gateway.try_connect("/ws?token=x", &[]).await.err().unwrap().0,
        401,
        "a bad token is refused all the same"
    );
}

#[tokio::test]
async fn a_session_ends_with_its_token_and_is_warned_before() {
    let gateway = start(closed());
    let expires_at = now(2);
    let short = token(&claims("ada", json!({ "exp": expires_at })));
    let (mut socket, _) = entered(&gateway, "/ws", &short).await;
    let (mut renewed, _) = entered(&gateway, "/ws", &short).await;
    let later = token(&claims("ada", json!({})));
    let answer = renewed.ask(&json!({ "action": "auth", "data": { "token": later } })).await;
    assert_eq!(answer["success"], true);

    let warning = socket.next().await;
    assert_eq!(
        (&warning["event_type"], &warning["source"]),
        (&json!("disconnected"), &json!("connection_manager"))
    );
    assert_eq!(
        (&warning["data"]["code"], &warning["data"]["reason"]),
        (&json!(1008), &json!("token expired"))
    );
    assert!(warning["data"]["expires_in_ms"].as_i64().unwrap() > 0, "{warning}");
    assert_eq!(socket.closed().await, (1008, "token expired".to_owned()));
    assert!(now(0) >= expires_at && now(0) <= expires_at + 1, "at its time");
    let pong = renewed.ask(&json!({ "action": "ping" })).await;
    assert_eq!(pong["message"], "pong", "the other one goes on");
}

#[tokio::test]
async fn a_user_has_as_many_sessions_as_may_be() {
    let refusing = start(closed().set("auth.default.max_per_user=2"));
    let (ada, bob) = (token(&claims("ada", json!({}))), token(&claims("bob", json!({}))));
    let (mut first, _) = entered(&refusing, "/ws", &ada).await;
    let (_second, _) = entered(&refusing, "/ws", &ada).await;
    assert_eq!(enter(&refusing, "/ws", &ada).await.err(), Some(429));
    assert!(enter(&refusing, "/ws", &bob).await.is_ok());
    first.send(&json!({ "action": "ping" })).await;
    drop(first);
    let deadline = Instant::now() + Duration::from_secs(10);
    while enter(&refusing, "/ws", &ada).await.is_err() {
        assert!(Instant::now() < deadline, "one has gone, so there is room");
    }

    let options = closed().set("auth.default.max_per_user=1").set("auth.default.over_limit=close_oldest");
    let displacing = start(options);
    let (mut oldest, _) = entered(&displacing, "/ws", &ada).await;
    let (mut second, _) = entered(&displacing, "/ws", &ada).await;
    let (mut third, _) = entered(&displacing, "/ws", &ada).await;
    for socket in [&mut oldest, &mut second] {
        assert_eq!(socket.closed().await.0, 1008);
    }
    assert_eq!(third.ask(&json!({ "action": "ping" })).await["message"], "pong");
}

#[tokio::test]
async fn a_refusal_can_be_a_close() {
    let gateway = start(closed().set("endpoint.0.refuse=close").set("auth.default.max_per_user=1"));
    let reason = async |token: &str| enter(&gateway, "/ws", token).await.unwrap().closed().await;
    let mut without = gateway.connect("/ws").await;
    assert_eq!(without.closed().await, (1008, "Authentication required".to_owned()));
    assert_eq!(reason("x").await, (1008, "Invalid token".to_owned()));
    let good = token(&claims("ada", json!({})));
    let (_socket, welcome) = entered(&gateway, "/ws", &good).await;
    assert_eq!(welcome["event_type"], "connected");
    assert_eq!(reason(&good).await, (1008, "too many sessions of this user".to_owned()));
    let plain = gateway.get("/ws").await;
    assert_eq!(plain.status, 426, "what is no handshake is answered as ever");
    assert_eq!(SECRET.len(), 32);
}
