//! The region's temperature and its states.

use serde_json::{Value, json};
use testkit::Gateway;

use crate::{act, create, delete, event, expect, gateway, heartbeat, keys, member, ok, patch, quiet};

/// State and temperature, which both routes tell alike.
async fn state(gateway: &Gateway) -> (String, f64) {
    let state = ok(gateway.get("/lymphnode/homeostatic-state").await);
    assert_eq!(keys(&state).len(), 4);
    for text in ["description", "recommended_action"] {
        assert!(!state[text].as_str().unwrap().is_empty(), "{state}");
    }
    let metrics = ok(gateway.get("/lymphnode/metrics").await);
    for field in ["homeostatic_state", "temperatura_regional"] {
        assert_eq!(state[field], metrics[field]);
    }
    (state["homeostatic_state"].as_str().unwrap().to_owned(), state["temperatura_regional"].as_f64().unwrap())
}

fn change(old: &str, new: &str, degrees: f64) -> Value {
    json!({ "old_state": old, "new_state": new, "temperatura_regional": degrees })
}

#[tokio::test]
async fn detections_heat_an_active_region_through_all_states() {
    let gateway = gateway();
    let mut session = member(&gateway, &["system"]).await;
    assert_eq!(state(&gateway).await, ("REPOUSO".into(), 36.5));
    create(&gateway, "a").await;
    quiet(&mut session).await;
    act(&gateway, "a", "start").await;
    let states = ["REPOUSO", "VIGILÂNCIA", "ATENÇÃO", "ATIVAÇÃO", "INFLAMAÇÃO"];
    let mut told = vec![expect(event(&mut session).await, "homeostatic_state_changed", "system")];
    assert_eq!(state(&gateway).await, ("VIGILÂNCIA".into(), 37.0));
    let mut hottest = 37.0;
    for detections in 1..=40 {
        ok(heartbeat(&gateway, "a", json!({ "counters": { "deteccoes_total": detections } })).await);
        let (name, degrees) = state(&gateway).await;
        let bounds = [f64::MIN, 37.0, 37.5, 38.0, 39.0, f64::MAX];
        let place = states.iter().position(|state| *state == name).unwrap();
        assert!(bounds[place] <= degrees && degrees < bounds[place + 1], "{name} at {degrees}");
        assert!(degrees >= hottest, "it cools down");
        hottest = degrees;
        if told.last().unwrap()["new_state"] != name.as_str() {
            let news = expect(event(&mut session).await, "homeostatic_state_changed", "system");
            assert_eq!(news["temperatura_regional"], degrees);
            told.push(news);
        }
    }
    quiet(&mut session).await;
    let pairs: Vec<_> =
        told.iter().map(|news| (news["old_state"].clone(), news["new_state"].clone())).collect();
    let expected: Vec<_> = states.windows(2).map(|pair| (json!(pair[0]), json!(pair[1]))).collect();
    assert_eq!(pairs, expected);
}

#[tokio::test]
async fn failing_agents_heat_the_region_by_their_share() {
    let gateway = gateway();
    for id in ["a", "b"] {
        create(&gateway, id).await;
        act(&gateway, id, "start").await;
    }
    let mut session = member(&gateway, &["system"]).await;
    ok(patch(&gateway, "a", json!({ "health": 0.5 })).await);
    assert_eq!(state(&gateway).await.1, 37.0);
    quiet(&mut session).await;
    ok(patch(&gateway, "a", json!({ "health": 0.4 })).await);
    assert_eq!(state(&gateway).await, ("ATIVAÇÃO".into(), 38.0));
    let news = expect(event(&mut session).await, "homeostatic_state_changed", "system");
    assert_eq!(news, change("VIGILÂNCIA", "ATIVAÇÃO", 38.0));
    ok(patch(&gateway, "b", json!({ "status": "lost" })).await);
    expect(event(&mut session).await, "homeostatic_state_changed", "system");
    delete(&gateway, "/agents/a").await;
    delete(&gateway, "/agents/b").await;
    let mut last = json!(null);
    while last != "REPOUSO" {
        last = expect(event(&mut session).await, "homeostatic_state_changed", "system")["new_state"].clone();
    }
    assert_eq!(state(&gateway).await, ("REPOUSO".into(), 36.5));
}

#[tokio::test]
async fn detections_that_were_told_before_count_once() {
    let gateway = gateway();
    create(&gateway, "a").await;
    act(&gateway, "a", "start").await;
    for _ in 0..5 {
        ok(heartbeat(&gateway, "a", json!({ "counters": { "deteccoes_total": 2 } })).await);
    }
    let twice = state(&gateway).await.1;
    ok(heartbeat(&gateway, "a", json!({ "counters": { "neutralizacoes_total": 50 } })).await);
    assert_eq!(state(&gateway).await.1, twice);
    assert!(37.0 < twice && twice < 37.5, "{twice}");
}
