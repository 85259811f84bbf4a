//! A request's body, of which a handler may leave what it does not need.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

/// Bytes that are read of a body that nobody wants.
const REST: u64 = 64 * 1024;
/// For how long they may arrive.
const PATIENCE: Duration = Duration::from_secs(1);

/// A body as it arrives. Its connection keeps it as well, to read what was left of it before the answer goes out:
/// otherwise what follows on the connection would be taken for the next request, and the connection had to be closed.
#[derive(Clone, Debug)]
pub struct RequestBody(Rc<RefCell<Incoming>>);

impl From<Incoming> for RequestBody {
    fn from(body: Incoming) -> Self {
        Self(Rc::new(RefCell::new(body)))
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.0.borrow().is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.borrow().size_hint()
    }
}

impl RequestBody {
    /// Reads to the end what little there is left, and tells whether it got there.
    pub async fn drain(mut self) -> bool {
        if self.is_end_stream() {
            return true;
        }
        if self.size_hint().lower() > REST {
            return false;
        }
        let to_the_end = async {
            let mut read = 0;
            while read <= REST {
                match poll_fn(|cx| Pin::new(&mut self).poll_frame(cx)).await {
                    Some(Ok(frame)) => read += frame.data_ref().map_or(0, |data| data.len() as u64),
                    Some(Err(_)) => return false,
                    None => return true,
                }
            }
            false
        };
        tokio::time::timeout(PATIENCE, to_the_end).await.unwrap_or(false)
    }
}
