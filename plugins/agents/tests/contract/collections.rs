//! The list of agents: order, filters, pages, totals.

use serde_json::json;

use crate::{act, create, delete, gateway, ids, ok, unprocessable};

#[tokio::test]
async fn no_agents_are_an_empty_list_with_and_without_the_slash() {
    let gateway = gateway();
    let empty = json!({ "total": 0, "agents": [], "by_type": {}, "by_status": {} });
    for path in ["/agents", "/agents/", "/agents?limit=1", "/agents/?limit=1"] {
        assert_eq!(ok(gateway.get(path).await), empty, "{path}");
    }
}

#[tokio::test]
async fn agents_are_listed_in_the_order_of_creation() {
    let gateway = gateway();
    for id in ["c", "a", "b"] {
        create(&gateway, id).await;
    }
    act(&gateway, "a", "start").await;
    delete(&gateway, "/agents/c").await;
    create(&gateway, "c").await;
    assert_eq!(ids(&ok(gateway.get("/agents/").await)), ["a", "b", "c"]);
}

#[tokio::test]
async fn totals_count_what_the_filters_let_through_before_paging() {
    let gateway = gateway();
    for (id, kind) in [("n1", "neutrophil"), ("m1", "macrophage"), ("n2", "neutrophil"), ("n3", "neutrophil")]
    {
        gateway.post("/agents", &json!({ "agent_type": kind, "agent_id": id })).await;
    }
    act(&gateway, "n2", "start").await;
    act(&gateway, "n3", "pause").await;
    for (query, total, page, types, statuses) in [
        ("", 4, vec!["n1", "m1", "n2", "n3"], json!({ "neutrophil": 3, "macrophage": 1 }), [2, 1, 1]),
        ("skip=1&limit=2", 4, vec!["m1", "n2"], json!({ "neutrophil": 3, "macrophage": 1 }), [2, 1, 1]),
        ("agent_type=neutrophil&skip=1&limit=1", 3, vec!["n2"], json!({ "neutrophil": 3 }), [1, 1, 1]),
        ("status=inactive", 2, vec!["n1", "m1"], json!({ "neutrophil": 1, "macrophage": 1 }), [2, 0, 0]),
        ("agent_type=neutrophil&status=active", 1, vec!["n2"], json!({ "neutrophil": 1 }), [0, 1, 0]),
        ("skip=99", 4, vec![], json!({ "neutrophil": 3, "macrophage": 1 }), [2, 1, 1]),
        ("skip=2.0&limit=1.0&extra=1", 4, vec!["n2"], json!({ "neutrophil": 3, "macrophage": 1 }), [2, 1, 1]),
        ("agent_type=Neutrophil", 0, vec![], json!({}), [0, 0, 0]),
        ("agent_type=neutro", 0, vec![], json!({}), [0, 0, 0]),
        ("status=dead", 0, vec![], json!({}), [0, 0, 0]),
    ] {
        let list = ok(gateway.get(&format!("/agents/?{query}")).await);
        assert_eq!((&list["total"], ids(&list)), (&json!(total), page), "{query}");
        assert_eq!(list["by_type"], types, "{query}");
        let counted =
            ["inactive", "active", "paused"].map(|name| list["by_status"][name].as_u64().unwrap_or(0));
        assert_eq!(counted, statuses, "{query}");
        assert_eq!(crate::keys(&list).len(), 4);
    }
}

#[tokio::test]
async fn a_page_has_a_hundred_and_at_most_a_thousand() {
    let gateway = gateway();
    let clones = json!({ "agent_id": "a", "num_clones": 10 });
    create(&gateway, "a").await;
    for _ in 0..10 {
        gateway.post("/lymphnode/clone", &clones).await;
    }
    let first = ok(gateway.get("/agents").await);
    assert_eq!((&first["total"], ids(&first).len()), (&json!(101), 100));
    assert_eq!(ids(&ok(gateway.get("/agents?limit=1000").await)).len(), 101);
    assert_eq!(ids(&ok(gateway.get("/agents?skip=100").await)).len(), 1);
    for (query, name) in [
        ("skip=-1", "skip"),
        ("skip=x", "skip"),
        ("skip=1.5", "skip"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=", "limit"),
    ] {
        unprocessable(&gateway.get(&format!("/agents/?{query}")).await, &[json!(["query", name])]);
    }
    let both = gateway.get("/agents/?skip=-1&limit=0").await;
    unprocessable(&both, &[json!(["query", "skip"]), json!(["query", "limit"])]);
}
