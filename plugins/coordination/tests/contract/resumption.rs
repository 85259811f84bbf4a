//! Ends that come in the middle: a kill with requests under way, and a plugin that is not there for a while.

use std::cell::Cell;
use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::{Value, json};
use testkit::{Answer, Gateway, Options, Signal};

use crate::{
    active, column, create, election, ok, propose, remove, scan, start, status, step, text, trigger, voter,
};

const MANY: usize = 120;
/// The gateway is killed when so many requests are answered.
const ENOUGH: usize = 30;

fn kept() -> (Gateway, tempfile::TempDir, Options) {
    let data = tempfile::tempdir().unwrap();
    let options = Options::new().data(data.path().join("data"));
    (start(options.clone()), data, options)
}

/// Sends all at once, kills the gateway in the middle, and answers what was answered, whole.
async fn killed_among<F: Future<Output = Answer>>(
    gateway: Gateway,
    requests: impl Fn(usize) -> F,
) -> Vec<Value> {
    let answered = Cell::new(0);
    let answers = join_all((0..MANY).map(|n| {
        let request = requests(n);
        async {
            let answer = request.await;
            answered.set(answered.get() + 1);
            if answered.get() == ENOUGH {
                gateway.signal(Signal::KILL);
            }
            answer
        }
    }));
    let whole = |answer: &Answer| serde_json::from_str(&answer.body).ok();
    let answers = answers.await.iter().filter(|answer| answer.status / 100 == 2).filter_map(whole).collect();
    gateway.kill();
    answers
}

#[tokio::test]
async fn a_kill_among_new_tasks_loses_none_that_was_answered_and_no_number() {
    let (gateway, _data, options) = kept();
    let address = gateway.address();
    let body = json!({ "task_type": "scan" }).to_string();
    let bytes = testkit::request("POST", "/coordination/tasks", &[], Some(&body));
    let bytes = bytes.as_slice();
    let answered = killed_among(gateway, |_| testkit::exchange(address, bytes)).await;
    assert!(answered.len() >= ENOUGH - 1, "{}", answered.len());
    let gateway = start(options);
    let list = ok(gateway.get("/coordination/tasks?limit=1000").await);
    let kept = column(&list["tasks"], "task_id");
    assert_eq!(BTreeSet::from_iter(&kept).len(), kept.len());
    assert!(kept.is_sorted(), "{kept:?}");
    for task in &answered {
        assert!(list["tasks"].as_array().unwrap().contains(task), "{task} is lost");
    }
    let next = scan(&gateway).await;
    assert!(!kept.contains(&next) && kept.iter().all(|id| *id < next), "{next} after {kept:?}");
}

#[tokio::test]
async fn a_kill_among_elections_leaves_terms_that_grow() {
    let (gateway, _data, options) = kept();
    active(&gateway, "a").await;
    let address = gateway.address();
    let bytes = testkit::request("POST", "/coordination/election/trigger", &[], Some("{}"));
    let bytes = bytes.as_slice();
    let answered = killed_among(gateway, |_| testkit::exchange(address, bytes)).await;
    let term = |election: &Value| election["election_term"].as_u64().unwrap();
    let terms: BTreeSet<u64> = answered.iter().map(term).collect();
    assert_eq!(terms.len(), answered.len(), "a term was held twice");
    let gateway = start(options);
    let after = election(&gateway).await;
    assert!(term(&after) >= *terms.last().unwrap(), "{after}");
    let counts = |election: &Value| json!([election["total_elections"], election["leader_changes"]]);
    assert_eq!(counts(&after), json!([term(&after), 1]), "{after}");
    let next = trigger(&gateway).await;
    assert_eq!(term(&next), term(&after) + 1);
    assert_eq!(counts(&next), json!([term(&after) + 1, 1]));
}

#[tokio::test]
async fn a_kill_among_votes_counts_each_that_was_answered_once() {
    let (gateway, _data, options) = kept();
    for n in 0..MANY {
        voter(&gateway, &format!("a{n}"), "manual").await;
    }
    let id = text(&propose(&gateway, json!({ "timeout": 600 })).await["proposal_id"]);
    let path = format!("/coordination/consensus/proposals/{id}/votes");
    let address = gateway.address();
    let bytes: Vec<_> = (0..MANY)
        .map(|n| json!({ "voter_id": format!("a{n}"), "vote": "for" }).to_string())
        .map(|body| testkit::request("POST", &path, &[], Some(&body)))
        .collect();
    let answered = killed_among(gateway, |n| testkit::exchange(address, &bytes[n])).await;
    let counted = |proposal: &Value| proposal["votes_for"].as_u64().unwrap();
    let seen: BTreeSet<u64> = answered.iter().map(counted).collect();
    assert_eq!(seen.len(), answered.len(), "two votes made one");
    let gateway = start(options);
    let before = counted(&crate::proposal(&gateway, &id).await);
    assert!(before >= *seen.last().unwrap());
    let mut taken = 0;
    for n in 0..MANY {
        let answer = crate::vote(&gateway, &id, &format!("a{n}"), "for").await;
        assert!([200, 409].contains(&answer.status), "{answer:?}");
        taken += u64::from(answer.status == 200);
    }
    let last = crate::proposal(&gateway, &id).await;
    assert_eq!((counted(&last), taken), (MANY as u64, MANY as u64 - before));
    assert_eq!(last["status"], "approved");
}

