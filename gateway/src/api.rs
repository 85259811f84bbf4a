//! The gateway's own HTTP API: a table of routes, each with the scope that it needs and the function that answers.
//! Bodies are here as a whole already, and who asks is known.

mod answer;
mod assets;
mod broadcast;
mod documents;
mod fields;
mod health;
mod kept;
mod metrics;
mod past;
mod playground;
mod plugins;
mod publish;
mod reload;
mod rooms;
mod root;
mod sessions;
mod stats;
mod tokens;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use http::{HeaderMap, Method};

use crate::audit::{Deed, Entry, Source};
use crate::documents::{Face, Operation};
use crate::drain::Drain;
use crate::health::Health;
use crate::hub::Hub;
use crate::identity::{Ledger, Principal, Profile};
use crate::limits::Limits;
use crate::metrics::{Family, Gauges, Log, Views};
use crate::web::{self, PluginAdmin, Problem, Response};
use answer::{Good, described};
pub use documents::Documents;
pub use playground::{Playable, Playground};
pub use reload::{Ask, NotReloaded, Reloaded, Reloads};

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
    /// How much may be published.
    pub limits: Arc<Limits>,
    /// How the parts are.
    pub health: Arc<Health>,
    /// Figures over time.
    pub views: Arc<Views>,
    /// What the gateway says of itself: its names, and where it is.
    pub face: Face,
    /// The documents as they were last made.
    pub documents: Documents,
    /// What its playground can try.
    pub playground: Playground,
    /// Who reads the configuration again.
    pub reloads: Reloads,
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
            history_bytes: self.hub.memory().0,
            log: self.hub.log().map(|log| Log {
                segments: log.segments,
                bytes: log.bytes,
                live: log.live,
                waiting: log.waiting,
                writable: log.error.is_none(),
                events: log.events,
                groups: log.groups,
                syncs: log.syncs,
            }),
            cached: census.cached,
            mailboxes: self.hub.mailboxes().iter().map(|mailbox| mailbox.bytes()).collect(),
        };
        let mut all = crate::metrics::families(self.hub.metrics(), &gauges);
        all.extend(self.plugins.metrics());
        all
    }
}

/// A request to the API.
pub struct Request {
    /// Who asks; it has the route's scope, in full or narrowed to some rooms.
    pub principal: Arc<Principal>,
    /// By which it is known who asks; none where that is by a key of the configuration, or nobody is known.
    pub profile: Option<Arc<Profile>>,
    /// From where.
    pub source: Source,
    /// The path's parameters in order, decoded.
    pub params: Vec<String>,
    /// The query as it came, without the question mark.
    pub query: Option<String>,
    /// Its headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

impl Request {
    /// Has the audit log tell what it brings about.
    fn record(&self, api: &Api, deed: Deed, tell: impl FnOnce(Entry) -> Entry) {
        let audit = api.hub.audit();
        audit.record(deed, |entry| tell(entry.from(&self.source).by(&self.principal)));
    }

    /// That the principal may read all there is, rather than some rooms.
    fn reads_all(&self) -> Result<(), Problem> {
        if self.principal.may("read") { Ok(()) } else { Err(web::lacks_scope("read")) }
    }

