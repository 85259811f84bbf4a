//! The status, which follows the agents at once, and what is told of it.

use serde_json::{Value, json};
use testkit::{Gateway, Options, Socket};

use crate::{
    act, active, create, gateway, has, heartbeat, member, number, ok, patch, remove, scan, start, status,
    step, trigger,
};

const FIELDS: [&str; 10] = [
    "has_leader",
    "leader_id",
    "total_agents",
    "alive_agents",
    "tasks_pending",
    "tasks_assigned",
    "tasks_running",
    "average_agent_health",
    "average_agent_load",
    "system_health",
];

/// Agents, those alive, and what is made of it.
async fn agents(gateway: &Gateway) -> Value {
    let status = status(gateway).await;
    json!([status["total_agents"], status["alive_agents"], status["system_health"]])
}

/// The next change that is told, from which to which; other events of the room are read over.
async fn change(session: &mut Socket) -> (String, String) {
    loop {
        let event = session.next().await;
        if event["event_type"] == "health_changed" && event["source"] == "coordination_service" {
            assert_eq!(event["room"], "system");
            let data = &event["data"];
            has(data, &["component", "old_status", "new_status"]);
            assert_eq!(data["component"], "agents");
            return (crate::text(&data["old_status"]), crate::text(&data["new_status"]));
        }
    }
}

fn pair(old: &str, new: &str) -> (String, String) {
    (old.into(), new.into())
}

#[tokio::test]
async fn nothing_is_unhealthy_and_zero() {
    let gateway = gateway();
    let status = status(&gateway).await;
    has(&status, &FIELDS);
    let found = FIELDS.map(|name| match status[name].as_f64() {
        Some(number) => json!(number),
        None => status[name].clone(),
    });
    assert_eq!(json!(found), json!([false, null, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, "unhealthy"]));
    assert_eq!(ok(gateway.get("/coordination/status/").await), status);
}

#[tokio::test]
async fn tasks_are_counted_by_where_they_are() {
    let gateway = gateway();
    active(&gateway, "a").await;
    for way in [
        &[][..],
        &[],
        &[],
        &["assign"],
        &["assign"],
        &["assign", "start"],
        &["assign", "start", "complete"],
        &["assign", "fail"],
        &["cancel"],
    ] {
        let id = scan(&gateway).await;
        for action in way {
            step(&gateway, &id, action).await;
        }
    }
    let counted = async || {
        let status = status(&gateway).await;
        json!([status["tasks_pending"], status["tasks_assigned"], status["tasks_running"]])
    };
    assert_eq!(counted().await, json!([3, 2, 1]));
    crate::delete(&gateway, "/coordination/tasks/task_scan_001").await;
    step(&gateway, "task_scan_006", "complete").await;
    step(&gateway, "task_scan_008", "retry").await;
    assert_eq!(counted().await, json!([3, 2, 0]));
}

#[tokio::test]
async fn averages_are_over_the_agents() {
    let gateway = gateway();
    let averages = async || {
        let status = status(&gateway).await;
        (number(&status["average_agent_health"]), number(&status["average_agent_load"]))
    };
    create(&gateway, "a").await;
    assert_eq!(averages().await, (1.0, 0.0), "they are zero with no agents only");
    act(&gateway, "a", "start").await;
    active(&gateway, "b").await;
    patch(&gateway, "a", json!({ "health": 0.5, "load": 0.25 })).await;
    assert_eq!(averages().await, (0.75, 0.125));
    heartbeat(&gateway, "b", json!({ "health": 0.75, "load": 1.75 })).await;
    assert_eq!(averages().await, (0.625, 1.0));
    remove(&gateway, "a").await;
    assert_eq!(averages().await, (0.75, 1.75));
    remove(&gateway, "b").await;
    assert_eq!(averages().await, (0.0, 0.0));
}

#[tokio::test]
async fn the_leader_is_in_the_status() {
    let gateway = gateway();
    let leader = async || {
        let status = status(&gateway).await;
        json!([status["has_leader"], status["leader_id"]])
    };
    active(&gateway, "a").await;
    assert_eq!(leader().await, json!([false, null]));
    trigger(&gateway).await;
    assert_eq!(leader().await, json!([true, "a"]));
    active(&gateway, "b").await;
    remove(&gateway, "a").await;
    assert_eq!(leader().await, json!([true, "b"]));
}

