//! Connection state recovery: a client that lost its connection goes on where it was, or is told that it does not.

use serde_json::{Value, json};
use testkit::{Gateway, Socket};

use super::{PROGRAM, connection, gateway, now, options, packet, publish, token};

/// Rooms of projects keep history, as far as ten events; others do not.
const KEEPING: &str = r#"room=[{prefix="user:", join="owner"}, {prefix="global"},
    {prefix="project:", join="authenticated", history={size=10, ttl="1h"}}, {prefix="", join="nobody"}]"#;

pub(crate) fn keeping(more: &[&str]) -> Gateway {
    let rooms = KEEPING.replace('\n', "");
    gateway(&[&[rooms.as_str()], more].concat())
}

/// What a client has kept of its connection.
#[derive(Clone, Debug)]
struct Kept {
    pid: Value,
    offset: Value,
}

/// Enters with what was kept; answers the acknowledgement.
async fn enter(gateway: &Gateway, user: &str, kept: Option<&Kept>) -> (Socket, Value) {
    let mut socket = connection(gateway, "/socket.io/").await;
    let mut said = json!({"token": token(user, now() + 60)});
    if let Some(Kept { pid, offset }) = kept {
        said["pid"] = pid.clone();
        said["offset"] = offset.clone();
    }
    socket.send_text(&format!("40/ws,{said}")).await;
    let entered = packet(&mut socket, "40/ws,").await;
    assert_eq!(packet(&mut socket, "42/ws,").await[0], "connection_established");
    (socket, entered)
}

