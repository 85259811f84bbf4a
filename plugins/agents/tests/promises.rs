//! What the plugin promises, against the authoring crate's miniature gateway: through the whole boundary, but in this process.

#![allow(clippy::unwrap_used, reason = "tests say what they expect by panicking")]

use std::time::Duration;

use serde_json::{Value, json};
use tidegate_agents::Agents;
use tidegate_plugin::testing::{HttpAnswer, Published, TestHost};
use tidegate_plugin::{Plugin, Status};

fn start() -> TestHost {
    TestHost::of::<Agents>().name("agents").start().unwrap()
}

fn create(host: &TestHost, id: &str) -> Value {
    let answer = host.http_json("POST", "/agents/", &json!({"agent_type": "b_cell", "agent_id": id}));
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()
}

fn kinds(events: &[Published]) -> Vec<&str> {
    events.iter().map(|event| event.kind.as_str()).collect()
}

fn manifest() -> Value {
    serde_json::from_str(Agents::manifest().json()).unwrap()
}

/// The part of the manifest's list whose `key` is `name`.
fn listed(list: &str, is: impl Fn(&Value) -> bool) -> Value {
    manifest()[list].as_array().unwrap().iter().find(|item| is(item)).unwrap().clone()
}

#[track_caller]
fn assert_fits(schema: &Value, value: &Value) {
    let mut schema = schema.clone();
    tidegate_plugin::schema::lend(manifest()["$defs"].as_object().unwrap(), &mut schema);
    let flaws: Vec<_> =
        jsonschema::validator_for(&schema).unwrap().iter_errors(value).map(|e| e.to_string()).collect();
    assert!(flaws.is_empty(), "{flaws:?} in {value}");
}

#[test]
fn every_answer_and_event_is_as_the_manifest_says() {
    let host = start();
    let ask = |method: &str, path: &str, target: &str, body: Value, status: u16| -> HttpAnswer {
        let route = listed("routes", |r| r["method"] == method && r["path"] == path);
        if !body.is_null() {
            assert_fits(&route["request"], &body);
        }
        let answer = host.http_json(method, target, &body);
        assert_eq!(answer.status, status, "{answer:?}");
        assert_fits(&route["responses"][status.to_string()], &answer.json());
        answer
    };
    let body = json!({"agent_type": "dendritic", "agent_id": "é 1", "config": {"n": 3}});
    ask("POST", "/agents/", "/agents/", body, 201);
    ask("GET", "/agents/", "/agents/?status=inactive", Value::Null, 200);
    ask("GET", "/agents/{id}", "/agents/%C3%A9%201", Value::Null, 200);
    let body = json!({"health": "0.5", "load": 1, "status": null, "config": {"n": 4}});
    ask("PATCH", "/agents/{id}", "/agents/%C3%A9%201", body, 200);
    ask("POST", "/agents/{id}/actions", "/agents/%C3%A9%201/actions", json!({"action": "start"}), 200);
    let body = json!({"energia": 1, "counters": {"deteccoes_total": "5", "falsos_positivos": null}});
    ask("POST", "/agents/{id}/heartbeat", "/agents/%C3%A9%201/heartbeat", body, 200);
    ask("GET", "/agents/{id}/stats", "/agents/%C3%A9%201/stats", Value::Null, 200);
    ask("GET", "/agents/types/available", "/agents/types/available", Value::Null, 200);
    let body = json!({"agent_id": "é 1", "num_clones": "2", "mutation_rate": 0, "especializacao": "s"});
    ask("POST", "/lymphnode/clone", "/lymphnode/clone", body, 201);
    ask("GET", "/lymphnode/metrics", "/lymphnode/metrics", Value::Null, 200);
    ask("GET", "/lymphnode/homeostatic-state", "/lymphnode/homeostatic-state", Value::Null, 200);
    ask("DELETE", "/lymphnode/clones/{especializacao}", "/lymphnode/clones/s", Value::Null, 200);
    ask("DELETE", "/agents/{id}", "/agents/%C3%A9%201", Value::Null, 204);

    let events = host.events();
    let expected = "agent_created agent_updated agent_action agent_status_changed homeostatic_state_changed \
                    agent_updated homeostatic_state_changed agent_created agent_created agent_cloned \
                    agent_deleted agent_deleted agent_deleted";
    assert!(kinds(&events).join(" ").starts_with(expected), "{:?}", kinds(&events));
    for event in &events {
        assert_fits(&listed("events", |e| e["type"] == event.kind.as_str())["schema"], &event.data);
        assert_eq!(event.source, "agent_service");
    }
    let types: Vec<_> = kinds(&events);
    let manifest = manifest();
    let declared = manifest["events"].as_array().unwrap();
    assert!(declared.iter().all(|event| types.contains(&event["type"].as_str().unwrap())));
}

#[test]
fn an_event_goes_to_the_room_of_all_agents_and_to_its_agents_own() {
    let host = start();
    create(&host, "a");
    assert_eq!(host.events()[0].rooms, ["agents", "agent:a"]);
    assert_eq!(host.events()[0].data, host.http("GET", "/agents/a", "").json());
}

