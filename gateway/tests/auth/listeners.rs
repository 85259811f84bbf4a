//! Clients that only listen: their requests are let in as upgrades are, and their streams end as sessions do.

use serde_json::{Value, json};
use testkit::EventStream;

use crate::issuer::token;
use crate::server::Server;
use crate::{claims, closed, now, send_as, start};

#[tokio::test]
async fn whoever_is_asked_about_sessions_and_rooms_is_asked_before_a_stream_and_a_poll() {
    let server = Server::answering(|body| {
        let asked: Value = serde_json::from_str(body).unwrap();
        (200, json!({ "allow": asked["user"] != "eve" && asked["room"] != "secret" }).to_string())
    })
    .await;
    let options = closed().set("room.0.history={size=5,ttl=\"1h\"}");
    let authoriser = format!("auth.default.authoriser={{url=\"http://{}/may\"}}", server.address);
    let gateway = start(options.set(&authoriser));
    let (eve, ada) = (token(&claims("eve", json!({}))), token(&claims("ada", json!({}))));
    for path in ["/events?rooms=open", "/poll?rooms=open"] {
        assert_eq!(send_as(&gateway, &eve, "GET", path, None).await.status, 403, "{path}");
        let closed = path.replace("open", "open,secret");
        let answer = send_as(&gateway, &ada, "GET", &closed, None).await;
        assert_eq!((answer.status, &answer.json()["room"]), (403, &json!("secret")), "{path}");
    }
    assert_eq!(send_as(&gateway, &ada, "GET", "/poll?rooms=open", None).await.status, 200);
    EventStream::open(gateway.address(), &format!("/events?rooms=open&token={ada}"), &[]).await;
    let asked: Vec<Value> = server.asked().iter().map(|body| serde_json::from_str(body).unwrap()).collect();
    for endpoint in ["/events", "/poll"] {
        let of =
            |action: &str| asked.iter().any(|one| one["action"] == action && one["endpoint"] == endpoint);
        assert!(of("connect") && of("join"), "{endpoint}: {asked:?}");
    }
}

#[tokio::test]
async fn a_stream_ends_with_its_token_and_says_so_before() {
    let gateway = start(closed());
    let short = token(&claims("ada", json!({ "exp": now(2) })));
    let bearer = format!("Bearer {short}");
    let (mut events, _) =
        EventStream::joined(gateway.address(), "/events?rooms=r", &[("authorization", &bearer)]).await;
    let warning = events.next().await;
    assert_eq!(warning.event.as_deref(), Some("disconnected"));
    assert!(warning.json()["data"]["expires_in_ms"].as_i64().unwrap() > 0);
    let last = events.next().await.json();
    assert_eq!((&last["data"]["code"], &last["data"]["reason"]), (&json!(1008), &json!("token expired")));
    assert_eq!(events.block().await, None);
}

#[tokio::test]
async fn a_token_that_is_called_back_ends_its_streams() {
    let gateway = start(closed());
    let ours = token(&claims("ada", json!({ "jti": "one" })));
    let path = format!("/events?rooms=r&token={ours}");
    let (mut events, _) = EventStream::joined(gateway.address(), &path, &[]).await;
    let admin = token(&claims("root", json!({ "scope": "admin" })));
    let one = json!({ "jti": "one" });
    let revoked = send_as(&gateway, &admin, "POST", "/api/v1/tokens/revoke", Some(&one)).await;
    assert!(revoked.status < 300, "{revoked:?}");
    assert_eq!(events.next().await.json()["data"]["reason"], "token revoked");
    assert_eq!(events.block().await, None);
    assert_eq!(send_as(&gateway, &ours, "GET", "/events?rooms=r", None).await.status, 401);
}
