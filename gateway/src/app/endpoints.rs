//! Endpoints of the configuration, and the forms that their events have.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::counted::Counted;
use super::identity::{Identity, Profiles as _};
use super::limits::Capacity;
use crate::config::Config;
use crate::config::model::session as settings;
use crate::dialect::envelope;
use crate::dialect::socketio::{self, SocketIo, SocketIoFrame};
use crate::dialect::{
    Dialect, Echo, Envelope, EnvelopeFrame, Events, EventsFrame, Rooms, RoomsFrame, Stream, StreamFrame,
    Topics, TopicsFrame, topics,
};
use crate::drain::Drain;
use crate::endpoint::{EngineIo, Entrance, Events as EventStream, Poll, Refusing, Terms, WebSocket};
use crate::frame::{Encode, Form, Forms};
use crate::metrics::{Metrics, Wire};
use crate::router::{self, Bodies};
use crate::session::{self, Common, Compression, Deflated, Heartbeat, TICK};
use crate::transport::Framing;
use crate::transport::engineio::Lines;
use crate::transport::websocket::Limits;
use crate::transport::websocket::deflate::Window;
use crate::web::Located;

/// The shortest step of heartbeats.
const FINEST: Duration = Duration::from_millis(10);

/// The forms of the endpoints' events: endpoints whose events look the same have one.
#[derive(Clone)]
pub(super) struct Wires(Arc<[(Look, Option<Packing>, Form)]>);

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
    /// Of clients in one room, or in several.
    Events {
        with_ids: bool,
    },
    Topics(Framing),
    Stream(Framing),
    Envelope(Framing),
    /// In this namespace.
    SocketIo(Box<str>),
}

/// How such events are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Packing {
    window: Window,
    /// Messages of fewer bytes are not.
    from: usize,
}

impl Wires {
    /// Those that the configuration needs.
    pub(super) fn of(config: &Config, metrics: &Arc<Metrics>) -> (Self, Forms) {
        let mut forms = Forms::default();
        let mut known: Vec<(Look, Option<Packing>, Form)> = Vec::new();
        // Also where no endpoint has it: what a history keeps is taken out of its publisher's memory by a form.
        let usual = (Look::Rooms(Framing::WebSocket), None);
        for (look, packing) in std::iter::once(usual).chain(config.endpoint.iter().flat_map(all_looks)) {
            if known.iter().all(|(other, its, _)| (other, its) != (&look, &packing)) {
                let plain = writer(&look);
                let encode = match packing {
                    None => plain,
                    Some(Packing { window, from }) => {
                        Box::new(Deflated { plain, window, from, metrics: Arc::clone(metrics) })
                    }
                };
                let encoded = metrics.encodings.of(wire(&look, packing.is_some()));
                let form = forms.add(Counted { encode, encoded });
                known.push((look, packing, form));
            }
        }
        (Self(known.into()), forms)
    }

    /// The form of what looks so, which is among those that the configuration needs.
    fn form(&self, look: &Look) -> Form {
        self.packed(look, None)
    }

    fn packed(&self, look: &Look, packing: Option<Packing>) -> Form {
        let found = self.0.iter().find(|(known, its, _)| known == look && *its == packing);
        found.map_or_else(|| unreachable!("{look:?} has a form"), |(_, _, form)| *form)
    }

    /// How messages of the endpoint are compressed, where they are.
    fn compression(&self, settings: &settings::Config) -> Option<Compression> {
        let from = settings.compress_from.len();
        let forms = |look: Look| {
            let packed = |window| self.packed(&look, Some(Packing { window, from }));
            let (whole, smallest) = (packed(Window::Whole), packed(Window::Smallest));
            session::Forms { plain: self.form(&look), whole, smallest }
        };
        let all = || looks(settings).into_iter().map(forms).collect();
        settings.compression.then(|| Compression { from, forms: all() })
    }