async fn subscribe(socket: &mut Socket, room: &str) -> Value {
    socket.send_text(&format!(r#"42/ws,7["subscribe",{{"room":"{room}"}}]"#)).await;
    packet(socket, "43/ws,7").await[0].take()
}

/// The next event, which tells how far the client has got.
async fn offset(socket: &mut Socket) -> Value {
    let event = packet(socket, "42/ws,").await;
    assert_eq!((&event[0], event.as_array().unwrap().len()), (&json!("offset"), 2), "{event}");
    event[1].clone()
}

/// What the next alert says, whatever else comes before it.
async fn number(socket: &mut Socket) -> Value {
    loop {
        let mut event = packet(socket, "42/ws,").await;
        if event[0] == "alert_triggered" {
            return event[1]["data"]["n"].take();
        }
    }
}

async fn put(gateway: &Gateway, room: &str, n: u64) {
    publish(gateway, json!({"room": room, "event_type": "alert_triggered", "data": {"n": n}})).await;
}

#[tokio::test]
async fn who_comes_back_is_in_its_rooms_and_gets_what_it_missed_in_order_and_once() {
    let gateway = keeping(&[]);
    let (mut socket, entered) = enter(&gateway, "u1", None).await;
    assert_eq!(subscribe(&mut socket, "project:1").await["status"], "success");
    offset(&mut socket).await;
    assert_eq!(subscribe(&mut socket, "project:2").await["status"], "success");
    offset(&mut socket).await;
    put(&gateway, "project:1", 0).await;
    assert_eq!(number(&mut socket).await, 0);
    let kept = Kept { pid: entered["pid"].clone(), offset: offset(&mut socket).await };
    drop(socket);
    for n in 1..4 {
        put(&gateway, "project:1", n).await;
        put(&gateway, "project:2", 10 + n).await;
    }
    let (mut socket, entered) = enter(&gateway, "u1", Some(&kept)).await;
    assert_eq!(entered["pid"], kept.pid, "it goes on under its id");
    let mut got = Vec::new();
    for _ in 0..6 {
        got.push(number(&mut socket).await.as_u64().unwrap());
    }
    let of = |project: fn(&u64) -> bool| got.iter().copied().filter(project).collect::<Vec<_>>();
    assert_eq!((of(|n| *n < 10), of(|n| *n > 10)), (vec![1, 2, 3], vec![11, 12, 13]));
    put(&gateway, "project:2", 14).await;
    assert_eq!(number(&mut socket).await, 14);
}

#[tokio::test]
async fn who_has_missed_too_much_begins_anew_under_another_id() {
    let gateway = keeping(&[]);
    let (mut socket, entered) = enter(&gateway, "u1", None).await;
    subscribe(&mut socket, "project:1").await;
    let kept = Kept { pid: entered["pid"].clone(), offset: offset(&mut socket).await };
    drop(socket);
    for n in 0..11 {
        put(&gateway, "project:1", n).await;
    }
    let (mut socket, entered) = enter(&gateway, "u1", Some(&kept)).await;
    assert!(entered["pid"].is_string() && entered["pid"] != kept.pid, "{entered}");
    put(&gateway, "project:1", 11).await; // it is not in there any more
    publish(&gateway, json!({"user": "u1", "event_type": "alert_triggered", "data": {"n": 12}})).await;
    assert_eq!(number(&mut socket).await, 12);
}

#[tokio::test]
async fn nobody_goes_on_in_rooms_that_are_closed_to_it() {
    let gateway = keeping(&[]);
    let (mut socket, entered) = enter(&gateway, "u1", None).await;
    subscribe(&mut socket, "project:1").await;
    let Value::String(place) = offset(&mut socket).await else { panic!("no text") };
    let mut parts: Vec<String> = serde_json::from_str(&place).unwrap();
    assert_eq!(parts[2..], ["project:1"]);
    parts.push("user:u2".to_owned());
    let forged = Kept { pid: entered["pid"].clone(), offset: json!(json!(parts).to_string()) };
    let (mut socket, entered) = enter(&gateway, "u1", Some(&forged)).await;
    assert_ne!(entered["pid"], forged.pid);
    publish(&gateway, json!({"user": "u2", "event_type": "alert_triggered", "data": {"n": 1}})).await;
    publish(&gateway, json!({"user": "u1", "event_type": "alert_triggered", "data": {"n": 2}})).await;
    assert_eq!(number(&mut socket).await, 2);
}

#[tokio::test]
async fn a_room_that_was_left_is_not_joined_again() {
    let gateway = keeping(&[]);
    let (mut socket, entered) = enter(&gateway, "u1", None).await;
    subscribe(&mut socket, "project:1").await;
    offset(&mut socket).await;
    socket.send_text(r#"42/ws,8["unsubscribe",{"room":"project:1"}]"#).await;
    packet(&mut socket, "43/ws,8").await;
    let kept = Kept { pid: entered["pid"].clone(), offset: offset(&mut socket).await };
    drop(socket);
    let (mut socket, entered) = enter(&gateway, "u1", Some(&kept)).await;
    assert_eq!(entered["pid"], kept.pid);
    put(&gateway, "project:1", 1).await;
    publish(&gateway, json!({"user": "u1", "event_type": "alert_triggered", "data": {"n": 2}})).await;
    assert_eq!(number(&mut socket).await, 2);
}

#[tokio::test]
async fn what_was_never_given_begins_anew_and_where_no_room_keeps_history_there_is_nothing_to_go_on_with() {
    let gateway = keeping(&[]);
    for offset in [json!("x"), json!(""), json!(7), json!("[\"zz\"]"), Value::Null] {
        let (_, entered) = enter(&gateway, "u1", Some(&Kept { pid: json!("p"), offset })).await;
        assert!(entered["pid"].is_string() && entered["pid"] != "p");
    }
    let forgetful = super::gateway(&[]);
    let kept = Kept { pid: json!("p"), offset: json!("[\"\"]") };
    let (_, entered) = enter(&forgetful, "u1", Some(&kept)).await;
    assert_eq!(entered.as_object().unwrap().len(), 1, "{entered}");
}

#[tokio::test]
async fn a_durable_room_is_gone_on_in_after_the_gateway_was_killed() {
    let folder = tempfile::tempdir().unwrap();
    let rooms =
        r#"room=[{prefix="project:", join="authenticated", history={size=10, ttl="1h", durable=true}}]"#;
    let start = || options(&[rooms]).data(folder.path()).start(PROGRAM);
    let gateway = start();
    let (mut socket, entered) = enter(&gateway, "u1", None).await;
    subscribe(&mut socket, "project:1").await;
    offset(&mut socket).await;
    put(&gateway, "project:1", 1).await;
    assert_eq!(number(&mut socket).await, 1);
    let kept = Kept { pid: entered["pid"].clone(), offset: offset(&mut socket).await };
    put(&gateway, "project:1", 2).await;
    gateway.kill();
    let gateway = start();
    let (mut socket, entered) = enter(&gateway, "u1", Some(&kept)).await;
    assert_eq!(entered["pid"], kept.pid);
    assert_eq!(number(&mut socket).await, 2);
}
