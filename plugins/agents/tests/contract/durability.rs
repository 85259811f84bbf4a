//! What was answered is still so after the process was killed.

use serde_json::json;
use testkit::Options;

use crate::{act, create, delete, heartbeat, ids, ok, patch, start};

#[tokio::test]
async fn a_killed_gateway_comes_back_with_agents_order_totals_and_temperature() {
    let data = tempfile::tempdir().unwrap();
    let options = Options::new().data(data.path().join("data"));
    let gateway = start(options.clone());
    for id in ["c", "a", "b", "gone"] {
        create(&gateway, id).await;
    }
    act(&gateway, "a", "start").await;
    ok(patch(&gateway, "b", json!({ "health": 0.25, "config": { "deep": [1, { "é": null }] } })).await);
    ok(heartbeat(&gateway, "a", json!({ "counters": { "deteccoes_total": 7 } })).await);
    delete(&gateway, "/agents/gone").await;
    for (tag, count) in [("kept", 3), ("destroyed", 2)] {
        let body = json!({ "agent_id": "a", "num_clones": count, "especializacao": tag });
        assert_eq!(gateway.post("/lymphnode/clone", &body).await.status, 201);
    }
    delete(&gateway, "/lymphnode/clones/destroyed").await;
    let agents = ok(gateway.get("/agents/").await);
    let metrics = ok(gateway.get("/lymphnode/metrics").await);
    gateway.kill();

    let gateway = start(options);
    assert_eq!(ok(gateway.get("/agents/").await), agents);
    assert_eq!(ok(gateway.get("/lymphnode/metrics").await), metrics);
    assert_eq!(metrics["total_clones_criados"], 5);
    create(&gateway, "0 comes last").await;
    let list = ok(gateway.get("/agents/").await);
    assert_eq!((&ids(&list)[..3], ids(&list)[6]), (["c", "a", "b"].as_slice(), "0 comes last"));
    assert_eq!(ok(delete(&gateway, "/lymphnode/clones/kept").await)["num_destroyed"], 3);
    assert_eq!(ok(patch(&gateway, "b", json!({ "health": 1 })).await)["config"]["deep"][0], 1);
}
