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
mod pages;
mod plugins;
mod publish;
mod rooms;
mod root;
mod sessions;
mod stats;
mod tokens;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use http::Method;

use crate::drain::Drain;
use crate::hub::Hub;
use crate::identity::{Ledger, Principal};
use crate::web::{PluginAdmin, Problem, Response};

/// What the API tells about, and acts on.
pub struct Api {
    /// Rooms and sessions.
    pub hub: Arc<Hub>,
    /// Whether the gateway is on its way out.
    pub drain: Drain,
    /// The plugins.
    pub plugins: Arc<dyn PluginAdmin>,
    /// What tokens are called back.
    pub ledger: Arc<Ledger>,
    /// What `/` says.
    pub about: About,
    /// Test routes are refused.
    pub production: bool,
    /// Of the first endpoint: what `/ws/stats` says.
    pub heartbeat: Duration,
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
    /// Who asks; it has the route's scope, in full or narrowed to some rooms.
    pub principal: Arc<Principal>,
    /// The path's parameters in order, decoded.
    pub params: Vec<String>,
    /// The query as it came, without the question mark.
    pub query: Option<String>,
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
        route(Method::POST, "/api/v1/tokens/revoke", admin, handler!(tokens::revoke)),
        route(Method::GET, "/api/v1/plugins", read, handler!(plugins::list)),
        route(Method::POST, "/api/v1/plugins/{name}/start", admin, handler!(plugins::start)),
        route(Method::POST, "/api/v1/plugins/{name}/stop", admin, handler!(plugins::stop)),
        route(Method::GET, "/health", None, handler!(health::summary)),
        route(Method::GET, "/health/live", None, handler!(health::live)),
        route(Method::GET, "/health/ready", None, handler!(health::ready)),
        route(Method::GET, "/metrics", None, handler!(pages::metrics)),
    ]
}
