//! The same over real sockets, where a second party writes while the session reads.

use std::future::poll_fn;
use std::io::{Read, Write};
use std::rc::Rc;
use std::task::{Context, Waker};
use std::time::Duration;

use bytes::Bytes;
use tidegate::transport::websocket::{Fault, Inbound, Link, Message, frames};
use tokio::net::{TcpListener, TcpStream};

use crate::wire::*;

/// A client's socket, and the session's end of it.
async fn pair() -> (std::net::TcpStream, Rc<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    client.set_nodelay(true).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    (client, Rc::new(stream))
}

async fn next(inbound: &mut Inbound<TcpStream>, link: &Rc<TcpStream>) -> Result<Message, Fault> {
    poll_fn(|cx| inbound.poll_next(link, cx)).await
}

/// Lets the session see one more byte before the next is sent: it reads until it waits again.
async fn settle(inbound: &mut Inbound<TcpStream>, link: &Rc<TcpStream>) -> Option<Result<Message, Fault>> {
    tokio::select! {
        biased;
        message = next(inbound, link) => Some(message),
        () = tokio::task::yield_now() => None,
    }
}

#[tokio::test]
async fn every_kind_of_frame_comes_through_byte_by_byte() {
    let medium = vec![1; 300];
    let long = vec![2; 70_000];
    let sent = [
        (frame(FIN | TEXT, "κόσμε".as_bytes()), text("κόσμε")),
        (frame(FIN | TEXT, b""), text("")),
        (frame(FIN | BINARY, &medium), binary(&medium)),
        (frame(FIN | BINARY, &long), binary(&long)),
        (frame(FIN | PING, b"ping"), Message::Ping(Bytes::from_static(b"ping"))),
        (frame(FIN | PING, &[3; 125]), Message::Ping(Bytes::from_static(&[3; 125]))),
        (frame(FIN | PONG, b""), Message::Pong(Bytes::new())),
        ([frame(TEXT, b"a\xce"), frame(CONTINUATION, b""), frame(FIN, b"\xba")].concat(), text("aκ")),
        (frame(FIN | CLOSE, b"\x0f\xa1bye"), Message::Close { code: Some(4001), reason: "bye".to_owned() }),
    ];
    let (mut client, link) = pair().await;
    let mut inbound = Inbound::new(&link, LIMITS, Bytes::new());
    for (wire, expected) in sent {
        let (last, rest) = wire.split_last().unwrap();
        for byte in rest {
            client.write_all(&[*byte]).unwrap();
            let early = settle(&mut inbound, &link).await;
            assert!(early.is_none(), "{early:?} before the end of {expected:?}");
        }
        client.write_all(&[*last]).unwrap();
        assert_eq!(next(&mut inbound, &link).await.unwrap(), expected);
    }
}

#[tokio::test]
async fn a_parked_session_hears_each_message() {
    let (mut client, link) = pair().await;
    let mut inbound = Inbound::new(&link, LIMITS, Bytes::new());
    for round in 0..200_u32 {
        assert!(settle(&mut inbound, &link).await.is_none(), "parked");
        client.write_all(&frame(FIN | BINARY, &round.to_be_bytes())).unwrap();
        assert_eq!(next(&mut inbound, &link).await.unwrap(), binary(&round.to_be_bytes()));
    }
    drop(client);
    assert!(matches!(next(&mut inbound, &link).await, Err(Fault::Eof)));
}

#[tokio::test]
async fn a_read_that_leaves_room_needs_no_second_one_to_wait() {
    let (mut client, link) = pair().await;
    client.write_all(b"abc").unwrap();
    for _ in 0..2 {
        poll_fn(|cx| Link::poll_read_ready(&*link, cx)).await.unwrap();
        let mut into = Vec::with_capacity(16);
        assert_eq!(Link::try_read(&*link, &mut into).unwrap(), 3);
        assert!(Link::poll_read_ready(&*link, &mut Context::from_waker(Waker::noop())).is_pending());
        client.write_all(b"def").unwrap();
    }
}

#[tokio::test]
async fn a_burst_comes_out_whole_and_in_order() {
    let (mut client, link) = pair().await;
    let mut inbound = Inbound::new(&link, LIMITS, Bytes::new());
    let sender = std::thread::spawn(move || {
        let wire: Vec<u8> =
            (0..20_000_u32).flat_map(|number| frame(FIN | BINARY, &number.to_be_bytes())).collect();
        client.write_all(&wire).unwrap();
        client
    });
    for number in 0..20_000_u32 {
        assert_eq!(next(&mut inbound, &link).await.unwrap(), binary(&number.to_be_bytes()));
    }
    assert!(settle(&mut inbound, &link).await.is_none());
    drop(sender.join().unwrap());
}

#[tokio::test]
async fn the_socket_is_written_while_it_is_read() {
    let (mut client, link) = pair().await;
    let mut inbound = Inbound::new(&link, LIMITS, Bytes::new());
    client.write_all(&frame(FIN | TEXT, b"half")[..7]).unwrap();
    assert!(settle(&mut inbound, &link).await.is_none());
    let mut out = Vec::new();
    frames::data(&mut out, frames::Kind::Text, b"event");
    assert_eq!(link.try_write(&out).unwrap(), out.len());
    let mut seen = [0; 7];
    client.read_exact(&mut seen).unwrap();
    assert_eq!(&seen, b"\x81\x05event");
    client.write_all(&frame(FIN | TEXT, b"half")[7..]).unwrap();
    assert_eq!(next(&mut inbound, &link).await.unwrap(), text("half"));
}

#[tokio::test]
async fn a_reset_is_told_from_an_end() {
    let (client, link) = pair().await;
    let mut inbound = Inbound::new(&link, LIMITS, Bytes::new());
    // Bytes that the client has not read when it closes make its kernel reset the connection.
    link.try_write(b"\x81\x01x").unwrap();
    while client.peek(&mut [0; 3]).unwrap() < 3 {}
    drop(client);
    let end = next(&mut inbound, &link).await;
    assert!(matches!(end, Err(Fault::Io(_))), "{end:?}");
}
