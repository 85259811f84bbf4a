//! Who a request is from: the other end of its connection or, where that is a trusted proxy, whom the proxy names. All
//! below go by this alone: limits, exemptions, the log, plugins.

use std::rc::Rc;
use std::sync::Arc;

use http::{HeaderMap, Request};

use super::Pipeline;
use super::forwarded::{self, Said};
use crate::web::{Client, ConnectionInfo, Problem};

/// Finds out and notes it on the request. Lets all of them pass.
pub(super) fn note<B>(
    pipeline: Rc<Pipeline>,
    info: Arc<ConnectionInfo>,
) -> impl Fn(&mut Request<B>) -> Result<(), Problem> + Clone {
    move |request| {
        let client = resolve(&pipeline, &info, request.headers());
        request.extensions_mut().insert(client);
        Ok(())
    }
}

fn resolve(pipeline: &Pipeline, info: &ConnectionInfo, headers: &HeaderMap) -> Client {
    let peer = info.peer.ip().to_canonical();
    let rules = pipeline.rules();
    let proxies = rules.listener().map_or(&[][..], |listener| &listener.trusted_proxies);
    let trusted = |address| proxies.iter().any(|network| network.contains(address));
    let said = if trusted(peer) { forwarded::read(headers, trusted) } else { Ok(Said::default()) };
    let Said { address, secure } = said.unwrap_or_default();
    Client {
        address: address.unwrap_or(peer),
        exemptible: said.is_ok(),
        secure: secure.unwrap_or(info.tls.is_some()),
    }
}

/// Of a request that has come through [`note`].
pub(super) fn of<B>(request: &Request<B>) -> Client {
    let noted = request.extensions().get::<Client>();
    *noted.unwrap_or_else(|| unreachable!("the stack notes the client before anybody asks for it"))
}
