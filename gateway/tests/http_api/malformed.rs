//! What is no clean HTTP is refused, the connection closes, and the gateway serves on.

use crate::gateway;

#[tokio::test]
async fn malformed_requests_are_refused_and_close() {
    let gateway = gateway();
    let long = "x".repeat(9000);
    let head = "Host: localhost\r\n";
    let chunked = "Transfer-Encoding: chunked\r\n";
    let table = [
        (400, "no host", "GET / HTTP/1.1\r\n\r\n".to_owned()),
        (400, "two hosts", format!("GET / HTTP/1.1\r\n{head}{head}\r\n")),
        (400, "empty host", "GET / HTTP/1.1\r\nHost:\r\n\r\n".into()),
        (400, "malformed host", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n".into()),
        (400, "host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n".into()),
        (400, "host with a user", "GET / HTTP/1.1\r\nHost: u@localhost\r\n\r\n".into()),
        (400, "another host in the target", format!("GET http://other/ HTTP/1.1\r\n{head}\r\n")),
        (400, "GET *", format!("GET * HTTP/1.1\r\n{head}\r\n")),
        (400, "no ASCII in the target", format!("GET /\u{e9} HTTP/1.1\r\n{head}\r\n")),
        (405, "CONNECT", format!("CONNECT localhost:80 HTTP/1.1\r\n{head}\r\n")),
        (405, "TRACE", format!("TRACE / HTTP/1.1\r\n{head}\r\n")),
        (501, "a method without end", format!("{long} / HTTP/1.1\r\n{head}\r\n")),
        (400, "a blank in a header's name", format!("GET / HTTP/1.1\r\n{head}X : y\r\n\r\n")),
        (400, "a folded header", format!("GET / HTTP/1.1\r\n{head}X: y\r\n z\r\n\r\n")),
        (400, "a control character", format!("GET / HTTP/1.1\r\n{head}X: \u{1}\r\n\r\n")),
        (414, "a long target", format!("GET /{long} HTTP/1.1\r\n{head}\r\n")),
        (431, "a long header", format!("GET / HTTP/1.1\r\n{head}X: {long}\r\n\r\n")),
        (431, "a long head", format!("GET / HTTP/1.1\r\n{head}{}\r\n", format!("X: {long}\r\n").repeat(9))),
        (431, "many headers", format!("GET / HTTP/1.1\r\n{head}{}\r\n", "X: y\r\n".repeat(101))),
        (
            400,
            "chunked twice",
            format!(
                "POST /ws/broadcast HTTP/1.1\r\n{head}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"
            ),
        ),
        (
            400,
            "chunked in two headers",
            format!("POST /ws/broadcast HTTP/1.1\r\n{head}{chunked}{chunked}\r\n0\r\n\r\n"),
        ),
        (
            400,
            "another coding",
            format!("POST /ws/broadcast HTTP/1.1\r\n{head}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
        ),
        (
            400,
            "both lengths",
            format!("POST /ws/broadcast HTTP/1.1\r\n{head}Content-Length: 5\r\n{chunked}\r\n0\r\n\r\n"),
        ),
        (
            400,
            "both lengths, the other way",
            format!("POST /ws/broadcast HTTP/1.1\r\n{head}{chunked}Content-Length: 5\r\n\r\n0\r\n\r\n"),
        ),
        (400, "a line without CR", format!("GET / HTTP/1.1\r\n{head}X: y\nZ: z\r\n\r\n")),
        (
            400,
            "both lengths, and once more behind it",
            format!("POST /ws/broadcast HTTP/1.1\r\n{head}Content-Length: 5\r\n{chunked}\r\n0\r\n\r\n")
                .repeat(2),
        ),
        (
            400,
            "a trailer without CR",
            format!(
                "POST /ws/broadcast HTTP/1.1\r\n{head}{chunked}\r\n2\r\n{{}}\r\n0\r\nX: y\n\nGET / HTTP/1.1\r\n\r\n"
            ),
        ),
        (
            400,
            "a junk extension",
            format!("POST /ws/broadcast HTTP/1.1\r\n{head}{chunked}\r\n2;\u{1}\r\n{{}}\r\n0\r\n\r\n"),
        ),
        (
            400,
            "a chunk of no size",
            format!("POST /ws/broadcast HTTP/1.1\r\n{head}{chunked}\r\nx\r\n{{}}\r\n0\r\n\r\n"),
        ),
        (
            400,
            "two lengths",
            format!(
                "POST /ws/broadcast HTTP/1.1\r\n{head}Content-Length: 1\r\nContent-Length: 2\r\n\r\n{{}}"
            ),
        ),
        (
            400,
            "a length that is no number",
            format!("POST /ws/broadcast HTTP/1.1\r\n{head}Content-Length: -1\r\n\r\n"),
        ),
    ];
    for (status, what, request) in table {
        // What `raw` reads to its end is closed by the gateway: the request asks for no close.
        let answer = gateway.raw(&request).await;
        assert_eq!(answer.status, status, "{what}: {answer:?}");
    }
    assert_eq!(gateway.get("/health/live").await.status, 200);
    assert!(
        gateway.get("/metrics").await.body.contains("tidegate_http_refused_total{reason=\"malformed\"} ")
    );
}

#[tokio::test]
async fn http_1_0_is_served_and_cannot_upgrade() {
    let gateway = gateway();
    assert_eq!(gateway.raw("GET /health/live HTTP/1.0\r\n\r\n").await.status, 200);
    let handshake = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nHost: localhost\r\n\r\n";
    assert_eq!(gateway.raw(format!("GET /ws HTTP/1.0\r\n{handshake}")).await.status, 400);
    assert_eq!(gateway.raw(format!("POST /ws HTTP/1.1\r\n{handshake}")).await.status, 405);
}

#[tokio::test]
async fn a_method_that_nobody_knows_is_as_wrong_as_any_other() {
    let gateway = gateway();
    for (method, path, allowed) in [("QUERY", "/health", "GET, HEAD"), ("BREW", "/ws/broadcast", "POST")] {
        let answer = gateway.request(method, path, None).await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some(allowed)), "{method} {path}");
    }
    assert_eq!(gateway.request("BREW", "/coffee", None).await.status, 404);
}
