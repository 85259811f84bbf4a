use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::service::tests::new_task;

fn task() -> Task {
    Task::new(&new_task(json!({"task_type": "scan", "timeout": 1.5})), 7, Timestamp(1000))
}

#[test]
fn a_task_has_the_fields_of_the_wire_in_their_order() {
    let expected = r#"{"task_id":"task_scan_007","task_type":"scan","status":"pending","priority":5,"assigned_agent":null,"target":null,"parameters":{},"timeout":1.5,"result":null,"error":null,"created_at":"1970-01-01T00:00:01.000Z","assigned_at":null,"started_at":null,"completed_at":null,"duration":null,"retries":0}"#;
    assert_eq!(serde_json::to_string(&task()).unwrap(), expected);
    assert_eq!(serde_json::from_str::<Task>(expected).unwrap(), task());
}

#[test]
fn a_step_that_is_not_allowed_says_from_where_to_where() {
    let error = task().take(&Step::Start, Timestamp(2000)).unwrap_err();
    assert_eq!(error.http_status(), 409);
    assert_eq!(error.to_string(), "Task 'task_scan_007' cannot go from 'pending' to 'running'");
}

#[test]
fn time_is_up_only_for_what_runs_and_from_its_start() {
    let mut task = task();
    task.take(&Step::Assign("a".into()), Timestamp(2000)).unwrap();
    assert_eq!(task.expiry(), None);
    task.take(&Step::Start, Timestamp(3000)).unwrap();
    assert_eq!(task.expiry(), Some(Timestamp(4500)));
    task.take(&Step::Complete(&json!(1)), Timestamp(4499)).unwrap();
    assert_eq!((task.expiry(), task.duration), (None, Some(1.499)));
}

/// The specification, a line for each action: from where it is allowed, and where it leads to.
const TABLE: [(&str, &[&str], &str); 6] = [
    ("assign", &["pending"], "assigned"),
    ("start", &["assigned"], "running"),
    ("complete", &["running"], "completed"),
    ("fail", &["assigned", "running"], "failed"),
    ("retry", &["failed"], "pending"),
    ("cancel", &["pending", "assigned", "running"], "cancelled"),
];

proptest! {
    #[test]
    fn any_sequence_of_steps_goes_as_the_specification_has_it(actions in proptest::collection::vec(0_usize..6, 0..40)) {
        let result = json!({"found": 3});
        let (mut task, mut status, mut retries) = (task(), "pending", 0);
        for (n, action) in actions.into_iter().enumerate() {
            let (name, from, to) = TABLE[action];
            let step = match name {
                "assign" => Step::Assign("a".into()),
                "start" => Step::Start,
                "complete" => Step::Complete(&result),
                "fail" => Step::Fail(Some("why")),
                "retry" => Step::Retry,
                _ => Step::Cancel,
            };
            let (before, now) = (task.clone(), Timestamp(2000 + 10 * n as i64));
            let went = task.take(&step, now);
            prop_assert_eq!(went.is_ok(), from.contains(&status));
            if let Err(error) = went {
                let text = format!("Task 'task_scan_007' cannot go from '{status}' to '{to}'");
                prop_assert_eq!(error.to_string(), text);
                prop_assert_eq!(&task, &before);
                continue;
            }
            status = to;
            retries += u64::from(name == "retry");
            check(&task, status, retries, now)?;
        }
    }
}

/// What holds of every task in that status, which it has had since `now`.
fn check(task: &Task, status: &str, retries: u64, now: Timestamp) -> Result<(), TestCaseError> {
    prop_assert_eq!((task.status.name(), task.retries), (status, retries));
    let over = matches!(status, "completed" | "failed" | "cancelled");
    prop_assert_eq!(task.is_over(), over);
    prop_assert_eq!(task.completed_at.is_some(), over);
    prop_assert_eq!(task.assigned_agent.is_some(), task.assigned_at.is_some());
    match status {
        "pending" => prop_assert_eq!((&task.assigned_agent, task.started_at), (&None, None)),
        "assigned" => prop_assert_eq!((task.assigned_at, task.started_at), (Some(now), None)),
        "running" => prop_assert_eq!(task.started_at, Some(now)),
        _ => prop_assert_eq!(task.completed_at, Some(now)),
    }
    let took = task.started_at.filter(|_| over).map(|started| now.seconds_since(started));
    prop_assert_eq!(task.duration, took);
    prop_assert_eq!(task.result.is_null(), status != "completed");
    prop_assert_eq!(task.error.is_some(), status == "failed");
    Ok(())
}
