use serde_json::{Value, json};

use super::*;
use crate::service::tests::{action, agent, new_task, on, service, tell};
use crate::settings::Settings;
use crate::world::tests::Small;

const ID: &str = "task_t_001";

async fn create(service: &Service<Small>, more: Value) -> Task {
    let mut body = json!({"task_type": "t"});
    body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
    service.create_task(&new_task(body)).await.unwrap()
}

async fn act(service: &Service<Small>, body: Value) -> Result<Task> {
    service.act(ID, &action(body)).await
}

async fn list(service: &Service<Small>, query: &str) -> Value {
    let query = query_of(query);
    serde_json::to_value(service.list_tasks(&TaskList::parse(&query).unwrap()).await.unwrap()).unwrap()
}

fn query_of(text: &str) -> tidegate_plugin::Query {
    tidegate_plugin::Query::parse(text)
}

#[tokio::test]
async fn each_step_is_told_with_the_whole_task_as_it_is_then() {
    let service = service(&["a"]).await;
    let mut answers = Vec::new();
    let note = |answers: &mut Vec<_>, task| answers.push((task, service.world.now().wall));
    note(&mut answers, create(&service, json!({"parameters": {"n": [1, null]}, "timeout": 9})).await);
    for (n, body) in [
        json!({"action": "assign"}),
        json!({"action": "start"}),
        json!({"action": "fail", "error": "e"}),
        json!({"action": "retry"}),
        json!({"action": "assign", "agent_id": "a"}),
        json!({"action": "start"}),
        json!({"action": "complete", "result": {"found": 3}}),
    ]
    .into_iter()
    .enumerate()
    {
        service.world.pass(100 * n as i64);
        note(&mut answers, act(&service, body).await.unwrap());
    }
    let heard = service.world.heard();
    let kinds: Vec<_> = heard.iter().map(|notice| &*notice.kind).collect();
    let expected = "task_created task_assigned task_started task_failed task_retried task_assigned task_started \
                    task_completed";
    assert_eq!(kinds.join(" "), expected);
    for (notice, (answer, at)) in heard.iter().zip(&answers) {
        assert_eq!(notice.data.get(), serde_json::to_string(answer).unwrap());
        assert_eq!((&*notice.room, notice.at), ("tasks", *at));
    }
    let (last, _) = &answers[7];
    assert_eq!((last.duration, last.retries, &last.error), (Some(0.6), 1, &None));
    assert_eq!(last.result, json!({"found": 3}));
}

#[tokio::test]
async fn without_an_agent_it_goes_to_the_active_one_with_the_least_load_and_else_to_nobody() {
    let service = service(&[]).await;
    create(&service, json!({})).await;
    let refused = act(&service, json!({"action": "assign"})).await.unwrap_err();
    assert_eq!((refused.http_status(), refused.to_string().as_str()), (409, "There is no active agent"));
    for (id, status, load) in [
        ("idle", "paused", 0.0),
        ("lost", "lost", 0.0),
        ("busy", "active", 0.9),
        ("z", "active", 0.2),
        ("y", "active", 0.2),
    ] {
        tell(&service, "agent_created", agent(id, status, 1.0, load)).await;
    }
    let task = act(&service, json!({"action": "assign"})).await.unwrap();
    assert_eq!(task.assigned_agent.as_deref(), Some("y"));
}

#[tokio::test]
async fn an_agent_that_is_named_need_only_be_known() {
    let service = service(&[]).await;
    create(&service, json!({})).await;
    let assign = json!({"action": "assign", "agent_id": "a"});
    let refused = act(&service, assign.clone()).await.unwrap_err();
    assert_eq!((refused.http_status(), refused.to_string().as_str()), (404, "Agent 'a' not found"));
    tell(&service, "agent_created", agent("a", "inactive", 1.0, 0.0)).await;
    assert_eq!(act(&service, assign).await.unwrap().assigned_agent.as_deref(), Some("a"));
    assert_eq!(service.world.kinds(), ["task_created", "task_assigned"]);
}

#[tokio::test]
async fn what_does_not_exist_is_told_before_what_is_not_allowed() {
    let service = service(&["a"]).await;
    let gone =
        service.act("x", &action(json!({"action": "assign", "agent_id": "nobody"}))).await.unwrap_err();
    assert_eq!(gone.to_string(), "Task 'x' not found");
    create(&service, json!({})).await;
    act(&service, json!({"action": "cancel"})).await.unwrap();
    let nobody = act(&service, json!({"action": "assign", "agent_id": "nobody"})).await.unwrap_err();
    assert_eq!(nobody.http_status(), 404);
    let over = act(&service, json!({"action": "assign"})).await.unwrap_err();
    assert_eq!(over.to_string(), "Task 'task_t_001' cannot go from 'cancelled' to 'assigned'");
}

