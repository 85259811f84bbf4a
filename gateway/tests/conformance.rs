//! RFC 6455 against the profile that protocol suites run against: a short version of what they ask.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

use testkit::opcode::{BINARY, CLOSE, CONTINUATION, FIN, PING, PONG, TEXT};
use testkit::{Frame, Gateway, Options, Wire, frame};

const PROFILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../config/conformance.toml");
/// The profile's limit.
const MESSAGE: usize = 16 << 20;

fn gateway() -> Gateway {
    Options::new().config(PROFILE).start(env!("CARGO_BIN_EXE_tidegate"))
}

async fn open(gateway: &Gateway) -> Wire {
    gateway.wire("/ws/echo").await
}

fn answer(opcode: u8, payload: impl Into<Vec<u8>>) -> Frame {
    Frame { opcode, payload: payload.into() }
}

/// Ends the session as clients do.
async fn leave(mut wire: Wire) {
    wire.send_close(1000, "bye").await;
    assert_eq!(wire.next().await.close(), (1000, "bye"));
    wire.ended().await;
}

#[tokio::test]
async fn messages_of_every_length_come_back() {
    let gateway = gateway();
    let mut wire = open(&gateway).await;
    for length in [0, 1, 125, 126, 127, 65_535, 65_536, 1 << 20] {
        let text = vec![b'*'; length];
        wire.send(FIN | TEXT, &text).await;
        assert_eq!(wire.next().await, answer(TEXT, text));
        let bytes = vec![0xfe; length];
        wire.send(FIN | BINARY, &bytes).await;
        assert_eq!(wire.next().await, answer(BINARY, bytes));
    }
    leave(wire).await;
}

#[tokio::test]
async fn the_longest_message_comes_back_and_one_byte_more_is_1009() {
    let gateway = gateway();
    let mut wire = open(&gateway).await;
    let longest = vec![b'l'; MESSAGE];
    let sender = wire.sender();
    let sent = longest.clone();
    let sending = tokio::spawn(async move {
        for (number, part) in sent.chunks(MESSAGE / 64).enumerate() {
            let opcode = if number == 0 { BINARY } else { CONTINUATION };
            sender.send(if number == 63 { FIN | opcode } else { opcode }, part).await;
        }
    });
    assert_eq!(wire.next().await, answer(BINARY, longest));
    sending.await.unwrap();
    // It is judged by what the header announces.
    let header = [&[FIN | BINARY, 0x80 | 127][..], &(MESSAGE as u64 + 1).to_be_bytes(), &[0; 4]].concat();
    wire.send_raw(&header).await;
    assert_eq!(wire.next().await.close().0, 1009);
    wire.ended().await;
}

#[tokio::test]
async fn fragments_are_put_together_and_control_frames_may_come_between() {
    let gateway = gateway();
    let mut wire = open(&gateway).await;
    wire.send(TEXT, "κόσ".as_bytes()).await;
    wire.send(FIN | PING, b"between").await;
    assert_eq!(wire.next().await, answer(PONG, b"between"));
    wire.send(CONTINUATION, b"").await;
    // A character that is cut in two.
    wire.send(CONTINUATION, &"με".as_bytes()[..1]).await;
    wire.send(FIN | PONG, b"nobody asked").await;
    wire.send(FIN | CONTINUATION, &"με".as_bytes()[1..]).await;
    assert_eq!(wire.next().await, answer(TEXT, "κόσμε"));
    leave(wire).await;
}

#[tokio::test]
async fn frames_may_come_byte_by_byte_or_many_at_once() {
    let gateway = gateway();
    let mut wire = open(&gateway).await;
    for byte in frame(FIN | TEXT, &[b'x'; 130]) {
        wire.send_raw(&[byte]).await;
    }
    assert_eq!(wire.next().await, answer(TEXT, [b'x'; 130]));
    let burst: Vec<u8> =
        (0..100_u8).flat_map(|n| [frame(FIN | BINARY, &[n]), frame(FIN | PING, &[n])].concat()).collect();
    wire.send_raw(&burst).await;
    for number in 0..100 {
        assert_eq!(wire.next().await, answer(BINARY, [number]));
        assert_eq!(wire.next().await, answer(PONG, [number]));
    }
    leave(wire).await;
}

