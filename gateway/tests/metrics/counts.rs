//! What is counted: exactly, and by the time that a client can ask.

use serde_json::json;
use testkit::{Options, exchange, request};

use crate::{event, gateway, members, page, publish, start};

const DELIVERED: &str = "tidegate_events_delivered_total";
const PUBLISHED: &str = "tidegate_events_published_total";

fn of<'a>(kind: &'a str, class: &'a str) -> [(&'static str, &'a str); 2] {
    [("event_type", kind), ("room_class", class)]
}

#[tokio::test]
async fn events_are_counted_by_type_and_class_as_soon_as_they_were_received() {
    let gateway = gateway();
    let mut news = members(&gateway, "news:sport", 6).await;
    let mut others = members(&gateway, "hall", 4).await;
    for round in 1..=50 {
        // Types mixed in one turn, in both classes.
        let events = json!([
            event("news:sport", "alert_triggered"),
            event("news:sport", "metrics_updated"),
            event("news:sport", "alert_triggered"),
            event("hall", "metrics_updated"),
        ]);
        publish(&gateway, &events).await;
        for session in &mut news {
            for kind in ["alert_triggered", "metrics_updated", "alert_triggered"] {
                assert_eq!(session.next().await["event_type"], kind);
            }
        }
        for session in &mut others {
            session.next().await;
        }
        let page = page(&gateway).await;
        for (kind, class, published, members) in [
            ("alert_triggered", "news:*", 2, 6),
            ("metrics_updated", "news:*", 1, 6),
            ("metrics_updated", "*", 1, 4),
            ("alert_triggered", "*", 0, 4),
        ] {
            let labels = of(kind, class);
            assert_eq!(page.value(PUBLISHED, &labels), f64::from(round * published), "{kind} {class}");
            assert_eq!(
                page.value(DELIVERED, &labels),
                f64::from(round * published * members),
                "{kind} {class}"
            );
        }
        let appended = page.value("tidegate_history_appends_total", &[("room_class", "news:*")]);
        assert_eq!(appended, f64::from(round * 3));
    }
}

#[tokio::test]
async fn who_filters_is_counted_for_what_comes_through() {
    let gateway = gateway();
    let mut sessions = members(&gateway, "hall", 4).await;
    for session in &mut sessions[..2] {
        let types = json!({ "event_types": ["metrics_*"] });
        session.ask(&json!({ "action": "subscribe", "data": types })).await;
    }
    publish(&gateway, &json!([event("hall", "alert_triggered"), event("hall", "metrics_updated")])).await;
    for session in &mut sessions[..2] {
        assert_eq!(session.next().await["event_type"], "metrics_updated");
    }
    for session in &mut sessions[2..] {
        session.next().await;
        session.next().await;
    }
    let page = page(&gateway).await;
    assert_eq!(page.value(DELIVERED, &of("alert_triggered", "*")), 2.0);
    assert_eq!(page.value(DELIVERED, &of("metrics_updated", "*")), 4.0);
    let stats = gateway.get("/ws/stats").await.json();
    assert_eq!(stats["stats"]["metrics"]["total_messages_sent"], 6);
}

#[tokio::test]
async fn each_event_is_one_sample_of_latency_on_each_shard_that_walked_it() {
    let gateway = gateway();
    let mut sessions = members(&gateway, "news:sport", 6).await;
    for _ in 0..20 {
        publish(&gateway, &event("news:sport", "alert_triggered")).await;
        for session in &mut sessions {
            session.next().await;
        }
    }
    // Counted when the walk is over: its last member may have read meanwhile.
    gateway.reaches("tidegate_publish_to_socket_seconds_count{room_class=\"news:*\"}", 40.0).await;
    gateway.reaches("tidegate_fan_out_seconds_count", 40.0).await;
    let page = page(&gateway).await;
    assert_eq!(page.value("tidegate_fan_out_sessions_sum", &[]), 120.0);
    assert_eq!(page.value("tidegate_fan_out_sessions_bucket", &[("le", "5.0")]), 40.0, "three on each");
    assert_eq!(page.value("tidegate_fan_out_sessions_bucket", &[("le", "2.0")]), 0.0);
    assert_eq!(page.value("tidegate_publish_to_socket_seconds_count", &[("room_class", "*")]), 0.0);
    let seconds = page.value("tidegate_publish_to_socket_seconds_sum", &[("room_class", "news:*")]);
    assert!(seconds > 0.0 && seconds < 40.0, "{seconds}");
}

