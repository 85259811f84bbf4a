//! What the plugin promises, against the authoring crate's miniature gateway: through the whole boundary, but in this process.

#![allow(clippy::unwrap_used, reason = "tests say what they expect by panicking")]

use aws_lc_rs::hmac;
use serde_json::{Value, json};
use tidegate_plugin::testing::{HttpAnswer, StoreContent, TestHost};
use tidegate_plugin::{Plugin, Status};
use tidegate_projects::Projects;

const SECRET: &str = "It's a Secret to Everybody";

fn start(settings: Value, store: StoreContent) -> TestHost {
    TestHost::of::<Projects>().name("projects").config(settings).store(store).start().unwrap()
}

fn signing(more: &[(&str, Value)]) -> Value {
    let mut github = json!({"secret": SECRET, "repositories": {"Codertocat/Hello-World": "hello"}});
    more.iter().for_each(|(name, value)| github[*name] = value.clone());
    json!({ "github": github })
}

fn plain() -> TestHost {
    start(signing(&[]), StoreContent::default())
}

fn fixture(name: &str) -> String {
    std::fs::read_to_string(format!("{}/tests/github/{name}.json", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn signature(body: &str) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes()), body.as_bytes());
    let digits: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={digits}")
}

/// Delivers `body` with these headers.
fn deliver(host: &TestHost, headers: &[(&str, &str)], body: &str) -> HttpAnswer {
    host.set_headers(headers);
    host.http("POST", "/projects/webhooks/github", body.to_owned())
}

/// Delivers a signed body.
fn signed(host: &TestHost, kind: &str, id: &str, body: &str) -> HttpAnswer {
    let signature = signature(body);
    let headers =
        [("x-github-event", kind), ("x-github-delivery", id), ("x-hub-signature-256", signature.as_str())];
    deliver(host, &headers, body)
}

fn manifest() -> Value {
    serde_json::from_str(Projects::manifest().json()).unwrap()
}

#[track_caller]
fn assert_fits(schema: &Value, value: &Value) {
    let mut schema = schema.clone();
    tidegate_plugin::schema::lend(manifest()["$defs"].as_object().unwrap(), &mut schema);
    let flaws: Vec<_> =
        jsonschema::validator_for(&schema).unwrap().iter_errors(value).map(|e| e.to_string()).collect();
    assert!(flaws.is_empty(), "{flaws:?} in {value}");
}

/// Types that can be published, each with its example.
fn examples() -> Vec<(String, Value)> {
    let events = manifest()["events"].as_array().unwrap().clone();
    let example =
        |event: &Value| (event["type"].as_str().unwrap().to_owned(), event["schema"]["examples"][0].clone());
    events.iter().map(example).filter(|(kind, _)| !kind.starts_with("connection.")).collect()
}

#[test]
fn nineteen_types_are_declared_and_each_example_of_what_can_be_published_is() {
    assert_eq!(manifest()["events"].as_array().unwrap().len(), 19);
    let (host, examples) = (plain(), examples());
    assert_eq!(examples.len(), 17);
    let (route, mut seen) = (manifest()["routes"][0].clone(), Vec::new());
    for (kind, data) in &examples {
        let body = json!({"type": kind, "data": data});
        assert_fits(&route["request"], &body);
        let answer = host.http_json("POST", "/projects/events", &body);
        assert_eq!(answer.status, 202, "{answer:?}");
        assert_fits(&route["responses"]["202"], &answer.json());
        let event = host.events().pop().unwrap();
        assert_eq!((&event.kind, &event.data), (kind, data), "what is whole is sent as it is");
        let rooms: Vec<Value> = event.rooms.iter().map(|room| json!(room)).collect();
        let cursors = answer.json()["cursors"].as_array().unwrap().clone();
        assert_eq!(cursors.iter().map(|cursor| cursor["room"].clone()).collect::<Vec<_>>(), rooms);
        let source =
            manifest()["events"].as_array().unwrap().iter().find(|e| e["type"] == **kind).unwrap()["source"]
                .clone();
        assert_eq!(source, event.source);
        seen.push(event.kind);
    }
    assert_eq!(host.events().len(), 17);
}

