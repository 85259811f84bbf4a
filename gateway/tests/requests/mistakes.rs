//! Requests with each field missing, of the wrong type, too long or too deep.

use serde_json::{Value, json};

use crate::{assert_alive, gateway, refusal, session};

fn wrong(what: &str) -> String {
    format!("Error processing message: {what}")
}

#[tokio::test]
async fn what_is_not_json_is_said_to_be_none() {
    let gateway = gateway();
    let mut client = session(&gateway).await;
    for text in [
        "",
        " ",
        "nope",
        "{",
        "{\"action\":\"ping\"",
        "{'action':'ping'}",
        "{\"action\":ping}",
        "}{",
        "\u{0}",
    ] {
        client.send_text(text).await;
        assert_eq!(client.next().await, refusal("Invalid JSON format"), "{text:?}");
    }
    client.send_binary(b"").await;
    assert_eq!(client.next().await, refusal("Invalid JSON format"));
    assert_alive(&mut client, "no JSON").await;
}

#[tokio::test]
async fn json_of_the_wrong_shape_is_told_which_field_and_what_was_expected() {
    let gateway = gateway();
    let mut client = session(&gateway).await;
    let object = "expected a JSON object";
    let cases = [
        (json!(null), object),
        (json!(7), object),
        (json!("ping"), object),
        (json!([]), object),
        (json!([{ "action": "ping" }]), object),
        (json!({}), "action: a string is required"),
        (json!({ "action": null }), "action: a string is required"),
        (json!({ "action": 7 }), "action: expected a string"),
        (json!({ "action": ["ping"] }), "action: expected a string"),
        (json!({ "action": "join", "room": 7 }), "room: expected a string"),
        (json!({ "action": "join", "room": ["r"] }), "room: expected a string"),
        (json!({ "action": "join", "room": "r", "data": 7 }), "data: expected an object"),
        (json!({ "action": "join", "room": "r", "data": [] }), "data: expected an object"),
        (json!({ "action": "leave", "room": {} }), "room: expected a string"),
        (json!({ "action": "subscribe", "data": [] }), "data: expected an object"),
        (
            json!({ "action": "subscribe", "data": { "event_types": 7 } }),
            "data.event_types: expected a list of strings",
        ),
        (
            json!({ "action": "subscribe", "data": { "event_types": "gap" } }),
            "data.event_types: expected a list of strings",
        ),
        (
            json!({ "action": "subscribe", "data": { "event_types": {} } }),
            "data.event_types: expected a list of strings",
        ),
        (
            json!({ "action": "subscribe", "data": { "event_types": ["gap", 7] } }),
            "data.event_types[1]: expected a string",
        ),
        (
            json!({ "action": "subscribe", "data": { "event_types": [null] } }),
            "data.event_types[0]: expected a string",
        ),
        (json!({ "action": "unsubscribe", "data": "gap" }), "data: expected an object"),
        (
            json!({ "action": "unsubscribe", "data": { "event_types": true } }),
            "data.event_types: expected a list of strings",
        ),
        (json!({ "action": "publish", "room": "r" }), "data.event_type: a string is required"),
        (json!({ "action": "publish", "room": "r", "data": 7 }), "data: expected an object"),
        (json!({ "action": "publish", "room": 7, "data": {} }), "room: expected a string"),
        (
            json!({ "action": "publish", "room": "r", "data": { "data": {} } }),
            "data.event_type: a string is required",
        ),
        (
            json!({ "action": "publish", "room": "r", "data": { "event_type": 7, "data": {} } }),
            "data.event_type: expected a string",
        ),
        (
            json!({ "action": "publish", "room": "r", "data": { "event_type": "gap" } }),
            "data.data: a value is required",
        ),
        (
            json!({ "action": "publish", "room": "r", "data": { "event_type": "gap", "data": 1, "key": 7 } }),
            "data.key: expected a string",
        ),
    ];
    for (request, what) in cases {
        let reply = client.ask(&request).await;
        assert_eq!(reply, refusal(&wrong(what)), "{request}");
    }
    let since = r#"data.since: expected {"epoch": string, "offset": integer} or "start""#;
    let last = "data.last: expected a whole number, 0 or more";
    for (data, what) in [
        (json!({ "since": 7 }), since),
        (json!({ "since": "end" }), since),
        (json!({ "since": {} }), since),
        (json!({ "since": ["e", 1] }), since),
        (json!({ "since": { "epoch": "e" } }), since),
        (json!({ "since": { "offset": 1 } }), since),
        (json!({ "since": { "epoch": 1, "offset": 1 } }), since),
        (json!({ "since": { "epoch": "e", "offset": "1" } }), since),
        (json!({ "since": { "epoch": "e", "offset": -1 } }), since),
        (json!({ "since": { "epoch": "e", "offset": 1.5 } }), since),
        (json!({ "last": "3" }), last),
        (json!({ "last": -3 }), last),
        (json!({ "last": 1.5 }), last),
        (json!({ "last": {} }), last),
    ] {
        let reply = client.ask(&json!({ "action": "join", "room": "h:r", "data": data })).await;
        assert_eq!(reply, refusal(&wrong(what)), "{data}");
    }
    assert_alive(&mut client, "wrong shapes").await;
    assert_eq!(
        client.ask(&json!({ "action": "info" })).await["data"]["rooms"],
        json!([]),
        "nothing was joined"
    );
}

