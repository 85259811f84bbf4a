//! permessage-deflate: who has agreed to it gets what is sent once compressed for all, and may send so.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use testkit::opcode::{BINARY, COMPRESSED, CONTINUATION, FIN, PING, PONG, TEXT};
use testkit::{Frame, Gateway, Options, Wire};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tidegate");
const OFFER: &str = "permessage-deflate; client_max_window_bits";
const SMALL: &str = "permessage-deflate; server_max_window_bits=9";
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];
const PAGE: &str = "tidegate_compressions_total";

/// With compression at `/ws`, `/echo`, `/engine` and `/socket`, and none at `/plain`.
fn gateway(more: &[&str]) -> Gateway {
    let endpoints = r#"endpoint=[
        {path="/ws", compression=true},
        {path="/echo", dialect="echo", compression=true, compress_from="0 B", message="20 kB"},
        {path="/engine", transport="engineio", dialect="echo", compression=true, compress_from="0 B"},
        {path="/socket", transport="engineio", dialect="socketio", compression=true, compress_from="0 B",
            socketio={namespaces=["/"]}},
        {path="/plain", dialect="echo"}]"#;
    let options = Options::new()
        .set(&endpoints.replace('\n', ""))
        .set("room=[{prefix=\"kept:\", history={size=10}}, {prefix=\"\"}]");
    more.iter().fold(options, |options, setting| options.set(setting)).start(PROGRAM)
}

fn deflated(payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(payload.len() + 1024);
    Compress::new(Compression::new(6), false).compress_vec(payload, &mut out, FlushCompress::Sync).unwrap();
    out.truncate(out.len() - TAIL.len());
    out
}

/// What a compressed frame says, to a client whose window is of so many bits.
#[track_caller]
fn inflated(frame: &Frame, bits: u8) -> Vec<u8> {
    assert_ne!(frame.opcode & COMPRESSED, 0, "it is not compressed: {frame:?}");
    let packed = [&*frame.payload, &TAIL].concat();
    let mut inflater = Decompress::new_with_window_bits(false, bits);
    let mut out = Vec::new();
    loop {
        let mut piece = Vec::with_capacity(64);
        let read = inflater.total_in() as usize;
        inflater.decompress_vec(&packed[read..], &mut piece, FlushDecompress::Sync).unwrap();
        if piece.is_empty() {
            return out;
        }
        out.extend(piece);
    }
}

#[track_caller]
fn json_of(frame: &Frame) -> Value {
    match frame.opcode & COMPRESSED {
        0 => frame.json(),
        _ => serde_json::from_slice(&inflated(frame, 15)).unwrap(),
    }
}

/// A member of `room`, behind its welcome.
async fn member(gateway: &Gateway, room: &str, offer: &str) -> Wire {
    let mut wire = gateway.offering_wire("/ws", offer).await;
    assert_eq!(wire.next().await.json()["event_type"], "connected");
    assert_eq!(wire.ask(&json!({ "action": "join", "room": room })).await["success"], true);
    wire
}

