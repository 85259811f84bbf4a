//! Endpoints of the configuration, and the forms that their events have.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::identity::{Identity, Profiles as _};
use super::limits::Capacity;
use crate::config::Config;
use crate::config::model::session as settings;
use crate::dialect::socketio::{self, SocketIo, SocketIoFrame};
use crate::dialect::{Dialect, Echo, Rooms, RoomsFrame, Stream, StreamFrame, Topics, TopicsFrame, topics};
use crate::drain::Drain;
use crate::endpoint::{EngineIo, Entrance, Refusing, Terms, WebSocket};
use crate::frame::{Form, Forms};
use crate::router::{self, Bodies};
use crate::session::{self, Common, Heartbeat, TICK};
use crate::transport::Framing;
use crate::transport::engineio::Lines;
use crate::transport::websocket::Limits;
use crate::web::Located;

/// The shortest step of heartbeats.
const FINEST: Duration = Duration::from_millis(10);

/// The forms of the endpoints' events: endpoints whose events look the same have one.
#[derive(Clone)]
pub(super) struct Wires(Arc<[(Look, Form)]>);

/// What the endpoints of all shards have in common.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) wires: Wires,
    pub(super) lines: Arc<Lines>,
    pub(super) bodies: Bodies,
}

/// What events of an endpoint look like.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Look {
    Rooms(Framing),
    Topics(Framing),
    Stream(Framing),
    /// In this namespace.
    SocketIo(Box<str>),
}

impl Wires {
    /// Those that the configuration needs.
    pub(super) fn of(config: &Config) -> (Self, Forms) {
        let mut forms = Forms::default();
        let mut known: Vec<(Look, Form)> = Vec::new();
        // Also where no endpoint has it: what a history keeps is taken out of its publisher's memory by a form.
        let usual = Look::Rooms(Framing::WebSocket);
        for look in std::iter::once(usual).chain(config.endpoint.iter().flat_map(looks)) {
            if known.iter().all(|(other, _)| *other != look) {
                let form = match look {
                    Look::Rooms(framing) => forms.add(RoomsFrame(framing)),
                    Look::Topics(framing) => forms.add(TopicsFrame(framing)),
                    Look::Stream(framing) => forms.add(StreamFrame(framing)),
                    Look::SocketIo(ref namespace) => forms.add(SocketIoFrame::new(namespace)),
                };
                known.push((look, form));
            }
        }
        (Self(known.into()), forms)
    }

    /// The form of what looks so, which is among those that the configuration needs.
    fn form(&self, look: &Look) -> Form {
        let found = self.0.iter().find(|(known, _)| known == look);
        found.map_or_else(|| unreachable!("{look:?} has a form"), |(_, form)| *form)
    }

    /// What the endpoint's frames mean.
    fn dialect(&self, settings: &settings::Config) -> Rc<dyn Dialect> {
        let framing = framing(settings);
        match settings.dialect {
            settings::Dialect::Rooms => Rc::new(Rooms::new(self.form(&Look::Rooms(framing)), framing)),
            settings::Dialect::Topics => Rc::new(Topics::new(self.form(&Look::Topics(framing)), framing)),
            settings::Dialect::Stream => {
                let usual = settings.stream.events.iter().cloned();
                Rc::new(Stream::new(self.form(&Look::Stream(framing)), framing, usual))
            }
            settings::Dialect::Echo => Rc::new(Echo(framing)),
            settings::Dialect::SocketIo => Rc::new(SocketIo::new(Rc::new(self.socketio(&settings.socketio)))),
        }
    }

    fn socketio(&self, own: &settings::SocketIo) -> socketio::Settings {
        let namespace = |name: &String| {
            let name: Box<str> = name.as_str().into();
            (name.clone(), self.form(&Look::SocketIo(name)))
        };
        socketio::Settings {
            namespaces: own.namespaces.iter().map(namespace).collect(),
            greeting: match own.greeting {
                settings::Greeting::Established => socketio::Greeting::Established,
                settings::Greeting::Auth => socketio::Greeting::Auth,
                settings::Greeting::None => socketio::Greeting::None,
            },
            answers: own.answers.iter().map(|(call, event)| (call.clone(), event.clone())).collect(),
        }
    }
}

/// What events of an endpoint look like, in all the ways that they do there.
fn looks(settings: &settings::Config) -> Vec<Look> {
    match settings.dialect {
        settings::Dialect::Rooms => vec![Look::Rooms(framing(settings))],
        settings::Dialect::Topics => vec![Look::Topics(framing(settings))],
        settings::Dialect::Stream => vec![Look::Stream(framing(settings))],
        settings::Dialect::Echo => Vec::new(),
        settings::Dialect::SocketIo => {
            let namespaces = settings.socketio.namespaces.iter();
            namespaces.map(|name| Look::SocketIo(name.as_str().into())).collect()
        }
    }
}

