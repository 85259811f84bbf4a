//! A session under TLS is a session like any other.

use serde_json::{Value, json};
use testkit::{Authority, Options, Socket, TlsClient, Wire, opcode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;

use super::house::House;

fn with(settings: &[&str]) -> House {
    let set = |options: Options| settings.iter().fold(options, |options, setting| options.set(setting));
    House::with(Authority::new("test authority"), "", set)
}

async fn join(mut wire: Wire) -> Wire {
    wire.next().await;
    assert_eq!(wire.ask(&json!({ "action": "join", "room": "r" })).await["success"], true);
    wire
}

fn event(number: usize, bytes: usize) -> Value {
    let data = json!({ "n": number, "text": "x".repeat(bytes) });
    json!({ "room": "r", "event_type": "alert_triggered", "data": data })
}

#[tokio::test]
async fn messages_of_every_length_come_back_whole() {
    let echo = "endpoint=[{path=\"/echo\", dialect=\"echo\", message=\"4 MiB\"}]";
    let house = with(&[echo, "limits.backlog_per_session=\"8 MiB\""]);
    let mut session = house.connect("/echo").await;
    // Around the ends of records and of the reader's own buffers, and far beyond.
    for length in [0, 1, 125, 126, 4079, 4080, 4096, 16_383, 16_384, 16_385, 65_536, 3_000_000] {
        let text = "x".repeat(length);
        session.send_text(&text).await;
        assert_eq!(session.next_text().await.len(), length);
    }
}

#[tokio::test]
async fn fragments_of_single_bytes_in_single_records_are_one_message() {
    let house = with(&["endpoint=[{path=\"/echo\", dialect=\"echo\"}]"]);
    let mut wire = house.gateway.tls_wire("/echo", &house.dialer(), None).await;
    let message = b"a message in very many pieces".repeat(8);
    for (index, byte) in message.iter().enumerate() {
        let first = if index == 0 { opcode::TEXT } else { opcode::CONTINUATION };
        let fin = if index + 1 == message.len() { opcode::FIN } else { 0 };
        // Each half of the frame is a record of its own.
        let frame = testkit::frame(fin | first, &[*byte]);
        wire.send_raw(&frame[..3]).await;
        wire.send_raw(&frame[3..]).await;
    }
    assert_eq!(wire.next().await.payload, message);
}

#[tokio::test]
async fn what_came_with_the_handshake_is_not_lost() {
    let house = with(&["endpoint=[{path=\"/echo\", dialect=\"echo\"}]"]);
    let mut stream = house.dialer().dial(house.address()).await.unwrap();
    // One record holds the request and the first frames: TLS has decoded them before there is a session.
    let mut bytes = b"GET /echo HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        .to_vec();
    for _ in 0..40 {
        bytes.extend(testkit::frame(opcode::FIN | opcode::TEXT, &[b'y'; 300]));
    }
    stream.write_all(&bytes).await.unwrap();
    let mut got = Vec::new();
    while got.iter().filter(|byte| **byte == b'y').count() < 40 * 300 {
        assert!(stream.read_buf(&mut got).await.unwrap() > 0);
    }
}

#[tokio::test]
async fn all_members_on_two_shards_get_the_same_order() {
    const MEMBERS: usize = 40;
    const EVENTS: usize = 200;
    let house = with(&["shards=2"]);
    let mut readers = JoinSet::new();
    for _ in 0..MEMBERS {
        let mut wire = join(house.gateway.tls_wire("/ws", &house.dialer(), None).await).await;
        readers.spawn(async move {
            for number in 0..EVENTS {
                assert_eq!(wire.next().await.json()["data"]["n"], number);
            }
        });
    }
    for batch in (0..EVENTS).step_by(50) {
        let events: Vec<_> = (batch..batch + 50).map(|number| event(number, 700)).collect();
        assert_eq!(house.gateway.post("/api/v1/publish", &json!(events)).await.status, 200);
    }
    readers.join_all().await;
}

/// Reads what is left to the end, which must be TLS' own: without a close_notify the read is an error.
async fn rest(session: &mut Socket<TlsClient>) -> Vec<u8> {
    let mut rest = Vec::new();
    session.stream().read_to_end(&mut rest).await.unwrap();
    rest
}

#[tokio::test]
async fn the_close_frame_and_the_end_of_tls_come_together() {
    let house = House::new("");
    let mut session = house.connect("/ws?client_id=c").await;
    session.next().await;
    assert_eq!(house.gateway.request("DELETE", "/api/v1/sessions/c", None).await.status, 204);
    // Nothing is answered: the end follows the close frame all the same, as the last that the gateway has to say.
    let rest = rest(&mut session).await;
    let close = rest.windows(2).position(|two| two == [0x88, 2 + 26]).expect("a close frame");
    assert_eq!(&rest[close + 2..], b"\x03\xf0closed by an administrator");
}

#[tokio::test]
async fn a_client_that_ends_tls_has_ended_its_session() {
    let house = House::new("");
    let mut session = house.connect("/ws").await;
    session.next().await;
    house.gateway.reaches("tidegate_sessions{dialect=\"rooms\"}", 1.0).await;
    // Its close_notify, and no more: the TCP connection stays.
    session.stream().get_mut().1.send_close_notify();
    session.stream().flush().await.unwrap();
    house.gateway.reaches("tidegate_sessions{dialect=\"rooms\"}", 0.0).await;
    assert_eq!(rest(&mut session).await, b"", "answered by the gateway's own");
}

#[tokio::test]
async fn a_client_may_change_its_keys_while_it_sends() {
    let house = with(&["endpoint=[{path=\"/echo\", dialect=\"echo\"}]"]);
    let mut session = house.connect("/echo").await;
    for number in 0..20 {
        session.stream().get_mut().1.refresh_traffic_keys().unwrap();
        let text = format!("{number}{}", "x".repeat(20_000));
        session.send_text(&text).await;
        assert_eq!(session.next_text().await, text);
    }
}

#[tokio::test]
async fn garbage_in_the_middle_ends_the_connection_with_an_alert() {
    let house = House::new("");
    let mut session = house.connect("/ws").await;
    session.next().await;
    // A record that nobody has sealed, past the client's own TLS.
    let raw = session.stream().get_mut().0;
    raw.write_all(b"\x17\x03\x03\x00\x13nineteen bytes here").await.unwrap();
    let error = session.stream().read_to_end(&mut Vec::new()).await.unwrap_err();
    assert!(error.to_string().contains("BadRecordMac"), "{error}");
    house.gateway.reaches("tidegate_sessions{dialect=\"rooms\"}", 0.0).await;
}
