mod edge;
mod limited;

use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, StatusCode, Version, header};
use http_body_util::BodyExt;
use tower::ServiceExt;

use super::*;
use crate::identity::credentials::{Source, Taking};
use crate::identity::{Algorithm, ApiKey, ClaimRules, Key, Keyring, Refusal, Revocations, Settings, hash_of};
use crate::limits::{self, Limits};
use crate::web::{Ambiguous, Location, RequestId, answer, empty, json};

const LISTED: &str = "https://app.example";

const SECRET: &str = "a secret of the tests' own, long enough";

fn profile(anonymous: bool) -> Arc<Profile> {
    let key = Key::secret(SECRET.as_bytes(), &[Algorithm::HS256]).unwrap();
    let revocations = Revocations::new(1, Duration::ZERO);
    Arc::new(Profile::new(Settings {
        name: "p".into(),
        anonymous,
        taking: Taking { order: vec![Source::Header, Source::Query, Source::Cookie], cookie: "token".into() },
        max_per_user: 0,
        close_oldest: false,
        keyring: Arc::new(Keyring::fixed(vec![key], vec![Algorithm::HS256])),
        claims: ClaimRules { permissions: vec!["scope".into()], ..ClaimRules::default() },
        revocations: Arc::new(revocations),
        certificates: Vec::new(),
        authoriser: None,
    }))
}

/// A token with the scope `admin`.
fn token() -> String {
    let claims = serde_json::json!({ "scope": "admin" });
    let key = jsonwebtoken::EncodingKey::from_secret(SECRET.as_bytes());
    jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).unwrap()
}

fn config() -> Config {
    let endpoint = |path: &str, origins: &[&str]| {
        let rules = EndpointRules {
            forgives: false,
            path: path.into(),
            profile: profile(true),
            origins: Origins::new(origins.iter().map(|o| (*o).to_owned())),
            begins: if path == "/polled" { Begins::Polls } else { Begins::Upgrade },
        };
        (Location { listener: None, path: path.into() }, rules)
    };
    Config {
        origins: Origins::new([LISTED.to_owned()]),
        credentials: false,
        profile: profile(true),
        api_keys: Arc::new(ApiKeys::new(vec![ApiKey::new("k", &hash_of("key"), &["admin".into()]).unwrap()])),
        endpoints: Located::new([
            endpoint("/ws", &[]),
            endpoint("/own", &["https://own.example"]),
            endpoint("/polled", &["*"]),
        ]),
        sizes: Sizes { target: 8192, header: 8192, body: 1 << 20 },
        answer_timeout: Duration::from_secs(60),
        listeners: vec![listener(&["gateway.example"])],
    }
}

fn listener(hosts: &[&str]) -> ListenerRules {
    let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
    ListenerRules { name: "main".into(), hosts, ..ListenerRules::default() }
}