#[tokio::test]
async fn a_task_outlives_its_agent_and_nobody_else_gets_it_by_itself() {
    let service = service(&["a", "b"]).await;
    create(&service, json!({})).await;
    act(&service, json!({"action": "assign", "agent_id": "a"})).await.unwrap();
    tell(&service, "agent_deleted", json!({"agent_id": "a"})).await;
    let task = service.task(ID).await.unwrap();
    assert_eq!((task.status, task.assigned_agent.as_deref()), (Status::Assigned, Some("a")));
    assert_eq!(act(&service, json!({"action": "start"})).await.unwrap().status, Status::Running);
}

#[tokio::test]
async fn a_deleted_task_is_cancelled_with_its_event_and_gone() {
    let service = service(&["a"]).await;
    create(&service, json!({})).await;
    act(&service, json!({"action": "assign"})).await.unwrap();
    service.world.heard();
    service.delete_task(ID).await.unwrap();
    let heard = service.world.heard();
    let data: Value = serde_json::from_str(heard[0].data.get()).unwrap();
    assert_eq!((heard.len(), &*heard[0].kind), (1, "task_cancelled"));
    assert_eq!((&data["status"], &data["assigned_agent"]), (&json!("cancelled"), &json!("a")));
    assert_eq!(service.task(ID).await.unwrap_err().to_string(), "Task 'task_t_001' not found");
    assert_eq!(service.delete_task(ID).await.unwrap_err().http_status(), 404);
    assert_eq!(list(&service, "").await["total"], 0);
    assert_eq!(create(&service, json!({})).await.task_id, "task_t_002");
}

#[tokio::test]
async fn what_is_completed_or_failed_is_not_deleted_and_what_was_cancelled_is_cancelled_once() {
    let service = service(&["a"]).await;
    create(&service, json!({})).await;
    for (body, text) in [
        (json!({"action": "complete"}), "Cannot cancel task in status 'completed'"),
        (json!({"action": "fail"}), "Cannot cancel task in status 'failed'"),
    ] {
        let id = create(&service, json!({})).await.task_id;
        for body in [json!({"action": "assign"}), json!({"action": "start"}), body] {
            service.act(&id, &action(body)).await.unwrap();
        }
        let refused = service.delete_task(&id).await.unwrap_err();
        assert_eq!((refused.http_status(), refused.to_string().as_str()), (400, text));
    }
    act(&service, json!({"action": "cancel"})).await.unwrap();
    service.world.heard();
    service.delete_task(ID).await.unwrap();
    assert!(service.world.kinds().is_empty());
    assert!(service.task(ID).await.is_err());
}

#[tokio::test]
async fn past_its_time_a_running_task_fails_by_itself_and_by_no_other_clock() {
    let service = service(&["a"]).await;
    create(&service, json!({"timeout": 2.5})).await;
    act(&service, json!({"action": "assign"})).await.unwrap();
    service.world.pass(60_000);
    let started = act(&service, json!({"action": "start"})).await.unwrap().started_at.unwrap();
    service.world.heard();
    service.world.pass(2499);
    assert_eq!(service.due_in().unwrap().as_millis(), 1);
    assert_eq!(service.task(ID).await.unwrap().status, Status::Running);
    service.world.pass(1);
    let late = act(&service, json!({"action": "complete", "result": 1})).await.unwrap_err();
    assert_eq!(late.to_string(), "Task 'task_t_001' cannot go from 'failed' to 'completed'");
    let task = service.task(ID).await.unwrap();
    assert_eq!((task.error.as_deref(), task.duration), (Some("timeout"), Some(2.5)));
    assert_eq!(task.completed_at, Some(started.after(2.5)));
    let heard = service.world.heard();
    assert_eq!((heard.len(), &*heard[0].kind), (1, "task_failed"));
    assert_eq!(heard[0].data.get(), serde_json::to_string(&task).unwrap());
    assert_eq!(service.due_in(), None);
}

#[tokio::test]
async fn a_task_that_is_done_in_time_or_tried_again_has_all_its_time() {
    let service = service(&["a"]).await;
    create(&service, json!({"timeout": 1})).await;
    act(&service, json!({"action": "assign"})).await.unwrap();
    act(&service, json!({"action": "start"})).await.unwrap();
    service.world.pass(900);
    for body in ["fail", "retry", "assign", "start"] {
        act(&service, json!({"action": body})).await.unwrap();
    }
    service.world.pass(900);
    assert_eq!(act(&service, json!({"action": "complete"})).await.unwrap().duration, Some(0.9));
    service.world.pass(10_000);
    assert_eq!(service.task(ID).await.unwrap().status, Status::Completed);
}

