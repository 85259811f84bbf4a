//! A WebSocket client that shares no code with the gateway.

use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::gateway::PATIENCE;

/// A session, from the client's side, on whatever stream.
#[derive(Debug)]
pub struct Socket<S = TcpStream>(WebSocketStream<S>);

/// The status of an answer that was not 101; 0 where the connection was closed without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused(pub u16);

impl Socket {
    pub(crate) async fn connect(
        address: SocketAddr,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<Self, Refused> {
        let stream = TcpStream::connect(address).await.unwrap();
        Self::open(stream, &format!("ws://{address}{path}"), headers).await
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Socket<S> {
    /// Asks for a session on a stream that is there.
    ///
    /// # Errors
    /// The answer, where it is not 101.
    pub async fn open(stream: S, url: &str, headers: &[(&str, &str)]) -> Result<Self, Refused> {
        let mut request = url.into_client_request().unwrap();
        for (name, value) in headers {
            let name: HeaderName = name.parse().unwrap();
            request.headers_mut().insert(name, HeaderValue::from_str(value).unwrap());
        }
        match timeout(PATIENCE, client_async(request, stream)).await.expect("no answer to the handshake") {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(Error::Http(answer)) => Err(Refused(answer.status().as_u16())),
            // Closed at once, a client sees a reset or an end, whichever comes first.
            Err(Error::Io(_) | Error::Protocol(ProtocolError::HandshakeIncomplete)) => Err(Refused(0)),
            Err(error) => panic!("{error}"),
        }
    }

    /// The stream below, for what no WebSocket client does.
    pub fn stream(&mut self) -> &mut S {
        self.0.get_mut()
    }

    /// Sends JSON.
    pub async fn send(&mut self, value: &Value) {
        self.send_text(&value.to_string()).await;
    }

    /// Sends a text as it is.
    pub async fn send_text(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    /// Sends bytes in a binary frame.
    pub async fn send_binary(&mut self, bytes: &[u8]) {
        self.0.send(Message::binary(bytes.to_vec())).await.unwrap();
    }

    /// The next frame, which is JSON.
    pub async fn next(&mut self) -> Value {
        serde_json::from_str(&self.next_text().await).unwrap()
    }

    /// The next frame, which is a text.
    pub async fn next_text(&mut self) -> String {
        match self.message().await {
            Message::Text(text) => text.to_string(),
            other => panic!("not a text: {other:?}"),
        }
    }

    /// Sends a request and answers the next frame.
    pub async fn ask(&mut self, request: &Value) -> Value {
        self.send(request).await;
        self.next().await
    }

    /// Sends a request and answers the next frame's text.
    ///
    /// # Errors
    /// The code and reason of the close, where that is next.
    pub async fn ask_any(&mut self, request: &Value) -> Result<String, (u16, String)> {
        // The other side may have closed already.
        let _refused = self.0.send(Message::text(request.to_string())).await;
        match self.message().await {
            Message::Text(text) => Ok(text.to_string()),
            Message::Close(Some(CloseFrame { code, reason })) => Err((code.into(), reason.to_string())),
            other => panic!("neither a text nor a close: {other:?}"),
        }
    }

    /// Sends a request and waits for what comes next; none where the other side is gone, however it went.
    pub async fn try_ask(&mut self, request: &str) -> Option<Value> {
        self.0.send(Message::text(request.to_owned())).await.ok()?;
        let reply = self.0.next().await?.ok()?.into_text().ok()?;
        serde_json::from_str(&reply).ok()
    }

    /// Reads to the close, and answers its code and reason.
    pub async fn closed(&mut self) -> (u16, String) {
        loop {
            match self.message().await {
                Message::Close(Some(CloseFrame { code, reason })) => {
                    return (code.into(), reason.to_string());
                }
                Message::Close(None) => return (1005, String::new()),
                _ => {}
            }
        }
    }

    async fn message(&mut self) -> Message {
        loop {
            let next = timeout(PATIENCE, self.0.next()).await.expect("nothing comes");
            match next.expect("the connection is closed").unwrap() {
                Message::Ping(_) | Message::Pong(_) => {}
                message => return message,
            }
        }
    }
}
