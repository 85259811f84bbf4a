//! What of a session's requests is not answered yet: calls that plugins answer, and one request at most that waits for
//! somebody else.

use std::rc::Rc;
use std::task::{Context, Poll};

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use serde_json::value::RawValue;

use super::Session;
use super::calls::Calls;

/// What a request does once what it waited for is there: answers it, into the buffer.
pub(super) type Then = Box<dyn FnOnce(&Rc<Session>, Option<&RawValue>, &mut Vec<u8>)>;

/// A request that waits. Requests are answered in order, so the next one waits too.
struct Waiting {
    id: Option<Box<RawValue>>,
    then: LocalBoxFuture<'static, Then>,
}

/// See the module's documentation.
#[derive(Default)]
pub(super) struct Open {
    pub(super) calls: Calls,
    /// Boxed: most sessions never have one.
    waiting: Option<Box<Waiting>>,
}

impl Open {
    /// Has a request wait.
    pub(super) fn wait(&mut self, id: Option<&RawValue>, then: LocalBoxFuture<'static, Then>) {
        self.waiting = Some(Box::new(Waiting { id: id.map(ToOwned::to_owned), then }));
    }

    /// Whether the next request has to wait.
    pub(super) fn is_waiting(&self) -> bool {
        self.waiting.is_some() || self.calls.is_waiting()
    }

    /// Writes the answers that have come.
    pub(super) fn poll(&mut self, session: &Rc<Session>, cx: &mut Context<'_>, out: &mut Vec<u8>) {
        self.calls.poll(session, cx, out);
        if let Some(waiting) = &mut self.waiting
            && let Poll::Ready(then) = waiting.then.poll_unpin(cx)
        {
            let id = waiting.id.take();
            self.waiting = None;
            then(session, id.as_deref(), out);
        }
    }
}
