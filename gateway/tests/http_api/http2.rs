//! HTTP/2 with prior knowledge, by hand, so that a test can send what no client would.

use testkit::{Gateway, Options};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Duration, timeout};

use crate::{gateway, start};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const GO_AWAY: u8 = 7;

const END_HEADERS: u8 = 4;
const END_STREAM: u8 = 1;

/// For how long a frame may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a flood of work that is thrown away at once is answered with.
const ENHANCE_YOUR_CALM: u32 = 11;

/// A client's end.
struct Client(TcpStream);

/// What a stream comes to.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Status(u16),
    /// It, or the whole connection, was ended with this code.
    Ended(u32),
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// RFC 7541: fields as literals, neither indexed nor compressed.
fn block(fields: &[(&str, &[u8])]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name.as_bytes(), value] {
            match text.len() {
                short @ 0..127 => block.push(short as u8),
                long => {
                    block.push(127);
                    let mut rest = long - 127;
                    while rest >= 128 {
                        block.push((rest % 128) as u8 | 128);
                        rest /= 128;
                    }
                    block.push(rest as u8);
                }
            }
            block.extend(text);
        }
    }
    block
}

/// The status that an answer's fields begin with: from the static table, or three digits, compressed.
fn status(block: &[u8]) -> u16 {
    if let Some(known) = block[0]
        .checked_sub(0x88)
        .and_then(|index| [200, 204, 206, 304, 400, 404, 500].get(usize::from(index)))
    {
        return *known;
    }
    assert!(matches!(block[0], 0x48 | 0x08 | 0x18), "no status first: {block:?}");
    let (compressed, text) = (block[1] & 0x80 != 0, &block[2..2 + usize::from(block[1] & 0x7f)]);
    if !compressed {
        return std::str::from_utf8(text).unwrap().parse().unwrap();
    }
    // RFC 7541, appendix B: 0, 1 and 2 have five bits; 3 to 9 have six, from 011001 on.
    let bits: String = text.iter().map(|byte| format!("{byte:08b}")).collect();
    let (mut at, mut number) = (0, 0);
    for _ in 0..3 {
        let short = u16::from_str_radix(&bits[at..at + 5], 2).unwrap();
        let (digit, length) = match short {
            0..=2 => (short, 5),
            _ => (u16::from_str_radix(&bits[at..at + 6], 2).unwrap() - 0b01_1001 + 3, 6),
        };
        (number, at) = (number * 10 + digit, at + length);
    }
    number
}

impl Client {
    async fn new(gateway: &Gateway) -> Self {
        let mut stream = TcpStream::connect(gateway.address()).await.unwrap();
        let hello = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &frame(SETTINGS, 0, 0, &[])[..]].concat();
        stream.write_all(&hello).await.unwrap();
        Self(stream)
    }

    async fn send(&mut self, frames: &[u8]) {
        let _refused_early = self.0.write_all(frames).await;
    }

    /// The next frame; none where the connection has ended.
    async fn next(&mut self) -> Option<(u8, Vec<u8>)> {
        let read = async {
            let mut head = [0; 9];
            self.0.read_exact(&mut head).await.ok()?;
            let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
            self.0.read_exact(&mut payload).await.ok()?;
            Some((head[3], payload))
        };
        timeout(PATIENCE, read).await.expect("nothing comes, and no end")
    }

    async fn outcome(&mut self) -> Outcome {
        let code = |payload: &[u8]| Outcome::Ended(u32::from_be_bytes(payload[..4].try_into().unwrap()));
        loop {
            match self.next().await.expect("the connection ends without a word") {
                (HEADERS, payload) => return Outcome::Status(status(&payload)),
                (RESET, payload) => return code(&payload),
                (GO_AWAY, payload) => return code(&payload[4..]),
                _ => {}
            }
        }
    }
}

