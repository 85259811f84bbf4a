//! How often a client may ask: by its address before anybody looks at who it is, and by its user after that.

use std::future::{Ready, ready};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::Either;
use http::Request;
use tower::Service;

use super::{Pipeline, client};
use crate::identity::Principal;
use crate::limits::{self, Verdict};
use crate::web::{Client, Response};

/// A layer that asks `judge` for a verdict on each request, and puts it on the answer.
#[derive(Clone)]
pub(super) struct Throttle<J, S> {
    pub(super) judge: J,
    pub(super) inner: S,
}

/// Judges by the client's address: handshakes by one limit, other requests by another.
pub(super) fn by_address<B>(pipeline: Rc<Pipeline>) -> impl Fn(&Request<B>) -> Option<Verdict> + Clone {
    move |request| {
        let client = client::of(request);
        match pipeline.rules().endpoint(request.uri().path()) {
            _ if pipeline.exempts(client) => None,
            Some(endpoint) if endpoint.begins(request) => pipeline.limits.handshake(client.address),
            _ => pipeline.limits.request(client.address),
        }
    }
}

/// Judges by who asks; who has no user is only known by the address.
pub(super) fn by_user<B>(pipeline: Rc<Pipeline>) -> impl Fn(&Request<B>) -> Option<Verdict> + Clone {
    move |request| {
        let exempt = pipeline.exempts(client::of(request));
        let principal = request.extensions().get::<Arc<Principal>>().filter(|_| !exempt)?;
        pipeline.limits.user(principal)
    }
}

impl Pipeline {
    fn exempts(&self, client: Client) -> bool {
        client.exemptible && self.limits.exempts(client.address)
    }
}

impl<B, J, S> Service<Request<B>> for Throttle<J, S>
where
    J: Fn(&Request<B>) -> Option<Verdict>,
    S: Service<Request<B>, Response = Response, Future: Unpin>,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Either<Ready<Result<Response, S::Error>>, Throttled<S::Future>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        match (self.judge)(&request) {
            Some(verdict) if !verdict.passes() => Either::Left(ready(Ok(limits::problem(&verdict).into()))),
            verdict => Either::Right(Throttled { answer: self.inner.call(request), verdict }),
        }
    }
}

/// An answer that gets the verdict on its request.
pub(super) struct Throttled<F> {
    answer: F,
    verdict: Option<Verdict>,
}

impl<F: Future<Output = Result<Response, E>> + Unpin, E> Future for Throttled<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut answer = std::task::ready!(Pin::new(&mut self.answer).poll(cx));
        if let (Ok(answer), Some(verdict)) = (&mut answer, &self.verdict) {
            limits::label(answer.headers_mut(), verdict);
        }
        Poll::Ready(answer)
    }
}
