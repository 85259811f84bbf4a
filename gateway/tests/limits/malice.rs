//! Clients that send what costs most: each gets the right close or reply, memory stays bounded, others notice nothing.

use serde_json::json;
use testkit::{Gateway, Socket, Wire, opcode};

use crate::{open, ping, strict};

const MIB: f64 = 1024.0 * 1024.0;
const MEMORY: &str = "tidegate_process_resident_memory_bytes";

/// A gateway, a session that is not to notice anything, and what memory is taken.
async fn house() -> (Gateway, Socket, f64) {
    let gateway = strict(&[]);
    let other = open(&gateway).await;
    let memory = gateway.metric(MEMORY).await;
    (gateway, other, memory)
}

async fn unmoved(gateway: &Gateway, mut other: Socket, before: f64) {
    assert_eq!(other.ask(&ping(1)).await["message"], "pong");
    let grown = gateway.metric(MEMORY).await - before;
    assert!(grown < 16.0 * MIB, "{grown} bytes");
}

async fn wire(gateway: &Gateway) -> Wire {
    let mut wire = gateway.wire("/ws").await;
    wire.next().await;
    wire
}

/// The next close: its code.
async fn closed(wire: &mut Wire) -> u16 {
    loop {
        let frame = wire.next().await;
        if frame.opcode == opcode::CLOSE {
            return frame.close().0;
        }
    }
}

#[tokio::test]
async fn announced_gigabytes_are_closed_before_their_first_byte() {
    let (gateway, other, memory) = house().await;
    for length in [4_u64 << 30, u64::from(u32::MAX), i64::MAX as u64] {
        let mut wires = Vec::new();
        for _ in 0..20 {
            let mut wire = wire(&gateway).await;
            let mut head = vec![opcode::FIN | opcode::BINARY, 0x80 | 127];
            head.extend(length.to_be_bytes());
            head.extend([0; 4]);
            wire.send_raw(&head).await;
            assert_eq!(closed(&mut wire).await, 1009, "{length}");
            wires.push(wire);
        }
    }
    unmoved(&gateway, other, memory).await;
}

#[tokio::test]
async fn deep_and_huge_json_is_answered_and_costs_nothing() {
    let (gateway, other, memory) = house().await;
    let mut wire = wire(&gateway).await;
    let deep = |open: &str, close: &str| open.repeat(10_000) + &close.repeat(10_000);
    let number = "9".repeat(60_000);
    let texts = [
        deep("[", "]"),
        deep("{\"a\":", "}"),
        format!(r#"{{"action":"ping","data":{}}}"#, deep("[", "]")),
        format!(r#"{{"action":"join","room":{number}}}"#),
        format!(r#"{{"action":"join","room":"r","data":{{"last":{number}}}}}"#),
        format!(
            r#"{{"action":"join","room":"r","data":{{"since":{{"epoch":"e","offset":1e{}}}}}}}"#,
            "9".repeat(400)
        ),
        r#"{"action":"ping","id":-1e400}"#.to_owned(),
    ];
    for text in texts {
        wire.send_text(&text).await;
        // Not read: what the client sent as its id comes back as it was.
        let reply = wire.next().await;
        assert!(reply.payload.starts_with(b"{\"success\":"), "{reply:?}");
    }
    assert_eq!(wire.ask(&json!({ "action": "ping" })).await["message"], "pong", "it is there still");
    unmoved(&gateway, other, memory).await;
}

#[tokio::test]
async fn text_that_is_not_utf_8_is_closed_wherever_it_stands() {
    let (gateway, other, memory) = house().await;
    for text in
        [&b"\xff"[..], b"{\"action\":\"\xc0\xaf\"}", b"{\"action\":\"join\",\"room\":\"\xed\xa0\x80\"}"]
    {
        let mut wire = wire(&gateway).await;
        wire.send(opcode::FIN | opcode::TEXT, text).await;
        assert_eq!(closed(&mut wire).await, 1007);
    }
    let mut wire = wire(&gateway).await;
    wire.send(opcode::FIN | opcode::CLOSE, b"\x03\xe8\xff").await;
    assert_eq!(closed(&mut wire).await, 1007);
    unmoved(&gateway, other, memory).await;
}

#[tokio::test]
async fn fragments_beyond_the_bound_of_a_message_are_closed() {
    let (gateway, other, memory) = house().await;
    let mut wire = wire(&gateway).await;
    let mut fragments = testkit::frame(opcode::TEXT, b"");
    fragments.extend(testkit::frame(opcode::CONTINUATION, b"").repeat(2000));
    wire.send_raw(&fragments).await;
    let code = closed(&mut wire).await;
    assert_eq!(code, 1008);
    unmoved(&gateway, other, memory).await;
}

#[tokio::test]
async fn a_client_that_never_reads_its_refusals_is_not_read_any_more() {
    let (gateway, other, memory) = house().await;
    let wire = gateway.narrow_wire("/ws", 4096).await;
    let sender = wire.sender();
    let flood = tokio::spawn(async move {
        let pings = testkit::frame(opcode::FIN | opcode::PING, &[b'p'; 125]).repeat(1000);
        for _ in 0..200 {
            sender.send_raw(&pings).await;
        }
    });
    // Half a backlog of pongs, or the bound on frames: one of them ends it.
    while !flood.is_finished() && gateway.metric("tidegate_sessions{dialect=\"rooms\"}").await > 1.0 {}
    flood.abort();
    unmoved(&gateway, other, memory).await;
}
