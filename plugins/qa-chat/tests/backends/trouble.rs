//! What becomes of a back end's trouble: tried again, told, left alone, and never anybody else's.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::server::Server;
use crate::{ask, ask_for_pieces, questions, start};

const UNAVAILABLE: &str = "The assistant cannot answer: its back end ";

#[test]
fn one_that_fails_is_asked_again_before_anything_was_said() {
    let server = Server::answering(|request, mut connection| match request.number {
        0 => connection.answer(503, "text/plain", "later"),
        1 => drop(connection),
        _ => {
            connection.stream();
            connection.delta("there");
            connection.event("[DONE]");
        }
    });
    let host = start(server.openai());
    let answer = ask(&host, "hi");
    assert_eq!((&answer.data["content"], &answer.data["metadata"]["attempts"]), (&json!("there"), &json!(3)));
    assert_eq!(host.metric("chat_retries"), Some(2));
    host.stop();
}

#[test]
fn one_that_says_when_to_come_again_is_asked_no_sooner_and_not_at_all_where_that_is_too_late() {
    let server = Server::answering(|request, connection| match request.number {
        0 => connection.answer_with(429, "retry-after: 1", "too many"),
        1 => connection.answer(200, "application/json", r#"{"content": "there"}"#),
        _ => connection.answer_with(503, &format!("retry-after: {}", u64::MAX), "never"),
    });
    let host = start(server.http());
    let begun = Instant::now();
    assert_eq!(ask(&host, "hi").data["content"], "there");
    assert!(begun.elapsed() >= Duration::from_secs(1));
    let refused = ask(&host, "hi");
    assert!(refused.message.contains("status 503"), "{}", refused.message);
    assert_eq!(host.metric("chat_retries"), Some(1));
    host.stop();
}

#[test]
fn the_time_to_come_again_may_be_a_date_too() {
    let server = Server::answering(|request, connection| {
        let away = if request.number == 0 { 2 } else { 3600 };
        let then = std::time::SystemTime::now() + Duration::from_secs(away);
        match request.number {
            1 => connection.answer(200, "application/json", r#"{"content": "there"}"#),
            _ => connection.answer_with(
                503,
                &format!("retry-after: {}", httpdate::fmt_http_date(then)),
                "later",
            ),
        }
    });
    let host = start(server.http());
    let begun = Instant::now();
    assert_eq!(ask(&host, "hi").data["content"], "there");
    assert!(begun.elapsed() >= Duration::from_millis(900), "a date has no fractions of a second");
    let refused = ask(&host, "hi");
    assert!(refused.message.contains("status 503"), "{}", refused.message);
    assert_eq!(host.metric("chat_retries"), Some(1), "an hour is too late");
    host.stop();
}

#[test]
fn one_that_breaks_off_in_the_middle_is_not_asked_again() {
    let server = Server::answering(|_, mut connection| {
        connection.stream();
        connection.delta("half");
    });
    let host = start(server.openai());
    let answer = ask_for_pieces(&host, "hi");
    assert!(!answer.success && answer.message.starts_with(UNAVAILABLE), "{}", answer.message);
    assert_eq!(answer.pieces, ["half"]);
    host.set_headers(&[("accept", "text/event-stream")]);
    let streamed = host.http_json("POST", "/chat", &json!({"content": "hi"}));
    assert!(
        String::from_utf8_lossy(&streamed.body)
            .ends_with("data: {\"error\":\"The assistant cannot answer: its back end broke off\"}\n\n")
    );
    assert_eq!((host.metric("chat_retries"), questions(&host, "failed")), (Some(0), 2));
    host.stop();
}

/// Asks a server that always answers so; how often it was asked again, and what came of it.
fn asked_again((status, kind, body): (u16, &'static str, &'static str)) -> (Option<i64>, String) {
    let server = Server::answering(move |_, connection| connection.answer(status, kind, body));
    let host = start(server.openai());
    let answer = ask(&host, "hi");
    assert!(!answer.success, "{body}");
    let said: String = host.log().iter().map(|line| line.message.clone()).collect();
    assert!(!said.contains("secret-key") && !answer.message.contains("secret-key"), "{said}");
    let retries = host.metric("chat_retries");
    host.stop();
    (retries, answer.message)
}

#[test]
fn what_it_refuses_is_told_and_not_tried_again() {
    const JSON: &str = "application/json";
    const EVENTS: &str = "text/event-stream";
    for (answer, told) in [
        ((400, JSON, r#"{"error":{"message":"too many tokens"}}"#), "it says: too many tokens"),
        ((401, JSON, r#"{"error":{"message":"bad key: secret-key"}}"#), "status 401"),
        ((200, EVENTS, "data: {\"error\":{\"message\":\"overloaded\"}}\n\n"), "it says: overloaded"),
        ((200, JSON, r#"{"error":{"message":"overloaded"}}"#), "it says: overloaded"),
        ((302, "text/plain", ""), "status 302"),
    ] {
        let (retries, message) = asked_again(answer);
        assert!(message.contains(told), "{told}: {message}");
        assert_eq!(retries, Some(0), "{told}");
    }
}

#[test]
fn what_is_no_answer_is_tried_again_and_then_told() {
    for answer in [
        (200, "text/html", "<html>"),
        (200, "application/json", "<html>"),
        (200, "application/json", r#"{"choices":[{"message":{"content":""}}]}"#),
        (200, "text/event-stream", "data: {oops\n\n"),
        (200, "text/event-stream", "data: [DONE]\n\n"),
        (
            200,
            "text/event-stream",
            "data: {\"choices\":[{\"delta\":{\"content\":\"\"}}]}\n\ndata: [DONE]\n\n",
        ),
    ] {
        let (retries, message) = asked_again(answer);
        assert!(message.contains("no answer"), "{answer:?}: {message}");
        assert_eq!(retries, Some(2), "{answer:?}");
    }
}

#[test]
fn what_was_no_answer_may_be_one_the_next_time() {
    for garbage in ["", "[]", "{", r#"{"content": ""}"#, r#"{"delta": 7}"#] {
        let server = Server::answering(move |request, connection| {
            let body = if request.number == 0 { garbage } else { r#"{"content": "there"}"# };
            connection.answer(200, "application/json", body);
        });
        let host = start(server.http());
        let answer = ask(&host, "hi");
        assert_eq!(
            (&answer.data["content"], &answer.data["metadata"]["attempts"]),
            (&json!("there"), &json!(2)),
            "{garbage}"
        );
        host.stop();
    }
}

#[test]
fn one_that_says_nothing_or_nothing_more_is_given_up_in_time() {
    let server = Server::answering(|request, mut connection| {
        if request.number == 3 {
            connection.stream();
            connection.delta("a");
        }
        connection.stall();
    });
    let host = start(server.openai());
    let begun = Instant::now();
    let answer = host.http_json("POST", "/chat", &json!({"content": "hi"}));
    assert_eq!(answer.status, 504);
    assert!(begun.elapsed() < Duration::from_secs(4), "three times 400 ms");
    (0..3).for_each(|_| server.sees_a_close());
    assert!(!ask_for_pieces(&host, "hi").success);
    server.sees_a_close();
    assert_eq!(questions(&host, "timed_out"), 2);
    host.stop();
}

#[test]
fn one_that_floods_is_cut_off_at_the_bound() {
    let server = Server::answering(|request, mut connection| {
        connection.stream();
        match request.number {
            0 => while connection.delta(&"x".repeat(1000)) {},
            1 => while connection.send(&"x".repeat(1000)) {},
            _ => while connection.send(": nothing\n\n") {},
        }
    });
    let mut settings = server.openai();
    settings["limits"] = json!({"answer": 20_000});
    settings["retries"] = json!({"most": 0});
    let host = start(settings);
    for told in ["longer than 20000 bytes", "longer than 20000 bytes", "nothing came within"] {
        let answer = ask(&host, "hi");
        assert!(!answer.success && answer.message.contains(told), "{}", answer.message);
        server.sees_a_close();
    }
    host.stop();
}

#[test]
fn a_cancel_reaches_it() {
    let server = Server::answering(|request, mut connection| {
        if request.number == 1 {
            connection.stream();
            connection.delta("a");
        }
        connection.stall();
    });
    let mut settings = server.openai();
    settings["limits"] = json!({"first": "1h", "next": "1h"});
    settings["timeout"] = json!("1h");
    let host = start(settings);
    let waiting = host.begin_call("chat", &json!({"content": "hi"}));
    server.request();
    waiting.cancel();
    server.sees_a_close();
    let streaming = host.begin_call("chat", &json!({"content": "hi", "metadata": {"stream": true}}));
    streaming.wait_for_pieces(1);
    streaming.cancel();
    server.sees_a_close();
    host.stop();
}

#[test]
fn who_is_one_too_many_is_told_at_once() {
    let server = Server::answering(|_, connection| connection.stall());
    let mut settings = server.openai();
    settings["limits"] = json!({"first": "1h", "concurrent": 1, "waiting": 1});
    settings["timeout"] = json!("1h");
    let host = start(settings);
    let first = host.begin_call("chat", &json!({"content": "1"}));
    server.request();
    let second = host.begin_call("chat", &json!({"content": "2"}));
    let third = host.http_json("POST", "/chat", &json!({"content": "3"}));
    assert_eq!((third.status, third.header("retry-after")), (503, Some("1")));
    assert_eq!(questions(&host, "refused"), 1);
    assert_eq!(
        (&host.health()["details"]["running"], &host.health()["details"]["waiting"]),
        (&json!(1), &json!(1))
    );
    first.cancel();
    assert_eq!(server.request().body["messages"][1]["content"], "2", "its place is the next one's");
    second.cancel();
    host.stop();
}

#[test]
fn one_that_is_down_is_left_alone_and_said_to_be_and_tried_later() {
    let server = Server::answering(|request, mut connection| match request.number {
        0..3 => connection.answer(500, "text/plain", ""),
        _ => {
            connection.stream();
            connection.delta("back");
            connection.event("[DONE]");
        }
    });
    let mut settings = server.openai();
    settings["retries"] = json!({"most": 0});
    settings["breaker"] = json!({"failures": 2, "open": "2s"});
    let host = start(settings);
    for _ in 0..2 {
        assert!(ask(&host, "hi").message.contains("status 500"));
    }
    let refused = ask(&host, "hi");
    assert!(refused.message.contains("is down"), "{}", refused.message);
    let wait = refused.data["retry_after_ms"].as_u64().unwrap();
    assert!((1..=2000).contains(&wait), "{wait}");
    assert_eq!((host.metric("chat_breaker"), host.health()["status"].as_str()), (Some(2), Some("unhealthy")));
    let begun = Instant::now();
    while !ask(&host, "hi").success {
        assert!(begun.elapsed() < Duration::from_secs(20), "it comes back");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!((host.metric("chat_breaker"), host.health()["status"].as_str()), (Some(0), Some("healthy")));
    let events = host.stop().events;
    let told: Vec<_> = events
        .iter()
        .map(|event| (event.rooms[0].as_str(), event.data["status"].as_str().unwrap()))
        .collect();
    assert_eq!(told, [("system", "down"), ("system", "up")]);
}
