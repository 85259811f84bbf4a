//! Endpoints of the configuration: what a WebSocket handshake leads to.

use std::rc::Rc;
use std::sync::Arc;

use futures_util::future::LocalBoxFuture;
use http::{HeaderValue, Request, StatusCode, header};
use http_body_util::BodyExt;

use super::identity::{Identity, Profiles as _};
use super::limits::Capacity;
use crate::audit::Deed;
use crate::config::Config;
use crate::config::model::session as settings;
use crate::dialect::{Dialect, Echo, Rooms};
use crate::drain::{Drain, Phase};
use crate::frame::Form;
use crate::identity::{Principal, Refusal, credentials};
use crate::router;
use crate::session::{self, Common, Heartbeat, Visitor, bad_client_id};
use crate::transport::close::CloseReason;
use crate::transport::websocket::{Limits, handshake};
use crate::web::{self, Client, Handoff, Problem, RequestBody, Response, Takeover, Upgraded, query_pairs};

/// Seconds that whoever has too many sessions should wait before it asks for one more.
const FULL_FOR: u16 = 5;

/// An endpoint that WebSocket clients connect to.
struct WebSocket {
    common: Rc<Common>,
    endpoint: Rc<session::Endpoint>,
    refuse: settings::Refuse,
    phase: Drain,
}

/// The endpoints of the configuration by path, for one shard.
pub(super) fn all(
    config: &Config,
    identity: &Identity,
    common: &Rc<Common>,
    capacity: &Capacity,
    rooms: Form,
    phase: &Drain,
) -> Vec<(String, Rc<dyn router::Endpoint>)> {
    let endpoint = |settings: &settings::Config| -> (String, Rc<dyn router::Endpoint>) {
        let endpoint = Rc::new(endpoint(config, identity, settings, capacity, rooms));
        common.shard.counters().opened.know(endpoint.dialect.name());
        let (common, refuse, phase) = (Rc::clone(common), settings.refuse, phase.clone());
        (settings.path.clone(), Rc::new(WebSocket { common, endpoint, refuse, phase }))
    };
    config.endpoint.iter().map(endpoint).collect()
}

