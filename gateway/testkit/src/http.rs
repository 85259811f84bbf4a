//! HTTP/1.1 by hand, so that a test can send what no client would.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::gateway::PATIENCE;

/// An answer, as it came.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status; 0 where the connection was refused, or closed without an answer.
    pub status: u16,
    /// The head's lines behind the status.
    headers: Vec<(String, String)>,
    /// All behind the head.
    pub body: String,
}

impl Answer {
    /// Reads one as it came over the wire.
    pub fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).unwrap_or(0);
        let header =
            |line: &str| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.into()));
        Self { status, headers: lines.filter_map(header).collect(), body: body.to_owned() }
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
    }

    /// The body, which is JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// A well-formed request whose answer ends the connection.
pub fn request(method: &str, path: &str, headers: &[(&str, &str)], body: Option<&str>) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        text.push_str("Host: localhost\r\n");
    }
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if let Some(body) = body {
        text.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    text.push_str("\r\n");
    text.push_str(body.unwrap_or_default());
    text.into_bytes()
}

/// Sends `bytes` and answers what comes back until the other side closes.
pub async fn exchange(address: SocketAddr, bytes: &[u8]) -> Answer {
    match TcpStream::connect(address).await {
        Ok(stream) => exchange_on(stream, bytes).await,
        Err(_) => Answer::parse(""),
    }
}

/// The same on a stream that is there.
pub async fn exchange_on(mut stream: impl AsyncRead + AsyncWrite + Unpin, bytes: &[u8]) -> Answer {
    // The other side may close before it has read everything.
    let _refused_early = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _reset_is_an_end_too =
        timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("the connection stays open");
    Answer::parse(&String::from_utf8_lossy(&answer))
}