#[tokio::test]
async fn an_answer_sees_what_another_plugin_has_answered() {
    let gateway = gateway();
    for n in 1..=20 {
        let id = format!("a{n:02}");
        create(&gateway, &id).await;
        assert_eq!(status(&gateway).await["total_agents"], n);
        act(&gateway, &id, "start").await;
        assert_eq!(status(&gateway).await["alive_agents"], n);
        patch(&gateway, &id, json!({ "health": 0.9, "load": 0.5 })).await;
        heartbeat(&gateway, &id, json!({ "load": f64::from(100 - n) })).await;
        // The newest has the least load, and so it gets the task.
        let task = scan(&gateway).await;
        assert_eq!(step(&gateway, &task, "assign").await["assigned_agent"], id);
        assert_eq!(trigger(&gateway).await["leader_id"], id);
        assert_eq!(crate::propose(&gateway, json!({})).await["total_voters"], n);
    }
    for n in (1..=20).rev() {
        remove(&gateway, &format!("a{n:02}")).await;
        let status = status(&gateway).await;
        assert_eq!((&status["total_agents"], &status["alive_agents"]), (&json!(n - 1), &json!(n - 1)));
    }
}

#[tokio::test]
async fn health_is_judged_by_who_is_alive_and_well_and_changes_are_told() {
    let gateway = gateway();
    let mut session = member(&gateway, &["system"]).await;
    for id in ["a", "b", "c"] {
        create(&gateway, id).await;
    }
    assert_eq!(agents(&gateway).await, json!([3, 0, "unhealthy"]));
    act(&gateway, "a", "start").await;
    // The first judgement was no change, so this is the first to be told.
    assert_eq!(change(&mut session).await, pair("unhealthy", "degraded"));
    assert_eq!(agents(&gateway).await, json!([3, 1, "degraded"]));
    act(&gateway, "b", "start").await;
    assert_eq!(change(&mut session).await, pair("degraded", "healthy"));
    assert_eq!(agents(&gateway).await, json!([3, 2, "healthy"]));
    act(&gateway, "c", "start").await;
    for id in ["a", "b", "c"] {
        patch(&gateway, id, json!({ "health": 0.5 })).await;
    }
    assert_eq!(agents(&gateway).await, json!([3, 3, "healthy"]), "a half is not less than a half");
    heartbeat(&gateway, "c", json!({ "health": 0.25 })).await;
    assert_eq!(change(&mut session).await, pair("healthy", "degraded"));
    patch(&gateway, "c", json!({ "health": 1 })).await;
    assert_eq!(change(&mut session).await, pair("degraded", "healthy"));
    for id in ["a", "b"] {
        act(&gateway, id, "stop").await;
    }
    assert_eq!(change(&mut session).await, pair("healthy", "degraded"));
    remove(&gateway, "a").await;
    assert_eq!(change(&mut session).await, pair("degraded", "healthy"));
    assert_eq!(agents(&gateway).await, json!([2, 1, "healthy"]), "half of them alive is not fewer than half");
    patch(&gateway, "c", json!({ "status": "lost" })).await;
    assert_eq!(change(&mut session).await, pair("healthy", "unhealthy"));
    act(&gateway, "c", "start").await;
    assert_eq!(change(&mut session).await, pair("unhealthy", "healthy"));
    remove(&gateway, "c").await;
    assert_eq!(change(&mut session).await, pair("healthy", "unhealthy"));
    remove(&gateway, "b").await;
    assert_eq!(agents(&gateway).await, json!([0, 0, "unhealthy"]));
    active(&gateway, "d").await;
    assert_eq!(change(&mut session).await, pair("unhealthy", "healthy"), "and nothing in between");
}

#[tokio::test]
async fn an_agent_that_falls_silent_is_not_alive() {
    let gateway = start(Options::new().set("plugins.agents.heartbeat_timeout=0.3"));
    let mut session = member(&gateway, &["system"]).await;
    active(&gateway, "a").await;
    assert_eq!(change(&mut session).await, pair("unhealthy", "healthy"));
    assert_eq!(change(&mut session).await, pair("healthy", "unhealthy"));
    assert_eq!(agents(&gateway).await, json!([1, 0, "unhealthy"]));
    heartbeat(&gateway, "a", json!({})).await;
    assert_eq!(agents(&gateway).await, json!([1, 1, "healthy"]));
}

#[tokio::test]
async fn each_event_is_judged_however_busy_the_plugin_is() {
    let gateway = gateway();
    let mut session = member(&gateway, &["system"]).await;
    create(&gateway, "a").await;
    let rounds = 15;
    let work = futures_util::future::join_all((0..20).map(async |_| {
        for _ in 0..rounds {
            scan(&gateway).await;
        }
    }));
    let changes = async {
        for _ in 0..rounds {
            for action in ["start", "stop"] {
                act(&gateway, "a", action).await;
            }
        }
    };
    futures_util::future::join(work, changes).await;
    for _ in 0..rounds {
        assert_eq!(change(&mut session).await, pair("unhealthy", "healthy"));
        assert_eq!(change(&mut session).await, pair("healthy", "unhealthy"));
    }
}
