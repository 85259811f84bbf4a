//! A handler that panics answers 500 with the request's id, and nothing of the panic.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, StatusCode};
use tower::Service;

use crate::metrics::Metrics;
use crate::web::{Problem, RequestId, Response};

#[derive(Clone)]
pub(super) struct Rescue<S> {
    pub(super) metrics: Arc<Metrics>,
    pub(super) inner: S,
}

impl<B, S> Service<Request<B>> for Rescue<S>
where
    S: Service<Request<B>, Response = Response, Future: Unpin>,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Rescued<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let id = request.extensions().get::<RequestId>().cloned();
        // Unwind safe: what panicked is dropped, or built anew for the next request.
        let answer = catch_unwind(AssertUnwindSafe(|| self.inner.call(request)));
        Rescued { answer: Some(answer), id, metrics: Arc::clone(&self.metrics) }
    }
}

/// An answer that may panic while it is made.
pub(super) struct Rescued<F> {
    answer: Option<std::thread::Result<F>>,
    id: Option<RequestId>,
    metrics: Arc<Metrics>,
}

impl<F: Future<Output = Result<Response, E>> + Unpin, E> Future for Rescued<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let polled = match self.answer.take() {
            Some(Ok(mut answer)) => {
                let polled = catch_unwind(AssertUnwindSafe(|| Pin::new(&mut answer).poll(cx)));
                if matches!(polled, Ok(Poll::Pending)) {
                    self.answer = Some(Ok(answer));
                }
                polled
            }
            Some(Err(panic)) => Err(panic),
            None => unreachable!("polled after its end"),
        };
        polled.unwrap_or_else(|panic| Poll::Ready(Ok(self.answer_for(&*panic))))
    }
}

impl<F> Rescued<F> {
    fn answer_for(&self, panic: &(dyn Any + Send)) -> Response {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("not a text");
        let id = self.id.as_ref().map_or("", RequestId::as_str);
        tracing::error!(request_id = id, panic = text, "a handler panicked");
        self.metrics.answers.panics.add(1);
        let problem = Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "an internal error; its request_id finds it in the log",
        );
        problem.with("request_id", id).into()
    }
}
