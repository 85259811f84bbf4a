//! Headers by which browsers protect who uses them. An answer that sets one itself keeps its own: a page knows
//! better what it needs.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode, header};
use tower::Service;

use super::{Pipeline, client};
use crate::web::Response;

const CROSS_ORIGIN_OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// On every answer: it is what it says it is, no page of another origin shows it (one that may read it by CORS still
/// can), and where somebody goes on to from here does not learn from where.
const ALWAYS: [(HeaderName, HeaderValue); 3] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("same-origin")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
];

/// On HTML: no other page frames it, or holds on to its window.
const ON_PAGES: [(HeaderName, HeaderValue); 3] = [
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("frame-ancestors 'none'")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (CROSS_ORIGIN_OPENER_POLICY, HeaderValue::from_static("same-origin")),
];

/// `Strict-Transport-Security`: for so long browsers use TLS for this host and nothing else. Of hosts below it
/// nothing is said: the gateway does not know them.
pub fn hsts(age: Duration) -> HeaderValue {
    let text = format!("max-age={}", age.as_secs());
    HeaderValue::try_from(text).unwrap_or_else(|_| unreachable!("digits are a header's value"))
}

#[derive(Clone)]
pub(super) struct Headers<S> {
    pub(super) pipeline: Rc<Pipeline>,
    pub(super) inner: S,
}

impl<B, S> Service<Request<B>> for Headers<S>
where
    S: Service<Request<B>, Response = Response, Future: Unpin>,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Protected<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let transport =
            client::of(&request).secure.then(|| self.pipeline.rules().listener()?.hsts.clone()).flatten();
        let private = is_private(request.uri().path());
        Protected { answer: self.inner.call(request), transport, private }
    }
}

/// Whether what is answered is for who asks, and nobody's cache.
fn is_private(path: &str) -> bool {
    let below = |root| path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    below("/api/v1") || below("/admin")
}

/// An answer that gets the headers.
pub(super) struct Protected<F> {
    answer: F,
    transport: Option<HeaderValue>,
    private: bool,
}

impl<F: Future<Output = Result<Response, E>> + Unpin, E> Future for Protected<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut answer = ready!(Pin::new(&mut self.answer).poll(cx));
        if let Ok(answer) = &mut answer
            && answer.status() != StatusCode::SWITCHING_PROTOCOLS
        {
            let refused = matches!(answer.status(), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
            let headers = answer.headers_mut();
            add(headers, ALWAYS);
            if headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"))
            {
                add(headers, ON_PAGES);
            }
            if self.private || refused {
                add(headers, [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))]);
            }
            add(headers, self.transport.take().map(|value| (header::STRICT_TRANSPORT_SECURITY, value)));
        }
        Poll::Ready(answer)
    }
}

fn add(headers: &mut HeaderMap, more: impl IntoIterator<Item = (HeaderName, HeaderValue)>) {
    for (name, value) in more {
        headers.entry(name).or_insert(value);
    }
}