fn framing(settings: &settings::Config) -> Framing {
    match settings.transport {
        settings::Transport::WebSocket => Framing::WebSocket,
        settings::Transport::EngineIo => Framing::EngineIo,
    }
}

/// Event types that clients of the endpoints know: there are such, whether any plugin declares them or not.
pub(super) fn event_types(config: &Config) -> Vec<String> {
    let of = |settings: &settings::Config| match settings.dialect {
        settings::Dialect::Topics => topics::TYPES.map(str::to_owned).to_vec(),
        settings::Dialect::Stream => settings.stream.events.clone(),
        _ => Vec::new(),
    };
    config.endpoint.iter().flat_map(of).collect()
}

/// How the endpoint tells a client that it is not let in.
fn refusing(settings: &settings::Config) -> Refusing {
    match (settings.refuse, settings.dialect) {
        (settings::Refuse::Close, _) => Refusing::Close,
        (settings::Refuse::Status, settings::Dialect::Topics) => Refusing::Forbidden,
        (settings::Refuse::Status, _) => Refusing::Unauthorized,
    }
}

/// The step by which the heartbeats of a shard are looked at: fine enough for the shortest time that an endpoint has.
pub(super) fn step(config: &Config) -> Duration {
    let times = config.endpoint.iter().flat_map(|one| [one.heartbeat.interval, one.heartbeat.timeout]);
    let shortest = times.map(|time| time.get()).min().unwrap_or(TICK);
    (shortest / 8).clamp(FINEST, TICK)
}

/// The endpoints of the configuration, for one shard.
pub(super) fn all(
    config: &Config,
    identity: &Identity,
    common: &Rc<Common>,
    capacity: &Capacity,
    shared: &Shared,
    phase: &Drain,
) -> Located<Rc<dyn router::Endpoint>> {
    Located::new(config.endpoint.iter().map(|settings| {
        let endpoint = Rc::new(endpoint(config, identity, settings, capacity, &shared.wires));
        common.shard.counters().opened.know(endpoint.dialect.name());
        let entrance = Entrance {
            common: Rc::clone(common),
            endpoint,
            refusing: refusing(settings),
            usual_role: settings.usual_role().map(Into::into),
            phase: phase.clone(),
        };
        let endpoint: Rc<dyn router::Endpoint> = match settings.transport {
            settings::Transport::WebSocket => Rc::new(WebSocket(entrance)),
            settings::Transport::EngineIo => Rc::new(EngineIo {
                entrance,
                lines: Arc::clone(&shared.lines),
                bodies: shared.bodies.clone(),
                terms: terms(config, settings),
            }),
        };
        (settings.location(), endpoint)
    }))
}

/// When it pings, and when it gives a client up.
fn heartbeat(settings: &settings::Config) -> Heartbeat {
    let (interval, timeout) = (settings.heartbeat.interval.get(), settings.heartbeat.timeout.get());
    match settings.transport {
        settings::Transport::WebSocket => Heartbeat { interval, timeout },
        // Its clients count from the ping that was not answered.
        settings::Transport::EngineIo => Heartbeat { interval, timeout: interval + timeout },
    }
}

/// What a client of Engine.IO is told.
fn terms(config: &Config, settings: &settings::Config) -> Terms {
    Terms {
        ping_interval: settings.heartbeat.interval.get(),
        ping_timeout: settings.heartbeat.timeout.get(),
        max_payload: settings.message.unwrap_or(config.limits.message).len(),
    }
}

fn endpoint(
    config: &Config,
    identity: &Identity,
    settings: &settings::Config,
    capacity: &Capacity,
    wires: &Wires,
) -> session::Endpoint {
    let message = settings.message.unwrap_or(config.limits.message).len();
    session::Endpoint {
        path: settings.location().path,
        dialect: wires.dialect(settings),
        framing: framing(settings),
        profile: identity.profile(&settings.auth),
        welcome: settings.greeting().to_owned(),
        auto_join: settings.first_rooms(),
        heartbeat: heartbeat(settings),
        idle_timeout: settings.idle_timeout.get(),
        broadcasts: settings.broadcasts,
        limits: Limits { message, fragments: config.limits.fragments },
        backlog: config.limits.backlog_per_session.len(),
        places: capacity.endpoint(&settings.location()),
        unknown: Arc::clone(&capacity.unknown),
    }
}
