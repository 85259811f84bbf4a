//! What the plugin promises, against the authoring crate's miniature gateway: through the whole boundary, but in this process.

#![allow(clippy::unwrap_used, reason = "tests say what they expect by panicking")]

use std::time::Duration;

use serde_json::{Value, json};
use tidegate_coordination::Coordination;
use tidegate_plugin::testing::{HttpAnswer, Published, StoreContent, TestHost};
use tidegate_plugin::{Plugin, Status};

fn start() -> TestHost {
    start_with(StoreContent::default())
}

fn start_with(store: StoreContent) -> TestHost {
    TestHost::of::<Coordination>().name("coordination").store(store).start().unwrap()
}

fn agent(id: &str, status: &str, vote: &str) -> Value {
    json!({"agent_id": id, "agent_type": "b_cell", "status": status, "health": 1.0, "load": 0.0, "config": {"vote": vote}})
}

/// Tells of an agent, as the plugin `agents` does.
fn tell(host: &TestHost, kind: &str, data: &Value) {
    assert_eq!(host.follow_from("agent_service", "agents", kind, data), Status::OK);
}

/// A new task, and its id.
fn create(host: &TestHost, body: Value) -> String {
    let answer = host.http_json("POST", "/coordination/tasks", &body);
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()["task_id"].as_str().unwrap().to_owned()
}

fn act(host: &TestHost, id: &str, body: Value) -> HttpAnswer {
    host.http_json("POST", &format!("/coordination/tasks/{id}/actions"), &body)
}

fn propose(host: &TestHost) -> Value {
    let body = json!({"proposal_type": "t", "proposal_data": {"n": 1}, "proposer_id": "p"});
    host.http_json("POST", "/coordination/consensus/propose", &body).json()
}

fn kinds(events: &[Published]) -> Vec<&str> {
    events.iter().map(|event| event.kind.as_str()).collect()
}

fn manifest() -> Value {
    serde_json::from_str(Coordination::manifest().json()).unwrap()
}

