//! A WebSocket that wants to take over a session that is polled: it shows that it works, and then says when.

use std::future::poll_fn;
use std::io;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use fastwebsockets::OpCode;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::Line;
use super::lines::{Letter, Socketed};
use crate::transport::Socket;
use crate::transport::websocket::frames::{self, Kind};
use crate::transport::websocket::{Head, Link, Parsed};

/// For how long it may take to show that it works.
const PATIENCE: Duration = Duration::from_secs(10);
/// The packets of that: the client's question, our answer, and the client's word to change over.
const QUESTION: &[u8] = b"2probe";
const ANSWER: &[u8] = b"3probe";
const UPGRADE: &[u8] = b"5";

/// Answers the handshake with `answer`, and hands the socket on to the session at the other end of `line` when its client says so;
/// returns when that has done with it. A client that says anything else is left.
pub async fn probe(line: Line, socket: Socket, early: Bytes, answer: Vec<u8>) {
    let mut arrived = BytesMut::from(&*early);
    let shown = async {
        socket.send_all(&answer).await?;
        expect(&socket, &mut arrived, QUESTION).await?;
        line.send(Letter::Probe).map_err(io::Error::other)?;
        let mut frame = Vec::new();
        frames::data(&mut frame, Kind::Text, ANSWER);
        socket.send_all(&frame).await?;
        expect(&socket, &mut arrived, UPGRADE).await
    };
    if !matches!(timeout(PATIENCE, shown).await, Ok(Ok(()))) {
        let _gone_too = line.send(Letter::Unprobe);
        return;
    }
    let (until, done) = oneshot::channel();
    let socketed = Socketed { socket, early: arrived.freeze(), until };
    if line.send(Letter::Socket(Box::new(socketed))).is_ok() {
        let _it_is_dropped = done.await;
    }
}

/// Waits for a frame with exactly this text.
async fn expect(socket: &Socket, arrived: &mut BytesMut, text: &[u8]) -> io::Result<()> {
    loop {
        if let Some(payload) = take_frame(arrived)? {
            return if *payload == *text { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) };
        }
        poll_fn(|cx| socket.poll_read_ready(cx)).await?;
        arrived.reserve(1024);
        match socket.try_read(arrived) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => {}
            Err(again) if again.kind() == io::ErrorKind::WouldBlock => {}
            Err(gone) => return Err(gone),
        }
    }
}

/// Takes a short text frame off what has arrived, once it is there; anything else is an error.
fn take_frame(arrived: &mut BytesMut) -> io::Result<Option<BytesMut>> {
    let head = match Head::parse(arrived).map_err(io::Error::other)? {
        Parsed::Whole(head) => head,
        Parsed::Short(_) => return Ok(None),
    };
    if head.opcode != OpCode::Text || !head.fin || head.len > QUESTION.len() as u64 {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let len = head.len as usize;
    if arrived.len() < head.size + len {
        return Ok(None);
    }
    arrived.advance(head.size);
    let mut payload = arrived.split_to(len);
    payload.iter_mut().zip(head.mask.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
    Ok(Some(payload))
}
