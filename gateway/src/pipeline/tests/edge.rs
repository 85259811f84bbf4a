//! Behind proxies, by what a listener serves, and with the headers that browsers go by.

use super::limited::{once, strict};
use super::*;
use crate::web::Part;

/// The connection's other end is 10.0.0.1.
fn behind_a_proxy() -> Config {
    let trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
    Config { listeners: vec![ListenerRules { trusted_proxies, ..listener(&[]) }], ..config() }
}

fn serving(parts: &[Part]) -> Config {
    Config { listeners: vec![ListenerRules { serves: Parts::new(parts), ..listener(&[]) }], ..config() }
}

fn from(client: &str) -> Request<()> {
    request("GET", "/", &[("x-forwarded-for", client)])
}

/// How many of these are let through where each address may ask once.
async fn passed(pipeline: &Rc<Pipeline>, requests: impl IntoIterator<Item = Request<()>>) -> usize {
    let mut passed = 0;
    for request in requests {
        passed += usize::from(send_through(pipeline, request).await.status == 200);
    }
    passed
}

#[tokio::test]
async fn a_client_behind_a_proxy_is_limited_by_its_own_address() {
    let pipeline = strict(behind_a_proxy());
    assert_eq!(passed(&pipeline, ["192.0.2.1", "192.0.2.2"].map(from)).await, 2);
    assert_eq!(
        passed(&pipeline, ["192.0.2.1", "1.1.1.1, 192.0.2.2", "192.0.2.1, 10.0.0.2"].map(from)).await,
        0
    );
    let standard = |value| request("GET", "/", &[("forwarded", value)]);
    assert_eq!(passed(&pipeline, [standard("for=192.0.2.1"), standard("for=192.0.2.3")]).await, 1);
}

#[tokio::test]
async fn a_forged_header_makes_nobody_else_of_a_client() {
    // No proxy, so none is believed.
    let forged = ["192.0.2.1", "192.0.2.2", "127.0.0.1", "garbage"].map(from);
    assert_eq!(passed(&strict(config()), forged).await, 1);
    let standard =
        ["for=192.0.2.1", "for=127.0.0.1"].map(|value| request("GET", "/", &[("forwarded", value)]));
    assert_eq!(passed(&strict(config()), standard).await, 1);
    // A proxy that adds the client at the end of whatever came.
    let forged =
        ["127.0.0.1, 192.0.2.1", "10.0.0.9, 192.0.2.1", "\", for=x, 192.0.2.1", "192.0.2.1"].map(from);
    assert_eq!(passed(&strict(behind_a_proxy()), forged).await, 1);
    // A proxy that passes on a header which it does not know.
    let both = |forged| request("GET", "/", &[("x-forwarded-for", "192.0.2.1"), ("forwarded", forged)]);
    assert_eq!(
        passed(&strict(behind_a_proxy()), ["for=127.0.0.1", "for=1.1.1.1", "for=x"].map(both)).await,
        1
    );
}

#[tokio::test]
async fn what_cannot_be_read_is_the_proxys_own_and_exempts_nobody() {
    let exempt = || {
        Limits::new(
            limits::Settings { exempt: vec!["10.0.0.0/8".parse().unwrap()], ..once() },
            &Metrics::new(1),
        )
    };
    let pipelines = Pipelines::new(
        &Rules::new(behind_a_proxy()).unwrap().live(),
        &Arc::new(exempt()),
        &Metrics::new(1),
        &Audit::off(),
    );
    let pipeline = pipelines.of("main");
    let bare = || request("GET", "/", &[]);
    assert_eq!(passed(pipeline, [bare(), bare(), bare()]).await, 3, "the proxy's own requests");
    assert_eq!(passed(pipeline, ["10.0.0.7", "10.0.0.7"].map(from)).await, 2, "an exempt client");
    assert_eq!(passed(pipeline, ["unknown", "x", "192.0.2.1, _hidden"].map(from)).await, 1);
}

#[tokio::test]
async fn the_scheme_is_the_clients_where_a_proxy_says_so() {
    let ask = async |config, proto: &str, origin: &str| {
        let headers = [("x-forwarded-proto", proto), ("origin", origin), ("host", "gateway.example")];
        send_to(config, request("POST", "/", &headers)).await.0.status
    };
    let (plain, secure) = ("http://gateway.example", "https://gateway.example");
    assert_eq!(ask(behind_a_proxy(), "https", secure).await, 200);
    assert_eq!(ask(behind_a_proxy(), "https", plain).await, 403, "a page that came without TLS");
    assert_eq!(ask(behind_a_proxy(), "http", plain).await, 200);
    assert_eq!(ask(config(), "https", plain).await, 200, "of no proxy it is not believed");
}

