//! What is spoken, with which certificate, and what becomes of a handshake that goes wrong.

use std::time::{Duration, Instant};

use rustls::HandshakeKind;
use rustls::version::{TLS12, TLS13};
use serde_json::json;
use testkit::{Authority, Options};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::house::{House, listeners};

#[tokio::test]
async fn both_versions_are_spoken() {
    let house = House::new("");
    for (version, word) in [(&TLS12, "TLSv1_2"), (&TLS13, "TLSv1_3")] {
        let dialer = house.authority.client().version(version).ready();
        let stream = dialer.dial(house.address()).await.unwrap();
        assert_eq!(format!("{:?}", stream.get_ref().1.protocol_version().unwrap()), word);
        assert_eq!(house.get(&dialer, "/health/live").await.json(), json!({ "status": "alive" }));
    }
    assert_eq!(house.gateway.metric(&House::result("ok")).await, 4.0);
    let servers = house.gateway.get("/asyncapi.json").await.json()["servers"].clone();
    assert_eq!((&servers["plain"]["protocol"], &servers["tls"]["protocol"]), (&json!("ws"), &json!("wss")));
}

/// A client's first message of a version that is too old, with ciphers of that time.
fn old_hello(version: [u8; 2]) -> Vec<u8> {
    let mut hello = version.to_vec();
    hello.extend([7; 32]); // random
    hello.push(0); // no session
    hello.extend([0, 4, 0xc0, 0x13, 0x00, 0x2f, 1, 0]); // two suites of CBC, no compression
    let mut message = vec![1, 0, 0, hello.len() as u8];
    message.extend(hello);
    let mut record = vec![22, 3, 1, 0, message.len() as u8];
    record.extend(message);
    record
}

#[tokio::test]
async fn nothing_older_is_spoken() {
    let house = House::new("");
    for version in [[3, 0], [3, 1], [3, 2]] {
        let mut stream = TcpStream::connect(house.address()).await.unwrap();
        stream.write_all(&old_hello(version)).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let [21, 3, _, 0, 2, 2, alert] = *answer else { panic!("no fatal alert: {answer:?}") };
        assert!([40, 70].contains(&alert), "handshake_failure or protocol_version, not {alert}");
    }
    house.gateway.reaches(&House::result("incompatible"), 3.0).await;
}

#[tokio::test]
async fn http2_is_preferred_where_the_client_speaks_it() {
    let house = House::new("");
    for (offered, chosen) in [
        (&["http/1.1", "h2"][..], Some(&b"h2"[..])),
        (&["http/1.1"], Some(b"http/1.1")),
        (&["spdy/3", "http/1.1"], Some(b"http/1.1")),
        (&[], None),
    ] {
        let stream = house.authority.client().protocols(offered).ready().dial(house.address()).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), chosen, "{offered:?}");
    }
    let neither = house.authority.client().protocols(&["spdy/3"]).ready();
    let error = neither.dial(house.address()).await.unwrap_err();
    assert!(error.to_string().contains("NoApplicationProtocol"), "{error}");
}

#[tokio::test]
async fn requests_are_answered_over_http2() {
    let house = House::new("");
    let dialer = house.authority.client().protocols(&["h2"]).ready();
    let mut stream = dialer.dial(house.address()).await.unwrap();
    // Settings, then two requests with :scheme https, :path / by their numbers and :authority by its text: :method GET
    // by its number, and HEAD by its text (RFC 7541).
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
    bytes.extend(b"\0\0\x0e\x01\x05\0\0\0\x01\x82\x87\x84\x01\x09localhost");
    bytes.extend(b"\0\0\x13\x01\x05\0\0\0\x03\x02\x04HEAD\x87\x84\x01\x09localhost");
    stream.write_all(&bytes).await.unwrap();
    stream.flush().await.unwrap();
    let (mut get, mut head) = (false, false);
    while !(get && head) {
        let mut start = [0; 9];
        stream.read_exact(&mut start).await.unwrap();
        let mut payload = vec![0; u32::from_be_bytes([0, start[0], start[1], start[2]]) as usize];
        stream.read_exact(&mut payload).await.unwrap();
        let (kind, flags, number) = (start[3], start[4], start[8]);
        assert_ne!(kind, 3, "a stream is reset");
        if kind == 1 {
            assert_eq!(payload[0], 0x88, ":status 200");
            assert_eq!(flags & 1 == 1, number == 3, "HEAD ends with its head, GET has a body");
            (get, head) = (get || number == 1, head || number == 3);
        }
    }
}

