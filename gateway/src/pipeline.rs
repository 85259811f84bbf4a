//! What every request passes on its way to the router, as one stack of tower layers: [`Pipeline::stack`].
//!
//! | layer | what it does | refuses with |
//! |---|---|---|
//! | request id | names the request, and the connection that it came by | |
//! | client | finds out whose it is, behind proxies | |
//! | access log | counts and logs the answer | |
//! | headers | tells browsers to be careful | |
//! | hygiene | what is no HTTP as it is spoken here | 400, 405, 501 |
//! | CORS | lets pages read answers; answers preflights | |
//! | rescue | answers for a handler that panics | 500 |
//! | deadline | answers for one that takes too long | 503 |
//! | sizes | what is longer than is needed here | 413, 414, 431 |
//! | origin | pages of other sites | 403 |
//! | limit by address | who asks too often | 429 |
//! | authentication | notes who asks, and why a token does not hold | |
//! | limit by user | who asks too often, from wherever | 429 |
//! | serves | what is not at this listener | 404 |
//!
//! A refusal passes the layers above it on its way back. That is why headers and CORS stand above rescue, deadline and
//! sizes: browsers are to be as careful with a refusal, and the page that caused it may read it. Hygiene
//! stands above CORS, which reads headers. The wait for the body is the router's, who knows by then that somebody may
//! send it.

mod access_log;
mod authenticate;
mod client;
mod cors;
mod deadline;
mod forwarded;
mod guard;
mod headers;
mod hygiene;
mod origin;
mod request_id;
mod rescue;
mod serves;
mod sizes;
mod throttle;

use std::convert::Infallible;
use std::future::Future;
use std::ops::Deref;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use futures_util::FutureExt;
use http::{HeaderValue, Request, header};
use tower::layer::layer_fn;
use tower::{Service, ServiceBuilder, service_fn};
use tower_http::cors::CorsLayer;

use crate::audit::Audit;
use crate::identity::{ApiKeys, Principal, Profile};
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::units::Network;
use crate::web::{ConnectionInfo, Located, Part, Parts, Response, query_pairs};
use access_log::AccessLog;
use authenticate::Authenticate;
use deadline::Deadline;
use guard::Guard;
use headers::Headers;
use request_id::Ids;
use rescue::Rescue;
use throttle::Throttle;

pub use cors::BadOrigins;
pub use headers::hsts;
pub use origin::Origins;
pub use sizes::Sizes;

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
    pub endpoints: Located<EndpointRules>,
    /// How long requests may be.
    pub sizes: Sizes,
    /// How long an answer may take to begin.
    pub answer_timeout: Duration,
    /// The listeners' own rules.
    pub listeners: Vec<ListenerRules>,
}

/// What holds at a listener.
#[derive(Clone, Debug, Default)]
pub struct ListenerRules {
    /// Its name.
    pub name: Arc<str>,
    /// Hosts besides loopback under which anonymous rights hold; `*` is any.
    pub hosts: Vec<String>,
    /// Proxies that are believed who their clients are.
    pub trusted_proxies: Vec<Network>,
    /// What is there.
    pub serves: Parts,
    /// What `Strict-Transport-Security` says to who came under TLS.
    pub hsts: Option<HeaderValue>,
}

/// What holds at an endpoint's path.
#[derive(Clone)]
pub struct EndpointRules {
    /// The path.
    pub path: String,
    /// By which a client says who it is.
    pub profile: Arc<Profile>,
    /// Whether a token that does not hold counts as none, where the profile is anonymous.
    pub forgives: bool,
    /// Origins of pages that may connect; none: those of the gateway's own origin and of [`Config::origins`].
    pub origins: Origins,
    /// How sessions begin there.
    pub begins: Begins,
}

/// How sessions begin at an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begins {
    /// With an upgrade.
    Upgrade,
    /// The same, or with a request that names no session (`sid`): others go on with the one that they name.
    Polls,
    /// With each request.
    Request,
    /// Never: requests only ask for events.
    Never,
}

