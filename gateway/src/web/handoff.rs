//! The hand-over of a connection from HTTP to what it was upgraded to.

use std::cell::Cell;
use std::rc::Rc;

use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use hyper::upgrade::OnUpgrade;

use crate::transport::Socket;

/// What HTTP leaves of a connection.
pub struct Upgraded {
    /// Nothing is written to it before the answer.
    pub socket: Socket,
    /// What the other end sent right behind its request; empty ones pin no buffer.
    pub early: Bytes,
    /// The 101, which is not sent: it goes out with what is said first, as one packet.
    pub answer: Vec<u8>,
}

/// What runs on the socket once HTTP is done with it.
pub type Run = Box<dyn FnOnce(Upgraded) -> LocalBoxFuture<'static, ()>>;

/// An upgrade that is answered with 101.
pub struct Takeover {
    /// Resolves once the answer is made.
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

    /// Whether something was left.
    pub fn is_left(&self) -> bool {
        let left = self.take();
        let is_left = left.is_some();
        self.0.set(left);
        is_left
    }

    /// Takes what was left.
    pub fn take(&self) -> Option<Takeover> {
        self.0.take()
    }
}