#[tokio::test]
async fn sessions_and_their_ends_are_counted_by_dialect_and_reason() {
    let gateway = gateway();
    let mut closes = gateway.wire("/ws").await;
    closes.next().await;
    closes.ask(&json!({ "action": "join", "room": "hall" })).await;
    let [vanishes, mut closed] = <[_; 2]>::try_from(members(&gateway, "hall", 2).await).unwrap();
    let before = page(&gateway).await;
    assert_eq!(before.value("tidegate_sessions", &[("dialect", "rooms")]), 3.0);
    assert_eq!((before.value("tidegate_rooms", &[]), before.value("tidegate_members", &[])), (1.0, 3.0));
    closes.send_close(1000, "").await;
    drop(vanishes);
    let id = closed.ask(&json!({ "action": "info" })).await["data"]["connection_id"].clone();
    let path = format!("/api/v1/sessions/{}", id.as_str().unwrap());
    assert_eq!(gateway.request("DELETE", &path, None).await.status, 204);
    gateway.reaches("tidegate_sessions{dialect=\"rooms\"}", 0.0).await;
    let page = page(&gateway).await;
    for reason in ["client", "gone", "policy"] {
        assert_eq!(page.value("tidegate_sessions_closed_total", &[("reason", reason)]), 1.0, "{reason}");
    }
    assert_eq!(page.sum("tidegate_sessions_closed_total"), 3.0);
    assert_eq!(page.value("tidegate_sessions_opened_total", &[("dialect", "rooms")]), 3.0);
    drop((closes, closed));
    gateway.reaches("tidegate_connections_closed_total{reason=\"session\"}", 3.0).await;
    gateway.raw("no HTTP\r\n\r\n").await;
    gateway.reaches("tidegate_connections_closed_total{reason=\"error\"}", 1.0).await;
}

#[tokio::test]
async fn what_is_refused_is_counted_by_reason() {
    let private = ["auth.private={anonymous=false}", "api.auth=\"private\"", "endpoint.0.auth=\"private\""];
    let gateway = start(private.iter().fold(Options::new(), |options, set| options.set(set)));
    assert_eq!(gateway.post("/api/v1/publish", &event("r", "alert_triggered")).await.status, 401);
    assert_eq!(gateway.get("/ws").await.status, 426);
    assert!(gateway.try_connect("/ws", &[]).await.is_err());
    assert!(gateway.try_connect("/ws", &[("Origin", "https://evil.example")]).await.is_err());
    let page = page(&gateway).await;
    for reason in ["upgrade", "unauthenticated", "origin"] {
        assert_eq!(page.value("tidegate_handshake_failures_total", &[("reason", reason)]), 1.0, "{reason}");
    }
    assert_eq!(page.value("tidegate_auth_failures_total", &[("reason", "unauthenticated")]), 2.0);
    assert_eq!(page.value("tidegate_auth_failures_total", &[("reason", "forbidden")]), 0.0);
}

#[tokio::test]
async fn recoveries_are_hits_or_misses() {
    let gateway = gateway();
    let mut first = members(&gateway, "news:sport", 1).await;
    for _ in 0..12 {
        publish(&gateway, &event("news:sport", "alert_triggered")).await;
        first[0].next().await;
    }
    let mut session = gateway.connect("/ws").await;
    session.next().await;
    let room = gateway.get("/api/v1/rooms/news:sport").await.json();
    for (offset, recovered) in [(11, true), (1, false)] {
        let since = json!({ "epoch": room["epoch"], "offset": offset });
        let data = json!({ "since": since });
        let joined = session.ask(&json!({ "action": "join", "room": "news:sport", "data": data })).await;
        assert_eq!(joined["data"]["recovered"], recovered);
        if recovered {
            session.next().await;
        }
    }
    let page = page(&gateway).await;
    for result in ["hit", "miss"] {
        assert_eq!(page.value("tidegate_recoveries_total", &[("result", result)]), 1.0, "{result}");
    }
    // Twelve to the first, one replayed.
    assert_eq!(page.value(DELIVERED, &of("alert_triggered", "news:*")), 13.0);
}