#[tokio::test]
async fn pings_are_answered_with_their_payload() {
    let gateway = gateway();
    let mut wire = open(&gateway).await;
    for payload in [&b""[..], b"Hello", &[0, 0xff, 0xfe], &[0x2a; 125]] {
        wire.send(FIN | PING, payload).await;
        assert_eq!(wire.next().await, answer(PONG, payload));
    }
    leave(wire).await;
}

#[tokio::test]
async fn a_close_comes_back_as_it_was_and_ends_the_stream() {
    let gateway = gateway();
    let longest = "*".repeat(123);
    for (code, reason) in
        [(1000, ""), (1001, "bye"), (1011, "κόσμε"), (1013, ""), (3000, &*longest), (4999, "mine")]
    {
        let mut wire = open(&gateway).await;
        wire.send_close(code, reason).await;
        assert_eq!(wire.next().await.close(), (code, reason));
        wire.ended().await;
    }
    let mut wire = open(&gateway).await;
    wire.send(FIN | CLOSE, b"").await;
    assert_eq!(wire.next().await, answer(CLOSE, b""));
    wire.ended().await;
}

#[tokio::test]
async fn what_follows_a_close_is_ignored() {
    let gateway = gateway();
    let mut wire = open(&gateway).await;
    let burst =
        [frame(FIN | TEXT, b"before"), frame(FIN | CLOSE, &[0x03, 0xe8]), frame(FIN | TEXT, b"behind")]
            .concat();
    wire.send_raw(&burst).await;
    assert_eq!(wire.next().await, answer(TEXT, b"before"));
    assert_eq!(wire.next().await.close(), (1000, ""));
    wire.ended().await;
}

#[tokio::test]
async fn each_breach_is_closed_with_its_code() {
    let gateway = gateway();
    let masked = |first: u8, payload: &[u8]| frame(first, payload);
    let close = |code: u16, reason: &[u8]| frame(FIN | CLOSE, &[&code.to_be_bytes(), reason].concat());
    let mut breaches = vec![
        ("a frame that is not masked", [&[FIN | TEXT, 2][..], b"hi"].concat(), 1002),
        ("a reserved bit", masked(FIN | 0x40 | TEXT, b"hi"), 1002),
        ("a reserved opcode", masked(FIN | 3, b"hi"), 1002),
        ("a reserved control opcode", masked(FIN | 11, b""), 1002),
        ("a ping in fragments", masked(PING, b""), 1002),
        ("a ping of 126 bytes", masked(FIN | PING, &[0; 126]), 1002),
        ("a continuation of nothing", masked(FIN | CONTINUATION, b"x"), 1002),
        ("a message within another", [masked(TEXT, b"a"), masked(FIN | TEXT, b"b")].concat(), 1002),
        ("a close of one byte", masked(FIN | CLOSE, b"\x03"), 1002),
        ("a close of 126 bytes", close(1000, &[b'*'; 124]), 1002),
        ("a close of 200 bytes", close(1000, &[b'*'; 198]), 1002),
        ("a close whose reason is not UTF-8", close(1000, b"\xce\xba\xe1\xff"), 1007),
        ("a text that is not UTF-8", masked(FIN | TEXT, b"\xce\xba\xe1\xbd\xb9\xcf\xed\xa0\x80"), 1007),
        ("a text that ends within a character", masked(FIN | TEXT, b"\xce"), 1007),
        // Refused as soon as it cannot become UTF-8, though more would follow.
        ("a fragment that is not UTF-8", masked(TEXT, b"\xf4\x90\x80\x80"), 1007),
    ];
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535] {
        breaches.push(("a close with a code that may not be sent", close(code, b""), 1002));
    }
    for (what, bytes, code) in breaches {
        let mut wire = open(&gateway).await;
        wire.send(FIN | TEXT, b"before").await;
        wire.send_raw(&bytes).await;
        assert_eq!(wire.next().await, answer(TEXT, b"before"), "{what}");
        let closed = wire.next().await;
        assert_eq!(closed.close().0, code, "{what}: {closed:?}");
        assert!(closed.payload.len() <= 125, "{what}");
        wire.ended().await;
    }
    // None of them has hurt anybody else.
    let mut wire = open(&gateway).await;
    wire.send(FIN | TEXT, b"still here").await;
    assert_eq!(wire.next().await, answer(TEXT, b"still here"));
}