/// What a request with these fields, and no body, comes to on a connection of its own.
async fn ask(gateway: &Gateway, fields: &[(&str, &[u8])]) -> Outcome {
    let mut client = Client::new(gateway).await;
    client.send(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &block(fields))).await;
    client.outcome().await
}

fn plain<'a>(method: &'a str, path: &'a [u8], host: &'a [u8]) -> Vec<(&'static str, &'a [u8])> {
    vec![(":method", method.as_bytes()), (":scheme", b"http"), (":path", path), (":authority", host)]
}

#[tokio::test]
async fn a_plain_request_is_answered_over_http2() {
    let gateway = gateway();
    assert_eq!(ask(&gateway, &plain("GET", b"/", b"localhost")).await, Outcome::Status(200));
    // The host may stand in the header alone.
    let fields: [(&str, &[u8]); 4] =
        [(":method", b"GET"), (":scheme", b"http"), (":path", b"/"), ("host", b"localhost")];
    assert_eq!(ask(&gateway, &fields).await, Outcome::Status(200));
}

#[tokio::test]
async fn what_is_no_clean_http_is_no_cleaner_over_http2() {
    let gateway = gateway();
    let long = "x".repeat(9000);
    let target = format!("/{long}");
    let with = |name: &'static str, value: &'static str| {
        let mut fields = plain("GET", b"/", b"localhost");
        fields.push((name, value.as_bytes()));
        fields
    };
    for (expected, what, fields) in [
        (405, "TRACE", plain("TRACE", b"/", b"localhost")),
        (501, "a method without end", plain(&long, b"/", b"localhost")),
        (400, "GET *", plain("GET", b"*", b"localhost")),
        (400, "bytes that are not ASCII", plain("GET", "/é".as_bytes(), b"localhost")),
        (400, "no host", plain("GET", b"/", b"localhost")[..3].to_vec()),
        (400, "another host", with("host", "other")),
        (414, "a long target", plain("GET", target.as_bytes(), b"localhost")),
    ] {
        let outcome = ask(&gateway, &fields).await;
        assert_eq!(outcome, Outcome::Status(expected), "{what}");
    }
    let mut header = plain("GET", b"/", b"localhost");
    header.push(("x-long", long.as_bytes()));
    assert_eq!(ask(&gateway, &header).await, Outcome::Status(431));
    let connect: [(&str, &[u8]); 2] = [(":method", b"CONNECT"), (":authority", b"localhost:80")];
    assert_eq!(ask(&gateway, &connect).await, Outcome::Status(405));
    // What belongs to a connection is malformed in a stream (RFC 9113, section 8.2.2).
    for (name, value) in [
        ("connection", "close"),
        ("upgrade", "websocket"),
        ("transfer-encoding", "chunked"),
        ("X-Upper", "x"),
        ("te", "gzip"),
    ] {
        assert_eq!(ask(&gateway, &with(name, value)).await, Outcome::Ended(1), "{name}");
    }
    assert_eq!(gateway.get("/health/live").await.status, 200);
}

#[tokio::test]
async fn what_a_client_may_do_is_said_at_once() {
    let gateway = start(Options::new().set("http.streams=7").set("http.head=\"16 KiB\""));
    let mut client = Client::new(&gateway).await;
    let (kind, settings) = client.next().await.unwrap();
    assert_eq!(kind, SETTINGS);
    let said = |setting: u16| {
        let each = settings.chunks(6).find(|entry| entry[..2] == setting.to_be_bytes()).unwrap();
        u32::from_be_bytes(each[2..].try_into().unwrap())
    };
    let (streams, header_list) = (3, 6);
    assert_eq!((said(streams), said(header_list)), (7, 16 * 1024));
}

