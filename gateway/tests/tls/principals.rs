//! Clients that are known by their certificates.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, date_time_ymd};
use serde_json::{Value, json};
use testkit::{Answer, Authority, Issued, Options, Socket, TlsClient, TlsDialer, exchange_on, request};

use super::house::House;

const RULES: &str = "auth.default.certificates=[\
    {name=\"backend\", roles=[\"service\"], permissions=[\"read\", \"publish:news:*\"]}, \
    {name=\"device-*\", listener=\"tls\", rooms=[\"news:*\"]}]";
const SECRET: &str = "5f2c9a81b7d34e60a1c8f09b6e7d2a43";

/// A gateway that asks its clients for certificates, and lets nobody else in.
fn house(more: impl FnOnce(Options) -> Options) -> (House, Authority) {
    let clients = Authority::new("clients' authority");
    let tls = format!(", client_ca=\"{}\", client_auth=\"optional\"", clients.file().display());
    let house = House::with(Authority::new("test authority"), &tls, |options| {
        let secret = format!("auth.default.secret={SECRET}");
        more(options.set("auth.default.anonymous=false").set(&secret).set(RULES))
    });
    (house, clients)
}

fn issue(authority: &Authority, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Issued {
    authority.issue(name, &[], |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.not_before = date_time_ymd(2020, 1, 1);
        change(params);
    })
}

fn dialer(house: &House, authority: &Authority, name: &str) -> TlsDialer {
    house.authority.client().identity(&issue(authority, name, |_| {})).ready()
}

/// In seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

async fn ask(house: &House, dialer: &TlsDialer, request: Vec<u8>) -> Answer {
    exchange_on(dialer.dial(house.address()).await.unwrap(), &request).await
}

async fn enter(house: &House, dialer: &TlsDialer, token: Option<&str>) -> Result<Socket<TlsClient>, u16> {
    let stream = dialer.dial(house.address()).await.unwrap();
    let bearer = token.map(|token| format!("Bearer {token}"));
    let headers: Vec<_> = bearer.iter().map(|bearer| ("authorization", bearer.as_str())).collect();
    Socket::open(stream, "wss://localhost/ws", &headers).await.map_err(|refused| refused.0)
}

fn token(claims: &Value) -> String {
    let key = jsonwebtoken::EncodingKey::from_secret(SECRET.as_bytes());
    jsonwebtoken::encode(&jsonwebtoken::Header::default(), claims, &key).unwrap()
}

#[tokio::test]
async fn a_certificate_is_a_user_with_the_rights_that_are_configured() {
    let (house, clients) = house(|options| options);
    let (backend, device) = (dialer(&house, &clients, "backend"), dialer(&house, &clients, "device-7"));
    let mut socket = enter(&house, &backend, None).await.unwrap();
    assert_eq!(socket.next().await["data"]["user_id"], "backend");
    let info = socket.ask(&json!({ "action": "info" })).await["data"].clone();
    assert_eq!(
        (&info["user_id"], &info["roles"], &info["rooms"]),
        (&json!("backend"), &json!(["service"]), &json!(["role:service"]))
    );
    let sessions = ask(&house, &backend, request("GET", "/api/v1/sessions", &[], None)).await;
    assert_eq!((sessions.status, &sessions.json()["sessions"][0]["user_id"]), (200, &json!("backend")));
    let publish = |room: &str| {
        let event = json!({ "room": room, "event_type": "alert_triggered", "data": {} });
        request("POST", "/api/v1/publish", &[], Some(&event.to_string()))
    };
    assert_eq!(ask(&house, &backend, publish("news:1")).await.status, 200);
    assert_eq!(ask(&house, &backend, publish("other")).await.status, 403);
    assert_eq!(ask(&house, &device, publish("news:1")).await.status, 403);

    let mut narrowed = enter(&house, &device, None).await.unwrap();
    narrowed.next().await;
    for (room, may) in [("news:1", true), ("other", false)] {
        let joined = narrowed.ask(&json!({ "action": "join", "room": room })).await;
        assert_eq!(joined["success"], may, "{room}");
    }
    let proofs = "tidegate_authenticated_requests_total{proof=\"certificate\"}";
    assert_eq!(house.gateway.metric(proofs).await, 6.0);
    let stats = house.gateway.get("/ws/stats").await.json();
    assert_eq!(
        (&stats["stats"]["unique_users"], &stats["stats"]["connections_by_role"]),
        (&json!(2), &json!({ "service": 1 }))
    );
}

