//! What does not validate is 422, names each field, comes before existence and changes nothing.

use serde_json::{Value, json};

use crate::{create, gateway, heartbeat, member, ok, patch, quiet, unprocessable};

fn body(field: &str) -> Value {
    json!(["body", field])
}

#[tokio::test]
async fn no_object_is_no_body() {
    let gateway = gateway();
    for (method, path) in [
        ("POST", "/agents/"),
        ("PATCH", "/agents/x"),
        ("POST", "/agents/x/actions"),
        ("POST", "/agents/x/heartbeat"),
        ("POST", "/lymphnode/clone"),
    ] {
        for text in ["[]", "7", "{", "{\"a\":}", "\"x\""] {
            let answer = gateway.request(method, path, Some(text)).await;
            unprocessable(&answer, &[json!(["body"])]);
        }
        // A sign of life needs to say nothing more.
        if !path.ends_with("heartbeat") {
            unprocessable(&gateway.request(method, path, Some("null")).await, &[json!(["body"])]);
            unprocessable(&gateway.request(method, path, None).await, &[json!(["body"])]);
        }
    }
}

#[tokio::test]
async fn a_new_agents_fields_are_checked() {
    let gateway = gateway();
    let mut session = member(&gateway, &["agents"]).await;
    create(&gateway, "taken").await;
    session.next().await;
    let long = "x".repeat(195);
    for (fields, wrong) in [
        (json!({}), vec!["agent_type"]),
        (json!({ "agent_type": null }), vec!["agent_type"]),
        (json!({ "agent_type": "" }), vec!["agent_type"]),
        (json!({ "agent_type": 7 }), vec!["agent_type"]),
        (json!({ "agent_type": "virus" }), vec!["agent_type"]),
        (json!({ "agent_type": "b_cell", "config": [] }), vec!["config"]),
        (json!({ "agent_type": "b_cell", "config": "x" }), vec!["config"]),
        (json!({ "agent_type": "b_cell", "agent_id": 7 }), vec!["agent_id"]),
        (json!({ "agent_type": "b_cell", "agent_id": "a/b" }), vec!["agent_id"]),
        (json!({ "agent_type": "b_cell", "agent_id": "a\u{7}" }), vec!["agent_id"]),
        (json!({ "agent_type": "b_cell", "agent_id": long }), vec!["agent_id"]),
        (json!({ "agent_type": "virus", "agent_id": "taken" }), vec!["agent_type"]),
        (json!({ "agent_type": "b_cell", "config": { "k": "x".repeat(65536) } }), vec!["config"]),
    ] {
        let answer = gateway.post("/agents/", &fields).await;
        unprocessable(&answer, &wrong.into_iter().map(body).collect::<Vec<_>>());
    }
    let all = gateway.post("/agents/", &json!({ "agent_type": 7, "config": 7, "agent_id": 7 })).await;
    assert_eq!((all.status, all.json()["errors"].as_array().unwrap().len()), (422, 3));
    assert_eq!(ok(gateway.get("/agents/").await)["total"], 1);
    quiet(&mut session).await;
}

#[tokio::test]
async fn a_change_is_checked_before_the_agent_is_looked_for() {
    let gateway = gateway();
    let before = create(&gateway, "a").await;
    for id in ["a", "x"] {
        for (fields, wrong) in [
            (json!({ "status": "dead" }), "status"),
            (json!({ "status": "Active" }), "status"),
            (json!({ "status": 1 }), "status"),
            (json!({ "health": 1.01 }), "health"),
            (json!({ "health": -0.1 }), "health"),
            (json!({ "health": "well" }), "health"),
            (json!({ "health": true }), "health"),
            (json!({ "load": 1.5 }), "load"),
            (json!({ "load": -1 }), "load"),
            (json!({ "load": [] }), "load"),
            (json!({ "config": [] }), "config"),
            (json!({ "config": "x", "health": 0.5 }), "config"),
        ] {
            unprocessable(&patch(&gateway, id, fields).await, &[body(wrong)]);
        }
    }
    assert_eq!(ok(gateway.get("/agents/a").await), before);
}

#[tokio::test]
async fn a_heartbeat_is_checked_before_the_agent_is_looked_for() {
    let gateway = gateway();
    let before = create(&gateway, "a").await;
    for id in ["a", "x"] {
        for (fields, wrong) in [
            (json!({ "health": 2 }), body("health")),
            (json!({ "load": -0.1 }), body("load")),
            (json!({ "energia": 100.5 }), body("energia")),
            (json!({ "energia": {} }), body("energia")),
            (json!({ "counters": [] }), body("counters")),
            (
                json!({ "counters": { "deteccoes_total": -1 } }),
                json!(["body", "counters", "deteccoes_total"]),
            ),
            (
                json!({ "counters": { "neutralizacoes_total": 1.5 } }),
                json!(["body", "counters", "neutralizacoes_total"]),
            ),
            (
                json!({ "counters": { "falsos_positivos": "x" } }),
                json!(["body", "counters", "falsos_positivos"]),
            ),
        ] {
            unprocessable(&heartbeat(&gateway, id, fields).await, &[wrong]);
        }
    }
    assert_eq!(ok(gateway.get("/agents/a").await), before);
}

#[tokio::test]
async fn a_clone_is_checked_before_the_parent_is_looked_for() {
    let gateway = gateway();
    create(&gateway, "a").await;
    for id in ["a", "x"] {
        for (field, value) in [
            ("num_clones", json!(0)),
            ("num_clones", json!(11)),
            ("num_clones", json!(2.5)),
            ("num_clones", json!("many")),
            ("num_clones", json!(true)),
            ("mutate", json!("perhaps")),
            ("mutation_rate", json!(1.1)),
            ("mutation_rate", json!(-0.1)),
            ("mutation_rate", json!({})),
            ("especializacao", json!(7)),
        ] {
            let mut fields = json!({ "agent_id": id });
            fields[field] = value;
            unprocessable(&gateway.post("/lymphnode/clone", &fields).await, &[body(field)]);
        }
    }
    for agent_id in [json!(null), json!(7)] {
        let answer = gateway.post("/lymphnode/clone", &json!({ "agent_id": agent_id })).await;
        unprocessable(&answer, &[body("agent_id")]);
    }
    assert_eq!(ok(gateway.get("/agents/").await)["total"], 1);
}

#[tokio::test]
async fn the_longest_id_is_one_that_its_room_can_have() {
    let gateway = gateway();
    let id = "x".repeat(128);
    let mut session = member(&gateway, &[&format!("agent:{id}")]).await;
    create(&gateway, &id).await;
    assert_eq!(session.next().await["data"]["agent_id"], id);
}

#[tokio::test]
async fn config_stays_bounded_over_many_changes() {
    let gateway = gateway();
    create(&gateway, "a").await;
    let entry = |name: &str| json!({ "config": { name: "x".repeat(40_000) } });
    ok(patch(&gateway, "a", entry("one")).await);
    unprocessable(&patch(&gateway, "a", entry("two")).await, &[body("config")]);
    assert_eq!(crate::keys(&ok(gateway.get("/agents/a").await)["config"]), ["one"]);
}
