//! Where a token may stand, and where it must never appear.

use serde_json::json;

use crate::issuer::token;
use crate::{claims, closed, enter, send, start};

const LISTED: &str = "https://app.example";

#[tokio::test]
async fn a_token_is_taken_from_where_the_profile_says_in_that_order() {
    let options = closed()
        .set("auth.default.take_from=[\"header\",\"query\",\"subprotocol\",\"cookie\"]")
        .set("auth.default.cookie=session")
        .set(&format!("cors.origins=[\"{LISTED}\"]"));
    let gateway = start(options);
    let good = token(&claims("ada", json!({})));
    let (bearer, cookie) = (format!("Bearer {good}"), format!("a=b; session={good}"));
    let (protocol, query) = (format!("bearer, {good}"), format!("/ws?token={good}"));
    for (status, path, headers) in [
        (101, "/ws", &[("authorization", &*bearer)][..]),
        (101, &query, &[]),
        (101, "/ws", &[("sec-websocket-protocol", &protocol)]),
        (101, "/ws", &[("cookie", &cookie), ("origin", LISTED)]),
        (401, "/ws", &[]),
        (401, "/ws", &[("cookie", &cookie)]),
        (403, "/ws", &[("cookie", &cookie), ("origin", "https://evil.example")]),
        (401, &query, &[("authorization", "Bearer bad")]),
        (101, &query, &[("authorization", "Basic YTpi")]),
        (401, "/ws?token=bad", &[("sec-websocket-protocol", &protocol)]),
        (401, "/ws?token=", &[]),
    ] {
        let connected = gateway.try_connect(path, headers).await;
        let found = connected.map_or_else(|refused| refused.0, |_| 101);
        assert_eq!(found, status, "{path} {headers:?}");
    }
}

/// A browser fails the connection where it offered subprotocols and none is selected, or one that it did not offer.
#[tokio::test]
async fn the_answer_to_a_token_as_subprotocol_selects_bearer() {
    let gateway = start(closed());
    let protocol = format!("bearer, {}", token(&claims("ada", json!({}))));
    let headers = [
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("Sec-WebSocket-Protocol", &protocol),
    ];
    let mut socket = gateway.try_connect("/ws", &headers[4..]).await.unwrap();
    assert_eq!(socket.next().await["data"]["user_id"], "ada");
}

#[tokio::test]
async fn no_token_key_or_secret_reaches_log_metrics_or_answers() {
    let key = "tgk_9d1e7c5b3a";
    let hash = tidegate::identity::hash_of(key);
    let options = closed()
        .set("log.level=trace")
        .set("auth.default.take_from=[\"header\",\"query\",\"subprotocol\",\"cookie\"]")
        .set(&format!("cors.origins=[\"{LISTED}\"]"))
        .set(&format!("api.keys=[{{name=\"ci\",hash=\"{hash}\",scopes=[\"read\"]}}]"));
    let gateway = start(options);
    let good = token(&claims("ada", json!({ "scope": "read publish admin", "jti": "the-id" })));
    let expired = token(&json!({ "sub": "ada", "exp": 5 }));
    let mut seen = String::new();
    for token in [&good, &expired, "abc.def.ghi-nonsense"] {
        for path in
            [format!("/ws?token={token}"), format!("/ws?%74oken={token}"), format!("/ws?a=b&token={token}")]
        {
            let _either = gateway.try_connect(&path, &[]).await;
            seen += &format!("{:?}", send(&gateway, "GET", &path, &[], None).await);
            seen += &format!(
                "{:?}",
                send(&gateway, "GET", &path.replace("/ws", "/api/v1/rooms"), &[], None).await
            );
            seen +=
                &format!("{:?}", send(&gateway, "GET", &path.replace("/ws", "/nowhere"), &[], None).await);
        }
        if let Ok(mut socket) = enter(&gateway, "/ws", token).await {
            socket.next().await;
            for token in [&good, &expired] {
                let answer = socket.ask(&json!({ "action": "auth", "data": { "token": token } })).await;
                seen += &answer.to_string();
            }
        }
        let cookie = format!("token={token}");
        let _either = gateway.try_connect("/ws", &[("cookie", &cookie), ("origin", LISTED)]).await;
        let protocol = format!("bearer, {token}");
        let _either = gateway.try_connect("/ws", &[("sec-websocket-protocol", &protocol)]).await;
    }
    for header in ["x-api-key", "authorization"] {
        let value = if header == "authorization" { format!("Bearer {key}") } else { key.to_owned() };
        seen += &format!("{:?}", send(&gateway, "GET", "/api/v1/rooms", &[(header, &value)], None).await);
    }
    seen += &gateway.get("/metrics").await.body;
    seen += &gateway.log();
    assert!(seen.contains("token=***"), "what was asked for is in the log");
    let signature = |token: &str| token.rsplit('.').next().unwrap().to_owned();
    for secret in
        [signature(&good), signature(&expired), "ghi-nonsense".into(), key.into(), crate::SECRET.into()]
    {
        assert!(!seen.contains(&secret), "{secret}");
    }
}
