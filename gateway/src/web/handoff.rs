//! The hand-over of a connection from HTTP to what it was upgraded to.

use std::cell::Cell;
use std::rc::Rc;

use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use hyper::upgrade::OnUpgrade;

use crate::transport::Socket;

/// What runs on the socket once HTTP is done with it. The bytes are what the other end sent right behind its
/// request; empty ones pin no buffer.
pub type Run = Box<dyn FnOnce(Socket, Bytes) -> LocalBoxFuture<'static, ()>>;

/// An upgrade that has been answered with 101.
pub struct Takeover {
    /// Resolves once the answer is on its way.
    pub on: OnUpgrade,
    /// Goes on in the connection's own task.
    pub run: Run,
}

/// Where a request's service leaves a [`Takeover`] for the connection's task: `http::Extensions` would want
/// `Send + Sync`, which what runs on a shard is not.
#[derive(Clone, Default)]
pub struct Handoff(Rc<Cell<Option<Takeover>>>);

impl Handoff {
    /// Leaves the takeover; the answer must be 101.
    pub fn leave(&self, takeover: Takeover) {
        self.0.set(Some(takeover));
    }

    /// Takes what was left.
    pub fn take(&self) -> Option<Takeover> {
        self.0.take()
    }
}
