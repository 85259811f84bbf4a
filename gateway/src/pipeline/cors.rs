//! CORS for what a page asks; requests without an `Origin` pass by it.

use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::Either;
use http::{HeaderName, HeaderValue, Method, Request, header};
use tower::{Layer, Service};
use tower_http::cors::{AllowHeaders, AllowOrigin, Cors as Answered, CorsLayer};

use super::request_id::X_REQUEST_ID;
use super::{Origins, Pipeline};
use crate::web::Response;

/// For how long a browser may go by a preflight's answer.
const MAX_AGE: Duration = Duration::from_secs(600);

/// What a page may send and read beside what is always allowed.
const EXPOSED: [HeaderName; 2] = [X_REQUEST_ID, header::RETRY_AFTER];

/// Why origins cannot be served.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadOrigins {
    /// Any page could use its visitor's credentials.
    #[error("cors: the origin '*' cannot be allowed together with credentials")]
    AnyWithCredentials,
    /// Not the value of a header.
    #[error("cors: '{0}' is no origin")]
    Malformed(String),
}

pub(super) fn layer(origins: &Origins, credentials: bool) -> Result<CorsLayer, BadOrigins> {
    if origins.any() && credentials {
        return Err(BadOrigins::AnyWithCredentials);
    }
    let named =
        |origin: &String| HeaderValue::from_str(origin).map_err(|_| BadOrigins::Malformed(origin.clone()));
    let allowed = if origins.any() {
        AllowOrigin::any()
    } else {
        AllowOrigin::list(origins.named().iter().map(named).collect::<Result<Vec<_>, _>>()?)
    };
    let methods = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::OPTIONS,
    ];
    Ok(CorsLayer::new()
        .allow_origin(allowed)
        .allow_credentials(credentials)
        .allow_methods(methods)
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers(EXPOSED)
        .max_age(MAX_AGE))
}

#[derive(Clone)]
pub(super) struct Cors<S> {
    pub(super) pipeline: Rc<Pipeline>,
    pub(super) inner: S,
}

impl<B, S> Service<Request<B>> for Cors<S>
where
    S: Service<Request<B>, Response = Response> + Clone,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Either<S::Future, <Answered<S> as Service<Request<B>>>::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    /// Any `OPTIONS` with an `Origin` is a preflight and answered here.
    fn call(&mut self, request: Request<B>) -> Self::Future {
        if request.headers().contains_key(header::ORIGIN) {
            // Made only here, as the layer's lists are copied with it.
            let rules = self.pipeline.rules();
            return Either::Right(rules.cors(request.uri().path()).layer(self.inner.clone()).call(request));
        }
        Either::Left(self.inner.call(request))
    }
}
