//! Gives each request an id, or keeps the one that a proxy gave it, and puts it on the answer.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{HeaderName, HeaderValue, Request};
use tower::Service;

use crate::web::{ConnectionInfo, RequestId, Response};

pub(super) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Bytes of a given id at most: it goes into logs.
const LONGEST: usize = 64;

/// Makes ids: 12 digits of this shard in this process, then a number.
#[derive(Clone)]
pub(super) struct Ids(Rc<(u64, Cell<u32>)>);

impl Default for Ids {
    fn default() -> Self {
        Self(Rc::new((uuid::Uuid::new_v4().as_u64_pair().0 >> 16, Cell::new(0))))
    }
}

impl Ids {
    fn next(&self) -> HeaderValue {
        let (shard, number) = &*self.0;
        number.set(number.get().wrapping_add(1));
        let id = format!("{shard:012x}{:08x}", number.get());
        HeaderValue::try_from(id).unwrap_or_else(|_| unreachable!("hexadecimal digits are a header's value"))
    }
}

#[derive(Clone)]
pub(super) struct RequestIds<S> {
    pub(super) ids: Ids,
    pub(super) info: Arc<ConnectionInfo>,
    pub(super) inner: S,
}

impl<B, S> Service<Request<B>> for RequestIds<S>
where
    S: Service<Request<B>, Response = Response, Future: Unpin>,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Labelled<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let given = request.headers().get(X_REQUEST_ID).filter(|id| is_sane(id.as_bytes())).cloned();
        let id = given.unwrap_or_else(|| self.ids.next());
        request.extensions_mut().insert(RequestId(id.clone()));
        request.extensions_mut().insert(Arc::clone(&self.info));
        Labelled { answer: self.inner.call(request), id: Some(id) }
    }
}

fn is_sane(id: &[u8]) -> bool {
    let plain = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    (1..=LONGEST).contains(&id.len()) && id.iter().all(plain)
}

/// An answer that gets its request's id.
pub(super) struct Labelled<F> {
    answer: F,
    id: Option<HeaderValue>,
}

impl<F: Future<Output = Result<Response, E>> + Unpin, E> Future for Labelled<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut answer = ready!(Pin::new(&mut self.answer).poll(cx));
        if let (Ok(answer), Some(id)) = (&mut answer, self.id.take()) {
            answer.headers_mut().insert(X_REQUEST_ID, id);
        }
        Poll::Ready(answer)
    }
}
