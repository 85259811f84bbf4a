//! How often a client may ask.

use super::*;

/// One request an address and a day, and two handshakes.
pub(super) fn once() -> limits::Settings {
    let rule = |count| {
        let rate = format!("{count}/day").parse().unwrap();
        limits::Rule::new(rate, 0, limits::Window::Sliding, false)
    };
    limits::Settings {
        requests_per_address: rule(1),
        handshakes_per_address: rule(2),
        exempt: vec!["127.0.0.0/8".parse().unwrap()],
        ..limits::Settings::default()
    }
}

pub(super) fn strict(config: Config) -> Rc<Pipeline> {
    let (limits, metrics) = (Limits::new(once(), &Metrics::new(1)), Metrics::new(1));
    let pipelines =
        Pipelines::new(&Rules::new(config).unwrap().live(), &Arc::new(limits), &metrics, &Audit::off());
    Rc::clone(pipelines.of("main"))
}

#[tokio::test]
async fn who_asks_too_often_is_told_when_to_come_back() {
    let pipeline = strict(config());
    let first = send_through(&pipeline, request("GET", "/", &[])).await;
    assert_eq!((first.status, &first.headers["x-ratelimit-remaining"]), (200, &HeaderValue::from(0)));
    let second = send_through(&pipeline, request("GET", "/", &[("origin", LISTED)])).await;
    assert_eq!(second.status, 429);
    assert_eq!(second.body["detail"], "Rate limit exceeded");
    assert_eq!(second.headers["ratelimit-limit"], second.headers["x-ratelimit-limit"]);
    let wait: u64 = second.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=86_400).contains(&wait), "{wait}");
    // cors ▸ limits: a page may read that it asks too often.
    assert_eq!(cors_of(&second), Some(LISTED));
    // Handshakes are counted by themselves.
    for status in [200, 200, 429] {
        assert_eq!(send_through(&pipeline, request("GET", "/ws", &[])).await.status, status);
    }
}

#[tokio::test]
async fn a_request_of_a_session_is_a_request_and_no_handshake() {
    let pipeline = strict(config());
    let of_session = || request("GET", "/polled?transport=polling&sid=x", &[]);
    assert_eq!(send_through(&pipeline, of_session()).await.status, 200);
    assert_eq!(send_through(&pipeline, of_session()).await.status, 429);
    for status in [200, 200, 429] {
        assert_eq!(
            send_through(&pipeline, request("GET", "/polled?transport=polling", &[])).await.status,
            status
        );
    }
    assert_eq!(
        send_through(&pipeline, request("GET", "/ws?sid=x", &[])).await.status,
        429,
        "it is not polled"
    );
}

#[tokio::test]
async fn limits_come_after_the_origin_and_before_the_rights() {
    let pipeline = strict(config());
    // origin ▸ limits: what another site's page tries does not use up what its visitor may.
    let evil = || request("POST", "/", &[("origin", "https://evil.example")]);
    assert_eq!(send_through(&pipeline, evil()).await.status, 403);
    assert_eq!(send_through(&pipeline, evil()).await.status, 403);
    assert_eq!(send_through(&pipeline, request("GET", "/", &[])).await.status, 200);
    // limits ▸ handler: it is not reached, nor is a token looked at.
    assert_eq!(send_through(&pipeline, request("GET", "/panic", &[])).await.status, 429);
}