#[tokio::test]
async fn what_a_listener_does_not_serve_is_not_there() {
    let paths =
        ["/ws", "/ws/", "/own", "/", "/api/v1/rooms", "/metrics", "/health/live", "/admin/reload", "/agents"];
    for (parts, there) in [
        (&Part::ALL[..], &paths[..]),
        (&[Part::Endpoints], &["/ws", "/ws/", "/own"]),
        (&[Part::Plugins], &["/agents"]),
        (&[Part::Api], &["/", "/api/v1/rooms", "/health/live"]),
        (&[Part::Metrics], &["/metrics", "/health/live"]),
        (&[Part::Admin], &["/admin/reload"]),
    ] {
        for path in paths {
            let (answer, _) = send_to(serving(parts), request("GET", path, &[])).await;
            let expected = if there.contains(&path) { 200 } else { 404 };
            assert_eq!(answer.status, expected, "{path} of {parts:?}");
        }
    }
}

#[tokio::test]
async fn an_endpoint_that_is_not_served_has_no_rules_of_its_own() {
    let upgrade = |path| request("GET", path, &[("upgrade", "websocket"), ("origin", "https://own.example")]);
    let api = || serving(&[Part::Api]);
    assert_eq!(send_to(config(), upgrade("/own")).await.0.status, 200);
    let (unserved, nowhere) =
        (send_to(api(), upgrade("/own")).await.0, send_to(api(), upgrade("/nowhere")).await.0);
    assert_eq!((unserved.status, unserved.body), (nowhere.status, nowhere.body));
    let plain = |path| send_to(api(), request("GET", path, &[]));
    assert_eq!(plain("/own").await.0.body, plain("/nowhere").await.0.body);
}

#[tokio::test]
async fn every_answer_tells_browsers_to_be_careful() {
    let long = "x".repeat(9000);
    for (status, request) in [
        (200, request("GET", "/", &[])),
        (200, request("OPTIONS", "/", &[("origin", LISTED)])),
        (400, request("GET", "/", &[("host", "a b")])),
        (403, request("POST", "/", &[("origin", "https://evil.example")])),
        (405, request("TRACE", "/", &[])),
        (414, request("GET", &format!("/{long}"), &[])),
        (500, request("GET", "/panic", &[])),
    ] {
        let answer = send(request).await;
        assert_eq!(answer.status, status);
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(answer.headers.get(name).unwrap(), value, "{status}");
        }
        assert!(!answer.headers.contains_key("x-frame-options"), "no page");
        assert_eq!(answer.headers.contains_key("cache-control"), status == 403);
    }
}

#[tokio::test]
async fn a_page_is_framed_by_nobody_unless_it_says_so_itself() {
    let page = send(request("GET", "/page", &[])).await;
    assert_eq!(page.headers["content-security-policy"], "frame-ancestors 'none'");
    assert_eq!(page.headers["x-frame-options"], "DENY");
    assert_eq!(page.headers["cross-origin-opener-policy"], "same-origin");
    let own = send(request("GET", "/page?own", &[])).await;
    assert_eq!(own.headers["content-security-policy"], "default-src 'self'");
    assert_eq!(own.headers.get_all("content-security-policy").iter().count(), 1);
}

#[tokio::test]
async fn what_is_private_stays_in_no_cache() {
    for (path, private) in [
        ("/api/v1", true),
        ("/api/v1/rooms", true),
        ("/admin/reload", true),
        ("/api/v12", false),
        ("/metrics", false),
    ] {
        let answer = send(request("GET", path, &[])).await;
        assert_eq!(
            answer.headers.get("cache-control").is_some_and(|value| value == "no-store"),
            private,
            "{path}"
        );
    }
}

#[tokio::test]
async fn only_who_came_under_tls_is_told_to_keep_to_it() {
    let rules = |proxies: &[&str]| ListenerRules {
        trusted_proxies: proxies.iter().map(|network| network.parse().unwrap()).collect(),
        hsts: Some(hsts(Duration::from_secs(3600))),
        ..listener(&[])
    };
    let ask = async |proxies: &[&str], proto: &str| {
        let config = Config { listeners: vec![rules(proxies)], ..config() };
        let (answer, _) =
            send_to(config, request("GET", "/nowhere/at/all", &[("x-forwarded-proto", proto)])).await;
        answer.headers.get("strict-transport-security").map(|value| value.to_str().unwrap().to_owned())
    };
    assert_eq!(ask(&["10.0.0.0/8"], "https").await.as_deref(), Some("max-age=3600"));
    assert_eq!(ask(&["10.0.0.0/8"], "http").await, None);
    assert_eq!(ask(&[], "https").await, None, "of no proxy it is not believed");
}

#[tokio::test]
async fn an_endpoint_with_origins_of_its_own_lets_their_pages_read() {
    let mut config = config();
    config.credentials = true;
    for (path, origin, credentials) in [
        ("/polled", Some("*"), None),
        ("/own", Some("https://own.example"), Some("true")),
        ("/ws", None, Some("true")),
    ] {
        let request = request("GET", path, &[("origin", "https://own.example")]);
        let (got, _) = send_to(config.clone(), request).await;
        assert_eq!(cors_of(&got), origin, "{path}");
        let told = got.headers.get("access-control-allow-credentials").map(|value| value.to_str().unwrap());
        assert_eq!(told, credentials, "{path}");
    }
}
