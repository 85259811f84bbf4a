//! Behind balancers, which speak the PROXY protocol, and proxies, which add headers.

use std::net::SocketAddr;

use serde_json::json;
use testkit::{Answer, Gateway, Options, Socket, exchange, exchange_on, request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::start;

const CLOSED: &str = "tidegate_connections_closed_total{reason=\"proxy_protocol\"}";

/// A listener behind balancers, and a plain one to look at the figures; nobody is exempt.
fn balanced(trusted: &str, settings: &[&str]) -> Gateway {
    let listeners = format!(
        "listener=[{{name=\"plain\"}}, {{name=\"balanced\", address=\"127.0.0.1:0\", proxy_protocol=true, \
         trusted_proxies={trusted}}}]"
    );
    let options = Options::new().set(&listeners).set("limits.exempt=[]");
    start(settings.iter().fold(options, |options, setting| options.set(setting)))
}

fn binary(source: SocketAddr, more: &[u8]) -> Vec<u8> {
    let (SocketAddr::V4(source), length) = (source, (12 + more.len() as u16).to_be_bytes()) else {
        panic!("IPv4")
    };
    let (ip, port) = (source.ip().octets(), source.port().to_be_bytes());
    [b"\r\n\r\n\0\r\nQUIT\n\x21\x11", &length[..], &ip, &[127, 0, 0, 1], &port, &[1, 187], more].concat()
}

fn line(client: &str) -> Vec<u8> {
    format!("PROXY TCP4 {client} 127.0.0.1 4711 443\r\n").into_bytes()
}

/// Sends a header and a request right behind it.
async fn ask(gateway: &Gateway, header: &[u8], path: &str) -> Answer {
    exchange(gateway.addresses()[1], &[header, &request("GET", path, &[], None)].concat()).await
}

#[tokio::test]
async fn limits_count_the_client_that_the_balancer_names() {
    let gateway = balanced("[]", &["limits.requests={ per_address = \"1/day\", burst = 0 }"]);
    let status = async |header: Vec<u8>| ask(&gateway, &header, "/ws/stats").await.status;
    assert_eq!(status(line("192.0.2.1")).await, 200);
    assert_eq!(status(line("192.0.2.2")).await, 200);
    assert_eq!(status(line("192.0.2.1")).await, 429);
    assert_eq!(status(binary("192.0.2.2:9".parse().unwrap(), &[])).await, 429);
    assert_eq!(status(binary("192.0.2.3:9".parse().unwrap(), &[4; 3000])).await, 200);
    // The balancer's own look at whether we are well: it keeps its address.
    assert_eq!(status(b"PROXY UNKNOWN\r\n".to_vec()).await, 200);
    assert_eq!(status(b"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00".to_vec()).await, 429);
}

#[tokio::test]
async fn a_session_goes_on_behind_the_header() {
    let gateway = balanced("[\"127.0.0.0/8\"]", &[]);
    let mut stream = TcpStream::connect(gateway.addresses()[1]).await.unwrap();
    stream.write_all(&line("192.0.2.1")).await.unwrap();
    let url = format!("ws://{}/ws", gateway.addresses()[1]);
    let mut session = Socket::open(stream, &url, &[]).await.unwrap();
    assert!(session.next().await["event_type"].is_string());
    assert_eq!(session.ask(&json!({ "action": "ping" })).await["message"], "pong");
}

#[tokio::test]
async fn connections_per_address_are_those_of_the_client() {
    let gateway = balanced("[]", &["limits.connections_per_address=1", "limits.exempt=[\"127.0.0.1\"]"]);
    let hold = async |client| {
        let mut stream = TcpStream::connect(gateway.addresses()[1]).await.unwrap();
        stream
            .write_all(&[&line(client)[..], b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"].concat())
            .await
            .unwrap();
        let mut byte = [0];
        (stream.read(&mut byte).await.unwrap_or(0), stream)
    };
    let first = hold("192.0.2.1").await;
    let other = hold("192.0.2.2").await;
    assert_eq!((first.0, other.0, hold("192.0.2.1").await.0), (1, 1, 0));
    let refused = "tidegate_connections_refused_total{limit=\"connections_per_address\"}";
    assert_eq!(gateway.metric(refused).await, 1.0);
    drop(first);
    while hold("192.0.2.1").await.0 == 0 {}
}

#[tokio::test]
async fn a_connection_without_the_header_is_closed_without_an_answer() {
    let gateway = balanced("[]", &[]);
    for (count, start) in
        [&b""[..], b"PROXY TCP4 x\r\n", b"PROXY TCP4 192.0.2.1 127.0.0.1 1 2\n"].iter().enumerate()
    {
        assert_eq!(ask(&gateway, start, "/health/live").await.status, 0);
        gateway.reaches(CLOSED, (count + 1) as f64).await;
    }
    // Where none is asked for, it is no HTTP.
    let plain =
        exchange(gateway.address(), &[&line("192.0.2.1")[..], &request("GET", "/", &[], None)].concat())
            .await;
    assert_eq!(plain.status, 400);
    assert_eq!(ask(&gateway, &line("192.0.2.1"), "/health/live").await.status, 200);
}

#[tokio::test]
async fn a_header_that_does_not_come_ends_in_time() {
    let gateway = balanced("[]", &["http.head_timeout=\"200ms\""]);
    for start in [&b""[..], b"PROXY TCP4 192.0.2.1", b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff"] {
        let mut stream = TcpStream::connect(gateway.addresses()[1]).await.unwrap();
        stream.write_all(start).await.unwrap();
        assert_eq!(stream.read_to_end(&mut Vec::new()).await.unwrap(), 0);
    }
    gateway.reaches("tidegate_connections_closed_total{reason=\"timeout\"}", 3.0).await;
}

#[tokio::test]
async fn only_balancers_that_are_named_connect() {
    let gateway = balanced("[\"10.0.0.0/8\"]", &[]);
    assert_eq!(ask(&gateway, &line("192.0.2.1"), "/health/live").await.status, 0);
    gateway.reaches("tidegate_connections_refused_total{limit=\"trusted_proxies\"}", 1.0).await;
}

/// Behind a proxy on this machine, which the default exempts; each address may ask once.
fn proxied(trusted: &str) -> Gateway {
    start(
        Options::new()
            .set(&format!("listener.0.trusted_proxies={trusted}"))
            .set("limits.requests={ per_address = \"1/day\", burst = 0 }"),
    )
}

async fn forwarded(gateway: &Gateway, headers: &[(&str, &str)]) -> u16 {
    exchange(gateway.address(), &request("GET", "/ws/stats", headers, None)).await.status
}

#[tokio::test]
async fn clients_behind_a_proxy_are_told_apart() {
    let gateway = proxied("[\"127.0.0.1\"]");
    for (headers, status) in [
        ([("X-Forwarded-For", "192.0.2.1")], 200),
        ([("X-Forwarded-For", "192.0.2.2")], 200),
        ([("X-Forwarded-For", "127.0.0.1, 192.0.2.1")], 429),
        ([("Forwarded", "for=\"192.0.2.2:80\"")], 429),
        ([("Forwarded", "for=127.0.0.1;proto=https, for=\"[2001:db8::1]\"")], 200),
        ([("X-Forwarded-For", "2001:db8::ffff")], 429), // of the same /64
        ([("X-Forwarded-For", "unknown")], 200),        // the proxy's own, which exempts nobody
        ([("X-Forwarded-For", "unknown")], 429),
    ] {
        assert_eq!(forwarded(&gateway, &headers).await, status, "{headers:?}");
    }
    for _ in 0..3 {
        assert_eq!(forwarded(&gateway, &[]).await, 200, "the proxy itself is exempt");
    }
}

#[tokio::test]
async fn a_forged_header_neither_exempts_nor_makes_somebody_else() {
    let gateway = start(
        Options::new()
            .set("limits.exempt=[\"192.0.2.0/24\"]")
            .set("limits.requests={ per_address = \"1/day\", burst = 0 }"),
    );
    assert_eq!(forwarded(&gateway, &[]).await, 200);
    for forged in ["192.0.2.1", "198.51.100.1", "10.0.0.1"] {
        assert_eq!(forwarded(&gateway, &[("X-Forwarded-For", forged)]).await, 429);
        assert_eq!(forwarded(&gateway, &[("Forwarded", &format!("for={forged}"))]).await, 429);
        assert_eq!(forwarded(&gateway, &[("X-Real-IP", forged)]).await, 429);
    }
}

#[tokio::test]
async fn a_host_that_is_forwarded_is_not_the_host() {
    let gateway = proxied("[\"127.0.0.1\"]");
    let headers =
        [("Host", "rebound.example"), ("X-Forwarded-Host", "localhost"), ("X-Forwarded-For", "192.0.2.9")];
    let stream = TcpStream::connect(gateway.address()).await.unwrap();
    assert_eq!(exchange_on(stream, &request("GET", "/api/v1/rooms", &headers, None)).await.status, 401);
}