#[test]
fn what_does_not_validate_is_told_before_what_does_not_exist() {
    let host = start();
    let ask = |method: &str, target: &str, body: &str| host.http(method, target, body.to_owned());
    let refused = [
        (ask("PATCH", "/agents/x", r#"{"health":2}"#), 422),
        (ask("PATCH", "/agents/x", "{}"), 404),
        (ask("POST", "/agents/x/actions", "{}"), 422),
        (ask("POST", "/agents/x/actions", r#"{"action":"fly"}"#), 400),
        (ask("POST", "/agents/x/actions", r#"{"action":"stop"}"#), 404),
        (ask("POST", "/agents/x/heartbeat", r#"{"health":"ill"}"#), 422),
        (ask("POST", "/agents/x/heartbeat", ""), 404),
        (ask("POST", "/lymphnode/clone", r#"{"agent_id":"x","num_clones":0}"#), 422),
        (ask("POST", "/lymphnode/clone", r#"{"agent_id":"x"}"#), 404),
        (ask("GET", "/agents/x/stats", ""), 404),
        (ask("DELETE", "/agents/x", ""), 404),
    ];
    for (answer, status) in refused {
        assert_eq!(answer.status, status, "{answer:?}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        match status {
            404 => assert_eq!(answer.json()["detail"], "Agent 'x' not found"),
            422 => assert_eq!(answer.json()["errors"][0]["loc"][0], "body"),
            _ => {}
        }
    }
    assert!(host.events().is_empty());
}

#[test]
fn stats_come_from_reports_and_from_the_events_of_tasks() {
    let host = start();
    create(&host, "a");
    let task = |kind: &str, agent: &str, duration: Value| {
        host.follow("tasks", kind, &json!({"task_id": "t", "assigned_agent": agent, "duration": duration}))
    };
    assert_eq!(task("task_assigned", "a", Value::Null), Status::OK);
    task("task_completed", "a", json!(1.5));
    task("task_assigned", "a", Value::Null);
    task("task_failed", "a", json!(0.5));
    task("task_completed", "somebody else", json!(9));
    host.http_json("POST", "/agents/a/heartbeat", &json!({"counters": {"neutralizacoes_total": 4}}));
    // What was followed before a request arrived is counted in its answer.
    let stats = host.http("GET", "/agents/a/stats", "").json();
    assert_eq!((&stats["total_tasks"], &stats["success_rate"]), (&json!(2), &json!(0.5)));
    assert_eq!((&stats["average_task_duration"], &stats["neutralizations_total"]), (&json!(1.0), &json!(4)));
}

#[test]
fn an_active_agent_that_falls_silent_is_lost_and_heard_again_is_active() {
    let host = start();
    create(&host, "a");
    host.http_json("POST", "/agents/a/actions", &json!({"action": "start"}));
    let before = host.events().len();
    host.advance_clock(Duration::from_secs(90));
    let events = host.wait_for_events(before + 1);
    assert_eq!(events[before].data, json!({"agent_id": "a", "old_status": "active", "new_status": "lost"}));
    assert_eq!(host.http("POST", "/agents/a/heartbeat", "").json()["status"], "active");
}

#[test]
fn agents_and_totals_are_there_after_a_restart() {
    let host = start();
    create(&host, "b");
    create(&host, "a");
    host.http_json("POST", "/lymphnode/clone", &json!({"agent_id": "a", "num_clones": 3}));
    host.http_json("POST", "/agents/b/heartbeat", &json!({"counters": {"deteccoes_total": 7}}));
    host.follow("tasks", "task_assigned", &json!({"assigned_agent": "a"}));
    let look = |host: &TestHost| {
        let get = |target| host.http("GET", target, "").json();
        (get("/agents/"), get("/lymphnode/metrics"), get("/agents/a/stats")["total_tasks"].clone())
    };
    let before = look(&host);
    let again = TestHost::of::<Agents>().name("agents").store(host.stop().store).start().unwrap();
    assert_eq!(look(&again), before);
    let taken = again.http_json("POST", "/agents/", &json!({"agent_type": "b_cell", "agent_id": "a"}));
    assert_eq!(taken.status, 409);
}

#[test]
fn an_answer_waits_until_its_events_are_safe() {
    let host = start();
    host.hold_commits(true);
    let pending = host.begin_http("POST", "/agents/", r#"{"agent_type":"b_cell"}"#);
    assert_eq!(host.wait_for_events(1).len(), 1);
    let look = host.http("GET", "/agents/types/available", "");
    assert_eq!(look.status, 200, "a request that changes nothing does not wait");
    host.hold_commits(false);
    assert_eq!(pending.response().status, 201);
}

#[test]
fn a_busy_gateway_is_waited_for_and_the_order_is_kept() {
    let host = start();
    create(&host, "a");
    host.refuse_publishes(3, 1);
    let pending: Vec<_> = ["start", "pause", "resume"]
        .map(|action| host.begin_http("POST", "/agents/a/actions", json!({"action": action}).to_string()))
        .into();
    let statuses: Vec<_> = pending.into_iter().map(|p| p.response().json()["new_status"].clone()).collect();
    assert_eq!(statuses, ["active", "paused", "active"]);
    let events = host.events();
    let changes: Vec<_> = events.iter().filter(|e| e.kind == "agent_status_changed").collect();
    let told: Vec<_> = changes.iter().map(|e| e.data["new_status"].clone()).collect();
    assert_eq!(told, ["active", "paused", "active"]);
}

#[test]
fn settings_are_judged_before_anything_is_started() {
    let refused = |config: Value| TestHost::of::<Agents>().config(config).start().unwrap_err();
    assert!(refused(json!({"heartbeat_timeout": "soon"})).contains("heartbeat_timeout: 'soon'"));
    assert!(refused(json!({"heartbeat_timeout": 0})).contains("at least 100ms"));
    assert!(refused(json!({"agent_types": ["X"]})).contains("agent_types: 'X'"));
}

#[test]
fn health_says_how_many_agents_there_are() {
    let host = start();
    create(&host, "a");
    let health = host.health();
    assert_eq!(health, json!({"status": "healthy", "details": {"agents": 1, "active": 0, "unwell": 0}}));
}