    /// That it may read this room, whether there is one or not.
    fn reads(&self, room: &str) -> Result<(), Problem> {
        if self.principal.may_in("read", room) { Ok(()) } else { Err(web::lacks_scope("read")) }
    }
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
    /// What the documents tell of it.
    pub operation: Operation,
}

/// Makes a [`Route`] of an async function. What it answers when all is well is told by the function's own
/// type, which is what it sends; the rest is said by `$operation`.
macro_rules! route {
    ($method:ident $path:literal, $scope:expr, $handler:path, $operation:expr) => {
        Route {
            method: Method::$method,
            path: $path,
            scope: $scope,
            handler: |api, request| {
                Box::pin(async move { $handler(api, request).await.map(Good::into_response) })
            },
            operation: described($operation, $handler),
        }
    };
}

/// All routes of the API. In production the test broadcast tells everyone that it is forbidden.
pub fn routes(production: bool) -> Vec<Route> {
    let read = Some("read");
    let admin = Some("admin");
    let publish = Some("publish");
    let test = publish.filter(|_| !production);
    vec![
        route!(GET "/", None, root::root, root::told()),
        route!(GET "/openapi.json", None, documents::openapi, documents::told_openapi()),
        route!(GET "/asyncapi.json", None, documents::asyncapi, documents::told_asyncapi()),
        route!(GET "/docs", None, assets::docs, assets::told_docs()),
        route!(GET "/docs/{file}", None, assets::docs_file, assets::told_docs_file()),
        route!(GET "/playground", None, assets::playground, assets::told_playground()),
        route!(GET "/playground/endpoints", None, playground::endpoints, playground::told()),
        route!(GET "/playground/{file}", None, assets::playground_file, assets::told_playground_file()),
        route!(GET "/ws/stats", None, stats::stats, stats::told("stats")),
        route!(GET "/api/v1/websocket/stats", None, stats::stats, stats::told("websocketStats")),
        route!(POST "/ws/broadcast", publish, broadcast::broadcast, broadcast::told()),
        route!(POST "/ws/_test/broadcast", test, broadcast::test_broadcast, broadcast::told_test()),
        route!(POST "/api/v1/publish", publish, publish::publish, publish::told()),
        route!(GET "/api/v1/rooms", read, rooms::list, rooms::told_list()),
        route!(GET "/api/v1/rooms/{room}", read, rooms::show, rooms::told_show()),
        route!(GET "/api/v1/rooms/{room}/presence", read, rooms::presence, rooms::told_presence()),
        route!(GET "/api/v1/rooms/{room}/history", read, past::history, past::told_history()),
        route!(GET "/api/v1/rooms/{room}/state", read, past::state, past::told_state()),
        route!(GET "/api/v1/sessions", read, sessions::list, sessions::told_list()),
        route!(DELETE "/api/v1/sessions/{id}", admin, sessions::close, sessions::told_close()),
        route!(DELETE "/api/v1/users/{id}", admin, sessions::close_user, sessions::told_close_user()),
        route!(POST "/api/v1/sessions/{id}/rooms", admin, sessions::join, sessions::told_join()),
        route!(DELETE "/api/v1/sessions/{id}/rooms/{room}", admin, sessions::leave, sessions::told_leave()),
        route!(POST "/api/v1/tokens/revoke", admin, tokens::revoke, tokens::told()),
        route!(GET "/api/v1/plugins", read, plugins::list, plugins::told_list()),
        route!(POST "/api/v1/plugins/{instance}/start", admin, plugins::start, plugins::told_start()),
        route!(POST "/api/v1/plugins/{instance}/stop", admin, plugins::stop, plugins::told_stop()),
        route!(POST "/admin/reload", admin, reload::reload, reload::told()),
        route!(GET "/health", None, health::summary, health::told_summary()),
        route!(GET "/health/live", None, health::live, health::told_live()),
        route!(GET "/health/ready", None, health::ready, health::told_ready()),
        route!(GET "/health/components", None, health::components, health::told_components()),
        route!(GET "/health/components/{name}", None, health::component, health::told_component()),
        route!(GET "/metrics", None, metrics::page, metrics::told_page()),
        route!(GET "/metrics/statistics", None, metrics::statistics, metrics::told_statistics()),
        route!(GET "/metrics/rates", None, metrics::rates, metrics::told_rates()),
        route!(GET "/metrics/list", None, metrics::list, metrics::told_list()),
        route!(GET "/metrics/trends/{metric}", None, metrics::trend, metrics::told_trend()),
        route!(GET "/metrics/aggregation/{metric}", None, metrics::aggregation, metrics::told_aggregation()),
        route!(POST "/metrics/reset-counters", admin, metrics::reset_counters, metrics::told_reset()),
        route!(POST "/metrics/clear-history", admin, metrics::clear_history, metrics::told_clear()),
    ]
}
