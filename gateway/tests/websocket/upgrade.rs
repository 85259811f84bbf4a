//! From a request on a socket to the client's first message.

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::poll_fn;
use std::io::{Read, Write};
use std::rc::Rc;

use bytes::Bytes;
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tidegate::transport::websocket::{Inbound, Message, handshake};
use tokio::net::{TcpListener, TcpStream};

use crate::memory::Meter;
use crate::wire::*;

const HANDSHAKE: &[u8] = b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// Sends `wire` in one go and upgrades: the stream, what came behind the handshake, the client.
async fn upgrade(wire: Vec<u8>) -> (Rc<TcpStream>, Bytes, std::net::TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    client.write_all(&wire).unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    let pending: RefCell<Option<OnUpgrade>> = RefCell::default();
    let service = hyper::service::service_fn(async |mut request: Request<Incoming>| {
        let (response, upgrade) = handshake::accept(&mut request).unwrap();
        pending.replace(Some(upgrade));
        Ok::<Response<Empty<Bytes>>, Infallible>(response)
    });
    let http = hyper::server::conn::http1::Builder::new();
    http.serve_connection(TokioIo::new(stream), service).with_upgrades().await.unwrap();
    let upgraded = pending.take().unwrap().await.unwrap();
    let (io, early) = handshake::into_stream::<TokioIo<TcpStream>>(upgraded).unwrap();
    (Rc::new(io.into_inner()), early, client)
}

#[tokio::test]
async fn frames_sent_with_the_handshake_are_not_lost() {
    let (link, early, mut client) = upgrade([HANDSHAKE, &frame(FIN | TEXT, b"at once")].concat()).await;
    let mut answer = [0; 12];
    client.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 101");
    let mut inbound = Inbound::new(&link, LIMITS, early);
    assert_eq!(poll_fn(|cx| inbound.poll_next(&link, cx)).await.unwrap(), text("at once"));
    client.write_all(&frame(FIN | PING, b"")).unwrap();
    let ping = Message::Ping(Bytes::new());
    assert_eq!(poll_fn(|cx| inbound.poll_next(&link, cx)).await.unwrap(), ping);
}

#[tokio::test]
async fn an_upgraded_connection_keeps_no_buffer_of_hypers() {
    let _once = upgrade(HANDSHAKE.to_vec()).await;
    let meter = Meter::start();
    let _held = upgrade(HANDSHAKE.to_vec()).await;
    assert!(meter.live() < 2048, "{} bytes", meter.live());
}
