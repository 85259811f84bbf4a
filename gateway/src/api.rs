//! The gateway's own HTTP API: a table of routes, each with the scope that it needs and the function that answers.
//! Bodies are here as a whole already, and who asks is known.

/// Makes a [`Handler`] of an async function.
macro_rules! handler {
    ($path:path) => {
        |api, request| Box::pin($path(api, request))
    };
}
mod broadcast;
mod fields;
mod health;
mod metrics;
mod plugins;
mod publish;
mod rooms;
mod root;
mod sessions;
mod stats;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use http::{HeaderMap, Method};

use crate::drain::Drain;
use crate::health::Health;
use crate::hub::Hub;
use crate::metrics::{Family, Gauges, Views};
use crate::web::{PluginAdmin, Problem, Response};

/// What the API tells about, and acts on.
pub struct Api {
    /// Rooms and sessions.
    pub hub: Arc<Hub>,
    /// Whether the gateway is on its way out.
    pub drain: Drain,
    /// The plugins.
    pub plugins: Arc<dyn PluginAdmin>,
    /// How the parts are.
    pub health: Arc<Health>,
    /// Figures over time.
    pub views: Arc<Views>,
    /// What `/` says.
    pub about: About,
    /// Test routes are refused.
    pub production: bool,
    /// Of the first endpoint: what `/ws/stats` says.
    pub heartbeat: Duration,
}

/// What figures are taken from.
#[derive(Clone)]
pub struct Sources {
    hub: Arc<Hub>,
    plugins: Arc<dyn PluginAdmin>,
}

impl Api {
    /// What its figures are taken from.
    pub fn sources(&self) -> Sources {
        Sources { hub: Arc::clone(&self.hub), plugins: Arc::clone(&self.plugins) }
    }
}

impl Sources {
    /// All figures as they are now. Goes through every room.
    pub fn families(&self) -> Vec<Family> {
        let census = self.hub.census();
        let gauges = Gauges {
            rooms: census.rooms,
            members: census.members,
            history: census.history,
            mailboxes: self.hub.mailboxes().iter().map(|mailbox| mailbox.bytes()).collect(),
        };
        let mut all = crate::metrics::families(self.hub.metrics(), &gauges);
        all.extend(self.plugins.metrics());
        all
    }
}

/// The names that `/` says.
#[derive(Clone, Debug)]
pub struct About {
    /// The service's name.
    pub name: String,
    /// The service's version.
    pub version: String,
}

/// A request to the API.
#[derive(Debug)]
pub struct Request {
    /// The path's parameters in order, decoded.
    pub params: Vec<String>,
    /// The query as it came, without the question mark.
    pub query: Option<String>,
    /// The head's fields.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

/// An answer, or the problem that stands for it.
pub type Answered = Result<Response, Problem>;

/// Answers a request.
pub type Handler = for<'a> fn(&'a Api, &'a Request) -> LocalBoxFuture<'a, Answered>;

/// A route of the API.
pub struct Route {
    /// Its method.
    pub method: Method,
    /// Its path, parameters in braces.
    pub path: &'static str,
    /// What a principal needs; none: nothing.
    pub scope: Option<&'static str>,
    /// Who answers.
    pub handler: Handler,
}

/// All routes of the API. In production the test broadcast tells everyone that it is forbidden.
pub fn routes(production: bool) -> Vec<Route> {
    let route = |method, path, scope, handler| Route { method, path, scope, handler };
    let read = Some("read");
    let admin = Some("admin");
    let publish = Some("publish");
    let test = publish.filter(|_| !production);
    vec![
        route(Method::GET, "/", None, handler!(root::root)),
        route(Method::GET, "/ws/stats", None, handler!(stats::stats)),
        route(Method::GET, "/api/v1/websocket/stats", None, handler!(stats::stats)),
        route(Method::POST, "/ws/broadcast", publish, handler!(broadcast::broadcast)),
        route(Method::POST, "/ws/_test/broadcast", test, handler!(broadcast::test_broadcast)),
        route(Method::POST, "/api/v1/publish", publish, handler!(publish::publish)),
        route(Method::GET, "/api/v1/rooms", read, handler!(rooms::list)),
        route(Method::GET, "/api/v1/rooms/{room}", read, handler!(rooms::show)),
        route(Method::GET, "/api/v1/sessions", read, handler!(sessions::list)),
        route(Method::DELETE, "/api/v1/sessions/{id}", admin, handler!(sessions::close)),
        route(Method::DELETE, "/api/v1/users/{id}", admin, handler!(sessions::close_user)),
        route(Method::POST, "/api/v1/sessions/{id}/rooms", admin, handler!(sessions::join)),
        route(Method::DELETE, "/api/v1/sessions/{id}/rooms/{room}", admin, handler!(sessions::leave)),
        route(Method::GET, "/api/v1/plugins", read, handler!(plugins::list)),
        route(Method::POST, "/api/v1/plugins/{name}/start", admin, handler!(plugins::start)),
        route(Method::POST, "/api/v1/plugins/{name}/stop", admin, handler!(plugins::stop)),
        route(Method::GET, "/health", None, handler!(health::summary)),
        route(Method::GET, "/health/live", None, handler!(health::live)),
        route(Method::GET, "/health/ready", None, handler!(health::ready)),
        route(Method::GET, "/health/components", None, handler!(health::components)),
        route(Method::GET, "/health/components/{name}", None, handler!(health::component)),
        route(Method::GET, "/metrics", None, handler!(metrics::page)),
        route(Method::GET, "/metrics/statistics", None, handler!(metrics::statistics)),
        route(Method::GET, "/metrics/rates", None, handler!(metrics::rates)),
        route(Method::GET, "/metrics/list", None, handler!(metrics::list)),
        route(Method::GET, "/metrics/trends/{metric}", None, handler!(metrics::trend)),
        route(Method::GET, "/metrics/aggregation/{metric}", None, handler!(metrics::aggregation)),
        route(Method::POST, "/metrics/reset-counters", admin, handler!(metrics::reset_counters)),
        route(Method::POST, "/metrics/clear-history", admin, handler!(metrics::clear_history)),
    ]
}
