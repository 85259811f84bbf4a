//! A session's life in its one task.

use std::borrow::Cow;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};

use futures_util::FutureExt;

use super::Session;
use super::allowance::is_abuse;
use super::behind::{Behind, Held};
use super::gaps::Fetching;
use super::opening::Inflow;
use super::waiting::Open;
use crate::dialect;
use crate::hub::moments::Change;
use crate::transport::Inbound;
use crate::transport::close::CloseReason;
use crate::transport::engineio::{self, Socketed};
use crate::transport::websocket::{self, Fault, Message, frames};

/// Messages of one client before other sessions have their turn.
const BURST: usize = 64;
/// The code that stands for a close without a frame (RFC 6455, 7.4.1).
const LOST: u16 = 1006;

/// The rest of its life, and its end where that is dropped.
pub(super) fn run(session: &Rc<Session>, source: Inflow) -> impl Future<Output = ()> + 'static {
    let limits = session.endpoint.limits;
    let (hears, inflates) = (!matches!(source, Inflow::Nowhere), session.deflate.is_some());
    let inbound = match source {
        Inflow::WebSocket(early) => {
            Inbound::WebSocket(websocket::Inbound::with(session, limits, early, inflates))
        }
        Inflow::Nowhere => Inbound::WebSocket(websocket::Inbound::closed(limits)),
        Inflow::EngineIo(early) => {
            Inbound::EngineIo(Box::new(engineio::Inbound::socket(session, limits, early, inflates)))
        }
        Inflow::Polling(polling) => Inbound::EngineIo(Box::new(engineio::Inbound::Polling(polling))),
    };
    let (session, open, phase) = (Rc::clone(session), Open::default(), Phase::Open);
    let mut run = Run { session, inbound, hears, open, behind: None, fetching: None, phase };
    poll_fn(move |cx| run.poll(cx))
}

struct Run {
    session: Rc<Session>,
    inbound: Inbound<Session>,
    /// Its client can answer a close.
    hears: bool,
    open: Open,
    /// What waits behind a request. Boxed, and rare.
    behind: Option<Box<Behind>>,
    /// Events of a history are fetched from the disk. Boxed, and rare.
    fetching: Option<Fetching>,
    phase: Phase,
}

/// How far a session has come to its end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// It lives.
    Open,
    /// Our close frame is in the backlog or sent; the client's is waited for.
    Closing,
    /// Both sides have said their last: what is left is the backlog.
    Parting,
    /// The stream's end is sent; the client's is waited for, so that nothing unread takes our last frame back.
    Finished,
}

