//! A layer that lets a request pass, perhaps changed, or answers it with a problem.

use std::future::{Ready, ready};
use std::task::{Context, Poll};

use futures_util::future::Either;
use http::Request;
use tower::Service;

use crate::web::{Problem, Response};

#[derive(Clone)]
pub(super) struct Guard<C, S> {
    pub(super) check: C,
    pub(super) inner: S,
}

impl<B, C, S> Service<Request<B>> for Guard<C, S>
where
    C: Fn(&mut Request<B>) -> Result<(), Problem>,
    S: Service<Request<B>, Response = Response>,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Either<Ready<Result<Response, S::Error>>, S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        match (self.check)(&mut request) {
            Ok(()) => Either::Right(self.inner.call(request)),
            Err(problem) => Either::Left(ready(Ok(problem.into()))),
        }
    }
}
