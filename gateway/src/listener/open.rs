//! What a connection is asked, and whether it is through with that.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

use crate::web::{Body, BoxError};

/// What a connection is asked.
#[derive(Debug, Default)]
pub(super) struct Activity {
    /// Requests so far.
    pub(super) begun: Cell<u64>,
    /// Those whose answers are not over.
    pub(super) open: Cell<u64>,
}

/// A request whose answer is not over.
pub(super) struct Open(Rc<Activity>);

impl Open {
    pub(super) fn new(activity: &Rc<Activity>) -> Self {
        activity.open.set(activity.open.get() + 1);
        Self(Rc::clone(activity))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.set(self.0.open.get() - 1);
    }
}

/// The body of an answer: one that goes on for long keeps its connection from being taken for an idle one.
pub(super) struct OpenBody {
    pub(super) body: Body,
    pub(super) _open: Open,
}

impl http_body::Body for OpenBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