/// The entry of the manifest's list that `is` picks.
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
    tell(&host, "agent_created", &agent("a", "active", "manual"));
    let ask = |method: &str, path: &str, target: &str, body: Value, status: u16| -> HttpAnswer {
        let route = listed("routes", |r| r["method"] == method && r["path"] == path);
        if !body.is_null() && status != 422 {
            assert_fits(&route["request"], &body);
        }
        let answer = host.http_json(method, target, &body);
        assert_eq!(answer.status, status, "{answer:?}");
        assert_fits(&route["responses"][status.to_string()], &answer.json());
        answer
    };
    let tasks = "/coordination/tasks";
    let (one, actions) = ("/coordination/tasks/{id}", "/coordination/tasks/{id}/actions");
    let body =
        json!({"task_type": "é 1", "priority": "3", "timeout": 5, "target": null, "parameters": {"n": 1}});
    ask("POST", tasks, tasks, body, 201);
    ask("POST", tasks, tasks, json!({}), 422);
    let id = "/coordination/tasks/task_%C3%A9%201_001";
    ask("POST", actions, &format!("{id}/actions"), json!({"action": "start"}), 409);
    ask("POST", actions, &format!("{id}/actions"), json!({"action": "assign", "agent_id": "b"}), 404);
    for action in ["assign", "start", "fail", "retry", "assign", "start", "complete"] {
        ask(
            "POST",
            actions,
            &format!("{id}/actions"),
            json!({"action": action, "result": [1], "error": "e"}),
            200,
        );
    }
    ask("DELETE", one, id, Value::Null, 400);
    ask("GET", one, id, Value::Null, 200);
    ask("GET", tasks, "/coordination/tasks?status=completed&limit=1", Value::Null, 200);
    ask("GET", tasks, "/coordination/tasks?limit=0", Value::Null, 422);
    create(&host, json!({"task_type": "t"}));
    ask("DELETE", one, "/coordination/tasks/task_t_002", Value::Null, 204);
    ask("GET", one, "/coordination/tasks/task_t_002", Value::Null, 404);
    ask("GET", "/coordination/election", "/coordination/election", Value::Null, 200);
    ask("POST", "/coordination/election/trigger", "/coordination/election/trigger", Value::Null, 200);
    ask("GET", "/coordination/election", "/coordination/election", Value::Null, 200);
    let path = "/coordination/consensus/propose";
    let body = json!({"proposal_type": "t", "proposal_data": {}, "proposer_id": "p", "timeout": "9.5"});
    ask("POST", path, path, body, 201);
    let (path, votes) = (
        "/coordination/consensus/proposals/{id}/votes",
        "/coordination/consensus/proposals/proposal_001/votes",
    );
    ask("POST", path, votes, json!({"voter_id": "b", "vote": "for"}), 403);
    ask("POST", path, votes, json!({"voter_id": "a", "vote": "for"}), 200);
    ask("POST", path, votes, json!({"voter_id": "a", "vote": "for"}), 409);
    let (path, list) = ("/coordination/consensus/proposals/{id}", "/coordination/consensus/proposals");
    ask("GET", path, "/coordination/consensus/proposals/proposal_001", Value::Null, 200);
    ask("GET", path, "/coordination/consensus/proposals/x", Value::Null, 404);
    ask("GET", list, list, Value::Null, 200);
    ask("GET", "/coordination/status", "/coordination/status", Value::Null, 200);

    let events = host.events();
    let expected = "health_changed task_created task_assigned task_started task_failed task_retried task_assigned \
                    task_started task_completed task_created task_cancelled election_triggered leader_elected \
                    consensus_proposed consensus_decided";
    assert_eq!(kinds(&events).join(" "), expected);
    for event in &events {
        let declared = listed("events", |e| e["type"] == event.kind.as_str());
        assert_fits(&declared["schema"], &event.data);
        assert_eq!(
            (event.source.as_str(), &json!(event.rooms)),
            ("coordination_service", &json!([declared["room"]]))
        );
    }
    let ids: std::collections::HashSet<_> = events.iter().map(|event| &event.id).collect();
    assert_eq!(ids.len(), events.len(), "no two events have one id");
    assert!(
        manifest()["events"]
            .as_array()
            .unwrap()
            .iter()
            .all(|e| kinds(&events).contains(&e["type"].as_str().unwrap()))
    );
}

#[test]
fn the_manifests_examples_are_of_what_they_are_examples_for() {
    fn walk(value: &Value, seen: &mut usize) {
        if let Some(examples) = value.get("examples").and_then(Value::as_array) {
            examples.iter().for_each(|example| assert_fits(value, example));
            *seen += examples.len();
        }
        match value {
            Value::Object(object) => object.values().for_each(|value| walk(value, seen)),
            Value::Array(array) => array.iter().for_each(|value| walk(value, seen)),
            _ => {}
        }
    }
    let mut seen = 0;
    walk(&manifest(), &mut seen);
    assert!(seen > 40, "{seen}");
}

