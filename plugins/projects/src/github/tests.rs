use serde_json::json;

use super::*;

const NOW: i64 = 1_700_000_000_000;

/// Deliveries as GitHub documents them, shortened.
fn fixture(name: &str) -> Value {
    let file = format!("{}/tests/github/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

fn repositories() -> Repositories {
    Repositories::new(&BTreeMap::from([("codertocat/hello-world".to_owned(), "hello".to_owned())]))
}

fn taken(kind: &str, payload: &Value) -> Vec<Checked> {
    repositories().events(kind, payload.to_string().as_bytes(), NOW).unwrap()
}

/// The one event's type, and fields of its data.
fn one(kind: &str, payload: &Value) -> (&'static str, Checked) {
    let mut events = taken(kind, payload);
    assert_eq!(events.len(), 1);
    (events[0].kind, events.remove(0))
}

/// The fixture with another action.
fn with_action(name: &str, action: &str) -> Value {
    let mut payload = fixture(name);
    payload["action"] = json!(action);
    payload
}

#[test]
fn each_action_of_a_pull_request_is_an_event() {
    let updates = "assigned auto_merge_disabled auto_merge_enabled converted_to_draft demilestoned dequeued edited enqueued \
        labeled locked milestoned ready_for_review reopened review_request_removed review_requested synchronize unassigned \
        unlabeled unlocked";
    let opened = ("opened", "pr.created");
    let all = updates
        .split_whitespace()
        .map(|action| (action, "pr.updated"))
        .chain([opened, ("closed", "pr.closed")]);
    for (action, kind) in all {
        let (found, event) = one("pull_request", &with_action("pull_request", action));
        assert_eq!((found, event.rooms), (kind, vec!["project:hello".to_owned()]), "{action}");
    }
}

#[test]
fn each_action_of_an_issue_is_an_event() {
    let updates = "assigned demilestoned edited labeled locked milestoned pinned reopened typed unassigned unlabeled unlocked \
        unpinned untyped";
    let others = [
        ("opened", "issue.created"),
        ("closed", "issue.closed"),
        ("deleted", "issue.closed"),
        ("transferred", "issue.closed"),
    ];
    for (action, kind) in updates.split_whitespace().map(|action| (action, "issue.updated")).chain(others) {
        let (found, event) = one("issues", &with_action("issues", action));
        assert_eq!(
            (found, event.rooms),
            (kind, vec!["project:hello".into(), "user:Codertocat".into()]),
            "{action}"
        );
    }
}

#[test]
fn each_action_of_a_repository_is_an_event() {
    for action in "archived created edited privatized publicized renamed transferred unarchived".split(' ') {
        let (found, event) = one("repository", &with_action("repository", action));
        assert_eq!(
            (found, event.rooms),
            ("project.updated", vec!["project:hello".into(), "user:Codertocat".into()])
        );
    }
    let (found, event) = one("repository", &with_action("repository", "deleted"));
    assert_eq!(
        (found, event.rooms),
        ("project.deleted", vec!["project:hello".into(), "user:Codertocat".into()])
    );
}

#[test]
fn a_run_is_told_as_it_ends() {
    for (action, conclusion, kind, status) in [
        ("requested", None, "workflow.started", "pending"),
        ("in_progress", None, "workflow.progress", "running"),
        ("completed", Some("success"), "workflow.completed", "completed"),
        ("completed", Some("neutral"), "workflow.completed", "completed"),
        ("completed", Some("skipped"), "workflow.completed", "completed"),
        ("completed", Some("failure"), "workflow.failed", "failed"),
        ("completed", Some("timed_out"), "workflow.failed", "failed"),
        ("completed", Some("action_required"), "workflow.failed", "failed"),
        ("completed", Some("startup_failure"), "workflow.failed", "failed"),
        ("completed", Some("cancelled"), "workflow.failed", "cancelled"),
        ("completed", Some("stale"), "workflow.failed", "cancelled"),
    ] {
        let mut payload = with_action("workflow_run", action);
        payload["workflow_run"]["conclusion"] = json!(conclusion);
        let (found, event) = one("workflow_run", &payload);
        let told = event.event(None).unwrap();
        assert_eq!(found, kind, "{action} {conclusion:?}");
        let text = format!("{told:?}");
        assert!(text.contains(&format!("\\\"status\\\":\\\"{status}\\\"")), "{text}");
    }
}

#[test]
fn a_repository_is_the_project_that_it_was_under_its_former_name() {
    let mut renamed = with_action("repository", "renamed");
    renamed["repository"]["full_name"] = json!("Codertocat/Hello-Moon");
    renamed["changes"] = json!({"repository": {"name": {"from": "Hello-World"}}});
    assert_eq!(one("repository", &renamed).1.rooms[0], "project:hello");
    let mut moved = with_action("repository", "transferred");
    moved["repository"]["full_name"] = json!("Octocoders/Hello-World");
    assert_eq!(one("repository", &moved).1.rooms[0], "project:Octocoders/Hello-World", "nobody knows it");
    moved["changes"] = json!({"owner": {"from": {"user": {"login": "Codertocat"}}}});
    assert_eq!(one("repository", &moved).1.rooms[0], "project:hello");
}

#[test]
fn other_kinds_mean_nothing_and_what_is_no_delivery_is_refused() {
    assert_eq!(taken("ping", &json!({"zen": "Design for failure.", "hook_id": 30})), []);
    assert_eq!(taken("star", &json!({"action": "created"})), []);
    let wrong = |kind: &str, payload: &str| {
        let error = repositories().events(kind, payload.as_bytes(), NOW).unwrap_err();
        assert_eq!(error.http_status(), 422);
        error.fields()[0].loc.join(".")
    };
    assert_eq!(wrong("ping", "{"), "body");
    for list in ["[]", r#"["refs/heads/main", "a", "b", true]"#, " [1]"] {
        assert_eq!((wrong("push", list), wrong("star", list)), ("body".to_owned(), "body".to_owned()));
    }
    assert_eq!(wrong("issues", "{}"), "body.repository");
    let mut payload = fixture("issues");
    payload["issue"]["title"] = json!(7);
    assert_eq!(wrong("issues", &payload.to_string()), "body.issue");
    payload.as_object_mut().unwrap().remove("issue");
    assert_eq!(wrong("issues", &payload.to_string()), "body.issue");
    let mut payload = fixture("repository");
    payload["sender"]["login"] = json!("x".repeat(200));
    assert_eq!(wrong("repository", &payload.to_string()), "body.data.updated_by");
}

#[test]
fn what_github_may_leave_out_may_be_null() {
    for (kind, place, fields) in [
        ("pull_request", "/pull_request", &["draft", "merged", "body", "user"][..]),
        ("issues", "/issue", &["labels", "body", "state", "assignee"]),
        ("workflow_run", "/workflow_run", &["conclusion"]),
        ("push", "", &["commits", "created", "deleted", "forced", "sender"]),
        ("repository", "/repository", &["archived", "disabled"]),
        ("repository", "", &["changes"]),
    ] {
        let mut payload = fixture(kind);
        let object = payload.pointer_mut(place).unwrap();
        fields.iter().for_each(|field| object[*field] = Value::Null);
        assert_eq!(taken(kind, &payload).len(), 1, "{kind}{place}");
    }
}

#[test]
fn what_is_of_another_kind_is_said_in_words_of_json() {
    let mut payload = fixture("issues");
    payload["sender"] = json!("octocat");
    let error = repositories().events("issues", payload.to_string().as_bytes(), NOW).unwrap_err();
    let said = &error.fields()[0].msg;
    assert!(said.starts_with("invalid type: string \"octocat\", expected an object"), "{said}");
    let error = repositories().events("issues", b"[]", NOW).unwrap_err();
    assert_eq!(error.fields()[0].msg, "Input should be an object");
}

proptest::proptest! {
    #[test]
    fn whatever_is_signed_is_read_or_refused(kind in "pull_request|issues|workflow_run|push|repository|x", text in "\\PC{0,60}") {
        let _read_or_refused = repositories().events(&kind, text.as_bytes(), NOW);
    }
}
