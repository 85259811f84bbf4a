//! Events of rooms, as sessions get them.

use serde_json::{Value, json};
use testkit::Gateway;

use crate::auth::{closed, entered, token};
use crate::{checked, open, profile, start};

async fn broadcast(gateway: &Gateway, event_type: &str, data: Value) {
    let body = json!({ "event_type": event_type, "data": data });
    let answer = gateway.post("/ws/broadcast", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[tokio::test]
async fn an_event_of_a_payloads_name_and_shape_is_that_payload() {
    let gateway = start(profile());
    let (mut socket, _) = open(&gateway).await;
    for (event_type, data, whole) in [
        (
            "agent_response",
            json!({ "content": "hi", "confidence": 0.5 }),
            json!({ "message_type": "agent_response", "content": "hi", "response_type": "text", "tools_used": null,
                    "execution_time": null, "confidence": 0.5, "metadata": null }),
        ),
        (
            "system_event",
            json!({ "event_name": "x", "severity": "critical", "data": { "a": 1 } }),
            json!({ "message_type": "system_event", "event_name": "x", "description": null, "severity": "critical",
                    "data": { "a": 1 } }),
        ),
        (
            "connection_event",
            json!({ "message_type": "connection_event", "event_type": "reconnected" }),
            json!({ "message_type": "connection_event", "event_type": "reconnected", "client_info": null,
                    "session_data": null }),
        ),
    ] {
        broadcast(&gateway, event_type, data).await;
        let event = socket.next().await;
        assert_eq!(*checked(&event), whole);
        let nobody = (&event["session_id"], &event["user_id"], &event["correlation_id"]);
        assert_eq!(nobody, (&json!(null), &json!(null), &json!(null)), "others get the same frame");
    }
}

#[tokio::test]
async fn any_other_event_is_a_system_event() {
    let gateway = start(profile().set("endpoint.0.auto_join=[\"lobby\"]"));
    let (mut socket, _) = open(&gateway).await;
    for (data, shown) in [
        (json!({ "a": [1, { "b": null }] }), json!({ "a": [1, { "b": null }] })),
        (json!({}), json!({})),
        (json!(null), json!(null)),
        (json!([1, 2]), json!({ "value": [1, 2] })),
        (json!("text"), json!({ "value": "text" })),
        (json!(7), json!({ "value": 7 })),
    ] {
        let answer = gateway.post("/echo/lobby", &data).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let event = socket.next().await;
        assert_eq!(
            *checked(&event),
            json!({ "message_type": "system_event", "event_name": "echoed", "description": "From echo",
                    "severity": "info", "data": shown })
        );
    }
    // Of a payload's name, but not of its shape.
    for data in [json!({ "content": "" }), json!({ "content": "x", "foo": 1 }), json!({ "confidence": 0.5 })]
    {
        broadcast(&gateway, "agent_response", data.clone()).await;
        let event = socket.next().await;
        let payload = checked(&event);
        assert_eq!((&payload["event_name"], &payload["data"]), (&json!("agent_response"), &data));
    }
}

#[tokio::test]
async fn the_sessions_of_a_user_get_what_is_for_the_user_once_each_in_one_encoding() {
    let gateway = start(closed().set("endpoint.0.auto_join=[\"user:{user_id}\",\"all\"]"));
    let mut ada = [entered(&gateway, &token("ada")).await, entered(&gateway, &token("ada")).await];
    let mut bob = entered(&gateway, &token("bob")).await;
    let publish = async |room: &str| {
        let body = json!({ "rooms": [room, "all"], "event_type": "echoed", "data": { "to": room } });
        let bearer = format!("Bearer {}", crate::auth::publisher());
        let body = body.to_string();
        let headers = [("authorization", &*bearer)];
        let request = testkit::request("POST", "/api/v1/publish", &headers, Some(&body));
        let answer = testkit::exchange(gateway.address(), &request).await;
        assert!(answer.status < 300, "{}", answer.body);
    };
    publish("user:ada").await;
    publish("user:bob").await;
    let mut ids = Vec::new();
    for session in &mut ada {
        let (first, second) = (session.next().await, session.next().await);
        assert_eq!(
            (&first["payload"]["data"]["to"], &second["payload"]["data"]["to"]),
            (&json!("user:ada"), &json!("user:bob"))
        );
        ids.push(first["id"].clone());
    }
    assert_eq!(ids[0], ids[1], "the same frame");
    let (first, second) = (bob.next().await, bob.next().await);
    assert_eq!(
        (&first["payload"]["data"]["to"], &second["payload"]["data"]["to"]),
        (&json!("user:ada"), &json!("user:bob"))
    );
}