impl Run {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let session = Rc::clone(&self.session);
        session.outbound.set_task(cx.waker());
        self.tend(&session, cx);
        let mut out = session.common.scratch.take();
        out.clear();
        let poll = self.poll_with(&session, cx, &mut out);
        session.waits(self.open.is_waiting(), self.is_deaf());
        session.reply(&out);
        out.clear();
        out.shrink_to(64 * 1024);
        session.common.scratch.replace(out);
        self.tend(&session, cx);
        // What was just written may be waiting, or may have killed the connection.
        match poll {
            Poll::Pending => self.poll_outbound(&session, cx),
            Poll::Ready(()) => Poll::Ready(()),
        }
    }

    fn poll_with(&mut self, session: &Rc<Session>, cx: &mut Context<'_>, out: &mut Vec<u8>) -> Poll<()> {
        for _ in 0..BURST {
            // Each time, as the answer to the request before may have had no space: no request finds a room half left.
            session.fall_back();
            // Each time: the request before may have been one too many.
            if let Some(reason) = session.ending.take() {
                self.begin_close(session, &reason, true, out);
                if is_abuse(&reason) || !self.hears {
                    self.inbound.stop();
                    self.phase = Phase::Parting;
                }
            }
            // Each time: the request before may have opened a call, whose answer must wake this task.
            self.open.poll(session, cx, out);
            if self.phase == Phase::Open {
                if session.is_pressed(out) {
                    return Poll::Pending;
                }
                if let Some(held) = self.next_held(cx) {
                    let message = dialect::Message { payload: &held.payload, text: held.text };
                    session.handle(message, &mut self.open, out);
                    continue;
                }
                if self.is_deaf() {
                    return Poll::Pending;
                }
            }
            let next = self.inbound.poll_next(session, cx);
            session.count_frames(self.inbound.take_frames());
            match next {
                Poll::Ready(Ok(message)) => self.take(session, message, out),
                Poll::Ready(Err(Fault::Refused(refusal))) => {
                    self.begin_close(session, &refusal.into(), false, out);
                    self.phase = Phase::Parting;
                }
                Poll::Ready(Err(Fault::Eof | Fault::Io(_))) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Serves what does not wait for the session to read: a poll, and the WebSocket that takes over from polls.
    fn tend(&mut self, session: &Rc<Session>, cx: &mut Context<'_>) {
        let Some(socketed) = self.inbound.tend(cx, session.closing.get()) else { return };
        let Socketed { socket, early, until } = *socketed;
        match socket.rehome() {
            Ok(socket) => {
                session.socket().become_socket(socket);
                self.inbound.go_on(session, session.endpoint.limits, early, until);
                cx.waker().wake_by_ref();
            }
            Err(_) => session.outbound.kill(),
        }
    }

    fn take(&mut self, session: &Rc<Session>, message: Message, out: &mut Vec<u8>) {
        session.heard();
        match message {
            Message::Close { code, reason } => self.client_closes(session, code, &reason, out),
            _ if self.phase != Phase::Open => {} // it has not seen our close yet
            Message::Text(payload) => self.hear(session, &payload, true, out),
            Message::Binary(payload) => self.hear(session, &payload, false, out),
            Message::Ping(payload) => frames::pong(out, &payload),
            Message::Pong(_) => {}
        }
    }

    /// Handles a message, or keeps it until it has its turn.
    fn hear(&mut self, session: &Rc<Session>, payload: &[u8], text: bool, out: &mut Vec<u8>) {
        let message = dialect::Message { payload, text };
        match self.open.is_waiting() {
            true => self.behind.get_or_insert_default().push(payload, text, session.may_pass(message)),
            false => session.handle(message, &mut self.open, out),
        }
    }

    /// The next message that was kept, if it may be handled now.
    fn next_held(&mut self, cx: &mut Context<'_>) -> Option<Held> {
        let behind = self.behind.as_mut()?;
        if self.open.is_waiting() {
            return behind.passing(cx);
        }
        let next = behind.pop();
        if next.is_none() {
            self.behind = None;
        }
        next
    }

    /// Whether nothing is read, as too much waits behind an answer.
    fn is_deaf(&self) -> bool {
        self.open.is_waiting() && self.behind.as_ref().is_some_and(|behind| behind.is_full())
    }

    fn client_closes(&mut self, session: &Rc<Session>, code: Option<u16>, reason: &str, out: &mut Vec<u8>) {
        if self.phase == Phase::Open {
            frames::close(out, code, reason);
            self.retire(session, "client", "client".into(), out);
        }
        self.phase = Phase::Parting;
    }

    /// Says goodbye: a warning where the server decides, then the close frame, behind what waits.
    fn begin_close(&mut self, session: &Rc<Session>, reason: &CloseReason, warn: bool, out: &mut Vec<u8>) {
        if self.phase != Phase::Open {
            return;
        }
        session.reply(out);
        out.clear();
        if *reason == CloseReason::SlowConsumer {
            session.outbound.drop_backlog();
            // Counted here, once: until now further events may have met the full backlog.
            session.common.shard.counters().slow_closes.add(1);
            if !session.endpoint.framing.is_answered() {
                session.say_why(reason, out); // its backlog takes no events any more
            }
        } else if warn {
            session.warn(reason, None);
        }
        let (code, text) = session.dialect.last_words(reason);
        session.endpoint.framing.close(out, code, &text);
        let outcome = match &reason {
            CloseReason::Policy(what) => what.clone(),
            other => other.label().into(),
        };
        self.retire(session, reason.label(), outcome, out);
        session.tell_watchers(Change::Close { code, reason: text.into() });
        self.phase = Phase::Closing;
    }

    /// Sends the last frames; from here on nothing is delivered, and the session has a short time to end. `why`: the
    /// word for it in metrics; `outcome`: what the audit log tells.
    fn retire(
        &mut self,
        session: &Rc<Session>,
        why: &'static str,
        outcome: Cow<'static, str>,
        out: &mut Vec<u8>,
    ) {
        session.closing.set(true);
        (self.open, self.behind) = (Open::default(), None);
        session.common.shard.retire(session, &session.id, session.user().as_ref());
        session.count_end(why, outcome);
        session.begin_farewell();
        session.reply_last(out);
        out.clear();
    }

    fn poll_outbound(&mut self, session: &Rc<Session>, cx: &mut Context<'_>) -> Poll<()> {
        let (drained, moved) = session.outbound.poll_drain(cx, &session.common.ledger, &mut &**session);
        session.outbound.enlist(session.seat.slot());
        if moved {
            session.heard(); // a client that takes bytes is there
        }
        if session.outbound.is_dead() {
            return Poll::Ready(());
        }
        if moved && !session.outbound.is_pressed() && self.phase == Phase::Open {
            cx.waker().wake_by_ref(); // requests that waited for space are read now
        }
        if drained.is_ready() && self.phase == Phase::Parting {
            session.outbound.finish();
            self.phase = Phase::Finished;
        }
        if drained.is_ready()
            && self.phase == Phase::Open
            && self.is_fetched(cx)
            && session.seat.reads()
            && session.may_read()
        {
            self.fetching = session.read_on();
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }

    /// Whether nothing is on its way from the disk any more.
    fn is_fetched(&mut self, cx: &mut Context<'_>) -> bool {
        let fetched = self.fetching.as_mut().is_none_or(|fetching| fetching.poll_unpin(cx).is_ready());
        if fetched {
            self.fetching = None;
        }
        fetched
    }
}

/// The session leaves everything before its socket closes.
impl Drop for Run {
    fn drop(&mut self) {
        let session = &self.session;
        if !session.closing.replace(true) {
            session.common.shard.retire(session, &session.id, session.user().as_ref());
            session.count_end("gone", "gone".into()); // without a close frame of either side
            session.tell_watchers(Change::Close { code: LOST, reason: Box::default() });
        }
        if session.outbound.has_failed() {
            session.common.shard.counters().send_errors.add(1);
        }
        session.common.shard.close(session, &session.id, session.user().as_ref());
    }
}