impl EndpointRules {
    /// Whether a request would begin a session.
    fn begins<B>(&self, request: &Request<B>) -> bool {
        let of_session = || query_pairs(request.uri().query()).iter().any(|(key, _)| key == "sid");
        match self.begins {
            Begins::Upgrade | Begins::Request => true,
            Begins::Polls => !of_session(),
            Begins::Never => false,
        }
    }

    /// Whether a request would open what its client listens to: it is looked at as an upgrade is.
    fn opens<B>(&self, request: &Request<B>) -> bool {
        matches!(self.begins, Begins::Request | Begins::Never)
            || request.headers().contains_key(header::UPGRADE)
    }
}

/// A [`Config`] that has been judged.
pub struct Rules {
    config: Config,
    cors: CorsLayer,
    /// Of endpoints that have origins of their own.
    endpoint_cors: Located<CorsLayer>,
}

/// The rules of all shards, which may be replaced: each request goes by those of the moment when it came.
pub type LiveRules = Arc<ArcSwap<Rules>>;

impl Rules {
    /// Judges the configuration.
    ///
    /// # Errors
    /// [`BadOrigins`].
    pub fn new(config: Config) -> Result<Self, BadOrigins> {
        let own = config.endpoints.iter().filter(|(_, endpoint)| !endpoint.origins.is_empty());
        let layers = own.map(|(location, endpoint)| {
            // Where any page may ask, none may send what its visitor's browser knows.
            let credentials = config.credentials && !endpoint.origins.any();
            Ok((location.clone(), cors::layer(&endpoint.origins, credentials)?))
        });
        let endpoint_cors = Located::new(layers.collect::<Result<Vec<_>, BadOrigins>>()?);
        Ok(Self { cors: cors::layer(&config.origins, config.credentials)?, endpoint_cors, config })
    }

    /// For every shard, and to be replaced.
    pub fn live(self) -> LiveRules {
        Arc::new(ArcSwap::from_pointee(self))
    }
}

/// What the layers go by, shared by the connections that a shard has from one listener.
pub struct Pipeline {
    rules: LiveRules,
    /// Its name.
    listener: Arc<str>,
    ids: Ids,
    /// Who a request is by that shows nothing.
    anonymous: Arc<Principal>,
    nobody: Arc<Principal>,
    limits: Arc<Limits>,
    metrics: Arc<Metrics>,
    audit: Arc<Audit>,
}

/// The pipelines of a shard, one for each listener.
pub struct Pipelines(Vec<Rc<Pipeline>>);

impl Pipelines {
    /// For one shard.
    pub fn new(rules: &LiveRules, limits: &Arc<Limits>, metrics: &Arc<Metrics>, audit: &Arc<Audit>) -> Self {
        let (ids, anonymous, nobody) = (Ids::default(), Arc::new(Principal::anonymous()), Arc::default());
        let pipeline = |listener: &ListenerRules| Pipeline {
            rules: Arc::clone(rules),
            listener: Arc::clone(&listener.name),
            ids: ids.clone(),
            anonymous: Arc::clone(&anonymous),
            nobody: Arc::clone(&nobody),
            limits: Arc::clone(limits),
            metrics: Arc::clone(metrics),
            audit: Arc::clone(audit),
        };
        let listeners = &rules.load().config.listeners;
        Self(listeners.iter().map(|listener| Rc::new(pipeline(listener))).collect())
    }

    /// That of a listener.
    ///
    /// # Panics
    /// Where the rules have no listener of this name.
    pub fn of(&self, listener: &str) -> &Rc<Pipeline> {
        let found = self.0.iter().find(|pipeline| *pipeline.listener == *listener);
        found.unwrap_or_else(|| unreachable!("there are no rules for the listener '{listener}'"))
    }
}

