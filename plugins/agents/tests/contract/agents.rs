//! One agent: made, shown, changed, deleted, its statistics.

use serde_json::{Value, json};

use crate::{create, delete, gateway, is_time, keys, ok, patch, problem};

#[tokio::test]
async fn a_new_agent_is_well_idle_and_inactive() {
    let gateway = gateway();
    let body =
        json!({ "agent_type": "Neutrophil", "config": { "area": "north" }, "agent_id": "n1", "extra": 7 });
    let answer = gateway.post("/agents/", &body).await;
    assert_eq!(answer.status, 201);
    let agent = answer.json();
    assert!(is_time(&agent["created_at"]) && agent["created_at"] == agent["updated_at"]);
    let expected = json!({
        "agent_id": "n1", "agent_type": "neutrophil", "status": "inactive", "health": 1.0, "load": 0.0,
        "energia": 100.0, "deteccoes_total": 0, "neutralizacoes_total": 0, "falsos_positivos": 0,
        "created_at": agent["created_at"], "updated_at": agent["updated_at"], "config": { "area": "north" },
    });
    assert_eq!(agent, expected);
    assert_eq!(ok(gateway.get("/agents/n1").await), agent);
    assert_eq!(ok(gateway.get("/agents/n1/").await), agent);
}

#[tokio::test]
async fn what_is_left_out_or_null_is_made_up_for() {
    let gateway = gateway();
    let mut ids = Vec::new();
    for body in [
        json!({ "agent_type": "b_cell" }),
        json!({ "agent_type": "b_cell", "config": null, "agent_id": null }),
    ] {
        let agent = gateway.post("/agents", &body).await.json();
        assert_eq!(agent["config"], json!({}));
        ids.push(agent["agent_id"].as_str().unwrap().to_owned());
    }
    for id in &ids {
        let shape: String = id.chars().map(|c| if c.is_ascii_hexdigit() { 'x' } else { c }).collect();
        assert_eq!(shape, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx");
        assert!(&id[14..15] == "4" && "89ab".contains(&id[19..20]), "not a UUIDv4: {id}");
    }
    assert_ne!(ids[0], ids[1]);
}

#[tokio::test]
async fn allowed_types_are_the_eight_and_two_more_and_configuration() {
    let gateway = gateway();
    let eight = json!([
        "neutrophil",
        "macrophage",
        "nk_cell",
        "dendritic",
        "helper_t",
        "cytotoxic_t",
        "b_cell",
        "t_reg"
    ]);
    assert_eq!(ok(gateway.get("/agents/types/available").await), eight);
    let names = eight.as_array().unwrap().iter().map(|name| name.as_str().unwrap());
    for name in names.chain(["neutrofilo", "macrofago"]) {
        let answer = gateway.post("/agents/", &json!({ "agent_type": name })).await;
        assert_eq!((answer.status, &answer.json()["agent_type"]), (201, &json!(name)));
    }
    let options = testkit::Options::new().set(r#"plugins.agents.agent_types=["drone"]"#);
    let other = crate::start(options);
    assert_eq!(other.post("/agents/", &json!({ "agent_type": "DRONE" })).await.status, 201);
    assert_eq!(other.post("/agents/", &json!({ "agent_type": "b_cell" })).await.status, 422);
}

#[tokio::test]
async fn a_live_id_is_given_once() {
    let gateway = gateway();
    create(&gateway, "a").await;
    let again = gateway.post("/agents/", &json!({ "agent_type": "b_cell", "agent_id": "a" })).await;
    problem(&again, 409, "Agent 'a' already exists");
    assert_eq!(delete(&gateway, "/agents/a").await.status, 204);
    create(&gateway, "a").await;
}

#[tokio::test]
async fn a_change_takes_what_is_given_and_merges_config() {
    let gateway = gateway();
    let body = json!({ "agent_type": "b_cell", "agent_id": "a", "config": { "x": 1, "y": { "z": 1 } } });
    let before = gateway.post("/agents/", &body).await.json();
    let change = json!({ "status": "paused", "health": "0.5", "load": 1, "config": { "y": 2, "w": null }, "energia": 3 });
    let after = ok(patch(&gateway, "a", change).await);
    let mut expected = before.clone();
    expected["status"] = json!("paused");
    expected["health"] = json!(0.5);
    expected["load"] = json!(1.0);
    expected["config"] = json!({ "x": 1, "y": 2, "w": null });
    expected["updated_at"] = after["updated_at"].clone();
    assert_eq!(after, expected);
    assert!(after["updated_at"].as_str() >= before["updated_at"].as_str());
    let nulls = json!({ "status": null, "health": null, "load": null, "config": null });
    let same = ok(patch(&gateway, "a", nulls).await);
    expected["updated_at"] = same["updated_at"].clone();
    assert_eq!(same, expected);
    assert_eq!(ok(gateway.get("/agents/a").await), same);
    for status in ["inactive", "active", "paused", "lost"] {
        assert_eq!(ok(patch(&gateway, "a", json!({ "status": status })).await)["status"], status);
    }
}

#[tokio::test]
async fn who_is_deleted_is_gone() {
    let gateway = gateway();
    create(&gateway, "a").await;
    let answer = delete(&gateway, "/agents/a").await;
    assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    problem(&gateway.get("/agents/a").await, 404, "Agent 'a' not found");
    assert_eq!(gateway.get("/agents/").await.json()["total"], 0);
}

#[tokio::test]
async fn an_unknown_agent_is_not_found_by_any_route() {
    let gateway = gateway();
    for (method, path, body) in [
        ("GET", "/agents/x", None),
        ("PATCH", "/agents/x", Some("{}")),
        ("DELETE", "/agents/x", None),
        ("GET", "/agents/x/stats", None),
        ("POST", "/agents/x/actions", Some(r#"{"action":"start"}"#)),
        ("POST", "/agents/x/heartbeat", Some("{}")),
        ("POST", "/lymphnode/clone", Some(r#"{"agent_id":"x"}"#)),
    ] {
        problem(&gateway.request(method, path, body).await, 404, "Agent 'x' not found");
    }
}

#[tokio::test]
async fn ids_come_percent_encoded() {
    let gateway = gateway();
    for (id, path) in [("a b", "a%20b"), ("é ü?", "%C3%A9%20%C3%BC%3F"), ("types", "types"), ("50%", "50%25")]
    {
        create(&gateway, id).await;
        assert_eq!(ok(gateway.get(&format!("/agents/{path}")).await)["agent_id"], id);
        assert_eq!(ok(gateway.get(&format!("/agents/{path}/stats")).await)["agent_id"], id);
        assert_eq!(delete(&gateway, &format!("/agents/{path}")).await.status, 204);
        problem(&gateway.get(&format!("/agents/{path}")).await, 404, &format!("Agent '{id}' not found"));
    }
    assert_eq!(gateway.get("/agents/%FF").await.status, 400);
}

#[tokio::test]
async fn statistics_are_the_agents_own_reports() {
    let gateway = gateway();
    create(&gateway, "a").await;
    let counters = json!({ "deteccoes_total": 3, "neutralizacoes_total": "2", "falsos_positivos": 1.0 });
    ok(crate::heartbeat(&gateway, "a", json!({ "counters": counters })).await);
    let mut stats = ok(gateway.get("/agents/a/stats").await);
    let uptime = stats.as_object_mut().unwrap().remove("uptime_seconds").unwrap();
    assert!((0.0..20.0).contains(&uptime.as_f64().unwrap()), "{uptime}");
    let expected = json!({
        "agent_id": "a", "agent_type": "macrophage", "total_tasks": 0, "tasks_completed": 0, "tasks_failed": 0,
        "success_rate": 0.0, "average_task_duration": 0.0, "detections_total": 3, "neutralizations_total": 2,
        "false_positives": 1,
    });
    assert_eq!(stats, expected);
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let gateway = gateway();
    for path in ["/agents", "/agents/", "/lymphnode/clone", "/agents/a/stats"] {
        let answer = gateway.request("PUT", path, Some("{}")).await;
        assert!(answer.status == 405 && answer.header("allow").is_some(), "{path}: {answer:?}");
    }
}

#[tokio::test]
async fn an_agent_has_its_fields_and_no_more_everywhere() {
    let gateway = gateway();
    let created = create(&gateway, "a").await;
    let fields: Vec<String> = keys(&created).into_iter().map(str::to_owned).collect();
    assert_eq!(fields.len(), 12);
    let same = |agent: &Value| assert_eq!(keys(agent), fields);
    same(&ok(gateway.get("/agents/a").await));
    same(&ok(patch(&gateway, "a", json!({})).await));
    same(&ok(crate::heartbeat(&gateway, "a", json!({})).await));
    same(&ok(gateway.get("/agents").await)["agents"][0]);
}