    /// What the frames of an endpoint mean, for a client whose events look so; none where it takes none.
    fn dialect(&self, settings: &settings::Config, look: Option<&Look>) -> Rc<dyn Dialect> {
        let Some(look) = look else { return Rc::new(Echo(framing(settings))) };
        match look {
            Look::Rooms(framing) => Rc::new(Rooms::new(self.form(look), *framing)),
            Look::Events { .. } => Rc::new(Events(self.form(look))),
            Look::Envelope(framing) => {
                let streams = settings.envelope.as_ref().is_some_and(|envelope| envelope.stream);
                Rc::new(Envelope::new(self.form(look), *framing, streams))
            }
            Look::Topics(framing) => Rc::new(Topics::new(self.form(look), *framing)),
            Look::Stream(framing) => {
                let usual = settings.stream.events.iter().cloned();
                Rc::new(Stream::new(self.form(look), *framing, usual))
            }
            Look::SocketIo(_) => Rc::new(SocketIo::new(Rc::new(self.socketio(&settings.socketio)))),
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

/// Writes what looks so.
fn writer(look: &Look) -> Box<dyn Encode> {
    match look {
        Look::Rooms(framing) => Box::new(RoomsFrame(*framing)),
        Look::Events { with_ids } => Box::new(EventsFrame { with_ids: *with_ids }),
        Look::Topics(framing) => Box::new(TopicsFrame(*framing)),
        Look::Stream(framing) => Box::new(StreamFrame(*framing)),
        Look::Envelope(framing) => Box::new(EnvelopeFrame(*framing)),
        Look::SocketIo(namespace) => Box::new(SocketIoFrame::new(namespace)),
    }
}

/// As what their encodings are counted.
fn wire(look: &Look, compressed: bool) -> Wire {
    let (dialect, framing) = match look {
        Look::Rooms(framing) => ("rooms", *framing),
        Look::Events { .. } => ("rooms", Framing::EventStream),
        Look::Topics(framing) => ("topics", *framing),
        Look::Stream(framing) => ("stream", *framing),
        Look::Envelope(framing) => ("envelope", *framing),
        Look::SocketIo(_) => ("socketio", Framing::EngineIo),
    };
    let transport = match framing {
        Framing::WebSocket => "websocket",
        Framing::EngineIo => "engineio",
        Framing::EventStream => "sse",
        Framing::Bare => "poll",
    };
    Wire { dialect, transport, compressed }
}

/// What events of an endpoint look like, and how they are compressed there.
fn all_looks(settings: &settings::Config) -> Vec<(Look, Option<Packing>)> {
    let from = settings.compress_from.len();
    let mut packings = vec![None];
    if settings.compression {
        packings.extend([Window::Whole, Window::Smallest].map(|window| Some(Packing { window, from })));
    }
    let each = looks(settings).into_iter();
    each.flat_map(|look| packings.iter().map(move |packing| (look.clone(), *packing)).collect::<Vec<_>>())
        .collect()
}

/// What events of an endpoint look like, in all the ways that they do there.
fn looks(settings: &settings::Config) -> Vec<Look> {
    match (settings.dialect, settings.transport) {
        (settings::Dialect::Rooms, settings::Transport::Sse) => {
            vec![Look::Events { with_ids: true }, Look::Events { with_ids: false }]
        }
        (settings::Dialect::Rooms, _) => vec![Look::Rooms(framing(settings))],
        (settings::Dialect::Topics, _) => vec![Look::Topics(framing(settings))],
        (settings::Dialect::Stream, _) => vec![Look::Stream(framing(settings))],
        (settings::Dialect::Envelope, _) => vec![Look::Envelope(framing(settings))],
        (settings::Dialect::Echo, _) => Vec::new(),
        (settings::Dialect::SocketIo, _) => {
            let namespaces = settings.socketio.namespaces.iter();
            namespaces.map(|name| Look::SocketIo(name.as_str().into())).collect()
        }
    }
}

fn framing(settings: &settings::Config) -> Framing {
    match settings.transport {
        settings::Transport::WebSocket => Framing::WebSocket,
        settings::Transport::Sse => Framing::EventStream,
        settings::Transport::Poll => Framing::Bare,
        settings::Transport::EngineIo => Framing::EngineIo,
    }
}

/// Event types that clients of the endpoints know: there are such, whether any plugin declares them or not.
pub(super) fn event_types(config: &Config) -> Vec<String> {
    let of = |settings: &settings::Config| match settings.dialect {
        settings::Dialect::Topics => topics::TYPES.map(str::to_owned).to_vec(),
        settings::Dialect::Stream => settings.stream.events.clone(),
        settings::Dialect::Envelope => envelope::SENT.map(|kind| kind.name().to_owned()).to_vec(),
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
        let (looks, wires) = (looks(settings), &shared.wires);
        let of = |look| Rc::new(endpoint(config, identity, settings, capacity, wires, look));
        let entrance = Entrance {
            common: Rc::clone(common),
            endpoint: of(looks.first()),
            refusing: refusing(settings),
            usual_role: settings.usual_role().map(Into::into),
            phase: phase.clone(),
        };
        common.shard.counters().opened.know(entrance.endpoint.dialect.name());
        let endpoint: Rc<dyn router::Endpoint> = match settings.transport {
            settings::Transport::WebSocket => Rc::new(WebSocket(entrance)),
            settings::Transport::Sse => Rc::new(EventStream { entrance, several: of(looks.last()) }),
            settings::Transport::Poll => {
                let form = wires.form(&Look::Rooms(framing(settings)));
                Rc::new(Poll::new(entrance, form, config.http.answer_timeout.get()))
            }
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
        settings::Transport::WebSocket | settings::Transport::Sse | settings::Transport::Poll => {
            Heartbeat { interval, timeout }
        }
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
    look: Option<&Look>,
) -> session::Endpoint {
    let message = settings.message.unwrap_or(config.limits.message).len();
    session::Endpoint {
        path: settings.location().path,
        dialect: wires.dialect(settings, look),
        framing: framing(settings),
        compression: wires.compression(settings),
        profile: identity.profile(&settings.auth),
        welcome: settings.greeting().to_owned(),
        auto_join: settings.first_rooms(),
        heartbeat: heartbeat(settings),
        idle_timeout: settings.idle_timeout.get(),
        broadcasts: settings.broadcasts,
        limits: Limits { message, fragments: config.limits.fragments },
        backlog: config.limits.backlog_per_session.len(),
        places: capacity.endpoint(&settings.location()),
        recent: capacity.recent(&settings.location()),
        unknown: Arc::clone(&capacity.unknown),
    }
}
