//! A client that was let in only to be told that it is not.

use std::future::poll_fn;
use std::io;
use std::time::Duration;

use super::Endpoint;
use super::requests::capital;
use crate::dialect::{Answer, Dialect, Warning};
use crate::identity::Refusal;
use crate::transport::Socket;
use crate::transport::close::{CloseReason, UNPROVEN};
use crate::transport::websocket::Link;

/// For how long such a client may take to go.
const PATIENCE: Duration = Duration::from_secs(5);
/// What it sends meanwhile is not looked at.
const READ: usize = 1024;

/// Closes with `reason`, behind the `answer` to the handshake, and waits a moment for the client's own close, so that
/// nothing unread takes ours back. `refusal`: of what its client has shown, where that is the reason.
pub async fn turn_away(
    endpoint: &Endpoint,
    socket: Socket,
    mut answer: Vec<u8>,
    (reason, refusal): (CloseReason, Option<Refusal>),
) {
    let (reason, warning) = told(&*endpoint.dialect, reason, refusal);
    answer.extend_from_slice(&warning);
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

/// Why the client is closed, and the frame before that.
fn told(dialect: &dyn Dialect, reason: CloseReason, refusal: Option<Refusal>) -> (CloseReason, Vec<u8>) {
    match refusal.filter(|_| dialect.tells_refusals()) {
        Some(refusal) => {
            let (why, mut frame) = (capital(&refusal.to_string()), Vec::new());
            dialect.answer(None, &Answer::Unproven { why: &why, refusal: Some(refusal) }, &mut frame);
            (CloseReason::Policy(UNPROVEN.into()), frame)
        }
        None => match dialect.farewell(&reason) {
            Warning::Frame(frame) => (reason, frame),
            // There is no session that an event could be told.
            Warning::Event | Warning::None => (reason, Vec::new()),
        },
    }
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
