//! What every request passes on its way to the router, as one stack of tower layers.

mod access_log;
mod authenticate;
mod cors;
mod guard;
mod hygiene;
mod origin;
mod request_id;
mod rescue;
mod sizes;
mod throttle;

use std::convert::Infallible;
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;

use arc_swap::ArcSwap;
use futures_util::FutureExt;
use http::Request;
use tower::layer::layer_fn;
use tower::{Service, ServiceBuilder, service_fn};
use tower_http::cors::CorsLayer;

use crate::identity::{ApiKeys, Principal, Profile};
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::web::{ConnectionInfo, Response, trim};
use access_log::AccessLog;
use authenticate::Authenticate;
use guard::Guard;
use request_id::Ids;
use rescue::Rescue;
use throttle::Throttle;

pub use cors::BadOrigins;
pub use origin::Origins;

/// What requests are judged by.
#[derive(Clone)]
pub struct Config {
    /// Origins of web pages that may use the gateway.
    pub origins: Origins,
    /// Whether such pages may send credentials.
    pub credentials: bool,
    /// By which a request to the API or a plugin says who it is by.
    pub profile: Arc<Profile>,
    /// Keys that programs may show there instead of a token.
    pub api_keys: Arc<ApiKeys>,
    /// The endpoints' own rules.
    pub endpoints: Vec<EndpointRules>,
    /// By a listener's name: hosts besides loopback under which anonymous rights hold; `*` is any.
    pub hosts: Vec<(Arc<str>, Vec<String>)>,
}

/// What holds at an endpoint's path.
#[derive(Clone)]
pub struct EndpointRules {
    /// The path.
    pub path: String,
    /// By which a client says who it is.
    pub profile: Arc<Profile>,
    /// Origins of pages that may connect; none: those of the gateway's own origin and of [`Config::origins`].
    pub origins: Origins,
}

/// A [`Config`] that has been judged.
pub struct Rules {
    config: Config,
    cors: CorsLayer,
}

/// The rules of all shards, which may be replaced: each request goes by those of the moment when it came.
pub type LiveRules = Arc<ArcSwap<Rules>>;

impl Rules {
    /// Judges the configuration.
    ///
    /// # Errors
    /// [`BadOrigins`].
    pub fn new(config: Config) -> Result<Self, BadOrigins> {
        Ok(Self { cors: cors::layer(&config.origins, config.credentials)?, config })
    }

    /// For every shard, and to be replaced.
    pub fn live(self) -> LiveRules {
        Arc::new(ArcSwap::from_pointee(self))
    }

    fn endpoint(&self, path: &str) -> Option<&EndpointRules> {
        let path = trim(path);
        self.config.endpoints.iter().find(|endpoint| trim(&endpoint.path) == path)
    }
}

/// What the layers go by, shared by the connections of a shard.
pub struct Pipeline {
    rules: LiveRules,
    ids: Ids,
    /// Who a request is by that shows nothing.
    anonymous: Arc<Principal>,
    nobody: Arc<Principal>,
    limits: Arc<Limits>,
    metrics: Arc<Metrics>,
}

impl Pipeline {
    /// For one shard.
    pub fn new(rules: LiveRules, limits: Arc<Limits>, metrics: Arc<Metrics>) -> Rc<Self> {
        let (anonymous, nobody) = (Arc::new(Principal::anonymous()), Arc::default());
        Rc::new(Self { rules, ids: Ids::default(), anonymous, nobody, limits, metrics })
    }

    /// The stack around `handler`, for one connection; outermost first.
    pub fn stack<B, H, F>(
        self: &Rc<Self>,
        info: Arc<ConnectionInfo>,
        handler: H,
    ) -> impl Service<Request<B>, Response = Response, Error = Infallible, Future: 'static> + Clone + use<B, H, F>
    where
        B: 'static,
        H: Fn(Request<B>) -> F + Clone + 'static,
        F: Future<Output = Response> + 'static,
    {
        let of = || Rc::clone(self);
        let address = info.peer.ip();
        let hosts = self.rules().config.hosts.iter().position(|(listener, _)| *listener == info.listener);
        ServiceBuilder::new()
            // First, so that every answer bears it, and everything below can name it.
            .layer(layer_fn(|inner| request_id::RequestIds {
                ids: of().ids.clone(),
                info: Arc::clone(&info),
                inner,
            }))
            // Sees the final status, of what the layers below refuse too.
            .layer(layer_fn(|inner| AccessLog {
                metrics: Arc::clone(&self.metrics),
                info: Arc::clone(&info),
                inner,
            }))
            // What is no HTTP as it is spoken here gets no further: nothing below reads such headers.
            .layer(layer_fn(|inner| Guard { check: hygiene::check(of()), inner }))
            // Outside of all that can refuse a page's request, so that the page may read the refusal; before
            // rights, as a preflight bears no token.
            .layer(layer_fn(|inner| cors::Cors { pipeline: of(), inner }))
            // Inside of the above, so that the answer to a panic is like any other.
            .layer(layer_fn(|inner| Rescue { metrics: Arc::clone(&self.metrics), inner }))
            // Before anybody looks at what is too long.
            .layer(layer_fn(|inner| Guard { check: sizes::check, inner }))
            // Whoever asks: another site's page may not make its visitor's browser connect or change things.
            .layer(layer_fn(|inner| Guard { check: origin::check(of()), inner }))
            // Before a token is looked at: who asks too often costs no more than this.
            .layer(layer_fn(|inner| Throttle { judge: throttle::by_address(of(), address), inner }))
            // Who asks, and with which rights.
            .layer(layer_fn(|inner| Authenticate { pipeline: of(), hosts, inner }))
            // Last, as it has to know who asks.
            .layer(layer_fn(|inner| Throttle { judge: throttle::by_user(of(), address), inner }))
            // The seam: below is one type, whatever is served.
            .service(service_fn(move |request| handler(request).map(Ok).boxed_local()))
    }

    fn rules(&self) -> arc_swap::Guard<Arc<Rules>> {
        self.rules.load()
    }
}

#[cfg(test)]
mod tests;