#[tokio::test]
async fn a_certificate_that_no_rule_takes_in_is_nobodys() {
    let (house, clients) = house(|options| options);
    let stranger = dialer(&house, &clients, "stranger");
    assert_eq!(enter(&house, &stranger, None).await.err(), Some(401));
    assert_eq!(enter(&house, &house.dialer(), None).await.err(), Some(401), "no certificate at all");
    assert_eq!(house.gateway.try_connect("/ws", &[]).await.err().unwrap().0, 401, "nor TLS");
}

#[tokio::test]
async fn a_token_comes_before_the_certificate_of_its_connection() {
    let (house, clients) = house(|options| options);
    let backend = dialer(&house, &clients, "backend");
    let ada = token(&json!({ "sub": "ada", "exp": 4_000_000_000_u64 }));
    let mut socket = enter(&house, &backend, Some(&ada)).await.unwrap();
    assert_eq!(socket.next().await["data"]["user_id"], "ada");
    assert_eq!(enter(&house, &backend, Some("x")).await.err(), Some(401), "a bad one is not rescued by it");
    let mut own = enter(&house, &backend, None).await.unwrap();
    own.next().await;
    let taken = own.ask(&json!({ "action": "auth", "data": { "token": ada } })).await;
    assert_eq!(taken["message"], "The token is another user's");
}

#[tokio::test]
async fn a_revoked_users_certificates_hold_no_longer() {
    let admin = "auth.default.certificates.0.permissions=[\"admin\"]";
    let (house, clients) = house(|options| options.set(admin));
    let (backend, device) = (dialer(&house, &clients, "backend"), dialer(&house, &clients, "device-7"));
    let mut socket = enter(&house, &device, None).await.unwrap();
    let revoke = |body: Value| request("POST", "/api/v1/tokens/revoke", &[], Some(&body.to_string()));
    assert_eq!(ask(&house, &backend, revoke(json!({ "user": "device-7" }))).await.status, 200);
    assert_eq!(socket.closed().await, (1008, "token revoked".to_owned()));
    assert_eq!(enter(&house, &device, None).await.err(), Some(401));
    let renewed = issue(&clients, "device-7", |params| {
        params.not_before = date_time_ymd(1970, 1, 1) + Duration::from_secs(now() + 1);
    });
    let renewed = house.authority.client().identity(&renewed).ready();
    let deadline = Instant::now() + Duration::from_secs(10);
    while ask(&house, &renewed, request("GET", "/health/live", &[], None)).await.status == 0 {
        assert!(Instant::now() < deadline, "it holds from the next second on");
    }
    assert!(enter(&house, &renewed, None).await.is_ok(), "one that was issued later does");
    let everybody = json!({ "before": now() });
    assert_eq!(ask(&house, &backend, revoke(everybody)).await.status, 200);
    assert!(enter(&house, &backend, None).await.is_ok(), "of everybody only tokens are called back");
}

#[tokio::test]
async fn a_session_ends_with_its_certificate() {
    let (house, clients) = house(|options| options);
    let end = now() + 3;
    let short = issue(&clients, "backend", |params| {
        params.not_after = date_time_ymd(1970, 1, 1) + Duration::from_secs(end);
    });
    let dialer = house.authority.client().identity(&short).ready();
    let mut socket = enter(&house, &dialer, None).await.unwrap();
    socket.next().await;
    let warning = socket.next().await;
    assert_eq!(
        (&warning["event_type"], &warning["data"]["reason"]),
        (&json!("disconnected"), &json!("certificate expired"))
    );
    assert_eq!(socket.closed().await, (1008, "certificate expired".to_owned()));
    assert!(now() >= end, "at its time");
}
