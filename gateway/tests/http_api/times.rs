//! How long a request may take: its head, its body, its answer, and a client that does not read.

use std::time::Instant;

use testkit::{Answer, Gateway, Options};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Duration, sleep};

use crate::start;

const TIMEOUT: &str = "tidegate_connections_closed_total{reason=\"timeout\"}";

fn hasty(settings: &[&str]) -> Gateway {
    start(settings.iter().fold(Options::new(), |options, setting| options.set(setting)))
}

/// Sends a byte every 20 ms until the other side has had enough.
async fn trickle(gateway: &Gateway, head: &[u8], byte: &[u8]) -> (Answer, Duration) {
    let (mut read, mut write) = TcpStream::connect(gateway.address()).await.unwrap().into_split();
    write.write_all(head).await.unwrap();
    let begun = Instant::now();
    let drip = async {
        while write.write_all(byte).await.is_ok() {
            sleep(Duration::from_millis(20)).await;
        }
        std::future::pending::<()>().await;
    };
    let mut answer = Vec::new();
    tokio::select! {
        _ = read.read_to_end(&mut answer) => {}
        () = drip => {}
    }
    (Answer::parse(&String::from_utf8_lossy(&answer)), begun.elapsed())
}

#[tokio::test]
async fn a_head_that_trickles_is_measured_as_a_whole() {
    let gateway = hasty(&["http.head_timeout=\"400ms\""]);
    let (answer, time) = trickle(&gateway, b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: ", b"x").await;
    assert!(answer.status == 408 || answer.status == 0, "{answer:?}");
    assert!(time < Duration::from_secs(5), "{time:?}");
    gateway.reaches(TIMEOUT, 1.0).await;
    // So is one of which nobody knows yet which HTTP it is.
    let (answer, _) = trickle(&gateway, b"P", b"").await;
    assert_eq!(answer.status, 0);
    gateway.reaches(TIMEOUT, 2.0).await;
}

#[tokio::test]
async fn a_body_that_trickles_is_408() {
    let gateway = hasty(&["http.body_timeout=\"300ms\""]);
    let head = "POST /ws/broadcast HTTP/1.1\r\nHost: localhost\r\n";
    for (framing, byte) in
        [("Content-Length: 1000\r\n\r\n", "x"), ("Transfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n")]
    {
        let (answer, time) = trickle(&gateway, format!("{head}{framing}").as_bytes(), byte.as_bytes()).await;
        assert_eq!((answer.status, answer.header("connection")), (408, Some("close")), "{framing}");
        assert!(time < Duration::from_secs(5), "{time:?}");
    }
    assert_eq!(gateway.get("/health/live").await.status, 200);
}

#[tokio::test]
async fn what_is_not_answered_in_time_is_503() {
    let gateway = hasty(&["http.answer_timeout=\"200ms\""]);
    let (answer, _) = trickle(
        &gateway,
        b"POST /ws/broadcast HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000\r\n\r\n",
        b"x",
    )
    .await;
    assert_eq!(
        (answer.status, answer.header("retry-after"), answer.header("connection")),
        (503, Some("5"), Some("close"))
    );
    assert_eq!(answer.json()["detail"], "the request was not answered in time");
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let gateway = hasty(&["http.head_timeout=\"300ms\""]);
    let mut stream = TcpStream::connect(gateway.address()).await.unwrap();
    stream.write_all(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200"));
    gateway.reaches("tidegate_connections", 1.0).await; // the one that asks
}

#[tokio::test]
async fn a_client_that_does_not_read_its_answers_is_cut_off() {
    let gateway = hasty(&["http.write_timeout=\"300ms\"", "http.head_timeout=\"1h\""]);
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(gateway.address()).await.unwrap();
    let one = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(100);
    // Until neither its answers nor its requests fit anywhere.
    while stream.write_all(&one).await.is_ok() {}
    gateway.reaches(TIMEOUT, 1.0).await;
    assert_eq!(gateway.get("/health/live").await.status, 200);
}

#[tokio::test]
async fn sizes_are_those_that_are_configured() {
    let gateway = hasty(&[
        "http.target=\"100 B\"",
        "http.header=\"200 B\"",
        "http.head=\"8 KiB\"",
        "http.body=\"50 B\"",
    ]);
    let head = "Host: localhost\r\nConnection: close\r\n";
    let x = |count: usize| "x".repeat(count);
    for (status, request) in [
        (404, format!("GET /{} HTTP/1.1\r\n{head}\r\n", x(99))),
        (414, format!("GET /{} HTTP/1.1\r\n{head}\r\n", x(100))),
        (200, format!("GET / HTTP/1.1\r\n{head}X: {}\r\n\r\n", x(200))),
        (431, format!("GET / HTTP/1.1\r\n{head}X: {}\r\n\r\n", x(201))),
        (431, format!("GET / HTTP/1.1\r\n{head}{}\r\n", format!("X: {}\r\n", x(190)).repeat(60))),
        (422, format!("POST /ws/broadcast HTTP/1.1\r\n{head}Content-Length: 50\r\n\r\n{}", x(50))),
        (413, format!("POST /ws/broadcast HTTP/1.1\r\n{head}Content-Length: 51\r\n\r\n{}", x(51))),
    ] {
        assert_eq!(gateway.raw(&request).await.status, status, "{}", &request[..60.min(request.len())]);
    }
}
