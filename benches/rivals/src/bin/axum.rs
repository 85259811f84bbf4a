//! axum with a broadcast channel: a task for each connection, on one core.

use std::net::{Ipv4Addr, SocketAddr};

use axum::Router;
use axum::extract::State;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::routing::get;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::sync::broadcast::{self, Sender, error::RecvError};

/// Events that a slow client may be behind.
const BEHIND: usize = 1024;

type Room = Sender<Utf8Bytes>;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let port = std::env::args().nth(1).and_then(|port| port.parse().ok()).expect("a port");
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await.expect("a free port");
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    let (room, _) = broadcast::channel(BEHIND);
    let router = Router::new()
        .route("/sub", get(|State(room): State<Room>, upgrade: WebSocketUpgrade| async {
            upgrade.on_upgrade(|socket| subscribe(socket, room))
        }))
        .route("/pub", get(|State(room): State<Room>, upgrade: WebSocketUpgrade| async {
            upgrade.on_upgrade(|socket| publish(socket, room))
        }))
        .with_state(room);
    axum::serve(listener, router).await.expect("it serves");
}

async fn publish(mut socket: WebSocket, room: Room) {
    while let Some(Ok(message)) = socket.recv().await {
        if let Message::Text(text) = message {
            let _ = room.send(text);
        }
    }
}

async fn subscribe(mut socket: WebSocket, room: Room) {
    let mut events = room.subscribe();
    loop {
        tokio::select! {
            event = events.recv() => match event {
                Ok(text) => if socket.send(Message::Text(text)).await.is_err() { return },
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            },
            message = socket.recv() => if !matches!(message, Some(Ok(_))) { return },
        }
    }
}