#[test]
fn the_table_and_the_manifest_ask_for_the_same_fields() {
    let host = plain();
    for (kind, data) in examples() {
        let schema =
            manifest()["events"].as_array().unwrap().iter().find(|e| e["type"] == *kind).unwrap()["schema"]
                .clone();
        for (name, property) in schema["properties"].as_object().unwrap() {
            let mut less = data.clone();
            less.as_object_mut().unwrap().remove(name);
            let answer = host.http_json("POST", "/projects/events", &json!({"type": kind, "data": less}));
            let filled =
                host.events().last().filter(|_| answer.status == 202).map(|event| event.data[name].clone());
            match filled {
                // What is filled fits, too: it was published, and so held against the schema.
                Some(value) if schema["required"].as_array().unwrap().contains(&json!(name)) => {
                    assert!(!value.is_null() || property.to_string().contains("null"), "{kind}.{name}");
                }
                Some(value) => assert!(value.is_null(), "{kind}.{name} is left out"),
                None => assert_eq!(answer.status, 422, "{kind}.{name}"),
            }
        }
    }
}

#[test]
fn a_list_is_published_whole_or_not_at_all() {
    let host = plain();
    let good = json!({"type": "project.deleted", "data": {"project_id": "p", "deleted_by": "ada"}});
    let bad = json!({"type": "agent.connected", "data": {"agent_id": "a", "agent_name": "n", "status": "asleep", "availability": 101}});
    let answer = host.http_json("POST", "/projects/events", &json!([good, bad, good]));
    assert_eq!(answer.status, 422);
    let places: Vec<_> =
        answer.json()["errors"].as_array().unwrap().iter().map(|error| error["loc"].clone()).collect();
    assert_eq!(
        places,
        [json!(["body", "1", "data", "status"]), json!(["body", "1", "data", "availability"])]
    );
    assert!(host.events().is_empty());
    let answer = host.http_json("POST", "/projects/events", &json!([good, good]));
    assert_eq!((answer.status, answer.json().as_array().unwrap().len()), (202, 2));
    assert_eq!(answer.json()[1]["cursors"].as_array().unwrap().len(), 2);
    assert_eq!(host.http("POST", "/projects/events", "[]").json(), json!([]));
    for body in ["", "{", "7", "[[]]"] {
        assert_eq!(host.http("POST", "/projects/events", body).status, 422, "{body}");
    }
    let many = vec![good; 1001];
    assert_eq!(host.http_json("POST", "/projects/events", &many).json()["errors"][0]["type"], "too_long");
    assert_eq!(host.events().len(), 2);
}

