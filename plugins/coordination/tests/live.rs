//! The plugin as the gateway loads it, beside the plugin `agents`: REST on one side, sessions on the other, over kills and under
//! many requests at once.

#![allow(clippy::unwrap_used, reason = "tests say what they expect by panicking")]

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::{Answer, Gateway, Options, Signal, Socket};
use tokio::task::JoinSet;

/// The gateway's binary, which is built beside this test's folder.
fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.ancestors().nth(2).unwrap().join("tidegate")
}

/// With the profile of the agents & coordination service.
fn options() -> Options {
    let profile = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/immune.toml");
    Options::new().config(profile).set("shards=2")
}

fn start(options: Options) -> Gateway {
    options.start(program().to_str().unwrap())
}

/// An agent at work that votes like this.
async fn agent(gateway: &Gateway, id: &str, vote: &str) {
    let body = json!({"agent_type": "b_cell", "agent_id": id, "config": {"vote": vote}});
    assert_eq!(gateway.post("/agents/", &body).await.status, 201);
    gateway.post(&format!("/agents/{id}/actions"), &json!({"action": "start"})).await;
}

/// A new task, and its id.
async fn create(gateway: &Gateway, body: Value) -> String {
    let answer = gateway.post("/coordination/tasks", &body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()["task_id"].as_str().unwrap().to_owned()
}

async fn act(gateway: &Gateway, id: &str, body: Value) -> Answer {
    gateway.post(&format!("/coordination/tasks/{id}/actions"), &body).await
}

async fn trigger(gateway: &Gateway) -> Answer {
    gateway.request("POST", "/coordination/election/trigger", None).await
}

async fn propose(gateway: &Gateway, timeout: f64) -> Value {
    let body =
        json!({"proposal_type": "t", "proposal_data": {"n": 1}, "proposer_id": "p", "timeout": timeout});
    gateway.post("/coordination/consensus/propose", &body).await.json()
}

async fn vote(gateway: &Gateway, id: &str, voter: &str, vote: &str) -> Answer {
    let path = format!("/coordination/consensus/proposals/{id}/votes");
    gateway.post(&path, &json!({"voter_id": voter, "vote": vote})).await
}

/// A session in `rooms`, its welcome and replies read.
async fn member(gateway: &Gateway, rooms: &[&str]) -> Socket {
    let mut socket = gateway.connect("/ws").await;
    assert_eq!(socket.next().await["event_type"], "connected");
    for room in rooms {
        let reply = socket.ask(&json!({"action": "join", "room": room})).await;
        assert_eq!(reply["success"], true, "{reply}");
    }
    socket
}

/// The data of the next event, which is one of that type, in that room.
async fn expect(socket: &mut Socket, kind: &str, room: &str) -> Value {
    let mut event = socket.next().await;
    assert_eq!((&event["event_type"], &event["room"]), (&json!(kind), &json!(room)), "{event}");
    assert_eq!(event["source"], "coordination_service");
    event["data"].take()
}

/// What many clients at once are answered.
async fn at_once<F>(clients: usize, ask: impl Fn(usize) -> F) -> Vec<Answer>
where
    F: Future<Output = Answer> + Send + 'static,
{
    let mut asked = JoinSet::new();
    for n in 0..clients {
        asked.spawn(ask(n));
    }
    asked.join_all().await
}

fn count(answers: &[Answer], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

#[tokio::test]
async fn members_of_the_rooms_get_what_requests_did_in_order() {
    let gateway = start(options());
    let mut tasks = member(&gateway, &["tasks"]).await;
    let mut others = member(&gateway, &["coordination", "system"]).await;
    agent(&gateway, "a", "manual").await;
    // The homeostatic state, which the plugin `agents` tells of, comes as it likes beside the health.
    let mut health = others.next().await;
    if health["source"] == "agent_service" {
        health = others.next().await;
    } else {
        assert_eq!(others.next().await["source"], "agent_service");
    }
    let expected = json!({"component": "agents", "old_status": "unhealthy", "new_status": "healthy"});
    assert_eq!((&health["event_type"], &health["data"]), (&json!("health_changed"), &expected));

    let task = gateway.post("/coordination/tasks/", &json!({"task_type": "scan"})).await.json();
    assert_eq!(expect(&mut tasks, "task_created", "tasks").await, task);
    for (action, kind) in
        [("assign", "task_assigned"), ("start", "task_started"), ("complete", "task_completed")]
    {
        let answer = act(&gateway, "task_scan_001", json!({"action": action, "result": {"found": 3}})).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(expect(&mut tasks, kind, "tasks").await, answer.json());
    }
    let id = create(&gateway, json!({"task_type": "scan"})).await;
    expect(&mut tasks, "task_created", "tasks").await;
    assert_eq!(gateway.request("DELETE", &format!("/coordination/tasks/{id}"), None).await.status, 204);
    assert_eq!(expect(&mut tasks, "task_cancelled", "tasks").await["status"], "cancelled");

    trigger(&gateway).await;
    let data = expect(&mut others, "election_triggered", "coordination").await;
    assert_eq!(data, json!({"message": "Leader election triggered", "election_term": 1}));
    let data = expect(&mut others, "leader_elected", "coordination").await;
    assert_eq!(data, json!({"leader_id": "a", "election_term": 1}));

    let proposed = propose(&gateway, 30.0).await;
    assert_eq!(expect(&mut others, "consensus_proposed", "coordination").await, proposed);
    let call =
        json!({"action": "vote", "data": {"proposal_id": "proposal_001", "voter_id": "a", "vote": "for"}});
    let reply = tasks.ask(&call).await;
    assert_eq!((&reply["success"], &reply["data"]["status"]), (&json!(true), &json!("approved")), "{reply}");
    let data = expect(&mut others, "consensus_decided", "coordination").await;
    assert_eq!(data, json!({"proposal_id": "proposal_001", "decision": "approved", "approval_rate": 1.0}));
    let reply = tasks.ask(&call).await;
    assert_eq!(reply["message"], "Proposal 'proposal_001' is decided already: approved");

    assert_eq!(gateway.request("DELETE", "/agents/a", None).await.status, 204);
    let election = gateway.get("/coordination/election").await.json();
    assert_eq!((&election["election_term"], &election["eligible_voters"]), (&json!(2), &json!(0)));
    assert!(election["leader_id"].as_str().unwrap().starts_with("coordinator:"));
}

#[tokio::test]
async fn what_was_answered_by_the_plugin_agents_is_seen_by_the_next_request() {
    let gateway = start(options());
    for n in 0..20 {
        let id = format!("a{n:02}");
        agent(&gateway, &id, "auto").await;
        let task = create(&gateway, json!({"task_type": "t"})).await;
        let answer = act(&gateway, &task, json!({"action": "assign", "agent_id": id})).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(gateway.get("/coordination/status").await.json()["alive_agents"], n + 1);
        assert_eq!(propose(&gateway, 30.0).await["total_voters"], n + 1);
    }
    let stats = gateway.get("/agents/a07/stats").await.json();
    assert_eq!(stats["total_tasks"], 1);
}

#[tokio::test]
async fn it_runs_without_the_plugin_agents() {
    let gateway = start(options().set("plugins.agents.enabled=false"));
    let election = trigger(&gateway).await.json();
    assert!(election["leader_id"].as_str().unwrap().starts_with("coordinator:"));
    assert_eq!(propose(&gateway, 30.0).await["status"], "approved");
    let task = create(&gateway, json!({"task_type": "t"})).await;
    assert_eq!(act(&gateway, &task, json!({"action": "assign"})).await.status, 409);
    assert_eq!(gateway.get("/coordination/status").await.json()["system_health"], "unhealthy");
}

#[tokio::test]
async fn what_clients_say_in_the_room_of_agents_makes_no_agent_and_unmakes_none() {
    let gateway = start(options());
    agent(&gateway, "a", "auto").await;
    trigger(&gateway).await;
    let broadcast = |kind: &str, data: Value| json!({"event_type": kind, "room": "agents", "data": data});
    let forged = [
        broadcast("agent_deleted", json!({"agent_id": "a"})),
        broadcast("agent_created", json!({"agent_id": "b", "status": "active", "health": 1, "load": 0})),
    ];
    for body in forged {
        assert_eq!(gateway.post("/ws/broadcast", &body).await.status, 200);
    }
    let status = gateway.get("/coordination/status").await.json();
    assert_eq!((&status["total_agents"], &status["leader_id"]), (&json!(1), &json!("a")));
    assert_eq!(gateway.get("/coordination/election").await.json()["election_term"], 1);
}

#[tokio::test]
async fn what_was_over_while_the_gateway_was_killed_is_ended_at_its_start() {
    let folder = tempfile::tempdir().unwrap();
    let mut gateway = start(options().data(folder.path()));
    agent(&gateway, "a", "manual").await;
    let runs = create(&gateway, json!({"task_type": "t", "timeout": 0.3})).await;
    let waits = create(&gateway, json!({"task_type": "t", "timeout": 0.3})).await;
    for id in [&runs, &waits] {
        act(&gateway, id, json!({"action": "assign"})).await;
    }
    propose(&gateway, 0.3).await;
    act(&gateway, &runs, json!({"action": "start"})).await;
    let election = trigger(&gateway).await.json();
    gateway.signal(Signal::KILL);
    gateway.ended();
    tokio::time::sleep(Duration::from_millis(350)).await;
    let gateway = start(options().data(folder.path()));
    // The plugin `agents` hears of it too, though nobody has asked.
    let deadline = Instant::now() + Duration::from_secs(20);
    while gateway.get("/agents/a/stats").await.json()["tasks_failed"] != 1 {
        assert!(Instant::now() < deadline, "the task does not fail");
    }
    let task = gateway.get(&format!("/coordination/tasks/{runs}")).await.json();
    let shown = (&task["status"], &task["error"], &task["duration"]);
    assert_eq!(shown, (&json!("failed"), &json!("timeout"), &json!(0.3)));
    assert_eq!(gateway.get(&format!("/coordination/tasks/{waits}")).await.json()["status"], "assigned");
    let proposal = gateway.get("/coordination/consensus/proposals/proposal_001").await.json();
    assert_eq!((&proposal["status"], &proposal["votes_abstain"]), (&json!("rejected"), &json!(1)));
    assert_eq!(gateway.get("/coordination/election").await.json(), election);
    assert_eq!(create(&gateway, json!({"task_type": "t"})).await, "task_t_003");
}

#[tokio::test]
async fn a_gateway_that_is_killed_under_load_has_what_it_answered_and_counts_on() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = Arc::new(start(options().data(folder.path())));
    let mut clients = JoinSet::new();
    for _ in 0..10 {
        let gateway = gateway.clone();
        clients.spawn(async move {
            let (mut ids, mut terms) = (Vec::new(), Vec::new());
            while ids.len() < 10 {
                ids.push(create(&gateway, json!({"task_type": "t"})).await);
                terms.push(trigger(&gateway).await.json()["election_term"].as_u64().unwrap());
            }
            // Whoever has asked often enough kills it for all others.
            gateway.signal(Signal::KILL);
            (ids, terms)
        });
    }
    let (mut ids, mut terms) = (Vec::new(), Vec::new());
    while let Some(client) = clients.join_next().await {
        if let Ok((some_ids, some_terms)) = client {
            ids.extend(some_ids);
            terms.extend(some_terms);
        }
    }
    assert!(ids.len() >= 10);
    let gateway = start(options().data(folder.path()));
    let list = gateway.get("/coordination/tasks?limit=1000").await.json();
    let kept: HashSet<&str> =
        list["tasks"].as_array().unwrap().iter().map(|task| task["task_id"].as_str().unwrap()).collect();
    assert!(ids.iter().all(|id| kept.contains(id.as_str())), "what was answered is there");
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len());
    let next = create(&gateway, json!({"task_type": "t"})).await;
    assert!(!kept.contains(next.as_str()));
    let election = gateway.get("/coordination/election").await.json();
    assert_eq!(election["election_term"], election["total_elections"]);
    assert!(election["election_term"].as_u64() >= terms.iter().copied().max());
    assert_eq!(election["leader_changes"], 1);
}

