//! A client that was let in only to be told that it is not.

use std::future::poll_fn;
use std::io;
use std::time::Duration;

use super::Endpoint;
use crate::transport::Socket;
use crate::transport::close::CloseReason;
use crate::transport::websocket::Link;

/// For how long such a client may take to go.
const PATIENCE: Duration = Duration::from_secs(5);
/// What it sends meanwhile is not looked at.
const READ: usize = 1024;

/// Closes with `reason`, behind the `answer` to the handshake, and waits a moment for the client's own close, so that
/// nothing unread takes ours back.
pub async fn turn_away(endpoint: &Endpoint, socket: Socket, mut answer: Vec<u8>, reason: CloseReason) {
    let (code, text) = endpoint.dialect.last_words(&reason);
    endpoint.framing.close(&mut answer, code, &text);
    let farewell = async {
        socket.send_all(&answer).await?;
        socket.part();
        while poll_fn(|cx| socket.poll_flush(cx)).await? {}
        socket.finish();
        read_to_end(&socket).await
    };
    let _it_is_gone_in_any_case = tokio::time::timeout(PATIENCE, farewell).await;
}

async fn read_to_end(socket: &Socket) -> io::Result<()> {
    let mut unread = Vec::with_capacity(READ);
    loop {
        poll_fn(|cx| socket.poll_read_ready(cx)).await?;
        unread.clear();
        match socket.try_read(&mut unread) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(again) if again.kind() == io::ErrorKind::WouldBlock => {}
            Err(gone) => return Err(gone),
        }
    }
}
