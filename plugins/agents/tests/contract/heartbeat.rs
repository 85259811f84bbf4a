//! Liveness.

use std::time::{Duration, Instant};

use serde_json::json;
use testkit::{Gateway, Options};

use crate::{act, create, event, expect, gateway, heartbeat, member, ok, start};

/// One in which an agent is missed soon.
fn impatient(seconds: &str) -> Gateway {
    start(Options::new().set(&format!("plugins.agents.heartbeat_timeout={seconds}")))
}

#[tokio::test]
async fn a_heartbeat_takes_what_is_given() {
    let gateway = gateway();
    create(&gateway, "a").await;
    let counters = json!({ "deteccoes_total": "5", "falsos_positivos": null, "other": "x" });
    let body = json!({ "health": 0.75, "load": 3.5, "energia": "42", "counters": counters, "other": 1 });
    let agent = ok(heartbeat(&gateway, "a", body).await);
    let expected = json!([0.75, 3.5, 42.0, 5, 0, 0, "inactive"]);
    let names = [
        "health",
        "load",
        "energia",
        "deteccoes_total",
        "neutralizacoes_total",
        "falsos_positivos",
        "status",
    ];
    assert_eq!(json!(names.map(|name| agent[name].clone())), expected);
    for body in [json!({}), json!({ "health": null, "load": null, "energia": null, "counters": null })] {
        assert_eq!(ok(heartbeat(&gateway, "a", body).await), agent);
    }
    assert_eq!(ok(gateway.get("/agents/a").await), agent);
}

#[tokio::test]
async fn an_active_agent_that_is_silent_is_lost_and_no_other() {
    let gateway = impatient("0.3");
    for id in ["active", "paused", "inactive"] {
        create(&gateway, id).await;
    }
    act(&gateway, "paused", "pause").await;
    let mut session = member(&gateway, &["agents"]).await;
    act(&gateway, "active", "start").await;
    let started = Instant::now();
    expect(event(&mut session).await, "agent_action", "agents");
    expect(event(&mut session).await, "agent_status_changed", "agents");
    let lost = json!({ "agent_id": "active", "old_status": "active", "new_status": "lost" });
    assert_eq!(expect(event(&mut session).await, "agent_status_changed", "agents"), lost);
    let waited = started.elapsed();
    assert!(waited > Duration::from_millis(200) && waited < Duration::from_secs(5), "{waited:?}");
    let list = ok(gateway.get("/agents/").await);
    assert_eq!(list["by_status"], json!({ "inactive": 1, "lost": 1, "paused": 1 }));
    // Who is heard again is back.
    assert_eq!(ok(heartbeat(&gateway, "active", json!({})).await)["status"], "active");
}

#[tokio::test]
async fn a_heartbeat_keeps_an_agent_alive() {
    let gateway = impatient("0.6");
    let mut session = member(&gateway, &["agents"]).await;
    session.ask(&json!({ "action": "subscribe", "data": { "event_types": ["agent_status_changed"] } })).await;
    for id in ["kept", "silent"] {
        create(&gateway, id).await;
        act(&gateway, id, "start").await;
        expect(event(&mut session).await, "agent_status_changed", "agents");
    }
    let next = event(&mut session);
    tokio::pin!(next);
    let lost = loop {
        tokio::select! {
            lost = &mut next => break lost,
            () = tokio::time::sleep(Duration::from_millis(50)) => {
                ok(heartbeat(&gateway, "kept", json!({})).await);
            }
        }
    };
    assert_eq!(expect(lost, "agent_status_changed", "agents")["agent_id"], "silent");
    assert_eq!(ok(gateway.get("/agents/kept").await)["status"], "active");
}
