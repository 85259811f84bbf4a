//! How much there may be: connections, bodies.

use testkit::Options;
use tokio::net::TcpStream;

use crate::{gateway, start};

#[tokio::test]
async fn a_connection_over_the_limit_is_closed_and_others_are_served() {
    let gateway = start(Options::new().set("limits.connections=3"));
    let mut held = Vec::new();
    for _ in 0..3 {
        let stream = TcpStream::connect(gateway.address()).await.unwrap();
        // Answered, so it is counted.
        stream.writable().await.unwrap();
        stream.try_write(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        stream.readable().await.unwrap();
        held.push(stream);
    }
    assert_eq!(gateway.get("/health/live").await.status, 0);
    held.pop();
    while gateway.get("/health/live").await.status != 200 {}
}

#[tokio::test]
async fn one_address_has_its_share_unless_it_is_exempt() {
    let gateway = start(Options::new().set("limits.connections_per_address=1").set("limits.exempt=[]"));
    let mut session = gateway.connect("/ws").await;
    session.next().await;
    assert_eq!(gateway.get("/health/live").await.status, 0);
    drop(session);
    while gateway.get("/health/live").await.status != 200 {}
}

#[tokio::test]
async fn a_body_over_the_limit_is_413_announced_or_not() {
    let gateway = gateway();
    let head = "POST /ws/broadcast HTTP/1.1\r\nHost: localhost\r\n";
    let announced = gateway.raw(format!("{head}Content-Length: 2000000\r\n\r\n")).await;
    assert_eq!(announced.status, 413);
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    let chunked =
        gateway.raw(format!("{head}Transfer-Encoding: chunked\r\n\r\n{}0\r\n\r\n", chunk.repeat(17))).await;
    assert!(chunked.status == 413 || chunked.status == 0, "{chunked:?}");
    assert_eq!(gateway.get("/health/live").await.status, 200);
}
