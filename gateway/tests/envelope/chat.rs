//! Chat messages: the call `chat` of a plugin, whole and in pieces, in order, and what becomes of those that fail.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::{Gateway, Socket, opcode};

use crate::{assert_uuid, chat, checked, envelope, open, profile, start};

#[tokio::test]
async fn a_message_is_answered_by_the_plugin_whatever_its_type_says() {
    let gateway = start(profile());
    let (mut socket, session) = open(&gateway).await;
    let mut odd = chat("b", "hi", json!(null));
    odd["type"] = json!("system_event");
    for frame in [chat("a", "hi", json!({ "lang": "x" })), odd] {
        let answer = socket.ask(&frame).await;
        let payload = checked(&answer);
        assert_eq!(payload["message_type"], "agent_response");
        assert_eq!((&payload["content"], &payload["response_type"]), (&json!("hi"), &json!("text")));
        assert_eq!((&payload["tools_used"], &payload["confidence"]), (&json!([]), &json!(1.0)));
        assert!(payload["execution_time"].is_number() && payload["metadata"].is_null(), "{answer}");
        assert_eq!(payload.as_object().unwrap().len(), 7);
        assert_eq!((&answer["correlation_id"], &answer["session_id"]), (&frame["id"], &json!(session)));
        assert_eq!(answer["user_id"], "anonymous_user");
    }
}

#[tokio::test]
async fn the_plugin_gets_the_message_and_what_the_client_says_of_itself() {
    let gateway = start(profile().set("plugins.parrot.enabled=false").set("plugins.echo.calls=[\"chat\"]"));
    let (mut socket, _) = open(&gateway).await;
    let payload = json!({
        "message_type": "chat_message", "content": "hi", "attachments": [{ "name": "a" }],
        "metadata": { "k": [1], "locale": "kept" }, "language": "es", "locale": "es-ES", "timestamp": "t",
    });
    // It answers with what it was sent: of that, what fits an answer is seen.
    let answer = socket.ask(&envelope("a", payload)).await;
    let metadata = json!({ "k": [1], "locale": "kept", "language": "es", "timestamp": "t" });
    assert_eq!((&answer["payload"]["content"], &answer["payload"]["metadata"]), (&json!("hi"), &metadata));
    assert_eq!(
        (&answer["payload"]["tools_used"], &answer["payload"]["confidence"]),
        (&json!(null), &json!(null))
    );
}

/// Reads an answer in pieces.
async fn pieces(socket: &mut Socket, id: &str) -> (Vec<String>, Value) {
    let start = socket.next().await;
    assert_eq!(
        *checked(&start),
        json!({ "message_type": "agent_response_stream_start", "response_type": "text",
                "estimated_length": null, "metadata": null })
    );
    let mut chunks = Vec::new();
    loop {
        let next = socket.next().await;
        assert_eq!(next["correlation_id"], id);
        let payload = checked(&next);
        if payload["message_type"] == "agent_response_stream_end" {
            assert_eq!(payload["total_chunks"], chunks.len());
            return (chunks, next);
        }
        assert_eq!(payload["message_type"], "agent_response_stream_chunk");
        assert_eq!((&payload["chunk_index"], &payload["is_complete"]), (&json!(chunks.len()), &json!(false)));
        chunks.push(payload["chunk"].as_str().unwrap().to_owned());
    }
}

#[tokio::test]
async fn an_answer_comes_in_pieces_where_the_message_asks() {
    let gateway = start(profile());
    let (mut socket, session) = open(&gateway).await;
    socket.send(&chat("s", "one two three", json!({ "stream": true }))).await;
    let (chunks, end) = pieces(&mut socket, "s").await;
    assert_eq!(chunks, ["one ", "two ", "three"]);
    let payload = checked(&end);
    assert_eq!((&payload["full_content"], &payload["confidence"]), (&json!("one two three"), &json!(1.0)));
    assert!(payload["execution_time"].is_number() && payload["tools_used"] == json!([]), "{end}");
    assert_eq!(end["session_id"], json!(session));
    let whole = socket.ask(&chat("w", "four", json!({ "stream": false }))).await;
    assert_eq!(whole["type"], "agent_response", "the next one is whole");
}

#[tokio::test]
async fn an_answer_comes_in_pieces_where_the_endpoint_says_so() {
    let gateway = start(profile().set("endpoint.0.envelope.stream=true"));
    let (mut socket, _) = open(&gateway).await;
    socket.send(&chat("s", "one two", json!(null))).await;
    assert_eq!(pieces(&mut socket, "s").await.0, ["one ", "two"]);
    socket.send(&chat("t", "three", json!({ "stream": true, "other": 1 }))).await;
    assert_eq!(pieces(&mut socket, "t").await.0, ["three"]);
    let nameless =
        json!({ "type": "chat_message", "payload": { "message_type": "chat_message", "content": "x y" } });
    socket.send(&nameless).await;
    let id = socket.next().await["correlation_id"].clone();
    assert_uuid(&id);
    for _ in 0..3 {
        assert_eq!(socket.next().await["correlation_id"], id, "all frames of an answer bear the same");
    }
}

