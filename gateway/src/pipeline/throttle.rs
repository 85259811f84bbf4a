//! How often a client may ask: by its address before anybody looks at who it is, and by its user after that.

use std::future::{Ready, ready};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::Either;
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode, header};
use tower::Service;

use super::{Pipeline, client};
use crate::identity::Principal;
use crate::limits::Verdict;
use crate::web::{Client, Problem, Response};

/// In the order of their values: the limit, what is left of it, and in how many seconds all of it is back. By the
/// draft of the IETF's httpapi group, and as most clients know them.
const HEADERS: [[HeaderName; 2]; 3] = [
    [HeaderName::from_static("ratelimit-limit"), HeaderName::from_static("x-ratelimit-limit")],
    [HeaderName::from_static("ratelimit-remaining"), HeaderName::from_static("x-ratelimit-remaining")],
    [HeaderName::from_static("ratelimit-reset"), HeaderName::from_static("x-ratelimit-reset")],
];

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
            Some(_) => pipeline.limits.handshake(client.address),
            None => pipeline.limits.request(client.address),
        }
    }
}

/// Judges by who asks; who has no user is only known by the address.
pub(super) fn by_user<B>(pipeline: Rc<Pipeline>) -> impl Fn(&Request<B>) -> Option<Verdict> + Clone {
    move |request| {
        let exempt = pipeline.exempts(client::of(request));
        let principal = request.extensions().get::<Arc<Principal>>().filter(|_| !exempt)?;
        pipeline.limits.user(principal.user.as_ref()?)
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
            Some(verdict) if !verdict.passes() => Either::Left(ready(Ok(refusal(&verdict)))),
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
            label(answer.headers_mut(), verdict);
        }
        Poll::Ready(answer)
    }
}

fn refusal(verdict: &Verdict) -> Response {
    let wait = verdict.retry_after.unwrap_or_default();
    let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "Rate limit exceeded").because("rate");
    let mut response: Response =
        problem.with("retry_after_ms", wait.as_micros().div_ceil(1000) as u64).into();
    response.headers_mut().insert(header::RETRY_AFTER, seconds(wait).into());
    label(response.headers_mut(), verdict);
    response
}

/// Of two limits the one that leaves less is told.
fn label(headers: &mut HeaderMap, verdict: &Verdict) {
    let before = headers.get(&HEADERS[1][0]).and_then(|left| left.to_str().ok()?.parse().ok());
    if before.is_some_and(|before: u32| before <= verdict.remaining) {
        return;
    }
    let values = [verdict.limit.into(), verdict.remaining.into(), seconds(verdict.reset)];
    for (names, value) in HEADERS.iter().zip(values) {
        for name in names {
            headers.insert(name, HeaderValue::from(value));
        }
    }
}

/// Rounded up: who comes then is not too early.
fn seconds(time: std::time::Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}