impl Pipeline {
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
        ServiceBuilder::new()
            // First, so that every answer bears it, and everything below can name it.
            .layer(layer_fn(|inner| request_id::RequestIds {
                ids: of().ids.clone(),
                info: Arc::clone(&info),
                inner,
            }))
            // Before anybody goes by an address.
            .layer(layer_fn(|inner| Guard { check: client::note(of(), Arc::clone(&info)), inner }))
            // Sees the final status, of what the layers below refuse too.
            .layer(layer_fn(|inner| AccessLog {
                metrics: Arc::clone(&self.metrics),
                audit: Arc::clone(&self.audit),
                info: Arc::clone(&info),
                inner,
            }))
            // Around all that can answer: browsers are to be as careful with a refusal.
            .layer(layer_fn(|inner| Headers { pipeline: of(), inner }))
            // What is no HTTP as it is spoken here gets no further: nothing below reads such headers.
            .layer(layer_fn(|inner| Guard { check: hygiene::check(of()), inner }))
            // Outside of all that can refuse a page's request, so that the page may read the refusal; before
            // rights, as a preflight bears no token.
            .layer(layer_fn(|inner| cors::Cors { pipeline: of(), inner }))
            // Inside of the above, so that the answer to a panic is like any other; around all that may panic.
            .layer(layer_fn(|inner| Rescue { metrics: Arc::clone(&self.metrics), inner }))
            // Around all that may wait for somebody else: a body, an authoriser, a plugin.
            .layer(layer_fn(|inner| Deadline { pipeline: of(), inner }))
            // Before anybody looks at what is too long.
            .layer(layer_fn(|inner| Guard { check: sizes::check(of()), inner }))
            // Whoever asks: another site's page may not make its visitor's browser connect or change things.
            .layer(layer_fn(|inner| Guard { check: origin::check(of()), inner }))
            // Before a token is looked at: who asks too often costs no more than this.
            .layer(layer_fn(|inner| Throttle { judge: throttle::by_address(of()), inner }))
            // Who asks, and with which rights.
            .layer(layer_fn(|inner| Authenticate { pipeline: of(), inner }))
            // As it has to know who asks.
            .layer(layer_fn(|inner| Throttle { judge: throttle::by_user(of()), inner }))
            // Last, so that what is not served here differs in nothing from what is served nowhere.
            .layer(layer_fn(|inner| Guard { check: serves::check(of()), inner }))
            // The seam: below is one type, whatever is served.
            .service(service_fn(move |request| handler(request).map(Ok).boxed_local()))
    }

    /// The rules as they are now at this listener.
    fn rules(&self) -> Here<'_> {
        Here { rules: self.rules.load(), listener: &self.listener }
    }
}

/// The rules of a moment, at one listener.
struct Here<'a> {
    rules: arc_swap::Guard<Arc<Rules>>,
    listener: &'a str,
}

impl Deref for Here<'_> {
    type Target = Rules;

    fn deref(&self) -> &Rules {
        &self.rules
    }
}

impl Here<'_> {
    /// The listener's own; none where it is gone from the configuration: nothing is there any more, and nobody
    /// believed.
    fn listener(&self) -> Option<&ListenerRules> {
        self.config.listeners.iter().find(|listener| *listener.name == *self.listener)
    }

    /// The endpoint at a path, as far as the listener serves any.
    fn endpoint(&self, path: &str) -> Option<&EndpointRules> {
        let serves = self.listener().is_some_and(|listener| listener.serves.have(Part::Endpoints));
        serves.then(|| self.any_endpoint(path)).flatten()
    }

    /// What a page of another origin may do at a path.
    fn cors(&self, path: &str) -> &CorsLayer {
        let own = self.endpoint(path).filter(|endpoint| !endpoint.origins.is_empty());
        own.and_then(|_| self.endpoint_cors.find(self.listener, path)).unwrap_or(&self.cors)
    }

    /// The endpoint at a path, whether the listener serves it or not.
    fn any_endpoint(&self, path: &str) -> Option<&EndpointRules> {
        self.config.endpoints.find(self.listener, path)
    }
}

#[cfg(test)]
mod tests;
