//! A page of another origin may not make its visitor's browser open a session or change something: CORS does not
//! stop either, as a WebSocket handshake asks no leave and a simple POST needs no preflight.

use std::rc::Rc;

use http::{Request, StatusCode, header};

use super::{Pipeline, client};
use crate::web::{Host, Problem};

/// Origins of web pages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins {
    /// Compared exactly.
    exact: Vec<String>,
    any: bool,
}

impl Origins {
    /// Of the configuration's list, in which `*` is any.
    pub fn new(list: impl IntoIterator<Item = String>) -> Self {
        let mut exact: Vec<_> = list.into_iter().collect();
        let any = exact.iter().any(|origin| origin == "*");
        exact.retain(|origin| origin != "*");
        Self { exact, any }
    }

    /// Whether any origin will do.
    pub(super) fn any(&self) -> bool {
        self.any
    }

    /// Those that are named.
    pub(super) fn named(&self) -> &[String] {
        &self.exact
    }

    pub(super) fn is_empty(&self) -> bool {
        !self.any && self.exact.is_empty()
    }

    fn list(&self, origin: &str) -> bool {
        self.any || self.exact.iter().any(|listed| listed == origin)
    }
}

pub(super) fn check<B>(pipeline: Rc<Pipeline>) -> impl Fn(&mut Request<B>) -> Result<(), Problem> + Clone {
    move |request| {
        if may(&pipeline, request) {
            return Ok(());
        }
        pipeline.metrics.answers.origins.add(1);
        if pipeline.rules().endpoint(request.uri().path()).is_some() {
            pipeline.metrics.handshakes.count("origin");
        }
        Err(Problem::new(StatusCode::FORBIDDEN, "pages of this origin may not do this here")
            .because("origin"))
    }
}

fn may<B>(pipeline: &Pipeline, request: &Request<B>) -> bool {
    let headers = request.headers();
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let Some(origin) = origins.next() else { return true };
    let rules = pipeline.rules();
    let opens = match rules.endpoint(request.uri().path()) {
        Some(endpoint) => endpoint.opens(request),
        None => headers.contains_key(header::UPGRADE),
    };
    if request.method().is_safe() && !opens {
        return true; // it only reads, and the browser keeps what it reads from the page
    }
    let (Ok(origin), None) = (origin.to_str(), origins.next()) else { return false };
    is_listed(pipeline, request, origin)
}

/// Whether a request bears an `Origin`, and it is one that may connect.
pub(super) fn matches<B>(pipeline: &Pipeline, request: &Request<B>) -> bool {
    let mut origins = request.headers().get_all(header::ORIGIN).iter();
    let origin = origins.next().and_then(|origin| origin.to_str().ok());
    origins.next().is_none() && origin.is_some_and(|origin| is_listed(pipeline, request, origin))
}

fn is_listed<B>(pipeline: &Pipeline, request: &Request<B>, origin: &str) -> bool {
    let rules = pipeline.rules();
    let own = rules.endpoint(request.uri().path()).map(|endpoint| &endpoint.origins);
    match own.filter(|own| !own.is_empty()) {
        Some(own) => own.list(origin),
        None => {
            rules.config.origins.list(origin) || is_same(origin, host(request), client::of(request).secure)
        }
    }
}

/// The host that a request is for.
pub(super) fn host<B>(request: &Request<B>) -> Option<Host<'_>> {
    Host::of(request)
}

/// Over TLS a page that came without it is another origin: anybody on its way may have written it. Without TLS here
/// there may be some in front.
fn is_same(origin: &str, host: Option<Host<'_>>, tls: bool) -> bool {
    let (default, rest) = match origin.split_once("://") {
        Some(("http", _)) if tls => return false,
        Some(("http", rest)) => (80, rest),
        Some(("https", rest)) => (443, rest),
        _ => return false,
    };
    host.zip(Host::parse(rest)).is_some_and(|(host, origin)| host.same(&origin, default))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_origin_is_the_same_host_and_port() {
        for (origin, host, same) in [
            ("http://a:8080", "a:8080", true),
            ("http://A", "a:80", true),
            ("https://a:443", "a", true),
            ("http://a", "a:8080", false),
            ("http://b", "a", false),
            ("http://a.b", "a", false),
            ("http://a/path", "a", false),
            ("file://a", "a", false),
            ("null", "null", false),
        ] {
            assert_eq!(is_same(origin, Host::parse(host), false), same, "{origin} {host}");
        }
        assert!(is_same("https://a", Host::parse("a"), true));
        assert!(!is_same("http://a", Host::parse("a"), true), "written by whoever");
    }
}
