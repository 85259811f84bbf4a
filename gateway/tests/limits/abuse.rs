//! Clients that do not stop, and what the others notice of them.

use serde_json::json;
use testkit::{Gateway, Wire, frame, opcode};

use crate::{open, ping, strict};

const MIB: f64 = 1024.0 * 1024.0;
const MEMORY: &str = "tidegate_process_resident_memory_bytes";

/// Reads to the close; answers its code and reason, and how many other frames came before.
async fn read_to_close(mut wire: Wire) -> (u16, String, usize) {
    let mut frames = 0;
    loop {
        let frame = wire.next().await;
        if frame.opcode == opcode::CLOSE {
            let (code, reason) = frame.close();
            return (code, reason.to_owned(), frames);
        }
        frames += 1;
    }
}

/// Sends `bytes` again and again, so many times at most, while another session is asked. Answers how the flood was
/// closed, and how many frames it was sent.
async fn flood(gateway: &Gateway, path: &str, bytes: Vec<u8>, times: usize) -> (u16, String, usize) {
    let wire = gateway.wire(path).await;
    let sender = wire.sender();
    let flooding = tokio::spawn(async move {
        for _ in 0..times {
            sender.send_raw(&bytes).await;
        }
    });
    let mut other = open(gateway).await;
    let closed = tokio::spawn(read_to_close(wire));
    // Fewer than what the other session's own limits let pass at once.
    for asked in 0..100 {
        if closed.is_finished() {
            break;
        }
        // The flood is at most a burst ahead of it, each time.
        assert_eq!(other.ask(&ping(asked)).await["message"], "pong");
        tokio::task::yield_now().await;
    }
    let closed = closed.await.unwrap();
    flooding.abort();
    assert_eq!(other.ask(&ping(100)).await["message"], "pong");
    closed
}

#[tokio::test]
async fn a_flood_of_tiny_messages_is_told_and_then_cut_off() {
    let gateway = strict(&["limits.class={}"]);
    let before = gateway.metric(MEMORY).await;
    let message = frame(opcode::FIN | opcode::TEXT, b"{}").repeat(500);
    let (code, reason, answers) = flood(&gateway, "/ws", message, 100).await;
    assert_eq!((code, reason.as_str()), (1008, "rate limit exceeded"));
    // A welcome, a warning; the burst, and what it was refused.
    assert!((1200..2500).contains(&answers), "{answers}");
    assert!(gateway.metric(MEMORY).await - before < 16.0 * MIB);
    gateway.reaches("tidegate_sessions_closed_total{reason=\"policy\"}", 1.0).await;
}

#[tokio::test]
async fn a_flood_of_pings_is_cut_off() {
    let gateway = strict(&["limits.frames={ per_session = \"10/s\", burst = 500 }"]);
    let pings = frame(opcode::FIN | opcode::PING, b"p").repeat(500);
    let (code, reason, frames) = flood(&gateway, "/ws", pings, 100).await;
    assert_eq!((code, reason.as_str()), (1008, "rate limit exceeded"));
    // No more pongs than what came in one read beyond the limit.
    assert!((500..1300).contains(&frames), "{frames}");
}

#[tokio::test]
async fn fragments_of_one_byte_without_end_are_cut_off() {
    let gateway = strict(&["limits.frames={ per_session = \"10/s\", burst = 800 }"]);
    let mut message = frame(opcode::TEXT, b"x");
    message.extend(frame(opcode::CONTINUATION, b"x").repeat(98));
    message.extend(frame(opcode::FIN | opcode::CONTINUATION, b"x"));
    let (code, reason, answers) = flood(&gateway, "/ws", message, 1000).await;
    assert_eq!((code, reason.as_str()), (1008, "rate limit exceeded"));
    assert!(answers < 50, "{answers}: long before the messages are too many");
}

#[tokio::test]
async fn who_bursts_once_is_told_to_wait_and_stays() {
    let gateway = strict(&[]);
    let mut session = open(&gateway).await;
    for id in 0..600 {
        session.send(&ping(id)).await;
    }
    let mut pongs = 0;
    for _ in 0..600 {
        pongs += usize::from(session.next().await["message"] == "pong");
    }
    assert!((200..600).contains(&pongs), "{pongs}");
    let wait = session.ask(&ping(0)).await["data"]["retry_after_ms"].as_u64();
    tokio::time::sleep(std::time::Duration::from_millis(wait.unwrap_or(0))).await;
    assert_eq!(session.ask(&ping(0)).await["message"], "pong");
}

#[tokio::test]
async fn who_goes_on_asking_is_cut_off_by_the_bound_on_refusals() {
    let gateway = strict(&[
        "limits.requests={ per_session = \"1/day\", burst = 1 }",
        "limits.refusals={ per_session = \"2/day\", burst = 2 }",
    ]);
    let mut session = open(&gateway).await;
    for id in 0..3 {
        session.ask(&ping(id)).await;
    }
    session.send(&ping(3)).await;
    assert_eq!(session.next().await["message"], "Rate limit exceeded");
    let warning = session.next().await;
    assert_eq!(
        (&warning["event_type"], &warning["data"]["reason"]),
        (&json!("disconnected"), &json!("rate limit exceeded"))
    );
    assert_eq!(session.closed().await, (1008, "rate limit exceeded".to_owned()));
}

#[tokio::test]
async fn an_echo_that_cannot_be_told_is_closed() {
    let gateway = strict(&[
        "limits.requests={ per_session = \"2/day\", burst = 2 }",
        "endpoint=[{ path = \"/ws\" }, { path = \"/echo\", dialect = \"echo\" }]",
    ]);
    let mut wire = gateway.wire("/echo").await;
    for _ in 0..3 {
        wire.send_text("x").await;
    }
    assert_eq!((wire.next().await.payload, wire.next().await.payload), (b"x".to_vec(), b"x".to_vec()));
    assert_eq!(wire.next().await.close(), (1008, "rate limit exceeded"));
}