#[test]
fn documented_deliveries_become_events() {
    let host = plain();
    for (kind, event, fields) in [
        (
            "pull_request",
            "pr.created",
            json!({
                "pr_id": "2", "project_id": "hello", "title": "Update the README with new information.",
                "description": "This is a pretty simple change that we need to pull into master.", "author": "Codertocat",
                "branch": "changes", "github_url": "https://github.com/Codertocat/Hello-World/pull/2", "status": "open",
                "created_at": "2019-05-15T15:20:33Z",
            }),
        ),
        (
            "issues",
            "issue.updated",
            json!({
                "issue_id": "1", "project_id": "hello", "title": "Spelling error in the README file",
                "description": "It looks like you accidently spelled 'commit' with two 't's.", "status": "open",
                "priority": "high", "assigned_to": "Codertocat", "updated_at": "2019-05-15T15:20:18Z",
            }),
        ),
        (
            "workflow_run",
            "workflow.started",
            json!({
                "workflow_id": "30433642", "status": "pending", "progress": 0, "current_step": "requested", "total_steps": 3,
                "estimated_time_remaining": null, "logs": null, "errors": null, "project_id": "hello",
            }),
        ),
        (
            "push",
            "project.updated",
            json!({
                "project_id": "hello", "project_name": "Hello-World", "status": "active", "updated_by": "Codertocat",
                "repository_url": "https://github.com/Codertocat/Hello-World",
                "changes": {
                    "ref": "refs/heads/master", "before": "6113728f27ae82c7b1a177c8d03f9e96e0adf246",
                    "after": "f95f852bd8fca8fcc58a9a2d6c842781e32a215e", "created": false, "deleted": false, "forced": false,
                    "commits": 1,
                },
            }),
        ),
        (
            "repository",
            "project.updated",
            json!({
                "project_id": "hello", "project_name": "Hello-World", "status": "active", "updated_by": "Codertocat",
                "repository_url": "https://github.com/Codertocat/Hello-World", "changes": {"action": "publicized"},
            }),
        ),
    ] {
        let answer = signed(&host, kind, kind, &fixture(kind));
        assert_eq!(answer.status, 202, "{answer:?}");
        assert_fits(&manifest()["routes"][1]["responses"]["202"], &answer.json());
        assert_eq!(answer.json()["events"][0]["type"], event);
        let published = host.events().pop().unwrap();
        assert_eq!((published.kind.as_str(), published.data), (event, fields));
        assert_eq!(published.id, format!("github:{kind}:0"));
        assert_eq!(published.rooms[0], "project:hello");
    }
    let answer = signed(&host, "ping", "ping", r#"{"zen": "Design for failure.", "hook_id": 30}"#);
    assert_eq!((answer.status, answer.json()), (202, json!({"delivery": "ping", "events": []})));
    assert_eq!(host.events().len(), 5);
}

#[test]
fn a_delivery_may_come_as_a_form() {
    let host = plain();
    let encoded: String = fixture("push").bytes().map(|byte| format!("%{byte:02X}")).collect();
    let body = format!("payload={encoded}");
    let signature = signature(&body);
    let headers = [
        ("x-github-event", "push"),
        ("x-github-delivery", "f"),
        ("x-hub-signature-256", signature.as_str()),
        ("content-type", "application/x-www-form-urlencoded"),
    ];
    assert_eq!(deliver(&host, &headers, &body).status, 202);
    assert_eq!(host.events()[0].kind, "project.updated");
}

#[test]
fn what_is_not_signed_with_the_secret_is_refused_before_it_is_looked_at() {
    let host = plain();
    let body = fixture("issues");
    let right = signature(&body);
    let other = signature("another body");
    for signature in [
        None,
        Some(""),
        Some("sha256="),
        Some(other.as_str()),
        Some(&right[..right.len() - 1]),
        Some(&right[7..]),
    ] {
        let mut headers = vec![("x-github-event", "issues"), ("x-github-delivery", "d1")];
        headers.extend(signature.map(|signature| ("x-hub-signature-256", signature)));
        assert_eq!(deliver(&host, &headers, &body).status, 401, "{signature:?}");
    }
    assert_eq!(deliver(&host, &[], "no JSON").status, 401);
    // A wrong signature has not used the delivery's id up.
    assert_eq!(signed(&host, "issues", "d1", &body).status, 202);
    assert_eq!(host.events().len(), 1);
    let without = start(json!({}), StoreContent::default());
    assert_eq!(signed(&without, "issues", "d1", &body).status, 401);
}

#[test]
fn a_delivery_is_taken_once_also_after_a_restart() {
    let host = plain();
    let body = fixture("issues");
    assert_eq!(signed(&host, "issues", "d1", &body).status, 202);
    assert_eq!(signed(&host, "issues", "d1", &body).status, 409);
    assert_eq!(signed(&host, "push", "d1", &fixture("push")).status, 409, "whatever it is");
    assert_eq!(signed(&host, "issues", "wrong", "{}").status, 422);
    assert_eq!(signed(&host, "issues", "wrong", &body).status, 202, "nothing had come of it");
    assert_eq!(host.events().len(), 2);
    let host = start(signing(&[]), host.stop().store);
    assert_eq!(signed(&host, "issues", "d1", &body).status, 409);
    assert_eq!(signed(&host, "issues", "d2", &body).status, 202);
}

#[test]
fn a_bounded_number_of_deliveries_is_remembered() {
    let host = start(signing(&[("deliveries", json!(3))]), StoreContent::default());
    for n in 0..5 {
        host.advance_clock(std::time::Duration::from_millis(10));
        assert_eq!(signed(&host, "ping", &format!("d{n}"), "{}").status, 202);
    }
    assert_eq!(host.health()["details"]["deliveries"], 3);
    assert_eq!(signed(&host, "ping", "d2", "{}").status, 409);
    host.advance_clock(std::time::Duration::from_millis(10)); // of two in one millisecond neither is the newest
    assert_eq!(signed(&host, "ping", "d1", "{}").status, 202, "it was forgotten");
    let host = start(signing(&[("deliveries", json!(1))]), host.stop().store);
    assert_eq!(host.health()["details"]["deliveries"], 1);
    assert_eq!(signed(&host, "ping", "d1", "{}").status, 409, "the newest is kept");
    assert_eq!(signed(&host, "ping", "d4", "{}").status, 202);
}

#[test]
fn what_was_refused_or_could_not_be_published_may_be_delivered_again() {
    let host = plain();
    host.lose_commits(Status::TIMEOUT);
    let body = fixture("push");
    assert_eq!(signed(&host, "push", "d1", &body).status, 504);
    host.lose_commits(Status::OK);
    assert_eq!(signed(&host, "push", "d1", "{}").status, 422);
    assert_eq!(signed(&host, "push", "d1", &body).status, 202);
    let ids: Vec<_> = host.events().into_iter().map(|event| event.id).collect();
    assert_eq!(ids, ["github:d1:0"], "the same id as before, by which it is published once");
}

#[test]
fn headers_that_are_missing_or_no_such_thing_are_named() {
    let host = plain();
    let signature = signature("{}");
    let long = "x".repeat(101);
    for (headers, said) in [
        (vec![("x-github-event", "push")], "x-github-delivery is missing"),
        (vec![("x-github-delivery", "d")], "x-github-event is missing"),
        (vec![("x-github-event", "push"), ("x-github-delivery", "")], "x-github-delivery is missing"),
        (
            vec![("x-github-event", "push"), ("x-github-delivery", "a b")],
            "X-GitHub-Delivery is no id of a delivery",
        ),
        (
            vec![("x-github-event", "push"), ("x-github-delivery", long.as_str())],
            "X-GitHub-Delivery is no id of a delivery",
        ),
    ] {
        let headers: Vec<_> =
            headers.into_iter().chain([("x-hub-signature-256", signature.as_str())]).collect();
        let answer = deliver(&host, &headers, "{}");
        assert_eq!((answer.status, &answer.json()["detail"]), (400, &json!(said)));
    }
}

#[test]
fn a_secret_may_stand_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    let with_file = |settings: Value| TestHost::of::<Projects>().config(settings).start();
    let settings = json!({"github": {"secret_file": file}});
    assert!(with_file(settings.clone()).unwrap_err().contains("github.secret_file"));
    std::fs::write(&file, "\n").unwrap();
    assert!(with_file(settings.clone()).unwrap_err().contains("it is empty"));
    std::fs::write(&file, format!("{SECRET}\n")).unwrap();
    assert_eq!(signed(&with_file(settings).unwrap(), "ping", "d", "{}").status, 202);
    let both = json!({"github": {"secret": "a", "secret_file": file}});
    assert!(with_file(both).unwrap_err().contains("give one of the two"));
}