#[tokio::test]
async fn what_a_slow_session_does_not_get_is_counted_as_dropped() {
    let bounds = ["limits.backlog_per_session=\"64 KiB\"", "limits.message=\"32 KiB\""];
    let gateway = start(bounds.iter().fold(Options::new(), |options, bound| options.set(bound)));
    let mut slow = gateway.narrow_wire("/ws", 4096).await;
    slow.next().await;
    slow.ask(&json!({ "action": "join", "room": "hall" })).await;
    let big = |n: usize| json!({ "room": "hall", "event_type": "alert_triggered", "data": { "n": n, "x": "x".repeat(8000) } });
    let (mut published, mut waited) = (0, 0.0);
    while page(&gateway).await.sum("tidegate_slow_closes_total") == 0.0 {
        publish(&gateway, &json!([big(published), big(published + 1)])).await;
        published += 2;
        waited = page(&gateway).await.value("tidegate_backlog_bytes", &[]).max(waited);
        assert!(published < 4000, "{published} events fit into the backlog");
    }
    let page = page(&gateway).await;
    let dropped = page.value("tidegate_events_dropped_total", &of("alert_triggered", "*"));
    assert!(dropped >= 7.0, "a backlog of them: {dropped}");
    assert!(waited <= 192.0 * 1024.0, "its bound, and what one turn adds: {waited}");
    let mut got = 0;
    loop {
        let frame = slow.next().await;
        if frame.opcode == testkit::opcode::CLOSE {
            break;
        }
        got += 1;
    }
    // What was given to it went to its socket or was dropped.
    assert_eq!(page.value(DELIVERED, &of("alert_triggered", "*")), f64::from(got) + dropped);
    slow.send_close(1013, "").await;
    slow.ended().await;
    gateway.reaches("tidegate_backlog_bytes", 0.0).await;
    gateway.reaches("tidegate_backlog_frames", 0.0).await;
}

#[tokio::test]
async fn bytes_are_counted_both_ways() {
    let gateway = gateway();
    let mut session = gateway.connect("/ws").await;
    session.next().await;
    let before = page(&gateway).await;
    session.send_text("{\"action\":\"ping\"}").await;
    session.next().await;
    let page = page(&gateway).await;
    assert_eq!(page.sum("tidegate_received_bytes_total") - before.sum("tidegate_received_bytes_total"), 17.0);
    assert!(page.sum("tidegate_sent_bytes_total") > before.sum("tidegate_sent_bytes_total") + 17.0);
}

#[tokio::test]
async fn every_shard_tells_how_late_its_loop_is() {
    let gateway = gateway();
    for shard in ["0", "1"] {
        loop {
            let page = page(&gateway).await;
            if page.value("tidegate_loop_lag_seconds_count", &[("shard", shard)]) >= 1.0 {
                break;
            }
        }
    }
}

#[tokio::test]
async fn the_page_is_for_everybody() {
    let gateway = start(Options::new().set("auth.private={anonymous=false}").set("api.auth=\"private\""));
    for path in ["/metrics", "/metrics/list", "/metrics/statistics", "/metrics/rates"] {
        assert_eq!(gateway.get(path).await.status, 200, "{path}");
    }
    for path in ["/metrics/reset-counters", "/metrics/clear-history"] {
        let answer = exchange(gateway.address(), &request("POST", path, &[], None)).await;
        assert_eq!(answer.status, 401, "{path}");
    }
}