#[tokio::test]
async fn headers_without_end_are_refused() {
    let gateway = gateway();
    let mut client = Client::new(&gateway).await;
    let mut fields = plain("GET", b"/", b"localhost");
    let value = "x".repeat(4000);
    fields.extend((0..20).map(|_| ("x-more", value.as_bytes())));
    let block = block(&fields);
    let mut pieces = block.chunks(16_000);
    client.send(&frame(HEADERS, END_STREAM, 1, pieces.next().unwrap())).await;
    let (continuation, count) = (9, pieces.len());
    for (number, piece) in pieces.enumerate() {
        let last = if number + 1 == count { END_HEADERS } else { 0 };
        client.send(&frame(continuation, last, 1, piece)).await;
    }
    let outcome = client.outcome().await;
    assert!(matches!(outcome, Outcome::Status(431) | Outcome::Ended(_)), "{outcome:?}");
}

#[tokio::test]
async fn who_asks_and_takes_it_back_without_end_is_sent_away() {
    let gateway = gateway();
    let mut client = Client::new(&gateway).await;
    let cancel = 8_u32.to_be_bytes();
    let request = block(&plain("GET", b"/health/live", b"localhost"));
    let mut flood = Vec::new();
    for stream in (1..4000).step_by(2) {
        flood.extend(frame(HEADERS, END_HEADERS | END_STREAM, stream, &request));
        flood.extend(frame(RESET, 0, stream, &cancel));
    }
    client.send(&flood).await;
    loop {
        match client.next().await {
            Some((GO_AWAY, payload)) => {
                assert_eq!(payload[4..8], ENHANCE_YOUR_CALM.to_be_bytes());
                break;
            }
            Some(_) => {}
            None => break, // it was closed before its word could be read
        }
    }
    assert_eq!(gateway.get("/health/live").await.status, 200);
}

#[tokio::test]
async fn an_idle_connection_is_sent_away_though_it_answers_pings() {
    let gateway = start(Options::new().set("http.head_timeout=\"200ms\""));
    let mut client = Client::new(&gateway).await;
    let request = block(&plain("GET", b"/health/live", b"localhost"));
    client.send(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &request)).await;
    let (ping, ack) = (6, 1);
    let (mut answered, mut sent_away) = (false, false);
    while let Some((kind, payload)) = client.next().await {
        answered |= kind == HEADERS;
        sent_away |= kind == GO_AWAY;
        if kind == ping {
            client.send(&frame(ping, ack, 0, &payload)).await;
        }
    }
    assert!(answered && sent_away, "{answered} {sent_away}");
}

#[tokio::test]
async fn a_body_over_the_limit_is_413_announced_or_not() {
    let gateway = start(Options::new().set("http.body=\"20 KiB\""));
    let mut fields = plain("POST", b"/ws/broadcast", b"localhost");
    let mut client = Client::new(&gateway).await;
    client.send(&frame(HEADERS, END_HEADERS, 1, &block(&fields))).await;
    for _ in 0..3 {
        client.send(&frame(DATA, 0, 1, &[b'x'; 10_000])).await;
    }
    assert_eq!(client.outcome().await, Outcome::Status(413));
    fields.push(("content-length", b"20481"));
    let mut client = Client::new(&gateway).await;
    client.send(&frame(HEADERS, END_HEADERS, 1, &block(&fields))).await;
    assert_eq!(client.outcome().await, Outcome::Status(413));
}

#[tokio::test]
async fn a_body_that_nobody_reads_is_not_waited_for() {
    let gateway = gateway();
    for (method, path, host, status) in [
        ("GET", "/health/live", "localhost", 200),
        ("HEAD", "/health/live", "localhost", 200),
        ("POST", "/api/v1/publish", "rebound.example", 401),
    ] {
        let mut client = Client::new(&gateway).await;
        let fields = plain(method, path.as_bytes(), host.as_bytes());
        client.send(&frame(HEADERS, END_HEADERS, 1, &block(&fields))).await;
        client.send(&frame(DATA, 0, 1, &[b'x'; 10_000])).await;
        assert_eq!(client.outcome().await, Outcome::Status(status), "{method} {path}");
    }
}
