//! Who asks. A profile that is anonymous gives every scope to who shows no token, but only under a host that is
//! loopback or configured: any page can have its own name lead to this address (DNS rebinding), and is of the
//! "same origin" then. A token that cannot be verified gives nothing.

use std::rc::Rc;
use std::sync::Arc;

use http::{Request, header};

use super::{Pipeline, origin};
use crate::web::Problem;

/// `hosts`: which of the configured lists is the listener's.
pub(super) fn check<B>(
    pipeline: Rc<Pipeline>,
    hosts: Option<usize>,
) -> impl Fn(&mut Request<B>) -> Result<(), Problem> + Clone {
    move |request| {
        let path = request.uri().path();
        let profile =
            pipeline.endpoint(path).map_or(pipeline.config.anonymous, |endpoint| endpoint.anonymous);
        let configured = hosts.map_or(&[][..], |index| &pipeline.config.hosts[index].1);
        let holds = profile && !shows_token(request) && is_own(request, configured);
        request.extensions_mut().insert(Arc::clone(if holds {
            &pipeline.anonymous
        } else {
            &pipeline.nobody
        }));
        Ok(())
    }
}

fn shows_token<B>(request: &Request<B>) -> bool {
    let in_query =
        |query: &str| query.split('&').any(|pair| pair.strip_prefix("token=").is_some_and(|t| !t.is_empty()));
    request.headers().contains_key(header::AUTHORIZATION) || request.uri().query().is_some_and(in_query)
}

fn is_own<B>(request: &Request<B>, configured: &[String]) -> bool {
    let Some(host) = origin::host(request) else { return false };
    let listed = |name: &String| name == "*" || name.eq_ignore_ascii_case(host.name);
    host.is_loopback() || configured.iter().any(listed)
}
