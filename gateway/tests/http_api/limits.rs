//! How much there may be: connections, bodies.

use testkit::{Answer, Options};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
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

#[tokio::test]
async fn a_body_of_a_get_is_not_waited_for() {
    let gateway = gateway();
    let request = "GET /health/live HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\nx";
    let mut stream = TcpStream::connect(gateway.address()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let answer = Answer::parse(&answer);
    assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
}

#[tokio::test]
async fn bodies_over_what_all_may_hold_are_503_until_others_are_gone() {
    let gateway = start(Options::new().set("http.body=\"20 KiB\"").set("http.bodies=\"30 KiB\""));
    let body = "x".repeat(15_000);
    let head = "POST /ws/broadcast HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
    let post =
        async |body: &str| gateway.raw(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len())).await;
    // What was answered counts no longer.
    for _ in 0..10 {
        assert_eq!(post(&body).await.status, 422);
    }
    let hold = async || {
        let mut stream = TcpStream::connect(gateway.address()).await.unwrap();
        stream.write_all(format!("{head}Content-Length: 20000\r\n\r\n{body}xxxxx").as_bytes()).await.unwrap();
        stream
    };
    let mut held = hold().await;
    let refused = loop {
        let answer = post(&"x".repeat(18_000)).await;
        if answer.status != 422 {
            break answer;
        }
        // Whichever of the two comes first has the room: what was to be held may be the one that was refused.
        if held.try_read(&mut [0]).is_ok() {
            held = hold().await;
        }
    };
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
    assert_eq!(post("x").await.status, 422, "there is room for a little");
    // Who is gone before its body was whole holds nothing.
    drop(held);
    while post(&"x".repeat(18_000)).await.status == 503 {}
    assert_eq!(post(&"x".repeat(18_000)).await.status, 422);
}
