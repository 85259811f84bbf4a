//! A session that is polled: what requests bring it, and what they take from it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use tokio::sync::oneshot;
use tokio::time::Sleep;

use super::lines::{Answer, Letter, Letters, Lines, Lost, Posted, Socketed};
use super::packet::{self, Packet};
use crate::transport::Outlet;
use crate::transport::websocket::{Fault, Message, Refusal};

/// For how long a poll waits while a WebSocket shows that it works: mostly that takes over meanwhile.
const HOLD: Duration = Duration::from_millis(50);

/// The packets that end a session, and that only end a poll.
const CLOSE: &[u8] = b"1";
const NOOP: &[u8] = b"6";

/// See the module's documentation.
pub struct Polling {
    letters: Letters,
    outlet: Outlet,
    /// Frames that were taken from the session and have not reached a poll. Where none waits, there are none.
    taken: BytesMut,
    poll: Option<oneshot::Sender<Answer>>,
    posted: Option<Posted>,
    /// A WebSocket may take over: no poll waits for long.
    probed: bool,
    /// When the poll that waits is let go for that.
    hold: Option<Pin<Box<Sleep>>>,
    socket: Option<Box<Socketed>>,
    /// When the client has last sent something, and how long it may be silent. The wheel looks at that, too, from time to time; a
    /// request that comes too late is too late at once.
    heard: Instant,
    patience: Duration,
    /// Packets that were read, for whoever counts.
    packets: u32,
    over: bool,
}

impl Polling {
    /// For the session with this id, which sends into the other end of `outlet`, and whose client may be silent for as long as
    /// `patience`.
    pub fn new(
        lines: &Arc<Lines>,
        id: &Arc<str>,
        endpoint: &Arc<str>,
        outlet: Outlet,
        patience: Duration,
    ) -> Self {
        Self {
            letters: lines.open(id, endpoint),
            outlet,
            taken: BytesMut::new(),
            poll: None,
            posted: None,
            probed: false,
            hold: None,
            socket: None,
            heard: Instant::now(),
            patience,
            packets: 0,
            over: false,
        }
    }

    /// Does what requests want, but for the packets that they bring. Answers the WebSocket that goes on from here. A session
    /// that is `closing` is found by no further request.
    pub(super) fn tend(&mut self, cx: &mut Context<'_>, closing: bool) -> Option<Box<Socketed>> {
        while !self.over
            && let Poll::Ready(Some(letter)) = self.letters.letters.poll_recv(cx)
        {
            self.take(letter);
        }
        self.serve(cx);
        if self.poll.is_some() {
            return None;
        }
        if closing {
            self.end(CLOSE);
        }
        self.socket.take()
    }

    /// From here on whatever comes is thrown away.
    pub(super) fn stop(&mut self) {
        self.posted = None;
        self.letters.hang_up();
    }

    fn take(&mut self, letter: Letter) {
        if self.heard.elapsed() >= self.patience {
            return self.end(CLOSE); // whoever asks is told by that it is gone
        }
        match letter {
            Letter::Poll(answer) if self.poll.is_some() => {
                // Two at once: one of them is not the session's client.
                let _gone = answer.send(Err(Lost));
                self.end(CLOSE);
            }
            Letter::Poll(answer) => (self.poll, self.hold) = (Some(answer), None),
            Letter::Post(posted) if self.posted.is_none() && Packet::could_be(&posted.rest) => {
                self.heard = Instant::now();
                self.posted = Some(posted);
            }
            // Two at once, or no packets.
            Letter::Post(posted) => {
                let _gone = posted.answer.send(Err(Lost));
                self.end(CLOSE);
            }
            Letter::Probe => self.probed = true,
            Letter::Unprobe => self.probed = false,
            Letter::Socket(socket) => {
                self.socket = Some(socket);
                self.letters.hang_up();
            }
        }
    }

    /// No further request is for this session, and the poll that waits is told.
    fn end(&mut self, last: &'static [u8]) {
        self.over = true;
        self.letters.hang_up();
        if let Some(poll) = self.poll.take() {
            let _gone = poll.send(Ok(Bytes::from_static(last)));
        }
    }

    /// Gives the poll that waits what there is.
    fn serve(&mut self, cx: &mut Context<'_>) {
        let Some(poll) = &mut self.poll else { return };
        if poll.poll_closed(cx).is_ready() {
            self.poll = None;
            return self.end(NOOP); // its client has given it up, and what it was to get
        }
        let ended = loop {
            // To the end of a frame, however long: where no poll waits, nothing may be on its way.
            let next = match packet::missing(&self.taken) {
                None => self.outlet.poll_next(cx),
                Some(missing) => self.outlet.poll_at_most(cx, missing),
            };
            match next {
                Poll::Ready(Some(frames)) => self.taken.extend_from_slice(&frames),
                Poll::Ready(None) => break true,
                Poll::Pending if packet::missing(&self.taken).is_none() => break false,
                Poll::Pending => return,
            }
        };
        let mut payload = Vec::new();
        packet::put(&mut self.taken, &mut payload);
        match payload.is_empty() {
            true if ended => payload.extend_from_slice(CLOSE),
            true if self.socket.is_some() => {
                // Its client waits for its polls to end before it changes over: this one is somebody else's.
                self.poll = None;
                return self.outlet.rest();
            }
            true if self.probed && self.has_held(cx) => payload.extend_from_slice(NOOP),
            true => return,
            false => {}
        }
        self.outlet.rest();
        if let Some(poll) = self.poll.take() {
            let _gone = poll.send(Ok(payload.into()));
        }
    }

    fn has_held(&mut self, cx: &mut Context<'_>) -> bool {
        let hold = self.hold.get_or_insert_with(|| Box::pin(tokio::time::sleep(HOLD)));
        hold.as_mut().poll(cx).is_ready()
    }

    /// The next message of the client's; pending where none was posted.
    pub(super) fn poll_next(&mut self) -> Poll<Result<Message, Fault>> {
        if self.over {
            return Poll::Ready(Err(Fault::Eof));
        }
        while let Some(posted) = &mut self.posted {
            let packet = match Packet::next(&mut posted.rest) {
                Ok(Some(packet)) => packet,
                read => {
                    let answer = read.map(|_| Bytes::from_static(b"ok")).map_err(|_| Lost);
                    let is_bad = answer.is_err();
                    if let Some(posted) = self.posted.take() {
                        let _gone = posted.answer.send(answer);
                    }
                    if is_bad {
                        self.end(CLOSE);
                        return Poll::Ready(Err(Fault::Eof));
                    }
                    continue;
                }
            };
            self.packets += 1;
            return Poll::Ready(match packet {
                Packet::Text(text) => match std::str::from_utf8(&text) {
                    Ok(_) => Ok(Message::Text(text)),
                    Err(_) => Err(Fault::Refused(Refusal::TextNotUtf8)),
                },
                Packet::Binary(payload) => Ok(Message::Binary(payload)),
                Packet::Pong | Packet::Noop => Ok(Message::Pong(Bytes::new())),
                Packet::Close => {
                    if let Some(posted) = self.posted.take() {
                        let _gone = posted.answer.send(Ok(Bytes::from_static(b"ok")));
                    }
                    self.end(NOOP);
                    Err(Fault::Eof)
                }
            });
        }
        Poll::Pending
    }

    /// Packets that have come since this was asked last.
    pub(super) fn take_packets(&mut self) -> u32 {
        std::mem::take(&mut self.packets)
    }
}
