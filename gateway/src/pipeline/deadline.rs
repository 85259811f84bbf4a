//! Gives up a request that takes too long: 503, and what worked on it is dropped. It covers all of its time
//! until the answer begins; what a body or a plugin may take by itself is bounded further in, with answers of its
//! own.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{HeaderValue, Request, header};
use tokio::time::{Sleep, sleep};
use tower::Service;

use super::Pipeline;
use crate::web::{Problem, Response};

/// In how many seconds a client may try again.
const RETRY: u16 = 5;

#[derive(Clone)]
pub(super) struct Deadline<S> {
    pub(super) pipeline: Rc<Pipeline>,
    pub(super) inner: S,
}

impl<B, S> Service<Request<B>> for Deadline<S>
where
    S: Service<Request<B>, Response = Response, Future: Unpin>,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Bounded<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let patience = self.pipeline.rules().config.answer_timeout;
        Bounded { answer: Some(self.inner.call(request)), patience, end: None }
    }
}

/// An answer that must come in time.
pub(super) struct Bounded<F> {
    /// None once it was given up.
    answer: Option<F>,
    patience: Duration,
    /// There as soon as there is something to wait for: most answers are there at once.
    end: Option<Pin<Box<Sleep>>>,
}

impl<F: Future<Output = Result<Response, E>> + Unpin, E> Future for Bounded<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        if let Some(answer) = &mut this.answer
            && let Poll::Ready(answer) = Pin::new(answer).poll(cx)
        {
            return Poll::Ready(answer);
        }
        let patience = this.patience;
        let end = this.end.get_or_insert_with(|| Box::pin(sleep(patience)));
        std::task::ready!(end.as_mut().poll(cx));
        this.answer = None;
        // What is left of the request's body would be taken for the next request.
        let problem = Problem::busy("the request was not answered in time", RETRY);
        Poll::Ready(Ok(problem.header(header::CONNECTION, HeaderValue::from_static("close")).into()))
    }
}