async fn publish(gateway: &Gateway, room: &str, data: &Value) {
    let event = json!({ "rooms": [room], "event_type": "alert_triggered", "data": data });
    let answer = gateway.post("/api/v1/publish", &event).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

fn long() -> Value {
    json!({ "text": "the same words over and over, ".repeat(40) })
}

#[tokio::test]
async fn an_event_is_compressed_once_for_all_who_have_agreed() {
    let gateway = gateway(&["shards=1"]);
    let mut members = Vec::new();
    for _ in 0..200 {
        members.push(member(&gateway, "r", OFFER).await);
    }
    let mut plain = member(&gateway, "r", "x-other").await;
    assert_eq!((members[0].agreed().is_some(), plain.agreed()), (true, None));
    let before = gateway.metric(PAGE).await;
    for _ in 0..3 {
        publish(&gateway, "r", &long()).await;
    }
    for _ in 0..3 {
        let event = plain.next().await;
        let first = members[0].next().await;
        assert_eq!(inflated(&first, 15), event.payload);
        assert!(first.payload.len() * 4 < event.payload.len());
        for other in &mut members[1..] {
            assert_eq!(other.next().await, first);
        }
    }
    assert_eq!(gateway.metric(PAGE).await - before, 3.0, "one for each event");
    let bytes = |stage: &str| format!("tidegate_compression_bytes_total{{stage=\"{stage}\"}}");
    assert!(gateway.metric(&bytes("after")).await * 4.0 < gateway.metric(&bytes("before")).await);
}

#[tokio::test]
async fn a_client_with_a_smaller_window_gets_what_it_can_read() {
    let gateway = gateway(&[]);
    let mut members = [member(&gateway, "r", SMALL).await, member(&gateway, "r", OFFER).await];
    let agreed = members[0].agreed().unwrap();
    assert!(agreed.ends_with("; server_max_window_bits=9"), "{agreed}");
    publish(&gateway, "r", &long()).await;
    let [small, whole] = &mut members;
    assert_eq!(inflated(&small.next().await, 9), inflated(&whole.next().await, 15));
}

#[tokio::test]
async fn short_events_and_short_replies_go_as_they_are() {
    let gateway = gateway(&[]);
    let mut member = member(&gateway, "r", OFFER).await;
    publish(&gateway, "r", &json!({ "n": 1 })).await;
    assert_eq!(member.next().await.json()["data"], json!({ "n": 1 }));
    assert_eq!(member.ask(&json!({ "action": "ping" })).await["success"], true);
    assert_eq!(gateway.metric(PAGE).await, 0.0);
}

#[tokio::test]
async fn what_a_history_keeps_is_told_compressed_and_is_whole() {
    let gateway = gateway(&[]);
    let mut first = member(&gateway, "kept:r", OFFER).await;
    publish(&gateway, "kept:r", &long()).await;
    assert_eq!(json_of(&first.next().await)["data"], long());
    first.send_text(&json!({ "action": "history", "room": "kept:r" }).to_string()).await;
    let page = first.next().await;
    assert_ne!(page.opcode & COMPRESSED, 0, "a reply is compressed, too");
    assert_eq!(json_of(&page)["data"]["events"][0]["data"], long());
    // The same frame as the first member's, from memory.
    let compressions = gateway.metric(PAGE).await;
    let mut late = gateway.offering_wire("/ws", OFFER).await;
    late.next().await.json();
    late.send_text(&json!({ "action": "join", "room": "kept:r", "data": { "since": "start" } }).to_string())
        .await;
    let told = [late.next().await, late.next().await];
    assert!(told.iter().any(|frame| json_of(frame)["data"] == long()), "{told:?}");
    assert_eq!(gateway.metric(PAGE).await, compressions);
}

#[tokio::test]
async fn messages_of_clients_are_inflated_whole_and_in_fragments() {
    let gateway = gateway(&[]);
    let mut wire = gateway.offering_wire("/echo", OFFER).await;
    let text = "κόσμε, und noch einmal κόσμε ".repeat(20);
    let packed = deflated(text.as_bytes());
    wire.send(FIN | COMPRESSED | TEXT, &packed).await;
    let echo = wire.next().await;
    assert_eq!((echo.opcode, inflated(&echo, 15)), (TEXT | COMPRESSED, text.clone().into_bytes()));
    let (start, rest) = packed.split_at(packed.len() / 3);
    wire.send(COMPRESSED | BINARY, start).await;
    wire.send(FIN | PING, b"between").await;
    assert_eq!(wire.next().await, Frame { opcode: PONG, payload: b"between".into() });
    wire.send(CONTINUATION, b"").await;
    wire.send(FIN | CONTINUATION, rest).await;
    let echo = wire.next().await;
    assert_eq!((echo.opcode, inflated(&echo, 15)), (BINARY | COMPRESSED, text.clone().into_bytes()));
    // One that is not compressed, between such.
    wire.send(FIN | TEXT, text.as_bytes()).await;
    assert_eq!(inflated(&wire.next().await, 15), text.as_bytes());
    wire.send(FIN | COMPRESSED | TEXT, &[0]).await;
    assert_eq!(wire.next().await, Frame { opcode: TEXT, payload: Vec::new() });
}

#[tokio::test]
async fn every_byte_may_come_alone() {
    let gateway = gateway(&[]);
    let mut wire = gateway.offering_wire("/echo", OFFER).await;
    let frame = testkit::frame(FIN | COMPRESSED | TEXT, &deflated(b"a text, a text, a text"));
    for byte in frame {
        wire.send_raw(&[byte]).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(inflated(&wire.next().await, 15), b"a text, a text, a text");
}

/// The code that a message is closed with, and the reason.
async fn closed_by(gateway: &Gateway, path: &str, first: u8, payload: &[u8]) -> (u16, String) {
    let mut wire = gateway.offering_wire(path, OFFER).await;
    wire.send(first, payload).await;
    let close = wire.next().await;
    let (code, reason) = close.close();
    (code, reason.to_owned())
}

#[tokio::test]
async fn what_may_not_be_sent_is_refused() {
    let gateway = gateway(&[]);
    let reserved = (1002, "reserved bits are set".to_owned());
    let packed = deflated(b"hello");
    assert_eq!(
        closed_by(&gateway, "/plain", FIN | COMPRESSED | TEXT, &packed).await,
        reserved,
        "not agreed on"
    );
    assert_eq!(closed_by(&gateway, "/echo", FIN | COMPRESSED | PING, &packed).await, reserved);
    assert_eq!(closed_by(&gateway, "/echo", FIN | 0x20 | TEXT, &packed).await, reserved);
    let broken = (1002, "compressed message cannot be inflated".to_owned());
    assert_eq!(closed_by(&gateway, "/echo", FIN | COMPRESSED | TEXT, &[0xff; 20]).await, broken);
    let text = closed_by(&gateway, "/echo", FIN | COMPRESSED | TEXT, &deflated(b"ab\xff")).await;
    assert_eq!(text, (1007, "text is not UTF-8".to_owned()));
    let bomb = deflated(&vec![0; 16 << 20]);
    assert!(bomb.len() < 20_000);
    let long = closed_by(&gateway, "/echo", FIN | COMPRESSED | BINARY, &bomb).await;
    assert_eq!(long, (1009, "frame or message over the limit".to_owned()));
    assert_eq!(
        closed_by(&gateway, "/echo", FIN | COMPRESSED | BINARY, &deflated(&[0; 20_001])).await.0,
        1009
    );
    let mut wire = gateway.offering_wire("/echo", OFFER).await;
    wire.send(FIN | COMPRESSED | BINARY, &deflated(&[0; 20_000])).await;
    assert_eq!(inflated(&wire.next().await, 15), [0; 20_000], "and the longest is not");
}

#[tokio::test]
async fn it_is_off_unless_it_is_said_and_offered() {
    let gateway = gateway(&[]);
    assert_eq!(gateway.offering_wire("/plain", OFFER).await.agreed(), None);
    assert_eq!(gateway.offering_wire("/ws", "permessage-deflate; unknown").await.agreed(), None);
    assert_eq!(gateway.wire("/ws").await.agreed(), None);
    let agreed = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
    assert_eq!(gateway.offering_wire("/ws", OFFER).await.agreed(), Some(agreed));
    let malformed = "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade, close\r\n\
                     Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                     Sec-WebSocket-Extensions: permessage-deflate; =\r\n\r\n";
    let refused = gateway.raw(malformed).await;
    assert_eq!(refused.status, 400);
    assert!(refused.body.contains("`Sec-WebSocket-Extensions` is malformed"), "{}", refused.body);
}

#[tokio::test]
async fn one_setting_turns_it_on() {
    let gateway = Options::new().set("endpoint.0.compression=true").start(PROGRAM);
    assert!(gateway.offering_wire("/ws", OFFER).await.agreed().is_some());
}

#[tokio::test]
async fn packets_of_engine_io_are_compressed_over_a_websocket() {
    let gateway = gateway(&[]);
    let mut echo = gateway.offering_wire("/engine?EIO=4&transport=websocket", OFFER).await;
    assert!(echo.next().await.payload.starts_with(b"0{"));
    let packet = format!("4{}", "word ".repeat(50));
    echo.send(FIN | COMPRESSED | TEXT, &deflated(packet.as_bytes())).await;
    assert_eq!(inflated(&echo.next().await, 15), packet.as_bytes());

    let mut socket = gateway.offering_wire("/socket?EIO=4&transport=websocket", OFFER).await;
    assert!(socket.next().await.payload.starts_with(b"0{"));
    socket.send_text("40").await;
    assert!(socket.next().await.payload.starts_with(b"40{"));
    let established = socket.next().await;
    assert!(inflated_or_plain(&established).starts_with(b"42[\"connection_established\""), "{established:?}");
    let event = json!({ "event_type": "alert_triggered", "data": long() });
    assert_eq!(gateway.post("/ws/broadcast", &event).await.status, 200);
    let told = inflated(&socket.next().await, 15);
    assert!(told.starts_with(b"42[\"alert_triggered\""), "{}", String::from_utf8_lossy(&told));
}

fn inflated_or_plain(frame: &Frame) -> Vec<u8> {
    if frame.opcode & COMPRESSED == 0 { frame.payload.clone() } else { inflated(frame, 15) }
}

#[test]
fn whatever_is_sent_comes_back_the_same() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (gateway, wires) = runtime.block_on(async {
        let gateway = gateway(&[]);
        let wires =
            [gateway.offering_wire("/echo", OFFER).await, gateway.offering_wire("/echo", SMALL).await];
        (gateway, tokio::sync::Mutex::new(wires))
    });
    let words = proptest::collection::vec("[a-e ]{1,9}", 0..400).prop_map(|words| words.concat());
    TestRunner::new(Config::with_cases(60))
        .run(&words, |text| {
            runtime.block_on(async {
                for (wire, bits) in wires.lock().await.iter_mut().zip([15, 9]) {
                    wire.send(FIN | COMPRESSED | TEXT, &deflated(text.as_bytes())).await;
                    let echo = wire.next().await;
                    let came = if echo.opcode == TEXT { echo.payload } else { inflated(&echo, bits) };
                    prop_assert_eq!(came, text.as_bytes());
                }
                Ok(())
            })
        })
        .unwrap();
    drop(gateway);
}
