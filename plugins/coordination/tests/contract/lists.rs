//! The lists of tasks and of proposals: order, filters, pages, totals.

use serde_json::{Value, json};

use crate::{active, column, delete, gateway, has, ok, propose, scan, step, task, unprocessable, voter};

fn tasks(list: &Value) -> Vec<String> {
    column(&list["tasks"], "task_id")
}

fn proposals(list: &Value) -> Vec<String> {
    column(&list["proposals"], "proposal_id")
}

#[tokio::test]
async fn nothing_is_an_empty_list_with_and_without_the_slash() {
    let gateway = gateway();
    let empty = json!({ "total": 0, "tasks": [], "by_status": {}, "by_type": {} });
    for path in ["/coordination/tasks", "/coordination/tasks/", "/coordination/tasks/?limit=1"] {
        assert_eq!(ok(gateway.get(path).await), empty, "{path}");
    }
    let empty = json!({ "total": 0, "proposals": [] });
    for path in ["/coordination/consensus/proposals", "/coordination/consensus/proposals/?skip=1"] {
        assert_eq!(ok(gateway.get(path).await), empty, "{path}");
    }
}

#[tokio::test]
async fn totals_count_what_the_filters_let_through_before_paging() {
    let gateway = gateway();
    active(&gateway, "a").await;
    for kind in ["scan", "clean", "scan", "scan", "clean"] {
        task(&gateway, json!({ "task_type": kind })).await;
    }
    let (s1, c2, s3, s4, c5) =
        ("task_scan_001", "task_clean_002", "task_scan_003", "task_scan_004", "task_clean_005");
    step(&gateway, s3, "assign").await;
    step(&gateway, s4, "cancel").await;
    let types = json!({ "scan": 3, "clean": 2 });
    let statuses = json!({ "pending": 3, "assigned": 1, "cancelled": 1 });
    for (query, total, page, by_type, by_status) in [
        ("", 5, vec![s1, c2, s3, s4, c5], types.clone(), statuses.clone()),
        ("skip=1&limit=2", 5, vec![c2, s3], types.clone(), statuses.clone()),
        ("skip=4&limit=1000", 5, vec![c5], types.clone(), statuses.clone()),
        ("skip=99", 5, vec![], types.clone(), statuses.clone()),
        ("skip=2.0&limit=1.0&extra=1", 5, vec![s3], types, statuses),
        ("status=pending", 3, vec![s1, c2, c5], json!({ "scan": 1, "clean": 2 }), json!({ "pending": 3 })),
        (
            "task_type=scan",
            3,
            vec![s1, s3, s4],
            json!({ "scan": 3 }),
            json!({ "pending": 1, "assigned": 1, "cancelled": 1 }),
        ),
        (
            "task_type=clean&status=pending&skip=1",
            2,
            vec![c5],
            json!({ "clean": 2 }),
            json!({ "pending": 2 }),
        ),
        ("task_type=scan&status=completed", 0, vec![], json!({}), json!({})),
        ("task_type=sca", 0, vec![], json!({}), json!({})),
    ] {
        let list = ok(gateway.get(&format!("/coordination/tasks?{query}")).await);
        has(&list, &["total", "tasks", "by_status", "by_type"]);
        assert_eq!(
            (&list["total"], tasks(&list)),
            (&json!(total), page.iter().map(|id| (*id).into()).collect())
        );
        for (field, expected) in [("by_type", by_type), ("by_status", by_status)] {
            let mut counted = list[field].clone();
            // A status that no task has may be counted, or left out.
            counted.as_object_mut().unwrap().retain(|_, count| *count != 0);
            assert_eq!(counted, expected, "{field} with {query}");
        }
    }
}

#[tokio::test]
async fn a_list_holds_the_tasks_as_they_are_in_the_order_of_creation() {
    let gateway = gateway();
    active(&gateway, "a").await;
    for _ in 0..12 {
        scan(&gateway).await;
    }
    let third = step(&gateway, "task_scan_003", "assign").await;
    assert_eq!(delete(&gateway, "/coordination/tasks/task_scan_002").await.status, 204);
    let list = ok(gateway.get("/coordination/tasks").await);
    let expected: Vec<_> = (1..=12).filter(|n| *n != 2).map(|n| format!("task_scan_{n:03}")).collect();
    assert_eq!((&list["total"], tasks(&list)), (&json!(11), expected));
    assert_eq!(list["tasks"][1], third);
}

#[tokio::test]
async fn a_page_has_a_hundred_and_at_most_a_thousand() {
    let gateway = gateway();
    for _ in 0..101 {
        scan(&gateway).await;
        propose(&gateway, json!({})).await;
    }
    for (path, ids) in [
        ("/coordination/tasks", tasks as fn(&Value) -> Vec<String>),
        ("/coordination/consensus/proposals", proposals),
    ] {
        let first = ok(gateway.get(path).await);
        assert_eq!((&first["total"], ids(&first).len()), (&json!(101), 100));
        let all = ok(gateway.get(&format!("{path}?limit=1000")).await);
        assert_eq!(ids(&all).len(), 101);
        let rest = ok(gateway.get(&format!("{path}/?skip=100")).await);
        assert_eq!((&rest["total"], ids(&rest)), (&json!(101), ids(&all)[100..].to_vec()));
        for (query, name) in [
            ("skip=-1", "skip"),
            ("skip=x", "skip"),
            ("skip=1.5", "skip"),
            ("limit=0", "limit"),
            ("limit=1001", "limit"),
            ("limit=-1", "limit"),
            ("limit=", "limit"),
        ] {
            unprocessable(&gateway.get(&format!("{path}?{query}")).await, &[json!(["query", name])]);
        }
        let both = gateway.get(&format!("{path}?skip=-1&limit=0")).await;
        unprocessable(&both, &[json!(["query", "skip"]), json!(["query", "limit"])]);
    }
}

#[tokio::test]
async fn proposals_are_listed_in_order_by_status_and_page() {
    let gateway = gateway();
    voter(&gateway, "a", "for").await;
    propose(&gateway, json!({})).await;
    crate::patch(&gateway, "a", json!({ "config": { "vote": "against" } })).await;
    propose(&gateway, json!({})).await;
    crate::patch(&gateway, "a", json!({ "config": { "vote": "manual" } })).await;
    propose(&gateway, json!({})).await;
    crate::patch(&gateway, "a", json!({ "config": { "vote": "for" } })).await;
    let fourth = propose(&gateway, json!({})).await;
    let (one, two, three, four) = ("proposal_001", "proposal_002", "proposal_003", "proposal_004");
    for (query, total, page) in [
        ("", 4, vec![one, two, three, four]),
        ("skip=1&limit=2", 4, vec![two, three]),
        ("status=approved", 2, vec![one, four]),
        ("status=approved&skip=1.0&limit=1", 2, vec![four]),
        ("status=rejected", 1, vec![two]),
        ("status=pending", 1, vec![three]),
        ("status=pending&skip=5", 1, vec![]),
    ] {
        let list = ok(gateway.get(&format!("/coordination/consensus/proposals?{query}")).await);
        has(&list, &["total", "proposals"]);
        assert_eq!(list["total"], total, "{query}");
        assert_eq!(proposals(&list), page, "{query}");
    }
    let list = ok(gateway.get("/coordination/consensus/proposals").await);
    assert_eq!(list["proposals"][3], fourth);
}
