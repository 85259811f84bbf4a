//! Endpoints of the configuration: what a WebSocket handshake leads to.

use std::rc::Rc;
use std::sync::Arc;

use http::{Request, StatusCode};
use http_body_util::BodyExt;

use crate::config::Config;
use crate::config::model::session as settings;
use crate::dialect::{Dialect, Echo, Rooms};
use crate::drain::{Drain, Phase};
use crate::frame::Form;
use crate::identity::{Principal, Scopes};
use crate::router;
use crate::session::{self, Common, Heartbeat, bad_client_id};
use crate::transport::websocket::{Limits, handshake};
use crate::web::{Handoff, Problem, RequestBody, Response, Takeover, query_pairs};

/// An endpoint that WebSocket clients connect to.
struct WebSocket {
    common: Rc<Common>,
    endpoint: Rc<session::Endpoint>,
    /// Whether its auth profile lets in who has no token.
    anonymous: bool,
    phase: Drain,
}

/// The endpoints of the configuration by path, for one shard.
pub(super) fn all(
    config: &Config,
    common: &Rc<Common>,
    rooms: Form,
    phase: &Drain,
) -> Vec<(String, Rc<dyn router::Endpoint>)> {
    let endpoint = |settings: &settings::Config| -> (String, Rc<dyn router::Endpoint>) {
        let anonymous = config.auth.get(&settings.auth).is_some_and(|profile| profile.anonymous);
        let endpoint = Rc::new(endpoint(config, settings, rooms));
        common.shard.counters().opened.know(endpoint.dialect.name());
        let common = Rc::clone(common);
        (settings.path.clone(), Rc::new(WebSocket { common, endpoint, anonymous, phase: phase.clone() }))
    };
    config.endpoint.iter().map(endpoint).collect()
}

fn endpoint(config: &Config, settings: &settings::Config, rooms: Form) -> session::Endpoint {
    let dialect: Box<dyn Dialect> = match settings.dialect {
        settings::Dialect::Rooms => Box::new(Rooms::new(rooms)),
        settings::Dialect::Echo => Box::new(Echo),
    };
    let message = settings.message.unwrap_or(config.limits.message).len();
    session::Endpoint {
        path: settings.path.as_str().into(),
        dialect,
        welcome: settings.welcome.clone(),
        auto_join: settings.auto_join.clone(),
        heartbeat: Heartbeat {
            interval: settings.heartbeat.interval.get(),
            timeout: settings.heartbeat.timeout.get(),
        },
        idle_timeout: settings.idle_timeout.get(),
        broadcasts: settings.broadcasts,
        limits: Limits { message, fragments: config.limits.fragments },
        backlog: config.limits.backlog_per_session.len(),
    }
}

impl router::Endpoint for WebSocket {
    fn upgrade(&self, request: &mut Request<RequestBody>, handoff: &Handoff) -> Response {
        self.accept(request, handoff).unwrap_or_else(|Refused(why, problem)| {
            self.common.shard.hub().metrics().handshakes.count(why);
            problem.into()
        })
    }
}

/// No session, counted by this word.
struct Refused(&'static str, Problem);

impl From<handshake::HandshakeError> for Refused {
    fn from(error: handshake::HandshakeError) -> Self {
        let problem = Problem::new(error.status(), error.to_string());
        let problem = match error.header() {
            Some((name, value)) => problem.header(name, value),
            None => problem,
        };
        Self(error.label(), problem)
    }
}

impl WebSocket {
    fn accept(&self, request: &mut Request<RequestBody>, handoff: &Handoff) -> Result<Response, Refused> {
        handshake::judge(request)?;
        let principal = request.extensions().get::<Arc<Principal>>().cloned().unwrap_or_default();
        if !self.anonymous || principal.scopes == Scopes::None {
            self.common.shard.hub().metrics().answers.unauthenticated.add(1);
            let problem = Problem::new(StatusCode::UNAUTHORIZED, "authentication is required");
            return Err(Refused("unauthenticated", problem));
        }
        if self.phase.phase() >= Phase::Closing {
            return Err(Refused("draining", Problem::busy("the gateway is shutting down", 1)));
        }
        let client_id = client_id(request.uri().query()).map_err(|problem| Refused("client_id", problem))?;
        let (response, on) = handshake::accept(request)?;
        let (common, endpoint) = (Rc::clone(&self.common), Rc::clone(&self.endpoint));
        let run = Box::new(move |stream, early| -> futures_util::future::LocalBoxFuture<'static, ()> {
            Box::pin(session::open(common, endpoint, principal, client_id, stream, early))
        });
        handoff.leave(Takeover { on, run });
        Ok(response.map(|body| body.map_err(|never| match never {}).boxed_unsync()))
    }
}

fn client_id(query: Option<&str>) -> Result<Option<Arc<str>>, Problem> {
    let pairs = query_pairs(query);
    let asked = pairs.into_iter().rev().find(|(key, value)| key == "client_id" && !value.is_empty());
    let Some((_, id)) = asked else { return Ok(None) };
    match bad_client_id(&id) {
        Some(why) => Err(Problem::new(StatusCode::BAD_REQUEST, why)),
        None => Ok(Some(id.into())),
    }
}