#[tokio::test]
async fn a_room_is_required_where_it_is_missing_null_or_empty() {
    let gateway = gateway();
    let mut client = session(&gateway).await;
    let publish = json!({ "event_type": "alert_triggered", "data": {} });
    for action in ["join", "leave", "publish"] {
        for room in [None, Some(Value::Null), Some(json!(""))] {
            let mut request = json!({ "action": action });
            if action == "publish" {
                request["data"] = publish.clone();
            }
            if let Some(room) = room {
                request["room"] = room;
            }
            assert_eq!(client.ask(&request).await, refusal("Room name is required"), "{request}");
        }
    }
    assert_alive(&mut client, "no room").await;
}

#[tokio::test]
async fn a_name_that_no_room_can_have_is_refused() {
    let gateway = gateway();
    let mut client = session(&gateway).await;
    let long = "x".repeat(201);
    let publish = json!({ "event_type": "alert_triggered", "data": {} });
    for room in [&*long, "a\nb", "a\u{0}", "\u{7f}", "\u{85}"] {
        for request in [
            json!({ "action": "join", "room": room }),
            json!({ "action": "publish", "room": room, "data": publish }),
        ] {
            let reply = client.ask(&request).await;
            assert_eq!(
                reply,
                refusal("A room's name is 1 to 200 bytes without control characters"),
                "{request}"
            );
        }
        assert_eq!(client.ask(&json!({ "action": "leave", "room": room })).await["success"], false);
    }
    let fits = "é".repeat(100);
    assert_eq!(client.ask(&json!({ "action": "join", "room": fits })).await["success"], true);
}

#[tokio::test]
async fn no_error_repeats_more_than_200_characters_of_the_input() {
    let gateway = gateway();
    let mut client = session(&gateway).await;
    let long = "é".repeat(5000);
    let list = json!({ "event_types": [long] });
    for request in [
        json!({ "action": long }),
        json!({ "action": "join", "room": long }),
        json!({ "action": "leave", "room": long }),
        json!({ "action": "subscribe", "data": list }),
        json!({ "action": "unsubscribe", "data": list }),
        json!({ "action": "publish", "room": "r", "data": { "event_type": long, "data": {} } }),
        json!({ "action": "publish", "room": long, "data": { "event_type": "gap", "data": {} } }),
        json!({ "action": "join", "room": "r", "data": { "since": long } }),
        json!({ "action": "ping", "id": long }),
        json!({ long.as_str(): long }),
    ] {
        let reply = client.ask(&request).await;
        assert_eq!(reply["success"], false, "{reply}");
        let message = reply["message"].as_str().unwrap();
        for text in [message, &reply["data"].to_string()] {
            assert!(text.matches('é').count() <= 200, "{reply}");
        }
    }
    assert_alive(&mut client, "long fields").await;
}

