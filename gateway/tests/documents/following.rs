//! The documents follow what is loaded.

use serde_json::{Value, json};
use testkit::{Gateway, request};

use super::document::Document;
use crate::{options, start};

async fn knows(gateway: &Gateway) -> (bool, bool) {
    let openapi = Document::of(gateway, "/openapi.json").await;
    let asyncapi = Document::of(gateway, "/asyncapi.json").await;
    let message = &asyncapi.0["components"]["messages"]["event.agents.agent_created"];
    (openapi.0["paths"].get("/agents/").is_some(), message.is_object())
}

#[tokio::test]
async fn what_a_stopped_plugin_offered_is_gone_until_it_is_started_again() {
    let gateway = start(options());
    assert_eq!(knows(&gateway).await, (true, true));
    assert_eq!(gateway.request("POST", "/api/v1/plugins/agents/stop", None).await.status, 200);
    assert_eq!(knows(&gateway).await, (false, false));
    assert_eq!(gateway.request("POST", "/api/v1/plugins/agents/start", None).await.status, 200);
    assert_eq!(knows(&gateway).await, (true, true));
}

#[tokio::test]
async fn a_document_bears_a_tag_and_is_not_sent_again_while_it_is_the_same() {
    let gateway = start(options());
    let get = async |path: &str, tag: &str| {
        gateway.raw(request("GET", path, &[("If-None-Match", tag)], None)).await
    };
    for path in ["/openapi.json", "/asyncapi.json"] {
        let first = gateway.get(path).await;
        let tag = first.header("etag").unwrap();
        assert_eq!(first.header("cache-control"), Some("no-cache"));
        assert_eq!(gateway.get(path).await.body, first.body, "it is the same each time");
        let again = get(path, tag).await;
        assert_eq!((again.status, &*again.body, again.header("etag")), (304, "", Some(tag)));
        gateway.request("POST", "/api/v1/plugins/agents/stop", None).await;
        let changed = get(path, tag).await;
        assert_eq!(changed.status, 200);
        assert_ne!(changed.header("etag"), Some(tag));
        gateway.request("POST", "/api/v1/plugins/agents/start", None).await;
        assert_eq!(get(path, tag).await.status, 304, "it is the first one again");
    }
}

#[tokio::test]
async fn what_an_instance_makes_of_its_manifest_is_told() {
    let gateway = start(
        options()
            .set("plugins.echo.calls=[\"say\"]")
            .set("plugins.agents.agent_types=[\"scout\"]")
            .set("plugins.agents.open=[\"POST /agents/{id}/heartbeat\"]"),
    );
    let openapi = Document::of(&gateway, "/openapi.json").await;
    let body = openapi.operation("/agents/", "post").body().unwrap();
    assert_eq!(body["schema"]["properties"]["agent_type"]["enum"], json!(["scout"]));
    assert_eq!(openapi.operation("/agents/{id}/heartbeat", "post").told["security"], json!([]));
    let types = &openapi.0["components"]["schemas"]["EventType"]["enum"];
    assert!(types.as_array().unwrap().contains(&Value::from("echoed")), "{types}");
    let asyncapi = Document::of(&gateway, "/asyncapi.json").await;
    assert_eq!(asyncapi.0["operations"]["ws.say"]["action"], "receive");
}

#[tokio::test]
async fn each_endpoint_is_a_channel_of_its_dialect() {
    let endpoints = r#"endpoint=[{path="/live",welcome="Hi"},{path="/live/echo",dialect="echo"}]"#;
    let gateway = start(options().set(endpoints));
    let asyncapi = Document::of(&gateway, "/asyncapi.json").await;
    let channels = &asyncapi.0["channels"];
    assert_eq!(
        (&channels["live"]["address"], &channels["live_echo"]["address"]),
        (&json!("/live"), &json!("/live/echo"))
    );
    assert!(channels["live"]["messages"].get("request.join").is_some());
    assert_eq!(channels["live_echo"]["messages"].as_object().unwrap().len(), 2);
    assert!(asyncapi.0["operations"].get("live_echo.echo").is_some());
    let host = asyncapi.0["servers"]["main"]["host"].as_str().unwrap();
    assert_eq!(host, gateway.address().to_string());
}

#[tokio::test]
async fn endpoints_that_are_asked_over_http_are_operations() {
    let endpoints = r#"endpoint=[{path="/ws"},{path="/events",transport="sse"},{path="/poll",transport="poll",auth="locked"}]"#;
    let gateway = start(options().set("auth.locked.anonymous=false").set(endpoints));
    let openapi = Document::of(&gateway, "/openapi.json").await;
    let (events, poll) = (openapi.operation("/events", "get"), openapi.operation("/poll", "get"));
    let names = |operation: &Value| -> Vec<String> {
        let all = operation["parameters"].as_array().unwrap().iter();
        all.map(|parameter| parameter["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(
        names(events.told),
        ["client_id", "last_event_id", "rooms", "token", "types", "Last-Event-ID"]
    );
    assert_eq!(names(poll.told), ["cursor", "limit", "rooms", "timeout", "token", "types"]);
    assert!(events.told["responses"]["200"]["content"].get("text/event-stream").is_some());
    assert_eq!((&events.told["security"], &poll.told["security"]), (&json!([]), &json!([{ "bearer": [] }])));
    let good = &poll.told["responses"]["200"]["content"]["application/json"];
    openapi.fits(&good["schema"], &good["example"], "an answer to a poll");
    let asyncapi = Document::of(&gateway, "/asyncapi.json").await;
    assert_eq!(asyncapi.0["channels"].as_object().unwrap().len(), 1);
}
