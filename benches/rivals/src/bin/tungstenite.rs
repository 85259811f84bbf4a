//! tokio-tungstenite with a broadcast channel: a task for each connection, on one core.

use std::net::{Ipv4Addr, SocketAddr};

use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast::{self, Sender, error::RecvError};
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

/// Events that a slow client may be behind.
const BEHIND: usize = 1024;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let port = std::env::args().nth(1).and_then(|port| port.parse().ok()).expect("a port");
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await.expect("a free port");
    let (room, _) = broadcast::channel(BEHIND);
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        tokio::spawn(serve(stream, room.clone()));
    }
}

async fn serve(stream: TcpStream, room: Sender<Utf8Bytes>) {
    let _ = stream.set_nodelay(true);
    let mut publishes = false;
    #[allow(clippy::result_large_err, reason = "the callback's type")]
    let look = |request: &Request, response: Response| {
        publishes = request.uri().path() == "/pub";
        Ok(response)
    };
    let Ok(mut socket) = tokio_tungstenite::accept_hdr_async(stream, look).await else { return };
    if publishes {
        while let Some(Ok(message)) = socket.next().await {
            if let Message::Text(text) = message {
                let _ = room.send(text);
            }
        }
        return;
    }
    let mut events = room.subscribe();
    loop {
        tokio::select! {
            event = events.recv() => match event {
                Ok(text) => if socket.send(Message::Text(text)).await.is_err() { return },
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            },
            message = socket.next() => if !matches!(message, Some(Ok(_))) { return },
        }
    }
}