#[tokio::test]
async fn deep_json_is_refused_wherever_it_stands() {
    let gateway = gateway();
    let mut client = session(&gateway).await;
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let objects = format!("{}1{}", "{\"a\":".repeat(5_000), "}".repeat(5_000));
    for deep in [&deep, &objects] {
        for request in [
            deep.clone(),
            format!(r#"{{"action":{deep}}}"#),
            format!(r#"{{"action":"ping","data":{deep}}}"#),
            format!(r#"{{"action":"ping","more":{deep}}}"#),
            format!(r#"{{"action":"ping","id":{deep}}}"#),
            format!(r#"{{"action":"join","room":{deep}}}"#),
            format!(r#"{{"action":"join","room":"r","data":{{"since":{deep}}}}}"#),
            format!(r#"{{"action":"subscribe","data":{{"event_types":{deep}}}}}"#),
            format!(r#"{{"action":"publish","room":"r","data":{{"event_type":"gap","data":{deep}}}}}"#),
        ] {
            client.send_text(&request).await;
            let reply = client.next().await;
            assert_eq!(reply["success"], false, "{:.80} {reply}", request);
        }
    }
    assert_alive(&mut client, "deep JSON").await;
}

#[tokio::test]
async fn a_key_that_is_there_twice_is_no_guess() {
    let gateway = gateway();
    let mut client = session(&gateway).await;
    for request in [
        r#"{"action":"ping","action":"info"}"#,
        r#"{"action":"join","room":"a","room":"b"}"#,
        r#"{"action":"publish","room":"a","data":{"event_type":"gap","event_type":"error","data":{}}}"#,
    ] {
        client.send_text(request).await;
        let reply = client.next().await;
        assert_eq!(reply["success"], false, "{request} {reply}");
        assert!(reply["message"].as_str().unwrap().ends_with("a key is there twice"), "{reply}");
    }
    assert_alive(&mut client, "doubled keys").await;
}

#[tokio::test]
async fn an_unknown_event_type_is_named_and_changes_nothing() {
    let gateway = gateway();
    let mut client = session(&gateway).await;
    for action in ["subscribe", "unsubscribe"] {
        let types = json!({ "event_types": ["alert_triggered", "nope"] });
        let reply = client.ask(&json!({ "action": action, "data": types })).await;
        let message = "Invalid event type: 'nope' is not a known event type";
        assert_eq!(reply, json!({ "success": false, "message": message, "data": { "unknown": ["nope"] } }));
    }
    let data = json!({ "event_type": "nope", "data": {} });
    let reply = client.ask(&json!({ "action": "publish", "room": "r", "data": data })).await;
    assert_eq!((&reply["success"], &reply["data"]), (&json!(false), &json!({ "unknown": ["nope"] })));
    assert_eq!(client.ask(&json!({ "action": "info" })).await["data"]["subscriptions"], json!([]));
}

#[tokio::test]
async fn a_message_over_the_limit_is_1009() {
    let gateway = crate::start("limits.message=\"1 KiB\"");
    let mut client = session(&gateway).await;
    let fits = format!(r#"{{"action":"ping","pad":"{}"}}"#, "x".repeat(1024 - 26));
    assert_eq!(fits.len(), 1024);
    client.send_text(&fits).await;
    assert_eq!(client.next().await["message"], "pong");
    client.send_text(&format!("{fits} ")).await;
    assert_eq!(client.closed().await.0, 1009);
}
