//! What is wrong with a poll is said, and where.

use serde_json::{Value, json};
use testkit::{Answer, Gateway};

use crate::{cursor, options, poll, start};

async fn refused(gateway: &Gateway, query: &str) -> Answer {
    let answer = gateway.get(&format!("/poll?{query}")).await;
    assert_eq!(answer.status, 400, "{query}: {answer:?}");
    answer
}

fn errors(answer: &Answer) -> Vec<(Value, Value)> {
    let errors = answer.json()["errors"].as_array().cloned().unwrap_or_default();
    errors.into_iter().map(|error| (error["loc"].clone(), error["msg"].clone())).collect()
}

#[tokio::test]
async fn rooms_without_history_cannot_be_polled() {
    let gateway = start(options());
    let answer = refused(&gateway, "rooms=k,r").await;
    assert_eq!(answer.json()["detail"], "the room 'r' keeps no history: nothing of it can be polled");
    assert_eq!(answer.json()["room"], "r");
}

#[tokio::test]
async fn each_mistake_is_named_with_its_place() {
    let gateway = start(options());
    let answer = refused(&gateway, "cursor=x&types=nope&timeout=-1&limit=0").await;
    let names: Vec<_> = errors(&answer).into_iter().map(|(place, _)| place[1].clone()).collect();
    assert_eq!(names, ["types", "rooms", "cursor", "timeout", "limit"]);
    let good = poll(&gateway, "rooms=k,k2").await;
    let second = format!("rooms=k,k2&cursor={},what", cursor(&good));
    let (place, said) = errors(&refused(&gateway, &second).await).remove(0);
    assert_eq!(place, json!(["query", "cursor"]));
    assert!(said.as_str().unwrap().starts_with("entry 3 is none that was given"), "{said}");
    for query in ["timeout=NaN", "timeout=soon", "timeout=inf", "limit=1001", "limit=1.5"] {
        refused(&gateway, &format!("rooms=k&{query}")).await;
    }
    // However long it asks for, it does not wait longer than a minute; here nothing has to be waited for.
    poll(&gateway, "rooms=k&timeout=1e300").await;
    poll(&gateway, "rooms=k&cursor=").await;
}

#[tokio::test]
async fn a_closed_room_is_403_and_another_method_405() {
    let rules = r#"room=[{prefix="k",join="nobody",history={size=9,ttl="1m"}}]"#;
    let gateway = start(options().set(rules));
    let answer = gateway.get("/poll?rooms=k").await;
    assert_eq!((answer.status, &answer.json()["room"]), (403, &json!("k")));
    let answer = gateway.request("POST", "/poll?rooms=k", Some("{}")).await;
    assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")));
    let gateway = start(options());
    let answer = gateway.request("HEAD", "/poll?rooms=k", None).await;
    assert_eq!((answer.status, &*answer.body), (200, ""));
}