/// A GET of `path` with `headers`; `Host` is loopback unless one is given.
fn request(method: &str, path: &str, headers: &[(&str, &str)]) -> Request<()> {
    let mut request = Request::builder().method(method).uri(path);
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        request = request.header("host", "127.0.0.1:8080");
    }
    for (name, value) in headers {
        request = request.header(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    request.body(()).unwrap()
}

/// Answers with what the request's rights are, panics at `/panic` and, later, at `/late`, never at `/hang`.
async fn handler(request: Request<()>) -> Response {
    assert!(request.uri().path() != "/late", "secret");
    let rights = request.extensions().get::<Arc<Principal>>().is_some_and(|principal| principal.may("admin"));
    let refused = request.extensions().get::<Refusal>().map(|refusal| refusal.name());
    let id = request.extensions().get::<RequestId>().map(|id| id.as_str().to_owned());
    assert!(request.extensions().get::<Arc<ConnectionInfo>>().is_some());
    if request.uri().path() == "/hang" {
        std::future::pending::<()>().await;
    }
    if request.uri().path() == "/page" {
        let mut page = answer(StatusCode::OK, "text/html; charset=utf-8", "<p>");
        if request.uri().query() == Some("own") {
            let policy = HeaderValue::from_static("default-src 'self'");
            page.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
        }
        return page;
    }
    if request.uri().path() == "/refuse" {
        return empty(StatusCode::METHOD_NOT_ALLOWED);
    }
    json(StatusCode::OK, &serde_json::json!({ "rights": rights, "id": id, "refused": refused }))
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: serde_json::Value,
}

fn unlimited() -> Arc<Limits> {
    Arc::new(Limits::new(limits::Settings::default(), &Metrics::new(1)))
}

async fn send_to(config: Config, request: Request<()>) -> (Answer, Arc<Metrics>) {
    let metrics = Metrics::new(1);
    let pipelines =
        Pipelines::new(&Rules::new(config).unwrap().live(), &unlimited(), &metrics, &Audit::off());
    (send_through(pipelines.of("main"), request).await, metrics)
}

fn info() -> Arc<ConnectionInfo> {
    let peer = "10.0.0.1:1".parse().unwrap();
    Arc::new(ConnectionInfo { listener: "main".into(), peer, balancer: None, tls: None })
}

async fn send_through(pipeline: &Rc<Pipeline>, request: Request<()>) -> Answer {
    let stack = pipeline.stack(info(), |request: Request<()>| {
        assert!(request.uri().path() != "/panic", "secret");
        handler(request)
    });
    let (head, body) = stack.oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer {
        status: head.status.as_u16(),
        headers: head.headers,
        body: serde_json::from_slice(&body).unwrap_or_default(),
    }
}

async fn send(request: Request<()>) -> Answer {
    send_to(config(), request).await.0
}

fn cors_of(answer: &Answer) -> Option<&str> {
    answer.headers.get("access-control-allow-origin").map(|value| value.to_str().unwrap())
}

/// Each request below is wrong for two neighbours of the stack: the outer one answers.
#[tokio::test]
async fn the_layers_stand_in_their_order() {
    // request id ▸ hygiene: even what is malformed has an id.
    let answer = send(request("TRACE", "/", &[("origin", LISTED)])).await;
    assert_eq!(answer.status, 405);
    assert!(answer.headers.contains_key("x-request-id"));
    // client ▸ access log: it goes by the client's address; without one it would panic.
    // headers ▸ hygiene: and what is malformed is answered as carefully.
    assert!(answer.headers.contains_key("x-content-type-options"));
    // hygiene ▸ cors: what is malformed is no preflight, and not read for its Origin.
    let answer = send(request("OPTIONS", "/", &[("host", "a b"), ("origin", LISTED)])).await;
    assert_eq!((answer.status, cors_of(&answer)), (400, None));
    // cors ▸ rescue: a page may read that it was our fault.
    let answer = send(request("GET", "/panic", &[("origin", LISTED)])).await;
    assert_eq!((answer.status, cors_of(&answer)), (500, Some(LISTED)));
    // headers, cors ▸ deadline: and that it took too long.
    let hasty = Config { answer_timeout: Duration::from_millis(20), ..config() };
    let (answer, _) = send_to(hasty, request("GET", "/hang", &[("origin", LISTED)])).await;
    assert_eq!((answer.status, cors_of(&answer)), (503, Some(LISTED)));
    assert!(answer.headers.contains_key("x-content-type-options"));
    // cors ▸ sizes: and that it asked for too much.
    let answer = send(request("POST", "/", &[("origin", LISTED), ("content-length", "1048577")])).await;
    assert_eq!((answer.status, cors_of(&answer)), (413, Some(LISTED)));
    // sizes ▸ origin: length before who asks.
    let answer =
        send(request("POST", "/", &[("origin", "https://evil.example"), ("content-length", "1048577")]))
            .await;
    assert_eq!(answer.status, 413);
    // origin ▸ rights, handler: another site's page does not reach the handler, whoever its visitor is.
    let answer = send(request("POST", "/panic", &[("origin", "https://evil.example")])).await;
    assert_eq!(answer.status, 403);
    // origin, rights ▸ serves: what is not there is like what is nowhere.
    let config =
        Config { listeners: vec![ListenerRules { serves: Parts::new(&[]), ..listener(&[]) }], ..config() };
    let unserved = |origin| request("POST", "/panic", &[("origin", origin)]);
    assert_eq!(send_to(config.clone(), unserved("https://evil.example")).await.0.status, 403);
    // serves ▸ handler
    assert_eq!(send_to(config, unserved(LISTED)).await.0.status, 404);
    // rescue ▸ rights: the request has its principal where the handler runs.
    let answer = send(request("GET", "/", &[])).await;
    assert_eq!((answer.status, answer.body["rights"].as_bool()), (200, Some(true)));
}

#[tokio::test]
async fn an_answer_bears_its_requests_id_given_or_made() {
    let given = send(request("GET", "/", &[("x-request-id", "abc-1.2_3")])).await;
    assert_eq!(
        (&given.headers["x-request-id"], given.body["id"].as_str()),
        (&HeaderValue::from_static("abc-1.2_3"), Some("abc-1.2_3"))
    );
    let long = "x".repeat(65);
    for insane in ["", "a b", "a\"b", long.as_str()] {
        let made = send(request("GET", "/", &[("x-request-id", insane)])).await;
        let id = made.headers["x-request-id"].to_str().unwrap();
        assert!(id.len() == 20 && made.body["id"] == id, "{id}");
    }
}

#[tokio::test]
async fn a_panic_answers_with_the_id_and_nothing_of_the_panic() {
    for path in ["/panic", "/late"] {
        let (answer, metrics) = send_to(config(), request("GET", path, &[])).await;
        assert_eq!(answer.status, 500);
        assert_eq!(answer.headers["content-type"], "application/problem+json");
        assert_eq!(answer.body["request_id"].as_str(), answer.headers["x-request-id"].to_str().ok());
        assert!(!answer.body.to_string().contains("secret"));
        assert_eq!(metrics.answers.panics.get(), 1);
        assert!(metrics.answers.by_class().any(|class| class == ("5xx", 1)));
    }
}

#[tokio::test]
async fn what_is_no_clean_http_is_refused_and_closes() {
    for (status, method, path, headers) in [
        (405, "CONNECT", "/", &[][..]),
        (405, "TRACE", "/", &[]),
        (501, "AMETHODTHATISLONGERTHANANYOTHERIS", "/", &[]),
        (400, "GET", "*", &[]),
        (400, "GET", "/é", &[]),
        (400, "GET", "/", &[("host", "")]),
        (400, "GET", "/", &[("host", "a"), ("host", "a")]),
        (400, "GET", "/", &[("host", "a/b")]),
        (400, "GET", "/", &[("host", "é")]),
        (400, "GET", "http://a/", &[("host", "b")]),
        (400, "POST", "/", &[("transfer-encoding", "chunked, chunked")]),
        (400, "POST", "/", &[("transfer-encoding", "gzip, chunked")]),
        (400, "POST", "/", &[("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")]),
    ] {
        let (answer, metrics) = send_to(config(), request(method, path, headers)).await;
        assert_eq!(answer.status, status, "{method} {path} {headers:?}");
        assert_eq!(answer.headers["connection"], "close");
        assert_eq!(metrics.answers.malformed.get(), 1);
        assert_eq!(answer.headers.contains_key("allow"), status == 405);
    }
    let mut both = request("POST", "/", &[]);
    both.extensions_mut().insert(Ambiguous);
    assert_eq!(send(both).await.status, 400);
    assert_eq!(send(request("OPTIONS", "*", &[])).await.status, 200);
    assert_eq!(send(request("GET", "http://127.0.0.1/", &[("host", "127.0.0.1")])).await.status, 200);
}

#[tokio::test]
async fn http_1_1_names_its_host_and_http_1_0_need_not() {
    let mut bare = request("GET", "/", &[]);
    bare.headers_mut().remove(header::HOST);
    assert_eq!(send(bare).await.status, 400);
    let mut old = request("GET", "/", &[]);
    old.headers_mut().remove(header::HOST);
    *old.version_mut() = Version::HTTP_10;
    let answer = send(old).await;
    assert_eq!((answer.status, answer.body["rights"].as_bool()), (200, Some(false)));
    let mut two = request("GET", "http://localhost/", &[]);
    two.headers_mut().remove(header::HOST);
    *two.version_mut() = Version::HTTP_2;
    assert_eq!(send(two).await.body["rights"], true);
}

#[tokio::test]
async fn what_is_too_long_is_refused() {
    let long = "x".repeat(9000);
    assert_eq!(send(request("GET", &format!("/{long}"), &[])).await.status, 414);
    assert_eq!(send(request("GET", "/", &[("x-long", &long)])).await.status, 431);
    assert_eq!(send(request("POST", "/", &[("content-length", "1048577")])).await.status, 413);
    assert_eq!(send(request("POST", "/", &[("content-length", "1048576")])).await.status, 200);
}

#[tokio::test]
async fn any_options_with_an_origin_is_a_preflight() {
    let answer =
        send(request("OPTIONS", "/refuse", &[("origin", LISTED), ("access-control-request-headers", "x-a")]))
            .await;
    assert_eq!((answer.status, cors_of(&answer)), (200, Some(LISTED)));
    assert_eq!(answer.headers["access-control-allow-headers"], "x-a");
    assert!(answer.headers["access-control-allow-methods"].to_str().unwrap().contains("DELETE"));
    let unlisted = send(request("OPTIONS", "/", &[("origin", "https://evil.example")])).await;
    assert_eq!((unlisted.status, cors_of(&unlisted)), (200, None));
    assert_eq!(send(request("OPTIONS", "/refuse", &[])).await.status, 405);
}

#[tokio::test]
async fn a_listed_page_may_read_refusals_and_another_may_not() {
    let answer = send(request("GET", "/refuse", &[("origin", LISTED)])).await;
    assert_eq!((answer.status, cors_of(&answer)), (405, Some(LISTED)));
    let exposed = answer.headers["access-control-expose-headers"].to_str().unwrap();
    assert!(exposed.contains("x-request-id"));
    let other = send(request("GET", "/refuse", &[("origin", "https://evil.example")])).await;
    assert_eq!((other.status, cors_of(&other)), (405, None));
    let any = Config { origins: Origins::new(["*".to_owned()]), ..config() };
    let (answer, _) = send_to(any, request("GET", "/refuse", &[("origin", "https://x.example")])).await;
    assert_eq!(cors_of(&answer), Some("*"));
}

#[test]
fn any_origin_with_credentials_is_refused_at_start() {
    let config = Config { origins: Origins::new(["*".to_owned()]), credentials: true, ..config() };
    assert_eq!(Rules::new(config).err(), Some(BadOrigins::AnyWithCredentials));
    let config = Config { origins: Origins::new(["a\nb".to_owned()]), ..self::config() };
    assert_eq!(Rules::new(config).err(), Some(BadOrigins::Malformed("a\nb".into())));
}

#[tokio::test]
async fn another_sites_page_opens_no_session_and_changes_nothing() {
    let upgrade = |origin, path| request("GET", path, &[("upgrade", "websocket"), ("origin", origin)]);
    for (status, origin, path) in [
        (200, LISTED, "/ws"),
        (200, "http://127.0.0.1:8080", "/ws/"),
        (403, "http://127.0.0.1:8081", "/ws"),
        (403, "https://evil.example", "/ws"),
        (403, "null", "/ws"),
        (200, "https://own.example", "/own/"),
        (403, LISTED, "/own"),
        (403, "http://127.0.0.1:8080", "/own"),
    ] {
        assert_eq!(send(upgrade(origin, path)).await.status, status, "{origin} {path}");
    }
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        let answer = send(request(method.as_str(), "/", &[("origin", "https://evil.example")])).await;
        assert_eq!(answer.status, 403, "{method}");
    }
    let twice = request("POST", "/", &[("origin", LISTED), ("origin", LISTED)]);
    assert_eq!(send(twice).await.status, 403);
    assert_eq!(send(request("POST", "/", &[])).await.status, 200);
    let any = Config { origins: Origins::new(["*".to_owned()]), ..config() };
    assert_eq!(send_to(any, upgrade("https://evil.example", "/ws")).await.0.status, 200);
}