#[tokio::test]
async fn fifty_triggers_at_once_have_fifty_terms() {
    let gateway = Arc::new(start(options()));
    let mut room = member(&gateway, &["coordination"]).await;
    let answers = at_once(50, |_| {
        let gateway = gateway.clone();
        async move { trigger(&gateway).await }
    });
    let mut terms: Vec<_> =
        answers.await.iter().map(|a| a.json()["election_term"].as_u64().unwrap()).collect();
    terms.sort_unstable();
    assert_eq!(terms, (1..=50).collect::<Vec<_>>());
    let election = gateway.get("/coordination/election").await.json();
    assert_eq!((&election["total_elections"], &election["leader_changes"]), (&json!(50), &json!(1)));
    for term in 1..=50 {
        let data = expect(&mut room, "election_triggered", "coordination").await;
        assert_eq!(data["election_term"], term, "events come in the order of the changes");
        if term == 1 {
            expect(&mut room, "leader_elected", "coordination").await;
        }
    }
}

#[tokio::test]
async fn fifty_clients_at_once_neither_vote_twice_nor_share_a_task() {
    let gateway = Arc::new(start(options()));
    for n in 0..10 {
        agent(&gateway, &format!("a{n}"), "manual").await;
    }
    propose(&gateway, 30.0).await;
    let answers = at_once(50, |n| {
        let gateway = gateway.clone();
        async move { vote(&gateway, "proposal_001", &format!("a{}", n % 10), "for").await }
    });
    let answers = answers.await;
    assert_eq!((count(&answers, 200), count(&answers, 409)), (10, 40));
    let proposal = gateway.get("/coordination/consensus/proposals/proposal_001").await.json();
    assert_eq!((&proposal["votes_for"], &proposal["status"]), (&json!(10), &json!("approved")));

    let mut room = member(&gateway, &["tasks"]).await;
    let id = create(&gateway, json!({"task_type": "t"})).await;
    let answers = at_once(50, |n| {
        let (gateway, id) = (gateway.clone(), id.clone());
        async move { act(&gateway, &id, json!({"action": "assign", "agent_id": format!("a{}", n % 10)})).await }
    });
    let answers = answers.await;
    assert_eq!((count(&answers, 200), count(&answers, 409)), (1, 49));
    let winner = answers.iter().find(|answer| answer.status == 200).unwrap().json();
    assert_eq!(gateway.get(&format!("/coordination/tasks/{id}")).await.json(), winner);
    expect(&mut room, "task_created", "tasks").await;
    assert_eq!(expect(&mut room, "task_assigned", "tasks").await, winner);

    let answers = at_once(50, |_| {
        let gateway = gateway.clone();
        async move { gateway.post("/coordination/tasks", &json!({"task_type": "t"})).await }
    });
    let ids: HashSet<_> = answers.await.iter().map(|answer| answer.json()["task_id"].to_string()).collect();
    assert_eq!(ids.len(), 50);
    for number in 2..=51 {
        let data = expect(&mut room, "task_created", "tasks").await;
        assert_eq!(data["task_id"], format!("task_t_{number:03}"), "events come in the order of the changes");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_told_in_order_with_its_place() {
    let gateway = start(options());
    let tasks = "/coordination/tasks";
    let propose = "/coordination/consensus/propose";
    let cases = [
        ("POST", tasks, "", 422, "body"),
        ("POST", tasks, "{", 422, "body"),
        ("POST", tasks, "{}", 422, "body.task_type"),
        ("POST", tasks, r#"{"task_type":null}"#, 422, "body.task_type"),
        ("POST", tasks, r#"{"task_type":"t","priority":0}"#, 422, "body.priority"),
        ("POST", tasks, r#"{"task_type":"t","priority":"11"}"#, 422, "body.priority"),
        ("POST", tasks, r#"{"task_type":"t","priority":5.5}"#, 422, "body.priority"),
        ("POST", tasks, r#"{"task_type":"t","timeout":0}"#, 422, "body.timeout"),
        ("POST", tasks, r#"{"task_type":"t","parameters":[]}"#, 422, "body.parameters"),
        ("GET", "/coordination/tasks?limit=1001", "", 422, "query.limit"),
        ("GET", "/coordination/tasks?skip=-1", "", 422, "query.skip"),
        ("GET", "/coordination/consensus/proposals?limit=x", "", 422, "query.limit"),
        ("POST", "/coordination/tasks/x/actions", r#"{"action":"fly"}"#, 422, "body.action"),
        ("POST", "/coordination/tasks/x/actions", r#"{"action":"start"}"#, 404, ""),
        ("GET", "/coordination/tasks/x", "", 404, ""),
        ("DELETE", "/coordination/tasks/x/", "", 404, ""),
        ("POST", propose, r#"{"proposal_type":"t","proposal_data":{}}"#, 422, "body.proposer_id"),
        (
            "POST",
            propose,
            r#"{"proposal_type":"t","proposal_data":{},"proposer_id":"p","timeout":-1}"#,
            422,
            "body.timeout",
        ),
        (
            "POST",
            "/coordination/consensus/proposals/x/votes",
            r#"{"voter_id":"a","vote":"yes"}"#,
            422,
            "body.vote",
        ),
        ("POST", "/coordination/consensus/proposals/x/votes", r#"{"voter_id":"a","vote":"for"}"#, 404, ""),
        ("GET", "/coordination/consensus/proposals/x", "", 404, ""),
        ("PUT", "/coordination/election", "", 405, ""),
    ];
    for (method, path, body, status, place) in cases {
        let answer = gateway.request(method, path, (!body.is_empty()).then_some(body)).await;
        assert_eq!(answer.status, status, "{method} {path} {body}: {answer:?}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        let problem = answer.json();
        let loc = &problem["errors"][0]["loc"];
        let words: Vec<_> = loc.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        assert_eq!(words.join("."), place, "{method} {path} {body}: {problem}");
        assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()));
    }
}
