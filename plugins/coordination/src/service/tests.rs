use serde_json::{Value, json};
use tidegate_plugin::{Bytes, Cursor};

use super::*;
use crate::validate::{Action, Ballot, NewProposal, NewTask};
use crate::world::tests::Small;

/// A node's service.
pub(crate) async fn on(world: &Small) -> Service<Small> {
    Service::open(world.clone(), &Settings::default()).await.unwrap()
}

/// A service in a small world, with these agents at work; what was published of that is forgotten.
pub(crate) async fn service(agents: &[&str]) -> Service<Small> {
    let service = on(&Small::default()).await;
    for id in agents {
        tell(&service, "agent_created", agent(id, "active", 1.0, 0.0)).await;
    }
    service.world.heard();
    service
}

/// An agent as the plugin `agents` shows it.
pub(crate) fn agent(id: &str, status: &str, health: f64, load: f64) -> Value {
    json!({"agent_id": id, "agent_type": "b_cell", "status": status, "health": health, "load": load, "config": {}})
}

/// An agent at work that votes like this.
pub(crate) fn voter(id: &str, vote: &str) -> Value {
    let mut agent = agent(id, "active", 1.0, 0.0);
    agent["config"]["vote"] = vote.into();
    agent
}

/// Tells the service of an event on agents.
pub(crate) async fn tell(service: &Service<Small>, kind: &str, data: Value) {
    service.follow(&event(kind, "agent_service", &data)).await.unwrap();
}

fn event(kind: &str, source: &str, data: &Value) -> FollowedEvent {
    FollowedEvent {
        room: "agents".into(),
        kind: kind.into(),
        source: source.into(),
        key: String::new(),
        id: String::new(),
        tags: Vec::new(),
        time: 0,
        cursor: Cursor { epoch: "e".into(), offset: 1 },
        data: Bytes::from(data.to_string()),
    }
}

pub(crate) fn new_task(body: Value) -> NewTask {
    NewTask::parse(body.to_string().as_bytes()).unwrap()
}

pub(crate) fn action(body: Value) -> Action {
    Action::parse(body.to_string().as_bytes()).unwrap()
}

pub(crate) fn proposal(body: Value) -> NewProposal {
    let mut all = json!({"proposal_type": "t", "proposal_data": {}, "proposer_id": "p"});
    all.as_object_mut().unwrap().extend(body.as_object().cloned().unwrap());
    NewProposal::parse(all.to_string().as_bytes()).unwrap()
}

pub(crate) fn ballot(voter: &str, vote: &str) -> Ballot {
    Ballot::parse(json!({"voter_id": voter, "vote": vote}).to_string().as_bytes()).unwrap()
}

#[tokio::test]
async fn the_coordinator_is_made_once_and_each_store_has_its_own() {
    let world = Small::default();
    let first = on(&world).await.coordinator;
    assert_eq!(first, "coordinator:n1");
    assert_eq!(on(&world.node()).await.coordinator, first);
}

#[tokio::test]
async fn agents_are_known_from_what_is_kept_of_them_and_from_events_since() {
    let world = Small::default();
    world.keep_agents(&[agent("kept", "active", 1.0, 0.0), json!({"agent_id": "of another shape"})]);
    let service = on(&world).await;
    tell(&service, "agent_created", agent("new", "inactive", 1.0, 0.0)).await;
    let known = |id| service.roster.borrow().knows(id);
    assert!(known("kept") && known("new") && !known("of another shape"));
}

#[tokio::test]
async fn what_others_say_in_the_room_of_agents_is_not_believed() {
    let service = service(&["a"]).await;
    service.trigger().await.unwrap();
    service.follow(&event("agent_deleted", "client", &json!({"agent_id": "a"}))).await.unwrap();
    assert!(service.roster.borrow().knows("a"));
    assert_eq!(service.election().await.unwrap().election_term, 1);
}

#[tokio::test]
async fn after_a_gap_agents_are_read_anew_and_what_follows_is_done() {
    let service = service(&["a"]).await;
    service.trigger().await.unwrap();
    service.world.heard();
    service.world.keep_agents(&[agent("b", "active", 1.0, 0.0)]);
    service.reread().await.unwrap();
    assert!(!service.roster.borrow().knows("a"));
    assert_eq!(service.election().await.unwrap().leader_id.as_deref(), Some("b"));
    assert_eq!(service.world.kinds(), ["election_triggered", "leader_elected"]);
    service.world.keep_agents(&[]);
    service.reread().await.unwrap();
    assert_eq!(service.world.kinds(), ["election_triggered", "leader_elected", "health_changed"]);
}

