//! Groups: clones of a parent, their tag, their end.

use serde_json::{Value, json};
use testkit::Gateway;

use crate::{act, create, delete, event, expect, gateway, ids, is_time, keys, member, ok, problem, quiet};

async fn clone(gateway: &Gateway, body: Value) -> Value {
    let answer = gateway.post("/lymphnode/clone", &body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()
}

#[tokio::test]
async fn one_clone_is_made_where_nothing_else_is_said() {
    let gateway = gateway();
    create(&gateway, "a").await;
    for nulls in [false, true] {
        let mut body = json!({ "agent_id": "a", "extra": 1 });
        if nulls {
            for name in ["especializacao", "num_clones", "mutate", "mutation_rate"] {
                body[name] = json!(null);
            }
        }
        let answer = clone(&gateway, body).await;
        let fields = ["parent_id", "clone_ids", "num_clones", "especializacao", "created_at"];
        assert!(keys(&answer).len() == 5 && fields.iter().all(|name| answer.get(name).is_some()), "{answer}");
        assert_eq!((&answer["parent_id"], &answer["num_clones"]), (&json!("a"), &json!(1)));
        assert_eq!(answer["especializacao"], "clone_a");
        assert_eq!(answer["clone_ids"].as_array().unwrap().len(), 1);
        assert!(is_time(&answer["created_at"]));
    }
}

#[tokio::test]
async fn clones_are_new_agents_of_the_parents_type_and_config() {
    let gateway = gateway();
    let config = json!({ "n": 100, "f": 0.5, "text": "x", "deep": { "n": 10 } });
    let parent = json!({ "agent_type": "nk_cell", "agent_id": "p", "config": config });
    gateway.post("/agents/", &parent).await;
    act(&gateway, "p", "start").await;
    let same = clone(&gateway, json!({ "agent_id": "p", "num_clones": "3", "mutate": false })).await;
    let varied = clone(&gateway, json!({ "agent_id": "p", "num_clones": 10.0, "mutation_rate": 0.2 })).await;
    let still = clone(&gateway, json!({ "agent_id": "p", "num_clones": 1, "mutation_rate": "0" })).await;
    for (answer, exact) in [(&same, true), (&varied, false), (&still, true)] {
        for id in answer["clone_ids"].as_array().unwrap() {
            let agent = ok(gateway.get(&format!("/agents/{}", id.as_str().unwrap())).await);
            assert_eq!((&agent["agent_type"], &agent["status"]), (&json!("nk_cell"), &json!("inactive")));
            assert_eq!((&agent["health"], &agent["load"]), (&json!(1.0), &json!(0.0)));
            assert_eq!(agent["config"]["text"], "x");
            assert!((80.0..=120.0).contains(&agent["config"]["n"].as_f64().unwrap()), "{agent}");
            assert!((0.4..=0.6).contains(&agent["config"]["f"].as_f64().unwrap()), "{agent}");
            assert!(!exact || agent["config"] == config, "{agent}");
        }
    }
    let listed = ok(gateway.get("/agents?agent_type=nk_cell&limit=1000").await);
    assert_eq!(listed["total"], 15);
    let made: Vec<_> =
        [&same, &varied, &still].iter().flat_map(|a| a["clone_ids"].as_array().unwrap()).collect();
    assert_eq!(ids(&listed)[1..], made.iter().map(|id| id.as_str().unwrap()).collect::<Vec<_>>());
}

#[tokio::test]
async fn each_clone_is_told_and_then_the_cloning() {
    let gateway = gateway();
    create(&gateway, "p").await;
    let mut session = member(&gateway, &["agents"]).await;
    let mut parents = member(&gateway, &["agent:p"]).await;
    let body = json!({ "agent_id": "p", "num_clones": 3, "especializacao": "fever", "mutate": false });
    let answer = clone(&gateway, body).await;
    for id in answer["clone_ids"].as_array().unwrap() {
        let created = expect(event(&mut session).await, "agent_created", "agents");
        assert_eq!(&created["agent_id"], id);
        assert_eq!(ok(gateway.get(&format!("/agents/{}", id.as_str().unwrap())).await), created);
    }
    assert_eq!(expect(event(&mut session).await, "agent_cloned", "agents"), answer);
    assert_eq!(expect(event(&mut parents).await, "agent_cloned", "agent:p"), answer);
    quiet(&mut session).await;
}

#[tokio::test]
async fn the_clones_of_a_tag_are_destroyed_and_nobody_else() {
    let gateway = gateway();
    create(&gateway, "p").await;
    let fever =
        clone(&gateway, json!({ "agent_id": "p", "num_clones": 2, "especializacao": "a fever" })).await;
    clone(&gateway, json!({ "agent_id": "p", "especializacao": "other" })).await;
    let mut session = member(&gateway, &["agents"]).await;
    let answer = ok(delete(&gateway, "/lymphnode/clones/a%20fever").await);
    let expected =
        json!({ "especializacao": "a fever", "num_destroyed": 2, "message": "Destroyed 2 clones" });
    assert_eq!(answer, expected);
    for id in fever["clone_ids"].as_array().unwrap() {
        let deleted = expect(event(&mut session).await, "agent_deleted", "agents");
        assert_eq!(deleted, json!({ "agent_id": id }));
        assert_eq!(gateway.get(&format!("/agents/{}", id.as_str().unwrap())).await.status, 404);
    }
    assert_eq!(ok(gateway.get("/agents/").await)["total"], 2);
    let none = ok(delete(&gateway, "/lymphnode/clones/a%20fever/").await);
    assert_eq!((&none["num_destroyed"], &none["message"]), (&json!(0), &json!("Destroyed 0 clones")));
    quiet(&mut session).await;
}

#[tokio::test]
async fn an_agent_that_is_no_clone_is_not_destroyed_by_its_own_name() {
    let gateway = gateway();
    create(&gateway, "p").await;
    assert_eq!(ok(delete(&gateway, "/lymphnode/clones/p").await)["num_destroyed"], 0);
    assert_eq!(gateway.get("/agents/p").await.status, 200);
    problem(
        &gateway.post("/lymphnode/clone", &json!({ "agent_id": "no" })).await,
        404,
        "Agent 'no' not found",
    );
}

#[tokio::test]
async fn the_regions_figures_count_agents_threats_and_clones() {
    let gateway = gateway();
    let expected = |active: u64, asleep: u64, threats: u64, neutralised: u64, made: u64, gone: u64| {
        json!({
            "lymphnode_id": "lymphnode_api_001", "nivel": "regional", "area_responsabilidade": "api_managed",
            "agentes_ativos": active, "agentes_dormindo": asleep, "total_ameacas_detectadas": threats,
            "total_neutralizacoes": neutralised, "total_clones_criados": made, "total_clones_destruidos": gone,
        })
    };
    let figures = async || {
        let mut metrics = ok(gateway.get("/lymphnode/metrics").await);
        assert!(metrics["homeostatic_state"].is_string() && metrics["temperatura_regional"].is_f64());
        metrics
            .as_object_mut()
            .unwrap()
            .retain(|name, _| !["homeostatic_state", "temperatura_regional"].contains(&&**name));
        metrics
    };
    assert_eq!(figures().await, expected(0, 0, 0, 0, 0, 0));
    create(&gateway, "p").await;
    act(&gateway, "p", "start").await;
    let counters = json!({ "deteccoes_total": 3, "neutralizacoes_total": 2 });
    crate::heartbeat(&gateway, "p", json!({ "counters": counters })).await;
    clone(&gateway, json!({ "agent_id": "p", "num_clones": 4 })).await;
    assert_eq!(figures().await, expected(1, 4, 3, 2, 4, 0));
    delete(&gateway, "/lymphnode/clones/clone_p").await;
    assert_eq!(figures().await, expected(1, 0, 3, 2, 4, 4));
}

#[tokio::test]
async fn the_regions_names_are_configuration() {
    let options = testkit::Options::new();
    let named =
        options.set("plugins.agents.lymphnode_id=spleen").set("plugins.agents.area_responsabilidade=left");
    let metrics = ok(crate::start(named).get("/lymphnode/metrics/").await);
    assert_eq!(
        (&metrics["lymphnode_id"], &metrics["area_responsabilidade"]),
        (&json!("spleen"), &json!("left"))
    );
}