#[tokio::test]
async fn anonymous_rights_hold_only_under_a_host_of_our_own() {
    for (rights, path, headers) in [
        (true, "/", &[("host", "localhost:8080")][..]),
        (true, "/", &[("host", "[::1]")]),
        (true, "/", &[("host", "Gateway.Example:99")]),
        (false, "/", &[("host", "rebound.example")]),
        (false, "/ws", &[("host", "rebound.example")]),
        (false, "/", &[("authorization", "Bearer forged")]),
        (false, "/?a=b&token=forged", &[]),
        (true, "/?token=&tokens=1", &[]),
    ] {
        assert_eq!(send(request("GET", path, headers)).await.body["rights"], rights, "{path} {headers:?}");
    }
    let any = Config { listeners: vec![listener(&["*"])], ..config() };
    assert_eq!(send_to(any, request("GET", "/", &[("host", "x.example")])).await.0.body["rights"], true);
    let elsewhere = ListenerRules { name: "other".into(), ..listener(&["*"]) };
    let other = Config { listeners: vec![elsewhere, listener(&[])], ..config() };
    assert_eq!(send_to(other, request("GET", "/", &[("host", "x.example")])).await.0.body["rights"], false);
    let closed = Config { profile: profile(false), ..config() };
    assert_eq!(send_to(closed.clone(), request("GET", "/", &[])).await.0.body["rights"], false);
    assert_eq!(send_to(closed, request("GET", "/ws", &[])).await.0.body["rights"], true);
}