#[tokio::test]
async fn the_certificate_is_chosen_by_the_host_that_the_client_names() {
    let authority = Authority::new("test authority");
    let first = authority.issue("server", &["localhost", "127.0.0.1"], |_| {});
    let exact = authority.issue("exact", &["a.example.com"], |_| {});
    let wild = authority.issue("wild", &["*.example.com"], |_| {});
    let more = format!(
        ", more=[{{certificate=\"{}\", key=\"{}\"}}, {{certificate=\"{}\", key=\"{}\"}}]",
        exact.certificate.display(),
        exact.key.display(),
        wild.certificate.display(),
        wild.key.display()
    );
    let gateway = Options::new().set(&listeners(&first, &more)).start(env!("CARGO_BIN_EXE_tidegate"));
    let address = gateway.addresses()[1];
    for (host, expected) in [
        ("localhost", &first),
        ("a.example.com", &exact),
        ("b.example.com", &wild),
        ("127.0.0.1", &first), // no name is sent for an address
    ] {
        let stream = authority.client().host(host).ready().dial(address).await.unwrap();
        assert_eq!(stream.get_ref().1.peer_certificates().unwrap()[0], expected.der, "{host}");
    }
    // The star is one level; a host that nobody knows gets the first, which the client refuses.
    for host in ["a.b.example.com", "example.com", "elsewhere.test"] {
        let error = authority.client().host(host).ready().dial(address).await.unwrap_err();
        assert!(error.to_string().contains("not valid for name"), "{host}: {error}");
    }
}

#[tokio::test]
async fn a_client_comes_back_with_its_ticket() {
    let house = House::new("");
    for version in [&TLS12, &TLS13] {
        let dialer = house.authority.client().version(version).ready();
        for expected in [HandshakeKind::Full, HandshakeKind::Resumed, HandshakeKind::Resumed] {
            let mut stream = dialer.dial(house.address()).await.unwrap();
            assert_eq!(stream.get_ref().1.handshake_kind(), Some(expected));
            // TLS 1.3 gives its ticket behind the handshake: it is read with the answer.
            stream.write_all(&testkit::request("GET", "/health/live", &[], None)).await.unwrap();
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await.unwrap();
            assert!(answer.starts_with(b"HTTP/1.1 200"));
        }
    }
    house.gateway.reaches("tidegate_tls_resumed_total", 4.0).await;
}

#[tokio::test]
async fn half_open_handshakes_end_in_time_and_slow_nobody() {
    let house = House::new(", handshake_timeout=\"1500ms\"");
    let mut silent = Vec::new();
    for number in 0..200 {
        let mut stream = TcpStream::connect(house.address()).await.unwrap();
        // Some say nothing, some the start of a hello.
        stream.write_all(&old_hello([3, 3])[..number % 40]).await.unwrap();
        silent.push(stream);
    }
    let dialer = house.dialer();
    let begun = Instant::now();
    for _ in 0..20 {
        assert_eq!(house.get(&dialer, "/health/live").await.status, 200);
    }
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?} for twenty requests", begun.elapsed());
    assert_eq!(house.gateway.metric(&House::result("timeout")).await, 0.0, "they were there all the time");
    for mut stream in silent {
        let mut nothing = Vec::new();
        let _reset = stream.read_to_end(&mut nothing).await;
        assert_eq!(nothing, b"", "no word to who says none");
    }
    house.gateway.reaches(&House::result("timeout"), 200.0).await;
}

#[tokio::test]
async fn a_failed_handshake_is_counted_by_its_reason_and_not_logged() {
    let house = House::new("");
    let mut plain = TcpStream::connect(house.address()).await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let _alert = plain.read_to_end(&mut Vec::new()).await;
    house.gateway.reaches(&House::result("malformed"), 1.0).await;
    drop(TcpStream::connect(house.address()).await.unwrap());
    house.gateway.reaches(&House::result("closed"), 1.0).await;
    let stranger = Authority::new("another").client().ready();
    let error = stranger.dial(house.address()).await.unwrap_err();
    assert!(error.to_string().contains("UnknownIssuer"), "{error}");
    house.gateway.reaches(&House::result("alert"), 1.0).await;
    assert!(!house.gateway.log().contains("handshake"), "{}", house.gateway.log());
}

#[tokio::test]
async fn a_page_that_came_without_tls_is_of_another_origin() {
    let house = House::new("");
    let open = async |origin: &str| {
        let stream = house.dialer().dial(house.address()).await.unwrap();
        let url = "wss://localhost/ws";
        testkit::Socket::open(stream, url, &[("origin", origin)]).await.err().map(|refused| refused.0)
    };
    assert_eq!(open("https://localhost").await, None);
    assert_eq!(open("http://localhost").await, Some(403));
}
