use proptest::prelude::*;
use serde_json::json;

use super::*;

const NOW: i64 = 1_518_568_027_133;

fn read(value: Value) -> Result<Checked, Vec<(String, String)>> {
    let mut findings = Findings::at(&["body"]);
    let checked = Checked::read(value, NOW, &mut findings);
    let found = |error: FieldError| (error.loc.join("."), error.kind);
    checked.ok_or_else(|| findings.errors.into_iter().map(found).collect())
}

fn wrong(value: Value) -> Vec<(String, String)> {
    read(value).unwrap_err()
}

fn at(place: &str, kind: &str) -> (String, String) {
    (place.into(), kind.into())
}

#[test]
fn what_is_left_out_is_filled_and_what_is_unknown_is_not_sent() {
    let data = json!({
        "agent_id": "a1", "agent_name": "Ada", "status": "busy", "availability": 40, "colour": "red", "metadata": null,
    });
    let event = read(json!({"type": "agent.connected", "data": data, "room": "x"})).unwrap();
    assert_eq!((event.kind, event.source, event.key.as_str()), ("agent.connected", "agent_service", "a1"));
    assert_eq!(event.rooms, ["agent:a1", "global"]);
    let filled = json!({
        "agent_id": "a1", "agent_name": "Ada", "status": "busy", "availability": 40,
        "timestamp": "2018-02-14T00:27:07.133Z", "metadata": {},
    });
    assert_eq!(Value::Object(event.data), filled);
}

#[test]
fn an_optional_field_that_is_missing_is_null() {
    let data = json!({"suggestion_id": 7, "target_type": "code", "target_id": "f", "category": "c", "title": "t",
        "description": "d"});
    let event = read(json!({"type": "ai.suggestion", "data": data})).unwrap();
    let filled = json!({
        "suggestion_id": 7, "target_type": "code", "target_id": "f", "category": "c", "title": "t", "description": "d",
        "severity": "info", "confidence": 1.0, "suggested_action": null, "metadata": {}, "project_id": null,
    });
    assert_eq!(
        (Value::Object(event.data), event.rooms, event.key.as_str()),
        (filled, vec!["global".to_owned()], "7")
    );
}

#[test]
fn rooms_are_those_that_the_data_leads_to() {
    let rooms = |kind: &str, data: Value| read(json!({"type": kind, "data": data})).unwrap().rooms;
    let project = json!({"project_id": "p", "project_name": "n", "repository_url": "u", "status": "s", "updated_by": "ada"});
    assert_eq!(rooms("project.updated", project), ["project:p", "user:ada"]);
    assert_eq!(
        rooms("project.deleted", json!({"project_id": "p", "deleted_by": 9})),
        ["project:p", "user:9"]
    );
    let mut flow = json!({"workflow_id": "w", "status": "running", "progress": 1.5, "current_step": 1, "total_steps": 2});
    assert_eq!(rooms("workflow.progress", flow.clone()), ["global"]);
    flow["project_id"] = json!("p");
    assert_eq!(rooms("workflow.failed", flow), ["project:p"]);
    let mut issue = json!({"issue_id": "1", "project_id": "p", "title": "t", "status": "open"});
    assert_eq!(rooms("issue.created", issue.clone()), ["project:p"]);
    issue["assigned_to"] = json!("bob");
    assert_eq!(rooms("issue.closed", issue), ["project:p", "user:bob"]);
    let analysis =
        json!({"analysis_id": "1", "target_type": "pr", "target_id": "2", "summary": "s", "findings": []});
    let event = read(json!({"type": "ai.analysis_complete", "data": analysis.clone()})).unwrap();
    assert_eq!((Value::Object(event.data), event.rooms), (analysis, vec!["global".to_owned()]));
}

#[test]
fn all_that_is_wrong_is_told_with_its_place() {
    assert_eq!(wrong(json!(7)), [at("body", "dict_type")]);
    assert_eq!(wrong(json!({})), [at("body.type", "missing"), at("body.data", "missing")]);
    assert_eq!(
        wrong(json!({"type": "x", "data": 1})),
        [at("body.type", "enum"), at("body.data", "dict_type")]
    );
    for own in ["connection.established", "connection.error"] {
        assert_eq!(wrong(json!({"type": own, "data": {}})), [at("body.type", "enum")]);
    }
    let data = json!({
        "workflow_id": "", "status": "done", "progress": 100.5, "current_step": [], "total_steps": -1,
        "estimated_time_remaining": -0.1, "logs": 7, "errors": ["fine"], "project_id": "a\nb",
    });
    let data_errors = [
        ("workflow_id", "string_length"),
        ("status", "enum"),
        ("progress", "less_than_equal"),
        ("current_step", "string_type"),
        ("total_steps", "int_type"),
        ("estimated_time_remaining", "greater_than_equal"),
        ("logs", "list_type"),
        ("project_id", "string_pattern"),
    ];
    let wanted: Vec<_> =
        data_errors.iter().map(|(name, kind)| at(&format!("body.data.{name}"), kind)).collect();
    assert_eq!(wrong(json!({"type": "workflow.progress", "data": data})), wanted);
    let deep = (0..40).fold(json!(1), |inner, _| json!([inner]));
    let data = json!({"analysis_id": "1", "target_type": "file", "target_id": true, "summary": "s", "findings": deep});
    let wanted = [("target_type", "enum"), ("target_id", "string_type"), ("findings", "too_deep")];
    let wanted: Vec<_> = wanted.iter().map(|(name, kind)| at(&format!("body.data.{name}"), kind)).collect();
    assert_eq!(wrong(json!({"type": "ai.analysis_complete", "data": data})), wanted);
}

proptest! {
    #[test]
    fn numbers_are_taken_within_their_bounds_alone(number in -200.0..200.0f64) {
        let data = json!({"agent_id": "a", "agent_name": "n", "status": "idle", "availability": number});
        let taken = read(json!({"type": "agent.disconnected", "data": data})).is_ok();
        prop_assert_eq!(taken, (0.0..=100.0).contains(&number));
    }

    #[test]
    fn any_id_is_part_of_a_room_or_refused(id in "\\PC{0,60}|.{0,4}") {
        let event = read(json!({"type": "project.deleted", "data": {"project_id": id, "deleted_by": "ada"}}));
        match event {
            Ok(event) => {
                prop_assert_eq!(&event.rooms[0], &format!("project:{id}"));
                prop_assert!((1..=200).contains(&event.rooms[0].len()) && !id.chars().any(char::is_control));
            }
            Err(_) => prop_assert!(id.is_empty() || id.len() > 190 || id.chars().any(char::is_control)),
        }
    }
}