#[tokio::test]
async fn a_token_or_key_says_who_asks_and_a_bad_one_leaves_nothing() {
    let (bearer, query) = (format!("Bearer {}", token()), format!("/?token={}", token()));
    let cookie = format!("token={}", token());
    for (rights, refused, path, headers) in [
        (true, None, "/", &[("authorization", &*bearer), ("host", "rebound.example")][..]),
        (true, None, "/ws", &[("authorization", &bearer)]),
        (true, None, &query, &[("host", "rebound.example")]),
        (true, None, "/", &[("cookie", &cookie), ("origin", LISTED), ("host", "rebound.example")]),
        (false, None, "/", &[("cookie", &cookie), ("host", "rebound.example")]),
        (false, Some("signature"), "/", &[("authorization", &bearer[..bearer.len() - 4])]),
        (false, Some("malformed"), &query, &[("authorization", "Bearer x")]),
        (true, None, "/", &[("authorization", "Bearer key"), ("host", "rebound.example")]),
        (true, None, "/", &[("x-api-key", "key"), ("host", "rebound.example")]),
        (false, Some("malformed"), "/", &[("x-api-key", "kez")]),
        (false, Some("malformed"), "/ws", &[("authorization", "Bearer key")]),
        (true, None, "/", &[("authorization", "Basic a2V5")]),
    ] {
        let (answer, metrics) = send_to(config(), request("GET", path, headers)).await;
        assert_eq!(answer.body["rights"], rights, "{path} {headers:?}");
        assert_eq!(answer.body["refused"].as_str(), refused, "{path} {headers:?}");
        let counted: u64 = metrics.refusals.all().map(|(_, count)| count).sum();
        assert_eq!(counted, u64::from(refused.is_some()));
    }
}

#[tokio::test]
async fn a_stack_is_cheap_to_make_for_each_connection() {
    let info = info();
    let pipelines =
        Pipelines::new(&Rules::new(config()).unwrap().live(), &unlimited(), &Metrics::new(1), &Audit::off());
    let pipeline = pipelines.of("main");
    let stack = pipeline.stack(Arc::clone(&info), handler);
    assert!(std::mem::size_of_val(&stack) <= 256, "{} bytes", std::mem::size_of_val(&stack));
    drop(stack);
    assert_eq!((Rc::strong_count(pipeline), Arc::strong_count(&info)), (1, 1));
}
