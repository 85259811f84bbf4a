//! In a socket's place for a session that has none to itself: what it sends waits with the session until an answer over
//! HTTP, which may be another thread's, asks for more.

use std::cell::OnceCell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame};
use parking_lot::Mutex;

use super::Socket;

/// Bytes that an answer takes at a time; they are copied then, and count as sent.
const WINDOW: usize = 64 * 1024;

/// The session's end.
#[derive(Debug)]
pub struct Pipe {
    state: Arc<Mutex<State>>,
    /// What it has become.
    socket: OnceCell<Box<Socket>>,
}

/// The answer's end: a body that goes on until the session ends. When it is dropped, the session finds its connection
/// broken.
#[derive(Debug)]
pub struct Outlet(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// Sent, and not taken.
    sent: BytesMut,
    /// So many bytes the answer still takes: it gets what there is when it has its turn.
    wanted: usize,
    finished: bool,
    gone: bool,
    session: Option<Waker>,
    answer: Option<Waker>,
}

/// Both ends.
pub fn pipe() -> (Pipe, Outlet) {
    let state = Arc::<Mutex<State>>::default();
    (Pipe { state: Arc::clone(&state), socket: OnceCell::new() }, Outlet(state))
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}

impl State {
    fn take(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        if self.gone {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        if self.wanted == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let mut taken = 0;
        for piece in pieces {
            let some = piece.len().min(self.wanted - taken);
            self.sent.extend_from_slice(&piece[..some]);
            taken += some;
        }
        self.wanted -= taken;
        wake(&mut self.answer);
        Ok(taken)
    }
}

impl Pipe {
    /// The socket that is in its place now, if there is one.
    pub(super) fn socket(&self) -> Option<&Socket> {
        self.socket.get().map(|socket| &**socket)
    }

    pub(super) fn turn_into(&self, socket: Socket) {
        let _once = self.socket.set(Box::new(socket));
    }

    pub(super) fn send(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        self.state.lock().take(pieces)
    }

    pub(super) fn poll_send(&self, cx: &mut Context<'_>, pieces: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let mut state = self.state.lock();
        match state.take(pieces) {
            Err(full) if full.kind() == io::ErrorKind::WouldBlock => {
                state.session = Some(cx.waker().clone());
                Poll::Pending
            }
            taken => Poll::Ready(taken),
        }
    }

    pub(super) fn is_asked(&self) -> bool {
        let state = self.state.lock();
        state.wanted > 0 && state.sent.is_empty()
    }

    /// Nothing comes this way but the end.
    pub(super) fn poll_end(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state.lock();
        if state.gone {
            return Poll::Ready(());
        }
        state.session = Some(cx.waker().clone());
        Poll::Pending
    }

    pub(super) fn finish(&self) {
        let mut state = self.state.lock();
        state.finished = true;
        wake(&mut state.answer);
    }
}

/// A session that is gone without a word has sent its last.
impl Drop for Pipe {
    fn drop(&mut self) {
        self.finish();
    }
}

impl Outlet {
    /// The next bytes; none when the session has ended.
    pub fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        self.poll_at_most(cx, WINDOW)
    }

    /// The same, and so many of them at most, where none were asked for before.
    pub(super) fn poll_at_most(&self, cx: &mut Context<'_>, most: usize) -> Poll<Option<Bytes>> {
        let mut state = self.0.lock();
        if !state.sent.is_empty() {
            state.wanted = 0;
            return Poll::Ready(Some(state.sent.split().freeze()));
        }
        if state.finished {
            return Poll::Ready(None);
        }
        state.answer = Some(cx.waker().clone());
        state.wanted = most;
        wake(&mut state.session);
        Poll::Pending
    }

    /// Nothing is asked for any more.
    pub(super) fn rest(&self) {
        self.0.lock().wanted = 0;
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.gone = true;
        wake(&mut state.session);
    }
}

impl Body for Outlet {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.poll_next(cx).map(|next| next.map(|bytes| Ok(Frame::data(bytes))))
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    fn send(pipe: &Pipe, text: &str) -> Result<usize, io::ErrorKind> {
        pipe.send(&[IoSlice::new(text.as_bytes())]).map_err(|error| error.kind())
    }

    fn next(outlet: &Outlet) -> Poll<Option<Bytes>> {
        outlet.poll_next(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn nothing_is_taken_before_it_is_asked_for() {
        let (pipe, outlet) = pipe();
        assert_eq!(send(&pipe, "early"), Err(io::ErrorKind::WouldBlock));
        assert_eq!(next(&outlet), Poll::Pending);
        assert_eq!(send(&pipe, "one"), Ok(3));
        assert_eq!(send(&pipe, "two"), Ok(3), "the answer has not had its turn yet");
        assert_eq!(next(&outlet), Poll::Ready(Some("onetwo".into())));
        assert_eq!(send(&pipe, "late"), Err(io::ErrorKind::WouldBlock));
        assert_eq!(next(&outlet), Poll::Pending);
        let long = "x".repeat(WINDOW + 1);
        assert_eq!(send(&pipe, &long), Ok(WINDOW));
        assert_eq!(send(&pipe, "more"), Err(io::ErrorKind::WouldBlock));
    }

    #[test]
    fn each_end_finds_the_other_gone() {
        let (one, outlet) = pipe();
        let _asked = next(&outlet);
        assert_eq!(send(&one, "last"), Ok(4));
        drop(one);
        assert_eq!(next(&outlet), Poll::Ready(Some("last".into())), "what was sent is not lost");
        assert_eq!(next(&outlet), Poll::Ready(None));
        let (one, outlet) = pipe();
        let mut cx = Context::from_waker(Waker::noop());
        assert_eq!(one.poll_end(&mut cx), Poll::Pending);
        drop(outlet);
        assert_eq!(one.poll_end(&mut cx), Poll::Ready(()));
        assert_eq!(send(&one, "x"), Err(io::ErrorKind::BrokenPipe));
    }
}