fn endpoint(
    config: &Config,
    identity: &Identity,
    settings: &settings::Config,
    capacity: &Capacity,
    rooms: Form,
) -> session::Endpoint {
    let dialect: Box<dyn Dialect> = match settings.dialect {
        settings::Dialect::Rooms => Box::new(Rooms::new(rooms)),
        settings::Dialect::Echo => Box::new(Echo),
    };
    let message = settings.message.unwrap_or(config.limits.message).len();
    session::Endpoint {
        path: settings.path.as_str().into(),
        dialect,
        profile: identity.profile(&settings.auth),
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
        places: capacity.endpoint(&settings.path),
        unknown: Arc::clone(&capacity.unknown),
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

/// Why a client that asks properly is not let in.
enum No {
    /// Its credentials do not hold.
    Refused(Refusal),
    /// Its user has as many sessions as may be.
    Full,
    /// The endpoint has, or too many clients are there of whom nobody knows who they are.
    AtCapacity,
}

impl No {
    /// Its name in metrics.
    fn label(&self) -> &'static str {
        match self {
            Self::Refused(Refusal::Missing) => "unauthenticated",
            Self::Refused(refusal) => refusal.name(),
            Self::Full => "max_per_user",
            Self::AtCapacity => "at_capacity",
        }
    }
}

impl WebSocket {
    fn accept(&self, request: &mut Request<RequestBody>, handoff: &Handoff) -> Result<Response, Refused> {
        handshake::judge(request)?;
        if self.phase.phase() >= Phase::Closing {
            return Err(Refused("draining", Problem::busy("the gateway is shutting down", 1)));
        }
        let admitted = self.who(request).and_then(|principal| {
            let unknown = principal.is_nobody().then(|| self.endpoint.unknown.take().ok_or(No::AtCapacity));
            Ok((principal, unknown.transpose()?, self.endpoint.places.take().ok_or(No::AtCapacity)?))
        });
        let (principal, unknown, place) = match admitted {
            Ok(admitted) => admitted,
            Err(no) if self.refuse == settings::Refuse::Close => {
                return self.turn_away(request, handoff, &no);
            }
            Err(no) => return Err(Refused(no.label(), no.into())),
        };
        let id = client_id(request.uri().query()).map_err(|problem| Refused("client_id", problem))?;
        let audited = self.common.shard.hub().audit().is_on();
        let source = audited.then(|| Box::new(web::source(request.extensions())));
        let visitor = Visitor { principal, id, client: client(request), source, place, unknown };
        let (common, endpoint) = (Rc::clone(&self.common), Rc::clone(&self.endpoint));
        self.upgrade(request, handoff, move |upgraded| session::open(common, endpoint, visitor, upgraded))
    }

    /// Who the client is, if it may come in.
    fn who(&self, request: &Request<RequestBody>) -> Result<Arc<Principal>, No> {
        let extensions = request.extensions();
        if let Some(refusal) = extensions.get::<Refusal>() {
            return Err(No::Refused(*refusal));
        }
        let hub = self.common.shard.hub();
        let principal = extensions.get::<Arc<Principal>>().filter(|principal| !principal.is_nobody());
        let Some(principal) = principal else {
            if self.endpoint.waits_for_tokens() {
                return Ok(Arc::default());
            }
            hub.metrics().answers.unauthenticated.add(1);
            return Err(No::Refused(Refusal::Missing));
        };
        match &principal.user {
            Some(user) if hub.directory().is_full(user, self.endpoint.user_limit()) => Err(No::Full),
            _ => Ok(Arc::clone(principal)),
        }
    }

    /// Lets the client in to tell it that it is not: what browsers show of a refused handshake says nothing.
    fn turn_away(
        &self,
        request: &mut Request<RequestBody>,
        handoff: &Handoff,
        no: &No,
    ) -> Result<Response, Refused> {
        let Some(place) = self.endpoint.unknown.take() else {
            return Err(Refused(no.label(), No::AtCapacity.into()));
        };
        let hub = self.common.shard.hub();
        hub.metrics().handshakes.count(no.label());
        let deed = match no {
            No::Refused(refusal) if *refusal != Refusal::Missing => Deed::TokenRefused,
            _ => Deed::Refused,
        };
        let source = web::source(request.extensions());
        hub.audit().record(deed, |entry| {
            entry.from(&source).at(&self.endpoint.path).target(&self.endpoint.path).outcome(no.label())
        });
        let reason = match no {
            No::Refused(Refusal::Missing) => CloseReason::Policy("Authentication required".into()),
            No::Refused(Refusal::Denied) => CloseReason::Policy("Not allowed".into()),
            No::Refused(_) => CloseReason::Policy("Invalid token".into()),
            No::Full => CloseReason::Policy(session::TOO_MANY.into()),
            No::AtCapacity => CloseReason::AtCapacity,
        };
        self.upgrade(request, handoff, move |Upgraded { socket, answer, .. }| {
            Box::pin(async move {
                let _until_it_is_gone = place;
                session::turn_away(socket, answer, reason).await;
            })
        })
    }

    fn upgrade(
        &self,
        request: &mut Request<RequestBody>,
        handoff: &Handoff,
        run: impl FnOnce(Upgraded) -> LocalBoxFuture<'static, ()> + 'static,
    ) -> Result<Response, Refused> {
        let bearer = credentials::offers_bearer(request.headers());
        let (mut response, on) = handshake::accept(request)?;
        if bearer {
            // A browser closes where none of its subprotocols is answered; this one is always understood.
            response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, credentials::BEARER);
        }
        handoff.leave(Takeover { on, run: Box::new(run) });
        Ok(response.map(|body| body.map_err(|never| match never {}).boxed_unsync()))
    }
}

impl From<No> for Problem {
    fn from(no: No) -> Self {
        match no {
            No::Refused(refusal) => refusal.into(),
            No::Full => Self::new(StatusCode::TOO_MANY_REQUESTS, session::TOO_MANY)
                .because("max_per_user")
                .header(header::RETRY_AFTER, HeaderValue::from(FULL_FOR)),
            No::AtCapacity => Self::busy("as many sessions are there as may be", 1).because("at_capacity"),
        }
    }
}

/// Where the client is, as the pipeline has noted it.
fn client<B>(request: &Request<B>) -> Client {
    let noted = request.extensions().get::<Client>();
    *noted.unwrap_or_else(|| unreachable!("a request reaches no endpoint but through the pipeline"))
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