#[tokio::test]
async fn a_kill_among_assignments_leaves_each_task_where_it_was_told_to_be() {
    let (gateway, _data, options) = kept();
    active(&gateway, "a").await;
    let address = gateway.address();
    let mut bytes = Vec::new();
    for _ in 0..MANY {
        let path = format!("/coordination/tasks/{}/actions", scan(&gateway).await);
        bytes.push(testkit::request("POST", &path, &[], Some(r#"{"action":"assign"}"#)));
    }
    let answered = killed_among(gateway, |n| testkit::exchange(address, &bytes[n])).await;
    assert!(answered.len() >= ENOUGH - 1, "{}", answered.len());
    let gateway = start(options);
    for task in &answered {
        assert_eq!(crate::show(&gateway, task["task_id"].as_str().unwrap()).await, *task);
    }
    // What was told of, and what was not, goes on.
    for n in 1..=MANY {
        let id = format!("task_scan_{n:03}");
        if crate::show(&gateway, &id).await["status"] == "pending" {
            step(&gateway, &id, "assign").await;
        }
    }
    assert_eq!(status(&gateway).await["tasks_assigned"], MANY);
}

/// Stops the plugin, has something happen to the agents, and starts it.
async fn without_it(gateway: &Gateway, meanwhile: impl AsyncFnOnce()) {
    ok(gateway.request("POST", "/api/v1/plugins/coordination/stop", None).await);
    meanwhile().await;
    ok(gateway.request("POST", "/api/v1/plugins/coordination/start", None).await);
}

#[tokio::test]
async fn what_happened_to_agents_meanwhile_is_known_after_the_start() {
    let (gateway, _data, _) = kept();
    for id in ["a", "b"] {
        active(&gateway, id).await;
    }
    without_it(&gateway, async || {
        remove(&gateway, "a").await;
        create(&gateway, "c").await;
        active(&gateway, "d").await;
        crate::patch(&gateway, "d", json!({ "load": 0.5 })).await;
        crate::patch(&gateway, "b", json!({ "load": 0.75 })).await;
    })
    .await;
    let known = status(&gateway).await;
    assert_eq!(json!([known["total_agents"], known["alive_agents"]]), json!([3, 2]));
    let id = scan(&gateway).await;
    assert_eq!(step(&gateway, &id, "assign").await["assigned_agent"], "d");
}

#[tokio::test]
async fn a_leader_that_ended_meanwhile_has_a_successor() {
    for deleted in [true, false] {
        let (gateway, _data, _) = kept();
        for id in ["a", "b"] {
            active(&gateway, id).await;
        }
        assert_eq!(trigger(&gateway).await["leader_id"], "a");
        without_it(&gateway, async || {
            if deleted {
                remove(&gateway, "a").await;
            } else {
                crate::patch(&gateway, "a", json!({ "status": "lost" })).await;
            }
        })
        .await;
        let now = election(&gateway).await;
        let fields = ["leader_id", "election_term", "total_elections", "leader_changes"];
        assert_eq!(json!(fields.map(|name| now[name].clone())), json!(["b", 2, 2, 2]), "deleted: {deleted}");
    }
}

#[tokio::test]
async fn a_leader_that_is_there_is_not_elected_again_by_a_start() {
    let (gateway, _data, options) = kept();
    active(&gateway, "a").await;
    let first = trigger(&gateway).await;
    crate::act(&gateway, "a", "pause").await;
    without_it(&gateway, async || {}).await;
    assert_eq!(election(&gateway).await, first);
    gateway.kill();
    let gateway = start(options);
    assert_eq!(election(&gateway).await, first);
}

#[tokio::test]
async fn a_kill_behind_a_leaders_end_leaves_a_successor() {
    let (mut gateway, _data, options) = kept();
    for n in 0..6 {
        active(&gateway, &format!("a{n}")).await;
    }
    trigger(&gateway).await;
    for n in 0..5 {
        // The answer is the other plugin's: this one may or may not have heard of it.
        remove(&gateway, &format!("a{n}")).await;
        gateway.kill();
        gateway = start(options.clone());
        let now = election(&gateway).await;
        let fields = ["leader_id", "election_term", "total_elections", "leader_changes"];
        let expected = json!([format!("a{}", n + 1), n + 2, n + 2, n + 2]);
        assert_eq!(json!(fields.map(|name| now[name].clone())), expected);
    }
}

#[tokio::test]
async fn a_leader_that_is_silent_over_a_restart_has_a_successor() {
    let (gateway, _data, options) = kept();
    active(&gateway, "a").await;
    trigger(&gateway).await;
    gateway.kill();
    let gateway = start(options.set("plugins.agents.heartbeat_timeout=0.3"));
    let mut session = crate::member(&gateway, &["coordination"]).await;
    // It is lost before the session has joined, or after.
    if election(&gateway).await["leader_id"] == "a" {
        crate::next(&mut session, "coordination", "election_triggered").await;
    }
    let now = election(&gateway).await;
    assert!(text(&now["leader_id"]).starts_with("coordinator:"), "{now}");
    assert_eq!(
        json!([now["election_term"], now["total_elections"], now["leader_changes"]]),
        json!([2, 2, 2])
    );
}

#[tokio::test]
async fn agents_that_come_while_it_starts_are_known() {
    let (gateway, _data, _) = kept();
    let names: Vec<_> = (0..40).map(|n| format!("a{n}")).collect();
    let comes = join_all(names.iter().map(async |id| active(&gateway, id).await));
    let restarts = async {
        for _ in 0..3 {
            without_it(&gateway, async || {}).await;
        }
    };
    futures_util::future::join(comes, restarts).await;
    let known = status(&gateway).await;
    assert_eq!(json!([known["total_agents"], known["alive_agents"]]), json!([40, 40]));
}