#[tokio::test]
async fn a_task_whose_time_was_up_while_nobody_was_there_fails_at_the_start_with_its_event() {
    let before = service(&["a"]).await;
    create(&before, json!({"timeout": 1})).await;
    act(&before, json!({"action": "assign"})).await.unwrap();
    act(&before, json!({"action": "start"})).await.unwrap();
    before.world.heard();
    before.world.pass(3_600_000);
    let after = on(&before.world.node()).await;
    after.catch_up().await;
    let heard = before.world.heard();
    assert_eq!((heard.len(), &*heard[0].kind), (1, "task_failed"));
    let task = after.task(ID).await.unwrap();
    assert_eq!((task.status, task.duration), (Status::Failed, Some(1.0)));
    assert_eq!(heard[0].at, after.world.now().wall, "it is told now");
}

#[tokio::test]
async fn of_two_nodes_one_fails_the_task_and_one_assigns_it() {
    let ours = service(&["a"]).await;
    create(&ours, json!({"timeout": 1})).await;
    let theirs = on(&ours.world.node()).await;
    for node in [&ours, &theirs] {
        tell(node, "agent_created", agent("a", "active", 1.0, 0.0)).await;
    }
    let assign = || json!({"action": "assign"});
    let (one, other) = tokio::join!(act(&ours, assign()), act(&theirs, assign()));
    assert_eq!((one.is_ok() as u8) + (other.is_ok() as u8), 1);
    act(&theirs, json!({"action": "start"})).await.unwrap();
    ours.task(ID).await.unwrap();
    ours.world.heard();
    ours.world.pass(1000);
    tokio::join!(ours.catch_up(), theirs.catch_up());
    let (one, other) = (act(&ours, json!({"action": "start"})).await, act(&theirs, assign()).await);
    assert!(one.unwrap_err().to_string().contains("from 'failed'"));
    assert!(other.unwrap_err().to_string().contains("from 'failed'"));
    ours.catch_up().await;
    assert_eq!(ours.world.kinds(), ["task_failed"]);
}

#[tokio::test]
async fn a_list_is_a_page_and_the_counts_of_all_that_the_filters_let_through() {
    let service = service(&["a"]).await;
    for (n, task_type) in ["x", "y", "x", "x", "z"].into_iter().enumerate() {
        let id = service.create_task(&new_task(json!({"task_type": task_type}))).await.unwrap().task_id;
        if n % 2 == 0 {
            service.act(&id, &action(json!({"action": "cancel"}))).await.unwrap();
        }
    }
    let ids = |list: &Value| -> Vec<String> {
        list["tasks"].as_array().unwrap().iter().map(|t| t["task_id"].as_str().unwrap().to_owned()).collect()
    };
    let all = list(&service, "").await;
    assert_eq!(ids(&all), ["task_x_001", "task_y_002", "task_x_003", "task_x_004", "task_z_005"]);
    assert_eq!(all["by_status"], json!({"pending": 2, "cancelled": 3}));
    assert_eq!(all["by_type"], json!({"x": 3, "y": 1, "z": 1}));
    let some = list(&service, "task_type=x&skip=1&limit=1").await;
    assert_eq!((ids(&some), &some["total"]), (vec!["task_x_003".to_owned()], &json!(3)));
    assert_eq!(some["by_status"], json!({"pending": 1, "cancelled": 2}));
    let some = list(&service, "status=pending&task_type=").await;
    assert_eq!(
        (ids(&some), &some["by_type"]),
        (vec!["task_y_002".into(), "task_x_004".into()], &json!({"x": 1, "y": 1}))
    );
    assert_eq!(list(&service, "status=Pending").await["total"], 0);
    assert_eq!(
        list(&service, "skip=9").await,
        json!({"total": 5, "tasks": [], "by_status": all["by_status"], "by_type": all["by_type"]})
    );
}

#[tokio::test]
async fn where_there_are_as_many_as_there_may_be_the_oldest_that_has_ended_is_forgotten() {
    let settings = Settings { max_tasks: 2, ..Settings::default() };
    let service = Service::open(Small::default(), &settings).await.unwrap();
    for _ in 0..2 {
        create(&service, json!({})).await;
    }
    let full = service.create_task(&new_task(json!({"task_type": "t"}))).await.unwrap_err();
    assert_eq!(full.http_status(), 503);
    service.act("task_t_002", &action(json!({"action": "cancel"}))).await.unwrap();
    service.world.heard();
    assert_eq!(create(&service, json!({})).await.task_id, "task_t_003");
    assert_eq!(service.world.kinds(), ["task_created"]);
    assert!(service.task("task_t_002").await.is_err());
    assert_eq!(list(&service, "").await["by_status"], json!({"pending": 2}));
    assert_eq!(service.world.keys().iter().filter(|key| key.starts_with("shared/task/")).count(), 2);
}