/// What is said to be done, in words, by a client that asks for one thing after the other until the node is killed.
async fn flow(service: &Service<Small>) -> Vec<&'static str> {
    let mut done = Vec::new();
    let mut note = |what, went: bool| went.then(|| done.push(what)).is_some();
    let task = new_task(json!({"task_type": "scan"}));
    if !note("task_created", service.create_task(&task).await.is_ok()) {
        return done;
    }
    for (what, body) in [
        ("task_assigned", json!({"action": "assign"})),
        ("task_started", json!({"action": "start"})),
        ("task_failed", json!({"action": "fail", "error": "e"})),
        ("task_retried", json!({"action": "retry"})),
    ] {
        if !note(what, service.act("task_scan_001", &action(body)).await.is_ok()) {
            return done;
        }
    }
    if note("task_cancelled", service.delete_task("task_scan_001").await.is_ok())
        && note("election_triggered", service.trigger().await.is_ok())
        && note("consensus_proposed", service.propose(&proposal(json!({}))).await.is_ok())
    {
        note("consensus_decided", service.vote("proposal_001", &ballot("hand", "for")).await.is_ok());
    }
    done
}

const WHOLE: [&str; 10] = [
    "task_created",
    "task_assigned",
    "task_started",
    "task_failed",
    "task_retried",
    "task_cancelled",
    "election_triggered",
    "leader_elected",
    "consensus_proposed",
    "consensus_decided",
];

#[tokio::test]
async fn whenever_the_node_is_killed_what_happened_is_told_in_order_and_what_was_answered_has_happened() {
    for effects in 0.. {
        let world = Small::default();
        world.keep_agents(&[voter("hand", "manual")]);
        let service = on(&world).await;
        world.kill_after(effects);
        let answered = flow(&service).await;
        let again = on(&world.node()).await;
        again.catch_up().await;
        assert!(again.left.borrow().is_empty());
        // Some may have been told twice, with the same id, which the hub sends once.
        let mut told = world.heard();
        let mut seen = std::collections::HashSet::new();
        told.retain(|notice| seen.insert(notice.id.clone()));
        let told: Vec<_> = told.iter().map(|notice| &*notice.kind).collect();
        assert_eq!(told, WHOLE[..told.len()], "killed after {effects}");
        let answered_last = answered.last().and_then(|last| WHOLE.iter().position(|kind| kind == last));
        assert!(
            told.len() >= answered_last.map_or(0, |last| last + 1),
            "killed after {effects}: {answered:?}"
        );
        // The next start finds nothing more to tell, and the state is that of what was told.
        on(&world.node()).await.catch_up().await;
        assert!(world.heard().is_empty());
        let status = again.task("task_scan_001").await.ok().map(|task| task.status.name());
        let expected =
            [None, Some("pending"), Some("assigned"), Some("running"), Some("failed"), Some("pending"), None];
        assert_eq!(status, expected[told.len().min(6)], "killed after {effects}");
        if answered.len() == WHOLE.len() - 1 {
            assert!(effects > 25, "each step was tried");
            return;
        }
    }
}

#[tokio::test]
async fn what_is_left_untold_of_several_is_told_in_the_order_in_which_it_happened() {
    let world = Small::default();
    let service = on(&world).await;
    for _ in 0..2 {
        service.create_task(&new_task(json!({"task_type": "t"}))).await.unwrap();
        world.pass(10);
    }
    world.heard();
    // Each of these is killed between its write and its event.
    for (id, what) in [("task_t_002", "cancel"), ("task_t_001", "assign"), ("", "")] {
        let node = world.node();
        node.keep_agents(&[agent("a", "active", 1.0, 0.0)]);
        let service = on(&node).await;
        service.left.take();
        service.looked_after.set(1);
        node.kill_after(1);
        let failed = match what {
            "" => service.trigger().await.is_err(),
            _ => service.act(id, &action(json!({"action": what}))).await.is_err(),
        };
        assert!(failed);
        world.pass(10);
    }
    on(&world.node()).await.catch_up().await;
    assert_eq!(world.kinds(), ["task_cancelled", "task_assigned", "election_triggered", "leader_elected"]);
}

#[tokio::test]
async fn what_cannot_be_ended_when_its_time_is_up_keeps_nobody_and_is_tried_again() {
    let service = service(&["a"]).await;
    service.create_task(&new_task(json!({"task_type": "t", "timeout": 1}))).await.unwrap();
    service.act("task_t_001", &action(json!({"action": "assign"}))).await.unwrap();
    service.act("task_t_001", &action(json!({"action": "start"}))).await.unwrap();
    service.world.pass(1000);
    service.world.rivals.set(shelf::TRIES);
    service.catch_up().await;
    assert_eq!(service.task("task_t_001").await.unwrap().status.name(), "running");
    assert!(service.world.warnings.borrow()[0].contains("'task_t_001'"));
    assert_eq!(service.due_in(), Some(Duration::from_secs(1)));
    service.world.pass(1000);
    let task = service.task("task_t_001").await.unwrap();
    assert_eq!((task.status.name(), task.duration), ("failed", Some(1.0)));
}
