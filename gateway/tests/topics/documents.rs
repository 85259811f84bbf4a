//! What tools are told of the dialect is what is sent.

use serde_json::Value;

use crate::{judge, open, options, start};

#[tokio::test]
async fn the_document_tells_of_requests_answers_and_events() {
    let gateway = start(options());
    let document = gateway.get("/asyncapi.json").await.json();
    let channel = &document["channels"]["ws_connect"];
    assert_eq!(channel["address"], "/ws/connect");
    let messages = document["components"]["messages"].as_object().unwrap();
    let mut requests = 0;
    for (name, message) in messages {
        let example = &message["examples"][0]["payload"];
        let validator = jsonschema::validator_for(&message["payload"]).unwrap();
        assert!(validator.is_valid(example), "{name}: {example}");
        let is_request = document["operations"].as_object().unwrap().values().any(|operation| {
            operation["action"] == "receive"
                && operation["messages"][0]["$ref"].as_str().unwrap().ends_with(&format!("/{name}"))
        });
        match is_request {
            true => requests += 1,
            false => drop(judge(&example_text(example))),
        }
    }
    assert_eq!(requests, 5);
    let mut session = open(&gateway).await;
    let ack = &messages["topics.connection_ack"]["payload"];
    let validator = jsonschema::validator_for(ack).unwrap();
    let mut again = gateway.connect("/ws/connect").await;
    assert!(validator.is_valid(&again.next().await));
    crate::nothing_else(&mut session).await;
}

/// As frames have their keys, which a value sorts.
fn example_text(example: &Value) -> String {
    let keys = ["event_type", "data", "timestamp", "message_id", "target_user_id", "target_role", "topic"];
    let pairs: Vec<String> = keys.map(|key| format!("\"{key}\":{}", example[key])).to_vec();
    format!("{{{}}}", pairs.join(","))
}