#[test]
fn what_does_not_validate_is_told_before_what_does_not_exist() {
    let host = start();
    let (task, votes) = ("/coordination/tasks/x/actions", "/coordination/consensus/proposals/x/votes");
    for (target, body, status, detail) in [
        (task, r#"{"action":"fly"}"#, 422, ""),
        (task, r#"{"action":"assign","agent_id":"nobody"}"#, 404, "Task 'x' not found"),
        (votes, r#"{"voter_id":"a","vote":"yes"}"#, 422, ""),
        (votes, r#"{"voter_id":"a","vote":"for"}"#, 404, "Proposal 'x' not found"),
    ] {
        let answer = host.http("POST", target, body);
        assert_eq!(answer.status, status, "{answer:?}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        match status {
            404 => assert_eq!(answer.json()["detail"], detail),
            _ => assert_eq!(answer.json()["errors"][0]["loc"][0], "body"),
        }
    }
    assert!(host.events().is_empty());
}

#[test]
fn a_client_can_vote_by_call() {
    let host = start();
    for id in ["a", "b"] {
        tell(&host, "agent_created", &agent(id, "active", "manual"));
    }
    let id = propose(&host)["proposal_id"].clone();
    let vote = |voter: &str, vote: &str| {
        host.call("vote", &json!({"proposal_id": id, "voter_id": voter, "vote": vote}))
    };
    let answer = vote("a", "for");
    assert!(answer.success, "{answer:?}");
    assert_eq!((&answer.data["votes_for"], &answer.data["status"]), (&json!(1), &json!("pending")));
    let declared = listed("calls", |call| call["name"] == "vote");
    assert_fits(&declared["response"], &answer.data);
    let answer = vote("a", "for");
    assert_eq!(
        (answer.success, answer.message.as_str()),
        (false, "'a' has voted on proposal 'proposal_001' already")
    );
    let answer = vote("b", "perhaps");
    assert!(!answer.success && answer.message.starts_with("data.vote: Input should be one of"), "{answer:?}");
    let answer = host.call("vote", &json!({"proposal_id": "p", "voter_id": "a", "vote": "for"}));
    assert_eq!((answer.success, answer.message.as_str()), (false, "Proposal 'p' not found"));
    assert_eq!(host.call("vote", &json!(5)).message, "data: Input should be an object");
    assert_eq!(vote("b", "for").data["status"], "approved");
}

#[test]
fn agents_are_read_from_what_is_kept_of_them_at_the_start_and_after_a_gap() {
    let kept = agent("a", "active", "auto").to_string();
    let host = start_with(StoreContent::default().with_of("agents", "shared/agent/a", kept));
    let total = || host.http("GET", "/coordination/status", "").json()["total_agents"].clone();
    assert_eq!(total(), 1);
    tell(&host, "agent_deleted", &json!({"agent_id": "a"}));
    assert_eq!(total(), 0);
    host.gap("agents", 3, 1, 4);
    assert_eq!(total(), 1);
}

#[test]
fn what_an_event_on_agents_changes_the_next_request_sees() {
    let host = start();
    let id = create(&host, json!({"task_type": "t"}));
    tell(&host, "agent_created", &agent("a", "inactive", "auto"));
    tell(
        &host,
        "agent_status_changed",
        &json!({"agent_id": "a", "old_status": "inactive", "new_status": "active"}),
    );
    assert_eq!(act(&host, &id, json!({"action": "assign"})).json()["assigned_agent"], "a");
}

#[test]
fn a_task_fails_by_itself_when_its_time_is_up() {
    let host = start();
    tell(&host, "agent_created", &agent("a", "active", "auto"));
    let id = create(&host, json!({"task_type": "t", "timeout": 3600}));
    act(&host, &id, json!({"action": "assign"}));
    act(&host, &id, json!({"action": "start"}));
    let before = host.events().len();
    host.advance_clock(Duration::from_secs(3600));
    let events = host.wait_for_events(before + 1);
    assert_eq!(
        (events[before].kind.as_str(), &events[before].data["error"]),
        ("task_failed", &json!("timeout"))
    );
    assert_eq!(events[before].data["duration"], 3600.0);
}

#[test]
fn a_short_time_is_kept_without_waiting_for_the_next_look() {
    let host = start();
    tell(&host, "agent_created", &agent("a", "active", "manual"));
    let body = json!({"proposal_type": "t", "proposal_data": {}, "proposer_id": "p", "timeout": 0.05});
    let begun = std::time::Instant::now();
    host.http_json("POST", "/coordination/consensus/propose", &body);
    let events = host.wait_for_events(3);
    assert_eq!(kinds(&events), ["health_changed", "consensus_proposed", "consensus_decided"]);
    assert!(begun.elapsed() < Duration::from_millis(900), "{:?}", begun.elapsed());
}

#[test]
fn all_is_there_after_a_restart() {
    let host = start();
    tell(&host, "agent_created", &agent("a", "active", "manual"));
    for task_type in ["z", "a"] {
        create(&host, json!({"task_type": task_type}));
    }
    act(&host, "task_a_002", json!({"action": "assign"}));
    host.http("POST", "/coordination/election/trigger", "");
    propose(&host);
    let look = |host: &TestHost| {
        ["tasks", "election", "consensus/proposals"]
            .map(|path| host.http("GET", &format!("/coordination/{path}"), "").json())
    };
    let before = look(&host);
    let kept = agent("a", "active", "manual").to_string();
    let again = start_with(host.stop().store.with_of("agents", "shared/agent/a", kept));
    assert_eq!(look(&again), before);
    assert!(again.events().is_empty());
    assert_eq!(create(&again, json!({"task_type": "t"})), "task_t_003");
    assert_eq!(propose(&again)["proposal_id"], "proposal_002");
}

#[test]
fn an_answer_waits_until_its_events_are_safe() {
    let host = start();
    host.hold_commits(true);
    let pending = host.begin_http("POST", "/coordination/tasks", r#"{"task_type":"t"}"#);
    assert_eq!(host.wait_for_events(1).len(), 1);
    let look = host.http("GET", "/coordination/tasks/task_t_001", "");
    assert_eq!(look.status, 200, "a request that changes nothing does not wait");
    host.hold_commits(false);
    assert_eq!(pending.response().status, 201);
}

#[test]
fn an_event_that_was_lost_is_told_at_the_next_start() {
    let host = start();
    host.lose_commits(Status::TIMEOUT);
    let answer = host.http("POST", "/coordination/tasks", r#"{"task_type":"t"}"#);
    assert_eq!(answer.status, 504);
    let left = host.stop();
    let again = start_with(left.store);
    let events = again.wait_for_events(1);
    assert_eq!((kinds(&events), &events[0].id), (vec!["task_created"], &left.events[0].id));
    assert_eq!(events[0].data, left.events[0].data);
    let third = start_with(again.stop().store);
    assert_eq!(third.http("GET", "/coordination/tasks/task_t_001", "").json(), left.events[0].data);
    assert!(third.events().is_empty());
}

#[test]
fn an_event_that_the_hub_finds_wrong_is_left_out_and_keeps_nothing_back() {
    let notice = |kind: &str, id: &str| {
        json!({"kind": kind, "room": "coordination", "id": id, "at": "2026-01-01T00:00:00.000Z",
            "data": {"message": "Leader election triggered", "election_term": 1}})
    };
    let untold = [notice("election_lost", "election#1"), notice("election_triggered", "election#2")];
    let kept = json!({"has_leader": false, "leader_id": null, "election_term": 0, "last_election": null,
        "total_elections": 0, "leader_changes": 0, "eligible_voters": 0, "untold": untold});
    let host = start_with(StoreContent::default().with("shared/election", kept.to_string()));
    let events = host.wait_for_events(1);
    assert_eq!((kinds(&events), events[0].time), (vec!["election_triggered"], 1_767_225_600_000));
    assert!(host.log().iter().any(|line| line.message.contains("election_lost")));
}

#[test]
fn a_busy_gateway_is_waited_for_and_the_order_is_kept() {
    let host = start();
    host.refuse_publishes(3, 1);
    let pending: Vec<_> =
        (0..3).map(|_| host.begin_http("POST", "/coordination/election/trigger", "")).collect();
    let terms: Vec<_> = pending.into_iter().map(|p| p.response().json()["election_term"].clone()).collect();
    assert_eq!(terms, [1, 2, 3]);
    let told: Vec<_> = host.events().iter().map(|event| event.data["election_term"].clone()).collect();
    assert_eq!(told, [1, 1, 2, 3]);
}

#[test]
fn health_says_how_much_there_is() {
    let host = start();
    create(&host, json!({"task_type": "t"}));
    let details = json!({"agents": 0, "tasks": 1, "proposals": 0});
    assert_eq!(host.health(), json!({"status": "healthy", "details": details}));
}