#[tokio::test]
async fn an_answer_that_came_whole_is_one_piece_where_pieces_are_wanted() {
    let gateway = start(profile().set("plugins.parrot.enabled=false").set("plugins.echo.calls=[\"chat\"]"));
    let (mut socket, _) = open(&gateway).await;
    socket.send(&chat("s", "one two", json!({ "stream": true }))).await;
    let (chunks, end) = pieces(&mut socket, "s").await;
    assert_eq!((chunks, &end["payload"]["full_content"]), (vec!["one two".to_owned()], &json!("one two")));
}

async fn fails(gateway: &Gateway, metadata: Value) {
    let (mut socket, session) = open(gateway).await;
    for stream in [false, true] {
        let mut metadata = metadata.clone();
        metadata["stream"] = json!(stream);
        let error = socket.ask(&chat("f", "hi", metadata)).await;
        let payload = checked(&error);
        assert_eq!(payload["error_code"], "chat_processing_error");
        assert_eq!(payload["error_message"], "Failed to process chat message");
        assert_eq!(payload["details"], "original_envelope_id: f");
        assert_eq!((&error["correlation_id"], &error["session_id"]), (&json!("f"), &json!(session)));
        assert_eq!(error["user_id"], "anonymous_user");
    }
}

#[tokio::test]
async fn a_call_that_fails_is_told_with_the_messages_id() {
    let gateway = start(profile());
    fails(&gateway, json!({ "every_ms": 1_000_000 })).await;
    let (mut socket, _) = open(&gateway).await;
    let nameless = json!({ "type": "chat_message", "payload":
        { "message_type": "chat_message", "content": "x", "metadata": { "every_ms": 1_000_000 } } });
    let error = socket.ask(&nameless).await;
    let details = format!("original_envelope_id: {}", error["correlation_id"].as_str().unwrap());
    assert_eq!(error["payload"]["details"], details);
}

#[tokio::test]
async fn an_empty_answer_is_a_failure() {
    let gateway = start(profile());
    fails(&gateway, json!({ "answer": "" })).await;
}

#[tokio::test]
async fn without_a_plugin_that_answers_it_fails() {
    let gateway = start(profile().set("plugins.parrot.enabled=false"));
    fails(&gateway, json!({})).await;
}

#[tokio::test]
async fn messages_are_answered_in_order() {
    let gateway = start(profile());
    let (mut socket, _) = open(&gateway).await;
    let status = envelope("3", json!({ "message_type": "system_event", "event_name": "status" }));
    let ping = envelope("4", json!({ "message_type": "health_check" }));
    socket.send(&chat("1", "slow", json!({ "every_ms": 100 }))).await;
    socket.send(&chat("2", "quick", json!({}))).await;
    socket.send(&status).await;
    socket.send(&ping).await;
    socket.send_text("nonsense").await;
    for id in ["1", "2", "3", "4"] {
        assert_eq!(socket.next().await["correlation_id"], id);
    }
    assert_eq!(socket.next().await["payload"]["error_code"], "processing_error");
}

#[tokio::test]
async fn a_long_answer_blocks_no_pings() {
    let gateway =
        start(profile().set("endpoint.0.heartbeat.interval=200ms").set("endpoint.0.heartbeat.timeout=30s"));
    let mut wire = gateway.wire("/ws/chat").await;
    wire.next().await;
    let begun = Instant::now();
    wire.send_text(&chat("slow", "x", json!({ "every_ms": 20_000 })).to_string()).await;
    wire.send_text(&chat("behind", "x", json!({})).to_string()).await;
    wire.send_text(&envelope("p", json!({ "message_type": "health_check" })).to_string()).await;
    wire.send(opcode::FIN | opcode::PING, b"mine").await;
    let (mut ours, mut theirs, mut pong) = (false, false, false);
    while !(ours && theirs && pong) {
        let frame = wire.next().await;
        match frame.opcode {
            opcode::PING => ours = true,
            opcode::PONG => theirs = frame.payload == b"mine",
            _ => pong = frame.json()["correlation_id"] == "p",
        }
    }
    assert!(begun.elapsed() < Duration::from_secs(10), "the answer takes longer");
    wire.send_close(1000, "bye").await;
    while wire.next().await.opcode != opcode::CLOSE {}
}

#[tokio::test]
async fn who_sends_on_behind_a_long_answer_is_held_to_a_bound_and_loses_nothing() {
    let gateway = start(profile().set("endpoint.0.envelope.rate=\"0\""));
    let (mut socket, _) = open(&gateway).await;
    socket.send(&chat("0", "x", json!({ "every_ms": 500 }))).await;
    for number in 1..200 {
        socket.send(&chat(&number.to_string(), &"x".repeat(5000), json!({}))).await;
    }
    for number in 0..200 {
        assert_eq!(socket.next().await["correlation_id"], number.to_string());
    }
}
