//! Rooms: lists, paging, and one.

use serde_json::json;

use crate::gateway;

#[tokio::test]
async fn rooms_are_listed_by_name_in_pages() {
    let gateway = gateway();
    let mut session = gateway.connect("/ws").await;
    session.next().await;
    for room in ["c", "a/1", "b"] {
        session.ask(&json!({ "action": "join", "room": room })).await;
    }
    let page = gateway.get("/api/v1/rooms?skip=1&limit=1").await.json();
    assert_eq!((&page["total"], page["rooms"].as_array().unwrap().len()), (&json!(3), 1));
    assert_eq!((&page["rooms"][0]["room"], &page["rooms"][0]["members"]), (&json!("b"), &json!(1)));
    let one = gateway.get("/api/v1/rooms/a%2F1/").await.json();
    assert_eq!((&one["room"], &one["members"]), (&json!("a/1"), &json!(1)));
    let missing = gateway.get("/api/v1/rooms/nope").await;
    assert_eq!((missing.status, &missing.json()["detail"]), (404, &json!("Room 'nope' not found")));
    assert_eq!(gateway.get("/api/v1/rooms/%FF").await.status, 400);
    for query in ["skip=-1", "limit=0", "limit=1001", "skip=x"] {
        let answer = gateway.get(&format!("/api/v1/rooms?{query}")).await;
        assert_eq!(answer.status, 422, "{query}");
        assert_eq!(answer.json()["errors"][0]["loc"], json!(["query", query.split('=').next().unwrap()]));
    }
}
